//! JavaScript and TypeScript, compiled to changes: what is not a literal stays unknown.

use lockkeeper::domain::change::{Change, Statement};
use lockkeeper::domain::hazard::Transactions;
use lockkeeper::source::javascript::{Dialect, Found, Module, Way};

fn way(text: &str, name: &str, dialect: Dialect) -> Way {
    let module = Module::parse("a.ts", text);
    assert_eq!(module.fault(), None, "{text}");
    match module.compile(name, dialect) {
        Found::Way(way) => way,
        other => panic!("{other:?}: {text}"),
    }
}

fn up(text: &str, dialect: Dialect) -> Way {
    way(text, "up", dialect)
}

fn sql(way: &Way) -> Vec<&str> {
    way.statements.iter().map(|statement| statement.sql.as_str()).collect()
}

fn is_unknown(statement: &Statement) -> bool {
    statement.changes.iter().any(Change::is_opaque)
}

#[test]
fn every_way_of_exporting_a_function_is_found() {
    let body = "q.dropTable('t')";
    for text in [
        format!("module.exports = {{ up: (q) => {body}, down() {{}} }};"),
        format!("module.exports = {{ async up(q, S) {{ await {body}; }} }};"),
        format!("exports.up = async function (q) {{ return {body}; }};"),
        format!("module.exports.up = (q) => {body};"),
        format!("export const up = async ({{ context: q }}: any) => {{ await {body}; }};"),
        format!("export const up: Migration = async ({{ context: q }}) => {body};"),
        format!("export async function up({{ context: q }}: {{ context: QueryInterface }}) {{ await {body}; }}"),
        format!("const up = (q) => {body};\nexport {{ up }};"),
        format!("const up = (q) => {body};\nmodule.exports = {{ up }};"),
        format!("export default {{ up: (q) => {body} }} satisfies Migration;"),
        "export const up = async (params) => { await params.context.dropTable('t'); };".to_owned(),
        "export const up = async ({ context: { queryInterface } }) => { await queryInterface.dropTable('t'); };".to_owned(),
        "export const up = async ({ context: sequelize }) => { const qi = sequelize.getQueryInterface(); await qi.dropTable('t'); };".to_owned(),
    ] {
        let found = up(&text, Dialect::Sequelize);
        assert_eq!(sql(&found), ["DROP TABLE IF EXISTS t"], "{text}");
        assert!(found.complete, "{text}");
    }
    let wrapped = up("exports.up = wrap((q) => q.dropTable('t'));", Dialect::Sequelize);
    assert!(!wrapped.complete && is_unknown(&wrapped.statements[0]));
}

#[test]
fn what_is_put_together_when_it_runs_is_never_guessed() {
    for text in [
        "exports.up = (q) => q.dropTable(name());",
        "exports.up = (q) => q.sequelize.query(`DROP TABLE ${process.env.T}`);",
        "exports.up = async (q) => { for (const t of await q.showAllTables()) await q.dropTable(t); };",
        "exports.up = async (q) => { if (await q.tableExists('t')) await q.dropTable('t'); };",
        "exports.up = (q) => q.addColumn('t', 'a', { ...base });",
        "exports.up = (q) => q.addColumn('t', 'a', { type: kind });",
        "exports.up = (q) => migrateEverything(q);",
        "exports.up = async (q) => { try { await q.dropTable('t'); } catch (e) {} };",
        "let t = 'a'; exports.up = (q) => { t = 'b'; return q.dropTable(t); };",
        "exports.up = (q) => { const { queryGenerator } = q; return queryGenerator.run(q); };",
    ] {
        let found = up(text, Dialect::Sequelize);
        assert!(!found.complete, "{text}");
        assert!(found.statements.iter().any(is_unknown), "{text}: {:?}", sql(&found));
    }
    for text in [
        "exports.up = (knex) => knex.schema.alterTable('t', (t) => { if (x) t.dropColumn('a'); });",
        "exports.up = (knex) => knex.schema.createTable(name, (t) => { t.increments(); });",
        "exports.up = (knex) => knex.raw(sql);",
        "exports.up = (knex) => knex('t').where(fn).del();",
    ] {
        let found = up(text, Dialect::Knex);
        assert!(!found.complete && found.statements.iter().any(is_unknown), "{text}");
    }
}

#[test]
fn a_transaction_that_is_rolled_back_by_hand_is_one_transaction() {
    let text = "module.exports = { async up(q, S) {
  const transaction = await q.sequelize.transaction();
  try {
    await q.addColumn('t', 'a', { type: S.STRING(10), allowNull: false, defaultValue: 'x' }, { transaction });
    await q.addIndex('t', ['a'], { unique: true, transaction });
    await transaction.commit();
  } catch (error) {
    await transaction.rollback();
    throw error;
  }
} };";
    let found = up(text, Dialect::Sequelize);
    assert_eq!(
        sql(&found),
        [
            "ALTER TABLE t ADD COLUMN a varchar(10) NOT NULL DEFAULT 'x'",
            "CREATE UNIQUE INDEX t_a ON t (a)"
        ]
    );
    assert_eq!((found.complete, found.transactions), (true, Transactions::One));
    assert_eq!(found.statements[1].line, 5);
}

#[test]
fn an_index_without_a_name_gets_the_one_that_sequelize_gives_it() {
    let text = "module.exports = { async up(q) {
  await q.addIndex('apiKeys', ['teamId', 'deletedAt']);
  await q.addIndex('t', ['HTTPServer', 'plain_x'], { concurrently: true });
  await q.removeIndex('documents', ['urlId']);
} };";
    let found = up(text, Dialect::Sequelize);
    assert_eq!(
        sql(&found),
        [
            "CREATE INDEX api_keys_team_id_deleted_at ON \"apiKeys\" (\"teamId\", \"deletedAt\")",
            "CREATE INDEX CONCURRENTLY t__h_t_t_p_server_plain_x ON t (\"HTTPServer\", plain_x)",
            "DROP INDEX IF EXISTS documents_url_id",
        ]
    );
}

#[test]
fn a_way_that_only_logs_does_nothing_and_one_that_may_throw_says_so() {
    let idle = |text: &str| way(text, "down", Dialect::Sequelize).idle;
    let logs = idle("exports.down = async () => {\n  console.log('cannot be undone');\n};");
    assert_eq!(logs.map(|idle| (idle.line, idle.logs)), Some((2, true)));
    assert_eq!(idle("exports.down = async () => {};").map(|idle| idle.logs), Some(false));
    let text = "exports.down = async (q) => {\n  if (process.env.NODE_ENV === 'production') throw new Error('no');\n  await q.dropTable('t');\n};";
    let found = way(text, "down", Dialect::Sequelize);
    assert_eq!(found.statements[0].changes, [Change::Raise(true)]);
    let text = "exports.down = () => Promise.reject(new Error('no'));";
    let found = way(text, "down", Dialect::Sequelize);
    assert_eq!(found.statements[0].changes, [Change::Raise(false)]);
}

#[test]
fn a_table_of_knex_is_what_knex_makes_of_it() {
    let text = "exports.up = (knex) => knex.schema
  .createTable('posts', (t) => {
    t.increments('id');
    t.integer('user_id').notNullable().references('id').inTable('users').onDelete('CASCADE');
    t.timestamps(true, true);
    t.index(['user_id']);
  })
  .dropTableIfExists('old');";
    let found = up(text, Dialect::Knex);
    assert!(found.complete && !found.statements.iter().any(is_unknown));
    assert_eq!(
        sql(&found),
        [
            "CREATE TABLE posts (id serial NOT NULL PRIMARY KEY, user_id integer NOT NULL REFERENCES users (id) ON DELETE CASCADE, created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP)",
            "CREATE INDEX posts_user_id_index ON posts (user_id)",
            "DROP TABLE IF EXISTS old"
        ]
    );
}

#[test]
fn what_node_pg_migrate_infers_is_turned_around_and_what_it_cannot_is_refused() {
    let module =
        |body: &str| Module::parse("a.js", format!("export const up = (pgm) => {{ {body} }};"));
    let both =
        module("pgm.addColumns('t', { a: 'int' }); pgm.createIndex('t', 'a', { unique: true });");
    let found = both.inferred().expect("there is an up");
    assert_eq!(sql(&found), ["DROP INDEX t_a_unique_index", "ALTER TABLE t DROP COLUMN a"]);
    let refused = module("pgm.sql('DROP TABLE t');").inferred().expect("there is an up");
    assert_eq!(refused.statements[0].changes, [Change::Raise(false)]);
}

#[test]
fn a_name_that_stands_for_itself_is_a_value_that_nobody_knows() {
    for names in [
        "var t = t || 'app'",
        "var t = t + 'x'",
        "const a = `${t}`, t = `${a}`",
        "var t = [t, t, t, t, t, t]",
        "var t = -t",
    ] {
        let found = up(
            &format!(
                "{names};\nexports.up = async (knex) => {{ await knex.schema.dropTable(t); }};"
            ),
            Dialect::Knex,
        );
        assert!(found.statements.iter().all(is_unknown), "{names}: {found:?}");
        assert!(!found.statements.is_empty(), "{names}");
    }
    let long = vec!["'a'"; 5_000].join(" + ");
    let text = format!("const t = {long};\nexports.up = (knex) => knex.raw(t);");
    let found = up(&text, Dialect::Knex);
    assert_eq!(found.statements.len(), 1);
}

#[test]
fn a_callback_that_hands_itself_on_ends_where_it_stands() {
    for text in [
        "exports.up = (knex) => {\n  function next() { return knex.raw('UPDATE t SET a = 1').then(next); }\n  return next();\n};",
        "function step(trx) { return trx.transaction(step); }\nexports.up = (knex) => knex.transaction(step);",
    ] {
        let found = up(text, Dialect::Knex);
        assert!(found.statements.iter().any(is_unknown), "{found:?}");
    }
}

#[test]
fn a_type_that_is_made_of_itself_is_told_when_it_runs() {
    let text = "module.exports = { up: (q, Sequelize) => {\n  var kind = Sequelize.ARRAY(kind);\n  return q.addColumn('t', 'c', { type: kind });\n} };";
    let found = up(text, Dialect::Sequelize);
    assert!(found.statements.iter().all(is_unknown), "{found:?}");
}
