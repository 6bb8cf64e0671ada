//! All requests whose fate is open, and the latest final ones.
//!
//! What it is not: it sends nothing; what a request did to an order or a position, the venue's word about that one says.
//!
//! Invariant: a request is in exactly one of the two lists; memory is taken when the book is made and never again.

mod state;

use super::request::{NewRequest, Request, RequestFact, RequestStage};
use super::state::Verdict;
use crate::types::{InstrumentId, NS_PER_S, OrderAction, TimeNs};
use std::collections::VecDeque;

/// Requests whose fate may be open at one time.
pub const REQUESTS_OPEN_MAX: usize = 4_096;
/// Final requests remembered for late reports.
const REQUESTS_FINAL_MAX: usize = 1_024;
/// Between a doubt and the snapshots that may end it lies at least so much witnessed time.
const ABSENT_APART_NS: i64 = NS_PER_S;

/// A change of stage, for the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestChange {
    /// Stage before.
    pub from: RequestStage,
    /// The request after.
    pub request: Request,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct RequestBook {
    /// Ascending by id.
    open: Vec<Request>,
    finals: VecDeque<Request>,
}

impl Default for RequestBook {
    fn default() -> Self {
        RequestBook {
            open: Vec::with_capacity(REQUESTS_OPEN_MAX),
            finals: VecDeque::with_capacity(REQUESTS_FINAL_MAX + 1),
        }
    }
}

impl RequestBook {
    /// Takes an approved request; it is `Queued`.
    ///
    /// # Panics
    /// When the id is an open one's, or the book is full: whoever asks looks first.
    pub fn insert(&mut self, new: NewRequest) {
        assert!(self.open.len() < REQUESTS_OPEN_MAX, "more open requests than there is room for");
        // Ids ascend, but for a start with another strategy's number.
        let at = self.open.partition_point(|request| request.new.id < new.id);
        assert!(self.open.get(at).is_none_or(|next| next.new.id != new.id), "a request id was given twice");
        let request = Request {
            new,
            stage: RequestStage::Queued,
            verdict: Verdict::None,
            retcode: 0,
            is_handed_over: false,
            ts_stage: new.ts_decide,
            absent_reads: 0,
            witnessed: TimeNs::NEVER,
        };
        self.open.insert(at, request);
    }

    /// Whether another may be taken.
    pub fn has_room(&self) -> bool {
        self.open.len() < REQUESTS_OPEN_MAX
    }

    /// The request with this id, if it is remembered.
    pub fn request(&self, id: u64) -> Option<&Request> {
        let at = self.open.binary_search_by_key(&id, |request| request.new.id.raw());
        match at {
            Ok(at) => Some(&self.open[at]),
            Err(_) => self.finals.iter().rev().find(|request| request.new.id.raw() == id),
        }
    }

    /// Every open request, ascending by id.
    pub fn open(&self) -> &[Request] {
        &self.open
    }

    /// The latest final ones, oldest first.
    pub fn finals(&self) -> impl Iterator<Item = &Request> {
        self.finals.iter()
    }

    /// The first open request with an id above this one: a walk that survives changes.
    pub fn open_after(&self, id: u64) -> Option<Request> {
        let at = self.open.partition_point(|request| request.new.id.raw() <= id);
        self.open.get(at).copied()
    }

    /// The open request of an action about an order.
    pub fn about_order(&self, order: u64, action: OrderAction) -> Option<&Request> {
        let about = |request: &&Request| request.new.order == order && request.new.action == action;
        self.open.iter().find(about).filter(|_| order != 0)
    }

    /// The last request of an action about an order that came to its end.
    pub fn last_about_order(&self, order: u64, action: OrderAction) -> Option<&Request> {
        self.finals.iter().rev().find(|request| request.new.order == order && request.new.action == action)
    }

    /// The open request about a position; zero stands for a netting account's one.
    pub fn about_position(&self, instrument: InstrumentId, position: u64) -> Option<&Request> {
        self.open.iter().find(|request| {
            let new = &request.new;
            let is_named = position == 0 || new.position == position || new.position_by == position;
            matches!(new.action, OrderAction::StopLevels | OrderAction::CloseBy)
                && new.instrument == instrument
                && is_named
        })
    }

    /// Volume that open close-bys may still take of an instrument's position, by its ticket, steps.
    pub fn closing(&self, instrument: InstrumentId, ticket: u64) -> i64 {
        let about = |request: &&Request| {
            let new = &request.new;
            let is_named = new.position == ticket || new.position_by == ticket;
            new.action == OrderAction::CloseBy && new.instrument == instrument && is_named
        };
        self.open.iter().filter(about).map(|request| request.new.qty).sum()
    }

    /// A position has another ticket now: open requests about it are about that.
    pub fn renamed(&mut self, instrument: InstrumentId, [before, now]: [u64; 2]) {
        for request in self.open.iter_mut().filter(|request| request.new.instrument == instrument) {
            for ticket in [&mut request.new.position, &mut request.new.position_by] {
                if *ticket == before {
                    *ticket = now;
                }
            }
        }
    }

    /// Requests in doubt.
    pub fn unknown_count(&self) -> usize {
        self.open.iter().filter(|request| request.stage == RequestStage::Unknown).count()
    }

    /// Learns a fact; `None` when the request is not remembered or its stage stays.
    pub fn learn(
        &mut self,
        id: u64,
        fact: RequestFact,
        verdict: Verdict,
        now: TimeNs,
    ) -> Option<RequestChange> {
        let open_at = self.open.binary_search_by_key(&id, |request| request.new.id.raw()).ok();
        let request = match open_at {
            Some(at) => &mut self.open[at],
            None => self.finals.iter_mut().rev().find(|request| request.new.id.raw() == id)?,
        };
        request.is_handed_over |= fact == RequestFact::Acknowledged;
        let from = request.stage;
        request.stage = from.after(fact);
        if request.stage == from {
            return None;
        }
        (request.verdict, request.ts_stage) = (verdict, now);
        (request.absent_reads, request.witnessed) = (0, TimeNs::NEVER);
        let request = *request;
        if let Some(at) = open_at.filter(|_| request.stage.is_final()) {
            self.open.remove(at);
            self.finals.push_back(request);
            if self.finals.len() > REQUESTS_FINAL_MAX {
                self.finals.pop_front();
            }
        }
        Some(RequestChange { from, request })
    }

    /// Notes a return code.
    pub fn note(&mut self, id: u64, retcode: u32) {
        if let Ok(at) = self.open.binary_search_by_key(&id, |request| request.new.id.raw()) {
            self.open[at].retcode = retcode;
        }
    }

    /// Notes the witnessed time at which a request came into doubt.
    pub fn doubted(&mut self, id: u64, witnessed: TimeNs) {
        if let Ok(at) = self.open.binary_search_by_key(&id, |request| request.new.id.raw()) {
            (self.open[at].absent_reads, self.open[at].witnessed) = (0, witnessed);
        }
    }

    /// Counts a complete snapshot, asked for at `asked` on a healthy link, in which the venue stood otherwise; the count so far. One
    /// that trades may wait at the server for `patience_ns` once it was handed over.
    pub fn otherwise_in_snapshot(&mut self, id: u64, asked: TimeNs, patience_ns: i64) -> u32 {
        let Ok(at) = self.open.binary_search_by_key(&id, |request| request.new.id.raw()) else { return 0 };
        let request = &mut self.open[at];
        let is_known = request.witnessed != TimeNs::NEVER;
        let may_trade = request.new.action == OrderAction::CloseBy && request.is_handed_over;
        let is_first = may_trade && request.absent_reads == 0;
        let apart_ns = if is_first { patience_ns.max(ABSENT_APART_NS) } else { ABSENT_APART_NS };
        if is_known && asked.since(request.witnessed) >= apart_ns {
            request.absent_reads += 1;
            request.witnessed = asked;
        }
        request.absent_reads
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::Terms;
    use crate::types::{OrderId, OrderKind, StrategyId};
    use proptest::prelude::*;

    fn new(sequence: u32) -> NewRequest {
        NewRequest {
            id: OrderId::new(StrategyId(1), 1, sequence).unwrap(),
            action: OrderAction::CloseBy,
            instrument: InstrumentId(0),
            order: 0,
            ticket: 0,
            position: 50,
            position_by: 60,
            kind: OrderKind::CloseBy,
            asked: Terms::NONE,
            qty: 4,
            revision: 1,
            ts_decide: TimeNs(1),
        }
    }

    #[test]
    fn a_close_by_is_about_both_of_its_positions_until_it_ends() {
        let mut book = RequestBook::default();
        book.insert(new(1));
        let id = new(1).id.raw();
        for position in [50, 60] {
            assert!(book.about_position(InstrumentId(0), position).is_some());
            assert_eq!(book.closing(InstrumentId(0), position), 4);
        }
        assert_eq!(book.closing(InstrumentId(1), 50), 0);
        assert!(
            book.about_position(InstrumentId(1), 50).is_none()
                && book.about_order(0, OrderAction::CloseBy).is_none()
        );
        book.learn(id, RequestFact::Dispatched, Verdict::None, TimeNs(2));
        let change = book.learn(id, RequestFact::Confirmed, Verdict::Venue, TimeNs(3)).unwrap();
        assert_eq!((change.from, change.request.stage), (RequestStage::Pending, RequestStage::Done));
        assert_eq!((book.closing(InstrumentId(0), 50), book.open().len(), book.finals().count()), (0, 0, 1));
    }

    #[test]
    fn two_reads_a_second_apart_count_and_a_late_word_is_still_heard() {
        let mut book = RequestBook::default();
        book.insert(new(1));
        let id = new(1).id.raw();
        book.learn(id, RequestFact::Dispatched, Verdict::None, TimeNs(2));
        book.learn(id, RequestFact::Doubt, Verdict::Timer, TimeNs(3));
        assert_eq!(
            book.otherwise_in_snapshot(id, TimeNs(i64::MAX), 0),
            0,
            "nobody said when the doubt began"
        );
        book.doubted(id, TimeNs(3));
        let at = |ns: i64| TimeNs(3 + ns);
        assert_eq!(book.otherwise_in_snapshot(id, at(ABSENT_APART_NS - 1), 0), 0);
        assert_eq!(book.otherwise_in_snapshot(id, at(ABSENT_APART_NS), 0), 1);
        assert_eq!(book.otherwise_in_snapshot(id, at(2 * ABSENT_APART_NS), 0), 2);
        book.learn(id, RequestFact::SeenOtherwise, Verdict::Snapshot, TimeNs(4)).unwrap();
        let late = book.learn(id, RequestFact::Confirmed, Verdict::Venue, TimeNs(5)).unwrap();
        assert_eq!((late.from, late.request.stage), (RequestStage::NotDone, RequestStage::Done));
    }

    proptest! {
        #[test]
        fn a_request_is_in_exactly_one_list_and_the_final_ones_are_bounded(
            facts in prop::collection::vec((1u32..40, 0usize..9), 0..400),
        ) {
            let mut book = RequestBook::default();
            (1..40).for_each(|sequence| book.insert(new(sequence)));
            for (sequence, fact) in facts {
                let id = new(sequence).id.raw();
                let before = book.request(id).unwrap().stage;
                let change = book.learn(id, RequestFact::ALL[fact], Verdict::Venue, TimeNs(2));
                let after = book.request(id).unwrap().stage;
                prop_assert_eq!(after, before.after(RequestFact::ALL[fact]));
                prop_assert_eq!(change.is_some(), before != after);
                prop_assert_eq!(book.open().len() + book.finals().count(), 39);
                prop_assert!(book.open().iter().all(|request| !request.stage.is_final()));
                prop_assert!(book.open().is_sorted_by_key(|request| request.new.id));
            }
        }
    }
}
