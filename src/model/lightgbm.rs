//! LightGBM's text model file as it stands in the bytes (src/boosting/gbdt_model_text.cpp and src/io/tree.cpp of that
//! project), versions v3 and v4.
//!
//! What it is not: the meaning of the fields, which `lightgbm_forest` knows; or LightGBM's JSON dump, which it cannot
//! read itself.
//!
//! Invariant: a key that is unknown or comes twice is refused; a list has as many elements as the tree's own counts say,
//! and is read no further.

use super::document::Document;
use super::forest::{NODES_MAX, OUTPUTS_MAX, TREES_MAX};
use super::{FEATURES_MAX, ModelError, json};

/// What a file says, before it is put together.
#[derive(Default)]
pub(super) struct File {
    pub(super) version: Option<String>,
    pub(super) num_class: Option<usize>,
    pub(super) num_tree_per_iteration: Option<usize>,
    pub(super) max_feature_idx: Option<usize>,
    /// `None` where the objective was the user's own code.
    pub(super) objective: Option<String>,
    pub(super) average_output: bool,
    pub(super) names: Vec<String>,
    pub(super) tree_sizes: Option<usize>,
    pub(super) trees: Vec<RawTree>,
    /// Whether pandas' categories are the numbers 0, 1, 2 and so on, or there are none.
    pub(super) categories_are_codes: bool,
}

/// A tree's lists as they stand in the file.
#[derive(Default)]
pub(super) struct RawTree {
    pub(super) num_leaves: usize,
    pub(super) num_cat: usize,
    pub(super) split_feature: Vec<u32>,
    pub(super) threshold: Vec<f64>,
    pub(super) decision_type: Vec<u8>,
    pub(super) left_child: Vec<i32>,
    pub(super) right_child: Vec<i32>,
    pub(super) leaf_value: Vec<f64>,
    pub(super) cat_boundaries: Vec<usize>,
    pub(super) cat_threshold: Vec<u32>,
    pub(super) is_linear: bool,
    pub(super) leaf_const: Vec<f64>,
    pub(super) num_features: Vec<usize>,
    pub(super) leaf_features: Vec<u32>,
    pub(super) leaf_coeff: Vec<f64>,
}

/// The lines of a file, one after the other.
struct Lines<'a> {
    rest: std::str::Lines<'a>,
    held: Option<&'a str>,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a str> {
        self.held.take().or_else(|| self.rest.next()).map(str::trim_end)
    }
}

fn field<T>(field: &'static str, expected: &'static str, got: &str) -> Result<T, ModelError> {
    Err(ModelError::Field { field, expected, got: got.chars().take(80).collect() })
}

/// Reads a whole file.
pub(super) fn read(bytes: &[u8]) -> Result<File, ModelError> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let got = format!("another byte at {}", error.valid_up_to());
            return field("file", "UTF-8 text", &got);
        }
    };
    let mut lines = Lines { rest: text.lines(), held: None };
    let mut file = File { categories_are_codes: true, ..File::default() };
    header(&mut lines, &mut file)?;
    loop {
        match lines.next() {
            None => return Err(ModelError::Missing("end of trees")),
            Some("") => {}
            Some("end of trees") => break,
            Some(line) => match line.strip_prefix("Tree=") {
                Some(index) if index.parse() == Ok(file.trees.len()) && file.trees.len() < TREES_MAX => {
                    let tree = tree(&mut lines, file.trees.len())?;
                    file.trees.push(tree);
                }
                _ => return field("Tree", "the next tree's number, or end of trees", line),
            },
        }
    }
    trailer(&mut lines, &mut file)?;
    Ok(file)
}

fn header(lines: &mut Lines<'_>, file: &mut File) -> Result<(), ModelError> {
    if lines.next() != Some("tree") {
        return field("first line", "tree", "another");
    }
    let mut met = Vec::new();
    while let Some(line) = lines.next() {
        if line.starts_with("Tree=") || line == "end of trees" {
            lines.held = Some(line);
            return Ok(());
        }
        if line.is_empty() {
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        once(&mut met, key)?;
        match key {
            "version" => file.version = Some(value.into()),
            "num_class" => file.num_class = Some(number("num_class", value, OUTPUTS_MAX)?),
            "num_tree_per_iteration" => {
                file.num_tree_per_iteration = Some(number("num_tree_per_iteration", value, OUTPUTS_MAX)?);
            }
            "max_feature_idx" => {
                file.max_feature_idx = Some(number("max_feature_idx", value, FEATURES_MAX - 1)?);
            }
            "objective" => file.objective = Some(value.into()),
            "average_output" => file.average_output = true,
            "feature_names" => {
                file.names = value.split(' ').take(FEATURES_MAX + 1).map(String::from).collect();
            }
            "tree_sizes" => file.tree_sizes = Some(value.split_ascii_whitespace().count()),
            "label_index" | "feature_infos" | "monotone_constraints" => {}
            _ => return Err(ModelError::UnknownKey { place: "header", key: key.chars().take(80).collect() }),
        }
    }
    Err(ModelError::Missing("end of trees"))
}

fn once<'a>(met: &mut Vec<&'a str>, key: &'a str) -> Result<(), ModelError> {
    if met.contains(&key) {
        return Err(ModelError::KeyRepeated(key.into()));
    }
    met.push(key);
    Ok(())
}

fn number(name: &'static str, text: &str, max: usize) -> Result<usize, ModelError> {
    match text.trim().parse() {
        Ok(number) if number <= max => Ok(number),
        Ok(got) => Err(ModelError::Limit { what: name, max, got }),
        Err(_) => field(name, "a whole number", text),
    }
}

/// Exactly `count` numbers.
fn list<T: std::str::FromStr>(name: &'static str, text: &str, count: usize) -> Result<Vec<T>, ModelError> {
    let mut numbers = Vec::new();
    for word in text.split_ascii_whitespace() {
        match word.parse() {
            Ok(number) if numbers.len() < count => numbers.push(number),
            Ok(_) => break,
            Err(_) => return field(name, "numbers of its type", word),
        }
    }
    let words = text.split_ascii_whitespace().take(count + 1).count();
    if words == count {
        return Ok(numbers);
    }
    field(name, "as many numbers as the tree's counts say", &format!("{words} for {count}"))
}

/// One tree's lines, up to an empty one.
fn tree(lines: &mut Lines<'_>, index: usize) -> Result<RawTree, ModelError> {
    let mut raw = RawTree::default();
    let mut met = Vec::new();
    let mut leaf_terms = 0;
    while let Some(line) = lines.next() {
        if line.is_empty() {
            break;
        }
        if line.starts_with("Tree=") || line == "end of trees" {
            lines.held = Some(line);
            break;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        once(&mut met, key)?;
        let leaves = raw.num_leaves;
        let splits = leaves.saturating_sub(1);
        match key {
            "num_leaves" => raw.num_leaves = number("num_leaves", value, NODES_MAX)?,
            "num_cat" => raw.num_cat = number("num_cat", value, NODES_MAX)?,
            "split_feature" => raw.split_feature = list("split_feature", value, splits)?,
            "threshold" => raw.threshold = list("threshold", value, splits)?,
            "decision_type" => raw.decision_type = list("decision_type", value, splits)?,
            "left_child" => raw.left_child = list("left_child", value, splits)?,
            "right_child" => raw.right_child = list("right_child", value, splits)?,
            "leaf_value" => raw.leaf_value = list("leaf_value", value, leaves)?,
            "cat_boundaries" => raw.cat_boundaries = list("cat_boundaries", value, raw.num_cat + 1)?,
            "cat_threshold" => {
                let words = raw.cat_boundaries.last().copied().unwrap_or(0);
                raw.cat_threshold = list("cat_threshold", value, words.min(value.len()))?;
            }
            "is_linear" => raw.is_linear = number("is_linear", value, 1)? == 1,
            "leaf_const" => raw.leaf_const = list("leaf_const", value, leaves)?,
            "num_features" => {
                raw.num_features = list("num_features", value, leaves)?;
                leaf_terms = raw.num_features.iter().fold(0usize, |sum, count| sum.saturating_add(*count));
            }
            "leaf_features" => raw.leaf_features = list("leaf_features", value, leaf_terms.min(value.len()))?,
            "leaf_coeff" => raw.leaf_coeff = list("leaf_coeff", value, leaf_terms.min(value.len()))?,
            // The rate is in the leaves already; the rest is how the tree was grown.
            "shrinkage" | "split_gain" | "leaf_weight" | "leaf_count" | "internal_value"
            | "internal_weight" | "internal_count" => {}
            _ => return Err(ModelError::UnknownKey { place: "Tree", key: key.chars().take(80).collect() }),
        }
    }
    complete(&met, &raw, index)?;
    Ok(raw)
}

/// Whether a tree has all that its kind needs, and lists whose length no earlier line could tell.
fn complete(met: &[&str], raw: &RawTree, tree: usize) -> Result<(), ModelError> {
    let mut needed = vec!["num_leaves", "leaf_value"];
    if raw.num_leaves > 1 {
        needed.extend(["split_feature", "threshold", "decision_type", "left_child", "right_child"]);
    }
    if raw.num_cat > 0 {
        needed.extend(["cat_boundaries", "cat_threshold"]);
    }
    if raw.is_linear {
        needed.extend(["leaf_const", "num_features", "leaf_features", "leaf_coeff"]);
    }
    let refuse = |expected, got| Err(ModelError::Tree { tree, node: 0, expected, got });
    if let Some(missing) = needed.into_iter().find(|key| !met.contains(key)) {
        return refuse("every field of its kind", format!("no {missing}"));
    }
    if raw.num_leaves == 0 {
        return refuse("at least one leaf", "none".into());
    }
    let ordered = raw.cat_boundaries.windows(2).all(|pair| pair[0] <= pair[1]);
    if !ordered || raw.cat_boundaries.last().copied().unwrap_or(0) != raw.cat_threshold.len() {
        return refuse("cat_boundaries within cat_threshold", format!("{} words", raw.cat_threshold.len()));
    }
    let terms = raw.num_features.iter().fold(0usize, |sum, count| sum.saturating_add(*count));
    if terms != raw.leaf_features.len() || terms != raw.leaf_coeff.len() {
        return refuse("num_features of leaf_features and leaf_coeff", format!("{terms}"));
    }
    Ok(())
}

/// What follows the trees: importances and parameters, which change nothing, and pandas' categories. Parameters that begin and do
/// not end are those of a file that was cut short, and what stood behind them is not known.
fn trailer(lines: &mut Lines<'_>, file: &mut File) -> Result<(), ModelError> {
    let mut is_inside = false;
    while let Some(line) = lines.next() {
        match line {
            "parameters:" => is_inside = true,
            "end of parameters" => is_inside = false,
            _ => {}
        }
        let Some(json) = line.strip_prefix("pandas_categorical:") else { continue };
        if json == "null" {
            continue;
        }
        let mut reader = json::Reader::new(json.as_bytes());
        let mut codes = true;
        let read = reader.array(FEATURES_MAX, |r| {
            let mut expected = 0;
            r.array(NODES_MAX, |r| {
                // A category that is its own code needs no dictionary; a text or another number does.
                codes &= r.i32().ok() == Some(expected);
                expected += 1;
                if codes { Ok(()) } else { Err(r.expected("codes")) }
            })
        });
        file.categories_are_codes &= codes && read.and_then(|()| reader.end()).is_ok();
    }
    if is_inside { Err(ModelError::Missing("end of parameters")) } else { Ok(()) }
}
