//! From configuration to what the engine and the endpoints are built from, and back from what a journal kept of it.
//!
//! What it is not: validation of single keys; `config` did that. Here the parts must fit each other.
//!
//! Invariant: the setup that a journal keeps beside its records is all that a replay needs: no other file is read.

mod bounds;
mod effective;
mod exits;
mod exposure;
mod features;
mod guards;
mod models;
mod rule;
mod saved;
mod words;

pub use effective::{LastRun, effective};
pub use features::feature_specs;
pub use models::{
    Models, PlacedModel, SavedModel, SavedModels, check_manifest, configured_models, feature_objects,
    live_slots, read_models, registry_state,
};
pub use saved::SavedSetup;
pub use words::ModelWords;

use crate::agents::{Admission, AdmittedVenue, KnownUnits};
use crate::config::{self, Config, ExpectedMargin, ExternalKind};
use crate::engine::{
    EnsembleError, EntryKind, EntryPlan, ExternalPolicy, HistoryPlan, InstrumentSetup, OrderPlan, Setup,
    StrategySetup, VenueSetup,
};
use crate::features::{FeatureError, FeatureGraph};
use crate::registry::{RegistryError, SourceError};
use crate::risk::{LimitError, Limits};
use crate::signal::RuleError;
use crate::types::{FixedText, InstrumentId, MarginMode, Money, NS_PER_MS, StrategyId, TextError, VenueId};
use std::path::PathBuf;

/// Why a valid configuration still makes no appliance.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The features do not make a graph.
    #[error("features: {0}")]
    Features(#[from] FeatureError),
    /// A value that does not fit the others.
    #[error("{key}: {error}")]
    Value {
        /// The key.
        key: &'static str,
        /// What was expected, and what came.
        error: String,
    },
    /// A model is not usable.
    #[error(transparent)]
    Model(#[from] SourceError),
    /// A model that the configuration names is not usable.
    #[error("{}: {error}", path.display())]
    ModelFile {
        /// Its file.
        path: PathBuf,
        /// Why.
        error: SourceError,
    },
    /// A file with a calibration that is none.
    #[error(
        "{key}: {}: expected {{\"kind\": \"platt\", \"slope\": a, \"offset\": b}} or {{\"kind\": \"isotonic\", \"from\": [..], \"to\": [..]}}, \
         got {error}",
        path.display()
    )]
    Calibration {
        /// The key that names it.
        key: String,
        /// The file.
        path: PathBuf,
        /// Why.
        error: String,
    },
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The models make no ensemble.
    #[error(transparent)]
    Ensemble(#[from] EnsembleError),
    /// A model that a journal's setup names in a way that this version does not know.
    #[error("the journal's setup: expected a slot and a digest of a model, got {slot} and {digest:?}")]
    SavedModel {
        /// The slot's code.
        slot: u8,
        /// The digest.
        digest: String,
    },
    /// The signal's thresholds contradict each other.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// The limits make no sense.
    #[error(transparent)]
    Limits(#[from] LimitError),
    /// A name that does not fit its field.
    #[error("{key}: {error}")]
    Text {
        /// Its key.
        key: String,
        /// Why.
        error: TextError,
    },
    /// A name that nothing has.
    #[error("{key}: expected the name of a configured {what}, got {got:?}")]
    Unknown {
        /// The key that names it.
        key: String,
        /// What it should name.
        what: &'static str,
        /// What came.
        got: String,
    },
    /// A parameter that the feature's kind needs.
    #[error("features.{name}: expected {parameter} for this kind")]
    Parameter {
        /// The feature.
        name: String,
        /// What is missing.
        parameter: &'static str,
    },
    /// A feature that can never have a value.
    #[error(
        "features.{name}: expected a venue that tells sizes at the best prices, got mt5, whose ticks have none"
    )]
    Sizes {
        /// The feature.
        name: String,
    },
    /// More venues than this version keeps apart.
    #[error("venues: expected one, got {0}: deals, tickets and equity of several are not kept apart yet")]
    Venues(usize),
    /// Names that stand for something else in the journal.
    #[error(
        "the journal in use knows other venues or instruments, or the same ones in another order: expected those of \
         epoch {epoch} first, in their order; use a new journal.dir, or put them back"
    )]
    Renamed {
        /// The start whose setup differs.
        epoch: u32,
    },
    /// A file that cannot be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's word.
        error: std::io::Error,
    },
    /// A setup that cannot be kept.
    #[error("write {}: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's word.
        error: std::io::Error,
    },
    /// A setup kept by a journal that cannot be read back.
    #[error(
        "{}: expected the setup of an epoch that tickbridge {} can read, got one written by {written_by}: {error}; move the journal \
         away (journal.dir) or go on with the version that wrote it",
        path.display(),
        env!("CARGO_PKG_VERSION")
    )]
    Saved {
        /// The file.
        path: PathBuf,
        /// Which version wrote it, as far as it says so.
        written_by: String,
        /// Why.
        error: String,
    },
}

impl SetupError {
    /// Whether the configuration, or a file that it names, is to be mended; otherwise it is the disk, or the journal's folder.
    pub fn is_of_configuration(&self) -> bool {
        let is_absent = |error: &std::io::Error| {
            matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied)
        };
        match self {
            Self::Write { .. } | Self::Saved { .. } | Self::SavedModel { .. } => false,
            Self::Read { error, .. }
            | Self::Model(SourceError::Io { error, .. })
            | Self::ModelFile { error: SourceError::Io { error, .. }, .. }
            | Self::Registry(RegistryError::Source(SourceError::Io { error, .. })) => is_absent(error),
            _ => true,
        }
    }
}

/// A number that changes with anything that changes decisions.
pub fn digest(config: &Config, models: &Models) -> u64 {
    models.digest(config.digest())
}

/// What the engine is built from.
pub fn engine_setup(config: &Config, models: &Models) -> Result<Setup, SetupError> {
    if config.venues.len() != 1 {
        return Err(SetupError::Venues(config.venues.len()));
    }
    let instrument = instrument_of(config, "model.instrument", &config.model.instrument)?;
    let specs = feature_specs(config)?;
    features::check_sizes(config, &specs)?;
    let signal = &config.signal;
    let rule = rule::rule(config)?;
    let limits = limits(config);
    limits.validate()?;
    let features = FeatureGraph::build(&specs)?;
    let (exits, atr_feature) = exits::exits(config, features.names(), &rule)?;
    let plan = OrderPlan {
        lots: signal.volume_lots,
        stop_loss_points: signal.stop_loss_points,
        take_profit_points: signal.take_profit_points,
        deviation_points: config.risk.price_distance_max_points,
        decision_budget_ns: ms(signal.decision_budget_ms),
        exits,
        atr_feature,
        one_cancels_other: config.exits.one_cancels_other,
        sizing: exposure::sizing(config, &specs)?,
        entry: entry(signal),
    };
    let models = models.load(config, features.names(), &rule)?;
    let place = |name: &String| features.names().iter().position(|have| have == name).map(|at| at as u16);
    let regime_feature = signal.regime_feature.as_ref().and_then(place);
    Ok(Setup {
        strategy: StrategyId(config.appliance.strategy_id),
        venues: config
            .venues
            .iter()
            .map(|venue| VenueSetup { margin_mode: margin_mode(venue).unwrap_or(MarginMode::Netting) })
            .collect(),
        instruments: instruments(config)?,
        limits,
        strategies: vec![StrategySetup {
            instrument,
            features,
            models,
            rule,
            plan,
            evaluate_every_ticks: 1,
            regime_feature,
            watch: rule::watch(config),
        }],
        history: HistoryPlan {
            ticks_max: config.history.ticks_max,
            bars_max: config.history.bars_max,
            patience_ns: ms(config.history.patience_ms),
        },
        external: match config.external.policy {
            ExternalKind::Ignore => ExternalPolicy::Ignore,
            ExternalKind::Count => ExternalPolicy::Count,
            ExternalKind::Adopt => ExternalPolicy::Adopt,
        },
        exposure: exposure::plan(config)?,
        guards: guards::guards(config)?,
    })
}

/// Who may connect.
pub fn admission(config: &Config, epoch: u32) -> Result<Admission, SetupError> {
    let instruments = instruments(config)?;
    let venues = config.venues.iter().enumerate().map(|(index, venue)| {
        let own = instruments.iter().enumerate().filter(|(_, setup)| usize::from(setup.venue.0) == index);
        Ok(AdmittedVenue {
            login: venue.login as u64,
            server: text(&format!("venues.{}.server", venue.name), &venue.server)?,
            margin_mode: margin_mode(venue),
            currency: text(&format!("venues.{}.currency", venue.name), &venue.currency)?,
            symbols: own.map(|(at, setup)| (setup.symbol, InstrumentId(at as u16))).collect(),
        })
    });
    Ok(Admission {
        venues: venues.collect::<Result<_, SetupError>>()?,
        allow_live: config.appliance.allow_live,
        units: KnownUnits::default(),
        epoch: u64::from(epoch),
        name: text("appliance.name", &config.appliance.name)?,
        heartbeat_ms: config.link.heartbeat_ms as u32,
        silent_after_ms: config.link.silent_after_ms as u32,
        rules_every_ms: bounds::rules_every_ms(config),
    })
}

fn entry(signal: &config::Signal) -> EntryPlan {
    EntryPlan {
        kind: match signal.entry_kind {
            config::EntryKind::Market => EntryKind::Market,
            config::EntryKind::Limit => EntryKind::Limit,
            config::EntryKind::Stop => EntryKind::Stop,
            config::EntryKind::StopLimit => EntryKind::StopLimit,
        },
        offset_points: signal.entry_offset_points,
        stop_limit_offset_points: signal.stop_limit_offset_points,
        expires_ns: ms(signal.entry_expires_ms),
        follow_points: signal.entry_follow_points,
        retries_max: signal.retries_max,
    }
}

fn margin_mode(venue: &config::Venue) -> Option<MarginMode> {
    match venue.margin_mode {
        ExpectedMargin::Any => None,
        ExpectedMargin::Netting => Some(MarginMode::Netting),
        ExpectedMargin::Hedging => Some(MarginMode::Hedging),
    }
}

fn instruments(config: &Config) -> Result<Vec<InstrumentSetup>, SetupError> {
    let one = |instrument: &config::Instrument| {
        let venue = config.venues.iter().position(|venue| venue.name == instrument.venue);
        let key = format!("instruments.{}.venue", instrument.name);
        let venue =
            venue.ok_or_else(|| SetupError::Unknown { key, what: "venue", got: instrument.venue.clone() })?;
        let symbol = text(&format!("instruments.{}.symbol", instrument.name), &instrument.symbol)?;
        Ok(InstrumentSetup { venue: VenueId(venue as u16), symbol })
    };
    config.instruments.iter().map(one).collect()
}

fn instrument_of(config: &Config, key: &str, name: &str) -> Result<InstrumentId, SetupError> {
    let found = config.instruments.iter().position(|instrument| instrument.name == name);
    let unknown = || SetupError::Unknown { key: key.into(), what: "instrument", got: name.into() };
    found.map(|index| InstrumentId(index as u16)).ok_or_else(unknown)
}

fn limits(config: &Config) -> Limits {
    let risk = &config.risk;
    Limits {
        order_lots_max: risk.order_lots_max,
        position_lots_max: risk.position_lots_max,
        open_orders_max: risk.open_orders_max,
        price_distance_max_points: risk.price_distance_max_points,
        // Rounded up to a whole token a second, never down to none.
        orders_per_s_max: risk.orders_per_s_max.ceil() as u32,
        orders_burst_max: risk.orders_burst_max,
        stale_after_ns: ms(risk.stale_after_ms),
        daily_loss_max: Money::from_f64(risk.daily_loss_max).unwrap_or(Money::ZERO),
        day_starts_at_s: u32::from(risk.day_starts_at.minute()) * 60,
        rejects_in_row_max: risk.rejects_in_row_max,
        trailing_loss_max: Money::from_f64(risk.trailing_loss_max).unwrap_or(Money::ZERO),
        losses_in_row_max: risk.losses_in_row_max,
        executions_max: risk.executions_max,
        executions_window_ns: ms(risk.executions_window_ms),
        order_value_max: Money::from_f64(risk.order_value_max).unwrap_or(Money::ZERO),
        jump_max_points: risk.jump_max_points,
        jump_window_ns: ms(risk.jump_window_ms),
        margin_level_min_percent: risk.margin_level_min_percent,
        account_age_max_ns: ms(risk.account_age_max_ms),
        unknown_after_ns: ms(risk.unknown_after_ms),
        page_after_ns: ms(risk.page_after_ms),
        allow_live: config.appliance.allow_live,
    }
}

fn ms(value: u64) -> i64 {
    (value as i64).saturating_mul(NS_PER_MS)
}

fn text<const N: usize>(key: &str, value: &str) -> Result<FixedText<N>, SetupError> {
    FixedText::new(value).map_err(|error| SetupError::Text { key: key.into(), error })
}
