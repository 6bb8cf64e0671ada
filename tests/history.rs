//! Features and their past through the whole program: real sockets, two processes, the journal as the witness.
//!
//! What it is not: a test of the plan; `engine/tests/history.rs` has every order of events.
//!
//! Invariant: no step waits for luck; the journal says what the engine knew at each tick, and the refilled ticks in it say what an
//! uninterrupted run would have known.

mod rig;

use rig::{Place, until};
use std::collections::BTreeMap;
use tickbridge::engine::{AlertCode, Engine, Outputs};
use tickbridge::features::{FeatureGraph, FeatureTick};
use tickbridge::record::{Alert, FLAG_HISTORY, FLAG_REFILL, HistoryBar, Kind, Record, Start, Tick};
use tickbridge::setup::{Models, SavedSetup, engine_setup, feature_specs};
use tickbridge::types::{InstrumentId, Price, TimeNs};

/// The bundled configuration with other features and a model that is never sure.
fn configure(place: &Place, features: &str) {
    place.configure(&[("format = \"xgboost_json\"", "format = \"linear_json\"")]);
    let text = std::fs::read_to_string(place.config()).unwrap();
    let (begin, end) = (text.find("[[features]]").unwrap(), text.find("[model]").unwrap());
    std::fs::write(place.config(), format!("{}{features}\n{}", &text[..begin], &text[end..])).unwrap();
    let names: Vec<&str> = features
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"").and_then(|rest| rest.strip_suffix('"')))
        .collect();
    let model = serde_json::json!({"format": "tickbridge-linear", "version": 1, "link": "identity", "features": names,
        "weights": vec![0.0; names.len()], "intercept": 0.5});
    std::fs::write(place.path("models/demo.json"), model.to_string()).unwrap();
}

const WINDOWS: &str = r#"
[[features]]
name = "change_3"
kind = "change"
instrument = "EURUSD"
lag = 3

[[features]]
name = "sma_50"
kind = "sma"
instrument = "EURUSD"
period = 50

[[features]]
name = "percent_b_20"
kind = "bollinger"
instrument = "EURUSD"
input = "bid"
period = 20
deviations = 2.0
output = "percent_b"
"#;

const MINUTES: &str = r#"
[[features]]
name = "change_1"
kind = "change"
instrument = "EURUSD"
lag = 1

[[features]]
name = "minutes_200"
kind = "sma"
instrument = "EURUSD"
input = "bid"
clock = "bar"
bar_ms = 60000
period = 200
"#;

fn alerts(records: &[Record]) -> Vec<u32> {
    records.iter().filter_map(|record| record.payload::<Alert>()).map(|alert| alert.code).collect()
}

fn end(mut terminal: rig::Process, mut appliance: rig::Process) {
    terminal.terminate();
    terminal.ended();
    appliance.terminate();
    assert!(appliance.ended().success());
}

#[test]
fn two_hundred_bars_are_there_in_the_first_second() {
    let place = Place::new();
    configure(&place, MINUTES);
    let appliance = place.appliance(&[]);
    let terminal = place.terminal(&["--history-hours", "6"]);
    until("the model is asked", || appliance.status("decisions").filter(|count| *count > 200.0));
    end(terminal, appliance);
    let report = rig::json(&place.report()).expect("a report");
    let count =
        |key: &str| report["counts"][key].as_u64().unwrap_or_else(|| panic!("counts.{key}: {report}"));
    // The two hundred minutes that live bars would take did not pass: `until` had to see two hundred decisions before.
    let held = report["counts"]["not_asked"]["FEATURES_NOT_READY"].as_u64().unwrap_or(0);
    assert_eq!(count("ticks"), count("decisions") + held, "a model is asked, or it is counted why not");
    // One plan of three requests, or another if the terminal was slow to announce.
    assert!(count("history_requests") >= 3 && count("history_requests").is_multiple_of(3), "{report}");
    assert!(count("history_bars") >= 200, "{report}");
    assert_eq!(count("history_failures"), 0);
    let verified = place.verify();
    assert!(verified.status.success(), "{}", rig::stderr(&verified));
}

#[test]
fn without_a_past_it_is_said_and_the_model_waits() {
    let place = Place::new();
    configure(&place, MINUTES);
    let appliance = place.appliance(&[]);
    let terminal = place.terminal(&["--history-hours", "6", "--history-fault", "missing"]);
    until("ticks go on", || appliance.status("ticks").filter(|count| *count > 500.0));
    end(terminal, appliance);
    let records = place.records();
    assert_eq!(alerts(&records), [AlertCode::HistoryRefused as u32, AlertCode::FeaturesCold as u32]);
    let report = rig::json(&place.report()).expect("a report");
    assert_eq!(report["counts"]["decisions"], 0);
    assert_eq!(report["counts"]["not_asked"]["FEATURES_NOT_READY"], report["counts"]["ticks"]);
    assert!(place.verify().status.success());
}

/// Every tick of the market connection by its number: what came live, and what was lost and refilled.
fn all_ticks(records: &[Record]) -> BTreeMap<(u32, u64), Tick> {
    let ticks = records.iter().filter(|record| record.flags() & FLAG_HISTORY != FLAG_HISTORY);
    let ticks = ticks.filter_map(|record| record.payload::<Tick>());
    ticks.map(|tick| ((tick.connection, tick.stream_seq), tick)).collect()
}

#[test]
fn after_lost_ticks_the_row_is_that_of_a_run_that_lost_none() {
    let place = Place::new();
    configure(&place, WINDOWS);
    let appliance = place.appliance(&[]);
    let terminal = place.terminal(&["--lose-ticks", "0.0003", "--ticks-per-second", "2000"]);
    until("gaps are healed", || {
        let gaps = place.counter("decide.gaps_count");
        appliance.status("decisions").filter(|count| *count > 8_000.0 && gaps > 5)
    });
    end(terminal, appliance);
    let records = place.records();
    let verified = place.verify();
    assert!(verified.status.success(), "{}", rig::stderr(&verified));
    let refilled = records.iter().filter(|record| record.kind() == Some(Kind::Tick));
    let refilled = refilled.filter(|record| record.flags() & FLAG_HISTORY == FLAG_REFILL).count();
    assert!(refilled > 5, "expected lost ticks, got {refilled}");

    let dir = place.path("journal");
    let start = records.iter().find_map(|record| record.payload::<Start>()).expect("a start");
    let saved = SavedSetup::read(&dir, start.epoch as u32).unwrap();
    let models = Models::read(&dir, &saved.models).unwrap();
    let mut engine = Engine::new(engine_setup(&saved.config, &models).unwrap());
    let mut out = Outputs::default();
    let mut rows = BTreeMap::new();
    for record in records.iter().filter(|record| record.kind().is_some_and(Kind::is_input)) {
        out.clear();
        let decisions = engine.counts().decisions;
        engine.step(record, &mut out);
        if let Some(tick) = record.payload::<Tick>()
            && engine.counts().decisions > decisions
        {
            rows.insert((tick.connection, tick.stream_seq), bits(engine.features(0)));
        }
    }
    let mut whole = FeatureGraph::build(&feature_specs(&saved.config).unwrap()).unwrap();
    let (mut compared, mut number) = (0, 0);
    for (at, tick) in all_ticks(&records) {
        number += 1;
        assert_eq!(at.1, number, "the journal has every tick, lost ones by refill");
        let prices = FeatureTick::quote(Price(tick.bid), Price(tick.ask));
        whole.on_tick(InstrumentId(0), TimeNs(tick.ts_venue), &prices);
        if let Some(row) = rows.get(&at).filter(|_| number > 60) {
            assert_eq!(*row, bits(whole.values()), "tick {number}");
            compared += 1;
        }
    }
    println!("{compared} rows compared, {refilled} ticks lost on the way");
    assert!(compared > 4_000, "expected rows to compare, got {compared} of {number} ticks");
    assert!(records.iter().all(|record| record.payload::<HistoryBar>().is_none()), "no feature is on bars");
}

fn bits(row: &[f32]) -> Vec<u32> {
    row.iter().map(|value| value.to_bits()).collect()
}
