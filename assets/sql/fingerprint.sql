-- Every part of the user's schema with a hash of its raw catalog row, in one snapshot. Nothing
-- here asks for a table's lock: expressions stay the node trees that the catalog holds, and
-- what VACUUM and ANALYZE move (sizes, relhas…, indcheckxmin) is left out.
WITH spaces AS MATERIALIZED (
    SELECT n.oid, n.nspname::text AS name, n.nspowner, n.nspacl
    FROM pg_catalog.pg_namespace n
    WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
),
relations AS MATERIALIZED (
    SELECT c.oid, s.name AS space, c.relname::text AS name, c.relkind, c
    FROM pg_catalog.pg_class c
    JOIN spaces s ON s.oid = c.relnamespace
),
parts (kind, space, owner, name, content) AS (
    SELECT 'schema', s.name, '', '', ROW(s.nspowner, s.nspacl)::text
    FROM spaces s
    UNION ALL
    SELECT CASE r.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                          WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'composite type'
                          WHEN 'f' THEN 'foreign table' ELSE 'table' END,
           r.space, r.name, '',
           ROW((r.c).relkind, (r.c).relowner, (r.c).relam, (r.c).reltablespace,
               (r.c).relpersistence, (r.c).relrowsecurity, (r.c).relforcerowsecurity,
               (r.c).relreplident, (r.c).relispartition, (r.c).relacl, (r.c).reloptions,
               (r.c).relpartbound,
               (SELECT string_agg(ROW(a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull,
                                      a.attidentity, a.attgenerated, a.attcollation, a.attstorage,
                                      a.attstattarget,
                                      a.attacl, a.attoptions, d.adbin)::text, ',' ORDER BY a.attnum)
                FROM pg_catalog.pg_attribute a
                LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped),
               (SELECT string_agg(i::text, ',' ORDER BY i.inhseqno)
                FROM pg_catalog.pg_inherits i WHERE i.inhrelid = r.oid),
               (SELECT q::text FROM pg_catalog.pg_sequence q WHERE q.seqrelid = r.oid))::text
    FROM relations r
    WHERE r.relkind IN ('r', 'p', 'v', 'm', 'S', 'c', 'f')
    UNION ALL
    SELECT CASE WHEN x.indisvalid THEN 'index' ELSE 'INVALID index' END,
           t.space, t.name, i.name,
           ROW((i.c).relam, (i.c).reltablespace, (i.c).reloptions, x.indisunique, x.indisprimary,
               x.indisexclusion, x.indimmediate, x.indisclustered, x.indisvalid, x.indisready,
               x.indislive, x.indisreplident, x.indkey, x.indcollation, x.indclass, x.indoption,
               x.indexprs, x.indpred)::text
    FROM pg_catalog.pg_index x
    JOIN relations t ON t.oid = x.indrelid
    JOIN relations i ON i.oid = x.indexrelid
    UNION ALL
    SELECT 'constraint', s.name, coalesce(r.name, t.typname::text, ''), k.conname::text, k::text
    FROM pg_catalog.pg_constraint k
    JOIN spaces s ON s.oid = k.connamespace
    LEFT JOIN relations r ON r.oid = k.conrelid
    LEFT JOIN pg_catalog.pg_type t ON t.oid = k.contypid
    UNION ALL
    SELECT 'trigger', r.space, r.name, g.tgname::text, g::text
    FROM pg_catalog.pg_trigger g
    JOIN relations r ON r.oid = g.tgrelid
    WHERE NOT g.tgisinternal
    UNION ALL
    SELECT 'rule', r.space, r.name, w.rulename::text, w::text
    FROM pg_catalog.pg_rewrite w
    JOIN relations r ON r.oid = w.ev_class
    UNION ALL
    SELECT 'policy', r.space, r.name, p.polname::text, p::text
    FROM pg_catalog.pg_policy p
    JOIN relations r ON r.oid = p.polrelid
    UNION ALL
    SELECT 'function', s.name, '',
           p.proname || '(' || pg_catalog.oidvectortypes(p.proargtypes) || ')', p::text
    FROM pg_catalog.pg_proc p
    JOIN spaces s ON s.oid = p.pronamespace
    UNION ALL
    SELECT 'type', s.name, '', t.typname::text,
           ROW(t.typowner, t.typtype, t.typbasetype, t.typtypmod, t.typnotnull, t.typdefaultbin,
               t.typdefault, t.typcollation, t.typacl,
               (SELECT string_agg(e::text, ',' ORDER BY e.enumsortorder)
                FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid))::text
    FROM pg_catalog.pg_type t
    JOIN spaces s ON s.oid = t.typnamespace
    WHERE t.typtype IN ('d', 'e', 'r')
    UNION ALL
    SELECT 'statistics', s.name, '', x.stxname::text,
           ROW(x.stxrelid, x.stxowner, x.stxkeys, x.stxkind)::text
    FROM pg_catalog.pg_statistic_ext x
    JOIN spaces s ON s.oid = x.stxnamespace
    UNION ALL
    SELECT 'extension', e.extname::text, '', '', e::text
    FROM pg_catalog.pg_extension e
    UNION ALL
    SELECT 'event trigger', v.evtname::text, '', '', v::text
    FROM pg_catalog.pg_event_trigger v
)
SELECT kind::text, space::text, owner::text, name::text,
       pg_catalog.hashtextextended(content, 0)::text
FROM parts
