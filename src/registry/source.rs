//! One model as it is kept: a header of JSON on the first line, then the model file's own bytes.
//!
//! What it is not: the registry's manifest, which says more; this is what a replay needs.
//!
//! Invariant: the digest covers header and bytes, and is the file's name beside a journal: `model-DIGEST.bin`. It is on the disk
//! before any record names it.

use super::whole::replace_file;
use crate::engine::{Classes, ModelIdentity, ModelUnit, UnitError};
use crate::model::{Format, LoadOptions, MODEL_BYTES_MAX, Model, ModelError};
use crate::signal::{Between, BinsError, Calibration, CalibrationError, Drift, FeatureBins};
use crate::types::{FixedText, TextError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest header.
const HEADER_BYTES_MAX: usize = 1 << 20;

/// Why a kept model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's word.
        error: std::io::Error,
    },
    /// The file is larger than any model.
    #[error("{}: expected at most {max} bytes, got {got}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What is read at most.
        max: u64,
        /// What it has.
        got: u64,
    },
    /// The file is not what its name says.
    #[error("{}: expected a model with digest {expected:016x}, got {got:016x}", path.display())]
    Digest {
        /// The file.
        path: PathBuf,
        /// Of the name.
        expected: u64,
        /// Of the content.
        got: u64,
    },
    /// The first line is no header.
    #[error("{}: expected a header of JSON on the first line: {error}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: String,
    },
    /// The model's own bytes.
    #[error("model {name}: {error}")]
    Model {
        /// Its name.
        name: String,
        /// Why.
        error: ModelError,
    },
    /// The model does not fit its place.
    #[error("model {name}: {error}")]
    Unit {
        /// Its name.
        name: String,
        /// Why.
        error: UnitError,
    },
    /// Its calibration.
    #[error("model {name}: {error}")]
    Calibration {
        /// Its name.
        name: String,
        /// Why.
        error: CalibrationError,
    },
    /// Its histogram of a feature.
    #[error("model {name}: histogram of {feature}: {error}")]
    Histogram {
        /// Its name.
        name: String,
        /// Of which feature.
        feature: String,
        /// Why.
        error: BinsError,
    },
    /// A format that nothing reads.
    #[error("model {name}: expected a format of the configuration, got {format:?}")]
    Format {
        /// Its name.
        name: String,
        /// What came.
        format: String,
    },
    /// A name that does not fit its field.
    #[error("model {name}: {error}")]
    Name {
        /// The name.
        name: String,
        /// Why.
        error: TextError,
    },
}

/// A calibration as files have it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum CalibrationHeader {
    /// None.
    #[default]
    None,
    /// Platt's sigmoid, scikit-learn's signs.
    Platt {
        /// `a_`.
        slope: f64,
        /// `b_`.
        offset: f64,
    },
    /// An isotonic table.
    Isotonic {
        /// Scores.
        from: Vec<f64>,
        /// Values.
        to: Vec<f64>,
        /// Straight lines between the points, or steps.
        #[serde(default)]
        steps: bool,
    },
}

impl CalibrationHeader {
    /// Checked and laid out.
    pub fn build(&self) -> Result<Calibration, CalibrationError> {
        match self {
            CalibrationHeader::None => Ok(Calibration::None),
            CalibrationHeader::Platt { slope, offset } => Calibration::platt(*slope, *offset),
            CalibrationHeader::Isotonic { from, to, steps } => {
                Calibration::table(from, to, if *steps { Between::Step } else { Between::Line })
            }
        }
    }
}

/// How one feature was distributed in the training window.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureHistogram {
    /// The feature.
    pub feature: String,
    /// Rising edges; a value on an edge belongs above it.
    pub edges: Vec<f64>,
    /// One share more than edges; they sum to 1.
    pub shares: Vec<f64>,
    /// Lowest and highest finite number; older tables did not keep them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
}

/// What a model is beside its bytes: all of it decides its score or is watched beside it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelHeader {
    /// Its name.
    pub name: String,
    /// Its maker's number.
    pub version: u32,
    /// A format of `model.format`.
    pub format: String,
    /// Its features, in its order.
    pub features: Vec<String>,
    /// How many boosting rounds take part; all if not said.
    #[serde(default)]
    pub rounds: Option<u32>,
    /// Of its scores.
    #[serde(default)]
    pub calibration: CalibrationHeader,
    /// The class of a rise, of a model with several outputs.
    #[serde(default)]
    pub long_class: Option<usize>,
    /// The class of a fall.
    #[serde(default)]
    pub short_class: Option<usize>,
    /// Trained for missing values.
    #[serde(default)]
    pub takes_missing: bool,
    /// How its features were distributed in training; all of them, or none.
    #[serde(default)]
    pub histograms: Vec<FeatureHistogram>,
}

/// A model before it is loaded.
#[derive(Clone, PartialEq, Debug)]
pub struct ModelSource {
    header: ModelHeader,
    /// As it stands in the kept file.
    header_line: Vec<u8>,
    bytes: Vec<u8>,
    digest: u64,
}

impl ModelSource {
    /// Of a header and the model file's bytes.
    pub fn new(header: ModelHeader, bytes: Vec<u8>) -> Self {
        let mut header_line =
            serde_json::to_vec(&header).expect("plain values with finite numbers serialize");
        header_line.push(b'\n');
        let digest = digest(&header_line, &bytes);
        ModelSource { header, header_line, bytes, digest }
    }

    /// What it says of itself.
    pub fn header(&self) -> &ModelHeader {
        &self.header
    }

    /// The model file's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The first eight bytes of the SHA-256 of header and bytes.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Loads it, for a row of these features; `drift_window` rows make one judgement of their drift.
    pub fn load(&self, row_names: &[impl AsRef<str>], drift_window: u32) -> Result<ModelUnit, SourceError> {
        let header = &self.header;
        let name = || header.name.clone();
        let text = FixedText::new(&header.name).map_err(|error| SourceError::Name { name: name(), error })?;
        let identity = ModelIdentity { digest: self.digest, version: header.version, name: text };
        let model = load_model(header, &self.bytes)?;
        let classes = Classes { long: header.long_class, short: header.short_class };
        let unit = ModelUnit::new(identity, model, row_names, classes)
            .map_err(|error| SourceError::Unit { name: name(), error })?;
        let calibration =
            header.calibration.build().map_err(|error| SourceError::Calibration { name: name(), error })?;
        let mut unit = unit.with_calibration(calibration);
        if header.takes_missing {
            unit = unit.taking_missing();
        }
        if !header.histograms.is_empty() && drift_window > 0 {
            unit = unit.with_drift(Drift::new(self.histograms()?, drift_window));
        }
        Ok(unit.with_ranges(self.ranges()))
    }

    /// Of the features whose range is known, in the model's order.
    fn ranges(&self) -> Vec<[f64; 2]> {
        let of = |feature: &String| {
            self.header.histograms.iter().find(|histogram| histogram.feature == *feature)?.range
        };
        self.header.features.iter().filter_map(of).collect()
    }

    /// One for each feature, in the model's order.
    fn histograms(&self) -> Result<Vec<FeatureBins>, SourceError> {
        let one = |feature: &String| {
            let found = self.header.histograms.iter().find(|histogram| histogram.feature == *feature);
            let (edges, shares) = found.map_or((&[][..], &[][..]), |found| (&found.edges, &found.shares));
            FeatureBins::new(edges, shares).map_err(|error| SourceError::Histogram {
                name: self.header.name.clone(),
                feature: feature.clone(),
                error,
            })
        };
        self.header.features.iter().map(one).collect()
    }

    /// Where a model is kept beside a journal.
    pub fn path(dir: &Path, digest: u64) -> PathBuf {
        dir.join(format!("model-{digest:016x}.bin"))
    }

    /// Keeps it beside a journal, durably; a model that is there already is left as it is.
    pub fn write(&self, dir: &Path) -> Result<(), SourceError> {
        let path = Self::path(dir, self.digest);
        if Self::read(dir, self.digest).is_ok() {
            return Ok(());
        }
        let written = replace_file(&path, &[&self.header_line, &self.bytes]);
        written.map_err(|error| SourceError::Io { path, error })
    }

    /// Reads one back.
    pub fn read(dir: &Path, digest: u64) -> Result<Self, SourceError> {
        let path = Self::path(dir, digest);
        let all = read_limited(&path, (HEADER_BYTES_MAX + MODEL_BYTES_MAX) as u64)?;
        let end = all.iter().position(|byte| *byte == b'\n').unwrap_or(all.len().saturating_sub(1));
        let (line, bytes) = all.split_at((end + 1).min(all.len()));
        let got = self::digest(line, bytes);
        if got != digest {
            return Err(SourceError::Digest { path, expected: digest, got });
        }
        // Not serde_json: it may read the last bit of a number wrong, and a replay must get the very numbers of the run.
        let header = simd_json::serde::from_slice(&mut line.to_vec())
            .map_err(|error| SourceError::Header { path, error: error.to_string() })?;
        Ok(ModelSource { header, header_line: line.to_vec(), bytes: bytes.to_vec(), digest })
    }
}

/// Reads a file that must not be larger than `max` bytes; its size is looked at before memory is taken, and what grows or has no
/// size (a pipe, a device) is not read further.
pub fn read_limited(path: &Path, max: u64) -> Result<Vec<u8>, SourceError> {
    let io = |error| SourceError::Io { path: path.to_owned(), error };
    let too_large = |got| Err(SourceError::TooLarge { path: path.to_owned(), max, got });
    let file = std::fs::File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    if size > max {
        return too_large(size);
    }
    let mut bytes = Vec::with_capacity(size as usize);
    file.take(max + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > max { too_large(bytes.len() as u64) } else { Ok(bytes) }
}

/// The one door to the loaders.
fn load_model(header: &ModelHeader, bytes: &[u8]) -> Result<Model, SourceError> {
    let known = Format::ALL.into_iter().find(|format| format.name() == header.format);
    let unknown = || SourceError::Format { name: header.name.clone(), format: header.format.clone() };
    let format = known.ok_or_else(unknown)?;
    let options = LoadOptions { rounds: header.rounds, ..LoadOptions::default() };
    Model::load(bytes, Some(format), &header.features, &options)
        .map_err(|error| SourceError::Model { name: header.name.clone(), error })
}

fn digest(header_line: &[u8], bytes: &[u8]) -> u64 {
    let mut sha = Sha256::new();
    sha.update(header_line);
    sha.update(bytes);
    let sha: [u8; 32] = sha.finalize().into();
    u64::from_be_bytes(std::array::from_fn(|index| sha[index]))
}

/// A digest as it is shown and as files are named by it.
pub fn digest_hex(digest: u64) -> String {
    format!("{digest:016x}")
}

/// SHA-256 of some bytes, in hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(weight: f64) -> ModelSource {
        let header = ModelHeader {
            name: "toy".into(),
            version: 3,
            format: "linear_json".into(),
            features: vec!["b".into(), "a".into()],
            rounds: None,
            calibration: CalibrationHeader::Platt { slope: -1.0 / 3.0, offset: 0.1 },
            long_class: None,
            short_class: None,
            takes_missing: false,
            histograms: Vec::new(),
        };
        let bytes = format!(
            r#"{{"format":"tickbridge-linear","version":1,"link":"identity","features":["b","a"],"weights":[{weight},1.0],"intercept":0.0}}"#
        );
        ModelSource::new(header, bytes.into_bytes())
    }

    #[test]
    fn a_kept_model_comes_back_whole_and_a_changed_one_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let kept = source(2.0);
        kept.write(dir.path()).unwrap();
        kept.write(dir.path()).unwrap();
        assert_eq!(ModelSource::read(dir.path(), kept.digest()).unwrap(), kept);
        let path = ModelSource::path(dir.path(), kept.digest());
        let good = std::fs::read(&path).unwrap();
        for at in [0, 20, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, bad).unwrap();
            let refused = ModelSource::read(dir.path(), kept.digest());
            assert!(matches!(refused, Err(SourceError::Digest { .. })), "{refused:?}");
        }
        std::fs::write(&path, b"").unwrap();
        assert!(ModelSource::read(dir.path(), kept.digest()).is_err());
        kept.write(dir.path()).unwrap();
        assert!(ModelSource::read(dir.path(), kept.digest()).is_ok(), "a broken one is written anew");
        assert_ne!(source(2.0).digest(), source(2.5).digest());
    }

    #[test]
    fn a_file_is_read_up_to_its_limit_whatever_it_says_of_its_size() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, [7; 10]).unwrap();
        assert_eq!(read_limited(&path, 10).unwrap(), [7; 10]);
        for (path, max) in [(path.as_path(), 9), (Path::new("/dev/zero"), 1_000)] {
            let refused = read_limited(path, max);
            assert!(
                matches!(refused, Err(SourceError::TooLarge { got, .. }) if got == max + 1),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn columns_are_matched_by_name_and_a_missing_one_is_named() {
        let mut unit = source(2.0).load(&["a", "other", "b"], 0).unwrap();
        assert_eq!(unit.columns(), [2, 0]);
        let sum: f64 = 2.0 * 10.0 + 1.0;
        let expected = 1.0 / (1.0 + (-1.0 / 3.0 * sum + 0.1).exp());
        assert_eq!(unit.score(&[1.0, f32::NAN, 10.0]).to_bits(), expected.to_bits());
        assert!(unit.score(&[f32::NAN, 0.0, 10.0]).is_nan());
        let refused = source(2.0).load(&["a", "other"], 0).unwrap_err().to_string();
        assert_eq!(refused, "model toy: expected features that are configured, got \"b\", which is not");
    }
}
