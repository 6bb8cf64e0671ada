//! Made-up XGBoost files from a seed: realistic shapes for benches, and odd ones for tests, without Python.
//!
//! What it is not: a trained model; its scores mean nothing.
//!
//! Invariant: the same shape gives the same bytes, on every machine.

use std::fmt::Write;

/// The shape of a made-up model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// How many trees.
    pub tree_count: usize,
    /// Splits on the longest path, at most 12.
    pub depth: usize,
    /// Feature names are `f0` to `f{n-1}`.
    pub feature_count: usize,
    /// Distinct thresholds of each feature, at least 1; training with histograms gives at most 255.
    pub thresholds_per_feature: usize,
    /// Of 100 nodes that could split further, how many are leaves; XGBoost's trees of depth 6 have about 5.
    pub leaf_percent: u64,
    /// Where the dice start.
    pub seed: u64,
}

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A whole number below `end`, which is above 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next_u64() % end
    }

    /// A number in -1 to 1.
    pub fn unit(&mut self) -> f32 {
        (self.next_u64() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// The feature names of a shape.
pub fn feature_names(shape: Shape) -> Vec<String> {
    (0..shape.feature_count).map(|index| format!("f{index}")).collect()
}

/// A `binary:logistic` model as XGBoost would have written it.
pub fn xgboost_json(shape: Shape) -> Vec<u8> {
    let mut dice = Dice(shape.seed);
    let mut text = String::new();
    let names = feature_names(shape).join("\",\"");
    let _ = write!(
        text,
        r#"{{"learner":{{"feature_names":["{names}"],"gradient_booster":{{"model":{{"gbtree_model_param":"#
    );
    let _ = write!(text, r#"{{"num_parallel_tree":"1","num_trees":"{}"}},"trees":["#, shape.tree_count);
    for id in 0..shape.tree_count {
        let comma = if id == 0 { "" } else { "," };
        text.push_str(comma);
        write_tree(&mut text, id, shape, &mut dice);
    }
    let _ = write!(
        text,
        r#"],"tree_info":[{}]}},"name":"gbtree"}},"learner_model_param":{{"base_score":"[4.8E-1]","num_class":"0","num_feature":"{}","num_target":"1"}},"objective":{{"name":"binary:logistic"}}}},"version":[3,2,0]}}"#,
        vec!["0"; shape.tree_count].join(","),
        shape.feature_count
    );
    text.into_bytes()
}

fn write_tree(text: &mut String, id: usize, shape: Shape, dice: &mut Dice) {
    let mut depths = vec![0];
    let mut columns: [String; 5] = Default::default();
    let mut at = 0;
    while at < depths.len() {
        let split = depths[at] < shape.depth.min(12) && (at == 0 || dice.below(100) >= shape.leaf_percent);
        let feature = dice.below(shape.feature_count.max(1) as u64);
        // Thresholds are a fixed grid of each feature, so that equal ones occur in many trees.
        let step = dice.below(shape.thresholds_per_feature.max(1) as u64) as f32;
        let threshold = (step + 0.5) / shape.thresholds_per_feature.max(1) as f32 * 2.0 - 1.0;
        let (left, value) = if split {
            depths.extend([depths[at] + 1; 2]);
            (depths.len() as i64 - 2, threshold)
        } else {
            (-1, dice.unit() * 0.05)
        };
        let right = if split { left + 1 } else { -1 };
        let default_left = dice.below(2);
        let comma = if at == 0 { "" } else { "," };
        let fields = [
            left.to_string(),
            right.to_string(),
            feature.to_string(),
            format!("{value:E}"),
            default_left.to_string(),
        ];
        for (column, field) in columns.iter_mut().zip(fields) {
            let _ = write!(column, "{comma}{field}");
        }
        at += 1;
    }
    let [left, right, features, conditions, default_left] = columns;
    let _ = write!(
        text,
        r#"{{"id":{id},"tree_param":{{"num_nodes":"{at}"}},"left_children":[{left}],"right_children":[{right}],"split_indices":[{features}],"split_conditions":[{conditions}],"default_left":[{default_left}]}}"#
    );
}
