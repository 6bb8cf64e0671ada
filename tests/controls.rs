//! The table of controls, held against the code: every key, reason and test that it names is there, and none is left out.
//!
//! What it is not: the tests that trip the controls; the table names those.
//!
//! Invariant: `config/controls.md` is what the code writes, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use tickbridge::config::{CONTROLS, SECTIONS, controls};
use tickbridge::engine::Hold;
use tickbridge::risk::Reason;
use tickbridge::signal::Veto;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_committed_table_is_the_lists_byte_for_byte() {
    assert!(
        read("config/controls.md") == controls(),
        "config/controls.md differs: write it with tickbridge check --print-controls"
    );
}

#[test]
fn every_test_that_the_table_names_exists() {
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    for control in CONTROLS {
        for test in control.proofs() {
            let (file, name) = test.split_once("::").unwrap_or_else(|| panic!("{test}: expected FILE::NAME"));
            let text = files.entry(file).or_insert_with(|| read(file));
            let is_test = text.match_indices(&format!("fn {name}(")).any(|(at, _)| {
                text[..at].lines().rev().take(3).any(|line| line.trim_start().starts_with("#[test]"))
            });
            assert!(is_test, "control {}: {test}: expected a test of that name", control.number);
        }
    }
}

#[test]
fn every_key_that_the_table_names_exists_and_every_key_of_risk_is_named() {
    let exists = |name: &str| {
        let (section, key) = name.split_once('.').unwrap_or_else(|| panic!("{name}: expected SECTION.KEY"));
        SECTIONS.iter().any(|own| own.name == section && own.keys.iter().any(|own| own.name == key))
    };
    let named: BTreeSet<&str> = CONTROLS.iter().flat_map(|control| control.keys).copied().collect();
    named.iter().for_each(|name| assert!(exists(name), "{name}: expected a key of the configuration"));
    let risk = SECTIONS.iter().find(|section| section.name == "risk").expect("a section [risk]");
    for key in risk.keys {
        assert!(named.contains(format!("risk.{}", key.name).as_str()), "risk.{}: in no control", key.name);
    }
}

#[test]
fn every_reason_that_the_table_names_exists_and_every_reason_of_the_gate_is_named() {
    let mut known: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.name()).collect();
    let named: BTreeSet<&str> = CONTROLS.iter().flat_map(|control| control.codes).copied().collect();
    known.iter().for_each(|name| assert!(named.contains(name), "{name}: in no control"));
    known.extend(Hold::ALL.map(Hold::name));
    known.extend(Veto::ALL.iter().map(|veto| veto.name()));
    named.iter().for_each(|name| assert!(known.contains(name), "{name}: no such reason"));
}

#[test]
fn a_control_has_a_test_or_says_what_is_missing_and_a_number_of_its_own() {
    for (at, control) in CONTROLS.iter().enumerate() {
        assert_eq!(usize::from(control.number), at + 1, "{}", control.name);
        assert!(!control.tests.is_empty() || !control.missing.is_empty(), "{}: neither", control.name);
        assert!(!control.tests.is_empty() || control.keys.is_empty(), "{}: a key and no test", control.name);
    }
}
