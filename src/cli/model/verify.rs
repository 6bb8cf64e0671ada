//! `tickbridge model verify`: every score of every row, by every kernel that runs here, against the scores of a file.
//!
//! What it is not: a judgement of the model; the file's scores are taken for the truth.
//!
//! Invariant: without `--tolerance` two scores are equal when their bits are, in the width that the library's scores have.
//! Each row is asked both ways: as a whole, and written value by value.

use std::fmt::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value as Json, json};

use super::opened::{Opened, Reading};
use super::rows::{Place, Row, Wanted, Width, each_row};
use super::{Answer, ModelFault};
use crate::model::{Model, Prepared};

/// Options of `model verify`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Rows: CSV with a line of names, or Parquet; columns beyond the model's features and the expected scores are not read.\n\
    Features are read to 32-bit floats. Scores are read and compared in the width that the library gives them: 32 bits\n\
    for XGBoost, 64 bits for the others. An empty cell is a missing value.\n\n\
    Example:\n  tickbridge model verify model.json --rows rows.csv --expected score\n\n\
    Exit codes:\n   0  every score of every kernel is as expected\n   1  some are not\n   2  wrong arguments\n  \
    65  the model or the rows are refused\n  74  a file cannot be read"
)]
pub struct VerifyArgs {
    /// The model file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Rows with the model's features and the expected scores, .csv or .parquet
    #[arg(long, value_name = "ROWS")]
    pub rows: PathBuf,
    /// Columns of the expected scores, one for each score of the model
    #[arg(long, value_name = "COLUMN,..", value_delimiter = ',', required = true)]
    pub expected: Vec<String>,
    /// Largest difference that is allowed; without it every bit must be equal
    #[arg(long, value_name = "T", value_parser = tolerance)]
    pub tolerance: Option<f64>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    reading: Reading,
}

fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number >= 0.0 && number.is_finite() => Ok(number),
        _ => Err(format!("expected a finite number, not below 0, got `{text}`")),
    }
}

/// The largest difference, and where.
#[derive(Clone, Copy, Debug)]
struct Worst {
    place: Place,
    output: usize,
    expected: f64,
    got: f64,
    difference: f64,
}

/// One kernel and how it did.
struct Case<'a> {
    model: &'a Model,
    prepared: Prepared,
    scores: Vec<f64>,
    unequal_count: u64,
    refused_count: u64,
    worst: Option<Worst>,
}

impl<'a> Case<'a> {
    fn new(model: &'a Model) -> Self {
        let (prepared, scores) = (model.prepare(), vec![0.0; model.output_count()]);
        Case { model, prepared, scores, unequal_count: 0, refused_count: 0, worst: None }
    }

    fn take(&mut self, row: &Row<'_>, width: Width, tolerance: Option<f64>) {
        self.model.scores(row.features, &mut self.scores);
        self.judge(row, width, tolerance);
        for (feature, value) in row.features.iter().enumerate() {
            self.model.write(&mut self.prepared, feature, *value);
        }
        self.model.scores_prepared(&self.prepared, &mut self.scores);
        self.judge(row, width, tolerance);
    }

    fn judge(&mut self, row: &Row<'_>, width: Width, tolerance: Option<f64>) {
        for (output, (got, expected)) in self.scores.iter().zip(row.scores).enumerate() {
            if same_bits(*got, *expected, width) {
                continue;
            }
            self.unequal_count += 1;
            let difference = difference(*got, *expected);
            self.refused_count += u64::from(tolerance.is_none_or(|allowed| difference > allowed));
            if self.worst.is_none_or(|worst| difference > worst.difference) {
                let (place, expected, got) = (row.place, *expected, *got);
                self.worst = Some(Worst { place, output, expected, got, difference });
            }
        }
    }
}

fn same_bits(got: f64, expected: f64, width: Width) -> bool {
    match width {
        Width::Single => (got as f32).to_bits() == (expected as f32).to_bits(),
        Width::Double => got.to_bits() == expected.to_bits(),
    }
}

/// NaN is as far away as can be; expected scores are never NaN.
fn difference(got: f64, expected: f64) -> f64 {
    let difference = (got - expected).abs();
    if difference.is_nan() { f64::INFINITY } else { difference }
}

pub(super) fn run(args: &VerifyArgs) -> Result<Answer, ModelFault> {
    let opened = Opened::open(&args.file, &args.reading)?;
    let outputs = opened.summary.output_count;
    if args.expected.len() != outputs {
        return Err(ModelFault::Expected { outputs, got: args.expected.len() });
    }
    let width = opened.width();
    let names: Vec<String> = opened.summary.features.iter().map(|feature| feature.name.clone()).collect();
    let wanted = Wanted { features: &names, scores: &args.expected, width };
    let mut cases: Vec<Case<'_>> = opened.kernels.iter().map(Case::new).collect();
    let row_count = each_row(&args.rows, wanted, &mut |row| {
        cases.iter_mut().for_each(|case| case.take(row, width, args.tolerance));
        ControlFlow::Continue(())
    })?;
    let holds = cases.iter().all(|case| case.refused_count == 0);
    let verdict = Verdict { args, opened: &opened, cases: &cases, row_count, holds };
    let text = if args.json { format!("{:#}\n", verdict.json()) } else { verdict.text() };
    Ok(Answer { text, code: if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE } })
}

struct Verdict<'a> {
    args: &'a VerifyArgs,
    opened: &'a Opened,
    cases: &'a [Case<'a>],
    row_count: u64,
    holds: bool,
}

impl Verdict<'_> {
    /// Scores compared by one kernel: each row is asked both ways.
    fn value_count(&self) -> u64 {
        2 * self.row_count * self.opened.summary.output_count as u64
    }

    fn width_bits(&self) -> u32 {
        if self.opened.width() == Width::Single { 32 } else { 64 }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let rule =
            self.args.tolerance.map_or("every bit equal".into(), |t| format!("differ by at most {t:e}"));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "model   {}, {} trees",
            self.opened.path.display(),
            self.opened.summary.tree_count
        );
        let _ = writeln!(
            text,
            "rows    {} of {}, {} features, {} score(s) of {} bits: {rule}",
            self.row_count,
            self.args.rows.display(),
            self.opened.summary.features.len(),
            self.opened.summary.output_count,
            self.width_bits()
        );
        for case in self.cases {
            let _ = writeln!(
                text,
                "kernel  {:<14} {} values, {} not bit-equal, {} refused",
                case.model.kernel_name(),
                self.value_count(),
                case.unequal_count,
                case.refused_count
            );
            if let Some(worst) = case.worst {
                let column = &self.args.expected[worst.output];
                let _ = writeln!(
                    text,
                    "        worst: {}, {column}: expected {:?}, got {:?}, differs by {:e}",
                    worst.place, worst.expected, worst.got, worst.difference
                );
            }
        }
        text.push_str(if self.holds { "verify  holds\n" } else { "verify  FAILED\n" });
        text
    }

    fn json(&self) -> Json {
        let worst = |worst: Worst| {
            json!({
                "place": worst.place.to_string(),
                "column": self.args.expected[worst.output],
                "expected": worst.expected,
                "got": worst.got,
                "difference": worst.difference,
            })
        };
        let case = |case: &Case<'_>| {
            json!({
                "kernel": case.model.kernel_name(),
                "values": self.value_count(),
                "not_bit_equal": case.unequal_count,
                "refused": case.refused_count,
                "worst": case.worst.map(worst),
            })
        };
        json!({
            "model": self.opened.path,
            "rows": self.row_count,
            "score_bits": self.width_bits(),
            "tolerance": self.args.tolerance,
            "kernels": self.cases.iter().map(case).collect::<Vec<Json>>(),
            "holds": self.holds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_compared_in_the_librarys_width() {
        let third = f64::from(1.0f32 / 3.0);
        assert!(same_bits(third, 1.0 / 3.0, Width::Single), "the same number to 32 bits");
        assert!(!same_bits(third, 1.0 / 3.0, Width::Double));
        assert!(!same_bits(0.0, -0.0, Width::Double));
        assert!(!same_bits(f64::NAN, 0.5, Width::Single));
        assert_eq!(difference(f64::NAN, 0.5), f64::INFINITY);
        assert_eq!(difference(0.25, 0.5), 0.25);
    }
}
