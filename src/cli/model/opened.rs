//! A model file opened for a tool: its bytes, its names, and the same model once for every kernel that runs here.
//!
//! What it is not: how the appliance loads its model; `setup` does that, for the features of its configuration.
//!
//! Invariant: a file larger than a model may be is refused before it is read.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::ModelFault;
use super::rows::Width;
use crate::config::Resolved;
use crate::model::{MODEL_BYTES_MAX, Model, Summary};

/// Where the names of the row come from.
#[derive(clap::Args, Debug)]
#[group(multiple = false)]
pub(super) struct Naming {
    /// Feature names of the row, in order, instead of the file's own
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    names: Option<Vec<String>>,
    /// A configuration whose features must be the model's
    #[arg(long, value_name = "CONFIG")]
    features: Option<PathBuf>,
}

impl Naming {
    fn names(&self, bytes: &[u8], file: &Path) -> Result<Vec<String>, ModelFault> {
        if let Some(names) = &self.names {
            return Ok(names.clone());
        }
        if let Some(config) = &self.features {
            let resolved = Resolved::load(config).map_err(|errors| ModelFault::Config(errors.to_string()))?;
            return Ok(resolved.config.features.iter().map(|feature| feature.name.clone()).collect());
        }
        Model::names_in(bytes).map_err(|error| ModelFault::Model { path: file.to_path_buf(), error })
    }
}

/// An opened model.
#[derive(Debug)]
pub(super) struct Opened {
    pub path: PathBuf,
    pub file_bytes: usize,
    pub summary: Summary,
    /// One for each kernel that runs here, fastest first: the first is what the appliance takes.
    pub kernels: Vec<Model>,
}

impl Opened {
    pub(super) fn open(path: &Path, naming: &Naming) -> Result<Self, ModelFault> {
        let bytes = read(path)?;
        let refuse = |error| ModelFault::Model { path: path.to_path_buf(), error };
        let names = naming.names(&bytes, path)?;
        let summary = Model::summary(&bytes, &names).map_err(refuse)?;
        let kernels = match summary.tree_count {
            0 => vec![Model::from_json(&bytes, &names).map_err(refuse)?],
            _ => Model::every_kernel(&bytes, &names).map_err(refuse)?,
        };
        Ok(Opened { path: path.to_path_buf(), file_bytes: bytes.len(), summary, kernels })
    }

    /// The kernels called `name`, or all of them without a name.
    pub(super) fn kernels_named(&self, name: Option<&str>) -> Result<Vec<&Model>, ModelFault> {
        let chosen: Vec<&Model> =
            self.kernels.iter().filter(|model| name.is_none_or(|name| model.kernel_name() == name)).collect();
        match (chosen.is_empty(), name) {
            (true, Some(name)) => Err(ModelFault::Kernel {
                got: name.into(),
                have: self.kernels.iter().map(Model::kernel_name).collect::<Vec<_>>().join(", "),
            }),
            _ => Ok(chosen),
        }
    }

    /// In which width its scores are compared.
    pub(super) fn width(&self) -> Width {
        if self.summary.scores_are_single { Width::Single } else { Width::Double }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ModelFault> {
    let refuse = |error| ModelFault::Read { path: path.to_path_buf(), error };
    let file = std::fs::File::open(path).map_err(refuse)?;
    let mut bytes = Vec::new();
    // One byte more than is allowed, so that the loader refuses it by its limit.
    file.take(MODEL_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(refuse)?;
    Ok(bytes)
}
