//! The account and its broker: what holds for every life (here), return codes (`codes.rs`), order of events (`events.rs`).
//!
//! What it is not: a test of sockets (`tests/sim_terminal.rs`).
//!
//! Invariant: every test is a function of its seed.

mod codes;
mod events;

use super::account::Account;
use super::broker::{Broker, Conduct, Moment};
use super::retcode;
use super::symbol::Symbol;
use crate::record::Layout;
use crate::runtime::Prng;
use crate::types::{
    Execution, FixedText, InstrumentId, InstrumentSpec, MarginMode, Money, Price, Qty, Side, VenueId,
};
use crate::wire::terminal::body::{Command, CommandResult, Transaction};
use proptest::prelude::*;

pub(super) const DEAL: u8 = 1;
pub(super) const PENDING: u8 = 5;
pub(super) const LEVELS: u8 = 6;
pub(super) const MODIFY: u8 = 7;
pub(super) const REMOVE: u8 = 8;
pub(super) const CLOSE_BY: u8 = 10;

pub(super) fn spec() -> InstrumentSpec {
    InstrumentSpec::fx(InstrumentId(0), VenueId(0), FixedText::new("EURUSD").unwrap())
}

/// A broker, its clock, and everything it reported.
pub(super) struct Desk {
    pub(super) broker: Broker,
    pub(super) now: Moment,
    pub(super) seen: Vec<Transaction>,
}

impl Desk {
    pub(super) fn with(mode: MarginMode, spec: InstrumentSpec, conduct: Conduct) -> Desk {
        let account = Account::new(mode, Money(10_000_000_000), 100, Money(3_500_000));
        let broker = Broker::new(account, vec![Symbol::new(spec)], conduct, Prng::new(11));
        let now = Moment { clock_us: 0, server_msc: 1_700_000_000_000 };
        let mut desk = Desk { broker, now, seen: Vec::new() };
        desk.quote(110_000, 110_010);
        desk
    }

    pub(super) fn new(mode: MarginMode) -> Desk {
        Desk::with(mode, spec(), Conduct::default())
    }

    pub(super) fn quote(&mut self, bid: i64, ask: i64) {
        self.now.server_msc += 100;
        self.broker.quote(0, Price(bid), Price(ask), self.now);
        self.collect();
    }

    pub(super) fn collect(&mut self) {
        while let Some(transaction) = self.broker.pop_transaction() {
            self.seen.push(transaction);
        }
    }

    pub(super) fn send(&mut self, command: &Command) -> CommandResult {
        self.seen.clear();
        let result = self.broker.submit(command, self.now);
        self.pass();
        result
    }

    /// Longer than any delay.
    pub(super) fn pass(&mut self) {
        self.now.clock_us += 1_000_000_000;
        self.broker.advance(self.now);
        self.collect();
    }

    /// The code of the final word: the REQUEST transaction, or the immediate refusal.
    pub(super) fn retcode(&mut self, command: &Command) -> u32 {
        let result = self.send(command);
        if result.retcode != retcode::PLACED {
            assert_eq!(result.runtime_error, 4756);
            return result.retcode;
        }
        let last = self.seen.iter().rfind(|seen| seen.transaction == 10).expect("a REQUEST transaction");
        assert_eq!((last.request_id, last.magic), (result.request_id, command.order_id));
        last.retcode
    }

    pub(super) fn kinds(&self) -> Vec<u8> {
        self.seen.iter().map(|seen| seen.transaction).collect()
    }

    pub(super) fn position(&self) -> u64 {
        self.broker.account.positions[0].ticket
    }
}

pub(super) fn command(action: u8, order_type: u8, volume: f64, price: f64) -> Command {
    let mut command = Command::read(&[0; Command::BYTES]);
    (command.order_id, command.action, command.order_type) = (900, action, order_type);
    (command.volume, command.price, command.filling) = (volume, price, 1);
    command.symbol = *spec().symbol.bytes();
    command
}

pub(super) fn buy(volume: f64) -> Command {
    command(DEAL, 0, volume, 0.0)
}

pub(super) fn sell(volume: f64) -> Command {
    command(DEAL, 1, volume, 0.0)
}

/// One step of a random life.
#[derive(Clone, Copy, Debug)]
enum Step {
    Quote(i64, i64),
    Market { side: u8, steps: i64, close: bool },
    Pending { kind: u8, away: i64, steps: i64 },
    Levels { stop: i64, profit: i64 },
    Remove,
    CloseBy,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (-300i64..300, 1i64..30).prop_map(|(move_by, spread)| Step::Quote(move_by, spread)),
        4 => (0u8..2, 1i64..200, any::<bool>())
            .prop_map(|(side, steps, close)| Step::Market { side, steps, close }),
        2 => (2u8..6, 0i64..200, 1i64..50).prop_map(|(kind, away, steps)| Step::Pending { kind, away, steps }),
        1 => (1i64..200, 1i64..200).prop_map(|(stop, profit)| Step::Levels { stop, profit }),
        1 => Just(Step::Remove),
        1 => Just(Step::CloseBy),
    ]
}

fn live(desk: &mut Desk, step: Step, number: u64) {
    let (bid, ask) = (desk.broker.symbols[0].bid.0, desk.broker.symbols[0].ask.0);
    let price = |ticks: i64| spec().price_to_f64(Price(ticks));
    let mut wish = match step {
        Step::Quote(move_by, spread) => return desk.quote(bid + move_by, bid + move_by + spread),
        Step::Market { side, steps, close } => {
            let mut wish = command(DEAL, side, spec().qty_to_lots(Qty(steps)), 0.0);
            if close && let Some(position) = desk.broker.account.positions.first() {
                wish.position = position.ticket;
                wish.order_type = 1 - position.side as u8;
                wish.volume = spec().qty_to_lots(Qty(steps.min(position.volume)));
            }
            wish
        }
        Step::Pending { kind, away, steps } => {
            let at = match kind {
                2 => ask - away,
                3 => bid + away,
                4 => ask + away,
                _ => bid - away,
            };
            command(PENDING, kind, spec().qty_to_lots(Qty(steps)), price(at))
        }
        Step::Levels { stop, profit } => {
            let Some(position) = desk.broker.account.positions.last() else { return };
            let (market, sign) = if position.side == Side::Buy { (bid, 1) } else { (ask, -1) };
            let mut wish = command(LEVELS, 0, 0.0, 0.0);
            wish.position = position.ticket;
            (wish.price_sl, wish.price_tp) = (price(market - sign * stop), price(market + sign * profit));
            wish
        }
        Step::Remove => {
            let Some(order) = desk.broker.account.orders.first() else { return };
            let mut wish = command(REMOVE, 0, 0.0, 0.0);
            wish.order = order.ticket;
            wish
        }
        Step::CloseBy => {
            let positions = &desk.broker.account.positions;
            let find = |side| positions.iter().find(|position| position.side == side);
            let (Some(long), Some(short)) = (find(Side::Buy), find(Side::Sell)) else { return };
            let mut wish = command(CLOSE_BY, 8, 0.0, 0.0);
            (wish.position, wish.position_by) = (long.ticket, short.ticket);
            wish
        }
    };
    wish.order_id = number + 1;
    desk.send(&wish);
}

fn check_account(desk: &Desk) -> Result<(), TestCaseError> {
    let account = &desk.broker.account;
    let dealt: i64 = account.deals.iter().map(|deal| deal.side.sign() * deal.volume).sum();
    prop_assert_eq!(dealt, account.net_volume(0), "deals add up to positions");
    let booked: i64 = account.deals.iter().map(|deal| deal.profit.0 + deal.commission.0 + deal.swap.0).sum();
    prop_assert_eq!(account.balance.0, 10_000_000_000 + booked, "deals add up to the balance");
    let figures = desk.broker.figures();
    prop_assert_eq!(figures.equity, figures.balance.plus(figures.profit));
    prop_assert!(account.is_hedging() || account.positions.len() <= 1);
    prop_assert!(account.positions.iter().all(|position| position.volume > 0));
    let mut tickets: Vec<u64> = account.deals.iter().map(|deal| deal.ticket).collect();
    tickets.sort_unstable();
    tickets.dedup();
    prop_assert_eq!(tickets.len(), account.deals.len(), "a deal's ticket is its own");
    for order in &account.history {
        let filled: i64 =
            account.deals.iter().filter(|deal| deal.order == order.ticket).map(|deal| deal.volume).sum();
        let close_by = order.position_by != 0;
        prop_assert!(close_by || filled == order.volume_initial - order.volume_open, "{:?}", order);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn deals_positions_and_balance_always_agree(
        steps in prop::collection::vec(step(), 1..120),
        hedging in any::<bool>(),
        partial_rate in prop_oneof![Just(0.0), Just(0.5)],
        exchange in any::<bool>(),
    ) {
        let mode = if hedging { MarginMode::Hedging } else { MarginMode::Netting };
        let execution = if exchange { Execution::Exchange } else { Execution::Market };
        let conduct = Conduct { partial_rate, slippage_rate: partial_rate, ..Conduct::default() };
        let mut desk = Desk::with(mode, InstrumentSpec { execution, ..spec() }, conduct);
        for (number, step) in steps.into_iter().enumerate() {
            live(&mut desk, step, number as u64);
            check_account(&desk)?;
        }
    }

    #[test]
    fn netting_and_hedging_hold_the_same_net_volume(
        orders in prop::collection::vec((0u8..2, 1i64..10), 1..60),
    ) {
        let mut netting = Desk::new(MarginMode::Netting);
        let mut hedging = Desk::new(MarginMode::Hedging);
        for (side, steps) in orders {
            let command = command(DEAL, side, spec().qty_to_lots(Qty(steps)), 0.0);
            prop_assert_eq!(netting.retcode(&command), retcode::DONE);
            prop_assert_eq!(hedging.retcode(&command), retcode::DONE);
            prop_assert_eq!(
                netting.broker.account.net_volume(0),
                hedging.broker.account.net_volume(0)
            );
        }
    }
}
