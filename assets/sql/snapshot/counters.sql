select 5::int4,
       (pg_stat_get_db_xact_commit(d.oid) + pg_stat_get_db_xact_rollback(d.oid))::int8,
       pg_stat_get_db_xact_rollback(d.oid)::int8,
       pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
                            else pg_current_wal_lsn() end, '0/0')::int8,
       current_setting('max_connections')::int8,
       null::int8, null::int8, null::int8, null::int8, null::int8, null::int8,
       null::text, null::text, null::text, null::text, null::text, null::text, null::text, null::text,
       pg_is_in_recovery(), null::bool,
       clock_timestamp(), null::timestamptz, null::timestamptz, null::timestamptz
from pg_database d where d.datname = current_database()
