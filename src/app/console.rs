//! What the operator's console can do to a running appliance.
//!
//! What it is not: the socket; `operator` has that. Nor a second truth: the engine decides, and the journal says what was asked.
//!
//! Invariant: whatever changes trading or models goes through a record with who and why. The registry's state is laid ready on the
//! disk before a model is handed to the engine's lane, and put in its place afterwards: a refusal means that nothing changed,
//! and where the last step fails the answer says that the model is live and not recorded, and why.

use super::kill::{Kill, ScopeError, scope_named};
use super::limits::LimitRefusal;
use super::overrides::{Leave, OverrideRefusal};
use super::{Appliance, Control, ModelChangeError, Word};
use crate::config::Config;
use crate::engine::Slot;
use crate::operator::{Action, NOT_RECORDED, Reply, Request};
use crate::record::{ControlAction, KillTrigger};
use crate::registry::{
    Direction, ManifestError, ModelKey, ModelSource, PreparedState, Registry, RegistryError, Said,
    digest_hex, slot_name, slot_of,
};
use crate::risk::{BreakerState, COMPONENTS, Component};
use crate::setup::{self, SetupError};
use crate::signal::Veto;
use crate::types::{FixedText, InstrumentId, Scope, TextError};
use serde_json::{Map, Value as Json, json};
use std::path::PathBuf;
use std::sync::Arc;

/// Why the console refused.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// Who or why do not fit their fields.
    #[error("{0}: {1}")]
    Text(&'static str, TextError),
    /// Who or why are missing.
    #[error("{0}: expected at least one character, got none")]
    Empty(&'static str),
    /// The queue to the engine.
    #[error(transparent)]
    Control(#[from] super::ControlError),
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelChangeError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The manifest against the configuration.
    #[error("{}: {}", .0.0, .0.1)]
    Manifest(Box<(ModelKey, ManifestError)>),
    /// The configuration's own model.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// No such instrument.
    #[error("expected the name of an instrument of the configuration, one of {known}, got {got:?}")]
    Instrument {
        /// Those that there are.
        known: String,
        /// What came.
        got: String,
    },
    /// A limit that stays as it is.
    #[error(transparent)]
    Limit(#[from] LimitRefusal),
    /// A leave that is not given.
    #[error(transparent)]
    Override(#[from] OverrideRefusal),
    /// An order that is not in doubt.
    #[error("expected the id of an order in doubt{known}, got {got}")]
    NotInDoubt {
        /// Those that there are.
        known: String,
        /// What came.
        got: u64,
    },
    /// No such scope.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// Nothing to re-arm.
    #[error(
        "expected a kill of {scope} or a throttled instrument within it, got none; killed: {killed}; throttled: {throttled}"
    )]
    NotLatched {
        /// As the operator names it.
        scope: String,
        /// What is killed instead.
        killed: String,
        /// What was opened too often.
        throttled: String,
    },
    /// The engine has not heard of a kill yet.
    #[error(
        "its queue is full; the engine hears of the kill as soon as there is room, and nothing opens there until then"
    )]
    KillWaits,
    /// A file that an operator's word would remove before it did what it says.
    #[error("{}: expected what it killed already, got something else that is done first; ask again in a second, or remove it", .0.display())]
    NotObeyed(PathBuf),
    /// No registry.
    #[error("expected a registry, and registry.dir is not set")]
    NoRegistry,
    /// No such place.
    #[error("expected {expected}, got {got:?}")]
    Slot {
        /// What would do.
        expected: &'static str,
        /// What came.
        got: String,
    },
    /// The latch.
    #[error("{}: {error}", path.display())]
    Latch {
        /// The file.
        path: PathBuf,
        /// The system's word.
        error: std::io::Error,
    },
}

impl Appliance {
    /// Does what the operator asks, and says so.
    pub fn answer(&mut self, request: &Request, config: &Config) -> Reply {
        match self.try_answer(request, config) {
            Ok(result) => Reply::done(result),
            Err(error) => Reply::refused(error),
        }
    }

    fn try_answer(&mut self, request: &Request, config: &Config) -> Result<Json, AnswerError> {
        let word = word(request)?;
        // Beside a command that thinks that nothing runs.
        let changes_models = matches!(
            request.action,
            Action::Promote { .. }
                | Action::Shadow { .. }
                | Action::Unshadow { .. }
                | Action::Rollback { .. }
        );
        let _alone = if changes_models { Some(registry(config)?.lock()?) } else { None };
        let none = InstrumentId::NONE;
        let of = |action, order_id, instrument| Control {
            action,
            order_id,
            instrument,
            scope: None,
            who: word.who,
            why: word.why,
        };
        let control = |action, order_id| of(action, order_id, none);
        let ts_ns = self.now().0;
        let said = |direction| Said { who: word.who.as_str(), why: word.why.as_str(), ts_ns, direction };
        match &request.action {
            Action::Status => Ok(self.status_json(config)),
            Action::Activate { scope } => self.activate(scope_named(scope, config)?, word, config),
            Action::Reduce => self.said(control(ControlAction::Reduce, 0), "asked: reducing"),
            Action::Halt => self.said(control(ControlAction::Halt, 0), "asked: halted"),
            Action::Kill { scope, flatten } => {
                let (scope, flatten) = (scope_named(scope, config)?, *flatten);
                let trigger = KillTrigger::Command;
                self.kill(&Kill { scope, flatten, trigger, who: word.who, why: word.why }, config)?;
                Ok(json!(
                    "killed: nothing opens there, after restarts too, until armed or activated by an operator"
                ))
            }
            Action::Limit { key, value, raise } => self.change_limit(key, *value, *raise, &word),
            Action::Limits => Ok(self.limits_json()),
            Action::Override { instrument, reason, bound, minutes } => {
                let instrument = instrument_named(instrument, config)?;
                self.give_leave(&Leave { instrument, reason, bound: *bound, minutes: *minutes }, &word)
            }
            Action::Resolve { order_id } => {
                self.check_in_doubt(*order_id)?;
                self.said(control(ControlAction::ResolveNotExecuted, *order_id), "asked: not executed")
            }
            Action::Accept { instrument } => {
                let instrument = instrument_named(instrument, config)?;
                let words = "asked: the venue's position is the baseline, where the two differ and stay so";
                self.said(of(ControlAction::AcceptPosition, 0, instrument), words)
            }
            Action::Promote { model, slot } => {
                let slot = live_slot(slot)?;
                self.bring(slot, Some(model.clone()), word, said(Direction::Forth), config)
            }
            Action::Shadow { model, slot } => {
                let slot = match slot {
                    Some(name) => shadow_slot(name)?,
                    None => self.free_shadow()?,
                };
                self.bring(slot, Some(model.clone()), word, said(Direction::Forth), config)
            }
            Action::Unshadow { slot } => {
                self.unshadow(shadow_slot(slot)?, word, said(Direction::Forth), config)
            }
            Action::Rollback { slot } => {
                let slot = live_slot(slot)?;
                let state = registry(config)?.state()?;
                let before = state.before(slot).ok_or_else(|| RegistryError::NoHistory(slot_name(slot)))?;
                self.bring(slot, before, word, said(Direction::Back), config)
            }
        }
    }

    fn said(&mut self, control: Control, words: &str) -> Result<Json, AnswerError> {
        self.control(control)?;
        Ok(json!(words))
    }

    /// A model of the registry, or the configuration's own, takes a slot.
    fn bring(
        &mut self,
        slot: Slot,
        key: Option<ModelKey>,
        word: Word,
        said: Said<'_>,
        config: &Config,
    ) -> Result<Json, AnswerError> {
        let registry = registry(config)?;
        let source: Arc<ModelSource> = match &key {
            Some(key) => {
                let (manifest, source) = registry.read(key)?;
                setup::check_manifest(config, slot, &manifest)
                    .map_err(|error| AnswerError::Manifest(Box::new((key.clone(), error))))?;
                Arc::new(source)
            }
            None => {
                let configured = setup::configured_models(config)?;
                let missing = || RegistryError::NoHistory(slot_name(slot));
                configured.at(slot).cloned().ok_or_else(missing)?
            }
        };
        let prepared = registry.prepare(slot, key.clone(), said)?;
        self.install_model(slot, &source, word)?;
        let name = key.map_or("the configuration's own".into(), |key| key.to_string());
        let done = json!({ "slot": slot_name(slot), "model": name, "digest": digest_hex(source.digest()) });
        Ok(with_record(done, prepared.commit()))
    }

    fn unshadow(
        &mut self,
        slot: Slot,
        word: Word,
        said: Said<'_>,
        config: &Config,
    ) -> Result<Json, AnswerError> {
        let missing = || AnswerError::Slot { expected: "a shadow that is there", got: slot_name(slot) };
        let digest = self.shadow_digest(slot).ok_or_else(missing)?;
        let source = ModelSource::read(&self.journal_dir, digest).map_err(RegistryError::from)?;
        let prepare = |registry: Registry| registry.prepare(slot, None, said);
        let prepared = registry(config).ok().map(prepare).transpose()?;
        self.remove_model(slot, &source, word)?;
        let done = json!({ "slot": slot_name(slot), "model": Json::Null });
        Ok(with_record(done, prepared.map_or(Ok(()), PreparedState::commit)))
    }

    fn free_shadow(&self) -> Result<Slot, AnswerError> {
        let all = (0..crate::engine::SHADOWS_MAX as u8).map(Slot::Shadow);
        let none = || AnswerError::Slot { expected: "a free place for a shadow", got: "none is free".into() };
        all.into_iter().find(|slot| self.shadow_digest(*slot).is_none()).ok_or_else(none)
    }

    /// How it stands.
    pub fn status_json(&self, config: &Config) -> Json {
        let Some(status) = self.status().copied() else { return json!({ "epoch": self.epoch }) };
        let vetoes = Veto::ALL.iter().zip(status.vetoes).filter(|(_, count)| *count > 0);
        let vetoes: Map<String, Json> =
            vetoes.map(|(veto, count)| (veto.name().into(), count.into())).collect();
        json!({
            "epoch": self.epoch,
            "trading": status.trading.name(),
            "reason": status.trading_reason.map(|reason| reason.name()),
            "killed": self.killed.killed(),
            "killed_instruments": status.killed_count,
            "throttled": self.throttled(Scope::All, config),
            "closed": status.closed.map(|refusal| refusal.to_string()),
            "why_not": status.why_not(),
            "overrides_open": status.overrides_open,
            "overridden": status.counts.overridden,
            "breakers": breakers_json(&status.breakers),
            "clock_error_ns": self.clock_error_ns(),
            "limits_changed": self.limits_changed_json(),
            "in_doubt": self.in_doubt_json(&status),
            "position_lots": status.position_lots,
            "profit_realised": status.realised.as_f64(),
            "profit_floating": status.floating.as_f64(),
            "instruments": super::accounts::instruments_json(&status.instruments),
            "orders_foreign": status.counts.orders_foreign,
            "ticks": status.counts.ticks,
            "decisions": status.counts.decisions,
            "orders": status.counts.orders,
            "fills": status.counts.fills,
            "orders_open": status.orders_open,
            "orders_unknown": status.orders_unknown,
            "journal_seq": status.journal_seq,
            "vetoes": vetoes,
            "models": models_json(&status.models),
        })
    }
}

/// Every breaker that is not closed.
fn breakers_json(breakers: &[BreakerState; COMPONENTS]) -> Json {
    let not_closed = Component::ALL.iter().zip(breakers).filter(|(_, state)| **state != BreakerState::Closed);
    Json::Object(
        not_closed.map(|(on, state)| (on.name().into(), json!(format!("{state:?}")))).collect::<Map<_, _>>(),
    )
}

fn instrument_named(name: &str, config: &Config) -> Result<InstrumentId, AnswerError> {
    let found = config.instruments.iter().position(|instrument| instrument.name == name);
    found.map(|index| InstrumentId(index as u16)).ok_or_else(|| AnswerError::Instrument {
        known: config.instruments.iter().map(|known| known.name.as_str()).collect::<Vec<_>>().join(", "),
        got: name.into(),
    })
}

/// Models, shadows and quality, for the status and the report.
pub(super) fn models_json(models: &crate::agents::ModelsStatus) -> Json {
    let number = |value: f64| if value.is_finite() { json!(value) } else { Json::Null };
    let identity = |slot: Slot, identity: &crate::engine::ModelIdentity| {
        json!({
            "slot": slot_name(slot),
            "name": identity.name.as_str(),
            "version": identity.version,
            "digest": digest_hex(identity.digest),
        })
    };
    let shadows = models.shadows.iter().flatten().map(|(slot, id, counts)| {
        let mut json = identity(*slot, id);
        json["would"] = json!({
            "asked": counts.scores,
            "entries": counts.entries,
            "exits": counts.exits,
            "wins": counts.wins,
            "closed_ticks": counts.closed_ticks,
            "open_ticks": counts.open_ticks,
            "disagreements": counts.disagreements,
            "mean_distance": number(counts.distance_e6 as f64 / 1e6 / counts.scores as f64),
        });
        json
    });
    let quality = models.quality.map(|quality| {
        let bins = quality.bins.iter().map(|bin| {
            json!({
                "count": bin.count,
                "mean_score": number(bin.score_sum / bin.count as f64),
                "rises": number(bin.rises as f64 / bin.count as f64),
            })
        });
        json!({
            "settled": quality.settled,
            "unmoved": quality.unmoved,
            "dropped": quality.dropped,
            "hit_rate": number(quality.hit_rate()),
            "window_hit_rate": number(quality.window_hit_rate),
            "brier": number(quality.brier()),
            "calibration": bins.collect::<Vec<_>>(),
        })
    });
    json!({
        "revision": models.revision,
        "live": models.live.iter().flatten().map(|(slot, id)| identity(*slot, id)).collect::<Vec<_>>(),
        "shadows": shadows.collect::<Vec<_>>(),
        "quality": quality,
        "drift": models.drift.map(|(digest, feature, index)| {
            json!({ "digest": digest_hex(digest), "feature": feature, "stability_index": number(index) })
        }),
    })
}

/// What was done cannot be called back, so it is not called refused: the answer says what is missing.
fn with_record(mut done: Json, recorded: Result<(), RegistryError>) -> Json {
    if let Err(error) = recorded {
        done[NOT_RECORDED] = format!("{error}").into();
    }
    done
}

fn registry(config: &Config) -> Result<Registry, AnswerError> {
    config.registry.dir.as_deref().map(Registry::new).ok_or(AnswerError::NoRegistry)
}

fn live_slot(name: &str) -> Result<Slot, AnswerError> {
    let found = slot_of(name).filter(|slot| !matches!(slot, Slot::Shadow(_)));
    found.ok_or_else(|| AnswerError::Slot { expected: "member0 to member6, or stack", got: name.into() })
}

fn shadow_slot(name: &str) -> Result<Slot, AnswerError> {
    let found = slot_of(name).filter(|slot| matches!(slot, Slot::Shadow(_)));
    found.ok_or_else(|| AnswerError::Slot { expected: "shadow0 to shadow3", got: name.into() })
}

fn word(request: &Request) -> Result<Word, AnswerError> {
    for (key, text) in [("who", &request.who), ("why", &request.why)] {
        if text.trim().is_empty() {
            return Err(AnswerError::Empty(key));
        }
    }
    let who = FixedText::new(request.who.trim()).map_err(|error| AnswerError::Text("who", error))?;
    let why = FixedText::new(request.why.trim()).map_err(|error| AnswerError::Text("why", error))?;
    Ok(Word { who, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_live_and_not_recorded_is_said_so() {
        let done = json!({ "slot": "member0" });
        assert_eq!(with_record(done.clone(), Ok(())), done);
        let said = with_record(done, Err(RegistryError::NoHistory("a full disk".into())));
        assert_eq!(said["slot"], "member0");
        assert!(said[NOT_RECORDED].as_str().unwrap().starts_with("a full disk"), "{said}");
    }
}
