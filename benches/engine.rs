//! Ticks a second through the engine, and orders a second through the whole path with the journal on.
//!
//! What it is not: a test of sockets; `tick_to_order` has those. Bytes come from memory and go to memory here.
//!
//! Invariant: no order is lost or repeated: the venue's count, the engine's and the journal's, read back from disk, agree
//! order by order; the digests are the same on every run.
//!
//! Inside `engine_ticks_per_s`, on one core: ZMTP frames to protocol messages to records, features, the bundled model of 200
//! trees, the signal rule and the gate, which refuses each wish at its last control, and what the lane does when a step's
//! outputs are gone (`Engine::observe`). With the model on every tenth tick the features are its own 16; with the model on
//! every tick they are 32, of which it reads 16.
//! `--only NAME` runs one of them.
//! Inside `orders_per_s_sustained`, on one core: all of that with an order for every tick, plus the rings, the journal's
//! append and checksums, histograms, encoding into ZMTP frames, **and** the scripted venue, which reads the order's bytes and
//! writes result and deal bytes, which are decoded and booked; on the other core: the persister, which copies every record
//! to a file and syncs it. Per order the journal takes eight records (tick, decision, command, dispatch, result, deal, states), or 1 KB.

#[path = "engine/orders.rs"]
mod orders;
mod terminal;

use std::path::Path;

use terminal::{Afterwards, Ask, Incoming, Outgoing, Quotes, Venue};
use tickbridge::agents::{Decide, DecideParts, Outbound, Persist, RingSizes, Rings, rings};
use tickbridge::config::{Config, Resolved};
use tickbridge::engine::{Engine, HistoryPlan, InstrumentSetup, Outputs, Setup, StrategySetup};
use tickbridge::features::FeatureGraph;
use tickbridge::journal::{self, JournalOptions, JournalReader, Progress, memory_path};
use tickbridge::record::{
    self, DispatchOutcome, Kind, Origin, ROLE_MARKET, ROLE_TRADE, Record, SessionState, Start,
};
use tickbridge::report::Fingerprint;
use tickbridge::risk::Trading;
use tickbridge::runtime::agent::Agent;
use tickbridge::runtime::clock::Clock;
use tickbridge::runtime::counters::counters;
use tickbridge::runtime::histogram::{StageReader, stage_histograms};
use tickbridge::runtime::idle::Idle;
use tickbridge::runtime::lane::{Lane, LaneSpec, StopFlag, pin_current_thread};
use tickbridge::runtime::layout::usable_cores;
use tickbridge::runtime::ring::{CommandSender, Consumer, command_queue, ring};
use tickbridge::runtime::stage::Stage;
use tickbridge::setup::{engine_setup, feature_specs, read_models};
use tickbridge::types::{
    FixedText, InstrumentId, InstrumentSpec, NS_PER_MS, NS_PER_S, NS_PER_US, OrderId, TimeNs, VenueId,
};
use tickbridge::wire::terminal::{
    Body, Decoder, HEADER_BYTES, SymbolTable, body, encode_command, encode_message,
};
use tickbridge::wire::zmtp::{Connection, Event, Identity, Limits, Mechanism, More, Settings, SocketType};

/// Instruments, and strategies, of the orders' part: so many orders overlap.
const INSTRUMENTS: u16 = 16;
/// Ticks made beforehand and stepped in one go.
const BATCH: usize = 4_096;
/// Orders whose bytes are in the digest.
const DIGEST_ORDERS: u64 = 10_000;
/// Places of the journal's memory: 16 MiB, as configured by default.
const JOURNAL_RECORDS: usize = (16 << 20) / record::RECORD_BYTES;
/// Orders that a run may make at most.
const ORDERS_MAX: usize = 1 << 26;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    println!("engine: {}", Fingerprint::read());
    let cores = usable_cores();
    let (hot, other) = match cores.as_slice() {
        [first, .., last] => (Some(*last), Some(*first)),
        _ => (None, None),
    };
    if let Some(hot) = hot {
        pin_current_thread(hot);
    }
    println!("  engine, venue's script: core {hot:?}; persister: core {other:?}");
    let batches = if quick { 20 } else { 1_000 };
    let runs = [
        (10, 16, "engine_ticks_per_s"),
        (1, 32, "engine_ticks_per_s_model_every_tick"),
        (1, 16, "engine_ticks_per_s_model_every_tick_16_features"),
    ];
    let only = std::env::args().skip_while(|argument| argument != "--only").nth(1);
    let is_asked = |name: &str| only.as_deref().is_none_or(|only| only == name);
    for (every, features, name) in runs.into_iter().filter(|run| is_asked(run.2)) {
        let ticks = TickRun::new(every, features).run(batches);
        println!(
            "\n{name}: {} ticks, {features} features, model on every {every}: {:.0} ns/tick",
            ticks.count, ticks.ns_per_tick
        );
        println!(
            "  decisions {}, wishes refused at the gate's last control {}",
            ticks.decisions, ticks.denied
        );
        println!("digest {name} {:08x}", ticks.digest);
        println!("figure {name} {:.0} ticks/s", 1e9 / ticks.ns_per_tick);
    }
    if is_asked("orders_per_s_sustained") {
        orders::orders(if quick { 3 } else { 30 }, other);
    }
}

/// Sixteen features more than the bundled model has, of other families; it does not read them.
fn more_features_toml() -> String {
    let bar = "clock = \"bar\"\nbar_ms = 1000";
    let list = [
        ("sma_20", "kind = \"sma\"\nperiod = 20".into()),
        ("wma_20", "kind = \"wma\"\nperiod = 20".into()),
        ("ema_20", "kind = \"ema\"\nperiod = 20".into()),
        ("ema_100", "kind = \"ema\"\nperiod = 100".into()),
        (
            "macd_histogram",
            "kind = \"macd\"\nfast = 12\nslow = 26\nsignal = 9\noutput = \"histogram\"".into(),
        ),
        ("zscore_50", "kind = \"zscore\"\nperiod = 50".into()),
        ("roc_10", "kind = \"roc\"\nlag = 10".into()),
        ("log_return_1", "kind = \"log_return\"\nlag = 1".into()),
        ("minimum_50", "kind = \"minimum\"\nperiod = 50".into()),
        ("maximum_50", "kind = \"maximum\"\nperiod = 50".into()),
        ("tick_rate_50", "kind = \"tick_rate\"\nperiod = 50".into()),
        ("tick_imbalance_50", "kind = \"tick_imbalance\"\nperiod = 50".into()),
        ("tick_gap", "kind = \"tick_gap\"".into()),
        ("ema_20_s1", format!("kind = \"ema\"\nperiod = 20\n{bar}")),
        ("atr_14_s1", format!("kind = \"atr\"\nperiod = 14\n{bar}")),
        ("adx_14_s1", format!("kind = \"adx\"\nperiod = 14\noutput = \"adx\"\n{bar}")),
    ];
    let section = |(name, rest): (&str, String)| {
        format!("\n[[features]]\nname = \"{name}\"\ninstrument = \"EURUSD\"\n{rest}\n")
    };
    list.map(section).concat()
}

/// The benches' configuration, with 16 features or with 32.
fn config(features: usize) -> Config {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/bench.toml");
    let more = if features > 16 { more_features_toml() } else { String::new() };
    let config = match Resolved::parse(&file, &(terminal::config_toml() + &more)) {
        Ok(resolved) => resolved.config,
        Err(errors) => panic!("the bench's configuration:\n{errors}"),
    };
    assert_eq!(config.features.len(), features, "features of the bench's configuration");
    config
}

/// The bench's setup with so many instruments, each with so many features and a model of its own.
fn setup(instruments: u16, features: usize) -> Setup {
    // The model's file is read for the features that it has; the row may have more.
    let models = read_models(&config(16)).expect("the bundled model");
    let config = config(features);
    let mut setup = engine_setup(&config, &models).expect("the bench's setup");
    // Nobody is there who could tell the past.
    setup.history = HistoryPlan::NEVER;
    let first = setup.strategies.remove(0);
    setup.instruments.clear();
    for index in 0..instruments {
        let symbol = FixedText::new(&terminal::symbol_name(index)).expect("a short name");
        setup.instruments.push(InstrumentSetup { venue: VenueId(0), symbol });
        let mut specs = feature_specs(&config).expect("features");
        specs.iter_mut().for_each(|spec| spec.instrument = InstrumentId(index));
        setup.strategies.push(StrategySetup {
            instrument: InstrumentId(index),
            features: FeatureGraph::build(&specs).expect("a graph"),
            ..first.clone()
        });
    }
    setup
}

/// One connection of the appliance without its socket: ZMTP and the protocol's decoder.
struct Port {
    connection: Connection,
    decoder: Decoder,
}

impl Port {
    /// A port whose handshake and hello are over and whose symbols are known; their records go to `sink`.
    fn open(
        origin: Origin,
        instruments: u16,
        out: &mut Outgoing,
        now: TimeNs,
        sink: &mut impl FnMut(Record),
    ) -> Self {
        let settings = Settings {
            socket: SocketType::Router,
            identity: Identity::EMPTY,
            mechanism: Mechanism::Null,
            limits: Limits::default(),
        };
        let symbols = (0..instruments).map(|index| {
            (FixedText::new(&terminal::symbol_name(index)).expect("a short name"), InstrumentId(index))
        });
        let decoder = Decoder::new(SymbolTable::new(VenueId(0), symbols.collect()), origin);
        let mut port = Port { connection: Connection::new(settings), decoder };
        port.connection.open(now);
        out.greet("bench");
        (0..instruments).for_each(|index| out.push(&terminal::spec(index)));
        port.feed(out, now, sink);
        port
    }

    /// Takes what the other end wrote, in reads of at most the receive buffer's size, as from a socket.
    #[inline]
    fn feed(&mut self, from: &mut Outgoing, now: TimeNs, sink: &mut impl FnMut(Record)) {
        let mut bytes = from.bytes.as_slice();
        while !bytes.is_empty() {
            let room = self.connection.spare();
            let count = room.len().min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            self.connection.filled(count, now);
            loop {
                match self.connection.next_event().expect("the script speaks ZMTP") {
                    Some(Event::Message { body, more: More::Last }) => {
                        self.decoder.decode(body, now, sink).expect("the script speaks the protocol");
                    }
                    Some(_) => {}
                    None => break,
                }
            }
        }
        from.bytes.clear();
    }
}

fn session(roles: u8, now: TimeNs) -> Record {
    let hello = terminal::hello(roles);
    let session = record::Session {
        state: SessionState::Up as u8,
        roles,
        margin_mode: hello.margin_mode,
        account_mode: hello.account_mode,
        build: hello.build,
        login: hello.login,
        server_offset_s: 0,
        reason: 0,
        currency: hello.currency,
        server: hello.server,
    };
    Record::new(Origin::Trade, now, VenueId(0), InstrumentId::NONE, &session)
}

fn start(now: TimeNs) -> Record {
    let start = Start { epoch: 1, config_digest: 0, ts_wall: now.0, halted: 0, reserved: [0; 7] };
    Record::new(Origin::Appliance, now, VenueId(0), InstrumentId::NONE, &start)
}

/// The engine alone, on ticks of one instrument.
struct TickRun {
    engine: Engine,
    out: Outputs,
    port: Port,
    bytes: Outgoing,
    quotes: Quotes,
    clock: Clock,
    now: TimeNs,
    /// The model is asked on every so many ticks.
    every: u32,
}

struct TickResult {
    count: u64,
    ns_per_tick: f64,
    decisions: u64,
    denied: u64,
    digest: u32,
}

impl TickRun {
    fn new(every: u32, features: usize) -> Self {
        let mut setup = setup(1, features);
        setup.strategies[0].evaluate_every_ticks = every;
        // One order in the whole run: every later wish passes all of the gate but its last control.
        (setup.limits.orders_per_s_max, setup.limits.orders_burst_max) = (1, 1);
        let mut now = TimeNs(START_NS);
        let mut engine = Engine::new(setup);
        let (mut out, mut bytes) = (Outputs::default(), Outgoing::default());
        let mut venue = Outgoing::default();
        let mut trade = Outgoing::default();
        let mut records = vec![start(now), session(ROLE_MARKET | ROLE_TRADE, now)];
        let mut port = Port::open(Origin::Market, 1, &mut bytes, now, &mut |record| records.push(record));
        trade.push(&terminal::account());
        port.feed(&mut trade, now, &mut |record| records.push(record));
        let mut query = None;
        for record in records {
            now = now.plus_ns(1);
            engine.step(&record, &mut out);
            query = out.records().iter().find_map(|record| record.payload::<record::Query>()).or(query);
            out.clear();
        }
        let query = query.expect("a query after the session came up");
        let request = body::RequestSnapshot { request: query.query_id, since_msc: 0 };
        Venue::new(1).snapshot(&request, &mut venue);
        let mut decoder = Decoder::new(SymbolTable::new(VenueId(0), Vec::new()), Origin::Trade);
        let mut incoming = Incoming::default();
        incoming.skip_greeting();
        incoming.spare()[..venue.bytes.len()].copy_from_slice(&venue.bytes);
        incoming.filled(venue.bytes.len());
        while let Some(message) = incoming.next_message() {
            let mut step = |record: Record| engine.step(&record, &mut out);
            decoder.decode(message, now, &mut step).expect("the script speaks the protocol");
            out.clear();
        }
        assert_eq!(engine.closed(), None, "trading is open");
        TickRun { engine, out, port, bytes, quotes: Quotes::new(0), clock: Clock::system(), now, every }
    }

    fn run(mut self, batches: usize) -> TickResult {
        let (mut busy_ns, mut digest, mut decided_before) = (0, 0, 0);
        for batch in 0..batches + 5 {
            for _ in 0..BATCH {
                self.bytes.push(&self.quotes.next_tick());
            }
            if batch == 5 {
                decided_before = self.engine.counts().decisions;
            }
            let started = self.clock.now();
            let TickRun { engine, out, port, bytes, now, .. } = &mut self;
            let mut command = None;
            port.feed(bytes, *now, &mut |mut record| {
                *now = now.plus_ns(1);
                record.set_ts(*now);
                engine.step(&record, out);
                if !out.records().is_empty() {
                    command = out
                        .records()
                        .iter()
                        .find(|record| record.kind() == Some(Kind::Command))
                        .copied()
                        .or(command);
                    out.clear();
                }
                engine.observe(out);
                out.clear();
            });
            if batch >= 5 {
                busy_ns += self.clock.now().since(started);
            }
            if let Some(command) = command {
                digest = crc32c::crc32c_append(digest, command.bytes());
                self.fill(&command);
            }
        }
        let counts = self.engine.counts();
        let (timed, asked) =
            ((batches * BATCH) as u64, (counts.decisions - decided_before) * u64::from(self.every));
        assert!(
            timed.abs_diff(asked) < u64::from(self.every),
            "the model was asked: {asked} of {timed} ticks"
        );
        digest = crc32c::crc32c_append(digest, &counts.decisions.to_le_bytes());
        let denied = counts.denied().map(|(_, count)| count).sum();
        TickResult {
            count: (batches * BATCH) as u64,
            ns_per_tick: busy_ns as f64 / (batches * BATCH) as f64,
            decisions: counts.decisions,
            denied,
            digest,
        }
    }

    /// The one order is filled and closed by its take profit, outside of the timed part.
    fn fill(&mut self, command: &Record) {
        let command = command.payload::<record::Command>().expect("a command");
        let spec = *self.engine.spec(InstrumentId(0)).expect("the instrument's rules");
        let wire = encode_command(&command, &spec, 1, 0, self.now);
        let dispatch = dispatched(&command, 0, self.now);
        self.engine.step(
            &Record::new(Origin::Send, self.now, VenueId(0), InstrumentId(0), &dispatch),
            &mut self.out,
        );
        Venue::new(1).deals(&wire, 0, Afterwards::TakesProfit, &mut |deal| self.bytes.push(deal));
        let TickRun { engine, out, port, bytes, now, .. } = self;
        port.feed(bytes, *now, &mut |record| engine.step(&record, out));
        out.clear();
    }
}

const START_NS: i64 = terminal::START_MSC * NS_PER_MS;

fn dispatched(command: &record::Command, seq: u64, now: TimeNs) -> record::Dispatch {
    record::Dispatch {
        order_id: command.order_id,
        command_seq: seq,
        ts_send: now.0,
        action: command.action,
        outcome: DispatchOutcome::Sent as u8,
        reserved: [0; 6],
    }
}

/// One bit for each order's sequence number.
struct Seen(Vec<u64>);

impl Seen {
    fn new() -> Self {
        Seen(vec![0; ORDERS_MAX / 64])
    }

    /// Marks an order.
    ///
    /// # Panics
    /// When it was marked before.
    #[inline]
    fn mark(&mut self, raw: u64, what: &str) {
        let sequence = OrderId::from_raw(raw).expect("an order id").sequence() as usize;
        let (word, bit) = (&mut self.0[sequence / 64], 1 << (sequence % 64));
        assert_eq!(*word & bit, 0, "{what} of order {sequence} twice");
        *word |= bit;
    }

    fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }
}
