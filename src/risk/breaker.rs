//! A breaker: after so many failures within a window nothing opens; after a cool-down one order may try.
//!
//! What it is not: it does not know what failed, or what an order is; the engine tells it, with the time.
//!
//! Invariant: every pair of state and fact has an entry here. An open breaker is left by time alone, a probing one by what became of
//! its one order; a breaker of zero failures never leaves `Closed`.

mod state;

use super::reason::Reason;
use crate::types::TimeNs;

/// The most failures that a breaker can be set to: so many are remembered.
pub const BREAKER_FAILURES_MAX: u32 = 1_000;

macro_rules! components {
    ($($(#[$doc:meta])* $variant:ident = $place:literal, $name:literal, $reason:ident;)+) => {
        /// What a breaker watches.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Component { $($(#[$doc])* $variant = $place),+ }

        impl Component {
            /// Every component, by its code.
            pub const ALL: &'static [Component] = &[$(Component::$variant),+];

            /// As the configuration names it.
            pub fn name(self) -> &'static str {
                match self { $(Component::$variant => $name),+ }
            }

            /// Why the gate is closed while its breaker is open.
            pub fn reason(self) -> Reason {
                match self { $(Component::$variant => Reason::$reason),+ }
            }

            /// The component with this code.
            pub fn from_code(code: u8) -> Option<Self> {
                match code { $($place => Some(Component::$variant),)+ _ => None }
            }
        }
    };
}
components! {
    /// A role of a venue's connections went down.
    Link = 0, "link", BreakerLink;
    /// A terminal was refused at its handshake.
    Handshake = 1, "handshake", BreakerHandshake;
    /// The venue refused a request for itself: wrong, not allowed, or to be read again.
    Rejects = 2, "rejects", BreakerRejects;
    /// The venue refused a request for the moment: a new price, or wait.
    Requotes = 3, "requotes", BreakerRequotes;
    /// An order without an answer came into doubt.
    TimeOuts = 4, "time_outs", BreakerTimeOuts;
    /// The journal's disk failed or fell behind.
    Disk = 5, "disk", BreakerDisk;
    /// The system's clock stepped away from ours.
    Clock = 6, "clock", BreakerClock;
    /// The engine's lane stood still.
    Stalls = 7, "stalls", BreakerStalls;
}

/// How many there are.
pub const COMPONENTS: usize = 8;

/// How one breaker is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BreakerPlan {
    /// So many failures within the window open it; zero never does.
    pub failures: u32,
    /// The window, nanoseconds.
    pub window_ns: i64,
    /// It stays open for so long, nanoseconds.
    pub cool_down_ns: i64,
}

/// Where a breaker is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum BreakerState {
    /// Everything passes.
    Closed = 1,
    /// Nothing opens.
    Open = 2,
    /// One order may try.
    HalfOpen = 3,
    /// That order is under way; no other opens.
    Probing = 4,
}

/// What a breaker hears.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BreakerFact {
    /// One more failure, with fewer than the limit within the window.
    Failure,
    /// The failure that reaches the limit.
    LastFailure,
    /// The cool-down is over.
    Cooled,
    /// An opening order left.
    Probe,
    /// That order was taken by the venue.
    Success,
    /// That order never left, or ended without a verdict on anything.
    Unsent,
    /// The operator re-arms.
    Rearm,
}

impl BreakerState {
    /// Every state.
    pub const ALL: [BreakerState; 4] = [Self::Closed, Self::Open, Self::HalfOpen, Self::Probing];

    /// The state with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as u8 == code)
    }

    /// The state after a fact.
    pub fn after(self, fact: BreakerFact) -> BreakerState {
        use BreakerFact as F;
        use BreakerState::*;
        match (self, fact) {
            (_, F::Rearm) => Closed,
            (Closed, F::LastFailure) => Open,
            (Closed, _) => Closed,
            (Open, F::Cooled) => HalfOpen,
            (Open, _) => Open,
            (_, F::Failure | F::LastFailure) => Open,
            (HalfOpen, F::Probe) => Probing,
            (HalfOpen, _) => HalfOpen,
            (Probing, F::Success) => Closed,
            (Probing, F::Unsent) => HalfOpen,
            (Probing, _) => Probing,
        }
    }

    /// Whether openings are refused.
    pub fn refuses(self) -> bool {
        matches!(self, Self::Open | Self::Probing)
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Breaker {
    plan: BreakerPlan,
    state: BreakerState,
    /// Times of the last failures, as many as the limit: the place of the next is that of the oldest.
    times: Box<[TimeNs]>,
    next: usize,
    opened: TimeNs,
}

impl Breaker {
    /// Closed; takes all its memory.
    pub fn new(plan: BreakerPlan) -> Self {
        let places = plan.failures.min(BREAKER_FAILURES_MAX) as usize;
        let times = vec![TimeNs::NEVER; places].into();
        Breaker { plan, state: BreakerState::Closed, times, next: 0, opened: TimeNs::NEVER }
    }

    /// How it is set.
    pub fn plan(&self) -> &BreakerPlan {
        &self.plan
    }

    /// Where it is.
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// Takes a failure; the state before, if it changed. One that is open begins its cool-down anew.
    pub fn fail(&mut self, now: TimeNs) -> Option<BreakerState> {
        if self.times.is_empty() {
            return None;
        }
        self.times[self.next] = now;
        self.next = (self.next + 1) % self.times.len();
        let oldest = self.times[self.next];
        let is_last = oldest != TimeNs::NEVER && now.since(oldest) < self.plan.window_ns;
        let before = self.hear(if is_last { BreakerFact::LastFailure } else { BreakerFact::Failure });
        if self.state == BreakerState::Open {
            self.opened = now;
        }
        before
    }

    /// Lets time pass; the state before, if it changed.
    pub fn cool(&mut self, now: TimeNs) -> Option<BreakerState> {
        if self.state != BreakerState::Open || now.since(self.opened) < self.plan.cool_down_ns {
            return None;
        }
        self.hear(BreakerFact::Cooled)
    }

    /// Hears anything else; the state before, if it changed. Whatever closes it forgets the failures.
    pub fn hear(&mut self, fact: BreakerFact) -> Option<BreakerState> {
        let before = self.state;
        self.state = before.after(fact);
        if self.state == BreakerState::Closed
            && (before != BreakerState::Closed || fact == BreakerFact::Rearm)
        {
            self.times.fill(TimeNs::NEVER);
        }
        (before != self.state).then_some(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_pair_of_state_and_fact_is_in_the_table() {
        use BreakerFact::*;
        use BreakerState::{Closed, HalfOpen, Open, Probing};
        let facts = [Failure, LastFailure, Cooled, Probe, Success, Unsent, Rearm];
        let table = [
            (Closed, [Closed, Open, Closed, Closed, Closed, Closed, Closed]),
            (Open, [Open, Open, HalfOpen, Open, Open, Open, Closed]),
            (HalfOpen, [Open, Open, HalfOpen, Probing, HalfOpen, HalfOpen, Closed]),
            (Probing, [Open, Open, Probing, Probing, Closed, HalfOpen, Closed]),
        ];
        for (state, expected) in table {
            assert_eq!(facts.map(|fact| state.after(fact)), expected, "{state:?}");
            assert_eq!(BreakerState::from_code(state as u8), Some(state));
        }
        assert_eq!(BreakerState::ALL.map(BreakerState::refuses), [false, true, false, true]);
    }

    #[test]
    fn components_have_codes_names_and_reasons_of_their_own() {
        for (place, component) in Component::ALL.iter().enumerate() {
            assert_eq!(Component::from_code(place as u8), Some(*component));
            let same =
                |other: &&Component| other.reason() == component.reason() || other.name() == component.name();
            assert_eq!(Component::ALL.iter().filter(same).count(), 1);
        }
        assert_eq!(Component::ALL.len(), COMPONENTS);
    }

    proptest! {
        /// It opens exactly when so many failures lie within the window, stays open for the cool-down after the last one, and lets
        /// one order try at a time.
        #[test]
        fn it_does_as_counting_would(failures in 0u32..5, steps in proptest::collection::vec((0i64..60, 0u8..6), 1..80)) {
            let mut breaker = Breaker::new(BreakerPlan { failures, window_ns: 100, cool_down_ns: 50 });
            let (mut now, mut all, mut opened, mut probes) = (TimeNs(1_000), Vec::new(), TimeNs::NEVER, 0);
            for (step, what) in steps {
                now = now.plus_ns(step);
                let before = breaker.state();
                match what {
                    0 | 1 => {
                        all.push(now);
                        let within = all.iter().filter(|ts| now.since(**ts) < 100).count();
                        breaker.fail(now);
                        let opens = failures > 0 && (before != BreakerState::Closed || within >= failures as usize);
                        prop_assert_eq!(breaker.state() == BreakerState::Open, opens);
                        if opens {
                            (opened, probes) = (now, 0);
                        }
                    }
                    2 => {
                        breaker.cool(now);
                        let is_due = before == BreakerState::Open && now.since(opened) >= 50;
                        prop_assert_eq!(breaker.state() == BreakerState::HalfOpen && before == BreakerState::Open, is_due);
                    }
                    3 => {
                        if !breaker.state().refuses() && failures > 0 && before != BreakerState::Closed {
                            probes += 1;
                        }
                        breaker.hear(BreakerFact::Probe);
                        prop_assert!(probes <= 1, "two orders try at one time");
                    }
                    4 => drop(breaker.hear(BreakerFact::Success)),
                    _ => {
                        breaker.hear(BreakerFact::Unsent);
                        probes = 0;
                    }
                }
                if breaker.state() == BreakerState::Closed && before != BreakerState::Closed {
                    (all, probes) = (Vec::new(), 0);
                }
                prop_assert!(failures > 0 || breaker.state() == BreakerState::Closed);
            }
        }
    }
}
