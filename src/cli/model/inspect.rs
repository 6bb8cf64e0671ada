//! `tickbridge model inspect`: what a model file holds, and which kernel runs it here.
//!
//! What it is not: a measurement; `bench` is.
//!
//! Invariant: it says what the loader read, never what the file claims.

use std::fmt::Write;
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::opened::{Opened, Reading};
use super::{Answer, ModelFault};
use crate::model::{FeatureSummary, Model, Summary};

/// Options of `model inspect`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Exit codes:\n   0  the model can be run\n   2  wrong arguments\n  65  the model is refused, with the reason\n  \
                  74  the file cannot be read"
)]
pub struct InspectArgs {
    /// The model file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    reading: Reading,
}

pub(super) fn run(args: &InspectArgs) -> Result<Answer, ModelFault> {
    let opened = Opened::open(&args.file, &args.reading)?;
    Ok(Answer::done(if args.json { format!("{:#}\n", in_json(&opened)) } else { in_text(&opened) }))
}

/// Processor features that some kernel asks for, and whether they are there.
fn processor_flags() -> Vec<(&'static str, bool)> {
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! flags {
            ($($name:tt)*) => { vec![$(($name, std::is_x86_feature_detected!($name))),*] };
        }
        flags!("popcnt" "avx2" "fma" "bmi2" "avx512f" "avx512bw" "avx512vl" "avx512vbmi" "avx512vnni")
    }
    #[cfg(not(target_arch = "x86_64"))]
    Vec::new()
}

/// `1×3 20×6`: so many trees with so many splits on the longest path.
fn depths(trees_of_depth: &[usize]) -> String {
    let some = trees_of_depth.iter().enumerate().filter(|(_, count)| **count > 0);
    some.map(|(depth, count)| format!("{count}×{depth}")).collect::<Vec<_>>().join(" ")
}

/// Trees that end in linear functions have a summary of their number alone.
fn has_linear_leaves(summary: &Summary) -> bool {
    summary.tree_count > 0 && summary.leaf_count == 0
}

fn total(features: &[FeatureSummary], of: impl Fn(&FeatureSummary) -> usize) -> usize {
    features.iter().map(of).sum()
}

/// Faster kernels than the chosen one, and why each cannot run the model here.
fn refused(opened: &Opened) -> Vec<(&'static str, &str)> {
    let choice = opened.kernels.first().and_then(Model::kernel_choice);
    let some = choice.map_or(&[][..], |choice| &choice.refused);
    some.iter().map(|(kind, reason)| (kind.name(), reason.as_str())).collect()
}

fn in_text(opened: &Opened) -> String {
    let summary = &opened.summary;
    let features = &summary.features;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "file       {}, {} bytes", opened.path.display(), opened.file_bytes);
    let _ = writeln!(
        text,
        "format     {}{}, {}",
        summary.format.name(),
        summary.version.as_ref().map_or(String::new(), |version| format!(" {version}")),
        summary
            .objective
            .as_ref()
            .map_or("no objective".into(), |objective| format!("objective {objective}"))
    );
    let bits = if summary.scores_are_single { 32 } else { 64 };
    let _ = writeln!(
        text,
        "scores     {} a row, {bits} bits, link {}",
        summary.output_count,
        summary.link.name()
    );
    if has_linear_leaves(summary) {
        let _ = writeln!(text, "trees      {}, with linear leaves", summary.tree_count);
    } else if summary.tree_count > 0 {
        let _ = writeln!(
            text,
            "trees      {}: {} splits, {} leaves; trees×depth {}",
            summary.tree_count,
            summary.split_count,
            summary.leaf_count,
            depths(&summary.trees_of_depth)
        );
        let _ = writeln!(
            text,
            "missing    NaN goes left at {} splits, right at {}; zero counts as missing at {}",
            total(features, |feature| feature.nan_left_count),
            total(features, |feature| feature.nan_right_count),
            total(features, |feature| feature.zero_is_missing_count)
        );
        let _ =
            writeln!(text, "categories {} splits", total(features, |feature| feature.category_split_count));
    } else {
        text.push_str("missing    NaN makes the score NaN\n");
    }
    for (kernel, reason) in refused(opened) {
        let _ = writeln!(text, "kernel     {kernel:<14} cannot run it here: {reason}");
    }
    for (index, model) in opened.kernels.iter().enumerate() {
        let chosen = if index == 0 { "chosen: the fastest that can" } else { "can run it" };
        let _ = writeln!(text, "kernel     {:<14} {chosen}", model.kernel_name());
    }
    let flags = processor_flags();
    let words = |there: bool| {
        let some = flags.iter().filter(|(_, have)| *have == there).map(|(name, _)| *name);
        some.collect::<Vec<_>>().join(" ")
    };
    let _ = writeln!(text, "processor  has {}; lacks {}", or_none(words(true)), or_none(words(false)));
    feature_table(opened, &mut text);
    text
}

fn or_none(words: String) -> String {
    if words.is_empty() { "none".into() } else { words }
}

fn feature_table(opened: &Opened, text: &mut String) {
    let features = &opened.summary.features;
    let width = features.iter().map(|feature| feature.name.chars().count()).max().unwrap_or(0).max(8);
    if has_linear_leaves(&opened.summary) {
        let names: Vec<&str> = features.iter().map(|feature| feature.name.as_str()).collect();
        let _ = writeln!(text, "features   {}", names.join(" "));
        return;
    }
    if opened.summary.tree_count == 0 {
        let _ = writeln!(text, "{:width$}  weight", "features");
        for feature in features {
            let _ = writeln!(text, "{:width$}  {:?}", feature.name, feature.weight.unwrap_or(0.0));
        }
        return;
    }
    let _ = writeln!(
        text,
        "{:width$}  {:>7} {:>10} {:>8} {:>9}  thresholds from, to",
        "features", "splits", "thresholds", "NaN left", "NaN right"
    );
    for feature in features {
        let range = match feature.thresholds.as_slice() {
            [first, .., last] => format!("{first:?}, {last:?}"),
            [only] => format!("{only:?}"),
            [] => "-".into(),
        };
        let _ = writeln!(
            text,
            "{:width$}  {:>7} {:>10} {:>8} {:>9}  {range}",
            feature.name,
            feature.split_count,
            feature.thresholds.len(),
            feature.nan_left_count,
            feature.nan_right_count
        );
    }
}

fn in_json(opened: &Opened) -> Json {
    let summary = &opened.summary;
    let feature = |feature: &FeatureSummary| {
        json!({
            "name": feature.name,
            "splits": feature.split_count,
            "thresholds": feature.thresholds.len(),
            "nan_left": feature.nan_left_count,
            "nan_right": feature.nan_right_count,
            "zero_is_missing": feature.zero_is_missing_count,
            "category_splits": feature.category_split_count,
            "weight": feature.weight,
        })
    };
    json!({
        "file": opened.path,
        "file_bytes": opened.file_bytes,
        "format": summary.format.name(),
        "version": summary.version,
        "objective": summary.objective,
        "outputs": summary.output_count,
        "score_bits": if summary.scores_are_single { 32 } else { 64 },
        "link": summary.link.name(),
        "trees": summary.tree_count,
        "splits": summary.split_count,
        "leaves": summary.leaf_count,
        "trees_of_depth": summary.trees_of_depth,
        "refused_kernels": refused(opened).into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "kernels": opened.kernels.iter().map(Model::kernel_name).collect::<Vec<_>>(),
        "processor": processor_flags().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "features": summary.features.iter().map(feature).collect::<Vec<Json>>(),
    })
}
