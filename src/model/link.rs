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
    /// `exp(sum)` in `f64` by the short series that CatBoost uses.
    ExpSeries,
    /// XGBoost's softmax over all outputs, in `f32` but for the sum of exponentials: probabilities.
    SoftmaxSingle,
    /// Softmax over all outputs in `f64`: probabilities.
    Softmax,
    /// As `Softmax`, with the short series for `exp` that CatBoost uses.
    SoftmaxSeries,
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
            Link::ExpSeries => each(sums, exp_series),
            Link::SoftmaxSingle => softmax_single(sums),
            Link::Softmax => softmax(sums, f64::exp),
            Link::SoftmaxSeries => softmax(sums, exp_series),
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
            Link::ExpSingle | Link::Exp | Link::ExpSeries => "exp",
            Link::SoftmaxSingle | Link::Softmax | Link::SoftmaxSeries => "softmax",
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

/// `Common::Softmax` of LightGBM, `CalcSoftmax` of CatBoost.
fn softmax(sums: &mut [f64], exp: impl Fn(f64) -> f64) {
    let most = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut norm = 0.0;
    for sum in sums.iter_mut() {
        *sum = exp(*sum - most);
        norm += *sum;
    }
    for part in sums {
        *part /= norm;
    }
}

/// CatBoost's `FastExpInplace` (the `expd` of herumi/fmath): a power of two in steps of 1/2048, times a short series;
/// some units in the last place away from `exp`. The steps are those that its table holds: `exp2` gives the same bits.
fn exp_series(x: f64) -> f64 {
    const STEPS: f64 = 2048.0;
    const ROUNDER: f64 = (3u64 << 51) as f64;
    let x = x.clamp(-708.396_418_532_264_08, 709.782_712_893_383_97);
    let rounded = x * (STEPS / std::f64::consts::LN_2) + ROUNDER;
    let bits = rounded.to_bits();
    let rest = (rounded - ROUNDER) * (std::f64::consts::LN_2 / STEPS) - x;
    let series = (3.000_000_002_795_539_4 - rest) * (rest * rest) * 0.166_666_666_852_278_35 - rest + 1.0;
    let fraction = ((bits & 2047) as f64 / STEPS).exp2().to_bits() & ((1 << 52) - 1);
    // The steps above the fraction are the exponent; 1023 is its bias.
    let exponent = (bits.wrapping_add(1023 << 11) >> 11) << 52;
    series * f64::from_bits(exponent | fraction)
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
    fn the_short_series_is_near_exp() {
        for step in -70_000..0 {
            let x = f64::from(step) * 0.01;
            let (got, exact) = (exp_series(x), x.exp());
            assert!((got / exact - 1.0).abs() < 1e-13, "{x}: {got:e}, exp is {exact:e}");
        }
        assert_eq!(exp_series(0.0), 1.0);
    }

    #[test]
    fn the_other_links_at_values_known_by_hand() {
        assert_eq!((one(Link::Exp, 0.0), one(Link::ExpSingle, 0.0)), (1.0, 1.0));
        assert_eq!((one(Link::SignedSquare, -3.0), one(Link::SignedSquare, 0.0)), (-9.0, 0.0));
        assert_eq!((one(Link::Hinge, 0.5), one(Link::Hinge, 0.0)), (1.0, 0.0));
        assert_eq!(one(Link::Log1pExp, 0.0), std::f64::consts::LN_2);
        for link in [Link::Softmax, Link::SoftmaxSingle, Link::SoftmaxSeries] {
            let mut sums = [1.0, 1.0, f64::from(f32::MIN), 1.0, 1.0];
            link.apply(&mut sums);
            assert_eq!([sums[0], sums[3]], [0.25; 2]);
            assert!(sums[2] < 1e-300, "{}", sums[2]);
        }
    }
}
