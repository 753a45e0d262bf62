-- The tables that hold rows themselves: oid, name, file, bytes, columns by name, relation, and
-- what each column is: one that was dropped and added again is another one.
SELECT c.oid::int8, (n.nspname || '.' || c.relname)::text,
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname),
       pg_catalog.pg_relation_filenode(c.oid)::int8, pg_catalog.pg_relation_size(c.oid)::int8,
       coalesce((SELECT array_agg(a.attname::text ORDER BY a.attname)
                 FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '{}')::text[],
       c.relname::text,
       coalesce((SELECT array_agg(concat_ws(' ', a.attnum, a.atttypid, a.atttypmod)
                                  ORDER BY a.attname)
                 FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '{}')::text[]
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND n.nspname <> 'lockkeeper_rehearsal'
