//! Every refusal has MT5's own return code.
//!
//! What it is not: the appliance's reading of them (`order::retcode`).
//!
//! Invariant: a refused request changes nothing.

use super::*;
use crate::sim::terminal::checks::Limits;
use crate::types::TradeMode;

#[test]
fn faults_of_a_request_have_mt5s_own_codes() {
    type Fault = (&'static str, u32, fn(&mut Command));
    let faults: [Fault; 18] = [
        ("unknown action", retcode::INVALID, |c| c.action = 3),
        ("unknown symbol", retcode::INVALID, |c| c.symbol[0] = b'X'),
        ("unknown kind", retcode::INVALID_ORDER, |c| c.order_type = 9),
        ("pending kind as a deal", retcode::INVALID_ORDER, |c| c.order_type = 2),
        ("no volume", retcode::INVALID_VOLUME, |c| c.volume = 0.0),
        ("volume off the grid", retcode::INVALID_VOLUME, |c| c.volume = 0.015),
        ("volume beyond the most", retcode::INVALID_VOLUME, |c| c.volume = 100.01),
        ("volume that is no number", retcode::INVALID_VOLUME, |c| c.volume = f64::NAN),
        ("price off the grid", retcode::INVALID_PRICE, |c| c.price = 1.100_001),
        ("negative price", retcode::INVALID_PRICE, |c| c.price = -1.1),
        ("RETURN in market execution", retcode::INVALID_FILL, |c| c.filling = 2),
        ("BOC as a market order", retcode::INVALID_FILL, |c| c.filling = 3),
        ("stop loss on the wrong side", retcode::INVALID_STOPS, |c| c.price_sl = 1.2),
        ("take profit on the wrong side", retcode::INVALID_STOPS, |c| c.price_tp = 1.0),
        ("stop loss off the grid", retcode::INVALID_STOPS, |c| c.price_sl = 1.000_001),
        ("more than the money", retcode::NO_MONEY, |c| c.volume = 100.0),
        ("position that is gone", retcode::POSITION_CLOSED, |c| c.position = 1),
        ("pending without price", retcode::INVALID_PRICE, |c| (c.action, c.order_type) = (PENDING, 2)),
    ];
    for (what, expected, spoil) in faults {
        let mut desk = Desk::new(MarginMode::Hedging);
        let mut command = buy(0.1);
        spoil(&mut command);
        assert_eq!(desk.retcode(&command), expected, "{what}");
        assert_eq!(desk.broker.account.deals.len(), 0, "{what}");
        assert_eq!(desk.broker.requests_rejected(), 1, "{what}");
    }
}

#[test]
fn states_of_the_market_have_mt5s_own_codes() {
    type State = (&'static str, u32, fn(&mut Desk), Command);
    let states: [State; 9] = [
        ("closed", retcode::MARKET_CLOSED, |d| d.broker.symbols[0].open = false, buy(0.1)),
        ("no quotes", retcode::PRICE_OFF, |d| d.broker.symbols[0].ask = Price::NONE, buy(0.1)),
        ("disabled", retcode::TRADE_DISABLED, |d| mode(d, TradeMode::Disabled), buy(0.1)),
        ("close only", retcode::CLOSE_ONLY, |d| mode(d, TradeMode::CloseOnly), buy(0.1)),
        ("long only", retcode::LONG_ONLY, |d| mode(d, TradeMode::LongOnly), sell(0.1)),
        ("short only", retcode::SHORT_ONLY, |d| mode(d, TradeMode::ShortOnly), buy(0.1)),
        (
            "volume limit",
            retcode::LIMIT_VOLUME,
            |d| d.broker.symbols[0].spec.volume_limit = Qty(5),
            buy(0.06),
        ),
        (
            "orders limit",
            retcode::LIMIT_ORDERS,
            |d| {
                d.broker.conduct.limits = Limits { orders_max: 1, positions_max: 0 };
                assert_eq!(d.retcode(&command(PENDING, 2, 0.01, 1.0)), retcode::DONE);
            },
            command(PENDING, 2, 0.01, 1.0),
        ),
        (
            "positions limit",
            retcode::LIMIT_POSITIONS,
            |d| {
                d.broker.conduct.limits = Limits { orders_max: 0, positions_max: 1 };
                assert_eq!(d.retcode(&buy(0.01)), retcode::DONE);
            },
            buy(0.01),
        ),
    ];
    for (what, expected, prepare, command) in states {
        let mut desk = Desk::new(MarginMode::Hedging);
        prepare(&mut desk);
        assert_eq!(desk.retcode(&command), expected, "{what}");
    }
}

fn mode(desk: &mut Desk, mode: TradeMode) {
    desk.broker.symbols[0].spec.trade_mode = mode;
}

#[test]
fn instant_execution_requotes_beyond_the_deviation() {
    let instant = InstrumentSpec { execution: Execution::Instant, ..spec() };
    let mut desk = Desk::with(MarginMode::Netting, instant, Conduct::default());
    let mut command = command(DEAL, 0, 0.1, 1.10005);
    assert_eq!(desk.retcode(&command), retcode::REQUOTE);
    let requote = desk.seen.last().unwrap();
    assert_eq!((requote.bid, requote.ask), (1.1, 1.1001));
    command.deviation_points = 5;
    assert_eq!(desk.retcode(&command), retcode::DONE);
    command.price = 0.0;
    assert_eq!(desk.retcode(&command), retcode::INVALID_PRICE);
}

#[test]
fn pending_orders_stand_on_their_side_of_the_market() {
    // Bid 1.10000, ask 1.10010, least distance 10 points.
    let strict = InstrumentSpec { stops_level_points: 10, ..spec() };
    let cases = [
        (2, 1.1, 0.0, retcode::DONE),
        (2, 1.10001, 0.0, retcode::INVALID_PRICE),
        (3, 1.1001, 0.0, retcode::DONE),
        (3, 1.10009, 0.0, retcode::INVALID_PRICE),
        (4, 1.1002, 0.0, retcode::DONE),
        (4, 1.10019, 0.0, retcode::INVALID_PRICE),
        (5, 1.0999, 0.0, retcode::DONE),
        (5, 1.09991, 0.0, retcode::INVALID_PRICE),
        (6, 1.1002, 1.1001, retcode::DONE),
        (6, 1.1002, 1.10015, retcode::INVALID_PRICE),
        (7, 1.0999, 1.1, retcode::DONE),
        (7, 1.0999, 1.0998, retcode::INVALID_PRICE),
        (7, 1.0999, 0.0, retcode::INVALID_PRICE),
    ];
    for (kind, price, stop_limit, expected) in cases {
        let mut desk = Desk::with(MarginMode::Netting, strict, Conduct::default());
        let mut command = command(PENDING, kind, 0.1, price);
        command.stop_limit = stop_limit;
        assert_eq!(desk.retcode(&command), expected, "kind {kind} at {price}, limit {stop_limit}");
    }
}
