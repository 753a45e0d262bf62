select 1::int4 as tag,
       a.pid::int8, a.leader_pid::int8, age(a.backend_xmin)::int8,
       null::int8, null::int8, null::int8, null::int8, null::int8, null::int8, null::int8,
       a.backend_type::text, a.datname::text, a.usename::text, a.application_name::text,
       coalesce(host(a.client_addr), case when a.client_port = -1 then 'local' end)::text,
       a.state::text, (a.wait_event_type || ':' || a.wait_event)::text,
       left(a.query, 200)::text,
       (a.backend_xid is not null)::bool,
       -- The rules of pg_signal_backend() in storage/ipc/signalfuncs.c.
       coalesce(case
           when a.backend_type in ('checkpointer', 'background writer', 'walwriter', 'archiver',
                'startup', 'walreceiver', 'walsummarizer', 'io worker', 'logger') then false
           when me.super then true
           when owner.oid is null or owner.rolsuper
                then a.backend_type = 'autovacuum worker' and me.signals_autovacuum
           else me.signals or pg_has_role(owner.oid, 'USAGE')
       end, false)::bool,
       a.backend_start::timestamptz, a.xact_start::timestamptz, a.query_start::timestamptz,
       a.state_change::timestamptz
from pg_stat_activity a
left join pg_roles owner on owner.oid = a.usesysid
cross join (
    select r.rolsuper as super,
           pg_has_role(r.oid, 'pg_signal_backend', 'USAGE') as signals,
           {signals_autovacuum} as signals_autovacuum
    from pg_roles r where r.rolname = current_user
) me
