//! The manifest of a model: what its maker says of it, in JSON beside the file.
//!
//! What it is not: the model. A field that is not known is refused: it might have been meant to matter.
//!
//! Invariant: a model whose bytes, name, features or conventions are not those of its manifest and of the configuration is
//! refused, with the name of what differs.

use super::source::{CalibrationHeader, FeatureHistogram, ModelHeader, ModelSource, sha256_hex};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// Longest name of a model.
const NAME_BYTES_MAX: usize = 31;
/// Files of the registry's folder, where a model's own folder would stand.
const NAMES_RESERVED: [&str; 2] = ["state.json", "state.new"];
/// Files of a model's folder.
const FILES_RESERVED: [&str; 2] = ["manifest.json", "manifest.new"];
/// Longest name of a model's file.
const FILE_NAME_BYTES_MAX: usize = 255;

/// What was trained on.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingWindow {
    /// First moment, as its maker writes it.
    pub from: String,
    /// Last moment.
    pub to: String,
    /// Rows.
    #[serde(default)]
    pub rows: u64,
}

/// See the module.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// 1 to 31 letters, digits, `_`, `-`, `.`, not beginning with a dot; not `state.json` or `state.new`, which are files of the
    /// registry itself.
    pub name: String,
    /// Its maker's number, from 1.
    pub version: u32,
    /// The model file, beside the manifest; not called `manifest.json` or `manifest.new`.
    pub file: String,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// A format of `model.format`.
    pub format: String,
    /// Its features, in its order.
    pub features: Vec<String>,
    /// How many boosting rounds take part; all if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounds: Option<u32>,
    /// Of its scores.
    #[serde(default)]
    pub calibration: CalibrationHeader,
    /// The class of a rise, of a model with several outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_class: Option<usize>,
    /// The class of a fall.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_class: Option<usize>,
    /// Trained for missing values.
    #[serde(default)]
    pub takes_missing: bool,
    /// What it predicts, in words.
    #[serde(default)]
    pub label: String,
    /// What it was trained on.
    #[serde(default)]
    pub training: TrainingWindow,
    /// Of each feature, the keys of `[[features]]` that it was computed with; those named here must be the configuration's.
    #[serde(default)]
    pub conventions: BTreeMap<String, Map<String, Json>>,
    /// What its maker measured.
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
    /// How its features were distributed in training; all of them, or none.
    #[serde(default)]
    pub histograms: Vec<FeatureHistogram>,
}

/// Why a manifest and a model do not fit each other, or a configuration.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum ManifestError {
    /// A name that could leave the folder.
    #[error(
        "name: expected 1 to 31 letters, digits, _ - . not beginning with a dot, and not state.json or state.new, which are the \
         registry's own, got {0:?}"
    )]
    Name(String),
    /// A file that is not beside it.
    #[error(
        "file: expected the name of a file beside the manifest, and not manifest.json or manifest.new, got {0:?}"
    )]
    File(String),
    /// Version zero is for models of the configuration.
    #[error("version: expected 1 or more, got 0")]
    Version,
    /// Other bytes.
    #[error("sha256: expected {expected} (manifest), got {got} ({file})")]
    Checksum {
        /// Of the manifest.
        expected: String,
        /// Of the file.
        got: String,
        /// The file.
        file: String,
    },
    /// A feature that nothing computes.
    #[error("features: expected features that are configured, got {0:?}, which is not")]
    Feature(String),
    /// A stacking model of other members.
    #[error("features: expected the members of the ensemble in their order, {expected:?}, got {got:?}")]
    Members {
        /// Of the configuration.
        expected: Vec<String>,
        /// Of the manifest.
        got: Vec<String>,
    },
    /// A feature that is computed otherwise.
    #[error(
        "conventions: feature {feature}, {key}: expected {expected} (manifest), got {got} (configuration)"
    )]
    Convention {
        /// The feature.
        feature: String,
        /// The key.
        key: String,
        /// Of the manifest.
        expected: String,
        /// Of the configuration.
        got: String,
    },
}

impl Manifest {
    /// Of a model file that came without one: its features and their conventions are the configuration's.
    ///
    /// `features` are the configuration's, as JSON objects in the row's order.
    pub fn plain(
        name: &str,
        version: u32,
        format: &str,
        bytes: &[u8],
        features: &[Map<String, Json>],
    ) -> Self {
        let name_of = |feature: &Map<String, Json>| feature["name"].as_str().unwrap_or_default().to_owned();
        let set = |feature: &Map<String, Json>| {
            let keys = feature.iter().filter(|(key, value)| *key != "name" && !value.is_null());
            keys.map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        Manifest {
            name: name.into(),
            version,
            file: "model".into(),
            sha256: sha256_hex(bytes),
            format: format.into(),
            features: features.iter().map(name_of).collect(),
            rounds: None,
            calibration: CalibrationHeader::None,
            long_class: None,
            short_class: None,
            takes_missing: false,
            label: String::new(),
            training: TrainingWindow::default(),
            conventions: features.iter().map(|feature| (name_of(feature), set(feature))).collect(),
            metrics: BTreeMap::new(),
            histograms: Vec::new(),
        }
    }

    /// Holds it against its file's bytes.
    pub fn check_bytes(&self, bytes: &[u8]) -> Result<(), ManifestError> {
        if !is_model_name(&self.name) {
            return Err(ManifestError::Name(self.name.clone()));
        }
        if !is_plain(&self.file, FILE_NAME_BYTES_MAX) || is_one_of(&self.file, &FILES_RESERVED) {
            return Err(ManifestError::File(self.file.clone()));
        }
        if self.version == 0 {
            return Err(ManifestError::Version);
        }
        let got = sha256_hex(bytes);
        if !self.sha256.eq_ignore_ascii_case(&got) {
            let (expected, file) = (self.sha256.clone(), self.file.clone());
            return Err(ManifestError::Checksum { expected, got, file });
        }
        Ok(())
    }

    /// Holds its features and conventions against the configuration's: JSON objects in the row's order.
    pub fn check_features(&self, configured: &[Map<String, Json>]) -> Result<(), ManifestError> {
        let find = |name: &str| configured.iter().find(|feature| feature["name"].as_str() == Some(name));
        for name in &self.features {
            let feature = find(name).ok_or_else(|| ManifestError::Feature(name.clone()))?;
            for (key, expected) in self.conventions.get(name).into_iter().flatten() {
                let got = feature.get(key).unwrap_or(&Json::Null);
                if !same(expected, got) {
                    let (feature, key) = (name.clone(), key.clone());
                    let (expected, got) = (expected.to_string(), got.to_string());
                    return Err(ManifestError::Convention { feature, key, expected, got });
                }
            }
        }
        Ok(())
    }

    /// Holds the features of a stacking model against the members' names, in their order: it reads them by place.
    pub fn check_members(&self, members: &[String]) -> Result<(), ManifestError> {
        if self.features == members {
            return Ok(());
        }
        Err(ManifestError::Members { expected: members.to_vec(), got: self.features.clone() })
    }

    /// The model as a journal keeps it.
    pub fn source(&self, bytes: Vec<u8>) -> ModelSource {
        let header = ModelHeader {
            name: self.name.clone(),
            version: self.version,
            format: self.format.clone(),
            features: self.features.clone(),
            rounds: self.rounds,
            calibration: self.calibration.clone(),
            long_class: self.long_class,
            short_class: self.short_class,
            takes_missing: self.takes_missing,
            histograms: self.histograms.clone(),
        };
        ModelSource::new(header, bytes)
    }
}

/// Whether a model may be called so: a folder of the registry has the name.
pub(super) fn is_model_name(name: &str) -> bool {
    is_plain(name, NAME_BYTES_MAX) && !is_one_of(name, &NAMES_RESERVED)
}

/// Also where a file system takes large and small letters for the same.
fn is_one_of(text: &str, reserved: &[&str]) -> bool {
    reserved.iter().any(|name| text.eq_ignore_ascii_case(name))
}

fn is_plain(text: &str, max: usize) -> bool {
    let of = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    !text.is_empty() && text.len() <= max && text.chars().all(of) && !text.starts_with('.')
}

/// Equal as numbers where both are numbers: 2 and 2.0 are one convention.
fn same(left: &Json, right: &Json) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn features(period: u32) -> Vec<Map<String, Json>> {
        let one = json!({"name": "sma", "kind": "sma", "period": period, "lag": null});
        vec![one.as_object().unwrap().clone()]
    }

    #[test]
    fn what_differs_is_named() {
        let manifest = Manifest::plain("toy", 2, "linear_json", b"bytes", &features(20));
        assert_eq!(manifest.check_bytes(b"bytes"), Ok(()));
        assert_eq!(manifest.check_features(&features(20)), Ok(()));
        let words = manifest.check_features(&features(21)).unwrap_err().to_string();
        assert_eq!(words, "conventions: feature sma, period: expected 20 (manifest), got 21 (configuration)");
        assert_eq!(manifest.check_features(&[]), Err(ManifestError::Feature("sma".into())));
        assert_eq!(manifest.check_members(&["sma".into()]), Ok(()));
        let words = manifest.check_members(&["a".into(), "sma".into()]).unwrap_err().to_string();
        assert!(words.ends_with(r#"in their order, ["a", "sma"], got ["sma"]"#), "{words}");
        let words = manifest.check_bytes(b"other").unwrap_err().to_string();
        assert!(words.starts_with("sha256: expected ") && words.ends_with(" (model)"), "{words}");
        for name in ["", "../x", ".x", "a/b", &"x".repeat(32), "state.json", "State.JSON", "state.new"] {
            let bad = Manifest { name: name.into(), ..manifest.clone() };
            assert_eq!(bad.check_bytes(b"bytes"), Err(ManifestError::Name(name.into())));
            assert!(
                bad.check_bytes(b"bytes")
                    .unwrap_err()
                    .to_string()
                    .contains("and not state.json or state.new")
            );
            assert!(!is_model_name(name));
        }
        for file in ["../model", "manifest.json", "manifest.new", "MANIFEST.json"] {
            let bad = Manifest { file: file.into(), ..manifest.clone() };
            assert!(matches!(bad.check_bytes(b"bytes"), Err(ManifestError::File(_))), "{file}");
        }
        let bad = Manifest { version: 0, ..manifest };
        assert_eq!(bad.check_bytes(b"bytes"), Err(ManifestError::Version));
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let manifest = Manifest::plain("toy", 2, "linear_json", b"bytes", &features(20));
        let mut json = serde_json::to_value(&manifest).unwrap();
        assert_eq!(serde_json::from_value::<Manifest>(json.clone()).unwrap(), manifest);
        json["colour"] = "green".into();
        assert!(serde_json::from_value::<Manifest>(json).unwrap_err().to_string().contains("colour"));
    }
}
