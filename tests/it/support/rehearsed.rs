//! Rehearsals of the scenes' migrations: one that runs, one that is over, one that says nothing
//! any more.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use lockkeeper::domain::fingerprint::Schema;
use lockkeeper::domain::identity::Class;
use lockkeeper::domain::locks::Mode;
use lockkeeper::domain::plan::{Action, Command, Digest, Plan, Preview, Risk, Timeouts};
use lockkeeper::domain::rehearsal::{
    Evidence, Lock, Material, Proof, Seen, Slow, Source, Standing, Statement, Tool, Verdict,
};

use super::facts::{identity, now};

/// Returns the plan of a rehearsal of three.
pub fn plan() -> Plan {
    let words = ["lockkeeper", "rehearse", "--project", "shop"];
    Plan {
        action: Action::Rehearse {
            tool: "sqlx".to_owned(),
            of: Material::Target,
            pending: ["6", "7", "8"].map(str::to_owned).to_vec(),
        },
        target: identity(),
        class: Class::Production,
        command: Some(Command {
            argv: words.map(str::to_owned).to_vec(),
            env: Vec::new(),
            cwd: "shop".to_owned(),
        }),
        files: Vec::new(),
        revision_before: vec!["5".to_owned()],
        timeouts: Timeouts::default(),
        attempts: 1,
        risk: Risk::Read,
        approvals: 0,
        preview: Preview { title: "rehearse 3 migrations".to_owned(), ..Preview::default() },
    }
}

fn proof(id: &str, verdict: Option<Verdict>, why: &str) -> Proof {
    Proof {
        id: id.to_owned(),
        files: vec![Digest::of(id, b"sql")],
        verdict,
        why: why.to_owned(),
        before: Schema::default().fingerprint(),
        after: Schema::default().fingerprint(),
        up_s: Some(0.4),
        slow: Vec::new(),
        brief: Vec::new(),
        findings: Vec::new(),
        seen: Seen { down_s: Some(0.3), again_s: Some(0.4), ..Seen::default() },
    }
}

fn statement(sql: &str, took_s: f64, rewrite: &[&str]) -> Statement {
    let relation = "public.expenses".to_owned();
    Statement {
        sql: sql.to_owned(),
        started_s: 0.1,
        took_s: Some(took_s),
        locks: vec![Lock { relation, mode: Mode::AccessExclusive }],
        rewrite: rewrite.iter().map(|&one| one.to_owned()).collect(),
        dropped: Vec::new(),
        transaction: "1".to_owned(),
    }
}

fn status() -> Proof {
    let mut proof = proof("6", Some(Verdict::Lossy), "what was written is gone after down");
    proof.seen.statements =
        vec![statement("ALTER TABLE expenses ADD COLUMN status text;", 0.02, &[])];
    proof.seen.schema_diff = vec!["column status of public.expenses created: text".to_owned()];
    proof.seen.vanished = vec!["public.expenses.status: 1 of 1 values are gone".to_owned()];
    proof
}

fn amount() -> Proof {
    let mut proof = proof("7", Some(Verdict::Reversible), "same schema and rows after down");
    proof.up_s = Some(41.0);
    let relation = "public.expenses".to_owned();
    proof.slow = vec![Slow { relation, bytes: 1 << 30, took_s: 40.0 }];
    let sql = "ALTER TABLE expenses ALTER COLUMN amount TYPE bigint;";
    proof.seen.statements = vec![statement(sql, 40.0, &["public.expenses"])];
    proof.seen.schema_diff = vec!["column amount of public.expenses: integer → bigint".to_owned()];
    proof.findings = vec!["public.expenses was rewritten, predicted was that it is not".to_owned()];
    proof
}

fn legacy() -> Proof {
    let mut proof = proof("8", Some(Verdict::FalseDown), "the schema is not what it was");
    proof.seen.statements = vec![statement("ALTER TABLE expenses DROP COLUMN legacy;", 0.03, &[])];
    proof.seen.schema_diff = vec!["column legacy of public.expenses dropped".to_owned()];
    proof.seen.left = vec!["column legacy of public.expenses dropped".to_owned()];
    proof.seen.rows_diff = BTreeMap::from([("public.expenses".to_owned(), -3)]);
    proof
}

/// Returns what the rehearsal of an hour ago says; `stale`: why it says nothing now.
pub fn standing(stale: Option<&str>) -> Standing {
    let id = identity();
    let evidence = Evidence {
        schema: 1,
        at: now() - TimeDelta::hours(1),
        system_identifier: id.system_identifier.clone(),
        database: id.database.clone(),
        source: Source::Dump,
        backup: None,
        excluded: Vec::new(),
        bytes: 1 << 30,
        tool: Tool {
            name: "sqlx".to_owned(),
            version: None,
            server: 15,
            lockkeeper: "0.1.0".to_owned(),
            files: Vec::new(),
        },
        migrations: vec![status(), amount(), legacy()],
        digest: String::new(),
    };
    Standing {
        evidence: evidence.sealed(),
        stale: stale.map(str::to_owned),
        sizes: BTreeMap::from([("public.expenses".to_owned(), 9_u64 << 30)]),
    }
}
