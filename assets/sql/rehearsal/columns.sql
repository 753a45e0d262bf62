-- What a row of each table has to be made of. One line per column.
SELECT c.oid::int8, n.nspname::text, c.relname::text, a.attname::text, a.attnum::int2,
       bt.typname::text, pg_catalog.format_type(a.atttypid, a.atttypmod)::text,
       (b.typcategory = 'A' AND b.typelem <> 0)::bool, (b.typtype IN ('r', 'm'))::bool,
       coalesce((SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
                 FROM pg_catalog.pg_enum e WHERE e.enumtypid = b.oid), '{}')::text[],
       (CASE WHEN b.typname IN ('varchar', 'bpchar') AND m.typmod > 4 THEN m.typmod - 4
             WHEN b.typname IN ('bit', 'varbit') AND m.typmod > 0 THEN m.typmod END)::int4,
       (CASE WHEN b.typname = 'numeric' AND m.typmod > 4 THEN ((m.typmod - 4) >> 16) & 65535 END)::int4,
       (CASE WHEN b.typname = 'numeric' AND m.typmod > 4 THEN (m.typmod - 4) & 2047 END)::int4,
       (a.attnotnull OR t.typnotnull)::bool, a.atthasdef::bool,
       (a.attidentity <> '' OR coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') ~ '^nextval\(')::bool,
       (a.attgenerated <> '')::bool,
       EXISTS (SELECT FROM pg_catalog.pg_index x
               WHERE x.indrelid = c.oid AND x.indisunique AND a.attnum = ANY (x.indkey::int2[]))::bool,
       EXISTS (SELECT FROM pg_catalog.pg_index x
               WHERE x.indrelid = c.oid AND x.indisprimary AND a.attnum = ANY (x.indkey::int2[]))::bool,
       c.relispartition::bool
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
JOIN pg_catalog.pg_type bt ON bt.oid = b.oid
CROSS JOIN LATERAL (SELECT CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END) m (typmod)
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE (c.relkind = 'r' OR (c.relkind = 'p' AND NOT c.relispartition))
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND n.nspname <> 'lockkeeper_rehearsal'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend x
                  WHERE x.classid = 'pg_catalog.pg_class'::regclass AND x.objid = c.oid
                    AND x.deptype = 'e')
ORDER BY c.oid, a.attnum
