//! Controls of reductions and of requests about what is there already.
//!
//! What it is not: a control of openings; those pass here, and show that nothing else is closed.
//!
//! Invariant: as that of the suite; whatever such a control refuses, a cancel leaves.

use super::*;
use crate::risk::{Ask, Levels, RequestIntent};

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario {
            code: "REDUCE_TOO_LARGE",
            healthy: reduced,
            // Others hold as much on the other side: closing ours would leave theirs alone.
            trip: |rig| rig.others_trade(-10),
            attempt: reduced,
            reduces: Reduces::Refused(Reason::ReduceTooLarge),
            ..PLAIN
        },
        Scenario {
            code: "REQUEST_SUBJECT",
            seen: Seen::Counted,
            attempt: |rig| rig.bench.ask(|engine, out| engine.cancel(4_711, out)).1,
            ..PLAIN
        },
        Scenario {
            code: "ACCOUNT_NETTING",
            attempt: |rig| rig.bench.ask(|engine, out| engine.close_by(InstrumentId(0), [55, 66], out)).1,
            ..PLAIN
        },
        Scenario {
            code: "SELF_TRADE",
            // Bought at 100,007, and at 100,012 at the worst.
            trip: |rig| {
                let mut event = OrderEvent::read(&[0; 96]);
                (event.ticket, event.price, event.qty_open) = (77, 100_010, 3);
                (event.order_kind, event.order_state) = (OrderKind::SellLimit.code(), 1);
                rig.bench.give(&event);
            },
            ..PLAIN
        },
        Scenario {
            code: "RATE_REQUESTS",
            setup: |setup| (setup.limits.orders_per_s_max, setup.limits.orders_burst_max) = (1, 5),
            healthy: tightened,
            trip: spend_changes,
            attempt: tightened,
            ..PLAIN
        },
    ]
}

fn reduced(rig: &mut Rig) -> Vec<Record> {
    rig.bench.ask(|engine, out| engine.reduce(0, i64::MAX, 0, out)).1
}

/// The position's stop, nearer to the market.
fn tightened(rig: &mut Rig) -> Vec<Record> {
    let stop_loss = Price(99_950);
    rig.bench.ask(|engine, out| engine.request_stops(InstrumentId(0), 0, stop_loss, Price::NONE, out)).1
}

/// Nothing is left for changes.
fn spend_changes(rig: &mut Rig) {
    let level = |stop_loss| Levels { price: Price::NONE, stop_loss: Price(stop_loss) };
    let intent = RequestIntent {
        instrument: InstrumentId(0),
        ask: Ask::Stops,
        side: Side::Buy,
        from: level(99_000),
        to: level(99_100),
    };
    let engine = &mut rig.bench.engine;
    let quote = *engine.market.quote(InstrumentId(0));
    while engine.gate.check_request(intent, &quote, engine.now).is_ok() {}
}
