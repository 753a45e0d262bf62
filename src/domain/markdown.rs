//! Text from anywhere as Markdown (`CommonMark`, GFM) that means nothing but itself.

use super::untrusted::Untrusted;

/// Returns text on one line, with every sign that Markdown could read escaped. It stands
/// behind something, never at the beginning of a line.
#[must_use]
pub fn text(raw: &str) -> String {
    let special = |c: char| {
        matches!(c, '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '|' | '#' | '~' | '&' | '!')
    };
    Untrusted::from(raw).one_line().chars().fold(String::new(), |mut text, c| {
        text.extend(special(c).then_some('\\'));
        text.push(c);
        text
    })
}

/// Returns text on one line as code: fenced by more backticks than it holds.
#[must_use]
pub fn code(raw: &str) -> String {
    let shown = Untrusted::from(raw).one_line();
    if shown.is_empty() {
        return "(nothing)".to_owned();
    }
    let fence = "`".repeat(longest_run(&shown) + 1);
    let pad = if shown.starts_with('`') || shown.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{shown}{pad}{fence}")
}

/// Returns lines as a block of code that none of them can end.
#[must_use]
pub fn block<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    let shown: Vec<String> =
        lines.into_iter().map(|line| Untrusted::from(line).visible().replace('\n', " ")).collect();
    let longest = shown.iter().map(|line| longest_run(line)).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}text\n{}\n{fence}\n", shown.join("\n"))
}

/// Returns what a person wrote as a quotation, line by line.
#[must_use]
pub fn quotation(raw: &str) -> String {
    let line = |line: &str| {
        let shown = text(line);
        // Behind the quotation's mark a line begins anew: it must not begin a list or a rule.
        let number = shown.chars().take_while(char::is_ascii_digit).count();
        let (before, after) = shown.split_at(number);
        match after.chars().next() {
            None if before.is_empty() => ">\n".to_owned(),
            Some('-' | '+' | '=' | ':') if number == 0 => format!("> \\{shown}\n"),
            Some('.' | ')') if number > 0 => format!("> {before}\\{after}\n"),
            _ => format!("> {shown}\n"),
        }
    };
    raw.trim().lines().map(line).collect()
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}
