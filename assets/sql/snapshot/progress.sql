select 4::int4,
       p.pid::int8, p.done::int8, p.total::int8, p.waiting_for::int8, p.relid::int8, p.datid::int8,
       null::int8, null::int8, null::int8, null::int8,
       p.command::text, p.phase::text,
       null::text, null::text, null::text, null::text, null::text, null::text,
       null::bool, null::bool,
       null::timestamptz, null::timestamptz, null::timestamptz, null::timestamptz
from (
    select pid, 'VACUUM' as command, phase,
           case phase when 'scanning heap' then heap_blks_scanned
                      when 'vacuuming heap' then heap_blks_vacuumed
                      when 'vacuuming indexes' then {indexes_processed}
                      when 'cleaning up indexes' then {indexes_processed} else 0 end as done,
           case when phase in ('scanning heap', 'vacuuming heap') then heap_blks_total
                when phase in ('vacuuming indexes', 'cleaning up indexes') then {indexes_total}
                else 0 end as total,
           null::int4 as waiting_for, relid, datid
    from pg_stat_progress_vacuum
    union all
    select pid, command, phase,
           case phase when 'seq scanning heap' then heap_blks_scanned
                      when 'index scanning heap' then heap_tuples_scanned
                      when 'writing new heap' then heap_tuples_written
                      when 'rebuilding index' then index_rebuild_count else 0 end,
           case phase when 'seq scanning heap' then heap_blks_total
                      when 'writing new heap' then heap_tuples_scanned else 0 end,
           null, relid, datid
    from pg_stat_progress_cluster
    union all
    select pid, command, phase,
           case when phase like 'waiting%' then lockers_done
                when phase like '%tuples%' then tuples_done
                when blocks_total > 0 then blocks_done else tuples_done end,
           case when phase like 'waiting%' then lockers_total
                when phase like '%tuples%' then tuples_total
                when blocks_total > 0 then blocks_total else tuples_total end,
           nullif(current_locker_pid, 0)::int4, relid, datid
    from pg_stat_progress_create_index
    union all
    select pid, 'ANALYZE', phase,
           case when phase like '%sample rows' then sample_blks_scanned
                when phase like '%extended%' then ext_stats_computed else 0 end,
           case when phase like '%sample rows' then sample_blks_total
                when phase like '%extended%' then ext_stats_total else 0 end,
           null, relid, datid
    from pg_stat_progress_analyze
    union all
    select pid, 'BASE BACKUP', phase, backup_streamed, coalesce(backup_total, 0),
           null, null::oid, null::oid
    from pg_stat_progress_basebackup
    {copy}
) p
