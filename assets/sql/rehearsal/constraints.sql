-- What refuses a row: foreign keys and checks, those of the columns' domains included, and the
-- bound of a partition, which has no name.
SELECT k.conrelid::int8, k.contype::text, k.conname::text, k.confrelid::int8,
       coalesce((SELECT array_agg(a.attname::text ORDER BY u.at)
                 FROM unnest(k.conkey) WITH ORDINALITY AS u (number, at)
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number),
                '{}')::text[],
       coalesce((SELECT array_agg(a.attname::text ORDER BY u.at)
                 FROM unnest(k.confkey) WITH ORDINALITY AS u (number, at)
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number),
                '{}')::text[],
       pg_catalog.pg_get_constraintdef(k.oid)::text
FROM pg_catalog.pg_constraint k
WHERE k.contype IN ('f', 'c') AND k.conrelid <> 0
UNION ALL
SELECT a.attrelid::int8, 'c', k.conname::text, 0, ARRAY[a.attname::text], '{}',
       pg_catalog.pg_get_constraintdef(k.oid)::text
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_attribute a ON a.atttypid = k.contypid AND NOT a.attisdropped
WHERE k.contype = 'c' AND k.contypid <> 0
UNION ALL
SELECT c.oid::int8, 'c', '', 0,
       coalesce((SELECT array_agg(a.attname::text ORDER BY u.at)
                 FROM unnest(p.partattrs::int2[]) WITH ORDINALITY AS u (number, at)
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = u.number),
                '{}')::text[],
       '{}', coalesce(pg_catalog.pg_get_expr(c.relpartbound, c.oid), '')::text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid
JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = i.inhparent
WHERE c.relispartition AND c.relkind = 'r'
