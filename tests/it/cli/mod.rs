//! Tests of the layer `cli`.

mod backup;
mod backups;
mod bad_input;
mod change;
mod cloud;
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
mod rehearse;
mod restore;
mod restore_table;
mod resume;
mod runbook;
mod salvage;
mod schema;
mod second;
mod tend;
mod walked;
