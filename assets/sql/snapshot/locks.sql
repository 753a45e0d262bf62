(
-- Only what somebody waits for, and a little more: `about` is one number that equal
-- objects share. Comparing all ten columns costs more than the few rows too many, which
-- the client leaves out.
with l as materialized (
    select locktype, database, relation, page, tuple, virtualxid, transactionid, classid,
           objid, objsubid, virtualtransaction, pid, mode, granted, {waitstart} as waitstart,
           coalesce(relation::int8 + (coalesce(tuple, 0)::int8 << 32), objid::int8,
                    transactionid::text::int8, 0) as about
    from pg_locks
    where mode <> 'SIReadLock'
)
select 2::int4,
       l.pid::int8, l.database::int8, l.relation::int8, l.page::int8, l.tuple::int8,
       l.classid::int8, l.objid::int8, l.objsubid::int8, l.transactionid::text::int8,
       -- A prepared transaction keeps the virtual id of its session; its own
       -- transaction's lock says which one it is.
       own.transactionid,
       l.locktype::text, l.mode::text, l.virtualxid::text,
       null::text, null::text, null::text, null::text, null::text,
       l.granted::bool, null::bool,
       l.waitstart::timestamptz, null::timestamptz, null::timestamptz, null::timestamptz
from l
left join (
    select p.virtualtransaction, min(p.transactionid::text::int8)::int8 as transactionid
    from l p
    where p.pid is null and p.locktype = 'transactionid' and p.granted
    group by p.virtualtransaction
) own on l.pid is null and own.virtualtransaction = l.virtualtransaction
where (l.about in (select about from l where not granted)
       and (l.virtualxid is null or l.virtualxid in (select virtualxid from l where not granted)))
   or (l.locktype = 'tuple' and l.granted)
   -- Who names relations would wait behind these: pg_class and pg_namespace.
   or (l.mode = 'AccessExclusiveLock' and l.locktype = 'relation' and l.relation in (1259, 2615))
)
