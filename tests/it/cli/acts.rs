//! Acts of a runbook that reach further than a migration, as an operator runs them in the line
//! mode: an HTTP request, a statement with values, rows out of a backup.

use std::fs;

use lockkeeper::domain::journal::Kind;

use super::lk::Lk;
use super::restore_table::{ask, shop};
use super::walked::{Walker, until_closed};
use crate::support::act::files;
use crate::support::server::{Database, database};
use crate::support::service::{Reply, Service};

const HEAD: &str = "schema = 1\nid = \"acts\"\ntitle = \"Acts\"\n\
    [[section]]\nid = \"main\"\ntitle = \"Main\"\n";

/// What nobody may find anywhere but at the service.
const TOKEN: &str = "c4n4ry-0f-a-t0ken";

fn allowed(lk: &Lk, book: &str) {
    lk.write("acts.toml", book);
    let answer = lk.run(&["runbook", "allow", "acts.toml"]);
    assert_eq!(answer.code(), 0, "{}", answer.said());
}

fn lk(name: &str) -> (Database, Lk) {
    let database = database(name);
    database.execute("CREATE TABLE first (id int PRIMARY KEY, note text, more varchar(80))");
    let lk = Lk::on(&database);
    (database, lk)
}

/// Walks the runbook to its end with its undoing, and returns what was printed.
fn walked(lk: &Lk, env: &[(&str, &str)]) -> String {
    let typed = lk.typed_with(&["run", "--file", "acts.toml", "--plain"], env);
    let mut walker = Walker::of(typed, &[]);
    let end = walker.walk();
    assert!(end.starts_with("the runbook was walked"), "{end}\n{}", walker.said);
    until_closed(lk);
    walker.said.clone()
}

fn announcing(url: &str) -> String {
    format!(
        "{HEAD}[[section.step]]\nid = \"on\"\nkind = \"act\"\ntitle = \"Announce it\"\n\
         undo = {{ http = {{ method = \"DELETE\", url = \"{url}/off\" }} }}\n\
         [section.step.http]\nurl = \"{url}/on\"\nbody = '{{\"on\": true}}'\nstatus = [202]\n\
         idempotency_key = \"Idempotency-Key\"\ntimeout = \"20s\"\n\
         [section.step.http.headers]\nContent-Type = \"application/json\"\n\
         Authorization = {{ env = \"LK_TOKEN\", prefix = \"Bearer \" }}\n"
    )
}

#[test]
fn a_request_goes_out_with_its_secret_which_nothing_of_ours_holds() {
    // Whoever answers may repeat what it was sent.
    let echo = format!("you are {TOKEN}");
    let service = Service::start(Reply::of("202 Accepted", "", &echo));
    let (_database, lk) = lk("acts_http");
    allowed(&lk, &announcing(&service.url("")));
    let said = walked(&lk, &[("LK_TOKEN", TOKEN)]);
    for shown in [
        format!("POST {}", service.url("/on")),
        "Authorization: Bearer ••• (the value of LK_TOKEN)".to_owned(),
        "{\"on\": true}".to_owned(),
        "a success is 202 within 20 s".to_owned(),
        "you are •••".to_owned(),
    ] {
        assert!(said.contains(&shown), "{shown}\n{said}");
    }
    let heard = service.heard();
    let [on, off] = heard.as_slice() else { panic!("{heard:#?}") };
    assert!(on.contains(&format!("Bearer {TOKEN}")), "{on}");
    let lower = on.to_lowercase();
    let (_, key) = lower.split_once("idempotency-key: ").expect("it has a key of its own");
    let key = key.lines().next().expect("a line");
    assert!(key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit()), "{key}");
    assert!(said.contains(&format!("Idempotency-Key: {key}")), "what is sent is shown");
    assert!(off.starts_with("DELETE /off "), "what was opened is undone: {off}");
    assert!(!said.contains(TOKEN), "{said}");
    // The second request was given no secret: what its service answers is not ours to know.
    let kept = files(&lk.state()).into_iter().filter(|file| !file.ends_with("a2-1/out"));
    for file in kept {
        let bytes = fs::read(&file).expect("it reads");
        let found = bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes());
        assert!(!found, "{}", file.display());
    }
}

#[test]
fn a_request_without_its_secret_is_not_planned_and_one_without_an_answer_stays_unknown() {
    let service = Service::start(Reply::Nothing);
    let (_database, lk) = lk("acts_http_lost");
    allowed(&lk, &announcing(&service.url("")));
    let run = ["run", "--file", "acts.toml", "--plain"];
    let mut typed = lk.typed(&run);
    typed.answer("number> ", "1");
    typed.expect("LK_TOKEN has no value");
    typed.kill();
    assert_eq!(service.heard(), [""; 0]);

    let mut typed = lk.typed_with(&run, &[("LK_TOKEN", TOKEN)]);
    typed.answer("number> ", "1");
    typed.answer("Type y to run it", "y");
    typed.expect("ask the service whether it has arrived");
    typed.expect("number> ");
    typed.kill();
    assert_eq!(service.heard().len(), 1, "nothing is sent again");
    let journals = lk.journals();
    let records = || journals.iter().flat_map(|journal| &journal.records);
    let outcome = records().find(|record| record.kind == Kind::Outcome).expect("an outcome");
    assert_eq!(outcome.data["ending"], "unknown");
    let intents = records().filter(|record| record.kind == Kind::Intent).count();
    assert_eq!(intents, 1);
}

#[test]
fn values_go_beside_the_statement_and_never_into_it() {
    let (database, lk) = lk("acts_binds");
    let hostile = "'); DROP TABLE first; --";
    allowed(
        &lk,
        &format!(
            "{}[[section.step]]\nid = \"rows\"\nkind = \"check\"\ntitle = \"Rows\"\n\
             probe = \"rows\"\nexpect = {{ equals = 0 }}\n\
             [[section.step]]\nid = \"note\"\nkind = \"ask\"\ntitle = \"Which note?\"\n\
             var = \"note\"\nfrom = \"text\"\n\
             [[section.step]]\nid = \"write\"\nkind = \"act\"\ntitle = \"Write it\"\n\
             sql = \"insert into first (id, note, more) values ($1, $2, $3)\"\n\
             binds = [\"{{probe.rows}}\", \"{{var.note}}\", \"{hostile}\"]\n",
            HEAD.replace(
                "[[section]]",
                "[probe.rows]\nsql = \"select count(*) from first\"\n[[section]]"
            )
        ),
    );
    let said = walked(&lk, &[]);
    for shown in [
        "$1 = '0'  {probe.rows}".to_owned(),
        "$2 = 'seen by a test'  {var.note}".to_owned(),
        format!("$3 = '{hostile}'"),
        "$1 is bound as int4".to_owned(),
    ] {
        assert!(said.contains(&shown), "{shown}\n{said}");
    }
    let row = "SELECT concat_ws('|', id, note, more) FROM first";
    assert_eq!(ask(&database, row), format!("0|seen by a test|{hostile}"));
}

#[test]
fn a_value_that_does_not_fit_its_type_runs_nothing() {
    let (database, lk) = lk("acts_binds_type");
    let step = |sql: &str, bind: &str| {
        format!(
            "{HEAD}[[section.step]]\nid = \"write\"\nkind = \"act\"\ntitle = \"Write it\"\n\
             sql = \"{sql}\"\nbinds = [\"{bind}\"]\n"
        )
    };
    let into = "insert into first (id) values ($1)";
    for (sql, bind, why) in [
        (into, "many", "$1: \"many\" is no int4"),
        (into, "2147483648", "is no int4"),
        ("select $1::date", "2026-01-01", "write $n::text::date"),
        ("insert into first (id) values ($1::text::int)", "many", "invalid input syntax"),
    ] {
        allowed(&lk, &step(sql, bind));
        let mut typed = lk.typed(&["run", "--file", "acts.toml", "--plain"]);
        typed.answer("number> ", "1");
        typed.answer("Type y to run it", "y");
        typed.expect(why);
        typed.kill();
    }
    assert_eq!(ask(&database, "SELECT count(*)::text FROM first"), "0");
}

#[test]
fn rows_of_tables_come_back_out_of_a_backup_act_by_act() {
    let (database, lk, dump) = shop("acts_tables");
    database.execute("DELETE FROM orders WHERE id > 40");
    allowed(
        &lk,
        &format!(
            "{HEAD}[[section.step]]\nid = \"back\"\nkind = \"act\"\ntitle = \"Bring it back\"\n\
             restore = {{ scope = \"tables\", backup = \"{dump}\", \
             tables = [\"public.users\", \"orders\"], rows = [\"missing\", \"changed\"] }}\n\
             risk = \"destructive\"\n"
        ),
    );
    let said = walked(&lk, &[]);
    for shown in [
        "stage public.users out of a backup",
        "stage public.orders out of a backup",
        "10 rows are missing (only in the backup), 5 changed, 1 only in the live table",
        "merge the rows of public.orders",
        "remove what was staged",
    ] {
        assert!(said.contains(shown), "{shown}\n{said}");
    }
    let all = "SELECT concat_ws(' ', (SELECT count(*) FROM users), (SELECT count(*) FROM orders), \
               (SELECT count(*) FROM users WHERE more ->> 'a' = '2'), \
               (SELECT count(*) FROM pg_namespace WHERE nspname = 'restore_stage'))";
    assert_eq!(ask(&database, all), "101 50 0 0", "the late row stays, nothing staged does");
    let intents: Vec<String> = lk
        .journals()
        .iter()
        .flat_map(|journal| journal.records.clone())
        .filter(|record| record.kind == Kind::Intent && record.step.is_some())
        .map(|record| record.data["plan"]["action"]["kind"].as_str().unwrap_or("?").to_owned())
        .collect();
    assert_eq!(intents, ["command", "command", "sql", "sql", "sql"], "each with a yes of its own");
}

#[test]
fn what_another_backup_has_staged_is_not_merged_for_it() {
    let (_database, lk, dump) = shop("acts_tables_other");
    let other = lk.project().join("backups/other.dump").display().to_string();
    fs::copy(&dump, &other).expect("it is copied");
    let staged = lk.confirmed(&["restore-table", "stage", "orders", &other]);
    assert_eq!(staged.code(), 0, "{}", staged.said());
    allowed(
        &lk,
        &format!(
            "{HEAD}[[section.step]]\nid = \"back\"\nkind = \"act\"\ntitle = \"Bring it back\"\n\
             restore = {{ scope = \"tables\", backup = \"{dump}\", tables = [\"orders\"] }}\n"
        ),
    );
    let mut typed = lk.typed(&["run", "--file", "acts.toml", "--plain"]);
    typed.answer("number> ", "1");
    typed.expect(&format!("was staged out of {other}"));
    typed.expect("restore-table drop public.orders");
    typed.kill();
}

#[test]
fn what_is_wrong_with_such_an_act_is_told_with_its_key() {
    let (_database, lk) = lk("acts_check");
    let act = |rest: &str| {
        format!("{HEAD}[[section.step]]\nid = \"a\"\nkind = \"act\"\ntitle = \"A\"\n{rest}\n")
    };
    let http = |rest: &str| act(&format!("http = {{ {rest} }}"));
    let url = "url = \"https://x.example/\"";
    let token = "headers = { A = { env = \"T\" } }";
    for (book, key, what) in [
        (http("url = \"https://kim:pw@x.example/\""), "http.url", "no user and no password"),
        (http("url = \"x.example\""), "http.url", "https://"),
        (http("url = \"https://x.example/{var.a}\""), "http.url", "never put into it"),
        (http(&format!("url = \"http://x.example/\", {token}")), "http.url", "https only"),
        (http(&format!("url = \"http://127.0.0.1.example/\", {token}")), "http.url", "https only"),
        (http(&format!("{url}, metod = \"POST\"")), "http", "did you mean `method`"),
        (http(&format!("{url}, method = \"GET\", body = \"x\"")), "http.body", "no body"),
        (http(&format!("{url}, status = 99")), "http", "no HTTP status"),
        (
            http(&format!("{url}, headers = {{ \"a b\" = \"x\" }}")),
            "headers",
            "no name of a header",
        ),
        (http(&format!("{url}, headers = {{ Host = \"x\" }}")), "headers.Host", "leave it out"),
        (
            http(&format!("{url}, headers = {{ A = {{ evn = \"T\" }} }}")),
            "headers",
            "did you mean `env`",
        ),
        (
            http(&format!("{url}, {token}, idempotency_key = \"a\"")),
            "http.idempotency_key",
            "written in `headers` too",
        ),
        (http(&format!("{url}, body = \"{{var.nothing}}\"")), "step", "no variable is named"),
        (act("sql = \"select $1, $3\"\nbinds = [1, 2]"), "binds", "takes $1, $3"),
        (act("sql = \"select 1; select $1\"\nbinds = [1]"), "binds", "one statement"),
        (act("sql = \"select $1\"\nbinds = [\"{probe.nothing}\"]"), "step", "no probe is named"),
        (
            act("restore = { scope = \"tables\", tables = [\"t\"], rows = [\"mising\"] }"),
            "restore",
            "did you mean `missing`",
        ),
        (
            act("restore = { scope = \"full\", rows = [\"missing\"] }"),
            "restore.rows",
            "no choice of rows",
        ),
    ] {
        lk.write("acts.toml", &book);
        let checked = lk.run(&["runbook", "check", "acts.toml"]);
        let said = checked.out();
        assert_eq!(checked.code(), 1, "{book}: {said} {}", checked.said());
        assert!(said.contains("acts.toml:") && said.contains(key), "{book}: {said}");
        assert!(said.contains(what), "{what}: {said}");
    }
    lk.write("acts.toml", &announcing("https://status.example"));
    let checked = lk.run(&["runbook", "check", "acts.toml"]);
    assert_eq!(checked.code(), 0, "{} {}", checked.out(), checked.said());
    let paper = lk.run(&["runbook", "show", "acts.toml"]).out();
    assert!(paper.contains("Authorization: Bearer $LK_TOKEN"), "{paper}");
}
