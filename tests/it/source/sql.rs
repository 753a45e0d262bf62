//! SQL to statements and changes.

use lockkeeper::domain::change::{Alter, Change, Default, Name, Rule, Type};
use lockkeeper::domain::locks::Mode;
use lockkeeper::source::sql::{compile, fits};
use proptest::prelude::*;

fn change(sql: &str) -> Change {
    let mut statements = compile(sql).statements;
    assert_eq!(statements.len(), 1, "{sql}");
    statements.remove(0).changes.remove(0)
}

#[test]
fn statements_are_split_exactly_whatever_they_hold() {
    let text = "-- first; not a statement\n\
        CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $x$ SELECT 1; SELECT ';' $x$;\n\
        /* two; */ INSERT INTO t VALUES ('a;b', E'\\';', \"q;q\".c);\n\n\
        SELECT 1";
    let compiled = compile(text);
    let found: Vec<(usize, &str)> =
        compiled.statements.iter().map(|s| (s.line, s.sql.as_str())).collect();
    assert_eq!(
        found,
        [
            (2, "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $x$ SELECT 1; SELECT ';' $x$"),
            (3, "INSERT INTO t VALUES ('a;b', E'\\';', \"q;q\".c)"),
            (5, "SELECT 1"),
        ]
    );
    assert!(compiled.errors.is_empty(), "{:?}", compiled.errors);
}

#[test]
fn comments_alone_are_no_statement() {
    assert!(compile("-- nothing\n/* here */ ;;\n").statements.is_empty());
}

#[test]
fn text_that_is_no_sql_is_an_unknown_statement_with_its_line() {
    let compiled = compile("SELECT 1;\nfrobnicate the table;\nSELECT 2;");
    assert_eq!(compiled.statements.len(), 3);
    let stray = &compiled.statements[1];
    assert_eq!((stray.line, stray.sql.as_str()), (2, "frobnicate the table"));
    assert!(matches!(stray.changes.as_slice(), [Change::Unknown(_)]));
    assert_eq!(compiled.errors[0].line, 2);
}

#[test]
fn a_broken_statement_is_never_only_what_was_understood() {
    let compiled = compile("ALTER TABLE t ADD COLUMN a int, frob;");
    let changes: Vec<&Change> = compiled.statements.iter().flat_map(|s| &s.changes).collect();
    assert!(changes.iter().any(|c| matches!(c, Change::Unknown(_))), "{changes:?}");
}

#[test]
fn each_action_of_an_alter_table_is_a_change() {
    let compiled = compile(
        "alter table only \"My S\".T add column x bigserial, alter column b type varchar(255) \
         using b::text, add constraint fk foreign key (pid) references s.p (id) not valid",
    );
    let changes = &compiled.statements[0].changes;
    let table = Name::within("My S", "t");
    assert!(
        matches!(&changes[0], Change::Alter(t, Alter::AddColumn(c)) if *t == table && c.kind.is_serial())
    );
    let Change::Alter(_, Alter::Type(retype)) = &changes[1] else { panic!("{changes:?}") };
    assert_eq!(retype.to, Type::parse("character varying(255)"));
    assert_eq!(retype.using.as_deref(), Some("b::text"));
    let Change::Alter(_, Alter::AddConstraint(fk)) = &changes[2] else { panic!("{changes:?}") };
    assert!(fk.not_valid);
    assert_eq!(
        fk.rule,
        Rule::ForeignKey(vec!["pid".into()], Name::within("s", "p"), vec!["id".into()])
    );
}

#[test]
fn a_default_is_known_by_what_it_calls() {
    let of = |default: &str| {
        let sql = format!("ALTER TABLE t ADD COLUMN x text DEFAULT {default}");
        let Change::Alter(_, Alter::AddColumn(column)) = change(&sql) else { panic!("{sql}") };
        column.default
    };
    assert!(matches!(of("'a'"), Default::Stable(text) if text == "'a'"));
    assert!(matches!(of("now()"), Default::Stable(_)));
    assert!(matches!(of("CURRENT_TIMESTAMP"), Default::Stable(_)));
    assert_eq!(of("NULL"), Default::None);
    assert!(matches!(of("gen_random_uuid()"), Default::Volatile(_)));
    assert!(matches!(of("coalesce(clock_timestamp(), now())"), Default::Volatile(_)));
    assert!(matches!(of("my.function()"), Default::Unknown(_)));
}

#[test]
fn a_query_that_hides_a_change_is_no_read() {
    assert_eq!(change("SELECT count(*) FROM t"), Change::Read);
    assert!(matches!(
        change("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d"),
        Change::Data(_)
    ));
    assert!(matches!(change("SELECT pg_terminate_backend(1)"), Change::Unknown(_)));
    let all = |sql: &str| compile(sql).statements.remove(0).changes;
    let row = |name: &str| Change::Touch(Name::new(name), Mode::RowShare);
    assert_eq!(all("SELECT * FROM t FOR UPDATE"), [Change::Read, row("t")]);
    let hidden = all("WITH g AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM g");
    let changed = hidden.iter().filter(|change| matches!(change, Change::Data(_)));
    assert_eq!(changed.count(), 2, "{hidden:?}");
    assert!(matches!(change("SELECT 1 AS a INTO t2"), Change::Unknown(_) | Change::CreateTable(_)));
}

#[test]
fn every_measured_statement_is_understood() {
    let table = include_str!("../tools/samples/locks/statements.tsv");
    for sql in table.lines().filter_map(|line| line.split_once('\t')).map(|(_, sql)| sql) {
        for statement in compile(sql).statements {
            let unknown = statement.changes.iter().any(|c| matches!(c, Change::Unknown(_)));
            assert!(!unknown, "{sql}: {:?}", statement.changes);
        }
    }
}

const WORDS: &[&str] = &[
    "ALTER", "TABLE", "t", "ADD", "COLUMN", "x", "int", ";", "(", ")", "'", "DROP", "INDEX", "SET",
    "NOT", "NULL", "CREATE", "USING", "TYPE", ",", "SELECT", "UPDATE", "WHERE", "$$", "--", "\n",
];

proptest! {
    #[test]
    fn no_text_breaks_the_compiler_or_loses_a_word(text in "[ -~\n$';\"]{0,200}") {
        let compiled = compile(&text);
        for statement in &compiled.statements {
            prop_assert!(text.contains(&statement.sql));
            prop_assert!(!statement.changes.is_empty());
        }
    }

    #[test]
    fn sql_like_text_never_breaks_the_compiler(words in proptest::collection::vec(
        proptest::sample::select(WORDS), 0..40)) {
        prop_assert!(compile(&words.join(" ")).errors.len() < 1000);
    }
}

#[test]
fn a_name_that_is_a_keyword_elsewhere_is_no_part_of_what_a_statement_is() {
    // Those that PostgreSQL takes as a bare name of a table and of a column.
    let names = [
        "type",
        "value",
        "status",
        "name",
        "time",
        "text",
        "data",
        "date",
        "version",
        "key",
        "level",
        "role",
        "domain",
        "action",
        "start",
        "at",
        "no",
        "unit",
        "kind",
        "other",
        "timestamp",
        "interval",
        "bigint",
        "json",
        "comment",
        "cascade",
        "options",
        "index",
        "view",
        "trigger",
        "second",
        "year",
        "zone",
        "concurrently_x",
    ];
    let statements = [
        "ALTER TABLE x ADD COLUMN x text",
        "ALTER TABLE x ADD x text",
        "ALTER TABLE x DROP COLUMN x",
        "ALTER TABLE ONLY x ALTER COLUMN x SET NOT NULL",
        "ALTER TABLE x ALTER x TYPE bigint",
        "ALTER TABLE x RENAME COLUMN x TO y",
        "ALTER TABLE x ADD CONSTRAINT x CHECK (y > 0)",
        "ALTER TABLE x DROP CONSTRAINT x",
        "ALTER TABLE x VALIDATE CONSTRAINT x",
        "ALTER TABLE x ENABLE TRIGGER x",
        "ALTER TABLE x CLUSTER ON x",
        "ALTER TABLE x SET SCHEMA x",
        "ALTER TABLE x OWNER TO x",
        "CREATE TABLE x (x int)",
        "CREATE INDEX x ON x (x)",
        "CREATE INDEX CONCURRENTLY x ON x (x)",
        "CREATE VIEW x AS SELECT 1",
        "CREATE SEQUENCE x",
        "CREATE SCHEMA x",
        "CREATE TYPE x AS ENUM ('a')",
        "CREATE DOMAIN x AS int",
        "DROP TABLE x",
        "DROP INDEX CONCURRENTLY x",
        "DROP VIEW x",
        "DROP TYPE x",
        "DROP SCHEMA x",
        "DROP SEQUENCE x",
        "TRUNCATE x",
        "LOCK TABLE x",
        "UPDATE x SET x = 1",
        "DELETE FROM x",
        "INSERT INTO x (x) VALUES (1)",
        "COMMENT ON TABLE x IS 'c'",
        "ANALYZE x",
        "VACUUM x",
        "REINDEX TABLE x",
        "CLUSTER x",
        "REFRESH MATERIALIZED VIEW x",
    ];
    let kind = |sql: &str| compile(sql).statements[0].kind.clone();
    let mut wrong = Vec::new();
    for statement in statements {
        let plain = kind(&statement.replace(" x", " plain").replace("(x", "(plain"));
        for name in names {
            let sql = statement.replace(" x", &format!(" {name}"));
            let sql = sql.replace("(x", &format!("({name}"));
            if kind(&sql) != plain {
                wrong.push(format!("{sql}: {} is not {plain}", kind(&sql)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn tables_of_a_publication_are_locked_and_attributes_of_a_type_may_be_columns_of_tables() {
    let sue = |name: &str| Change::Touch(Name::new(name), Mode::ShareUpdateExclusive);
    for (sql, tables) in [
        ("ALTER PUBLICATION p ADD TABLE a, b", &["a", "b"][..]),
        ("ALTER PUBLICATION p SET TABLE a", &["a"]),
        ("ALTER PUBLICATION p DROP TABLE a", &["a"]),
        ("ALTER PUBLICATION p OWNER TO o", &[]),
    ] {
        let changes = compile(sql).statements.remove(0).changes;
        let touched: Vec<Change> = tables.iter().map(|name| sue(name)).collect();
        assert!(touched.iter().all(|one| changes.contains(one)), "{sql}: {changes:?}");
    }
    // As the server says: ACCESS EXCLUSIVE also on every table of the type.
    for sql in
        ["ALTER TYPE t RENAME ATTRIBUTE a TO b CASCADE", "ALTER TYPE t ADD ATTRIBUTE a int CASCADE"]
    {
        let changes = compile(sql).statements.remove(0).changes;
        assert!(changes.iter().any(Change::is_opaque), "{sql}: {changes:?}");
    }
}

#[test]
fn a_definition_is_its_text_without_margins_comments_and_the_way_it_is_quoted() {
    let text = |sql: &str| match compile(sql).statements[0].changes.last() {
        Some(Change::Define(definition)) => definition.text.clone(),
        other => panic!("{sql}: {other:?}"),
    };
    let plain = text("CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS $$ SELECT 'it' $$");
    assert_eq!(plain, "( a integer ) returns integer language sql as 'SELECT 'it''");
    let same = [
        "create or replace function s.\"f\" (A INT)\n RETURNS int -- the sum\n LANGUAGE SQL AS $b$\n  SELECT 'it'\n$b$;",
        "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT ''it'''",
    ];
    for sql in same {
        assert_eq!(text(sql), plain);
    }
    assert_ne!(
        text("CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS $$ SELECT 'IT' $$"),
        plain
    );
    let view = text("CREATE VIEW v AS SELECT \"A\", 'b' FROM T");
    assert_eq!(view, "as select \"A\" , 'b' from t");
    let constants = ["' b'", "'b '", "$$b $$", "'b\n'"];
    for constant in constants {
        let other = text(&format!("CREATE VIEW v AS SELECT \"A\", {constant} FROM T"));
        assert_ne!(other, view, "its blanks are part of the constant {constant}");
    }
}

#[test]
fn only_what_a_statement_itself_takes_is_bound_to_it() {
    let own = "CREATE FUNCTION f(int) RETURNS int RETURN $1 + 1";
    for (text, binds) in [
        ("SELECT 1", 0),
        ("SELECT $1 + $2", 2),
        (own, 0),
        ("PREPARE p AS SELECT $1", 0),
        ("CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS $$ SELECT $1 $$", 0),
    ] {
        assert_eq!(fits(text, binds), Ok(()), "{text}");
    }
    assert!(fits("SELECT $1", 0).is_err());
    assert!(fits("SELECT $2", 1).is_err());
}
