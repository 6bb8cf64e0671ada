//! What must hold of reductions: none takes more than its position, none is held up by what else there is, and nothing stays ours
//! that the venue does not have.
//!
//! What it is not: the rules of exits (`exits.rs`).
//!
//! Invariant: a rule looks at the engine's books and the truth, never at why a reduction was wanted or refused.

use super::World;
use super::venues::{symbol_of, venue_of};
use crate::engine::{ExternalPolicy, Setup};
use crate::order::exits::Holding;
use crate::order::{Order, OrderState};
use crate::record::{self, Command, Record};
use crate::risk::Reason;
use crate::sim::terminal::account::Account;
use crate::sim::terminal::orders::Position;
use crate::types::{InstrumentId, NS_PER_MS, OrderId, Side, VenueId};

/// So long a position that is to be left may stand while nothing closes it and all is well. A close that was refused is asked for
/// again after a quarter of a second; one that was journalled and never left is proven absent after seconds.
const LEFT_NS_MAX: i64 = 5_000 * NS_PER_MS;

/// A position: its instrument and ticket.
type Key = (InstrumentId, u64);

fn key_of(holding: &Holding) -> Key {
    (holding.instrument, holding.ticket)
}

/// What the rules of reductions remember.
#[derive(Debug, Default)]
pub(super) struct LeftWatch {
    /// A position is to be left when it is so old.
    hold_ns_max: i64,
    /// Whatever others open becomes ours.
    adopts: bool,
    /// What was lost with the power makes our own volume another's.
    pub(super) is_power_cut_seen: bool,
    /// Since when each position that should be left is not: by the engine's clock and by the world's.
    since_ns: Vec<(Key, [i64; 2])>,
    /// Working memory: those that are not left now.
    over: Vec<Key>,
    /// Tickets that closes named, by their ids.
    named: Vec<(u64, u64)>,
}

impl LeftWatch {
    pub(super) fn new(parts: &Setup) -> Self {
        let hold_ns_max = parts.strategies.iter().map(|strategy| strategy.plan.exits.hold_ns_max).max();
        LeftWatch {
            hold_ns_max: hold_ns_max.unwrap_or(i64::MAX),
            adopts: parts.external == ExternalPolicy::Adopt,
            ..LeftWatch::default()
        }
    }
}

impl World {
    /// The account that an instrument is traded on.
    fn account(&self, instrument: InstrumentId) -> &Account {
        &self.terminal(venue_of(instrument)).broker.account
    }

    /// A position is opened again by its swap.
    pub(super) fn reopen(&mut self, venue: VenueId, draw: u64) {
        let (terminal, mut around) = self.around(venue);
        terminal.broker.reopen(draw);
        terminal.tell_all(&mut around);
    }

    /// As a reduction is decided: with all that is under way it takes no more than there is of its position.
    pub(super) fn check_reduction(&mut self, instrument: InstrumentId, side: Side, command: &Command) {
        let engine = &self.appliance.engine;
        let orders = engine.orders();
        let identifier = orders.order(command.order_id).map_or(0, |order| order.new.position);
        let (held, taken) = if self.account(instrument).is_hedging() {
            let mut tickets = engine.positions().tickets(instrument);
            let held = tickets.find(|(open, _)| *open == identifier).map_or(0, |(_, qty)| qty);
            (held, orders.closing(instrument, identifier))
        } else {
            (engine.positions().net(instrument).qty, orders.reducing(instrument, side))
        };
        let qty = taken.max(command.qty);
        self.left_watch.named.push((command.order_id, command.position));
        let is_named = command.position != 0 || !self.account(instrument).is_hedging();
        if qty > held.abs() || held.signum() != -side.sign() || !is_named {
            let ticket = command.position;
            self.violate("reduces", || {
                format!("expected a reduction of {held}, got {side:?} {qty} of position {ticket}")
            });
        }
    }

    /// A reduction that the gate refused: side by side positions leave each other what there is of them.
    pub(super) fn check_denied(&mut self, output: &Record) {
        let Some(denied) = output.payload::<record::Denied>() else { return };
        let is_too_large = denied.reason == Reason::ReduceTooLarge as u32;
        if denied.opening == 0 && is_too_large && self.account(output.instrument()).is_hedging() {
            let (limit, got) = (denied.limit, denied.got);
            self.violate("refused-close", || {
                format!("expected a close of a position of ours to pass, got {got} of {limit} refused")
            });
        }
    }

    /// After every event: no position stands for long beyond its time, while all is well and nothing closes it.
    pub(super) fn check_left(&mut self) {
        let mut over = std::mem::take(&mut self.left_watch.over);
        over.clear();
        if !self.appliance.is_dead {
            let holdings = self.appliance.engine.holdings().iter();
            over.extend(holdings.filter(|holding| self.overstays(holding)).map(key_of));
        }
        let now_ns = [self.appliance.engine.now().0, self.schedule.now_ns()];
        let since = &mut self.left_watch.since_ns;
        since.retain(|(key, _)| over.contains(key));
        for key in &over {
            if !since.iter().any(|(known, _)| known == key) {
                since.push((*key, now_ns));
            }
        }
        // A clock that is stepped leaves no time to act in.
        let over_ns = |since_ns: [i64; 2]| (now_ns[0] - since_ns[0]).min(now_ns[1] - since_ns[1]);
        let is_late = since.iter().any(|(_, since_ns)| over_ns(*since_ns) > LEFT_NS_MAX);
        self.left_watch.over = over;
        if is_late {
            let held = self.appliance.engine.holdings().to_vec();
            self.violate("left", || {
                format!("expected a close within {} ms, got none for {held:?}", LEFT_NS_MAX / NS_PER_MS)
            });
        }
    }

    /// Whether no position stands beyond its time; one that does is closed yet, or found.
    pub(super) fn nothing_overstays(&self) -> bool {
        self.left_watch.since_ns.is_empty()
    }

    fn overstays(&self, holding: &Holding) -> bool {
        self.appliance.engine.now().since(holding.since) >= self.left_watch.hold_ns_max
            && self.is_there(holding)
            && !self.is_closed_by(holding)
            && self.is_bounded_by_ours(holding.instrument)
            && self.is_reachable(holding.instrument)
    }

    /// On a netting account another's volume may leave nothing to close.
    fn is_bounded_by_ours(&self, instrument: InstrumentId) -> bool {
        self.account(instrument).is_hedging() || self.left_watch.adopts || !self.watch.is_foreign_seen
    }

    fn is_there(&self, holding: &Holding) -> bool {
        let account = self.account(holding.instrument);
        let is_it =
            |position: &Position| (position.identifier, position.side) == (holding.ticket, holding.side);
        match account.is_hedging() {
            true => account.positions.iter().any(is_it),
            false => account.net_volume(symbol_of(holding.instrument)) * holding.side.sign() > 0,
        }
    }

    /// Whether a close names a position by the ticket that the venue has for it.
    fn is_named(&self, order: &Order) -> bool {
        let named = self.left_watch.named.iter().find(|(id, _)| *id == order.new.id.raw());
        let account = self.account(order.new.instrument);
        named.is_some_and(|(_, ticket)| account.position(*ticket).is_some()) || !account.is_hedging()
    }

    /// Whether an order that really left reduces a position; one in doubt may, whatever it named.
    fn is_closed_by(&self, holding: &Holding) -> bool {
        // What the appliance takes for sent and never left closes nothing.
        let is_real = |order: &Order| self.truth.fate(order.new.id.raw()).is_some();
        self.appliance.engine.orders().open().any(|order| {
            let new = &order.new;
            (new.instrument, new.side) == (holding.instrument, holding.side.opposite())
                && new.reduces
                && new.position == holding.ticket
                && is_real(order)
                && (order.state == OrderState::Unknown || self.is_named(order))
        })
    }

    /// When all must agree: what is ours here is ours at the broker, position by position where they stand side by side, and what
    /// nobody else traded is nobody else's.
    pub(super) fn check_owned(&mut self) {
        if self.left_watch.is_power_cut_seen {
            return;
        }
        for instrument in self.instruments() {
            let (account, symbol) = (self.account(instrument), symbol_of(instrument));
            let engine = &self.appliance.engine;
            let external = engine.external(instrument);
            // On a netting account a close of another's that is told late may meet our own: what that leaves opened nothing
            // that could be taken over.
            let is_taken_over = self.left_watch.adopts && account.is_hedging();
            let is_ours_alone = is_taken_over || !self.watch.is_foreign_seen;
            if is_ours_alone && external != 0 {
                self.violate("ghost", || format!("expected nothing of others', got {external} steps"));
                return;
            }
            if !account.is_hedging() {
                continue;
            }
            let is_ours = |position: &&Position| {
                let has_our_id = OrderId::from_raw(position.magic).is_ok();
                position.symbol == symbol && (has_our_id || self.left_watch.adopts)
            };
            let named = |position: &Position| (position.identifier, position.side.sign() * position.volume);
            let mut theirs: Vec<(u64, i64)> = account.positions.iter().filter(is_ours).map(named).collect();
            theirs.sort_unstable();
            if !engine.positions().tickets(instrument).eq(theirs.iter().copied()) {
                let ours: Vec<(u64, i64)> = engine.positions().tickets(instrument).collect();
                self.violate("ghost", || format!("expected the positions {theirs:?}, got {ours:?}"));
            }
        }
    }
}
