//! Sizes worked out by hand, and what holds of all of them.
//!
//! What it is not: the engine's wiring; `engine/tests/sizing.rs` has that.
//!
//! Invariant: the numbers expected here were computed on paper, as the comments show.

use super::*;
use crate::types::{FixedText, InstrumentId, VenueId};
use proptest::prelude::*;

/// A step of 0.01 lots, a tick of which is worth 0.01.
fn spec() -> InstrumentSpec {
    InstrumentSpec::fx(InstrumentId(0), VenueId(0), FixedText::EMPTY)
}

fn money(amount: f64) -> Money {
    Money::from_f64(amount).expect("an amount")
}

fn inputs<'a>(spec: &'a InstrumentSpec, record: &'a TradeRecord) -> SizingInputs<'a> {
    SizingInputs {
        lots: 0.1,
        spec,
        order_max: Qty(1_000),
        equity: money(10_000.0),
        equity_highest: money(10_000.0),
        stop_ticks: 200,
        volatility_ticks: 40.0,
        record,
        correlation: 0.0,
    }
}

fn sizing(method: Method) -> Sizing {
    Sizing { method, ..Sizing::FIXED }
}

/// A record of round trips of one step each that brought these amounts.
fn record(outcomes: &[i64]) -> TradeRecord {
    let mut record = TradeRecord::default();
    for outcome in outcomes {
        record.fill(0, 1, Money(0));
        record.fill(1, 0, Money(*outcome));
    }
    record
}

fn reason(result: Result<Qty, Refusal>) -> Result<i64, Reason> {
    result.map(|qty| qty.0).map_err(|refusal| refusal.reason)
}

#[test]
fn sizes_are_those_computed_by_hand() {
    let (spec, none) = (spec(), TradeRecord::default());
    let at = |inputs: &SizingInputs<'_>, method| reason(sizing(method).qty(inputs));
    let base = inputs(&spec, &none);
    // 0.1 lots in steps of 0.01.
    assert_eq!(at(&base, Method::Fixed), Ok(10));
    // 1 % of 10,000 is 100; the stop costs 200 ticks x 0.01 = 2 a step: 50 steps.
    assert_eq!(at(&base, Method::StopRisk { percent: 1.0 }), Ok(50));
    // 100 / (3 x 0.01) = 3,333.3, and an order takes 1,000 steps at most.
    assert_eq!(at(&SizingInputs { stop_ticks: 3, ..base }, Method::StopRisk { percent: 1.0 }), Ok(1_000));
    // 100 / (300 x 0.01) = 33.3: down to 33.
    assert_eq!(at(&SizingInputs { stop_ticks: 300, ..base }, Method::StopRisk { percent: 1.0 }), Ok(33));
    // 0.5 % is 50; a move of 40 ticks costs 0.4 a step: 125 steps.
    assert_eq!(at(&base, Method::Volatility { percent: 0.5, feature: 0 }), Ok(125));
    // 0.0199 % is 1.99 and a step costs 2: nothing, and never one step.
    let refusal = sizing(Method::StopRisk { percent: 0.0199 }).qty(&base).unwrap_err();
    assert_eq!(refusal, Refusal { reason: Reason::SizeTooSmall, limit: 1, got: 0 });
    let capped = Sizing { lots_max: 0.2, ..sizing(Method::StopRisk { percent: 1.0 }) };
    assert_eq!(reason(capped.qty(&base)), Ok(20));
}

#[test]
fn the_kelly_fraction_is_shrunk_and_capped_and_waits_for_its_trades() {
    let spec = spec();
    let kelly = Kelly { fraction: 0.5, trades_min: 10, shrink_trades: 10, percent_max: 20.0 };
    let at = |record: &TradeRecord, kelly| {
        reason(
            sizing(Method::Kelly(kelly))
                .qty(&SizingInputs { order_max: Qty(10_000), ..inputs(&spec, record) }),
        )
    };
    // Six wins of 20 and four losses of 10: p = 0.6, b = 2, the fraction 0.6 - 0.4 / 2 = 0.4. Half of it, shrunk by 10 of 20
    // trades, is 0.1: 10 % of 10,000 is 1,000, at 2 a step 500 steps.
    let good = record(&[20, 20, 20, -10, -10, 20, 20, 20, -10, -10]);
    assert_eq!(at(&good, kelly), Ok(500));
    // The cap: 3 % is 300, 150 steps.
    assert_eq!(at(&good, Kelly { percent_max: 3.0, ..kelly }), Ok(150));
    // Too few trades: the fixed 10 steps, or what the cap allows: 0.1 % is 10, 5 steps.
    assert_eq!(at(&good, Kelly { trades_min: 11, ..kelly }), Ok(10));
    assert_eq!(at(&good, Kelly { trades_min: 11, percent_max: 0.1, ..kelly }), Ok(5));
    // As many wins as losses, and as large: no edge. The same without a win.
    assert_eq!(at(&record(&[10, -10].repeat(5)), kelly), Err(Reason::SizeNoEdge));
    assert_eq!(at(&record(&[-10; 10]), kelly), Err(Reason::SizeNoEdge));
    // Only wins: 0.5 x 1 x 10 / 20 = 25 %, capped at 20: 1,000 steps.
    assert_eq!(at(&record(&[10; 10]), kelly), Ok(1_000));
}

#[test]
fn a_drawdown_makes_sizes_smaller_and_then_none() {
    let (spec, none) = (spec(), TradeRecord::default());
    let scale = Drawdown { start_percent: 5.0, stop_percent: 15.0 };
    let sizing = Sizing { drawdown: Some(scale), ..Sizing::FIXED };
    let at =
        |equity: f64| reason(sizing.qty(&SizingInputs { equity: money(equity), ..inputs(&spec, &none) }));
    // 10 steps up to 5 % below 10,000; at 10 % the half; at 14 % a tenth; at 14.5 % half a step, which is none.
    assert_eq!([at(10_500.0), at(9_500.0), at(9_000.0), at(8_600.0)], [Ok(10), Ok(10), Ok(5), Ok(1)]);
    assert_eq!(at(8_550.0), Err(Reason::SizeTooSmall));
    assert_eq!(at(8_500.0), Err(Reason::SizeDrawdown));
    assert_eq!(at(-1.0), Err(Reason::SizeDrawdown));
    let unknown = SizingInputs { equity_highest: Money::ZERO, ..inputs(&spec, &none) };
    assert_eq!(reason(sizing.qty(&unknown)), Err(Reason::SizeUnknown));
}

#[test]
fn an_entry_that_moves_with_what_is_held_is_smaller() {
    let (spec, none) = (spec(), TradeRecord::default());
    let sizing = Sizing { correlation_cut: 0.5, ..Sizing::FIXED };
    let at = |correlation| reason(sizing.qty(&SizingInputs { correlation, ..inputs(&spec, &none) }));
    // 10 steps less a half, less a quarter; what diversifies takes nothing away.
    assert_eq!([at(1.0), at(0.5), at(0.0), at(-1.0)], [Ok(5), Ok(7), Ok(10), Ok(10)]);
    assert_eq!(at(f64::NAN), Err(Reason::SizeUnknown));
    let unasked = SizingInputs { correlation: f64::NAN, ..inputs(&spec, &none) };
    assert_eq!(reason(Sizing::FIXED.qty(&unasked)), Ok(10));
}

#[test]
fn what_is_not_known_is_no_size() {
    let (spec, none) = (spec(), TradeRecord::default());
    let broken = InstrumentSpec { tick_value: f64::NAN, ..spec };
    let base = inputs(&spec, &none);
    let stop = Method::StopRisk { percent: 1.0 };
    let volatility = Method::Volatility { percent: 1.0, feature: 0 };
    for (name, method, inputs, input) in [
        ("no stop", stop, SizingInputs { stop_ticks: 0, ..base }, Input::Distance),
        ("no feature", volatility, SizingInputs { volatility_ticks: f64::NAN, ..base }, Input::Distance),
        ("still market", volatility, SizingInputs { volatility_ticks: 0.0, ..base }, Input::Distance),
        ("endless", volatility, SizingInputs { volatility_ticks: f64::INFINITY, ..base }, Input::Distance),
        ("no equity", stop, SizingInputs { equity: Money::ZERO, ..base }, Input::Equity),
        ("debt", stop, SizingInputs { equity: Money(-1), ..base }, Input::Equity),
        ("no tick value", stop, SizingInputs { spec: &broken, ..base }, Input::TickValue),
    ] {
        let refusal = sizing(method).qty(&inputs).unwrap_err();
        assert_eq!((refusal.reason, refusal.got), (Reason::SizeUnknown, input as i64), "{name}");
    }
    let lots = SizingInputs { lots: f64::NAN, ..base };
    assert_eq!(reason(sizing(Method::Fixed).qty(&lots)), Err(Reason::SizeUnknown));
}

#[test]
fn a_trade_is_from_flat_to_flat_with_all_its_costs() {
    let mut record = TradeRecord::default();
    // Two entries of 5 with a commission of 10 each, out in two parts: 100 + 60 - 20 on 10 steps.
    for (before, after, realised) in [(0, 5, -10), (5, 10, -10), (10, 4, 100), (4, 0, 60)] {
        record.fill(before, after, Money(realised));
    }
    assert_eq!(record, super::tests::record(&[14]));
    // A reversal ends one and begins the next.
    record.fill(0, -3, Money(0));
    record.fill(-3, 2, Money(-9));
    record.fill(2, 0, Money(8));
    assert_eq!(record, super::tests::record(&[14, -3, 4]));
    // Taken away without a deal: what was paid for it is forgotten with it.
    record.fill(0, 7, Money(-50));
    record.fill(0, 1, Money(0));
    record.fill(1, 0, Money(5));
    assert_eq!(record, super::tests::record(&[14, -3, 4, 5]));
    record.fill(0, 1, Money(-2));
    record.forget();
    record.fill(1, 0, Money(5));
    assert_eq!(record, super::tests::record(&[3]));
}

fn methods() -> impl Strategy<Value = Method> {
    let kelly = (0.01f64..1.0, 1u32..30, 0u32..200, 0.01f64..50.0).prop_map(
        |(fraction, trades_min, shrink_trades, percent_max)| {
            Method::Kelly(Kelly { fraction, trades_min, shrink_trades, percent_max })
        },
    );
    prop_oneof![
        Just(Method::Fixed),
        (0.01f64..50.0).prop_map(|percent| Method::StopRisk { percent }),
        (0.01f64..50.0).prop_map(|percent| Method::Volatility { percent, feature: 0 }),
        kelly,
    ]
}

fn sizings() -> impl Strategy<Value = Sizing> {
    let drawdown = proptest::option::of((0.0f64..20.0, 0.1f64..40.0));
    (methods(), 0.01f64..100.0, drawdown, 0.0f64..=1.0).prop_map(|(method, lots_max, drawdown, cut)| Sizing {
        method,
        lots_max,
        correlation_cut: cut,
        drawdown: drawdown
            .map(|(start, length)| Drawdown { start_percent: start, stop_percent: start + length }),
    })
}

/// Steps, none where there is no size.
fn steps(sizing: &Sizing, inputs: &SizingInputs<'_>) -> i64 {
    sizing.qty(inputs).map_or(0, |qty| qty.0)
}

proptest! {
    #[test]
    fn a_size_is_on_the_grid_and_within_every_bound(
        sizing in sizings(),
        outcomes in proptest::collection::vec(-50i64..60, 0..40),
        equity in -100.0f64..1e7,
        highest in 0.0f64..1e7,
        (stop_ticks, volatility_ticks) in (0i64..5_000, 0.0f64..5_000.0),
        correlation in -1.0f64..=1.0,
        (volume_min, order_max) in (1i64..50, 0i64..2_000),
    ) {
        let (spec, record) = (InstrumentSpec { volume_min: Qty(volume_min), ..spec() }, record(&outcomes));
        let inputs = SizingInputs {
            equity: money(equity),
            equity_highest: money(highest),
            stop_ticks,
            volatility_ticks,
            order_max: Qty(order_max),
            correlation,
            ..inputs(&spec, &record)
        };
        let got = sizing.qty(&inputs);
        if let Ok(qty) = got {
            prop_assert!(qty >= spec.volume_min && qty.0 <= order_max);
            prop_assert!(qty.0 as f64 * spec.volume_step <= sizing.lots_max + 1e-9);
            // Never more at stake than the method says.
            let worth = qty.0 as f64 * spec.tick_value * spec.volume_step;
            let at_most = |percent: f64, ticks: f64| worth * ticks <= equity * percent / 100.0 * (1.0 + 1e-9) + 1e-6;
            let is_bounded = match sizing.method {
                Method::Fixed => qty.0 <= 10,
                Method::StopRisk { percent } => at_most(percent, stop_ticks as f64),
                Method::Volatility { percent, .. } => at_most(percent, volatility_ticks),
                Method::Kelly(kelly) => at_most(kelly.percent_max, stop_ticks as f64),
            };
            prop_assert!(is_bounded, "{:?}: {}", sizing, qty.0);
        }
        // Less equity below the same highest is never a larger size; nor is a wider stop or a wilder market.
        let poorer = SizingInputs { equity: money(equity * 0.9 - 1.0), ..inputs };
        prop_assert!(steps(&sizing, &poorer) <= steps(&sizing, &inputs));
        let alike = SizingInputs { correlation: 1.0, ..inputs };
        prop_assert!(steps(&sizing, &alike) <= steps(&sizing, &inputs));
        let wider = SizingInputs { stop_ticks: stop_ticks * 2 + 1, volatility_ticks: volatility_ticks * 2.0, ..inputs };
        if stop_ticks > 0 && volatility_ticks > 0.0 {
            prop_assert!(steps(&sizing, &wider) <= steps(&sizing, &inputs));
        }
    }

    /// More risk is never a smaller size.
    #[test]
    fn a_size_grows_with_its_risk(percent in 0.01f64..10.0, more in 0.0f64..10.0, stop_ticks in 1i64..5_000) {
        let (spec, none) = (spec(), TradeRecord::default());
        let inputs = SizingInputs { stop_ticks, ..inputs(&spec, &none) };
        let at = |percent| steps(&sizing(Method::StopRisk { percent }), &inputs);
        prop_assert!(at(percent) <= at(percent + more));
    }

    /// Another currency of the account, and other units of the ticks, change no size.
    #[test]
    fn a_size_does_not_depend_on_units(sizing in sizings(), outcomes in proptest::collection::vec(-50i64..60, 0..40)) {
        let (one, record) = (spec(), record(&outcomes));
        let eightfold = InstrumentSpec { tick_value: one.tick_value * 8.0, ..one };
        let halved = InstrumentSpec { tick_value: one.tick_value / 2.0, ..one };
        let scaled: Vec<i64> = outcomes.iter().map(|outcome| outcome * 8).collect();
        let (base, scaled) = (inputs(&one, &record), self::record(&scaled));
        let currency = SizingInputs {
            spec: &eightfold,
            equity: Money(base.equity.0 * 8),
            equity_highest: Money(base.equity_highest.0 * 8),
            record: &scaled,
            ..base
        };
        let ticks = SizingInputs { spec: &halved, stop_ticks: 400, volatility_ticks: 80.0, ..base };
        prop_assert_eq!(steps(&sizing, &currency), steps(&sizing, &base));
        prop_assert_eq!(steps(&sizing, &ticks), steps(&sizing, &base));
    }
}
