//! One statement to its changes.

use squawk_syntax::ast::{AstNode as _, Stmt};
use squawk_syntax::{SyntaxKind as K, SyntaxNode};

use crate::domain::change::{
    Change, Comment, Data, DropIndex, Index, Reindex, Scope, Transaction, Vacuum, Verb, written,
};
use crate::domain::locks::Mode;

use super::node::{
    below, child, has, has_below, ident_in, idents, leading_words, name, name_in, named, names_in,
    parts, text,
};
use super::{definition, expression, object, query, table};

/// Returns what a statement is, in SQL's words: `ALTER TABLE … ADD COLUMN`.
pub(super) fn kind(node: &SyntaxNode) -> String {
    let head = leading_words(node);
    let is_action = |inner: &SyntaxNode| {
        !matches!(inner.kind(), K::TABLE_RELATION_NAME | K::IF_EXISTS | K::COLUMN_NAME_REF)
    };
    match node.children().find(is_action) {
        Some(action) if node.kind() == K::ALTER_TABLE => {
            let words = leading_words(&action);
            let inner = action.children().find(is_action).map(|i| leading_words(&i));
            let inner = inner.filter(|_| action.kind() == K::ALTER_COLUMN).unwrap_or_default();
            format!("{head} … {words} {inner}").trim_end().to_owned()
        }
        _ => head,
    }
}

/// Returns what a statement changes; nothing means that it was not understood.
pub(super) fn changes(node: &SyntaxNode) -> Vec<Change> {
    match node.kind() {
        K::ALTER_TABLE | K::ALTER_FOREIGN_TABLE => table::alter(node),
        K::CREATE_TABLE | K::CREATE_TABLE_AS | K::CREATE_FOREIGN_TABLE => {
            table::create(node).into_iter().chain(query::touches(node)).collect()
        }
        K::DROP_TABLE => each(node, K::TABLE_NAME_REF, Change::DropTable),
        K::DROP_VIEW => with_definitions(node, each(node, K::VIEW_REF, Change::DropView)),
        K::DROP_MATERIALIZED_VIEW => {
            with_definitions(node, each(node, K::VIEW_REF, Change::DropMaterializedView))
        }
        K::DROP_INDEX => drop_indexes(node),
        K::TRUNCATE => within(node, K::TABLE_LIST, K::TABLE_RELATION_NAME, Change::Truncate),
        K::LOCK => lock(node),
        K::SELECT
        | K::SELECT_INTO
        | K::COMPOUND_SELECT
        | K::PAREN_SELECT
        | K::VALUES
        | K::TABLE => select(node),
        K::INSERT | K::UPDATE | K::DELETE | K::MERGE | K::COPY => changed(node),
        K::EXPLAIN => explain(node),
        _ => with_definitions(node, one(node).into_iter().chain(beside(node)).collect()),
    }
}

/// Adds the text of what is made, and what is dropped of what has one.
fn with_definitions(node: &SyntaxNode, mut changes: Vec<Change>) -> Vec<Change> {
    changes.extend(definition::made(node));
    changes.extend(definition::dropped(node));
    changes
}

fn each(
    node: &SyntaxNode,
    kind: K,
    change: impl Fn(crate::domain::change::Name) -> Change,
) -> Vec<Change> {
    names_in(node, kind).into_iter().map(change).collect()
}

fn within(
    node: &SyntaxNode,
    list: K,
    kind: K,
    change: impl Fn(crate::domain::change::Name) -> Change,
) -> Vec<Change> {
    child(node, list).map(|list| each(&list, kind, change)).unwrap_or_default()
}

fn one(node: &SyntaxNode) -> Option<Change> {
    index_change(node)
        .or_else(|| relation_change(node))
        .or_else(|| data(node))
        .or_else(|| session_change(node))
        .or_else(|| object::type_change(node))
        .or_else(|| object::other(node))
}

fn index_change(node: &SyntaxNode) -> Option<Change> {
    match node.kind() {
        K::CREATE_INDEX => create_index(node),
        K::REINDEX => reindex(node),
        K::ALTER_INDEX => {
            let index = name_in(node, K::INDEX_REF)?;
            if let Some(part) = child(node, K::ATTACH_INDEX_PARTITION) {
                return Some(Change::AttachIndex(index, name_in(&part, K::INDEX_REF)?));
            }
            Some(match child(node, K::INDEX_RENAME_TO) {
                Some(to) => Change::RenameIndex(index, ident_in(&to, K::INDEX)?),
                None => Change::AlterIndex(index),
            })
        }
        _ => None,
    }
}

fn create_index(node: &SyntaxNode) -> Option<Change> {
    let on = child(node, K::TABLE_RELATION_NAME)?;
    let items = child(node, K::PARTITION_ITEM_LIST);
    let columns = items.iter().flat_map(SyntaxNode::children);
    Some(Change::CreateIndex(Index {
        name: name_in(node, K::INDEX),
        table: name(&on)?,
        unique: has(node, K::UNIQUE_KW),
        concurrently: has(node, K::CONCURRENTLY_KW),
        if_not_exists: has(node, K::IF_NOT_EXISTS),
        only: has(&on, K::ONLY_KW),
        partial: has(node, K::WHERE_CLAUSE),
        columns: columns.filter_map(|item| ident_in(&item, K::NAME_REF)).collect(),
        text: index_text(node, &on),
    }))
}

/// Returns what follows the table of an index, without what is so without being written.
fn index_text(node: &SyntaxNode, on: &SyntaxNode) -> String {
    let after = usize::from(on.text_range().end() - node.text_range().start());
    let text = node.text().to_string();
    let said = written::laid_out(text.get(after..).unwrap_or_default().trim_end_matches(';'));
    let said = said.strip_prefix("using btree ").map_or(said.clone(), written::laid_out);
    format!("{said} ").replace(" asc ", " ").trim_end().to_owned()
}

fn reindex(node: &SyntaxNode) -> Option<Change> {
    let concurrently = has_below(node, K::CONCURRENTLY_KW);
    let target = node.children().find(|inner| inner.kind() != K::REINDEX_OPTION_LIST)?;
    let scope = match target.kind() {
        K::REINDEX_TARGET_INDEX => Scope::Index(name(&target)?),
        K::REINDEX_TARGET_TABLE => Scope::Table(name(&target)?),
        _ => Scope::All,
    };
    Some(Change::Reindex(Reindex { concurrently, scope }))
}

fn drop_indexes(node: &SyntaxNode) -> Vec<Change> {
    let concurrently = has(node, K::CONCURRENTLY_KW);
    let cascade = has(node, K::CASCADE);
    let if_exists = has(node, K::IF_EXISTS);
    each(node, K::INDEX_REF, |name| {
        Change::DropIndex(DropIndex { name, concurrently, cascade, if_exists })
    })
}

fn relation_change(node: &SyntaxNode) -> Option<Change> {
    Some(match node.kind() {
        K::CREATE_TRIGGER => Change::CreateTrigger(name_in(node, K::ON_RELATION)?),
        K::DROP_TRIGGER => Change::DropTrigger(name_in(node, K::ON_RELATION)?),
        // ACCESS EXCLUSIVE, measured on 15, unlike the trigger's creation.
        K::ALTER_TRIGGER => {
            Change::Police(name_in(node, K::ON_RELATION).or_else(|| name_in(node, K::ON_TABLE))?)
        }
        K::CREATE_POLICY
        | K::ALTER_POLICY
        | K::DROP_POLICY
        | K::CREATE_RULE
        | K::DROP_RULE
        | K::ALTER_RULE => Change::Police(
            [K::ON_TABLE, K::ON_RELATION, K::RULE_ON]
                .into_iter()
                .find_map(|on| name_in(node, on))?,
        ),
        K::CREATE_VIEW => Change::CreateView(name_in(node, K::VIEW)?),
        K::ALTER_VIEW => Change::CreateView(name_in(node, K::VIEW_REF)?),
        K::CREATE_MATERIALIZED_VIEW => Change::CreateMaterializedView(name(node)?),
        K::ALTER_MATERIALIZED_VIEW => Change::AlterMaterializedView(name(node)?),
        K::REFRESH => Change::Refresh(name(node)?, has(node, K::CONCURRENTLY_KW)),
        K::CLUSTER => Change::Cluster(
            name_in(node, K::TABLE_NAME_REF)
                .or_else(|| below(node, K::ON_PATH).as_ref().and_then(name)),
        ),
        K::VACUUM => {
            Change::Vacuum(Vacuum { full: has_below(node, K::FULL_KW), tables: listed(node) })
        }
        K::ANALYZE => Change::Analyze(listed(node)),
        K::COMMENT_ON => comment(node)?,
        K::CREATE_SEQUENCE | K::ALTER_SEQUENCE => Change::Sequence(name(node)?),
        K::DROP_SEQUENCE => Change::DropSequence(name(node)?),
        _ => return None,
    })
}

fn listed(node: &SyntaxNode) -> Vec<crate::domain::change::Name> {
    child(node, K::TABLE_AND_COLUMNS_LIST)
        .map(|list| names_in(&list, K::TABLE_AND_COLUMNS))
        .unwrap_or_default()
}

fn comment(node: &SyntaxNode) -> Option<Change> {
    if let Some(column) = child(node, K::OBJECT_COLUMN) {
        let mut path = parts(&column);
        let column = path.pop();
        let text = comment_text(node);
        return named(&path).map(|table| Change::Comment(Comment { table, column, text }));
    }
    let object = |kind| child(node, kind);
    let whole = [
        K::OBJECT_TABLE,
        K::OBJECT_VIEW,
        K::OBJECT_MATERIALIZED_VIEW,
        K::OBJECT_SEQUENCE,
        K::OBJECT_FOREIGN_TABLE,
    ];
    let part = [K::OBJECT_CONSTRAINT, K::OBJECT_TRIGGER, K::OBJECT_RULE, K::OBJECT_POLICY];
    let owner = |part: SyntaxNode| {
        name_in(&part, K::TABLE_NAME_REF).or_else(|| name_in(&part, K::RELATION_NAME_REF))
    };
    if let Some(relation) = whole.into_iter().find_map(object) {
        let text = comment_text(node);
        name(&relation).map(|table| Change::Comment(Comment { table, column: None, text }))
    } else if let Some(index) = object(K::OBJECT_INDEX) {
        name(&index).map(Change::AlterIndex)
    } else if let Some(table) = part.into_iter().find_map(object).and_then(owner) {
        Some(Change::Touch(table, Mode::AccessShare))
    } else {
        Some(Change::Catalog(leading_words(node)))
    }
}

/// Returns what a comment says; `None` for NULL and, as for the server, for nothing.
fn comment_text(node: &SyntaxNode) -> Option<String> {
    let literal = node.children().find(|inner| inner.kind() == K::LITERAL)?;
    let text = text(&literal);
    (text != "''" && !text.eq_ignore_ascii_case("null")).then_some(text)
}

fn lock(node: &SyntaxNode) -> Vec<Change> {
    let mode = below(node, K::LOCK_MODE_CLAUSE)
        .and_then(|clause| clause.children().next())
        .map_or_else(|| String::from("ACCESS EXCLUSIVE"), |mode| text(&mode).to_uppercase());
    within(node, K::RELATION_LIST, K::RELATION_NAME, |table| Change::Lock(table, mode.clone()))
}

fn data(node: &SyntaxNode) -> Option<Change> {
    let verb = match node.kind() {
        K::INSERT => Verb::Insert,
        K::COPY if below(node, K::COPY_FROM).is_some() => Verb::Insert,
        K::COPY => return Some(Change::Read),
        K::UPDATE => Verb::Update,
        K::DELETE => Verb::Delete,
        K::MERGE => Verb::Merge,
        _ => return None,
    };
    let places = [K::RELATION_NAME, K::RELATION_NAME_REF, K::TABLE_RELATION_NAME, K::COPY_TABLE];
    let table = places.into_iter().find_map(|place| name_in(node, place))?;
    let filter = child(node, K::WHERE_CLAUSE).map(|clause| text(&clause)[5..].trim().to_owned());
    let set = child(node, K::SET_CLAUSE);
    let overwrites = child(node, K::ON_CONFLICT_CLAUSE)
        .and_then(|clause| below(&clause, K::CONFLICT_DO_UPDATE_SET));
    let set = set.or_else(|| overwrites.as_ref().and_then(|inner| child(inner, K::SET_CLAUSE)));
    let columns = set.map(|set| targets(&set)).unwrap_or_default();
    Some(Change::Data(Data { table, verb, filter, columns }))
}

fn targets(set: &SyntaxNode) -> Vec<String> {
    let targets = set.descendants().filter(|inner| inner.kind() == K::COLUMN_TARGET);
    targets.flat_map(|target| idents(&target, K::COLUMN_NAME_REF)).collect()
}

/// Returns what a statement reads beside what it changes. The body of a function, a rule or
/// a policy is run later.
fn beside(node: &SyntaxNode) -> Vec<Change> {
    match node.kind() {
        K::CREATE_VIEW
        | K::CREATE_MATERIALIZED_VIEW
        | K::CREATE_STATISTICS
        | K::CREATE_PUBLICATION
        | K::ALTER_PUBLICATION
        | K::CREATE_SEQUENCE
        | K::ALTER_SEQUENCE
        | K::CREATE_POLICY
        | K::ALTER_POLICY
        | K::GRANT
        | K::REVOKE => query::touches(node),
        K::CREATE_TRIGGER => child(node, K::FROM_TABLE)
            .and_then(|from| name_in(&from, K::TABLE_NAME_REF))
            .map(|from| Change::Touch(from, Mode::AccessShare))
            .into_iter()
            .collect(),
        K::CREATE_RULE => planned(node),
        K::CREATE_FUNCTION | K::CREATE_PROCEDURE => body(node),
        _ => Vec::new(),
    }
}

/// Returns what is locked of that which a statement holds but does not run.
fn planned(node: &SyntaxNode) -> Vec<Change> {
    let data = node.descendants().filter_map(|inner| data(&inner));
    let written = data.filter_map(|change| match change {
        Change::Data(data) => Some(Change::Touch(data.table, Mode::RowExclusive)),
        _ => None,
    });
    written.chain(query::touches(node)).collect()
}

/// A body in SQL is looked through when it is made, one in another language when it runs.
fn body(node: &SyntaxNode) -> Vec<Change> {
    if below(node, K::ATOMIC_BODY).is_some() {
        return planned(node);
    }
    let words = text(node).to_lowercase();
    if !words.split_whitespace().any(|w| w == "sql" || w == "'sql'") {
        return Vec::new();
    }
    let Some(written) = below(node, K::AS_FUNC_OPTION).as_ref().and_then(expression::string) else {
        return Vec::new();
    };
    let inner = super::compile(&written).statements.into_iter().flat_map(|one| one.changes);
    let locked = inner.filter_map(|change| match change {
        Change::Data(data) => Some(Change::Touch(data.table, Mode::RowExclusive)),
        touch @ Change::Touch(..) => Some(touch),
        _ => None,
    });
    locked.collect()
}

/// Returns every change of rows, also those of a `WITH`, and what is read for it.
fn changed(node: &SyntaxNode) -> Vec<Change> {
    let mut changes: Vec<Change> = node.descendants().filter_map(|inner| data(&inner)).collect();
    changes.extend(query::touches(node));
    changes
}

/// The plan alone takes the locks of planning; `ANALYZE` runs the statement.
fn explain(node: &SyntaxNode) -> Vec<Change> {
    let Some(inner) = node.descendants().skip(1).find(|inner| !changes_of(inner).is_empty()) else {
        return vec![Change::Unknown(String::from("explains what is not understood"))];
    };
    let inner = changes_of(&inner);
    if node.children_with_tokens().any(|part| is_analyze(&part)) {
        return inner;
    }
    let planned = inner.into_iter().filter_map(|change| match change {
        Change::Data(data) => Some(Change::Touch(data.table, Mode::RowExclusive)),
        touch @ Change::Touch(..) => Some(touch),
        _ => None,
    });
    std::iter::once(Change::Read).chain(planned).collect()
}

fn is_analyze(part: &squawk_syntax::SyntaxElement) -> bool {
    part.kind() == K::ANALYZE_KW
        || part
            .as_node()
            .is_some_and(|node| !Stmt::can_cast(node.kind()) && has_below_word(node, "analyze"))
}

fn has_below_word(node: &SyntaxNode, word: &str) -> bool {
    !node.descendants().any(|inner| Stmt::can_cast(inner.kind()))
        && text(node).to_lowercase().contains(word)
}

fn changes_of(node: &SyntaxNode) -> Vec<Change> {
    if Stmt::can_cast(node.kind()) { changes(node) } else { Vec::new() }
}

/// A query at the top: a pure read, or something that hides a change.
fn select(node: &SyntaxNode) -> Vec<Change> {
    let hidden = node.descendants().filter_map(|inner| data(&inner)).collect::<Vec<_>>();
    let calls = expression::calls(node);
    let touches = query::touches(node);
    let mut changes = if let Some(into) = into(node) {
        vec![into]
    } else if !hidden.is_empty() {
        hidden
    } else if calls == ["set_config"] {
        let name = expression::string(node).unwrap_or_default();
        vec![Change::Setting(name, String::new())]
    } else if let Some(call) = expression::counts(&calls) {
        vec![Change::Catalog(call)]
    } else if let Some(call) = expression::opaque_call(node) {
        vec![Change::Unknown(format!("calls {call}(), which may do anything"))]
    } else {
        vec![Change::Read]
    };
    changes.extend(touches);
    changes
}

/// `SELECT … INTO` makes a table as `CREATE TABLE AS` does.
fn into(node: &SyntaxNode) -> Option<Change> {
    let clause = below(node, K::INTO_CLAUSE)?;
    name(&clause).map(table::filled)
}

fn session_change(node: &SyntaxNode) -> Option<Change> {
    Some(match node.kind() {
        K::SET => setting(node),
        K::RESET
        | K::SET_ROLE
        | K::SET_SESSION_AUTH
        | K::RESET_ROLE
        | K::SET_CONSTRAINTS
        | K::DISCARD => Change::Setting(leading_words(node).to_lowercase(), String::new()),
        K::BEGIN => Change::Transaction(Transaction::Begin),
        K::COMMIT_TRANSACTION => Change::Transaction(Transaction::Commit),
        K::ROLLBACK_TRANSACTION => Change::Transaction(Transaction::Rollback),
        K::SAVEPOINT_CREATE
        | K::RELEASE_SAVEPOINT
        | K::ROLLBACK_TO_SAVEPOINT
        | K::SET_TRANSACTION => Change::Transaction(Transaction::Savepoint),
        K::SHOW => Change::Read,
        _ => return None,
    })
}

fn setting(node: &SyntaxNode) -> Change {
    let name = below(node, K::CONFIG_PARAMETER_REF).map(|name| text(&name).to_lowercase());
    let zone = || below(node, K::SET_TIME_ZONE).map(|_| String::from("timezone"));
    let name = name.or_else(zone).unwrap_or_else(|| leading_words(node).to_lowercase());
    let value = below(node, K::TO_CONFIG_VALUE);
    if let Some(value) = value.as_ref().filter(|_| name == "search_path") {
        return Change::Setting(name, schemas(&text(value)));
    }
    let value = value.and_then(|value| expression::string(&value).or_else(|| Some(text(&value))));
    Change::Setting(name, value.unwrap_or_default().to_lowercase())
}

/// Returns the schemas of a search path, folded, with commas between them.
fn schemas(written: &str) -> String {
    let list = written.trim_start_matches(|c: char| c == '=' || c.is_whitespace());
    let list = list.strip_prefix("to ").or_else(|| list.strip_prefix("TO ")).unwrap_or(list);
    let fold = |schema: &str| match schema.trim() {
        quoted if quoted.starts_with(['"', '\'']) => {
            quoted.trim_matches(|c| c == '"' || c == '\'').to_owned()
        }
        bare => bare.to_lowercase(),
    };
    list.split(',').map(fold).collect::<Vec<_>>().join(",")
}
