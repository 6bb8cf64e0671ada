//! What is said on the console: one line of JSON each way.
//!
//! What it is not: checked against the appliance; whether a model or an order exists, it says itself.
//!
//! Invariant: an unknown action or field is refused, never ignored.

use crate::registry::ModelKey;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Longest request.
pub const REQUEST_BYTES_MAX: usize = 16_384;

/// In a result: the change is in effect, but the registry's state could not be put in place; the text says why. The next start follows
/// the journal, which has the change; `rollback` does not know of it.
pub const NOT_RECORDED: &str = "not_recorded";

/// Where an appliance with this state folder listens.
pub fn socket_path(state_dir: &Path) -> PathBuf {
    state_dir.join("operator.sock")
}

/// What is wanted.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// How it stands.
    Status,
    /// Trade again: everything, or end the kill of one scope and the throttles within it.
    Activate {
        /// `all`, `venue=NAME`, `strategy=NUMBER` or `instrument=NAME`.
        scope: String,
    },
    /// Only reductions and cancels.
    Reduce,
    /// Nothing but cancels and reductions by hand.
    Halt,
    /// Nothing opens within the scope, across restarts, until an operator arms or activates.
    Kill {
        /// `all`, `venue=NAME`, `strategy=NUMBER` or `instrument=NAME`.
        scope: String,
        /// Close what is held there, too.
        flatten: bool,
    },
    /// Change a limit: tighter at once, looser when confirmed.
    Limit {
        /// As `[risk]` names it.
        key: String,
        /// As `[risk]` measures it.
        value: f64,
        /// It may allow more than what holds, up to the configuration.
        raise: bool,
    },
    /// Every limit, as configured and as it holds.
    Limits,
    /// Let one order pass one limit.
    Override {
        /// The instrument's name in the configuration.
        instrument: String,
        /// The reason that is lifted.
        reason: String,
        /// Up to this, as `[risk]` measures the limit behind it.
        bound: f64,
        /// For so long.
        minutes: u32,
    },
    /// Declare an order that is in doubt dead.
    Resolve {
        /// Its id.
        order_id: u64,
    },
    /// Take the venue's position as the baseline, where the two differ and stay so.
    Accept {
        /// The instrument's name in the configuration.
        instrument: String,
    },
    /// A model of the registry takes a live slot.
    Promote {
        /// Which.
        model: ModelKey,
        /// `member0` and so on, or `stack`.
        slot: String,
    },
    /// A model of the registry is watched.
    Shadow {
        /// Which.
        model: ModelKey,
        /// `shadow0` to `shadow3`; the first free one if not said.
        slot: Option<String>,
    },
    /// A shadow is taken out.
    Unshadow {
        /// Which place.
        slot: String,
    },
    /// What stood in a live slot before takes it again.
    Rollback {
        /// Which place.
        slot: String,
    },
}

/// A request. Printed for whoever debugs, it does not show the token.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The secret of `operator.token_file`.
    pub token: String,
    /// Who asks: 1 to 32 characters of ASCII.
    pub who: String,
    /// Why: 1 to 48 characters of ASCII.
    pub why: String,
    /// What is wanted.
    pub action: Action,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Request { token: _, who, why, action } = self;
        let mut shown = f.debug_struct("Request");
        shown.field("who", who).field("why", why).field("action", action).finish_non_exhaustive()
    }
}

/// The answer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Reply {
    /// Whether it was done.
    pub ok: bool,
    /// What there is to say.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub result: serde_json::Value,
    /// Why it was not done.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
}

impl Reply {
    /// Done.
    pub fn done(result: serde_json::Value) -> Self {
        Reply { ok: true, result, error: String::new() }
    }

    /// Not done.
    pub fn refused(error: impl std::fmt::Display) -> Self {
        Reply { ok: false, result: serde_json::Value::Null, error: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_printed() {
        let request =
            Request { token: "s3cret".into(), who: "a".into(), why: "b".into(), action: Action::Halt };
        for text in [format!("{request:?}"), format!("{request:#?}")] {
            assert!(text.contains("Halt") && !text.contains("s3cret"), "{text}");
        }
    }
}
