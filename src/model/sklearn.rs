//! Trees of scikit-learn, in the small JSON that `scripts/tickbridge_sklearn.py` writes and describes.
//!
//! What it is not: a reader of pickles. What the exporter cannot express, it refuses by name.
//!
//! Invariant: `feature <= threshold` is compared as in `f64`; leaves are added in `f64` in the trees' order, from `start`,
//! and divided once.

use super::document::Document;
use super::forest::{Forest, NODES_MAX, Node, OUTPUTS_MAX, Sum, TREES_MAX, Tree, TreeLimits};
use super::json::Reader;
use super::link::Link;
use super::{FEATURES_MAX, LoadOptions, ModelError, names};

/// The format's name, the value of its `format` key.
pub(super) const FORMAT: &str = "tickbridge-forest";

#[derive(Default)]
struct File {
    format: Option<String>,
    version: Option<i32>,
    link: Option<String>,
    names: Vec<String>,
    start: Vec<f64>,
    divide: Option<f64>,
    trees: Option<Vec<RawTree>>,
}

#[derive(Default)]
struct RawTree {
    outputs: Vec<i32>,
    left: Vec<i32>,
    right: Vec<i32>,
    feature: Vec<i32>,
    threshold: Vec<f64>,
    missing_left: Vec<bool>,
    value: Vec<f64>,
}

fn field<T>(field: &'static str, expected: &'static str, got: impl ToString) -> Result<T, ModelError> {
    Err(ModelError::Field { field, expected, got: got.to_string() })
}

/// Reads and checks a whole file for a row of `features`.
pub(super) fn load(
    bytes: &[u8],
    features: &[impl AsRef<str>],
    options: &LoadOptions,
) -> Result<Forest, ModelError> {
    let mut file = File::default();
    let mut reader = Reader::new(bytes);
    reader.each_key(|r, key| match key {
        "format" => r.string().map(|text| file.format = Some(text)),
        "version" => r.i32().map(|version| file.version = Some(version)),
        "link" => r.string().map(|text| file.link = Some(text)),
        "features" => r.list(FEATURES_MAX, &mut file.names, Document::string),
        "start" => r.list(OUTPUTS_MAX, &mut file.start, Document::f64),
        "divide" => r.f64().map(|divide| file.divide = Some(divide)),
        "source" => r.skip(),
        "trees" => {
            let mut trees = Vec::new();
            r.list(TREES_MAX, &mut trees, tree)?;
            file.trees = Some(trees);
            Ok(())
        }
        _ => Err(ModelError::UnknownKey { place: FORMAT, key: key.into() }),
    })?;
    reader.end()?;
    assemble(file, features, options)
}

fn tree(reader: &mut Reader<'_>) -> Result<RawTree, ModelError> {
    let mut raw = RawTree::default();
    reader.each_key(|r, key| match key {
        "outputs" => r.list(OUTPUTS_MAX, &mut raw.outputs, Document::i32),
        "left" => r.list(NODES_MAX, &mut raw.left, Document::i32),
        "right" => r.list(NODES_MAX, &mut raw.right, Document::i32),
        "feature" => r.list(NODES_MAX, &mut raw.feature, Document::i32),
        "threshold" => r.list(NODES_MAX, &mut raw.threshold, Document::f64),
        "missing_left" => r.list(NODES_MAX, &mut raw.missing_left, Document::truth),
        "value" => r.list(NODES_MAX * OUTPUTS_MAX, &mut raw.value, Document::f64),
        _ => Err(ModelError::UnknownKey { place: "trees", key: key.into() }),
    })?;
    Ok(raw)
}

/// The link of a name in our own formats.
pub(super) fn link(name: Option<&str>, output_count: usize) -> Result<Link, ModelError> {
    Ok(match name {
        Some("identity") => Link::Identity,
        Some("logistic") => Link::Logistic { slope: 1.0 },
        Some("exp") => Link::Exp,
        Some("softmax") if output_count > 1 => Link::Softmax,
        Some("softmax") => return field("link", "softmax of two outputs or more", "one"),
        other => return field("link", "identity, logistic, exp or softmax", other.unwrap_or_default()),
    })
}

fn assemble(file: File, features: &[impl AsRef<str>], options: &LoadOptions) -> Result<Forest, ModelError> {
    if file.format.as_deref() != Some(FORMAT) {
        return field("format", FORMAT, file.format.unwrap_or_default());
    }
    if file.version != Some(1) {
        return field("version", "1", format!("{:?}", file.version));
    }
    if let Some(rounds) = options.rounds {
        return field("rounds", "all: fit the model with as many", rounds);
    }
    let output_count = file.start.len();
    let divide = file.divide.ok_or(ModelError::Missing("divide"))?;
    if output_count == 0 || file.start.iter().any(|start| !start.is_finite()) {
        return field("start", "a finite number for each output", format!("{:?}", file.start));
    }
    if !divide.is_finite() || divide < 1.0 {
        return field("divide", "a number from 1", divide);
    }
    let link = link(file.link.as_deref(), output_count)?;
    names::matched(&file.names, features)?;
    let limits = TreeLimits { feature_count: file.names.len(), output_count };
    let mut trees = Vec::new();
    for (index, raw) in file.trees.ok_or(ModelError::Missing("trees"))?.iter().enumerate() {
        split_outputs(index, raw, limits, &mut trees)?;
    }
    let bias = vec![0.0; output_count].into();
    let sum = Sum::Double { start: file.start.into(), divide, scale: 1.0, bias };
    Ok(Forest { features: file.names, sum, link, trees })
}

/// A tree with several outputs as one tree for each.
fn split_outputs(
    index: usize,
    raw: &RawTree,
    limits: TreeLimits,
    trees: &mut Vec<Tree>,
) -> Result<(), ModelError> {
    let node_count = raw.left.len();
    let outputs = raw.outputs.len();
    let lengths = [raw.right.len(), raw.feature.len(), raw.threshold.len(), raw.missing_left.len()];
    // Each node of each copy is paid for by a value in the file.
    if lengths.iter().any(|length| *length != node_count) || raw.value.len() != node_count * outputs {
        let got = format!("{node_count} nodes, {lengths:?}, {} values", raw.value.len());
        return Err(ModelError::Tree { tree: index, node: 0, expected: "arrays of one length", got });
    }
    if outputs == 0 || node_count == 0 {
        let got = format!("{node_count} nodes, {outputs} outputs");
        return Err(ModelError::Tree { tree: index, node: 0, expected: "a node and an output", got });
    }
    for (place, output) in raw.outputs.iter().enumerate() {
        let node = |at: usize| match (raw.left[at], raw.right[at]) {
            (-1, -1) => Node::Leaf(raw.value[at * outputs + place]),
            // What is negative becomes an index out of range, which `Tree::new` refuses if it can be reached.
            (left, right) => {
                let (feature, nan_left) = (raw.feature[at] as u32, raw.missing_left[at]);
                Node::at_most(feature, raw.threshold[at], nan_left, left as u32, right as u32)
            }
        };
        let nodes = (0..node_count).map(node).collect();
        trees.push(Tree::new(index, *output as u32, nodes, Vec::new(), limits)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{LoadOptions, Model};

    const FILE: &str = r#"{"format":"tickbridge-forest","version":1,"link":"identity","features":["a","b"],
        "start":[0.5,0],"divide":2,"trees":[{"outputs":[0,1],"left":[1,-1,-1],"right":[2,-1,-1],"feature":[1,0,0],
        "threshold":[0.1,0,0],"missing_left":[1,0,0],"value":[0,0,1,2,3,4]}]}"#;

    fn load(text: &str, names: &[&str]) -> Result<Model, String> {
        Model::load(text.as_bytes(), None, names, &LoadOptions::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn outputs_are_added_from_their_start_and_divided() {
        let model = load(FILE, &["a", "b"]).unwrap();
        let scores = |b: f32| {
            let mut out = [0.0; 2];
            model.scores(&[0.0, b], &mut out);
            out
        };
        // 0.1 as f32 is above 0.1 as f64.
        assert_eq!((scores(0.1), scores(0.1f32.next_down())), ([1.75, 2.0], [0.75, 1.0]));
        assert_eq!(scores(f32::NAN), [0.75, 1.0]);
    }

    #[test]
    fn a_wrong_file_is_refused_by_field() {
        let refusal = |from: &str, to: &str| {
            assert!(FILE.contains(from), "{from}");
            load(&FILE.replacen(from, to, 1), &["a", "b"]).unwrap_err()
        };
        assert!(refusal("\"version\":1", "\"version\":2").contains("version"));
        assert!(refusal("identity", "probit").contains("link"));
        assert!(refusal("\"divide\":2", "\"divide\":0").contains("divide"));
        assert!(refusal("[0.5,0]", "[]").contains("start"));
        assert!(refusal("\"left\":[1,", "\"left\":[0,").contains("one parent"));
        assert!(refusal("\"feature\":[1,", "\"feature\":[2,").contains("a feature of the model"));
        assert!(refusal("\"threshold\":[0.1,", "\"threshold\":[NaN,").contains("NaN"));
        assert!(refusal(",3,4]", ",3]").contains("arrays of one length"));
        assert!(refusal("\"outputs\":[0,1]", "\"outputs\":[0,2]").contains("an output of the model"));
        assert!(refusal("\"start\"", "\"begin\"").contains("\"begin\" is unknown"));
        assert!(load(FILE, &["b", "a"]).unwrap_err().contains("feature 0"));
    }
}
