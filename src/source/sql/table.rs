//! `CREATE TABLE` and the actions of `ALTER TABLE`.

use squawk_syntax::{SyntaxKind as K, SyntaxNode};

use crate::domain::change::{Alter, Change, DropConstraint, Name, Retype, Table};

use super::column::{collation, column, constraint, kind};
use super::node::{below, child, has, has_below, ident_in, name, name_in, text};

/// Reads `ALTER TABLE`: one change per action.
pub(super) fn alter(node: &SyntaxNode) -> Vec<Change> {
    let Some(table) = name_in(node, K::TABLE_RELATION_NAME) else {
        return vec![Change::Unknown(String::from("ALTER TABLE of many tables at once"))];
    };
    let skipped = [K::TABLE_RELATION_NAME, K::IF_EXISTS];
    node.children()
        .filter(|action| !skipped.contains(&action.kind()))
        .map(|action| match action_of(&action) {
            Some(alter) => Change::Alter(table.clone(), alter),
            None => Change::Unknown(format!("ALTER TABLE … {}", text(&action))),
        })
        .collect()
}

fn action_of(node: &SyntaxNode) -> Option<Alter> {
    Some(match node.kind() {
        K::ADD_COLUMN => Alter::AddColumn(column(node)?),
        K::DROP_COLUMN => Alter::DropColumn(ident_in(node, K::COLUMN_NAME_REF)?),
        K::ALTER_COLUMN => return alter_column(node),
        K::ADD_CONSTRAINT => {
            Alter::AddConstraint(node.children().find_map(|inner| constraint(&inner, None))?)
        }
        K::ALTER_CONSTRAINT => {
            Alter::AlterConstraint(constraint_name(node)?, !has(node, K::NOT_ENFORCED))
        }
        K::VALIDATE_CONSTRAINT => Alter::ValidateConstraint(constraint_name(node)?),
        K::DROP_CONSTRAINT => Alter::DropConstraint(DropConstraint {
            name: constraint_name(node)?,
            cascade: has(node, K::CASCADE),
            if_exists: has(node, K::IF_EXISTS),
        }),
        K::ATTACH_PARTITION => Alter::Attach(partition(node)?, has(node, K::PARTITION_DEFAULT)),
        K::DETACH_PARTITION => Alter::Detach(partition(node)?, has(node, K::DETACH_CONCURRENTLY)),
        K::INHERIT_TABLE => Alter::Inherit(name(node)?),
        K::NO_INHERIT_TABLE => Alter::NoInherit(name(node)?),
        _ => return rename(node).or_else(|| whole_table(node.kind())),
    })
}

fn rename(node: &SyntaxNode) -> Option<Alter> {
    Some(match node.kind() {
        K::TABLE_RENAME_TO => Alter::Rename(ident_in(node, K::TABLE_NAME)?),
        K::RENAME_COLUMN => Alter::RenameColumn(
            ident_in(node, K::COLUMN_NAME_REF)?,
            ident_in(node, K::COLUMN_NAME)?,
        ),
        K::RENAME_CONSTRAINT => {
            Alter::RenameConstraint(constraint_name(node)?, ident_in(node, K::CONSTRAINT_NAME)?)
        }
        K::SET_SCHEMA => Alter::SetSchema(ident_in(node, K::SCHEMA_REF)?),
        _ => return None,
    })
}

fn whole_table(kind: K) -> Option<Alter> {
    Some(match kind {
        K::ENABLE_TRIGGER
        | K::DISABLE_TRIGGER
        | K::ENABLE_ALWAYS_TRIGGER
        | K::ENABLE_REPLICA_TRIGGER => Alter::Trigger,
        K::ENABLE_RLS
        | K::DISABLE_RLS
        | K::FORCE_RLS
        | K::NO_FORCE_RLS
        | K::ENABLE_RULE
        | K::DISABLE_RULE
        | K::ENABLE_ALWAYS_RULE
        | K::ENABLE_REPLICA_RULE => Alter::RowSecurity,
        K::SET_OPTIONS | K::RESET_OPTIONS | K::CLUSTER_ON | K::SET_WITHOUT_CLUSTER => {
            Alter::Options
        }
        K::SET_LOGGED => Alter::SetLogged(true),
        K::SET_UNLOGGED => Alter::SetLogged(false),
        K::SET_TABLESPACE | K::SET_ACCESS_METHOD => Alter::Move,
        // The options of a foreign table.
        K::ALTER_OPTION_LIST => Alter::Ownership,
        K::OWNER_TO | K::REPLICA_IDENTITY | K::OF_TYPE | K::NOT_OF | K::SET_WITHOUT_OIDS => {
            Alter::Ownership
        }
        _ => return None,
    })
}

fn alter_column(node: &SyntaxNode) -> Option<Alter> {
    let column = ident_in(node, K::COLUMN_NAME_REF)?;
    let option = node.children().find(|inner| inner.kind() != K::COLUMN_NAME_REF)?;
    Some(match option.kind() {
        K::SET_TYPE => Alter::Type(Retype {
            column,
            to: kind(&option),
            collation: collation(&option),
            using: child(&option, K::USING_EXPR).map(|u| text(&u)[5..].trim().to_owned()),
        }),
        K::SET_NOT_NULL => Alter::SetNotNull(column),
        K::DROP_NOT_NULL => Alter::DropNotNull(column),
        K::SET_DEFAULT => {
            let expression = option.children().next().map(|inner| text(&inner));
            Alter::SetDefault(column, expression.unwrap_or_default())
        }
        K::DROP_DEFAULT => Alter::DropDefault(column),
        K::ADD_GENERATED => Alter::AddIdentity(column),
        K::DROP_IDENTITY => Alter::DropIdentity(column),
        K::SET_EXPRESSION => Alter::SetExpression(column),
        K::DROP_EXPRESSION => Alter::DropExpression(column),
        K::SET_STATISTICS | K::SET_OPTIONS | K::SET_OPTIONS_LIST | K::RESET_OPTIONS => {
            Alter::ColumnStatistics(column)
        }
        K::SET_STORAGE
        | K::SET_COMPRESSION
        | K::SET_GENERATED
        | K::SET_GENERATED_OPTIONS
        | K::SET_SEQUENCE_OPTION
        | K::RESTART => Alter::ColumnOption(column),
        _ => return None,
    })
}

fn constraint_name(node: &SyntaxNode) -> Option<String> {
    ident_in(node, K::CONSTRAINT_NAME_REF)
}

fn partition(node: &SyntaxNode) -> Option<Name> {
    name_in(node, K::TABLE_NAME_REF)
}

/// Reads `CREATE TABLE`, also `AS` and `PARTITION OF`.
pub(super) fn create(node: &SyntaxNode) -> Option<Change> {
    let list = child(node, K::TABLE_ARG_LIST);
    let entries: Vec<SyntaxNode> = list.iter().flat_map(SyntaxNode::children).collect();
    let columns: Vec<_> = entries.iter().filter_map(column).collect();
    let mut constraints: Vec<_> = entries.iter().filter_map(|e| constraint(e, None)).collect();
    constraints.extend(columns.iter().flat_map(|column| column.constraints.clone()));
    Some(Change::CreateTable(Table {
        name: name_in(node, K::TABLE_NAME)?,
        columns,
        constraints,
        partition_of: child(node, K::PARTITION_OF).as_ref().and_then(name),
        partitioned: child(node, K::PARTITION_BY).is_some(),
        default_partition: below(node, K::PARTITION_DEFAULT).is_some(),
        unlogged: has_below(node, K::UNLOGGED),
        filled: node.kind() == K::CREATE_TABLE_AS,
        if_not_exists: has(node, K::IF_NOT_EXISTS),
    }))
}

/// Returns the table that `SELECT … INTO` makes.
pub(super) fn filled(name: Name) -> Change {
    Change::CreateTable(Table {
        name,
        columns: Vec::new(),
        constraints: Vec::new(),
        partition_of: None,
        partitioned: false,
        default_partition: false,
        unlogged: false,
        filled: true,
        if_not_exists: false,
    })
}
