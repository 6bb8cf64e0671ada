//! Every reason of the table of controls: an opening passes, the control is tripped, the same opening is refused for exactly that
//! reason and counted; the resting order is cancelled at the venue all the same, and the position is reduced unless the
//! control's own row says otherwise.
//!
//! What it is not: the parts' own tests; those say when a control trips and when it does not.
//!
//! Invariant: a reason of the table without a scenario fails, and so does a scenario that the table does not name. Nothing but the
//! trip lies between the opening that passes and the one that is refused: the first is tried on a copy.

mod account;
mod bounds;
mod claims;
mod orders;
mod quotes;
mod requests;
mod rig;

use super::*;
use crate::config::{CONTROLS, SUITE, counter_of};
use crate::signal::Veto;
use rig::{Rig, opened};
use std::collections::BTreeSet;

/// How a refusal shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seen {
    /// The wish is denied: counted, and in the journal.
    Denied,
    /// What may leave is changed, and the wish is denied for that.
    Changed,
    /// It is counted; no record says so.
    Counted,
    /// Something that trips with it comes first; the reason is why the gate is closed.
    Behind(Reason),
}

/// What a reduction does while the control is tripped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reduces {
    /// It passes.
    Passes,
    /// It waits until the venue said what there is.
    Waits,
    /// It is refused.
    Refused(Reason),
}

/// One reason, and how it comes about.
struct Scenario {
    code: &'static str,
    seen: Seen,
    /// The setup that has the control on.
    setup: fn(&mut Setup),
    /// Before the position is opened.
    warm: fn(&mut Bench),
    /// What is tried before the trip, on a copy, and passes.
    healthy: fn(&mut Rig) -> Vec<Record>,
    /// What trips the control.
    trip: fn(&mut Rig),
    /// What is refused then.
    attempt: fn(&mut Rig) -> Vec<Record>,
    /// The position is left, and the resting order gone, before it is tried.
    is_flat: bool,
    reduces: Reduces,
}

/// Nothing is tripped: an opening at the market is tried.
const PLAIN: Scenario = Scenario {
    code: "",
    seen: Seen::Denied,
    setup: |_| (),
    warm: |_| (),
    healthy: opened,
    trip: |_| (),
    attempt: opened,
    is_flat: false,
    reduces: Reduces::Passes,
};

fn scenarios() -> Vec<Scenario> {
    let mut all = account::scenarios();
    all.extend(bounds::scenarios());
    all.extend(orders::scenarios());
    all.extend(quotes::scenarios());
    all.extend(requests::scenarios());
    all
}

impl Scenario {
    fn reason(&self) -> Option<Reason> {
        Reason::ALL.iter().copied().find(|reason| reason.name() == self.code)
    }

    /// What the report counts under the code, in the group that the table names.
    fn counted(&self, rig: &Rig) -> u64 {
        let engine = &rig.bench.engine;
        let of = |wanted: &str, (name, count): (&str, u64)| if name == wanted { count } else { 0 };
        let by_reason = |all: &mut dyn Iterator<Item = (Reason, u64)>| -> u64 {
            all.map(|(reason, count)| of(self.code, (reason.name(), count))).sum()
        };
        match counter_of(self.code).split('.').next() {
            Some("rejects") if self.seen == Seen::Changed => by_reason(&mut engine.counts().changes()),
            Some("rejects") => by_reason(&mut engine.counts().denied()),
            Some("trading_changes") => by_reason(&mut engine.counts().changes()),
            Some("not_asked") => {
                let held = engine.counts().held();
                held.map(|(hold, count)| of(self.code, (hold.name(), count))).sum()
            }
            Some("vetoes") => {
                let counts = engine.strategies[0].setup.rule.veto_counts();
                let all = Veto::ALL.iter().zip(counts);
                all.map(|(veto, count)| of(self.code, (veto.name(), *count))).sum()
            }
            group => panic!("{}: expected a group of counters, got {group:?}", self.code),
        }
    }

    /// The whole proof of one reason.
    fn prove(&self) {
        let code = self.code;
        let mut rig = Rig::new(self);
        let mut copy = rig.clone();
        if self.is_flat {
            copy.cancels(code);
            copy.reduces(code, self.reduces);
        }
        assert!(command(&(self.healthy)(&mut copy)).is_some(), "{code}: refused before it was tripped");
        let before = self.counted(&rig);
        rig.marks();
        (self.trip)(&mut rig);
        if self.is_flat {
            rig.cancels(code);
            rig.reduces(code, self.reduces);
            self.refused(&mut rig, before);
        } else {
            self.refused(&mut rig, before);
            rig.cancels(code);
            rig.reduces(code, self.reduces);
        }
    }

    fn refused(&self, rig: &mut Rig, before: u64) {
        let code = self.code;
        let outputs = (self.attempt)(rig);
        assert_eq!(command(&outputs), None, "{code}: it passed");
        let stopped = match rig.bench.engine.trading() {
            Trading::Active => None,
            Trading::Reducing => Some(Reason::TradingReducing),
            Trading::Halted => Some(Reason::TradingHalted),
        };
        match self.seen {
            Seen::Denied => assert_eq!(denied(&outputs), self.reason(), "{code}"),
            Seen::Changed => {
                assert!(stopped.is_some(), "{code}: trading is active");
                assert_eq!(denied(&outputs), stopped, "{code}");
                assert_eq!(rig.bench.engine.trading_reason(), self.reason(), "{code}");
            }
            Seen::Counted => {}
            Seen::Behind(first) => {
                assert_eq!(denied(&outputs), Some(first), "{code}");
                let closed = rig.bench.engine.closed().map(|refusal| refusal.reason);
                return assert_eq!(closed, self.reason(), "{code}");
            }
        }
        assert!(self.counted(rig) > before, "{code}: {} did not rise", counter_of(code));
    }
}

#[test]
fn every_reason_refuses_what_it_says_and_cancels_and_reductions_pass() {
    let fails = |scenario: &Scenario| std::panic::catch_unwind(|| scenario.prove()).is_err();
    let failed: Vec<&str> =
        scenarios().iter().filter(|scenario| fails(scenario)).map(|scenario| scenario.code).collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn every_reason_of_the_table_has_a_scenario_and_every_scenario_a_row() {
    let tripped: BTreeSet<&str> = scenarios().iter().map(|scenario| scenario.code).collect();
    assert_eq!(tripped.len(), scenarios().len(), "a reason has two scenarios");
    let codes = |control: &crate::config::Control| control.codes.iter().copied().collect::<BTreeSet<_>>();
    let named: BTreeSet<&str> = CONTROLS.iter().flat_map(codes).collect();
    let without: Vec<_> = named.difference(&tripped).collect();
    assert!(without.is_empty(), "no scenario trips {without:?}");
    let unnamed: Vec<_> = tripped.difference(&named).collect();
    assert!(unnamed.is_empty(), "in no row of the table: {unnamed:?}");
    let (file, name) = SUITE.split_once("::").expect("a file and a name");
    assert!(file!() == file && name.starts_with("every_reason_refuses"), "the table names {SUITE}");
}
