//! Positions, computed from fills alone.
//!
//! What it is not: the venue's word; that is compared with this, never copied over it.
//!
//! Invariant: per instrument, the net quantity is the sum of all fills counted, bought less sold, less what the operator wrote off,
//! and never of anything else.

mod state;

use crate::types::{DealEntry, INSTRUMENTS_MAX, InstrumentId, Money, Qty, Side};

/// Positions kept apart at one time (hedging accounts hold many a symbol).
pub const POSITIONS_MAX: usize = 1_024;

/// One instrument's net position.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Position {
    /// Net volume, steps; negative is short.
    pub qty: i64,
    /// Sum of price times signed volume of what is open, ticks times steps: divided by `qty`, the average price.
    pub open_value: i64,
    /// Realised profit, costs included.
    pub realised: Money,
    /// Fills counted.
    pub fill_count: u64,
}

impl Position {
    /// Average open price in ticks; zero when flat.
    pub fn average_price(&self) -> f64 {
        if self.qty == 0 { 0.0 } else { self.open_value as f64 / self.qty as f64 }
    }

    /// What closing at `price` would move the value by: ticks times steps.
    pub fn open_move(&self, price: i64) -> i64 {
        price.saturating_mul(self.qty).saturating_sub(self.open_value)
    }
}

/// A fill as the venue told it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Fill {
    /// Of which symbol.
    pub instrument: InstrumentId,
    /// The venue's stable identifier of the position.
    pub identifier: u64,
    /// Which way the deal went.
    pub side: Side,
    /// Volume in steps, positive.
    pub qty: Qty,
    /// Price in ticks.
    pub price: i64,
    /// Whether it opens or closes.
    pub entry: DealEntry,
    /// Profit, commission, swap and fee together.
    pub realised: Money,
}

/// Ticket by ticket, for hedging accounts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket {
    /// Of which symbol.
    pub instrument: InstrumentId,
    /// Signed volume, steps.
    pub qty: i64,
}

/// The positions of all instruments.
#[derive(Clone, Debug)]
pub struct PositionBook {
    net: Box<[Position]>,
    /// Sorted by identifier and instrument, for two venues may number alike; its capacity is taken once.
    tickets: Vec<(u64, Ticket)>,
    untracked_count: u64,
}

impl Default for PositionBook {
    fn default() -> Self {
        PositionBook {
            net: vec![Position::default(); INSTRUMENTS_MAX].into(),
            tickets: Vec::with_capacity(POSITIONS_MAX),
            untracked_count: 0,
        }
    }
}

impl PositionBook {
    /// Counts a fill.
    pub fn fill(&mut self, fill: &Fill) {
        let Some(index) = fill.instrument.index() else { return };
        let position = &mut self.net[index];
        let signed = fill.side.sign() * fill.qty.0;
        let before = position.qty;
        position.fill_count += 1;
        position.realised = position.realised.plus(fill.realised);
        position.qty = before.saturating_add(signed);
        position.open_value = if before == 0 || before.signum() == signed.signum() {
            position.open_value.saturating_add(fill.price.saturating_mul(signed))
        } else if position.qty == 0 {
            0
        } else if position.qty.signum() == before.signum() {
            // Reduced: what stays keeps its average price.
            (i128::from(position.open_value) * i128::from(position.qty) / i128::from(before)) as i64
        } else {
            fill.price.saturating_mul(position.qty)
        };
        self.ticket(fill, signed);
    }

    fn ticket(&mut self, fill: &Fill, signed: i64) {
        if fill.identifier == 0 || signed == 0 {
            return;
        }
        let key = (fill.identifier, fill.instrument);
        match self.tickets.binary_search_by_key(&key, |(identifier, ticket)| (*identifier, ticket.instrument))
        {
            Ok(at) => {
                let ticket = &mut self.tickets[at].1;
                ticket.qty = ticket.qty.saturating_add(signed);
                if ticket.qty == 0 {
                    self.tickets.remove(at);
                }
            }
            Err(_) if self.tickets.len() == POSITIONS_MAX => self.untracked_count += 1,
            Err(at) => {
                self.tickets
                    .insert(at, (fill.identifier, Ticket { instrument: fill.instrument, qty: signed }));
            }
        }
    }

    /// Takes `qty` steps away from a net position, at its average price and so without profit: of tickets that `is_listed` does
    /// not know first, then of the oldest.
    ///
    /// # Panics
    /// When there is less.
    pub fn write_off(&mut self, instrument: InstrumentId, qty: i64, is_listed: impl Fn(u64) -> bool) {
        let Some(index) = instrument.index() else { return };
        let position = &mut self.net[index];
        let before = position.qty;
        assert!(0 <= qty && qty <= before.abs(), "expected at most {before} to be written off, got {qty}");
        if qty == 0 {
            return;
        }
        position.qty -= qty * before.signum();
        position.open_value =
            (i128::from(position.open_value) * i128::from(position.qty) / i128::from(before)) as i64;
        let mut left = qty;
        for spares_listed in [true, false] {
            for (identifier, ticket) in &mut self.tickets {
                let is_of = ticket.instrument == instrument && ticket.qty.signum() == before.signum();
                if is_of && !(spares_listed && is_listed(*identifier)) {
                    let part = left.min(ticket.qty.abs());
                    ticket.qty -= part * before.signum();
                    left -= part;
                }
            }
        }
        self.tickets.retain(|(_, ticket)| ticket.qty != 0);
    }

    /// Fills whose ticket had no room; their instrument's net position counts them all the same.
    pub fn untracked_count(&self) -> u64 {
        self.untracked_count
    }

    /// Net position of an instrument.
    #[inline]
    pub fn net(&self, instrument: InstrumentId) -> &Position {
        const FLAT: Position = Position { qty: 0, open_value: 0, realised: Money::ZERO, fill_count: 0 };
        instrument.index().map_or(&FLAT, |index| &self.net[index])
    }

    /// Open tickets of an instrument: identifier and signed volume.
    pub fn tickets(&self, instrument: InstrumentId) -> impl Iterator<Item = (u64, i64)> {
        self.tickets
            .iter()
            .filter(move |(_, ticket)| ticket.instrument == instrument)
            .map(|(identifier, ticket)| (*identifier, ticket.qty))
    }

    /// Realised profit of everything, costs included.
    pub fn realised(&self) -> Money {
        self.net.iter().fold(Money::ZERO, |sum, position| sum.plus(position.realised))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fill(side: Side, qty: i64, price: i64) -> Fill {
        Fill {
            instrument: InstrumentId(1),
            identifier: 9,
            side,
            qty: Qty(qty),
            price,
            entry: DealEntry::In,
            realised: Money(-1),
        }
    }

    #[test]
    fn averages_through_adding_reducing_and_reversing() {
        let mut book = PositionBook::default();
        book.fill(&fill(Side::Buy, 10, 100));
        book.fill(&fill(Side::Buy, 10, 110));
        assert_eq!((book.net(InstrumentId(1)).qty, book.net(InstrumentId(1)).average_price()), (20, 105.0));
        book.fill(&fill(Side::Sell, 5, 120));
        assert_eq!((book.net(InstrumentId(1)).qty, book.net(InstrumentId(1)).average_price()), (15, 105.0));
        assert_eq!(book.net(InstrumentId(1)).open_move(115), 150);
        book.fill(&fill(Side::Sell, 20, 90));
        assert_eq!((book.net(InstrumentId(1)).qty, book.net(InstrumentId(1)).average_price()), (-5, 90.0));
        assert_eq!(book.tickets(InstrumentId(1)).collect::<Vec<_>>(), [(9, -5)]);
        book.fill(&fill(Side::Buy, 5, 80));
        assert_eq!((book.net(InstrumentId(1)).qty, book.net(InstrumentId(1)).open_value), (0, 0));
        assert_eq!(book.tickets(InstrumentId(1)).count(), 0);
        assert_eq!(book.realised(), Money(-5));
    }

    #[test]
    fn what_is_written_off_leaves_the_average_and_the_tickets_that_are_listed() {
        let mut book = PositionBook::default();
        for (identifier, qty, price) in [(7, 4, 100), (8, 6, 110), (9, 10, 120)] {
            book.fill(&Fill { identifier, ..fill(Side::Sell, qty, price) });
        }
        let average = book.net(InstrumentId(1)).average_price();
        book.write_off(InstrumentId(1), 8, |identifier| identifier != 8);
        assert_eq!(book.tickets(InstrumentId(1)).collect::<Vec<_>>(), [(7, -2), (9, -10)]);
        assert_eq!(
            (book.net(InstrumentId(1)).qty, book.net(InstrumentId(1)).average_price()),
            (-12, average)
        );
        book.write_off(InstrumentId(1), 12, |_| true);
        let flat = book.net(InstrumentId(1));
        assert_eq!((flat.qty, flat.open_value, flat.realised, flat.fill_count), (0, 0, Money(-3), 3));
        assert_eq!(book.tickets(InstrumentId(1)).count(), 0);
    }

    #[test]
    fn venues_may_number_their_positions_alike() {
        let mut book = PositionBook::default();
        book.fill(&fill(Side::Buy, 10, 100));
        book.fill(&Fill { instrument: InstrumentId(5), ..fill(Side::Sell, 3, 200) });
        book.fill(&fill(Side::Sell, 4, 110));
        assert_eq!(book.tickets(InstrumentId(1)).collect::<Vec<_>>(), [(9, 6)]);
        assert_eq!(book.tickets(InstrumentId(5)).collect::<Vec<_>>(), [(9, -3)]);
    }

    proptest! {
        #[test]
        fn net_is_the_sum_of_fills(fills in proptest::collection::vec((any::<bool>(), 1i64..100, 1i64..1000), 0..100)) {
            let mut book = PositionBook::default();
            let mut sum = 0;
            for (buy, qty, price) in fills {
                let side = if buy { Side::Buy } else { Side::Sell };
                sum += side.sign() * qty;
                book.fill(&fill(side, qty, price));
            }
            prop_assert_eq!(book.net(InstrumentId(1)).qty, sum);
            prop_assert_eq!(book.tickets(InstrumentId(1)).map(|(_, qty)| qty).sum::<i64>(), sum);
        }
    }
}
