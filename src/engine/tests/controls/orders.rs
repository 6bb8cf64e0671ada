//! Controls of one order: its size, its value, how much there is already, how often it is sent, and the symbol's own rules.
//!
//! What it is not: what the price allows (`quotes.rs`).
//!
//! Invariant: as that of the suite. A step of EURUSD is worth about 1,000 of an account of 10,000.

use super::rig::{give_tick, placed, placed_of};
use super::*;
use crate::risk::{
    Drawdown, ExposureLimits, ExposurePlan, Kelly, LimitKey, Method, PortfolioLimit, Sizing, SymbolPlan,
};

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = sizes();
    all.extend(counts());
    all.extend(exposure());
    all.extend(symbol());
    all
}

/// The operator lowers a limit.
fn lower(rig: &mut Rig, key: LimitKey, value: f64) {
    let mut change = LimitChange::read(&[0; 96]);
    change.value_new = value;
    rig.bench.give_with_aux(&change, key as u32);
}

fn sized(setup: &mut Setup, sizing: Sizing) {
    setup.strategies[0].plan.sizing = sizing;
    setup.limits.daily_loss_max = Money(1_000_000_000_000);
}

fn small(rig: &mut Rig) -> Vec<Record> {
    placed_of(rig, 5)
}

fn sizes() -> Vec<Scenario> {
    const STOP_RISK: Sizing = Sizing { method: Method::StopRisk { percent: 0.2 }, ..Sizing::FIXED };
    vec![
        Scenario { code: "SIZE_ORDER", trip: |rig| lower(rig, LimitKey::OrderLots, 0.05), ..PLAIN },
        Scenario {
            code: "SIZE_MINIMUM",
            healthy: small,
            attempt: small,
            trip: |rig| rig.rules(|spec| spec.volume_min = 6),
            ..PLAIN
        },
        Scenario {
            code: "SIZE_VALUE",
            setup: |setup| setup.limits.order_value_max = Money(20_000_000_000),
            trip: |rig| rig.rules(|spec| spec.tick_value = 10.0),
            ..PLAIN
        },
        Scenario { code: "SIZE_POSITION", trip: |rig| rig.others_trade(90), ..PLAIN },
        Scenario {
            code: "SIZE_UNKNOWN",
            setup: |setup| sized(setup, STOP_RISK),
            trip: |rig| rig.rules(|spec| spec.tick_value = 0.0),
            ..PLAIN
        },
        Scenario {
            code: "SIZE_TOO_SMALL",
            setup: |setup| sized(setup, STOP_RISK),
            trip: |rig| drop(rig.bench.account(200.0)),
            ..PLAIN
        },
        Scenario {
            code: "SIZE_DRAWDOWN",
            setup: |setup| {
                let scale = Drawdown { start_percent: 0.0, stop_percent: 0.4 };
                sized(setup, Sizing { drawdown: Some(scale), ..Sizing::FIXED });
            },
            trip: |rig| drop(rig.bench.account(9_960.0)),
            ..PLAIN
        },
        Scenario {
            code: "SIZE_NO_EDGE",
            setup: |setup| {
                let kelly = Kelly { fraction: 1.0, trades_min: 1, shrink_trades: 0, percent_max: 0.3 };
                sized(setup, Sizing { method: Method::Kelly(kelly), ..Sizing::FIXED });
            },
            trip: |rig| {
                // The one trade there was lost; what waited to be opened is held now.
                let (_, outputs) = rig.bench.ask(|engine, out| engine.reduce(0, i64::MAX, 0, out));
                let exit = command(&outputs).expect("a reduction");
                rig.bench.dispatched(&exit);
                let mut deal = rig.bench.deal_of(&exit, exit.qty);
                (deal.entry, deal.profit) = (DealEntry::Out.code(), -30_000_000);
                rig.bench.give(&deal);
                let next = rig.place();
                rig.bench.fill(&next);
            },
            ..PLAIN
        },
    ]
}

/// Another order is on its way.
fn one_more(rig: &mut Rig) {
    rig.place();
}

fn counts() -> Vec<Scenario> {
    vec![
        Scenario {
            code: "COUNT_OPEN_ORDERS",
            setup: |setup| setup.limits.open_orders_max = 2,
            trip: one_more,
            ..PLAIN
        },
        Scenario {
            code: "RATE_ORDERS",
            setup: |setup| (setup.limits.orders_per_s_max, setup.limits.orders_burst_max) = (1, 3),
            trip: one_more,
            ..PLAIN
        },
        Scenario {
            code: "EXECUTIONS_REPEATED",
            setup: |setup| {
                (setup.limits.executions_max, setup.limits.executions_window_ns) = (3, 60 * NS_PER_S);
            },
            trip: one_more,
            ..PLAIN
        },
        Scenario {
            code: "ORDER_UNKNOWN",
            trip: |rig| {
                let order = rig.place();
                rig.bench.dispatched(&order);
                rig.bench.wait_ms(1_100);
                assert_eq!(rig.bench.state_of(&order), OrderState::Unknown);
            },
            ..PLAIN
        },
        Scenario {
            code: "ORDER_DUPLICATE",
            setup: |setup| setup.exposure.duplicate_window_ns = 500 * NS_PER_MS,
            // The first opening is older than the window; the same again is not.
            healthy: |rig| {
                rig.bench.wait_ms(600);
                opened(rig)
            },
            trip: |rig| {
                rig.bench.wait_ms(600);
                rig.place();
            },
            ..PLAIN
        },
        Scenario {
            code: "CANARY_ORDERS",
            setup: |setup| {
                setup.exposure.canary_ns = 3_600 * NS_PER_S;
                (setup.exposure.canary_orders_max, setup.exposure.canary_lots_max) = (3, 0.1);
            },
            trip: one_more,
            ..PLAIN
        },
        Scenario {
            code: "CANARY_LOTS",
            setup: |setup| {
                setup.exposure.canary_ns = 3_600 * NS_PER_S;
                (setup.exposure.canary_orders_max, setup.exposure.canary_lots_max) = (10, 0.05);
            },
            trip: |rig| {
                let order = rig.place();
                rig.bench.fill(&order);
                rig.rules(|spec| spec.volume_min = 6);
            },
            ..PLAIN
        },
    ]
}

fn exposed(setup: &mut Setup, limits: ExposureLimits) {
    let symbol = SymbolPlan { currencies: [Some(0), None], ..SymbolPlan::default() };
    let symbols = vec![symbol];
    setup.exposure = ExposurePlan { limits, symbols, sample_ns: NS_PER_MS, ..ExposurePlan::default() };
    setup.limits.position_lots_max = 100.0;
}

/// Room for the risk of some hundred steps.
fn portfolio(setup: &mut Setup) {
    let risk_max = Money::from_f64(3.0).unwrap();
    let portfolio = Some(PortfolioLimit { risk_max, horizon_samples: 1.0 });
    exposed(setup, ExposureLimits { portfolio, ..ExposureLimits::default() });
    setup.exposure.samples = 4;
}

/// Prices that move, until their returns are known.
fn samples(bench: &mut Bench) {
    for bid in [100_005, 100_000, 100_000, 100_000, 100_000] {
        bench.tick(bid);
    }
}

fn exposure() -> Vec<Scenario> {
    const OFF: ExposureLimits = ExposureLimits {
        currency_max: None,
        gross_max: None,
        leverage_max: None,
        unexecuted_max: None,
        portfolio: None,
    };
    vec![
        Scenario {
            code: "EXPOSURE_CURRENCY",
            setup: |setup| exposed(setup, ExposureLimits { currency_max: Money::from_f64(40_000.0), ..OFF }),
            trip: |rig| rig.others_trade(20),
            ..PLAIN
        },
        Scenario {
            code: "EXPOSURE_GROSS",
            setup: |setup| exposed(setup, ExposureLimits { gross_max: Money::from_f64(40_000.0), ..OFF }),
            trip: |rig| rig.others_trade(20),
            ..PLAIN
        },
        Scenario {
            code: "EXPOSURE_LEVERAGE",
            setup: |setup| exposed(setup, ExposureLimits { leverage_max: Some(4.0), ..OFF }),
            trip: |rig| rig.others_trade(20),
            ..PLAIN
        },
        Scenario {
            code: "VALUE_UNEXECUTED",
            setup: |setup| {
                exposed(setup, ExposureLimits { unexecuted_max: Money::from_f64(25_000.0), ..OFF });
            },
            trip: one_more,
            ..PLAIN
        },
        Scenario {
            code: "EXPOSURE_PORTFOLIO",
            setup: portfolio,
            warm: samples,
            trip: |rig| rig.others_trade(400),
            ..PLAIN
        },
        Scenario {
            code: "EXPOSURE_UNKNOWN",
            setup: portfolio,
            warm: samples,
            trip: |rig| {
                rig.bench.now = rig.bench.now.plus_ns(NS_PER_MS);
                give_tick(&mut rig.bench, InstrumentId(0), 100_006, Price::NONE.0);
                rig.bench.account(10_000.0);
            },
            ..PLAIN
        },
    ]
}

fn symbol() -> Vec<Scenario> {
    vec![
        Scenario {
            code: "INSTRUMENT_UNKNOWN",
            setup: |setup| {
                let symbol = FixedText::new("GBPUSD").unwrap();
                setup.instruments.push(InstrumentSetup { venue: VenueId(0), symbol });
                let mut other = setup.strategies[0].clone();
                other.instrument = InstrumentId(1);
                setup.strategies.push(other);
            },
            // The other symbol's rules are told; on the rig they never are.
            healthy: |rig| {
                let known = rig.bench.journal.iter().find_map(|record| record.payload::<Spec>());
                rig.bench.give_of(InstrumentId(1), &known.expect("rules"), 0);
                give_tick(&mut rig.bench, InstrumentId(1), 100_000, 100_002);
                of_other(rig)
            },
            attempt: of_other,
            ..PLAIN
        },
        Scenario { code: "INSTRUMENT_MODE", trip: |rig| rig.rules(|spec| spec.trade_mode = 3), ..PLAIN },
        Scenario {
            code: "INSTRUMENT_FILLING",
            trip: |rig| rig.rules(|spec| spec.filling_modes = 0),
            // There is no way to trade at the market that the venue takes.
            reduces: Reduces::Refused(Reason::InstrumentFilling),
            ..PLAIN
        },
        Scenario {
            code: "INSTRUMENT_ORDER_KIND",
            healthy: placed,
            attempt: placed,
            trip: |rig| rig.rules(|spec| spec.order_modes = 127 - 2),
            ..PLAIN
        },
        Scenario {
            code: "INSTRUMENT_EXPIRATION",
            healthy: placed,
            attempt: placed,
            trip: |rig| rig.rules(|spec| spec.expiration_modes = 12),
            ..PLAIN
        },
        Scenario {
            code: "PRICE_LEVEL",
            healthy: placed,
            attempt: placed,
            trip: |rig| rig.rules(|spec| spec.stops_level_points = 30),
            ..PLAIN
        },
    ]
}

/// An opening of the second symbol.
fn of_other(rig: &mut Rig) -> Vec<Record> {
    let quote = *rig.bench.engine.market().quote(InstrumentId(1));
    let asked = rig.bench.ask(|engine, out| {
        engine.open(1, Side::Buy, &quote, out);
        Asked::Stands
    });
    asked.1
}
