-- Facts that move slowly or cost more; one row each. No function here opens a user's table.
with tables as (
  select (n.nspname || '.' || c.relname)::text as name, c.oid,
         pg_stat_get_tuples_inserted(c.oid)::text as inserted,
         pg_stat_get_live_tuples(c.oid)::int8 as live,
         (pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid)
          + pg_stat_get_tuples_deleted(c.oid))::int8 as written
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')
    and n.nspname !~ '^pg_(toast|temp)'
  order by written desc, live desc
  limit 2000)
select 1::int4 as tag, {database_size}::int8 as n1, null::int8 as n2,
       null::text as s1, null::text as s2, null::bool as b1
union all
select 2::int4, pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
                                     else pg_current_wal_lsn() end, s.restart_lsn)::int8,
       greatest(age(s.xmin), age(s.catalog_xmin))::int8, s.slot_name::text, s.wal_status::text,
       s.active::bool
from pg_replication_slots s
union all
select 3::int4, a.failed_count::int8, null, a.last_failed_wal::text, null,
       (a.last_failed_time > coalesce(a.last_archived_time, '-infinity'))::bool
from pg_stat_archiver a
union all
select 4::int4, i.indexrelid::int8, null, (n.nspname || '.' || c.relname)::text,
       (tn.nspname || '.' || t.relname)::text, i.indisready::bool
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_class t on t.oid = i.indrelid
join pg_namespace tn on tn.oid = t.relnamespace
where not i.indisvalid and c.relkind = 'i'
  and not exists (select from pg_stat_progress_create_index p
                  where p.index_relid = i.indexrelid
                     or exists (select from pg_locks l
                                where l.pid = p.pid and l.locktype = 'relation' and l.granted
                                  and l.relation in (i.indrelid, i.indexrelid)))
union all
select 5::int4, age(d.datfrozenxid)::int8, current_setting('autovacuum_freeze_max_age')::int8,
       d.datname::text, null, null
from (select datname, datfrozenxid from pg_database order by age(datfrozenxid) desc limit 1) d
union all
select 6::int4, live, written, name, inserted, null from tables
union all
select 7::int4, pg_stat_get_tuples_deleted(oid)::int8,
       (extract(epoch from greatest(pg_stat_get_last_vacuum_time(oid),
                                    pg_stat_get_last_autovacuum_time(oid),
                                    pg_stat_get_last_analyze_time(oid),
                                    pg_stat_get_last_autoanalyze_time(oid))) * 1000000)::int8,
       name, oid::text, null
from tables
