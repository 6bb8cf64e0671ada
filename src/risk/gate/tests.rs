//! The gate's controls, each tripped.
//!
//! What it is not: the engine's conditions; `engine/tests.rs` trips those.
//!
//! Invariant: whatever refuses an opening here is shown to let a reduction pass.

use super::super::limits::test_limits;
use super::*;
use crate::types::{FixedText, InstrumentSpec, Money, NS_PER_S, VenueId};

const NOW: TimeNs = TimeNs(100 * NS_PER_S);

fn open_gate(exposure: Exposure) -> Gate {
    let spec = InstrumentSpec::fx(InstrumentId(0), VenueId(0), FixedText::EMPTY);
    let mut gate = Gate::new(test_limits());
    gate.prepare(InstrumentId(0), test_limits().for_instrument(&spec), [true; 2], exposure);
    gate.set_conditions(Conditions { closed: None });
    gate
}

fn quote() -> Quote {
    Quote { bid: Price(1000), ask: Price(1002), last: Price::NONE, ts_venue: NOW, ts_recv: NOW }
}

fn buy(qty: i64) -> Intent {
    Intent { instrument: InstrumentId(0), side: Side::Buy, qty: Qty(qty), price: Price(1002), reduces: false }
}

fn reason(gate: &mut Gate, intent: Intent) -> Result<Approved, Reason> {
    gate.check(intent, &quote(), 0, NOW).map_err(|refusal| refusal.reason)
}

#[test]
fn a_new_gate_is_closed() {
    assert_eq!(reason(&mut Gate::new(test_limits()), buy(1)), Err(Reason::InstrumentUnknown));
    let mut gate = open_gate(Exposure::default());
    gate.set_conditions(Conditions { closed: Gate::new(test_limits()).closed() });
    assert_eq!(reason(&mut gate, buy(1)), Err(Reason::SessionDown));
}

#[test]
fn sizes_count_everything_that_may_still_fill() {
    let mut gate = open_gate(Exposure { position: 60, reserved: [80, 0], ..Exposure::default() });
    assert_eq!(reason(&mut gate, buy(0)), Err(Reason::SizeMinimum));
    assert_eq!(reason(&mut gate, buy(101)), Err(Reason::SizeOrder));
    let refusal = gate.check(buy(61), &quote(), 0, NOW).unwrap_err();
    assert_eq!(refusal, Refusal { reason: Reason::SizePosition, limit: 200, got: 201 });
    assert_eq!(refusal.to_string(), "SIZE_POSITION: limit=200 got=201 unit=steps");
    assert!(gate.check(buy(60), &quote(), 0, NOW).is_ok());
}

/// What is changed for a control to trip: the gate, and the wish with its quote and the number of open orders.
struct Trip {
    reason: Reason,
    gate: fn(&mut Gate),
    intent: Intent,
    quote: Quote,
    open_orders: usize,
}

fn trip(reason: Reason) -> Trip {
    Trip { reason, gate: |_| (), intent: buy(1), quote: quote(), open_orders: 0 }
}

/// The gate with these modes and this exposure.
fn again(gate: &mut Gate, modes: [bool; 2], exposure: Exposure) {
    let spec = InstrumentSpec::fx(InstrumentId(0), VenueId(0), FixedText::EMPTY);
    gate.prepare(InstrumentId(0), test_limits().for_instrument(&spec), modes, exposure);
}

/// Room over all instruments, which a new envelope keeps.
fn leave_room(gate: &mut Gate, room: Room) {
    gate.set_room(InstrumentId(0), [room; 2]);
    again(gate, [true; 2], HELD);
}

const HELD: Exposure =
    Exposure { position: 50, reserved: [0; 2], reducing: [0; 2], unknown: [0; 2], barred: None };

/// Each control that refuses an opening, tripped alone.
fn trips() -> Vec<Trip> {
    let stale = Quote { ts_recv: TimeNs(NOW.0 - NS_PER_S - 1), ..quote() };
    vec![
        Trip { gate: |gate| gate.set_trading(Trading::Halted), ..trip(Reason::TradingHalted) },
        Trip { gate: |gate| gate.set_trading(Trading::Reducing), ..trip(Reason::TradingReducing) },
        Trip {
            gate: |gate| {
                let refusal = Refusal { reason: Reason::LossDaily, limit: 1, got: 2 };
                gate.set_conditions(Conditions { closed: Some(refusal) })
            },
            ..trip(Reason::LossDaily)
        },
        Trip { gate: |gate| again(gate, [false; 2], HELD), ..trip(Reason::InstrumentMode) },
        Trip {
            gate: |gate| again(gate, [true; 2], Exposure { unknown: [1, 0], ..HELD }),
            ..trip(Reason::OrderUnknown)
        },
        Trip {
            gate: |gate| {
                let refusal = Refusal { reason: Reason::ExecutionsRepeated, limit: 3, got: 3 };
                again(gate, [true; 2], Exposure { barred: Some(refusal), ..HELD })
            },
            ..trip(Reason::ExecutionsRepeated)
        },
        Trip { intent: buy(0), ..trip(Reason::SizeMinimum) },
        Trip { intent: buy(101), ..trip(Reason::SizeOrder) },
        Trip {
            gate: |gate| again(gate, [true; 2], Exposure { reserved: [150, 0], ..HELD }),
            ..trip(Reason::SizePosition)
        },
        Trip { open_orders: 4, ..trip(Reason::CountOpenOrders) },
        Trip { gate: |gate| leave_room(gate, Room::UNKNOWN), ..trip(Reason::ExposureUnknown) },
        Trip {
            gate: |gate| leave_room(gate, Room { reason: Reason::ExposureGross, ..Room::UNKNOWN }),
            ..trip(Reason::ExposureGross)
        },
        Trip { quote: Quote { ask: Price::NONE, ..quote() }, ..trip(Reason::QuoteMissing) },
        Trip { quote: Quote { ask: Price(999), ..quote() }, ..trip(Reason::QuoteCrossed) },
        Trip { quote: stale, ..trip(Reason::QuoteStale) },
        Trip {
            gate: |gate| {
                let quote = quote();
                gate.on_quote(InstrumentId(0), &Quote { bid: Price(959), ask: Price(961), ..quote });
                gate.on_quote(InstrumentId(0), &quote);
            },
            ..trip(Reason::PriceJump)
        },
        Trip {
            gate: |gate| {
                let spec = InstrumentSpec::fx(InstrumentId(0), VenueId(0), FixedText::EMPTY);
                // A step at 1,002 ticks, a tick on a step worth 0.01: 10.02 in account currency.
                let limits = Limits { order_value_max: Money(10_010_000), ..test_limits() };
                gate.prepare(InstrumentId(0), limits.for_instrument(&spec), [true; 2], HELD);
            },
            ..trip(Reason::SizeValue)
        },
        Trip { intent: Intent { price: Price(1053), ..buy(1) }, ..trip(Reason::PriceDistance) },
        Trip { intent: Intent { price: Price::NONE, ..buy(1) }, ..trip(Reason::PriceDistance) },
        Trip {
            gate: |gate| while gate.check(buy(1), &quote(), 0, NOW).is_ok() {},
            ..trip(Reason::RateOrders)
        },
    ]
}

#[test]
fn every_control_refuses_openings_and_lets_reductions_pass() {
    let close = Intent { side: Side::Sell, reduces: true, ..buy(50) };
    for Trip { reason, gate: prepare, intent, quote, open_orders } in trips() {
        let mut gate = open_gate(HELD);
        assert!(gate.clone().check(buy(1), &self::quote(), 0, NOW).is_ok(), "{reason:?}: shut without it");
        prepare(&mut gate);
        let got = gate.check(intent, &quote, open_orders, NOW).map_err(|refusal| refusal.reason);
        assert_eq!(got, Err(reason));
        assert!(gate.check(close, &quote, open_orders, NOW).is_ok(), "{reason:?}: a reduction must pass");
    }
}

#[test]
fn an_order_in_doubt_closes_its_side_alone() {
    let mut gate = open_gate(Exposure { unknown: [1, 0], ..Exposure::default() });
    assert_eq!(reason(&mut gate, buy(1)), Err(Reason::OrderUnknown));
    let sell = Intent { side: Side::Sell, price: Price(1000), ..buy(1) };
    assert!(gate.check(sell, &quote(), 0, NOW).is_ok());
}

#[test]
fn the_rate_of_openings_leaves_the_reserve_of_reductions_alone() {
    let mut gate = open_gate(Exposure { position: 200, ..Exposure::default() });
    let sell = Intent { side: Side::Sell, price: Price(1000), ..buy(1) };
    for _ in 0..5 {
        assert!(gate.check(sell, &quote(), 0, NOW).is_ok());
    }
    assert_eq!(reason(&mut gate, sell), Err(Reason::RateOrders));
    assert!(gate.check(Intent { reduces: true, ..sell }, &quote(), 0, NOW).is_ok());
}

#[test]
fn a_reduction_never_reverses() {
    let mut gate =
        open_gate(Exposure { position: 50, reserved: [0, 20], reducing: [0, 20], ..Exposure::default() });
    let close = Intent { side: Side::Sell, reduces: true, ..buy(31) };
    assert_eq!(reason(&mut gate, close), Err(Reason::ReduceTooLarge));
    assert!(gate.check(Intent { qty: Qty(30), ..close }, &quote(), 0, NOW).is_ok());
}
