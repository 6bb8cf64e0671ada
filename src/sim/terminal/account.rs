//! An MT5 account, netting or hedging: what a fill does to positions, deals and balance.
//!
//! What it is not: a broker; whether and when something fills is decided in `broker.rs`. No time passes here.
//!
//! Invariant: balance = deposit + profit, commission and swap of all deals, to the cent; the signed volume of all deals of
//! a symbol is the signed volume of its positions; a netting account has at most one position a symbol.

use super::orders::{Deal, Order, Position};
use super::symbol::Symbol;
use crate::types::{DealEntry, MarginMode, Money, Price, Side};

/// The figures of an account at its last quotes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Figures {
    /// Balance.
    pub balance: Money,
    /// Floating profit with swap.
    pub profit: Money,
    /// Balance and floating profit.
    pub equity: Money,
    /// Margin in use.
    pub margin: Money,
}

impl Figures {
    /// Equity without the margin in use.
    pub fn margin_free(&self) -> Money {
        self.equity.minus(self.margin)
    }

    /// Equity in per cent of the margin; zero without margin.
    pub fn margin_level(&self) -> f64 {
        if self.margin.0 == 0 { 0.0 } else { self.equity.as_f64() / self.margin.as_f64() * 100.0 }
    }
}

/// What is filled: a part of an order at a price.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Fill {
    /// Steps, above zero.
    pub volume: i64,
    /// Ticks.
    pub price: Price,
    /// Server milliseconds.
    pub time_msc: i64,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Account {
    /// Netting, exchange or hedging.
    pub mode: MarginMode,
    /// One to so many.
    pub leverage: u32,
    /// Commission of one lot and deal, positive.
    pub commission_per_lot: Money,
    /// Balance.
    pub balance: Money,
    /// Open positions.
    pub positions: Vec<Position>,
    /// Orders that wait.
    pub orders: Vec<Order>,
    /// Orders that are done.
    pub history: Vec<Order>,
    /// Every deal.
    pub deals: Vec<Deal>,
    next_ticket: u64,
}

impl Account {
    /// An account with a deposit; tickets count up from a number that no 32-bit integer holds.
    pub fn new(mode: MarginMode, deposit: Money, leverage: u32, commission_per_lot: Money) -> Self {
        Account {
            mode,
            leverage: leverage.max(1),
            commission_per_lot,
            balance: deposit,
            positions: Vec::new(),
            orders: Vec::new(),
            history: Vec::new(),
            deals: Vec::new(),
            next_ticket: 5_000_000_001,
        }
    }

    /// Whether positions are told apart by ticket.
    pub fn is_hedging(&self) -> bool {
        self.mode == MarginMode::Hedging
    }

    /// A ticket nobody had.
    pub fn ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }

    /// The position with this ticket.
    pub fn position(&self, ticket: u64) -> Option<&Position> {
        self.positions.iter().find(|position| position.ticket == ticket)
    }

    /// The position that a netting account has in a symbol.
    pub fn net_position(&self, symbol: usize) -> Option<&Position> {
        self.positions.iter().find(|position| position.symbol == symbol)
    }

    /// Signed volume of all positions of a symbol, steps.
    pub fn net_volume(&self, symbol: usize) -> i64 {
        let positions = self.positions.iter().filter(|position| position.symbol == symbol);
        positions.map(|position| position.side.sign() * position.volume).sum()
    }

    /// Fills a part of an order; returns the index of the deal it made.
    pub fn fill(&mut self, order: &Order, fill: Fill, symbol: &Symbol) -> usize {
        let index = if self.is_hedging() {
            self.positions.iter().position(|position| position.ticket == order.position)
        } else {
            self.positions.iter().position(|position| position.symbol == order.symbol)
        };
        let deal = match index {
            None => self.open(order, fill),
            Some(index) if self.positions[index].side == order.side() => self.increase(index, order, fill),
            Some(index) => self.reduce(index, order, fill, symbol),
        };
        self.book(deal, symbol)
    }

    fn book(&mut self, mut deal: Deal, symbol: &Symbol) -> usize {
        let lots = deal.volume as f64 * symbol.spec.volume_step;
        deal.commission = cents(-self.commission_per_lot.as_f64() * lots);
        self.balance = self.balance.plus(deal.profit).plus(deal.commission).plus(deal.swap);
        self.deals.push(deal);
        self.deals.len() - 1
    }

    fn deal(&mut self, order: &Order, fill: Fill, position: &Position, entry: DealEntry) -> Deal {
        Deal {
            ticket: self.ticket(),
            order: order.ticket,
            magic: order.magic,
            symbol: order.symbol,
            side: order.side(),
            entry,
            reason: order.reason,
            position_id: position.identifier,
            position: position.ticket,
            position_by: 0,
            volume: fill.volume,
            price: fill.price,
            profit: Money::ZERO,
            commission: Money::ZERO,
            swap: Money::ZERO,
            stop_loss: position.stop_loss,
            take_profit: position.take_profit,
            time_msc: fill.time_msc,
            comment: order.comment,
        }
    }

    fn open(&mut self, order: &Order, fill: Fill) -> Deal {
        let position = Position {
            ticket: order.ticket,
            identifier: order.ticket,
            magic: order.magic,
            symbol: order.symbol,
            side: order.side(),
            volume: fill.volume,
            price_open: fill.price.0 as f64,
            stop_loss: order.stop_loss,
            take_profit: order.take_profit,
            swap: Money::ZERO,
            time_msc: fill.time_msc,
            comment: order.comment,
        };
        let deal = self.deal(order, fill, &position, DealEntry::In);
        self.positions.push(position);
        deal
    }

    fn increase(&mut self, index: usize, order: &Order, fill: Fill) -> Deal {
        let position = &mut self.positions[index];
        let total = position.volume + fill.volume;
        let cost = position.price_open * position.volume as f64 + fill.price.0 as f64 * fill.volume as f64;
        position.price_open = cost / total as f64;
        position.volume = total;
        // The levels of the whole position are those of the last order that named any.
        if order.stop_loss.is_some() {
            position.stop_loss = order.stop_loss;
        }
        if order.take_profit.is_some() {
            position.take_profit = order.take_profit;
        }
        let position = position.clone();
        self.deal(order, fill, &position, DealEntry::In)
    }

    fn reduce(&mut self, index: usize, order: &Order, fill: Fill, symbol: &Symbol) -> Deal {
        let mut position = self.positions[index].clone();
        let closed = fill.volume.min(position.volume);
        let profit = symbol.profit(position.side, position.price_open, fill.price.0 as f64, closed);
        let swap = part(position.swap, closed, position.volume);
        let rest = fill.volume - closed;
        // A hedging broker never fills more than the position holds: what is left over then opens nothing.
        let entry = if rest > 0 { DealEntry::InOut } else { DealEntry::Out };
        if rest > 0 {
            position.ticket = order.ticket;
        }
        let mut deal = self.deal(order, fill, &position, entry);
        (deal.profit, deal.swap) = (profit, swap);
        position.swap = position.swap.minus(swap);
        position.volume -= closed;
        if rest > 0 {
            position.side = position.side.opposite();
            position.volume = rest;
            position.price_open = fill.price.0 as f64;
            (position.stop_loss, position.take_profit) = (order.stop_loss, order.take_profit);
            position.time_msc = fill.time_msc;
            position.magic = order.magic;
            position.swap = Money::ZERO;
        }
        if position.volume == 0 {
            self.positions.remove(index);
        } else {
            self.positions[index] = position;
        }
        deal
    }

    /// Closes two opposite positions with each other, at the first one's opening price; returns the two deals' indices.
    pub fn close_by(&mut self, order: &Order, time_msc: i64, symbol: &Symbol) -> Option<[usize; 2]> {
        let first = self.position(order.position)?.clone();
        let second = self.position(order.position_by)?.clone();
        let volume = first.volume.min(second.volume);
        let price = Price(second.price_open.round() as i64);
        let other_price = Price(first.price_open.round() as i64);
        let mut indices = [0; 2];
        for (slot, (position, other, price)) in
            [(&first, &second, price), (&second, &first, other_price)].into_iter().enumerate()
        {
            let mut deal = self.deal(order, Fill { volume, price, time_msc }, position, DealEntry::OutBy);
            deal.side = position.side.opposite();
            deal.position_by = other.ticket;
            // The whole result stands on the first deal; the second one closes at its own opening price.
            if slot == 0 {
                deal.profit = symbol.profit(position.side, position.price_open, other.price_open, volume);
            }
            deal.swap = part(position.swap, volume, position.volume);
            let swap = deal.swap;
            indices[slot] = self.book(deal, symbol);
            let index = self.positions.iter().position(|held| held.ticket == position.ticket)?;
            let held = &mut self.positions[index];
            held.volume -= volume;
            held.swap = held.swap.minus(swap);
            if held.volume == 0 {
                self.positions.remove(index);
            }
        }
        Some(indices)
    }

    /// The figures at these quotes.
    pub fn figures(&self, symbols: &[Symbol]) -> Figures {
        let profit = self.positions.iter().fold(Money::ZERO, |sum, position| {
            sum.plus(symbols[position.symbol].floating(position)).plus(position.swap)
        });
        let margin = (0..symbols.len()).fold(Money::ZERO, |sum, index| {
            sum.plus(symbols[index].margin(self.larger_leg(index), self.leverage))
        });
        Figures { balance: self.balance, profit, equity: self.balance.plus(profit), margin }
    }

    /// Volume of the larger side of a symbol: what margin is asked for.
    pub fn larger_leg(&self, symbol: usize) -> i64 {
        Side::BOTH.map(|side| self.side_volume(symbol, side)).into_iter().max().unwrap_or(0)
    }

    /// Volume of all positions of one side, steps.
    pub fn side_volume(&self, symbol: usize, side: Side) -> i64 {
        let held =
            self.positions.iter().filter(|position| position.symbol == symbol && position.side == side);
        held.map(|position| position.volume).sum()
    }

    /// The position that loses most: the one that a stop out closes.
    pub fn worst_position(&self, symbols: &[Symbol]) -> Option<u64> {
        let worst = self.positions.iter().min_by_key(|position| symbols[position.symbol].floating(position));
        worst.map(|position| position.ticket)
    }
}

/// Rounded to the account's cents, as a server books it.
pub(super) fn cents(amount: f64) -> Money {
    Money::from_f64((amount * 100.0).round() / 100.0).unwrap_or(Money::ZERO)
}

fn part(whole: Money, volume: i64, of: i64) -> Money {
    if volume == of { whole } else { cents(whole.as_f64() * volume as f64 / of as f64) }
}
