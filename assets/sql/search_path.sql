-- Where a name without schema is looked for: the reader has the role's own search path.
SELECT pg_catalog.current_schemas(false)::text[]
