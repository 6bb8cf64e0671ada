//! Links: what the sums of a model become before anybody sees them.
//!
//! What it is not: a loss; nothing is trained here.
//!
//! Invariant: the arithmetic is the library's own, in its width and order: XGBoost's in `f32` (src/common/math.h,
//! src/objective/), the others' in `f64`.

use super::ModelError;

/// From sums to scores.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Link {
    /// The sum itself.
    Identity,
    /// XGBoost's sigmoid, in `f32`: a probability.
    LogisticSingle,
    /// `1 / (1 + exp(-slope * sum))` in `f64`: a probability.
    Logistic {
        /// LightGBM's `sigmoid`; 1 elsewhere.
        slope: f64,
    },
}

/// The largest argument that XGBoost gives to `expf`.
const EXP_ARGUMENT_MAX: f32 = 88.7;

impl Link {
    /// The link of an XGBoost objective.
    pub(super) fn from_xgboost(name: &str) -> Result<Self, ModelError> {
        match name {
            "binary:logistic" | "reg:logistic" => Ok(Link::LogisticSingle),
            "binary:logitraw" | "reg:squarederror" | "rank:pairwise" | "rank:ndcg" | "rank:map" => {
                Ok(Link::Identity)
            }
            _ => Err(ModelError::Unsupported {
                field: "learner.objective.name",
                expected: "binary:logistic, binary:logitraw, reg:logistic, reg:squarederror, rank:pairwise, rank:ndcg or rank:map",
                got: name.into(),
            }),
        }
    }

    /// The margin that XGBoost's sums start from; `base_score` is a probability for logistic objectives.
    pub(super) fn base_margin(self, base_score: f32) -> f32 {
        match self {
            Link::LogisticSingle => {
                let base = base_score.clamp(1e-6, 1.0 - 1e-6);
                // The f64 logarithm rounded to f32 equals glibc's logf here; a logf that is off by one would not.
                -(f64::from(1.0 / base - 1.0).ln() as f32)
            }
            _ => base_score,
        }
    }

    /// From sums to scores, in place.
    #[inline]
    pub(super) fn apply(self, sums: &mut [f64]) {
        match self {
            Link::Identity => {}
            // common::Sigmoid: 1 / (expf(min(-x, 88.7)) + 1 + 1e-16)
            Link::LogisticSingle => {
                for sum in sums {
                    let margin = *sum as f32;
                    let argument = if -margin > EXP_ARGUMENT_MAX { EXP_ARGUMENT_MAX } else { -margin };
                    *sum = f64::from(1.0 / (argument.exp() + 1.0 + 1e-16));
                }
            }
            Link::Logistic { slope } => {
                for sum in sums {
                    *sum = 1.0 / (1.0 + (-slope * *sum).exp());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(link: Link, sum: f64) -> f64 {
        let mut sums = [sum];
        link.apply(&mut sums);
        sums[0]
    }

    #[test]
    fn a_half_is_no_margin_and_no_margin_is_a_half() {
        assert_eq!(Link::LogisticSingle.base_margin(0.5).to_bits(), (-0.0f32).to_bits());
        assert_eq!(one(Link::LogisticSingle, 0.0), 0.5);
        assert!(one(Link::LogisticSingle, -1e30) > 0.0, "bounded away from zero");
        assert!(one(Link::LogisticSingle, f64::NAN).is_nan());
        assert_eq!(one(Link::Identity, -3.5), -3.5);
        assert_eq!(one(Link::Logistic { slope: 1.0 }, 0.0), 0.5);
    }
}
