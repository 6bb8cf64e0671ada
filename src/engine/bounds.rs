//! Limits beside those that must be set: what keeps an opening back, and what a venue takes of messages.
//!
//! What it is not: the gate, which judges every order; this is asked first, and about what may worsen the worst case alone.
//!
//! Invariant: what is not configured costs one comparison an order and nothing a tick. What is asked for and not known means no.
//! A reduction and a cancel never come here but to be counted.

mod hours;
mod margin;
mod state;
mod streaks;

use super::{AlertCode, Engine, Outputs};
use crate::record::Record;
use crate::risk::{
    Approved, BoundsPlan, Bucket, InstrumentLimits, Intent, NewsWindow, Reason, Refusal, RequestIntent,
};
use crate::types::{
    INSTRUMENTS_MAX, InstrumentId, InstrumentSpec, NS_PER_S, Price, Quote, Side, TimeNs, VenueId,
};
use hours::Hours;
use margin::MarginWatch;
use streaks::Streaks;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    plan: BoundsPlan,
    holds_openings: bool,
    /// When the rules of each symbol were told last, its tick value with them.
    ts_told: Box<[TimeNs]>,
    hours: Hours,
    margin: MarginWatch,
    streaks: Streaks,
    /// What others held of each instrument in the last snapshot, both directions, steps; on hedging accounts.
    others_gross: Box<[i64]>,
    /// By venue; none where there is no limit.
    budgets: Vec<Bucket>,
    is_budget_low: bool,
    /// When resting entries are looked at next.
    news_due: TimeNs,
}

impl Bounds {
    pub(super) fn new(plan: BoundsPlan, venues: usize) -> Self {
        let budget = plan.venue;
        let venues = if budget.per_s > 0 { venues } else { 0 };
        Bounds {
            holds_openings: plan.holds_openings(),
            ts_told: vec![TimeNs::NEVER; INSTRUMENTS_MAX].into(),
            hours: Hours::new(plan.keeps_venue_hours),
            margin: MarginWatch::new(plan.asks_for_margin()),
            streaks: Streaks::new(plan.streaks),
            others_gross: vec![0; INSTRUMENTS_MAX].into(),
            budgets: vec![Bucket::new(budget.per_s, budget.burst); venues],
            is_budget_low: false,
            news_due: TimeNs::NEVER,
            plan,
        }
    }

    /// A symbol's rules were told: its tick value is new, and its hours follow.
    pub(super) fn told(&mut self, index: usize, now: TimeNs) {
        self.ts_told[index] = now;
        self.hours.begin(index);
    }

    /// An instrument's limits, with those that are here.
    pub(super) fn lower(&self, limits: &mut InstrumentLimits, spec: &InstrumentSpec) {
        if self.plan.stop_distance_max_points > 0 {
            limits.stop_distance_max = spec.points_to_ticks(self.plan.stop_distance_max_points);
        }
    }

    fn in_news(&self, instrument: InstrumentId, now: TimeNs) -> Option<Refusal> {
        let window = self.plan.news.iter().find(|window| {
            window.from <= now && now < window.to && window.instrument.is_none_or(|of| of == instrument)
        })?;
        Some(Refusal { reason: Reason::NewsWindow, limit: 0, got: window.to.since(now) })
    }

    fn is_restricted(&self, instrument: InstrumentId) -> Option<Refusal> {
        let got = i64::from(instrument.0);
        self.plan.restricted.contains(&instrument).then_some(Refusal {
            reason: Reason::InstrumentRestricted,
            limit: 0,
            got,
        })
    }

    fn is_value_stale(&self, index: usize, now: TimeNs) -> Option<Refusal> {
        let (limit, got) = (self.plan.tick_value_age_max_ns, now.since(self.ts_told[index]));
        (limit > 0 && got > limit).then_some(Refusal { reason: Reason::ValueStale, limit, got })
    }

    fn is_spent(&self, venue: VenueId, now: TimeNs) -> Option<Refusal> {
        let got = self.budgets.get(usize::from(venue.0))?.tokens(now);
        let limit = i64::from(self.plan.venue.per_s);
        (got < 1).then_some(Refusal { reason: Reason::RateVenue, limit, got })
    }
}

impl Engine {
    /// Judges an opening: the limits that are here, then the gate. `levels` are its stop loss and take profit.
    #[inline]
    pub(super) fn judge_opening(
        &mut self,
        intent: &Intent,
        levels: [Price; 2],
        quote: &Quote,
        out: &mut Outputs,
    ) -> Result<Approved, Refusal> {
        self.within_bounds(intent, levels, quote)?;
        self.pass_gate(intent, quote, out)
    }

    /// Judges an opening by the limits that are here alone.
    #[inline]
    pub(super) fn within_bounds(
        &self,
        intent: &Intent,
        levels: [Price; 2],
        quote: &Quote,
    ) -> Result<(), Refusal> {
        if !self.bounds.holds_openings {
            return Ok(());
        }
        self.out_of_bounds(intent, levels, quote).map_or(Ok(()), Err)
    }

    /// Judges a request: one that may worsen the worst case waits for the venue's budget, as an opening does.
    pub(super) fn judge_request(
        &mut self,
        intent: RequestIntent,
        quote: &Quote,
    ) -> Result<Approved<RequestIntent>, Refusal> {
        if !self.bounds.budgets.is_empty()
            && intent.worsens(quote)
            && let Some(refusal) = self.bounds.is_spent(self.venue_of(intent.instrument), self.now)
        {
            return Err(refusal);
        }
        self.gate.check_request(intent, quote, self.now)
    }

    fn out_of_bounds(&self, intent: &Intent, levels: [Price; 2], quote: &Quote) -> Option<Refusal> {
        let (bounds, now, instrument) = (&self.bounds, self.now, intent.instrument);
        let index = instrument.index()?;
        let spec = self.specs[index].as_ref()?;
        bounds
            .is_restricted(instrument)
            .or_else(|| bounds.in_news(instrument, now))
            .or_else(|| bounds.hours.closed(index, self.server_s(spec.venue)))
            .or_else(|| bounds.is_value_stale(index, now))
            .or_else(|| self.is_too_gross(intent, spec))
            .or_else(|| self.leaves_too_little(intent))
            .or_else(|| self.account_holds_too_much(intent))
            .or_else(|| stop_too_far(&self.limits_of(spec), intent, levels, quote))
            .or_else(|| bounds.is_spent(spec.venue, now))
    }

    /// Seconds of the server's calendar; `None` while no session says how far it is from ours.
    fn server_s(&self, venue: VenueId) -> Option<i64> {
        let venue = self.venues.get(usize::from(venue.0)).filter(|venue| venue.roles_up != 0)?;
        Some(self.now.0.div_euclid(NS_PER_S) + i64::from(venue.server_offset_s))
    }

    /// Both directions together: what is held, by whomever, and what may still fill.
    fn is_too_gross(&self, intent: &Intent, spec: &InstrumentSpec) -> Option<Refusal> {
        let lots = self.bounds.plan.gross_lots_max;
        if lots <= 0.0 {
            return None;
        }
        let instrument = intent.instrument;
        let own: i64 = self.positions.tickets(instrument).map(|(_, qty)| qty.abs()).sum();
        let open: i64 = Side::BOTH.iter().map(|side| self.orders.reserved(instrument, *side)).sum();
        let listed = instrument.index().map_or(0, |index| self.bounds.others_gross[index]);
        let others = listed.max(self.counted_external(instrument).abs());
        let got = own.saturating_add(open).saturating_add(others).saturating_add(intent.qty.0);
        let limit = (lots / spec.volume_step + 1e-9).floor() as i64;
        (got > limit).then_some(Refusal { reason: Reason::SizeGross, limit, got })
    }

    /// A message leaves, whatever it is: what reduces or cancels is sent on credit.
    pub(super) fn spend(&mut self, venue: VenueId, out: &mut Outputs) {
        let (now, plan) = (self.now, self.bounds.plan.venue);
        let Some(budget) = self.bounds.budgets.get_mut(usize::from(venue.0)) else { return };
        budget.owe(now);
        if plan.warn_percent == 0 {
            return;
        }
        let (left, burst) = (budget.tokens(now), i64::from(plan.burst));
        let is_low = left * 100 <= burst * i64::from(100 - plan.warn_percent.min(100));
        if is_low && !std::mem::replace(&mut self.bounds.is_budget_low, is_low) {
            let at = (venue, InstrumentId::NONE);
            self.alert(AlertCode::VenueBudgetLow, at, u64::from(venue.0), left, burst, out);
        }
        self.bounds.is_budget_low = is_low;
    }

    /// A request leaves.
    pub(super) fn spend_request(&mut self, venue: VenueId, out: &mut Outputs) {
        self.counts.requests += 1;
        self.spend(venue, out);
    }

    /// A snapshot is complete: what others hold in both directions, where a position of each may stand.
    pub(super) fn count_others_gross(&mut self, venue_index: usize) {
        if self.bounds.plan.gross_lots_max <= 0.0 {
            return;
        }
        for index in 0..self.instruments.len() {
            let instrument = InstrumentId(index as u16);
            if usize::from(self.instruments[index].venue.0) != venue_index || !self.is_hedging(instrument) {
                continue;
            }
            let listing = &self.listings[venue_index];
            let listed = (0..listing.len()).map(|at| listing.position(at));
            let others = listed.filter(|(of, _)| *of == instrument).map(|(_, position)| {
                let mut tickets = self.positions.tickets(instrument);
                let own = tickets.find(|(open, _)| *open == position.identifier);
                (position.qty.abs() - own.map_or(0, |(_, qty)| qty.abs())).max(0)
            });
            self.bounds.others_gross[index] = others.sum();
        }
    }

    /// While the operator keeps a time clear nothing that opens may rest in it.
    pub(super) fn sweep_news(&mut self, out: &mut Outputs) {
        let now = self.now;
        let is_on = |window: &NewsWindow| window.from <= now && now < window.to;
        if self.orders.open_count() == 0
            || now < self.bounds.news_due
            || !self.bounds.plan.news.iter().any(is_on)
        {
            return;
        }
        self.bounds.news_due = now.plus_ns(NS_PER_S);
        let mut is_clear = [false; INSTRUMENTS_MAX];
        for (index, is_clear) in is_clear.iter_mut().enumerate().take(self.instruments.len()) {
            *is_clear = self.bounds.in_news(InstrumentId(index as u16), self.now).is_some();
        }
        let is_meant = |instrument: InstrumentId| instrument.index().is_some_and(|index| is_clear[index]);
        self.cancel_where(|order| !order.new.reduces && is_meant(order.new.instrument), out);
    }

    /// One session of a symbol's week.
    pub(super) fn on_trading_hours(&mut self, input: &Record) {
        if let (Some(hours), Some(index)) = (input.payload(), input.instrument().index()) {
            self.bounds.hours.add(index, &hours);
        }
    }
}

/// Which of an opening's stops is too far from what the position would be closed at.
fn stop_too_far(
    limits: &InstrumentLimits,
    intent: &Intent,
    levels: [Price; 2],
    quote: &Quote,
) -> Option<Refusal> {
    let market = if intent.side == Side::Buy { quote.bid } else { quote.ask };
    let distance = |level: Price| level.0.saturating_sub(market.0).saturating_abs();
    let furthest = levels.into_iter().filter(|level| level.is_some()).map(distance).max()?;
    let limit = limits.stop_distance_max;
    (furthest > limit).then_some(Refusal { reason: Reason::PriceStop, limit, got: furthest })
}
