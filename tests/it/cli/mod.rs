//! Tests of the layer `cli`.

mod backup;
mod backups;
mod bad_input;
mod change;
mod console;
mod doctor;
mod failpoints;
mod journal;
mod known;
mod leading;
mod lint;
mod lk;
mod pages;
mod plain;
mod recovery;
mod restore;
mod restore_table;
mod resume;
mod runbook;
mod salvage;
mod schema;
mod tend;
