//! Calls of which it is known that they change nothing.

/// Returns the name with which a path begins.
pub(super) fn first(path: &str) -> &str {
    path.split(['.', '(']).next().unwrap_or_default()
}

/// Returns the name with which a path ends.
pub(super) fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or_default()
}

/// Returns true for what only writes a message.
pub(super) fn is_logging(path: &str) -> bool {
    let root = first(path).trim_matches('_').to_lowercase();
    matches!(root.as_str(), "print" | "log" | "logger" | "logging" | "warnings")
        || path == "click.echo"
}

/// Returns what a question for the dialect's name comes to, if it is one.
pub(super) fn is_postgresql(condition: &str) -> Option<bool> {
    let asks = condition.contains("dialect.name") && !condition.contains(" or ");
    if !asks || condition.contains(" and ") || condition.starts_with("not ") {
        return None;
    }
    let named = condition.contains("postgres");
    match (condition.contains("=="), condition.contains("!=")) {
        (true, false) => Some(named),
        (false, true) => Some(!named),
        _ => None,
    }
}

/// Functions of Python that change nothing outside.
pub(super) const BUILT_IN: &[&str] = &[
    "len",
    "str",
    "int",
    "list",
    "dict",
    "set",
    "tuple",
    "range",
    "sorted",
    "isinstance",
    "zip",
    "enumerate",
    "bool",
    "any",
    "all",
    "min",
    "max",
    "sum",
    "getattr",
    "hasattr",
    "repr",
    "map",
    "filter",
    "reversed",
    "float",
    "NotImplementedError",
    "Exception",
    "RuntimeError",
    "ValueError",
    "text",
    "dedent",
];

/// Methods that only build values or read what a query has answered.
pub(super) const METHODS: &[&str] = &[
    "fetchall",
    "fetchone",
    "first",
    "scalars",
    "scalar_one",
    "scalar_one_or_none",
    "all",
    "one",
    "one_or_none",
    "mappings",
    "where",
    "values",
    "select",
    "update",
    "delete",
    "insert",
    "order_by",
    "filter",
    "filter_by",
    "join",
    "bindparams",
    "columns",
    "format",
    "items",
    "keys",
    "get",
    "append",
    "strip",
    "split",
    "lower",
    "upper",
    "is_",
    "in_",
    "isnot",
    "is_not",
    "op",
    "with_variant",
    "limit",
    "select_from",
    "startswith",
    "replace",
    "returning",
    "label",
];
