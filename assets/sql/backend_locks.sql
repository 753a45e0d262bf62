-- The locks of one backend; relation names only from its own database's catalog.
SELECT l.granted::bool,
       l.mode::text,
       coalesce(n.nspname || '.' || c.relname,
                CASE WHEN l.relation IS NOT NULL THEN 'relation ' || l.relation || ' of another database' END,
                CASE WHEN l.transactionid IS NOT NULL THEN 'transaction ' || l.transactionid END,
                CASE WHEN l.virtualxid IS NOT NULL THEN 'virtual transaction ' || l.virtualxid END,
                CASE WHEN l.locktype = 'advisory'
                     THEN 'advisory ' || l.classid || ', ' || l.objid END,
                l.locktype)::text
FROM pg_catalog.pg_locks l
LEFT JOIN pg_catalog.pg_class c
       ON c.oid = l.relation
      AND l.database IN (0, (SELECT d.oid FROM pg_catalog.pg_database d
                             WHERE d.datname = current_database()))
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE l.pid = $1
ORDER BY l.granted, l.mode = 'AccessShareLock', l.mode DESC
LIMIT 200
