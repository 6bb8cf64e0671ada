//! The running hot path takes no memory and gives none back: ingest, decide, send and persist, called in turn on this thread,
//! with a terminal at the other end of real loopback connections that fills what is sent.
//!
//! What it is not: a latency measurement, or a test of what is decided.
//!
//! Invariant: time is a manual clock that moves by one step a cycle, and the run ends after a number of fills, so no machine
//! is too slow for it. It counts only while an agent works; the terminal may allocate as it likes.

#[path = "no_alloc/appliance.rs"]
mod appliance;
#[path = "no_alloc/counting.rs"]
mod counting;
#[path = "no_alloc/line.rs"]
mod line;
#[path = "no_alloc/terminal.rs"]
mod terminal;

use appliance::{Appliance, START};
use counting::counted;
use line::LOGIN;
use terminal::{SERVER, SYMBOLS, Terminal};
use tickbridge::agents::{Admission, AdmittedVenue, EngineStatus, KnownUnits, StagedModel};
use tickbridge::engine::{
    Classes, Engine, EntryPlan, ExternalPolicy, GuardPlan, HistoryPlan, InstrumentSetup, ModelIdentity,
    ModelSet, ModelUnit, OrderPlan, Setup, Slot, StrategySetup, VenueSetup, WatchPlan,
};
use tickbridge::features::{self, FeatureGraph, FeatureSpec, Input, Kind, MacdOutput, Seed, SignalAverage};
use tickbridge::journal::JournalReader;
use tickbridge::model::{LoadOptions, Model, synthetic};
use tickbridge::order::exits::ExitPlan;
use tickbridge::record::{Layout, ModelAction, ModelChange, Origin, Record};
use tickbridge::risk::{ExposureLimits, ExposurePlan, Limits};
use tickbridge::signal::{Rule, Thresholds};
use tickbridge::types::{
    FixedText, InstrumentId, MarginMode, Money, NS_PER_MS, NS_PER_S, StrategyId, VenueId,
};

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

/// What must have happened while armed: more than the order book remembers, of orders and of deals, so that forgetting is
/// counted too. No more cycles than this may pass until it has.
const FILLS_MIN: u64 = 70_000;
const CYCLES_MAX: u64 = 4_000_000;
/// Fills before the counting starts.
const WARM_UP_FILLS: u64 = 300;

const LINEAR: &[u8] = br#"{"format":"tickbridge-linear","version":1,"link":"identity",
    "features":["f0","f1","f2","f3","f4"],"weights":[1.0,0.0,0.0,0.0,0.0],"intercept":0.0}"#;

/// The change of the mid decides; the other features are there to be computed.
fn strategy(instrument: u16, model: Model, features: Vec<FeatureSpec>, enter: f64) -> StrategySetup {
    let thresholds = Thresholds {
        enter_long_above: enter,
        enter_short_below: -enter,
        exit_long_below: -enter / 2.0,
        exit_short_above: enter / 2.0,
        cooldown_ns: 0,
        spread_max_ticks: 10,
        quote_age_max_ns: NS_PER_S,
    };
    StrategySetup {
        instrument: InstrumentId(instrument),
        models: ModelSet::single(unit(1, model, &features)),
        features: FeatureGraph::build(&features).expect("a graph"),
        rule: Rule::new(thresholds).expect("they agree"),
        plan: OrderPlan {
            lots: 0.1,
            stop_loss_points: 100,
            take_profit_points: 200,
            deviation_points: 5,
            decision_budget_ns: 100 * NS_PER_MS,
            exits: ExitPlan { hold_ns_max: 10 * NS_PER_S, ..ExitPlan::OFF },
            atr_feature: None,
            one_cancels_other: false,
            sizing: Default::default(),
            entry: EntryPlan::MARKET,
        },
        evaluate_every_ticks: 1,
        regime_feature: None,
        watch: WatchPlan { shadow_record_every: 10, ..WatchPlan::default() },
    }
}

/// Every watch on, with room for all that happens.
fn exposure() -> ExposurePlan {
    let most = Money::from_f64(1e9);
    let limits = ExposureLimits {
        currency_max: most,
        gross_max: most,
        leverage_max: Some(1e6),
        unexecuted_max: most,
        ..ExposureLimits::default()
    };
    ExposurePlan {
        limits,
        sample_ns: 100 * NS_PER_MS,
        samples: 64,
        frozen_after_ns: 3_600 * NS_PER_S,
        duplicate_window_ns: 1,
        budget_warn_left: 0.5,
        canary_ns: 1,
        canary_orders_max: 1_000_000,
        canary_lots_max: 1.0,
        ..ExposurePlan::default()
    }
}

fn unit(digest: u64, model: Model, features: &[FeatureSpec]) -> ModelUnit {
    let identity = ModelIdentity { digest, version: 1, name: FixedText::new("a").expect("short") };
    let names: Vec<&str> = features.iter().map(|spec| spec.name.as_str()).collect();
    ModelUnit::new(identity, model, &names, Classes::default()).expect("its features are there")
}

fn feature_specs(instrument: u16, names: &[String]) -> Vec<FeatureSpec> {
    let average = SignalAverage::Exponential;
    let (seed, output) = (Seed::First, MacdOutput::Main);
    let kinds = [
        (Kind::Change { lag: 1 }, features::Clock::Tick),
        (Kind::Sma { period: 20 }, features::Clock::Tick),
        (Kind::Rsi { period: 14 }, features::Clock::Tick),
        (Kind::Macd { fast: 12, slow: 26, signal: 9, seed, average, output }, features::Clock::Tick),
        (Kind::Ema { period: 10, seed }, features::Clock::Bar { period_ns: 50 * NS_PER_MS }),
    ];
    let spec = |(name, (kind, clock)): (&String, (Kind, features::Clock))| {
        FeatureSpec::new(name.clone(), InstrumentId(instrument), kind, Input::Mid, clock)
    };
    names.iter().zip(kinds).map(spec).collect()
}

/// One instrument that trades on every swing, and one with 200 trees.
fn setup() -> Setup {
    let shape = synthetic::Shape {
        tree_count: 200,
        depth: 6,
        feature_count: 5,
        thresholds_per_feature: 255,
        leaf_percent: 5,
        seed: 11,
    };
    let names = synthetic::feature_names(shape);
    let load = |bytes: &[u8]| Model::load(bytes, None, &names, &LoadOptions::default()).expect("a model");
    let (trees, linear) = (load(&synthetic::xgboost_json(shape)), load(LINEAR));
    let instrument =
        |name: &&str| InstrumentSetup { venue: VenueId(0), symbol: FixedText::new(name).expect("short") };
    Setup {
        strategy: StrategyId(7),
        venues: vec![VenueSetup { margin_mode: MarginMode::Netting }],
        instruments: SYMBOLS.iter().map(instrument).collect(),
        limits: Limits {
            order_lots_max: 0.5,
            position_lots_max: 1.0,
            open_orders_max: 10,
            price_distance_max_points: 50,
            orders_per_s_max: 100_000,
            orders_burst_max: 100_000,
            stale_after_ns: NS_PER_S,
            daily_loss_max: Money(50_000_000_000),
            day_starts_at_s: 0,
            rejects_in_row_max: 3,
            trailing_loss_max: Money(1_000_000_000_000),
            losses_in_row_max: 1_000_000,
            executions_max: 1_000,
            executions_window_ns: 1,
            order_value_max: Money(1_000_000_000_000_000),
            jump_max_points: 10_000_000,
            jump_window_ns: NS_PER_S,
            margin_level_min_percent: 1,
            account_age_max_ns: 24 * 3_600 * NS_PER_S,
            unknown_after_ns: 100 * NS_PER_S,
            page_after_ns: 200 * NS_PER_S,
            allow_live: false,
        },
        strategies: vec![
            strategy(0, linear, feature_specs(0, &names), 1.0),
            strategy(1, trees, feature_specs(1, &names), 0.9),
        ],
        history: HistoryPlan { ticks_max: 4_000, bars_max: 1_000, patience_ns: 10 * NS_PER_S },
        external: ExternalPolicy::Count,
        exposure: exposure(),
        guards: GuardPlan::default(),
    }
}

fn admission() -> Admission {
    let symbols = SYMBOLS.iter().enumerate();
    let symbols = symbols.map(|(at, name)| (FixedText::new(name).expect("short"), InstrumentId(at as u16)));
    let venue = AdmittedVenue {
        login: LOGIN,
        server: FixedText::new(SERVER).expect("short"),
        margin_mode: None,
        currency: FixedText::EMPTY,
        symbols: symbols.collect(),
    };
    Admission {
        venues: vec![venue],
        allow_live: false,
        units: KnownUnits::default(),
        epoch: 1,
        name: FixedText::new("no-alloc").expect("short"),
        heartbeat_ms: 100,
        silent_after_ms: 60_000,
        rules_every_ms: 0,
    }
}

/// Every slot that changes in turn: the trading model for an equal one, a shadow for another, a shadow out.
fn exchange(appliance: &mut Appliance, count: u64) {
    while appliance.retired.pop().is_some() {}
    let names = ["f0", "f1", "f2", "f3", "f4"].map(String::from);
    let (slot, action) = match count % 3 {
        0 => (Slot::Member(0), ModelAction::Install),
        1 => (Slot::Shadow(1), ModelAction::Install),
        _ => (Slot::Shadow(1), ModelAction::Remove),
    };
    let model = Model::load(LINEAR, None, &names, &LoadOptions::default()).expect("a linear model");
    let mut change = ModelChange::read(&[0; 96]);
    (change.digest, change.slot, change.action) = (count + 10, slot.code(), action as u8);
    let now = appliance.clock.now();
    let change = Record::new(Origin::Operator, now, VenueId(0), InstrumentId(0), &change);
    let unit = unit(count + 10, model, &feature_specs(0, &names));
    let unit = (action == ModelAction::Install).then(|| Box::new(unit));
    // A change that finds no room is left out; the next one comes soon.
    let _ = appliance.staged.try_push(StagedModel { unit, change });
}

/// Quotes and cycles until so many fills were told, or panics after too many cycles.
fn run(appliance: &mut Appliance, terminal: &mut Terminal, fills: u64) -> Option<EngineStatus> {
    let goal = terminal.deal_count + fills;
    let mut status = None;
    for cycle in 0..CYCLES_MAX {
        let now = appliance.cycle();
        terminal.poll(now);
        if terminal.is_welcome() && cycle % 3 == 0 {
            terminal.tick(now);
        }
        if cycle % 100 == 0 {
            exchange(appliance, cycle / 100);
        }
        if cycle % 500 == 0 {
            if terminal.is_welcome() {
                terminal.account(now);
            }
            status = appliance.collect().or(status);
        }
        // A few quiet cycles at the end, so that everything told has been heard.
        if terminal.deal_count >= goal {
            for _ in 0..2 {
                for _ in 0..40 {
                    let now = appliance.cycle();
                    terminal.poll(now);
                }
                // The ring of statuses keeps the oldest when it is full: the first look empties it.
                status = appliance.collect();
            }
            return status;
        }
    }
    panic!(
        "expected {fills} fills in {CYCLES_MAX} cycles, got {} deals, {} commands, {} snapshots, {status:?}",
        terminal.deal_count, terminal.command_count, terminal.snapshot_count
    );
}

#[test]
fn the_hot_path_takes_no_memory_and_gives_none_back() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (mut appliance, market, trade) = Appliance::start(dir.path(), Engine::new(setup()), admission());
    let mut terminal = Terminal::new(market, trade);
    appliance.agents.iter_mut().for_each(|(_, agent)| agent.on_start(START));

    run(&mut appliance, &mut terminal, WARM_UP_FILLS);
    let warm = appliance.counts();
    let (commands, deals, refused) = (terminal.command_count, terminal.deal_count, terminal.refused_count);
    let (snapshots, told) = (terminal.snapshot_count, terminal.told_count);
    (appliance.taken, appliance.given) = ([0; 4], [0; 4]);
    counting::show();

    let status = run(&mut appliance, &mut terminal, FILLS_MIN).expect("the engine's status");
    let orders = terminal.command_count - commands;
    println!("while it warmed up: {warm:?}");
    println!("{orders} orders and {} fills counted; {:?}", terminal.deal_count - deals, appliance.counts());

    // What was told must have been heard, or nothing is proven.
    assert!(orders >= 10_000, "expected 10000 orders, got {orders}");
    assert!(status.counts.decisions > status.counts.fills, "both models are asked on every tick");
    assert!(terminal.deal_count - deals >= FILLS_MIN);
    assert!(terminal.refused_count > refused, "some orders are refused");
    assert!(terminal.snapshot_count > snapshots, "the venue is asked again while it runs");
    assert!(terminal.told_count > told + 10_000, "gaps are healed from the past while it runs");
    assert_eq!(status.counts.fills, terminal.deal_count, "fills that the engine counted");
    assert_eq!((status.orders_unknown, status.closed), (0, None));
    println!("{} exchanges of models", status.models.revision);
    assert!(status.models.revision > 1_000, "models are exchanged while it runs: {:?}", status.models);
    for (agent, taken, given) in appliance.counts() {
        assert_eq!((taken, given), (0, 0), "{agent}: allocations and frees after the warm-up");
    }

    appliance.agents.iter_mut().for_each(|(_, agent)| agent.on_close());
    let records = JournalReader::open(&dir.path().join("journal")).expect("a journal");
    let count = records.filter(|record| record.as_ref().is_ok_and(|record| record.seq() > 0)).count() as u64;
    assert!(count >= status.journal_seq, "expected {} records on the disk, got {count}", status.journal_seq);
    assert!(count > 5 * orders, "expected the whole story in the journal, got {count} records");
}

/// The counter itself: it sees what this thread does while armed, and nothing else.
#[test]
fn the_allocator_counts() {
    let kept = std::hint::black_box(vec![1u8; 100]);
    let (vector, taken, given) = counted(|| std::hint::black_box(vec![2u8; 100]));
    assert_eq!((taken, given), (1, 0));
    let (_, taken, given) = counted(|| drop((vector, kept)));
    assert_eq!((taken, given), (0, 2));
    let mut growing = vec![0u8; 1];
    let (_, taken, _) = counted(|| growing.reserve(10_000));
    assert_eq!(taken, 1, "a reallocation");
    let (_, taken, given) = counted(|| std::hint::black_box(7));
    assert_eq!((taken, given), (0, 0));
}
