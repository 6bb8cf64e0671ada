//! The operator's leave for one order: of one instrument, beyond one limit of the order itself, up to a bound, for minutes.
//!
//! What it is not: a way round anything else. What is lifted is judged again by the whole gate, with that one limit at the bound:
//! halts, kills, losses, sessions, accounts, doubts, positions, rates and the venue's own rules stand as they are.
//!
//! Invariant: a leave is used by one order, which the journal names before its command. It ends with its use, its time, a newer word
//! for its instrument, and every start: whoever starts anew asks anew.

mod state;

use super::{AlertCode, Engine, Outputs};
use crate::record::{Override, OverrideUse, Record};
use crate::risk::{Approved, Intent, LimitKey, Reason, Refusal, liftable};
use crate::types::{InstrumentId, NS_PER_S, OrderId, Quote, TimeNs};

/// One leave.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Leave {
    reason: Reason,
    bound: f64,
    until: TimeNs,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Overrides {
    /// By instrument.
    leaves: Box<[Option<Leave>]>,
    /// Of them, given and not used; their time may be over.
    count: u32,
}

impl Overrides {
    pub(super) fn new(instruments: usize) -> Self {
        Overrides { leaves: vec![None; instruments].into(), count: 0 }
    }

    fn set(&mut self, index: usize, leave: Option<Leave>) {
        if let Some(place) = self.leaves.get_mut(index) {
            *place = leave;
            self.count = self.leaves.iter().flatten().count() as u32;
        }
    }

    /// Nothing is lifted any more.
    pub(super) fn clear(&mut self) {
        self.leaves.fill(None);
        self.count = 0;
    }
}

impl Engine {
    /// Leaves of the operator that an order may still use.
    pub fn overrides_open(&self) -> u32 {
        let open = |leave: &&Leave| self.now < leave.until;
        self.overrides.leaves.iter().flatten().filter(open).count() as u32
    }

    pub(super) fn on_override(&mut self, input: &Record, out: &mut Outputs) {
        let Some(word) = input.payload::<Override>() else { return };
        let instrument = input.instrument();
        let Some(reason) = Reason::from_code(u32::from(word.reason)).filter(|of| liftable(*of).is_some())
        else {
            return;
        };
        let until = self.now.plus_ns(i64::from(word.lasts_s) * NS_PER_S);
        self.overrides.set(usize::from(instrument.0), Some(Leave { reason, bound: word.bound, until }));
        let at = (self.venue_of(instrument), instrument);
        let millis = (word.bound * 1_000.0) as i64;
        self.alert(AlertCode::OverrideGiven, at, reason as u64, millis, i64::from(word.lasts_s), out);
    }

    /// A journal says that an order used it.
    pub(super) fn forget_override(&mut self, instrument: InstrumentId) {
        self.overrides.set(usize::from(instrument.0), None);
    }

    /// The gate's word on an opening; where it refuses what the operator lifted, its word with that.
    #[inline]
    pub(super) fn pass_gate(
        &mut self,
        intent: &Intent,
        quote: &Quote,
        out: &mut Outputs,
    ) -> Result<Approved, Refusal> {
        match self.gate.check(*intent, quote, self.orders.open_count(), self.now) {
            Err(refusal) if self.overrides.count > 0 => self.pass_lifted(intent, quote, refusal, out),
            judged => judged,
        }
    }

    #[cold]
    fn pass_lifted(
        &mut self,
        intent: &Intent,
        quote: &Quote,
        refusal: Refusal,
        out: &mut Outputs,
    ) -> Result<Approved, Refusal> {
        let instrument = intent.instrument;
        let Some((key, leave)) = self.leave_of(instrument, refusal.reason) else { return Err(refusal) };
        let Some(spec) = self.spec(instrument).copied() else { return Err(refusal) };
        let own = self.limits_of(&spec);
        let lifted = self.gate.limits().lifted(own, key, leave.bound, &spec).map_err(|_| refusal)?;
        self.prepare_within(instrument, lifted);
        let judged = self.gate.check(*intent, quote, self.orders.open_count(), self.now);
        self.prepare_within(instrument, own);
        if judged.is_ok() {
            self.use_override(instrument, &leave, refusal, out);
        }
        judged
    }

    fn leave_of(&self, instrument: InstrumentId, reason: Reason) -> Option<(LimitKey, Leave)> {
        let leave = (*self.overrides.leaves.get(usize::from(instrument.0))?)?;
        let is_meant = leave.reason == reason && self.now < leave.until;
        liftable(reason).filter(|_| is_meant).map(|key| (key, leave))
    }

    fn use_override(&mut self, instrument: InstrumentId, leave: &Leave, refusal: Refusal, out: &mut Outputs) {
        self.forget_override(instrument);
        self.counts.overridden += 1;
        // The very next command is the order's.
        let next = OrderId::new(self.setup_strategy, self.epoch, self.sequence.saturating_add(1));
        let used = OverrideUse {
            order_id: next.map_or(0, OrderId::raw),
            limit: refusal.limit,
            got: refusal.got,
            bound: leave.bound,
            reason: refusal.reason as u32,
            reserved: [0; 4],
        };
        let at = (self.venue_of(instrument), instrument);
        self.emit(at.0, at.1, &used, out);
        self.alert(AlertCode::OverrideUsed, at, used.order_id, refusal.limit, refusal.got, out);
    }
}
