-- Which views are made of which relations, and of which of their columns.
SELECT r.ev_class::int8,
       n.nspname::text,
       c.relname::text,
       coalesce(array_agg(DISTINCT a.attname::text) FILTER (WHERE a.attname IS NOT NULL),
                '{}')::text[]
FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
JOIN pg_catalog.pg_class c ON c.oid = d.refobjid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
                                   AND d.refobjsubid > 0
WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass
  AND d.refclassid = 'pg_catalog.pg_class'::regclass
  AND r.ev_class <> c.oid
  AND n.nspname <> 'information_schema'
  AND n.nspname !~ '^pg_'
GROUP BY 1, 2, 3
