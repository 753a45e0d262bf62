select exists (select from pg_attribute
               where attrelid = 'pg_catalog.pg_locks'::regclass
                 and attname = 'waitstart' and not attisdropped) as waitstart,
       exists (select from pg_attribute
               where attrelid = 'pg_catalog.pg_stat_progress_vacuum'::regclass
                 and attname = 'indexes_total' and not attisdropped) as vacuum_indexes,
       to_regclass('pg_catalog.pg_stat_progress_copy') is not null as copy,
       exists (select from pg_roles
               where rolname = 'pg_signal_autovacuum_worker') as signals_autovacuum,
       pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') as sees_all,
       has_function_privilege('pg_database_size(oid)', 'EXECUTE')
           and (has_database_privilege(current_database(), 'CONNECT')
                or pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')) as database_size,
       (select oid::int8 from pg_database where datname = current_database()) as database_oid
