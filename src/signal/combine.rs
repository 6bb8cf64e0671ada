//! Ensembles: several scores made into one, and how far they agree.
//!
//! What it is not: it asks no model; scores come in, in the members' order.
//!
//! Invariant: sums run in the members' order, so the same scores give the same bits; a member's score that is not a number is
//! never left out silently: the whole is not a number.

/// How members' scores become one.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Combine {
    /// Sum of weight times score, divided by the sum of the weights.
    Mean,
    /// 1 when so many members vote long, 0 when so many vote short, 0.5 otherwise and when both do.
    Vote {
        /// A member votes long at this score or above.
        long_above: f64,
        /// And short at this score or below.
        short_below: f64,
        /// How many votes it takes.
        votes_min: u8,
    },
    /// A model of its own turns the members' scores into one.
    Stack,
}

/// How many members lean to which side.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Agreement {
    /// Scores above the middle.
    pub long_count: u8,
    /// Scores below it.
    pub short_count: u8,
    /// All.
    pub member_count: u8,
}

impl Agreement {
    /// Counts sides around `middle`.
    #[inline]
    pub fn of(scores: &[f64], middle: f64) -> Self {
        let mut agreement = Agreement { member_count: scores.len() as u8, ..Agreement::default() };
        for score in scores {
            agreement.long_count += u8::from(*score > middle);
            agreement.short_count += u8::from(*score < middle);
        }
        agreement
    }

    /// The part of the members that leans to the long side, or to the short one.
    #[inline]
    pub fn share(&self, side: crate::types::Side) -> f64 {
        let count = if side == crate::types::Side::Buy { self.long_count } else { self.short_count };
        if self.member_count == 0 { 0.0 } else { f64::from(count) / f64::from(self.member_count) }
    }
}

/// One score of several; `None` when the members' own model has to make it.
///
/// Panics when there is not one weight for each score: both were counted when the ensemble was made.
#[inline]
pub fn combine(how: Combine, weights: &[f64], scores: &[f64]) -> Option<f64> {
    assert_eq!(weights.len(), scores.len(), "one weight for each member");
    match how {
        // One member is itself: no division that could change its last bit.
        Combine::Mean if scores.len() == 1 => Some(scores[0]),
        Combine::Mean => {
            let (mut sum, mut weight_sum) = (0.0, 0.0);
            for (weight, score) in weights.iter().zip(scores) {
                sum += weight * score;
                weight_sum += weight;
            }
            Some(sum / weight_sum)
        }
        Combine::Vote { long_above, short_below, votes_min } => {
            let (mut long, mut short) = (0u8, 0u8);
            for score in scores {
                if score.is_nan() {
                    return Some(f64::NAN);
                }
                long += u8::from(*score >= long_above);
                short += u8::from(*score <= short_below);
            }
            Some(match (long >= votes_min, short >= votes_min) {
                (true, false) => 1.0,
                (false, true) => 0.0,
                _ => 0.5,
            })
        }
        Combine::Stack => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Side;
    use proptest::prelude::*;

    const VOTE: Combine = Combine::Vote { long_above: 0.6, short_below: 0.4, votes_min: 2 };

    #[test]
    fn means_votes_and_agreement() {
        assert_eq!(combine(Combine::Mean, &[1.0, 3.0], &[0.25, 0.75]), Some(0.625));
        assert_eq!(combine(VOTE, &[1.0; 3], &[0.6, 0.7, 0.1]), Some(1.0));
        assert_eq!(combine(VOTE, &[1.0; 3], &[0.4, 0.7, 0.1]), Some(0.0));
        assert_eq!(combine(VOTE, &[1.0; 3], &[0.5, 0.7, 0.1]), Some(0.5));
        assert_eq!(combine(VOTE, &[1.0; 4], &[0.9, 0.7, 0.1, 0.2]), Some(0.5), "two against two is nothing");
        assert_eq!(combine(Combine::Stack, &[1.0], &[0.1]), None);
        let agreement = Agreement::of(&[0.6, 0.5, 0.2, f64::NAN], 0.5);
        assert_eq!((agreement.share(Side::Buy), agreement.share(Side::Sell)), (0.25, 0.25));
        assert_eq!(Agreement::default().share(Side::Buy), 0.0);
    }

    proptest! {
        #[test]
        fn a_mean_lies_between_its_members_and_one_member_is_itself(
            members in prop::collection::vec((0.01f64..10.0, -1e6f64..1e6), 1..8),
        ) {
            let (weights, scores): (Vec<f64>, Vec<f64>) = members.into_iter().unzip();
            let mean = combine(Combine::Mean, &weights, &scores).unwrap();
            let low = scores.iter().copied().fold(f64::INFINITY, f64::min);
            let high = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(mean >= low - 1e-6 && mean <= high + 1e-6);
            let alone = combine(Combine::Mean, &weights[..1], &scores[..1]).unwrap();
            prop_assert_eq!(alone.to_bits(), scores[0].to_bits());
        }

        #[test]
        fn a_missing_member_makes_the_whole_missing(
            scores in prop::collection::vec(0.0f64..1.0, 1..7), at in any::<prop::sample::Index>(),
        ) {
            let mut scores = scores;
            let at = at.index(scores.len());
            scores[at] = f64::NAN;
            let weights = vec![1.0; scores.len()];
            for how in [Combine::Mean, VOTE] {
                prop_assert!(combine(how, &weights, &scores).unwrap().is_nan());
            }
        }
    }
}
