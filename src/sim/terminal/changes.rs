//! Requests that do not trade at once: pending orders, new levels, removal, closing by an opposite position.
//!
//! What it is not: what quotes do to what waits (`triggers.rs`).
//!
//! Invariant: volume and kind of a waiting order never change; zero for a level deletes it, as in MT5.

use super::broker::{Broker, Moment};
use super::orders::{Order, OrderState, Reason};
use super::report::{self, Outcome};
use super::request::Request;
use super::retcode;
use crate::types::{OrderKind, Price, TransactionKind};

impl Broker {
    pub(super) fn place(&mut self, request: &Request, now: Moment) -> Outcome {
        let mut order = self.new_order(request, Reason::Expert, now);
        self.report_order(TransactionKind::OrderAdd, &order);
        order.state = OrderState::Placed;
        self.report_order(TransactionKind::OrderUpdate, &order);
        let outcome =
            Outcome { volume: order.volume_open, price: order.price, ..Outcome::done(order.ticket) };
        self.account.orders.push(order);
        outcome
    }

    fn waiting(&self, ticket: u64) -> Result<usize, u32> {
        let index = self.account.orders.iter().position(|order| order.ticket == ticket);
        index.ok_or(retcode::INVALID)
    }

    pub(super) fn modify(&mut self, request: &Request, now: Moment) -> Result<Outcome, u32> {
        let index = self.waiting(request.order)?;
        let mut order = self.account.orders[index].clone();
        // A market order that waits for the rest of its volume cannot be changed.
        if matches!(order.kind, OrderKind::Buy | OrderKind::Sell) {
            return Err(retcode::INVALID);
        }
        let about = Request { symbol: order.symbol, ..*request };
        self.market(now).modify(&order, &about)?;
        (order.price, order.stop_limit) = (request.price, request.stop_limit);
        (order.stop_loss, order.take_profit) = (request.stop_loss, request.take_profit);
        (order.time_type, order.expiration_s) = (request.time_type, request.expiration_s);
        self.report_order(TransactionKind::OrderUpdate, &order);
        let ticket = order.ticket;
        self.account.orders[index] = order;
        Ok(Outcome::done(ticket))
    }

    pub(super) fn remove(&mut self, request: &Request, now: Moment) -> Result<Outcome, u32> {
        let order = self.account.orders[self.waiting(request.order)?].clone();
        self.market(now).open(order.symbol)?;
        self.market(now).frozen_order(&order)?;
        let ticket = order.ticket;
        self.finish(order, OrderState::Canceled, now);
        Ok(Outcome::done(ticket))
    }

    pub(super) fn set_levels(&mut self, request: &Request, now: Moment) -> Result<Outcome, u32> {
        let index = self.account.positions.iter().position(|position| {
            if self.account.is_hedging() {
                position.ticket == request.position
            } else {
                position.symbol == request.symbol
            }
        });
        let index = index.ok_or(retcode::POSITION_CLOSED)?;
        self.market(now).stop_levels(&self.account.positions[index], request)?;
        let position = &mut self.account.positions[index];
        (position.stop_loss, position.take_profit) = (request.stop_loss, request.take_profit);
        let wire = report::position_transaction(position, &self.symbols[position.symbol]);
        self.batch.push(wire);
        Ok(Outcome::done(0))
    }

    pub(super) fn close_by(&mut self, request: &Request, now: Moment) -> Result<Outcome, u32> {
        let first = self.account.position(request.position).ok_or(retcode::POSITION_CLOSED)?;
        let second = self.account.position(request.position_by).ok_or(retcode::POSITION_CLOSED)?;
        if first.symbol != second.symbol || first.side == second.side {
            return Err(retcode::INVALID);
        }
        let (symbol, side) = (first.symbol, first.side);
        let volume = first.volume.min(second.volume);
        self.market(now).open(symbol)?;
        let about = Request { symbol, volume, kind: OrderKind::CloseBy, price: Price::NONE, ..*request };
        let mut order: Order = self.new_order(&about, Reason::Expert, now);
        self.report_order(TransactionKind::OrderAdd, &order);
        // Deals of a close-by have the side that closes each position.
        order.kind = OrderKind::market(side.opposite());
        let deals = self.account.close_by(&order, now.server_msc, &self.symbols[symbol]);
        order.kind = OrderKind::CloseBy;
        let deals = deals.ok_or(retcode::POSITION_CLOSED)?;
        for index in deals {
            let deal = &self.account.deals[index];
            self.batch.push(report::deal_transaction(deal, &self.symbols[symbol]));
        }
        let ticket = order.ticket;
        order.volume_open = 0;
        self.finish(order, OrderState::Filled, now);
        let deal = self.account.deals[deals[0]].ticket;
        Ok(Outcome { deal, volume, ..Outcome::done(ticket) })
    }
}
