//! What stood before a migration, by the migrations before it, whichever tool wrote them.

use lockkeeper::domain::reversal::{Kind, Reversal};
use lockkeeper::tools::{Project, Rows, by_name};

use crate::support::files::Files;

fn load(name: &str, files: &[(&str, &str)]) -> Project {
    let (tree, tool) = (Files::of(files), by_name(name).expect("it is known"));
    let detected = tool.detect(&tree).expect("it is detected");
    tool.load(&tree, &detected.directory, &Rows::Absent)
}

fn reversal<'a>(project: &'a Project, id: &str) -> &'a Reversal {
    &project.migration(id).expect("it is there").reversal
}

#[test]
fn a_view_of_dbmate_comes_back_with_the_text_of_the_file_before() {
    let project = load(
        "dbmate",
        &[
            (
                "db/migrations/1_a.sql",
                "-- migrate:up\nCREATE VIEW v AS\n  SELECT 1 AS a;\n-- migrate:down\nDROP VIEW v;\n",
            ),
            (
                "db/migrations/2_b.sql",
                "-- migrate:up\nCREATE OR REPLACE VIEW v AS SELECT 2 AS a;\n-- migrate:down\nCREATE OR REPLACE VIEW v AS SELECT 1 AS a;\n",
            ),
            (
                "db/migrations/3_c.sql",
                "-- migrate:up\nCREATE OR REPLACE VIEW v AS SELECT 3 AS a;\n\n-- migrate:down\nCREATE OR REPLACE VIEW v AS SELECT 1 AS a;\n",
            ),
            (
                "db/migrations/4_d.sql",
                "-- migrate:up\nCREATE OR REPLACE VIEW v AS SELECT 4 AS a;\n-- migrate:down\nDROP VIEW v;\n",
            ),
        ],
    );
    let kinds: Vec<Kind> = project.migrations.iter().map(|m| m.reversal.kind).collect();
    assert_eq!(kinds, [Kind::Reversible, Kind::Reversible, Kind::FalseDown, Kind::FalseDown]);
    let third = &project.migrations[2].reversal;
    assert_eq!(third.line, Some(5), "{third:?}");
    assert_eq!(
        third.why,
        "the way up (line 2) replaces view v, and the way down (line 5) writes it otherwise than 2_b.sql (line 2), which stood before"
    );
    let fourth = &project.migrations[3].reversal;
    assert_eq!(
        fourth.why,
        "the way up (line 2) replaces view v of 3_c.sql (line 2), and the way down (line 4) drops it: the earlier definition does not come back"
    );
}

fn revision(id: &str, down_revision: &str, up: &str, down: &str) -> String {
    format!(
        "revision = {id:?}\ndown_revision = {down_revision}\ndef upgrade():\n    op.execute({up:?})\ndef downgrade():\n    op.execute({down:?})\n"
    )
}

#[test]
fn a_function_that_two_branches_of_alembic_replace_stood_in_no_order_that_anybody_can_tell() {
    let (one, two) =
        ("CREATE OR REPLACE VIEW v AS SELECT 1", "CREATE OR REPLACE VIEW v AS SELECT 2");
    let three = "CREATE OR REPLACE VIEW v AS SELECT 3";
    let files = [
        ("a1", revision("a1", "None", one, "DROP VIEW v")),
        ("b1", revision("b1", "'a1'", two, one)),
        ("b2", revision("b2", "'a1'", three, one)),
        ("c1", revision("c1", "('b1', 'b2')", one, three)),
    ];
    let paths: Vec<(String, &str)> = files
        .iter()
        .map(|(id, text)| (format!("migrations/versions/{id}_.py"), text.as_str()))
        .collect();
    let mut tree: Vec<(&str, &str)> =
        paths.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    tree.push(("alembic.ini", "[alembic]\nscript_location = migrations\n"));
    tree.push(("migrations/env.py", ""));
    let project = load("alembic", &tree);
    let of = |id: &str| (reversal(&project, id).kind, reversal(&project, id).why.clone());
    assert_eq!(of("a1").0, Kind::Reversible);
    // One of both runs first; the other one cannot tell what it replaces.
    let mut kinds = [of("b1"), of("b2")];
    kinds.sort_by_key(|(kind, _)| *kind);
    assert_eq!([kinds[0].0, kinds[1].0], [Kind::Reversible, Kind::Unknown], "{kinds:?}");
    assert!(kinds[1].1.contains("of another branch"), "{kinds:?}");
}

#[test]
fn an_index_of_alembic_and_of_knex_comes_back_as_the_revision_before_made_it() {
    let alembic = |id: &str, before: &str, up: &str, down: &str| {
        format!(
            "import sqlalchemy as sa\nfrom alembic import op\nrevision = {id:?}\ndown_revision = {before}\ndef upgrade():\n    {up}\ndef downgrade():\n    {down}\n"
        )
    };
    let drop = "op.drop_index('ix_mail', 'users')";
    let unique = "op.create_index('ix_mail', 'users', ['mail'], unique=True)";
    let plain = "op.create_index('ix_mail', 'users', ['mail'])";
    let table = "op.create_table('users', sa.Column('mail', sa.Text(), server_default='x')); op.create_index('ix_mail', 'users', ['mail'], unique=True)";
    let default = |to: &str| format!("op.alter_column('users', 'mail', server_default={to})");
    let files = [
        ("a1", alembic("a1", "None", table, "op.drop_table('users')")),
        ("a2", alembic("a2", "'a1'", drop, unique)),
        ("a3", alembic("a3", "'a2'", drop, plain)),
        ("a4", alembic("a4", "'a3'", &default("'y'"), &default("'x'"))),
        ("a5", alembic("a5", "'a4'", &default("None"), &default("'x'"))),
    ];
    let paths: Vec<(String, &str)> = files
        .iter()
        .map(|(id, text)| (format!("migrations/versions/{id}_.py"), text.as_str()))
        .collect();
    let mut tree: Vec<(&str, &str)> =
        paths.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    tree.push(("alembic.ini", "[alembic]\nscript_location = migrations\n"));
    tree.push(("migrations/env.py", ""));
    let project = load("alembic", &tree);
    let kind = |id: &str| reversal(&project, id).kind;
    assert_eq!(kind("a2"), Kind::Reversible, "{:?}", reversal(&project, "a2"));
    // It was dropped by a2 already: what the way down leaves stood nowhere.
    assert_eq!(kind("a3"), Kind::FalseDown, "{:?}", reversal(&project, "a3"));
    assert_eq!(kind("a4"), Kind::Reversible, "{:?}", reversal(&project, "a4"));
    assert_eq!(kind("a5"), Kind::FalseDown, "a4 set another: {:?}", reversal(&project, "a5"));
    let knex = |up: &str, down: &str| {
        format!(
            "exports.up = (knex) => knex.schema.alterTable('users', (t) => {{ {up} }});\nexports.down = (knex) => knex.schema.alterTable('users', (t) => {{ {down} }});\n"
        )
    };
    let made = "exports.up = (knex) => knex.schema.createTable('users', (t) => { t.text('mail'); t.unique(['mail'], { indexName: 'users_mail' }); });\nexports.down = (knex) => knex.schema.dropTable('users');\n";
    let (gone, same, other) = (
        "t.dropUnique(['mail'], 'users_mail');",
        "t.unique(['mail'], { indexName: 'users_mail' });",
        "t.unique(['mail', 'name'], { indexName: 'users_mail' });",
    );
    let (one, two) = (knex(gone, same), knex(gone, other));
    for (second, kind) in [(&one, Kind::Reversible), (&two, Kind::FalseDown)] {
        let tree = [
            ("knexfile.js", "module.exports = { client: 'pg' };\n"),
            ("migrations/1_a.js", made),
            ("migrations/2_b.js", second.as_str()),
        ];
        let project = load("knex", &tree);
        let told = reversal(&project, "2_b.js");
        assert_eq!(told.kind, kind, "{told:?}");
    }
}
