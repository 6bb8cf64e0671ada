//! `tickbridge models`: the registry, and which of its models stand where.
//!
//! What it is not: a look into a model file; `tickbridge model` does that.
//!
//! Invariant: a change of a slot goes through the running appliance when there is one; else the registry's state is edited, as a whole,
//! for the next start.

use super::check::{EXIT_CONFIG, EXIT_DATA, EXIT_IO};
use super::model::histograms;
use super::operator::{print_reply, say};
use crate::config::Config;
use crate::engine::Slot;
use crate::model::MODEL_BYTES_MAX;
use crate::operator::Action;
use crate::registry::{
    self, Direction, Manifest, ManifestError, ModelKey, Registry, RegistryError, SourceError, read_limited,
    slot_name, slot_of,
};
use crate::runtime::clock::Clock;
use crate::setup::{SetupError, check_manifest, feature_objects, live_slots};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The registry of models: take one in, list, promote, shadow, roll back, take one out.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  tickbridge models --config my.toml add --file model.json --format xgboost_json --name trend --version 3\n  \
    tickbridge models --config my.toml shadow trend@3 --who anna --why \"new window\"\n  \
    tickbridge models --config my.toml promote trend@3 --who anna --why \"a week in the shadow\"\n  \
    tickbridge models --config my.toml rollback --who anna --why \"too many vetoes\"\n\n\
    Exit codes:\n   0  done\n   2  wrong arguments, or a configuration that is not usable\n  65  refused: standard error says why; what runs is as it was\n  \
    69  the appliance does not answer\n  74  a file cannot be read; or the change is in effect, but the registry's state could not be written"
)]
pub struct Args {
    /// The appliance's configuration
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

/// Who and why.
#[derive(clap::Args, Clone, Debug)]
struct Said {
    /// Who says so; journalled
    #[arg(long, value_name = "NAME")]
    who: String,
    /// Why; journalled
    #[arg(long, value_name = "TEXT")]
    why: String,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Take a model in: by its manifest, or a plain file whose features are the configuration's
    Add {
        /// A manifest; its model file stands beside it
        #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "name", "version", "format"])]
        manifest: Option<PathBuf>,
        /// A model file
        #[arg(long, value_name = "FILE", required_unless_present = "manifest")]
        file: Option<PathBuf>,
        /// What it is called
        #[arg(long, required_unless_present = "manifest")]
        name: Option<String>,
        /// Its number, from 1
        #[arg(long, required_unless_present = "manifest", value_parser = clap::value_parser!(u32).range(1..))]
        version: Option<u32>,
        /// As model.format
        #[arg(long, required_unless_present = "manifest")]
        format: Option<String>,
        /// The table that it was trained on (.csv or .parquet, as `features export` writes it): how its features are distributed
        /// there is the reference that drift is measured against. A manifest that has histograms keeps its own
        #[arg(long, value_name = "FILE")]
        rows: Option<PathBuf>,
    },
    /// Print every model, whether it is whole, and where it stands
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Let a model decide, from the next tick on
    Promote {
        /// NAME@VERSION
        model: ModelKey,
        /// member0 to member6, or stack
        #[arg(long, default_value = "member0")]
        slot: String,
        #[command(flatten)]
        said: Said,
    },
    /// Watch a model beside the live ones
    Shadow {
        /// NAME@VERSION
        model: ModelKey,
        /// shadow0 to shadow3; the first free one if not said
        #[arg(long)]
        slot: Option<String>,
        #[command(flatten)]
        said: Said,
    },
    /// Take a shadow out
    Unshadow {
        /// shadow0 to shadow3
        slot: String,
        #[command(flatten)]
        said: Said,
    },
    /// Bring back what stood in a slot before
    Rollback {
        /// member0 to member6, or stack
        #[arg(long, default_value = "member0")]
        slot: String,
        #[command(flatten)]
        said: Said,
    },
    /// Take a model out of the registry; not one that stands in a slot
    Remove {
        /// NAME@VERSION
        model: ModelKey,
    },
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum ModelsError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: std::io::Error },
    #[error("{}: expected a manifest: {error}", path.display())]
    Manifest { path: PathBuf, error: simd_json::Error },
    #[error("{0}")]
    Refused(String),
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    let config = match Config::load(&args.config) {
        Ok(config) => config,
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let Some(dir) = config.registry.dir.clone() else {
        eprintln!("tickbridge models: expected registry.dir in the configuration, got none");
        return ExitCode::from(EXIT_CONFIG);
    };
    let registry = Registry::new(&dir);
    let done = match &args.command {
        Command::Add { manifest, file, name, version, format, rows } => {
            let rows = rows.as_deref();
            match (manifest, file, name, version, format) {
                (Some(manifest), ..) => add_manifest(&config, &registry, manifest, rows),
                (None, Some(file), Some(name), Some(version), Some(format)) => read(file).and_then(|bytes| {
                    let manifest = Manifest::plain(name, *version, format, &bytes, &feature_objects(&config));
                    add(&config, &registry, manifest, bytes, rows)
                }),
                _ => Err(ModelsError::Refused(
                    "expected --manifest, or --file, --name, --version and --format".into(),
                )),
            }
        }
        Command::List { json } => list(&config, &registry, *json),
        Command::Remove { model } => remove(&registry, model),
        Command::Promote { .. }
        | Command::Shadow { .. }
        | Command::Unshadow { .. }
        | Command::Rollback { .. } => {
            return change(&config, &registry, &args.command);
        }
    };
    finish(done)
}

fn finish(done: Result<(), ModelsError>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tickbridge models: {error}");
            let is_io = matches!(
                error,
                ModelsError::Io { .. } | ModelsError::Registry(RegistryError::Source(SourceError::Io { .. }))
            );
            ExitCode::from(if is_io { EXIT_IO } else { EXIT_DATA })
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ModelsError> {
    read_limited(path, MODEL_BYTES_MAX as u64).map_err(|error| match error {
        SourceError::Io { path, error } => ModelsError::Io { path, error },
        other => ModelsError::Refused(other.to_string()),
    })
}

fn add_manifest(
    config: &Config,
    registry: &Registry,
    path: &Path,
    rows: Option<&Path>,
) -> Result<(), ModelsError> {
    // Not serde_json: it may read the last bit of a number wrong, and a calibration's numbers make the score.
    let manifest: Manifest = simd_json::serde::from_slice(&mut read(path)?)
        .map_err(|error| ModelsError::Manifest { path: path.to_owned(), error })?;
    let file = path.parent().unwrap_or(Path::new(".")).join(&manifest.file);
    let bytes = read(&file)?;
    add(config, registry, manifest, bytes, rows)
}

/// Takes a model in only if it could run with this configuration.
fn add(
    config: &Config,
    registry: &Registry,
    mut manifest: Manifest,
    bytes: Vec<u8>,
    rows: Option<&Path>,
) -> Result<(), ModelsError> {
    let refused = |error: String| ModelsError::Refused(error);
    manifest.check_bytes(&bytes).map_err(|error| refused(error.to_string()))?;
    fits_somewhere(config, &manifest).map_err(|error| refused(error.to_string()))?;
    if let Some(path) = rows.filter(|_| manifest.histograms.is_empty()) {
        let (histograms, row_count) = histograms(path, &manifest.features).map_err(refused)?;
        println!(
            "{}: {row_count} rows, {} features: the reference of drift",
            path.display(),
            histograms.len()
        );
        manifest.histograms = histograms;
        if manifest.training.rows == 0 {
            manifest.training.rows = row_count;
        }
    }
    let source = manifest.source(bytes);
    let names = source.header().features.clone();
    source.load(&names, config.watch.drift_window).map_err(|error| refused(error.to_string()))?;
    let key = registry.add(&manifest, source.bytes())?;
    let drift = if manifest.histograms.is_empty() {
        "; no drift reference: add it with --rows to have drift watched"
    } else {
        ""
    };
    println!("{key}: taken in, digest {}{drift}", crate::registry::digest_hex(source.digest()));
    Ok(())
}

/// Held against the configuration's features, or, if it stacks the members, against their names.
fn fits_somewhere(config: &Config, manifest: &Manifest) -> Result<(), ManifestError> {
    check_manifest(config, Slot::Stack, manifest)
        .or_else(|_| check_manifest(config, Slot::Member(0), manifest))
}

fn list(config: &Config, registry: &Registry, as_json: bool) -> Result<(), ModelsError> {
    let state = registry.state()?;
    let mut rows = Vec::new();
    for key in registry.list()? {
        let stands = state.slots.iter().filter(|(_, have)| **have == key).map(|(slot, _)| slot.as_str());
        let stands: Vec<&str> = stands.collect();
        let (fault, digest, format, is_watched) = match registry.read(&key) {
            Ok((manifest, source)) => {
                let fault = fits_somewhere(config, &manifest).err().map(|error| error.to_string());
                let is_watched = !manifest.histograms.is_empty();
                (fault, crate::registry::digest_hex(source.digest()), manifest.format, is_watched)
            }
            Err(error) => (Some(error.to_string()), String::new(), String::new(), false),
        };
        if as_json {
            rows.push(serde_json::json!({
                "model": key.to_string(), "digest": digest, "format": format, "slots": stands, "fault": fault,
                "has_drift_reference": is_watched,
            }));
        } else {
            let drift = if is_watched || fault.is_some() { "" } else { "  no drift reference" };
            let fault = fault.map_or(String::new(), |fault| format!("  not usable: {fault}"));
            println!(
                "{:<24} {digest:<16}  {format:<14}  {}{drift}{fault}",
                key.to_string(),
                stands.join(" ")
            );
        }
    }
    if as_json {
        println!("{:#}", serde_json::Value::from(rows));
    }
    Ok(())
}

fn remove(registry: &Registry, key: &ModelKey) -> Result<(), ModelsError> {
    registry.remove(key)?;
    println!("{key}: taken out");
    Ok(())
}

/// Through the running appliance, or, when nothing runs, in the state that the next start reads.
fn change(config: &Config, registry: &Registry, command: &Command) -> ExitCode {
    let (action, said) = match command {
        Command::Promote { model, slot, said } => {
            (Action::Promote { model: model.clone(), slot: slot.clone() }, said)
        }
        Command::Shadow { model, slot, said } => {
            (Action::Shadow { model: model.clone(), slot: slot.clone() }, said)
        }
        Command::Unshadow { slot, said } => (Action::Unshadow { slot: slot.clone() }, said),
        Command::Rollback { slot, said } => (Action::Rollback { slot: slot.clone() }, said),
        Command::Add { .. } | Command::List { .. } | Command::Remove { .. } => return ExitCode::SUCCESS,
    };
    if config.operator.token_file.is_some() {
        match say(config, action.clone(), said.who.clone(), said.why.clone()) {
            Ok(reply) => return print_reply(&reply),
            Err(error) if !error.is_nobody() => {
                eprintln!("tickbridge models: {error}");
                return error.exit_code();
            }
            Err(_) => eprintln!("no appliance runs: this is for the next start"),
        }
    } else {
        eprintln!("no operator.token_file, so no appliance is asked: this is for the next start");
    }
    finish(offline(config, registry, &action, said))
}

fn offline(config: &Config, registry: &Registry, action: &Action, said: &Said) -> Result<(), ModelsError> {
    let refused = |words: String| ModelsError::Refused(words);
    let slot = |name: &str| slot_of(name).ok_or_else(|| refused(format!("expected a slot, got {name:?}")));
    // Two commands at once would each change what the other had read.
    let _alone = registry.lock()?;
    let state = registry.state()?;
    let (slot, to, direction) = match action {
        Action::Promote { model, slot: name } => (slot(name)?, Some(model.clone()), Direction::Forth),
        Action::Shadow { model, slot: name } => {
            let free = || (0..crate::engine::SHADOWS_MAX as u8).map(Slot::Shadow);
            let place = match name {
                Some(name) => slot(name)?,
                None => free()
                    .find(|slot| !state.slots.contains_key(&slot_name(*slot)))
                    .ok_or_else(|| refused("expected a free place for a shadow, got none".into()))?,
            };
            (place, Some(model.clone()), Direction::Forth)
        }
        Action::Unshadow { slot: name } => (slot(name)?, None, Direction::Forth),
        Action::Rollback { slot: name } => {
            let place = slot(name)?;
            let before = state.before(place).ok_or_else(|| RegistryError::NoHistory(name.clone()))?;
            (place, before, Direction::Back)
        }
        _ => return Ok(()),
    };
    let wanted_shadow = matches!(action, Action::Shadow { .. } | Action::Unshadow { .. });
    if matches!(slot, Slot::Shadow(_)) != wanted_shadow {
        return Err(refused(format!("{} is not a place for that", slot_name(slot))));
    }
    // The next start would refuse such a state, and everything with it.
    let live = live_slots(config);
    if !wanted_shadow && !live.iter().any(|(have, _)| *have == slot) {
        let have = |(slot, name): &(Slot, &str)| format!("{} ({name})", slot_name(*slot));
        let have: Vec<String> = live.iter().map(have).collect();
        let words =
            format!("expected a slot of the configuration, {}, got {}", have.join(", "), slot_name(slot));
        return Err(refused(words));
    }
    // Held against manifest and configuration as the next start will.
    if let Some(key) = &to {
        let (manifest, source) = registry.read(key)?;
        check_manifest(config, slot, &manifest).map_err(|error| refused(error.to_string()))?;
        let names = &source.header().features;
        source.load(names, config.watch.drift_window).map_err(|error| refused(error.to_string()))?;
    }
    let said = registry::Said { who: &said.who, why: &said.why, ts_ns: Clock::system().now().0, direction };
    registry.assign(slot, to.clone(), said)?;
    let name = to.map_or("the configuration's own, or nothing".into(), |key| key.to_string());
    println!("{}: {name}", slot_name(slot));
    Ok(())
}
