-- ALTER DATABASE SET (role null) and ALTER ROLE IN DATABASE SET.
SELECT r.rolname::text, s.text::text
FROM pg_catalog.pg_db_role_setting d
CROSS JOIN LATERAL unnest(d.setconfig) WITH ORDINALITY s (text, at)
LEFT JOIN pg_catalog.pg_roles r ON r.oid = d.setrole
WHERE d.setdatabase = $1::int8::oid AND (d.setrole = 0 OR r.rolname IS NOT NULL)
ORDER BY 1 NULLS FIRST, s.at
