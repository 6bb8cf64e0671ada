//! Reports of a position and of a moved stop, in any order of arrival, told twice, late or never: the end is always the same.
//!
//! What it is not: a wrong report; every one here is true.
//!
//! Invariant: where a stop stands, the venue says; what reports alone cannot say, snapshots say.

use super::*;
use crate::order::RequestStage;
use proptest::prelude::*;

const REPORTS: usize = 4;
const BEFORE: i64 = 99_907;
const AFTER: i64 = 99_950;

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Moved,
    NotMoved,
    /// The old stop was hit first.
    Closed,
}

struct Case {
    bench: Bench,
    request: Command,
    fate: Fate,
    entry: DealEvent,
    stop: DealEvent,
}

impl Case {
    fn new(fate: Fate) -> Self {
        let mut bench = Bench::ready();
        let entry = command(&bench.tick(100_005)).expect("an entry");
        bench.dispatched(&entry);
        bench.result(&entry, 10008);
        let opened = bench.deal_of(&entry, 10);
        bench.give(&opened);
        let asked =
            bench.ask(|engine, out| engine.request_stops(InstrumentId(0), 0, Price(AFTER), Price::NONE, out));
        let request = command(&asked.1).expect("a request");
        let mut stop = bench.deal_of(&entry, 10);
        (stop.deal_type, stop.entry, stop.reason, stop.ticket) = (1, 1, 4, 999);
        Case { bench, request, fate, entry: opened, stop }
    }

    fn position(&self) -> PositionEvent {
        let mut event = PositionEvent::read(&[0; 96]);
        (event.ticket, event.identifier, event.qty) = (55, 55, 10);
        event.stop_loss = if self.fate == Fate::Moved { AFTER } else { BEFORE };
        event.take_profit = Price::NONE.0;
        event
    }

    fn tell(&mut self, report: usize) {
        let request = self.request;
        match report {
            0 => drop(self.bench.told_dispatch(&request, DispatchOutcome::Sent)),
            1 => drop(self.bench.told_result(&request, 10008)),
            2 => {
                let code = match self.fate {
                    Fate::Moved => 10009,
                    Fate::NotMoved => 10016,
                    Fate::Closed => 10036,
                };
                self.bench.told_result(&request, code);
            }
            _ if self.fate == Fate::Closed => {
                let stop = self.stop;
                self.bench.give(&stop);
            }
            _ => {
                let position = self.position();
                self.bench.give(&position);
            }
        }
    }

    fn snapshot(&mut self, outputs: &[Record]) {
        let query: Query = outputs.iter().find_map(|record| record.payload()).expect("a query");
        let mut snapshot = Snapshot::read(&[0; 96]);
        snapshot.query_id = query.query_id;
        self.bench.give(&snapshot);
        let (position, entry, stop) = (self.position(), self.entry, self.stop);
        if self.fate != Fate::Closed {
            self.bench.give_flagged(&position, FLAG_SNAPSHOT);
        }
        self.bench.give_flagged(&entry, FLAG_SNAPSHOT);
        if self.fate == Fate::Closed {
            self.bench.give_flagged(&stop, FLAG_SNAPSHOT);
        }
        snapshot.phase = 1;
        self.bench.give(&snapshot);
    }

    fn heal(&mut self) {
        self.bench.session(SessionState::Down, ROLE_TRADE);
        let queries = self.bench.session(SessionState::Up, ROLE_TRADE);
        self.snapshot(&queries);
        for _ in 0..6 {
            let queries = self.bench.wait_ms(1_200);
            if queries.iter().any(|record| record.payload::<Query>().is_some()) {
                self.snapshot(&queries);
            }
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        use RequestStage::*;
        let (stop_loss, stages): (_, &[RequestStage]) = match self.fate {
            Fate::Moved => (Some(Price(AFTER)), &[Done]),
            Fate::NotMoved => (Some(Price(BEFORE)), &[Refused, NotDone]),
            Fate::Closed => (None, &[Refused, Moot]),
        };
        let engine = &self.bench.engine;
        let stops = engine.stops().of(InstrumentId(0), 0).map(|stops| stops.stop_loss);
        prop_assert_eq!(stops, stop_loss);
        prop_assert_eq!(self.bench.position(), if self.fate == Fate::Closed { 0 } else { 10 });
        let stage = self.bench.stage_of(&self.request);
        prop_assert!(stages.contains(&stage), "{:?} of {:?}", stage, self.fate);
        prop_assert_eq!(engine.counts().requests, 1, "something was asked for again");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_order_of_arrival_converges_for_a_moved_stop(
        fate in prop_oneof![Just(Fate::Moved), Just(Fate::NotMoved), Just(Fate::Closed)],
        arrivals in prop::collection::vec(
            prop::collection::vec((any::<u32>(), prop_oneof![3 => Just(0i64), 1 => Just(1_200)]), 0..3),
            REPORTS,
        ),
    ) {
        let mut case = Case::new(fate);
        let mut coming = Vec::new();
        for (report, copies) in arrivals.iter().enumerate() {
            coming.extend(copies.iter().map(|(when, wait_ms)| (*when, report, *wait_ms)));
            // Our own lane's word is never lost.
            if copies.is_empty() && report == 0 {
                coming.push((0, report, 0));
            }
        }
        coming.sort_unstable_by_key(|(when, ..)| *when);
        for (_, report, wait_ms) in coming {
            case.bench.wait_ms(wait_ms);
            case.tell(report);
        }
        case.heal();
        case.check()?;
        (0..REPORTS).for_each(|report| case.tell(report));
        case.check()?;
        case.bench.check_recovery();
    }
}
