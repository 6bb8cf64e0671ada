//! What a quote sets off: expiry, activation of pending orders, stop loss and take profit, swaps at midnight, stop out.
//!
//! What it is not: requests of the terminal (`broker.rs`, `changes.rs`).
//!
//! Invariant: one quote activates an order at most once, and a position is closed by its levels at the first quote that
//! reaches them; a position opened by this very quote is checked at the next one.

use super::account::cents;
use super::broker::{Broker, Moment};
use super::orders::{Order, OrderState, Position, Reason, text};
use super::request::Request;
use crate::types::{
    Filling, InstrumentSpec, OrderAction, OrderKind, Price, Side, TimeInForce, TransactionKind,
};

const DAY_MS: i64 = 86_400_000;

impl Broker {
    /// Takes a quote of a symbol, and lets it do what it does.
    pub fn quote(&mut self, symbol: usize, bid: Price, ask: Price, now: Moment) {
        let before_msc = self.symbols[symbol].quoted_msc;
        let quoted = &mut self.symbols[symbol];
        (quoted.bid, quoted.ask, quoted.quoted_msc) = (bid, ask, now.server_msc);
        if self.account.positions.is_empty() && self.account.orders.is_empty() {
            return;
        }
        if before_msc != 0 && before_msc.div_euclid(DAY_MS) < now.server_msc.div_euclid(DAY_MS) {
            self.roll_over(symbol, now);
        }
        self.expire(symbol, now);
        if !self.symbols[symbol].is_quoted() || !self.symbols[symbol].open {
            return;
        }
        self.levels(symbol, now);
        self.activate(symbol, now);
        self.stop_out(now);
    }

    fn roll_over(&mut self, symbol: usize, now: Moment) {
        // Server days count from Thursday; the night to Thursday is paid three times.
        let nights = if now.server_msc.div_euclid(DAY_MS).rem_euclid(7) == 0 { 3.0 } else { 1.0 };
        let rules = &self.symbols[symbol];
        let value = |points: f64, volume: i64| {
            let ticks = points * rules.spec.point / rules.spec.tick_size;
            cents(nights * ticks * rules.spec.tick_value * volume as f64 * rules.spec.volume_step)
        };
        for position in self.account.positions.iter_mut().filter(|position| position.symbol == symbol) {
            let points = match position.side {
                Side::Buy => rules.swap_long_points,
                Side::Sell => rules.swap_short_points,
            };
            position.swap = position.swap.plus(value(points, position.volume));
        }
    }

    fn expire(&mut self, symbol: usize, now: Moment) {
        let over = |order: &&Order| {
            let day_over = order.setup_msc.div_euclid(DAY_MS) < now.server_msc.div_euclid(DAY_MS);
            order.symbol == symbol
                && match order.time_type {
                    TimeInForce::GoodTillCancel => false,
                    TimeInForce::Day => day_over,
                    TimeInForce::Specified => now.server_msc >= order.expiration_s * 1_000,
                    TimeInForce::SpecifiedDay => {
                        now.server_msc.div_euclid(DAY_MS) > (order.expiration_s * 1_000).div_euclid(DAY_MS)
                    }
                }
        };
        let expired: Vec<Order> = self.account.orders.iter().filter(over).cloned().collect();
        for order in expired {
            self.finish(order, OrderState::Expired, now);
            self.report();
        }
    }

    fn levels(&mut self, symbol: usize, now: Moment) {
        let hit: Vec<(Position, Reason)> = self
            .account
            .positions
            .iter()
            .filter(|position| position.symbol == symbol)
            .filter_map(|position| {
                let market = self.symbols[symbol].exit_price(position.side).0;
                let beyond = |level: Price, sign: i64| {
                    level.is_some() && (market - level.0) * sign * position.side.sign() >= 0
                };
                let reason = if beyond(position.stop_loss, -1) {
                    Reason::StopLoss
                } else if beyond(position.take_profit, 1) {
                    Reason::TakeProfit
                } else {
                    return None;
                };
                Some((position.clone(), reason))
            })
            .collect();
        for (position, reason) in hit {
            self.close_position(&position, reason, now);
        }
    }

    /// Closes a position by the server's own order.
    pub(super) fn close_position(&mut self, position: &Position, reason: Reason, now: Moment) {
        let side = position.side.opposite();
        let spec = &self.symbols[position.symbol].spec;
        let about = Request {
            order_id: position.magic,
            action: OrderAction::Deal,
            kind: OrderKind::market(side),
            filling: Filling::FillOrKill,
            time_type: TimeInForce::GoodTillCancel,
            symbol: position.symbol,
            volume: position.volume,
            price: Price::NONE,
            stop_limit: Price::NONE,
            stop_loss: Price::NONE,
            take_profit: Price::NONE,
            deviation_points: 0,
            order: 0,
            position: position.ticket,
            position_by: 0,
            expiration_s: 0,
            comment: close_comment(position, reason, spec),
        };
        let mut order = self.new_order(&about, reason, now);
        self.report_order(TransactionKind::OrderAdd, &order);
        let price = self.symbols[position.symbol].entry_price(side);
        self.fill(&mut order, position.volume, price, now);
        self.finish(order, OrderState::Filled, now);
        self.report();
    }

    fn activate(&mut self, symbol: usize, now: Moment) {
        let rules = &self.symbols[symbol];
        let reached = |order: &&Order| {
            let above = rules.entry_price(order.side()).0 - order.price.0;
            order.symbol == symbol
                && match order.kind {
                    OrderKind::BuyLimit | OrderKind::SellStop | OrderKind::SellStopLimit => above <= 0,
                    OrderKind::SellLimit | OrderKind::BuyStop | OrderKind::BuyStopLimit => above >= 0,
                    // A market order that waits for its rest has its own time.
                    OrderKind::Buy | OrderKind::Sell | OrderKind::CloseBy => false,
                }
        };
        let reached: Vec<Order> = self.account.orders.iter().filter(reached).cloned().collect();
        for order in reached {
            match order.kind {
                OrderKind::BuyStopLimit | OrderKind::SellStopLimit => self.become_limit(order),
                _ => self.activate_one(order, now),
            }
            self.report();
        }
    }

    fn become_limit(&mut self, mut order: Order) {
        order.kind = match order.kind {
            OrderKind::BuyStopLimit => OrderKind::BuyLimit,
            _ => OrderKind::SellLimit,
        };
        (order.price, order.stop_limit) = (order.stop_limit, Price::NONE);
        self.report_order(TransactionKind::OrderUpdate, &order);
        let kept = self.account.orders.iter_mut().find(|open| open.ticket == order.ticket);
        if let Some(kept) = kept {
            *kept = order;
        }
    }

    fn activate_one(&mut self, mut order: Order, now: Moment) {
        let about = Request {
            order_id: order.magic,
            action: OrderAction::Pending,
            kind: order.kind,
            filling: order.filling,
            time_type: order.time_type,
            symbol: order.symbol,
            volume: order.volume_open,
            price: order.price,
            stop_limit: Price::NONE,
            stop_loss: order.stop_loss,
            take_profit: order.take_profit,
            deviation_points: 0,
            order: order.ticket,
            position: 0,
            position_by: 0,
            expiration_s: 0,
            comment: order.comment,
        };
        // 10041 at the server: the activation is refused and the order is gone.
        if self.market(now).money(&about, order.side()).is_err() {
            return self.finish(order, OrderState::Rejected, now);
        }
        // A limit order gets its price or a better one; a stop order gets what the market gives.
        let price = self.symbols[order.symbol].entry_price(order.side());
        let volume = order.volume_open;
        self.fill(&mut order, volume, price, now);
        self.finish(order, OrderState::Filled, now);
    }

    fn stop_out(&mut self, now: Moment) {
        loop {
            let figures = self.figures();
            if figures.margin.0 <= 0 || figures.margin_level() >= self.conduct.stop_out_percent {
                return;
            }
            let Some(ticket) = self.account.worst_position(&self.symbols) else { return };
            let Some(position) = self.account.position(ticket).cloned() else { return };
            if !self.symbols[position.symbol].is_quoted() {
                return;
            }
            self.close_position(&position, Reason::StopOut, now);
        }
    }
}

fn close_comment(position: &Position, reason: Reason, spec: &InstrumentSpec) -> [u8; 32] {
    match reason {
        Reason::StopLoss => text(&format!("[sl {}]", spec.price_to_f64(position.stop_loss))),
        Reason::TakeProfit => text(&format!("[tp {}]", spec.price_to_f64(position.take_profit))),
        Reason::StopOut => text("so: margin level"),
        Reason::Expert => [0; 32],
    }
}
