//! Positions as the exits see them, as words.
//!
//! What it is not: the plan of the exits; the setup has that.
//!
//! Invariant: what was saved and loaded hashes and wants as what was saved.

use super::{Holding, Stops, TOLD_MAX, Told, Watch};
use crate::order::POSITIONS_MAX;
use crate::types::{InstrumentId, Price, Side, StateError, StateSink, StateSource};

/// Words of one holding.
const HOLDING_WORDS: usize = 14;

impl Watch {
    /// Tells its words.
    pub fn save(&self, sink: &mut impl StateSink) {
        let Watch { holdings, counts: _, told, told_next } = self;
        sink.word(holdings.len() as u64);
        holdings.iter().for_each(|holding| save_holding(holding, sink));
        // Oldest first: where the ring stands does not matter.
        let (late, early) = told.split_at(*told_next);
        for Told { order_id, position, stops } in early.iter().chain(late) {
            sink.word(*order_id);
            sink.word(*position);
            sink.signed(stops.stop.0);
            sink.signed(stops.take.0);
        }
    }

    /// Takes the words of [`Watch::save`].
    pub fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        *self = Watch::default();
        for _ in 0..source.count("positions with exits", POSITIONS_MAX, HOLDING_WORDS)? {
            let holding = load_holding(source)?;
            if let Some(index) = holding.instrument.index() {
                self.counts[index] += 1;
                self.holdings.push(holding);
            }
        }
        self.holdings.sort_unstable_by_key(|holding| (holding.instrument, holding.ticket));
        for at in 0..TOLD_MAX {
            let (order_id, position) = (source.word("an order's stops")?, source.word("a position's stops")?);
            self.told[at] = Told { order_id, position, stops: load_stops(source)? };
        }
        Ok(())
    }
}

fn save_holding(holding: &Holding, sink: &mut impl StateSink) {
    let Holding {
        instrument,
        ticket,
        side,
        qty,
        opened,
        open_value,
        entry_id,
        since,
        best,
        stops,
        tightest,
        bare_since,
        is_stop_refused,
        leave_refused,
        last_move,
    } = holding;
    let flags = side.index() as u64 | u64::from(*is_stop_refused) << 1 | u64::from(stops.is_some()) << 2;
    sink.word(u64::from(instrument.0) << 8 | flags);
    sink.word(*ticket);
    [*qty, *opened, *open_value].into_iter().for_each(|number| sink.signed(number));
    sink.word(*entry_id);
    let told = stops.unwrap_or(Stops::NONE);
    [*best, *tightest, told.stop, told.take].into_iter().for_each(|price| sink.signed(price.0));
    [*since, *bare_since, *leave_refused, *last_move].into_iter().for_each(|time| sink.time(time));
}

fn load_holding(source: &mut StateSource<'_>) -> Result<Holding, StateError> {
    let head = source.at_most("a position's flags", u64::from(u16::MAX) << 8 | 7)?;
    let ticket = source.word("a position's ticket")?;
    let mut volumes = [0; 3];
    for volume in &mut volumes {
        *volume = source.signed("a position's volume")?;
    }
    let entry_id = source.word("a position's entry")?;
    let mut prices = [Price::NONE; 4];
    for price in &mut prices {
        *price = Price(source.signed("a position's price")?);
    }
    let [best, tightest, stop, take] = prices;
    Ok(Holding {
        instrument: InstrumentId((head >> 8) as u16),
        ticket,
        side: Side::BOTH[(head & 1) as usize],
        qty: volumes[0],
        opened: volumes[1],
        open_value: volumes[2],
        entry_id,
        since: source.time("a position's beginning")?,
        best,
        stops: (head & 4 != 0).then_some(Stops { stop, take }),
        tightest,
        bare_since: source.time("a position's bareness")?,
        is_stop_refused: head & 2 != 0,
        leave_refused: source.time("a position's refusal")?,
        last_move: source.time("a position's last move")?,
    })
}

fn load_stops(source: &mut StateSource<'_>) -> Result<Stops, StateError> {
    let stop = Price(source.signed("a stop loss")?);
    Ok(Stops { stop, take: Price(source.signed("a take profit")?) })
}
