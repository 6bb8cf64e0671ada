//! A command as the broker understands it.
//!
//! What it is not: checked against the market or the account (`checks.rs`).
//!
//! Invariant: volumes and prices are on the symbol's grid, or the command is refused with the code that MT5 gives.

use super::retcode;
use super::symbol::Symbol;
use crate::types::{Filling, OrderAction, OrderKind, Price, Qty, TimeInForce};
use crate::wire::terminal::body::Command;

/// `MqlTradeRequest`, converted.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Request {
    /// `magic`.
    pub order_id: u64,
    /// What to do.
    pub action: OrderAction,
    /// With which kind of order.
    pub kind: OrderKind,
    /// How to fill it.
    pub filling: Filling,
    /// How long it lives.
    pub time_type: TimeInForce,
    /// Index of the symbol.
    pub symbol: usize,
    /// Steps.
    pub volume: i64,
    /// Ticks.
    pub price: Price,
    /// Ticks.
    pub stop_limit: Price,
    /// Ticks.
    pub stop_loss: Price,
    /// Ticks.
    pub take_profit: Price,
    /// Worst accepted distance, points.
    pub deviation_points: u32,
    /// Order ticket.
    pub order: u64,
    /// Position ticket.
    pub position: u64,
    /// Position ticket.
    pub position_by: u64,
    /// Server seconds.
    pub expiration_s: i64,
    /// Text.
    pub comment: [u8; 32],
}

impl Request {
    /// Converts, or says with which code it is refused.
    pub fn parse(command: &Command, symbols: &[Symbol]) -> Result<Request, u32> {
        let action = OrderAction::from_code(command.action).ok_or(retcode::INVALID)?;
        let kind = OrderKind::from_code(command.order_type).ok_or(retcode::INVALID_ORDER)?;
        let named = symbols.iter().position(|symbol| *symbol.spec.symbol.bytes() == command.symbol);
        // MODIFY, REMOVE and CLOSE_BY are about a ticket and need no symbol.
        let by_ticket = matches!(action, OrderAction::Modify | OrderAction::Remove | OrderAction::CloseBy);
        let unnamed = by_ticket && command.symbol == [0; 32];
        let symbol = named.or(unnamed.then_some(0)).ok_or(retcode::INVALID)?;
        let spec = &symbols[symbol].spec;
        let price = |value: f64, code: u32| match value {
            0.0 => Ok(Price::NONE),
            _ => spec.price(value).ok().filter(|price| price.0 > 0).ok_or(code),
        };
        Ok(Request {
            order_id: command.order_id,
            action,
            kind,
            filling: Filling::from_code(command.filling).ok_or(retcode::INVALID_FILL)?,
            time_type: TimeInForce::from_code(command.time_type).ok_or(retcode::INVALID_EXPIRATION)?,
            symbol,
            volume: spec.qty(command.volume).unwrap_or(Qty(-1)).0,
            price: price(command.price, retcode::INVALID_PRICE)?,
            stop_limit: price(command.stop_limit, retcode::INVALID_PRICE)?,
            stop_loss: price(command.price_sl, retcode::INVALID_STOPS)?,
            take_profit: price(command.price_tp, retcode::INVALID_STOPS)?,
            deviation_points: command.deviation_points,
            order: command.order,
            position: command.position,
            position_by: command.position_by,
            expiration_s: command.expiration_s,
            comment: command.comment,
        })
    }
}
