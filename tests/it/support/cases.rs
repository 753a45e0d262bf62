//! Tables of bad files: a text, then the exact lines that it is answered with.

/// One bad file.
pub struct Case<'a> {
    /// What stands in it.
    pub text: &'a str,
    /// What is said of it.
    pub expected: Vec<&'a str>,
}

/// Returns the cases of a table: each begins with `=====`, its answer with `-----`.
pub fn read(table: &str) -> Vec<Case<'_>> {
    let cases: Vec<Case<'_>> = table
        .split("=====\n")
        .filter_map(|case| case.split_once("-----\n"))
        .map(|(text, expected)| Case { text, expected: expected.lines().collect() })
        .collect();
    assert!(cases.len() > 20, "the table was not read");
    cases
}
