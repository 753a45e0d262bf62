-- Constraints of this database whose rows from before were never checked, a line each: of a
-- table, or of a domain. Also those of 18 that are NOT NULL.
SELECT coalesce(string_agg(format('%s: %I', u.place, u.conname), E'\n' ORDER BY u.place, u.conname), '')
FROM (SELECT CASE c.conrelid WHEN 0 THEN c.contypid::regtype::text
                             ELSE c.conrelid::regclass::text END AS place,
             c.conname
      FROM pg_catalog.pg_constraint c
      WHERE NOT c.convalidated) u
