//! The engine's lane: takes inputs in a fixed order, journals, steps, journals, passes on.
//!
//! What it is not: a decision maker; that is `engine`, which this only feeds.
//!
//! Invariant: every input is in the journal before the engine sees it, and every output before it is passed on. What the
//! journal or the orders' ring has no room for is not begun. A bulk of history never fills the journal by itself: it waits, and
//! live ticks behind it, so that nothing overtakes it.

use super::keep_warm::KeepWarm;
use super::rings::Outbound;
use super::sent::SentTimes;
use super::status::EngineStatus;
use crate::engine::{Engine, Hold, ModelUnit, OUTPUTS_MAX, Outputs};
use crate::journal::{PersistState, Writer};
use crate::record::{
    self, DispatchOutcome, FLAG_HISTORY, FLAG_REFILL, FLAG_SNAPSHOT, Fault, FaultKind, Kind, Origin, Record,
};
use crate::runtime::agent::Agent;
use crate::runtime::clock::Clock;
use crate::runtime::counters::{CounterId, CounterWriter};
use crate::runtime::histogram::StageRecorder;
use crate::runtime::ring::{CommandReceiver, Consumer, Producer};
use crate::runtime::stage::Stage;
use crate::types::{InstrumentId, NS_PER_MS, NS_PER_S, TimeNs, VenueId};

/// Time is told to the engine this often while an order is open or a question is out.
const TICK_OPEN_NS: i64 = 10 * NS_PER_MS;
/// And this often otherwise.
const TICK_QUIET_NS: i64 = NS_PER_S;
/// Status goes out this often.
const STATUS_NS: i64 = 50 * NS_PER_MS;
/// Commands and queries that one step may produce and the ring must have room for.
const OUTBOUND_PER_STEP_MAX: usize = 64;
/// Records that looking at a decision may add to those of the step.
const OBSERVED_PER_STEP_MAX: u64 = 16;

/// Questions about the past that one step may produce: one a venue and a cause.
const HISTORY_REQUESTS_PER_STEP_MAX: usize = 32;
/// History is taken while so much of the journal's memory is free, in parts of the whole: below a quarter trading halts.
const HISTORY_JOURNAL_FREE_MIN: (u64, u64) = (1, 2);

/// Behind so many records the engine's state is journalled as one number, in a moment without an input.
const STATE_EVERY_RECORDS: u64 = 1 << 16;

/// A model on its way into the engine, with the record that names it.
#[derive(Debug)]
pub struct StagedModel {
    /// Ready to be asked; `None` where the change only takes one out.
    pub unit: Option<Box<ModelUnit>>,
    /// Its `ModelChange`.
    pub change: Record,
}

/// What the agent is made of.
pub struct DecideParts {
    /// Recovered and ready.
    pub engine: Engine,
    /// The journal's end.
    pub journal: Writer,
    /// Ticks.
    pub market: Consumer<Record>,
    /// What else market connections say.
    pub ingest_reports: Consumer<Record>,
    /// What trade connections and the sending lane say.
    pub send_reports: Consumer<Record>,
    /// The operator's words.
    pub control: CommandReceiver<Record>,
    /// Models that take a slot.
    pub models: Consumer<StagedModel>,
    /// Models that left one: the control floor frees them.
    pub retired: Producer<Box<ModelUnit>>,
    /// Commands and queries.
    pub orders: Producer<Outbound>,
    /// Questions about the past, to the lane with the market connections.
    pub history_requests: Producer<Record>,
    /// To the control floor; a full ring is skipped.
    pub status: Producer<EngineStatus>,
    /// Alerts and changes of trading, to whoever passes them on; what finds no room is counted.
    pub alerts: Option<Producer<Record>>,
    /// The lane's clock.
    pub clock: Clock,
    /// Takes the stages.
    pub recorder: StageRecorder,
    /// Takes the counts.
    pub counters: CounterWriter,
    /// Inputs taken in one cycle at most.
    pub messages_per_cycle_max: usize,
    /// First input of this start.
    pub start: Record,
}

/// See the module.
pub struct Decide {
    parts: DecideParts,
    out: Outputs,
    sent: SentTimes,
    warm: KeepWarm,
    ts_input: TimeNs,
    ts_status: TimeNs,
    persist_failed: bool,
    is_behind: bool,
    /// The last record that told the state.
    state_seq: u64,
}

impl Decide {
    /// Ready to be put on a lane.
    pub fn new(parts: DecideParts) -> Self {
        Decide {
            parts,
            out: Outputs::default(),
            sent: SentTimes::new(),
            warm: KeepWarm::new(),
            ts_input: TimeNs::NEVER,
            ts_status: TimeNs::NEVER,
            persist_failed: false,
            is_behind: false,
            state_seq: 0,
        }
    }

    /// Whether a whole step fits, its worst case included.
    #[inline]
    fn has_room(&mut self) -> bool {
        self.parts.orders.free() >= OUTBOUND_PER_STEP_MAX
            && self.parts.journal.free() > OUTPUTS_MAX as u64 + 1 + OBSERVED_PER_STEP_MAX
            && self.parts.history_requests.free() >= HISTORY_REQUESTS_PER_STEP_MAX
    }

    #[inline]
    fn take(&mut self, mut input: Record) {
        let kind = input.kind();
        let taken = self.parts.clock.now();
        self.ts_input = taken;
        self.time_answers(kind, &input);
        self.parts.journal.append(&mut input).expect("room was kept for the input");
        let appended = self.parts.clock.now();
        self.out.clear();
        self.parts.engine.step(&input, &mut self.out);
        for output in self.out.records_mut() {
            self.parts.journal.append(output).expect("room was kept for the outputs");
        }
        let decided = self.parts.clock.now();
        for output in self.out.records() {
            if matches!(output.kind(), Some(Kind::Command | Kind::Query)) {
                let outbound = Outbound { record: *output, ts_decide: decided };
                self.parts.orders.try_push(outbound).expect("room was kept for commands");
                if output.kind() == Some(Kind::Command) {
                    self.parts.recorder.record(Stage::TickToDecision, decided.since(input.ts()));
                }
            } else if output.kind() == Some(Kind::HistoryRequest) {
                self.parts.history_requests.try_push(*output).expect("room was kept for questions");
            } else {
                pass_on(&mut self.parts.alerts, output);
            }
        }
        if kind == Some(Kind::Tick) && input.flags() & FLAG_REFILL == 0 {
            self.parts.recorder.record(Stage::IngestToDecide, taken.since(input.ts()));
        }
        self.parts.recorder.record(Stage::JournalAppend, appended.since(taken));
        self.parts.recorder.record(Stage::Decide, decided.since(appended));
        self.observe();
    }

    /// What can wait until the step's outputs are on their way.
    #[inline]
    fn observe(&mut self) {
        self.out.clear();
        self.parts.engine.observe(&mut self.out);
        for output in self.out.records_mut() {
            self.parts.journal.append(output).expect("room was kept for what is observed");
            pass_on(&mut self.parts.alerts, output);
        }
    }

    /// Journals what the state comes to: proof for recovery, snapshots and replays.
    fn tell_state(&mut self) {
        if self.has_room() {
            let mut record = self.parts.engine.state_record();
            self.state_seq = self.parts.journal.append(&mut record).expect("room was kept for one record");
        }
    }

    /// One model for another, between two ticks: the record is journalled, then stepped.
    fn exchange(&mut self, staged: StagedModel) {
        let unused = staged.unit.and_then(|unit| self.parts.engine.stage(unit));
        self.take(staged.change);
        for unit in [unused, self.parts.engine.take_retired()].into_iter().flatten() {
            self.parts.retired.try_push(unit).expect("room was kept for what leaves its slot");
        }
    }

    /// What the operator was told is on its way. Returns how much of it was taken.
    #[inline]
    fn take_operators_words(&mut self) -> usize {
        let mut count = 0;
        while self.has_room()
            && let Some(input) = self.parts.control.pop()
        {
            self.take(input);
            count += 1;
        }
        while self.has_room()
            && self.parts.retired.free() >= 2
            && let Some(staged) = self.parts.models.pop()
        {
            self.exchange(staged);
            count += 1;
        }
        count
    }

    /// Answers before news: what became of an order is known before the next tick is judged. A report that is
    /// there is taken before any tick; of two lanes, one that comes in this very moment may be taken a turn later.
    #[inline]
    fn next(&mut self) -> Option<Record> {
        if let Some(answer) = self.parts.send_reports.pop() {
            return Some(answer);
        }
        if self.parts.ingest_reports.peek().is_some_and(is_history) {
            let (part, whole) = HISTORY_JOURNAL_FREE_MIN;
            if self.parts.journal.free() * whole < self.parts.journal.capacity() * part {
                return None;
            }
        }
        self.parts.ingest_reports.pop().or_else(|| self.parts.market.pop())
    }

    fn time_answers(&mut self, kind: Option<Kind>, input: &Record) {
        let timed = match kind {
            Some(Kind::Dispatch) => {
                if let Some(dispatch) = input.payload::<record::Dispatch>()
                    && dispatch.outcome == DispatchOutcome::Sent as u8
                {
                    self.sent.sent(dispatch.order_id, TimeNs(dispatch.ts_send));
                }
                return;
            }
            Some(Kind::CommandResult) => input
                .payload::<record::CommandResult>()
                .and_then(|result| self.sent.acked(result.order_id, input.ts()))
                .map(|ns| (Stage::OrderToAck, ns)),
            Some(Kind::DealEvent) if input.flags() & FLAG_SNAPSHOT == 0 => input
                .payload::<record::DealEvent>()
                .and_then(|deal| self.sent.filled(deal.magic, input.ts()))
                .map(|ns| (Stage::OrderToFill, ns)),
            _ => return,
        };
        if let Some((stage, ns)) = timed {
            self.parts.recorder.record(stage, ns);
        }
    }

    fn own<P: record::Payload>(&mut self, now: TimeNs, payload: &P) {
        self.take(Record::new(Origin::Appliance, now, VenueId(0), InstrumentId::NONE, payload));
    }

    /// Tells the engine what the disk does.
    #[inline]
    fn watch_journal(&mut self, now: TimeNs) {
        let failed = self.parts.journal.progress().state() != PersistState::Healthy;
        let room = self.parts.journal.free();
        let behind = room < self.parts.journal.capacity() / 4;
        if failed != self.persist_failed && self.has_room() {
            self.persist_failed = failed;
            let kind = if failed { FaultKind::JournalDisk } else { FaultKind::JournalRecovered };
            self.own(now, &Fault { detail: 0, kind: kind as u8, reserved: [0; 7] });
        }
        if behind != self.is_behind && self.has_room() {
            self.is_behind = behind;
            if behind {
                self.own(
                    now,
                    &Fault { detail: room, kind: FaultKind::JournalBehind as u8, reserved: [0; 7] },
                );
            }
        }
    }

    fn publish(&mut self, now: TimeNs) {
        self.ts_status = now;
        let engine = &self.parts.engine;
        let counts = engine.counts();
        let counters = &mut self.parts.counters;
        counters.set(CounterId::Ticks, counts.ticks);
        counters.set(CounterId::Decisions, counts.decisions);
        counters.set(CounterId::FeaturesUnready, counts.held[Hold::Unready as usize]);
        counters.set(CounterId::FeaturesStale, counts.held[Hold::Stale as usize]);
        counters.set(CounterId::FeaturesMissing, counts.held[Hold::Missing as usize]);
        counters.set(CounterId::HistoryFailures, counts.history_failures);
        counters.set(CounterId::Fills, counts.fills);
        counters.set(CounterId::Gaps, counts.gaps);
        counters.set(CounterId::OrdersUnknown, counts.unknown);
        counters.set(CounterId::Denied, counts.denied.iter().sum());
        counters.set(CounterId::JournalSeq, self.parts.journal.last_seq());
        counters.set(CounterId::RingHighWater, self.parts.market.high_water() as u64);
        counters.set(CounterId::AlertsLost, self.parts.alerts.as_ref().map_or(0, Producer::refused_count));
        let status = EngineStatus::of(engine, self.parts.journal.last_seq());
        // A reader that is behind gets the next one.
        let _ = self.parts.status.try_push(status);
    }
}

/// An output that somebody should hear of.
#[inline]
fn pass_on(to: &mut Option<Producer<Record>>, output: &Record) {
    if let Some(to) = to
        && matches!(output.kind(), Some(Kind::Alert | Kind::TradingChange))
    {
        // The journal has it, and the ring counts what it refuses.
        let _ = to.try_push(*output);
    }
}

fn is_history(record: &Record) -> bool {
    let is_bar = record.kind() == Some(Kind::HistoryBar);
    is_bar || record.kind() == Some(Kind::Tick) && record.flags() & FLAG_HISTORY == FLAG_HISTORY
}

impl Agent for Decide {
    fn name(&self) -> &str {
        "decide"
    }

    fn on_start(&mut self, _now: TimeNs) {
        let start = self.parts.start;
        self.take(start);
        self.tell_state();
    }

    #[inline]
    fn do_work(&mut self, now: TimeNs) -> usize {
        self.parts.recorder.hand_over();
        let mut count = 0;
        while count < self.parts.messages_per_cycle_max && self.has_room() {
            let Some(input) = self.next() else { break };
            self.take(input);
            count += 1;
        }
        count += self.take_operators_words();
        let patience = if self.parts.engine.waits() { TICK_OPEN_NS } else { TICK_QUIET_NS };
        if count == 0 && now.since(self.ts_input) >= patience && self.has_room() {
            self.own(now, &record::ClockTick { reserved: 0 });
        }
        if count == 0 && self.parts.journal.last_seq() - self.state_seq >= STATE_EVERY_RECORDS {
            self.tell_state();
        }
        self.watch_journal(now);
        if now.since(self.ts_status) >= STATUS_NS {
            self.publish(now);
        } else if count == 0
            && let Some(part) = self.warm.due(now, self.ts_input)
        {
            self.parts.engine.strategies().for_each(|view| view.models.touch_part(part));
            self.parts.counters.add(CounterId::ModelTouches, 1);
        }
        count
    }

    /// The last words of the operator are taken before the end: he was told that they were accepted.
    fn on_close(&mut self) {
        self.take_operators_words();
        self.tell_state();
        let now = self.parts.clock.now();
        self.publish(now);
    }
}
