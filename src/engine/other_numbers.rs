//! A venue whose numbers of deals began again: told, and closed for openings until the operator accepts it.
//!
//! What it is not: a way to tell one account from another; the session's login and server do that. This is the same account, made anew,
//! as a demo account that was reset or a simulated terminal that was started afresh on an old journal. Nor is it a deal that the venue
//! amended; that one is told by what no amendment changes (`order/book/deals.rs`), and never counts again.
//!
//! Invariant: until the operator's word such a deal is not counted, and nothing opens; reductions pass. After it the deals that were held
//! back are asked for again and count once.

use super::{AlertCode, Engine, Outputs};
use crate::order::OtherNumbers;
use crate::record::DealEvent;
use crate::risk::{Reason, Refusal, Trading};
use crate::types::{InstrumentId, VenueId};

impl Engine {
    /// A deal came with the number of another one.
    #[cold]
    pub(super) fn met_other_numbers(
        &mut self,
        at: (VenueId, InstrumentId),
        deal: &DealEvent,
        out: &mut Outputs,
    ) {
        if self.orders.other_numbers(at.0) == OtherNumbers::Unseen {
            self.orders.set_other_numbers(at.0, OtherNumbers::Seen);
            self.alert(AlertCode::DealNumbersBeganAgain, at, deal.deal, 0, deal.qty, out);
        }
        if self.gate.trading() == Trading::Active {
            let got = deal.deal as i64;
            let refusal = Refusal { reason: Reason::DealNumbersBeganAgain, limit: 0, got };
            self.set_trading(Trading::Reducing, refusal, out);
        }
    }

    /// The operator lets trading go on: what had a known number is a new deal from here on.
    pub(super) fn accept_other_numbers(&mut self) {
        for (index, venue) in self.venues.iter_mut().enumerate() {
            let id = VenueId(index as u16);
            if self.orders.other_numbers(id) == OtherNumbers::Seen {
                self.orders.set_other_numbers(id, OtherNumbers::Accepted);
                venue.query_due = self.now;
            }
        }
    }
}
