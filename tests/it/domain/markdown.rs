//! Text from anywhere in a page of Markdown means nothing but itself.

use lockkeeper::domain::markdown::{block, code, quotation, text};

#[test]
fn no_sign_of_markdown_or_html_is_left_unescaped() {
    let hostile = "**b** _i_ `c` [l](x) <b> # h | t & ~~s~~ ![i](x) \\";
    let shown = text(hostile);
    let mut signs = shown.chars().peekable();
    while let Some(c) = signs.next() {
        if c == '\\' {
            assert!(signs.next().is_some_and(|next| next.is_ascii_punctuation()), "{shown}");
        } else {
            assert!(!"*_`[]<>#|&~!".contains(c), "{c} in {shown}");
        }
    }
}

#[test]
fn code_is_fenced_by_more_backticks_than_it_holds() {
    for hostile in ["a", "`", "``` x", "a```b````c", "", " "] {
        let shown = code(hostile);
        let fence = shown.chars().take_while(|c| *c == '`').count();
        let inside = shown.trim_matches('`');
        let longest = inside.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        assert!(hostile.trim().is_empty() || fence > longest, "{hostile}: {shown}");
    }
}

#[test]
fn no_line_ends_a_block() {
    let shown = block(["```", "````` x", "\u{1b}[2J", "fine"]);
    let fence = shown.lines().next().expect("a fence").trim_end_matches("text").to_owned();
    assert_eq!(shown.lines().filter(|line| line.starts_with(&fence)).count(), 2, "{shown}");
    assert!(!shown.contains('\u{1b}'));
}

#[test]
fn a_quoted_line_begins_no_list_and_no_rule() {
    let shown = quotation("- a\n1. b\n12) c\n---\n===\n\n# d\n+ e\n2026 was\n: f");
    let lines: Vec<&str> = shown.lines().collect();
    let expected = [
        "> \\- a",
        "> 1\\. b",
        "> 12\\) c",
        "> \\---",
        "> \\===",
        ">",
        "> \\# d",
        "> \\+ e",
        "> 2026 was",
        "> \\: f",
    ];
    assert_eq!(lines, expected);
}
