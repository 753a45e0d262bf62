-- The checks of the user's relations. Their text would wait for a table's lock
-- (pg_get_constraintdef), the stored tree of nodes does not; its first column is named beside it.
SELECT k.conrelid::int8,
       k.conname::text,
       k.convalidated::bool,
       k.conbin::text,
       coalesce((SELECT array_agg(a.attnum::int4 ORDER BY a.attnum)
                 FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)), '{}')::int4[],
       coalesce((SELECT array_agg(a.attname::text ORDER BY a.attnum)
                 FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)), '{}')::text[]
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'c'
  AND n.nspname <> 'information_schema'
  AND n.nspname !~ '^pg_'
