//! The configuration as Rust values: what the rest of the appliance sees.
//!
//! What it is not: it has no defaults and no ranges; `keys` has them, and every value here has passed them.
//!
//! Invariant: its fields are exactly the keys of the schema; a test compares the two.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(missing_docs, reason = "the schema in `keys` documents every key: unit, range, default, meaning")]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)+ }
    };
}
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[allow(missing_docs, reason = "the schema in `keys` documents every choice")]
        pub enum $name { $($variant),+ }
    };
}

section!(
    /// A whole, valid configuration.
    Config {
        appliance: Appliance, lanes: Lanes, rings: Rings, link: Link, journal: Journal,
        venues: Vec<Venue>, instruments: Vec<Instrument>, features: Vec<Feature>, history: History,
        model: Model, models: Vec<ExtraModel>, ensemble: Ensemble, signal: Signal, sizing: Sizing, exposure: Exposure, exits: Exits, external: External, watch: Watch, registry: Registry,
        operator: Operator, risk: Risk, bounds: Bounds, news: Vec<News>, breakers: Vec<Breaker>, clock: Clock, alerts: Alerts, budgets: Budgets, report: Report, status: Status,
    }
);
section!(
    /// `[appliance]`.
    Appliance { name: String, strategy_id: u16, allow_live: bool, state_dir: PathBuf, kill_hung_ms: u64, day_report: bool, }
);
choice!(
    /// Which agents share a lane.
    Layout { Auto, Dedicated, Fused, Shared }
);
choice!(
    /// What a lane does without work.
    Idle { Spin, Yield, Backoff, Park }
);
section!(
    /// `[lanes]`; a core of -1 is none.
    Lanes {
        layout: Layout, ingest_core: i32, decide_core: i32, send_core: i32, persist_core: i32, idle: Idle,
        memory_lock: bool, messages_per_cycle_max: usize,
    }
);
section!(
    /// `[rings]`.
    Rings { market_slots: usize, orders_slots: usize, reports_slots: usize, }
);
section!(
    /// `[link]`.
    Link {
        market: SocketAddr, trade: SocketAddr, connections_max: usize, message_bytes_max: usize, handshake_ms: u64,
        heartbeat_ms: u64, silent_after_ms: u64,
    }
);
choice!(
    /// Where an order must be before its first byte leaves.
    BeforeSend { Memory, Disk }
);
section!(
    /// `[journal]`.
    Journal {
        dir: PathBuf, memory_dir: PathBuf, memory_mib: u64, before_send: BeforeSend, segment_mib: u64,
        sync_every_ms: u64, compress: bool, keep_days: u64, keep_gib: u64,
    }
);
choice!(
    /// What stands behind a venue.
    VenueKind { Mt5 }
);
choice!(
    /// The account type a terminal must show.
    ExpectedMargin { Any, Netting, Hedging }
);
section!(
    /// `[[venues]]`; its place in the list is its `VenueId`.
    Venue {
        name: String, kind: VenueKind, login: i64, server: String, margin_mode: ExpectedMargin, currency: String,
    }
);
section!(
    /// `[[instruments]]`; its place in the list is its `InstrumentId`.
    Instrument {
        name: String, venue: String, symbol: String, digits: Option<u8>, tick_size: Option<f64>,
        base_currency: Option<String>, profit_currency: Option<String>, order_lots_max: Option<f64>,
        position_lots_max: Option<f64>, order_value_max: Option<f64>,
    }
);
choice!(
    /// What a feature computes.
    FeatureKind {
        Value, Lag, Change, Return, LogReturn, Momentum, Roc, Sma, Ema, Wma, Smma, Rsi, Macd, Cci, Stochastic,
        Bollinger, Donchian, Keltner, Atr, Adx, Deviation, Zscore, Minimum, Maximum, Quantile, Volatility, Vwap,
        SessionVwap, Obv, TickRate, TickImbalance, OrderFlowImbalance, BookImbalance, TickGap, Session, MinuteSine,
        MinuteCosine, DayOfWeek, PairSpread, PairRatio, Correlation, Beta,
    }
);
choice!(
    /// From which number of the tick.
    FeatureInput { Bid, Ask, Mid, Last, Microprice, Spread, Volume, Ticks }
);
choice!(
    /// When a feature takes a sample.
    FeatureClock { Tick, Bar, TickBar, VolumeBar }
);
choice!(
    /// How exponential averages start.
    FeatureSeed { First, Average }
);
choice!(
    /// How MACD's signal line is smoothed.
    SignalAverage { Simple, Exponential }
);
choice!(
    /// Whose definition of an indicator.
    FeatureConvention { Mt5, Talib }
);
choice!(
    /// What the stochastic takes for highest and lowest.
    FeaturePrice { LowHigh, Close }
);
choice!(
    /// From what volatility is estimated.
    FeatureEstimator { Close, Parkinson }
);
choice!(
    /// What weighs a sample.
    FeatureWeight { Ticks, Volume }
);
choice!(
    /// Of what correlation and beta are taken.
    FeatureBasis { Change, Level }
);
choice!(
    /// Which line of a feature with several.
    FeatureOutput {
        Main, Signal, Histogram, Middle, Upper, Lower, PercentB, Width, Adx, PlusDi, MinusDi, K, D,
    }
);
section!(
    /// `[[features]]`; the parameters its kind needs are set, those it may have are set or `None`, the others are `None`.
    Feature {
        name: String, kind: FeatureKind, instrument: String, input: FeatureInput, clock: FeatureClock,
        bar_ms: Option<i64>, bar_ticks: Option<u32>, bar_lots: Option<f64>, offset_min: Option<i64>,
        stale_after_ms: Option<i64>, of: Option<String>, lag: Option<u32>, period: Option<u32>, fast: Option<u32>,
        slow: Option<u32>, signal: Option<u32>, slowing: Option<u32>, atr_period: Option<u32>,
        seed: Option<FeatureSeed>, signal_average: Option<SignalAverage>, convention: Option<FeatureConvention>,
        price: Option<FeaturePrice>, deviations: Option<f64>, multiplier: Option<f64>, quantile: Option<f64>,
        estimator: Option<FeatureEstimator>, weight: Option<FeatureWeight>, session_from: Option<DayTime>,
        session_to: Option<DayTime>, with: Option<String>, with_input: Option<FeatureInput>,
        with_weight: Option<f64>, basis: Option<FeatureBasis>, output: Option<FeatureOutput>,
    }
);
choice!(
    /// How a model file is written.
    ModelFormat { XgboostJson, XgboostUbjson, Lightgbm, CatboostJson, LinearJson, ForestJson }
);
section!(
    /// `[model]`.
    Model {
        name: String, file: PathBuf, format: ModelFormat, instrument: String, calibration: Option<PathBuf>,
        features: Option<String>, long_class: Option<usize>, short_class: Option<usize>, takes_missing: bool, rounds: Option<u32>,
        weight: f64,
    }
);
choice!(
    /// What a further model is there for.
    ModelRole { Member, Stack, Shadow }
);
section!(
    /// `[[models]]`.
    ExtraModel {
        name: String, role: ModelRole, file: PathBuf, format: ModelFormat, calibration: Option<PathBuf>,
        features: Option<String>, long_class: Option<usize>, short_class: Option<usize>, takes_missing: bool, rounds: Option<u32>,
        weight: f64,
    }
);
choice!(
    /// How members' scores become one.
    CombineKind { Mean, Vote, Stack }
);
section!(
    /// `[ensemble]`.
    Ensemble {
        combine: CombineKind, vote_long_above: f64, vote_short_below: f64, votes_min: u8, middle: f64,
        calibration: Option<PathBuf>,
    }
);
choice!(
    /// How an entry meets the market.
    EntryKind { Market, Limit, Stop, StopLimit }
);
section!(
    /// `[signal]`.
    Signal {
        enter_long_above: f64, exit_long_below: f64, enter_short_below: f64, exit_short_above: f64,
        volume_lots: f64, cooldown_ms: u64, spread_max_ticks: i64, quote_age_max_ms: u64, stop_loss_points: u32,
        take_profit_points: u32, decision_budget_ms: u64, edge_ticks_per_unit: f64,
        commission_ticks: f64, edge_margin_ticks: f64, agreement_min: f64, feature_age_max_ms: u64,
        regime_feature: Option<String>, regime_min: f64, regime_max: f64, sessions: Option<String>,
        session_days: String, entry_kind: EntryKind, entry_offset_points: u32, stop_limit_offset_points: u32,
        entry_expires_ms: u64, entry_follow_points: u32, retries_max: u32,
    }
);
choice!(
    /// How a stop follows.
    TrailingKind { Off, Distance, Atr, Steps }
);
section!(
    /// `[exits]`.
    Exits {
        hold_ms_max: u64, session_end_s: i64, trailing: TrailingKind, trailing_points: u32, trailing_step_points: u32,
        trailing_atr_feature: Option<String>, trailing_atr_multiple: f64, trailing_after_points: u32,
        break_even_after_points: u32, break_even_offset_points: u32, ladder: Option<String>,
        unprotected_ms_max: u64, move_points_min: u32, move_ms_min: u64, one_cancels_other: bool,
    }
);
choice!(
    /// What others' volume is to us.
    ExternalKind { Ignore, Count, Adopt }
);
section!(
    /// `[external]`.
    External { policy: ExternalKind, }
);
choice!(
    /// From what an entry's size follows.
    SizingKind { Fixed, StopRisk, Volatility, Kelly }
);
section!(
    /// `[sizing]`.
    Sizing {
        kind: SizingKind, risk_percent: f64, volatility_feature: Option<String>, kelly_fraction: f64, kelly_trades_min: u32,
        kelly_shrink_trades: u32, kelly_percent_max: f64, lots_max: Option<f64>, drawdown_start_percent: f64,
        drawdown_stop_percent: f64, correlation_cut: f64,
    }
);
section!(
    /// `[exposure]`.
    Exposure {
        currency_max: f64, gross_max: f64, leverage_max: f64, unexecuted_max: f64, portfolio_risk_max: f64,
        portfolio_horizon_s: u64, sample_ms: u64, samples: usize, frozen_after_ms: u64, duplicate_window_ms: u64,
        budget_warn_percent: u32, canary_hours: f64, canary_orders_max: u32, canary_lots_max: f64,
    }
);
section!(
    /// `[watch]`.
    Watch {
        shadow_every: u32, shadow_record_every: u32, quality_horizon_ms: u64, quality_every: u32, quality_window: u32,
        hit_rate_min: f64, drift_window: u32, drift_max: f64,
    }
);
section!(
    /// `[registry]`.
    Registry { dir: Option<PathBuf>, }
);
section!(
    /// `[operator]`.
    Operator { token_file: Option<PathBuf>, }
);
section!(
    /// `[risk]`; `day_starts_at` is server time.
    Risk {
        order_lots_max: f64, position_lots_max: f64, open_orders_max: u32, price_distance_max_points: u32,
        orders_per_s_max: f64, orders_burst_max: u32, stale_after_ms: u64, daily_loss_max: f64,
        day_starts_at: DayTime, rejects_in_row_max: u32, trailing_loss_max: f64, losses_in_row_max: u32, executions_max: u32, executions_window_ms: u64, order_value_max: f64, jump_max_points: u32, jump_window_ms: u64, margin_level_min_percent: u32, account_age_max_ms: u64, unknown_after_ms: u64, page_after_ms: u64,
    }
);
choice!(
    /// How deposits and withdrawals are told.
    FlowsKind { Off, Deals, Balance }
);
section!(
    /// `[bounds]`.
    Bounds {
        flows: FlowsKind, daily_loss_soft: f64, trailing_loss_soft: f64, loss_warn_percent: u32, loss_flatten: bool,
        losses_max: u32, rejects_max: u32, streak_window_ms: u64, tick_value_age_max_ms: u64, stop_distance_max_points: u32, venue_messages_per_s_max: u32,
        venue_messages_burst_max: u32, venue_warn_percent: u32, gross_lots_max: f64, account_gross_max: f64, margin_free_min_percent: f64, venue_hours: bool,
        range_tolerance: Option<f64>, score_saturated_below: Option<f64>, score_saturated_above: Option<f64>,
        restricted: Option<String>,
    }
);
section!(
    /// `[[news]]`.
    News { from: String, to: String, instrument: Option<String>, }
);
section!(
    /// `[history]`.
    History { ticks_max: u32, bars_max: u32, patience_ms: u64, }
);
choice!(
    /// What a breaker watches.
    BreakerOn { Link, Handshake, Rejects, Requotes, TimeOuts, Disk, Clock, Stalls }
);
section!(
    /// `[[breakers]]`.
    Breaker { on: BreakerOn, failures: u32, window_ms: u64, cool_down_ms: u64, }
);
section!(
    /// `[clock]`; zero is off.
    Clock { step_max_ms: u64, offset_max_ms: u64, stall_max_ms: u64, }
);
section!(
    /// `[alerts]`.
    Alerts { file: Option<PathBuf>, command: Option<String>, budget_ms: u64, }
);
section!(
    /// `[budgets]`, at p99.
    Budgets { decision_ms: f64, execution_ms: f64, }
);
section!(
    /// `[report]`.
    Report { dir: PathBuf, interval_s: u64, }
);
section!(
    /// `[status]`.
    Status { interval_ms: u64, }
);

impl ModelFormat {
    /// As the configuration writes it.
    pub fn name(self) -> &'static str {
        match self {
            ModelFormat::XgboostJson => "xgboost_json",
            ModelFormat::XgboostUbjson => "xgboost_ubjson",
            ModelFormat::Lightgbm => "lightgbm",
            ModelFormat::CatboostJson => "catboost_json",
            ModelFormat::LinearJson => "linear_json",
            ModelFormat::ForestJson => "forest_json",
        }
    }
}

/// A time of day, to the minute.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DayTime {
    minute: u16,
}

impl DayTime {
    /// Minutes since midnight, 0 to 1,439.
    pub fn minute(self) -> u16 {
        self.minute
    }
}

impl TryFrom<String> for DayTime {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let minute = super::value::day_minute(&text);
        minute.map(|minute| DayTime { minute }).ok_or_else(|| format!("expected HH:MM, got {text:?}"))
    }
}

impl From<DayTime> for String {
    fn from(time: DayTime) -> String {
        format!("{:02}:{:02}", time.minute / 60, time.minute % 60)
    }
}
