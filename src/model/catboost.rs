//! CatBoost's JSON model file of oblivious trees over numeric features.
//!
//! What it is not: categorical, text or embedding features, or trees that are not symmetric: each is refused by the name
//! of its key.
//!
//! Invariant: bit `d` of a leaf's index is split `d`, set when the value is above the border, compared in `f32`; sums are
//! in `f64` in the trees' order, then scaled and biased.

use super::document::Document;
use super::forest::{Forest, NODES_MAX, Node, OUTPUTS_MAX, Sum, TREES_MAX, Tree, TreeLimits};
use super::json::Reader;
use super::link::Link;
use super::{FEATURES_MAX, LoadOptions, ModelError, names};

/// Most splits of an oblivious tree (CatBoost's own limit).
const DEPTH_MAX: usize = 16;

#[derive(Default)]
struct File {
    features: Vec<Feature>,
    trees: Option<Vec<RawTree>>,
    scale: f64,
    bias: Vec<f64>,
    loss: Option<String>,
}

#[derive(Default)]
struct Feature {
    name: Option<String>,
    index: Option<i32>,
    flat_index: Option<i32>,
    nan_right: Option<bool>,
}

#[derive(Default)]
struct RawTree {
    splits: Vec<Split>,
    leaves: Vec<f64>,
}

#[derive(Default)]
struct Split {
    feature: Option<i32>,
    border: Option<f32>,
    kind: Option<String>,
}

fn unsupported(field: &'static str, expected: &'static str, got: impl Into<String>) -> ModelError {
    ModelError::Unsupported { field, expected, got: got.into() }
}

fn unknown(place: &'static str, key: &str) -> ModelError {
    ModelError::UnknownKey { place, key: key.into() }
}

/// Reads and checks a whole file for a row of `features`.
pub(super) fn load(
    bytes: &[u8],
    features: &[impl AsRef<str>],
    options: &LoadOptions,
) -> Result<Forest, ModelError> {
    let mut file = File { scale: 1.0, ..File::default() };
    let mut reader = Reader::new(bytes);
    reader.each_key(|r, key| match key {
        "features_info" => features_info(r, &mut file),
        "model_info" => model_info(r, &mut file),
        "oblivious_trees" => {
            let mut trees = Vec::new();
            r.list(TREES_MAX, &mut trees, tree)?;
            file.trees = Some(trees);
            Ok(())
        }
        "scale_and_bias" => scale_and_bias(r, &mut file),
        "trees" => Err(unsupported("trees", "oblivious_trees (grow_policy SymmetricTree)", "other trees")),
        "ctr_data" => Err(unsupported("ctr_data", "numeric features", "statistics of categories")),
        _ => Err(unknown("file", key)),
    })?;
    reader.end()?;
    assemble(file, features, options)
}

fn features_info(reader: &mut Reader<'_>, file: &mut File) -> Result<(), ModelError> {
    reader.each_key(|r, key| match key {
        "float_features" => r.list(FEATURES_MAX, &mut file.features, feature),
        "categorical_features" => none(r, "features_info.categorical_features"),
        "text_features" => none(r, "features_info.text_features"),
        "embedding_features" => none(r, "features_info.embedding_features"),
        "ctrs" => none(r, "features_info.ctrs"),
        _ => Err(unknown("features_info", key)),
    })
}

fn none(reader: &mut Reader<'_>, field: &'static str) -> Result<(), ModelError> {
    reader.array(1, |_| Err(unsupported(field, "numeric features", "others")))
}

fn feature(reader: &mut Reader<'_>) -> Result<Feature, ModelError> {
    let mut feature = Feature::default();
    reader.each_key(|r, key| match key {
        "feature_id" => r.string().map(|name| feature.name = Some(name)),
        "feature_index" => r.i32().map(|index| feature.index = Some(index)),
        "flat_feature_index" => r.i32().map(|index| feature.flat_index = Some(index)),
        "nan_value_treatment" => {
            feature.nan_right = Some(match r.string()?.as_str() {
                // NaN is above no border, which is what AsIs comes to as well.
                "AsIs" | "AsFalse" => false,
                "AsTrue" => true,
                other => return Err(unsupported("nan_value_treatment", "AsIs, AsFalse or AsTrue", other)),
            });
            Ok(())
        }
        // The borders stand at the splits again; whether there were NaN in training changes nothing.
        "borders" | "has_nans" => r.skip(),
        _ => Err(unknown("float_features", key)),
    })?;
    Ok(feature)
}

fn model_info(reader: &mut Reader<'_>, file: &mut File) -> Result<(), ModelError> {
    reader.each_key(|r, key| match key {
        "params" => r.each_key(|r, key| match key {
            "loss_function" => r.each_key(|r, key| match key {
                "type" => r.string().map(|loss| file.loss = Some(loss)),
                _ => r.skip(),
            }),
            _ => r.skip(),
        }),
        _ => r.skip(),
    })
}

fn scale_and_bias(reader: &mut Reader<'_>, file: &mut File) -> Result<(), ModelError> {
    let mut place = 0;
    reader.array(2, |r| {
        place += 1;
        match place {
            1 => r.f64().map(|scale| file.scale = scale),
            _ => r.list(OUTPUTS_MAX, &mut file.bias, Document::f64),
        }
    })?;
    let finite = file.bias.iter().chain([&file.scale]).all(|number: &f64| number.is_finite());
    if place == 2 && finite && !file.bias.is_empty() {
        return Ok(());
    }
    let (expected, got) = ("[scale, [bias of each output]]", format!("{:?}", (file.scale, &file.bias)));
    Err(ModelError::Field { field: "scale_and_bias", expected, got })
}

fn tree(reader: &mut Reader<'_>) -> Result<RawTree, ModelError> {
    let mut raw = RawTree::default();
    reader.each_key(|r, key| match key {
        "splits" => r.list(DEPTH_MAX, &mut raw.splits, split),
        "leaf_values" => r.list(NODES_MAX, &mut raw.leaves, Document::f64),
        "leaf_weights" => r.skip(),
        _ => Err(unknown("oblivious_trees", key)),
    })?;
    Ok(raw)
}

fn split(reader: &mut Reader<'_>) -> Result<Split, ModelError> {
    let mut split = Split::default();
    reader.each_key(|r, key| match key {
        "float_feature_index" => r.i32().map(|index| split.feature = Some(index)),
        "border" => r.f32().map(|border| split.border = Some(border)),
        "split_type" => match r.string()? {
            kind if kind == "FloatFeature" => {
                split.kind = Some(kind);
                Ok(())
            }
            other => Err(unsupported("split_type", "FloatFeature", other)),
        },
        "split_index" => r.skip(),
        // Keys of the other kinds of splits, whose `split_type` may come after them.
        "cat_feature_index" | "ctr_target_border_idx" | "value" => {
            Err(unsupported("split_type", "FloatFeature", key))
        }
        _ => Err(unknown("splits", key)),
    })?;
    Ok(split)
}

/// What becomes of raw values: probabilities of classifiers, raw values of everything else.
fn link(loss: &str) -> Result<Link, ModelError> {
    Ok(match loss {
        "Logloss" | "CrossEntropy" => Link::Logistic { slope: 1.0 },
        "MultiClass" => Link::SoftmaxSeries,
        "MultiClassOneVsAll" => Link::Logistic { slope: 1.0 },
        "Poisson" | "Tweedie" => Link::ExpSeries,
        "RMSE" | "MAE" | "MAPE" | "Quantile" | "LogLinQuantile" | "Lq" | "Huber" | "Expectile"
        | "PairLogit" | "PairLogitPairwise" | "YetiRank" | "YetiRankPairwise" | "QueryRMSE"
        | "QuerySoftMax" | "LogCosh" => Link::Identity,
        other => {
            let expected = "Logloss, CrossEntropy, MultiClass, MultiClassOneVsAll, RMSE, MAE, MAPE, Quantile, \
                LogLinQuantile, Lq, Huber, Expectile, LogCosh, Poisson, Tweedie or a ranking loss";
            return Err(unsupported("model_info.params.loss_function.type", expected, other));
        }
    })
}

fn assemble(file: File, features: &[impl AsRef<str>], options: &LoadOptions) -> Result<Forest, ModelError> {
    let loss = file.loss.as_deref().ok_or(ModelError::Missing("model_info.params.loss_function.type"))?;
    let link = link(loss)?;
    let row = feature_names(&file, features, options)?;
    let output_count = file.bias.len();
    if output_count == 0 {
        return Err(ModelError::Missing("scale_and_bias"));
    }
    if (output_count > 1) != loss.starts_with("MultiClass") {
        let got = format!("{output_count} for {loss}");
        return Err(ModelError::Field { field: "scale_and_bias", expected: "one bias for each class", got });
    }
    let mut raw = file.trees.ok_or(ModelError::Missing("oblivious_trees"))?;
    if let Some(rounds) = options.rounds {
        if rounds == 0 || rounds as usize > raw.len() {
            let (expected, got) = ("at least 1, and no more than the model has", rounds.to_string());
            return Err(ModelError::Field { field: "rounds", expected, got });
        }
        raw.truncate(rounds as usize);
    }
    let nan_right: Vec<bool> = file.features.iter().map(|f| f.nan_right.unwrap_or(false)).collect();
    let mut trees = Vec::new();
    for (index, tree) in raw.iter().enumerate() {
        perfect(index, tree, &nan_right, output_count, &mut trees)?;
    }
    let sum = Sum::Double {
        start: vec![0.0; output_count].into(),
        divide: 1.0,
        scale: file.scale,
        bias: file.bias.into(),
    };
    Ok(Forest { features: row, sum, link, trees })
}

/// The row's names, which must be the file's; CatBoost calls unnamed features by their numbers.
fn feature_names(
    file: &File,
    features: &[impl AsRef<str>],
    options: &LoadOptions,
) -> Result<Vec<String>, ModelError> {
    for (place, feature) in file.features.iter().enumerate() {
        if [feature.index, feature.flat_index] != [Some(place as i32); 2] {
            let got = format!("{:?} at {place}", feature.index);
            let expected = "its own place, in both counts";
            return Err(ModelError::Field { field: "feature_index", expected, got });
        }
        if feature.nan_right.is_none() {
            return Err(ModelError::Missing("nan_value_treatment"));
        }
    }
    let file_names: Vec<String> = file.features.iter().map(|f| f.name.clone().unwrap_or_default()).collect();
    let unnamed = |(index, name): (usize, &String)| name.is_empty() || *name == index.to_string();
    let named_so = features.iter().zip(&file_names).all(|(have, name)| have.as_ref() == name);
    if file_names.iter().enumerate().all(unnamed) && !named_so {
        let remedy = "train with Pool(..., feature_names=[...])";
        let row = names::by_position("features_info.float_features.feature_id", remedy, features, options)?;
        if row.len() != file_names.len() {
            let got = format!("{} for {}", file_names.len(), row.len());
            let expected = "as many features as are declared";
            return Err(ModelError::Field { field: "float_features", expected, got });
        }
        return Ok(row);
    }
    names::matched(&file_names, features)?;
    Ok(file_names)
}

/// An oblivious tree as perfect ones, one for each output: the last split is the root, so that leaves stand in order.
fn perfect(
    index: usize,
    raw: &RawTree,
    nan_right: &[bool],
    output_count: usize,
    trees: &mut Vec<Tree>,
) -> Result<(), ModelError> {
    let depth = raw.splits.len();
    let leaf_count = 1usize << depth;
    if raw.leaves.len() != leaf_count * output_count {
        let got = format!("{} of depth {depth} for {output_count} outputs", raw.leaves.len());
        return Err(ModelError::Tree {
            tree: index,
            node: 0,
            expected: "2^depth leaf_values an output",
            got,
        });
    }
    let mut splits = Vec::with_capacity(2 * leaf_count - 1);
    for node in 0..leaf_count - 1 {
        let level = (node + 1).ilog2() as usize;
        let split = &raw.splits[depth - 1 - level];
        if split.kind.is_none() {
            return Err(ModelError::Missing("split_type"));
        }
        let feature = split.feature.ok_or(ModelError::Missing("float_feature_index"))?;
        let border = split.border.ok_or(ModelError::Missing("border"))?;
        // A negative feature becomes an index out of range, which `Tree::new` refuses.
        let nan_left = !nan_right.get(feature as usize).copied().unwrap_or(false);
        let (left, right) = (2 * node as u32 + 1, 2 * node as u32 + 2);
        splits.push(Node::at_most(feature as u32, f64::from(border), nan_left, left, right));
    }
    let limits = TreeLimits { feature_count: nan_right.len(), output_count };
    for output in 0..output_count {
        let mut nodes = splits.clone();
        nodes.extend((0..leaf_count).map(|leaf| Node::Leaf(raw.leaves[leaf * output_count + output])));
        trees.push(Tree::new(index, output as u32, nodes, Vec::new(), limits)?);
    }
    Ok(())
}
