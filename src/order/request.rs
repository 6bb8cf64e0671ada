//! What became of a request about an order or a position: the second axis, and its table of moves.
//!
//! What it is not: the first axis (`state.rs`): a cancel that is done ends no order; the venue's word about the order does.
//!
//! Invariant: every pair of stage and fact has an entry here. `Unknown` is left by evidence alone, and a request that was
//! executed stays so. A time-out proves nothing: it is a doubt.

mod state;

pub(super) use state::REQUEST_WORDS;

use super::state::{RequestState, Verdict, coded};
use crate::types::{InstrumentId, OrderAction, OrderId, OrderKind, Price, TimeNs};

coded!(
    /// What became of one request.
    RequestStage {
        /// Approved and journalled; not one byte has left.
        Queued = 1,
        /// On the wire, no verdict yet.
        Pending = 2,
        /// On the wire, and in doubt until there is evidence.
        Unknown = 3,
        /// Final: the venue did it, or stands as it was asked to.
        Done = 8,
        /// Final: the terminal or the venue refused it.
        Refused = 9,
        /// Final: not one byte left.
        NotSent = 10,
        /// Final: the venue stands otherwise, read twice.
        NotDone = 11,
        /// Final: what it was about ended first.
        Moot = 12,
    }
);

/// Something that was learnt about a request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RequestFact {
    /// It is on the wire.
    Dispatched,
    /// Not one byte left.
    NotDispatched,
    /// The terminal handed it on.
    Acknowledged,
    /// The venue says that it did it.
    Confirmed,
    /// The terminal or the venue refused it.
    Refused,
    /// Time-out, link loss, restart or an ambiguous code.
    Doubt,
    /// The venue stands as it was asked to.
    Seen,
    /// Two complete reads of a healthy venue show that it stands otherwise, or the operator says so.
    SeenOtherwise,
    /// What it was about ended.
    SubjectEnded,
}

impl RequestFact {
    /// Every fact.
    pub const ALL: [RequestFact; 9] = [
        RequestFact::Dispatched,
        RequestFact::NotDispatched,
        RequestFact::Acknowledged,
        RequestFact::Confirmed,
        RequestFact::Refused,
        RequestFact::Doubt,
        RequestFact::Seen,
        RequestFact::SeenOtherwise,
        RequestFact::SubjectEnded,
    ];
}

impl RequestStage {
    /// Nothing more is expected, though a late word that it was done stays legal.
    #[inline]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Refused | Self::NotSent | Self::NotDone | Self::Moot)
    }

    /// The same on the order's second axis.
    pub fn state(self) -> RequestState {
        match self {
            Self::Queued => RequestState::Queued,
            Self::Pending => RequestState::Pending,
            Self::Unknown => RequestState::Unknown,
            Self::Done | Self::Refused | Self::NotSent | Self::NotDone | Self::Moot => RequestState::Settled,
        }
    }

    /// The stage after a fact. Facts that say nothing new leave it as it is.
    pub fn after(self, fact: RequestFact) -> RequestStage {
        use RequestStage::*;
        match (self, fact) {
            // Not one byte left: whatever is heard is another's.
            (NotSent | Done, _) => self,
            // Done is done, whatever we believed.
            (_, RequestFact::Confirmed) => Done,
            (Refused | NotDone | Moot, _) => self,
            (_, RequestFact::Refused) => Refused,
            (_, RequestFact::SubjectEnded) => Moot,
            // Before it left, the venue stood so by itself.
            (Queued, RequestFact::Seen) => Queued,
            (_, RequestFact::Seen) => Done,
            (Queued, RequestFact::NotDispatched) => NotSent,
            (_, RequestFact::NotDispatched) => self,
            (Queued, RequestFact::Dispatched) => Pending,
            (_, RequestFact::Dispatched) => self,
            (_, RequestFact::Acknowledged) => Pending,
            // Nothing left us while it was queued: there is nothing to doubt.
            (Queued, RequestFact::Doubt) => Queued,
            (_, RequestFact::Doubt) => Unknown,
            (Unknown, RequestFact::SeenOtherwise) => NotDone,
            (_, RequestFact::SeenOtherwise) => self,
        }
    }
}

/// Where an order rests, or where a position's stops stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// Price of a pending order, ticks: its limit, or what triggers it.
    pub price: Price,
    /// Limit price of a stop-limit.
    pub stop_limit: Price,
    /// Stop loss.
    pub stop_loss: Price,
    /// Take profit.
    pub take_profit: Price,
}

impl Terms {
    /// Nothing is set.
    pub const NONE: Terms = Terms {
        price: Price::NONE,
        stop_limit: Price::NONE,
        stop_loss: Price::NONE,
        take_profit: Price::NONE,
    };

    /// The stops of a position.
    pub fn stops(stop_loss: Price, take_profit: Price) -> Terms {
        Terms { stop_loss, take_profit, ..Terms::NONE }
    }
}

/// A request as it was approved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewRequest {
    /// Its own id: no request shares one with an order or another request.
    pub id: OrderId,
    /// What it asks for; never `Deal` or `Pending`, which are orders.
    pub action: OrderAction,
    /// Of which symbol.
    pub instrument: InstrumentId,
    /// The order that it is about, or zero.
    pub order: u64,
    /// The venue's ticket of that order, or zero.
    pub ticket: u64,
    /// The position that it is about, or zero: of a netting account the one there is.
    pub position: u64,
    /// The opposite position of a close-by, or zero.
    pub position_by: u64,
    /// Kind of the order, or the market kind of the position's side.
    pub kind: OrderKind,
    /// Where order or stops are to stand.
    pub asked: Terms,
    /// Volume that a close-by takes of each position, steps.
    pub qty: i64,
    /// Counts the requests about one order or position, from 1.
    pub revision: u32,
    /// When it was decided, by our clock.
    pub ts_decide: TimeNs,
}

/// A request and what is known of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    /// As approved.
    pub new: NewRequest,
    /// What became of it.
    pub stage: RequestStage,
    /// Who decided that.
    pub verdict: Verdict,
    /// The return code that decided, or zero.
    pub retcode: u32,
    /// The terminal handed it on: what is in flight may arrive later than any read.
    pub is_handed_over: bool,
    /// When the stage last changed.
    pub ts_stage: TimeNs,
    /// Complete snapshots since it came into doubt, a second apart, in which the venue stood otherwise.
    pub absent_reads: u32,
    /// Witnessed time of the doubt, then of the question behind the last of these snapshots.
    pub witnessed: TimeNs,
}

impl Request {
    /// On the order's second axis.
    pub fn state(&self) -> RequestState {
        self.stage.state()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_stays_done_and_what_never_left_stays_so() {
        for stage in [RequestStage::Done, RequestStage::NotSent] {
            for fact in RequestFact::ALL {
                assert_eq!(stage.after(fact), stage, "{stage:?} {fact:?}");
            }
        }
    }

    #[test]
    fn other_ends_are_left_by_the_word_that_it_was_done_alone() {
        for stage in [RequestStage::Refused, RequestStage::NotDone, RequestStage::Moot] {
            for fact in RequestFact::ALL {
                let expected = if fact == RequestFact::Confirmed { RequestStage::Done } else { stage };
                assert_eq!(stage.after(fact), expected, "{stage:?} {fact:?}");
            }
        }
    }

    #[test]
    fn doubt_is_no_verdict_and_is_left_on_evidence_alone() {
        assert_eq!(RequestStage::Queued.after(RequestFact::Doubt), RequestStage::Queued);
        assert_eq!(RequestStage::Pending.after(RequestFact::Doubt), RequestStage::Unknown);
        let stays = [RequestFact::Dispatched, RequestFact::NotDispatched, RequestFact::Doubt];
        for fact in RequestFact::ALL {
            let after = RequestStage::Unknown.after(fact);
            assert_eq!(after == RequestStage::Unknown, stays.contains(&fact), "{fact:?} gives {after:?}");
        }
    }

    #[test]
    fn that_the_venue_stands_otherwise_is_believed_in_doubt_alone() {
        for &stage in RequestStage::ALL {
            let after = stage.after(RequestFact::SeenOtherwise);
            let expected = if stage == RequestStage::Unknown { RequestStage::NotDone } else { stage };
            assert_eq!(after, expected, "{stage:?}");
        }
    }

    #[test]
    fn every_open_stage_is_ended_by_a_verdict_and_by_the_end_of_its_subject() {
        for stage in [RequestStage::Queued, RequestStage::Pending, RequestStage::Unknown] {
            assert_eq!(stage.after(RequestFact::Confirmed), RequestStage::Done);
            assert_eq!(stage.after(RequestFact::Refused), RequestStage::Refused);
            assert_eq!(stage.after(RequestFact::SubjectEnded), RequestStage::Moot);
            let seen = if stage == RequestStage::Queued { stage } else { RequestStage::Done };
            assert_eq!(stage.after(RequestFact::Seen), seen);
            let unsent = if stage == RequestStage::Queued { RequestStage::NotSent } else { stage };
            assert_eq!(stage.after(RequestFact::NotDispatched), unsent);
        }
    }

    #[test]
    fn the_second_axis_is_settled_with_the_end_and_not_before() {
        for &stage in RequestStage::ALL {
            assert_eq!(stage.is_final(), stage.state() == RequestState::Settled, "{stage:?}");
            assert_eq!(RequestStage::from_code(stage as u8), Some(stage));
        }
    }
}
