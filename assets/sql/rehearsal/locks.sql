-- Who holds what in this database now, for what no event trigger tells of: CONCURRENTLY, DML.
SELECT extract(epoch FROM clock_timestamp())::float8, l.pid::int4,
       (n.nspname || '.' || c.relname)::text, l.mode::text
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_class c ON c.oid = l.relation
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  -- Decided once and first: until the tool has come, nobody but ourselves is connected.
  AND (SELECT pg_catalog.pg_stat_get_db_numbackends(d.oid)
       FROM pg_catalog.pg_database d WHERE d.datname = current_database()) > 1
  -- A server that others use has sessions beside the tool's: autovacuum's.
  AND ($1::text IS NULL
       OR l.pid IN (SELECT a.pid FROM pg_catalog.pg_stat_activity a WHERE a.application_name = $1))
  AND c.relkind IN ('r', 'p', 'm', 'v', 'f')
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
