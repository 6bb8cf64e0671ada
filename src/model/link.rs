//! Links: what the sums of a model become before anybody sees them.
//!
//! What it is not: a loss; nothing is trained here.
//!
//! Invariant: the arithmetic is the library's own, in its width and order: XGBoost's in `f32` (src/common/math.h,
//! src/objective/), LightGBM's in `f64` (src/objective/, `ConvertOutput`).

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
    /// `exp(sum)` in `f32`: XGBoost's counts and gammas.
    ExpSingle,
    /// `exp(sum)` in `f64`.
    Exp,
    /// XGBoost's softmax over all outputs, in `f32` but for the sum of exponentials: probabilities.
    SoftmaxSingle,
    /// Softmax over all outputs in `f64`: probabilities.
    Softmax,
    /// `ln(1 + exp(sum))` in `f64`: LightGBM's `cross_entropy_lambda`.
    Log1pExp,
    /// `sign(sum) * sum * sum` in `f64`: LightGBM's `reg_sqrt`.
    SignedSquare,
    /// 1 above 0, else 0: XGBoost's hinge.
    Hinge,
}

/// The largest argument that XGBoost gives to `expf`.
const EXP_ARGUMENT_MAX: f32 = 88.7;

impl Link {
    /// From sums to scores, in place.
    #[inline]
    pub(super) fn apply(self, sums: &mut [f64]) {
        match self {
            Link::Identity => {}
            Link::LogisticSingle => each(sums, |sum| f64::from(logistic_single(sum as f32))),
            Link::Logistic { slope } => each(sums, |sum| 1.0 / (1.0 + (-slope * sum).exp())),
            Link::ExpSingle => each(sums, |sum| f64::from((sum as f32).exp())),
            Link::Exp => each(sums, f64::exp),
            Link::SoftmaxSingle => softmax_single(sums),
            Link::Softmax => softmax(sums),
            Link::Log1pExp => each(sums, |sum| sum.exp().ln_1p()),
            Link::SignedSquare => each(sums, |sum| sign(sum) * sum * sum),
            Link::Hinge => each(sums, |sum| if sum > 0.0 { 1.0 } else { 0.0 }),
        }
    }

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Link::Identity => "identity",
            Link::LogisticSingle | Link::Logistic { .. } => "logistic",
            Link::ExpSingle | Link::Exp => "exp",
            Link::SoftmaxSingle | Link::Softmax => "softmax",
            Link::Log1pExp => "log1p-exp",
            Link::SignedSquare => "signed-square",
            Link::Hinge => "hinge",
        }
    }
}

#[inline]
fn each(sums: &mut [f64], link: impl Fn(f64) -> f64) {
    for sum in sums {
        *sum = link(*sum);
    }
}

/// `common::Sigmoid`: 1 / (expf(min(-x, 88.7)) + 1 + 1e-16).
#[inline]
fn logistic_single(margin: f32) -> f32 {
    let argument = if -margin > EXP_ARGUMENT_MAX { EXP_ARGUMENT_MAX } else { -margin };
    1.0 / (argument.exp() + 1.0 + 1e-16)
}

/// `Common::Sign`: a zero has none.
fn sign(sum: f64) -> f64 {
    f64::from(i8::from(sum > 0.0) - i8::from(sum < 0.0))
}

/// `common::Softmax`: exponentials in `f32`, their sum in `f64`, rounded before the division.
fn softmax_single(margins: &mut [f64]) {
    let most = margins.iter().fold(f32::NEG_INFINITY, |most, margin| most.max(*margin as f32));
    let mut norm = 0.0;
    for margin in margins.iter_mut() {
        let part = (*margin as f32 - most).exp();
        norm += f64::from(part);
        *margin = f64::from(part);
    }
    for part in margins {
        *part = f64::from(*part as f32 / norm as f32);
    }
}

/// `Common::Softmax`.
fn softmax(sums: &mut [f64]) {
    let most = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut norm = 0.0;
    for sum in sums.iter_mut() {
        *sum = (*sum - most).exp();
        norm += *sum;
    }
    for part in sums {
        *part /= norm;
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
    fn no_margin_is_a_half() {
        assert_eq!(one(Link::LogisticSingle, 0.0), 0.5);
        assert!(one(Link::LogisticSingle, -1e30) > 0.0, "bounded away from zero");
        assert!(one(Link::LogisticSingle, f64::NAN).is_nan());
        assert_eq!(one(Link::Identity, -3.5), -3.5);
        assert_eq!(one(Link::Logistic { slope: 1.0 }, 0.0), 0.5);
    }

    #[test]
    fn the_other_links_at_values_known_by_hand() {
        assert_eq!((one(Link::Exp, 0.0), one(Link::ExpSingle, 0.0)), (1.0, 1.0));
        assert_eq!((one(Link::SignedSquare, -3.0), one(Link::SignedSquare, 0.0)), (-9.0, 0.0));
        assert_eq!((one(Link::Hinge, 0.5), one(Link::Hinge, 0.0)), (1.0, 0.0));
        assert_eq!(one(Link::Log1pExp, 0.0), std::f64::consts::LN_2);
        for link in [Link::Softmax, Link::SoftmaxSingle] {
            let mut sums = [1.0, 1.0, f64::from(f32::MIN), 1.0, 1.0];
            link.apply(&mut sums);
            assert_eq!(sums, [0.25, 0.25, 0.0, 0.25, 0.25]);
        }
    }
}
