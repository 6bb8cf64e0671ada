//! Models against the library that made them: every score equal in every bit, by every kernel this processor has.
//!
//! What it is not: a measure of speed. The golden files are made by `scripts/golden-models`, with the versions of XGBoost,
//! LightGBM, CatBoost and scikit-learn that it names, old ones among them.
//!
//! Invariant: a model is either refused by name or gives the library's bits. Where the library's own last bits depend on the
//! processor, each score has a bound that follows from the rounding of its sum (`scripts/golden`), and nothing else is allowed.

#[path = "rig/golden.rs"]
mod golden_rows;

use golden_rows::Table;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tickbridge::model::synthetic::{Dice, Shape, feature_names, xgboost_json};
use tickbridge::model::{Format, LoadOptions, Model, ModelError};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/models")
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("f{index}")).collect()
}

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// Whether any of a model's kernels is one of vector instructions.
fn is_on_vectors(kernels: &[Model]) -> bool {
    let ends = ["-avx512", "-avx2"];
    kernels.iter().any(|model| ends.iter().any(|end| model.kernel_name().ends_with(end)))
}

/// What was compared of one kind of file.
#[derive(Default)]
struct Tally {
    models: usize,
    on_vector_kernels: usize,
    rows: usize,
    /// Scores of the library.
    values: usize,
    /// Answers of ours: each value from every kernel.
    answers: usize,
    /// Answers that differ in any bit and have no bound.
    differ: usize,
    bounded: usize,
    bounded_differ: usize,
    beyond_bound: usize,
    /// Largest distance as a share of its bound, and as a share of the score.
    bound_share_max: f64,
    relative_max: f64,
}

impl Tally {
    fn add(&mut self, other: &Tally) {
        let Tally { models, on_vector_kernels, rows, values, answers, .. } = other;
        self.models += models;
        self.on_vector_kernels += on_vector_kernels;
        self.rows += rows;
        self.values += values;
        self.answers += answers;
        self.differ += other.differ;
        self.bounded += other.bounded;
        self.bounded_differ += other.bounded_differ;
        self.beyond_bound += other.beyond_bound;
        self.bound_share_max = self.bound_share_max.max(other.bound_share_max);
        self.relative_max = self.relative_max.max(other.relative_max);
    }

    fn is_wrong(&self) -> bool {
        self.differ + self.beyond_bound > 0
    }

    /// One answer; whether it is right.
    fn answer(&mut self, got: f64, expected: f64, bound: Option<f64>) -> bool {
        self.answers += 1;
        let is_same = same(got, expected);
        let Some(bound) = bound else {
            self.differ += usize::from(!is_same);
            return is_same;
        };
        self.bounded += 1;
        if is_same {
            return true;
        }
        let distance = (got - expected).abs();
        let is_within = distance <= bound;
        self.bounded_differ += 1;
        self.beyond_bound += usize::from(!is_within);
        self.bound_share_max = self.bound_share_max.max(distance / bound);
        self.relative_max = self.relative_max.max(distance / expected.abs());
        is_within
    }

    /// One model by every kernel; a text says what is wrong with it.
    fn model(&mut self, rows: &Path, file: &Path) -> Result<(), String> {
        let table = Table::read(rows);
        let bytes = std::fs::read(file).unwrap();
        let name = rows.file_name().unwrap().to_string_lossy().into_owned();
        let kernels = Model::load_every_kernel(&bytes, None, &names(table.columns), &table.options)
            .map_err(|error| format!("{name}: {error}"))?;
        self.models += 1;
        self.on_vector_kernels += usize::from(is_on_vectors(&kernels));
        self.rows += table.rows().count();
        self.values += table.rows().count() * table.outputs;
        let mut got = vec![0.0; table.outputs];
        let mut first_wrong = None;
        for model in &kernels {
            if model.output_count() != table.outputs {
                let ours = model.output_count();
                return Err(format!("{name}: {ours} outputs, the library has {}", table.outputs));
            }
            for row in table.rows() {
                model.scores(&row.columns, &mut got);
                for (at, (got, expected)) in got.iter().zip(&row.scores).enumerate() {
                    if !self.answer(*got, *expected, row.bounds.get(at).copied()) {
                        first_wrong.get_or_insert_with(|| {
                            let (kernel, row) = (model.kernel_name(), &row.columns);
                            format!("{name} {kernel}: expected {expected:e}, got {got:e} for {row:?}")
                        });
                    }
                }
            }
        }
        first_wrong.map_or(Ok(()), Err)
    }
}

/// The kind of a model file: its format, and the version that wrote it where that is an old one.
fn kind(file: &Path) -> String {
    let format = Format::detect(&std::fs::read(file).unwrap()).map_or("unknown", Format::name);
    let name = file.file_name().unwrap().to_string_lossy();
    // old_xgb_1.7.6_...
    let version = name.strip_prefix("old_").and_then(|rest| rest.split('_').nth(1));
    version.map_or_else(|| format.to_owned(), |version| format!("{format} {version}"))
}

/// Tallies by kind, and what is wrong.
type Compared = (BTreeMap<String, Tally>, Vec<String>);

fn compare(pairs: &[(PathBuf, PathBuf)]) -> Compared {
    let (mut tallies, mut wrong) = (BTreeMap::<String, Tally>::new(), Vec::new());
    for (rows, file) in pairs {
        wrong.extend(tallies.entry(kind(file)).or_default().model(rows, file).err());
    }
    (tallies, wrong)
}

/// Every model of a folder with each table of its rows, on all cores; all that differ are named before it fails.
fn compare_folder(folder: &Path) -> BTreeMap<String, Tally> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let models = files.iter().filter(|path| path.extension().is_some_and(|have| have != "rows"));
    let pairs: Vec<(PathBuf, PathBuf)> = models
        .flat_map(|file| ["rows", "present.rows"].map(|end| (file.with_extension(end), file.clone())))
        .filter(|(rows, _)| rows.exists())
        .collect();
    let (mut tallies, mut wrong) = Compared::default();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let parts = pairs.chunks(pairs.len().div_ceil(threads).max(1));
        let parts: Vec<_> = parts.map(|part| scope.spawn(|| compare(part))).collect();
        for part in parts {
            let (part, lines) = part.join().unwrap();
            wrong.extend(lines);
            part.iter().for_each(|(kind, tally)| tallies.entry(kind.clone()).or_default().add(tally));
        }
    });
    for line in wrong.iter().take(40) {
        println!("{}", line.chars().take(400).collect::<String>());
    }
    let mut all = Tally::default();
    tallies.values().for_each(|tally| all.add(tally));
    println!("models  vector    rows   values  answers  differ  kind");
    for (kind, tally) in tallies.iter().map(|(kind, tally)| (kind.as_str(), tally)).chain([("all", &all)]) {
        let Tally { models, on_vector_kernels, rows, values, answers, differ, .. } = tally;
        print!("{models:6} {on_vector_kernels:7} {rows:7} {values:8} {answers:8} {differ:7}  {kind}");
        match tally.bounded {
            0 => println!(),
            bounded => println!(
                "; {bounded} answers have a bound: {} differ, {} beyond it, worst {:.2} of it, {:.1e} of the score",
                tally.bounded_differ, tally.beyond_bound, tally.bound_share_max, tally.relative_max
            ),
        }
    }
    let (models, values, differ) = (all.models, all.values, all.differ + all.beyond_bound);
    println!("{models} models, {} rows, {values} values of the libraries; {differ} answers differ", all.rows);
    assert!(wrong.is_empty() && !all.is_wrong(), "{} models differ", wrong.len());
    tallies
}

fn model_count(tallies: &BTreeMap<String, Tally>, kind: &str) -> usize {
    tallies.get(kind).map_or(0, |tally| tally.models)
}

#[test]
fn every_score_is_the_librarys_in_every_bit() {
    let tallies = compare_folder(&golden());
    let old = ["xgboost_json 1.0.2", "xgboost_json 1.7.6", "xgboost_json 2.1.4", "xgboost_json 3.0.5"];
    let old = old.into_iter().chain(["xgboost_ubjson 1.7.6", "xgboost_ubjson 2.1.4", "lightgbm 3.3.5"]);
    for kind in Format::ALL.map(Format::name).into_iter().chain(old) {
        let models = model_count(&tallies, kind);
        assert!(models >= 3, "golden models of {kind}: expected 3 or more, got {models}");
    }
}

/// `scripts/golden-models --random N` makes them.
#[test]
#[ignore = "needs target/random-models, which scripts/golden-models --random makes"]
fn random_models_of_the_libraries_are_equal_in_every_bit() {
    let tallies = compare_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("target/random-models"));
    for format in Format::ALL.map(Format::name) {
        let models = model_count(&tallies, format);
        assert!(models >= 20, "random models of {format}: expected 20 or more, got {models}");
    }
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
        vector_models += usize::from(is_on_vectors(&kernels));
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
