//! Models against the library that made them: every score equal in every bit, by every kernel this processor has.
//!
//! What it is not: a measure of speed. The golden files are made by `scripts/golden-models` with XGBoost 3.2.0.
//!
//! Invariant: a model is either refused by name or gives the library's bits; there is no tolerance anywhere here.

use std::path::{Path, PathBuf};

use tickbridge::model::synthetic::{Dice, Shape, feature_names, xgboost_json};
use tickbridge::model::{LoadOptions, Model, ModelError, Unnamed};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/models")
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("f{index}")).collect()
}

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// Rows and the library's scores, as `scripts/golden/rows.py` writes them.
struct Table {
    columns: usize,
    outputs: usize,
    ulps_max: u64,
    options: LoadOptions,
    /// For each row its columns, then two words for each score.
    words: Vec<u32>,
}

impl Table {
    fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let words: Vec<u32> =
            bytes.chunks_exact(4).map(|w| u32::from_le_bytes(w.try_into().unwrap())).collect();
        let (head, words) = words.split_at(6);
        let (columns, outputs) = (head[1] as usize, head[2] as usize);
        assert_eq!(words.len(), head[0] as usize * (columns + 2 * outputs), "{}", path.display());
        let unnamed = if head[5] == 1 { Unnamed::ByPosition } else { Unnamed::Refused };
        let options = LoadOptions { rounds: (head[4] > 0).then_some(head[4]), unnamed };
        Table { columns, outputs, ulps_max: u64::from(head[3]), options, words: words.into() }
    }

    fn rows(&self) -> impl Iterator<Item = (Vec<f32>, Vec<f64>)> {
        self.words.chunks_exact(self.columns + 2 * self.outputs).map(|row| {
            let (x, scores) = row.split_at(self.columns);
            let double = |pair: &[u32]| f64::from_bits(u64::from(pair[0]) | u64::from(pair[1]) << 32);
            (
                x.iter().map(|word| f32::from_bits(*word)).collect(),
                scores.chunks_exact(2).map(double).collect(),
            )
        })
    }
}

/// What was compared.
#[derive(Default, Debug)]
struct Compared {
    models: usize,
    rows: usize,
    values: usize,
    /// Values of models that are held to a distance, because the library's own arithmetic is not the same everywhere.
    near_values: usize,
    ulps_seen: u64,
    fast_models: usize,
}

impl Compared {
    /// One model by every kernel; a text says what is wrong.
    fn model(&mut self, path: &Path, file: &Path) -> Result<(), String> {
        let table = Table::read(path);
        let bytes = std::fs::read(file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let kernels = Model::load_every_kernel(&bytes, None, &names(table.columns), &table.options)
            .map_err(|error| format!("{name}: {error}"))?;
        self.fast_models += usize::from(kernels.len() > 1);
        let mut got = vec![0.0; table.outputs];
        for model in &kernels {
            if model.output_count() != table.outputs {
                return Err(format!(
                    "{name}: {} outputs, the library has {}",
                    model.output_count(),
                    table.outputs
                ));
            }
            for (row, expected) in table.rows() {
                model.scores(&row, &mut got);
                for (got, expected) in got.iter().zip(&expected) {
                    let ulps =
                        if same(*got, *expected) { 0 } else { got.to_bits().abs_diff(expected.to_bits()) };
                    if ulps > table.ulps_max {
                        let kernel = model.kernel_name();
                        return Err(format!(
                            "{name} {kernel}: expected {expected:e}, got {got:e} for {row:?}"
                        ));
                    }
                    self.ulps_seen = self.ulps_seen.max(ulps);
                    self.values += usize::from(table.ulps_max == 0);
                    self.near_values += usize::from(table.ulps_max > 0);
                }
            }
            self.rows += table.rows().count();
        }
        self.models += 1;
        Ok(())
    }

    /// Every model of a folder; all that differ are named before it fails.
    fn folder(folder: &Path) -> Self {
        let entries =
            std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let (mut compared, mut wrong) = (Compared::default(), Vec::new());
        for file in files.iter().filter(|path| path.extension().is_some_and(|have| have != "rows")) {
            let rows = file.with_extension("rows");
            if rows.exists() {
                wrong.extend(compared.model(&rows, file).err());
            }
        }
        for line in wrong.iter().take(40) {
            println!("{}", line.chars().take(400).collect::<String>());
        }
        assert!(wrong.is_empty(), "{} models differ, {} are equal", wrong.len(), compared.models);
        println!(
            "{} models, {} rows, {} values bit-equal; {} values within {} ulps; {} models also on a vector kernel",
            compared.models,
            compared.rows,
            compared.values,
            compared.near_values,
            compared.ulps_seen,
            compared.fast_models
        );
        compared
    }
}

#[test]
fn every_score_is_the_librarys_in_every_bit() {
    let compared = Compared::folder(&golden());
    assert!(compared.models >= 50, "golden models: expected 50 or more, got {}", compared.models);
}

/// `scripts/golden-models --random N` makes them.
#[test]
#[ignore = "needs target/random-models, which scripts/golden-models --random makes"]
fn random_models_of_the_libraries_are_equal_in_every_bit() {
    let compared = Compared::folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("target/random-models"));
    assert!(compared.models >= 100, "random models: expected 100 or more, got {}", compared.models);
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
        let kernels = every_kernel(&xgboost_json(shape), &feature_names(shape)).unwrap();
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

fn load(bytes: &[u8], names: &[impl AsRef<str>]) -> Result<Model, ModelError> {
    Model::load(bytes, None, names, &LoadOptions::default())
}

fn every_kernel(bytes: &[u8], names: &[impl AsRef<str>]) -> Result<Vec<Model>, ModelError> {
    Model::load_every_kernel(bytes, None, names, &LoadOptions::default())
}

#[test]
fn what_cannot_be_reproduced_is_refused_by_name() {
    let words = [
        ("refused_gblinear.json", "gblinear"),
        ("refused_survival.json", "survival:aft"),
        ("refused_vector_leaf.json", "vector"),
        ("refused_cats_enc.json", "cats.enc"),
        ("refused_lgb_pandas.txt", "pandas_categorical"),
    ];
    for (name, word) in words {
        let path = golden().join(name);
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let message = load(&bytes, &names(3)).unwrap_err().to_string();
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
        load(text.replacen(from, to, 1).as_bytes(), &names(1)).unwrap_err().to_string()
    };
    assert!(refusal("\"left_children\":[1,", "\"left_children\":[0,").contains("one parent"));
    assert!(refusal("\"left_children\":[1,", "\"left_children\":[9,").contains("a child within the tree"));
    assert!(refusal("\"split_indices\":[0,", "\"split_indices\":[7,").contains("a feature of the model"));
    assert!(refusal("\"split_conditions\":[0E0,", "\"split_conditions\":[NaN,").contains("NaN"));
    assert!(refusal("\"num_nodes\":\"3\"", "\"num_nodes\":\"4000000000\"").contains("num_nodes"));
    assert!(refusal("\"num_trees\":\"1\"", "\"num_trees\":\"2\"").contains("num_trees"));
    assert!(refusal("\"trees\":", "\"weight_drop\":[0.5,1],\"trees\":").contains("weight_drop"));
    assert!(refusal("\"trees\":", "\"new_in_9\":[0.5],\"trees\":").contains("new_in_9"));
    assert!(refusal("[4.8E-1]", "[4.8E-1,1E0]").contains("base_score"));
    assert!(refusal("[3,2,0]", "[4,0,0]").contains("version"));
    assert!(refusal("gbtree\"", "gbforest\"").contains("gbforest"));
    let text = stump();
    for end in 0..text.len() {
        assert!(load(&text.as_bytes()[..end], &names(1)).is_err(), "cut at {end}");
    }
    assert_eq!(load(text.as_bytes(), &["g0"]).unwrap_err(), ModelError::FeatureUnknown("f0".into()));
}
