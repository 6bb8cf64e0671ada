//! The registry's folder: `NAME/VERSION/manifest.json` with the model's file beside it, and `state.json`, which says what stands
//! where and what stood there before.
//!
//! What it is not: the appliance; a promotion in a running one goes through its console, which lays the new state ready, hands the
//! model over, and puts the state in place afterwards.
//!
//! Invariant: a model is held against its manifest whenever it is read; files are replaced as a whole, so a reader never sees half
//! of one; what stands in a slot cannot be removed.

use super::manifest::{Manifest, ManifestError, is_model_name};
use super::source::{ModelSource, SourceError, read_limited};
use super::state::{Change, Direction, Said, State, slot_name};
use super::whole::{self, replace_file};
use crate::engine::Slot;
use crate::model::MODEL_BYTES_MAX;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Largest manifest or state.
const JSON_BYTES_MAX: u64 = 16 << 20;
/// What stands where.
const STATE: &str = "state.json";
/// Held by whoever changes the state.
const LOCK: &str = "state.lock";
/// Changes that the state remembers.
const HISTORY_MAX: usize = 1_000;

/// Why the registry refuses.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A file.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A manifest does not fit.
    #[error("{}: {error}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// Why.
        error: ManifestError,
    },
    /// A file of JSON that is none.
    #[error("{}: {error}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        error: String,
    },
    /// There is none.
    #[error("expected a model of the registry, got {0}, which is not there")]
    Unknown(ModelKey),
    /// There is one already.
    #[error("{0} is in the registry already: a version never changes, take the next number")]
    Exists(ModelKey),
    /// It stands somewhere.
    #[error("{key} stands in {slot}: promote another one, or take the shadow out, first")]
    InUse {
        /// Which.
        key: ModelKey,
        /// Where.
        slot: String,
    },
    /// Nothing stood there before.
    #[error("{0}: nothing is known to have stood there before")]
    NoHistory(String),
}

/// A name and a version.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelKey {
    /// The name.
    pub name: String,
    /// The version.
    pub version: u32,
}

impl std::fmt::Display for ModelKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

impl std::str::FromStr for ModelKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected NAME@VERSION, got {text:?}");
        let (name, version) = text.rsplit_once('@').ok_or_else(wrong)?;
        let version = version.parse().map_err(|_| wrong())?;
        if name.is_empty() { Err(wrong()) } else { Ok(ModelKey { name: name.into(), version }) }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Registry {
    dir: PathBuf,
}

impl Registry {
    /// The folder need not exist before the first model is added.
    pub fn new(dir: &Path) -> Self {
        Registry { dir: dir.to_owned() }
    }

    /// A model's folder; a key comes from an operator's command, and its name may not lead elsewhere.
    fn model_dir(&self, key: &ModelKey) -> Result<PathBuf, RegistryError> {
        if !is_model_name(&key.name) {
            return Err(RegistryError::Unknown(key.clone()));
        }
        Ok(self.dir.join(&key.name).join(key.version.to_string()))
    }

    /// Takes a model in; a version that is there already is not replaced.
    pub fn add(&self, manifest: &Manifest, bytes: &[u8]) -> Result<ModelKey, RegistryError> {
        let key = ModelKey { name: manifest.name.clone(), version: manifest.version };
        let check = |error| RegistryError::Manifest { path: "manifest".into(), error };
        manifest.check_bytes(bytes).map_err(check)?;
        let dir = self.model_dir(&key)?;
        if dir.join("manifest.json").exists() {
            return Err(RegistryError::Exists(key));
        }
        std::fs::create_dir_all(&dir).map_err(io(&dir))?;
        replace(&dir.join(&manifest.file), bytes)?;
        // The manifest comes last: without it, there is no model.
        replace(&dir.join("manifest.json"), &to_json(manifest))?;
        Ok(key)
    }

    /// A model's manifest and the model, held against each other.
    pub fn read(&self, key: &ModelKey) -> Result<(Manifest, ModelSource), RegistryError> {
        let dir = self.model_dir(key)?;
        let path = dir.join("manifest.json");
        if !path.exists() {
            return Err(RegistryError::Unknown(key.clone()));
        }
        let manifest: Manifest = from_json(&path)?;
        let fail = |error| RegistryError::Manifest { path: path.clone(), error };
        if manifest.name != key.name || manifest.version != key.version {
            return Err(fail(ManifestError::Name(format!("{}@{}", manifest.name, manifest.version))));
        }
        // Before its path is made of it.
        if Path::new(&manifest.file).components().count() != 1 {
            return Err(fail(ManifestError::File(manifest.file.clone())));
        }
        let bytes = read_limited(&dir.join(&manifest.file), MODEL_BYTES_MAX as u64)?;
        manifest.check_bytes(&bytes).map_err(fail)?;
        let source = manifest.source(bytes);
        Ok((manifest, source))
    }

    /// Every model, by name and version.
    pub fn list(&self) -> Result<Vec<ModelKey>, RegistryError> {
        let mut keys = Vec::new();
        if !self.dir.exists() {
            return Ok(keys);
        }
        for name in std::fs::read_dir(&self.dir).map_err(io(&self.dir))?.flatten() {
            let Ok(versions) = std::fs::read_dir(name.path()) else { continue };
            for version in versions.flatten().filter(|entry| entry.path().join("manifest.json").exists()) {
                let (name, version) = (name.file_name(), version.file_name());
                if let (Some(name), Some(version)) =
                    (name.to_str(), version.to_str().and_then(|v| v.parse().ok()))
                {
                    keys.push(ModelKey { name: name.into(), version });
                }
            }
        }
        keys.sort();
        Ok(keys)
    }

    /// Takes a model out of the folder; not one that stands in a slot.
    pub fn remove(&self, key: &ModelKey) -> Result<(), RegistryError> {
        let state = self.state()?;
        if let Some((slot, _)) = state.slots.iter().find(|(_, have)| *have == key) {
            return Err(RegistryError::InUse { key: key.clone(), slot: slot.clone() });
        }
        let dir = self.model_dir(key)?;
        let manifest = dir.join("manifest.json");
        if !manifest.exists() {
            return Err(RegistryError::Unknown(key.clone()));
        }
        // The manifest goes first: without it, there is no model.
        std::fs::remove_file(&manifest).map_err(io(&manifest))?;
        std::fs::remove_dir_all(&dir).map_err(io(&dir))
    }

    /// What stands where.
    pub fn state(&self) -> Result<State, RegistryError> {
        let path = self.dir.join(STATE);
        if path.exists() { from_json(&path) } else { Ok(State::default()) }
    }

    /// Waits until nobody else changes the state, and keeps others out as long as the answer lives.
    pub fn lock(&self) -> Result<std::fs::File, RegistryError> {
        std::fs::create_dir_all(&self.dir).map_err(io(&self.dir))?;
        let path = self.dir.join(LOCK);
        let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        file.and_then(|file| file.lock().map(|()| file)).map_err(io(&path))
    }

    /// Writes down that a slot changed.
    pub fn assign(&self, slot: Slot, to: Option<ModelKey>, said: Said<'_>) -> Result<(), RegistryError> {
        self.prepare(slot, to, said)?.commit()
    }

    /// Lays the state of a change ready on the disk, durably, without putting it in place: whatever can be wrong with the folder
    /// is known before the change is made.
    pub fn prepare(
        &self,
        slot: Slot,
        to: Option<ModelKey>,
        said: Said<'_>,
    ) -> Result<PreparedState, RegistryError> {
        let mut state = self.state()?;
        let name = slot_name(slot);
        let from = match &to {
            Some(key) => state.slots.insert(name.clone(), key.clone()),
            None => state.slots.remove(&name),
        };
        let Said { who, why, ts_ns, direction } = said;
        let rollback = direction == Direction::Back;
        state.history.push(Change {
            slot: name,
            from,
            to,
            who: who.into(),
            why: why.into(),
            ts_ns,
            rollback,
        });
        let surplus = state.history.len().saturating_sub(HISTORY_MAX);
        state.history.drain(..surplus);
        std::fs::create_dir_all(&self.dir).map_err(io(&self.dir))?;
        let path = self.dir.join(STATE);
        whole::write_beside(&path, &[&to_json(&state)]).map_err(io(&path))?;
        Ok(PreparedState { path, is_laid: true })
    }
}

/// A state that is on the disk, but not in its place; dropping it takes it away.
#[derive(Debug)]
#[must_use = "it is not in place before it is committed"]
pub struct PreparedState {
    path: PathBuf,
    is_laid: bool,
}

impl PreparedState {
    /// Puts it in place of the old one.
    pub fn commit(mut self) -> Result<(), RegistryError> {
        whole::put_in_place(&self.path).map_err(io(&self.path))?;
        self.is_laid = false;
        Ok(())
    }
}

impl Drop for PreparedState {
    fn drop(&mut self) {
        if self.is_laid {
            // What stays behind is overwritten by the next change.
            let _ = std::fs::remove_file(whole::beside(&self.path));
        }
    }
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> RegistryError + '_ {
    move |error| RegistryError::Source(SourceError::Io { path: path.to_owned(), error })
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("plain values with finite numbers serialize");
    text.push(b'\n');
    text
}

fn from_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, RegistryError> {
    let mut bytes = read_limited(path, JSON_BYTES_MAX)?;
    // Not serde_json: it may read the last bit of a number wrong.
    simd_json::serde::from_slice(&mut bytes)
        .map_err(|error| RegistryError::Json { path: path.to_owned(), error: error.to_string() })
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), RegistryError> {
    replace_file(path, &[bytes]).map_err(io(path))
}

#[cfg(test)]
mod tests {
    use super::super::state::slot_of;
    use super::*;
    use serde_json::{Map, Value as Json};

    fn added(registry: &Registry, version: u32) -> ModelKey {
        let feature: Map<String, Json> = [("name".to_string(), Json::from("a"))].into_iter().collect();
        let bytes = format!("model {version}");
        let manifest = Manifest::plain("toy", version, "linear_json", bytes.as_bytes(), &[feature]);
        registry.add(&manifest, bytes.as_bytes()).unwrap()
    }

    fn said(why: &str, direction: Direction) -> Said<'_> {
        Said { who: "a", why, ts_ns: 1, direction }
    }

    #[test]
    fn a_state_of_before_the_field_is_read_by_its_words() {
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::new(dir.path());
        let change = |from: &str, to: &str, why: &str| {
            format!(
                r#"{{"slot": "member0", "from": {from}, "to": {to}, "who": "a", "why": "{why}", "ts_ns": 1}}"#
            )
        };
        let (one, two) = (r#"{"name": "toy", "version": 1}"#, r#"{"name": "toy", "version": 2}"#);
        let history =
            [change("null", one, "first"), change(one, two, "better"), change(two, one, "rollback: worse")];
        let text = format!(r#"{{"slots": {{"member0": {one}}}, "history": [{}]}}"#, history.join(","));
        std::fs::write(dir.path().join("state.json"), &text).unwrap();
        let state = registry.state().unwrap();
        assert_eq!(
            state.history.iter().map(|change| change.rollback).collect::<Vec<_>>(),
            [false, false, true]
        );
        assert_eq!(state.before(Slot::Member(0)), Some(None));
        // Written again, the field says it.
        registry.assign(Slot::Shadow(0), None, said("none", Direction::Forth)).unwrap();
        let kept = std::fs::read_to_string(dir.path().join("state.json")).unwrap();
        assert_eq!(kept.matches("\"rollback\": true").count(), 1, "{kept}");
        assert_eq!(registry.state().unwrap().before(Slot::Member(0)), Some(None));
        std::fs::write(dir.path().join("state.json"), text.replace("\"who\"", "\"whom\"")).unwrap();
        assert!(registry.state().unwrap_err().to_string().contains("whom"), "an unknown field is refused");
    }

    #[test]
    fn models_come_stand_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::new(&dir.path().join("registry"));
        assert!(registry.list().unwrap().is_empty());
        let (one, two) = (added(&registry, 1), added(&registry, 2));
        assert_eq!(registry.list().unwrap(), [one.clone(), two.clone()]);
        assert_eq!(registry.read(&two).unwrap().1.bytes(), b"model 2");
        let slot = Slot::Member(0);
        registry.assign(slot, Some(one.clone()), said("first", Direction::Forth)).unwrap();
        // Words that speak of a rollback make none.
        registry
            .assign(slot, Some(two.clone()), said("rollback: of the desk's choice", Direction::Forth))
            .unwrap();
        assert_eq!(registry.state().unwrap().before(slot), Some(Some(one.clone())));
        registry.assign(slot, Some(one.clone()), said("worse", Direction::Back)).unwrap();
        assert_eq!(
            registry.state().unwrap().before(slot),
            Some(None),
            "back once more is the configuration's own"
        );
        let words = registry.remove(&one).unwrap_err().to_string();
        assert_eq!(words, "toy@1 stands in member0: promote another one, or take the shadow out, first");
        registry.remove(&two).unwrap();
        assert!(matches!(registry.read(&two), Err(RegistryError::Unknown(_))));
        assert_eq!(registry.list().unwrap(), [one]);
    }

    #[test]
    fn a_prepared_state_is_in_place_only_once_it_is_committed() {
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::new(dir.path());
        let one = added(&registry, 1);
        let slot = Slot::Member(0);
        let prepare = |why: &str| registry.prepare(slot, Some(one.clone()), said(why, Direction::Forth));
        drop(prepare("given up").unwrap());
        assert_eq!(registry.state().unwrap(), State::default());
        assert!(!dir.path().join("state.new").exists(), "nothing is left of it");
        // What cannot be written is known before anything is changed.
        std::fs::create_dir(dir.path().join("state.new")).unwrap();
        assert!(prepare("no room").unwrap_err().to_string().contains("state.json: "));
        std::fs::remove_dir(dir.path().join("state.new")).unwrap();
        let ready = prepare("in the way").unwrap();
        std::fs::create_dir_all(dir.path().join("state.json/something")).unwrap();
        assert!(ready.commit().unwrap_err().to_string().contains("state.json: "));
        std::fs::remove_dir_all(dir.path().join("state.json")).unwrap();
        prepare("done").unwrap().commit().unwrap();
        assert_eq!(registry.state().unwrap().slots["member0"], one);
    }

    #[test]
    fn a_key_that_leads_out_of_the_folder_is_no_model() {
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::new(&dir.path().join("registry"));
        added(&registry, 1);
        let outside = dir.path().join("outside/1");
        std::fs::create_dir_all(&outside).unwrap();
        std::fs::write(outside.join("manifest.json"), "{}").unwrap();
        for name in ["../outside".to_string(), dir.path().join("outside").display().to_string(), ".".into()] {
            let key = ModelKey { name, version: 1 };
            assert!(matches!(registry.read(&key), Err(RegistryError::Unknown(_))));
            assert!(matches!(registry.remove(&key), Err(RegistryError::Unknown(_))));
        }
        assert!(outside.join("manifest.json").exists());
    }

    #[test]
    fn a_changed_file_and_a_used_version_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::new(dir.path());
        let key = added(&registry, 1);
        let feature: Map<String, Json> = [("name".to_string(), Json::from("a"))].into_iter().collect();
        let other = Manifest::plain("toy", 1, "linear_json", b"x", &[feature]);
        assert!(matches!(registry.add(&other, b"x"), Err(RegistryError::Exists(_))));
        std::fs::write(dir.path().join("toy/1/model"), "model 9").unwrap();
        let words = registry.read(&key).unwrap_err().to_string();
        assert!(words.contains("toy/1/manifest.json: sha256: expected "), "{words}");
        std::fs::write(dir.path().join("state.json"), "{").unwrap();
        assert!(registry.state().unwrap_err().to_string().contains("state.json"));
    }

    #[test]
    fn slots_have_names() {
        for code in 0..=u8::MAX {
            if let Some(slot) = Slot::from_code(code) {
                assert_eq!(slot_of(&slot_name(slot)), Some(slot));
                assert_eq!(slot.code(), code);
            }
        }
        assert_eq!(slot_of("member7"), None);
        assert_eq!("a@b@3".parse(), Ok(ModelKey { name: "a@b".into(), version: 3 }));
        assert!("a".parse::<ModelKey>().is_err() && "@1".parse::<ModelKey>().is_err());
    }
}
