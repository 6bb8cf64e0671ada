//! What must hold after every event, and what must hold when everything has come to rest.
//!
//! What it is not: the engine's own assertions; nothing here asks the gate whether the gate was right.
//!
//! Invariant: a rule looks at what was given and what came out, and at the truth; never at what a part says of itself, but
//! for the state that is compared.

use super::World;
use super::asked::order_id;
use super::schedule::Port;
use super::setup;
use super::venues::{INSTRUMENTS_MAX, VENUES_MAX, Venue, symbol_of, venue_of};
use super::words::words;
use crate::order::{Order, OrderState, RetcodeClass, classify};
use crate::record::{self, ControlAction, FLAG_REFILL, Kind, ROLE_MARKET, ROLE_TRADE, Record, SessionState};
use crate::risk::{Reason, Trading};
use crate::types::{InstrumentId, NS_PER_S, OrderId, OrderKind, Side, TransactionKind, VenueId};
use crate::wire::terminal::body;
use std::collections::VecDeque;

/// For so long after a change of rules a refusal for them is nobody's fault.
const RULES_SETTLE_NS: i64 = 5 * NS_PER_S;

/// What a venue said of itself.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    roles_up: u8,
    flags: u8,
}

/// What the rules remember, from the inputs alone.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// By venue.
    accounts: [Account; VENUES_MAX],
    /// The operator's word, as it was given.
    halted_by_operator: bool,
    last_id: u64,
    /// Engine times of the latest entries.
    entries_ns: VecDeque<i64>,
    pub(super) quotes: [Option<(i64, i64)>; INSTRUMENTS_MAX],
    /// Somebody else traded.
    pub(super) is_foreign_seen: bool,
    rules_changed_ns: i64,
    /// Something happened since the last comparison.
    is_dirty: bool,
    /// The end that the newest input tells: of which order, and what it left executed.
    ended: Option<(u64, i64)>,
    /// Orders that were held for longer than any proof takes, rightly declared absent, and not heard of since.
    presumed: Vec<u64>,
    /// Those of them that were heard of after all.
    returned: Vec<u64>,
}

impl Watch {
    pub(super) fn started(&mut self) {
        self.accounts = Default::default();
    }

    /// The power was cut: of the operator's words, those count that were kept.
    pub(super) fn remember(&mut self, kept: &[Record], is_latched: bool) {
        self.halted_by_operator = false;
        // Ticks were lost as well: the next live ones say what the quotes are.
        self.quotes = Default::default();
        for record in kept.iter().filter(|record| record.kind() == Some(Kind::Control)) {
            self.note(record);
        }
        self.halted_by_operator |= is_latched;
    }

    pub(super) fn rules_changed(&mut self, now_ns: i64) {
        self.rules_changed_ns = now_ns;
    }

    pub(super) fn note(&mut self, input: &Record) {
        self.ended = None;
        let account = &mut self.accounts[usize::from(input.venue().0)];
        match input.kind() {
            Some(Kind::Tick) => {
                if let (Some(tick), Some(at)) = (input.payload::<record::Tick>(), input.instrument().index())
                    && input.flags() & FLAG_REFILL == 0
                    && let Some(quote) = self.quotes.get_mut(at)
                {
                    *quote = Some((tick.bid, tick.ask));
                }
                return;
            }
            Some(Kind::ClockTick) => return,
            Some(Kind::CommandResult | Kind::OrderEvent | Kind::DealEvent) => self.heard(input),
            Some(Kind::Session) => {
                if let Some(session) = input.payload::<record::Session>() {
                    match session.state == SessionState::Up as u8 {
                        true => account.roles_up |= session.roles,
                        false => account.roles_up &= !session.roles,
                    }
                }
            }
            Some(Kind::Account) => {
                account.flags = input.payload::<record::Account>().map_or(0, |account| account.flags);
            }
            Some(Kind::Control) => {
                let action = input.payload::<record::Control>().map_or(0, |control| control.action);
                if action == ControlAction::Activate as u8 {
                    self.halted_by_operator = false;
                } else if action <= ControlAction::Kill as u8 {
                    self.halted_by_operator = true;
                }
            }
            _ => {}
        }
        self.is_dirty = true;
    }

    /// An order that was rightly declared absent is spoken of: from here on it must be known to be alive.
    fn heard(&mut self, input: &Record) {
        let id = order_id(input);
        self.ended = input
            .payload::<record::OrderEvent>()
            .filter(|event| event.transaction == TransactionKind::HistoryAdd.code())
            .map(|event| (event.magic, event.qty_initial - event.qty_open));
        if let Some(at) = self.presumed.iter().position(|presumed| *presumed == id) {
            self.returned.push(self.presumed.swap_remove(at));
        }
    }

    /// Whether an entry may be made, for all that was ever said.
    fn may_open(&self, venue_count: usize) -> bool {
        let is_well =
            |account: &Account| account.roles_up == ROLE_MARKET | ROLE_TRADE && account.flags & 15 == 15;
        self.accounts[..venue_count].iter().all(is_well) && !self.halted_by_operator
    }
}

impl World {
    /// Notes the first rule that does not hold.
    #[cold]
    pub(super) fn violate(&mut self, rule: &'static str, words: impl FnOnce() -> String) {
        if self.violation.is_none() {
            let words = words();
            self.say(|_| format!("VIOLATION {rule}: {words}"));
            self.violation = Some(super::Violation { rule, words, event: self.events });
        }
    }

    /// After every step of the engine.
    #[inline]
    pub(super) fn check_step(&mut self, input: &Record) {
        if self.tracing == super::Tracing::On && input.kind() != Some(Kind::Tick) {
            self.say(|_| format!("input {}", words(input)));
        }
        if !self.appliance.is_step_whole {
            return;
        }
        for index in 0..self.appliance.out.records().len() {
            let output = self.appliance.out.records()[index];
            if self.tracing == super::Tracing::On {
                self.say(|_| format!("output {}", words(&output)));
            }
            match output.kind() {
                Some(Kind::Command) => self.check_command(&output),
                Some(Kind::OrderStateChange) => self.check_change(&output),
                Some(Kind::Denied) => self.check_denied(&output),
                _ => {}
            }
        }
        if input.kind() == Some(Kind::Tick) {
            self.check_quote(input.instrument());
        }
        if self.truth.any_alive() {
            self.check_alive();
        }
    }

    fn check_command(&mut self, output: &Record) {
        let Some(command) = output.payload::<record::Command>() else { return };
        self.watch.is_dirty = true;
        let (id, last) = (command.order_id, self.watch.last_id);
        if id <= last {
            self.violate("ids", || format!("expected an id above {last:x}, got {id:x}"));
        }
        self.watch.last_id = id.max(last);
        if super::asked::is_request(command.action) {
            return self.check_request(&command);
        }
        let Some(side) = OrderKind::from_code(command.order_kind).and_then(OrderKind::side) else { return };
        let engine = &self.appliance.engine;
        let instrument = output.instrument();
        if output.aux() == 1 {
            return self.check_reduction(instrument, side, &command);
        }
        let is_open = self.watch.may_open(self.venues.len())
            && self.appliance.ends.iter().flatten().all(|end| end.is_live)
            && engine.trading() == Trading::Active
            && engine.closed().is_none()
            && !self.is_disk_full;
        if !is_open {
            self.violate("gate", || format!("order {id:x} entered while the gate was closed"));
        }
        self.check_limits(instrument, side, &command);
        self.check_exposure(instrument, &command);
        self.check_entry_stops(instrument, side, &command);
        self.check_rate(output.ts().0);
    }

    /// Worst case, from the engine's own books and the operator's limits.
    fn check_limits(&mut self, instrument: InstrumentId, side: Side, command: &record::Command) {
        let limits = setup::limits();
        let steps = |lots: f64| (lots * 100.0).round() as i64;
        let engine = &self.appliance.engine;
        let net = engine.positions().net(instrument).qty + engine.external(instrument);
        let worst = net * side.sign() + engine.orders().reserved(instrument, side);
        // Reductions that the same step made after it do not count.
        let earlier = |order: &&Order| order.new.id.raw() <= command.order_id;
        let (qty, open) = (command.qty, engine.orders().open().filter(earlier).count());
        let unknown = engine.orders().unknown_of(instrument, side);
        let (order_max, position_max) = (steps(limits.order_lots_max), steps(limits.position_lots_max));
        if qty > order_max || worst > position_max || open > limits.open_orders_max as usize || unknown > 0 {
            self.violate("limits", || {
                format!(
                    "expected at most {order_max} steps an order, {position_max} in the worst case, {} open, \
                     none in doubt; got {qty}, {worst}, {open}, {unknown}",
                    limits.open_orders_max
                )
            });
        }
    }

    fn check_rate(&mut self, ts_ns: i64) {
        let limits = setup::limits();
        let most = (limits.orders_per_s_max + limits.orders_burst_max) as usize;
        let entries = &mut self.watch.entries_ns;
        entries.push_back(ts_ns);
        if entries.len() <= most {
            return;
        }
        let oldest = entries.pop_front().unwrap_or(0);
        if ts_ns - oldest < NS_PER_S && ts_ns >= oldest {
            self.violate("rate", || format!("expected at most {most} entries in a second, got one more"));
        }
    }

    fn check_change(&mut self, output: &Record) {
        let Some(change) = output.payload::<record::OrderStateChange>() else { return };
        self.watch.is_dirty = true;
        let is_final =
            |code: u8| OrderState::ALL.iter().any(|state| *state as u8 == code && state.is_final());
        let filled = OrderState::Filled as u8;
        let is_returned = self.watch.returned.contains(&change.order_id);
        if is_final(change.from) && change.to != filled && !is_returned {
            let (from, to) = (change.from, change.to);
            self.violate("fate", || format!("expected an end to stay, got state {to} after {from}"));
        }
        if let Some((id, executed)) = self.watch.ended
            && (id, is_final(change.to)) == (change.order_id, true)
            && change.qty_filled < executed
        {
            let counted = change.qty_filled;
            self.violate("fate", || {
                format!("expected order {id:x} to be open until {executed} steps are counted, got its end at {counted}")
            });
        }
        if change.to != OrderState::Rejected as u8 {
            return;
        }
        if let Some(fate) = self.truth.fate(change.order_id)
            && fate.filled > 0
            && !fate.is_forgotten
        {
            let (id, done) = (change.order_id, fate.filled);
            self.violate("fate", || {
                format!("expected order {id:x} to be known as filled by {done}, got it declared dead")
            });
        } else if self.truth.fate(change.order_id).is_some_and(|fate| fate.is_overdue && fate.is_held) {
            self.watch.presumed.push(change.order_id);
        }
    }

    /// What a quote is, only a live tick says.
    fn check_quote(&mut self, instrument: InstrumentId) {
        let Some(Some((bid, ask))) = instrument.index().and_then(|at| self.watch.quotes.get(at).copied())
        else {
            return;
        };
        let quote = self.appliance.engine.market().quote(instrument);
        if (quote.bid.0, quote.ask.0) != (bid, ask) {
            let got = (quote.bid.0, quote.ask.0);
            self.violate("quote", || format!("expected the last live quote {bid} {ask}, got {got:?}"));
        }
    }

    /// What may still be executed is open here, and reserved.
    fn check_alive(&mut self) {
        let engine = &self.appliance.engine;
        let wrong = self.truth.alive().find(|(id, fate)| {
            let order = engine.orders().order(*id);
            !fate.is_forgotten
                && !fate.is_request
                && !self.watch.presumed.contains(id)
                && order.is_none_or(|order| order.state.is_final())
        });
        if let Some((id, fate)) = wrong {
            let (words, state) = (format!("{fate:?}"), engine.orders().order(id).map(|order| order.state));
            return self.violate("alive", || {
                format!("expected order {id:x} to be open while it may be executed, got {state:?}: {words}")
            });
        }
        for id in self.instruments() {
            for side in Side::BOTH {
                let presumed = &self.watch.presumed;
                let forgotten =
                    self.truth.alive().any(|(id, fate)| fate.is_forgotten || presumed.contains(&id));
                let may_fill = self.truth.may_fill(usize::from(id.0), side);
                let reserved = self.appliance.engine.orders().reserved(id, side);
                if may_fill > reserved && !forgotten {
                    self.violate("reserved", || {
                        format!("expected {may_fill} steps of {side:?} reserved, got {reserved}")
                    });
                }
            }
        }
    }

    /// As a command leaves: it is in the journal, it leaves once, it is what was decided, and no limit breaks in truth.
    pub(super) fn check_write(&mut self, record: &Record, wire: &body::Command) {
        let id = wire.order_id;
        let journalled = self.appliance.journal.record(record.seq());
        let is_kept = journalled
            .and_then(|kept| kept.payload::<record::Command>())
            .is_some_and(|kept| kept.order_id == id);
        let is_durable = !self.waits_for_disk || self.appliance.journal.durable_seq() >= record.seq();
        if !is_kept || !is_durable {
            self.violate("journal", || format!("order {id:x} left before the journal had it"));
        }
        let Some(fate) = self.truth.fate(id).copied() else { return };
        if fate.writes > 1 {
            self.violate("once", || format!("order {id:x} was written {} times", fate.writes));
        }
        if fate.executions > 1 {
            self.violate("once", || format!("order {id:x} was executed {} times", fate.executions));
        }
        if let Some(command) = record.payload::<record::Command>() {
            let same = (command.position, command.filling, command.qty, command.order_kind)
                == (wire.position, wire.filling, fate.qty, wire.order_type);
            if !same {
                self.violate("wire", || format!("order {id:x} left with other terms than were decided"));
            }
        }
        if self.watch.is_foreign_seen || !self.watch.presumed.is_empty() || !self.watch.returned.is_empty() {
            return;
        }
        let position_max = (setup::limits().position_lots_max * 100.0).round() as i64;
        let net = self.net_volume(record.instrument());
        let worst = net * fate.side.sign() + self.truth.may_fill(fate.instrument, fate.side);
        if worst > position_max {
            self.violate("limits", || {
                format!("expected at most {position_max} steps in truth, got {worst} with order {id:x}")
            });
        }
    }

    /// A request that is wrong in itself is our fault, unless the rules have just changed.
    pub(super) fn check_refusals(&mut self, venue: VenueId) {
        let now_ns = self.schedule.now_ns();
        let refused = std::mem::take(&mut self.terminal_mut(venue).refused);
        if now_ns - self.watch.rules_changed_ns < RULES_SETTLE_NS {
            return;
        }
        // A stop that the market has run past while the order was under way is not our fault.
        let moved = [10_015, 10_016, 10_038];
        let wrong = refused.iter().find(|(id, code)| {
            // One that was held for seconds met rules that changed meanwhile.
            // And one about an order that was just filled finds none.
            let is_overdue = self.truth.fate(*id).is_some_and(|fate| fate.is_overdue || fate.is_request);
            let is_ours = OrderId::from_raw(*id).is_ok() && !is_overdue;
            classify(*code) == RetcodeClass::Fix && !moved.contains(code) && is_ours
        });
        if let Some((id, code)) = wrong {
            self.violate("request", || format!("order {id:x} was refused as wrong: {code}"));
        }
    }

    /// An instrument's position at its broker, steps.
    fn net_volume(&self, instrument: InstrumentId) -> i64 {
        self.terminal(venue_of(instrument)).broker.account.net_volume(symbol_of(instrument))
    }

    /// Whether all that happened at the brokers must be known to the appliance by now.
    pub(super) fn is_settled(&self) -> bool {
        !self.appliance.is_dead
            && self.truth.lost == self.truth.healed
            && self.venues.iter().zip(&self.appliance.ends).all(|(venue, ends)| {
                let Venue { terminal, link, .. } = venue;
                let is_connected = |port: &Port| {
                    let end = &ends[*port as usize];
                    end.is_live && end.connection == link.terminal_has[*port as usize]
                };
                !terminal.is_frozen
                    && link.news_under_way == 0
                    && terminal.is_idle()
                    && terminal.is_server_up
                    && Port::BOTH.iter().all(is_connected)
            })
            && self.truth.alive().all(|(id, fate)| self.rests(id, fate))
            && self.appliance.outbox.is_empty()
            && self.appliance.engine.closed().is_none_or(|refusal| {
                !matches!(refusal.reason, Reason::SessionDown | Reason::SessionUnreconciled)
            })
    }

    /// Compares positions and fills with the brokers', whenever they must agree.
    pub(super) fn check_settled(&mut self) {
        if !self.watch.is_dirty || !self.is_settled() {
            return;
        }
        self.watch.is_dirty = false;
        self.comparisons += 1;
        self.check_owned();
        self.check_money();
        for instrument in self.instruments() {
            let engine = &self.appliance.engine;
            let ours = engine.positions().net(instrument).qty + engine.external(instrument);
            let theirs = self.net_volume(instrument);
            if ours != theirs {
                self.violate("position", || {
                    let symbol = setup::SYMBOLS[symbol_of(instrument)];
                    format!("expected {theirs} steps of {symbol} as its broker has, got {ours}")
                });
            }
        }
    }

    /// Everything is known, and nothing is under way.
    pub(super) fn is_at_rest(&self) -> bool {
        let orders = self.appliance.engine.orders();
        let doubts = orders.unknown_count();
        self.is_settled()
            && orders.open_count() == doubts
            && !self.is_disk_full
            && !self.appliance.engine.waits()
            && self.nothing_overstays()
    }

    /// At the end: every command has exactly one fate, or is in doubt and acknowledged.
    pub(super) fn check_end(&mut self) {
        if !self.is_settled() {
            let words = self.unsettled_words();
            return self.violate("rest", || format!("expected the world to come to rest, got {words}"));
        }
        if let Some(refusal) = self.appliance.engine.closed()
            && matches!(refusal.reason, Reason::PositionMismatch)
        {
            return self.violate("rest", || format!("expected positions to agree, got {refusal}"));
        }
        self.check_requests_end();
        self.check_resting();
        let orders = self.truth.fates().filter(|(_, fate)| !fate.is_forgotten && !fate.is_request);
        let wrong = { orders }.find_map(|(id, fate)| {
            let Some(order) = self.appliance.engine.orders().order(id) else {
                return Some(format!("order {id:x} is not known"));
            };
            let is_known =
                order.state.is_final() || order.state == OrderState::Unknown || self.rests(id, fate);
            let is_right = order.qty_filled == fate.filled && fate.executions <= 1;
            (!is_known || !is_right).then(|| format!("order {id:x}: {fate:?} is known as {order:?}"))
        });
        if let Some(words) = wrong {
            self.violate("fate", || format!("expected one true fate, got {words}"));
        }
    }

    fn unsettled_words(&self) -> String {
        let engine = &self.appliance.engine;
        format!(
            "dead {}, lost {:?} healed {:?}, news under way {}, terminal idle {}, alive {}, outbox {}, closed {:?}, \
             connections {:?}, live {:?}",
            self.appliance.is_dead,
            self.truth.lost,
            self.truth.healed,
            self.venues.iter().map(|venue| venue.link.news_under_way).sum::<u32>(),
            self.venues.iter().all(|venue| venue.terminal.is_idle()),
            self.truth.any_alive(),
            self.appliance.outbox.len(),
            engine.closed().map(|refusal| refusal.to_string()),
            self.venues.iter().map(|venue| venue.link.terminal_has).collect::<Vec<_>>(),
            self.appliance
                .ends
                .iter()
                .map(|ends| Port::BOTH.map(|port| ends[port as usize].is_live))
                .collect::<Vec<_>>(),
        )
    }
}
