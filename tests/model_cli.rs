//! `tickbridge model`: inspect, verify and bench over the models that the libraries made, and what is refused in which words.
//!
//! What it is not: the parity suite (`model_parity`), or a measure of speed; the bench's numbers are not judged here.
//!
//! Invariant: `verify` says 0 only when every bit is right; each refusal has its exit code and names the place.

#[path = "rig/golden.rs"]
mod golden_rows;
mod rig;

use golden_rows::Table;
use rig::{stderr, tickbridge};
use serde_json::Value as Json;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use tickbridge::model::Unnamed;

use parquet::data_type::{DoubleType, FloatType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/models").join(name)
}

/// Every model that the libraries gave scores to.
fn golden_models() -> Vec<PathBuf> {
    let all = std::fs::read_dir(golden("")).unwrap().map(|entry| entry.unwrap().path());
    let mut models: Vec<PathBuf> =
        all.filter(|path| path.extension().is_some_and(|kind| kind != "rows")).collect();
    models.retain(|path| path.with_extension("rows").exists());
    models.sort();
    models
}

/// Golden rows of a model.
struct Golden {
    columns: usize,
    /// The library's own arithmetic is not the same everywhere.
    is_bounded: bool,
    rounds: Option<u32>,
    /// The file names no features.
    is_unnamed: bool,
    /// Columns, then scores.
    rows: Vec<(Vec<f32>, Vec<f64>)>,
}

fn golden_rows(name: &str) -> Golden {
    let table = Table::read(&golden(&format!("{name}.rows")));
    Golden {
        columns: table.columns,
        is_bounded: table.is_bounded,
        rounds: table.options.rounds,
        is_unnamed: table.options.unnamed == Unnamed::ByPosition,
        rows: table.rows().map(|row| (row.columns, row.scores)).collect(),
    }
}

fn feature_names(columns: usize) -> String {
    let names: Vec<String> = (0..columns).map(|index| format!("f{index}")).collect();
    names.join(",")
}

/// `score`, or `score0` and so on.
fn score_names(outputs: usize) -> String {
    if outputs == 1 {
        return "score".into();
    }
    (0..outputs).map(|index| format!("score{index}")).collect::<Vec<_>>().join(",")
}

fn header(columns: usize) -> String {
    format!("ts,{},score\n", feature_names(columns))
}

/// A CSV with a column that nobody asked for, an empty cell for NaN, and the scores last.
fn csv(golden: &Golden) -> String {
    let mut text = format!("ts,{},{}\n", feature_names(golden.columns), score_names(golden.rows[0].1.len()));
    for (index, (row, scores)) in golden.rows.iter().enumerate() {
        let _ = write!(text, "{index}");
        for value in row {
            let _ = if value.is_nan() { write!(text, ",") } else { write!(text, ",{value:?}") };
        }
        for score in scores {
            let _ = write!(text, ",{score:?}");
        }
        text.push('\n');
    }
    text
}

/// A Parquet file of two row groups: features as doubles or floats that may be null, scores as doubles.
fn write_parquet(path: &Path, golden: &Golden) {
    let (columns, outputs) = (golden.columns, golden.rows[0].1.len());
    let mut schema = String::from("message rows {\n");
    for index in 0..columns {
        let kind = if index % 2 == 0 { "double" } else { "float" };
        let _ = writeln!(schema, "  optional {kind} f{index};");
    }
    for name in score_names(outputs).split(',') {
        let _ = writeln!(schema, "  required double {name};");
    }
    schema.push('}');
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let file = std::fs::File::create(path).unwrap();
    let mut writer =
        SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::builder().build())).unwrap();
    for half in golden.rows.chunks(golden.rows.len().div_ceil(2)) {
        let mut group = writer.next_row_group().unwrap();
        for index in 0..columns {
            let mut column = group.next_column().unwrap().unwrap();
            let all: Vec<f32> = half.iter().map(|(row, _)| row[index]).collect();
            let there: Vec<f32> = all.iter().copied().filter(|value| !value.is_nan()).collect();
            let levels: Vec<i16> = all.iter().map(|value| i16::from(!value.is_nan())).collect();
            if index % 2 == 0 {
                let wide: Vec<f64> = there.iter().map(|value| f64::from(*value)).collect();
                column.typed::<DoubleType>().write_batch(&wide, Some(&levels), None).unwrap();
            } else {
                column.typed::<FloatType>().write_batch(&there, Some(&levels), None).unwrap();
            }
            column.close().unwrap();
        }
        for output in 0..outputs {
            let mut column = group.next_column().unwrap().unwrap();
            let scores: Vec<f64> = half.iter().map(|(_, scores)| scores[output]).collect();
            column.typed::<DoubleType>().write_batch(&scores, None, None).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn verify(model: &Path, rows: &str, more: &[&str]) -> Output {
    let mut args = vec!["model", "verify", model.to_str().unwrap(), "--rows", rows];
    args.extend(if more.contains(&"--expected") { &[][..] } else { &["--expected", "score"][..] });
    args.extend(more);
    tickbridge(&args)
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn json(output: &Output) -> Json {
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(output), stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What was said, and that nothing else was.
fn refused(output: &Output, code: i32, words: &str) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{said}{}", stdout(output));
    assert!(said.trim_end().ends_with(words), "expected ... {words}\n     got {said}");
}

#[test]
fn inspect_tells_what_the_file_holds() {
    let model = golden("logistic_d6_nan.json");
    let said = json(&tickbridge(&["model", "inspect", model.to_str().unwrap(), "--json"]));
    // Counted from the file's own arrays, without the loader.
    let file: Json = serde_json::from_slice(&std::fs::read(&model).unwrap()).unwrap();
    let trees = file["learner"]["gradient_booster"]["model"]["trees"].as_array().unwrap();
    let (mut splits, mut leaves, mut of_f0, mut left) = (0, 0, 0, 0);
    for tree in trees {
        for (node, child) in tree["left_children"].as_array().unwrap().iter().enumerate() {
            if child.as_i64() == Some(-1) {
                leaves += 1;
                continue;
            }
            splits += 1;
            of_f0 += i32::from(tree["split_indices"][node].as_i64() == Some(0));
            left += i64::from(tree["default_left"][node].as_i64() == Some(1));
        }
    }
    assert_eq!(said["trees"], 24);
    assert_eq!(said["splits"], splits);
    assert_eq!(said["leaves"], leaves);
    assert_eq!(said["features"][0]["name"], "f0");
    assert_eq!(said["features"][0]["splits"], of_f0);
    let lefts: i64 = said["features"]
        .as_array()
        .unwrap()
        .iter()
        .map(|feature| feature["nan_left"].as_i64().unwrap())
        .sum();
    assert_eq!(lefts, left);
    let depths: Vec<u64> =
        said["trees_of_depth"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect();
    assert_eq!(depths.iter().sum::<u64>(), 24);
    assert_eq!(said["kernels"].as_array().unwrap().last().unwrap(), "scalar");

    // Deeper than six splits: not for the kernel of perfect trees, and it says so.
    let deep = tickbridge(&["model", "inspect", golden("logistic_d9.json").to_str().unwrap()]);
    let said = stdout(&deep);
    let line = said.lines().find(|line| line.starts_with("kernel     veb-avx512")).unwrap();
    assert!(line.contains("cannot run it here: "), "{said}");
    assert!(said.contains("chosen: the fastest that can"), "{said}");
}

#[test]
fn inspect_holds_the_model_against_a_configuration() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (model, config) = (root.join("config/models/demo.json"), root.join("config/demo.toml"));
    let [model, config] = [model.to_str().unwrap(), config.to_str().unwrap()];
    let output = tickbridge(&["model", "inspect", model, "--features", config]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let linear = root.join("config/models/demo-linear.json");
    let output = tickbridge(&["model", "inspect", linear.to_str().unwrap()]);
    assert!(stdout(&output).contains("NaN makes the score NaN"), "{}", stdout(&output));

    let model = golden("logistic_d3.json");
    let inspect = |names: &str| tickbridge(&["model", "inspect", model.to_str().unwrap(), "--names", names]);
    assert_eq!(inspect("f0,f1,f2,f3,f4").status.code(), Some(0));
    refused(
        &inspect("f0,f1,f2,f3"),
        65,
        r#"logistic_d3.json: model feature "f4": expected to be declared, got no feature of that name"#,
    );
    refused(
        &inspect("f0,f2,f1,f3,f4"),
        65,
        r#"logistic_d3.json: model feature 1: expected "f1" as in the model, got "f2" declared there"#,
    );
    refused(
        &inspect("f0,f1,f2,f3,f4,spread"),
        65,
        r#"logistic_d3.json: feature "spread" is declared: expected to be in the model, got a model without it"#,
    );
}

#[test]
fn verify_holds_for_every_golden_model_from_csv_and_from_parquet() {
    let folder = Folder::new();
    let (mut model_count, mut row_count, mut value_count) = (0, 0, 0);
    for model in golden_models() {
        let name = model.file_stem().unwrap().to_str().unwrap();
        let golden = golden_rows(name);
        let text = folder.put("rows.csv", csv(&golden));
        let table = folder.0.path().join("rows.parquet");
        write_parquet(&table, &golden);
        let (scores, names) = (score_names(golden.rows[0].1.len()), feature_names(golden.columns));
        let rounds = golden.rounds.map(|rounds| rounds.to_string());
        let mut more = vec!["--json", "--expected", &scores];
        if let Some(rounds) = &rounds {
            more.extend(["--rounds", rounds]);
        }
        if golden.is_unnamed {
            more.extend(["--names", &names]);
        }
        if golden.is_bounded {
            more.extend(["--tolerance", "1e-6"]);
        }
        for rows_file in [text.as_str(), table.to_str().unwrap()] {
            let said = json(&verify(&model, rows_file, &more));
            assert_eq!(said["rows"].as_u64(), Some(golden.rows.len() as u64));
            assert_eq!(said["holds"], true);
            for kernel in said["kernels"].as_array().unwrap() {
                assert!(golden.is_bounded || kernel["not_bit_equal"] == 0, "{name} {kernel}");
                value_count += kernel["values"].as_u64().unwrap();
            }
        }
        model_count += 1;
        row_count += 2 * golden.rows.len();
    }
    assert!(model_count >= 40, "{model_count}");
    println!("{model_count} models, {row_count} rows, {value_count} values bit-equal");
}

#[test]
fn verify_finds_one_wrong_bit_and_says_where() {
    let folder = Folder::new();
    let mut rows = golden_rows("logistic_d3");
    let model = golden("logistic_d3.json");
    let right = rows.rows[7].1[0] as f32;
    rows.rows[7].1[0] = f64::from(right.next_up());
    let file = folder.put("rows.csv", csv(&rows));
    let output = verify(&model, &file, &[]);
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    // Asked both ways, so twice; row 7 is the ninth line.
    let worst = format!(
        "worst: line 9, score: expected {:?}, got {:?}",
        f64::from(right.next_up()),
        f64::from(right)
    );
    assert!(said.contains("2 not bit-equal, 2 refused") && said.contains(&worst), "{said}");
    assert!(said.ends_with("verify  FAILED\n"), "{said}");

    let output = verify(&model, &file, &["--tolerance", "1e-6"]);
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("2 not bit-equal, 0 refused") && said.ends_with("verify  holds\n"), "{said}");
}

#[test]
fn rows_that_are_not_whole_are_refused_with_their_place() {
    let folder = Folder::new();
    let model = golden("logistic_stump.json");
    let line = "0,0.5,1,2,0.25\n";
    let with = |text: &str| verify(&model, &folder.put("rows.csv", text), &[]);
    let head = header(3);
    refused(&with(""), 65, "rows.csv: expected a line of column names, got an empty file");
    refused(&with(&head), 65, "rows.csv: expected rows, got none");
    refused(
        &with("ts,f0,f1,score\n0,1,2,3\n"),
        65,
        r#"rows.csv: expected a column "f2", got ts, f0, f1, score"#,
    );
    refused(&with("f0,f1,f2\n1,2,3\n"), 65, r#"rows.csv: expected a column "score", got f0, f1, f2"#);
    refused(&with("f0,f1,f2,f1,score\n"), 65, r#"rows.csv: expected the column "f1" once, got it again"#);
    refused(
        &with(&format!("{head}{line}0,0.5,1,2\n")),
        65,
        "rows.csv line 3: expected 5 columns as in its first line, got 4",
    );
    refused(
        &with(&format!("{head}{line}0,0.5,1,2,0.25,9\n")),
        65,
        "rows.csv line 3: expected 5 columns as in its first line, got 6",
    );
    refused(
        &with(&format!("{head}0,0.5,1o,2,0.25\n")),
        65,
        r#"rows.csv line 2, column "f1": expected a number, or nothing, got "1o""#,
    );
    refused(
        &with(&format!("{head}0,0.5,1,2,NaN\n")),
        65,
        r#"rows.csv line 2, column "score": expected a score, got NaN"#,
    );
    refused(
        &with(&format!("{head}0,0.5,1,2,\n")),
        65,
        r#"rows.csv line 2, column "score": expected a score, got nothing"#,
    );
    refused(
        &with(&format!("{head}{}\n", "1".repeat(1 << 20))),
        65,
        "rows.csv line 2: expected at most 1048576 bytes, got more",
    );
    let rows = folder.put("rows.txt", "f0\n");
    refused(&verify(&model, &rows, &[]), 2, "rows.txt: expected a name that ends in .csv or .parquet");
    let missing = folder.0.path().join("none.csv");
    refused(
        &verify(&model, missing.to_str().unwrap(), &[]),
        74,
        "none.csv: No such file or directory (os error 2)",
    );
    let rows = folder.put("rows.csv", format!("{head}{line}"));
    refused(
        &verify(&model, &rows, &["--expected", "score,f0"]),
        2,
        "--expected: expected one column for each of the model's 1 scores, got 2",
    );
    let broken = folder.put("rows.parquet", "PAR1 but not really PAR1");
    let output = verify(&model, &broken, &[]);
    assert_eq!(output.status.code(), Some(65), "{}", stderr(&output));
}

#[test]
fn models_that_cannot_be_run_are_refused_with_the_loaders_reason() {
    let folder = Folder::new();
    let whole = std::fs::read(golden("logistic_d3.json")).unwrap();
    let cut = folder.put("cut.json", &whole[..whole.len() / 2]);
    for command in ["inspect", "bench"] {
        let output = tickbridge(&["model", command, &cut]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(65), "{said}");
        assert!(
            said.starts_with(&format!("tickbridge model {command}: "))
                && said.contains("cut.json: model byte"),
            "{said}"
        );
    }
    let output = tickbridge(&["model", "inspect", folder.0.path().join("none.json").to_str().unwrap()]);
    refused(&output, 74, "none.json: No such file or directory (os error 2)");
    let gblinear = golden("refused_gblinear.json");
    let output = tickbridge(&["model", "inspect", gblinear.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(65));
    assert!(stderr(&output).contains("gblinear"), "{}", stderr(&output));
}

#[test]
fn bench_asks_every_kernel_both_ways() {
    let folder = Folder::new();
    let rows = golden_rows("logistic_d6_nan");
    let model = golden("logistic_d6_nan.json");
    let model = model.to_str().unwrap();
    let kernels =
        json(&tickbridge(&["model", "inspect", model, "--json"]))["kernels"].as_array().unwrap().len();
    let rows_file = folder.put("rows.csv", csv(&rows));
    let quick = ["--seconds", "0.05", "--quiet", "1", "--json"];
    for rows_args in [&["--rows", rows_file.as_str()][..], &[][..]] {
        let mut args = vec!["model", "bench", model];
        args.extend(quick.iter().chain(rows_args));
        let said = json(&tickbridge(&args));
        let cases = said["kernels"].as_array().unwrap();
        assert_eq!(cases.len(), 2 * kernels);
        let distinct = said["rows"].as_u64().unwrap();
        assert!(
            if rows_args.is_empty() { distinct == 20_000 } else { distinct <= 400 && distinct > 300 },
            "{distinct}"
        );
        for case in cases {
            assert_eq!(case["ns"]["count"].as_u64().unwrap(), distinct * said["passes"].as_u64().unwrap());
        }
        assert_eq!(said["after_quiet_second_ns"].as_array().unwrap().len(), 4);
    }
    let output = tickbridge(&["model", "bench", model, "--kernel", "fastest"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("--kernel: expected one of ")
            && stderr(&output).contains("scalar, got fastest")
    );
}

#[test]
fn a_demo_of_another_configuration_wants_a_valid_one() {
    let folder = Folder::new();
    let missing = folder.0.path().join("none.toml");
    let run = folder.0.path().join("run");
    let args = ["demo", "--config", missing.to_str().unwrap(), "--folder", run.to_str().unwrap()];
    let output = tickbridge(&args);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("none.toml"), "{}", stderr(&output));
    assert!(!run.exists(), "nothing was written");
}
