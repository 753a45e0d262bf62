//! Probes: only what is known to read is asked.

use lockkeeper::source::sql::question::{Refused, only_reads};
use proptest::prelude::*;

fn calls(name: &str) -> Result<String, Refused> {
    Err(Refused::Calls(name.to_owned()))
}

#[test]
fn queries_of_runbooks_are_asked() {
    for sql in [
        "select count(*) from expenses where status is null",
        "SELECT count(*)::bigint FROM public.users WHERE id IN (1, 2) AND (a OR b);",
        "with late as (select now() - max(at) as lag from beats) select extract(epoch from lag) from late",
        "select coalesce(sum(amount), 0)::numeric(12, 2) from t where day between '2020-01-01' and now()",
        "select pg_catalog.pg_database_size(current_database())",
        "select (select 1) + (select 2) union all (select 3)",
        "select exists (select 1 from t where name = 'f(x)' /* g(x) */)",
        "select string_agg(c, ',' order by c) filter (where c <> '') over (partition by d) from t",
        "select trim(both ' ' from name), substring(name from 1 for 2), position('a' in name) from t",
        "select cast(a as varchar(10)), array[1, 2], row(1, 2) from t order by (a) limit (1)",
    ] {
        assert_eq!(only_reads(sql).as_deref(), Ok(sql.trim_end_matches(';')));
    }
}

#[test]
fn what_stands_around_the_select_is_left_out() {
    let sql = "-- how many\n select count(*) from t ; -- none";
    assert_eq!(only_reads(sql).as_deref(), Ok("select count(*) from t"));
}

#[test]
fn a_function_that_is_not_known_is_not_called_however_it_is_written() {
    let kill = calls("pg_terminate_backend");
    assert_eq!(only_reads("select pg_terminate_backend(1)"), kill);
    assert_eq!(only_reads("select pg_terminate_backend /* */ \n (1)"), kill);
    assert_eq!(only_reads("select 1 from pg_terminate_backend(1)"), kill);
    assert_eq!(only_reads("select 1 from lateral pg_terminate_backend(1) x"), kill);
    assert_eq!(only_reads("select case when true then pg_terminate_backend(1) end"), kill);
    assert_eq!(only_reads("with x as (select pg_terminate_backend(1)) select 1 from x"), kill);
    let quoted = "select \"pg_terminate_backend\"(1)";
    assert_eq!(only_reads(quoted), calls("\"pg_terminate_backend\""));
    let unicode = "select U&\"pg_terminate_b\\0061ckend\"(1)";
    assert!(only_reads(unicode).is_err());
    let qualified = "select pg_catalog.pg_terminate_backend(1)";
    assert_eq!(only_reads(qualified), calls("pg_catalog.pg_terminate_backend"));
    assert_eq!(only_reads("select mine.count(1)"), calls("mine.count"));
    assert!(only_reads("select shop.mine.count(1)").is_err());
    assert!(only_reads("select 1 operator(mine.+) 2").is_err());
    for name in ["set_config", "pg_advisory_lock", "dblink", "pg_read_file", "nextval", "löschen"]
    {
        assert_eq!(only_reads(&format!("select {name}('a')")), calls(name));
    }
}

#[test]
fn what_is_no_single_select_is_not_asked() {
    for sql in [
        "",
        "--",
        "select 1; select 2",
        "delete from t",
        "show all",
        "call p()",
        "table t",
        "select 1 into t",
    ] {
        assert_eq!(only_reads(sql), Err(Refused::NotOneSelect), "{sql}");
    }
    for sql in
        ["select 1 from t for update", "with x as (delete from t returning 1) select 1 from x"]
    {
        assert_eq!(only_reads(sql), Err(Refused::Changes), "{sql}");
    }
    assert!(matches!(only_reads("select 1) as x(value), (select 2"), Err(Refused::Syntax(_))));
}

proptest! {
    /// Wherever it stands in a query that is asked otherwise, it is found.
    #[test]
    fn a_call_is_found_at_every_place(place in 0usize..5, space in "[ \n\t]{0,3}", comment in any::<bool>()) {
        let space = if comment { format!("{space}/* a ( b */") } else { space };
        let call = format!("pg_sleep{space}(1)");
        let sql = match place {
            0 => format!("select {call}"),
            1 => format!("select 1 where {call} is null"),
            2 => format!("select count(*) filter (where {call} is null) from t"),
            3 => format!("select 1 from t join {call} on true"),
            _ => format!("select 1 from t order by coalesce(1, {call})"),
        };
        prop_assert_eq!(only_reads(&sql), calls("pg_sleep"));
    }
}
