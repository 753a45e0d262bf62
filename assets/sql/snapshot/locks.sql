(
with l as materialized (
    select locktype::text as locktype, coalesce(database, 0) as database,
           coalesce(relation, 0) as relation, coalesce(page, -1) as page,
           coalesce(tuple, -1) as tuple, coalesce(virtualxid, '') as virtualxid,
           coalesce(transactionid, '0'::xid) as transactionid, coalesce(classid, 0) as classid,
           coalesce(objid, 0) as objid, coalesce(objsubid, -1) as objsubid,
           virtualtransaction, pid, mode, granted, {waitstart} as waitstart,
           database is null as nowhere
    from pg_locks
    where mode <> 'SIReadLock'
), waited as (
    select distinct locktype, database, relation, page, tuple, virtualxid, transactionid,
           classid, objid, objsubid
    from l where not granted
)
select 2::int4,
       l.pid::int8, case when not l.nowhere then l.database::int8 end, nullif(l.relation, 0)::int8,
       nullif(l.page, -1)::int8, nullif(l.tuple, -1)::int8,
       nullif(l.classid, 0)::int8, l.objid::int8, nullif(l.objsubid, -1)::int8,
       nullif(l.transactionid::text::int8, 0),
       -- A prepared transaction keeps the virtual id of its session; its own
       -- transaction's lock says which one it is.
       own.transactionid::text::int8,
       l.locktype, l.mode::text, nullif(l.virtualxid, ''),
       null::text, null::text, null::text, null::text, null::text,
       l.granted::bool, null::bool,
       l.waitstart::timestamptz, null::timestamptz, null::timestamptz, null::timestamptz
from l
left join waited w using (locktype, database, relation, page, tuple, virtualxid, transactionid,
                          classid, objid, objsubid)
left join (
    select p.virtualtransaction, min(p.transactionid::text::int8)::text::xid as transactionid
    from l p
    where p.pid is null and p.locktype = 'transactionid' and p.granted
    group by p.virtualtransaction
) own on l.pid is null and own.virtualtransaction = l.virtualtransaction
where w.locktype is not null or (l.locktype = 'tuple' and l.granted)
)
