//! Ensembles, calibrations and filters from configuration files to the engine's decisions and the report's counts.
//!
//! What it is not: a test of the formulas' corners; those stand beside each part. Nor of the lanes: ticks go into the engine itself.
//!
//! Invariant: what a score must be is worked out here, from the members' own scores and the text of the configuration.

#[path = "strategies/book.rs"]
mod book;

use book::{Book, Desk, EURUSD, GBPUSD, SHADOW, START_NS, THREE, TICKS_MAX, always};
use tickbridge::config::Config;
use tickbridge::engine::{ModelUnit, Slot};
use tickbridge::registry::{CalibrationHeader, ModelHeader, ModelSource};
use tickbridge::setup::configured_models;
use tickbridge::types::{NS_PER_S, TimeNs};

/// Every live model by itself, without its calibration.
fn members(config: &Config) -> Vec<ModelUnit> {
    let models = configured_models(config).unwrap();
    let live = models.placed.iter().filter(|placed| matches!(placed.slot, Slot::Member(_)));
    let plain = |source: &ModelSource| {
        let header = ModelHeader { calibration: CalibrationHeader::None, ..source.header().clone() };
        ModelSource::new(header, source.bytes().to_vec()).load(&["f0", "f1", "f2", "f3", "f4"], 0).unwrap()
    };
    live.map(|placed| plain(&placed.source)).collect()
}

fn sigmoid(value: f64) -> f64 {
    1.0 / (1.0 + (-value).exp())
}

/// The straight line from (0.2, 0.1) to (0.7, 0.9), the ends held.
fn isotonic(score: f64) -> f64 {
    if score <= 0.2 {
        0.1
    } else if score >= 0.7 {
        0.9
    } else {
        0.1 + (score - 0.2) * (0.9 - 0.1) / (0.7 - 0.2)
    }
}

/// 0.2 from 0.4 on, 0.6 from 0.5 on; below, the first.
fn steps(score: f64) -> f64 {
    if score >= 0.5 { 0.6 } else { 0.2 }
}

/// Four hundred decisions, each held against `expected` of the members' scores.
fn compare(name: &str, book: &Book, expected: impl Fn(&[f64]) -> f64) {
    let mut desk = book.open();
    let mut members = members(&desk.config);
    assert_eq!(members.len(), 3);
    let (mut compared, mut different) = (0, std::collections::BTreeSet::new());
    for _ in 0..TICKS_MAX {
        if compared == 400 {
            break;
        }
        let spread = 1 + desk.dice.below(5) as i64;
        let Some(score) = desk.tick(EURUSD, 100, spread) else { continue };
        let row = desk.engine.features(0).to_vec();
        let scores: Vec<f64> = members.iter_mut().map(|unit| unit.score(&row)).collect();
        // The linear one by hand, too: scikit-learn's coefficients as its file has them.
        let weights = [
            1.6498794555664062,
            0.056576795876026154,
            3.635269240476191e-05,
            -0.021467000246047974,
            -0.004071584902703762,
        ];
        let sum: f64 = weights.iter().zip(&row).map(|(weight, value)| weight * f64::from(*value)).sum();
        let by_hand = sigmoid(sum + 0.011618700809776783);
        assert!((by_hand - scores[0]).abs() <= 1e-12, "{name}: {by_hand} and {}", scores[0]);
        let expected = expected(&scores);
        assert!(
            (score - expected).abs() <= 1e-12,
            "{name}, decision {compared}: {score}, expected {expected} of {scores:?}"
        );
        different.insert(score.to_bits());
        compared += 1;
    }
    assert_eq!(compared, 400, "{name}: decisions in {TICKS_MAX} ticks");
    println!("{name}: {compared} scores compared, {} different ones", different.len());
    assert!(different.len() >= 3 || name == "vote" && different.len() >= 2, "{name}: {}", different.len());
}

#[test]
fn three_members_make_the_score_that_their_configuration_says() {
    let models = format!("{THREE}{SHADOW}");
    compare("mean", &Book::new(&models, "", ""), |s| {
        (1.0 * s[0] + 3.0 * s[1] + 0.5 * s[2]) / (1.0 + 3.0 + 0.5)
    });

    let vote =
        "[ensemble]\ncombine = \"vote\"\nvote_long_above = 0.55\nvote_short_below = 0.45\nvotes_min = 2\n";
    compare("vote", &Book::new(&models, "", vote), |s| {
        let (long, short) =
            (s.iter().filter(|s| **s >= 0.55).count(), s.iter().filter(|s| **s <= 0.45).count());
        match (long >= 2, short >= 2) {
            (true, false) => 1.0,
            (false, true) => 0.0,
            _ => 0.5,
        }
    });

    let stack =
        "[[models]]\nname = \"above\"\nrole = \"stack\"\nfile = \"stack.json\"\nformat = \"linear_json\"\n";
    let book = Book::new(&format!("{models}{stack}"), "", "[ensemble]\ncombine = \"stack\"\n");
    book.linear("stack.json", "logistic", &["line", "boosted", "hist"], &[1.5, -2.0, 0.5], 0.25);
    compare("stack", &book, |s| {
        let s: Vec<f64> = s.iter().map(|s| f64::from(*s as f32)).collect();
        sigmoid(1.5 * s[0] - 2.0 * s[1] + 0.5 * s[2] + 0.25)
    });
}

#[test]
fn members_and_the_whole_are_calibrated_by_their_files() {
    let of = |model: &str, name: &str| {
        model.replace(
            &format!("name = \"{name}\""),
            &format!("name = \"{name}\"\ncalibration = \"{name}.json\""),
        )
    };
    let models = format!("{}{SHADOW}", of(&of(THREE, "line"), "boosted"));
    let book = Book::new(&models, "", "[ensemble]\ncalibration = \"whole.json\"\n");
    book.write("line.json", r#"{"kind": "platt", "slope": -3.5, "offset": 1.25}"#);
    book.write("boosted.json", r#"{"kind": "isotonic", "from": [0.2, 0.7], "to": [0.1, 0.9]}"#);
    book.write("whole.json", r#"{"kind": "platt", "slope": -2.0, "offset": 0.5}"#);
    compare("platt and isotonic", &book, |s| {
        let platt = 1.0 / (1.0 + (-3.5 * s[0] + 1.25).exp());
        let mean = (platt + 3.0 * isotonic(s[1]) + 0.5 * s[2]) / 4.5;
        1.0 / (1.0 + (-2.0 * mean + 0.5).exp())
    });
    book.write(
        "boosted.json",
        r#"{"kind": "isotonic", "from": [0.4, 0.5], "to": [0.2, 0.6], "steps": true}"#,
    );
    compare("isotonic in steps", &book, |s| {
        let platt = 1.0 / (1.0 + (-3.5 * s[0] + 1.25).exp());
        let mean = (platt + 3.0 * steps(s[1]) + 0.5 * s[2]) / 4.5;
        1.0 / (1.0 + (-2.0 * mean + 0.5).exp())
    });
}

#[test]
fn a_cooldown_and_a_spread_hold_entries_back_and_are_counted() {
    let mut desk = Book::new(&always(1.0), "cooldown_ms = 1000\n", "").open();
    desk.decide(25);
    // Entries are wished 0, 1 and 2 seconds after the first decision.
    assert_eq!(desk.vetoes(), serde_json::json!({ "SIGNAL_COOLDOWN": 22 }));

    let mut desk = Book::new(&always(1.0), "cooldown_ms = 0\nspread_max_ticks = 5\n", "").open();
    desk.decide(10);
    desk.ticks(7, 100, 6);
    desk.ticks(3, 100, 5);
    assert_eq!(desk.vetoes(), serde_json::json!({ "SIGNAL_SPREAD": 7 }));
    assert_eq!(desk.report()["counts"]["decisions"], 20);

    // A score of 1.0 is half a unit above the middle: 5 ticks of move, of which 1 goes to the broker.
    let edge = "cooldown_ms = 0\nedge_ticks_per_unit = 10.0\ncommission_ticks = 1.0\n";
    let mut desk = Book::new(&always(1.0), edge, "").open();
    desk.decide(10);
    desk.ticks(4, 100, 4);
    desk.ticks(5, 100, 3);
    assert_eq!(desk.vetoes(), serde_json::json!({ "SIGNAL_EDGE": 4 }));
}

#[test]
fn sessions_of_the_server_hold_entries_back_and_are_counted() {
    // 09:00 UTC is 11:00 at the server.
    let signal = "cooldown_ms = 0\nsessions = \"11:30-12:00\"\n";
    let mut desk = Book::new(&always(1.0), signal, "").open();
    desk.decide(4);
    assert_eq!(desk.vetoes(), serde_json::json!({ "SIGNAL_SESSION": 4 }), "the server's time is not known");
    desk.server_offset_s(7_200);
    desk.decide(5);
    assert_eq!(desk.vetoes(), serde_json::json!({ "SIGNAL_SESSION": 9 }));
    desk.now = TimeNs(START_NS + 30 * 60 * NS_PER_S);
    desk.decide(6);
    assert_eq!(desk.vetoes(), serde_json::json!({ "SIGNAL_SESSION": 9 }));
    desk.now = TimeNs(START_NS + 60 * 60 * NS_PER_S);
    desk.decide(3);
    assert_eq!(desk.vetoes(), serde_json::json!({ "SIGNAL_SESSION": 12 }));

    for (days, vetoes) in [("mon tue thu fri", 5), ("wed", 0)] {
        let mut desk =
            Book::new(&always(1.0), &format!("cooldown_ms = 0\nsession_days = \"{days}\"\n"), "").open();
        desk.server_offset_s(0);
        desk.decide(5);
        assert_eq!(desk.vetoes()["SIGNAL_SESSION"].as_u64().unwrap_or(0), vetoes, "{days}");
    }
}

#[test]
fn a_regime_outside_its_band_holds_entries_back_and_is_counted() {
    let signal = "cooldown_ms = 0\nregime_feature = \"f1\"\nregime_min = 2.0\nregime_max = 4.0\n";
    let mut desk = Book::new(&always(1.0), signal, "").open();
    desk.decide(5);
    for spread in [1, 2, 3, 4, 5, 6, 1, 4] {
        desk.tick(EURUSD, 100, spread);
    }
    assert_eq!(desk.vetoes(), serde_json::json!({ "SIGNAL_REGIME": 4 }));
}

#[test]
fn members_that_disagree_hold_entries_back_and_are_counted() {
    let member = |name: &str, score: f64| {
        format!(
            "[[models]]\nname = \"{name}\"\nrole = \"member\"\nfile = \"always-{score}.json\"\nformat = \"linear_json\"\n"
        )
    };
    let models = format!("{}{}{}", always(0.9), member("second", 0.8), member("third", 0.1));
    // Two of three lean long; the mean, 0.6, wishes to buy.
    for (agreement, vetoes) in [("0.7", 8), ("0.66", 0)] {
        let mut desk =
            Book::new(&models, &format!("cooldown_ms = 0\nagreement_min = {agreement}\n"), "").open();
        desk.decide(8);
        assert_eq!(desk.vetoes()["SIGNAL_AGREEMENT"].as_u64().unwrap_or(0), vetoes, "{agreement}");
    }
}

/// A sixth feature, of the other instrument.
fn other_feature(keys: &str) -> String {
    format!(
        "[[features]]\nname = \"other\"\nkind = \"value\"\ninstrument = \"GBPUSD\"\ninput = \"bid\"\n{keys}"
    )
}

#[test]
fn an_old_quote_of_a_feature_holds_entries_back_and_is_counted() {
    let model = always(1.0) + "features = \"f0, f1, f2, f3, f4\"\n";
    let book = Book::new(
        &format!("{}{model}", other_feature("")),
        "cooldown_ms = 0\nfeature_age_max_ms = 500\n",
        "",
    );
    let mut desk = book.open();
    desk.tick(GBPUSD, 0, 2);
    desk.ticks(4, 0, 2);
    // Ten ticks 100 ms apart: the quote of the other is older than 500 ms on the last five.
    desk.ticks(10, 100, 2);
    assert_eq!(desk.vetoes(), serde_json::json!({ "SIGNAL_FEATURE_AGE": 5 }));
    desk.tick(GBPUSD, 100, 2);
    desk.ticks(5, 100, 2);
    assert_eq!(desk.vetoes(), serde_json::json!({ "SIGNAL_FEATURE_AGE": 5 }), "a new one lets them pass");
}

#[test]
fn a_stale_feature_holds_decisions_until_it_is_renewed_and_is_counted() {
    let model = always(1.0) + "features = \"f0, f1, f2, f3, f4\"\n";
    let book = Book::new(&format!("{}{model}", other_feature("stale_after_ms = 500\n")), "", "");
    let mut desk = book.open();
    desk.tick(GBPUSD, 0, 2);
    desk.ticks(4, 0, 2);
    let counts = |desk: &Desk| {
        let report = desk.report();
        let held = &report["counts"]["not_asked"]["FEATURES_STALE"];
        (report["counts"]["decisions"].as_u64().unwrap(), held.as_u64().unwrap_or(0))
    };
    let (decisions, held) = counts(&desk);
    assert!(decisions > 0 && held == 0, "{decisions} {held}");
    desk.ticks(5, 100, 2);
    assert_eq!(counts(&desk), (decisions + 5, 0), "as old as it may be");
    desk.ticks(7, 100, 2);
    assert_eq!(counts(&desk), (decisions + 5, 7), "no model is asked");
    desk.tick(GBPUSD, 100, 2);
    desk.ticks(3, 100, 2);
    assert_eq!(counts(&desk), (decisions + 8, 7), "released");
}

#[test]
fn what_cannot_be_is_refused_with_file_key_expected_and_got() {
    let platt = "calibration = \"wrong.json\"\n";
    let stack =
        "[[models]]\nname = \"above\"\nrole = \"stack\"\nfile = \"stack.json\"\nformat = \"linear_json\"\n";
    for (models, signal, more, words) in [
        (THREE.into(), "", "[ensemble]\ncombine = \"median\"\n", ["ensemble.combine", "mean", "\"median\""]),
        (
            THREE.replace("weight = 0.5", "weight = 0.0"),
            "",
            "",
            ["models[1].weight", "from 0.000001 to", "0.0"],
        ),
        (
            THREE.into(),
            "",
            "[ensemble]\ncombine = \"vote\"\nvotes_min = 8\n",
            ["ensemble.votes_min", "1 to 7", "8"],
        ),
        (
            THREE.into(),
            "",
            "[ensemble]\ncombine = \"vote\"\nvotes_min = 4\n",
            ["ensemble.votes_min", "at most the 3 members", "4"],
        ),
        (
            THREE.into(),
            "",
            "[ensemble]\ncombine = \"stack\"\n",
            ["ensemble: ", "expected a stacking model with 3 features", "got none"],
        ),
        (
            format!("{THREE}{stack}"),
            "",
            "",
            ["ensemble: ", "expected no stacking model", "got one with 3 features"],
        ),
        (
            always(1.0) + "calibration = \"absent.json\"\n",
            "",
            "",
            ["model.calibration", "a file that exists", "absent.json"],
        ),
        (
            always(1.0) + platt,
            "",
            "",
            ["model.calibration", "wrong.json", "rising scores, got a smaller one at 1"],
        ),
        (
            always(1.0),
            "",
            "[ensemble]\ncalibration = \"text.json\"\n",
            ["ensemble.calibration", "text.json", "expected {\"kind\""],
        ),
        (
            always(1.0),
            "sessions = \"7-17\"\n",
            "",
            ["signal.sessions", "expected HH:MM-HH:MM", "got \"7-17\""],
        ),
        (
            always(1.0),
            "session_days = \"monday\"\n",
            "",
            ["signal.session_days", "expected days of sun mon", "got \"monday\""],
        ),
        (
            always(1.0),
            "regime_feature = \"f9\"\n",
            "",
            ["signal.regime_feature", "a name of [[features]]", "\"f9\""],
        ),
        (
            always(1.0),
            "regime_feature = \"f1\"\nregime_min = 5.0\nregime_max = 4.0\n",
            "",
            ["signal.regime_min", "at most signal.regime_max = 4", "5"],
        ),
        (always(1.0), "cooldown_ms = -1\n", "", ["signal.cooldown_ms", "0 to", "-1"]),
        (always(1.0), "spread_max_ticks = 0\n", "", ["signal.spread_max_ticks", "1 to", "0"]),
        (always(1.0), "agreement_min = 1.5\n", "", ["signal.agreement_min", "0 to 1", "1.5"]),
        (always(1.0), "feature_age_max_ms = \"old\"\n", "", ["signal.feature_age_max_ms", "0 to", "old"]),
    ] {
        let book = Book::new(&models, signal, more);
        book.linear("stack.json", "logistic", &["line", "boosted", "hist"], &[1.5, -2.0, 0.5], 0.25);
        book.write("wrong.json", r#"{"kind": "isotonic", "from": [0.5, 0.4], "to": [0.1, 0.9]}"#);
        book.write("text.json", "hello");
        let said = book.faults();
        println!("{said}");
        assert!(said.starts_with("main.toml:"), "the file first: {said}");
        for word in words {
            assert!(said.contains(word), "expected {word:?} in: {said}");
        }
    }
}
