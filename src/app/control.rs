//! What the control floor does with a running appliance: look, measure, speak to it, end it.
//!
//! What it is not: on a hot lane; it may be slow, and no lane waits for it.
//!
//! Invariant: a lane that failed leaves the latch behind before the process ends, so that the next start comes up halted.

use super::{Appliance, Outcome};
use crate::agents::EngineStatus;
use crate::record::{self, ControlAction, Fault, FaultKind, Origin, Record};
use crate::risk::Trading;
use crate::runtime::counters::CounterId;
use crate::runtime::lane::LaneState;
use crate::types::{FixedText, InstrumentId, TimeNs, VenueId};

/// An operator's word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Control {
    /// What.
    pub action: ControlAction,
    /// The order it is about, or zero.
    pub order_id: u64,
    /// Who.
    pub who: FixedText<32>,
    /// Why.
    pub why: FixedText<48>,
}

/// Why the operator's word did not arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ControlError {
    /// The queue to the engine is full: it does not cycle.
    #[error("the engine does not take commands: its queue is full")]
    QueueFull,
}

impl Appliance {
    /// Time of the appliance's clock.
    pub fn now(&self) -> TimeNs {
        self.clock.now()
    }

    /// Speaks to the engine; what it makes of it is journalled.
    pub fn control(&self, control: Control) -> Result<(), ControlError> {
        let payload = record::Control {
            order_id: control.order_id,
            action: control.action as u8,
            reserved: [0; 7],
            who: *control.who.bytes(),
            why: *control.why.bytes(),
        };
        let record = Record::new(Origin::Operator, self.now(), VenueId(0), InstrumentId::NONE, &payload);
        self.control.try_push(record).map_err(|_| ControlError::QueueFull)
    }

    /// Trades again after a halt; `words` are `who: why`, and what of them fits is journalled.
    pub(super) fn arm(&mut self, words: &str) {
        let (who, why) = words.split_once(':').unwrap_or(("operator", words));
        let control =
            Control { action: ControlAction::Activate, order_id: 0, who: clipped(who), why: clipped(why) };
        match self.control(control) {
            Ok(()) => self.notes.push(format!("armed: {words}")),
            Err(error) => self.notes.push(format!("not armed: {error}")),
        }
    }

    /// Takes what the lanes have published: the newest status and the stages' histograms.
    pub fn collect(&mut self) -> Option<&EngineStatus> {
        while let Some(status) = self.status.pop() {
            self.last_status = Some(status);
        }
        for reader in &mut self.stages {
            reader.collect();
        }
        self.last_status.as_ref()
    }

    /// The newest status.
    pub fn status(&self) -> Option<&EngineStatus> {
        self.last_status.as_ref()
    }

    /// The histograms of the whole run so far.
    pub fn totals(&self) -> Vec<crate::report::Stage> {
        let mut stages = Vec::new();
        for reader in &self.stages {
            for stage in reader.stages() {
                if let Some(histogram) = reader.total(stage) {
                    stages.push((stage, histogram.clone()));
                }
            }
        }
        stages.sort_by_key(|(stage, _)| *stage);
        let named = |(stage, histogram): (crate::runtime::stage::Stage, _)| crate::report::Stage {
            name: stage.name().into(),
            boundary: stage.boundary().into(),
            histogram,
        };
        stages.into_iter().map(named).collect()
    }

    /// A counter of an agent or lane.
    pub fn counter(&self, owner: &str, id: CounterId) -> u64 {
        self.counters.iter().find(|(name, _)| *name == owner).map_or(0, |(_, reader)| reader.value(id))
    }

    /// Every counter that is not zero, as `owner.name`.
    pub fn counters(&self) -> Vec<(String, u64)> {
        let all = self.counters.iter().flat_map(|(owner, reader)| {
            reader.nonzero().map(move |(id, value)| (format!("{owner}.{}", id.name()), value))
        });
        all.collect()
    }

    /// The first lane that failed, with its words.
    pub fn failure(&self) -> Option<String> {
        let failed = self.lanes.iter().find(|lane| lane.state() == LaneState::Failed)?;
        Some(format!("lane {}: {}", failed.name(), failed.failure().unwrap_or("no words")))
    }

    /// Ends every lane, the journal last, and says what became of it all.
    pub fn finish(mut self) -> Outcome {
        let failure = self.failure();
        if failure.is_some() {
            let fault = Fault { detail: 0, kind: FaultKind::LaneStopped as u8, reserved: [0; 7] };
            let record = Record::new(Origin::Appliance, self.now(), VenueId(0), InstrumentId::NONE, &fault);
            // If the engine's own lane is the one that failed, nobody takes it; the latch says the same.
            let _ = self.control.try_push(record);
        }
        self.stop.stop();
        let mut failures: Vec<String> = failure.into_iter().collect();
        for lane in std::mem::take(&mut self.lanes) {
            let name = lane.name();
            if let Err(words) = lane.join() {
                failures.push(format!("lane {name}: {words}"));
            }
        }
        failures.dedup();
        self.collect();
        let halted = self.last_status.is_some_and(|status| status.trading == Trading::Halted);
        let latch = (!failures.is_empty() || halted).then(|| self.set_latch(&failures)).and_then(Result::err);
        failures.extend(latch.map(|error| format!("{}: {error}", self.latch.display())));
        Outcome::new(&self, failures)
    }

    fn set_latch(&self, failures: &[String]) -> std::io::Result<()> {
        let words = if failures.is_empty() { "trading was halted when the appliance ended".into() } else { failures.join("\n") };
        std::fs::write(&self.latch, words + "\n")
    }
}

/// As much of the words as a record's field holds, as printable ASCII.
fn clipped<const N: usize>(words: &str) -> FixedText<N> {
    let printable = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    let text: String = words.trim().chars().map(printable).take(N).collect();
    FixedText::new(&text).unwrap_or(FixedText::EMPTY)
}
