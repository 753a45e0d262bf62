-- The tables whose rows pg_dump writes: those that hold rows themselves (partitions, not what
-- they are partitions of), without those of an extension. Their size is an estimate that
-- waits for nobody's lock.
SELECT n.nspname::text,
       c.relname::text,
       format('%I.%I', n.nspname, c.relname)::text,
       greatest(c.relpages, 1)::int8
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
