//! Declarations: which number, of which input, on which clock.
//!
//! What it is not: it computes nothing, and it parses no configuration.
//!
//! Invariant: a list that `validate` accepts can be built and run without a further check: names are unique and legal,
//! periods are within [`PERIOD_MAX`], no chain of features bites its tail, and no feature divides by a spread.

mod check;
mod choices;
mod history;
mod kind;

pub(super) use check::validate;
pub use choices::*;
pub use kind::Kind;

use crate::types::{INSTRUMENTS_MAX, InstrumentId, NS_PER_MS, NS_PER_S};

/// Features one graph can hold.
pub const FEATURES_MAX: usize = 1_024;
/// Longest window, lag or smoothing period, in samples.
pub const PERIOD_MAX: u32 = 65_536;
/// Longest feature name.
pub const NAME_BYTES_MAX: usize = 64;
/// Shortest bar.
pub const BAR_PERIOD_NS_MIN: i64 = NS_PER_MS;
/// Farthest a venue's own time may be from UTC.
const OFFSET_NS_MAX: i64 = 86_400 * NS_PER_S;
/// Most deviations or average ranges a channel's line may be away.
const WIDTHS_MAX: f64 = 100.0;
/// Largest weight of the second leg of a spread.
const WEIGHT_MAX: f64 = 1e9;

/// One declared feature: one column of the row.
#[derive(Clone, PartialEq, Debug)]
pub struct FeatureSpec {
    /// Its name, which a model's file must use too: 1 to [`NAME_BYTES_MAX`] of `a-z A-Z 0-9 _ - . %`.
    pub name: String,
    /// Whose quotes.
    pub instrument: InstrumentId,
    /// What is computed.
    pub kind: Kind,
    /// Of which number; ignored by kinds of the whole tick and of another feature.
    pub input: Input,
    /// When; ignored by kinds of another feature.
    pub clock: Clock,
    /// The venue's own time minus UTC, which moves time bars, sessions and the calendar; nanoseconds within a day.
    pub offset_ns: i64,
    /// The feature is stale when its last sample is older; nanoseconds of venue time, 0 for never.
    pub stale_after_ns: i64,
}

impl FeatureSpec {
    /// A feature in UTC that never gets stale.
    pub fn new(
        name: impl Into<String>,
        instrument: InstrumentId,
        kind: Kind,
        input: Input,
        clock: Clock,
    ) -> Self {
        FeatureSpec { name: name.into(), instrument, kind, input, clock, offset_ns: 0, stale_after_ns: 0 }
    }

    /// Whether it can never have a value where the venue tells no sizes at the best prices.
    pub fn needs_sizes(&self) -> bool {
        let leg = self.kind.with().is_some_and(|leg| leg.input == Input::Microprice);
        let own = self.kind.of().is_none() && !self.kind.is_of_whole_tick();
        self.kind.needs_sizes() || leg || (own && self.input == Input::Microprice)
    }
}

/// Why a list of declarations is refused.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum FeatureError {
    /// Nothing declared, or too much.
    #[error("features: expected 1 to {FEATURES_MAX} declarations, got {0}")]
    Count(usize),
    /// A name that is empty, too long, or has other characters.
    #[error("feature name: expected 1 to {NAME_BYTES_MAX} of a-z A-Z 0-9 _ - . %, got {0:?}")]
    Name(String),
    /// Two features of one name.
    #[error("feature {0}: expected one declaration, got two")]
    Duplicate(String),
    /// An instrument id outside the tables.
    #[error("feature {name}: instrument: expected an id below {INSTRUMENTS_MAX}, got {got}")]
    Instrument {
        /// Of the feature.
        name: String,
        /// What was declared.
        got: u16,
    },
    /// A parameter out of its range.
    #[error("feature {name}: {key}: expected {expected}, got {got}")]
    Parameter {
        /// Of the feature.
        name: String,
        /// Which parameter.
        key: &'static str,
        /// What would be accepted.
        expected: &'static str,
        /// What was declared.
        got: f64,
    },
    /// Kind, input and clock that do not go together.
    #[error("feature {name}: expected {expected}, got {got}")]
    Combination {
        /// Of the feature.
        name: String,
        /// What would be accepted.
        expected: &'static str,
        /// What was declared.
        got: String,
    },
    /// It is of a feature that is not in the list.
    #[error("feature {name}: of: expected the place of a declared feature, got {got}")]
    Of {
        /// Of the feature.
        name: String,
        /// What was declared.
        got: u32,
    },
    /// It is of itself, by whatever way.
    #[error("feature {name}: of: expected a feature that does not depend on this one, got a cycle")]
    Cycle {
        /// Of the feature.
        name: String,
    },
}
