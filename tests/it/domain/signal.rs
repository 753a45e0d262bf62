//! What a signal would do, told before it is sent.

use chrono::{DateTime, Utc};
use lockkeeper::domain::activity::{Backend, State};
use lockkeeper::domain::signal::{Advice, Kind, Nature, Note, Refused, advice, nature};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + second, 0).expect("it is a time")
}

fn backend() -> Backend {
    Backend {
        pid: 7,
        leader_pid: None,
        backend_start: Some(at(0)),
        backend_type: "client backend".into(),
        database: Some("shop".into()),
        user: Some("web".into()),
        application: "web".into(),
        client: None,
        state: Some(State::Active),
        wait: None,
        xact_start: Some(at(5)),
        query_start: Some(at(5)),
        state_change: Some(at(5)),
        wait_start: None,
        has_written: Some(false),
        xmin_age: None,
        query: "SELECT 1".into(),
        ours: false,
        can_signal: true,
    }
}

fn of_type(kind: &str) -> Backend {
    Backend { backend_type: kind.into(), ..backend() }
}

#[test]
fn a_reader_can_be_cancelled_at_no_cost() {
    let free = Advice { possible: Ok(()), notes: vec![] };
    assert_eq!(advice(&backend(), Kind::Cancel), free);
    assert_eq!(advice(&backend(), Kind::Terminate), free);
}

#[test]
fn cancel_says_that_it_does_nothing_to_an_idle_transaction() {
    for state in [State::IdleInTransaction, State::IdleInTransactionAborted, State::Idle] {
        let idle = Backend { state: Some(state), ..backend() };
        let refused = advice(&idle, Kind::Cancel).possible.unwrap_err();
        assert_eq!(refused, Refused::NothingRuns(state));
        assert!(refused.text().contains("terminate ends the session"));
        assert_eq!(advice(&idle, Kind::Terminate).possible, Ok(()));
    }
}

#[test]
fn what_a_writer_loses_is_said() {
    let writer = Backend { has_written: Some(true), xact_start: Some(at(1)), ..backend() };
    assert_eq!(advice(&writer, Kind::Cancel).notes, [Note::RollsBack, Note::FailsTransaction]);
    assert_eq!(advice(&writer, Kind::Terminate).notes, [Note::RollsBack]);
    let hidden = Backend { has_written: None, ..backend() };
    assert_eq!(advice(&hidden, Kind::Terminate).notes, [Note::MayRollBack]);
}

#[test]
fn a_commit_that_waits_for_a_standby_is_already_done() {
    let waiting =
        Backend { wait: Some("IPC:SyncRep".into()), has_written: Some(true), ..backend() };
    assert_eq!(advice(&waiting, Kind::Cancel).notes, [Note::WaitsForStandby]);
}

#[test]
fn a_parallel_worker_points_to_its_leader() {
    let worker = Backend { leader_pid: Some(3), ..of_type("parallel worker") };
    let refused = advice(&worker, Kind::Terminate).possible.unwrap_err();
    assert_eq!(refused, Refused::Worker(Some(3)));
    assert!(refused.text().contains("pid 3"));
}

#[test]
fn an_autovacuum_against_wraparound_is_told_apart() {
    assert_eq!(advice(&of_type("autovacuum worker"), Kind::Cancel).notes, [Note::VacuumReturns]);
    let query = "autovacuum: VACUUM public.t (to prevent wraparound)".into();
    let wraparound = Backend { query, ..of_type("autovacuum worker") };
    assert_eq!(nature(&wraparound), Nature::Autovacuum { wraparound: true });
    assert_eq!(advice(&wraparound, Kind::Cancel).notes, [Note::WraparoundReturns]);
}

#[test]
fn every_kind_of_process_is_told_apart() {
    for (kind, expected) in [
        ("walsender", Nature::WalSender),
        ("checkpointer", Nature::Server),
        ("autovacuum launcher", Nature::Server),
        ("logical replication launcher", Nature::Server),
        ("logical replication worker", Nature::LogicalWorker),
        ("logical replication apply worker", Nature::LogicalWorker),
        ("pg_cron launcher", Nature::Background),
        ("TimescaleDB Background Worker", Nature::Background),
    ] {
        assert_eq!(nature(&of_type(kind)), expected, "{kind}");
    }
    let refused = advice(&of_type("checkpointer"), Kind::Terminate).possible;
    assert_eq!(refused, Err(Refused::ServerProcess));
    assert_eq!(advice(&of_type("walsender"), Kind::Terminate).notes, [Note::CutsReplication]);
}

#[test]
fn what_may_not_be_signalled_says_why() {
    let foreign = Backend { can_signal: false, ..backend() };
    assert_eq!(advice(&foreign, Kind::Cancel).possible, Err(Refused::NotPermitted));
    let hidden = Backend { backend_start: None, ..backend() };
    assert_eq!(advice(&hidden, Kind::Cancel).possible, Err(Refused::Hidden));
}

#[test]
fn our_own_instruments_are_never_signalled_and_a_borrowed_name_protects_nobody() {
    let ours = Backend { ours: true, application: "lockkeeper/lease".into(), ..backend() };
    assert_eq!(advice(&ours, Kind::Terminate).possible, Err(Refused::Ours));
    let impostor = Backend { ours: false, ..ours.clone() };
    assert_eq!(
        advice(&impostor, Kind::Terminate),
        Advice { possible: Ok(()), notes: vec![Note::Lockkeeper] }
    );
    let step = Backend { application: "lockkeeper/work".into(), ..ours };
    assert_eq!(advice(&step, Kind::Cancel).possible, Ok(()));
}
