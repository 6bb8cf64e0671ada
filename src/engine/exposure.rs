//! Exposure over all instruments, and what keeps one opening back beside the gate: a price that stands still, a repeated
//! order, a new model.
//!
//! What it is not: the arithmetic of room; `risk/exposure/` has that, and the gate compares.
//!
//! Invariant: everything here follows from ticks, accounts, deals, decisions and commands as they were journalled. The room is
//! worked out after facts, samples and commands, before the next wish; a reduction never comes here.

mod state;

use super::canary::Canary;
use super::strategy::Strategy;
use super::{AlertCode, Engine, Outputs};
use crate::risk::{ExposurePlan, Holding, Intent, Reason, Refusal, Returns, Totals};
use crate::types::{InstrumentId, InstrumentSpec, Qty, Quote, Side, TimeNs};

/// The last opening of an instrument.
#[derive(Clone, Copy, Debug)]
struct Opening {
    side: Side,
    qty: i64,
    ts: TimeNs,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct ExposureWatch {
    plan: ExposurePlan,
    /// Room or a correlation with what is held is needed.
    needs_totals: bool,
    returns: Returns,
    sample_due: TimeNs,
    holdings: Box<[Holding]>,
    totals: Totals,
    /// Something changed since the room was worked out.
    is_dirty: bool,
    /// When each price last changed, and the newest of all: whose, when, and of another than that.
    changed: Box<[TimeNs]>,
    newest: (usize, TimeNs),
    newest_other: TimeNs,
    openings: Box<[Option<Opening>]>,
    pub(super) canary: Canary,
    /// The budget was low at the last opening.
    is_budget_low: bool,
}

impl ExposureWatch {
    /// For so many instruments. `sizes_correlate`: a size asks for correlations.
    pub(super) fn new(plan: ExposurePlan, instruments: usize, sizes_correlate: Correlates) -> Self {
        let returns = Returns::new(instruments, plan.samples);
        ExposureWatch {
            needs_totals: plan.limits_anything() || sizes_correlate == Correlates::Yes,
            totals: Totals::new(&[], &returns),
            returns,
            sample_due: TimeNs::NEVER,
            holdings: vec![Holding::default(); instruments].into(),
            is_dirty: true,
            changed: vec![TimeNs::NEVER; instruments].into(),
            newest: (0, TimeNs::NEVER),
            newest_other: TimeNs::NEVER,
            openings: vec![None; instruments].into(),
            canary: Canary::default(),
            is_budget_low: false,
            plan,
        }
    }

    /// A price that moved.
    fn note_change(&mut self, index: usize, now: TimeNs) {
        let Some(changed) = self.changed.get_mut(index) else { return };
        *changed = now;
        if self.newest.0 != index {
            self.newest_other = self.newest.1;
        }
        self.newest = (index, now);
    }

    /// How long a price has stood still while another moved.
    fn frozen_ns(&self, index: usize, now: TimeNs) -> Option<i64> {
        let other = if self.newest.0 == index { self.newest_other } else { self.newest.1 };
        let still_ns = now.since(*self.changed.get(index)?);
        let limit = self.plan.frozen_after_ns;
        (still_ns > limit && other != TimeNs::NEVER && now.since(other) <= limit).then_some(still_ns)
    }
}

/// Whether any size asks for correlations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Correlates {
    /// It does.
    Yes,
    /// None does.
    No,
}

/// Whether the sizes of these strategies ask.
pub(super) fn asked_by(strategies: &[Strategy]) -> Correlates {
    let asks = |strategy: &Strategy| strategy.setup.plan.sizing.correlation_cut > 0.0;
    if strategies.iter().any(asks) { Correlates::Yes } else { Correlates::No }
}

impl Engine {
    /// A tick that is about to become the quote: samples of the mids, and whether the price moved.
    #[inline]
    pub(super) fn watch_quote(&mut self, instrument: InstrumentId, quote: &Quote) {
        if self.exposure.plan.sample_ns > 0 && self.now >= self.exposure.sample_due {
            self.sample_mids();
        }
        if self.exposure.plan.frozen_after_ns > 0
            && let Some(index) = instrument.index()
        {
            let last = self.market.quote(instrument);
            if (last.bid, last.ask) != (quote.bid, quote.ask) {
                self.exposure.note_change(index, self.now);
            }
        }
    }

    /// Between two samples all prices are what they were when the first tick after the second one came.
    #[cold]
    fn sample_mids(&mut self) {
        let (watch, market, now) = (&mut self.exposure, &self.market, self.now);
        let sample_ns = watch.plan.sample_ns;
        let late_ns = now.since(watch.sample_due);
        if late_ns > sample_ns.saturating_mul(watch.plan.samples as i64) {
            watch.returns.forget();
        }
        watch.returns.sample(|at| mid_sum(market.quote(InstrumentId(at as u16))));
        watch.sample_due = TimeNs(now.0.div_euclid(sample_ns).saturating_add(1).saturating_mul(sample_ns));
        watch.is_dirty = true;
    }

    /// What the room follows from changed.
    pub(super) fn stir_room(&mut self) {
        self.exposure.is_dirty = true;
    }

    /// Works out the room of every traded instrument, if anything changed.
    pub(super) fn renew_room(&mut self) {
        if !self.exposure.is_dirty || !self.exposure.needs_totals {
            return;
        }
        let mut holdings = std::mem::take(&mut self.exposure.holdings);
        for (at, holding) in holdings.iter_mut().enumerate() {
            *holding = self.holding(at);
        }
        let watch = &mut self.exposure;
        watch.is_dirty = false;
        watch.totals = Totals::new(&holdings, &watch.returns);
        let equity = self.loss.equities().map(|(equity, _)| equity);
        for strategy in &self.strategies {
            let instrument = strategy.setup.instrument;
            let at = usize::from(instrument.0);
            let room = Side::BOTH.map(|side| {
                watch.totals.room(&watch.plan.limits, &holdings, at, side, equity, &watch.returns)
            });
            self.gate.set_room(instrument, room);
        }
        self.exposure.holdings = holdings;
    }

    fn holding(&self, at: usize) -> Holding {
        let instrument = InstrumentId(at as u16);
        let symbol = self.exposure.plan.symbols.get(at).copied().unwrap_or_default();
        let value = |spec: &InstrumentSpec| {
            let mid = mid_sum(self.market.quote(instrument)).map_or(f64::NAN, |sum| sum as f64 / 2.0);
            mid * spec.tick_value * spec.volume_step
        };
        Holding {
            position: self.positions.net(instrument).qty.saturating_add(self.counted_external(instrument)),
            reserved: Side::BOTH.map(|side| self.orders.reserved(instrument, side)),
            step_value: self.spec(instrument).map_or(f64::NAN, value),
            currencies: symbol.currencies,
        }
    }

    /// An instrument's limits, its own included.
    pub(super) fn limits_of(&self, spec: &InstrumentSpec) -> crate::risk::InstrumentLimits {
        let mut limits = self.gate.limits().for_instrument(spec);
        if let Some(own) = self.exposure.plan.symbols.get(usize::from(spec.instrument.0)) {
            own.lower(&mut limits, spec);
        }
        self.bounds.lower(&mut limits, spec);
        limits
    }

    /// Correlation of an opening with all that is held; not a number where it is not known.
    pub(super) fn correlation(&self, instrument: InstrumentId, side: Side) -> f64 {
        let (totals, returns) = (&self.exposure.totals, &self.exposure.returns);
        totals.correlation(usize::from(instrument.0), side, returns).unwrap_or(f64::NAN)
    }

    /// What keeps an opening back before the gate sees it.
    pub(super) fn held_back(&self, intent: &Intent) -> Option<Refusal> {
        let (watch, now) = (&self.exposure, self.now);
        let index = intent.instrument.index()?;
        let window = watch.plan.duplicate_window_ns;
        if let Some(Some(last)) = watch.openings.get(index)
            && (last.side, last.qty) == (intent.side, intent.qty.0)
            && now.since(last.ts) < window
        {
            let got = now.since(last.ts);
            return Some(Refusal { reason: Reason::OrderDuplicate, limit: window, got });
        }
        self.held_by_venue(intent.instrument)
    }

    /// What of that the venue does: its quotes stand still, or it is asked too often.
    pub(super) fn held_by_venue(&self, instrument: InstrumentId) -> Option<Refusal> {
        let (watch, limit) = (&self.exposure, self.exposure.plan.frozen_after_ns);
        if limit > 0
            && let Some(got) = instrument.index().and_then(|index| watch.frozen_ns(index, self.now))
        {
            return Some(Refusal { reason: Reason::QuoteFrozen, limit, got });
        }
        self.busy(instrument)
    }

    /// The volume that a new model may open with, or why it may not.
    pub(super) fn canary_qty(&self, at: usize, spec: &InstrumentSpec, qty: Qty) -> Result<Qty, Refusal> {
        let plan = &self.exposure.plan;
        if plan.canary_ns == 0 {
            return Ok(qty);
        }
        let digests = self.strategies[at].setup.models.digests();
        let Some(orders) = self.exposure.canary.openings(&digests, plan.canary_ns, self.now) else {
            return Ok(qty);
        };
        let most = i64::from(plan.canary_orders_max);
        if i64::from(orders) >= most {
            let got = i64::from(orders) + 1;
            return Err(Refusal { reason: Reason::CanaryOrders, limit: most, got });
        }
        let lots = Qty((plan.canary_lots_max / spec.volume_step + 1e-9).floor() as i64);
        if lots < spec.volume_min {
            return Err(Refusal { reason: Reason::CanaryLots, limit: lots.0, got: spec.volume_min.0 });
        }
        Ok(qty.min(lots))
    }

    /// An opening left, or is read from the journal.
    pub(super) fn note_opening(&mut self, index: usize, side: Side, qty: i64, ts: TimeNs) {
        if let Some(opening) = self.exposure.openings.get_mut(index) {
            *opening = Some(Opening { side, qty, ts });
        }
        self.exposure.canary.opened(ts);
    }

    /// Tells the operator, once, that little is left of the message budget.
    pub(super) fn watch_budget(&mut self, instrument: InstrumentId, out: &mut Outputs) {
        let warn_left = self.exposure.plan.budget_warn_left;
        if warn_left == 0.0 {
            return;
        }
        let (left, burst) = (self.gate.tokens(self.now), i64::from(self.gate.limits().orders_burst_max));
        let is_low = left as f64 <= warn_left * burst as f64;
        if is_low && !self.exposure.is_budget_low {
            let at = (self.venue_of(instrument), instrument);
            self.alert(AlertCode::BudgetLow, at, u64::from(instrument.0), left, burst, out);
        }
        self.exposure.is_budget_low = is_low;
    }
}

/// Bid and ask together; `None` while a side is missing.
fn mid_sum(quote: &Quote) -> Option<i64> {
    quote.is_two_sided().then(|| quote.bid.0.saturating_add(quote.ask.0))
}
