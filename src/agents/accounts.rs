//! What positions earned and cost, by instrument, as the control floor sees it.
//!
//! What it is not: the ledger; the engine has that, and this is a copy of one moment.
//!
//! Invariant: an instrument that is traded, held or was dealt in comes before one that is not; what does not fit is counted.

use crate::engine::Engine;
use crate::order::{Amounts, Owner};
use crate::types::{FixedText, InstrumentId, Money, Qty};

/// Instruments that a status shows.
pub const INSTRUMENTS_SHOWN_MAX: usize = 16;

/// One instrument.
#[derive(Clone, Copy, Debug, Default)]
pub struct InstrumentStatus {
    /// The venue's name for it.
    pub symbol: FixedText<32>,
    /// A strategy trades it: what is ours is that strategy's.
    pub is_traded: bool,
    /// Our net position, lots.
    pub lots: f64,
    /// Its average price; zero when flat.
    pub average_price: f64,
    /// What others hold, lots.
    pub external_lots: f64,
    /// Floating profit of our position.
    pub floating: Money,
    /// What our deals earned and cost.
    pub ours: Amounts,
    /// Our deals.
    pub deal_count: u64,
    /// Traded by us, lots.
    pub traded_lots: f64,
    /// What others' deals earned and cost, as far as they were seen.
    pub others: Amounts,
    /// Their deals.
    pub others_deal_count: u64,
    /// Traded by them, lots.
    pub others_traded_lots: f64,
}

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct InstrumentsStatus {
    shown: [Option<InstrumentStatus>; INSTRUMENTS_SHOWN_MAX],
    /// Instruments with something to show that did not fit.
    pub hidden_count: u32,
}

impl InstrumentsStatus {
    /// As an engine stands.
    pub fn of(engine: &Engine) -> Self {
        let mut status = InstrumentsStatus::default();
        let mut next = 0;
        for (index, setup) in engine.instruments().iter().enumerate() {
            let line = line(engine, InstrumentId(index as u16), setup.symbol);
            let is_idle = !line.is_traded && line.deal_count + line.others_deal_count == 0;
            if is_idle && line.external_lots == 0.0 {
                continue;
            }
            match status.shown.get_mut(next) {
                Some(place) => *place = Some(line),
                None => status.hidden_count += 1,
            }
            next += 1;
        }
        status
    }

    /// Those that fit.
    pub fn iter(&self) -> impl Iterator<Item = &InstrumentStatus> {
        self.shown.iter().flatten()
    }
}

fn line(engine: &Engine, instrument: InstrumentId, symbol: FixedText<32>) -> InstrumentStatus {
    let spec = engine.spec(instrument);
    let lots = |steps: i64| spec.map_or(0.0, |spec| spec.qty_to_lots(Qty(steps)));
    let position = engine.positions().net(instrument);
    let [ours, others] = [Owner::Us, Owner::Others].map(|owner| engine.ledger(instrument, owner));
    InstrumentStatus {
        symbol,
        is_traded: engine.strategies().any(|strategy| strategy.instrument == instrument),
        lots: lots(position.qty),
        average_price: spec.map_or(0.0, |spec| position.average_price() * spec.tick_size),
        external_lots: lots(engine.external(instrument)),
        floating: engine.floating_of(instrument),
        ours: ours.amounts,
        deal_count: ours.deal_count,
        traded_lots: lots(ours.qty),
        others: others.amounts,
        others_deal_count: others.deal_count,
        others_traded_lots: lots(others.qty),
    }
}
