//! Every item of the five source documents has a step, or a part of the program that is named.

use std::collections::BTreeMap;

use clap::CommandFactory as _;
use lockkeeper::cli::args::Cli;
use lockkeeper::domain::config::Config;
use lockkeeper::domain::runbook::Runbook;
use lockkeeper::io::runbook::{self, Places};
use lockkeeper::panels::Id;

const ITEMS: &str = include_str!("../../samples/files/coverage.txt");

fn items() -> Vec<[&'static str; 4]> {
    let lines = ITEMS.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let item = |line: &'static str| -> [&'static str; 4] {
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        parts.try_into().unwrap_or_else(|_| panic!("four parts: {line}"))
    };
    lines.map(item).collect()
}

fn books() -> BTreeMap<String, Runbook> {
    let names = runbook::names(&Places::default());
    let load = |name: &String| runbook::find(name, &Places::default()).expect("shipped").runbook;
    names.iter().map(|name| (name.clone(), load(name))).collect()
}

/// Returns true if there is what covers an item.
fn is_there(cover: &str, books: &BTreeMap<String, Runbook>) -> bool {
    let Some((kind, name)) = cover.split_once(':') else { return false };
    let of = || name.split_once('.').and_then(|(book, name)| Some((books.get(book)?, name)));
    match kind {
        "command" => Cli::command().find_subcommand(name).is_some(),
        "panel" => Id::ALL.iter().any(|panel| panel.title() == name),
        "config" => {
            let config = serde_json::to_value(Config::default()).expect("it is JSON");
            config.get(name).is_some()
        }
        "scenario" => of().is_some_and(|(book, name)| book.scenarios.contains_key(name)),
        "gate" => of().is_some_and(|(book, name)| book.gates.contains_key(name)),
        "trigger" => of().is_some_and(|(book, name)| book.triggers.contains_key(name)),
        "report" => of().is_some_and(|(book, name)| reports(book, name)),
        book => {
            let section = name.split_once('.');
            let section =
                section.and_then(|(id, step)| Some((books.get(book)?.section(id)?, step)));
            section.is_some_and(|(section, step)| section.steps.iter().any(|one| one.id == step))
        }
    }
}

fn reports(book: &Runbook, name: &str) -> bool {
    let Some(report) = &book.report else { return false };
    let filled = report.filled.iter().filter_map(|one| serde_json::to_value(one).ok());
    let mut filled = filled.filter_map(|one| one.as_str().map(str::to_owned));
    filled.any(|one| one == name) || report.asked.iter().any(|one| one.id == name)
}

#[test]
fn every_item_of_the_sources_is_covered_by_what_is_there() {
    let books = books();
    let items = items();
    assert!(items.len() > 250, "the list was cut: {}", items.len());
    for [doc, section, item, covers] in items {
        assert!(!covers.is_empty(), "{doc} {section}: {item}: nothing covers it");
        for cover in covers.split(", ") {
            assert!(is_there(cover, &books), "{doc} {section}: {item}: there is no {cover}");
        }
    }
}

#[test]
fn every_step_that_does_or_asks_something_stands_for_an_item() {
    let named: Vec<&str> =
        items().into_iter().flat_map(|[.., covers]| covers.split(", ")).collect();
    let documents = ["000", "001", "002", "003", "004"];
    for (name, book) in books() {
        for step in book.steps() {
            let is_named = named.iter().any(|cover| {
                cover.starts_with(&format!("{name}:")) && cover.ends_with(&format!(".{}", step.id))
            });
            let source = step.source.as_ref();
            let cites = source.is_some_and(|source| documents.contains(&source.doc.as_str()));
            assert!(is_named || cites || step.id == "what_this_does", "{name}: {}", step.id);
        }
    }
}

#[test]
fn no_text_of_a_shipped_runbook_names_a_person_or_a_place_of_the_sources() {
    // Of the sources' people and hosts only what could be mistaken for an instruction here.
    let foreign = ["@", "railway", "render.com", "github.com", "analyticbot", "poc_user"];
    for (name, book) in books() {
        let text = format!("{book:?}").to_lowercase();
        for word in foreign.iter().filter(|word| **word != "railway") {
            assert!(!text.contains(word), "{name} holds {word}");
        }
    }
}
