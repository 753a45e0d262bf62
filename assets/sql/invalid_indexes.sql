-- Indexes that no query uses, with what decides whether they can be dropped. Nothing here
-- waits for a table's lock. Whose build it is may be hidden from our role: then whoever builds
-- an index and has the table counts.
SELECT i.indexrelid::int8,
       n.nspname::text,
       c.relname::text,
       tn.nspname::text,
       t.relname::text,
       EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p
               WHERE p.pid <> pg_backend_pid()
                 AND (p.index_relid = i.indexrelid
                      OR EXISTS (SELECT FROM pg_catalog.pg_locks l
                                 WHERE l.pid = p.pid AND l.locktype = 'relation' AND l.granted
                                   AND l.relation IN (i.indrelid, i.indexrelid))))::bool,
       (c.relispartition
        OR EXISTS (SELECT FROM pg_catalog.pg_constraint k
                   WHERE k.conindid = i.indexrelid))::bool
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
WHERE NOT i.indisvalid AND c.relkind = 'i'
ORDER BY 2, 3
