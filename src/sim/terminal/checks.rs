//! What a terminal and a trade server check, and with which code they refuse.
//!
//! What it is not: execution. Nothing here changes anything.
//!
//! Invariant: a request that passes can be carried out at the present quote; the codes are MT5's own, in the order in
//! which a server finds the faults (request, state, volume, price, levels, limits, money).

use super::account::Account;
use super::orders::{Order, Position};
use super::request::Request;
use super::retcode;
use super::symbol::Symbol;
use crate::types::{Execution, Filling, OrderAction, OrderKind, Price, Side, TimeInForce, TradeMode};

/// Limits of the broker that are no property of a symbol; zero for none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// `ACCOUNT_LIMIT_ORDERS`.
    pub orders_max: usize,
    /// Open positions; on hedging accounts with pending orders.
    pub positions_max: usize,
}

/// What the checks look at.
#[derive(Clone, Copy, Debug)]
pub struct Market<'a> {
    /// The account.
    pub account: &'a Account,
    /// Its symbols.
    pub symbols: &'a [Symbol],
    /// The broker's limits.
    pub limits: Limits,
    /// Server milliseconds.
    pub server_msc: i64,
}

type Verdict = Result<(), u32>;

fn require(condition: bool, otherwise: u32) -> Verdict {
    if condition { Ok(()) } else { Err(otherwise) }
}

impl Market<'_> {
    fn symbol(&self, request: &Request) -> &Symbol {
        &self.symbols[request.symbol]
    }

    /// What the terminal finds out by itself, before anything is sent.
    pub fn local(&self, request: &Request) -> Verdict {
        let spec = &self.symbol(request).spec;
        match request.action {
            OrderAction::Deal => {
                require(matches!(request.kind, OrderKind::Buy | OrderKind::Sell), retcode::INVALID_ORDER)?;
                self.volume(request)?;
                self.filling(request)
            }
            OrderAction::Pending => {
                let pending = !matches!(request.kind, OrderKind::Buy | OrderKind::Sell | OrderKind::CloseBy);
                require(pending, retcode::INVALID_ORDER)?;
                require(spec.order_modes & order_mode_bit(request.kind) != 0, retcode::INVALID_ORDER)?;
                self.volume(request)?;
                require(request.price.is_some(), retcode::INVALID_PRICE)?;
                require(
                    !is_stop_limit(request.kind) || request.stop_limit.is_some(),
                    retcode::INVALID_PRICE,
                )?;
                let book_or_cancel_ok = matches!(
                    request.kind,
                    OrderKind::BuyLimit
                        | OrderKind::SellLimit
                        | OrderKind::BuyStopLimit
                        | OrderKind::SellStopLimit
                ) && spec.filling_modes & 4 != 0;
                require(
                    request.filling != Filling::BookOrCancel || book_or_cancel_ok,
                    retcode::INVALID_FILL,
                )?;
                self.expiration(request)
            }
            OrderAction::StopLevels => {
                require(!self.account.is_hedging() || request.position != 0, retcode::INVALID)
            }
            OrderAction::Modify => {
                require(request.order != 0, retcode::INVALID)?;
                require(request.price.is_some(), retcode::INVALID_PRICE)?;
                self.expiration(request)
            }
            OrderAction::Remove => require(request.order != 0, retcode::INVALID),
            OrderAction::CloseBy => {
                require(self.account.is_hedging(), retcode::INVALID)?;
                require(request.position != 0 && request.position_by != 0, retcode::INVALID)
            }
        }
    }

    fn volume(&self, request: &Request) -> Verdict {
        let spec = &self.symbol(request).spec;
        let fits = request.volume >= spec.volume_min.0 && request.volume <= spec.volume_max.0;
        require(fits, retcode::INVALID_VOLUME)
    }

    /// mt5 facts, section 4: which filling an execution mode allows for a market order.
    fn filling(&self, request: &Request) -> Verdict {
        let spec = &self.symbol(request).spec;
        let by_bits = match request.filling {
            Filling::FillOrKill => spec.filling_modes & 1 != 0,
            Filling::ImmediateOrCancel => spec.filling_modes & 2 != 0,
            Filling::Return => spec.execution == Execution::Exchange,
            Filling::BookOrCancel => false,
        };
        let always = matches!(spec.execution, Execution::Request | Execution::Instant)
            && request.filling != Filling::BookOrCancel;
        require(by_bits || always, retcode::INVALID_FILL)
    }

    fn expiration(&self, request: &Request) -> Verdict {
        let bit = 1 << request.time_type.code();
        let modes = self.symbol(request).spec.expiration_modes;
        require(modes & bit != 0, retcode::INVALID_EXPIRATION)?;
        let timed = matches!(request.time_type, TimeInForce::Specified | TimeInForce::SpecifiedDay);
        require(!timed || request.expiration_s * 1_000 > self.server_msc, retcode::INVALID_EXPIRATION)
    }

    /// Whether the market takes requests at all.
    pub fn open(&self, symbol: usize) -> Verdict {
        let symbol = &self.symbols[symbol];
        require(symbol.spec.trade_mode != TradeMode::Disabled, retcode::TRADE_DISABLED)?;
        require(symbol.open, retcode::MARKET_CLOSED)?;
        require(symbol.is_quoted(), retcode::PRICE_OFF)
    }

    /// A market order at the server; `closes` is the volume by which it reduces.
    pub fn deal(&self, request: &Request) -> Verdict {
        self.open(request.symbol)?;
        let symbol = self.symbol(request);
        let side = request.kind.side().unwrap_or(Side::Buy);
        if request.position != 0 && self.account.is_hedging() {
            return self.close(request, side);
        }
        let net = self.account.net_volume(request.symbol);
        let reduces = !self.account.is_hedging() && net * side.sign() < 0;
        let opened = if reduces { request.volume - net.abs().min(request.volume) } else { request.volume };
        if opened > 0 {
            self.side_allowed(symbol, side)?;
            self.protective(request.symbol, side, symbol.exit_price(side), request)?;
            self.room(request, side, opened)?;
        }
        self.money(request, side)?;
        self.instant(request, side)
    }

    fn close(&self, request: &Request, side: Side) -> Verdict {
        let position = self.account.position(request.position).ok_or(retcode::POSITION_CLOSED)?;
        require(position.symbol == request.symbol, retcode::INVALID)?;
        require(position.side != side, retcode::INVALID)?;
        require(request.volume <= position.volume, retcode::INVALID_CLOSE_VOLUME)?;
        let closing = self.account.orders.iter().filter(|order| order.position == request.position);
        let waiting: i64 = closing.map(|order| order.volume_open).sum();
        require(waiting + request.volume <= position.volume, retcode::CLOSE_ORDER_EXIST)?;
        self.frozen_position(position)?;
        self.instant(request, side)
    }

    fn side_allowed(&self, symbol: &Symbol, side: Side) -> Verdict {
        match (symbol.spec.trade_mode, side) {
            (TradeMode::Disabled, _) => Err(retcode::TRADE_DISABLED),
            (TradeMode::CloseOnly, _) => Err(retcode::CLOSE_ONLY),
            (TradeMode::LongOnly, Side::Sell) => Err(retcode::LONG_ONLY),
            (TradeMode::ShortOnly, Side::Buy) => Err(retcode::SHORT_ONLY),
            _ => Ok(()),
        }
    }

    fn room(&self, request: &Request, side: Side, opened: i64) -> Verdict {
        let limit = self.symbol(request).spec.volume_limit.0;
        let waiting = self.account.orders.iter().filter(|o| o.symbol == request.symbol && o.side() == side);
        let held =
            self.account.side_volume(request.symbol, side) + waiting.map(|o| o.volume_open).sum::<i64>();
        require(limit == 0 || held + opened <= limit, retcode::LIMIT_VOLUME)?;
        let counted = self.account.positions.len()
            + if self.account.is_hedging() { self.account.orders.len() } else { 0 };
        let adds = self.account.is_hedging() || self.account.net_position(request.symbol).is_none();
        let full = self.limits.positions_max != 0 && adds && counted >= self.limits.positions_max;
        require(!full, retcode::LIMIT_POSITIONS)
    }

    /// Whether the margin after the deal is covered.
    pub fn money(&self, request: &Request, side: Side) -> Verdict {
        let symbol = self.symbol(request);
        let figures = self.account.figures(self.symbols);
        let leg = if self.account.is_hedging() {
            let other = self.account.side_volume(request.symbol, side.opposite());
            (self.account.side_volume(request.symbol, side) + request.volume).max(other)
        } else {
            (self.account.net_volume(request.symbol) + side.sign() * request.volume).abs()
        };
        let before = symbol.margin(self.account.larger_leg(request.symbol), self.account.leverage);
        let more = symbol.margin(leg, self.account.leverage).minus(before);
        require(more.0 <= 0 || more <= figures.margin_free(), retcode::NO_MONEY)
    }

    fn instant(&self, request: &Request, side: Side) -> Verdict {
        let symbol = self.symbol(request);
        if symbol.spec.execution != Execution::Instant {
            return Ok(());
        }
        require(request.price.is_some(), retcode::INVALID_PRICE)?;
        let away = (symbol.entry_price(side).0 - request.price.0).abs();
        require(away <= symbol.spec.points_to_ticks(request.deviation_points), retcode::REQUOTE)
    }

    /// SL and TP of a position of this side that is worth `market` now.
    fn protective(&self, symbol: usize, side: Side, market: Price, request: &Request) -> Verdict {
        let spec = &self.symbols[symbol].spec;
        let level = spec.points_to_ticks(spec.stops_level_points).max(0);
        let away = |price: Price, sign: i64| {
            !price.is_some() || (price.0 - market.0) * sign * side.sign() >= level.max(1)
        };
        require(away(request.stop_loss, -1) && away(request.take_profit, 1), retcode::INVALID_STOPS)?;
        let allowed = |price: Price, bit: u8| !price.is_some() || spec.order_modes & bit != 0;
        require(allowed(request.stop_loss, 16) && allowed(request.take_profit, 32), retcode::INVALID_STOPS)
    }

    /// A new pending order at the server.
    pub fn pending(&self, request: &Request) -> Verdict {
        self.open(request.symbol)?;
        let side = request.kind.side().unwrap_or(Side::Buy);
        self.side_allowed(self.symbol(request), side)?;
        let full = self.limits.orders_max != 0 && self.account.orders.len() >= self.limits.orders_max;
        require(!full, retcode::LIMIT_ORDERS)?;
        self.room(request, side, request.volume)?;
        self.pending_price(request, request.kind)
    }

    /// mt5 facts, section 10: where a pending order's price may stand.
    pub fn pending_price(&self, request: &Request, kind: OrderKind) -> Verdict {
        let symbol = &self.symbols[request.symbol];
        let side = kind.side().unwrap_or(Side::Buy);
        let level = symbol.spec.points_to_ticks(symbol.spec.stops_level_points);
        let market = symbol.entry_price(side);
        let above = request.price.0 - market.0;
        let fits = match kind {
            OrderKind::BuyLimit | OrderKind::SellStop | OrderKind::SellStopLimit => above <= -level,
            _ => above >= level,
        };
        require(fits, retcode::INVALID_PRICE)?;
        if is_stop_limit(kind) {
            let beyond = (request.stop_limit.0 - request.price.0) * side.sign();
            require(beyond <= -level.max(1), retcode::INVALID_PRICE)?;
            return self.protective(request.symbol, side, request.stop_limit, request);
        }
        self.protective(request.symbol, side, request.price, request)
    }

    /// New levels of a position.
    pub fn stop_levels(&self, position: &Position, request: &Request) -> Verdict {
        self.open(position.symbol)?;
        let same = position.stop_loss == request.stop_loss && position.take_profit == request.take_profit;
        require(!same, retcode::NO_CHANGES)?;
        self.frozen_position(position)?;
        let market = self.symbols[position.symbol].exit_price(position.side);
        self.protective(position.symbol, position.side, market, request)
    }

    /// New price, levels or time of an order; volume and kind cannot change.
    pub fn modify(&self, order: &Order, request: &Request) -> Verdict {
        self.open(order.symbol)?;
        let same = (order.price, order.stop_limit, order.stop_loss, order.take_profit)
            == (request.price, request.stop_limit, request.stop_loss, request.take_profit)
            && (order.time_type, order.expiration_s) == (request.time_type, request.expiration_s);
        require(!same, retcode::NO_CHANGES)?;
        self.frozen_order(order)?;
        self.pending_price(request, order.kind)
    }

    /// Whether the price is too near to touch an order.
    pub fn frozen_order(&self, order: &Order) -> Verdict {
        let symbol = &self.symbols[order.symbol];
        self.far_enough(symbol, symbol.entry_price(order.side()), order.price)
    }

    /// Whether the price is too near to one of its levels to touch a position.
    pub fn frozen_position(&self, position: &Position) -> Verdict {
        let symbol = &self.symbols[position.symbol];
        let market = symbol.exit_price(position.side);
        self.far_enough(symbol, market, position.stop_loss)?;
        self.far_enough(symbol, market, position.take_profit)
    }

    fn far_enough(&self, symbol: &Symbol, market: Price, level: Price) -> Verdict {
        let freeze = symbol.spec.points_to_ticks(symbol.spec.freeze_level_points);
        let frozen = freeze > 0 && level.is_some() && (market.0 - level.0).abs() <= freeze;
        require(!frozen, retcode::FROZEN)
    }
}

fn is_stop_limit(kind: OrderKind) -> bool {
    matches!(kind, OrderKind::BuyStopLimit | OrderKind::SellStopLimit)
}

fn order_mode_bit(kind: OrderKind) -> u8 {
    match kind {
        OrderKind::Buy | OrderKind::Sell => 1,
        OrderKind::BuyLimit | OrderKind::SellLimit => 2,
        OrderKind::BuyStop | OrderKind::SellStop => 4,
        OrderKind::BuyStopLimit | OrderKind::SellStopLimit => 8,
        OrderKind::CloseBy => 64,
    }
}
