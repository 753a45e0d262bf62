-- Who may do what in a database; the grantee 0 is PUBLIC.
SELECT r.rolname::text, a.privilege_type::text, a.is_grantable
FROM pg_catalog.pg_database d
CROSS JOIN LATERAL pg_catalog.aclexplode(d.datacl) a
LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
WHERE d.oid = $1::int8::oid AND (a.grantee = 0 OR r.rolname IS NOT NULL)
ORDER BY 1 NULLS FIRST, 2
