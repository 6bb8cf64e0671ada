//! What the control floor does with a running appliance: look, measure, speak to it, end it.
//!
//! What it is not: on a hot lane; it may be slow, and no lane waits for it.
//!
//! Invariant: a lane that failed leaves the latch behind before the process ends, so that the next start comes up halted.

use super::{Appliance, Outcome};
use crate::agents::EngineStatus;
use crate::record::{self, ControlAction, Fault, FaultKind, Origin, Record};
use crate::registry::slot_name;
use crate::risk::Trading;
use crate::runtime::clock::Clock;
use crate::runtime::counters::CounterId;
use crate::runtime::lane::{Lane, LaneState};
use crate::runtime::ring::Consumer;
use crate::signal::Veto;
use crate::types::{FixedText, InstrumentId, Scope, TimeNs, VenueId};

/// An operator's word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Control {
    /// What.
    pub action: ControlAction,
    /// The order it is about, or zero.
    pub order_id: u64,
    /// The instrument it is about, or none.
    pub instrument: InstrumentId,
    /// The scope it is about, or none.
    pub scope: Option<Scope>,
    /// Who.
    pub who: FixedText<32>,
    /// Why.
    pub why: FixedText<48>,
}

/// Who lets trading go on after a halt that outlived its run, and why: `WHO: WHY`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arm {
    /// Who.
    pub who: FixedText<32>,
    /// Why.
    pub why: FixedText<48>,
}

impl std::str::FromStr for Arm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shape = || format!("expected \"WHO: WHY\", got {text:?}");
        let (who, why) = text.split_once(':').ok_or_else(shape)?;
        let (who, why) = (who.trim(), why.trim());
        if who.is_empty() || why.is_empty() {
            return Err(shape());
        }
        let who = FixedText::new(who).map_err(|error| format!("who: {error}"))?;
        let why = FixedText::new(why).map_err(|error| format!("why: {error}"))?;
        Ok(Arm { who, why })
    }
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

    /// A handle of the appliance's clock.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Speaks to the engine; what it makes of it is journalled.
    pub fn control(&self, control: Control) -> Result<(), ControlError> {
        let (scope, scope_id) = control.scope.map_or((0, 0), Scope::parts);
        let payload = record::Control {
            order_id: control.order_id,
            action: control.action as u8,
            scope,
            scope_id,
            reserved: [0; 4],
            who: *control.who.bytes(),
            why: *control.why.bytes(),
        };
        let record = Record::new(Origin::Operator, self.now(), VenueId(0), control.instrument, &payload);
        self.control.try_push(record).map_err(|_| ControlError::QueueFull)
    }

    /// Takes what the lanes have published: the newest status and the stages' histograms.
    pub fn collect(&mut self) -> Option<&EngineStatus> {
        self.drop_retired();
        while let Some(status) = self.status.pop() {
            self.last_status = Some(status);
        }
        for reader in &mut self.stages {
            reader.collect();
        }
        self.last_status.as_ref()
    }

    /// Alerts and changes of trading as they come, once, to be taken on another thread; `None` where `[alerts]` asks for nothing.
    pub fn take_alerts(&mut self) -> Option<Consumer<Record>> {
        self.alerts.take()
    }

    /// A core that no hot lane has, for what may be slow.
    pub fn quiet_core(&self) -> Option<usize> {
        self.quiet_core
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
        all.chain(self.status().into_iter().flat_map(model_counters)).collect()
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
        let mut failures: Vec<String> = failure.into_iter().collect();
        let mut join = |lane: Lane| {
            let name = lane.name();
            if let Err(words) = lane.join() {
                failures.push(format!("lane {name}: {words}"));
            }
        };
        // The journal's lane was started last.
        let mut lanes = std::mem::take(&mut self.lanes);
        let journal = lanes.pop();
        // The lanes' last words need room.
        self.collect();
        if let Some(keeping) = &self.keeping {
            keeping.hurry();
        }
        self.stop.hot.stop();
        lanes.into_iter().for_each(&mut join);
        self.stop.persist.stop();
        journal.into_iter().for_each(&mut join);
        failures.dedup();
        self.collect();
        let halted = self.last_status.is_some_and(|status| status.trading == Trading::Halted);
        let latch = (!failures.is_empty() || halted).then(|| self.set_latch(&failures)).and_then(Result::err);
        failures.extend(latch.map(|error| format!("{}: {error}", self.latch.display())));
        // The latch stands by now. What it could not do costs the next start some time, and nothing else.
        if let Some(words) = self.keeping.take().and_then(|keeping| keeping.finish()) {
            eprintln!("tickbridge: keeper: {words}");
        }
        Outcome::new(&self, failures)
    }

    fn set_latch(&self, failures: &[String]) -> std::io::Result<()> {
        let words = if failures.is_empty() {
            "trading was halted when the appliance ended".to_owned()
        } else {
            failures.join("\n")
        };
        super::kill::add_words(&self.latch, &words)
    }
}

/// Vetoes, exchanges of models, and what shadows would have done, as counters.
fn model_counters(status: &EngineStatus) -> Vec<(String, u64)> {
    let vetoes = Veto::ALL.iter().zip(status.vetoes).filter(|(_, count)| *count > 0);
    let mut counters: Vec<(String, u64)> =
        vetoes.map(|(veto, count)| (format!("signal.veto.{}", veto.name()), count)).collect();
    counters.push(("models.revision".into(), status.models.revision));
    for (slot, _, counts) in status.models.shadows.iter().flatten() {
        let name = slot_name(*slot);
        counters.push((format!("models.{name}.asked_count"), counts.scores));
        counters.push((format!("models.{name}.entries_count"), counts.entries));
        counters.push((format!("models.{name}.disagreements_count"), counts.disagreements));
    }
    if let Some(quality) = &status.models.quality {
        counters.push(("models.quality.settled_count".into(), quality.settled));
        counters.push(("models.quality.hits_count".into(), quality.hits));
    }
    if let Some((_, _, index)) = status.models.drift {
        counters.push(("models.drift.stability_index_e3".into(), (index * 1_000.0) as u64));
    }
    counters
}

#[cfg(test)]
mod tests {
    use super::Arm;

    #[test]
    fn arming_needs_a_name_and_a_reason_that_fit_their_fields() {
        let arm: Arm = "ops: checked with the broker: flat".parse().unwrap();
        assert_eq!((arm.who.as_str(), arm.why.as_str()), ("ops", "checked with the broker: flat"));
        for wrong in ["", "ops", "ops:", ": why", &format!("ops: {}", "x".repeat(49)), "ops: caf\u{e9}"] {
            assert!(wrong.parse::<Arm>().is_err(), "{wrong:?}");
        }
    }
}
