//! The setup of the engine's tests: one instrument, one model that follows the last change of the mid.
//!
//! What it is not: a strategy that earns anything.
//!
//! Invariant: nothing is on that a test does not turn on.

use super::*;

/// A model whose score is the change of the mid in ticks: above 1 buy, below -1 sell.
pub(in crate::engine) fn setup() -> Setup {
    let change = FeatureKind::Change { lag: 1 };
    let features = vec![FeatureSpec::new("change", InstrumentId(0), change, Input::Mid, Clock::Tick)];
    let model = br#"{"format":"tickbridge-linear","version":1,"link":"identity",
        "features":["change"],"weights":[1.0],"intercept":0.0}"#;
    let plan = OrderPlan {
        lots: 0.1,
        stop_loss_points: 100,
        take_profit_points: 0,
        deviation_points: 5,
        decision_budget_ns: 100 * NS_PER_MS,
        exits: ExitPlan::OFF,
        atr_feature: None,
        one_cancels_other: false,
        sizing: Default::default(),
        entry: EntryPlan::MARKET,
    };
    let limits = Limits {
        order_lots_max: 0.5,
        position_lots_max: 1.0,
        open_orders_max: 10,
        price_distance_max_points: 50,
        orders_per_s_max: 100,
        orders_burst_max: 100,
        stale_after_ns: NS_PER_S,
        daily_loss_max: Money(50_000_000),
        day_starts_at_s: 0,
        rejects_in_row_max: 3,
        trailing_loss_max: Money(1_000_000_000_000),
        losses_in_row_max: 10_000,
        executions_max: 1_000,
        executions_window_ns: 1,
        order_value_max: Money(1_000_000_000_000_000),
        jump_max_points: 10_000_000,
        jump_window_ns: NS_PER_S,
        margin_level_min_percent: 1,
        account_age_max_ns: 24 * 3_600 * NS_PER_S,
        unknown_after_ns: NS_PER_S,
        page_after_ns: 5 * NS_PER_S,
        allow_live: false,
    };
    Setup {
        strategy: StrategyId(7),
        venues: vec![VenueSetup { margin_mode: MarginMode::Netting }],
        instruments: vec![InstrumentSetup { venue: VenueId(0), symbol: FixedText::new("EURUSD").unwrap() }],
        limits,
        strategies: vec![StrategySetup {
            instrument: InstrumentId(0),
            features: FeatureGraph::build(&features).unwrap(),
            models: ModelSet::single(unit(1, model)),
            rule: Rule::new(thresholds()).unwrap(),
            plan,
            evaluate_every_ticks: 1,
            regime_feature: None,
            watch: WatchPlan::default(),
        }],
        history: HistoryPlan::NEVER,
        external: ExternalPolicy::Count,
        exposure: Default::default(),
        guards: GuardPlan::default(),
    }
}

/// Above 1 buy, below -1 sell, and out again half way.
pub(super) fn thresholds() -> Thresholds {
    Thresholds {
        enter_long_above: 1.0,
        enter_short_below: -1.0,
        exit_long_below: -0.5,
        exit_short_above: 0.5,
        cooldown_ns: 0,
        spread_max_ticks: 10,
        quote_age_max_ns: NS_PER_S,
    }
}

/// A model on the one feature.
pub(super) fn unit(digest: u64, model: &[u8]) -> ModelUnit {
    let identity = ModelIdentity { digest, version: 1, name: FixedText::new("change").unwrap() };
    let model = Model::load(model, None, &["change"], &LoadOptions::default()).unwrap();
    ModelUnit::new(identity, model, &["change"], Classes::default()).unwrap()
}
