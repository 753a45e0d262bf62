//! SQL: split into statements and compiled to [`Change`]s by squawk-syntax, a
//! parser of PostgreSQL's own grammar that keeps the exact text of everything.

mod column;
mod expression;
mod node;
mod object;
mod query;
pub mod question;
pub mod squawk;
mod statement;
mod table;

use std::collections::BTreeSet;

use squawk_syntax::ast::{AstNode, Stmt};
use squawk_syntax::{SourceFile, SyntaxElement, SyntaxKind, SyntaxNode};

use crate::domain::change::{Change, Statement};

/// What a text of SQL holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compiled {
    /// The statements, in order; text that is no statement is one too, of [`Change::Unknown`].
    pub statements: Vec<Statement>,
    /// What the parser could not read.
    pub errors: Vec<Fault>,
}

/// A place that the parser could not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// What the parser said.
    pub message: String,
}

/// Returns the numbers of the parameters that a text takes: those of `$1`, `$2`…, not in texts
/// and comments, nor those of a function or of a prepared statement that it makes.
#[must_use]
pub fn parameters(text: &str) -> BTreeSet<usize> {
    let file = SourceFile::parse(text).tree();
    let tokens = file.syntax().descendants_with_tokens().filter_map(SyntaxElement::into_token);
    let params = tokens.filter(|token| token.kind() == SyntaxKind::POSITIONAL_PARAM);
    let makes = [SyntaxKind::CREATE_FUNCTION, SyntaxKind::CREATE_PROCEDURE, SyntaxKind::PREPARE];
    let params =
        params.filter(|token| !token.parent_ancestors().any(|above| makes.contains(&above.kind())));
    params.filter_map(|token| token.text().strip_prefix('$')?.parse().ok()).collect()
}

/// Checks that a text takes as many values as are bound to it: the server takes them with one
/// statement only, and all of them.
///
/// # Errors
/// Why it does not.
pub fn fits(text: &str, binds: usize) -> Result<(), String> {
    let asked = parameters(text);
    if binds > 0 && compile(text).statements.len() != 1 {
        return Err("values are bound to one statement: make steps of the others".to_owned());
    }
    if asked == (1..=binds).collect() {
        return Ok(());
    }
    let takes: Vec<String> = asked.iter().map(|one| format!("${one}")).collect();
    let takes = if takes.is_empty() { "none".to_owned() } else { takes.join(", ") };
    Err(format!("`binds` holds {binds} values, and the statement takes {takes}"))
}

/// Compiles SQL text; never fails: what is not understood is in the result as such.
#[must_use]
pub fn compile(text: &str) -> Compiled {
    let parse = SourceFile::parse(text);
    let file = parse.tree();
    let lines = Lines::of(text);
    let faults = faults(&parse, &file);
    let statements = pieces(file.syntax())
        .into_iter()
        .filter_map(|piece| piece.statement(text, &lines, &faults))
        .collect();
    let errors = faults
        .iter()
        .map(|(at, message)| Fault { line: lines.line(*at), message: message.clone() })
        .collect();
    Compiled { statements, errors }
}

/// Returns the parser's errors with their offsets, without those inside of
/// function bodies: those are checked by the server only when the function runs.
fn faults(parse: &squawk_syntax::Parse<SourceFile>, file: &SourceFile) -> Vec<(usize, String)> {
    let errors = parse.errors();
    if errors.is_empty() {
        return Vec::new();
    }
    let bodies = file.sql_body_errors();
    errors
        .into_iter()
        .filter(|error| !bodies.contains(error))
        .map(|error| (usize::from(error.range().start()), error.message().to_owned()))
        .collect()
}

/// A stretch of the text: a statement, or what the parser made nothing of.
enum Piece {
    Parsed(SyntaxNode),
    /// From, to, and whether no semicolon has ended it yet.
    Stray(usize, usize, bool),
}

impl Piece {
    fn statement(self, text: &str, lines: &Lines, faults: &[(usize, String)]) -> Option<Statement> {
        let (start, end) = self.range();
        let sql = text[start..end].trim_end().trim_end_matches(';').trim_end();
        if sql.is_empty() {
            return None;
        }
        let (kind, mut changes) = match &self {
            Self::Parsed(node) => (statement::kind(node), statement::changes(node)),
            Self::Stray(..) => (String::from("unknown"), Vec::new()),
        };
        let broken = faults.iter().find(|(at, _)| (start..=end).contains(at));
        if let Some((_, message)) = broken {
            changes.push(Change::Unknown(format!("syntax error: {message}")));
        } else if changes.is_empty() {
            changes.push(Change::Unknown(String::from("not understood")));
        }
        Some(Statement { line: lines.line(start), sql: sql.to_owned(), kind, changes })
    }

    fn range(&self) -> (usize, usize) {
        match self {
            Self::Parsed(node) => {
                (usize::from(node.text_range().start()), usize::from(node.text_range().end()))
            }
            Self::Stray(start, end, _) => (*start, *end),
        }
    }
}

/// Returns everything in the file but white space, comments and bare semicolons.
fn pieces(root: &SyntaxNode) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for element in root.children_with_tokens().filter(|element| !element.kind().is_trivia()) {
        match (pieces.last_mut(), element) {
            // Up to its semicolon it is one statement to the server, whatever follows.
            (Some(Piece::Stray(_, end, open)), element) if *open => {
                *open = !ends_statement(&element);
                *end = usize::from(element.text_range().end());
            }
            (_, SyntaxElement::Node(node)) if node.kind() == SyntaxKind::EMPTY_STMT => {}
            (_, SyntaxElement::Node(node)) if Stmt::can_cast(node.kind()) => {
                pieces.push(Piece::Parsed(node));
            }
            (_, element) if element.kind() == SyntaxKind::SEMICOLON => {}
            (_, element) => {
                let range = element.text_range();
                pieces.push(Piece::Stray(range.start().into(), range.end().into(), true));
            }
        }
    }
    pieces
}

fn ends_statement(element: &SyntaxElement) -> bool {
    element.to_string().ends_with(';')
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(after_newlines).collect())
    }

    /// Returns the line of a byte offset, from 1.
    fn line(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset)
    }
}
