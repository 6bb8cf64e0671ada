//! Limits changed while the appliance runs, and how they stand.
//!
//! What it is not: the limits that hold; the engine has those, from the configuration and the journal. This asks for a change and
//! shows what was asked for.
//!
//! Invariant: tighter is taken at once; looser needs to be confirmed and never goes beyond the configuration, which is changed
//! by a start alone. What is refused changes nothing.

use super::console::AnswerError;
use super::{Appliance, ControlError, Word};
use crate::engine::Engine;
use crate::record::{LIMIT_TAKEN_BACK, LimitChange, Origin, Record};
use crate::risk::{LimitError, LimitKey, LimitWords, Limits};
use crate::types::{InstrumentId, VenueId};
use serde_json::{Map, Value as Json, json};

/// Why a limit stays as it is.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum LimitRefusal {
    /// No limit of that name may be changed while it runs.
    #[error("expected a limit that may be changed while it runs, one of {known}, got {got:?}")]
    Unknown {
        /// Those that there are.
        known: String,
        /// What came.
        got: String,
    },
    /// It makes no sense.
    #[error(transparent)]
    Value(#[from] LimitError),
    /// It is so already.
    #[error("risk.{}: it is {} already", .0.name(), .1)]
    Same(LimitKey, f64),
    /// Raised without a confirmation.
    #[error("risk.{}: {} allows more than the {} that holds: say --raise as well, if it is meant", .key.name(), .wanted, .holds)]
    Unconfirmed {
        /// Which.
        key: LimitKey,
        /// What was wanted.
        wanted: f64,
        /// What holds.
        holds: f64,
    },
    /// More than the configuration allows.
    #[error(
        "risk.{}: expected no more than the configuration allows, {}, got {}: change the configuration and start again",
        .key.name(), .configured, .wanted
    )]
    Beyond {
        /// Which.
        key: LimitKey,
        /// What was wanted.
        wanted: f64,
        /// What the configuration has.
        configured: f64,
    },
}

fn names() -> String {
    LimitKey::ALL.iter().map(|key| format!("risk.{}", key.name())).collect::<Vec<_>>().join(", ")
}

/// The limits as the control floor knows them: it is the only one that asks for changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct LimitDoor {
    configured: Limits,
    words: LimitWords,
}

/// A change that may be asked for.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Change {
    key: LimitKey,
    old: f64,
    new: f64,
    is_taken_back: bool,
}

impl LimitDoor {
    pub(super) fn new(engine: &Engine) -> Self {
        LimitDoor { configured: *engine.limits_configured(), words: *engine.limit_words() }
    }

    /// The limits of the configuration.
    pub(super) fn configured(&self) -> &Limits {
        &self.configured
    }

    /// The limits that hold.
    pub(super) fn effective(&self) -> Limits {
        self.words.over(&self.configured)
    }

    fn judge(&self, name: &str, wanted: f64, is_confirmed: bool) -> Result<Change, LimitRefusal> {
        let key = LimitKey::named(name)
            .ok_or_else(|| LimitRefusal::Unknown { known: names(), got: name.into() })?;
        self.configured.with(key, wanted)?;
        let (holds, configured) = (self.effective().value(key), self.configured.value(key));
        if wanted == holds {
            return Err(LimitRefusal::Same(key, holds));
        }
        if key.is_tighter(configured, wanted) {
            return Err(LimitRefusal::Beyond { key, wanted, configured });
        }
        if key.is_tighter(holds, wanted) && !is_confirmed {
            return Err(LimitRefusal::Unconfirmed { key, wanted, holds });
        }
        Ok(Change { key, old: holds, new: wanted, is_taken_back: wanted == configured })
    }

    fn take(&mut self, change: &Change) {
        self.words.set(change.key, (!change.is_taken_back).then_some(change.new));
    }

    /// A line for each limit that an operator's word keeps below the configuration.
    pub(super) fn notes(&self) -> Vec<String> {
        let effective = self.effective();
        let differ =
            LimitKey::ALL.iter().filter(|key| effective.value(**key) != self.configured.value(**key));
        let note = |key: &LimitKey| {
            let (holds, configured) = (effective.value(*key), self.configured.value(*key));
            format!("risk.{}: {holds} by an operator's word, the configuration has {configured}", key.name())
        };
        differ.map(note).collect()
    }

    fn json(&self, is_shown: impl Fn(f64, f64) -> bool) -> Json {
        let effective = self.effective();
        let shown = LimitKey::ALL.iter().filter_map(|key| {
            let (holds, configured) = (effective.value(*key), self.configured.value(*key));
            let value = json!({ "effective": holds, "configured": configured, "unit": key.unit() });
            is_shown(holds, configured).then(|| (format!("risk.{}", key.name()), value))
        });
        Json::Object(shown.collect::<Map<_, _>>())
    }
}

impl Appliance {
    /// Changes a limit, as the operator says.
    pub(super) fn change_limit(
        &mut self,
        name: &str,
        wanted: f64,
        is_confirmed: bool,
        word: &Word,
    ) -> Result<Json, AnswerError> {
        let change = self.limits.judge(name, wanted, is_confirmed)?;
        let payload = LimitChange {
            value_old: change.old,
            value_new: change.new,
            who: *word.who.bytes(),
            why: *word.why.bytes(),
        };
        let back = if change.is_taken_back { LIMIT_TAKEN_BACK } else { 0 };
        let record = Record::new(Origin::Operator, self.now(), VenueId(0), InstrumentId::NONE, &payload)
            .with_aux(change.key as u32 | back);
        self.control.try_push(record).map_err(|_| ControlError::QueueFull)?;
        self.limits.take(&change);
        let name = format!("risk.{}", change.key.name());
        Ok(json!({ "limit": name, "before": change.old, "now": change.new, "unit": change.key.unit() }))
    }

    /// Every limit that may be changed, as configured and as it holds.
    pub(super) fn limits_json(&self) -> Json {
        self.limits.json(|_, _| true)
    }

    /// Those that do not hold as configured.
    pub(super) fn limits_changed_json(&self) -> Json {
        self.limits.json(|holds, configured| holds != configured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::setup;
    use std::path::Path;

    fn door() -> LimitDoor {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo.toml");
        let config = Config::load(&path).expect("the demo's configuration");
        let models = setup::read_models(&config).expect("the demo's model");
        LimitDoor::new(&Engine::new(setup::engine_setup(&config, &models).expect("a setup")))
    }

    #[test]
    fn tighter_is_taken_looser_is_confirmed_and_never_goes_beyond_the_configuration() {
        let mut door = door();
        let key = LimitKey::DailyLoss;
        let configured = door.configured.value(key);
        let name = "risk.daily_loss_max";
        let tight = door.judge(name, configured / 4.0, false).unwrap();
        assert!(!tight.is_taken_back);
        door.take(&tight);
        assert_eq!(door.effective().value(key), configured / 4.0);
        assert_eq!(door.judge(name, configured / 4.0, true), Err(LimitRefusal::Same(key, configured / 4.0)));
        let half = configured / 2.0;
        let refused = LimitRefusal::Unconfirmed { key, wanted: half, holds: configured / 4.0 };
        assert_eq!(door.judge(name, half, false), Err(refused));
        let raised = door.judge(name, half, true).unwrap();
        door.take(&raised);
        assert_eq!((raised.old, raised.new, raised.is_taken_back), (configured / 4.0, half, false));
        for is_confirmed in [false, true] {
            let beyond = LimitRefusal::Beyond { key, wanted: configured + 1.0, configured };
            assert_eq!(door.judge(name, configured + 1.0, is_confirmed), Err(beyond));
        }
        assert_eq!(door.notes().len(), 1);
        let back = door.judge("daily_loss_max", configured, true).unwrap();
        assert!(back.is_taken_back);
        door.take(&back);
        assert!(door.notes().is_empty() && door.effective() == door.configured);
    }

    #[test]
    fn of_a_margin_level_more_is_tighter_and_what_makes_no_sense_is_refused() {
        let door = door();
        let level = door.configured.margin_level_min_percent;
        assert!(door.judge("margin_level_min_percent", f64::from(level + 50), false).is_ok());
        assert!(matches!(
            door.judge("margin_level_min_percent", f64::from(level) - 1.0, true),
            Err(LimitRefusal::Beyond { .. })
        ));
        for wrong in [0.0, -1.0, f64::NAN, 1.5] {
            assert!(
                matches!(door.judge("open_orders_max", wrong, true), Err(LimitRefusal::Value(_))),
                "{wrong}"
            );
        }
        let unknown = door.judge("risk.day_starts_at", 1.0, true).unwrap_err().to_string();
        assert!(unknown.contains("risk.order_lots_max") && unknown.contains("day_starts_at"), "{unknown}");
    }
}
