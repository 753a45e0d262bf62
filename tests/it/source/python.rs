//! Python read by descent, piece by piece: in a debug build each tree is compared with the one
//! that tree-sitter makes of the whole file, and a difference ends the test.

use lockkeeper::domain::change::Change;
use lockkeeper::source::python::Module;
use lockkeeper::source::python::alembic::{compile, header};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Everything that is read by descent, and a little that is not.
const REVISION: &str = r#"# License
"""
doc {x}

Revises: b
"""

import sqlalchemy as sa
import os.path, re as r

from typing import (
    Sequence,
    Union,
)  # names
from alembic import op

revision: str = "a"
down_revision: str | Sequence[str] | None = ("b", 'c',)
branch_labels: Union[str, Sequence[str], None] = None
depends_on = []
Kind = sa.Enum("a", 'b\n\'', name=r"k\d", metadata=sa.MetaData())


def upgrade() -> None:
    # first
    op.add_column("t", sa.Column("c", sa.String(length=50), nullable=-1))  # behind

    # second
    op.create_table(
        "t",
        # inside
        sa.Column("id", pg.UUID(as_uuid=True), server_default=sa.text("gen()")),  # here
        sa.Column("n", sa.Numeric(10, 2.5), server_default='{}'),
        *extra, **{"a": 1, 'b': {2, 3}},
    )
    op.execute(
        "a"
        'b'
        """c
    d"""
    )
    op.execute(t.update().where(t.c.x == None).values({t.c[0]: "x" + y}))
    bind = op.get_bind()
    with op.get_context().autocommit_block():
        op.execute("x")
    with op.batch_alter_table("t") as batch:
        batch.drop_column("c")
    if bind.name != "postgresql":
        return
    elif skip():
        ...
    else:
        raise RuntimeError("no\\way")


def downgrade(one, two):
    for it in []:
        pass
    op.drop_table('t')
    return (one)
"#;

const BITS: [&str; 40] = [
    "(", ")", "[", "]", "{", "}", "\"", "'", "\"\"\"", ",", ".", ":", "=", "==", "-", "+", "|",
    "*", "**", "#", "\\", ";", "@", " ", "    ", "\t", "\n", "\r\n", "\n\n    ", "\n# x\n",
    "  # x\n", "0", "1.", "é", "f\"", "None", " in ", "if ", "else:\n", "\u{1}",
];

/// A change of the text at a place: what goes, in characters, and what comes.
fn edit() -> impl Strategy<Value = (Index, usize, &'static str)> {
    (any::<Index>(), 0..4_usize, prop_oneof![Just(""), select(&BITS[..])])
}

/// Returns the revision without what is not read by descent, and with comments below its blocks,
/// as Alembic's own template has them.
fn wholly_plain() -> String {
    let plain = REVISION.replace("    for it in []:\n        pass\n", "").replace("f\"", "\"");
    let plain = plain.replace("no\\\\way\")\n", "no\\\\way\")\n        # so\n    # ### end ###\n");
    plain + "    # ### end ###\n"
}

fn edited(text: &str, edits: &[(Index, usize, &str)]) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for (place, gone, come) in edits {
        let from = place.index(text.len() + 1);
        let to = (from + gone).min(text.len());
        text.splice(from..to, come.chars());
    }
    text.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(384))]

    #[test]
    fn a_broken_or_changed_file_is_read_as_the_grammar_reads_it(
        is_plain in any::<bool>(),
        edits in prop::collection::vec(edit(), 0..4),
    ) {
        let text = if is_plain { wholly_plain() } else { REVISION.to_owned() };
        let module = Module::parse(edited(&text, &edits));
        let _ = (header(&module), compile(&module, "upgrade"), compile(&module, "downgrade"));
    }

    #[test]
    fn some_lines_of_a_plain_file_are_read_as_the_grammar_reads_them(
        kept in prop::collection::vec(prop::bool::weighted(0.9), wholly_plain().lines().count()),
    ) {
        let text = wholly_plain();
        let lines = text.split_inclusive('\n').zip(kept).filter(|(_, kept)| *kept);
        let module = Module::parse(lines.map(|(line, _)| line).collect::<String>());
        prop_assert!(header(&module).labels.is_empty());
    }

    #[test]
    fn some_lines_of_a_file_are_read_as_the_grammar_reads_them(
        kept in prop::collection::vec(prop::bool::weighted(0.9), REVISION.lines().count()),
        ends in any::<bool>(),
    ) {
        let lines = REVISION.lines().zip(kept).filter(|(_, kept)| *kept).map(|(line, _)| line);
        let text = lines.collect::<Vec<_>>().join("\n") + if ends { "\n" } else { "" };
        let module = Module::parse(text);
        prop_assert!(header(&module).labels.is_empty());
    }
}

#[test]
fn a_file_of_all_that_is_read_by_descent_says_what_it_says() {
    let module = Module::parse(REVISION);
    assert_eq!(module.fault(), None);
    let header = header(&module);
    assert_eq!(header.revision.as_deref(), Some("a"));
    assert_eq!(header.down, ["b", "c"]);
    assert_eq!(header.summary.as_deref(), Some("doc {x}"));
    let up = compile(&module, "upgrade").expect("there is one");
    let lines: Vec<usize> = up.statements.iter().map(|statement| statement.line).collect();
    assert_eq!(&lines[..2], [26, 29]);
    let down = compile(&module, "downgrade").expect("there is one");
    let last = down.statements.last().expect("there is one");
    assert_eq!((last.line, last.sql.as_str()), (59, "DROP TABLE t"));
}

#[test]
fn a_comment_below_a_block_is_of_whom_it_is_indented_like() {
    for end in
        ["", "\n", "\n\n\n", "\n# other\n", "\n\n  # less\n", "\n\nx = 1\n", "\n    # one more"]
    {
        let text = format!(
            "def downgrade():\n    if a:\n        op.drop_table('t')\n        # in\n    # ### end ###{end}"
        );
        let down = compile(&Module::parse(text), "downgrade").expect("there is one");
        let lines: Vec<usize> = down.statements.iter().map(|statement| statement.line).collect();
        assert_eq!(lines, [2, 3], "{end:?}");
    }
}

#[test]
fn a_line_that_ends_in_a_comma_is_read_as_the_grammar_reads_it() {
    for text in ["\"\"\"\n\"\"\"\n    Union,\nKind = f('a')\n", "a,\nb = f('a')\n"] {
        assert_eq!(header(&Module::parse(text)).revision, None);
    }
}

#[test]
fn a_chain_is_read_however_long_it_is() {
    for long in [3, 127, 128, 129, 5_000] {
        let sum = vec!["'a'"; long].join(" + ");
        let module = Module::parse(format!("x = {sum}\ny = a{}\n", ".b()".repeat(long)));
        assert_eq!(module.fault(), None);
        assert_eq!(module.top().value("y").map(|value| value.line), Some(2));
    }
}

#[test]
fn brackets_within_brackets_are_read_however_deep_they_go() {
    for depth in [10, 100, 1_000] {
        let text = format!("x = {}{}\n", "[".repeat(depth), "]".repeat(depth));
        let module = Module::parse(text);
        assert_eq!(module.top().value("x").map(|value| value.line), Some(1));
    }
}

#[test]
fn a_type_that_is_made_of_itself_is_told_when_it_runs() {
    let text = "revision = 'a'\ndown_revision = None\njson = sa.JSON()\n\n\ndef upgrade():\n    json = json.with_variant(sa.Text(), 'sqlite')\n    op.add_column('t', sa.Column('c', json))\n\n\ndef downgrade():\n    op.drop_column('t', 'c')\n";
    let module = Module::parse(text);
    let up = compile(&module, "upgrade").expect("there is one");
    assert_eq!(up.statements.len(), 1);
    assert!(matches!(up.statements[0].changes[..], [Change::Unknown(_)]), "{up:?}");
}
