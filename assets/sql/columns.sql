-- The columns of the user's relations. On 18 a NOT NULL that is NOT VALID sets attnotnull, and is
-- no proof of the rows that are there.
SELECT a.attrelid::int8,
       a.attname::text,
       pg_catalog.format_type(a.atttypid, a.atttypmod)::text,
       (a.attnotnull AND NOT EXISTS (
           SELECT FROM pg_catalog.pg_constraint k
           WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND NOT k.convalidated
             AND a.attnum = ANY (k.conkey)))::bool,
       (SELECT l.collname
        FROM pg_catalog.pg_collation l
        JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
        WHERE l.oid = a.attcollation AND a.attcollation <> t.typcollation)::text
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f')
  AND n.nspname <> 'information_schema'
  AND n.nspname !~ '^pg_'
  AND a.attnum > 0
  AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
