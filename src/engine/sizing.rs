//! How large a strategy's entry is, from what the engine knows.
//!
//! What it is not: the arithmetic; `risk/sizing/` has that.
//!
//! Invariant: it reads deals, accounts and quotes as they were journalled, and the row of features; nothing of it is kept
//! but the record of trades.

use super::Engine;
use super::decide::{spread_of, stop_ticks};
use super::setup::EntryKind;
use crate::risk::{Method, Reason, Refusal, SizingInputs};
use crate::types::{InstrumentSpec, Money, Qty, Side, TimeNs};

impl Engine {
    /// The volume of a strategy's entry, or why there is none.
    pub(super) fn size(&self, at: usize, side: Side, spec: &InstrumentSpec) -> Result<Qty, Refusal> {
        let strategy = &self.strategies[at];
        let plan = &strategy.setup.plan;
        let needs_account = plan.sizing.needs_account();
        let (equity, equity_highest) = if needs_account { self.equities(spec)? } else { Default::default() };
        let volatility_ticks = match plan.sizing.method {
            Method::Volatility { feature, .. } => {
                let row = strategy.setup.features.exact_values();
                row.get(usize::from(feature)).copied().unwrap_or(f64::NAN)
            }
            _ => f64::NAN,
        };
        let is_market = plan.entry.kind == EntryKind::Market;
        let spread = if is_market { spread_of(self.market.quote(spec.instrument)) } else { 0 };
        plan.sizing.qty(&SizingInputs {
            lots: plan.lots,
            spec,
            order_max: self.limits_of(spec).order_max,
            equity,
            equity_highest,
            stop_ticks: stop_ticks(spec, plan.stop_loss_points, spread),
            volatility_ticks,
            record: &strategy.record,
            correlation: match plan.sizing.correlation_cut > 0.0 {
                true => self.correlation(spec.instrument, side),
                false => 0.0,
            },
        })
    }

    /// Equity and its highest, while the account's last word is new enough.
    fn equities(&self, spec: &InstrumentSpec) -> Result<(Money, Money), Refusal> {
        let limit = self.gate.limits().account_age_max_ns;
        let ts = self.venues.get(usize::from(spec.venue.0)).map_or(TimeNs::NEVER, |venue| venue.account.2);
        let got = self.now.since(ts);
        let fresh = ts != TimeNs::NEVER && got <= limit;
        let equities = self.loss.equities_of(spec.venue).filter(|_| fresh);
        equities.ok_or(Refusal { reason: Reason::AccountStale, limit, got })
    }

    /// The operator re-arms: a record that keeps its strategy from trading begins anew.
    pub(super) fn rearm_records(&mut self) {
        for strategy in &mut self.strategies {
            if let Method::Kelly(kelly) = strategy.setup.plan.sizing.method
                && kelly.percent(&strategy.record).is_err()
            {
                strategy.record.forget();
            }
        }
    }
}
