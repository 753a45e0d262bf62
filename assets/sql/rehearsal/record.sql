-- Tells the server's log what each DDL statement did: a line there stays when the transaction
-- is rolled back.
CREATE SCHEMA lockkeeper_rehearsal;
GRANT USAGE ON SCHEMA lockkeeper_rehearsal TO PUBLIC;

CREATE FUNCTION lockkeeper_rehearsal.ended() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RAISE LOG 'lockkeeper %', json_build_object('event', 'end', 'xid', txid_current()::text,
        'tag', tg_tag, 'locks',
        (SELECT coalesce(json_agg(json_build_object('oid', l.relation::int8, 'relation',
                                      n.nspname || '.' || c.relname, 'mode', l.mode)), '[]')
         FROM pg_locks l
         LEFT JOIN pg_class c ON c.oid = l.relation
         LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted
           AND (c.oid IS NULL
                OR (c.relkind IN ('r', 'p', 'm', 'v', 'f') AND n.nspname !~ '^pg_'
                    AND n.nspname <> 'information_schema'))));
END $$;

CREATE FUNCTION lockkeeper_rehearsal.dropped() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RAISE LOG 'lockkeeper %', json_build_object('event', 'drop', 'xid', txid_current()::text,
        'objects',
        (SELECT coalesce(json_agg(json_build_object('oid', d.objid::int8, 'type', d.object_type,
                                      'identity', d.object_identity, 'original', d.original,
                                      'normal', d.normal)), '[]')
         FROM pg_event_trigger_dropped_objects() d
         WHERE NOT d.is_temporary AND d.object_type NOT IN ('type', 'default value', 'toast table')));
END $$;

CREATE FUNCTION lockkeeper_rehearsal.rewritten() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RAISE LOG 'lockkeeper %', json_build_object('event', 'rewrite', 'xid', txid_current()::text,
        'relation',
        (SELECT n.nspname || '.' || c.relname FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.oid = pg_event_trigger_table_rewrite_oid()));
END $$;

CREATE EVENT TRIGGER lockkeeper_rehearsal_end ON ddl_command_end
    EXECUTE FUNCTION lockkeeper_rehearsal.ended();
CREATE EVENT TRIGGER lockkeeper_rehearsal_drop ON sql_drop
    EXECUTE FUNCTION lockkeeper_rehearsal.dropped();
CREATE EVENT TRIGGER lockkeeper_rehearsal_rewrite ON table_rewrite
    EXECUTE FUNCTION lockkeeper_rehearsal.rewritten();
