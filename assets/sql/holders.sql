-- Who holds or awaits a lock on the relations named by $1: none of it waits for them.
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
JOIN pg_catalog.pg_class c ON c.oid = l.relation
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation'
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
  AND (c.relname = ANY ($1) OR (n.nspname || '.' || c.relname) = ANY ($1))
  AND l.pid IS DISTINCT FROM pg_backend_pid()
ORDER BY a.xact_start NULLS LAST, l.pid
