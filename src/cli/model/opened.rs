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
use crate::model::{LoadOptions, MODEL_BYTES_MAX, Model, Summary, Unnamed};

/// How the file is read, and where the names of the row come from.
#[derive(clap::Args, Debug)]
pub(super) struct Reading {
    /// Feature names of the row, in order, which must be the file's own; a file without names takes them by position
    #[arg(long, value_name = "A,B,C", value_delimiter = ',', conflicts_with = "features")]
    names: Option<Vec<String>>,
    /// A configuration whose features must be the model's
    #[arg(long, value_name = "CONFIG")]
    features: Option<PathBuf>,
    /// Take so many boosting rounds, from the first, instead of all
    #[arg(long, value_name = "N")]
    rounds: Option<u32>,
}

impl Reading {
    fn options(&self) -> LoadOptions {
        // Who says the names vouches for them.
        let unnamed = if self.names.is_some() { Unnamed::ByPosition } else { Unnamed::Refused };
        LoadOptions { rounds: self.rounds, unnamed }
    }

    fn names(&self, bytes: &[u8], file: &Path) -> Result<Vec<String>, ModelFault> {
        if let Some(names) = &self.names {
            return Ok(names.clone());
        }
        if let Some(config) = &self.features {
            let resolved = Resolved::load(config).map_err(|errors| ModelFault::Config(errors.to_string()))?;
            return Ok(resolved.config.features.iter().map(|feature| feature.name.clone()).collect());
        }
        Model::names_in(bytes, None, &self.options())
            .map_err(|error| ModelFault::Model { path: file.to_path_buf(), error })
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
    pub(super) fn open(path: &Path, reading: &Reading) -> Result<Self, ModelFault> {
        let bytes = read(path)?;
        let refuse = |error| ModelFault::Model { path: path.to_path_buf(), error };
        let (names, options) = (reading.names(&bytes, path)?, reading.options());
        let summary = Model::summary(&bytes, None, &names, &options).map_err(refuse)?;
        let kernels = Model::load_every_kernel(&bytes, None, &names, &options).map_err(refuse)?;
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
