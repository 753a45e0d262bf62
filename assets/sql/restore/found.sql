-- What restores have left: by our mark in the comment, or by the name that we give, with its
-- stamp (the restore was cut off before the mark).
SELECT d.datname::text, d.oid::int8, c.comment::text
FROM pg_catalog.pg_database d
CROSS JOIN LATERAL (SELECT pg_catalog.shobj_description(d.oid, 'pg_database')) c (comment)
WHERE starts_with(c.comment, 'lockkeeper restore ')
   OR (starts_with(d.datname, $1::text || '_restore_')
       AND substr(d.datname, length($1::text || '_restore_') + 1) ~ '^\d{8}t\d{6}(_\d+)?$')
ORDER BY d.datname DESC
