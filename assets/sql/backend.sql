-- The whole query of one backend.
SELECT coalesce(a.query, '')::text
FROM pg_catalog.pg_stat_activity a
WHERE a.pid = $1 AND a.backend_start IS NOT DISTINCT FROM $2
