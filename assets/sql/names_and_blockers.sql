-- What the first statement left open: names of relations by OID, and the server's own
-- word on some waiters. Only pg_class and pg_namespace are read, never a user's table.
select 1::int4 as tag, c.oid::int8 as id, (n.nspname || '.' || c.relname)::text as name,
       null::int4[] as blockers
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.oid = any ($1::int8[]::oid[])
union all
select 2::int4, p.pid::int8, null::text, pg_blocking_pids(p.pid)
from unnest($2::int4[]) as p(pid)
