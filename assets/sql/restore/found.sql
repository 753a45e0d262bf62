-- What restores have left: by our mark in the comment, or by the name that we give, with its
-- stamp (the restore was cut off before the mark; of a long name only its beginning is there);
-- whether one is being loaded: its restore holds the lock of that name; and whether an interrupted
-- DROP DATABASE has left it (DATCONNLIMIT_INVALID_DB of 13.12, 14.9, 15.4, 16 and later).
SELECT d.datname::text, d.oid::int8, c.comment::text,
       EXISTS (SELECT FROM pg_catalog.pg_locks l
                WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
                  AND l.classid = $2::int8::oid
                  AND l.objid = (('x' || encode(substr(sha256(convert_to(d.datname::text, 'UTF8')), 1, 4),
                                                'hex'))::bit(32)::int8)::oid),
       d.datconnlimit = -2
FROM pg_catalog.pg_database d
CROSS JOIN LATERAL (SELECT pg_catalog.shobj_description(d.oid, 'pg_database')) c (comment)
CROSS JOIN LATERAL (SELECT regexp_replace(d.datname::text, '_restore_\d{8}t\d{6}(_\d+)?$', '')) b (base)
WHERE starts_with(c.comment, 'lockkeeper restore ')
   OR (b.base <> d.datname AND starts_with($1::text, b.base)
       AND (b.base = $1::text OR octet_length(d.datname::text) >= 60))
ORDER BY d.datname DESC
