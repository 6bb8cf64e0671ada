//! Models against the library that made them: every score equal in every bit, by every kernel this processor has.
//!
//! What it is not: a measure of speed. The golden files are made by `scripts/golden-models` with XGBoost 3.2.0.
//!
//! Invariant: a model is either refused by name or gives the library's bits; there is no tolerance anywhere here.

use std::path::{Path, PathBuf};

use tickbridge::model::synthetic::{Dice, Shape, feature_names, xgboost_json};
use tickbridge::model::{Model, ModelError};

fn golden(extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/models");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|have| have == extension));
    files.sort();
    files
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("f{index}")).collect()
}

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

#[test]
fn every_score_is_the_librarys_in_every_bit() {
    let (mut models, mut rows, mut values, mut fast) = (0, 0, 0, 0);
    for path in golden("rows") {
        let json = std::fs::read(path.with_extension("json")).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let words: Vec<u32> =
            bytes.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
        let (row_count, columns) = (words[0] as usize, words[1] as usize);
        let table: Vec<f32> = words[2..].iter().map(|word| f32::from_bits(*word)).collect();
        assert_eq!(table.len(), row_count * (columns + 1), "{}", path.display());
        let kernels = Model::every_kernel(&json, &names(columns)).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        fast += kernels.len() - 1;
        for model in &kernels {
            for row in table.chunks_exact(columns + 1) {
                let (got, expected) = (model.predict(&row[..columns]), f64::from(row[columns]));
                let kernel = model.kernel_name();
                assert!(
                    same(got, expected),
                    "{path:?} {kernel}: expected {expected:e}, got {got:e} for {row:?}"
                );
            }
        }
        models += 1;
        rows += row_count;
        values += row_count * kernels.len();
    }
    assert!(models >= 13, "golden models: expected 13, got {models}");
    println!(
        "{models} models, {rows} rows, {values} values bit-equal; {fast} models also on a vector kernel"
    );
}

#[test]
fn kernels_agree_on_made_up_models_and_the_oddest_rows() {
    let odd =
        [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 1e-45, -1e-45, f32::MIN_POSITIVE, f32::MAX];
    let (mut values, mut vector_models) = (0u64, 0);
    for seed in 1..=40u64 {
        let mut dice = Dice(seed);
        let shape = Shape {
            tree_count: 1 + dice.below(60) as usize,
            depth: 1 + dice.below(7) as usize,
            feature_count: 1 + dice.below(40) as usize,
            thresholds_per_feature: [1, 2, 15, 16, 17, 32, 240, 254, 255, 300][dice.below(10) as usize],
            leaf_percent: dice.below(40),
            seed,
        };
        let kernels = Model::every_kernel(&xgboost_json(shape), &feature_names(shape)).unwrap();
        vector_models += kernels.len() - 1;
        let grid = shape.thresholds_per_feature as u64;
        let mut row = vec![0.0f32; shape.feature_count];
        for _ in 0..500 {
            for x in &mut row {
                let threshold = (dice.below(grid) as f32 + 0.5) / grid as f32 * 2.0 - 1.0;
                *x = match dice.below(8) {
                    0 => odd[dice.below(odd.len() as u64) as usize],
                    1 => threshold,
                    2 => threshold.next_up(),
                    3 => threshold.next_down(),
                    _ => dice.unit() * 1.1,
                };
            }
            let expected = kernels.last().unwrap().predict(&row);
            for model in &kernels {
                let got = model.predict(&row);
                assert!(
                    same(got, expected),
                    "seed {seed} {}: {got:e}, scalar {expected:e}",
                    model.kernel_name()
                );
                values += 1;
            }
        }
    }
    println!("40 made-up models, {vector_models} of them also on a vector kernel, {values} values compared");
}

#[test]
fn what_cannot_be_reproduced_is_refused_by_name() {
    let words = [
        ("categorical", "categorical"),
        ("dart", "dart"),
        ("gblinear", "gblinear"),
        ("poisson", "count:poisson"),
        ("softprob", "num_class"),
        ("vector_leaf", "vector"),
    ];
    for (name, word) in words {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/models/refused_{name}.json"));
        let message =
            Model::from_xgboost_json(&std::fs::read(path).unwrap(), &names(3)).unwrap_err().to_string();
        assert!(message.contains(word), "{name}: expected a refusal with {word:?}, got {message}");
        println!("{message}");
    }
}

/// A model of one split.
fn stump() -> String {
    let shape = Shape {
        tree_count: 1,
        depth: 1,
        feature_count: 1,
        thresholds_per_feature: 1,
        leaf_percent: 0,
        seed: 1,
    };
    String::from_utf8(xgboost_json(shape)).unwrap()
}

#[test]
fn hostile_files_are_refused() {
    let refusal = |from: &str, to: &str| {
        let text = stump();
        assert!(text.contains(from), "{from} is not in {text}");
        Model::from_xgboost_json(text.replacen(from, to, 1).as_bytes(), &names(1)).unwrap_err().to_string()
    };
    assert!(refusal("\"left_children\":[1,", "\"left_children\":[0,").contains("one parent"));
    assert!(refusal("\"left_children\":[1,", "\"left_children\":[9,").contains("a child within the tree"));
    assert!(refusal("\"split_indices\":[0,", "\"split_indices\":[7,").contains("a feature of the model"));
    assert!(refusal("\"split_conditions\":[0E0,", "\"split_conditions\":[NaN,").contains("NaN"));
    assert!(refusal("\"num_nodes\":\"3\"", "\"num_nodes\":\"4000000000\"").contains("num_nodes"));
    assert!(refusal("\"num_trees\":\"1\"", "\"num_trees\":\"2\"").contains("num_trees"));
    assert!(refusal("\"trees\":", "\"weight_drop\":[0.5],\"trees\":").contains("dart"));
    assert!(refusal("\"trees\":", "\"new_in_9\":[0.5],\"trees\":").contains("new_in_9"));
    assert!(refusal("[4.8E-1]", "[4.8E-1,1E0]").contains("base_score"));
    assert!(refusal("[3,2,0]", "[4,0,0]").contains("version"));
    assert!(refusal("gbtree\"", "gbforest\"").contains("gbforest"));
    let text = stump();
    for end in 0..text.len() {
        assert!(Model::from_xgboost_json(&text.as_bytes()[..end], &names(1)).is_err(), "cut at {end}");
    }
    assert_eq!(
        Model::from_xgboost_json(text.as_bytes(), &["g0"]).unwrap_err(),
        ModelError::FeatureUnknown("f0".into())
    );
}
