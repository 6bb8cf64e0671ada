//! XGBoost's model file, JSON or UBJSON, as it stands in the bytes (doc/model.schema and src/tree/io_utils.h of that
//! project), versions 1.0 to 3.x.
//!
//! What it is not: the meaning of the fields, which `xgboost_forest` knows; or the removed binary format.
//!
//! Invariant: an unknown key inside the booster is refused, because a loader that ignores one (as `weight_drop`, which
//! has stood in three places) mispredicts silently. No count in the file is believed: memory grows with the elements
//! that are really there.

use super::document::Document;
use super::forest::{NODES_MAX, OUTPUTS_MAX, TREES_MAX};
use super::{FEATURES_MAX, ModelError};

/// What a file says, before it is put together.
#[derive(Default)]
pub(super) struct File {
    pub(super) version: Option<i32>,
    /// All parts of it, as they stand there.
    pub(super) release: Vec<i32>,
    pub(super) names: Vec<String>,
    pub(super) objective: Option<String>,
    pub(super) base_score: Option<String>,
    pub(super) num_class: Option<String>,
    pub(super) num_target: Option<String>,
    pub(super) num_feature: Option<String>,
    pub(super) booster: Option<String>,
    pub(super) num_trees: Option<String>,
    pub(super) num_parallel_tree: Option<String>,
    pub(super) iteration_indptr: Vec<i32>,
    pub(super) tree_info: Vec<i32>,
    pub(super) weight_drop: Option<Vec<f32>>,
    pub(super) trees: Vec<RawTree>,
}

/// A tree's arrays as they stand in the file.
#[derive(Default)]
pub(super) struct RawTree {
    pub(super) id: Option<i32>,
    pub(super) num_nodes: Option<String>,
    pub(super) left: Vec<i32>,
    pub(super) right: Vec<i32>,
    pub(super) features: Vec<i32>,
    pub(super) conditions: Vec<f32>,
    pub(super) default_left: Vec<bool>,
    /// Empty before there were categories.
    pub(super) split_type: Vec<i32>,
    pub(super) categories: Vec<i32>,
    pub(super) categories_nodes: Vec<i32>,
    pub(super) categories_segments: Vec<i32>,
    pub(super) categories_sizes: Vec<i32>,
}

/// Reads a whole file.
pub(super) fn read(mut reader: impl Document) -> Result<File, ModelError> {
    let mut file = File::default();
    reader.each_key(|r, key| match key {
        "version" => {
            r.list(3, &mut file.release, Document::i32)?;
            file.version = file.release.first().copied();
            Ok(())
        }
        "learner" => learner(r, &mut file),
        "Config" | "Model" => {
            Err(unsupported(key_field(key), "Booster.save_model's file", "a pickled or serialized booster"))
        }
        _ => Err(unknown("file", key)),
    })?;
    reader.end()?;
    Ok(file)
}

fn key_field(key: &str) -> &'static str {
    if key == "Config" { "Config" } else { "Model" }
}

fn unknown(place: &'static str, key: &str) -> ModelError {
    ModelError::UnknownKey { place, key: key.into() }
}

pub(super) fn unsupported(field: &'static str, expected: &'static str, got: &str) -> ModelError {
    ModelError::Unsupported { field, expected, got: got.into() }
}

fn learner(reader: &mut impl Document, file: &mut File) -> Result<(), ModelError> {
    reader.each_key(|r, key| match key {
        "attributes" => r.skip(),
        "feature_names" => r.list(FEATURES_MAX, &mut file.names, Document::string),
        // Which features are categories stands at each split.
        "feature_types" => r.skip(),
        "learner_model_param" => r.each_key(|r, key| match key {
            "base_score" => r.string().map(|text| file.base_score = Some(text)),
            "num_class" => r.string().map(|text| file.num_class = Some(text)),
            "num_target" => r.string().map(|text| file.num_target = Some(text)),
            "num_feature" => r.string().map(|text| file.num_feature = Some(text)),
            "boost_from_average" => r.skip(),
            _ => Err(unknown("learner.learner_model_param", key)),
        }),
        // The other keys are parameters of the loss: none of them is used when it predicts.
        "objective" => r.each_key(|r, key| match key {
            "name" => r.string().map(|text| file.objective = Some(text)),
            _ => r.skip(),
        }),
        "gradient_booster" => booster(r, file),
        _ => Err(unknown("learner", key)),
    })
}

/// The three places where weights of DART stand: beside `gbtree` (to 3.2), beside `model` (3.3), in `model` (3.4).
fn booster(reader: &mut impl Document, file: &mut File) -> Result<(), ModelError> {
    const PLACE: &str = "learner.gradient_booster";
    let mut models = 0;
    reader.each_key(|r, key| match key {
        "name" => r.string().map(|text| file.booster = Some(text)),
        "model" => {
            models += 1;
            model(r, file)
        }
        "gbtree" => r.each_key(|r, key| match key {
            "model" => {
                models += 1;
                model(r, file)
            }
            "name" => match r.string()?.as_str() {
                "gbtree" => Ok(()),
                other => Err(unsupported("learner.gradient_booster.gbtree.name", "gbtree", other)),
            },
            _ => Err(unknown("learner.gradient_booster.gbtree", key)),
        }),
        "weight_drop" => weight_drop(r, file),
        _ => Err(unknown(PLACE, key)),
    })?;
    match models {
        0 => Err(ModelError::Missing("learner.gradient_booster.model")),
        1 => Ok(()),
        _ => Err(ModelError::KeyRepeated("model".into())),
    }
}

fn weight_drop(reader: &mut impl Document, file: &mut File) -> Result<(), ModelError> {
    let mut weights = Vec::new();
    reader.list(TREES_MAX, &mut weights, Document::f32)?;
    match file.weight_drop.replace(weights) {
        None => Ok(()),
        Some(_) => Err(ModelError::KeyRepeated("weight_drop".into())),
    }
}

fn model(reader: &mut impl Document, file: &mut File) -> Result<(), ModelError> {
    const PLACE: &str = "learner.gradient_booster.model";
    reader.each_key(|r, key| match key {
        "gbtree_model_param" => r.each_key(|r, key| match key {
            "num_trees" => r.string().map(|text| file.num_trees = Some(text)),
            "num_parallel_tree" => r.string().map(|text| file.num_parallel_tree = Some(text)),
            "size_leaf_vector" => leaf_vector(r),
            "num_feature" | "num_roots" | "num_output_group" => r.skip(),
            _ => Err(unknown("learner.gradient_booster.model.gbtree_model_param", key)),
        }),
        "tree_info" => r.list(TREES_MAX, &mut file.tree_info, Document::i32),
        "trees" => r.list(TREES_MAX, &mut file.trees, tree),
        "iteration_indptr" => r.list(TREES_MAX + 1, &mut file.iteration_indptr, Document::i32),
        // Strings or numbers that the library would first turn into codes.
        "cats" => r.each_key(|r, key| match key {
            "enc" => empty(r, "cats.enc", "a dictionary of categories"),
            "feature_segments" => empty(r, "cats.feature_segments", "a dictionary of categories"),
            "sorted_idx" => empty(r, "cats.sorted_idx", "a dictionary of categories"),
            _ => Err(unknown("learner.gradient_booster.model.cats", key)),
        }),
        "weight_drop" => weight_drop(r, file),
        "boosted_rounds" | "weights" | "param" => Err(unsupported(PLACE, "trees", "gblinear (weights)")),
        _ => Err(unknown(PLACE, key)),
    })
}

/// An array that must have no elements: what it would hold is not supported.
fn empty(reader: &mut impl Document, field: &'static str, got: &str) -> Result<(), ModelError> {
    reader.array(1, |_| Err(unsupported(field, "an empty array", got)))
}

fn leaf_vector(reader: &mut impl Document) -> Result<(), ModelError> {
    match reader.string()?.as_str() {
        "0" | "1" => Ok(()),
        other => Err(unsupported("size_leaf_vector", "0 or 1 (no vector leaves)", other)),
    }
}

fn tree<D: Document>(reader: &mut D) -> Result<RawTree, ModelError> {
    let mut raw = RawTree::default();
    reader.each_key(|r, key| match key {
        "id" => r.i32().map(|id| raw.id = Some(id)),
        "tree_param" => r.each_key(|r, key| match key {
            "num_nodes" => r.string().map(|text| raw.num_nodes = Some(text)),
            "size_leaf_vector" => leaf_vector(r),
            "num_feature" | "num_deleted" | "num_roots" | "max_depth" => r.skip(),
            _ => Err(unknown("tree_param", key)),
        }),
        "left_children" => r.list(NODES_MAX, &mut raw.left, Document::i32),
        "right_children" => r.list(NODES_MAX, &mut raw.right, Document::i32),
        "split_indices" => r.list(NODES_MAX, &mut raw.features, Document::i32),
        "split_conditions" => r.list(NODES_MAX, &mut raw.conditions, Document::f32),
        "default_left" => r.list(NODES_MAX, &mut raw.default_left, Document::truth),
        "split_type" => r.list(NODES_MAX, &mut raw.split_type, Document::i32),
        "categories" => r.list(NODES_MAX, &mut raw.categories, Document::i32),
        "categories_nodes" => r.list(NODES_MAX, &mut raw.categories_nodes, Document::i32),
        "categories_segments" => r.list(NODES_MAX, &mut raw.categories_segments, Document::i32),
        "categories_sizes" => r.list(NODES_MAX, &mut raw.categories_sizes, Document::i32),
        "leaf_weights" => empty(r, "leaf_weights", "vector leaves"),
        "base_weights" | "loss_changes" | "sum_hessian" | "parents" | "leaf_child_counts" => r.skip(),
        _ => Err(unknown("tree", key)),
    })?;
    Ok(raw)
}

/// The numbers of `base_score`: `"5E-1"` up to 3.0, `"[5E-1]"` or one for each output since 3.1, also seen as `"(5E-1)"`.
pub(super) fn base_scores(text: &str) -> Result<Vec<f32>, ModelError> {
    let inner = match text.as_bytes() {
        [b'[', .., b']'] | [b'(', .., b')'] => &text[1..text.len() - 1],
        _ => text,
    };
    let mut reader = super::json::Reader::new(inner.as_bytes());
    let mut scores = Vec::new();
    let refuse = || {
        let got = text.chars().take(80).collect();
        ModelError::Field { field: "base_score", expected: "finite numbers, one or one for each output", got }
    };
    loop {
        scores.push(reader.f32().ok().filter(|score| score.is_finite()).ok_or_else(refuse)?);
        if reader.end().is_ok() {
            return Ok(scores);
        }
        if scores.len() == OUTPUTS_MAX || !reader.comma() {
            return Err(refuse());
        }
    }
}
