//! What can be told of an expression from its stored tree of nodes (`pg_node_tree`), which is
//! read without any lock.

/// Returns the numbers of the columns that a `CHECK` proves to be not NULL: it is
/// `column IS NOT NULL`, or several of such with AND. Anything else proves nothing here.
///
/// The form is that of `outfuncs.c`, the same from PostgreSQL 13 to 18.
pub(super) fn not_null(tree: &str) -> Vec<i32> {
    let tree = tree.trim();
    if tree.starts_with("{NULLTEST ") {
        return of_test(tree).into_iter().collect();
    }
    if !tree.starts_with("{BOOLEXPR :boolop and ") {
        return Vec::new();
    }
    let mut depth = 0_u32;
    let mut found = Vec::new();
    for (at, c) in tree.char_indices() {
        match c {
            '{' => {
                depth += 1;
                if depth == 2 && tree[at..].starts_with("{NULLTEST ") {
                    found.extend(of_test(&tree[at..]));
                }
            }
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    found
}

/// Returns the column of a test that begins here, if it is a plain one for not NULL.
fn of_test(tree: &str) -> Option<i32> {
    let rest = tree.strip_prefix("{NULLTEST :arg {VAR :varno 1 :varattno ")?;
    let (number, rest) = rest.split_once(' ')?;
    let (_, rest) = rest.split_once('}')?;
    rest.trim_start().starts_with(":nulltesttype 1").then(|| number.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::not_null;

    /// `CHECK (proven IS NOT NULL)` on PostgreSQL 15.
    const ONE: &str = "{NULLTEST :arg {VAR :varno 1 :varattno 11 :vartype 23 :vartypmod -1 \
        :varcollid 0 :varlevelsup 0 :varnosyn 1 :varattnosyn 11 :location 9} :nulltesttype 1 \
        :argisrow false :location 16}";

    #[test]
    fn a_test_for_null_proves_nothing() {
        assert_eq!(not_null(ONE), [11]);
        assert!(not_null(&ONE.replace(":nulltesttype 1", ":nulltesttype 0")).is_empty());
        assert!(not_null("{OPEXPR :opno 521}").is_empty());
    }

    #[test]
    fn the_parts_of_an_and_prove_and_those_of_an_or_do_not() {
        let two =
            |word: &str| format!("{{BOOLEXPR :boolop {word} :args ({ONE} {ONE}) :location 5}}");
        assert_eq!(not_null(&two("and")), [11, 11]);
        assert!(not_null(&two("or")).is_empty());
        let within = format!("{{BOOLEXPR :boolop and :args ({} {ONE})}}", two("or"));
        assert_eq!(not_null(&within), [11]);
    }
}
