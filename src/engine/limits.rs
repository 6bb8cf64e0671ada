//! The operator's words over the configured limits, taken while it runs.
//!
//! What it is not: permission; the control floor has asked for a reason and a confirmation before such a word becomes a record.
//!
//! Invariant: what holds is the configuration and the journal's newest word, whichever allows less; so a restart knows it from
//! the journal, and a configuration that was tightened meanwhile is not loosened by an older word. Reductions keep their reserve.

use super::{AlertCode, Engine, Outputs};
use crate::record::{LIMIT_TAKEN_BACK, LimitChange, Record};
use crate::risk::{LimitKey, LimitWords, Limits};
use crate::types::{InstrumentId, StateError, StateSink, StateSource, VenueId};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct WordedLimits {
    configured: Limits,
    words: LimitWords,
}

impl WordedLimits {
    /// Tells the words of what the operator said.
    pub(super) fn save(&self, sink: &mut impl StateSink) {
        self.words.save(sink);
    }

    pub(super) fn new(configured: Limits) -> Self {
        WordedLimits { configured, words: LimitWords::default() }
    }
}

impl Engine {
    /// The limits of the configuration.
    pub fn limits_configured(&self) -> &Limits {
        &self.limits.configured
    }

    /// The operator's words over them.
    pub fn limit_words(&self) -> &LimitWords {
        &self.limits.words
    }

    /// The limits that hold.
    pub fn limits_effective(&self) -> &Limits {
        self.gate.limits()
    }

    /// Takes the words of [`WordedLimits::save`]; what holds follows from them.
    pub(super) fn load_limits(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        self.limits.words.load(source)?;
        let limits = self.limits.words.over(&self.limits.configured);
        self.gate.set_limits(limits, self.now);
        Ok(())
    }

    pub(super) fn on_limit_change(&mut self, input: &Record, out: &mut Outputs) {
        let Some(change) = input.payload::<LimitChange>() else { return };
        let aux = input.aux();
        let Some(key) = u8::try_from(aux & !LIMIT_TAKEN_BACK).ok().and_then(LimitKey::from_code) else {
            return;
        };
        let word = (aux & LIMIT_TAKEN_BACK == 0).then_some(change.value_new);
        self.limits.words.set(key, word);
        let limits = self.limits.words.over(&self.limits.configured);
        self.gate.set_limits(limits, self.now);
        for index in 0..self.instruments.len() {
            self.prepare(InstrumentId(index as u16));
        }
        // A limit that was reached before it was lowered is reached now.
        self.judge_account(out);
        self.renew_conditions();
        let millis = |value: f64| (value * 1_000.0) as i64;
        let at = (VenueId::default(), InstrumentId::NONE);
        let (old, new) = (millis(change.value_old), millis(limits.value(key)));
        self.alert(AlertCode::LimitChanged, at, key as u64, old, new, out);
    }
}
