-- The user's relations with their size by relpages: nothing here can wait for a table's lock.
-- A table that was never analyzed has neither rows nor a size.
SELECT c.oid::int8,
       n.nspname::text,
       c.relname::text,
       CASE WHEN c.reltuples > 0 OR c.relpages > 0
                 OR c.reltuples = 0 AND current_setting('server_version_num')::int4 >= 140000
            THEN c.reltuples::int8 END,
       CASE WHEN c.reltuples > 0 OR c.relpages > 0
                 OR c.reltuples = 0 AND current_setting('server_version_num')::int4 >= 140000
            THEN c.relpages::int8 * current_setting('block_size')::int8 END,
       (c.relkind = 'p')::bool,
       coalesce((SELECT array_agg(i.relname::text ORDER BY i.relname)
                 FROM pg_catalog.pg_index x
                 JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
                 WHERE x.indrelid = c.oid), '{}')::text[],
       (SELECT dn.nspname FROM pg_catalog.pg_partitioned_table p
        JOIN pg_catalog.pg_class d ON d.oid = p.partdefid
        JOIN pg_catalog.pg_namespace dn ON dn.oid = d.relnamespace
        WHERE p.partrelid = c.oid)::text,
       (SELECT d.relname FROM pg_catalog.pg_partitioned_table p
        JOIN pg_catalog.pg_class d ON d.oid = p.partdefid
        WHERE p.partrelid = c.oid)::text,
       c.relkind::text,
       c.relispartition::bool,
       (c.relpersistence = 'u')::bool,
       -- What an expression, a condition or a check is made of.
       coalesce((SELECT array_agg(a.attname::text ORDER BY a.attnum)
                 FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0
                   AND (EXISTS (SELECT FROM pg_catalog.pg_index x
                                JOIN pg_catalog.pg_depend d
                                  ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = x.indexrelid
                                 AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = c.oid
                                 AND d.refobjsubid = a.attnum
                                WHERE x.indrelid = c.oid
                                  AND (x.indexprs IS NOT NULL OR x.indpred IS NOT NULL))
                        OR EXISTS (SELECT FROM pg_catalog.pg_constraint k
                                   WHERE k.conrelid = c.oid AND k.contype = 'c'
                                     AND a.attnum = ANY (k.conkey)))), '{}')::text[],
       -- Each column of an index that is one as it is, and the index.
       coalesce(i.names, '{}')::text[],
       coalesce(i.columns, '{}')::text[]
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
    SELECT array_agg(o.relname::text ORDER BY o.relname, k.at) AS names,
           array_agg(a.attname::text ORDER BY o.relname, k.at) AS columns
    FROM pg_catalog.pg_index x
    JOIN pg_catalog.pg_class o ON o.oid = x.indexrelid
    CROSS JOIN LATERAL unnest(x.indkey::int2[]) WITH ORDINALITY AS k (attnum, at)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
    -- What is only carried along is not compared.
    WHERE x.indrelid = c.oid AND k.at <= x.indnkeyatts
) i ON true
WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f')
  AND n.nspname <> 'information_schema'
  AND n.nspname !~ '^pg_'
