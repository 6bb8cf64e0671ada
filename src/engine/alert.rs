//! Why the operator should look, as codes of `record::Alert`.
//!
//! What it is not: prose; `operator` and `report` have the words.
//!
//! Invariant: a code is never given twice and never re-used.

use super::{Engine, Outputs};
use crate::record::Alert;
use crate::types::{InstrumentId, VenueId};

/// Why the operator should look: codes of `record::Alert`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum AlertCode {
    /// Our position and the venue's differ in two snapshots: subject is the instrument.
    PositionMismatch = 1,
    /// An order is in doubt for too long: subject is its id.
    UnknownOverdue = 2,
    /// The venue holds volume that we did not trade: subject is the instrument.
    ExternalPosition = 3,
    /// A fill for more than the order asked: subject is its id.
    Overfill = 4,
    /// An order of ours that we do not remember: subject is the id it carries.
    ForgottenOrder = 5,
    /// The venue annulled or amended a deal: subject is the deal.
    DealAmended = 6,
    /// Numbers of a stream are lost for good: subject is the stream, then first and last number.
    Gap = 7,
    /// An order that had ended as not executed is executed or alive after all: subject is its id, then what it filled and asked for.
    OrderReturned = 8,
    /// The operator took the venue's position as the baseline: subject is the instrument, then ours and theirs as they were.
    PositionAccepted = 9,
    /// There was no difference that stays, or fills came since, and so nothing to accept: subject is the instrument, then ours
    /// and theirs.
    NothingToAccept = 10,
    /// A request is in doubt for too long: subject is its id, then the order and the position that it is about.
    RequestOverdue = 11,
    /// A request that had ended as not done was done after all: subject is its id, then the order and the position.
    RequestReturned = 12,
    /// A position stood without the stop that it demands and is closed: subject is its identifier, or zero on a netting account;
    /// then its steps and for how many nanoseconds.
    Unprotected = 15,
    /// Somebody else traded: subject is the deal, then what others held before it and after.
    ExternalDeal = 16,
    /// Somebody else placed a pending order: subject is its ticket, then zero and its signed volume.
    ExternalOrder = 17,
    /// Somebody else's volume is ours now: subject is the deal or position, then our position and what came to it.
    Adopted = 18,
    /// Nobody answered a question about the past in time, or the terminal does not know the symbol: subject is the question, then
    /// what came. The features warm live.
    HistoryUnanswered = 20,
    /// A question about the past was answered by an error: subject is the question, then what came, then the error.
    HistoryRefused = 21,
    /// There is less past than the features need: subject is the question, then what came and what was needed.
    HistoryShort = 22,
    /// The past is told and features still wait for live ticks: subject is the strategy's place, then how many and of how many.
    FeaturesCold = 23,
    /// A model change named a model or slot that is not there: subject is the digest.
    ModelMissing = 30,
    /// What a model sees has moved from what it was trained on: subject is its digest, then the index and its limit in
    /// thousandths; the header's instrument has the strategy.
    ModelDrift = 31,
    /// Too few scores were right: subject is the digest of the first member, then hit rate and limit in thousandths.
    ModelQuality = 32,
    /// An instrument was opened too often to go on without the operator: subject is the instrument, then how often.
    ExecutionsRepeated = 40,
    /// The kill switch was thrown: subject is the scope's kind and, in its low half, the number; then 1 when positions are closed,
    /// and the trigger.
    Killed = 60,
    /// The operator changed a limit: subject is its `risk::LimitKey`, then what held and what holds, in thousandths.
    LimitChanged = 61,
    /// A deal came with the number of another one: the venue's numbers began again. Subject is the number. Nothing opens until the
    /// operator lets trading go on.
    DealNumbersBeganAgain = 80,
    /// A venue counts an instrument in another tick size or volume step than it did, and is converted: subject is the instrument, then
    /// the tick size and volume step that count here, in billionths. Only reductions and cancels pass.
    UnitsChanged = 81,
    /// A fill was told after the close of its position, which had been taken for others': both are ours. Subject is the position's
    /// identifier, then its steps, and what others hold now.
    LateFillSettled = 90,
    /// Little is left of the message budget: subject is the instrument, then openings left and the most there are.
    BudgetLow = 50,
    /// A breaker opened: subject is its `risk::Component`, then its limit of failures and the state before.
    BreakerOpened = 62,
    /// The operator let one order pass one limit: subject is the `risk::Reason`, then the bound in thousandths and for how many seconds.
    OverrideGiven = 95,
    /// An order passed by it: subject is the order, then the limit and what it would have been refused for.
    OverrideUsed = 96,
    /// The system's clock is too far from ours: then by how much and the limit, nanoseconds.
    ClockStepped = 63,
    // Limits that need not be set: 100 to 109.
    /// A loss comes near its limit: subject is 1 for the day's and 2 for the trailing one, then the loss and its limit in millionths.
    LossNear = 100,
    /// A loss limit was reached and everything held is to be closed: subject is the reason's code, then the loss and its limit.
    LossFlattened = 101,
    /// Money came to the account or went: subject is the deal, then the amount in millionths.
    MoneyMoved = 102,
    /// Little is left of what a venue takes: subject is the venue, then messages left and the most there are.
    VenueBudgetLow = 103,
    /// A process took the place of one whose lane hung while something was killed: then how many did so far.
    LaneHung = 110,
}

impl Engine {
    /// Tells the operator.
    pub(super) fn alert(
        &self,
        code: AlertCode,
        at: (VenueId, InstrumentId),
        subject: u64,
        ours: i64,
        theirs: i64,
        out: &mut Outputs,
    ) {
        let alert = Alert { code: code as u32, reserved: 0, subject, ours, theirs };
        self.emit(at.0, at.1, &alert, out);
    }
}
