//! The models of a start: which stand where, from the configuration or from what an earlier run was brought to.
//!
//! What it is not: an exchange at run time; `app` does that, through a record.
//!
//! Invariant: every model of a start is kept beside the journal, by its digest, before the start is journalled.

use super::SetupError;
use crate::config::{CombineKind, Config, ModelFormat, ModelRole};
use crate::engine::{Ensemble, EnsembleError, MEMBERS_MAX, ModelSet, ModelUnit, SHADOWS_MAX, Slot};
use crate::model::MODEL_BYTES_MAX;
use crate::registry::{
    CalibrationHeader, Manifest, ManifestError, ModelHeader, ModelSource, Registry, SourceError, State,
    read_limited, slot_of,
};
use crate::signal::{Combine, Rule};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

/// Largest file with a calibration.
const CALIBRATION_BYTES_MAX: u64 = 1 << 20;

/// A model and its slot.
#[derive(Clone, Debug)]
pub struct PlacedModel {
    /// Where it stands.
    pub slot: Slot,
    /// What it is.
    pub source: Arc<ModelSource>,
}

/// The models of a start.
#[derive(Clone, Debug, Default)]
pub struct Models {
    /// In the order of their slots.
    pub placed: Vec<PlacedModel>,
    /// Of the ensemble's score.
    pub calibration: CalibrationHeader,
}

/// What a journal keeps of [`Models`]; the models' own files stand beside it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct SavedModels {
    /// In the order of their slots.
    pub placed: Vec<SavedModel>,
    /// Of the ensemble's score.
    pub calibration: CalibrationHeader,
}

/// A model and its slot as a journal keeps them beside its setup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SavedModel {
    /// `engine::Slot` as a code.
    pub slot: u8,
    /// In hexadecimal digits.
    pub digest: String,
}

impl SavedModels {
    /// Digest of the model in a slot, in hexadecimal digits.
    pub(super) fn at(&self, slot: Slot) -> Option<&str> {
        self.placed.iter().find(|placed| placed.slot == slot.code()).map(|placed| placed.digest.as_str())
    }

    /// The slots that are taken, as codes.
    pub(super) fn slots(&self) -> impl Iterator<Item = u8> + '_ {
        self.placed.iter().map(|placed| placed.slot)
    }
}

impl Models {
    /// Names and digests, for a journal's setup.
    pub fn saved(&self) -> SavedModels {
        let saved = |placed: &PlacedModel| SavedModel {
            slot: placed.slot.code(),
            digest: crate::registry::digest_hex(placed.source.digest()),
        };
        SavedModels { placed: self.placed.iter().map(saved).collect(), calibration: self.calibration.clone() }
    }

    /// Keeps every model beside a journal.
    pub fn write(&self, dir: &Path) -> Result<(), SetupError> {
        self.placed.iter().try_for_each(|placed| placed.source.write(dir)).map_err(SetupError::from)
    }

    /// Reads what a journal kept.
    pub fn read(dir: &Path, saved: &SavedModels) -> Result<Self, SetupError> {
        let one = |saved: &SavedModel| {
            let wrong = || SetupError::SavedModel { slot: saved.slot, digest: saved.digest.clone() };
            let digest = u64::from_str_radix(&saved.digest, 16).map_err(|_| wrong())?;
            let slot = Slot::from_code(saved.slot).ok_or_else(wrong)?;
            Ok(PlacedModel { slot, source: Arc::new(ModelSource::read(dir, digest)?) })
        };
        let placed = saved.placed.iter().map(one).collect::<Result<_, SetupError>>()?;
        Ok(Models { placed, calibration: saved.calibration.clone() })
    }

    /// A model takes a slot.
    pub fn place(&mut self, slot: Slot, source: Arc<ModelSource>) {
        self.clear(slot);
        self.placed.push(PlacedModel { slot, source });
        self.placed.sort_by_key(|placed| placed.slot.code());
    }

    /// A slot becomes empty.
    pub fn clear(&mut self, slot: Slot) {
        self.placed.retain(|placed| placed.slot != slot);
    }

    /// The model in a slot.
    pub fn at(&self, slot: Slot) -> Option<&Arc<ModelSource>> {
        self.placed.iter().find(|placed| placed.slot == slot).map(|placed| &placed.source)
    }

    /// A number that changes with every model.
    pub fn digest(&self, start: u64) -> u64 {
        let words =
            self.placed.iter().flat_map(|placed| [u64::from(placed.slot.code()), placed.source.digest()]);
        let calibration = format!("{:?}", self.calibration);
        let words = words.chain(calibration.bytes().map(u64::from));
        words.fold(start, |hash, word| (hash ^ word).wrapping_mul(0x100_0000_01b3))
    }

    /// Loads them all, for a row of these features.
    pub fn load(&self, config: &Config, row_names: &[String], rule: &Rule) -> Result<ModelSet, SetupError> {
        let (mut members, mut stack, mut shadows) = (Vec::new(), None, Vec::new());
        for placed in &self.placed {
            let load = |names: &[String]| -> Result<ModelUnit, SetupError> {
                let unit = placed.source.load(names, config.watch.drift_window);
                unit.map_err(|error| match file_of(config, placed.source.header()) {
                    Some(path) => SetupError::ModelFile { path: path.to_owned(), error },
                    None => SetupError::Model(error),
                })
            };
            match placed.slot {
                Slot::Member(_) => members.push(load(row_names)?),
                // It reads the members by place; their names were held against its file when it was configured.
                Slot::Stack => stack = Some(load(&placed.source.header().features)?),
                Slot::Shadow(_) => shadows.push((placed.slot, load(row_names)?)),
            }
        }
        let ensemble = Ensemble {
            combine: combine(config),
            weights: member_weights(config),
            calibration: self.calibration.build().map_err(|error| SetupError::Value {
                key: "ensemble.calibration",
                error: error.to_string(),
            })?,
            middle: config.ensemble.middle,
        };
        let mut set = ModelSet::new(members, stack, ensemble)?;
        for (slot, unit) in shadows {
            set.add_shadow(slot, unit, rule);
        }
        Ok(set)
    }
}

/// The file of a model that the configuration names; one of the registry has a version and a name instead.
fn file_of<'a>(config: &'a Config, header: &ModelHeader) -> Option<&'a Path> {
    let others = config.models.iter().map(|model| (&model.name, &model.file));
    let mut named = std::iter::once((&config.model.name, &config.model.file)).chain(others);
    let found = named.find(|(name, _)| header.version == 0 && **name == header.name);
    found.map(|(_, file)| file.as_path())
}

fn combine(config: &Config) -> Combine {
    let ensemble = &config.ensemble;
    match ensemble.combine {
        CombineKind::Mean => Combine::Mean,
        CombineKind::Stack => Combine::Stack,
        CombineKind::Vote => Combine::Vote {
            long_above: ensemble.vote_long_above,
            short_below: ensemble.vote_short_below,
            votes_min: ensemble.votes_min,
        },
    }
}

fn member_weights(config: &Config) -> Vec<f64> {
    let members = config.models.iter().filter(|model| model.role == ModelRole::Member);
    std::iter::once(config.model.weight).chain(members.map(|model| model.weight)).collect()
}

/// One model of the configuration, whichever section it stands in.
struct Entry<'a> {
    section: String,
    name: &'a str,
    file: &'a Path,
    format: ModelFormat,
    calibration: Option<&'a Path>,
    features: Option<&'a str>,
    classes: (Option<usize>, Option<usize>),
    takes_missing: bool,
    rounds: Option<u32>,
}

impl Entry<'_> {
    fn read(&self, all_features: &[String]) -> Result<Arc<ModelSource>, SetupError> {
        let listed = |list: &str| list.split(',').map(|name| name.trim().to_owned()).collect();
        let key = format!("{}.calibration", self.section);
        let calibration = self.calibration.map(|path| read_calibration(&key, path)).transpose()?;
        let calibration = calibration.unwrap_or_default();
        let header = ModelHeader {
            name: self.name.into(),
            version: 0,
            format: self.format.name().into(),
            features: self.features.map_or(all_features.to_vec(), listed),
            rounds: self.rounds,
            calibration,
            long_class: self.classes.0,
            short_class: self.classes.1,
            takes_missing: self.takes_missing,
            histograms: Vec::new(),
        };
        let bytes = read(self.file, MODEL_BYTES_MAX as u64)?;
        Ok(Arc::new(ModelSource::new(header, bytes)))
    }
}

fn read(path: &Path, max: u64) -> Result<Vec<u8>, SetupError> {
    read_limited(path, max).map_err(|error| match error {
        SourceError::Io { path, error } => SetupError::Read { path, error },
        other => other.into(),
    })
}

/// Checked at once, while its file is known.
fn read_calibration(key: &str, path: &Path) -> Result<CalibrationHeader, SetupError> {
    let mut bytes = read(path, CALIBRATION_BYTES_MAX)?;
    let wrong = |error: String| SetupError::Calibration { key: key.into(), path: path.to_owned(), error };
    let header: CalibrationHeader =
        simd_json::serde::from_slice(&mut bytes).map_err(|error| wrong(error.to_string()))?;
    header.build().map_err(|error| wrong(error.to_string()))?;
    Ok(header)
}

/// The configuration's features as JSON objects, in the row's order: what manifests are held against.
pub fn feature_objects(config: &Config) -> Vec<serde_json::Map<String, serde_json::Value>> {
    let object = |feature| match serde_json::to_value(feature) {
        Ok(serde_json::Value::Object(object)) => object,
        _ => serde_json::Map::new(),
    };
    config.features.iter().map(object).collect()
}

/// Holds a manifest against the configuration, for the slot that its model is to take.
pub fn check_manifest(config: &Config, slot: Slot, manifest: &Manifest) -> Result<(), ManifestError> {
    match slot {
        Slot::Stack => manifest.check_members(&member_names(config)),
        Slot::Member(_) | Slot::Shadow(_) => manifest.check_features(&feature_objects(config)),
    }
}

/// The live slots of a configuration, and what it calls the models in them.
pub fn live_slots(config: &Config) -> Vec<(Slot, &str)> {
    let of =
        |role| config.models.iter().filter(move |model| model.role == role).map(|model| model.name.as_str());
    let members = std::iter::once(config.model.name.as_str()).chain(of(ModelRole::Member));
    let members = members.enumerate().map(|(at, name)| (Slot::Member(at as u8), name));
    members.chain(of(ModelRole::Stack).map(|name| (Slot::Stack, name))).collect()
}

/// Names of the ensemble's members, in their order: the features of the model that stacks them.
fn member_names(config: &Config) -> Vec<String> {
    let members = config.models.iter().filter(|model| model.role == ModelRole::Member);
    std::iter::once(&config.model.name).chain(members.map(|model| &model.name)).cloned().collect()
}

/// What the registry's state says; nothing where the configuration has no registry.
pub fn registry_state(config: &Config) -> Result<State, SetupError> {
    config.registry.dir.as_ref().map_or_else(|| Ok(State::default()), |dir| Ok(Registry::new(dir).state()?))
}

/// The models that the configuration names, where the registry's state names no others.
pub fn read_models(config: &Config) -> Result<Models, SetupError> {
    let mut models = configured_models(config)?;
    let Some(dir) = &config.registry.dir else { return Ok(models) };
    let registry = Registry::new(dir);
    for (name, key) in registry.state()?.slots {
        let slot = slot_of(&name).ok_or_else(|| SetupError::Value {
            key: "registry.dir",
            error: format!("state.json: expected a slot, got {name:?}"),
        })?;
        if !matches!(slot, Slot::Shadow(_)) && models.at(slot).is_none() {
            let error = format!("state.json: expected slots of the configuration, got {name} with {key}");
            return Err(SetupError::Value { key: "registry.dir", error });
        }
        let (manifest, source) = registry.read(&key)?;
        check_manifest(config, slot, &manifest)
            .map_err(|error| SetupError::Value { key: "registry.dir", error: format!("{key}: {error}") })?;
        models.place(slot, Arc::new(source));
    }
    Ok(models)
}

/// The models that the configuration itself names, read from their files.
pub fn configured_models(config: &Config) -> Result<Models, SetupError> {
    let names: Vec<String> = config.features.iter().map(|feature| feature.name.clone()).collect();
    let first = &config.model;
    let mut models = Models::default();
    let entry = Entry {
        section: "model".into(),
        name: &first.name,
        file: &first.file,
        format: first.format,
        calibration: first.calibration.as_deref(),
        features: first.features.as_deref(),
        classes: (first.long_class, first.short_class),
        takes_missing: first.takes_missing,
        rounds: first.rounds,
    };
    models.place(Slot::Member(0), entry.read(&names)?);
    let (mut members, mut shadows) = (vec![first.name.clone()], 0u8);
    for model in &config.models {
        let entry = Entry {
            section: format!("models.{}", model.name),
            name: &model.name,
            file: &model.file,
            format: model.format,
            calibration: model.calibration.as_deref(),
            features: model.features.as_deref(),
            classes: (model.long_class, model.short_class),
            takes_missing: model.takes_missing,
            rounds: model.rounds,
        };
        match model.role {
            ModelRole::Member => {
                if members.len() == MEMBERS_MAX {
                    return Err(SetupError::Ensemble(EnsembleError::Members(members.len() + 1)));
                }
                models.place(Slot::Member(members.len() as u8), entry.read(&names)?);
                members.push(model.name.clone());
            }
            ModelRole::Shadow if usize::from(shadows) == SHADOWS_MAX => {
                let error = format!("expected at most {SHADOWS_MAX} with role = \"shadow\", got one more");
                return Err(SetupError::Value { key: "models", error });
            }
            ModelRole::Shadow => {
                models.place(Slot::Shadow(shadows), entry.read(&names)?);
                shadows += 1;
            }
            ModelRole::Stack if models.at(Slot::Stack).is_some() => {
                let error = "expected one with role = \"stack\", got two".into();
                return Err(SetupError::Value { key: "models", error });
            }
            // Read once all members are known.
            ModelRole::Stack => models.place(Slot::Stack, entry.read(&[])?),
        }
    }
    // The members' names are the features of the model that stacks them.
    if let Some(stack) = models.at(Slot::Stack).cloned() {
        let mut header = stack.header().clone();
        if header.features.is_empty() {
            header.features = members;
        }
        models.place(Slot::Stack, Arc::new(ModelSource::new(header, stack.bytes().to_vec())));
    }
    let whole = config.ensemble.calibration.as_deref();
    models.calibration =
        whole.map(|path| read_calibration("ensemble.calibration", path)).transpose()?.unwrap_or_default();
    Ok(models)
}
