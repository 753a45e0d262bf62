select 3::int4,
       p.transaction::text::int8, age(p.transaction)::int8,
       null::int8, null::int8, null::int8, null::int8, null::int8, null::int8, null::int8, null::int8,
       p.gid::text, p.owner::text, p.database::text,
       null::text, null::text, null::text, null::text, null::text,
       null::bool, null::bool,
       p.prepared::timestamptz, null::timestamptz, null::timestamptz, null::timestamptz
from pg_prepared_xacts p
