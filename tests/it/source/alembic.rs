//! Alembic's operations as SQL and changes.

use lockkeeper::domain::change::{Change, Statement};
use lockkeeper::domain::hazard::Transactions;
use lockkeeper::source::python::Module;
use lockkeeper::source::python::alembic::{Way, compile, header};
use lockkeeper::source::sql;

fn way(body: &str) -> Way {
    let lines: Vec<String> = body.lines().map(|line| format!("    {line}")).collect();
    let text = format!(
        "import sqlalchemy as sa\nfrom alembic import op\nfrom sqlalchemy.dialects import postgresql\n\
         TABLE = 'users'\n\ndef helper():\n    op.drop_table('helped')\n\ndef upgrade():\n{}\n",
        lines.join("\n")
    );
    compile(&Module::parse(text), "upgrade").expect("there is an upgrade")
}

fn written(body: &str) -> Vec<String> {
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
        assert_eq!(written(body), *expected, "{body}");
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

#[test]
fn what_a_call_tells_by_itself_is_what_its_sql_would_tell() {
    let cases = [
        "op.add_column('users', sa.Column('nick', sa.String(length=50), nullable=True))",
        "op.add_column('users', sa.Column('n', sa.Integer(), nullable=False), schema='app')",
        "op.add_column('users', sa.Column('at', sa.DateTime(timezone=True)), if_not_exists=True)",
        "op.add_column('Users', sa.Column('In Use', postgresql.ARRAY(sa.Numeric(10, 2))))",
        "op.add_column('users', sa.Column('kind', postgresql.ENUM('a', name='kinds', create_type=False)))",
        "op.add_column('users', sa.Column('unit', sa.Float(), unique=True))",
        "op.add_column('users', sa.Column('other', sa.Integer(), sa.ForeignKey('o.id'), index=True))",
        "op.add_column('users', sa.Column('n', sa.Integer(), server_default='0', nullable=False))",
        "op.add_column('users', sa.Column('n', sa.Integer(), server_default=sa.text('12')))",
        "op.add_column('users', sa.Column('n', sa.Text(), server_default='it''s', nullable=False))",
        "op.add_column('users', sa.Column('n', sa.Text(), server_default=\"it's\"))",
        "op.add_column('users', sa.Column('n', sa.Text(), server_default=sa.text('')))",
        "op.add_column('users', sa.Column('n', sa.Boolean(), server_default=sa.true()))",
        "op.add_column('users', sa.Column('n', sa.DateTime(), server_default=sa.func.now()))",
        "op.create_table('t', sa.Column('id', sa.Integer(), nullable=False), sa.PrimaryKeyConstraint('id'))",
        "op.create_table('T t', sa.Column('Id', sa.String(9)), sa.UniqueConstraint('Id', name='Uq'), schema='app')",
        "op.create_table('t', sa.Column('a', sa.Text(), server_default='x'), sa.ForeignKeyConstraint(['a'], ['app.o.id'], name='fk'), if_not_exists=True)",
        "op.create_table('t', sa.Column('a', sa.Text()), sa.ForeignKeyConstraint(['A b'], ['o.id']), sa.PrimaryKeyConstraint('a', 'b', name='pk'))",
        "op.create_table('t', sa.Column('id', sa.Integer(), primary_key=True), sa.CheckConstraint('id > 0'))",
        "op.create_table('t', sa.Column('o', sa.Integer(), sa.ForeignKey('o.id'), unique=True))",
        "op.create_table('t', sa.Column('at', sa.DateTime(), server_default=sa.func.now()))",
        "op.create_table('t')",
        "op.drop_column('users', 'nick')",
        "op.drop_column('users', 'In Use', schema='app', if_exists=True)",
        "op.drop_index('ix_nick', table_name='users')",
        "op.drop_index('ix_nick', schema='app', postgresql_concurrently=True, if_exists=True)",
        "op.create_index('ix_nick', 'users', ['nick'])",
        "op.create_index(op.f('ix_Nick'), 'users', ['a', 'b_c'], unique=True, schema='app')",
        "op.create_index('ix_nick', 'users', ['nick'], postgresql_concurrently=True, if_not_exists=True)",
        "op.create_index('ix_nick', 'users', ['In Use'])",
        "op.create_index('ix_nick', 'users', [sa.text('lower(nick)')])",
        "op.create_index('ix_nick', 'users', ['nick'], postgresql_using='gin', postgresql_where='nick > 1')",
        "op.create_index(None, 'users', ['nick'])",
        "op.create_unique_constraint('uq_nick', 'users', ['nick', 'b'])",
        "op.create_unique_constraint(None, 'users', ['nick'], schema='app')",
        "op.create_unique_constraint('uq_nick', 'users', ['In Use'])",
        "op.create_primary_key('pk_users', 'users', ['id'])",
        "op.create_primary_key(None, 'users', ['id'])",
        "op.create_foreign_key('fk_users', 'users', 'others', ['a', 'b'], ['c', 'd'])",
        "op.create_foreign_key(None, 'users', 'others', ['a'], ['id'], referent_schema='app')",
        "op.create_foreign_key('fk_users', 'users', 'others', ['a'], ['id'], ondelete='CASCADE')",
        "op.create_foreign_key('Fk', 'users', 'others', ['a'], ['id'], postgresql_not_valid=True)",
        "op.create_check_constraint('ck_users', 'users', 'a > 1')",
        "op.drop_table('users')",
        "op.drop_table('In Use', schema='app', if_exists=True)",
        "op.rename_table('users', 'People', schema='app')",
        "op.drop_constraint('users_nick_key', 'users', type_='unique')",
        "op.drop_constraint('Uq', 'users', schema='app', if_exists=True)",
        "op.alter_column('users', 'nick', nullable=False)",
        "op.alter_column('users', 'In Use', nullable=True, schema='app')",
        "op.alter_column('users', 'nick', server_default=None)",
        "op.alter_column('users', 'nick', server_default='a')",
        "op.alter_column('users', 'nick', new_column_name='Nick Name')",
        "op.alter_column('users', 'n', type_=sa.BigInteger())",
        "op.alter_column('users', 'n', type_=sa.String(length=9), existing_type=sa.Text())",
        "op.alter_column('users', 'n', type_=postgresql.TIMESTAMP(timezone=True))",
        "op.alter_column('users', 'n', type_=postgresql.ARRAY(sa.Numeric(10, 2)))",
        "op.alter_column('users', 'n', type_=sa.Integer(), postgresql_using='n::int')",
    ];
    for case in cases {
        for statement in way(case).statements {
            let read = sql::compile(&statement.sql);
            let [alike] = &read.statements[..] else { panic!("{case}: {read:?}") };
            assert_eq!(*alike, Statement { line: 1, ..statement }, "{case}");
        }
    }
}

#[test]
fn files_of_one_template_are_each_read_as_they_are() {
    let file = |at: usize, what: &str| {
        format!(
            "\"\"\"step {at}\n\nRevises: {before}\n{what}\"\"\"\nfrom alembic import op\n\n\
             revision = \"{at}\"\ndown_revision = '{before}'\n\n\n\
             def upgrade() -> None:\n    op.drop_column(\"t{at}\", \"c\")\n\n\n\
             def downgrade() -> None:\n    op.execute('SELECT {at}')\n",
            before = at * 99,
        )
    };
    for (at, what) in ["", "Two\nlines more\n", "", "{braces}\n", "back\\\\slash\n", "", "é\n"]
        .into_iter()
        .enumerate()
    {
        let module = Module::parse(file(at, what));
        let head = header(&module);
        assert_eq!(head.revision, Some(at.to_string()));
        assert_eq!(
            (head.down, head.summary),
            (vec![(at * 99).to_string()], Some(format!("step {at}")))
        );
        let up = compile(&module, "upgrade").expect("there is one").statements;
        assert_eq!(up[0].sql, format!("ALTER TABLE t{at} DROP COLUMN c"));
        assert_eq!(up[0].line, 12 + what.lines().count());
        let down = compile(&module, "downgrade").expect("there is one").statements;
        assert_eq!(
            (down[0].sql.as_str(), down[0].line),
            (&*format!("SELECT {at}"), up[0].line + 4)
        );
    }
}

#[test]
fn an_enum_that_is_made_and_dropped_by_itself_is_the_types_statement() {
    assert_eq!(
        written(
            "kind = sa.Enum('a', 'b', name='kinds')\nkind.create(op.get_bind(), checkfirst=True)"
        ),
        ["CREATE TYPE kinds AS ENUM ('a', 'b')"]
    );
    assert_eq!(
        written("sa.Enum(name='kinds').drop(op.get_bind(), checkfirst=False)"),
        ["DROP TYPE kinds"]
    );
    assert_eq!(
        written(
            "postgresql.ENUM('a', name='k', schema='s', create_type=False).create(op.get_bind())"
        ),
        ["CREATE TYPE s.k AS ENUM ('a')"]
    );
    let other = way("thing = Thing()\nthing.drop(op.get_bind())");
    assert!(other.statements.iter().any(|one| one.changes.iter().any(Change::is_opaque)));
}

#[test]
fn a_constraint_without_a_name_is_said_to_be_refused_and_an_index_takes_what_is_written() {
    let way = way("op.drop_constraint(None, 't', type_='unique')");
    let changes = &way.statements[0].changes;
    assert!(
        matches!(&changes[..], [Change::Unknown(why)] if why.contains("Alembic refuses to drop it")),
        "{changes:?}"
    );
    assert_eq!(
        written("op.create_index('i', 't', ['a', sa.literal_column('id DESC')])"),
        ["CREATE INDEX i ON t (a, id DESC)"]
    );
}
