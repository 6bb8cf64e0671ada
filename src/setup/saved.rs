//! The setup of a start as the journal's folder keeps it.
//!
//! What it is not: the models' own bytes; they stand beside it in files of their own.
//!
//! Invariant: what is read back is, to the last bit, what was written; what the version that wrote it did not know yet has its
//! default; what this version does not know is refused with the version that wrote it.

use super::SetupError;
use super::models::{Models, SavedModels};
use crate::config::{Config, complete};
use crate::registry::replace_file;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The configuration and models of one start, as the journal's folder keeps them; the models' files stand beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedSetup {
    /// The version that wrote it.
    #[serde(default)]
    pub written_by: String,
    /// Resolved.
    pub config: Config,
    /// The models that the configuration named.
    #[serde(default)]
    pub configured: SavedModels,
    /// The models that it ran with.
    #[serde(default)]
    pub models: SavedModels,
}

impl SavedSetup {
    /// Of a configuration, the models that it names, and those that run.
    pub fn new(config: &Config, configured: &Models, models: &Models) -> Self {
        let written_by = format!("tickbridge {}", env!("CARGO_PKG_VERSION"));
        SavedSetup {
            written_by,
            config: config.clone(),
            configured: configured.saved(),
            models: models.saved(),
        }
    }

    /// The last one before `epoch`.
    pub fn last_before(dir: &Path, epoch: u32) -> Result<Option<(u32, Self)>, SetupError> {
        let last = (1..epoch).rev().find(|epoch| Self::path(dir, *epoch).exists());
        last.map(|epoch| Ok((epoch, Self::read(dir, epoch)?))).transpose()
    }

    /// Where the setup of an epoch stands in a journal's folder.
    pub fn path(dir: &Path, epoch: u32) -> PathBuf {
        dir.join(format!("setup-{epoch:06}.json"))
    }

    /// Keeps it in a journal's folder, durably; it is there whole or not at all, because the next start reads it.
    pub fn write(&self, dir: &Path, epoch: u32) -> Result<(), SetupError> {
        let path = Self::path(dir, epoch);
        let written = serde_json::to_vec(self).map_err(std::io::Error::from);
        let written = written.and_then(|bytes| replace_file(&path, &[&bytes]));
        written.map_err(|error| SetupError::Write { path, error })
    }

    /// Refuses a configuration in which the journal's venue and instrument numbers would mean something else.
    pub fn check_names(config: &Config, dir: &Path, epoch: u32) -> Result<(), SetupError> {
        let Some((last, old)) = Self::last_before(dir, epoch)? else { return Ok(()) };
        let old = old.config;
        let venues =
            |config: &Config| config.venues.iter().map(|v| (v.login, v.server.clone())).collect::<Vec<_>>();
        let symbols =
            |config: &Config| config.instruments.iter().map(|i| i.symbol.clone()).collect::<Vec<_>>();
        let same = venues(config).starts_with(&venues(&old)) && symbols(config).starts_with(&symbols(&old));
        if same { Ok(()) } else { Err(SetupError::Renamed { epoch: last }) }
    }

    /// Reads the setup of an epoch back.
    pub fn read(dir: &Path, epoch: u32) -> Result<Self, SetupError> {
        let path = Self::path(dir, epoch);
        let mut bytes =
            std::fs::read(&path).map_err(|error| SetupError::Read { path: path.clone(), error })?;
        // Not serde_json: it may read the last bit of a number wrong, and a replay must get the very numbers of the run.
        let mut copy = bytes.clone();
        let whole = simd_json::serde::from_slice(&mut copy).map_err(|error| error.to_string());
        let read = whole.and_then(|mut whole: serde_json::Value| {
            if let Some(config) = whole.get_mut("config") {
                complete(config);
            }
            serde_json::from_value(whole).map_err(|error| error.to_string())
        });
        read.map_err(|error| SetupError::Saved { path, written_by: written_by(&mut bytes), error })
    }
}

/// Who wrote a setup whose other parts cannot be read.
fn written_by(bytes: &mut [u8]) -> String {
    #[derive(Deserialize)]
    struct Signed {
        written_by: Option<String>,
    }
    match simd_json::serde::from_slice(bytes) {
        Ok(Signed { written_by: Some(version) }) => version,
        Ok(Signed { written_by: None }) => "an earlier version, which did not sign it".into(),
        Err(_) => "nobody knows whom: it is no whole JSON".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Prng;
    use crate::setup::read_models;

    #[test]
    fn a_kept_setup_comes_back_to_the_last_bit() {
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo.toml");
        let mut config = Config::load(&demo).expect("the demo's configuration is valid");
        let models = read_models(&config).expect("the demo's model is there");
        let folder = tempfile::tempdir().unwrap();
        let mut dice = Prng::new(7);
        let mut seen = 0;
        while seen < 200 {
            let hard = f64::from_bits(dice.next_u64());
            if !hard.is_finite() {
                continue;
            }
            seen += 1;
            config.signal.enter_long_above = hard;
            config.risk.daily_loss_max = 0.1 + hard.abs().sqrt();
            let saved = SavedSetup::new(&config, &models, &models);
            saved.write(folder.path(), 1).unwrap();
            let read = SavedSetup::read(folder.path(), 1).unwrap();
            assert_eq!(read.config.signal.enter_long_above.to_bits(), hard.to_bits(), "{hard:e}");
            assert_eq!(format!("{:?}", read.config), format!("{:?}", saved.config));
            assert_eq!((read.models, read.config.digest()), (saved.models, saved.config.digest()));
        }
    }

    #[test]
    fn a_start_that_died_while_it_wrote_its_setup_does_not_stop_the_next() {
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo.toml");
        let config = Config::load(&demo).expect("the demo's configuration is valid");
        let folder = tempfile::tempdir().unwrap();
        let saved = SavedSetup::new(&config, &Models::default(), &Models::default());
        saved.write(folder.path(), 1).unwrap();
        let files = || std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files(), 1, "nothing is left beside it");
        // What a kill leaves between the first byte and the rename.
        let second = SavedSetup::path(folder.path(), 2);
        std::fs::write(second.with_extension("new"), "{\"config\": 1").unwrap();
        assert_eq!(SavedSetup::last_before(folder.path(), 3).unwrap().map(|(epoch, _)| epoch), Some(1));
        saved.write(folder.path(), 2).unwrap();
        assert_eq!(SavedSetup::last_before(folder.path(), 3).unwrap().map(|(epoch, _)| epoch), Some(2));
        assert_eq!(files(), 2);
    }

    #[test]
    fn a_damaged_setup_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(SavedSetup::path(folder.path(), 3), "{\"config\": 1").unwrap();
        let words = SavedSetup::read(folder.path(), 3).unwrap_err().to_string();
        assert!(words.contains("setup-000003.json: expected the setup of an epoch"), "{words}");
        assert!(words.contains("no whole JSON"), "{words}");
    }

    #[test]
    fn a_setup_of_another_version_is_refused_with_that_version() {
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo.toml");
        let config = Config::load(&demo).expect("the demo's configuration is valid");
        let models = read_models(&config).expect("the demo's model is there");
        let folder = tempfile::tempdir().unwrap();
        let whole = serde_json::to_value(SavedSetup::new(&config, &models, &models)).unwrap();
        assert_eq!(whole["written_by"], format!("tickbridge {}", env!("CARGO_PKG_VERSION")));
        let refused = |change: &dyn Fn(&mut serde_json::Map<String, serde_json::Value>)| {
            let mut setup = whole.clone();
            change(setup.as_object_mut().unwrap());
            std::fs::write(SavedSetup::path(folder.path(), 1), setup.to_string()).unwrap();
            SavedSetup::read(folder.path(), 1).err().map(|error| error.to_string())
        };
        assert_eq!(refused(&|_| {}), None);
        let unsigned =
            |setup: &mut serde_json::Map<String, serde_json::Value>| drop(setup.remove("written_by"));
        assert_eq!(refused(&unsigned), None, "what has every section is read, signed or not");
        // As the spine's version wrote it: without what came later.
        let old = refused(&|setup| {
            unsigned(setup);
            for section in ["history", "models", "ensemble", "watch", "registry", "operator", "exits"] {
                setup["config"].as_object_mut().unwrap().remove(section);
            }
            setup["config"]["journal"].as_object_mut().unwrap().remove("compress");
        });
        assert_eq!(old, None, "what it did not know yet has its default");
        let history = SavedSetup::read(folder.path(), 1).unwrap().config.history;
        assert_eq!(history, config.history, "the demo's is the default, too");
        // A limit has no default.
        let old = refused(&|setup| {
            unsigned(setup);
            setup["config"]["risk"].as_object_mut().unwrap().remove("order_lots_max");
        });
        let old = old.expect("refused");
        assert!(old.contains("setup-000001.json: expected the setup of an epoch that tickbridge"), "{old}");
        assert!(
            old.contains("written by an earlier version, which did not sign it")
                && old.contains("order_lots_max"),
            "{old}"
        );
        let newer = refused(&|setup| {
            setup["written_by"] = "tickbridge 9.8.7".into();
            setup["config"]["colour"] = "green".into();
        });
        let newer = newer.expect("refused");
        assert!(newer.contains("written by tickbridge 9.8.7") && newer.contains("colour"), "{newer}");
    }
}

#[cfg(test)]
mod names_tests {
    use super::*;
    use crate::config::Resolved;
    use crate::setup::engine_setup;

    fn demo() -> Config {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo.toml");
        Resolved::load(&path).expect("the demo's configuration is valid").config
    }

    #[test]
    fn a_journal_is_not_read_with_names_that_mean_something_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let old = demo();
        SavedSetup::new(&old, &Models::default(), &Models::default())
            .write(folder.path(), 3)
            .expect("written");
        let mut more = demo();
        more.instruments.push(more.instruments[0].clone());
        more.instruments[1].symbol = "GBPUSD".into();
        assert!(SavedSetup::check_names(&more, folder.path(), 5).is_ok());
        more.instruments.swap(0, 1);
        let refused = SavedSetup::check_names(&more, folder.path(), 5);
        assert!(matches!(refused, Err(SetupError::Renamed { epoch: 3 })), "{refused:?}");
    }

    #[test]
    fn two_venues_are_refused_until_they_are_kept_apart() {
        let mut config = demo();
        config.venues.push(config.venues[0].clone());
        assert!(matches!(engine_setup(&config, &Models::default()), Err(SetupError::Venues(2))));
    }
}
