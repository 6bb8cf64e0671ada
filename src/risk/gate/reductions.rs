//! The gate's part in reductions: never more than there is to reduce, out of a reserve that openings do not draw on.
//!
//! What it is not: a judge of openings (`gate.rs`); nothing that closes those is asked here.
//!
//! Invariant: on an account where positions stand side by side a close is held against its own position alone; where an
//! instrument has one position, against that.

use super::{Approved, Gate, Intent, Refusal};
use crate::risk::reason::Reason;
use crate::types::TimeNs;

impl Gate {
    /// Judges the close of one position of a hedging account, of which `left` steps are not closed yet by what is under way.
    /// Whatever else the account holds is no matter: the venue closes the position that is named, or nothing.
    pub fn check_close(&mut self, intent: Intent, left: i64, now: TimeNs) -> Result<Approved, Refusal> {
        let known = intent.instrument.index().and_then(|at| self.envelopes[at].as_ref());
        let Some(envelope) = known else {
            return Err(Refusal { reason: Reason::InstrumentUnknown, limit: 1, got: 0 });
        };
        let (least, qty) = (envelope.limits.order_min.0, intent.qty.0);
        if qty < least {
            return Err(Refusal { reason: Reason::SizeMinimum, limit: least, got: qty });
        }
        self.approve_reduction(intent, left, now)
    }

    pub(super) fn approve_reduction(
        &mut self,
        intent: Intent,
        most: i64,
        now: TimeNs,
    ) -> Result<Approved, Refusal> {
        if intent.qty.0 > most {
            return Err(Refusal { reason: Reason::ReduceTooLarge, limit: most, got: intent.qty.0 });
        }
        if !self.reserve.take(now) {
            let limit = i64::from(self.limits.orders_per_s_max);
            return Err(Refusal { reason: Reason::RateOrders, limit, got: 0 });
        }
        Ok(Approved { intent: Intent { reduces: true, ..intent }, ts_approved: now })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::limits::test_limits;
    use super::super::{Conditions, Exposure};
    use super::*;
    use crate::risk::Trading;
    use crate::types::{FixedText, InstrumentId, InstrumentSpec, NS_PER_S, Price, Qty, Quote, Side, VenueId};

    const NOW: TimeNs = TimeNs(100 * NS_PER_S);

    fn gate_of(exposure: Exposure) -> Gate {
        let spec = InstrumentSpec::fx(InstrumentId(0), VenueId(0), FixedText::EMPTY);
        let mut gate = Gate::new(test_limits());
        gate.prepare(InstrumentId(0), test_limits().for_instrument(&spec), [false; 2], exposure);
        gate.set_conditions(Conditions {
            closed: Some(Refusal { reason: Reason::SessionDown, limit: 1, got: 0 }),
        });
        gate.set_trading(Trading::Halted);
        gate
    }

    fn sell(qty: i64) -> Intent {
        let price = Price(1000);
        Intent { instrument: InstrumentId(0), side: Side::Sell, qty: Qty(qty), price, reduces: true }
    }

    #[test]
    fn a_close_is_bounded_by_its_own_position_whatever_the_net() {
        // Long ten of ours beside twelve short: the net is no matter, and neither is anything that closes openings.
        let mut gate = gate_of(Exposure { position: -2, ..Exposure::default() });
        let reason = |got: Result<Approved, Refusal>| got.map(|_| ()).map_err(|refusal| refusal.reason);
        assert_eq!(reason(gate.check_close(sell(11), 10, NOW)), Err(Reason::ReduceTooLarge));
        assert_eq!(reason(gate.check_close(sell(0), 10, NOW)), Err(Reason::SizeMinimum));
        assert_eq!(reason(gate.check_close(sell(10), 10, NOW)), Ok(()));
        assert_eq!(
            reason(Gate::new(test_limits()).check_close(sell(1), 1, NOW)),
            Err(Reason::InstrumentUnknown)
        );
        while gate.check_close(sell(1), 10, NOW).is_ok() {}
        assert_eq!(reason(gate.check_close(sell(1), 10, NOW)), Err(Reason::RateOrders));
    }

    #[test]
    fn what_opens_on_the_other_side_leaves_a_reduction_what_there_is() {
        let quote =
            Quote { bid: Price(1000), ask: Price(1002), last: Price::NONE, ts_venue: NOW, ts_recv: NOW };
        let mut gate =
            gate_of(Exposure { position: 50, reserved: [0, 80], reducing: [0, 20], ..Exposure::default() });
        let got = gate.check(sell(31), &quote, 0, NOW).map_err(|refusal| refusal.reason);
        assert_eq!(got, Err(Reason::ReduceTooLarge));
        assert!(gate.check(sell(30), &quote, 0, NOW).is_ok());
    }
}
