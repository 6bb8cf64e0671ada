//! The whole system in one process, in virtual time, from one seed: the real engine, decoders, order book, gate and recovery
//! on one side, the real simulated broker on the other, and between them everything that goes wrong.
//!
//! What it is not: a test of sockets, files or lanes; those have their own. Nothing here waits, and nothing reads a clock.
//!
//! Invariant: an episode is a function of its [`Episode`], bit for bit. The rules of `checks.rs` hold after every event.
//!
//! Where to start: [`Simulator::run`] below; `faults.rs` for what goes wrong, `checks.rs` for what must hold, `planted.rs`
//! for the proof that it would be noticed.

mod appliance;
mod asked;
mod checks;
mod exits;
mod exposure;
mod faults;
mod journal;
mod killing;
mod link;
mod many;
mod mishaps;
mod money;
mod path;
mod plans;
mod planted;
mod planting;
mod quoting;
mod recovered;
mod reductions;
mod replaying;
mod schedule;
mod setup;
mod shrink;
mod terminal;
#[cfg(test)]
mod tests;
mod truth;
mod venues;
mod words;

pub(in crate::sim) use faults::Faults;
pub use faults::{Fault, FaultRates};
pub use many::{Summary, run_many};
pub use planted::Planted;
pub use shrink::{Shortest, shrink};

use crate::engine::{Outputs, Setup};
use crate::record::{ClockTick, Origin, Payload, Record};
use crate::runtime::Prng;
use crate::types::{InstrumentId, NS_PER_MS, NS_PER_S, TimeNs, VenueId};
use appliance::Appliance;
use checks::Watch;
use schedule::{Event, Port, Schedule};
use std::panic::{AssertUnwindSafe, catch_unwind};
use terminal::Terminal;
use truth::Truth;
use venues::Venue;

/// Virtual time begins here, UTC.
const START_NS: i64 = 1_700_000_000 * NS_PER_S;
/// When faults are over, everything must be known within this time: more than the engine's longest interval of
/// reconciliation, twice.
const QUIET_NS: i64 = 75 * NS_PER_S;
/// Events a seed may take to come to rest.
const QUIET_EVENTS_MAX: u64 = 60_000;

/// What an episode is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Episode {
    /// Everything random follows from it.
    pub seed: u64,
    /// Faults stop after so many events; then the world comes to rest.
    pub events: u64,
    /// What goes wrong, and how often.
    pub rates: FaultRates,
    /// Numbers of strikes that are left out, ascending.
    pub skipped: Vec<u32>,
    /// A bug to find.
    pub planted: Option<Planted>,
}

/// A rule that did not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which.
    pub rule: &'static str,
    /// What was expected and got.
    pub words: String,
    /// After so many events.
    pub event: u64,
}

/// How an episode went.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// Events: what the market, the terminal, the broker, the link, the clock and the appliance did.
    pub events: u64,
    /// Records in the journal at the end.
    pub records: u64,
    /// Commands written.
    pub orders: u64,
    /// Requests written: cancels and changes.
    pub requests: u64,
    /// Of them, changes of what rests.
    pub changes: u64,
    /// Requests that came into doubt, since the last start.
    pub requests_unknown: u64,
    /// Deals at the brokers.
    pub deals: u64,
    /// Venues that were traded at.
    pub venues: u64,
    /// Times that an order came into doubt, since the last start.
    pub unknown: u64,
    /// Orders that were declared absent and came back, since the last start.
    pub returned: u64,
    /// Starts of the appliance.
    pub starts: u64,
    /// Times that position and fills were compared with the broker's.
    pub comparisons: u64,
    /// Faults that struck, with their numbers, in order.
    pub strikes: Vec<(u32, Fault)>,
    /// Digest of the journal: the same seed gives the same.
    pub digest: u64,
    /// The rule that did not hold.
    pub violation: Option<Violation>,
    /// The last things that happened, if asked for.
    pub trace: Vec<String>,
}

/// Whether to keep words about what happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tracing {
    /// No words.
    Off,
    /// The last lines.
    On,
}

/// Runs episodes, one after the other; keeps its memory between them.
#[derive(Debug)]
pub struct Simulator {
    parts: plans::Parts,
    world: World,
}

impl Default for Simulator {
    fn default() -> Self {
        let parts = plans::Parts::default();
        let world = World::new(parts.first());
        Simulator { parts, world }
    }
}

impl Simulator {
    /// Runs one episode.
    pub fn run(&mut self, episode: &Episode, tracing: Tracing) -> Outcome {
        let Simulator { parts, world } = self;
        let parts = parts.of(episode);
        world.renew(parts, episode, tracing);
        // An assertion of the engine is a rule like any other.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| world.run(parts))) {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
            world.violate("assertion", || words.unwrap_or_default());
        }
        world.outcome()
    }
}

/// See the module.
#[derive(Debug)]
struct World {
    episode_events: u64,
    planted: Option<Planted>,
    events: u64,
    schedule: Schedule,
    faults: Faults,
    truth: Truth,
    venues: Vec<Venue>,
    appliance: Appliance,
    watch: Watch,
    exit_watch: exits::ExitWatch,
    left_watch: reductions::LeftWatch,
    /// Its positions must not stand without a stop.
    demands_stops: bool,
    dice: Prng,
    flood_left: u32,
    /// Appliance's clock less virtual time.
    clock_offset_ns: i64,
    waits_for_disk: bool,
    is_disk_full: bool,
    is_send_planned: bool,
    is_sync_planned: bool,
    /// When the appliance is to look at its clock next.
    clock_ns: i64,
    /// The death of the appliance was dealt with.
    is_buried: bool,
    is_power_cut: bool,
    latch: bool,
    killed: Option<killing::Killed>,
    starts: u64,
    orders: u64,
    requests: u64,
    changes: u64,
    comparisons: u64,
    /// Records that a message made.
    inbox: Vec<Record>,
    spare: Outputs,
    violation: Option<Violation>,
    tracing: Tracing,
    trace: Vec<String>,
    /// What a planted bug remembers.
    memory: planting::Memory,
}

impl World {
    fn new(parts: &Setup) -> Self {
        let mut dice = Prng::new(0);
        World {
            episode_events: 0,
            planted: None,
            events: 0,
            schedule: Schedule::default(),
            faults: Faults::new(FaultRates::none(), &[], &mut dice),
            truth: Truth::default(),
            venues: Vec::new(),
            appliance: Appliance::new(parts, None),
            watch: Watch::default(),
            exit_watch: exits::ExitWatch::default(),
            left_watch: reductions::LeftWatch::default(),
            demands_stops: false,
            dice,
            flood_left: 0,
            clock_offset_ns: 0,
            waits_for_disk: false,
            is_disk_full: false,
            is_send_planned: false,
            is_sync_planned: false,
            clock_ns: i64::MAX,
            is_buried: true,
            is_power_cut: false,
            latch: false,
            killed: None,
            starts: 0,
            orders: 0,
            requests: 0,
            changes: 0,
            comparisons: 0,
            inbox: Vec::new(),
            spare: Outputs::default(),
            violation: None,
            tracing: Tracing::Off,
            trace: Vec::new(),
            memory: planting::Memory::default(),
        }
    }

    fn renew(&mut self, parts: &Setup, episode: &Episode, tracing: Tracing) {
        let mut dice = Prng::new(episode.seed);
        let mut rates = episode.rates;
        if episode.planted == Some(Planted::LateAnswerIgnored) {
            rates.set(Fault::VeryLate, 1);
        }
        self.faults = Faults::new(rates, &episode.skipped, &mut dice);
        let demands_stops = plans::has_exits(episode.seed);
        self.demands_stops = demands_stops;
        let venue = |at: u16, dice: &mut Prng| {
            let broker = setup::broker(VenueId(at), &episode.rates, &mut dice.fork());
            let mut terminal = Terminal::new(VenueId(at), broker, dice);
            terminal.forgets_ids = episode.planted == Some(Planted::ResendAndForget);
            terminal.drops_stops = demands_stops;
            Venue::new(terminal)
        };
        self.venues.clear();
        self.venues.extend((0..parts.venues.len() as u16).map(|at| venue(at, &mut dice)));
        self.appliance.renew(parts, episode.planted);
        self.waits_for_disk = dice.below(3) == 0 || episode.planted == Some(Planted::DiskNotAwaited);
        self.dice = dice;
        (self.episode_events, self.planted, self.events) = (episode.events, episode.planted, 0);
        self.schedule = Schedule::default();
        self.truth.clear();
        (self.clock_ns, self.is_sync_planned) = (i64::MAX, false);
        self.watch = Watch::default();
        self.exit_watch = exits::ExitWatch::default();
        self.left_watch = reductions::LeftWatch::new(parts);
        (self.flood_left, self.clock_offset_ns) = (0, 0);
        (self.is_disk_full, self.is_send_planned, self.is_buried) = (false, false, true);
        (self.is_power_cut, self.latch, self.killed) = (false, false, None);
        (self.starts, self.orders, self.comparisons) = (0, 0, 0);
        (self.requests, self.changes) = (0, 0);
        (self.violation, self.tracing) = (None, tracing);
        self.trace.clear();
        self.memory = planting::Memory::default();
    }

    fn run(&mut self, parts: &Setup) {
        self.schedule.at(START_NS, Event::Start);
        self.schedule.at(START_NS, Event::Quote);
        for venue in self.venue_ids() {
            for port in Port::BOTH {
                self.schedule.at(START_NS + NS_PER_MS, Event::Connect(venue, port));
            }
        }
        let mut rest_ns = None;
        while let Some(event) = self.schedule.next() {
            // A look at the clock, or at a disk that has nothing to write, is no event.
            self.events += u64::from(!matches!(event, Event::Clock | Event::Sync));
            self.handle(event, parts);
            if self.violation.is_some() {
                return;
            }
            if self.events >= self.episode_events && rest_ns.is_none() {
                self.faults.is_over = true;
                self.flood_left = 0;
                rest_ns = Some(self.schedule.now_ns() + QUIET_NS);
            }
            if let Some(rest_ns) = rest_ns {
                // An order that only the operator can resolve is asked about for ever: any moment without news will do.
                let over_ns = self.schedule.now_ns() - rest_ns;
                let is_late = over_ns >= 0 && self.is_settled() || over_ns >= QUIET_NS;
                let is_endless = self.events >= self.episode_events + QUIET_EVENTS_MAX;
                if is_late || is_endless || self.is_at_rest() {
                    break;
                }
            }
        }
        self.check_end();
        self.check_replay(parts);
        if !self.appliance.is_dead {
            self.check_state(parts);
        }
    }

    fn outcome(&mut self) -> Outcome {
        let records = self.appliance.journal.records();
        let digest = records.iter().fold(self.events, |digest, record| {
            digest.rotate_left(5) ^ u64::from(record.checksum()).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        });
        Outcome {
            events: self.events,
            records: records.len() as u64,
            orders: self.orders,
            requests: self.requests,
            changes: self.changes,
            requests_unknown: self.appliance.engine.counts().requests_unknown,
            deals: self.venues.iter().map(|venue| venue.terminal.broker.account.deals.len() as u64).sum(),
            venues: self.venues.len() as u64,
            unknown: self.appliance.engine.counts().unknown,
            returned: self.appliance.engine.counts().returned,
            starts: self.starts,
            comparisons: self.comparisons,
            strikes: std::mem::take(&mut self.faults.log),
            digest,
            violation: self.violation.take(),
            trace: std::mem::take(&mut self.trace),
        }
    }

    fn handle(&mut self, event: Event, parts: &Setup) {
        match event {
            Event::Quote => self.quote(),
            Event::Terminal(venue) => self.broker_due(venue),
            Event::ToAppliance(venue, index) => self.reach_appliance(venue, index),
            Event::ToTerminal(venue, index) => self.reach_terminal(venue, index),
            Event::Send => self.send(),
            Event::Clock => self.clock(),
            Event::Sync => self.sync(),
            Event::LostToAppliance(venue, port, connection) => {
                self.lost_to_appliance(venue, port, connection)
            }
            Event::LostToTerminal(venue, port, connection) => self.lost_to_terminal(venue, port, connection),
            Event::Connect(venue, port) => self.connect(venue, port),
            Event::Thaw(venue) => self.thaw(venue),
            Event::Held(venue, number) => self.held(venue, number),
            Event::ServerBack(venue) => self.terminal_mut(venue).server_turns(true),
            Event::TellSpec(instrument) => self.tell_spec(instrument),
            Event::MarketOpen(instrument) => self.open_market(instrument),
            Event::DiskWell => self.disk_well(),
            Event::Start => self.start(parts),
            Event::Rearm => self.rearm(),
            Event::RearmOne(instrument) => self.rearm_one(instrument),
            Event::KillHeard => self.hear_kill(),
        }
        if self.appliance.is_dead && !self.is_buried {
            self.bury(parts);
        }
        self.check_settled();
        self.check_bare();
        self.check_left();
    }

    /// The appliance's own clock.
    fn ts(&self) -> TimeNs {
        TimeNs(self.schedule.now_ns() + self.clock_offset_ns)
    }

    /// Keeps words, if anybody wants them.
    fn say(&mut self, words: impl FnOnce(&Self) -> String) {
        if self.tracing == Tracing::On {
            let ms = (self.schedule.now_ns() - START_NS) as f64 / 1e6;
            let line = format!("{:>7} {ms:>11.3} ms  {}", self.events, words(self));
            self.trace.push(line);
        }
    }

    fn own<P: Payload>(&mut self, payload: &P) {
        let record = Record::new(Origin::Appliance, self.ts(), VenueId(0), InstrumentId::NONE, payload);
        self.feed(record);
    }

    /// Plans the appliance's next look at its clock: soon while time is news to the engine.
    fn plan_clock(&mut self) {
        let patience_ns = if self.appliance.engine.waits() { 10 * NS_PER_MS } else { NS_PER_S };
        let due_ns = self.schedule.now_ns() + patience_ns;
        if self.clock_ns > due_ns {
            self.clock_ns = due_ns;
            self.schedule.at(due_ns, Event::Clock);
        }
    }

    /// As `agents::Decide`: time is told when nothing else was; and a peer that is silent for too long is gone.
    fn clock(&mut self) {
        const SILENT_NS: i64 = 2 * NS_PER_S;
        let now_ns = self.schedule.now_ns();
        if now_ns < self.clock_ns {
            return;
        }
        self.clock_ns = i64::MAX;
        if self.appliance.is_dead {
            return;
        }
        for venue in self.venue_ids() {
            for port in Port::BOTH {
                let end = self.appliance.end(venue, port);
                if end.is_live && now_ns - end.ts_heard_ns > SILENT_NS {
                    self.hang_up(venue, port);
                }
            }
        }
        let patience_ns = if self.appliance.engine.waits() { 10 * NS_PER_MS } else { NS_PER_S };
        if self.ts().0 - self.appliance.ts_input >= patience_ns {
            self.own(&ClockTick { reserved: 0 });
        }
        self.plan_clock();
    }
}
