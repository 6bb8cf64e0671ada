//! What must hold of requests, and of what rests at the broker.
//!
//! What it is not: the rules of orders (`checks.rs`), which hold for what rests as well.
//!
//! Invariant: a rule looks at what was given, what came out, and the truth.

use super::World;
use super::truth::Fate;
use super::venues::venue_of;
use crate::order::{NewRequest, OrderState, RequestStage};
use crate::record::{self, AUX_REVISION_SHIFT, Record};
use crate::types::{InstrumentId, OrderAction, OrderId, OrderKind};
use crate::wire::terminal::body;

/// Final requests that the engine remembers for certain.
const REMEMBERED: usize = 1_000;

/// Whether a command is about an order or position that is there already.
pub(super) fn is_request(action: u8) -> bool {
    OrderAction::from_code(action)
        .is_some_and(|action| !matches!(action, OrderAction::Deal | OrderAction::Pending))
}

impl World {
    /// As a request is decided: no second of its kind about the same order is under way.
    pub(super) fn check_request(&mut self, command: &record::Command) {
        let requests = self.appliance.engine.requests();
        let Some(new) = requests.request(command.order_id).map(|request| request.new) else {
            let id = command.order_id;
            return self.violate("request", || format!("request {id:x} left and is not known"));
        };
        let same = requests.open().iter().filter(|open| {
            let of = |new: &NewRequest| (new.instrument, new.order, new.position, new.action);
            of(&open.new) == of(&new)
        });
        let count = same.count();
        if count != 1 {
            let (action, order) = (new.action, new.order);
            self.violate("request", || format!("expected one {action:?} about {order:x}, got {count}"));
        }
    }

    /// As a request leaves: it is in the journal, it leaves once, with the revision that was decided, and it was not executed.
    pub(super) fn write_request(&mut self, record: &Record, wire: &body::Command) {
        self.requests += 1;
        self.changes += u64::from(wire.action == OrderAction::Modify.code());
        let id = wire.order_id;
        self.truth.request_written(id, usize::from(record.instrument().0));
        self.check_request_write(record, wire);
        self.say(|_| format!("request {id:x} action {} revision {} written", wire.action, wire.revision));
        self.pass_command(record.venue(), wire);
    }

    fn check_request_write(&mut self, record: &Record, wire: &body::Command) {
        let id = wire.order_id;
        let journalled = self.appliance.journal.record(record.seq());
        let kept = journalled.and_then(|kept| Some((kept.payload::<record::Command>()?, kept.aux())));
        let is_kept = kept.is_some_and(|(command, aux)| {
            command.order_id == id
                && command.action == wire.action
                && command.ticket == wire.order
                && wire.revision == aux >> AUX_REVISION_SHIFT
                && wire.revision > 0
        });
        let is_durable = !self.waits_for_disk || self.appliance.journal.durable_seq() >= record.seq();
        if !is_kept || !is_durable {
            self.violate("journal", || format!("request {id:x} left otherwise than the journal has it"));
        }
        let Some(fate) = self.truth.fate(id).copied() else { return };
        if fate.writes > 1 || fate.executions > 1 {
            let (writes, executions) = (fate.writes, fate.executions);
            self.violate("request-once", || {
                format!("request {id:x} was written {writes} times and executed {executions} times")
            });
        }
    }

    /// Whether an order rests at the broker, and nothing about it is under way.
    pub(super) fn rests(&self, id: u64, fate: &Fate) -> bool {
        let is_moving = fate.is_request || fate.is_held || fate.on_wire > 0 && !fate.is_answered;
        let is_pending =
            |kind: OrderKind| !matches!(kind, OrderKind::Buy | OrderKind::Sell | OrderKind::CloseBy);
        let venue = venue_of(InstrumentId(fate.instrument as u16));
        let orders = &self.terminal(venue).broker.account.orders;
        !is_moving && orders.iter().any(|order| order.magic == id && is_pending(order.kind))
    }

    /// At the end: every request has exactly one fate, or is in doubt, and none was executed that is said not to have left.
    pub(super) fn check_requests_end(&mut self) {
        let requests = self.appliance.engine.requests();
        let newest = requests.finals().count() < REMEMBERED;
        let asked = self.truth.fates().filter(|(_, fate)| fate.is_request && !fate.is_forgotten);
        let wrong = { asked }.find_map(|(id, fate)| {
            let Some(request) = requests.request(id) else {
                return newest.then(|| format!("request {id:x} is not known"));
            };
            let stage = request.stage;
            let is_known = stage.is_final() || stage == RequestStage::Unknown;
            let is_denied = matches!(stage, RequestStage::Refused | RequestStage::NotSent);
            let is_right = fate.executions <= 1 && !(is_denied && fate.is_done);
            (!is_known || !is_right).then(|| format!("request {id:x}: {fate:?} is known as {request:?}"))
        });
        if let Some(words) = wrong {
            self.violate("request-fate", || format!("expected one true fate, got {words}"));
        }
    }

    /// At the end: what rests at the broker is what the appliance believes to rest, on the same terms, and nothing else.
    pub(super) fn check_resting(&mut self) {
        let orders = self.appliance.engine.orders();
        let resting = || self.venues.iter().flat_map(|venue| &venue.terminal.broker.account.orders);
        let ours = resting().filter(|order| OrderId::from_raw(order.magic).is_ok());
        let mut wrong = { ours }.find_map(|order| {
            let is_forgotten = self.truth.fate(order.magic).is_none_or(|fate| fate.is_forgotten);
            let known = orders.order(order.magic);
            let same = known.is_some_and(|known| {
                let terms = known.terms;
                known.state == OrderState::Unknown
                    || !known.state.is_final()
                        && known.ticket == order.ticket
                        && known.remaining() == order.volume_open
                        && (terms.price, terms.stop_limit) == (order.price, order.stop_limit)
                        && (terms.stop_loss, terms.take_profit) == (order.stop_loss, order.take_profit)
            });
            (!same && !is_forgotten).then(|| format!("{order:?} is known as {known:?}"))
        });
        let believed = orders.open().find(|order| {
            order.state == OrderState::Working
                && !resting().any(|resting| resting.magic == order.new.id.raw())
        });
        if let Some(order) = believed {
            wrong = Some(format!("{order:?} does not rest"));
        }
        if let Some(words) = wrong {
            self.violate("resting", || format!("expected both to hold the same resting orders, got {words}"));
        }
    }
}

/// The order that an input speaks of, or zero.
pub(super) fn order_id(input: &Record) -> u64 {
    let result = input.payload::<record::CommandResult>().map(|result| result.order_id);
    let event = input.payload::<record::OrderEvent>().map(|event| event.magic);
    let deal = input.payload::<record::DealEvent>().map(|deal| deal.magic);
    result.or(event).or(deal).unwrap_or(0)
}
