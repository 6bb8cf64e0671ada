//! Reports of an order that rests and of a request about it, in any order of arrival, told twice, late or never: the end is
//! always the same.
//!
//! What it is not: a wrong report; every one here is true.
//!
//! Invariant: what reports alone cannot say, because some never came, snapshots say.

use super::requests::{TICKET, cancel, order_event, resting};
use super::*;
use crate::order::{RequestStage, Terms};
use proptest::prelude::*;
use proptest::strategy::Strategy;

const REPORTS: usize = 7;
const MOVED: i64 = 99_985;

/// What was asked for, and what came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    /// Cancelled, after so much had filled.
    Cancelled(i64),
    /// Filled whole before the cancel was there.
    FilledFirst,
    /// Moved.
    Moved,
    /// Left where it was.
    NotMoved,
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        (0i64..9).prop_map(Fate::Cancelled),
        Just(Fate::FilledFirst),
        Just(Fate::Moved),
        Just(Fate::NotMoved),
    ]
}

/// When a copy of a report comes, and how long nothing happened before.
fn arrivals() -> impl Strategy<Value = Vec<Vec<(u32, i64)>>> {
    let wait_ms = prop_oneof![4 => Just(0i64), 2 => Just(30), 1 => Just(1_200)];
    prop::collection::vec(prop::collection::vec((any::<u32>(), wait_ms), 0..4), REPORTS)
}

struct Case {
    bench: Bench,
    order: Command,
    request: Command,
    fate: Fate,
    deals: Vec<DealEvent>,
}

impl Case {
    fn new(fate: Fate) -> Self {
        let mut bench = Bench::ready();
        let order = resting(&mut bench);
        let request = match fate {
            Fate::Cancelled(_) | Fate::FilledFirst => cancel(&mut bench, &order),
            Fate::Moved | Fate::NotMoved => {
                let terms = Terms {
                    price: Price(MOVED),
                    stop_limit: Price::NONE,
                    stop_loss: Price(order.stop_loss),
                    take_profit: Price::NONE,
                };
                let asked = bench.ask(|engine, out| engine.modify_pending(order.order_id, terms, out));
                command(&asked.1).expect("a change")
            }
        };
        let parts: &[i64] = match fate {
            Fate::Cancelled(0) | Fate::Moved | Fate::NotMoved => &[],
            Fate::Cancelled(part) => &[part],
            Fate::FilledFirst => &[3, 7],
        };
        let mut case = Case { bench, order, request, fate, deals: Vec::new() };
        for qty in parts {
            let deal = case.bench.deal_of(&order, *qty);
            case.deals.push(DealEvent { deal_type: 0, ticket: TICKET, ..deal });
        }
        case
    }

    /// The order as the venue has it in the end: open or past.
    fn truth(&self) -> OrderEvent {
        let order = &self.order;
        match self.fate {
            Fate::Cancelled(_) => order_event(order, 2, TransactionKind::HistoryAdd),
            Fate::FilledFirst => order_event(order, 4, TransactionKind::HistoryAdd),
            Fate::Moved => order_event(&Command { price: MOVED, ..*order }, 1, TransactionKind::OrderUpdate),
            Fate::NotMoved => order_event(order, 1, TransactionKind::OrderUpdate),
        }
    }

    fn tell(&mut self, report: usize) {
        let request = self.request;
        let is_done = matches!(self.fate, Fate::Cancelled(_) | Fate::Moved);
        match report {
            0 => drop(self.bench.told_dispatch(&request, DispatchOutcome::Sent)),
            1 => drop(self.bench.told_result(&request, 10008)),
            2 => drop(self.bench.told_result(&request, if is_done { 10009 } else { 10013 })),
            3 => {
                let event = self.truth();
                self.bench.give(&event);
            }
            part => {
                if let Some(deal) = self.deals.get(part - 4).copied() {
                    self.bench.give(&deal);
                }
            }
        }
    }

    fn snapshot(&mut self, outputs: &[Record]) {
        let query: Query = outputs.iter().find_map(|record| record.payload()).expect("a query");
        let mut snapshot = Snapshot::read(&[0; 96]);
        snapshot.query_id = query.query_id;
        self.bench.give(&snapshot);
        let truth = self.truth();
        self.bench.give_flagged(&truth, FLAG_SNAPSHOT);
        let mut position = PositionEvent::read(&[0; 96]);
        (position.qty, position.identifier, position.ticket) =
            (self.deals.iter().map(|deal| deal.qty).sum(), 55, 55);
        (position.stop_loss, position.take_profit) = (self.order.stop_loss, Price::NONE.0);
        if position.qty != 0 {
            self.bench.give_flagged(&position, FLAG_SNAPSHOT);
        }
        for deal in self.deals.clone() {
            self.bench.give_flagged(&deal, FLAG_SNAPSHOT);
        }
        snapshot.phase = 1;
        self.bench.give(&snapshot);
    }

    /// The session comes back, and the venue tells what it has until nothing is in doubt.
    fn heal(&mut self) {
        self.bench.session(SessionState::Down, ROLE_TRADE);
        let queries = self.bench.session(SessionState::Up, ROLE_TRADE);
        self.snapshot(&queries);
        for _ in 0..3 {
            let mut queries = self.bench.wait_ms(1_200);
            while self.bench.engine.requests().unknown_count() > 0
                && !queries.iter().any(|record| record.payload::<Query>().is_some())
            {
                queries = self.bench.wait_ms(1_200);
            }
            if queries.iter().any(|record| record.payload::<Query>().is_some()) {
                self.snapshot(&queries);
            }
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        use RequestStage::*;
        let engine = &self.bench.engine;
        let order = engine.orders().order(self.order.order_id).unwrap();
        let filled: i64 = self.deals.iter().map(|deal| deal.qty).sum();
        let (state, price, stages): (_, _, &[RequestStage]) = match self.fate {
            Fate::Cancelled(_) => (OrderState::Cancelled, 99_990, &[Done, Moot]),
            Fate::FilledFirst => (OrderState::Filled, 99_990, &[Refused, Moot]),
            Fate::Moved => (OrderState::Working, MOVED, &[Done]),
            Fate::NotMoved => (OrderState::Working, 99_990, &[Refused, NotDone]),
        };
        prop_assert_eq!((order.state, order.qty_filled), (state, filled));
        prop_assert_eq!((self.bench.position(), order.terms.price), (filled, Price(price)));
        let stage = self.bench.stage_of(&self.request);
        prop_assert!(stages.contains(&stage), "{:?} of {:?}", stage, self.fate);
        let reserved = if state == OrderState::Working { 10 } else { 0 };
        prop_assert_eq!(engine.orders().reserved(InstrumentId(0), Side::Buy), reserved);
        prop_assert_eq!(engine.counts().requests, 1, "something was asked for again");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_order_of_arrival_converges_for_orders_and_requests(fate in fates(), arrivals in arrivals()) {
        let mut case = Case::new(fate);
        let mut coming = Vec::new();
        for (report, copies) in arrivals.iter().enumerate().take(REPORTS) {
            coming.extend(copies.iter().map(|(when, wait_ms)| (*when, report, *wait_ms)));
            // Our own lane's word is never lost.
            if copies.is_empty() && report == 0 {
                coming.push((0, report, 0));
            }
        }
        coming.sort_unstable_by_key(|(when, ..)| *when);
        for (_, report, wait_ms) in coming {
            case.bench.wait_ms(wait_ms);
            let before = case.bench.stage_of(&case.request);
            case.tell(report);
            let after = case.bench.stage_of(&case.request);
            let is_late_word = after == RequestStage::Done;
            prop_assert!(!before.is_final() || before == after || is_late_word, "{:?} then {:?}", before, after);
            let filled = case.bench.engine.orders().order(case.order.order_id).unwrap().qty_filled;
            prop_assert_eq!(filled, case.bench.position());
        }
        case.heal();
        case.check()?;
        // What is told again after the end changes nothing, and the journal makes the same.
        for report in 0..REPORTS {
            case.tell(report);
        }
        case.check()?;
        case.bench.check_recovery();
    }
}
