//! The running hot path takes no memory and gives none back: ingest, decide, send and persist, called in turn on this thread,
//! with a terminal at the other end of real loopback connections that fills what is sent.
//!
//! What it is not: a latency measurement, or a test of what is decided.
//!
//! Invariant: time is a manual clock that moves by one step a cycle, and the run ends after a number of fills, so no machine
//! is too slow for it. It counts only while an agent works; the terminal may allocate as it likes.

#[path = "no_alloc/counting.rs"]
mod counting;
#[path = "no_alloc/terminal.rs"]
mod terminal;

use counting::counted;
use std::net::SocketAddr;
use terminal::{LOGIN, SERVER, SYMBOLS, Terminal};
use tickbridge::agents::{
    Admission, AdmittedVenue, Decide, DecideParts, Endpoint, EndpointSettings, EngineStatus, Ingest, Persist,
    RingSizes, Send, SendParts, StagedModel, rings,
};
use tickbridge::engine::{
    Classes, Engine, EntryPlan, ExternalPolicy, GuardPlan, HistoryPlan, InstrumentSetup, ModelIdentity,
    ModelSet, ModelUnit, OrderPlan, Setup, Slot, StrategySetup, VenueSetup, WatchPlan,
};
use tickbridge::features::{self, FeatureGraph, FeatureSpec, Input, Kind, MacdOutput, Seed, SignalAverage};
use tickbridge::journal::{self, JournalOptions, JournalReader};
use tickbridge::link::ServerSettings;
use tickbridge::model::{LoadOptions, Model, synthetic};
use tickbridge::order::exits::ExitPlan;
use tickbridge::record::{Layout, ModelAction, ModelChange, Origin, ROLE_MARKET, ROLE_TRADE, Record, Start};
use tickbridge::risk::{ExposureLimits, ExposurePlan, Limits};
use tickbridge::runtime::agent::Agent;
use tickbridge::runtime::clock::{Clock, ManualClock};
use tickbridge::runtime::counters::counters;
use tickbridge::runtime::histogram::{StageReader, stage_histograms};
use tickbridge::runtime::ring::{Consumer, Producer, command_queue, ring};
use tickbridge::runtime::stage::Stage;
use tickbridge::signal::{Rule, Thresholds};
use tickbridge::types::{
    FixedText, InstrumentId, MarginMode, Money, NS_PER_MS, NS_PER_S, StrategyId, TimeNs, VenueId,
};

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

const START: TimeNs = TimeNs(1_700_000_000 * NS_PER_S);
const CYCLE_NS: i64 = 5 * NS_PER_MS;
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

fn endpoint(roles: u8, origin: Origin) -> Endpoint {
    let symbols = SYMBOLS.iter().enumerate();
    let symbols = symbols.map(|(at, name)| (FixedText::new(name).expect("short"), InstrumentId(at as u16)));
    let venue = AdmittedVenue {
        login: LOGIN,
        server: FixedText::new(SERVER).expect("short"),
        margin_mode: None,
        currency: FixedText::EMPTY,
        symbols: symbols.collect(),
    };
    let admission = Admission {
        venues: vec![venue],
        allow_live: false,
        epoch: 1,
        name: FixedText::new("no-alloc").expect("short"),
        heartbeat_ms: 100,
        silent_after_ms: 60_000,
        rules_every_ms: 0,
    };
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = ServerSettings { connections_max: 4, ..ServerSettings::default() };
    Endpoint::bind(EndpointSettings { address, roles, origin, server, admission }).expect("a free port")
}

/// The four agents as a fused lane has them, and the control floor's ends.
struct Appliance {
    agents: [(&'static str, Box<dyn Agent>); 4],
    stages: Vec<StageReader>,
    status: Consumer<EngineStatus>,
    staged: Producer<StagedModel>,
    retired: Consumer<Box<ModelUnit>>,
    time: ManualClock,
    clock: Clock,
    taken: [u64; 4],
    given: [u64; 4],
}

impl Appliance {
    fn start(dir: &std::path::Path) -> (Appliance, SocketAddr, SocketAddr) {
        let (clock, time) = Clock::manual(START);
        let options = JournalOptions {
            memory_dir: dir.into(),
            // One segment for the whole run: a new file's path is the one thing that persist may allocate.
            segment_bytes: 256 << 20,
            sync_every_ns: NS_PER_S,
            ..JournalOptions::new(dir.join("journal"))
        };
        let journal = journal::open(&options, START).expect("a journal");
        let parts = rings(RingSizes { market: 4_096, reports: 8_192, orders: 1_024 });
        let market = endpoint(ROLE_MARKET, Origin::Market);
        let trade = endpoint(ROLE_MARKET | ROLE_TRADE, Origin::Trade);
        let address = |endpoint: &Endpoint| endpoint.local_addr().expect("bound");
        let (market_address, trade_address) = (address(&market), address(&trade));
        let mut stages = Vec::new();
        let mut recorder = |of: &[Stage]| {
            let (recorder, reader) = stage_histograms(of);
            stages.push(reader);
            recorder
        };
        let ingest = Ingest::new(
            market,
            (parts.market.0, parts.ingest_reports.0),
            parts.history_requests.1,
            clock.clone(),
            recorder(&[Stage::LinkRead]),
            counters().0,
        );
        let start = Start { epoch: 1, config_digest: 0, ts_wall: START.0, halted: 0, reserved: [0; 7] };
        let (status_end, status) = ring(8);
        let (staged, staged_end) = ring(8);
        let (retired_end, retired) = ring(16);
        let decide = Decide::new(DecideParts {
            engine: Engine::new(setup()),
            journal: journal.writer,
            market: parts.market.1,
            ingest_reports: parts.ingest_reports.1,
            send_reports: parts.send_reports.1,
            control: command_queue(64).1,
            models: staged_end,
            retired: retired_end,
            orders: parts.orders.0,
            history_requests: parts.history_requests.0,
            status: status_end,
            clock: clock.clone(),
            recorder: recorder(&[
                Stage::IngestToDecide,
                Stage::JournalAppend,
                Stage::Decide,
                Stage::TickToDecision,
                Stage::OrderToAck,
                Stage::OrderToFill,
            ]),
            counters: counters().0,
            messages_per_cycle_max: 64,
            start: Record::new(Origin::Appliance, START, VenueId(0), InstrumentId::NONE, &start),
        });
        let send = Send::new(SendParts {
            endpoint: trade,
            orders_slots: 1_024,
            orders: parts.orders.1,
            reports: parts.send_reports.0,
            wait_for_disk: None,
            killed: tickbridge::runtime::KillFlag::default(),
            epoch: 1,
            clock: clock.clone(),
            recorder: recorder(&[
                Stage::DecideToSend,
                Stage::EncodeAndWrite,
                Stage::DecisionToSend,
                Stage::TickToOrder,
            ]),
            counters: counters().0,
            messages_per_cycle_max: 64,
        });
        let persist = Persist::new(journal.persister, clock.clone(), counters().0);
        let agents: [(&'static str, Box<dyn Agent>); 4] = [
            ("ingest", Box::new(ingest)),
            ("decide", Box::new(decide)),
            ("send", Box::new(send)),
            ("persist", Box::new(persist)),
        ];
        let appliance =
            Appliance { agents, stages, status, staged, retired, time, clock, taken: [0; 4], given: [0; 4] };
        (appliance, market_address, trade_address)
    }

    /// Time moves on, and every agent has its turn.
    fn cycle(&mut self) -> TimeNs {
        self.time.advance_ns(CYCLE_NS);
        let now = self.clock.now();
        for (at, (_, agent)) in self.agents.iter_mut().enumerate() {
            let (_, taken, given) = counted(|| agent.do_work(now));
            self.taken[at] += taken;
            self.given[at] += given;
        }
        now
    }

    /// What the control floor does now and then; it frees and allocates, on its own account.
    fn collect(&mut self) -> Option<EngineStatus> {
        self.stages.iter_mut().for_each(|reader| {
            reader.collect();
        });
        std::iter::from_fn(|| self.status.pop()).last()
    }

    fn counts(&self) -> Vec<(&'static str, u64, u64)> {
        let each = self.agents.iter().zip(self.taken.iter().zip(&self.given));
        each.map(|((name, _), (&taken, &given))| (*name, taken, given)).collect()
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
    let (mut appliance, market, trade) = Appliance::start(dir.path());
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
