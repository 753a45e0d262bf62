-- Not pg_stat_replication: that view reads every session once more for the senders' names.
select 6::int4,
       r.pid::int8,
       pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_receive_lsn()
                            else pg_current_wal_lsn() end, r.replay_lsn)::int8,
       null::int8, null::int8, null::int8, null::int8, null::int8, null::int8, null::int8, null::int8,
       r.state::text, r.sync_state::text,
       null::text, null::text, null::text, null::text, null::text, null::text,
       null::bool, null::bool,
       null::timestamptz, null::timestamptz, null::timestamptz, null::timestamptz
from pg_stat_get_wal_senders() r
