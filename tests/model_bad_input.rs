//! Model files that are cut, bent or hostile: refused, or a model that answers; never a panic.
//!
//! What it is not: a fuzzer; `tests/fuzz` has a target for each format. This one is short and runs everywhere.
//!
//! Invariant: the dice have fixed seeds, so a failure repeats.

use std::path::{Path, PathBuf};

use tickbridge::model::synthetic::Dice;
use tickbridge::model::{Format, LoadOptions, Model, Unnamed};

/// One small golden model of each format and of each odd kind.
const MODELS: [&str; 10] = [
    "logistic_stump.json",
    "categorical_ubj.ubj",
    "dart_ubj.ubj",
    "dart_layout_34.json",
    "lgb_categorical.txt",
    "lgb_linear.txt",
    "lgb_zero_missing.txt",
    "cat_multiclass.json",
    "skl_boosting_multiclass.json",
    "skl_logistic_scaled.json",
];

fn golden(name: &str) -> Vec<u8> {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/models").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Loads it for rows of some widths and asks what loads; says whether any did.
fn loads(bytes: &[u8], format: Format) -> bool {
    let names = ["f0", "f1", "f2", "f3", "f4"];
    let mut loaded = false;
    for (count, rounds) in [(3, None), (4, None), (5, None), (5, Some(1))] {
        let options = LoadOptions { rounds, unnamed: Unnamed::ByPosition };
        let Ok(model) = Model::load(bytes, Some(format), &names[..count], &options) else { continue };
        let mut scores = vec![0.0; model.output_count()];
        for value in [0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.5, 3e9] {
            model.scores(&[value; 5][..count], &mut scores);
        }
        loaded = true;
    }
    loaded
}

#[test]
fn no_cut_of_any_format_loads_or_panics() {
    let mut cuts = 0;
    for name in MODELS {
        let bytes = golden(name);
        let format = Format::detect(&bytes).unwrap();
        assert!(loads(&bytes, format), "{name}");
        // LightGBM's trees end with a line; what follows changes nothing.
        let text = String::from_utf8_lossy(&bytes);
        let whole = text.find("end of trees").unwrap_or(bytes.trim_ascii_end().len());
        for end in (0..whole).step_by(whole / 150 + 1).chain([whole - 1]) {
            assert!(!loads(&bytes[..end], format), "{name} cut at {end}");
            cuts += 1;
        }
        // But parameters that begin must end, or what stands behind them is not known.
        if let (Some(from), Some(to)) = (text.find("parameters:\n"), text.find("\nend of parameters")) {
            for end in (from + 12..to).step_by((to - from) / 50 + 1) {
                assert!(!loads(&bytes[..end], format), "{name} cut at {end}, in its parameters");
                cuts += 1;
            }
        }
    }
    println!("{cuts} cuts of {} models refused", MODELS.len());
}

#[test]
fn bent_bytes_are_refused_or_give_a_model_that_answers() {
    let (mut refused, mut loaded) = (0, 0);
    for (seed, name) in (1u64..).zip(MODELS) {
        let bytes = golden(name);
        let format = Format::detect(&bytes).unwrap();
        let mut dice = Dice(seed);
        for _ in 0..300 {
            let mut bent = bytes.clone();
            for _ in 0..=dice.below(3) {
                let at = dice.below(bent.len() as u64) as usize;
                match dice.below(4) {
                    0 => bent[at] = dice.next_u64() as u8,
                    1 => bent[at] = b"0123456789-,.[]{}\"=eE \n"[dice.below(23) as usize],
                    2 => drop(bent.remove(at)),
                    _ => bent.insert(at, b"0123456789-"[dice.below(11) as usize]),
                }
            }
            if loads(&bent, format) { loaded += 1 } else { refused += 1 }
        }
    }
    println!("{refused} bent files refused, {loaded} still models");
    assert!(refused > 1_000 && loaded > 0, "{refused} refused, {loaded} loaded");
}

/// What is refused when `from` becomes `to` in a golden model.
fn refusal(name: &str, from: &str, to: &str) -> String {
    let text = String::from_utf8(golden(name)).unwrap();
    assert!(text.contains(from), "{from} is not in {name}");
    let bytes = text.replacen(from, to, 1).into_bytes();
    let format = Format::detect(&bytes).unwrap();
    let names = ["f0", "f1", "f2", "f3", "f4", "f5"];
    let count = if name.starts_with("logistic") { 3 } else { 5 + usize::from(name.starts_with("lgb")) };
    match Model::load(&bytes, Some(format), &names[..count], &LoadOptions::default()) {
        Ok(_) => panic!("{name}: {to} was taken"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn hostile_fields_are_refused_by_name() {
    let lightgbm = |from, to| refusal("lgb_binary.txt", from, to);
    assert!(lightgbm("version=v4", "version=v5").contains("version"));
    assert!(lightgbm("binary sigmoid:1", "binary_of_the_future").contains("objective"));
    assert!(lightgbm("num_leaves=15", "num_leaves=4000000000").contains("num_leaves"));
    assert!(lightgbm("num_class=1\n", "num_class=1\nnum_class=1\n").contains("expected once"));
    assert!(lightgbm("Tree=1\n", "Tree=7\n").contains("Tree"));
    assert!(lightgbm("is_linear=0", "is_quadratic=1").contains("is_quadratic"));
    assert!(lightgbm("num_cat=0", "num_cat=3").contains("cat_boundaries"));
    assert!(lightgbm("left_child=", "left_child=0 ").contains("left_child"));
    assert!(lightgbm("feature_names=f0 f1", "feature_names=f1 f0").contains("feature 0"));
    assert!(lightgbm("feature_names=f0", "feature_names=g0").contains("g0"));
    let catboost = |from, to| refusal("cat_logloss.json", from, to);
    assert!(catboost("FloatFeature", "OneHotFeature").contains("OneHotFeature"));
    assert!(catboost("\"oblivious_trees\"", "\"trees\"").contains("oblivious_trees"));
    assert!(catboost("\"oblivious_trees\"", "\"new_trees\"").contains("new_trees"));
    let xgboost = |from, to| refusal("logistic_stump.json", from, to);
    assert!(xgboost("\"default_left\":[", "\"default_left\":[2,").contains("0, 1, true or false"));
    assert!(xgboost("\"id\":0", "\"id\":99").contains("trees.id"));
    assert!(xgboost("\"learner\":{", "\"learner\":{\"attributes\":{},").contains("expected once"));
    let names = "\"feature_names\":[\"f0\",\"f1\",\"f2\"]";
    assert!(xgboost(names, "\"feature_names\":[]").contains("booster.feature_names"));
    for (name, word) in [("depthwise", "trees"), ("categorical", "categorical_features"), ("ctr", "c")] {
        let bytes = golden(&format!("refused_cat_{name}.json"));
        let error = Model::load(&bytes, None, &["f0", "f1", "f2"], &LoadOptions::default()).unwrap_err();
        assert!(error.to_string().contains(word), "{name}: {error}");
    }
}
