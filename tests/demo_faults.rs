//! The appliance killed ten times beside a terminal with faults switched on.
//!
//! What it is not: an episode in virtual time (`simulate.rs`); these are the built program's processes, sockets, files and signals.
//!
//! Invariant: whatever goes wrong, no order is executed twice, every deal is counted once, both sides agree on the position when the
//! faults rest, and the journal replays bit for bit. Each kill waits for a number of commands or ticks, never for a time.

mod rig;

use rig::{Place, Process, count, json, position_of, stderr, tickbridge, until};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use tickbridge::order::OrderState;
use tickbridge::record::{Command, DealEvent, Kind, OrderStateChange, Record};
use tickbridge::runtime::Prng;

const KILLS: usize = 10;
/// All but those that refuse an order which the terminal took: whose refusal is then lost stays in doubt until a person says what became
/// of it, and nothing more is opened on that side.
const FAULTS: &str = "--faults=-rejected,-requote,-market-closed,-partial";
/// Ticks after which a start is killed that may not open anything: an order that the terminal took and then refused unheard.
const TICKS_IN_DOUBT: u64 = 1_500;
/// Nothing is opened or closed by the strategy any more.
const QUIET: &[(&str, &str)] = &[
    ("enter_long_above = 0.54", "enter_long_above = 0.9999"),
    ("exit_long_below = 0.51", "exit_long_below = 0.0002"),
    ("enter_short_below = 0.48", "enter_short_below = 0.0001"),
    ("exit_short_above = 0.51", "exit_short_above = 0.9998"),
    ("hold_ms_max = 10000", "hold_ms_max = 0"),
];

fn number(json: &Json, key: &str) -> i64 {
    json[key].as_i64().unwrap_or_else(|| panic!("{key} is not in {json}"))
}

/// The records of the last start, once it is the `starts`-th.
fn since_start(all: &[Record], starts: usize) -> Option<&[Record]> {
    let at = all.iter().rposition(|record| record.kind() == Some(Kind::Start))?;
    (count(all, Kind::Start) == starts).then(|| &all[at..])
}

/// The last state of every order of a journal.
fn states(all: &[Record]) -> BTreeMap<u64, OrderState> {
    let mut states = BTreeMap::new();
    for change in all.iter().filter_map(Record::payload::<OrderStateChange>) {
        states.insert(change.order_id, OrderState::from_code(change.to).expect("a state"));
    }
    states
}

fn ticks(truth: &Json) -> u64 {
    (number(truth, "ticks_sent") + number(truth, "ticks_while_disconnected")) as u64
}

/// Waits until this start has sent so many commands, or cannot because an order is in doubt.
fn wait_for_commands(place: &Place, starts: usize, commands: usize) {
    let from = ticks(&place.truth());
    until("it trades", || {
        let all = place.records();
        let sent = count(since_start(&all, starts)?, Kind::Command);
        let in_doubt = states(&all).values().any(|state| *state == OrderState::Unknown);
        let waited = ticks(&place.truth()).saturating_sub(from);
        (sent >= commands || (in_doubt && waited >= TICKS_IN_DOUBT)).then_some(())
    });
}

/// Waits until this start has heard so many ticks.
fn wait_for_ticks(place: &Place, starts: usize, ticks: usize) {
    until("it hears ticks", || {
        (count(since_start(&place.records(), starts)?, Kind::Tick) >= ticks).then_some(())
    });
}

fn end(process: &mut Process) {
    process.terminate();
    let status = process.ended();
    assert!(status.success(), "{status}: {}", process.words());
}

/// No order in two commands, every deal once, and what orders say they got is what the deals amount to.
fn check_journal(all: &[Record], truth: &Json) {
    let mut ids = BTreeSet::new();
    for command in all.iter().filter_map(Record::payload::<Command>) {
        let is_new = ids.insert((command.order_id, command.action));
        assert!(is_new, "order {} is in two commands", command.order_id);
    }
    assert_eq!((number(truth, "executed_twice"), number(truth, "repeated")), (0, 0), "{truth}");
    assert_eq!(rig::deals(all).len() as i64, number(truth, "deals"), "deals heard of and deals made");
    let mut filled = BTreeMap::new();
    for change in all.iter().filter_map(Record::payload::<OrderStateChange>) {
        filled.insert(change.order_id, change.qty_filled);
    }
    let (mut seen, mut dealt) = (BTreeSet::new(), 0);
    for deal in all.iter().filter_map(Record::payload::<DealEvent>) {
        // MT5's reasons 4 to 6 are stops: they carry the id of the order that opened the position.
        if deal.deal_type <= 1 && !(4..=6).contains(&deal.reason) && seen.insert(deal.deal) {
            dealt += deal.qty;
        }
    }
    assert_eq!(filled.values().sum::<i64>(), dealt, "steps filled by order, and by deal");
}

/// A place whose strategy goes on trading after refusals.
fn place() -> Place {
    let place = Place::new();
    let limits = std::fs::read_to_string(place.path("limits.toml")).unwrap();
    let patient = limits.replace("rejects_in_row_max = 5 ", "rejects_in_row_max = 1000 ");
    assert_ne!(limits, patient, "the bundled limits have another rejects_in_row_max");
    std::fs::write(place.path("limits.toml"), patient).unwrap();
    place
}

fn killed_ten_times(margin_mode: &str, seed: u64) {
    println!("seed {seed}");
    let mut dice = Prng::new(seed);
    let place = place();
    let mut appliance = place.appliance(&[]);
    let mut terminal = place.terminal(&["--margin-mode", margin_mode, "--seed", &seed.to_string(), FAULTS]);
    for kill in 1..=KILLS {
        match dice.below(3) {
            0 => wait_for_ticks(&place, kill, 1 + dice.below(1_500) as usize),
            _ => wait_for_commands(&place, kill, 1 + dice.below(5) as usize),
        }
        appliance.kill();
        appliance = place.appliance(&[]);
    }
    wait_for_commands(&place, KILLS + 1, 2);
    end(&mut appliance);

    // With a strategy that does nothing the faults rest. Then once more, to compare with a terminal that does nothing wrong.
    place.configure(QUIET);
    appliance = place.appliance(&[]);
    until("the faults rest", || {
        let truth = place.truth();
        (truth["at_rest"] == true && truth["in_flight"] == 0).then_some(())
    });
    end(&mut appliance);
    appliance = place.appliance(&[]);
    let is_over = |state: &OrderState| state.is_final() || *state == OrderState::Unknown;
    until("the venue was compared, and every order has an end or is in doubt", || {
        let all = place.records();
        let compared = count(since_start(&all, KILLS + 3)?, Kind::Snapshot) >= 3;
        (compared && states(&all).values().all(is_over)).then_some(())
    });
    end(&mut terminal);
    end(&mut appliance);

    let (truth, report) = (place.truth(), json(&place.report()).unwrap());
    let all = place.records();
    let commands = count(&all, Kind::Command);
    let in_doubt: Vec<u64> =
        states(&all).iter().filter(|(_, state)| !state.is_final()).map(|(id, _)| *id).collect();
    println!(
        "{margin_mode}: {KILLS} kills, {commands} commands, {} deals, {} in doubt, faults {}, restarts {}",
        truth["deals"],
        in_doubt.len(),
        truth["faults"],
        truth["restarts"]
    );
    let counts = &report["counts"];
    assert_eq!(position_of(&truth), number(counts, "position_steps"), "{truth}");
    assert_eq!(number(counts, "mismatches"), 0, "{counts}");
    assert_eq!(number(counts, "orders_unknown"), in_doubt.len() as i64, "{counts}");
    check_journal(&all, &truth);
    // Who may be in doubt: an order that the terminal took, and whose refusal nobody heard.
    for deal in all.iter().filter_map(Record::payload::<DealEvent>) {
        assert!(!in_doubt.contains(&deal.magic), "order {} has a deal and is in doubt", deal.magic);
    }
    assert!(
        commands >= 10 && number(&truth, "deals") >= 5,
        "it traded too little to prove anything: {truth}"
    );
    assert!(truth["faults"].as_object().unwrap().len() >= 5, "few faults struck: {truth}");
    let output = place.verify();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let summary: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["starts"].as_u64(), Some(KILLS as u64 + 3));
}

#[test]
fn ten_kills_beside_a_faulty_terminal_repeat_nothing_netting() {
    killed_ten_times("netting", 41);
}

#[test]
fn ten_kills_beside_a_faulty_terminal_repeat_nothing_hedging() {
    killed_ten_times("hedging", 42);
}

#[test]
fn a_demo_with_faults_reports_them_and_replays() {
    let folder = tempfile::tempdir().unwrap();
    let [out, run] = ["out.json", "run"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    let faults = "--faults=deal-zero=2,event-repeated=2,late-fill=2,link-lost=300";
    let args = ["demo", "--seconds", "6", faults, "--seed", "3", "--json", &out, "--folder", &run];
    let output = tickbridge(&args);
    assert!(output.status.success(), "{}", stderr(&output));
    let report = json(std::path::Path::new(&out)).unwrap();
    let terminal = &report["counts"]["terminal"];
    assert!(number(&terminal["faults"], "deal-zero") > 0, "{terminal}");
    assert_eq!((number(terminal, "executed_twice"), number(terminal, "repeated")), (0, 0));
    let output = tickbridge(&["replay", report["journal"].as_str().unwrap(), "--verify"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let refused = tickbridge(&["demo", "--faults=disk-full"]);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("expected a fault of a terminal"), "{}", stderr(&refused));
}
