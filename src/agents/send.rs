//! Commands out, reports in: the trade connections.
//!
//! What it is not: it decides nothing and repeats nothing.
//!
//! Invariant: a command leaves once or not at all, and the engine is told which. One whose write failed half-way counts as
//! sent, because it may have been. With `before_send = "disk"` it waits until the disk has it. What the operator killed does not
//! leave, even where the engine hangs and knows nothing of the kill.

use super::endpoint::Endpoint;
use super::killed;
use super::rings::Outbound;
use crate::journal::Progress;
use crate::link::SendError;
use crate::record::{self, AUX_REVISION_SHIFT, DispatchOutcome, Kind, Origin, Record};
use crate::runtime::KillFlag;
use crate::runtime::agent::Agent;
use crate::runtime::clock::Clock;
use crate::runtime::counters::{CounterId, CounterWriter};
use crate::runtime::histogram::StageRecorder;
use crate::runtime::ring::{Consumer, Producer};
use crate::runtime::stage::Stage;
use crate::types::{InstrumentId, NS_PER_MS, NS_PER_S, TimeNs};
use crate::wire::terminal::{body, encode_command};

/// What the agent is made of.
pub struct SendParts {
    /// The trade address.
    pub endpoint: Endpoint,
    /// Slots of the orders' ring: for so many dispatches room is kept among the reports.
    pub orders_slots: usize,
    /// Commands and queries.
    pub orders: Consumer<Outbound>,
    /// To the engine.
    pub reports: Producer<Record>,
    /// With `before_send = "disk"`: how far the disk is.
    pub wait_for_disk: Option<Progress>,
    /// What the operator killed: read before each write, whatever the engine does.
    pub killed: KillFlag,
    /// This start of the appliance.
    pub epoch: u64,
    /// The lane's clock.
    pub clock: Clock,
    /// Takes the stages.
    pub recorder: StageRecorder,
    /// Takes the counts.
    pub counters: CounterWriter,
    /// Commands sent in one cycle at most.
    pub messages_per_cycle_max: usize,
}

/// See the module.
pub struct Send {
    parts: SendParts,
    sent_count: u64,
    expired_count: u64,
    killed_count: u64,
    ts_published: TimeNs,
}

impl Send {
    /// Ready to be put on a lane.
    pub fn new(parts: SendParts) -> Self {
        Send { parts, sent_count: 0, expired_count: 0, killed_count: 0, ts_published: TimeNs::NEVER }
    }

    /// Sends what waits; stops while the engine's ring has no room for the answers.
    #[inline]
    fn drain(&mut self) -> usize {
        let mut count = 0;
        while count < self.parts.messages_per_cycle_max && self.parts.reports.free() > 0 {
            let Some(next) = self.parts.orders.peek() else { break };
            if let Some(progress) = &self.parts.wait_for_disk
                && progress.durable_seq() < next.record.seq()
            {
                break;
            }
            let Some(outbound) = self.parts.orders.pop() else { break };
            match outbound.record.kind() {
                Some(Kind::Command) => self.command(&outbound),
                _ => self.query(&outbound),
            }
            count += 1;
        }
        count
    }

    #[inline]
    fn command(&mut self, outbound: &Outbound) {
        let Some(command) = outbound.record.payload::<record::Command>() else { return };
        let started = self.parts.clock.now();
        self.parts.recorder.record(Stage::DecideToSend, started.since(outbound.ts_decide));
        let outcome = self.write(&outbound.record, &command, started);
        let written = self.parts.clock.now();
        if outcome == DispatchOutcome::Sent {
            self.sent_count += 1;
            self.parts.recorder.record(Stage::EncodeAndWrite, written.since(started));
            self.parts.recorder.record(Stage::DecisionToSend, written.since(outbound.ts_decide));
            self.parts.recorder.record(Stage::TickToOrder, written.since(outbound.record.ts()));
        }
        let dispatch = record::Dispatch {
            order_id: command.order_id,
            command_seq: outbound.record.seq(),
            ts_send: written.0,
            action: command.action,
            outcome: outcome as u8,
            reserved: [0; 6],
        };
        let venue = outbound.record.venue();
        let record = Record::new(Origin::Send, written, venue, outbound.record.instrument(), &dispatch);
        self.parts.reports.try_push(record).expect("room was kept for the dispatch");
    }

    #[inline]
    fn write(&mut self, record: &Record, command: &record::Command, now: TimeNs) -> DispatchOutcome {
        if killed::is_held(&self.parts.killed, record, command) {
            self.killed_count += 1;
            return DispatchOutcome::Killed;
        }
        if now.0 > command.ts_deadline {
            self.expired_count += 1;
            return DispatchOutcome::Late;
        }
        let endpoint = &mut self.parts.endpoint;
        let Some(slot) = endpoint.trade_slot(record.venue()) else { return DispatchOutcome::NoSession };
        if endpoint.credit_left(slot) == 0 {
            return DispatchOutcome::NoCredit;
        }
        let Some((spec, offset_s)) = endpoint.rules(slot, record.instrument()) else {
            return DispatchOutcome::NoSession;
        };
        let mut wire = encode_command(command, spec, self.parts.epoch, offset_s, now);
        wire.deviation_points = endpoint.venue_points(slot, record.instrument(), wire.deviation_points);
        wire.revision = record.aux() >> AUX_REVISION_SHIFT;
        match endpoint.command(slot, &wire, now) {
            // Broken: the socket failed after it was queued, and part of it may have left.
            Ok(()) | Err(SendError::Broken) => DispatchOutcome::Sent,
            Err(SendError::NotConnected) => DispatchOutcome::NoSession,
            Err(SendError::Refused(_)) => DispatchOutcome::QueueFull,
        }
    }

    #[cold]
    fn query(&mut self, outbound: &Outbound) {
        let Some(query) = outbound.record.payload::<record::Query>() else { return };
        let endpoint = &mut self.parts.endpoint;
        let Some(slot) = endpoint.trade_slot(outbound.record.venue()) else { return };
        let offset_ns = i64::from(endpoint.server_offset_s(slot)) * NS_PER_S;
        let since_msc = query.since.saturating_add(offset_ns).max(0) / NS_PER_MS;
        let request = body::RequestSnapshot { request: query.query_id, since_msc };
        // A query that is not sent has no answer; the engine asks again.
        let _ = endpoint.request(slot, &request, self.parts.clock.now());
    }

    fn publish(&mut self, now: TimeNs) {
        self.ts_published = now;
        let counters = &mut self.parts.counters;
        self.parts.endpoint.publish(counters);
        counters.set(CounterId::OrdersSent, self.sent_count);
        counters.set(CounterId::Expired, self.expired_count);
        counters.set(CounterId::Killed, self.killed_count);
        counters.set(CounterId::RingHighWater, self.parts.orders.high_water() as u64);
    }
}

impl Agent for Send {
    fn name(&self) -> &str {
        "send"
    }

    fn on_start(&mut self, _now: TimeNs) {}

    #[inline]
    fn do_work(&mut self, now: TimeNs) -> usize {
        self.parts.recorder.hand_over();
        let mut count = self.drain();
        // Without that room, orders that wait to be told of and reports that wait to be heard could wait for each other.
        let room = self.parts.reports.free().saturating_sub(self.parts.orders_slots);
        let reports = &mut self.parts.reports;
        count += self.parts.endpoint.poll(now, room, &mut |record| {
            if record.instrument() == InstrumentId::NONE || record.kind() != Some(Kind::Tick) {
                reports.try_push(record).expect("room was kept for reports");
            }
        });
        if now.since(self.ts_published) > 10 * NS_PER_MS {
            self.publish(now);
        }
        count
    }

    fn on_close(&mut self) {
        self.parts.endpoint.close();
        let now = self.ts_published;
        self.publish(now);
    }
}
