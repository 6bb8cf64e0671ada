//! Market connections to records: live ticks on one ring, everything else on another; and the engine's questions about the
//! past to the connection that pushes.
//!
//! What it is not: it keeps no quotes and drops no report.
//!
//! Invariant: ticks of the past travel with the reports, so none is ever folded into another. A question that could not be sent
//! is answered by this lane, with an error. A live tick that finds the ring full waits in its instrument's place and is replaced by the next one, which counts
//! it; so `ticks sent = ticks passed on + coalesced`, whatever happens. Sockets are not read while reports have no room.

use super::endpoint::Endpoint;
use crate::record::{FLAG_REFILL, HISTORY_NOT_SENT, HistoryEnd, HistoryRequest, Kind, Origin, Record};
use crate::runtime::agent::Agent;
use crate::runtime::clock::Clock;
use crate::runtime::counters::{CounterId, CounterWriter};
use crate::runtime::histogram::StageRecorder;
use crate::runtime::ring::{Consumer, Producer};
use crate::runtime::stage::Stage;
use crate::types::{INSTRUMENTS_MAX, NS_PER_MS, TimeNs};
use crate::wire::terminal::{HistoryQuestion, encode_history_request};

/// See the module.
pub struct Ingest {
    endpoint: Endpoint,
    market: Producer<Record>,
    reports: Producer<Record>,
    questions: Consumer<Record>,
    waiting: Waiting,
    clock: Clock,
    recorder: StageRecorder,
    counters: CounterWriter,
    tick_count: u64,
    ts_published: TimeNs,
}

/// Ticks that found no room, the newest of each instrument.
struct Waiting {
    ticks: Box<[Option<Record>]>,
    /// Instruments with a tick waiting, oldest first.
    order: Vec<u16>,
    coalesced_count: u64,
}

impl Waiting {
    fn new() -> Self {
        Waiting {
            ticks: vec![None; INSTRUMENTS_MAX].into(),
            order: Vec::with_capacity(INSTRUMENTS_MAX),
            coalesced_count: 0,
        }
    }

    fn put(&mut self, tick: Record) {
        let Some(index) = tick.instrument().index() else { return };
        let mut tick = tick;
        match &self.ticks[index] {
            None => self.order.push(index as u16),
            Some(older) => {
                self.coalesced_count += 1;
                tick = tick.with_aux(older.aux() + 1);
            }
        }
        self.ticks[index] = Some(tick);
    }

    fn drain(&mut self, market: &mut Producer<Record>) {
        let mut passed = 0;
        for &index in &self.order {
            let Some(tick) = self.ticks[usize::from(index)] else { continue };
            if market.try_push(tick).is_err() {
                break;
            }
            self.ticks[usize::from(index)] = None;
            passed += 1;
        }
        self.order.drain(..passed);
    }
}

impl Ingest {
    /// Ready to be put on a lane. `questions` are the engine's `HistoryRequest`s.
    pub fn new(
        endpoint: Endpoint,
        (market, reports): (Producer<Record>, Producer<Record>),
        questions: Consumer<Record>,
        clock: Clock,
        recorder: StageRecorder,
        counters: CounterWriter,
    ) -> Self {
        Ingest {
            endpoint,
            market,
            reports,
            questions,
            waiting: Waiting::new(),
            clock,
            recorder,
            counters,
            tick_count: 0,
            ts_published: TimeNs::NEVER,
        }
    }

    /// Sends the engine's questions, or answers them itself when nobody can be asked.
    #[cold]
    fn ask(&mut self, now: TimeNs) {
        while self.reports.free() > 0
            && let Some(question) = self.questions.pop()
        {
            let Some(request) = question.payload::<HistoryRequest>() else { continue };
            if self.send(&question, &request, now) {
                continue;
            }
            let end = HistoryEnd {
                request: request.request,
                count: 0,
                stream_seq: 0,
                connection: 0,
                error: HISTORY_NOT_SENT,
            };
            let end = Record::new(Origin::Market, now, question.venue(), question.instrument(), &end);
            self.reports.try_push(end).expect("room was kept for the answer");
        }
    }

    fn send(&mut self, question: &Record, request: &HistoryRequest, now: TimeNs) -> bool {
        let endpoint = &mut self.endpoint;
        let Some(slot) = endpoint.market_slot(question.venue(), question.instrument()) else { return false };
        let Some((spec, offset_s)) = endpoint.rules(slot, question.instrument()) else { return false };
        let sent = match encode_history_request(request, &spec.symbol, offset_s) {
            HistoryQuestion::Ticks(body) => endpoint.request(slot, &body, now),
            HistoryQuestion::Bars(body) => endpoint.request(slot, &body, now),
        };
        sent.is_ok()
    }

    fn publish(&mut self, now: TimeNs) {
        self.ts_published = now;
        self.endpoint.publish(&mut self.counters);
        self.counters.set(CounterId::Ticks, self.tick_count);
        self.counters.set(CounterId::TicksCoalesced, self.waiting.coalesced_count);
        self.counters.set(CounterId::RingRefused, self.market.refused_count());
    }
}

impl Agent for Ingest {
    fn name(&self) -> &str {
        "ingest"
    }

    fn on_start(&mut self, _now: TimeNs) {}

    #[inline]
    fn do_work(&mut self, now: TimeNs) -> usize {
        self.recorder.hand_over();
        if !self.waiting.order.is_empty() {
            self.waiting.drain(&mut self.market);
        }
        if !self.questions.is_empty() {
            self.ask(now);
        }
        let room = self.reports.free();
        let Ingest { endpoint, market, reports, waiting, tick_count, .. } = self;
        let count = endpoint.poll(now, room, &mut |record| {
            if record.kind() == Some(Kind::Tick) && record.flags() & FLAG_REFILL == 0 {
                *tick_count += 1;
                let index = record.instrument().index();
                let behind = index.is_some_and(|index| waiting.ticks[index].is_some());
                if behind {
                    waiting.put(record);
                } else if let Err(record) = market.try_push(record) {
                    waiting.put(record);
                }
            } else {
                reports.try_push(record).expect("room was kept for reports");
            }
        });
        if count > 0 {
            self.recorder.record(Stage::LinkRead, self.clock.now().since(now));
        }
        if now.since(self.ts_published) > 10 * NS_PER_MS {
            self.publish(now);
        }
        count
    }

    fn on_close(&mut self) {
        self.endpoint.close();
        let now = self.ts_published;
        self.publish(now);
    }
}
