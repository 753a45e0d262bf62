//! Documents as they are printed.

use lockkeeper::cli::json::{document, line};
use lockkeeper::domain::untrusted::Untrusted;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Returns a document that is nested so deep, with a text at each depth.
fn nested(text: &str, depth: usize) -> Value {
    let innermost = json!({ (text): [], "none": {}, "n": null });
    (0..depth).fold(innermost, |inner, at| json!([text, { "at": at, (text): inner }, 1.5, true]))
}

proptest! {
    #[test]
    fn a_document_says_what_it_was_made_of_and_holds_nothing_that_deceives(
        text in any::<String>(),
        depth in 0..24_usize,
    ) {
        let made = nested(&text, depth);
        for printed in [document(&made), line(&made)] {
            prop_assert_eq!(&serde_json::from_str::<Value>(&printed).expect("it is JSON"), &made);
            prop_assert_eq!(Untrusted::from(printed.as_str()).visible(), printed);
        }
    }

    #[test]
    fn what_is_plain_is_printed_as_everybody_prints_it(
        text in "[ -~éß…\n\t\"\\\\]{0,40}",
        depth in 0..24_usize,
    ) {
        let made = nested(&text, depth);
        let pretty = serde_json::to_string_pretty(&made).expect("it is JSON");
        prop_assert_eq!(document(&made), pretty);
        prop_assert_eq!(line(&made), made.to_string());
    }
}

#[test]
fn what_deceives_a_terminal_is_an_escape() {
    let text = "a\u{7f}\u{202e}\u{e0001}é";
    assert_eq!(line(&text), r#""a\u007f\u202e\udb40\udc01é""#);
}
