//! The trade server behind the simulated terminal: takes requests, lets time pass, and reports what became of them.
//!
//! What it is not: a socket or a clock; the session passes both in. What a fill does to the account is in `account.rs`,
//! what is refused in `checks.rs`, what quotes trigger in `triggers.rs`.
//!
//! Invariant: the same seed, commands, quotes and times give the same account and the same transactions in the same
//! order. A request is executed at its due time or not at all, and reported at most once.

use super::account::{Account, Figures, Fill};
use super::checks::{Limits, Market};
use super::orders::{Order, OrderState, Reason, text};
use super::report::{self, Outcome};
use super::request::Request;
use super::retcode;
use super::symbol::Symbol;
use crate::record::Layout;
use crate::runtime::Prng;
use crate::types::{Execution, Filling, OrderAction, Price, Side, TransactionKind};
use crate::wire::terminal::body;
use std::collections::VecDeque;

/// When something happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// Microseconds of the session's clock: what delays are counted in.
    pub clock_us: i64,
    /// Server milliseconds, as the last quote had it: what deals and expirations are counted in.
    pub server_msc: i64,
}

/// How well, or badly, the simulated broker behaves. Rates are 0 to 1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Conduct {
    /// Shortest time from a request to its execution, microseconds.
    pub latency_min_us: i64,
    /// Mean of the exponential part that comes on top, microseconds.
    pub latency_mean_us: i64,
    /// Requests that the dealer refuses.
    pub reject_rate: f64,
    /// Market orders that fill in two parts (or, if they may not wait, in part only).
    pub partial_rate: f64,
    /// Market orders that get a worse price, up to two ticks.
    pub slippage_rate: f64,
    /// REQUEST transactions that never come.
    pub lose_request_rate: f64,
    /// Other transactions that never come.
    pub lose_transaction_rate: f64,
    /// Whether the transactions of one execution come in random order.
    pub order: TransactionOrder,
    /// The broker's limits.
    pub limits: Limits,
    /// `ACCOUNT_MARGIN_SO_SO`, per cent.
    pub stop_out_percent: f64,
}

/// In which order the transactions of one execution arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransactionOrder {
    /// As observed: ORDER_ADD, DEAL_ADD, ORDER_DELETE, HISTORY_ADD, REQUEST.
    Observed,
    /// Any, as the reference allows.
    Shuffled,
}

impl Default for Conduct {
    fn default() -> Self {
        Conduct {
            latency_min_us: 1_000,
            latency_mean_us: 2_000,
            reject_rate: 0.0,
            partial_rate: 0.0,
            slippage_rate: 0.0,
            lose_request_rate: 0.0,
            lose_transaction_rate: 0.0,
            order: TransactionOrder::Observed,
            limits: Limits::default(),
            stop_out_percent: 50.0,
        }
    }
}

/// A request on its way to the server.
#[derive(Clone, Copy, Debug)]
struct Flight {
    due_us: i64,
    request_id: u32,
    request: Request,
}

/// The rest of a market order that waits for its second fill.
#[derive(Clone, Copy, Debug)]
struct Rest {
    due_us: i64,
    ticket: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Broker {
    /// The account.
    pub account: Account,
    /// Its symbols; the index is the number on the wire.
    pub symbols: Vec<Symbol>,
    pub(super) conduct: Conduct,
    pub(super) dice: Prng,
    flights: Vec<Flight>,
    rests: Vec<Rest>,
    outbox: VecDeque<body::Transaction>,
    pub(super) batch: Vec<body::Transaction>,
    next_request_id: u32,
    requests_rejected: u64,
}

impl Broker {
    /// A broker with one account; every random choice comes from `dice`.
    pub fn new(account: Account, symbols: Vec<Symbol>, conduct: Conduct, dice: Prng) -> Self {
        Broker {
            account,
            symbols,
            conduct,
            dice,
            flights: Vec::new(),
            rests: Vec::new(),
            outbox: VecDeque::new(),
            batch: Vec::new(),
            next_request_id: 1,
            requests_rejected: 0,
        }
    }

    /// The account's figures at the last quotes.
    pub fn figures(&self) -> Figures {
        self.account.figures(&self.symbols)
    }

    /// Requests that ended in a refusal.
    pub fn requests_rejected(&self) -> u64 {
        self.requests_rejected
    }

    /// The account's figures as a message.
    pub fn account_state(&self, server_msc: i64, server_offset_s: i32) -> body::AccountState {
        let Account { mode, leverage, .. } = self.account;
        let mut state = report::account_state(self.figures(), mode, leverage, (server_msc, server_offset_s));
        state.margin_stop_out = self.conduct.stop_out_percent;
        state.limit_orders = self.conduct.limits.orders_max as u32;
        state
    }

    /// The appliance is gone: 1 cancels pending orders with an order id, 2 closes positions as well.
    pub fn dead_man(&mut self, policy: u8, now: Moment) {
        let ours: Vec<Order> = self.account.orders.iter().filter(|order| order.magic != 0).cloned().collect();
        for order in ours {
            self.finish(order, OrderState::Canceled, now);
            self.report();
        }
        if policy < 2 {
            return;
        }
        let held = self.account.positions.clone();
        for position in held {
            if self.symbols[position.symbol].is_quoted() {
                self.close_position(&position, Reason::Expert, now);
            }
        }
    }

    pub(super) fn market(&self, now: Moment) -> Market<'_> {
        Market {
            account: &self.account,
            symbols: &self.symbols,
            limits: self.conduct.limits,
            server_msc: now.server_msc,
        }
    }

    /// `OrderSendAsync`: hands a request over, and says only that.
    pub fn submit(&mut self, command: &body::Command, now: Moment) -> body::CommandResult {
        let parsed = Request::parse(command, &self.symbols);
        let checked = parsed.and_then(|request| self.market(now).local(&request).map(|()| request));
        let mut result = body::CommandResult::read(&[0; body::CommandResult::BYTES]);
        (result.order_id, result.action, result.call_us) = (command.order_id, command.action, 20);
        match checked {
            Err(retcode) => {
                self.requests_rejected += 1;
                // ERR_TRADE_SEND_FAILED: OrderSendAsync was false.
                (result.retcode, result.runtime_error) = (retcode, 4756);
                result.comment = text(retcode::words(retcode));
            }
            Ok(request) => {
                let request_id = self.next_request_id;
                self.next_request_id += 1;
                let due_us = now.clock_us + self.latency_us();
                self.flights.push(Flight { due_us, request_id, request });
                (result.retcode, result.request_id) = (retcode::PLACED, request_id);
                (result.volume, result.symbol_id) = (command.volume, request.symbol as u16);
            }
        }
        result
    }

    /// The last request takes longer.
    pub(super) fn delay_last(&mut self, wait_us: i64) {
        if let Some(flight) = self.flights.last_mut() {
            flight.due_us += wait_us;
        }
    }

    fn latency_us(&mut self) -> i64 {
        let tail = self.dice.exponential() * self.conduct.latency_mean_us as f64;
        self.conduct.latency_min_us + tail.min(1e9) as i64
    }

    pub(super) fn rolls(&mut self, rate: f64) -> bool {
        rate > 0.0 && self.dice.uniform() < rate
    }

    /// When the next thing happens by itself.
    pub fn next_due_us(&self) -> Option<i64> {
        let flights = self.flights.iter().map(|flight| flight.due_us);
        flights.chain(self.rests.iter().map(|rest| rest.due_us)).min()
    }

    /// Requests that are on their way.
    pub fn in_flight_count(&self) -> usize {
        self.flights.len()
    }

    /// The next transaction to report.
    pub fn pop_transaction(&mut self) -> Option<body::Transaction> {
        self.outbox.pop_front()
    }

    /// Executes what is due.
    pub fn advance(&mut self, now: Moment) {
        while let Some(index) = due_first(&self.flights, now.clock_us, |flight| flight.due_us) {
            let flight = self.flights.remove(index);
            self.execute(flight, now);
        }
        while let Some(index) = due_first(&self.rests, now.clock_us, |rest| rest.due_us) {
            let rest = self.rests.remove(index);
            self.fill_rest(rest.ticket, now);
        }
    }

    fn execute(&mut self, flight: Flight, now: Moment) {
        let Flight { request, request_id, .. } = flight;
        let outcome = if self.rolls(self.conduct.reject_rate) {
            Outcome::refused(retcode::REJECT)
        } else {
            self.carry_out(&request, now).unwrap_or_else(Outcome::refused)
        };
        if !matches!(outcome.retcode, retcode::DONE | retcode::DONE_PARTIAL | retcode::NO_CHANGES) {
            self.requests_rejected += 1;
        }
        let symbol = &self.symbols[request.symbol];
        let last = report::request_transaction(&request, request_id, outcome, symbol);
        self.batch.push(last);
        self.report();
    }

    fn carry_out(&mut self, request: &Request, now: Moment) -> Result<Outcome, u32> {
        match request.action {
            OrderAction::Deal => {
                self.market(now).deal(request)?;
                self.deal(request, now)
            }
            OrderAction::Pending => {
                self.market(now).pending(request)?;
                Ok(self.place(request, now))
            }
            OrderAction::StopLevels => self.set_levels(request, now),
            OrderAction::Modify => self.modify(request, now),
            OrderAction::Remove => self.remove(request, now),
            OrderAction::CloseBy => self.close_by(request, now),
        }
    }

    /// Hands the batch of one execution to the outbox: in order, shuffled, or with losses.
    pub(super) fn report(&mut self) {
        let mut batch = std::mem::take(&mut self.batch);
        if self.conduct.order == TransactionOrder::Shuffled {
            for index in (1..batch.len()).rev() {
                batch.swap(index, self.dice.below(index as u64 + 1) as usize);
            }
        }
        for transaction in batch.drain(..) {
            let is_request = transaction.transaction == TransactionKind::Request.code();
            let rate =
                if is_request { self.conduct.lose_request_rate } else { self.conduct.lose_transaction_rate };
            if !self.rolls(rate) {
                self.outbox.push_back(transaction);
            }
        }
        self.batch = batch;
    }

    pub(super) fn report_order(&mut self, kind: TransactionKind, order: &Order) {
        let wire = report::order_transaction(kind, order, &self.symbols[order.symbol]);
        self.batch.push(wire);
    }

    /// An order leaves the open ones for history.
    pub(super) fn finish(&mut self, mut order: Order, state: OrderState, now: Moment) {
        (order.state, order.done_msc) = (state, now.server_msc);
        self.account.orders.retain(|open| open.ticket != order.ticket);
        self.report_order(TransactionKind::OrderDelete, &order);
        self.report_order(TransactionKind::HistoryAdd, &order);
        self.account.history.push(order);
    }

    /// Fills a part of an order and reports the deal; returns its ticket.
    pub(super) fn fill(&mut self, order: &mut Order, volume: i64, price: Price, now: Moment) -> u64 {
        let fill = Fill { volume, price, time_msc: now.server_msc };
        let index = self.account.fill(order, fill, &self.symbols[order.symbol]);
        order.volume_open -= volume;
        let deal = &self.account.deals[index];
        if order.position == 0 {
            order.position = deal.position_id;
        }
        self.batch.push(report::deal_transaction(deal, &self.symbols[deal.symbol]));
        deal.ticket
    }

    pub(super) fn new_order(&mut self, request: &Request, reason: Reason, now: Moment) -> Order {
        Order {
            ticket: self.account.ticket(),
            magic: request.order_id,
            symbol: request.symbol,
            kind: request.kind,
            state: OrderState::Started,
            filling: request.filling,
            time_type: request.time_type,
            reason,
            price: request.price,
            stop_limit: request.stop_limit,
            stop_loss: request.stop_loss,
            take_profit: request.take_profit,
            volume_initial: request.volume,
            volume_open: request.volume,
            position: request.position,
            position_by: request.position_by,
            expiration_s: request.expiration_s,
            setup_msc: now.server_msc,
            done_msc: 0,
            comment: request.comment,
        }
    }

    fn market_price(&mut self, symbol: usize, side: Side) -> Price {
        let price = self.symbols[symbol].entry_price(side);
        let slips = self.symbols[symbol].spec.execution != Execution::Instant
            && self.rolls(self.conduct.slippage_rate);
        if slips { price.plus(side.sign() * (1 + self.dice.below(2) as i64)) } else { price }
    }

    fn deal(&mut self, request: &Request, now: Moment) -> Result<Outcome, u32> {
        let volume_min = self.symbols[request.symbol].spec.volume_min.0;
        let divisible = request.volume >= 2 * volume_min;
        let in_part = divisible && self.rolls(self.conduct.partial_rate);
        // Not enough on the other side: fill or kill means nothing at all.
        if in_part && request.filling == Filling::FillOrKill {
            return Err(retcode::REJECT);
        }
        let mut order = self.new_order(request, Reason::Expert, now);
        order.price = self.market_price(request.symbol, order.side());
        self.report_order(TransactionKind::OrderAdd, &order);
        let volume = if in_part { (request.volume / 2).max(volume_min) } else { request.volume };
        let price = order.price;
        let deal = self.fill(&mut order, volume, price, now);
        let ticket = order.ticket;
        if !in_part {
            self.finish(order, OrderState::Filled, now);
        } else if request.filling == Filling::Return {
            order.state = OrderState::Partial;
            self.report_order(TransactionKind::OrderUpdate, &order);
            self.account.orders.push(order);
            let due_us = now.clock_us + self.latency_us();
            self.rests.push(Rest { due_us, ticket });
        } else {
            self.finish(order, OrderState::Canceled, now);
        }
        let retcode = if in_part { retcode::DONE_PARTIAL } else { retcode::DONE };
        Ok(Outcome { retcode, deal, order: ticket, volume, price })
    }

    fn fill_rest(&mut self, ticket: u64, now: Moment) {
        let found = self.account.orders.iter().find(|order| order.ticket == ticket);
        let Some(mut order) = found.cloned() else { return };
        let held = self.account.position(order.position).map_or(0, |position| position.volume);
        // The position of a hedging account may be gone by now: then there is nothing to add to, or to close.
        let volume = match self.account.is_hedging() {
            true if held == 0 => 0,
            true if order.position != order.ticket => order.volume_open.min(held),
            _ => order.volume_open,
        };
        if volume == 0 {
            self.finish(order, OrderState::Canceled, now);
        } else {
            let price = self.market_price(order.symbol, order.side());
            self.fill(&mut order, volume, price, now);
            let state = if order.volume_open == 0 { OrderState::Filled } else { OrderState::Canceled };
            self.finish(order, state, now);
        }
        self.report();
    }
}

fn due_first<T>(list: &[T], clock_us: i64, due_us: impl Fn(&T) -> i64) -> Option<usize> {
    let due = list.iter().enumerate().filter(|(_, item)| due_us(item) <= clock_us);
    due.min_by_key(|(_, item)| due_us(item)).map(|(index, _)| index)
}
