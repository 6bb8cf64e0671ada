//! What the control floor sees of the engine and of its models: copies, made by the engine's lane now and then.
//!
//! What it is not: state. Nothing is decided by it.
//!
//! Invariant: one status is of one moment, between two steps.

use super::accounts::InstrumentsStatus;
use super::doubts::{Doubts, doubts_of};
use crate::engine::{Counts, Engine, Latched, MEMBERS_MAX, ModelIdentity, SHADOWS_MAX, Slot, StrategyView};
use crate::risk::{BreakerState, COMPONENTS, Reason, Refusal, Trading};
use crate::signal::{PaperCounts, QualityCounts, VetoCounts};
use crate::types::{INSTRUMENTS_MAX, InstrumentId, Money, Qty};

/// What the control floor sees of the engine.
#[derive(Clone, Copy, Debug)]
pub struct EngineStatus {
    /// What was counted.
    pub counts: Counts,
    /// What may leave.
    pub trading: Trading,
    /// Why that last changed; `None` while it never did.
    pub trading_reason: Option<Reason>,
    /// Why nothing may be opened, if so.
    pub closed: Option<Refusal>,
    /// Instruments that the kill switch closed, as far as the engine has heard.
    pub killed_count: u32,
    /// What closes each instrument until the operator re-arms, by its id.
    latched: [Latched; INSTRUMENTS_MAX],
    /// The trading day of the account's last word; `None` before the first.
    pub trading_day: Option<i64>,
    /// Leaves of the operator that an order may still use.
    pub overrides_open: u32,
    /// Where every breaker is, by `risk::Component`.
    pub breakers: [BreakerState; COMPONENTS],
    /// Net position of the first instrument, steps.
    pub position: i64,
    /// The same in lots; zero before the venue told the rules.
    pub position_lots: f64,
    /// Realised profit of our fills, costs included.
    pub realised: Money,
    /// Floating profit by our own reckoning.
    pub floating: Money,
    /// What each instrument earned and cost, and what others hold of it.
    pub instruments: InstrumentsStatus,
    /// Open orders.
    pub orders_open: usize,
    /// Of them, in doubt.
    pub orders_unknown: usize,
    /// Those of them with the lowest ids.
    pub doubts: Doubts,
    /// Last record of the journal.
    pub journal_seq: u64,
    /// Wishes held back, by reason.
    pub vetoes: VetoCounts,
    /// The first strategy's models.
    pub models: ModelsStatus,
}

impl EngineStatus {
    /// How an engine stands; `journal_seq` is the last record of its journal.
    pub fn of(engine: &Engine, journal_seq: u64) -> Self {
        let position = engine.positions().net(InstrumentId(0)).qty;
        EngineStatus {
            counts: *engine.counts(),
            trading: engine.trading(),
            trading_reason: engine.trading_reason(),
            closed: engine.closed(),
            killed_count: engine.killed_count(),
            latched: std::array::from_fn(|index| engine.latched(InstrumentId(index as u16))),
            trading_day: engine.trading_day(),
            overrides_open: engine.overrides_open(),
            breakers: engine.breakers(),
            position,
            position_lots: engine.spec(InstrumentId(0)).map_or(0.0, |spec| spec.qty_to_lots(Qty(position))),
            realised: engine.positions().realised(),
            floating: engine.floating(),
            instruments: InstrumentsStatus::of(engine),
            orders_open: engine.orders().open_count(),
            orders_unknown: engine.orders().unknown_count(),
            doubts: doubts_of(engine),
            journal_seq,
            vetoes: engine.vetoes(),
            models: engine
                .strategies()
                .next()
                .map_or(ModelsStatus::default(), |view| ModelsStatus::of(&view)),
        }
    }
}

impl EngineStatus {
    /// What closes an instrument until the operator re-arms.
    pub fn latched(&self, instrument: InstrumentId) -> Latched {
        instrument.index().map_or(Latched::default(), |index| self.latched[index])
    }

    /// Why nothing opens, in words for people; `None` while openings may pass.
    pub fn why_not(&self) -> Option<String> {
        let by_trading = match (self.trading, self.trading_reason) {
            (Trading::Active, _) => None,
            (trading, Some(reason)) => Some(format!("{}: {}", trading.name(), reason.name())),
            (trading, None) => Some(trading.name().to_owned()),
        };
        let closed = self.closed.map(|refusal| format!("closed: {refusal}"));
        let killed = (self.killed_count > 0).then(|| format!("killed: {} instruments", self.killed_count));
        let throttled = self.latched.iter().filter(|latched| latched.is_throttled).count();
        let throttled = (throttled > 0).then(|| format!("opened too often: {throttled} instruments"));
        let all: Vec<String> = [by_trading, closed, killed, throttled].into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// What the control floor sees of a strategy's models.
#[derive(Clone, Copy, Debug, Default)]
pub struct ModelsStatus {
    /// Exchanges and restarts so far.
    pub revision: u64,
    /// Slot, digest and version of each live model.
    pub live: [Option<(Slot, ModelIdentity)>; MEMBERS_MAX + 1],
    /// The same of each shadow, and what it would have done.
    pub shadows: [Option<(Slot, ModelIdentity, PaperCounts)>; SHADOWS_MAX],
    /// How the live scores did, where that is watched.
    pub quality: Option<QualityCounts>,
    /// Of the live member whose features moved most: its digest, the feature's place in it, the index.
    pub drift: Option<(u64, usize, f64)>,
}

impl ModelsStatus {
    fn of(view: &StrategyView<'_>) -> Self {
        let mut status = ModelsStatus { revision: view.models.revision(), ..ModelsStatus::default() };
        for (place, (slot, unit)) in status.live.iter_mut().zip(view.models.live_slots()) {
            *place = Some((slot, *unit.identity()));
        }
        for (place, (slot, unit, counts)) in status.shadows.iter_mut().zip(view.models.shadows()) {
            *place = Some((slot, *unit.identity(), *counts));
        }
        status.quality = view.quality.copied();
        status.drift = view.models.worst_drift();
        status
    }
}
