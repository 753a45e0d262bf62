-- Who holds or awaits ACCESS EXCLUSIVE on a table of this database: none of it waits for them.
SELECT l.pid::int4,
       l.mode::text,
       l.granted::bool,
       n.nspname::text,
       c.relname::text,
       coalesce(a.application_name, '')::text,
       a.usename::text,
       a.state::text,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8,
       l.virtualtransaction::text
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p')
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation'
  AND l.mode = 'AccessExclusiveLock'
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
  AND l.pid IS DISTINCT FROM pg_backend_pid()
ORDER BY a.xact_start NULLS LAST, l.pid
