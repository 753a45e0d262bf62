-- What speaks against a restore, from the maintenance database: shared catalogs and statistics.
WITH others AS (
    SELECT a.usesysid
    FROM pg_catalog.pg_stat_activity a
    WHERE a.datid = $1::int8::oid
      -- Of others' sessions the kind is hidden from a role without pg_read_all_stats; what the
      -- server runs by itself is in no role's name.
      AND coalesce(a.backend_type, 'client backend') = 'client backend'
      AND a.usesysid IS NOT NULL
      AND a.pid <> pg_backend_pid()
      AND NOT starts_with(a.application_name, 'lockkeeper/')
)
SELECT current_user::text,
       (r.rolcreatedb OR r.rolsuper)::bool,
       pg_catalog.pg_has_role(current_user, d.datdba, 'USAGE')::bool,
       (pg_catalog.pg_has_role(current_user, 'pg_signal_backend', 'USAGE'))::bool,
       r.rolsuper::bool,
       pg_catalog.pg_get_userbyid(d.datdba)::text,
       (SELECT count(*)::int4 FROM others),
       (SELECT count(*)::int4 FROM others o
         JOIN pg_catalog.pg_roles s ON s.oid = o.usesysid WHERE s.rolsuper),
       ARRAY(SELECT coalesce(nullif(a.application_name, ''), host(a.client_addr), 'a replica')::text
               FROM pg_catalog.pg_stat_replication a
              WHERE a.application_name <> 'pg_basebackup'
                -- pg_receivewal keeps WAL and replays none: nobody can read there. Where the
                -- state is hidden from us, it counts.
                AND (a.state IS DISTINCT FROM 'streaming' OR a.replay_lsn IS NOT NULL)
              ORDER BY 1),
       ARRAY(SELECT s.slot_name::text FROM pg_catalog.pg_replication_slots s
              WHERE s.database = d.datname ORDER BY 1),
       ARRAY(SELECT s.subname::text FROM pg_catalog.pg_subscription s
              WHERE s.subdbid = d.oid ORDER BY 1),
       ARRAY(SELECT p.gid::text FROM pg_catalog.pg_prepared_xacts p
              WHERE p.database = d.datname ORDER BY 1),
       (SELECT m.rolname::text FROM pg_catalog.pg_roles m
         WHERE m.rolname IN ('rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin') LIMIT 1),
       -- From a role without pg_read_all_settings it is hidden, by an error.
       CASE WHEN t.spcname = 'pg_default'
             AND pg_catalog.pg_has_role(current_user, 'pg_read_all_settings', 'USAGE')
            THEN current_setting('data_directory', true) END::text,
       (SELECT s.system_identifier::text FROM pg_catalog.pg_control_system() s)
FROM pg_catalog.pg_database d
JOIN pg_catalog.pg_roles r ON r.rolname = current_user
JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace
WHERE d.oid = $1::int8::oid
