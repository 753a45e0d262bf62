-- What a database is made with. The columns differ between 13 and 18: what a version lacks is
-- null in the row's JSON.
SELECT pg_catalog.pg_get_userbyid(d.datdba)::text,
       pg_catalog.pg_encoding_to_char(d.encoding)::text,
       d.datcollate::text,
       d.datctype::text,
       j ->> 'datlocprovider',
       coalesce(j ->> 'datlocale', j ->> 'daticulocale'),
       j ->> 'daticurules',
       t.spcname::text,
       d.datconnlimit::int4,
       d.datistemplate,
       pg_catalog.shobj_description(d.oid, 'pg_database')::text,
       (d.datacl IS NOT NULL)::bool
FROM pg_catalog.pg_database d
CROSS JOIN LATERAL pg_catalog.to_jsonb(d) j
JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace
WHERE d.oid = $1::int8::oid
