-- The tables of these names, with all that inherits from them: pg_dump --table takes what it
-- names and no partition of it. A name that is of no table has no relation.
WITH RECURSIVE asked AS (
  SELECT n.name, pg_catalog.to_regclass(n.name)::oid AS oid, true AS named
  FROM pg_catalog.unnest($1::text[]) AS n(name)
), tree AS (
  SELECT a.name, a.oid, a.named FROM asked a
  UNION
  SELECT t.name, i.inhrelid, false
  FROM pg_catalog.pg_inherits i
  JOIN tree t ON t.oid = i.inhparent
)
SELECT t.name::text,
       t.named::bool,
       n.nspname::text,
       c.relname::text,
       CASE WHEN c.oid IS NOT NULL THEN format('%I.%I', n.nspname, c.relname) END::text
FROM tree t
LEFT JOIN pg_catalog.pg_class c ON c.oid = t.oid AND c.relkind IN ('r', 'p')
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
ORDER BY 1, 2 DESC, 3, 4
