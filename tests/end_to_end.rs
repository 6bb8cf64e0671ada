//! The whole program: demo, replay of its journal, and `kill -9` of either side in the middle of trading.
//!
//! What it is not: a measurement, or a test of one part; the parts have their own.
//!
//! Invariant: an order is executed once, a fill is counted once, and a journal replays bit for bit, whoever was killed when.

mod rig;

use rig::{Place, Process, count, data, json, position_of, records, stderr, tickbridge, until};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::Path;
use tickbridge::journal::SEGMENT_HEADER_BYTES;
use tickbridge::order::OrderState;
use tickbridge::record::{Alert, Command, Kind, OrderStateChange, RECORD_BYTES, Record, Session};
use tickbridge::runtime::Prng;

/// Nothing is opened or closed by the strategy any more.
const QUIET: &[(&str, &str)] = &[
    ("enter_long_above = 0.54", "enter_long_above = 0.9999"),
    ("exit_long_below = 0.51", "exit_long_below = 0.0002"),
    ("enter_short_below = 0.48", "enter_short_below = 0.0001"),
    ("exit_short_above = 0.51", "exit_short_above = 0.9998"),
    ("hold_ms_max = 10000", "hold_ms_max = 0"),
];
/// Buys, and holds what it has.
const BUY_AND_HOLD: &[(&str, &str)] = &[
    ("enter_long_above = 0.54", "enter_long_above = 0.01"),
    ("exit_long_below = 0.51", "exit_long_below = 0.0002"),
    ("enter_short_below = 0.48", "enter_short_below = 0.0001"),
    ("exit_short_above = 0.51", "exit_short_above = 0.9998"),
    ("hold_ms_max = 10000", "hold_ms_max = 0"),
    ("stop_loss_points = 300", "stop_loss_points = 0"),
    ("take_profit_points = 300", "take_profit_points = 0"),
];

fn number(report: &Json, key: &str) -> i64 {
    report["counts"][key].as_i64().unwrap_or_else(|| panic!("counts.{key} is not in {}", report["counts"]))
}

/// A demo's report has what the specification names, and both sides agree.
fn check_demo(out: &Json, html: &Path) {
    for key in ["ticks_sent", "ticks", "coalesced", "decisions", "orders", "fills", "gaps"] {
        number(out, key);
    }
    assert!(out["counts"]["rejects"].is_object(), "rejects by reason");
    let stages = out["stages"].as_object().unwrap();
    assert!(stages.contains_key("tick_to_order"));
    for (name, stage) in stages {
        for key in ["count", "p50", "p99", "p99.9", "p99.99", "max"] {
            assert!(stage[key].is_u64(), "stages.{name}.{key}");
        }
    }
    assert!(Path::new(out["journal"].as_str().unwrap()).is_dir());
    assert!(!out["budgets"].as_array().unwrap().is_empty());
    assert_eq!(number(out, "ticks_sent"), number(out, "ticks") + number(out, "coalesced"));
    assert!(number(out, "orders") > 0 && number(out, "fills") > 0, "{}", out["counts"]);
    assert_eq!(number(out, "gaps"), 0);
    let terminal = &out["counts"]["terminal"];
    assert_eq!(terminal["deals"].as_i64(), Some(number(out, "fills")));
    assert_eq!(position_of(terminal), number(out, "position_steps"));
    assert_eq!(terminal["repeated"], 0);
    assert!(std::fs::read_to_string(html).unwrap().contains("<polyline"));
}

fn demo(folder: &Path, more: &[&str]) -> Json {
    let [out, html, run] = ["out.json", "out.html", "run"].map(|name| folder.join(name));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (out_text, html_text, run_text) = (text(&out), text(&html), text(&run));
    let mut args =
        vec!["demo", "--seconds", "5", "--json", &out_text, "--html", &html_text, "--folder", &run_text];
    args.extend(more);
    let output = tickbridge(&args);
    assert!(output.status.success(), "{}", stderr(&output));
    let report = json(&out).unwrap();
    check_demo(&report, &html);
    report
}

#[test]
fn demo_trades_and_its_journal_replays_until_a_byte_flips() {
    let folder = tempfile::tempdir().unwrap();
    let report = demo(folder.path(), &[]);
    let journal = report["journal"].as_str().unwrap();
    let output = tickbridge(&["replay", journal, "--verify"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));

    let segment = folder.path().join("run/journal/0000000000000001.tbj");
    let good = std::fs::read(&segment).unwrap();
    let count = records(Path::new(journal)).len();
    let mut dice = Prng::new(2);
    for _ in 0..6 {
        let at = SEGMENT_HEADER_BYTES + dice.below((count * RECORD_BYTES) as u64) as usize;
        let bit = 1 << dice.below(8);
        let mut bad = good.clone();
        bad[at] ^= bit;
        std::fs::write(&segment, &bad).unwrap();
        let output = tickbridge(&["replay", journal, "--verify"]);
        let words = stderr(&output);
        let record = (at - SEGMENT_HEADER_BYTES) / RECORD_BYTES * RECORD_BYTES + SEGMENT_HEADER_BYTES;
        assert_eq!(output.status.code(), Some(65), "bit {bit} of byte {at} flipped: {words}");
        assert!(words.contains("0000000000000001.tbj"), "byte {at}: {words}");
        assert!(words.contains(&format!("byte {record}")), "byte {at}, record at {record}: {words}");
    }
}

#[test]
fn demo_plays_real_quotes_on_a_hedging_account() {
    let folder = tempfile::tempdir().unwrap();
    let ticks = data("fx_oanda_eurusd/tick");
    let more = ["--ticks", ticks.to_str().unwrap(), "--margin-mode", "hedging"];
    let report = demo(folder.path(), &more);
    let output = tickbridge(&["replay", report["journal"].as_str().unwrap(), "--verify"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn demo_does_not_play_gold_under_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let (run, ticks) = (folder.path().join("run"), data("fx_oanda_xauusd/tick"));
    let args = ["demo", "--ticks", ticks.to_str().unwrap(), "--folder", run.to_str().unwrap()];
    let output = tickbridge(&args);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("expected ticks of EURUSD"), "{}", stderr(&output));
    assert!(stderr(&output).contains("got XAUUSD"), "{}", stderr(&output));
    assert!(!run.join("journal").exists(), "nothing was started");
}

/// No order id in two commands, no fill counted twice or not at all, and no alert that says otherwise.
fn check_journal(all: &[Record], truth: &Json) {
    let mut ids = BTreeSet::new();
    for command in all.iter().filter_map(Record::payload::<Command>) {
        assert!(ids.insert(command.order_id), "order {} is in two commands", command.order_id);
    }
    let alerts: Vec<Alert> = all.iter().filter_map(Record::payload::<Alert>).collect();
    let bad = alerts.iter().find(|alert| [1, 3, 4, 5].contains(&alert.code));
    assert!(bad.is_none(), "{bad:?}");
    assert_eq!(
        rig::deals(all).len() as u64,
        truth["deals"].as_u64().unwrap(),
        "deals heard of and deals made"
    );
    assert_eq!(truth["repeated"], 0, "no command came twice");
    let executed = truth["executed"].as_u64().unwrap();
    assert!(executed <= ids.len() as u64, "{executed} executed of {} orders", ids.len());
    // What the orders say they got, and what the deals of these orders amount to.
    let mut filled = std::collections::BTreeMap::new();
    for change in all.iter().filter_map(Record::payload::<OrderStateChange>) {
        filled.insert(change.order_id, change.qty_filled);
    }
    let (mut seen, mut dealt) = (BTreeSet::new(), 0);
    for deal in all.iter().filter_map(Record::payload::<tickbridge::record::DealEvent>) {
        // MT5's reasons 4 to 6 are stops: they carry the id of the order that opened the position.
        if deal.deal_type <= 1 && !(4..=6).contains(&deal.reason) && seen.insert(deal.deal) {
            dealt += deal.qty;
        }
    }
    assert_eq!(filled.values().sum::<i64>(), dealt, "steps filled by order, and by deal");
}

fn wait_for_deals(place: &Place, more: u64) {
    let from = place.truth()["deals"].as_u64().unwrap();
    until("deals are made", || (place.truth()["deals"].as_u64().unwrap() >= from + more).then_some(()));
}

/// The records of the `starts`-th start of the appliance, once it is there.
fn since_start(place: &Place, starts: usize) -> Option<Vec<Record>> {
    let all = place.records();
    let at = all.iter().rposition(|record| record.kind() == Some(Kind::Start))?;
    (count(&all, Kind::Start) == starts).then(|| all[at..].to_vec())
}

fn wait_for_trading(place: &Place, starts: usize) {
    until("it trades on", || {
        let news = since_start(place, starts)?;
        (count(&news, Kind::Command) >= 3 && rig::deals(&news).len() >= 3).then_some(())
    });
}

fn end(process: &mut Process) {
    process.terminate();
    let status = process.ended();
    assert!(status.success(), "{status}: {}", process.words());
}

fn killed_three_times(margin_mode: &str, seed: u64) {
    println!("seed {seed}");
    let mut dice = Prng::new(seed);
    let place = Place::new();
    let mut appliance = place.appliance(&[]);
    let mut terminal = place.terminal(&["--margin-mode", margin_mode, "--seed", &seed.to_string()]);
    for kill in 1..=3 {
        wait_for_deals(&place, 4 + dice.below(9));
        appliance.kill();
        appliance = place.appliance(&[]);
        wait_for_trading(&place, kill + 1);
    }
    end(&mut appliance);

    // Once more, with a strategy that does nothing: what was under way comes to its end, and both sides can be compared.
    place.configure(QUIET);
    appliance = place.appliance(&[]);
    until("the venue was compared and no order is in doubt", || {
        let compared = count(&since_start(&place, 5)?, Kind::Snapshot) >= 2;
        (compared && place.truth()["in_flight"] == 0 && open_orders(&place.records()).is_empty())
            .then_some(())
    });
    end(&mut terminal);
    end(&mut appliance);
    let (truth, report) = (place.truth(), json(&place.report()).unwrap());
    assert_eq!(position_of(&truth), number(&report, "position_steps"), "{truth}");
    assert_eq!((number(&report, "mismatches"), number(&report, "orders_open")), (0, 0));
    check_journal(&place.records(), &truth);
    let output = place.verify();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let summary: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["starts"], 5);
}

/// Orders without an end.
fn open_orders(all: &[Record]) -> BTreeSet<u64> {
    let mut open = BTreeSet::new();
    for record in all {
        if let Some(command) = record.payload::<Command>() {
            open.insert(command.order_id);
        }
        if let Some(change) = record.payload::<OrderStateChange>()
            && OrderState::from_code(change.to).is_some_and(OrderState::is_final)
        {
            open.remove(&change.order_id);
        }
    }
    open
}

#[test]
fn a_killed_appliance_comes_back_and_repeats_nothing_netting() {
    killed_three_times("netting", 11);
}

#[test]
fn a_killed_appliance_comes_back_and_repeats_nothing_hedging() {
    killed_three_times("hedging", 12);
}

#[test]
fn a_terminal_that_lost_its_account_closes_the_gate() {
    let place = Place::new();
    place.configure(BUY_AND_HOLD);
    let mut appliance = place.appliance(&[]);
    let mut terminal = place.terminal(&["--margin-mode", "netting"]);
    until("there is a position", || (!rig::deals(&place.records()).is_empty()).then_some(()));
    terminal.kill();
    until("both sessions are down", || {
        let down = |record: &&Record| record.payload::<Session>().is_some_and(|session| session.state == 2);
        (place.records().iter().filter(down).count() >= 2).then_some(())
    });
    end(&mut appliance);

    // The simulated account is in memory: the new terminal has none of what we hold. A strategy that would sell it at once.
    place.configure(&[]);
    let mut appliance = place.appliance(&[]);
    let mut terminal = place.terminal(&["--margin-mode", "netting"]);
    let alert = until("the difference is alerted, and looked at again and again", || {
        let news = since_start(&place, 2)?;
        let alert = news.iter().filter_map(Record::payload::<Alert>).find(|alert| alert.code == 1)?;
        (count(&news, Kind::Snapshot) >= 10).then_some(alert)
    });
    assert!(alert.ours > 0 && alert.theirs == 0, "{alert:?}");
    until("there were decisions", || (appliance.status("decisions")? >= 500.0).then_some(()));
    assert_eq!(appliance.status("orders"), Some(0.0), "neither opened nor sold what is not there");
    assert!(place.truth()["positions"].as_array().unwrap().is_empty());
    end(&mut terminal);
    end(&mut appliance);
    let output = place.verify();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}
