//! How the features of a training table are distributed: the reference that drift is measured against.
//!
//! What it is not: the measure (`signal::Drift`), or a reading of a model.
//!
//! Invariant: bins hold about as many rows each, and every number of the table is counted in one; a cell without a number is in none.
//! Memory is bounded: of a long table every second, fourth, .. row is kept.

use super::rows::{RowsError, Wanted, Width, each_row};
use crate::registry::FeatureHistogram;
use std::ops::ControlFlow;
use std::path::Path;

/// Bins of a feature.
const BINS: usize = 10;
/// Rows kept at most.
const ROWS_KEPT_MAX: usize = 1 << 18;

/// One histogram for each feature, in their order, and how many rows the table has.
pub(in crate::cli) fn histograms(
    path: &Path,
    features: &[String],
) -> Result<(Vec<FeatureHistogram>, u64), String> {
    let (columns, row_count) = columns(path, features, ROWS_KEPT_MAX).map_err(|error| error.to_string())?;
    let one = |(feature, values): (&String, Vec<f32>)| {
        let finite = values.iter().filter(|value| value.is_finite()).map(|value| f64::from(*value));
        let range = finite.fold(None, |range: Option<[f64; 2]>, value| {
            let [min, max] = range.unwrap_or([value; 2]);
            Some([min.min(value), max.max(value)])
        });
        let (edges, shares) = bins(values).ok_or_else(|| {
            format!("{}: expected numbers in the column {feature:?}, got none", path.display())
        })?;
        Ok(FeatureHistogram { feature: feature.clone(), edges, shares, range })
    };
    let made: Result<Vec<_>, String> = features.iter().zip(columns).map(one).collect();
    Ok((made?, row_count))
}

/// The numbers of each column.
fn columns(
    path: &Path,
    features: &[String],
    rows_kept_max: usize,
) -> Result<(Vec<Vec<f32>>, u64), RowsError> {
    let wanted = Wanted { features, scores: &[], width: Width::Single };
    let mut kept: Vec<Vec<f32>> = vec![Vec::new(); features.len()];
    let (mut every, mut at) = (1u64, 0u64);
    let row_count = each_row(path, wanted, &mut |row| {
        if at % every == 0 {
            kept.iter_mut().zip(row.features).for_each(|(column, value)| column.push(*value));
            if kept.first().is_some_and(|column| column.len() == rows_kept_max) {
                every *= 2;
                for column in &mut kept {
                    let mut place = 0;
                    column.retain(|_| {
                        place += 1;
                        place % 2 == 1
                    });
                }
            }
        }
        at += 1;
        ControlFlow::Continue(())
    })?;
    kept.iter_mut().for_each(|column| column.retain(|value| !value.is_nan()));
    Ok((kept, row_count))
}

/// Edges at every tenth of the finite numbers, as far as they differ, and the share of all numbers in each bin.
fn bins(mut values: Vec<f32>) -> Option<(Vec<f64>, Vec<f64>)> {
    values.sort_unstable_by(f32::total_cmp);
    let finite: Vec<f64> =
        values.iter().filter(|value| value.is_finite()).map(|value| f64::from(*value)).collect();
    let mut edges: Vec<f64> = Vec::new();
    for tenth in 1..BINS {
        let edge = *finite.get(tenth * finite.len() / BINS)?;
        if edges.last().is_none_or(|last| edge > *last) {
            edges.push(edge);
        }
    }
    let mut counts = vec![0u64; edges.len() + 1];
    for value in &values {
        counts[edges.partition_point(|edge| *edge <= f64::from(*value))] += 1;
    }
    let shares = counts.iter().map(|count| *count as f64 / values.len() as f64).collect();
    Some((edges, shares))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::FeatureBins;
    use std::fmt::Write;

    #[test]
    fn a_table_is_counted_into_tenths() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        let mut text = String::from("time,even,same,holes\n");
        for at in 0..1_000 {
            let hole = if at % 2 == 0 { String::new() } else { at.to_string() };
            writeln!(text, "x,{},7,{hole}", 999 - at).unwrap();
        }
        std::fs::write(&path, &text).unwrap();
        let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        let (made, row_count) = histograms(&path, &names(&["holes", "even", "same"])).unwrap();
        assert_eq!((row_count, made.len()), (1_000, 3));
        assert_eq!(made[1].edges, [100.0, 200.0, 300.0, 400.0, 500.0, 600.0, 700.0, 800.0, 900.0]);
        assert_eq!(made[1].shares, [0.1; 10]);
        assert_eq!((made[1].range, made[2].range), (Some([0.0, 999.0]), Some([7.0, 7.0])));
        assert_eq!((&made[0].edges[0], &made[0].shares), (&101.0, &vec![0.1; 10]));
        assert_eq!((&made[2].edges, &made[2].shares), (&vec![7.0], &vec![0.0, 1.0]), "a constant");
        for one in &made {
            FeatureBins::new(&one.edges, &one.shares).unwrap();
        }
        let missing = histograms(&path, &names(&["odd"])).unwrap_err();
        assert!(missing.contains("table.csv: expected a column \"odd\""), "{missing}");
        std::fs::write(&path, "even\n\n\n").unwrap();
        assert!(histograms(&path, &names(&["even"])).is_err());
    }

    #[test]
    fn of_a_long_table_rows_are_kept_evenly() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        let lines: Vec<String> = (0..1_000).map(|at| at.to_string()).collect();
        std::fs::write(&path, format!("a\n{}\n", lines.join("\n"))).unwrap();
        let (kept, row_count) = columns(&path, &["a".to_string()], 64).unwrap();
        assert_eq!(row_count, 1_000);
        let expected: Vec<f32> = (0..1_000).step_by(16).map(|at| at as f32).collect();
        assert_eq!(kept[0], expected);
    }
}
