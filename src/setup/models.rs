//! The models of a start: which stand where, from the configuration or from what an earlier run was brought to.
//!
//! What it is not: an exchange at run time; `app` does that, through a record.
//!
//! Invariant: every model of a start is kept beside the journal, by its digest, before the start is journalled.

use super::SetupError;
use crate::config::{self, Config};
use crate::engine::{Ensemble, ModelSet, ModelUnit, Slot};
use crate::journal::JournalReader;
use crate::record::{ModelAction, ModelChange};
use crate::registry::{CalibrationHeader, ModelHeader, ModelSource};
use crate::signal::{Calibration, Combine, Rule};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

/// A model and its slot.
#[derive(Clone, Debug)]
pub struct PlacedModel {
    /// Where it stands.
    pub slot: Slot,
    /// What it is.
    pub source: Arc<ModelSource>,
}

/// The models of a start, in the order of their slots.
#[derive(Clone, Debug, Default)]
pub struct Models(pub Vec<PlacedModel>);

/// A model and its slot as a journal keeps them beside its setup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SavedModel {
    /// `engine::Slot` as a code.
    pub slot: u8,
    /// In hexadecimal digits.
    pub digest: String,
}

impl Models {
    /// Names and digests, for a journal's setup.
    pub fn saved(&self) -> Vec<SavedModel> {
        let saved = |placed: &PlacedModel| SavedModel {
            slot: placed.slot.code(),
            digest: crate::registry::digest_hex(placed.source.digest()),
        };
        self.0.iter().map(saved).collect()
    }

    /// Keeps every model beside a journal.
    pub fn write(&self, dir: &Path) -> Result<(), SetupError> {
        self.0.iter().try_for_each(|placed| placed.source.write(dir)).map_err(SetupError::from)
    }

    /// Reads what a journal kept.
    pub fn read(dir: &Path, saved: &[SavedModel]) -> Result<Self, SetupError> {
        let one = |saved: &SavedModel| {
            let wrong = || SetupError::SavedModel { slot: saved.slot, digest: saved.digest.clone() };
            let digest = u64::from_str_radix(&saved.digest, 16).map_err(|_| wrong())?;
            let slot = Slot::from_code(saved.slot).ok_or_else(wrong)?;
            Ok(PlacedModel { slot, source: Arc::new(ModelSource::read(dir, digest)?) })
        };
        Ok(Models(saved.iter().map(one).collect::<Result<_, SetupError>>()?))
    }

    /// A model takes a slot.
    pub fn place(&mut self, slot: Slot, source: Arc<ModelSource>) {
        self.clear(slot);
        self.0.push(PlacedModel { slot, source });
        self.0.sort_by_key(|placed| placed.slot.code());
    }

    /// A slot becomes empty.
    pub fn clear(&mut self, slot: Slot) {
        self.0.retain(|placed| placed.slot != slot);
    }

    /// The model in a slot.
    pub fn at(&self, slot: Slot) -> Option<&Arc<ModelSource>> {
        self.0.iter().find(|placed| placed.slot == slot).map(|placed| &placed.source)
    }

    /// A number that changes with every model.
    pub fn digest(&self, start: u64) -> u64 {
        let words = self.0.iter().flat_map(|placed| [u64::from(placed.slot.code()), placed.source.digest()]);
        words.fold(start, |hash, word| (hash ^ word).wrapping_mul(0x100_0000_01b3))
    }

    /// Loads them all, for a row of these features.
    pub fn load(&self, config: &Config, row_names: &[String], rule: &Rule) -> Result<ModelSet, SetupError> {
        let _ = config;
        let (mut members, mut stack, mut shadows) = (Vec::new(), None, Vec::new());
        for placed in &self.0 {
            let load = |names: &[String]| -> Result<ModelUnit, SetupError> {
                Ok(placed.source.load(names, DRIFT_WINDOW)?)
            };
            match placed.slot {
                Slot::Member(_) => members.push(load(row_names)?),
                // It reads the members by place; their names were held against its file when it was configured.
                Slot::Stack => stack = Some(load(&placed.source.header().features)?),
                Slot::Shadow(_) => shadows.push((placed.slot, load(row_names)?)),
            }
        }
        let ensemble = Ensemble {
            combine: Combine::Mean,
            weights: vec![1.0; members.len()],
            calibration: Calibration::None,
            middle: 0.5,
        };
        let mut set = ModelSet::new(members, stack, ensemble)?;
        for (slot, unit) in shadows {
            set.add_shadow(slot, unit, rule);
        }
        Ok(set)
    }
}

/// Rows of one judgement of drift.
pub const DRIFT_WINDOW: u32 = 10_000;

/// The models that the configuration names, read from their files.
pub fn read_models(config: &Config) -> Result<Models, SetupError> {
    let names: Vec<String> = config.features.iter().map(|feature| feature.name.clone()).collect();
    let path = &config.model.file;
    let bytes = std::fs::read(path).map_err(|error| SetupError::Read { path: path.clone(), error })?;
    let mut models = Models::default();
    let header = ModelHeader {
        name: "model".into(),
        version: 0,
        format: format_name(config.model.format).into(),
        features: names,
        calibration: CalibrationHeader::None,
        long_class: None,
        short_class: None,
        takes_missing: false,
        histograms: Vec::new(),
    };
    models.place(Slot::Member(0), Arc::new(ModelSource::new(header, bytes)));
    Ok(models)
}

fn format_name(format: config::ModelFormat) -> &'static str {
    match format {
        config::ModelFormat::XgboostJson => "xgboost_json",
        config::ModelFormat::LinearJson => "linear_json",
    }
}

/// What a start runs with: the configuration's models, or those that the last start was brought to, as long as the
/// configuration still names what it named then.
///
/// `last` is what the last start was configured with and ran with; `changes` the journal's changes since.
pub fn effective(
    dir: &Path,
    configured: &Models,
    last: Option<(&[SavedModel], &[SavedModel])>,
    changes: &[ModelChange],
) -> Result<Models, SetupError> {
    let Some((last_configured, last_live)) = last else { return Ok(configured.clone()) };
    if last_configured != configured.saved() {
        return Ok(configured.clone());
    }
    let mut models = Models::read(dir, last_live)?;
    for change in changes {
        let Some(slot) = Slot::from_code(change.slot) else { continue };
        match ModelAction::from_code(change.action) {
            Some(ModelAction::Install) => {
                models.place(slot, Arc::new(ModelSource::read(dir, change.digest)?));
            }
            Some(ModelAction::Remove) => models.clear(slot),
            None => {}
        }
    }
    Ok(models)
}

/// The changes of models since the last start of a journal.
pub fn changes_since_start(dir: &Path) -> Result<Vec<ModelChange>, crate::journal::JournalError> {
    let mut changes = Vec::new();
    for record in JournalReader::open(dir)? {
        let record = record?;
        if record.kind() == Some(crate::record::Kind::Start) {
            changes.clear();
        }
        changes.extend(record.payload::<ModelChange>());
    }
    Ok(changes)
}
