-- The foreign keys of the user's relations.
SELECT k.conrelid::int8,
       k.conname::text,
       coalesce((SELECT array_agg(a.attname::text ORDER BY array_position(k.conkey, a.attnum))
                 FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)), '{}')::text[],
       n.nspname::text,
       c.relname::text,
       coalesce((SELECT array_agg(a.attname::text ORDER BY array_position(k.confkey, a.attnum))
                 FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey)), '{}')::text[],
       k.convalidated::bool
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.confrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f'
