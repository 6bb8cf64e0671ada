//! The journal: a record's append while the disk syncs without pause, an order that waits for the disk, a start after ten
//! million ticks.
//!
//! What it is not: a bench of the disk. Its time is what the second part shows; the first shows that it is not in the append.
//!
//! Invariant: records are appended by the clock, not as fast as they go, so that a stall makes the next ones late and is seen;
//! the records are read back at the end, every one of them. The same loop times nothing at all beside each append, and takes turns
//! with itself without a journal: what those take at their worst is the host's, not the journal's.
//!
//! `--soak-s 600 --rate 100000` is the long run: so many seconds with a journal, as many without. `--quick` takes five; `--start-only`
//! times the starts alone.

use hdrhistogram::Histogram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tickbridge::app::{Appliance, StartOptions};
use tickbridge::config::Config;
use tickbridge::journal::{
    self, EpochFile, JournalOptions, JournalReader, Persister, Snapshot, memory_path, snapshots,
};
use tickbridge::order::{NewDeal, NewOrder, OrderBook};
use tickbridge::record::{Origin, Record, Tick};
use tickbridge::report::Fingerprint;
use tickbridge::runtime::clock::Clock;
use tickbridge::runtime::lane::{pin_current_thread, spawn_thread};
use tickbridge::runtime::layout::usable_cores;
use tickbridge::types::{
    InstrumentId, NS_PER_S, OrderId, Price, Qty, Side, StateHasher, StrategyId, TimeNs, VenueId,
};

/// Records a second, if nothing else is said.
const RATE: i64 = 100_000;
/// With a journal and without take turns of so long.
const TURN_S: i64 = 10;
/// Ticks of a busy day.
const DAY_TICKS: u64 = 10_000_000;
const MEMORY_RECORDS: usize = 1 << 17;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    println!("journal: {}", Fingerprint::read());
    let (hot, other) = match usable_cores().as_slice() {
        [first, .., last] => (Some(*last), Some(*first)),
        _ => (None, None),
    };
    if let Some(hot) = hot {
        pin_current_thread(hot);
    }
    println!("  append: core {hot:?}; persister, without pause: core {other:?}");
    // On the disk of the checkout: what the system keeps in memory syncs for nothing.
    let root = tempfile::tempdir_in(target()).expect("a folder below target/");
    if std::env::args().any(|argument| argument == "--start-only") {
        return recovery(&root.path().join("day"));
    }
    let seconds = option("--soak-s").unwrap_or(if quick { 5 } else { 60 });
    paced(&root.path().join("paced"), seconds, option("--rate").unwrap_or(RATE).max(1), other);
    durable(&root.path().join("durable"), if quick { 300 } else { 5_000 }, other);
    state_hash(if quick { 200 } else { 2_000 });
    recovery(&root.path().join("day"));
}

/// A number behind a name on the command line.
fn option(name: &str) -> Option<i64> {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == name)?;
    let value = arguments.get(at + 1).and_then(|value| value.parse().ok());
    Some(value.unwrap_or_else(|| panic!("{name}: expected a number behind it")))
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).to_path_buf()
}

fn options(root: &Path, sync_every_ns: i64) -> JournalOptions {
    JournalOptions {
        memory_records: MEMORY_RECORDS,
        sync_every_ns,
        segment_bytes: 64 << 20,
        ..JournalOptions::new(root.join("journal"))
    }
}

fn tick(number: u64, now: TimeNs) -> Record {
    let tick = Tick {
        bid: 114_000 + (number % 100) as i64,
        ask: 114_003 + (number % 100) as i64,
        last: Price::NONE.0,
        volume: 0.0,
        ts_venue: now.0,
        ts_terminal: now.0,
        stream_seq: number,
        tick_flags: 6,
        connection: 1,
    };
    Record::new(Origin::Market, now, VenueId(0), InstrumentId(0), &tick)
}

/// The disk's end on its own thread, until told to stop; returns it and how many turns did something.
struct Syncing {
    stop: Arc<AtomicBool>,
    turns: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<Persister>,
}

impl Syncing {
    fn start(mut persister: Persister, core: Option<usize>, clock: Clock) -> Syncing {
        let (stop, turns) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, counted) = (stop.clone(), turns.clone());
        let thread = spawn_thread("persist", move || {
            if let Some(core) = core {
                pin_current_thread(core);
            }
            while !stopped.load(Ordering::Relaxed) {
                if persister.do_work(clock.now()) > 0 {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            }
            persister
        });
        Syncing { stop, turns, thread: thread.expect("a thread") }
    }

    fn end(self, now: TimeNs) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let mut persister = self.thread.join().expect("the persister");
        persister.close(now).expect("the disk");
        self.turns.load(Ordering::Relaxed)
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60 * NS_PER_S as u64, 3).expect("bounds")
}

fn line(name: &str, histogram: &Histogram<u64>) {
    let at = |quantile| histogram.value_at_quantile(quantile);
    println!(
        "  {name:<28} count {:>10}  p50 {:>6}  p99 {:>6}  p99.9 {:>7}  p99.99 {:>8}  max {:>9} ns",
        histogram.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(0.9999),
        histogram.max()
    );
}

/// What was timed of one way to take a record.
struct Timed {
    append: Histogram<u64>,
    nothing: Histogram<u64>,
    late: Histogram<u64>,
}

impl Timed {
    fn new() -> Self {
        Timed { append: histogram(), nothing: histogram(), late: histogram() }
    }

    /// Takes `count` records by the clock, one a period; `number` goes on.
    fn round(
        &mut self,
        clock: &Clock,
        (count, period_ns): (u64, i64),
        number: &mut u64,
        take: &mut dyn FnMut(&mut Record),
    ) {
        let began = clock.now();
        for index in 0..count {
            let due = began.plus_ns(index as i64 * period_ns);
            let mut now = clock.now();
            while now < due {
                std::hint::spin_loop();
                now = clock.now();
            }
            let mut record = tick(*number, now);
            *number += 1;
            // The empty pair first: the append then finds the same caches.
            let first = clock.now();
            let second = clock.now();
            take(&mut record);
            let third = clock.now();
            let _ = self.nothing.record(second.since(first).max(0) as u64);
            let _ = self.append.record(third.since(second).max(0) as u64);
            let _ = self.late.record(first.since(due).max(0) as u64);
        }
    }
}

/// The same work without a journal: a record is numbered, summed and stored, in memory of the loop's own.
struct Bare {
    places: Vec<Record>,
    seq: u64,
}

impl Bare {
    fn take(&mut self, record: &mut Record) {
        self.seq += 1;
        record.set_seq(self.seq);
        record.set_checksum(crc32c::crc32c(record.checksummed()));
        let place = self.seq as usize % self.places.len();
        self.places[place] = *std::hint::black_box(&*record);
    }
}

/// Records by the clock while the disk syncs without pause; and, in turns of ten seconds, the same loop without a journal.
fn paced(root: &Path, seconds: i64, rate: i64, core: Option<usize>) {
    std::fs::create_dir_all(root).expect("a folder");
    let clock = Clock::system();
    let mut journal = journal::open(&options(root, 0), clock.now()).expect("a journal");
    let syncing = Syncing::start(journal.persister, core, clock.clone());
    let mut bare = Bare { places: vec![Record::EMPTY; MEMORY_RECORDS], seq: 0 };
    let (mut with, mut without) = (Timed::new(), Timed::new());
    let (mut number, mut idle_number, mut refused, mut left_s) = (0, 0, 0u64, seconds);
    while left_s > 0 {
        let turn_s = left_s.min(TURN_S);
        let pace = ((turn_s * rate) as u64, NS_PER_S / rate);
        with.round(&clock, pace, &mut number, &mut |record| {
            while journal.writer.append(record).is_err() {
                refused += 1;
                std::hint::spin_loop();
            }
        });
        without.round(&clock, pace, &mut idle_number, &mut |record| bare.take(record));
        left_s -= turn_s;
    }
    let turns = syncing.end(clock.now());
    println!(
        "\nappend: {number} records at {rate}/s in {seconds} s, {turns} turns of the disk, {refused} refusals of a full ring"
    );
    line("append, as timed", &with.append);
    line("nothing, as timed", &with.nothing);
    line("late for its turn", &with.late);
    line("without a journal", &without.append);
    line("late without a journal", &without.late);
    let overhead = with.nothing.value_at_quantile(0.5);
    let net = |quantile| with.append.value_at_quantile(quantile).saturating_sub(overhead);
    println!("  the timing itself takes {overhead} ns, which the figures leave out");
    println!("figure journal_append_ns_p50 {} ns", net(0.5));
    println!("figure journal_append_ns_p999_while_syncing {} ns", net(0.999));
    println!("figure journal_append_ns_p9999_while_syncing {} ns", net(0.9999));
    println!("figure journal_stall_max_us {:.1} us", with.append.max() as f64 / 1e3);
    println!("figure host_jitter_max_us {:.1} us", without.append.max() as f64 / 1e3);
    println!("figure host_jitter_beside_the_disk_max_us {:.1} us", with.nothing.max() as f64 / 1e3);
    println!("digest journal_paced {:08x}", read_back(root, number));
}

/// The shared memory goes with the bench; its files are on the disk, below `target/`.
fn remove_memory(journal: &Path) {
    let memory_dir = JournalOptions::new(journal).memory_dir;
    let _ = std::fs::remove_file(memory_path(
        &memory_dir,
        &journal.canonicalize().expect("the journal's folder"),
    ));
}

/// Every record that was appended is on the disk, in order; the checksum of their contents.
fn read_back(root: &Path, count: u64) -> u32 {
    remove_memory(&root.join("journal"));
    let (mut digest, mut seen) = (0, 0);
    for record in JournalReader::open(&root.join("journal")).expect("the journal") {
        let record = record.expect("a whole record");
        let tick = record.payload::<Tick>().expect("a tick");
        assert_eq!((record.seq(), tick.stream_seq), (seen + 1, seen), "in order, none missing");
        digest = crc32c::crc32c_append(digest, &tick.bid.to_le_bytes());
        seen += 1;
    }
    assert_eq!(seen, count, "records on the disk and records appended");
    digest
}

/// `before_send = "disk"`: a record is appended, and nothing goes on until a power cut could not take it.
fn durable(root: &Path, count: u64, core: Option<usize>) {
    std::fs::create_dir_all(root).expect("a folder");
    let clock = Clock::system();
    let mut journal = journal::open(&options(root, 0), clock.now()).expect("a journal");
    let progress = journal.progress.clone();
    let syncing = Syncing::start(journal.persister, core, clock.clone());
    let mut waited = histogram();
    for number in 0..count {
        let mut record = tick(number, clock.now());
        let began = clock.now();
        let seq = journal.writer.append(&mut record).expect("room");
        while progress.durable_seq() < seq {
            std::hint::spin_loop();
        }
        let _ = waited.record(clock.now().since(began).max(0) as u64);
    }
    syncing.end(clock.now());
    println!("\ndurable: {count} records, each waited for");
    line("append to durable", &waited);
    println!("figure order_durable_on_disk_us_p50 {:.1} us", waited.value_at_quantile(0.5) as f64 / 1e3);
    println!("digest journal_durable {:08x}", read_back(root, count));
}

/// What the engine's lane does in a quiet moment now and then: its state as one number, with every table full.
fn state_hash(rounds: u32) {
    let clock = Clock::system();
    let mut book = OrderBook::default();
    let total = 4_096 + 256;
    for sequence in 1..=total {
        let id = OrderId::new(StrategyId(1), 1, sequence).expect("an id");
        let (instrument, side, qty) = (InstrumentId(0), Side::Buy, Qty(1));
        let (ts_decide, ts_venue) = (TimeNs(i64::from(sequence)), TimeNs(1));
        book.insert(NewOrder { id, instrument, side, qty, reduces: false, position: 0, ts_decide, ts_venue });
        if sequence <= 4_096 {
            let deal = NewDeal {
                deal: u64::from(sequence),
                id: id.raw(),
                carries: id.raw(),
                price: 100,
                qty: 1,
                ts_venue,
            };
            book.deal(VenueId(0), &deal, ts_decide);
        }
    }
    for deal in 0..65_536 {
        let deal =
            NewDeal { deal: 1_000_000 + deal, id: 0, carries: 0, price: 100, qty: 1, ts_venue: TimeNs(2) };
        book.deal(VenueId(0), &deal, TimeNs(2));
    }
    let (mut taken, mut digest) = (histogram(), 0);
    for _ in 0..rounds {
        let began = clock.now();
        let mut hasher = StateHasher::default();
        book.save(&mut hasher);
        digest = hasher.finish();
        let _ = taken.record(clock.now().since(began).max(0) as u64);
    }
    println!("\nstate: {} orders open, 4096 final, 65536 deals remembered", book.open_count());
    line("its hash", &taken);
    println!("figure state_hash_us_p50 {:.1} us", taken.value_at_quantile(0.5) as f64 / 1e3);
    println!("digest state_hash {digest:016x}");
}

/// Makes the snapshots of a folder what the first version wrote.
fn forget_words(dir: &Path) {
    let journal_id = EpochFile::read(dir).expect("readable").expect("there is one").journal_id;
    for (seq, path) in snapshots(dir).expect("a folder") {
        let snapshot = Snapshot::read(&path, seq, journal_id).expect("readable").expect("whole");
        std::fs::write(&path, Snapshot { words: None, ..snapshot }.encode()).expect("written");
    }
}

/// The appliance's own start on a journal of ten million ticks.
fn recovery(root: &Path) {
    std::fs::create_dir_all(root).expect("a folder");
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo.toml");
    let mut config = Config::load(&bundled).unwrap_or_else(|errors| panic!("{errors}"));
    config.appliance.state_dir = root.join("state");
    config.journal.dir = root.join("journal");
    config.report.dir = root.join("report");
    (config.link.market, config.link.trade) = (([127, 0, 0, 1], 0).into(), ([127, 0, 0, 1], 0).into());
    let clock = Clock::system();
    let start = || {
        let began = clock.now();
        let appliance = Appliance::start(&config, &StartOptions::default()).expect("a start");
        let ns = clock.now().since(began);
        let rebuilt = appliance.notes.iter().find(|note| note.contains("rebuilt")).cloned();
        let outcome = appliance.finish();
        assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
        (ns as f64 / NS_PER_S as f64, rebuilt)
    };
    let (empty_s, _) = start();
    let mut journal = journal::open(&options(root, NS_PER_S), clock.now()).expect("a journal");
    for number in 0..DAY_TICKS {
        let mut record = tick(number, clock.now());
        while journal.writer.append(&mut record).is_err() {
            journal.persister.do_work(clock.now());
        }
    }
    journal.persister.close(clock.now()).expect("the disk");
    drop(journal);
    let (day_s, rebuilt) = start();
    let rebuilt = rebuilt.expect("a start that rebuilds says so");
    let numbers = rebuilt.split(|byte: char| !byte.is_ascii_digit()).filter_map(|word| word.parse().ok());
    assert!(
        numbers.max().is_some_and(|most: u64| most >= DAY_TICKS),
        "expected {DAY_TICKS} records, got: {rebuilt}"
    );
    println!("\nstart: {empty_s:.3} s on an empty journal; {day_s:.3} s after {DAY_TICKS} ticks ({rebuilt})");
    println!("figure recovery_s_10m_ticks {day_s:.3} s");
    // That start left a snapshot behind when it ended. One of the first version does not know what was said of models before it, and
    // every record is read for that.
    forget_words(&config.journal.dir);
    let (wordless_s, _) = start();
    println!("  {wordless_s:.3} s with a snapshot of the first version");
    let (snapshot_s, rebuilt) = start();
    remove_memory(&root.join("journal"));
    let rebuilt = rebuilt.expect("a start that rebuilds says so");
    assert!(rebuilt.contains("snapshot at record 1000"), "expected the day's snapshot, got: {rebuilt}");
    println!("  {snapshot_s:.3} s with its snapshot ({rebuilt})");
    println!("figure recovery_s_10m_ticks_with_snapshot {snapshot_s:.3} s");
}
