//! Alembic's operations as SQL and changes.

use lockkeeper::domain::change::Change;
use lockkeeper::domain::hazard::Transactions;
use lockkeeper::source::python::Module;
use lockkeeper::source::python::alembic::{Way, compile, header};

fn way(body: &str) -> Way {
    let lines: Vec<String> = body.lines().map(|line| format!("    {line}")).collect();
    let text = format!(
        "import sqlalchemy as sa\nfrom alembic import op\nfrom sqlalchemy.dialects import postgresql\n\
         TABLE = 'users'\n\ndef helper():\n    op.drop_table('helped')\n\ndef upgrade():\n{}\n",
        lines.join("\n")
    );
    compile(&Module::parse(text), "upgrade").expect("there is an upgrade")
}

fn sql(body: &str) -> Vec<String> {
    let flat = |sql: &str| sql.split_whitespace().collect::<Vec<_>>().join(" ");
    way(body).statements.iter().map(|statement| flat(&statement.sql)).collect()
}

#[test]
fn each_operation_is_the_sql_that_alembic_makes_of_it() {
    let cases: &[(&str, &[&str])] = &[
        ("op.drop_table(TABLE, schema='app')", &["DROP TABLE app.users"]),
        ("op.rename_table('a', 'b')", &["ALTER TABLE a RENAME TO b"]),
        (
            "op.add_column('t', sa.Column('c', sa.String(10), server_default='x', nullable=False))",
            &["ALTER TABLE t ADD COLUMN c VARCHAR(10) DEFAULT 'x' NOT NULL"],
        ),
        (
            "op.add_column('t', sa.Column('c', sa.DateTime(timezone=True), server_default=sa.func.now()))",
            &["ALTER TABLE t ADD COLUMN c TIMESTAMP WITH TIME ZONE DEFAULT now()"],
        ),
        (
            "op.add_column('t', sa.Column('c', sa.Integer(), sa.ForeignKey('o.id'), index=True))",
            &[
                "ALTER TABLE t ADD COLUMN c INTEGER",
                "ALTER TABLE t ADD FOREIGN KEY (c) REFERENCES o (id)",
                "CREATE INDEX ix_t_c ON t (c)",
            ],
        ),
        (
            "op.alter_column('t', 'c', type_=sa.Numeric(10, 2), nullable=False, server_default=None, new_column_name='d')",
            &[
                "ALTER TABLE t ALTER COLUMN c TYPE NUMERIC(10, 2)",
                "ALTER TABLE t ALTER COLUMN c SET NOT NULL",
                "ALTER TABLE t ALTER COLUMN c DROP DEFAULT",
                "ALTER TABLE t RENAME COLUMN c TO d",
            ],
        ),
        (
            "op.create_index(op.f('i'), 't', ['a', sa.text('lower(b)')], unique=True, postgresql_where=sa.text('a > 0'))",
            &["CREATE UNIQUE INDEX i ON t (a, lower(b)) WHERE a > 0"],
        ),
        (
            "op.create_foreign_key('f', 'a', 'b', ['x'], ['y'], postgresql_not_valid=True)",
            &["ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (x) REFERENCES b (y) NOT VALID"],
        ),
        (
            "with op.batch_alter_table('t') as batch_op:\n    batch_op.drop_column('c')\n    batch_op.create_unique_constraint('u', ['a'])",
            &["ALTER TABLE t DROP COLUMN c", "ALTER TABLE t ADD CONSTRAINT u UNIQUE (a)"],
        ),
        ("op.drop_constraint('u', 't', type_='unique')", &["ALTER TABLE t DROP CONSTRAINT u"]),
        ("op.execute(sa.text('DELETE FROM ' 't'))", &["DELETE FROM t"]),
        ("helper()", &["DROP TABLE helped"]),
        (
            "if op.get_context().dialect.name == 'postgresql':\n    op.drop_table('a')\nelse:\n    op.drop_table('b')",
            &["DROP TABLE a"],
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(sql(body), *expected, "{body}");
        let way = way(body);
        let opaque = |change: &Change| change.is_opaque();
        assert!(way.complete, "{body}: {way:?}");
        assert!(!way.statements.iter().any(|s| s.changes.iter().any(opaque)), "{body}: {way:?}");
    }
}

#[test]
fn what_only_running_it_tells_is_never_guessed() {
    let cases = [
        "op.execute(f'DROP TABLE {TABLE}')",
        "for t in ['a', 'b']:\n    op.drop_table(t)",
        "op.drop_table(name)",
        "do_it(op)",
        "op.invoke(something)",
        "if some():\n    op.drop_table('a')",
        "if x:\n    return\nop.drop_table('a')",
        "op.add_column('t', sa.Column('c', sa.Text(), server_default=some))",
        "try:\n    op.drop_table('a')\nexcept Exception:\n    pass",
    ];
    for body in cases {
        let way = way(body);
        let opaque = |change: &Change| change.is_opaque();
        assert!(way.statements.iter().any(|s| s.changes.iter().any(opaque)), "{body}: {way:?}");
        assert!(!way.complete, "{body}");
    }
    let way =
        way("bind = op.get_bind()\nbind.execute(sa.text('DELETE FROM t WHERE i = :i'), {'i': 1})");
    assert_eq!(way.statements[0].sql, "DELETE FROM t WHERE i = $1");
    assert!(!way.complete && way.online == [10, 11], "{way:?}");
}

#[test]
fn the_lines_are_those_of_the_source_also_inside_of_a_long_text() {
    let way = way(
        "op.drop_table('a')\nop.execute(\n    \"\"\"\n    DELETE FROM b;\n    DELETE FROM c;\n    \"\"\"\n)",
    );
    let lines: Vec<usize> = way.statements.iter().map(|statement| statement.line).collect();
    assert_eq!(lines, [10, 13, 14]);
}

#[test]
fn how_it_commits_is_read_from_its_blocks() {
    let block = "with op.get_context().autocommit_block():\n    op.create_index('i', 't', ['a'], postgresql_concurrently=True)";
    assert_eq!(way("op.drop_table('a')").transactions, Transactions::One);
    assert_eq!(way(block).transactions, Transactions::None);
    assert_eq!(way(&format!("op.drop_table('a')\n{block}")).transactions, Transactions::Mixed);
    assert_eq!(way("op.execute('COMMIT')\nop.drop_table('a')").transactions, Transactions::Mixed);
    assert_eq!(way("do_it()").transactions, Transactions::Unknown);
}

#[test]
fn a_header_may_be_typed_and_its_parents_a_text_a_tuple_or_a_list() {
    let read = |down: &str| {
        let text = format!(
            "\"\"\"Title\n\nmore\"\"\"\nrevision: str = 'abc'\ndown_revision: Union[str, None] = {down}\n"
        );
        header(&Module::parse(text))
    };
    assert_eq!(read("None").down, [""; 0]);
    assert_eq!(read("'x'").down, ["x"]);
    assert_eq!(read("('x', 'y')").down, ["x", "y"]);
    assert_eq!(read("[\"x\"]").down, ["x"]);
    let header = read("some()");
    assert_eq!(header.computed, [("down_revision", 5)]);
    assert_eq!(
        (header.revision.as_deref(), header.summary.as_deref()),
        (Some("abc"), Some("Title"))
    );
}
