//! Calibration: a score made into a probability that means what it says.
//!
//! What it is not: fitted here. Its numbers come with the model, from whoever trained it.
//!
//! Invariant: the formulas and their order of operations are scikit-learn's (`_sigmoid_predict`, `IsotonicRegression`), in `f64`;
//! a score that is not a number stays one; nothing is allocated.

/// Most points of a table.
pub const POINTS_MAX: usize = 4_096;

/// How a table is read between its points.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Between {
    /// The value of the last point that is not above the score.
    Step,
    /// On the straight line from one point to the next.
    Line,
}

/// From a score to a calibrated one.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Calibration {
    /// As it is.
    #[default]
    None,
    /// `1 / (1 + exp(slope * score + offset))`: Platt's; the slope of a sensible one is negative.
    Platt {
        /// `a_` of scikit-learn.
        slope: f64,
        /// `b_` of scikit-learn.
        offset: f64,
    },
    /// An isotonic regression: scores and what they become, both rising; outside of it the end points hold.
    Table {
        /// Scores, strictly rising.
        from: Box<[f64]>,
        /// What they become, as many.
        to: Box<[f64]>,
        /// How it is read between them.
        between: Between,
    },
}

/// Why numbers make no calibration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CalibrationError {
    /// A number that is none.
    #[error("calibration: expected finite numbers, got {0}")]
    NotFinite(&'static str),
    /// A table without a shape.
    #[error("calibration: expected as many values as scores, 1 to {POINTS_MAX}, got {from} and {to}")]
    Length {
        /// Scores.
        from: usize,
        /// Values.
        to: usize,
    },
    /// A table that falls.
    #[error("calibration: expected rising {what}, got a smaller one at {index}")]
    Order {
        /// Scores or values.
        what: &'static str,
        /// Where.
        index: usize,
    },
}

impl Calibration {
    /// Platt's sigmoid.
    pub fn platt(slope: f64, offset: f64) -> Result<Self, CalibrationError> {
        if !slope.is_finite() || !offset.is_finite() {
            return Err(CalibrationError::NotFinite("slope or offset"));
        }
        Ok(Calibration::Platt { slope, offset })
    }

    /// An isotonic table.
    pub fn table(from: &[f64], to: &[f64], between: Between) -> Result<Self, CalibrationError> {
        if from.len() != to.len() || from.is_empty() || from.len() > POINTS_MAX {
            return Err(CalibrationError::Length { from: from.len(), to: to.len() });
        }
        if from.iter().chain(to).any(|value| !value.is_finite()) {
            return Err(CalibrationError::NotFinite("a point of the table"));
        }
        if let Some(index) = from.windows(2).position(|pair| pair[0] >= pair[1]) {
            return Err(CalibrationError::Order { what: "scores", index: index + 1 });
        }
        if let Some(index) = to.windows(2).position(|pair| pair[0] > pair[1]) {
            return Err(CalibrationError::Order { what: "values", index: index + 1 });
        }
        Ok(Calibration::Table { from: from.into(), to: to.into(), between })
    }

    /// The calibrated score.
    #[inline]
    pub fn apply(&self, score: f64) -> f64 {
        match self {
            Calibration::None => score,
            Calibration::Platt { slope, offset } => 1.0 / (1.0 + (slope * score + offset).exp()),
            Calibration::Table { from, to, between } => read(from, to, *between, score),
        }
    }
}

fn read(from: &[f64], to: &[f64], between: Between, score: f64) -> f64 {
    if score.is_nan() {
        return score;
    }
    // The first point above the score.
    let above = from.partition_point(|point| *point <= score);
    if above == 0 {
        return to[0];
    }
    if above == from.len() || between == Between::Step {
        return to[above - 1];
    }
    let slope = (to[above] - to[above - 1]) / (from[above] - from[above - 1]);
    slope * (score - from[above - 1]) + to[above - 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_table_is_read_as_steps_or_as_lines_and_holds_at_its_ends() {
        let (from, to) = ([0.2, 0.4, 0.8], [0.1, 0.5, 0.5]);
        let step = Calibration::table(&from, &to, Between::Step).unwrap();
        let line = Calibration::table(&from, &to, Between::Line).unwrap();
        for (score, stepped, lined) in
            [(0.0, 0.1, 0.1), (0.2, 0.1, 0.1), (0.3, 0.1, 0.3), (0.4, 0.5, 0.5), (9.0, 0.5, 0.5)]
        {
            assert_eq!(step.apply(score), stepped, "{score}");
            assert!((line.apply(score) - lined).abs() < 1e-12, "{score}: {}", line.apply(score));
        }
        assert!(line.apply(f64::NAN).is_nan() && step.apply(f64::NAN).is_nan());
    }

    #[test]
    fn platt_is_the_sigmoid_of_scikit_learn() {
        let platt = Calibration::platt(-2.0, 0.5).unwrap();
        // scipy.special.expit(-(a * x + b)) for a = -2, b = 0.5.
        for (score, expected) in [(0.0, 0.3775406687981454), (0.25, 0.5), (1.0, 0.8175744761936437)] {
            assert!((platt.apply(score) - expected).abs() < 1e-15, "{score}");
        }
        assert!(platt.apply(f64::NAN).is_nan());
    }

    #[test]
    fn tables_without_sense_are_named() {
        let table = |from: &[f64], to: &[f64]| Calibration::table(from, to, Between::Step).unwrap_err();
        assert_eq!(table(&[], &[]), CalibrationError::Length { from: 0, to: 0 });
        assert_eq!(table(&[0.0, 1.0], &[0.0]), CalibrationError::Length { from: 2, to: 1 });
        assert_eq!(table(&[0.0, 0.0], &[0.0, 1.0]), CalibrationError::Order { what: "scores", index: 1 });
        assert_eq!(table(&[0.0, 1.0], &[0.5, 0.4]), CalibrationError::Order { what: "values", index: 1 });
        assert_eq!(table(&[0.0, f64::NAN], &[0.0, 1.0]), CalibrationError::NotFinite("a point of the table"));
        assert!(Calibration::platt(f64::INFINITY, 0.0).is_err());
    }

    proptest! {
        #[test]
        fn a_table_never_falls_and_stays_within_its_values(
            mut points in prop::collection::vec((-1e3f64..1e3, 0.0f64..1.0), 1..40),
            scores in prop::collection::vec(-2e3f64..2e3, 2..40),
            is_step in any::<bool>(),
        ) {
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            points.dedup_by(|a, b| a.0 == b.0);
            let from: Vec<f64> = points.iter().map(|point| point.0).collect();
            let mut to: Vec<f64> = points.iter().map(|point| point.1).collect();
            to.sort_by(f64::total_cmp);
            let between = if is_step { Between::Step } else { Between::Line };
            let table = Calibration::table(&from, &to, between).unwrap();
            let mut scores = scores;
            scores.sort_by(f64::total_cmp);
            let read: Vec<f64> = scores.iter().map(|score| table.apply(*score)).collect();
            prop_assert!(read.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12));
            prop_assert!(read.iter().all(|value| *value >= to[0] - 1e-12 && *value <= to[to.len() - 1] + 1e-12));
        }
    }
}
