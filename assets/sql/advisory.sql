-- The advisory locks of one 64-bit key that others hold in this database; our own sessions
-- do not count.
SELECT (l.classid::int8 << 32) | l.objid::int8 AS key,
       l.pid,
       coalesce(a.application_name, '') AS application,
       current_database()::text AS database,
       current_schema()::text AS schema
FROM pg_catalog.pg_locks l
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  AND l.pid <> pg_backend_pid()
  AND coalesce(a.application_name, '') NOT LIKE 'lockkeeper/%'
ORDER BY l.pid, 1
