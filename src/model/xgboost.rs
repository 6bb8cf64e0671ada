//! XGBoost's JSON model file, versions 1.0 to 3.2 (doc/model.schema and src/tree/io_utils.h of that project).
//!
//! What it is not: UBJSON, the removed binary format, DART, linear boosters, categorical splits or vector leaves: each of
//! these is refused by the name of its field.
//!
//! Invariant: an unknown key inside the booster is refused, because a loader that ignores one (as `weight_drop`, new in
//! 3.3) mispredicts silently. No count in the file is believed: memory grows with the elements that are really there.

use super::forest::{Forest, NODES_MAX, Node, Sum, TREES_MAX, Tree, TreeLimits};
use super::json::Reader;
use super::link::Link;
use super::{FEATURES_MAX, MODEL_BYTES_MAX, ModelError, match_features};

/// Versions of the file's major number that are read.
const MAJOR_VERSIONS: std::ops::RangeInclusive<i32> = 1..=3;

/// What a file says, before it is put together.
#[derive(Default)]
struct File {
    version: Option<i32>,
    names: Vec<String>,
    objective: Option<String>,
    base_score: Option<String>,
    num_class: Option<String>,
    num_target: Option<String>,
    num_feature: Option<String>,
    booster: Option<String>,
    num_trees: Option<String>,
    tree_info: Vec<i32>,
    trees: Vec<RawTree>,
}

/// A tree's arrays as they stand in the file.
#[derive(Default)]
struct RawTree {
    id: Option<i32>,
    num_nodes: Option<String>,
    left: Vec<i32>,
    right: Vec<i32>,
    features: Vec<i32>,
    conditions: Vec<f32>,
    default_left: Vec<bool>,
}

/// Reads and checks a whole file for a row of `features`.
pub(super) fn load(bytes: &[u8], features: &[impl AsRef<str>]) -> Result<Forest, ModelError> {
    if bytes.len() > MODEL_BYTES_MAX {
        return Err(ModelError::Limit { what: "bytes", max: MODEL_BYTES_MAX, got: bytes.len() });
    }
    let mut file = File::default();
    let reader = &mut Reader::new(bytes);
    each_key(reader, |r, key| match key {
        "version" => {
            let mut parts = Vec::new();
            r.array(3, |r| r.i32().map(|part| parts.push(part)))?;
            file.version = parts.first().copied();
            Ok(())
        }
        "learner" => learner(r, &mut file),
        _ => Err(unknown("file", key)),
    })?;
    reader.end()?;
    assemble(file, features)
}

fn each_key(
    reader: &mut Reader<'_>,
    mut read: impl FnMut(&mut Reader<'_>, &str) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    reader.object()?;
    let mut keys_read = 0;
    while let Some(key) = reader.key(&mut keys_read)? {
        read(reader, &key)?;
    }
    Ok(())
}

fn unknown(place: &'static str, key: &str) -> ModelError {
    ModelError::UnknownKey { place, key: key.into() }
}

fn learner(reader: &mut Reader<'_>, file: &mut File) -> Result<(), ModelError> {
    each_key(reader, |r, key| match key {
        "attributes" => r.skip(),
        "feature_names" => {
            file.names.clear();
            r.array(FEATURES_MAX, |r| r.string().map(|name| file.names.push(name)))
        }
        "feature_types" => r.array(FEATURES_MAX, |r| match r.string()?.as_str() {
            "c" => Err(unsupported("learner.feature_types", "numeric features", "c (categorical)")),
            _ => Ok(()),
        }),
        "learner_model_param" => each_key(r, |r, key| match key {
            "base_score" => r.string().map(|text| file.base_score = Some(text)),
            "num_class" => r.string().map(|text| file.num_class = Some(text)),
            "num_target" => r.string().map(|text| file.num_target = Some(text)),
            "num_feature" => r.string().map(|text| file.num_feature = Some(text)),
            "boost_from_average" => r.skip(),
            _ => Err(unknown("learner.learner_model_param", key)),
        }),
        "objective" => each_key(r, |r, key| match key {
            "name" => r.string().map(|text| file.objective = Some(text)),
            _ => r.skip(),
        }),
        "gradient_booster" => booster(r, file),
        _ => Err(unknown("learner", key)),
    })
}

fn unsupported(field: &'static str, expected: &'static str, got: &str) -> ModelError {
    ModelError::Unsupported { field, expected, got: got.into() }
}

fn booster(reader: &mut Reader<'_>, file: &mut File) -> Result<(), ModelError> {
    const PLACE: &str = "learner.gradient_booster";
    each_key(reader, |r, key| match key {
        "name" => r.string().map(|text| file.booster = Some(text)),
        "model" => model(r, file),
        "gbtree" | "weight_drop" => Err(unsupported(PLACE, "gbtree", "dart (weight_drop)")),
        _ => Err(unknown(PLACE, key)),
    })
}

fn model(reader: &mut Reader<'_>, file: &mut File) -> Result<(), ModelError> {
    const PLACE: &str = "learner.gradient_booster.model";
    each_key(reader, |r, key| match key {
        "gbtree_model_param" => each_key(r, |r, key| match key {
            "num_trees" => r.string().map(|text| file.num_trees = Some(text)),
            // Leaves of a parallel tree are already scaled; rounds are not told apart.
            "num_parallel_tree" | "size_leaf_vector" => r.skip(),
            _ => Err(unknown("learner.gradient_booster.model.gbtree_model_param", key)),
        }),
        "tree_info" => {
            file.tree_info.clear();
            r.array(TREES_MAX, |r| r.i32().map(|class| file.tree_info.push(class)))
        }
        "trees" => {
            file.trees.clear();
            r.array(TREES_MAX, |r| tree(r).map(|tree| file.trees.push(tree)))
        }
        "iteration_indptr" => r.skip(),
        "cats" => each_key(r, |r, _| empty(r, "learner.gradient_booster.model.cats")),
        "weight_drop" => Err(unsupported(PLACE, "gbtree", "dart (weight_drop)")),
        "boosted_rounds" | "weights" => Err(unsupported(PLACE, "gbtree", "gblinear (weights)")),
        _ => Err(unknown(PLACE, key)),
    })
}

/// An array that must have no elements: what it would hold is not supported.
fn empty(reader: &mut Reader<'_>, field: &'static str) -> Result<(), ModelError> {
    reader.array(1, |_| Err(unsupported(field, "an empty array", "categories")))
}

fn tree(reader: &mut Reader<'_>) -> Result<RawTree, ModelError> {
    let mut raw = RawTree::default();
    each_key(reader, |r, key| match key {
        "id" => r.i32().map(|id| raw.id = Some(id)),
        "tree_param" => each_key(r, |r, key| match key {
            "num_nodes" => r.string().map(|text| raw.num_nodes = Some(text)),
            "size_leaf_vector" => match r.string()?.as_str() {
                "0" | "1" => Ok(()),
                other => Err(unsupported("tree_param.size_leaf_vector", "0 or 1 (no vector leaves)", other)),
            },
            "num_feature" | "num_deleted" | "num_roots" | "max_depth" => r.skip(),
            _ => Err(unknown("tree_param", key)),
        }),
        "left_children" => list(r, &mut raw.left, |r| r.i32()),
        "right_children" => list(r, &mut raw.right, |r| r.i32()),
        "split_indices" => list(r, &mut raw.features, |r| r.i32()),
        "split_conditions" => list(r, &mut raw.conditions, |r| r.f32()),
        "default_left" => list(r, &mut raw.default_left, |r| r.truth()),
        "split_type" => r.array(NODES_MAX, |r| match r.i32()? {
            0 => Ok(()),
            other => Err(unsupported("split_type", "0 (numeric)", &other.to_string())),
        }),
        "categories" | "categories_nodes" | "categories_segments" | "categories_sizes" => {
            empty(r, "categories")
        }
        "leaf_weights" => r.array(1, |_| Err(unsupported("leaf_weights", "an empty array", "vector leaves"))),
        "base_weights" | "loss_changes" | "sum_hessian" | "parents" | "leaf_child_counts" => r.skip(),
        _ => Err(unknown("tree", key)),
    })?;
    Ok(raw)
}

fn list<T>(
    reader: &mut Reader<'_>,
    out: &mut Vec<T>,
    mut read: impl FnMut(&mut Reader<'_>) -> Result<T, ModelError>,
) -> Result<(), ModelError> {
    out.clear();
    reader.array(NODES_MAX, |r| read(r).map(|value| out.push(value)))
}

fn assemble(file: File, features: &[impl AsRef<str>]) -> Result<Forest, ModelError> {
    let major = file.version.ok_or(ModelError::Missing("version"))?;
    if !MAJOR_VERSIONS.contains(&major) {
        return Err(unsupported("version", "1 to 3", &major.to_string()));
    }
    match file.booster.as_deref().ok_or(ModelError::Missing("learner.gradient_booster.name"))? {
        "gbtree" => {}
        other => return Err(unsupported("learner.gradient_booster.name", "gbtree", other)),
    }
    for (field, text) in [("num_class", &file.num_class), ("num_target", &file.num_target)] {
        if !matches!(text.as_deref(), None | Some("0" | "1")) {
            return Err(unsupported(field, "0 or 1 (one score)", text.as_deref().unwrap_or_default()));
        }
    }
    if let Some(class) = file.tree_info.iter().find(|class| **class != 0) {
        return Err(unsupported("tree_info", "0 (one score)", &class.to_string()));
    }
    let objective = file.objective.as_deref().ok_or(ModelError::Missing("learner.objective.name"))?;
    let link = Link::from_xgboost(objective)?;
    let base_score = base_score(file.base_score.as_deref().ok_or(ModelError::Missing("base_score"))?)?;
    if file.names.is_empty() {
        return Err(ModelError::Missing("learner.feature_names"));
    }
    count("num_feature", file.num_feature.as_deref(), file.names.len())?;
    count("num_trees", file.num_trees.as_deref(), file.trees.len())?;
    match_features(&file.names, features)?;
    let trees = trees(file.trees, file.names.len())?;
    let base = Box::new([link.base_margin(base_score)]);
    Ok(Forest { features: file.names, sum: Sum::Single { base }, link, trees })
}

/// A count in the file must be what is really there.
fn count(field: &'static str, text: Option<&str>, got: usize) -> Result<(), ModelError> {
    let stated = text.ok_or(ModelError::Missing(field))?;
    if stated.parse() == Ok(got) {
        return Ok(());
    }
    let expected = "the number of elements in the file";
    Err(ModelError::Field { field, expected, got: format!("{stated:?} for {got}") })
}

/// `"5E-1"` up to 3.0, `"[5E-1]"` since 3.1, also seen as `"(5E-1)"`.
fn base_score(text: &str) -> Result<f32, ModelError> {
    let inner = match text.as_bytes() {
        [b'[', .., b']'] | [b'(', .., b')'] => &text[1..text.len() - 1],
        _ => text,
    };
    let mut reader = Reader::new(inner.as_bytes());
    match reader.f32().and_then(|score| reader.end().map(|()| score)) {
        Ok(score) if score.is_finite() => Ok(score),
        _ => Err(ModelError::Field { field: "base_score", expected: "one finite number", got: text.into() }),
    }
}

/// Puts the trees in the order of their ids and checks each.
fn trees(raw: Vec<RawTree>, feature_count: usize) -> Result<Vec<Tree>, ModelError> {
    let tree_count = raw.len();
    let limits = TreeLimits { feature_count, output_count: 1 };
    let mut placed: Vec<Option<Tree>> = (0..tree_count).map(|_| None).collect();
    for (index, raw) in raw.into_iter().enumerate() {
        let id = raw.id.map_or(Some(index), |id| usize::try_from(id).ok());
        let Some(id) = id.filter(|id| *id < tree_count && placed[*id].is_none()) else {
            let got = format!("{:?}", raw.id);
            return Err(ModelError::Field {
                field: "trees.id",
                expected: "each of 0 to num_trees-1 once",
                got,
            });
        };
        placed[id] = Some(Tree::new(id, 0, nodes(id, &raw)?, Vec::new(), limits)?);
    }
    Ok(placed.into_iter().flatten().collect())
}

fn nodes(tree: usize, raw: &RawTree) -> Result<Vec<Node>, ModelError> {
    let node_count = raw.left.len();
    count("tree_param.num_nodes", raw.num_nodes.as_deref(), node_count)?;
    let others = [raw.right.len(), raw.features.len(), raw.conditions.len(), raw.default_left.len()];
    if let Some(other) = others.into_iter().find(|other| *other != node_count) {
        let got = format!("arrays of {node_count} and {other}");
        return Err(ModelError::Tree { tree, node: 0, expected: "arrays of one length", got });
    }
    let node = |at: usize| match (raw.left[at], raw.right[at]) {
        (-1, _) => Node::Leaf(f64::from(raw.conditions[at])),
        // A negative child or feature becomes an index out of range, which `Tree::new` refuses if it can be reached.
        (left, right) => Node::Split {
            feature: raw.features[at] as u32,
            threshold: raw.conditions[at],
            nan_left: raw.default_left[at],
            left: left as u32,
            right: right as u32,
        },
    };
    Ok((0..node_count).map(node).collect())
}
