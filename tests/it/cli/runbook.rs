//! `runbook list`, `check` and `allow`.

use super::lk::Lk;

const BOOK: &str = "schema = 1\nid = \"mine\"\ntitle = \"Mine\"\nentry = \"a\"\n\
    [[section]]\nid = \"a\"\ntitle = \"A\"\n[[section.step]]\nid = \"hello\"\nkind = \"notice\"\n\
    title = \"Hello\"\ntext = \"Read this.\"\n";

fn lk() -> Lk {
    let lk = Lk::at("postgresql:///nowhere?host=/nonexistent&user=nobody");
    std::fs::create_dir(lk.project().join("runbooks")).expect("it can be made");
    lk.write("runbooks/mine.toml", BOOK);
    lk
}

#[test]
fn a_file_is_walked_only_after_its_content_was_allowed() {
    let lk = lk();
    let listed = lk.run(&["runbook", "list"]).out();
    assert!(listed.contains("migrate: ") && listed.contains("NOT ALLOWED"), "{listed}");
    lk.run(&["run", "mine", "--plain"]).refuses("lockkeeper runbook allow");
    let allowed = lk.run(&["runbook", "allow", "runbooks/mine.toml"]);
    assert_eq!(allowed.code(), 0, "{}", allowed.said());
    assert!(allowed.out().contains("sha256 ") && allowed.out().contains("mine.toml"));
    assert!(lk.run(&["runbook", "list"]).out().contains("mine.toml, allowed"));
    lk.write("runbooks/mine.toml", &BOOK.replace("Read", "Do"));
    lk.run(&["run", "mine", "--plain"]).refuses("lockkeeper runbook allow");
}

#[test]
fn problems_have_path_line_key_and_what_was_meant() {
    let lk = lk();
    assert_eq!(lk.run(&["runbook", "check", "runbooks/mine.toml"]).code(), 0);
    lk.write("runbooks/mine.toml", &BOOK.replace("text =", "txet ="));
    let checked = lk.run(&["runbook", "check", "runbooks/mine.toml"]);
    assert_eq!(checked.code(), 1, "{}", checked.said());
    let said = checked.out();
    assert!(said.contains("runbooks/mine.toml:12") && said.contains("did you mean"), "{said}");
    lk.run(&["runbook", "check", "nowhere.toml"]).refuses("cannot be read");
    lk.run(&["runbook", "allow", "runbooks/mine.toml"]).refuses("mine.toml:12");
    lk.run(&["run", "migarte", "--plain"]).refuses("did you mean `migrate`");
}
