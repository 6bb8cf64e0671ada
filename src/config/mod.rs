//! Configuration: one TOML file, with instruments and limits in files of their own if wished, checked as a whole.
//!
//! What it is not: it starts nothing and reads no environment. Secrets never live here.
//!
//! Invariant: a [`Config`] exists only if every key of every file passed the schema and the rules between keys. Without
//! `[risk]` there is none, so nothing can trade without limits.

mod bounds;
mod complete;
mod control_list;
mod controls;
mod cross;
mod error;
mod exits;
mod exposure;
mod features;
mod guards;
mod keys;
mod print;
mod schema;
mod source;
mod template;
mod typed;
mod validate;
mod value;

use std::path::Path;

pub use complete::complete;
pub use controls::{CONTROLS, Control, SUITE, controls, counter_of};
pub use error::{ConfigError, ConfigErrors, FAULTS_MAX, Fault};
pub use exposure::CORRELATED_MAX;
pub use keys::{FEATURES_MAX, SECTIONS, section};
pub use schema::{Key, Kind, Presence, Section, Shape};
pub use source::FILE_BYTES_MAX;
pub use template::template;
pub use typed::{
    Alerts, Appliance, BeforeSend, Bounds, Breaker, BreakerOn, Budgets, Clock, CombineKind, Config, DayTime,
    Ensemble, EntryKind, Exits, ExpectedMargin, Exposure, External, ExternalKind, ExtraModel, Feature,
    FeatureBasis, FeatureClock, FeatureConvention, FeatureEstimator, FeatureInput, FeatureKind,
    FeatureOutput, FeaturePrice, FeatureSeed, FeatureWeight, FlowsKind, History, Idle, Instrument, Journal,
    Lanes, Layout, Link, Model, ModelFormat, ModelRole, News, Operator, Registry, Report, Rings, Risk,
    Signal, SignalAverage, Sizing, SizingKind, Status, TrailingKind, Venue, VenueKind, Watch,
};
pub use validate::{Block, Entry, Origin};

use source::Source;
use validate::Validator;

/// A configuration and where each of its values came from.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The values.
    pub config: Config,
    /// The same values, key by key, with their origins, in the schema's order.
    pub blocks: Vec<Block>,
}

impl Resolved {
    /// Loads a file and what it includes.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        Source::read(path).map_err(|error| ConfigErrors(vec![error])).and_then(|main| resolve(&main))
    }

    /// Loads a configuration whose model need not exist yet: what the table is made from that the model will be trained on.
    pub fn load_before_model(path: &Path) -> Result<Self, ConfigErrors> {
        let main = Source::read(path).map_err(|error| ConfigErrors(vec![error]))?;
        let mut walk = Validator::walk(&main);
        cross::check(&walk.blocks, &mut walk.errors);
        walk.errors.retain(|error| error.key != "model.file" || error.fault != Fault::File);
        finish(walk, &main)
    }

    /// Checks text as if it had been read from `path`; included files and the model are still looked for on disk.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigErrors> {
        let parsed = Source::parse(path, text.to_string());
        parsed.map_err(|error| ConfigErrors(vec![error])).and_then(|main| resolve(&main))
    }
}

fn resolve(main: &Source) -> Result<Resolved, ConfigErrors> {
    let mut walk = Validator::walk(main);
    cross::check(&walk.blocks, &mut walk.errors);
    finish(walk, main)
}

fn finish(mut walk: Validator, main: &Source) -> Result<Resolved, ConfigErrors> {
    if walk.errors.is_empty() {
        match serde_json::from_value(walk.json()) {
            Ok(config) => {
                let mut blocks = walk.blocks;
                blocks.sort_by_key(|block| {
                    SECTIONS.iter().position(|section| section.name == block.section.name)
                });
                return Ok(Resolved { config, blocks });
            }
            Err(error) => walk.errors.push(ConfigError {
                file: main.file.clone(),
                line: 0,
                key: String::new(),
                fault: Fault::Type,
                expected: "values that fit the appliance's types".into(),
                got: error.to_string(),
            }),
        }
    }
    let mut errors = walk.errors;
    errors
        .sort_by(|a, b| (a.file != main.file, &a.file, a.line).cmp(&(b.file != main.file, &b.file, b.line)));
    errors.truncate(FAULTS_MAX);
    Err(ConfigErrors(errors))
}

impl Config {
    /// Loads a file and what it includes: every fault at once, or a configuration without any.
    pub fn load(path: &Path) -> Result<Config, ConfigErrors> {
        Resolved::load(path).map(|resolved| resolved.config)
    }

    /// A number that changes with anything that changes decisions: strategy, venues, instruments, features, model
    /// choice, signal, risk. It does not cover places (folders, addresses, cores) or the model file's content.
    ///
    /// FNV-1a, 64 bits, over the JSON of those sections.
    pub fn digest(&self) -> u64 {
        let decides = (
            (self.appliance.strategy_id, self.appliance.allow_live),
            (&self.venues, &self.instruments, &self.features),
            (self.model.format, &self.model.instrument, self.model.weight),
            self.models.iter().map(|model| (&model.name, model.role, model.weight)).collect::<Vec<_>>(),
            (&self.ensemble.combine, self.ensemble.vote_long_above, self.ensemble.vote_short_below),
            (self.ensemble.votes_min, self.ensemble.middle),
            (&self.signal, &self.watch, &self.risk, &self.bounds, &self.news),
        );
        let json = serde_json::to_vec(&decides).expect("plain values with finite numbers serialize");
        json.iter()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
    }
}
