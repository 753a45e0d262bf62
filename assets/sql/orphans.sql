-- A SELECT that counts, over all foreign keys, the rows whose key points to nothing, as the
-- server itself checks a new key: by the key's own operator and the referenced column's
-- collation, whatever the search path shows, and without the rows of children by inheritance,
-- which no key covers. A key that is NULL in one of its columns points nowhere by right, or in
-- all of them (MATCH FULL). NULL where a key is over periods (18): there no equality tells.
SELECT CASE WHEN bool_or(k.over_periods) THEN NULL
            ELSE coalesce('SELECT sum(n) FROM (' || string_agg(k.counting, ' UNION ALL ')
                          || ') AS all_keys', 'SELECT 0') END
FROM (SELECT coalesce((to_jsonb(f) ->> 'conperiod')::bool, false) AS over_periods,
             format('SELECT count(*) AS n FROM %s%s c WHERE (%s) AND NOT EXISTS '
                    '(SELECT FROM %s%s p WHERE %s)',
                    CASE child.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END,
                    f.conrelid::regclass, sides.given,
                    CASE parent.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END,
                    f.confrelid::regclass, sides.same) AS counting
      FROM pg_catalog.pg_constraint f
      JOIN pg_catalog.pg_class child ON child.oid = f.conrelid
      JOIN pg_catalog.pg_class parent ON parent.oid = f.confrelid,
      LATERAL (SELECT string_agg(format('c.%I IS NOT NULL', a.attname),
                                 CASE f.confmatchtype WHEN 'f' THEN ' OR ' ELSE ' AND ' END)
                          AS given,
                      string_agg(format('p.%I OPERATOR(%I.%s) c.%I', b.attname, n.nspname,
                                        o.oprname, a.attname)
                                 || CASE WHEN a.attcollation = b.attcollation
                                           OR b.attcollation = 0 THEN ''
                                         ELSE format(' COLLATE %I.%I', cn.nspname, co.collname)
                                    END, ' AND ') AS same
               FROM unnest(f.conkey, f.confkey, f.conpfeqop) AS u (child, parent, equals)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = u.child
               JOIN pg_catalog.pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = u.parent
               JOIN pg_catalog.pg_operator o ON o.oid = u.equals
               JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
               LEFT JOIN pg_catalog.pg_collation co ON co.oid = b.attcollation
               LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace) sides
      WHERE f.contype = 'f' AND f.conparentid = 0) k
