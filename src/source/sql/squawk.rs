//! squawk's second opinion on SQL text, kept apart from our own and named as its own.
//!
//! squawk-linter 2.68 judges by the text alone: it warns of every change of a type and says
//! nothing of UPDATE, TRUNCATE, CLUSTER, VACUUM FULL, REFRESH or LOCK TABLE. So it stands
//! beside our classifier and decides nothing.

use squawk_linter::{Linter, Rule, Version, Violation};
use squawk_syntax::SourceFile;
use squawk_syntax::ast::AstNode as _;

use super::{Lines, faults, pieces};

/// The rules that have no place here: the timeouts are set by whoever runs the migration,
/// not by its file; comments for squawk are squawk's own matter; and `IF NOT EXISTS`
/// everywhere lets a second CREATE INDEX CONCURRENTLY succeed over the INVALID index that
/// the first one left (PostgreSQL 13 to 18).
const LEFT_OUT: [Rule; 4] = [
    Rule::RequireLockTimeout,
    Rule::RequireStatementTimeout,
    Rule::UnusedIgnore,
    Rule::PreferRobustStmts,
];

/// What squawk says of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// The line that it speaks of, from 1.
    pub line: usize,
    /// squawk's rule.
    pub rule: String,
    /// What is wrong.
    pub message: String,
    /// What squawk advises instead.
    pub help: Option<String>,
    /// Where squawk explains the rule.
    pub url: String,
}

/// Returns the opinions on each statement of [`super::compile`]'s result, in its order.
///
/// `version_num` is the server's, where one is known; otherwise squawk assumes 15.
#[must_use]
pub fn opinions(text: &str, version_num: Option<u32>) -> Vec<Vec<Opinion>> {
    let parse = SourceFile::parse(text);
    let lines = Lines::of(text);
    let file = parse.tree();
    let faults = faults(&parse, &file);
    let pieces = pieces(file.syntax());
    let ranges: Vec<_> = pieces
        .into_iter()
        .filter_map(|piece| {
            let range = piece.range();
            piece.statement(text, &lines, &faults).map(|_| range)
        })
        .collect();
    let mut opinions = vec![Vec::new(); ranges.len()];
    for violation in linter(version_num).lint(&parse, text) {
        let at = usize::from(violation.text_range.start());
        let following = ranges.partition_point(|(start, _)| *start <= at);
        if let Some(of) = opinions.get_mut(following.saturating_sub(1)) {
            of.push(opinion(violation, &lines));
        }
    }
    opinions
}

fn linter(version_num: Option<u32>) -> Linter {
    let mut linter = Linter::with_rules(&[], &LEFT_OUT);
    let major =
        version_num.and_then(|number| (number / 10_000).to_string().parse::<Version>().ok());
    linter.settings.pg_version = major.unwrap_or_default();
    linter
}

fn opinion(violation: Violation, lines: &Lines) -> Opinion {
    let rule = violation.code.to_string();
    Opinion {
        line: lines.line(usize::from(violation.text_range.start())),
        url: format!("https://squawkhq.com/docs/{rule}"),
        rule,
        message: violation.message,
        help: violation.help,
    }
}
