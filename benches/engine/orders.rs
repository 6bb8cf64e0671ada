//! Orders a second through the whole path, and the check that none was lost or repeated.
//!
//! What it is not: a bench of its own; `engine` runs it.
//!
//! Invariant: the rate is of orders whose fill came back; the journal on disk is read afterwards and must say the same.

use super::*;

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
        let mut setup = setup(INSTRUMENTS, 16);
        for strategy in &mut setup.strategies {
            // Whatever is open is closed on the next tick: entries and exits in turn.
            strategy.plan.exits.hold_ns_max = 1;
        }
        let Rings { market, ingest_reports, send_reports, orders, history_requests } =
            rings(RingSizes { market: 16_384, reports: 4_096, orders: 4_096 });
        let (control, control_end) = command_queue(64);
        let (status_end, status) = ring(8);
        let stages = [Stage::IngestToDecide, Stage::JournalAppend, Stage::Decide, Stage::TickToDecision];
        let (recorder, stages) = stage_histograms(&stages);
        let now = clock.now();
        let (_staged, staged) = ring(8);
        let (retired, _retired) = ring(16);
        let mut decide = Decide::new(DecideParts {
            models: staged,
            retired,
            engine: Engine::new(setup),
            journal: writer,
            market: market.1,
            ingest_reports: ingest_reports.1,
            send_reports: send_reports.1,
            control: control_end,
            orders: orders.0,
            history_requests: history_requests.0,
            status: status_end,
            alerts: None,
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
            trade.feed(trade_bytes, now, &mut |record| {
                send_reports.try_push(record).expect("room was looked for")
            });
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
        self.trade
            .connection
            .send_with(HEADER_BYTES + B::BYTES, More::Last, write)
            .expect("room for a message");
    }

    /// The venue reads what was written and answers.
    #[inline]
    fn play(&mut self) {
        let OrderRun {
            trade, incoming, venue, market_bytes, trade_bytes, seen, orders, digest, specs, ..
        } = self;
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

pub(super) fn orders(seconds: i64, persist_core: Option<usize>) {
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
    println!(
        "  journal: {} records, all on disk: {}",
        progress.durable_seq(),
        progress.state() == journal::PersistState::Healthy
    );
    let OrderRun { orders, digest, venue, .. } = run;
    read_back(&dir, orders, &venue);
    println!(
        "  {orders} orders sent once, {fills} fills booked once, the same {orders} in the journal on disk; positions agree"
    );
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
    println!(
        "\norders_per_s_sustained: {seconds} s, {INSTRUMENTS} instruments, journal of 128-byte records on disk"
    );
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
fn read_back(dir: &Path, orders: u64, venue: &Venue) {
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
