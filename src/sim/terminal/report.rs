//! What the account has, as the messages of the protocol.
//!
//! What it is not: the decision what to report and when (`broker.rs`, `session.rs`).
//!
//! Invariant: a transaction carries only what MT5 fills for its type (mt5 facts, section 8), and what a terminal can look up
//! by ticket is marked as looked up.

use super::account::Figures;
use super::orders::{Deal, Order, OrderState, Position, text};
use super::request::Request;
use super::retcode;
use super::symbol::Symbol;
use crate::record::Layout;
use crate::types::{MarginMode, Price, Side, TransactionKind};
use crate::wire::terminal::body;

/// The outcome of a request, as `MqlTradeResult` has it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Outcome {
    pub(super) retcode: u32,
    pub(super) deal: u64,
    pub(super) order: u64,
    pub(super) volume: i64,
    pub(super) price: Price,
}

impl Outcome {
    /// Refused.
    pub(super) fn refused(retcode: u32) -> Self {
        Outcome { retcode, deal: 0, order: 0, volume: 0, price: Price::NONE }
    }

    /// Done, without a deal.
    pub(super) fn done(order: u64) -> Self {
        Outcome { retcode: retcode::DONE, deal: 0, order, volume: 0, price: Price::NONE }
    }
}

fn blank(kind: TransactionKind, symbol: usize) -> body::Transaction {
    let mut wire = body::Transaction::read(&[0; body::Transaction::BYTES]);
    (wire.transaction, wire.symbol_id) = (kind.code(), symbol as u16);
    wire
}

/// An order's transaction; `volume` is what is not filled.
pub(super) fn order_transaction(kind: TransactionKind, order: &Order, symbol: &Symbol) -> body::Transaction {
    let spec = &symbol.spec;
    let mut wire = blank(kind, order.symbol);
    (wire.order_type, wire.order_state, wire.time_type) =
        (order.kind.code(), order.state as u8, order.time_type.code());
    (wire.reason, wire.filling, wire.looked_up) = (order.reason as u8, order.filling.code(), 1);
    wire.order = order.ticket;
    // The reference: the position is not filled on ORDER_ADD.
    if kind != TransactionKind::OrderAdd {
        (wire.position, wire.position_by) = (order.position, order.position_by);
    }
    (wire.price, wire.price_trigger) = (spec.price_to_f64(order.price), spec.price_to_f64(order.stop_limit));
    (wire.price_sl, wire.price_tp) =
        (spec.price_to_f64(order.stop_loss), spec.price_to_f64(order.take_profit));
    (wire.volume, wire.volume_initial) =
        (lots(symbol, order.volume_open), lots(symbol, order.volume_initial));
    wire.time_expiration_s = order.expiration_s;
    (wire.magic, wire.position_id) = (order.magic, order.position);
    wire.time_msc = if order.done_msc != 0 { order.done_msc } else { order.setup_msc };
    wire.comment = order.comment;
    wire
}

/// A deal's transaction.
pub(super) fn deal_transaction(deal: &Deal, symbol: &Symbol) -> body::Transaction {
    let spec = &symbol.spec;
    let mut wire = blank(TransactionKind::DealAdd, deal.symbol);
    (wire.deal_type, wire.entry, wire.reason) = (deal.side as u8, deal.entry.code(), deal.reason as u8);
    wire.looked_up = 1;
    (wire.deal, wire.order, wire.position, wire.position_by) =
        (deal.ticket, deal.order, deal.position, deal.position_by);
    wire.price = spec.price_to_f64(deal.price);
    (wire.price_sl, wire.price_tp) = (spec.price_to_f64(deal.stop_loss), spec.price_to_f64(deal.take_profit));
    wire.volume = lots(symbol, deal.volume);
    (wire.magic, wire.position_id, wire.time_msc) = (deal.magic, deal.position_id, deal.time_msc);
    (wire.profit, wire.commission, wire.swap) =
        (deal.profit.as_f64(), deal.commission.as_f64(), deal.swap.as_f64());
    wire.comment = deal.comment;
    wire
}

/// A deal whose ticket the terminal could not look up: what MT5's own event has is true, and everything else is zero.
pub(in crate::sim) fn not_looked_up(wire: &mut body::Transaction) {
    (wire.looked_up, wire.entry, wire.reason) = (0, 0, 0);
    (wire.magic, wire.position_id, wire.time_msc) = (0, 0, 0);
    (wire.profit, wire.commission, wire.swap, wire.fee) = (0.0, 0.0, 0.0, 0.0);
    wire.comment = [0; 32];
}

/// A change of a position that no deal made.
pub(super) fn position_transaction(position: &Position, symbol: &Symbol) -> body::Transaction {
    let spec = &symbol.spec;
    let mut wire = blank(TransactionKind::Position, position.symbol);
    (wire.deal_type, wire.looked_up) = (position.side as u8, 1);
    (wire.position, wire.position_id, wire.magic) = (position.ticket, position.identifier, position.magic);
    wire.price = open_price(position, symbol);
    (wire.price_sl, wire.price_tp) =
        (spec.price_to_f64(position.stop_loss), spec.price_to_f64(position.take_profit));
    wire.volume = lots(symbol, position.volume);
    (wire.profit, wire.swap) = (symbol.floating(position).as_f64(), position.swap.as_f64());
    wire.time_msc = position.time_msc;
    wire
}

/// The final word on a request.
pub(super) fn request_transaction(
    request: &Request,
    request_id: u32,
    outcome: Outcome,
    symbol: &Symbol,
) -> body::Transaction {
    let spec = &symbol.spec;
    let mut wire = blank(TransactionKind::Request, request.symbol);
    (wire.action, wire.order_type, wire.filling) =
        (request.action.code(), request.kind.code(), request.filling.code());
    (wire.retcode, wire.request_id, wire.looked_up) = (outcome.retcode, request_id, 1);
    (wire.deal, wire.order) = (outcome.deal, outcome.order);
    (wire.position, wire.position_by) = (request.position, request.position_by);
    (wire.volume, wire.price) = (lots(symbol, outcome.volume), spec.price_to_f64(outcome.price));
    (wire.bid, wire.ask) = (spec.price_to_f64(symbol.bid), spec.price_to_f64(symbol.ask));
    wire.magic = request.order_id;
    wire.time_msc = symbol.quoted_msc;
    wire.comment = text(retcode::words(outcome.retcode));
    wire
}

/// An order in a snapshot.
pub(in crate::sim) fn order_state(request: u64, order: &Order, symbol: &Symbol) -> body::OrderState {
    let spec = &symbol.spec;
    body::OrderState {
        request,
        ticket: order.ticket,
        magic: order.magic,
        position: order.position,
        position_by: order.position_by,
        symbol_id: order.symbol as u16,
        order_type: order.kind.code(),
        order_state: order.state as u8,
        time_type: order.time_type.code(),
        filling: order.filling.code(),
        reason: order.reason as u8,
        history: u8::from(!matches!(
            order.state,
            OrderState::Started | OrderState::Placed | OrderState::Partial
        )),
        price: spec.price_to_f64(order.price),
        price_trigger: spec.price_to_f64(order.stop_limit),
        price_sl: spec.price_to_f64(order.stop_loss),
        price_tp: spec.price_to_f64(order.take_profit),
        volume_initial: lots(symbol, order.volume_initial),
        volume_current: lots(symbol, order.volume_open),
        time_expiration_s: order.expiration_s,
        time_setup_msc: order.setup_msc,
        time_done_msc: order.done_msc,
        comment: order.comment,
    }
}

/// A position in a snapshot.
pub(in crate::sim) fn position_state(
    request: u64,
    position: &Position,
    symbol: &Symbol,
) -> body::PositionState {
    let spec = &symbol.spec;
    body::PositionState {
        request,
        ticket: position.ticket,
        identifier: position.identifier,
        magic: position.magic,
        symbol_id: position.symbol as u16,
        position_type: position.side as u8,
        reason: 3,
        reserved: 0,
        volume: lots(symbol, position.volume),
        price_open: open_price(position, symbol),
        price_sl: spec.price_to_f64(position.stop_loss),
        price_tp: spec.price_to_f64(position.take_profit),
        profit: symbol.floating(position).as_f64(),
        swap: position.swap.as_f64(),
        time_msc: position.time_msc,
        comment: position.comment,
    }
}

/// A deal in a snapshot.
pub(in crate::sim) fn deal_state(request: u64, deal: &Deal, symbol: &Symbol) -> body::DealState {
    body::DealState {
        request,
        ticket: deal.ticket,
        order: deal.order,
        magic: deal.magic,
        position_id: deal.position_id,
        symbol_id: deal.symbol as u16,
        deal_type: deal.side as u8,
        entry: deal.entry.code(),
        reason: deal.reason as u8,
        reserved: [0; 3],
        volume: lots(symbol, deal.volume),
        price: symbol.spec.price_to_f64(deal.price),
        profit: deal.profit.as_f64(),
        commission: deal.commission.as_f64(),
        swap: deal.swap.as_f64(),
        fee: 0.0,
        time_msc: deal.time_msc,
        comment: deal.comment,
    }
}

/// The account's figures.
pub(super) fn account_state(
    figures: Figures,
    mode: MarginMode,
    leverage: u32,
    server: (i64, i32),
) -> body::AccountState {
    let (time_msc, server_offset_s) = server;
    body::AccountState {
        balance: figures.balance.as_f64(),
        credit: 0.0,
        profit: figures.profit.as_f64(),
        equity: figures.equity.as_f64(),
        margin: figures.margin.as_f64(),
        margin_free: figures.margin_free().as_f64(),
        margin_level: figures.margin_level(),
        margin_call: 100.0,
        margin_stop_out: 50.0,
        time_msc,
        leverage,
        limit_orders: 0,
        server_offset_s,
        ping_us: 1_000,
        flags: 15,
        stop_out_mode: 0,
        fifo_close: 0,
        hedge_allowed: u8::from(mode == MarginMode::Hedging),
        reserved: 0,
    }
}

fn lots(symbol: &Symbol, steps: i64) -> f64 {
    symbol.spec.qty_to_lots(crate::types::Qty(steps))
}

/// An average price in the symbol's currency: between two ticks if need be.
pub(super) fn open_price(position: &Position, symbol: &Symbol) -> f64 {
    position.price_open * symbol.spec.tick_size
}

/// Side of an order kind, for reports.
pub(super) fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}
