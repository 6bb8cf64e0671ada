//! The simulated broker at the other end of two real connections: orders rest, are moved, filled in parts, refused and cancelled,
//! positions have stops, and a stop is lost now and then.
//!
//! What it is not: `sim`'s terminal program, which needs a runtime of its own and time that passes by itself.
//!
//! Invariant: quotes, latencies and mishaps follow from one seed; a snapshot tells the account as it is.

use super::line::{LOGIN, Line};
use std::collections::VecDeque;
use std::net::SocketAddr;
use tickbridge::link::Event;
use tickbridge::record::Layout;
use tickbridge::runtime::Prng;
use tickbridge::sim::terminal::account::Account;
use tickbridge::sim::terminal::broker::{Broker, Conduct, Moment};
use tickbridge::sim::terminal::orders::{Deal, Order, OrderState, Position};
use tickbridge::sim::terminal::symbol::Symbol;
use tickbridge::types::{
    FixedText, InstrumentId, InstrumentSpec, MarginMode, Money, NS_PER_MS, NS_PER_US, Price, Qty, TimeNs,
    TransactionKind, VenueId,
};
use tickbridge::wire::terminal::{Header, MessageKind, body};

pub(super) const SERVER: &str = "Tickbridge-Demo";
/// Quotes that are remembered.
const PAST_MAX: usize = 500;
/// Every so many quotes a stop is lost.
const LOSE_STOP_EVERY: u64 = 1_500;

/// See the module.
pub(super) struct Desk {
    market: Line,
    trade: Line,
    broker: Broker,
    dice: Prng,
    mid: i64,
    /// Ticks a quote that the price goes by itself, for a while.
    drift: i64,
    drift_left: u64,
    past: VecDeque<body::Tick>,
    quotes: u64,
    margin_code: u8,
    /// By `ENUM_TRADE_REQUEST_ACTIONS`.
    pub(super) commands: [u64; 16],
}

fn zero<L: Layout>() -> L {
    L::read(&[0; 1_024])
}

fn text<const N: usize>(words: &str) -> [u8; N] {
    *FixedText::<N>::new(words).expect("short").bytes()
}

fn lots(symbol: &Symbol, steps: i64) -> f64 {
    symbol.spec.qty_to_lots(Qty(steps))
}

impl Desk {
    pub(super) fn new(market: SocketAddr, trade: SocketAddr, mode: MarginMode) -> Desk {
        let mut dice = Prng::new(7);
        let spec =
            InstrumentSpec::fx(InstrumentId(0), VenueId(0), FixedText::new("EURUSD").expect("a short name"));
        let conduct =
            Conduct { reject_rate: 0.03, partial_rate: 0.2, slippage_rate: 0.2, ..Conduct::default() };
        let account = Account::new(mode, Money(10_000_000_000_000), 100, Money(3_500_000));
        Desk {
            market: Line::new(market, 1),
            trade: Line::new(trade, 2),
            broker: Broker::new(account, vec![Symbol::new(spec)], conduct, dice.fork()),
            dice,
            mid: 110_000,
            drift: 0,
            drift_left: 0,
            past: VecDeque::new(),
            quotes: 0,
            margin_code: if mode == MarginMode::Hedging { 2 } else { 0 },
            commands: [0; 16],
        }
    }

    pub(super) fn is_welcome(&self) -> bool {
        self.market.is_welcome && self.trade.is_welcome
    }

    pub(super) fn deal_count(&self) -> usize {
        self.broker.account.deals.len()
    }

    fn moment(now: TimeNs) -> Moment {
        Moment { clock_us: now.0 / NS_PER_US, server_msc: now.0 / NS_PER_MS }
    }

    /// One turn of both connections and of the server.
    pub(super) fn poll(&mut self, now: TimeNs) {
        let mut heard: Vec<(bool, Vec<u8>)> = Vec::new();
        for (is_trade, line) in [(false, &mut self.market), (true, &mut self.trade)] {
            let mut is_up = false;
            line.client.poll(now, &mut |event| match event {
                Event::Connected { .. } => is_up = true,
                Event::Message { body, .. } => heard.push((is_trade, body.to_vec())),
                Event::Disconnected { reason } => panic!("the appliance hung up: {reason}"),
                Event::Refused { reason } => panic!("no connection: {reason}"),
            });
            if is_up {
                let hello = body::Hello {
                    roles: line.roles,
                    margin_mode: self.margin_code,
                    simulated: 1,
                    build: 4_000,
                    login: LOGIN,
                    credit: 1_000_000,
                    session: 1,
                    currency: text("USD"),
                    server: text(SERVER),
                    ..zero()
                };
                line.say(&hello, now);
            }
        }
        for (is_trade, message) in heard {
            self.answer(is_trade, &message, now);
        }
        self.broker.advance(Self::moment(now));
        self.report(now);
    }

    fn report(&mut self, now: TimeNs) {
        while let Some(transaction) = self.broker.pop_transaction() {
            self.market.say(&transaction, now);
        }
    }

    fn answer(&mut self, is_trade: bool, message: &[u8], now: TimeNs) {
        let (header, kind, bytes) = Header::parse(message).expect("the appliance speaks the protocol");
        match kind {
            MessageKind::Welcome if is_trade => {
                self.trade.is_welcome = true;
                self.account(now);
            }
            MessageKind::Welcome => self.market.is_welcome = true,
            MessageKind::Subscribe => {
                let line = if is_trade { &mut self.trade } else { &mut self.market };
                line.say(&self.broker.symbols[0].announce(0), now);
            }
            MessageKind::RequestSnapshot => self.snapshot(&body::RequestSnapshot::read(bytes), now),
            MessageKind::Command => {
                let command = body::Command::read(bytes);
                self.commands[usize::from(command.action) % 16] += 1;
                let mut result = self.broker.submit(&command, Self::moment(now));
                result.command_seq = header.seq;
                self.trade.say(&result, now);
            }
            MessageKind::RequestTicks => {
                let request = body::RequestTicks::read(bytes);
                let within = self.past.iter().filter(|tick| tick.time_msc >= request.from_msc);
                let found: Vec<body::Tick> = within.take(request.count_max as usize).copied().collect();
                found.iter().for_each(|tick| self.market.tell(tick, request.request, now));
                self.end_history(request.request, found.len(), now);
            }
            MessageKind::RequestBars => {
                self.end_history(body::RequestBars::read(bytes).request, 0, now);
            }
            MessageKind::Refill => {
                let refill = body::Refill::read(bytes);
                let (from_seq, to_seq) = (refill.from_seq, refill.to_seq);
                let notice = body::GapNotice { stream: refill.stream, reserved: [0; 6], from_seq, to_seq };
                self.market.say(&notice, now);
            }
            MessageKind::ApplianceHeartbeat => {}
            other => panic!("expected nothing like {}", other.name()),
        }
    }

    fn end_history(&mut self, request: u64, count: usize, now: TimeNs) {
        let end = body::HistoryEnd { request, count: count as u64, error: 0, reserved: 0 };
        self.market.say(&end, now);
    }

    /// Account figures, and a sign of life on both connections.
    pub(super) fn account(&mut self, now: TimeNs) {
        let figures = self.broker.account_state(now.0 / NS_PER_MS, 0);
        self.trade.say(&figures, now);
        let beat = body::Heartbeat { count: self.quotes, echo_us: 0 };
        self.market.say(&beat, now);
        self.trade.say(&beat, now);
    }

    /// A price that wanders, and runs one way now and then, so that stops follow and ladders are climbed.
    pub(super) fn tick(&mut self, now: TimeNs) {
        self.quotes += 1;
        if self.drift_left == 0 {
            self.drift_left = 20 + self.dice.below(200);
            self.drift = self.dice.below(5) as i64 - 2;
        }
        self.drift_left -= 1;
        self.mid = (self.mid + self.drift + self.dice.below(7) as i64 - 3).clamp(90_000, 130_000);
        let (bid, ask) = (self.mid - 1, self.mid + 1);
        let moment = Self::moment(now);
        self.broker.quote(0, Price(bid), Price(ask), moment);
        if self.quotes.is_multiple_of(LOSE_STOP_EVERY) {
            self.lose_stop();
        }
        self.report(now);
        let tick = body::Tick {
            symbol_id: 0,
            time_s: now.0 / 1_000_000_000,
            bid: bid as f64 / 1e5,
            ask: ask as f64 / 1e5,
            time_msc: now.0 / NS_PER_MS,
            flags: 6,
            ..zero()
        };
        if self.past.len() == PAST_MAX {
            self.past.pop_front();
        }
        self.past.push_back(tick);
        self.market.say(&tick, now);
    }

    /// Somebody takes a stop away, and it is told as MT5 tells it.
    fn lose_stop(&mut self) {
        let Some(position) = self.broker.account.positions.first_mut() else { return };
        position.stop_loss = Price::NONE;
        let (symbol, position) = (&self.broker.symbols[0], &self.broker.account.positions[0]);
        let lost = body::Transaction {
            transaction: TransactionKind::Position.code(),
            deal_type: position.side as u8,
            looked_up: 1,
            position: position.ticket,
            position_id: position.identifier,
            magic: position.magic,
            price: position.price_open * symbol.spec.tick_size,
            price_tp: symbol.spec.price_to_f64(position.take_profit),
            volume: lots(symbol, position.volume),
            time_msc: position.time_msc,
            ..zero()
        };
        self.market.say(&lost, TimeNs(symbol.quoted_msc * NS_PER_MS));
    }

    fn snapshot(&mut self, request: &body::RequestSnapshot, now: TimeNs) {
        let (request, since) = (request.request, request.since_msc);
        let Desk { trade, broker, .. } = self;
        let (account, symbol) = (&broker.account, &broker.symbols[0]);
        let time_msc = now.0 / NS_PER_MS;
        trade.say(&body::SnapshotBegin { request, since_msc: since, time_msc }, now);
        account.orders.iter().for_each(|order| trade.say(&order_state(request, order, symbol), now));
        let done: Vec<&Order> = account.history.iter().filter(|order| order.done_msc >= since).collect();
        done.iter().for_each(|order| trade.say(&order_state(request, order, symbol), now));
        account.positions.iter().for_each(|held| trade.say(&position_state(request, held, symbol), now));
        let deals: Vec<&Deal> = account.deals.iter().filter(|deal| deal.time_msc >= since).collect();
        deals.iter().for_each(|deal| trade.say(&deal_state(request, deal, symbol), now));
        let end = body::SnapshotEnd {
            request,
            order_count: account.orders.len() as u32,
            position_count: account.positions.len() as u32,
            deal_count: deals.len() as u32,
            history_count: done.len() as u32,
            complete: 1,
            reserved: [0; 7],
        };
        trade.say(&end, now);
    }
}

fn order_state(request: u64, order: &Order, symbol: &Symbol) -> body::OrderState {
    let price = |price: Price| symbol.spec.price_to_f64(price);
    let is_open = matches!(order.state, OrderState::Started | OrderState::Placed | OrderState::Partial);
    body::OrderState {
        request,
        ticket: order.ticket,
        magic: order.magic,
        position: order.position,
        order_type: order.kind.code(),
        order_state: order.state as u8,
        time_type: order.time_type.code(),
        filling: order.filling.code(),
        reason: order.reason as u8,
        history: u8::from(!is_open),
        price: price(order.price),
        price_trigger: price(order.stop_limit),
        price_sl: price(order.stop_loss),
        price_tp: price(order.take_profit),
        volume_initial: lots(symbol, order.volume_initial),
        volume_current: lots(symbol, order.volume_open),
        time_expiration_s: order.expiration_s,
        time_setup_msc: order.setup_msc,
        time_done_msc: order.done_msc,
        ..zero()
    }
}

fn position_state(request: u64, held: &Position, symbol: &Symbol) -> body::PositionState {
    body::PositionState {
        request,
        ticket: held.ticket,
        identifier: held.identifier,
        magic: held.magic,
        position_type: held.side as u8,
        reason: 3,
        volume: lots(symbol, held.volume),
        price_open: held.price_open * symbol.spec.tick_size,
        price_sl: symbol.spec.price_to_f64(held.stop_loss),
        price_tp: symbol.spec.price_to_f64(held.take_profit),
        time_msc: held.time_msc,
        ..zero()
    }
}

fn deal_state(request: u64, deal: &Deal, symbol: &Symbol) -> body::DealState {
    body::DealState {
        request,
        ticket: deal.ticket,
        order: deal.order,
        magic: deal.magic,
        position_id: deal.position_id,
        deal_type: deal.side as u8,
        entry: deal.entry.code(),
        reason: deal.reason as u8,
        volume: lots(symbol, deal.volume),
        price: symbol.spec.price_to_f64(deal.price),
        profit: deal.profit.as_f64(),
        commission: deal.commission.as_f64(),
        time_msc: deal.time_msc,
        ..zero()
    }
}
