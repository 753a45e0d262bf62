-- The tables whose rows pg_dump writes: those that hold rows themselves (partitions, not what
-- they are partitions of), without those of an extension. Their size is an estimate that
-- waits for nobody's lock. Their columns are those that a dump holds, by name.
SELECT n.nspname::text,
       c.relname::text,
       format('%I.%I', n.nspname, c.relname)::text,
       greatest(c.relpages, 1)::int8,
       coalesce((SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attname::text COLLATE "C")
                 FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                   AND a.attgenerated = ''), '')::text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r'
  AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema'
  AND n.nspname !~ '^pg_'
  AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_class'::regclass
          AND d.objid = c.oid
          AND d.deptype = 'e')
ORDER BY 1, 2
