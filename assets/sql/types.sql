-- The user's domains with what is under them, and enums.
SELECT n.nspname::text,
       t.typname::text,
       (t.typtype = 'e')::bool,
       CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END::text,
       (t.typnotnull OR EXISTS (SELECT FROM pg_catalog.pg_constraint k
                                WHERE k.contypid = t.oid))::bool
FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype IN ('d', 'e')
  AND n.nspname <> 'information_schema'
  AND n.nspname !~ '^pg_'
