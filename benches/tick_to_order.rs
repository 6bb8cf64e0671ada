//! Tick in to order out, over real loopback TCP, against the floor and against libzmq, in turns.
//!
//! What it is not: a measurement of a terminal, a network or a broker. Absolute times are this machine's; the ratios are the
//! result.
//!
//! Invariant: every tick got exactly one order, and the orders are the same on every run: the digest says so.
//!
//! Inside the boundary: from just before the client's `write` of a tick to just after the `read` that brought the order's
//! last byte. In between: two kernels' worth of loopback, ZMTP and protocol decoding, 16 features, the bundled model of 200 trees, the
//! signal rule, the gate, the journal (shared memory; the persister copies and syncs meanwhile), encoding, and all histograms
//! and counters. Outside: the venue's answers, and a pause of [`PAUSE_NS`] before the next exchange in which the client
//! yields its core; every contestant has the same pause.

#[path = "tick_to_order/client.rs"]
mod client;
mod terminal;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;

use client::TerminalClient;
use hdrhistogram::Histogram;
use terminal::{Afterwards, Ask, Incoming, Outgoing, Quotes, Venue};
use tickbridge::app::{Appliance, Outcome, StartOptions};
use tickbridge::config::{Config, Resolved};
use tickbridge::features::FeatureTick;
use tickbridge::journal::memory_path;
use tickbridge::record::Layout;
use tickbridge::report::Fingerprint;
use tickbridge::runtime::clock::Clock;
use tickbridge::runtime::histogram::new_histogram;
use tickbridge::runtime::idle::sleep_ns;
use tickbridge::runtime::lane::{StopFlag, pin_current_thread, spawn_thread};
use tickbridge::runtime::layout::usable_cores;
use tickbridge::setup::{engine_setup, read_models};
use tickbridge::types::{InstrumentId, NS_PER_MS, NS_PER_S, Price, TimeNs};
use tickbridge::wire::terminal::{HEADER_BYTES, body};

/// A tick's and an order's frame on the wire.
const TICK_FRAME_BYTES: usize = 2 + HEADER_BYTES + body::Tick::BYTES;
const ORDER_FRAME_BYTES: usize = 2 + HEADER_BYTES + body::Command::BYTES;
/// Between two exchanges.
const PAUSE_NS: i64 = 40_000;
/// Exchanges before the first that is timed.
const WARM_UP: usize = 2_000;
/// Offered rate of the open-loop part.
const OPEN_LOOP_PER_S: i64 = 5_000;

/// How long the bench runs.
#[derive(Clone, Copy)]
struct Plan {
    rounds: usize,
    exchanges: usize,
    open_loop: usize,
}

/// Which cores the two ends use; `None` on a machine with one.
#[derive(Clone, Copy)]
struct Cores {
    client: Option<usize>,
    server: Option<usize>,
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let plan = if quick {
        Plan { rounds: 2, exchanges: 500, open_loop: 500 }
    } else {
        Plan { rounds: 10, exchanges: 20_000, open_loop: 20_000 }
    };
    let cores = match usable_cores().as_slice() {
        [first, .., last] => Cores { client: Some(*first), server: Some(*last) },
        _ => Cores { client: None, server: None },
    };
    println!("tick_to_order: {}", Fingerprint::read());
    pin(cores.client);
    println!(
        "  client on core {:?}, appliance (fused, spinning), echo and libzmq's other end on core {:?}; the persister shares the \
         client's core",
        cores.client, cores.server
    );
    println!(
        "  {} rounds of {} exchanges each, request {TICK_FRAME_BYTES} bytes, reply {ORDER_FRAME_BYTES} bytes, pause {} us; closed \
         loop: one exchange at a time",
        plan.rounds,
        plan.exchanges,
        PAUSE_NS / 1_000
    );
    let clock = Clock::system();
    let mut rounds = Rounds::default();
    for round in 0..plan.rounds {
        // Who goes first changes from round to round.
        for turn in 0..3 {
            match (round + turn) % 3 {
                0 => rounds.appliance.push(appliance_round(plan, cores, &clock, &mut rounds.last)),
                1 => rounds.floor.push(floor_round(plan, cores, &clock)),
                _ => rounds.libzmq.push(libzmq_round(plan, cores, &clock)),
            }
        }
    }
    rounds.print(plan);
}

#[derive(Default)]
struct Rounds {
    appliance: Vec<Histogram<u64>>,
    floor: Vec<Histogram<u64>>,
    libzmq: Vec<Histogram<u64>>,
    last: Last,
}

/// What the last appliance round said beside its times.
#[derive(Default)]
struct Last {
    digest: Option<u32>,
    stages: Vec<String>,
    open_loop: Option<Histogram<u64>>,
}

impl Rounds {
    fn print(&self, plan: Plan) {
        println!(
            "\n  {:<32} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9}",
            "us", "p50", "p99", "p99.9", "p99.99", "max", "count"
        );
        for (name, rounds) in [
            ("floor: spinning TCP echo", &self.floor),
            ("tick to order", &self.appliance),
            ("libzmq, both ends", &self.libzmq),
        ] {
            print_line(name, &total(rounds));
        }
        if let Some(open_loop) = &self.last.open_loop {
            print_line(&format!("open loop, {OPEN_LOOP_PER_S} ticks/s offered"), open_loop);
            println!(
                "  (open loop: timed from the intended moment of sending, so a late client counts; {} ticks)",
                plan.open_loop
            );
        }
        println!("\n  round    floor p50   p99.9 | tick p50  ratio   p99.9  ratio | libzmq p50  over tick");
        for (index, ((floor, tick), zmq)) in
            self.floor.iter().zip(&self.appliance).zip(&self.libzmq).enumerate()
        {
            let [f50, f999, t50, t999, z50] =
                [at(floor, 50.0), at(floor, 99.9), at(tick, 50.0), at(tick, 99.9), at(zmq, 50.0)];
            println!(
                "  {index:>5} {f50:>12.2} {f999:>7.2} | {t50:>8.2} {:>6.3} {t999:>7.2} {:>6.3} | {z50:>10.2} {:>10.2}",
                t50 / f50,
                t999 / f999,
                z50 / t50
            );
        }
        for (percentile, name) in [(50.0, "p50"), (99.9, "p99.9")] {
            let values = sorted(self.floor.iter().map(|floor| at(floor, percentile)));
            println!(
                "  noise: the floor's own {name} spread from {:.2} to {:.2} us over the rounds",
                values[0],
                values[values.len() - 1]
            );
        }
        println!(
            "\n  where the time goes (last round; the client's own system calls and the kernel are not in it):"
        );
        self.last.stages.iter().for_each(|line| println!("    {line}"));
        println!("\ndigest tick_to_order {:08x}", self.last.digest.unwrap_or(0));
        let over_floor = |percentile: f64| {
            median(
                self.appliance
                    .iter()
                    .zip(&self.floor)
                    .map(|(tick, floor)| at(tick, percentile) / at(floor, percentile)),
            )
        };
        let zmq =
            median(self.libzmq.iter().zip(&self.appliance).map(|(zmq, tick)| at(zmq, 50.0) / at(tick, 50.0)));
        println!("figure tick_to_order_over_floor_p50 {:.3} ratio", over_floor(50.0));
        println!("figure tick_to_order_over_floor_p999 {:.3} ratio", over_floor(99.9));
        println!("figure libzmq_over_tick_to_order_p50 {zmq:.3} ratio");
        println!("figure tick_to_order_p50_us {:.3} us", at(&total(&self.appliance), 50.0));
    }
}

fn print_line(name: &str, histogram: &Histogram<u64>) {
    println!(
        "  {name:<32} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>9.2} {:>9}",
        at(histogram, 50.0),
        at(histogram, 99.0),
        at(histogram, 99.9),
        at(histogram, 99.99),
        histogram.max() as f64 / 1_000.0,
        histogram.len()
    );
}

/// Microseconds at a percentile.
fn at(histogram: &Histogram<u64>, percentile: f64) -> f64 {
    histogram.value_at_percentile(percentile) as f64 / 1_000.0
}

fn total(rounds: &[Histogram<u64>]) -> Histogram<u64> {
    let mut total = new_histogram();
    for round in rounds {
        total.add(round).expect("equal bounds");
    }
    total
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let values = sorted(values);
    (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
}

fn pin(core: Option<usize>) {
    if let Some(core) = core
        && !pin_current_thread(core)
    {
        println!("  core {core}: the system refused to pin");
    }
}

/// Lets the other thread of this core run until the next exchange is due.
fn pause(clock: &Clock) {
    let until = clock.now().plus_ns(PAUSE_NS);
    while clock.now() < until {
        std::thread::yield_now();
    }
}

/// A fresh appliance, one connection of each kind, ticks, and its end.
fn appliance_round(plan: Plan, cores: Cores, clock: &Clock, last: &mut Last) -> Histogram<u64> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tick_to_order-{}", std::process::id()));
    let config = config(&folder, cores);
    let mut appliance = Appliance::start(&config, &StartOptions::default()).expect("the appliance starts");
    let mut client = TerminalClient::connect(&appliance, clock.clone());
    client.until_open(&mut appliance);
    for _ in 1..ticks_until_ready(&config) {
        client.send_tick();
        pause(clock);
    }
    let mut histogram = new_histogram();
    for index in 0..WARM_UP + plan.exchanges {
        let ns = client.timed_order();
        if index >= WARM_UP {
            histogram.saturating_record(ns as u64);
        }
        client.answer();
        pause(clock);
    }
    last.digest = same(last.digest, client.digest);
    let open_loop = client.open_loop(plan.open_loop);
    last.open_loop.get_or_insert_with(new_histogram).add(&open_loop).expect("equal bounds");
    client.settle(&mut appliance);
    let outcome = appliance.finish();
    client.check(&outcome, WARM_UP + plan.exchanges + plan.open_loop);
    last.stages = stage_lines(&outcome);
    let journal = config.journal.dir.canonicalize().expect("the journal's folder");
    let _ = std::fs::remove_file(memory_path(&config.journal.memory_dir, &journal));
    std::fs::remove_dir_all(&folder).expect("the bench's own folder");
    histogram
}

/// Every round must give the same orders.
fn same(before: Option<u32>, now: u32) -> Option<u32> {
    assert!(
        before.is_none_or(|before| before == now),
        "the orders of two rounds differ: {before:x?} and {now:x}"
    );
    Some(now)
}

fn config(folder: &Path, cores: Cores) -> Config {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/bench.toml");
    let mut config = match Resolved::parse(&file, &terminal::config_toml()) {
        Ok(resolved) => resolved.config,
        Err(errors) => panic!("the bench's configuration:\n{errors}"),
    };
    let free: SocketAddr = ([127, 0, 0, 1], 0).into();
    (config.link.market, config.link.trade) = (free, free);
    config.journal.dir = folder.join("journal");
    config.appliance.state_dir = folder.join("state");
    // The client at the other end cannot tell the past: features warm live.
    config.history.ticks_max = 0;
    let core = |core: Option<usize>| core.map_or(-1, |core| core as i32);
    (config.lanes.ingest_core, config.lanes.decide_core) = (core(cores.server), core(cores.server));
    (config.lanes.send_core, config.lanes.persist_core) = (core(cores.server), core(cores.client));
    config
}

/// The first so many ticks of the walk make every feature ready; the last of them is the first that can trade.
fn ticks_until_ready(config: &Config) -> usize {
    let models = read_models(config).expect("the bundled model");
    let mut setup = engine_setup(config, &models).expect("the bench's setup");
    let features = &mut setup.strategies[0].features;
    let mut quotes = Quotes::new(0);
    let ready = |_: &usize| {
        let tick = quotes.next_tick();
        let ticks = |value: f64| Price((value * 100_000.0).round() as i64);
        let quote = FeatureTick::quote(ticks(tick.bid), ticks(tick.ask));
        features.on_tick(InstrumentId(0), TimeNs::from_ms(tick.time_msc), &quote);
        features.all_ready()
    };
    (1..10_000).find(ready).expect("features that become ready")
}

fn stage_lines(outcome: &Outcome) -> Vec<String> {
    let line = |stage: &tickbridge::report::Stage| {
        let ns = |percentile| stage.histogram.value_at_percentile(percentile);
        format!(
            "{:<20} p50 {:>6} ns  p99.9 {:>7} ns  n {}",
            stage.name,
            ns(50.0),
            ns(99.9),
            stage.histogram.len()
        )
    };
    outcome.stages.iter().filter(|stage| !stage.histogram.is_empty()).map(line).collect()
}

fn socket(stream: TcpStream) -> TcpStream {
    stream.set_nodelay(true).expect("TCP_NODELAY");
    stream.set_nonblocking(true).expect("a socket that does not block");
    stream
}

fn write_all(stream: &mut TcpStream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("write: {error}"),
        }
    }
}

/// One read; whether anything came.
fn receive(stream: &mut TcpStream, incoming: &mut Incoming) -> bool {
    match stream.read(incoming.spare()) {
        Ok(0) => panic!("the appliance closed the connection"),
        Ok(count) => {
            incoming.filled(count);
            true
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Err(error) => panic!("read: {error}"),
    }
}

/// The same bytes through two spinning sockets, and nothing else.
fn floor_round(plan: Plan, cores: Cores, clock: &Clock) -> Histogram<u64> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let stop = StopFlag::new();
    let stopped = stop.clone();
    let echo = spawn_thread("bench-echo", move || {
        pin(cores.server);
        let mut stream = socket(listener.accept().expect("the client").0);
        let (mut request, reply) = ([0u8; TICK_FRAME_BYTES], [0u8; ORDER_FRAME_BYTES]);
        let mut filled = 0;
        while !stopped.is_stopped() {
            match stream.read(&mut request[filled..]) {
                Ok(0) => return,
                Ok(count) => filled += count,
                Err(_) => continue,
            }
            if filled == TICK_FRAME_BYTES {
                filled = 0;
                write_all(&mut stream, &reply);
            }
        }
    })
    .expect("a thread");
    let mut stream = socket(TcpStream::connect(address).expect("the echo"));
    let (request, mut reply) = ([0u8; TICK_FRAME_BYTES], [0u8; ORDER_FRAME_BYTES]);
    let mut exchange = || {
        let sent = clock.now();
        write_all(&mut stream, &request);
        let mut filled = 0;
        while filled < ORDER_FRAME_BYTES {
            filled += stream.read(&mut reply[filled..]).unwrap_or(0);
        }
        clock.now().since(sent)
    };
    let histogram = time(plan, clock, &mut exchange);
    stop.stop();
    echo.join().expect("the echo");
    histogram
}

fn time(plan: Plan, clock: &Clock, exchange: &mut impl FnMut() -> i64) -> Histogram<u64> {
    let mut histogram = new_histogram();
    for index in 0..WARM_UP + plan.exchanges {
        let ns = exchange();
        if index >= WARM_UP {
            histogram.saturating_record(ns as u64);
        }
        pause(clock);
    }
    histogram
}

/// The same payloads through libzmq: DEALER here, ROUTER there, both blocking, each with its I/O thread on its own core.
fn libzmq_round(plan: Plan, cores: Cores, clock: &Clock) -> Histogram<u64> {
    let (address_out, address_in) = std::sync::mpsc::sync_channel(1);
    let total = WARM_UP + plan.exchanges;
    let router = spawn_thread("bench-router", move || {
        pin(cores.server);
        // A context of its own: its I/O thread inherits this core.
        let context = zmq::Context::new();
        let socket = context.socket(zmq::ROUTER).expect("a ROUTER");
        socket.bind("tcp://127.0.0.1:*").expect("a free port");
        let address = socket.get_last_endpoint().expect("its address").expect("as text");
        address_out.send(address).expect("the client waits");
        let (mut identity, mut request) = (zmq::Message::new(), zmq::Message::new());
        let reply = [0u8; ORDER_FRAME_BYTES - 2];
        for _ in 0..total {
            socket.recv(&mut identity, 0).expect("an identity");
            socket.recv(&mut request, 0).expect("a request");
            assert_eq!(request.len(), TICK_FRAME_BYTES - 2);
            socket.send(&*identity, zmq::SNDMORE).expect("an identity");
            socket.send(&reply[..], 0).expect("a reply");
        }
    })
    .expect("a thread");
    let context = zmq::Context::new();
    let socket = context.socket(zmq::DEALER).expect("a DEALER");
    socket.connect(&address_in.recv().expect("the address")).expect("the ROUTER");
    let request = [0u8; TICK_FRAME_BYTES - 2];
    let mut reply = zmq::Message::new();
    let mut exchange = || {
        let sent = clock.now();
        socket.send(&request[..], 0).expect("a request");
        socket.recv(&mut reply, 0).expect("a reply");
        clock.now().since(sent)
    };
    let histogram = time(plan, clock, &mut exchange);
    router.join().expect("the ROUTER");
    histogram
}
