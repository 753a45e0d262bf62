//! `runbook list`, `show`, `check` and `allow`; what a bad or changed file does to a run.

use super::lk::Lk;
use crate::support::server::database;

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

/// A runbook with SQL that only a server can judge.
const ASKS: &str = "schema = 1\nid = \"mine\"\ntitle = \"Mine\"\nentry = \"a\"\n\
    [probe.rows]\nsql = \"select count(*) from expences\"\n\
    [[section]]\nid = \"a\"\ntitle = \"A\"\n[[section.step]]\nid = \"count\"\nkind = \"check\"\n\
    title = \"Count\"\nprobe = \"rows\"\nexpect = { equals = 0 }\n\
    [[section.step]]\nid = \"mend\"\nkind = \"act\"\ntitle = \"Mend\"\n\
    sql = \"update expenses set note = $1\"\nbinds = [\"x\"]\nrisk = \"lossy\"\n\
    [[section.step]]\nid = \"gone\"\nkind = \"act\"\ntitle = \"Gone\"\n\
    sql = \"delete from nowhere\"\nrisk = \"lossy\"\n";

#[test]
fn a_check_is_one_document_with_the_place_of_each_finding() {
    let lk = lk();
    lk.write("runbooks/mine.toml", &BOOK.replace("Read this.", "Call [Contact Info]."));
    let checked = lk.run(&["runbook", "check", "runbooks/mine.toml", "--json"]);
    let document = checked.document("runbook-check");
    assert_eq!((checked.code(), &document["verdict"]), (1, &"fail".into()));
    let found = &document["files"][0]["findings"][0];
    assert_eq!((&found["rule"], &found["line"]), (&"blank".into(), &12.into()), "{found}");
    assert_eq!(found["key"], "section.step.text");
    let all = lk.run(&["runbook", "check"]);
    assert_eq!(all.code(), 1, "the file beside the configuration is among them: {}", all.out());
    assert!(all.out().contains("rollback: ") && all.out().contains("nothing is wrong"));
}

#[test]
fn sql_is_prepared_on_a_target_and_never_run() {
    let database = database("runbook_prepare");
    database.execute("CREATE TABLE expenses (id int, note text); INSERT INTO expenses VALUES (1)");
    let lk = Lk::on(&database);
    lk.write("asks.toml", ASKS);
    assert_eq!(lk.run(&["runbook", "check", "asks.toml"]).code(), 0, "it can be parsed");
    let dsn = database.dsn();
    let checked = lk.run(&["runbook", "check", "asks.toml", "--dsn", &dsn]);
    let said = checked.out();
    assert_eq!(checked.code(), 1, "{said}");
    assert!(said.contains("asks.toml:6: `probe.rows.sql`") && said.contains("expences"), "{said}");
    assert!(
        said.contains("\"nowhere\" does not exist") && !said.contains("\"expenses\""),
        "{said}"
    );
    lk.write(
        "asks.toml",
        &ASKS.replace("expences", "expenses").replace("from nowhere", "from expenses"),
    );
    let checked = lk.run(&["runbook", "check", "asks.toml", "--dsn", &dsn]);
    assert_eq!(checked.code(), 0, "{} {}", checked.out(), checked.said());
    let rows = lk.run(&["backup", "--plan", "--json"]);
    assert_eq!(rows.code(), 0, "the database is still as it was: {}", rows.said());
    let away = "postgresql:///nowhere?host=/nonexistent&user=nobody";
    let checked = lk.run(&["runbook", "check", "asks.toml", "--dsn", away]);
    assert_eq!(checked.code(), 2, "who cannot be asked is no yes: {}", checked.said());
}

#[test]
fn a_runbook_is_printed_for_paper_with_boxes_blanks_and_commands() {
    let lk = lk();
    for name in ["migrate", "rollback", "backup", "rehearsal", "validate", "incident"] {
        let shown = lk.run(&["runbook", "show", name]);
        assert_eq!(shown.code(), 0, "{}", shown.said());
        assert!(shown.out().starts_with("# "), "{name}");
    }
    let page = lk.run(&["runbook", "show", "rollback"]).out();
    for part in [
        "- [ ] downgrade one → Ending: downgrade one revision (`downgrade`)",
        "- [ ] cannot tell → a person of the next level",
        "```sh\nlockkeeper down\n```",
        "- not `alembic downgrade -1`:",
        "## Gates",
        "## Known errors",
        "built in, SHA-256",
    ] {
        assert!(page.contains(part), "no {part:?} in:\n{page}");
    }
    assert!(lk.run(&["runbook", "show", "runbooks/mine.toml"]).out().contains("Read this."));
    lk.run(&["runbook", "show", "rolback"]).refuses("did you mean `rollback`");
}

#[test]
fn a_file_that_changes_during_the_run_is_told_and_not_followed() {
    let database = database("runbook_edited");
    let lk = Lk::on(&database);
    std::fs::create_dir(lk.project().join("runbooks")).expect("it can be made");
    let two = format!(
        "{BOOK}[[section.step]]\nid = \"second\"\nkind = \"notice\"\ntitle = \"Second\"\ntext = \"Read that.\"\n"
    );
    lk.write("runbooks/mine.toml", &two);
    lk.run(&["runbook", "allow", "runbooks/mine.toml"]);
    let mut typed = lk.typed(&["run", "mine", "--plain"]);
    typed.expect("Read this.");
    lk.write("runbooks/mine.toml", &two.replace("Read that.", "Drop everything."));
    // It is looked at with each record, and those of before may still be on their way.
    typed.line("1");
    typed.expect("has changed since the run began");
    typed.line("7777");
    typed.answer("7777 is none of the numbers", "x");
    typed.answer("x is none of the numbers", "1");
    typed.expect("THE RUN IS OVER: the runbook was walked to its end");
    let (text, code) = typed.end();
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("Read that.") && !text.contains("Drop everything."), "{text}");
}

#[test]
fn a_run_of_a_newer_version_is_not_taken_up_and_stays_as_it_is() {
    let database = database("runbook_newer");
    let lk = Lk::on(&database);
    let mut typed = lk.typed(&["run", "--plain"]);
    typed.expect("What this does");
    typed.answer("number> ", "0");
    typed.end();
    let runs = lk.state().join("lockkeeper/runs");
    let run = std::fs::read_dir(&runs).expect("runs").next().expect("one").expect("it reads");
    let file = run.path().join("journal.jsonl");
    let text = std::fs::read_to_string(&file).expect("it reads");
    std::fs::write(&file, text.replace("\"v\":1,", "\"v\":99,")).expect("it can be written");
    let before = std::fs::read(&file).expect("it reads");
    let name = run.file_name().to_string_lossy().into_owned();
    let resumed = lk.run(&["resume", &name, "--plain"]);
    assert_ne!(resumed.code(), 0, "{} {}", resumed.out(), resumed.said());
    assert!(resumed.said().contains("newer"), "{}", resumed.said());
    assert_eq!(std::fs::read(&file).expect("it reads"), before, "nothing is written into it");
}
