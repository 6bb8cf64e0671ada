//! Linear and logistic regression, in a small JSON of our own that `scripts/` export from scikit-learn.
//!
//! What it is not: XGBoost's `gblinear`, which is refused.
//!
//! Invariant: the sum is in `f64`, from the intercept, in the features' order, so it is the same everywhere.

use super::document::Document;
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

/// Weights and intercept.
#[derive(Clone, Debug)]
pub(super) struct Flat {
    weights: Box<[f64]>,
    intercept: f64,
}

impl Linear {
    /// How many sums a row has.
    pub(super) fn output_count(&self) -> usize {
        match self {
            Linear::Flat(_) => 1,
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
            Linear::Flat(flat) => out[0] = flat.sum(row),
            Linear::Trees(trees) => trees.sums(row, out),
        }
    }
}

impl Flat {
    /// The sum of a row; a NaN feature makes it NaN.
    fn sum(&self, row: &[f32]) -> f64 {
        let mut sum = self.intercept;
        for (weight, value) in self.weights.iter().zip(row) {
            sum += weight * f64::from(*value);
        }
        sum
    }
}

/// The format's name, the value of its `format` key.
pub(super) const FORMAT: &str = "tickbridge-linear";

/// Reads and checks a whole file.
pub(super) fn load(
    bytes: &[u8],
    features: &[impl AsRef<str>],
    _: &LoadOptions,
) -> Result<(Linear, Link, Vec<String>), ModelError> {
    let mut reader = Reader::new(bytes);
    let (mut format, mut version, mut link_name, mut intercept) = (None, None, None, None);
    let (mut file_names, mut weights) = (Vec::new(), Vec::new());
    reader.each_key(|r, key| {
        match key {
            "format" => format = Some(r.string()?),
            "version" => version = Some(r.i32()?),
            "link" => link_name = Some(r.string()?),
            "intercept" => intercept = Some(r.f64()?),
            "features" => r.list(FEATURES_MAX, &mut file_names, Document::string)?,
            "weights" => r.list(FEATURES_MAX, &mut weights, Document::f64)?,
            _ => return Err(ModelError::UnknownKey { place: FORMAT, key: key.into() }),
        }
        Ok(())
    })?;
    reader.end()?;
    let field = |field, expected, got: String| Err(ModelError::Field { field, expected, got });
    if format.as_deref() != Some(FORMAT) {
        return field("format", FORMAT, format.unwrap_or_default());
    }
    if version != Some(1) {
        return field("version", "1", format!("{version:?}"));
    }
    let link = match link_name.as_deref() {
        Some("logistic") => Link::Logistic { slope: 1.0 },
        Some("identity") => Link::Identity,
        other => return field("link", "identity or logistic", other.unwrap_or_default().into()),
    };
    let intercept = intercept.ok_or(ModelError::Missing("intercept"))?;
    if weights.len() != file_names.len() {
        return field(
            "weights",
            "one for each feature",
            format!("{} for {}", weights.len(), file_names.len()),
        );
    }
    if let Some(bad) = weights.iter().chain([&intercept]).find(|number: &&f64| !number.is_finite()) {
        return field("weights", "finite numbers", bad.to_string());
    }
    names::matched(&file_names, features)?;
    Ok((Linear::Flat(Flat { weights: weights.into(), intercept }), link, file_names))
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
        assert!(refusal(",-2", "", &ab).contains("weights: expected one for each feature, got 1 for 2"));
        assert!(
            refusal("logistic", "probit", &ab).contains("link: expected identity or logistic, got probit")
        );
        assert!(refusal("intercept", "bias", &ab).contains(r#"key "bias" is unknown"#));
        assert!(refusal("\"b\"", "\"a\"", &["a"]).contains("each name once"));
    }
}
