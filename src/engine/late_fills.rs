//! Closes of more than anybody was known to hold, until the fill that was missing is told.
//!
//! What it is not: a guess; until the fill comes what was closed too much is others' volume, and the next snapshot differs.
//!
//! Invariant: a step that was closed at the venue is closed here once, whichever of fill and close is told first. Only a fill of
//! the very position settles it, and only one that the venue made before the close.

mod state;

use super::{AlertCode, Engine, Outputs};
use crate::order::Amounts;
use crate::record::DealEvent;
use crate::types::{DealEntry, InstrumentId, Side, VenueId};

/// Closes remembered; the oldest gives way.
const EXCESSES_MAX: usize = 64;

/// What a deal closed beyond what was known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Excess {
    instrument: InstrumentId,
    /// The position's identifier.
    position: u64,
    /// Side of the deal that closed.
    side: Side,
    /// Steps of it that are not settled.
    qty: i64,
    /// Ticks.
    price: i64,
    /// When the venue made it, and its number: a fill of an earlier pair was there to be closed.
    made: (i64, u64),
    /// What these steps earned and cost.
    amounts: Amounts,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct LateFills {
    /// Oldest first; its capacity is taken once.
    excesses: Vec<Excess>,
}

impl Default for LateFills {
    fn default() -> Self {
        LateFills { excesses: Vec::with_capacity(EXCESSES_MAX) }
    }
}

impl LateFills {
    fn remember(&mut self, excess: Excess) {
        if self.excesses.len() == EXCESSES_MAX {
            self.excesses.remove(0);
        }
        self.excesses.push(excess);
    }

    /// The steps of a fill that were closed before it was told: of the first close that it explains.
    fn take(&mut self, instrument: InstrumentId, fill: &DealEvent, side: Side) -> Option<Excess> {
        let explains = |excess: &Excess| {
            (excess.instrument, excess.position) == (instrument, fill.position)
                && excess.side == side.opposite()
                && (fill.ts_venue, fill.deal) < excess.made
        };
        let at = self.excesses.iter().position(explains)?;
        let whole = self.excesses[at];
        let qty = whole.qty.min(fill.qty);
        let part = Excess { qty, amounts: whole.amounts.share(qty, whole.qty), ..whole };
        if qty == whole.qty {
            self.excesses.remove(at);
        } else {
            self.excesses[at] =
                Excess { qty: whole.qty - qty, amounts: whole.amounts.less(&part.amounts), ..whole };
        }
        Some(part)
    }

    /// The venue's own position counts from here on.
    pub(super) fn forget(&mut self, instrument: InstrumentId) {
        self.excesses.retain(|excess| excess.instrument != instrument);
    }
}

impl Engine {
    /// Remembers how much of a close of others' no known volume explains. On a netting account others' volume does first.
    pub(super) fn note_excess(
        &mut self,
        instrument: InstrumentId,
        rest: &DealEvent,
        side: Side,
        amounts: &Amounts,
    ) {
        if !closes(rest.entry) || rest.position == 0 {
            return;
        }
        let held = (-self.external(instrument)).saturating_mul(side.sign()).max(0);
        let qty = if self.is_hedging(instrument) { rest.qty } else { rest.qty.saturating_sub(held) };
        if qty > 0 {
            self.late_fills.remember(Excess {
                instrument,
                position: rest.position,
                side,
                qty,
                price: rest.price,
                made: (rest.ts_venue, rest.deal),
                amounts: amounts.share(qty, rest.qty),
            });
        }
    }

    /// A fill of ours was counted that the venue had closed before it was told: the close is ours as well.
    pub(super) fn settle_late(
        &mut self,
        at: (VenueId, InstrumentId),
        fill: &DealEvent,
        side: Side,
        out: &mut Outputs,
    ) {
        // Whatever it did at the venue then, to open, to turn the position round, or to close what had the other side: a fill against
        // the close's own side leaves more to be closed than was known.
        if self.late_fills.excesses.is_empty() {
            return;
        }
        let mut left = *fill;
        while left.qty > 0
            && let Some(excess) = self.late_fills.take(at.1, &left, side)
        {
            left.qty -= excess.qty;
            self.close_late(at, fill, &excess, out);
        }
    }

    fn close_late(
        &mut self,
        at: (VenueId, InstrumentId),
        fill: &DealEvent,
        excess: &Excess,
        out: &mut Outputs,
    ) {
        let mut close = *fill;
        (close.qty, close.price, close.deal, close.magic) = (excess.qty, excess.price, excess.made.1, 0);
        (close.entry, close.deal_type) = (DealEntry::Out.code(), excess.side as u8);
        let realised = excess.amounts.total();
        self.ledgers.hand_over(at.1, excess.qty, &excess.amounts);
        self.count_fill(at.1, &close, excess.side, realised);
        self.position_changed(at.1, fill.position, out);
        self.judge_deal(&close, realised, out);
        let external = self.add_external(at, -excess.side.sign() * excess.qty);
        self.alert(AlertCode::LateFillSettled, at, fill.position, excess.qty, external, out);
    }

    /// Of an opening of others' what had been closed before it was told: it is theirs whatever is adopted. Steps.
    pub(super) fn settle_others(&mut self, at: (VenueId, InstrumentId), fill: &DealEvent, side: Side) -> i64 {
        if self.late_fills.excesses.is_empty() || fill.entry != DealEntry::In.code() {
            return 0;
        }
        let mut left = *fill;
        while left.qty > 0
            && let Some(excess) = self.late_fills.take(at.1, &left, side)
        {
            left.qty -= excess.qty;
        }
        let settled = fill.qty - left.qty;
        self.add_external(at, side.sign() * settled);
        settled
    }

    /// What others hold now.
    pub(super) fn add_external(&mut self, at: (VenueId, InstrumentId), signed: i64) -> i64 {
        let (Some(venue), Some(index)) = (self.venues.get_mut(usize::from(at.0.0)), at.1.index()) else {
            return 0;
        };
        venue.external[index] = venue.external[index].saturating_add(signed);
        venue.external[index]
    }
}

/// Whether a deal of this entry can open nothing.
pub(super) fn closes(entry: u8) -> bool {
    entry == DealEntry::Out.code() || entry == DealEntry::OutBy.code()
}
