-- The user's schema in outline, comparable between servers: names, types, keys and what is
-- valid, without an oid and without asking for any table's lock. The text of defaults, checks,
-- views and functions is left out, but for the functions' source: deparsing it may wait.
WITH spaces AS MATERIALIZED (
    SELECT n.oid, n.nspname::text AS name
    FROM pg_catalog.pg_namespace n
    WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND n.nspname <> 'lockkeeper_rehearsal'
),
brought AS MATERIALIZED (
    SELECT d.classid, d.objid FROM pg_catalog.pg_depend d WHERE d.deptype = 'e'
),
relations AS MATERIALIZED (
    SELECT c.oid, s.name AS space, c.relname::text AS name, c.relkind::text AS kind, c.relpersistence
    FROM pg_catalog.pg_class c
    JOIN spaces s ON s.oid = c.relnamespace
    WHERE NOT EXISTS (SELECT FROM brought b
                      WHERE b.classid = 'pg_catalog.pg_class'::regclass AND b.objid = c.oid)
),
parts (kind, space, owner, name, content) AS (
    SELECT 'schema', s.name, '', '', '' FROM spaces s
    UNION ALL
    SELECT 'table', r.space, r.name, '', r.kind || ' ' || r.relpersistence::text
    FROM relations r
    WHERE r.kind IN ('r', 'p', 'v', 'm', 'S', 'c', 'f')
    UNION ALL
    SELECT 'column', r.space, r.name, a.attname::text,
           concat_ws(' ', pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
                     a.atthasdef, a.attidentity, a.attgenerated)
    FROM relations r
    JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE r.kind IN ('r', 'p', 'v', 'm', 'c', 'f')
    UNION ALL
    SELECT 'index', t.space, t.name, i.name,
           concat_ws(' ', x.indisunique, x.indisprimary, x.indisvalid,
               (SELECT string_agg(coalesce(a.attname::text, '?'), ',' ORDER BY k.at)
                FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k (number, at)
                LEFT JOIN pg_catalog.pg_attribute a
                  ON a.attrelid = x.indrelid AND a.attnum = k.number AND k.number <> 0),
               x.indpred IS NOT NULL)
    FROM pg_catalog.pg_index x
    JOIN relations t ON t.oid = x.indrelid
    JOIN relations i ON i.oid = x.indexrelid
    UNION ALL
    SELECT 'constraint', s.name, coalesce(r.name, t.typname::text, ''), k.conname::text,
           concat_ws(' ', k.contype, k.convalidated, k.confrelid::regclass::text,
               (SELECT string_agg(a.attname::text, ',' ORDER BY a.attname)
                FROM pg_catalog.pg_attribute a
                WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)))
    FROM pg_catalog.pg_constraint k
    JOIN spaces s ON s.oid = k.connamespace
    LEFT JOIN relations r ON r.oid = k.conrelid
    LEFT JOIN pg_catalog.pg_type t ON t.oid = k.contypid
    WHERE k.contype <> 'n' AND (k.conrelid = 0 OR r.oid IS NOT NULL)
    UNION ALL
    SELECT 'trigger', r.space, r.name, g.tgname::text, g.tgenabled::text || g.tgtype
    FROM pg_catalog.pg_trigger g
    JOIN relations r ON r.oid = g.tgrelid
    WHERE NOT g.tgisinternal
    UNION ALL
    SELECT 'function', s.name, '',
           p.proname || '(' || pg_catalog.oidvectortypes(p.proargtypes) || ')', p.prosrc
    FROM pg_catalog.pg_proc p
    JOIN spaces s ON s.oid = p.pronamespace
    WHERE NOT EXISTS (SELECT FROM brought b
                      WHERE b.classid = 'pg_catalog.pg_proc'::regclass AND b.objid = p.oid)
    UNION ALL
    SELECT 'type', s.name, '', t.typname::text,
           concat_ws(' ', t.typtype, (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder)
                                      FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid))
    FROM pg_catalog.pg_type t
    JOIN spaces s ON s.oid = t.typnamespace
    WHERE t.typtype IN ('d', 'e', 'r')
      AND NOT EXISTS (SELECT FROM brought b
                      WHERE b.classid = 'pg_catalog.pg_type'::regclass AND b.objid = t.oid)
)
SELECT kind::text, space::text, owner::text, name::text, coalesce(content, '')::text
FROM parts
