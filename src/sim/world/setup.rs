//! The one place where the simulated appliance's engine is put together, and the account that it trades on.
//!
//! What it is not: a configuration; the strategy is as simple as it can be, so that it trades all the time.
//!
//! Invariant: the same for every seed but for what the seed chooses of the broker's side.

use super::faults::{Fault, FaultRates};
use super::venues::{instrument_of, symbol_of, venue_of};
use crate::engine::{
    Classes, EntryKind, EntryPlan, ExternalPolicy, GuardPlan, HistoryPlan, InstrumentSetup, ModelIdentity,
    ModelSet, ModelUnit, OrderPlan, Setup, StrategySetup, VenueSetup, WatchPlan,
};
use crate::features::{Clock, FeatureGraph, FeatureSpec, Input, Kind};
use crate::model::{LoadOptions, Model};
use crate::order::exits::ExitPlan;
use crate::risk::{ExposureLimits, ExposurePlan, Limits, Method, Sizing, SymbolPlan};
use crate::runtime::Prng;
use crate::signal::{Rule, Thresholds};
use crate::sim::terminal::account::Account;
use crate::sim::terminal::broker::{Broker, Conduct, TransactionOrder};
use crate::sim::terminal::symbol::Symbol;
use crate::types::{
    Execution, FixedText, InstrumentId, InstrumentSpec, MarginMode, Money, NS_PER_MS, NS_PER_S, StrategyId,
    VenueId,
};

/// What is traded.
pub(super) const SYMBOLS: [&str; 2] = ["EURUSD", "GBPUSD"];
/// The strategy of every order.
const STRATEGY: StrategyId = StrategyId(9);
/// Equity at the start.
const EQUITY: Money = Money(10_000_000_000);
/// Lots of an entry.
const LOTS: f64 = 0.1;

/// At the market and once; at the market and tried again; and resting in each way, one without an end.
pub(super) const ENTRIES: [EntryPlan; 5] = {
    let resting = EntryPlan {
        kind: EntryKind::Limit,
        offset_points: 2,
        stop_limit_offset_points: 2,
        expires_ns: 5 * NS_PER_S,
        follow_points: 1,
        retries_max: 0,
    };
    [
        EntryPlan::MARKET,
        EntryPlan { retries_max: 2, ..EntryPlan::MARKET },
        EntryPlan { expires_ns: 0, ..resting },
        EntryPlan { kind: EntryKind::Stop, ..resting },
        EntryPlan { kind: EntryKind::StopLimit, ..resting },
    ]
};

/// Which of them a seed trades with; half of all seeds trade at the market and once.
pub(super) fn entry_of(seed: u64) -> usize {
    match seed % 8 {
        1 => 1,
        4 => 2,
        5 => 3,
        0 => 4,
        _ => 0,
    }
}

/// The configured symbols of a venue.
pub(super) fn symbols_of(venue: VenueId) -> Vec<(FixedText<32>, InstrumentId)> {
    let named = SYMBOLS.iter().enumerate();
    named
        .map(|(index, name)| (FixedText::new(name).unwrap_or_default(), instrument_of(venue, index)))
        .collect()
}

/// Money of a venue's account: no two have the same.
fn equity_of(venue: VenueId) -> Money {
    Money(EQUITY.0 * (1 + i64::from(venue.0)))
}

/// The operator's limits of every episode.
pub(super) fn limits() -> Limits {
    Limits {
        order_lots_max: 0.2,
        position_lots_max: 0.25,
        open_orders_max: 3,
        price_distance_max_points: 50,
        orders_per_s_max: 40,
        orders_burst_max: 10,
        stale_after_ns: NS_PER_S,
        daily_loss_max: Money(500_000_000),
        day_starts_at_s: 0,
        rejects_in_row_max: 12,
        trailing_loss_max: Money(1_000_000_000_000),
        losses_in_row_max: 10_000,
        executions_max: 1_000,
        executions_window_ns: 1,
        order_value_max: Money(1_000_000_000_000_000),
        jump_max_points: 10_000_000,
        jump_window_ns: NS_PER_S,
        margin_level_min_percent: 1,
        account_age_max_ns: 24 * 3_600 * NS_PER_S,
        unknown_after_ns: 250 * NS_PER_MS,
        page_after_ns: 5 * NS_PER_S,
        allow_live: false,
    }
}

/// Limits over both symbols: they bind when others hold much as well.
pub(super) fn exposure(venue_count: usize) -> ExposurePlan {
    let limits = ExposureLimits {
        currency_max: Money::from_f64(28_000.0),
        gross_max: Money::from_f64(40_000.0),
        unexecuted_max: Money::from_f64(25_000.0),
        ..ExposureLimits::default()
    };
    let symbol = |at: u8| SymbolPlan { currencies: [Some(at), None], ..SymbolPlan::default() };
    let symbols = (0..venue_count).flat_map(|_| 0..SYMBOLS.len() as u8).map(symbol).collect();
    ExposurePlan { limits, symbols, sample_ns: 100 * NS_PER_MS, ..ExposurePlan::default() }
}

/// Per cent of the equity that an entry of the second symbol loses at its stop; those of the first are fixed.
const STOP_PERCENT: f64 = 0.025;

fn sizing(index: u16) -> Sizing {
    let method = if symbol_of(InstrumentId(index)) == 0 {
        Method::Fixed
    } else {
        Method::StopRisk { percent: STOP_PERCENT }
    };
    Sizing { method, ..Sizing::FIXED }
}

/// The most that an entry may lose at its stop, of the equity at the start.
pub(super) fn risk_at_stop(instrument: InstrumentId) -> f64 {
    if symbol_of(instrument) == 0 {
        f64::MAX
    } else {
        equity_of(venue_of(instrument)).as_f64() * STOP_PERCENT / 100.0
    }
}

/// The engine's parts: a model whose score is the last change of the mid in ticks, on each symbol.
///
/// # Panics
/// When its own literals are refused, which a test would see.
pub(super) fn setup(entry: EntryPlan, venue_count: usize) -> Setup {
    let venues: Vec<VenueId> = (0..venue_count as u16).map(VenueId).collect();
    let strategy = |index: u16| {
        let change = Kind::Change { lag: 1 };
        let features = [FeatureSpec::new("change", InstrumentId(index), change, Input::Mid, Clock::Tick)];
        let model = br#"{"format":"tickbridge-linear","version":1,"link":"identity",
            "features":["change"],"weights":[1.0],"intercept":0.0}"#;
        let thresholds = Thresholds {
            enter_long_above: 2.0,
            enter_short_below: -2.0,
            exit_long_below: -1.0,
            exit_short_above: 1.0,
            cooldown_ns: 0,
            spread_max_ticks: 10,
            quote_age_max_ns: NS_PER_S,
        };
        StrategySetup {
            instrument: InstrumentId(index),
            features: FeatureGraph::build(&features).expect("one feature on one instrument"),
            models: ModelSet::single(unit(model)),
            rule: Rule::new(thresholds).expect("thresholds in order"),
            plan: OrderPlan {
                lots: LOTS,
                stop_loss_points: 15 + 10 * symbol_of(InstrumentId(index)) as u32,
                take_profit_points: 20,
                deviation_points: 5,
                decision_budget_ns: 100 * NS_PER_MS,
                exits: ExitPlan { hold_ns_max: NS_PER_S, ..ExitPlan::OFF },
                atr_feature: None,
                one_cancels_other: false,
                sizing: sizing(index),
                entry,
            },
            evaluate_every_ticks: 1,
            regime_feature: None,
            watch: WatchPlan::default(),
        }
    };
    Setup {
        strategy: STRATEGY,
        venues: vec![VenueSetup { margin_mode: MarginMode::Netting }; venue_count],
        instruments: venues.iter().flat_map(|venue| setups_of(*venue)).collect(),
        limits: limits(),
        strategies: (0..(venue_count * SYMBOLS.len()) as u16).map(strategy).collect(),
        history: HistoryPlan::NEVER,
        external: ExternalPolicy::Count,
        exposure: exposure(venue_count),
        guards: GuardPlan::default(),
    }
}

fn setups_of(venue: VenueId) -> impl Iterator<Item = InstrumentSetup> {
    symbols_of(venue).into_iter().map(move |(symbol, _)| InstrumentSetup { venue, symbol })
}

fn unit(model: &[u8]) -> ModelUnit {
    let name = FixedText::new("change").unwrap_or_default();
    let model = Model::load(model, None, &["change"], &LoadOptions::default());
    let model = model.expect("a linear model of one feature");
    let identity = ModelIdentity { digest: 1, version: 1, name };
    ModelUnit::new(identity, model, &["change"], Classes::default()).expect("the model's own features")
}

/// A broker whose account, execution and conduct the dice choose.
pub(super) fn broker(venue: VenueId, rates: &FaultRates, dice: &mut Prng) -> Broker {
    let mode = if dice.below(3) == 0 { MarginMode::Hedging } else { MarginMode::Netting };
    let execution = [Execution::Market, Execution::Market, Execution::Exchange, Execution::Instant];
    let symbols = symbols_of(venue).into_iter().map(|(name, instrument)| {
        let mut spec = InstrumentSpec::fx(instrument, venue, name);
        spec.execution = execution[dice.below(4) as usize];
        spec.filling_modes = 1 + dice.below(3) as u8;
        spec.stops_level_points = 5 * dice.below(3) as u32;
        Symbol::new(spec)
    });
    let symbols = symbols.collect();
    let rate = |fault: Fault, rate: f64, dice: &mut Prng| {
        let every = u64::from(rates.every(fault));
        if every != 0 && dice.below(every) == 0 { rate * dice.uniform() } else { 0.0 }
    };
    let conduct = Conduct {
        latency_min_us: 200 + dice.below(3_000) as i64,
        latency_mean_us: 500 + dice.below(20_000) as i64,
        reject_rate: rate(Fault::Rejected, 0.3, dice),
        partial_rate: rate(Fault::Partial, 0.8, dice),
        slippage_rate: dice.uniform() * 0.5,
        order: if rate(Fault::Shuffled, 1.0, dice) > 0.0 {
            TransactionOrder::Shuffled
        } else {
            TransactionOrder::Observed
        },
        ..Conduct::default()
    };
    let account = Account::new(mode, equity_of(venue), 100, Money(3_500_000));
    Broker::new(account, symbols, conduct, dice.fork())
}
