//! Models as files: what a model is beside its bytes, how it is kept beside a journal, and the folder that an operator keeps.
//!
//! What it is not: the models that run; `engine` has those, and `app` exchanges them.
//!
//! Invariant: a model is named by a digest of everything that makes its score. What is read back is held against that digest
//! before it is used; what differs is refused by name, and nothing that runs is touched.

mod folder;
mod manifest;
mod source;
mod state;
mod whole;

pub use folder::{ModelKey, PreparedState, Registry, RegistryError};
pub use manifest::{Manifest, ManifestError, TrainingWindow};
pub use source::{
    CalibrationHeader, FeatureHistogram, ModelHeader, ModelSource, SourceError, digest_hex, read_limited,
    sha256_hex,
};
pub use state::{Change, Direction, Said, State, slot_name, slot_of};
pub use whole::replace_file;
