//! Everything between scores and a wish: calibration, ensembles, thresholds, filters, vetoes that are counted; and how well
//! the scores did.
//!
//! What it is not: it knows no orders, no sizes and no models; scores and a quote go in, a wish comes out.
//!
//! Invariant: a score that is not a number wishes nothing; every wish that was held back has a reason with a counter. After
//! it was made, nothing here allocates.
//!
//! The way of a score: [`Calibration`] of its model, [`combine`] with the other members', [`Calibration`] of the whole, then
//! [`Rule::decide_in`] with its [`Filters`].

mod calibration;
mod combine;
mod drift;
mod filters;
mod paper;
mod quality;
mod rule;
mod veto;

pub use calibration::{Between, Calibration, CalibrationError, POINTS_MAX};
pub use combine::{Agreement, Combine, combine};
pub use drift::{BINS_MAX, BinsError, Drift, FeatureBins};
pub use filters::{Band, Context, EVERY_DAY, Edge, Filters, Sessions, SessionsError, WINDOWS_MAX};
pub use paper::{Paper, PaperCounts};
pub use quality::{CALIBRATION_BINS, CalibrationBin, Quality, QualityCounts, QualityPlan};
pub use rule::{Rule, RuleError, Signal, State, Thresholds};
pub use veto::{VETO_COUNT, Veto, VetoCounts};
