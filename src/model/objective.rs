//! Objectives: what a margin means, and how a file's base score becomes one.
//!
//! What it is not: a loss; nothing is trained here.
//!
//! Invariant: the arithmetic is XGBoost's own, in `f32`, in its order (src/common/math.h, src/objective/).

use super::ModelError;

/// What a model was trained for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Objective {
    /// `binary:logistic`, `reg:logistic`: a probability.
    Logistic,
    /// `binary:logitraw`, `reg:squarederror`, `rank:*`: the margin itself.
    Identity,
}

/// The largest argument that XGBoost gives to `expf`.
const EXP_ARGUMENT_MAX: f32 = 88.7;

impl Objective {
    /// The objective of an XGBoost file.
    pub(super) fn from_xgboost(name: &str) -> Result<Self, ModelError> {
        match name {
            "binary:logistic" | "reg:logistic" => Ok(Objective::Logistic),
            "binary:logitraw" | "reg:squarederror" | "rank:pairwise" | "rank:ndcg" | "rank:map" => {
                Ok(Objective::Identity)
            }
            _ => Err(ModelError::Unsupported {
                field: "learner.objective.name",
                expected: "binary:logistic, binary:logitraw, reg:logistic, reg:squarederror, rank:pairwise, rank:ndcg or rank:map",
                got: name.into(),
            }),
        }
    }

    /// The margin that sums start from; `base_score` is a probability for logistic objectives.
    pub(super) fn base_margin(self, base_score: f32) -> f32 {
        match self {
            Objective::Logistic => {
                let base = base_score.clamp(1e-6, 1.0 - 1e-6);
                // The f64 logarithm rounded to f32 equals glibc's logf here; a logf that is off by one would not.
                -(f64::from(1.0 / base - 1.0).ln() as f32)
            }
            Objective::Identity => base_score,
        }
    }

    /// From margin to score.
    #[inline]
    pub(super) fn link(self, margin: f32) -> f32 {
        match self {
            // common::Sigmoid: 1 / (expf(min(-x, 88.7)) + 1 + 1e-16)
            Objective::Logistic => {
                let argument = if -margin > EXP_ARGUMENT_MAX { EXP_ARGUMENT_MAX } else { -margin };
                1.0 / (argument.exp() + 1.0 + 1e-16)
            }
            Objective::Identity => margin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_is_no_margin_and_no_margin_is_a_half() {
        assert_eq!(Objective::Logistic.base_margin(0.5).to_bits(), (-0.0f32).to_bits());
        assert_eq!(Objective::Logistic.link(0.0), 0.5);
        assert!(Objective::Logistic.link(-1e30) > 0.0, "bounded away from zero");
        assert!(Objective::Logistic.link(f32::NAN).is_nan());
        assert_eq!(Objective::Identity.link(-3.5), -3.5);
    }
}
