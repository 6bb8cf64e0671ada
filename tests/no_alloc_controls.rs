//! With everything on that is off by default, too, the running hot path takes no memory and gives none back: exits of every kind,
//! entries that rest and follow, sizes, exposure, breakers, clocks, limits that change, kills and what arms them again.
//!
//! What it is not: a test of what is decided; every part has its own. `no_alloc.rs` has exchanges of models and the past.
//!
//! Invariant: each of these is seen in the journal of the run that counts, or nothing is proven.

#[path = "no_alloc/appliance.rs"]
mod appliance;
#[path = "no_alloc/counting.rs"]
mod counting;
#[path = "no_alloc/desk.rs"]
mod desk;
#[path = "no_alloc/line.rs"]
mod line;

use appliance::{Appliance, START};
use desk::Desk;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tickbridge::config::{Config, Resolved};
use tickbridge::engine::Engine;
use tickbridge::journal::JournalReader;
use tickbridge::order::exits::ExitReason;
use tickbridge::record::{
    Alert, BreakerChange, Command, Control, ControlAction, Denied, Exit, Incident, IncidentKind, KillSwitch,
    KillTrigger, LimitChange, OrderStateChange, Origin, Payload, Record, RequestStateChange, TradingChange,
};
use tickbridge::risk::{LimitKey, Reason};
use tickbridge::setup::{admission, engine_setup, read_models};
use tickbridge::types::{InstrumentId, MarginMode, OrderAction, Scope, VenueId};

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

/// Cycles before the counting starts, and while it counts: 5 ms each of the test's own time.
const WARM_CYCLES: u64 = 20_000;
const CYCLES: u64 = 120_000;

const MODEL: &str = r#"{"format":"tickbridge-linear","version":1,"link":"identity",
    "features":["change"],"weights":[1.0],"intercept":0.0}"#;

/// One way to enter, to trail and to size, on one kind of account.
struct Variant {
    mode: MarginMode,
    entry: &'static str,
    trailing: &'static str,
    sizing: &'static str,
    external: &'static str,
}

const VARIANTS: [Variant; 4] = [
    Variant {
        mode: MarginMode::Netting,
        entry: "entry_kind = \"market\"\nretries_max = 2",
        trailing: "hold_ms_max = 1500\ntrailing = \"atr\"\ntrailing_atr_feature = \"atr\"",
        sizing: "kind = \"stop_risk\"\nrisk_percent = 0.01",
        external: "count",
    },
    Variant {
        mode: MarginMode::Hedging,
        entry: "entry_kind = \"limit\"\nentry_offset_points = 3\nentry_expires_ms = 5000\nentry_follow_points = 2",
        trailing: "hold_ms_max = 1500\ntrailing = \"distance\"\ntrailing_points = 15",
        sizing: "kind = \"kelly\"\nkelly_trades_min = 5",
        external: "adopt",
    },
    Variant {
        mode: MarginMode::Netting,
        entry: "entry_kind = \"stop\"\nentry_offset_points = 2\nentry_expires_ms = 2000",
        trailing: "hold_ms_max = 1500\ntrailing = \"steps\"\ntrailing_points = 10\ntrailing_step_points = 5",
        sizing: "kind = \"volatility\"\nvolatility_feature = \"atr\"\nrisk_percent = 0.01",
        external: "count",
    },
    Variant {
        mode: MarginMode::Hedging,
        entry: "entry_kind = \"stop_limit\"\nentry_offset_points = 3\nstop_limit_offset_points = 2\nentry_expires_ms = 3000\nentry_follow_points = 1",
        trailing: "hold_ms_max = 150\ntrailing = \"distance\"\ntrailing_points = 20\ntrailing_after_points = 10",
        sizing: "kind = \"fixed\"\ncorrelation_cut = 0.5\ndrawdown_start_percent = 50.0\ndrawdown_stop_percent = 90.0",
        external: "ignore",
    },
];

/// The bundled limits, wide enough that trading goes on.
fn limits() -> String {
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/limits.toml");
    let mut text = std::fs::read_to_string(bundled).expect("the bundled limits");
    for (from, to) in [
        ("orders_per_s_max = 5.0 ", "orders_per_s_max = 10000.0 "),
        ("orders_burst_max = 5 ", "orders_burst_max = 10000 "),
        ("daily_loss_max = 500.0 ", "daily_loss_max = 100000000.0 "),
        ("trailing_loss_max = 1000.0 ", "trailing_loss_max = 100000000.0 "),
        ("losses_in_row_max = 1000 ", "losses_in_row_max = 10000 "),
        ("rejects_in_row_max = 5 ", "rejects_in_row_max = 1000 "),
    ] {
        assert!(text.contains(from), "the bundled limits have no {from}");
        text = text.replace(from, to);
    }
    text
}

fn config(dir: &Path, variant: &Variant) -> Config {
    std::fs::write(dir.join("model.json"), MODEL).expect("a file");
    let Variant { entry, trailing, sizing, external, .. } = variant;
    let breakers: String =
        ["link", "handshake", "rejects", "requotes", "time_outs", "disk", "clock", "stalls"]
            .map(|on| {
                format!("[[breakers]]\non = \"{on}\"\nfailures = 2\nwindow_ms = 60000\ncool_down_ms = 500\n")
            })
            .concat();
    let text = format!(
        r#"
[appliance]
name = "no-alloc"
strategy_id = 1
[[venues]]
name = "demo"
login = {login}
server = "{server}"
currency = "USD"
[[instruments]]
name = "EURUSD"
venue = "demo"
symbol = "EURUSD"
base_currency = "EUR"
profit_currency = "USD"
[[features]]
name = "change"
kind = "change"
instrument = "EURUSD"
lag = 1
[[features]]
name = "atr"
kind = "atr"
instrument = "EURUSD"
clock = "bar"
bar_ms = 100
period = 14
[model]
file = "model.json"
format = "linear_json"
instrument = "EURUSD"
features = "change"
[signal]
enter_long_above = 3.0
exit_long_below = -4.5
enter_short_below = -3.0
exit_short_above = 4.5
volume_lots = 0.04
cooldown_ms = 50
spread_max_ticks = 25
quote_age_max_ms = 500
stop_loss_points = 60
take_profit_points = 200
sessions = "22:00-22:17, 22:18-23:50"
{entry}
[sizing]
{sizing}
lots_max = 0.08
[exposure]
currency_max = 1e9
gross_max = 1e9
leverage_max = 1000.0
unexecuted_max = 1e9
portfolio_risk_max = 1e9
sample_ms = 100
samples = 10
frozen_after_ms = 1000
duplicate_window_ms = 1
budget_warn_percent = 50
canary_hours = 0.01
canary_orders_max = 1000
canary_lots_max = 1.0
[exits]
session_end_s = 20
{trailing}
break_even_after_points = 12
break_even_offset_points = 2
ladder = "15:0.25, 30:0.25"
unprotected_ms_max = 100
move_ms_min = 20
one_cancels_other = true
[external]
policy = "{external}"
[clock]
step_max_ms = 1000
offset_max_ms = 2000
stall_max_ms = 1500
{breakers}
{limits}
"#,
        login = line::LOGIN,
        server = desk::SERVER,
        limits = limits(),
    );
    let path = dir.join("tickbridge.toml");
    Resolved::parse(&path, &text).unwrap_or_else(|errors| panic!("{errors}")).config
}

fn word<P: Payload>(appliance: &Appliance, origin: Origin, payload: &P) -> Record {
    Record::new(origin, appliance.clock.now(), VenueId(0), InstrumentId(0), payload)
}

fn kill(scope: Scope, flatten: bool) -> KillSwitch {
    let (scope, scope_id) = scope.parts();
    let trigger = KillTrigger::Command as u8;
    let (who, why) = ([b'a'; 32], [b'b'; 48]);
    KillSwitch { scope, flatten: u8::from(flatten), scope_id, trigger, reserved: [0; 3], who, why }
}

fn control(action: ControlAction) -> Control {
    let (who, why) = ([b'a'; 32], [b'b'; 48]);
    Control { order_id: 0, action: action as u8, scope: 0, scope_id: 0, reserved: [0; 4], who, why }
}

/// What the operator and the control floor say, each in its turn; what they say is taken back a little later.
fn speak(appliance: &Appliance, turn: u64) {
    let say = |record: Record| appliance.control.try_push(record).expect("the lane takes what is said");
    let (operator, own) = (Origin::Operator, Origin::Appliance);
    let limit = |value_new: f64, value_old: f64| {
        let (who, why) = ([b'a'; 32], [b'b'; 48]);
        let change = LimitChange { value_old, value_new, who, why };
        word(appliance, operator, &change).with_aux(LimitKey::OrderLots as u32)
    };
    let incident = |kind: IncidentKind, amount: i64| {
        word(appliance, own, &Incident { amount, kind: kind as u8, reserved: [0; 7] })
    };
    match turn % 12 {
        0 => {
            appliance.killed.kill(Scope::Instrument(InstrumentId(0)));
            say(word(appliance, operator, &kill(Scope::Instrument(InstrumentId(0)), true)));
        }
        1 => {
            let scope = Scope::Instrument(InstrumentId(0));
            appliance.killed.end(scope);
            let (kind, scope_id) = scope.parts();
            let ended = Control { scope: kind, scope_id, ..control(ControlAction::ActivateScope) };
            say(word(appliance, operator, &ended));
            // What else tripped since.
            say(word(appliance, operator, &control(ControlAction::Activate)));
        }
        2 => {
            appliance.killed.kill(Scope::All);
            say(word(appliance, operator, &kill(Scope::All, false)));
        }
        4 => say(word(appliance, operator, &control(ControlAction::Reduce))),
        6 => say(limit(0.05, 0.2)),
        7 => say(limit(0.2, 0.05)),
        8 => (0..2).for_each(|_| say(incident(IncidentKind::HandshakeRefused, 3))),
        9 => say(incident(IncidentKind::ClockError, 5_000_000_000)),
        10 => say(incident(IncidentKind::ClockError, 0)),
        11 => say(word(appliance, operator, &control(ControlAction::AcceptPosition))),
        _ => {
            appliance.killed.rearm();
            say(word(appliance, operator, &control(ControlAction::Activate)));
        }
    }
}

fn run(appliance: &mut Appliance, desk: &mut Desk, cycles: u64) {
    for cycle in 0..cycles {
        let now = appliance.cycle();
        desk.poll(now);
        if desk.is_welcome() && cycle % 3 == 0 {
            desk.tick(now);
        }
        if desk.is_welcome() && cycle % 200 == 0 {
            desk.account(now);
        }
        if cycle % 500 == 499 {
            appliance.collect();
        }
        // Most of the time it trades.
        if cycle % 1_500 == 1_000 || cycle % 1_500 == 1_100 {
            let turn = cycle / 1_500 * 2 + u64::from(cycle % 1_500 == 1_100);
            speak(appliance, turn);
        }
    }
}

fn has<P: Payload>(records: &[Record]) -> bool {
    records.iter().any(|record| record.payload::<P>().is_some())
}

/// What stood in the way, for whoever reads a failure: refusals by reason, what trading became, the last words of orders.
fn story(records: &[Record]) -> String {
    let (mut refused, mut last) = (BTreeMap::new(), Vec::new());
    for record in records {
        if let Some(denied) = record.payload::<Denied>() {
            *refused.entry(Reason::from_code(denied.reason).map(Reason::name)).or_insert(0) += 1;
        } else if let Some(change) = record.payload::<TradingChange>() {
            last.push(format!("{:?} at {}", change, record.seq()));
        } else if let Some(change) = record.payload::<OrderStateChange>() {
            last.push(format!("{:?} at {}", change, record.seq()));
        } else if let Some(alert) = record.payload::<Alert>() {
            last.push(format!("{:?} at {}", alert, record.seq()));
        }
    }
    let from = last.len().saturating_sub(40);
    format!("{} records, refused {refused:?}, the last of them:\n{}", records.len(), last[from..].join("\n"))
}

/// Runs one, and says which exits and actions its journal has.
fn counted(variant: &Variant) -> (BTreeSet<u32>, BTreeSet<u8>) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let config = config(dir.path(), variant);
    let models = read_models(&config).expect("the test's model");
    let engine = Engine::new(engine_setup(&config, &models).expect("a setup"));
    let admitted = admission(&config, 1).expect("an account");
    let (mut appliance, market, trade) = Appliance::start(dir.path(), engine, admitted);
    let mut desk = Desk::new(market, trade, variant.mode);
    appliance.agents.iter_mut().for_each(|(_, agent)| agent.on_start(START));

    run(&mut appliance, &mut desk, WARM_CYCLES);
    let deals = desk.deal_count();
    (appliance.taken, appliance.given) = ([0; 4], [0; 4]);
    counting::show();
    run(&mut appliance, &mut desk, CYCLES);
    let counts = appliance.counts();
    appliance.agents.iter_mut().for_each(|(_, agent)| agent.on_close());

    let journal = JournalReader::open(&dir.path().join("journal")).expect("a journal");
    let records: Vec<Record> = journal.map(|record| record.expect("a whole record")).collect();
    let exits = { records.iter() }.filter_map(|record| Some(record.payload::<Exit>()?.reason)).collect();
    let asked = { records.iter() }.filter_map(|record| Some(record.payload::<Command>()?.action)).collect();
    println!(
        "{}: {} deals counted, exits {exits:?}, actions {asked:?}; {counts:?}",
        variant.entry,
        desk.deal_count() - deals
    );
    let dealt = desk.deal_count() - deals;
    assert!(dealt > 50, "expected 50 deals while it counts, got {dealt}: {}", story(&records));
    assert!(has::<BreakerChange>(&records) && has::<RequestStateChange>(&records));
    assert!(has::<KillSwitch>(&records) && has::<LimitChange>(&records));
    for (agent, taken, given) in counts {
        assert_eq!((taken, given), (0, 0), "{agent}: allocations and frees after the warm-up");
    }
    (exits, asked)
}

#[test]
fn the_hot_path_takes_no_memory_with_every_control_on() {
    let (mut exits, mut asked) = (BTreeSet::new(), BTreeSet::new());
    for variant in &VARIANTS {
        let (seen, sent) = counted(variant);
        exits.extend(seen);
        asked.extend(sent);
    }
    let missing: Vec<&str> = { ExitReason::ALL.iter() }
        .filter(|reason| !exits.contains(&(**reason as u32)))
        .map(|reason| reason.name())
        .collect();
    assert!(missing.is_empty(), "no such exit was seen: {missing:?}");
    for action in [
        OrderAction::Deal,
        OrderAction::Pending,
        OrderAction::StopLevels,
        OrderAction::Modify,
        OrderAction::Remove,
    ] {
        assert!(asked.contains(&action.code()), "{action:?} was never sent");
    }
}
