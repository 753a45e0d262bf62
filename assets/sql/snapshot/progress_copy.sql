union all
    select pid, command, 'copying, ' || lower(type), bytes_processed, bytes_total,
           null, relid, datid
    from pg_stat_progress_copy
