//! The kill switch on a running appliance: by command, by file and by signal, over a `kill -9`, and taken back by an operator.
//!
//! What it is not: a test of a hanging engine, which stands beside the sending lane (`agents/killed/tests.rs`).
//!
//! Invariant: after the record of a kill there is no opening order of its scope in the journal before the operator's word.

mod rig;

use rig::console::{done, operator, place_with, said, status, until_orders};
use rig::{Place, stderr, until};
use serde_json::{Value as Json, json};
use tickbridge::config::Config;
use tickbridge::record::{Command, Control, ControlAction, KillSwitch, KillTrigger, Record};

fn place() -> Place {
    place_with("", &[])
}

/// Openings between a kill and the operator's word that ends it.
fn openings_while_killed(records: &[Record]) -> usize {
    let (mut is_killed, mut openings) = (false, 0);
    for record in records {
        is_killed |= record.payload::<KillSwitch>().is_some();
        if let Some(control) = record.payload::<Control>() {
            is_killed &= control.action != ControlAction::Activate as u8;
        }
        openings += usize::from(is_killed && record.payload::<Command>().is_some() && record.aux() & 1 == 0);
    }
    openings
}

#[test]
fn a_kill_by_file_flattens_outlives_the_process_and_ends_with_the_operators_word() {
    let place = place();
    let name = Config::load(&place.config()).expect("a configuration").instruments[0].name.clone();
    let mut appliance = place.appliance(&[]);
    let _terminal = place.terminal(&[]);
    until("it holds something", || (status(&place)["position_lots"].as_f64()? != 0.0).then_some(()));

    let scope = format!("instrument={name}");
    std::fs::write(place.path("state/kill"), format!("{scope} flatten\nwho: file-anna\n")).unwrap();
    until("the engine heard of it", || (status(&place)["killed_instruments"] == 1).then_some(()));
    until("nothing is held", || (status(&place)["position_lots"].as_f64()? == 0.0).then_some(()));
    assert_eq!(status(&place)["trading"], "active", "the rest goes on");
    assert!(
        status(&place)["killed"][0].as_str().unwrap().starts_with(&format!("{scope} flatten file-anna: "))
    );
    assert!(place.path("state/kill").exists(), "the file is the operator's");

    appliance.kill();
    // Without the file the latch is there, and the journal knows as well.
    std::fs::remove_file(place.path("state/kill")).unwrap();
    let mut appliance = place.appliance(&[]);
    until("it says what is killed", || appliance.words().contains(&format!("killed: {scope}")).then_some(()));
    until("it is connected again", || (status(&place)["decisions"].as_u64()? > 0).then_some(()));
    assert_eq!(status(&place)["killed_instruments"], 1);
    std::fs::write(place.path("state/kill"), &scope).unwrap();
    until("it is obeyed again", || appliance.words().contains("by file: ").then_some(()));

    let answer = activated(&place, &[]);
    assert!(answer["kills_ended"][0].as_str().unwrap().starts_with(&format!("{scope} flatten file-anna: ")));
    until("it is armed", || (status(&place)["killed_instruments"] == 0).then_some(()));
    assert!(!place.path("state/kill").exists() && !place.path("state/killed").exists());
    until_orders(&place);
    appliance.terminate();
    assert!(appliance.ended().success());
    let records = place.records();
    assert_eq!(openings_while_killed(&records), 0);
    let kills: Vec<KillSwitch> = records.iter().filter_map(Record::payload).collect();
    let triggers: Vec<u8> = kills.iter().map(|kill| kill.trigger).collect();
    assert_eq!(
        triggers,
        [KillTrigger::File, KillTrigger::Latch, KillTrigger::File].map(|trigger| trigger as u8)
    );
    assert!(kills.iter().take(2).all(|kill| kill.who.starts_with(b"file-anna\0") && kill.scope == 4));
    let verified = place.verify();
    assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
}

/// What is answered to an `activate` that is obeyed.
fn activated(place: &Place, args: &[&str]) -> Json {
    let (code, words) = said(place, &[&["activate"], args].concat());
    assert_eq!(code, 0, "{args:?}: {words}");
    serde_json::from_str(&words).expect("an answer in JSON")
}

#[test]
fn one_scope_is_activated_and_what_others_killed_stays_so_and_is_named() {
    let place = place();
    let config = Config::load(&place.config()).expect("a configuration");
    let instrument = format!("instrument={}", config.instruments[0].name);
    let venue = format!("venue={}", config.venues[0].name);
    let mut appliance = place.appliance(&[]);
    let _terminal = place.terminal(&[]);
    until_orders(&place);
    let refused = |scope: &str, killed: &str| {
        let (code, words) = said(&place, &["activate", "--scope", scope]);
        let expected = format!(
            "expected a kill of {scope} or a throttled instrument within it, got none; killed: {killed};"
        );
        assert!(code == 65 && words.contains(&expected), "{code}: {words}");
    };
    refused(&instrument, "nothing");
    assert_eq!(said(&place, &["activate", "--scope", "instrument=XYZ"]).0, 65);
    for word in ["halt", "reduce", "status"] {
        assert_eq!(said(&place, &[word, "--scope", &instrument]).0, 2, "{word} is about everything");
    }

    let anna = format!("{venue} anna: a test");
    done(&place, &["kill", "--scope", &venue]);
    refused(&instrument, &anna);
    std::fs::write(place.path("state/kill"), format!("{instrument} flatten\nwho: file-bert\n")).unwrap();
    until("both are killed", || (status(&place)["killed"].as_array()?.len() == 2).then_some(()));
    let answer = activated(&place, &["--scope", &instrument]);
    let bert = format!("{instrument} flatten file-bert: the file kill is there");
    assert_eq!(answer["asked"], format!("active within {instrument}"));
    assert_eq!((&answer["kills_ended"], &answer["still_closed_by"]), (&json!([bert]), &json!([anna])));
    assert!(!place.path("state/kill").exists(), "it named what ended");
    assert_eq!(status(&place)["killed"], json!([anna]));

    appliance.kill();
    let mut appliance = place.appliance(&[]);
    until("it says what is killed", || appliance.words().contains(&format!("killed: {anna}")).then_some(()));
    until("it is connected again", || (status(&place)["decisions"].as_u64()? > 0).then_some(()));
    let now = status(&place);
    assert_eq!((&now["killed"], &now["killed_instruments"]), (&json!([anna]), &json!(1)));
    refused(&instrument, &anna);
    let answer = activated(&place, &["--scope", &venue]);
    assert_eq!((&answer["kills_ended"], &answer["still_closed_by"]), (&json!([anna]), &json!([])));
    assert!(!place.path("state/killed").exists());
    until_orders(&place);
    appliance.terminate();
    assert!(appliance.ended().success());

    let records = place.records();
    let words: Vec<Control> = records.iter().filter_map(Record::payload).collect();
    let scoped: Vec<_> = words.iter().map(|word| (word.action, word.scope, word.scope_id)).collect();
    let action = ControlAction::ActivateScope as u8;
    assert_eq!(scoped, [(action, 4, 0), (action, 2, 0)], "what was refused left no record");
    assert!(words.iter().all(|word| word.who.starts_with(b"anna\0") && word.why.starts_with(b"a test\0")));
    let last = records.iter().rposition(|record| record.payload::<Control>().is_some()).unwrap();
    assert_eq!(openings_while_killed(&records[..last]), 0);
    let verified = place.verify();
    assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
}

#[test]
fn what_was_opened_too_often_opens_again_within_the_scope_alone() {
    let place = place();
    let limits = std::fs::read_to_string(place.path("limits.toml")).unwrap();
    std::fs::write(
        place.path("limits.toml"),
        limits.replace("executions_max = 1000 ", "executions_max = 2 "),
    )
    .unwrap();
    let name = Config::load(&place.config()).expect("a configuration").instruments[0].name.clone();
    let mut appliance = place.appliance(&[]);
    let _terminal = place.terminal(&[]);
    let throttled =
        || until("it was opened too often", || (status(&place)["throttled"] == json!([name])).then_some(()));
    throttled();
    assert!(status(&place)["why_not"].as_str().unwrap().contains("opened too often: 1 instruments"));
    let answer = activated(&place, &["--scope", &format!("instrument={name}")]);
    assert_eq!((&answer["kills_ended"], &answer["throttles_ended"]), (&json!([]), &json!([name])));
    until_orders(&place);
    throttled();
    let answer = activated(&place, &[]);
    assert_eq!((&answer["asked"], &answer["throttles_ended"]), (&json!("active"), &json!([name])));
    appliance.terminate();
    assert!(appliance.ended().success());
}

#[test]
fn a_signal_and_a_command_kill_and_the_process_runs_on() {
    let place = place();
    let config = Config::load(&place.config()).expect("a configuration");
    let mut appliance = place.appliance(&[]);
    let _terminal = place.terminal(&[]);
    until_orders(&place);
    appliance.signal("-USR1");
    until("it is halted", || (status(&place)["trading"] == "halted").then_some(()));
    assert!(appliance.runs() && appliance.words().contains("killed all by signal: SIGUSR1"));
    assert!(place.path("state/halted").exists());
    done(&place, &["activate"]);
    until("it trades", || (status(&place)["trading"] == "active").then_some(()));
    assert!(!place.path("state/halted").exists());

    let refused = operator(&place, &["kill", "--scope", "instrument=XYZ", "--who", "anna", "--reason", "x"]);
    assert_eq!(refused.status.code(), Some(65));
    assert!(stderr(&refused).contains(&format!("venue={}", config.venues[0].name)), "{}", stderr(&refused));
    assert_eq!(status(&place)["killed"], json!([]));
    done(&place, &["kill", "--scope", &format!("strategy={}", config.appliance.strategy_id), "--flatten"]);
    until("the engine heard of it", || {
        (status(&place)["killed_instruments"].as_u64()? == config.instruments.len() as u64).then_some(())
    });
    until("nothing is held", || (status(&place)["position_lots"].as_f64()? == 0.0).then_some(()));
    appliance.terminate();
    assert!(appliance.ended().success());
    // An armed start takes everything back.
    let mut appliance = place.appliance(&["--arm", "anna: checked"]);
    until("it is armed", || (status(&place)["killed_instruments"] == 0).then_some(()));
    until_orders(&place);
    appliance.terminate();
    assert!(appliance.ended().success());
    let records = place.records();
    assert_eq!(openings_while_killed(&records), 0);
    let triggers: Vec<u8> =
        records.iter().filter_map(Record::payload::<KillSwitch>).map(|kill| kill.trigger).collect();
    assert_eq!(triggers, [KillTrigger::Signal, KillTrigger::Command].map(|trigger| trigger as u8));
}

#[test]
fn a_file_of_before_the_start_is_latched_and_a_pipe_kills_without_holding_up_the_console() {
    let place = place();
    std::fs::create_dir_all(place.path("state")).unwrap();
    std::fs::write(place.path("state/kill"), "all\nwho: file-anna\n").unwrap();
    let mut appliance = place.appliance(&[]);
    until("it says so", || appliance.words().contains("killed all by file-anna: ").then_some(()));
    until("it is halted", || (status(&place)["trading"] == "halted").then_some(()));
    assert!(status(&place)["killed"][0].as_str().unwrap().starts_with("all file-anna: "));
    appliance.kill();
    std::fs::remove_file(place.path("state/kill")).unwrap();
    assert!(place.path("state/killed").exists() && place.path("state/halted").exists());

    // A latch that says nothing is no leave to trade.
    std::fs::write(place.path("state/killed"), "").unwrap();
    let mut appliance = place.appliance(&[]);
    until("it is halted still", || (status(&place)["trading"] == "halted").then_some(()));
    assert!(status(&place)["killed"][0].as_str().unwrap().contains("empty or unreadable"));
    done(&place, &["activate"]);
    until("it is armed", || (status(&place)["trading"] == "active").then_some(()));

    let made = std::process::Command::new("mkfifo").arg(place.path("state/kill")).status().unwrap();
    assert!(made.success());
    until("it is halted by a pipe", || (status(&place)["trading"] == "halted").then_some(()));
    assert!(appliance.runs());
    appliance.terminate();
    assert!(appliance.ended().success());
    let latch = std::fs::read_to_string(place.path("state/halted")).unwrap();
    assert!(latch.starts_with("killed by file: ") && latch.contains("when the appliance ended"), "{latch}");
    let records = place.records();
    let triggers: Vec<u8> =
        records.iter().filter_map(Record::payload::<KillSwitch>).map(|kill| kill.trigger).collect();
    let expected = [KillTrigger::File, KillTrigger::Latch, KillTrigger::File];
    assert_eq!(triggers, expected.map(|trigger| trigger as u8));
}
