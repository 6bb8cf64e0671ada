//! Ticks a second through the engine, and orders a second through the whole path with the journal on.
//!
//! What it is not: a test of sockets; `tick_to_order` has those. Bytes come from memory and go to memory here.
//!
//! Invariant: no order is lost or repeated: the venue's count, the engine's and the journal's, read back from disk, agree
//! order by order; the digests are the same on every run.
//!
//! Inside `engine_ticks_per_s`, on one core: ZMTP frames to protocol messages to records, 16 features, the bundled model of
//! 200 trees (on every tenth or on every tick), the signal rule and the gate, which refuses each wish at its last control.
//! Inside `orders_per_s_sustained`, on one core: all of that with an order for every tick, plus the rings, the journal's
//! append and checksums, histograms, encoding into ZMTP frames, **and** the scripted venue, which reads the order's bytes and
//! writes result and deal bytes, which are decoded and booked; on the other core: the persister, which copies every record
//! to a file and syncs it. Per order the journal takes six records (tick, command, dispatch, result, deal, state): 768 bytes.

mod terminal;

use std::path::{Path, PathBuf};

use terminal::{Afterwards, Ask, Incoming, Outgoing, Quotes, Venue};
use tickbridge::agents::{Decide, DecideParts, Outbound, Persist, RingSizes, Rings, rings};
use tickbridge::config::{Config, Resolved};
use tickbridge::engine::{Engine, InstrumentSetup, Outputs, Setup, StrategySetup};
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
use tickbridge::setup::{engine_setup, feature_specs};
use tickbridge::types::{
    FixedText, InstrumentId, InstrumentSpec, NS_PER_MS, NS_PER_S, NS_PER_US, OrderId, TimeNs, VenueId,
};
use tickbridge::wire::terminal::{Body, Decoder, HEADER_BYTES, SymbolTable, body, encode_command, encode_message};
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
    for (every, name) in [(10, "engine_ticks_per_s"), (1, "engine_ticks_per_s_model_every_tick")] {
        let ticks = TickRun::new(every).run(batches);
        println!("\n{name}: {} ticks, model on every {every}: {:.0} ns/tick", ticks.count, ticks.ns_per_tick);
        println!("  decisions {}, wishes refused at the gate's last control {}", ticks.decisions, ticks.denied);
        println!("digest {name} {:08x}", ticks.digest);
        println!("figure {name} {:.0} ticks/s", 1e9 / ticks.ns_per_tick);
    }
    let seconds = if quick { 3 } else { 30 };
    orders(seconds, other);
}

fn config() -> Config {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/bench.toml");
    match Resolved::parse(&file, &terminal::config_toml()) {
        Ok(resolved) => resolved.config,
        Err(errors) => panic!("the bench's configuration:\n{errors}"),
    }
}

/// The bench's setup with so many instruments, each with features and model of its own.
fn setup(instruments: u16) -> Setup {
    let config = config();
    let model = std::fs::read_to_string(&config.model.file).expect("the bundled model");
    let mut setup = engine_setup(&config, &model).expect("the bench's setup");
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
    fn open(origin: Origin, instruments: u16, out: &mut Outgoing, now: TimeNs, sink: &mut impl FnMut(Record)) -> Self {
        let settings = Settings {
            socket: SocketType::Router,
            identity: Identity::EMPTY,
            mechanism: Mechanism::Null,
            limits: Limits::default(),
        };
        let symbols = (0..instruments)
            .map(|index| (FixedText::new(&terminal::symbol_name(index)).expect("a short name"), InstrumentId(index)));
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
}

struct TickResult {
    count: u64,
    ns_per_tick: f64,
    decisions: u64,
    denied: u64,
    digest: u32,
}

impl TickRun {
    fn new(every: u32) -> Self {
        let mut setup = setup(1);
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
        TickRun { engine, out, port, bytes, quotes: Quotes::new(0), clock: Clock::system(), now }
    }

    fn run(mut self, batches: usize) -> TickResult {
        let (mut busy_ns, mut digest) = (0, 0);
        for batch in 0..batches + 5 {
            for _ in 0..BATCH {
                self.bytes.push(&self.quotes.next_tick());
            }
            let started = self.clock.now();
            let TickRun { engine, out, port, bytes, now, .. } = &mut self;
            let mut command = None;
            port.feed(bytes, *now, &mut |mut record| {
                *now = now.plus_ns(1);
                record.set_ts(*now);
                engine.step(&record, out);
                if !out.records().is_empty() {
                    command = out.records().iter().find(|record| record.kind() == Some(Kind::Command)).copied().or(command);
                    out.clear();
                }
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
        self.engine.step(&Record::new(Origin::Send, self.now, VenueId(0), InstrumentId(0), &dispatch), &mut self.out);
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

/// The appliance without its sockets, and the venue behind them.
struct OrderRun {
    decide: Decide,
    rings: Ends,
    market: Port,
    trade: Port,
    market_bytes: Outgoing,
    trade_bytes: Outgoing,
    incoming: Incoming,
    venue: Venue,
    quotes: Vec<Quotes>,
    specs: Vec<InstrumentSpec>,
    clock: Clock,
    seen: Seen,
    sent: u64,
    orders: u64,
    digest: u32,
    stalls: u64,
    stages: StageReader,
    progress: Progress,
    /// Of the last order.
    journal_seq: u64,
}

/// The ends of the rings that ingest and send hold.
struct Ends {
    market: tickbridge::runtime::ring::Producer<Record>,
    ingest_reports: tickbridge::runtime::ring::Producer<Record>,
    send_reports: tickbridge::runtime::ring::Producer<Record>,
    orders: Consumer<Outbound>,
    status: Consumer<tickbridge::agents::EngineStatus>,
    _control: CommandSender<Record>,
}

impl OrderRun {
    fn new(writer: journal::Writer, clock: Clock) -> Self {
        let progress = writer.progress().clone();
        let mut setup = setup(INSTRUMENTS);
        for strategy in &mut setup.strategies {
            // Whatever is open is closed on the next tick: entries and exits in turn.
            strategy.plan.hold_ns_max = 1;
        }
        let Rings { market, ingest_reports, send_reports, orders } =
            rings(RingSizes { market: 16_384, reports: 4_096, orders: 4_096 });
        let (control, control_end) = command_queue(64);
        let (status_end, status) = ring(8);
        let stages = [Stage::IngestToDecide, Stage::JournalAppend, Stage::Decide, Stage::TickToDecision];
        let (recorder, stages) = stage_histograms(&stages);
        let now = clock.now();
        let mut decide = Decide::new(DecideParts {
            engine: Engine::new(setup),
            journal: writer,
            market: market.1,
            ingest_reports: ingest_reports.1,
            send_reports: send_reports.1,
            control: control_end,
            orders: orders.0,
            status: status_end,
            clock: clock.clone(),
            recorder,
            counters: counters().0,
            messages_per_cycle_max: 64,
            start: start(now),
        });
        decide.on_start(now);
        let mut rings = Ends {
            market: market.0,
            ingest_reports: ingest_reports.0,
            send_reports: send_reports.0,
            orders: orders.1,
            status,
            _control: control,
        };
        let (mut market_bytes, mut trade_bytes) = (Outgoing::default(), Outgoing::default());
        let mut push = |record| rings.send_reports.try_push(record).expect("room for the beginning");
        push(session(ROLE_MARKET | ROLE_TRADE, now));
        let market = Port::open(Origin::Market, INSTRUMENTS, &mut market_bytes, now, &mut push);
        let trade = Port::open(Origin::Trade, INSTRUMENTS, &mut trade_bytes, now, &mut |_| {});
        let specs = (0..INSTRUMENTS)
            .map(|index| *trade.decoder.symbols().by_instrument(InstrumentId(index)).expect("a symbol"));
        let specs = specs.collect();
        let mut run = OrderRun {
            decide,
            rings,
            market,
            trade,
            market_bytes,
            trade_bytes,
            incoming: Incoming::default(),
            venue: Venue::new(usize::from(INSTRUMENTS)),
            quotes: (0..INSTRUMENTS).map(Quotes::new).collect(),
            specs,
            clock,
            seen: Seen::new(),
            sent: 0,
            orders: 0,
            digest: 0,
            stalls: 0,
            stages,
            progress,
            journal_seq: 0,
        };
        run.trade_bytes.push(&terminal::account());
        run
    }

    /// One turn of ingest, decide and send, and of the venue.
    #[inline]
    fn cycle(&mut self, ticks: bool) {
        let now = self.clock.now();
        // The venue holds back before the disk is so far behind that the appliance would halt trading.
        let waits = self.journal_seq.saturating_sub(self.progress.durable_seq()) > JOURNAL_RECORDS as u64 / 2
            || self.rings.market.free() < self.rings.market.capacity();
        self.stalls += u64::from(waits);
        if ticks && !waits {
            for quotes in &mut self.quotes {
                self.market_bytes.push(&quotes.next_tick());
            }
        }
        let OrderRun { rings, market, trade, market_bytes, trade_bytes, .. } = self;
        let Ends { market: ticks, ingest_reports, send_reports, .. } = rings;
        if ingest_reports.free() > 1_024 && send_reports.free() > 1_024 {
            market.feed(market_bytes, now, &mut |record| {
                let to = if record.kind() == Some(Kind::Tick) { &mut *ticks } else { &mut *ingest_reports };
                to.try_push(record).expect("room was looked for");
            });
            trade.feed(trade_bytes, now, &mut |record| send_reports.try_push(record).expect("room was looked for"));
        }
        self.decide.do_work(now);
        self.send();
        self.play();
    }

    /// Commands and queries to bytes, and word of it to the engine: what `agents::Send` does.
    #[inline]
    fn send(&mut self) {
        while self.rings.send_reports.free() > 0
            && let Some(outbound) = self.rings.orders.pop()
        {
            let now = self.clock.now();
            let record = outbound.record;
            self.journal_seq = record.seq();
            if let Some(query) = record.payload::<record::Query>() {
                self.say(&body::RequestSnapshot { request: query.query_id, since_msc: 0 }, 0, now);
                continue;
            }
            let Some(command) = record.payload::<record::Command>() else { continue };
            let spec = &self.specs[usize::from(record.instrument().0)];
            let wire = encode_command(&command, spec, 1, 0, now);
            self.sent += 1;
            self.say(&wire, self.sent, now);
            let dispatch = dispatched(&command, record.seq(), now);
            let dispatch = Record::new(Origin::Send, now, VenueId(0), record.instrument(), &dispatch);
            self.rings.send_reports.try_push(dispatch).expect("room was looked for");
        }
    }

    #[inline]
    fn say<B: Body>(&mut self, body: &B, seq: u64, now: TimeNs) {
        let write = |room: &mut [u8]| {
            encode_message(body, seq, now.0 / NS_PER_US, room);
        };
        self.trade.connection.send_with(HEADER_BYTES + B::BYTES, More::Last, write).expect("room for a message");
    }

    /// The venue reads what was written and answers.
    #[inline]
    fn play(&mut self) {
        let OrderRun { trade, incoming, venue, market_bytes, trade_bytes, seen, orders, digest, specs, .. } = self;
        let count = trade.connection.outgoing().len();
        if count == 0 {
            return;
        }
        incoming.spare()[..count].copy_from_slice(trade.connection.outgoing());
        incoming.filled(count);
        trade.connection.sent(count);
        while let Some(message) = incoming.next_message() {
            match terminal::read(message) {
                Ask::Command(header, command) => {
                    seen.mark(command.order_id, "a command");
                    *orders += 1;
                    if *orders <= DIGEST_ORDERS {
                        *digest = terminal::digest(*digest, &command);
                    }
                    let symbol = specs.iter().position(|spec| *spec.symbol.bytes() == command.symbol);
                    let symbol_id = symbol.expect("a symbol of ours") as u16;
                    trade_bytes.push(&venue.result(&command, header.seq, symbol_id));
                    venue.deals(&command, symbol_id, Afterwards::Stays, &mut |deal| market_bytes.push(deal));
                }
                Ask::Snapshot(request) => venue.snapshot(&request, trade_bytes),
                Ask::Other => {}
            }
        }
    }
}

/// Resident memory of this process, KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number of KiB")
}

fn orders(seconds: i64, persist_core: Option<usize>) {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("engine-{}", std::process::id()));
    let clock = Clock::system();
    let options = JournalOptions {
        memory_records: JOURNAL_RECORDS,
        segment_bytes: 64 << 20,
        sync_every_ns: 50 * NS_PER_MS,
        ..JournalOptions::new(&dir)
    };
    let journal = journal::open(&options, clock.now()).expect("a journal");
    let memory = memory_path(&options.memory_dir, &dir.canonicalize().expect("the journal's folder"));
    let progress = journal.progress.clone();
    let (lane, stop) = persist_lane(journal.persister, persist_core, &clock);
    let mut run = OrderRun::new(journal.writer, clock.clone());
    let rate = sustain(&mut run, seconds);
    let fills = check(&mut run);
    stop.stop();
    lane.join().expect("the persister");
    println!("  journal: {} records, all on disk: {}", progress.durable_seq(), progress.state() == journal::PersistState::Healthy);
    let OrderRun { orders, digest, venue, .. } = run;
    read_back(&dir, orders, &venue);
    println!("  {orders} orders sent once, {fills} fills booked once, the same {orders} in the journal on disk; positions agree");
    println!("digest orders_per_s_sustained {digest:08x}");
    println!("figure orders_per_s_sustained {:.0} orders/s", rate.orders_per_s);
    println!("figure resident_mib {:.1} MiB", rate.resident_mib);
    std::fs::remove_dir_all(&dir).expect("the bench's own folder");
    let _ = std::fs::remove_file(memory);
}

fn persist_lane(persister: journal::Persister, core: Option<usize>, clock: &Clock) -> (Lane, StopFlag) {
    let stop = StopFlag::new();
    let spec = LaneSpec {
        name: "tb-persist",
        core,
        idle: Idle::PARK,
        cycle_stage: Stage::LaneCyclePersist,
        recorder: stage_histograms(&[]).0,
        counters: counters().0,
        clock: clock.clone(),
        stop: stop.clone(),
    };
    let persist = Persist::new(persister, clock.clone(), counters().0);
    (Lane::spawn(spec, vec![Box::new(persist)]).expect("a thread"), stop)
}

struct Rate {
    orders_per_s: f64,
    resident_mib: f64,
}

/// Runs for so long and says how it went, second by second.
fn sustain(run: &mut OrderRun, seconds: i64) -> Rate {
    println!("\norders_per_s_sustained: {seconds} s, {INSTRUMENTS} instruments, journal of 128-byte records on disk");
    let until = run.clock.now().plus_ns(NS_PER_S / 2);
    while run.clock.now() < until {
        run.cycle(true);
    }
    assert!(run.orders > 0, "nothing was traded in the warm-up");
    let (started, orders_before, stalls_before) = (run.clock.now(), run.orders, run.stalls);
    let (mut resident, mut per_second) = (vec![resident_kib()], Vec::new());
    let mut next = (started.plus_ns(NS_PER_S), run.orders);
    while per_second.len() < seconds as usize {
        for _ in 0..64 {
            run.cycle(true);
        }
        if run.clock.now() >= next.0 {
            per_second.push(run.orders - next.1);
            resident.push(resident_kib());
            next = (next.0.plus_ns(NS_PER_S), run.orders);
        }
    }
    let ns = run.clock.now().since(started);
    let orders_per_s = (run.orders - orders_before) as f64 * 1e9 / ns as f64;
    let mib = |kib: u64| kib as f64 / 1_024.0;
    per_second.sort_unstable();
    println!(
        "  orders in a second: least {}, median {}, most {}; cycles spent waiting for the disk {}",
        per_second[0],
        per_second[per_second.len() / 2],
        per_second[per_second.len() - 1],
        run.stalls - stalls_before
    );
    println!(
        "  resident MiB: start {:.1}, middle {:.1}, end {:.1} (16 of them the journal's shared memory); disk at record {}",
        mib(resident[0]),
        mib(resident[resident.len() / 2]),
        mib(resident[resident.len() - 1]),
        run.progress.durable_seq()
    );
    run.stages.collect();
    Rate { orders_per_s, resident_mib: mib(resident.iter().copied().max().unwrap_or(0)) }
}

/// Lets everything finish, and compares the engine with the venue; the fills.
fn check(run: &mut OrderRun) -> u64 {
    let patience = run.clock.now().plus_ns(20 * NS_PER_S);
    let status = loop {
        run.cycle(false);
        let mut newest = None;
        while let Some(status) = run.rings.status.pop() {
            newest = Some(status);
        }
        match newest {
            Some(status) if status.counts.fills == run.orders && status.orders_open == 0 => break status,
            _ => assert!(run.clock.now() < patience, "not all orders were filled: {newest:?}"),
        }
    };
    assert_eq!(status.counts.orders, run.orders, "orders made and orders received");
    assert_eq!(run.seen.count(), run.orders, "different orders received");
    assert_eq!(status.trading, Trading::Active, "trading was halted on the way");
    assert!(run.orders >= DIGEST_ORDERS, "too few orders for the digest");
    assert_eq!((status.orders_unknown, status.counts.gaps, status.counts.mismatches), (0, 0, 0));
    assert_eq!((status.counts.deals_repeated, status.counts.deals_foreign), (0, 0));
    assert_eq!(status.position, run.venue.net[0], "positions of the first instrument");
    status.counts.fills
}

/// Reads the journal from disk: each order and each fill once, and positions that follow from the fills.
fn read_back(dir: &PathBuf, orders: u64, venue: &Venue) {
    let (mut commands, mut deals) = (Seen::new(), Seen::new());
    let mut net = vec![0; venue.net.len()];
    for record in JournalReader::open(dir).expect("the journal") {
        let record = record.expect("a whole journal");
        if let Some(command) = record.payload::<record::Command>() {
            commands.mark(command.order_id, "a command in the journal");
        } else if let Some(deal) = record.payload::<record::DealEvent>() {
            deals.mark(deal.magic, "a deal in the journal");
            let sign = if deal.deal_type == 0 { 1 } else { -1 };
            net[usize::from(record.instrument().0)] += sign * deal.qty;
        }
    }
    assert_eq!((commands.count(), deals.count()), (orders, orders), "orders and fills in the journal");
    assert_eq!(net, venue.net, "positions by the journal and by the venue");
}
