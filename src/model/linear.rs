//! Linear and logistic regression, in a small JSON of our own that `scripts/` export from scikit-learn.
//!
//! What it is not: XGBoost's `gblinear`, which is refused.
//!
//! Invariant: the sum is in `f64`, from the intercept, in the features' order, so it is the same everywhere.

use super::document::Document;
use super::forest::OUTPUTS_MAX;
use super::json::Reader;
use super::linear_trees::LinearTrees;
use super::link::Link;
use super::{FEATURES_MAX, LoadOptions, ModelError, names};

/// A model whose sums are linear, everywhere or leaf by leaf.
#[derive(Clone, Debug)]
pub(super) enum Linear {
    Flat(Flat),
    Trees(std::sync::Arc<LinearTrees>),
}

/// For each output its intercept and weights, of rows that may be standardised first.
#[derive(Clone, Debug)]
pub(super) struct Flat {
    /// Output by output.
    weights: Box<[f64]>,
    intercepts: Box<[f64]>,
    /// What is taken off each value, and what it is then divided by; empty if neither.
    standard: Box<[(f64, f64)]>,
}

impl Linear {
    /// How many sums a row has.
    pub(super) fn output_count(&self) -> usize {
        match self {
            Linear::Flat(flat) => flat.intercepts.len(),
            Linear::Trees(trees) => trees.output_count(),
        }
    }

    /// How many trees; none if it is linear everywhere.
    pub(super) fn tree_count(&self) -> usize {
        match self {
            Linear::Flat(_) => 0,
            Linear::Trees(trees) => trees.tree_count(),
        }
    }

    /// One weight a feature; none where every leaf has its own.
    pub(super) fn weights(&self) -> &[f64] {
        match self {
            Linear::Flat(flat) => &flat.weights,
            Linear::Trees(_) => &[],
        }
    }

    /// The sums of a row.
    #[inline]
    pub(super) fn sums(&self, row: &[f32], out: &mut [f64]) {
        match self {
            Linear::Flat(flat) => flat.sums(row, out),
            Linear::Trees(trees) => trees.sums(row, out),
        }
    }
}

impl Flat {
    /// The sums of a row; a NaN feature makes them NaN.
    fn sums(&self, row: &[f32], out: &mut [f64]) {
        for ((output, sum), intercept) in out.iter_mut().enumerate().zip(&self.intercepts) {
            *sum = *intercept;
            let weights = &self.weights[output * row.len()..(output + 1) * row.len()];
            if self.standard.is_empty() {
                for (weight, value) in weights.iter().zip(row) {
                    *sum += weight * f64::from(*value);
                }
            } else {
                for ((weight, value), (center, scale)) in weights.iter().zip(row).zip(&self.standard) {
                    *sum += weight * ((f64::from(*value) - center) / scale);
                }
            }
        }
    }
}

/// The format's name, the value of its `format` key.
pub(super) const FORMAT: &str = "tickbridge-linear";

#[derive(Default)]
struct File {
    format: Option<String>,
    version: Option<i32>,
    link: Option<String>,
    names: Vec<String>,
    weights: Vec<f64>,
    intercepts: Vec<f64>,
    center: Vec<f64>,
    scale: Vec<f64>,
}

/// Reads and checks a whole file.
pub(super) fn load(
    bytes: &[u8],
    features: &[impl AsRef<str>],
    options: &LoadOptions,
) -> Result<(Linear, Link, Vec<String>), ModelError> {
    let mut reader = Reader::new(bytes);
    let mut file = File::default();
    let mut intercept = None;
    reader.each_key(|r, key| match key {
        "format" => r.string().map(|text| file.format = Some(text)),
        "version" => r.i32().map(|version| file.version = Some(version)),
        "link" => r.string().map(|text| file.link = Some(text)),
        "intercept" => r.f64().map(|number| intercept = Some(number)),
        "intercepts" => r.list(OUTPUTS_MAX, &mut file.intercepts, Document::f64),
        "features" => r.list(FEATURES_MAX, &mut file.names, Document::string),
        "weights" => r.list(FEATURES_MAX * OUTPUTS_MAX, &mut file.weights, Document::f64),
        "center" => r.list(FEATURES_MAX, &mut file.center, Document::f64),
        "scale" => r.list(FEATURES_MAX, &mut file.scale, Document::f64),
        "source" => r.skip(),
        _ => Err(ModelError::UnknownKey { place: FORMAT, key: key.into() }),
    })?;
    reader.end()?;
    match (intercept, file.intercepts.is_empty()) {
        (Some(intercept), true) => file.intercepts.push(intercept),
        (None, false) => {}
        (Some(_), false) => return Err(ModelError::KeyRepeated("intercept".into())),
        (None, true) => return Err(ModelError::Missing("intercept")),
    }
    check(&file, options)?;
    let link = super::sklearn::link(file.link.as_deref(), file.intercepts.len())?;
    names::matched(&file.names, features)?;
    let flat = Flat {
        weights: file.weights.into(),
        intercepts: file.intercepts.into(),
        standard: file.center.into_iter().zip(file.scale).collect(),
    };
    Ok((Linear::Flat(flat), link, file.names))
}

fn check(file: &File, options: &LoadOptions) -> Result<(), ModelError> {
    let field = |field, expected, got: String| Err(ModelError::Field { field, expected, got });
    if file.format.as_deref() != Some(FORMAT) {
        return field("format", FORMAT, file.format.clone().unwrap_or_default());
    }
    if file.version != Some(1) {
        return field("version", "1", format!("{:?}", file.version));
    }
    if let Some(rounds) = options.rounds {
        return field("rounds", "none: it has no rounds", rounds.to_string());
    }
    let count = file.names.len();
    let expected = count * file.intercepts.len();
    if file.weights.len() != expected {
        let got = format!("{} for {expected}", file.weights.len());
        return field("weights", "one for each feature of each output", got);
    }
    if file.center.len() != file.scale.len() || ![0, count].contains(&file.center.len()) {
        let got = format!("{} and {} for {count}", file.center.len(), file.scale.len());
        return field("center", "as many as scale, one for each feature", got);
    }
    let all = file.weights.iter().chain(&file.intercepts).chain(&file.center).chain(&file.scale);
    if let Some(bad) = all.copied().find(|number| !number.is_finite()) {
        return field("weights", "finite numbers", bad.to_string());
    }
    if file.scale.contains(&0.0) {
        return field("scale", "numbers other than 0", "0".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{LoadOptions, Model};

    const FILE: &str = r#"{"format":"tickbridge-linear","version":1,"link":"logistic",
        "features":["a","b"],"weights":[0.5,-2],"intercept":0.25}"#;

    #[test]
    fn a_linear_model_adds_up() {
        let model = Model::load(FILE.as_bytes(), None, &["a", "b"], &LoadOptions::default()).unwrap();
        assert_eq!(model.kernel_name(), "linear");
        assert_eq!(model.predict(&[1.5, 0.5]), 0.5);
        assert!(model.predict(&[f32::NAN, 0.5]).is_nan());
    }

    #[test]
    fn a_wrong_file_is_refused_by_field() {
        let refusal = |from: &str, to: &str, names: &[&str]| {
            let file = FILE.replace(from, to);
            Model::load(file.as_bytes(), None, names, &LoadOptions::default()).unwrap_err().to_string()
        };
        let ab = ["a", "b"];
        assert_eq!(
            refusal("", "", &["a"]),
            r#"model feature "b": expected to be declared, got no feature of that name"#
        );
        assert!(refusal("", "", &["a", "b", "c"]).contains(r#"feature "c" is declared"#));
        assert!(refusal("", "", &["b", "a"]).contains(r#"model feature 0: expected "a""#));
        assert!(refusal("-2", "NaN", &ab).contains("weights: expected finite numbers, got NaN"));
        assert!(
            refusal(",-2", "", &ab)
                .contains("weights: expected one for each feature of each output, got 1 for 2")
        );
        assert!(
            refusal("logistic", "probit", &ab)
                .contains("link: expected identity, logistic, exp or softmax, got probit")
        );
        assert!(refusal("intercept", "bias", &ab).contains(r#"key "bias" is unknown"#));
        assert!(refusal("\"b\"", "\"a\"", &["a"]).contains("each name once"));
    }
}
