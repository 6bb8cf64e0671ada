//! Market connections to records: ticks on one ring, everything else on another.
//!
//! What it is not: it keeps no quotes and drops no report.
//!
//! Invariant: a tick that finds the ring full waits in its instrument's place and is replaced by the next one, which counts
//! it; so `ticks sent = ticks passed on + coalesced`, whatever happens. Sockets are not read while reports have no room.

use super::endpoint::Endpoint;
use crate::record::{Kind, Record};
use crate::runtime::agent::Agent;
use crate::runtime::clock::Clock;
use crate::runtime::counters::{CounterId, CounterWriter};
use crate::runtime::histogram::StageRecorder;
use crate::runtime::ring::Producer;
use crate::runtime::stage::Stage;
use crate::types::{INSTRUMENTS_MAX, NS_PER_MS, TimeNs};

/// See the module.
pub struct Ingest {
    endpoint: Endpoint,
    market: Producer<Record>,
    reports: Producer<Record>,
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
    /// Ready to be put on a lane.
    pub fn new(
        endpoint: Endpoint,
        (market, reports): (Producer<Record>, Producer<Record>),
        clock: Clock,
        recorder: StageRecorder,
        counters: CounterWriter,
    ) -> Self {
        Ingest {
            endpoint,
            market,
            reports,
            waiting: Waiting::new(),
            clock,
            recorder,
            counters,
            tick_count: 0,
            ts_published: TimeNs::NEVER,
        }
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
        let room = self.reports.free();
        let Ingest { endpoint, market, reports, waiting, tick_count, .. } = self;
        let count = endpoint.poll(now, room, &mut |record| {
            if record.kind() == Some(Kind::Tick) {
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
