//! An appliance with an operator's console, and what is said to it by the program's own commands.
//!
//! What it is not: the console; it runs in the appliance.
//!
//! Invariant: everything that changes something is said with who and why.

use super::{Place, stderr, tickbridge, until};
use serde_json::Value as Json;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

/// A place whose appliance listens to an operator; `sections` are added to its configuration, `changes` replace text of it.
pub fn place_with(sections: &str, changes: &[(&str, &str)]) -> Place {
    let place = Place::new();
    let sections = format!("[operator]\ntoken_file = \"token\"\n{sections}\n[model]\n");
    let all: Vec<(&str, &str)> =
        std::iter::once(("[model]\n", sections.as_str())).chain(changes.iter().copied()).collect();
    place.configure(&all);
    std::fs::write(place.path("token"), "0123456789abcdef0123456789abcdef").unwrap();
    std::fs::set_permissions(place.path("token"), std::fs::Permissions::from_mode(0o600)).unwrap();
    place
}

/// `tickbridge operator` with these arguments.
pub fn operator(place: &Place, args: &[&str]) -> Output {
    let config = place.config();
    let mut all = vec!["operator", "--config", config.to_str().unwrap()];
    all.extend(args);
    tickbridge(&all)
}

/// With who and why: the exit code, and what was said.
pub fn said(place: &Place, args: &[&str]) -> (i32, String) {
    let all: Vec<&str> = args.iter().copied().chain(["--who", "anna", "--reason", "a test"]).collect();
    let output = operator(place, &all);
    let words = String::from_utf8_lossy(&output.stdout).into_owned() + &stderr(&output);
    (output.status.code().unwrap(), words)
}

/// The same, and it must be accepted.
pub fn done(place: &Place, args: &[&str]) {
    let (code, words) = said(place, args);
    assert_eq!(code, 0, "{args:?}: {words}");
}

/// What is answered to a question.
pub fn asked(place: &Place, what: &str) -> Json {
    serde_json::from_slice(&operator(place, &[what]).stdout).unwrap_or_default()
}

/// How it stands.
pub fn status(place: &Place) -> Json {
    asked(place, "status")
}

/// Waits until it has sent an order from now on.
pub fn until_orders(place: &Place) {
    let before = until("it says how many orders", || status(place)["orders"].as_u64());
    until("it orders", || (status(place)["orders"].as_u64()? > before).then_some(()));
}
