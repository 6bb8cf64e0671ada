//! One wish in, one verdict out: the gate's check, as the engine calls it for every order.
//!
//! What it is not: the working out of envelopes, which happens off the decision path; or the engine's tick, which
//! `engine` times.
//!
//! Invariant: every verdict is held against the one that the wish was made for, in the check before the timing and on every
//! timed call; each reason that the gate itself can give is among them.
//!
//! 16,384 distinct wishes on 256 instruments, each instrument with limits, position and reservations of its own: a third
//! pass as openings, some as reductions, the rest are refused, by each control alike. They come in a new random order each
//! pass, so that no branch predictor learns them. Time is that of one call of `Gate::check`, with intent, quote, number of
//! open orders and time as the engine hands them over, between two fenced readings of the time stamp counter, less that of
//! an empty call through the same door; one thread, pinned. "best" is the quietest round, "median" the one in the middle.
//! `risk_check_ns_p50` is of openings that pass: they go through every control, and nothing else becomes an order.

mod counter;
#[path = "risk/wishes.rs"]
mod wishes;

use std::collections::BTreeMap;
use std::hint::black_box;

use counter::{percentile, stamp, steps_per_ns};
use tickbridge::report::Fingerprint;
use tickbridge::risk::{Approved, Gate, Intent, Refusal};
use tickbridge::runtime::lane::pin_current_thread;
use tickbridge::runtime::layout::usable_cores;
use tickbridge::runtime::prng::Prng;
use tickbridge::types::{Quote, TimeNs};
use wishes::{Kind, NS_BETWEEN_CALLS, START, Wish, gates, wishes};

/// What is called: the gate, or nothing.
type Door = fn(&mut Gate, Intent, &Quote, usize, TimeNs) -> Result<Approved, Refusal>;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    println!("risk: {}", Fingerprint::read());
    let core = usable_cores().last().copied();
    core.map(pin_current_thread);
    let steps = steps_per_ns();
    let rounds = if quick { 3 } else { 15 };
    println!(
        "  core {core:?}, {steps:.3} steps of the counter a ns, {rounds} rounds of {} wishes",
        wishes::COUNT
    );
    let wishes = wishes();
    let mut bench = Bench { gates: gates(), wishes, now: START, dice: Prng::new(20_261_121) };
    let digest = bench.verdicts();
    let mut table: BTreeMap<Kind, Times> = BTreeMap::new();
    for _ in 0..rounds {
        let empty = bench.pass(nothing);
        let overhead = percentile(&empty[&Kind::All], 50);
        for (kind, samples) in bench.pass(Gate::check) {
            let times = table.entry(kind).or_default();
            times.count = samples.len();
            let ns = |percent| (percentile(&samples, percent) - overhead).max(0.0) / steps;
            times.p50.push(ns(50));
            times.p99.push(ns(99));
        }
    }
    println!("  {:<28} {:>6} {:>18} {:>18}", "ns, best / median round", "wishes", "p50", "p99");
    for (kind, times) in &table {
        println!(
            "  {:<28} {:>6} {:>8.1} / {:>7.1} {:>8.1} / {:>7.1}",
            kind.to_string(),
            times.count,
            best(&times.p50),
            middle(&times.p50),
            best(&times.p99),
            middle(&times.p99)
        );
    }
    println!("digest risk {digest:08x}");
    for (kind, name) in [(Kind::Opens, "risk_check"), (Kind::All, "risk_check_mixed")] {
        println!("figure {name}_ns_p50 {:.1} ns", middle(&table[&kind].p50));
        println!("figure {name}_ns_p99 {:.1} ns", middle(&table[&kind].p99));
    }
}

/// Percentiles of each round, in nanoseconds.
#[derive(Default)]
struct Times {
    count: usize,
    p50: Vec<f64>,
    p99: Vec<f64>,
}

fn best(rounds: &[f64]) -> f64 {
    rounds.iter().copied().fold(f64::INFINITY, f64::min)
}

fn middle(rounds: &[f64]) -> f64 {
    let mut sorted = rounds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

struct Bench {
    gates: Vec<Gate>,
    wishes: Vec<Wish>,
    /// Time of the calls, which goes on from pass to pass as time does.
    now: TimeNs,
    dice: Prng,
}

impl Bench {
    /// Every verdict once, held against what was expected; the digest of all.
    fn verdicts(&mut self) -> u32 {
        let mut digest = 0;
        let mut met = std::collections::BTreeSet::new();
        for at in 0..self.wishes.len() {
            let (wish, quote) = self.place(at);
            let gate = &mut self.gates[wish.gate];
            let verdict = gate.check(wish.intent, &quote, wish.open_orders, self.now);
            wish.expect(&verdict);
            met.insert(wish.kind());
            let told = match verdict {
                Ok(approved) => [0, approved.intent().qty.0, approved.intent().price.0],
                Err(refusal) => [refusal.reason as i64, refusal.limit, refusal.got],
            };
            for number in told {
                digest = crc32c::crc32c_append(digest, &number.to_le_bytes());
            }
        }
        assert_eq!(met.len(), wishes::KINDS, "a kind of verdict is not among the wishes");
        digest
    }

    /// The wish, and its quote at the next call's time.
    fn place(&mut self, at: usize) -> (Wish, Quote) {
        self.now = self.now.plus_ns(NS_BETWEEN_CALLS);
        let wish = self.wishes[at];
        (wish, wish.quote(self.now))
    }

    /// The sorted steps of every wish, by kind of verdict and all together, in a new order.
    fn pass(&mut self, door: Door) -> BTreeMap<Kind, Vec<u64>> {
        let count = self.wishes.len();
        let mut order: Vec<usize> = (0..count).collect();
        for at in (1..count).rev() {
            order.swap(at, self.dice.below(at as u64 + 1) as usize);
        }
        let is_gate = door as usize == Gate::check as Door as usize;
        let mut samples: BTreeMap<Kind, Vec<u64>> = BTreeMap::new();
        for at in order {
            let (wish, quote) = self.place(at);
            let (steps, verdict) = steps_of_call(door, &mut self.gates[wish.gate], &wish, &quote, self.now);
            if is_gate {
                wish.expect(&verdict);
            }
            samples.entry(wish.kind()).or_default().push(steps);
            samples.entry(Kind::All).or_default().push(steps);
        }
        samples.values_mut().for_each(|samples| samples.sort_unstable());
        samples
    }
}

/// The steps of one call, overhead included, and what it said.
#[inline(never)]
fn steps_of_call(
    door: Door,
    gate: &mut Gate,
    wish: &Wish,
    quote: &Quote,
    now: TimeNs,
) -> (u64, Result<Approved, Refusal>) {
    let (door, gate, wish, quote, now) = black_box((door, gate, wish, quote, now));
    let began = stamp();
    let verdict = door(gate, wish.intent, quote, wish.open_orders, now);
    let ended = stamp();
    (ended - began, black_box(verdict))
}

/// Does nothing, which takes as long as the measurement itself.
#[inline(never)]
fn nothing(_: &mut Gate, _: Intent, _: &Quote, open_orders: usize, _: TimeNs) -> Result<Approved, Refusal> {
    Err(Refusal { reason: tickbridge::risk::Reason::SessionDown, limit: 0, got: open_orders as i64 })
}
