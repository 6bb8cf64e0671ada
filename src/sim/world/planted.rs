//! Bugs that others had, planted around the engine: proof that the simulator would have found them.
//!
//! What it is not: reachable in the product; the engine, the gate and the journal know nothing of it, only the simulated
//! lanes around them ask.
//!
//! Invariant: each bug names where it was seen.

macro_rules! planted {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $source:literal;)+) => {
        /// A bug of somebody's, planted.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Planted { $($(#[$doc])* $variant),+ }

        impl Planted {
            /// Every planted bug.
            pub const ALL: &'static [Planted] = &[$(Planted::$variant),+];

            /// As it is named on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Planted::$variant => $name),+ }
            }

            /// Where it was seen.
            pub fn source(self) -> &'static str {
                match self { $(Planted::$variant => $source),+ }
            }
        }
    };
}
planted! {
    /// A command without an answer is sent again.
    ResendAfterTimeout = "resend-after-timeout", "dwxconnect: the client retries a command for up to 10 s";
    /// As above, and the terminal forgets what it executed when it is started again.
    ResendAndForget = "resend-and-forget", "dwxconnect#33: memory of command ids lost when the EA starts again";
    /// A time-out is taken for a refusal.
    TimeoutIsReject = "timeout-is-reject", "aulekator/mt5-connector: time-out or None becomes OrderRejected";
    /// A deal that is told twice counts twice.
    DealCountedTwice = "deal-counted-twice", "dwxconnect: deals are told apart by their text";
    /// A write that broke counts as not sent.
    BrokenWriteIsUnsent = "broken-write-is-unsent", "dwx-zeromq: HWM=1 drops commands and says nothing";
    /// A partial fill counts as the whole.
    PartialIsWhole = "partial-is-whole", "facts/mt5: DONE_PARTIAL, track what remains";
    /// DONE without a deal counts as a fill at once.
    DoneIsFilled = "done-is-filled", "facts/mt5: deal and order may be 0 on success";
    /// A command leaves without being in the journal.
    SendBeforeJournal = "send-before-journal", "all but LimiNode/mt5bridge_cpp: no journal before dispatch";
    /// After a reconnect history is not read.
    NoHistoryAtReconnect = "no-history-at-reconnect", "metaapi-python-sdk#6: deals missed while away stay missed";
    /// Refilled ticks count as quotes.
    PastTicksAreQuotes = "past-ticks-are-quotes", "dwx-zeromq: ticks stamped at another symbol's tick";
    /// A deal is attributed by its comment, which the broker rewrote.
    CommentAsKey = "comment-as-key", "mtapi#282, facts/mt5: servers truncate, rewrite or append to comments";
    /// The positions of a snapshot are added to the fills.
    SnapshotAdded = "snapshot-added", "nautilus_trader#3104: reconciliation counted twice after a restart";
    /// A reply is taken for that of the last request.
    ReplyWithoutId = "reply-without-id", "MQL5-JSON-API: a late reply answers the next question";
    /// The operator's kill does not reach the gate.
    KillIgnored = "kill-ignored", "freqtrade#2968, bytex#98: a stop that does not stop";
    /// The sending lane waits for the engine to hear of a kill.
    KillFlagUnread = "kill-flag-unread", "freqtrade#2968: a stop that waits for the loop that it should stop";
    /// Tickets are kept in 32 bits.
    TicketIn32Bits = "ticket-in-32-bits", "MQL5-JSON-API and dwxconnect: tickets cast to int";
    /// The filling is always RETURN.
    FillingFixed = "filling-fixed", "dwxconnect: ORDER_FILLING_RETURN fixed";
    /// An order in doubt is declared dead because nobody knows of it yet.
    DoubtExpires = "doubt-expires", "hummingbot#8457: an order not found is dropped";
    /// A session that broke is not told to the engine.
    SessionLossUntold = "session-loss-untold", "mt5linux#55: a dead connection looks alive";
    /// Durable sending does not wait for the disk.
    DiskNotAwaited = "disk-not-awaited", "facts/controls: Ember lost a day to an unsynced journal";
    /// A start does not count the epoch up, so that ids come again.
    EpochNotCounted = "epoch-not-counted", "hftbacktest#87, dwxconnect: ids start again with the program";
    /// What is said of an order after it was declared dead is not listened to.
    LateAnswerIgnored = "late-answer-ignored", "metaapi-javascript-sdk#6: timed out, given up, and executed";
    /// A cancel without an answer counts as done.
    CancelTimeoutIsDone = "cancel-timeout-is-done", "freqtrade#6392: an order that a venue did not answer for is taken for gone";
    /// A request in doubt is sent again, with its old id and revision, when the terminal is back.
    RequestResent = "request-resent", "dwxconnect: the client retries a command for up to 10 s";
    /// An order is over with its cancel, whatever of it was executed and not told.
    EndForgetsFills = "end-forgets-fills", "facts/mt5: priority of arrival not guaranteed; DONE_PARTIAL, track what remains";
    /// What fills after a cancel was asked for is not counted.
    FillAfterCancelDropped = "fill-after-cancel-dropped", "nautilus_trader, Roq: cancelled, and filled all the same";
    /// A start takes the records behind its snapshot from one too late.
    SnapshotTailLate = "snapshot-tail-late", "facts/peers 6, rank 1: lost, ghost or duplicated orders after a restart";
    /// A stop that leaves after a restart trails the price of now, not the best there was.
    TrailingWidens = "trailing-widens", "dwxconnect#33: what only the memory held is lost with the program, here the best price";
    /// A ladder's parts are shares of what was wished, not of what was filled.
    LadderOfWish = "ladder-of-wish", "facts/controls: exits are sized to actual fills";
    /// A position whose stop never stood is left as it is.
    BareIsLeft = "bare-is-left", "EA31337-classes#349, dwxconnect#50: stops that are refused, and nobody looks";
    /// On a hedging account no close leaves that is larger than the net of all positions.
    CloseBoundByNet = "close-bound-by-net", "mtapi#186, vobornik/mt4-trade-copy#10: hedging taken for netting";
    /// A reduction waits while an entry rests on its side.
    EntryHoldsExit = "entry-holds-exit", "facts/controls: cancels and reductions pass when entries do not";
    /// A fill that is told after its position was closed stays ours, and the close another's.
    LateFillStays = "late-fill-stays", "facts/mt5: priority of arrival not guaranteed, old events are superseded";
    /// The ticket of a position that was opened again is not learnt.
    TicketNotLearnt = "ticket-not-learnt", "facts/mt5: requests use POSITION_TICKET, which may change; the identifier stays";
    /// A deal that could not be looked up is booked by its order's ticket, with what is not known of it at zero.
    BlankDealIsBooked = "blank-deal-is-booked", "facts/mt5: no magic, no comment, no entry type in the transaction";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_and_there_are_enough() {
        let mut names: Vec<&str> = Planted::ALL.iter().map(|planted| planted.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Planted::ALL.len());
        assert!(names.len() >= 12);
    }
}
