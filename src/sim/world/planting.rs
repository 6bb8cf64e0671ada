//! Where the planted bugs stand: around the engine, on what goes in and what comes out.
//!
//! What it is not: a change of the engine. Without a planted bug everything passes as it came.
//!
//! Invariant: a planted bug changes what the simulated appliance does, never what the rules of `checks.rs` look at.

use super::World;
use super::faults::Fault;
use super::planted::Planted;
use super::schedule::Port;
use super::venues::venue_of;
use crate::order::OrderState;
use crate::order::exits::ExitReason;
use crate::record::{
    self, AUX_REDUCES, ControlAction, DispatchOutcome, FLAG_REFILL, FLAG_SNAPSHOT, FLAG_UNATTRIBUTED, Kind,
    Layout, Origin, Record,
};
use crate::types::{DealEntry, NS_PER_MS, OrderAction, OrderKind, TransactionKind};
use crate::wire::terminal::body;

/// `TRADE_ACTION_SLTP`.
const STOP_LEVELS: u8 = OrderAction::StopLevels as u8;

/// What the planted bugs remember.
#[derive(Debug, Default)]
pub(super) struct Memory {
    last_sent: u64,
    last_commands: Vec<Record>,
    made_up: u64,
    told: Vec<u64>,
    /// Requests in doubt that wait for the terminal.
    to_resend: Vec<Record>,
    /// Orders and requests that were to mend a missing stop.
    mending: Vec<u64>,
}

impl World {
    /// An input on its way into the engine.
    pub(super) fn feed(&mut self, record: Record) {
        if !self.appliance.is_dead {
            self.watch.note(&record);
            self.note_stop(&record);
        }
        let Some(planted) = self.planted else { return self.take(record) };
        let mut record = record;
        let flags = record.flags();
        match planted {
            Planted::TimeoutIsReject => {
                if let Some(result) = record.payload::<record::CommandResult>()
                    && result.retcode == 10_012
                {
                    record = rewritten(&record, &record::CommandResult { retcode: 10_006, ..result });
                }
            }
            Planted::DealCountedTwice => {
                if let Some(deal) = record.payload::<record::DealEvent>()
                    && flags & FLAG_SNAPSHOT == 0
                    && self.memory.told_before(deal.deal)
                {
                    record = rewritten(&record, &record::DealEvent { deal: deal.deal | 1 << 62, ..deal });
                }
            }
            Planted::PartialIsWhole => {
                if let Some(deal) = record.payload::<record::DealEvent>()
                    && let Some(order) = self.appliance.engine.orders().order(deal.magic)
                    && order.ticket == deal.ticket
                {
                    record = rewritten(&record, &record::DealEvent { qty: order.new.qty.0, ..deal });
                }
            }
            Planted::NoHistoryAtReconnect
                if flags & FLAG_SNAPSHOT != 0 && record.kind() == Some(Kind::DealEvent) =>
            {
                return;
            }
            Planted::PastTicksAreQuotes if flags & FLAG_REFILL != 0 => {
                if let Some(tick) = record.payload::<record::Tick>() {
                    record = rewritten(&record, &tick);
                }
            }
            Planted::CommentAsKey => {
                if let Some(deal) = record.payload::<record::DealEvent>() {
                    let is_cut = deal.deal % 3 == 0;
                    let magic = if is_cut { deal.magic & 0xffff } else { deal.magic };
                    record = rewritten(&record, &record::DealEvent { magic, ..deal }).with_flags(flags);
                }
            }
            Planted::SnapshotAdded => self.add_snapshot(&record),
            Planted::ReplyWithoutId => {
                if let Some(result) = record.payload::<record::CommandResult>()
                    && self.memory.last_sent != 0
                {
                    let order_id = self.memory.last_sent;
                    record = rewritten(&record, &record::CommandResult { order_id, ..result });
                }
            }
            Planted::LateAnswerIgnored => {
                let order = self.appliance.engine.orders().order(super::asked::order_id(&record));
                if order.is_some_and(|order| order.state == OrderState::Rejected) {
                    return;
                }
            }
            Planted::FillAfterCancelDropped => {
                if let Some(deal) = record.payload::<record::DealEvent>()
                    && let Some(order) = self.appliance.engine.orders().order(deal.magic)
                    && order.revision > 0
                    && order.ticket == deal.ticket
                {
                    return;
                }
            }
            Planted::EndForgetsFills => {
                if let Some(event) = record.payload::<record::OrderEvent>() {
                    let qty_open = event.qty_initial;
                    record = rewritten(&record, &record::OrderEvent { qty_open, ..event }).with_flags(flags);
                }
            }
            Planted::TicketNotLearnt => {
                if let Some(position) = record.payload::<record::PositionEvent>() {
                    let ticket = position.identifier;
                    record = rewritten(&record, &record::PositionEvent { ticket, ..position });
                    record = record.with_flags(flags);
                }
            }
            Planted::LateFillStays => {
                if let Some(deal) = record.payload::<record::DealEvent>()
                    && self.is_late_fill(&record, &deal)
                {
                    record = rewritten(&record, &record::DealEvent { position: deal.deal, ..deal });
                    record = record.with_flags(flags);
                }
            }
            Planted::BlankDealIsBooked if flags & FLAG_UNATTRIBUTED != 0 => {
                let mut open = self.appliance.engine.orders().open();
                if let Some(deal) = record.payload::<record::DealEvent>()
                    && let Some(order) = open.find(|order| {
                        order.ticket == deal.ticket && venue_of(order.new.instrument) == record.venue()
                    })
                {
                    let magic = order.new.id.raw();
                    record = rewritten(&record, &record::DealEvent { magic, ..deal });
                }
            }
            Planted::KillIgnored => {
                if let Some(control) = record.payload::<record::Control>()
                    && control.action == ControlAction::Kill as u8
                {
                    return;
                }
            }
            _ => {}
        }
        self.take(record);
        self.note_mending();
        self.done_is_filled(&record);
        self.after_doubt();
        self.after_doubt_of_request();
    }

    fn take(&mut self, record: Record) {
        self.appliance.take(record);
        self.check_step(&record);
        self.check_killed_step();
        self.check_exits_step();
        self.plan_clock();
        self.plan_sync();
        if !self.appliance.outbox.is_empty() && !self.is_send_planned && !self.appliance.is_dead {
            let mut wait_ns = 1_000 + self.dice.below(60_000) as i64;
            if self.faults.strikes(Fault::Stalled) {
                wait_ns += self.faults.below(Fault::Stalled, 250) as i64 * NS_PER_MS;
            }
            self.plan_send(wait_ns);
        }
    }

    fn done_is_filled(&mut self, record: &Record) {
        let Some(result) = record.payload::<record::CommandResult>() else { return };
        if self.planted != Some(Planted::DoneIsFilled) || result.retcode != 10_009 || result.deal != 0 {
            return;
        }
        let Some(order) = self.appliance.engine.orders().order(result.order_id).copied() else { return };
        self.memory.made_up += 1;
        let mut deal = record::DealEvent::read(&[0; 96]);
        (deal.deal, deal.magic, deal.qty) = (1 << 61 | self.memory.made_up, result.order_id, order.new.qty.0);
        (deal.price, deal.transaction, deal.deal_type) =
            (result.price, TransactionKind::DealAdd.code(), order.new.side as u8);
        (deal.entry, deal.reason, deal.position) = (DealEntry::In.code(), 3, 1 << 61 | self.memory.made_up);
        let instrument = order.new.instrument;
        self.take(Record::new(Origin::Trade, record.ts(), record.venue(), instrument, &deal));
    }

    fn add_snapshot(&mut self, record: &Record) {
        let Some(position) = record.payload::<record::PositionEvent>() else { return };
        if record.flags() & FLAG_SNAPSHOT == 0 || self.starts < 2 || position.magic == 0 {
            return;
        }
        self.memory.made_up += 1;
        let mut deal = record::DealEvent::read(&[0; 96]);
        (deal.deal, deal.magic, deal.qty) =
            (1 << 61 | self.memory.made_up, position.magic, position.qty.abs());
        (deal.transaction, deal.deal_type) = (TransactionKind::DealAdd.code(), u8::from(position.qty < 0));
        (deal.position, deal.reason) = (position.identifier, 3);
        self.take(Record::new(Origin::Trade, record.ts(), record.venue(), record.instrument(), &deal));
    }

    /// What the careless do with an order that they hear nothing of.
    fn after_doubt(&mut self) {
        let resends = matches!(self.planted, Some(Planted::ResendAfterTimeout | Planted::ResendAndForget));
        let expires = self.planted == Some(Planted::DoubtExpires);
        if !resends && !expires {
            return;
        }
        let outputs: Vec<Record> = self.appliance.out.records().to_vec();
        for output in outputs {
            if let Some(change) = output.payload::<record::OrderStateChange>()
                && resends
                && change.to == OrderState::Unknown as u8
                && self.appliance.end(output.venue(), Port::Trade).is_live
            {
                let id = change.order_id;
                let sent = self.memory.last_commands.iter().find(|sent| {
                    sent.payload::<record::Command>().is_some_and(|command| command.order_id == id)
                });
                if let Some(sent) = sent.copied() {
                    self.appliance.outbox.push_back(sent);
                    self.plan_send(0);
                }
            }
            if let Some(change) = output.payload::<record::OrderStateChange>()
                && expires
                && change.to == OrderState::Unknown as u8
            {
                let mut control = record::Control::read(&[0; 96]);
                (control.order_id, control.action) =
                    (change.order_id, ControlAction::ResolveNotExecuted as u8);
                self.own(&control);
            }
        }
    }

    /// What the careless do with a cancel, or any request, that they hear nothing of.
    fn after_doubt_of_request(&mut self) {
        let is_resent = self.planted == Some(Planted::RequestResent);
        let is_done = self.planted == Some(Planted::CancelTimeoutIsDone);
        if !is_resent && !is_done {
            return;
        }
        let doubts: Vec<record::RequestStateChange> =
            self.appliance.out.records().iter().filter_map(Record::payload).collect();
        let unknown = crate::order::RequestStage::Unknown as u8;
        for doubt in doubts.into_iter().filter(|doubt| doubt.to == unknown) {
            let of_request = |sent: &&Record| {
                sent.payload::<record::Command>().is_some_and(|command| command.order_id == doubt.request_id)
            };
            if is_resent {
                let sent = self.memory.last_commands.iter().find(of_request).copied();
                self.memory.to_resend.extend(sent);
            } else if doubt.action == OrderAction::Remove.code() {
                self.make_cancelled(doubt.order_id);
            }
        }
        if self.appliance.ends.iter().all(|ends| ends[1].is_live) && !self.memory.to_resend.is_empty() {
            let again = std::mem::take(&mut self.memory.to_resend);
            self.appliance.outbox.extend(again);
            self.plan_send(0);
        }
    }

    /// Tells the engine that an order is gone, as if the venue had said so.
    fn make_cancelled(&mut self, id: u64) {
        let Some(order) = self.appliance.engine.orders().order(id).copied() else { return };
        let mut event = record::OrderEvent::read(&[0; 96]);
        (event.magic, event.ticket, event.order_kind) = (id, order.ticket, order.kind.code());
        (event.order_state, event.transaction) = (2, TransactionKind::HistoryAdd.code());
        let (ts, instrument) = (self.ts(), order.new.instrument);
        self.take(Record::new(Origin::Trade, ts, venue_of(instrument), instrument, &event));
    }

    /// Whether a command never leaves, though the engine is told that it did.
    pub(super) fn swallows(&self, record: &Record) -> bool {
        let Some(command) = record.payload::<record::Command>() else { return false };
        let side = OrderKind::from_code(command.order_kind).and_then(OrderKind::side);
        let (Some(planted), Some(side)) = (self.planted, side) else { return false };
        let (engine, instrument) = (&self.appliance.engine, record.instrument());
        match planted {
            Planted::BareIsLeft => self.memory.mending.contains(&command.order_id),
            Planted::CloseBoundByNet if record.aux() == AUX_REDUCES => {
                let net = engine.positions().net(instrument).qty + engine.external(instrument);
                self.terminal(record.venue()).broker.account.is_hedging() && -net * side.sign() < command.qty
            }
            Planted::EntryHoldsExit if record.aux() == AUX_REDUCES => {
                engine.orders().opening(instrument, side) > 0
            }
            _ => false,
        }
    }

    /// Whether a fill of ours is told whose position the venue has closed, and we know of a close that nobody explained.
    fn is_late_fill(&self, record: &Record, deal: &record::DealEvent) -> bool {
        let engine = &self.appliance.engine;
        let mut positions = self.terminal(record.venue()).broker.account.positions.iter();
        deal.entry == DealEntry::In.code()
            && engine.orders().order(deal.magic).is_some_and(|order| order.ticket == deal.ticket)
            && engine.external(record.instrument()) != 0
            && !positions.any(|position| position.identifier == deal.position)
    }

    /// What the careless do not mend.
    fn note_mending(&mut self) {
        let exits = self.appliance.out.records().iter().filter_map(Record::payload::<record::Exit>);
        let mends = |reason: u32| {
            [ExitReason::Unprotected, ExitReason::Protect].iter().any(|mends| *mends as u32 == reason)
        };
        self.memory.mending.extend(exits.filter(|exit| mends(exit.reason)).map(|exit| exit.order_id));
    }

    /// What the engine is told of a write.
    pub(super) fn told_outcome(&mut self, outcome: DispatchOutcome) -> DispatchOutcome {
        let breaks = self.planted == Some(Planted::BrokenWriteIsUnsent) && self.dice.below(20) == 0;
        if breaks && outcome == DispatchOutcome::Sent { DispatchOutcome::QueueFull } else { outcome }
    }

    /// A command on its way out.
    pub(super) fn spoil_command(&mut self, record: &Record, wire: &mut body::Command) {
        if self.planted.is_none() {
            return;
        }
        match self.planted {
            Some(Planted::TicketIn32Bits) => wire.position &= u64::from(u32::MAX),
            Some(Planted::FillingFixed) => wire.filling = 2,
            Some(Planted::TrailingWidens) if self.starts > 1 && wire.action == STOP_LEVELS => {
                let side = if wire.order_type == 0 { 1.0 } else { -1.0 };
                wire.price_sl -= side * 40.0 * 0.000_01;
            }
            Some(Planted::ResendAfterTimeout | Planted::ResendAndForget | Planted::RequestResent) => {
                // Without this the terminal refuses what comes late.
                wire.valid_for_ms = 0;
                self.memory.last_commands.push(*record);
            }
            _ => {}
        }
        self.memory.last_sent = wire.order_id;
    }
}

impl Memory {
    fn told_before(&mut self, deal: u64) -> bool {
        if self.told.contains(&deal) {
            return true;
        }
        self.told.push(deal);
        false
    }
}

/// The same record with another payload; flags are lost.
fn rewritten<P: record::Payload>(record: &Record, payload: &P) -> Record {
    let origin = if record.origin() == Origin::Market as u8 { Origin::Market } else { Origin::Trade };
    Record::new(origin, record.ts(), record.venue(), record.instrument(), payload)
}
