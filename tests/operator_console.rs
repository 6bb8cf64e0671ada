//! The registry and the operator's console, through the program's own commands, on a running appliance and without one.
//!
//! What it is not: a test of what models say, or of the exchange itself (`model_swap`).
//!
//! Invariant: whatever is asked is in the journal with who and why, and what was refused changed nothing.

mod rig;

use rig::{Place, bundled, count, stderr, tickbridge, until};
use serde_json::Value as Json;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;
use tickbridge::app::{Appliance, StartOptions};
use tickbridge::config::Config;
use tickbridge::engine::AlertCode;
use tickbridge::operator::{Action, Request};
use tickbridge::record::{
    Alert, Control, ControlAction, KillSwitch, Kind, ModelAction, ModelChange, Record, TradingChange,
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn place() -> Place {
    let place = Place::new();
    let text = "[registry]\ndir = \"registry\"\n[operator]\ntoken_file = \"token\"\n[watch]\nshadow_record_every = 20\nquality_horizon_ms = 100\nquality_every = 1\n\n[model]\n";
    place.configure(&[("[model]\n", text)]);
    write_token(&place, TOKEN, 0o600);
    std::fs::copy(bundled("models/demo-linear.json"), place.path("linear.json")).unwrap();
    place
}

fn write_token(place: &Place, token: &str, mode: u32) {
    std::fs::write(place.path("token"), token).unwrap();
    std::fs::set_permissions(place.path("token"), std::fs::Permissions::from_mode(mode)).unwrap();
}

fn command(place: &Place, what: &str, args: &[&str]) -> Output {
    let config = place.config();
    let mut all = vec![what, "--config", config.to_str().unwrap()];
    all.extend(args);
    tickbridge(&all)
}

fn done(place: &Place, what: &str, args: &[&str]) -> String {
    let output = command(place, what, args);
    assert_eq!(output.status.code(), Some(0), "{what} {args:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(place: &Place, what: &str, args: &[&str], code: i32, words: &str) {
    let output = command(place, what, args);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{what} {args:?}: {said}");
    assert!(said.contains(words), "{what} {args:?}: {said}");
}

fn status(place: &Place) -> Json {
    serde_json::from_str(&done(place, "operator", &["status"])).expect("a status in JSON")
}

/// The model in a live slot, as `name@version`.
fn live(status: &Json) -> String {
    let model = &status["models"]["live"][0];
    format!("{}@{}", model["name"].as_str().unwrap_or("none"), model["version"])
}

fn until_live(place: &Place, expected: &str) {
    until("the model is live", || (live(&status(place)) == expected).then_some(()));
}

const SAID: [&str; 4] = ["--who", "anna", "--why", "a test"];

fn with_said<'a>(args: &[&'a str]) -> Vec<&'a str> {
    args.iter().copied().chain(SAID).collect()
}

fn add(place: &Place, version: &str) {
    let file = place.path("linear.json");
    let args = [
        "add",
        "--file",
        file.to_str().unwrap(),
        "--format",
        "linear_json",
        "--name",
        "line",
        "--version",
        version,
    ];
    done(place, "models", &args);
}

#[test]
fn models_are_shadowed_promoted_and_rolled_back_on_a_running_appliance() {
    let place = place();
    let mut appliance = place.appliance(&[]);
    let terminal = place.terminal(&[]);
    until("it listens to the operator", || appliance.words().contains("operator: ").then_some(()));
    until("it decides", || (status(&place)["decisions"].as_u64()? > 0).then_some(()));
    add(&place, "1");
    add(&place, "2");
    refused(&place, "models", &["remove", "line@9"], 65, "line@9, which is not there");

    done(&place, "models", &with_said(&["shadow", "line@1"]));
    until("the shadow is asked", || {
        let status = status(&place);
        (status["models"]["shadows"][0]["would"]["asked"].as_u64()? > 50).then_some(())
    });
    assert_eq!(live(&status(&place)), "model@0", "a shadow decides nothing");
    // A state that cannot be written is known before the model is handed over: refused means that nothing changed.
    std::fs::create_dir(place.path("registry/state.new")).unwrap();
    refused(&place, "models", &with_said(&["promote", "line@1"]), 65, "state.json: ");
    refused(&place, "models", &with_said(&["unshadow", "shadow0"]), 65, "state.json: ");
    std::fs::remove_dir(place.path("registry/state.new")).unwrap();
    done(&place, "models", &with_said(&["promote", "line@1"]));
    until_live(&place, "line@1");
    done(&place, "models", &with_said(&["promote", "line@2"]));
    until_live(&place, "line@2");
    refused(&place, "models", &["remove", "line@2"], 65, "stands in member0");
    done(&place, "models", &with_said(&["rollback"]));
    until_live(&place, "line@1");
    done(&place, "models", &with_said(&["rollback"]));
    until_live(&place, "model@0");
    refused(
        &place,
        "models",
        &with_said(&["promote", "line@1", "--slot", "member1"]),
        65,
        "slot of the configuration",
    );
    refused(&place, "models", &with_said(&["promote", "other@1"]), 65, "other@1, which is not there");
    std::fs::write(place.path("registry/line/2/model"), "{}").unwrap();
    refused(&place, "models", &with_said(&["promote", "line@2"]), 65, "sha256");
    assert!(done(&place, "models", &["list"]).contains("not usable: "));
    done(&place, "models", &with_said(&["unshadow", "shadow0"]));
    until("the shadow is gone", || status(&place)["models"]["shadows"].as_array()?.is_empty().then_some(()));
    done(&place, "models", &with_said(&["promote", "line@1"]));
    until_live(&place, "line@1");
    until("scores were held against the price", || {
        (status(&place)["models"]["quality"]["settled"].as_u64()? > 0).then_some(())
    });

    drop(terminal);
    appliance.terminate();
    assert!(appliance.ended().success());
    let all = place.records();
    let changes: Vec<ModelChange> = all.iter().filter_map(Record::payload::<ModelChange>).collect();
    assert_eq!(changes.len(), 7, "shadow, four of the live slot, unshadow, and the last");
    assert!(
        changes.iter().all(|change| change.who.starts_with(b"anna\0") && change.why.starts_with(b"a test\0"))
    );
    assert_eq!(changes.iter().filter(|change| change.action == ModelAction::Remove as u8).count(), 1);
    assert!(count(&all, Kind::ShadowScore) > 0);
    let report = rig::json(&place.report()).unwrap();
    assert_eq!(report["counts"]["models"]["live"][0]["name"], "line");
    let output = place.verify();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));

    // The next start is brought up by the registry's state, which the commands kept; without an appliance they edit it alone.
    for (slot, words) in [
        ("member3", "expected a slot of the configuration, member0 (model), got member3"),
        ("stack", "member0 (model), got stack"),
    ] {
        refused(&place, "models", &with_said(&["promote", "line@1", "--slot", slot]), 65, words);
    }
    done(&place, "models", &with_said(&["shadow", "line@1"]));
    let mut appliance = place.appliance(&[]);
    until("it listens to the operator", || appliance.words().contains("operator: ").then_some(()));
    until_live(&place, "line@1");
    assert_eq!(status(&place)["models"]["shadows"][0]["version"], 1);

    // What is rolled back while nothing runs stays rolled back, though the journal knows of the promotion.
    done(&place, "models", &with_said(&["rollback"]));
    until_live(&place, "model@0");
    done(&place, "models", &with_said(&["promote", "line@1"]));
    until_live(&place, "line@1");
    appliance.terminate();
    assert!(appliance.ended().success());
    done(&place, "models", &with_said(&["rollback"]));
    let mut appliance = place.appliance(&[]);
    until("it listens to the operator", || appliance.words().contains("operator: ").then_some(()));
    until_live(&place, "model@0");
    appliance.terminate();
    assert!(appliance.ended().success());
}

#[test]
fn the_operator_is_obeyed_with_the_right_token_only() {
    let place = place();
    refused(&place, "operator", &["status"], 69, "no appliance");
    let mut appliance = place.appliance(&[]);
    let _terminal = place.terminal(&[]);
    until("it listens to the operator", || appliance.words().contains("operator: ").then_some(()));
    until("it decides", || (status(&place)["decisions"].as_u64()? > 0).then_some(()));
    refused(&place, "operator", &["halt"], 2, "--who");

    write_token(&place, "another token, just as long", 0o600);
    refused(&place, "operator", &with_said(&["halt"]), 65, "the token is not that of operator.token_file");
    write_token(&place, TOKEN, 0o644);
    refused(&place, "operator", &with_said(&["halt"]), 2, "chmod 600");
    write_token(&place, TOKEN, 0o600);
    assert_eq!(status(&place)["trading"], "active");
    let socket = place.path("state/operator.sock");
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);

    done(&place, "operator", &with_said(&["reduce"]));
    until("it only reduces", || (status(&place)["trading"] == "reducing").then_some(()));
    done(&place, "operator", &with_said(&["activate"]));
    until("it trades", || (status(&place)["trading"] == "active").then_some(()));
    refused(&place, "operator", &with_said(&["accept"]), 2, "--instrument");
    let other = with_said(&["accept", "--instrument", "XYZ"]);
    refused(
        &place,
        "operator",
        &other,
        65,
        "expected the name of an instrument of the configuration, one of ",
    );
    let config = Config::load(&place.config()).expect("a configuration");
    let said = done(&place, "operator", &with_said(&["accept", "--instrument", &config.instruments[0].name]));
    assert!(said.contains("the baseline"), "{said}");
    done(&place, "operator", &with_said(&["kill"]));
    until("it is halted", || (status(&place)["trading"] == "halted").then_some(()));
    assert!(std::fs::read_to_string(place.path("state/halted")).unwrap().contains("killed by anna: a test"));
    let long = "x".repeat(49);
    refused(&place, "operator", &["halt", "--who", "anna", "--why", &long], 65, "why: ");
    appliance.kill();
    refused(&place, "operator", &["status"], 69, "is gone");

    let controls: Vec<u8> =
        place.records().iter().filter_map(Record::payload::<Control>).map(|control| control.action).collect();
    let asked = [ControlAction::Reduce, ControlAction::Activate, ControlAction::AcceptPosition];
    let asked = asked.map(|action| action as u8);
    // What a killed process had in memory is on the disk after the next start.
    let mut appliance = place.appliance(&[]);
    until("it says that it is halted", || appliance.words().contains("start with --arm").then_some(()));
    let all = place.records();
    assert!(controls.len() <= asked.len());
    let all_controls: Vec<Control> = all.iter().filter_map(Record::payload::<Control>).collect();
    assert_eq!(all_controls.iter().map(|control| control.action).collect::<Vec<_>>(), asked);
    assert!(all_controls.iter().all(|control| control.who.starts_with(b"anna\0")));
    let kills: Vec<KillSwitch> = all.iter().filter_map(Record::payload).collect();
    assert!(
        kills[0].scope == 1 && kills[0].who.starts_with(b"anna\0") && kills[0].why.starts_with(b"a test\0")
    );
    // Positions agree: the engine says that there is nothing to accept.
    let alerts: Vec<Alert> = all.iter().filter_map(Record::payload::<Alert>).collect();
    assert!(alerts.iter().any(|alert| alert.code == AlertCode::NothingToAccept as u32), "{alerts:?}");
    assert!(all.iter().filter_map(Record::payload::<TradingChange>).count() >= 3);
    appliance.terminate();
    assert!(appliance.ended().success());
}

#[test]
fn two_shadows_asked_for_at_once_take_two_places() {
    let place = place();
    add(&place, "1");
    add(&place, "2");
    let config = Config::load(&place.config()).expect("a configuration");
    let mut appliance = Appliance::start(&config, &StartOptions::default()).expect("a start");
    let mut ask = |action| {
        let request = Request { token: String::new(), who: "anna".into(), why: "a test".into(), action };
        appliance.answer(&request, &config)
    };
    let shadow = |key: &str| Action::Shadow { model: key.parse().unwrap(), slot: None };
    // No status is collected in between.
    for (key, slot) in [("line@1", "shadow0"), ("line@2", "shadow1"), ("line@1", "shadow2")] {
        let reply = ask(shadow(key));
        assert_eq!((reply.error.as_str(), &reply.result["slot"]), ("", &Json::from(slot)));
    }
    let out = || Action::Unshadow { slot: "shadow1".into() };
    assert_eq!(ask(out()).error, "");
    assert_eq!(ask(out()).error, "expected a shadow that is there, got \"shadow1\"");
    assert_eq!(ask(shadow("line@2")).result["slot"], "shadow1");
    assert_eq!(ask(shadow("line@2")).result["slot"], "shadow3");
    assert!(ask(shadow("line@2")).error.starts_with("expected a free place for a shadow"));
    let outcome = appliance.finish();
    assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
    assert_eq!(outcome.status.expect("a status").models.shadows.iter().flatten().count(), 4);
}

#[test]
fn names_of_the_registry_itself_are_refused_and_a_table_is_the_reference_of_drift() {
    let place = place();
    let file = place.path("linear.json");
    let with = |name: &'static str, more: &[&'static str]| {
        let file = file.to_str().unwrap().to_string();
        let args = ["add", "--file", &file, "--format", "linear_json", "--name", name, "--version", "1"];
        args.iter()
            .map(|word| word.to_string())
            .chain(more.iter().map(|word| word.to_string()))
            .collect::<Vec<_>>()
    };
    let words = |args: &[String]| args.iter().map(String::as_str).map(str::to_owned).collect::<Vec<_>>();
    for name in ["state.json", "state.new"] {
        let args = words(&with(name, &[]));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        refused(&place, "models", &args, 65, "not beginning with a dot, and not state.json or state.new");
    }
    add(&place, "1");
    let config = Config::load(&place.config()).expect("a configuration");
    let names: Vec<&str> = config.features.iter().map(|feature| feature.name.as_str()).collect();
    let mut table = names.join(",") + "\n";
    for row in 0..500 {
        let cells: Vec<String> = (0..names.len()).map(|at| (row * (at + 1) % 97).to_string()).collect();
        table += &(cells.join(",") + "\n");
    }
    let path = place.path("table.csv");
    std::fs::write(&path, table).unwrap();
    let mut args = with("known", &["--rows"]);
    args.push(path.to_str().unwrap().into());
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    assert!(done(&place, "models", &args).contains("500 rows"));
    let listed = done(&place, "models", &["list"]);
    let line = |name: &str| listed.lines().find(|line| line.starts_with(name)).unwrap().to_string();
    assert!(
        line("line@1").contains("no drift reference") && !line("known@1").contains("no drift"),
        "{listed}"
    );
    let listed: Json = serde_json::from_str(&done(&place, "models", &["list", "--json"])).unwrap();
    assert_eq!((&listed[0]["model"], &listed[0]["has_drift_reference"]), (&"known@1".into(), &true.into()));
    assert_eq!((&listed[1]["model"], &listed[1]["has_drift_reference"]), (&"line@1".into(), &false.into()));
    let manifest = rig::json(&place.path("registry/known/1/manifest.json")).unwrap();
    assert_eq!(manifest["histograms"].as_array().unwrap().len(), names.len());
}
