//! What happened to our money, to records: results, transactions, orders, positions, deals, the account.
//!
//! What it is not: a judge of it; `order` believes or doubts.
//!
//! Invariant: nothing here is refused for a price off the venue's grid; the nearest tick is taken.

use super::body;
use super::decode::{DecodeError, Decoded, Decoder};
use super::symbols::price_or_none;
use crate::record::{self, FLAG_SNAPSHOT, FLAG_UNATTRIBUTED, Record};
use crate::types::{InstrumentId, InstrumentSpec, Money, Price, TimeNs, TransactionKind};

/// The deal types up to here trade (`facts`: DEAL_TYPE); a deposit, a correction or a charge need not have a symbol.
const DEAL_TYPE_SELL: u8 = 1;

impl Decoder {
    pub(super) fn result(
        &self,
        wire: &body::CommandResult,
        ts_terminal: i64,
        ts: TimeNs,
        out: &mut impl FnMut(Record),
    ) -> Result<Decoded, DecodeError> {
        let spec = self.symbols.by_number(wire.symbol_id);
        let price = |value| spec.map_or(Price::NONE, |spec| price_or_none(spec, value)).0;
        let payload = record::CommandResult {
            order_id: wire.order_id,
            deal: wire.deal,
            ticket: wire.order,
            qty: spec.map_or(0, |spec| nearest_qty(spec, wire.volume)),
            price: price(wire.price),
            bid: price(wire.bid),
            ask: price(wire.ask),
            ts_terminal,
            retcode: wire.retcode,
            retcode_external: wire.retcode_external,
            request_id: wire.request_id,
            action: wire.action,
            repeated: wire.repeated,
            reserved: [0; 2],
        };
        let instrument = spec.map_or(InstrumentId::NONE, |spec| spec.instrument);
        out(self.record(ts, instrument, &payload).with_aux(wire.call_us));
        Ok(Decoded::Records)
    }

    pub(super) fn transaction(
        &self,
        wire: &body::Transaction,
        ts_terminal: i64,
        ts: TimeNs,
        out: &mut impl FnMut(Record),
    ) -> Result<Decoded, DecodeError> {
        let kind = TransactionKind::from_code(wire.transaction)
            .ok_or(DecodeError::Code { field: "transaction", got: wire.transaction })?;
        let magic = if wire.looked_up == 1 { wire.magic } else { 0 };
        if kind == TransactionKind::Request {
            let spec = self.symbols.by_number(wire.symbol_id);
            let payload = record::CommandResult {
                order_id: magic,
                deal: wire.deal,
                ticket: wire.order,
                qty: spec.map_or(0, |spec| nearest_qty(spec, wire.volume)),
                price: spec.map_or(Price::NONE, |spec| price_or_none(spec, wire.price)).0,
                bid: spec.map_or(Price::NONE, |spec| price_or_none(spec, wire.bid)).0,
                ask: spec.map_or(Price::NONE, |spec| price_or_none(spec, wire.ask)).0,
                ts_terminal,
                retcode: wire.retcode,
                retcode_external: wire.retcode_external,
                request_id: wire.request_id,
                action: wire.action,
                repeated: 0,
                reserved: [0; 2],
            };
            let instrument = spec.map_or(InstrumentId::NONE, |spec| spec.instrument);
            out(self.record(ts, instrument, &payload));
            return Ok(Decoded::Records);
        }
        let is_deal = matches!(
            kind,
            TransactionKind::DealAdd | TransactionKind::DealUpdate | TransactionKind::DealDelete
        );
        if is_deal && wire.deal_type > DEAL_TYPE_SELL {
            let payload = record::DealEvent {
                profit: money("profit", wire.profit)?,
                commission: money("commission", wire.commission)?,
                swap: money("swap", wire.swap)?,
                fee: money("fee", wire.fee)?,
                ts_venue: self.utc_ns(wire.time_msc),
                transaction: kind.code(),
                magic,
                ..balance_deal(wire.deal, wire.deal_type, wire.reason)
            };
            let flags = if wire.looked_up == 1 { 0 } else { FLAG_UNATTRIBUTED };
            out(self.record(ts, InstrumentId::NONE, &payload).with_flags(flags));
            return Ok(Decoded::Records);
        }
        let Some(spec) = self.symbols.by_number(wire.symbol_id) else { return self.unknown(wire.symbol_id) };
        match kind {
            TransactionKind::DealAdd | TransactionKind::DealUpdate | TransactionKind::DealDelete => {
                let payload = record::DealEvent {
                    deal: wire.deal,
                    ticket: wire.order,
                    position: if wire.position_id != 0 { wire.position_id } else { wire.position },
                    magic,
                    price: price_or_none(spec, wire.price).0,
                    qty: nearest_qty(spec, wire.volume),
                    profit: money("profit", wire.profit)?,
                    commission: money("commission", wire.commission)?,
                    swap: money("swap", wire.swap)?,
                    fee: money("fee", wire.fee)?,
                    ts_venue: self.utc_ns(wire.time_msc),
                    transaction: kind.code(),
                    deal_type: wire.deal_type,
                    entry: wire.entry,
                    reason: wire.reason,
                    reserved: [0; 4],
                };
                let flags = if wire.looked_up == 1 { 0 } else { FLAG_UNATTRIBUTED };
                out(self.record(ts, spec.instrument, &payload).with_flags(flags));
            }
            TransactionKind::Position => {
                let sign = if wire.deal_type == 0 { 1 } else { -1 };
                let payload = record::PositionEvent {
                    ticket: wire.position,
                    identifier: wire.position_id,
                    magic,
                    price_open_bits: wire.price.to_bits(),
                    stop_loss: price_or_none(spec, wire.price_sl).0,
                    take_profit: price_or_none(spec, wire.price_tp).0,
                    qty: sign * nearest_qty(spec, wire.volume),
                    profit: money("profit", wire.profit)?,
                    swap: money("swap", wire.swap)?,
                    ts_venue: self.utc_ns(wire.time_msc),
                };
                out(self.record(ts, spec.instrument, &payload));
            }
            _ => {
                let payload = record::OrderEvent {
                    ticket: wire.order,
                    position: wire.position,
                    position_by: wire.position_by,
                    magic,
                    price: price_or_none(spec, wire.price).0,
                    price_trigger: price_or_none(spec, wire.price_trigger).0,
                    stop_loss: price_or_none(spec, wire.price_sl).0,
                    take_profit: price_or_none(spec, wire.price_tp).0,
                    qty_initial: nearest_qty(spec, wire.volume_initial),
                    qty_open: nearest_qty(spec, wire.volume),
                    transaction: kind.code(),
                    order_kind: wire.order_type,
                    order_state: wire.order_state,
                    time_in_force: wire.time_type,
                    reason: wire.reason,
                    reserved: [0; 3],
                };
                out(self.record(ts, spec.instrument, &payload));
            }
        }
        Ok(Decoded::Records)
    }

    pub(super) fn order(
        &self,
        wire: &body::OrderState,
        ts: TimeNs,
        out: &mut impl FnMut(Record),
    ) -> Result<Decoded, DecodeError> {
        let Some(spec) = self.symbols.by_number(wire.symbol_id) else { return self.unknown(wire.symbol_id) };
        let transaction =
            if wire.history == 1 { TransactionKind::HistoryAdd } else { TransactionKind::OrderAdd };
        let payload = record::OrderEvent {
            ticket: wire.ticket,
            position: wire.position,
            position_by: wire.position_by,
            magic: wire.magic,
            price: price_or_none(spec, wire.price).0,
            price_trigger: price_or_none(spec, wire.price_trigger).0,
            stop_loss: price_or_none(spec, wire.price_sl).0,
            take_profit: price_or_none(spec, wire.price_tp).0,
            qty_initial: nearest_qty(spec, wire.volume_initial),
            qty_open: nearest_qty(spec, wire.volume_current),
            transaction: transaction.code(),
            order_kind: wire.order_type,
            order_state: wire.order_state,
            time_in_force: wire.time_type,
            reason: wire.reason,
            reserved: [0; 3],
        };
        out(self.record(ts, spec.instrument, &payload).with_flags(FLAG_SNAPSHOT));
        Ok(Decoded::Records)
    }

    pub(super) fn position(
        &self,
        wire: &body::PositionState,
        ts: TimeNs,
        out: &mut impl FnMut(Record),
    ) -> Result<Decoded, DecodeError> {
        let Some(spec) = self.symbols.by_number(wire.symbol_id) else { return self.unknown(wire.symbol_id) };
        let sign = if wire.position_type == 0 { 1 } else { -1 };
        let payload = record::PositionEvent {
            ticket: wire.ticket,
            identifier: wire.identifier,
            magic: wire.magic,
            price_open_bits: wire.price_open.to_bits(),
            stop_loss: price_or_none(spec, wire.price_sl).0,
            take_profit: price_or_none(spec, wire.price_tp).0,
            qty: sign * nearest_qty(spec, wire.volume),
            profit: money("profit", wire.profit)?,
            swap: money("swap", wire.swap)?,
            ts_venue: self.utc_ns(wire.time_msc),
        };
        out(self.record(ts, spec.instrument, &payload).with_flags(FLAG_SNAPSHOT));
        Ok(Decoded::Records)
    }

    pub(super) fn deal(
        &self,
        wire: &body::DealState,
        ts: TimeNs,
        out: &mut impl FnMut(Record),
    ) -> Result<Decoded, DecodeError> {
        if wire.deal_type > DEAL_TYPE_SELL {
            let payload = record::DealEvent {
                profit: money("profit", wire.profit)?,
                commission: money("commission", wire.commission)?,
                swap: money("swap", wire.swap)?,
                fee: money("fee", wire.fee)?,
                ts_venue: self.utc_ns(wire.time_msc),
                magic: wire.magic,
                ..balance_deal(wire.ticket, wire.deal_type, wire.reason)
            };
            out(self.record(ts, InstrumentId::NONE, &payload).with_flags(FLAG_SNAPSHOT));
            return Ok(Decoded::Records);
        }
        let Some(spec) = self.symbols.by_number(wire.symbol_id) else { return self.unknown(wire.symbol_id) };
        let payload = record::DealEvent {
            deal: wire.ticket,
            ticket: wire.order,
            position: wire.position_id,
            magic: wire.magic,
            price: price_or_none(spec, wire.price).0,
            qty: nearest_qty(spec, wire.volume),
            profit: money("profit", wire.profit)?,
            commission: money("commission", wire.commission)?,
            swap: money("swap", wire.swap)?,
            fee: money("fee", wire.fee)?,
            ts_venue: self.utc_ns(wire.time_msc),
            transaction: TransactionKind::DealAdd.code(),
            deal_type: wire.deal_type,
            entry: wire.entry,
            reason: wire.reason,
            reserved: [0; 4],
        };
        out(self.record(ts, spec.instrument, &payload).with_flags(FLAG_SNAPSHOT));
        Ok(Decoded::Records)
    }

    pub(super) fn account(
        &mut self,
        wire: &body::AccountState,
        ts: TimeNs,
        out: &mut impl FnMut(Record),
    ) -> Result<Decoded, DecodeError> {
        self.server_offset_s = wire.server_offset_s;
        let payload = record::Account {
            balance: money("balance", wire.balance)?,
            equity: money("equity", wire.equity)?,
            profit: money("profit", wire.profit)?,
            credit: money("credit", wire.credit)?,
            margin: money("margin", wire.margin)?,
            margin_free: money("margin_free", wire.margin_free)?,
            leverage: wire.leverage,
            limit_orders: wire.limit_orders,
            flags: wire.flags,
            tells_offset: 1,
            reserved: [0; 2],
            server_offset_s: wire.server_offset_s,
        };
        out(self.record(ts, InstrumentId::NONE, &payload));
        Ok(Decoded::Records)
    }
}

/// A deal that trades nothing, as a deposit is, or trades nothing any more, being annulled: without symbol, price and volume, whatever
/// symbol it was booked on.
fn balance_deal(deal: u64, deal_type: u8, reason: u8) -> record::DealEvent {
    record::DealEvent {
        deal,
        ticket: 0,
        position: 0,
        magic: 0,
        price: Price::NONE.0,
        qty: 0,
        profit: 0,
        commission: 0,
        swap: 0,
        fee: 0,
        ts_venue: 0,
        transaction: TransactionKind::DealAdd.code(),
        deal_type,
        entry: 0,
        reason,
        reserved: [0; 4],
    }
}

fn money(field: &'static str, amount: f64) -> Result<i64, DecodeError> {
    Money::from_f64(amount).map(|money| money.0).ok_or(DecodeError::Amount { field, got: amount })
}

/// The nearest number of steps; no volume on earth reaches 2^53 of them.
fn nearest_qty(spec: &InstrumentSpec, lots: f64) -> i64 {
    let most = (1i64 << 53) as f64;
    (lots / spec.volume_step).round().clamp(-most, most) as i64
}
