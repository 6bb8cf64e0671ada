//! Room worked out by hand, and held against the sums it must keep.
//!
//! What it is not: the engine's wiring; `engine/tests/exposure.rs` has that.
//!
//! Invariant: what a room allows never breaks the limit, by a reckoning that is written another way.

use super::*;
use crate::risk::Reason;
use crate::types::{Money, Side};
use proptest::prelude::*;

const EUR: Option<u8> = Some(0);
const JPY: Option<u8> = Some(1);

/// Position and reservations at 100 a step.
fn holding(position: i64, reserved: [i64; 2], currencies: [Option<u8>; 2]) -> Holding {
    Holding { position, reserved, step_value: 100.0, currencies }
}

fn money(amount: f64) -> Option<Money> {
    Money::from_f64(amount)
}

fn none() -> Returns {
    Returns::new(0, 0)
}

fn room(limits: &ExposureLimits, holdings: &[Holding], at: usize, side: Side) -> (i64, Reason) {
    let totals = Totals::new(holdings, &none());
    let room = totals.room(limits, holdings, at, side, money(1_000.0), &none());
    (room.steps, room.reason)
}

#[test]
fn the_room_of_a_currency_counts_all_that_is_held_and_ordered_in_it() {
    // Long 3 EURUSD and 2 ordered, short 1 EURJPY: EUR 300 + 200 - 100 at its highest; at its lowest 200.
    let held = [holding(3, [2, 0], [EUR, None]), holding(-1, [0, 0], [EUR, JPY])];
    let limits = ExposureLimits { currency_max: money(1_000.0), ..ExposureLimits::default() };
    // 600 of euro are left, and 1,100 + 100 the other way round, where yen are bounded by 1,000 - 100.
    assert_eq!(room(&limits, &held, 0, Side::Buy), (6, Reason::ExposureCurrency));
    assert_eq!(room(&limits, &held, 0, Side::Sell), (12, Reason::ExposureCurrency));
    assert_eq!(room(&limits, &held, 1, Side::Buy).0, 6);
    assert_eq!(room(&limits, &held, 1, Side::Sell).0, 9);
    let totals = Totals::new(&held, &none());
    let tight = totals.room(&limits, &held, 0, Side::Buy, None, &none());
    assert_eq!((tight.limit, tight.got(7)), (1_000_000_000, 1_100_000_000));
}

#[test]
fn gross_leverage_and_unexecuted_value_are_bounded_over_all_instruments() {
    let held = [holding(3, [2, 0], [None; 2]), holding(-4, [0, 1], [None; 2])];
    // Worst 5 and 5 steps: 1,000 gross, 300 not executed.
    let gross = ExposureLimits { gross_max: money(1_250.0), ..ExposureLimits::default() };
    assert_eq!(room(&gross, &held, 0, Side::Buy), (2, Reason::ExposureGross));
    // Selling 8 first brings the worst sale to 5 steps as well.
    assert_eq!(room(&gross, &held, 0, Side::Sell), (10, Reason::ExposureGross));
    let leverage = ExposureLimits { leverage_max: Some(1.3), ..ExposureLimits::default() };
    assert_eq!(room(&leverage, &held, 1, Side::Sell), (3, Reason::ExposureLeverage));
    let waiting = ExposureLimits { unexecuted_max: money(300.0), ..ExposureLimits::default() };
    assert_eq!(room(&waiting, &held, 1, Side::Buy), (0, Reason::ValueUnexecuted));
    let both = ExposureLimits { unexecuted_max: money(400.0), ..gross };
    assert_eq!(room(&both, &held, 0, Side::Buy), (1, Reason::ValueUnexecuted), "the tighter one");
    assert_eq!(room(&ExposureLimits::default(), &held, 0, Side::Buy).0, i64::MAX);
}

#[test]
fn what_is_not_known_leaves_no_room() {
    let limits = ExposureLimits { gross_max: money(1e9), ..ExposureLimits::default() };
    let held = [holding(1, [0; 2], [None; 2]), holding(0, [0; 2], [None; 2])];
    assert!(room(&limits, &held, 1, Side::Buy).0 > 0);
    for step_value in [f64::NAN, 0.0, f64::INFINITY] {
        let broken = [Holding { step_value, ..held[0] }, held[1]];
        assert_eq!(
            room(&limits, &broken, 1, Side::Buy),
            (0, Reason::ExposureUnknown),
            "{step_value} is held"
        );
        let broken = [held[0], Holding { step_value, ..held[1] }];
        assert_eq!(
            room(&limits, &broken, 1, Side::Buy),
            (0, Reason::ExposureUnknown),
            "{step_value} is wanted"
        );
        assert!(room(&limits, &broken, 0, Side::Buy).0 > 0, "one that nobody holds hinders nothing");
    }
    let leverage = ExposureLimits { leverage_max: Some(1.0), ..ExposureLimits::default() };
    let totals = Totals::new(&held, &none());
    assert_eq!(totals.room(&leverage, &held, 1, Side::Buy, None, &none()), Room::UNKNOWN, "no equity");
    assert_eq!(room(&limits, &held, 2, Side::Buy).0, 0, "no such instrument");
}

/// Two instruments whose mids go up and down by a thousandth, alike or opposed.
fn swings(samples: usize, sign: i64) -> Returns {
    let mut returns = Returns::new(2, samples);
    for at in 0..=samples as i64 {
        let up = at % 2;
        returns.sample(|one| Some(1_000_000 + 1_000 * up * if one == 0 { 1 } else { sign }));
    }
    returns
}

#[test]
fn correlation_adds_and_takes_away_risk() {
    let limits = ExposureLimits {
        portfolio: Some(PortfolioLimit { risk_max: Money(2_000_000), horizon_samples: 4.0 }),
        ..ExposureLimits::default()
    };
    // 5 steps of 100 that move by a thousandth: 0.5 a sample, 1.0 over four samples, of 2.0.
    let held = [holding(5, [0; 2], [None; 2]), holding(0, [0; 2], [None; 2])];
    let steps = |returns: &Returns, holdings: &[Holding], side| {
        let totals = Totals::new(holdings, returns);
        totals.room(&limits, holdings, 1, side, None, returns).steps
    };
    let alike = swings(100, 1);
    // The same again fits, within the roundings of a return; against it three times as much.
    assert!((4..=5).contains(&steps(&alike, &held, Side::Buy)), "{}", steps(&alike, &held, Side::Buy));
    assert!((14..=15).contains(&steps(&alike, &held, Side::Sell)));
    let opposed = swings(100, -1);
    assert!((14..=15).contains(&steps(&opposed, &held, Side::Buy)));
    // What is ordered counts on its own, whatever it would do for the rest.
    let ordered = [Holding { reserved: [0, 2], ..held[0] }, held[1]];
    assert!((2..=3).contains(&steps(&alike, &ordered, Side::Buy)));
    let close = |totals: Totals, side, expected: f64| {
        let got = totals.correlation(1, side, &alike).expect("it is known");
        assert!((got - expected).abs() < 1e-3, "{got} for {expected}");
    };
    close(Totals::new(&held, &alike), Side::Buy, 1.0);
    close(Totals::new(&held, &alike), Side::Sell, -1.0);
    let flat = [holding(0, [0; 2], [None; 2]); 2];
    close(Totals::new(&flat, &alike), Side::Buy, 0.0);
    // Short of samples, or without movement, nothing is known.
    let mut few = Returns::new(2, 100);
    (0..100).for_each(|at| few.sample(|_| Some(1_000_000 + at)));
    assert_eq!(steps(&few, &held, Side::Buy), 0);
    assert_eq!(Totals::new(&held, &few).correlation(1, Side::Buy, &few), None);
    let mut still = Returns::new(2, 3);
    (0..5).for_each(|_| still.sample(|_| Some(1_000_000)));
    assert_eq!(steps(&still, &held, Side::Buy), 0);
}

#[test]
fn a_missed_sample_and_a_long_silence_begin_anew() {
    let mut returns = Returns::new(2, 3);
    let sample = |returns: &mut Returns, at: i64, other: Option<i64>| {
        returns.sample(|one| if one == 0 { Some(1_000_000 + at * at) } else { other })
    };
    (0..4).for_each(|at| sample(&mut returns, at, Some(5_000)));
    assert!(returns.covariance(1, 0).is_some());
    sample(&mut returns, 4, None);
    assert!(returns.covariance(0, 0).is_some() && returns.covariance(1, 0).is_none());
    (5..8).for_each(|at| sample(&mut returns, at, Some(5_000)));
    assert!(returns.covariance(1, 1).is_none(), "two returns of three");
    sample(&mut returns, 8, Some(5_000));
    assert_eq!(returns.covariance(1, 1), Some(0.0));
    returns.forget();
    assert_eq!(returns.covariance(0, 0), None);
    assert_eq!(Returns::new(500, 10), Returns::new(CORRELATED_MAX, 10), "no more are kept");
    assert_eq!(Returns::new(2, 0).covariance(0, 0), None);
}

type Reckon = fn(&[Holding]) -> f64;

fn holdings() -> impl Strategy<Value = Vec<Holding>> {
    let currency = || proptest::option::of(0u8..4);
    let one = (-50i64..50, 0i64..20, 0i64..20, 1.0f64..500.0, currency(), currency()).prop_map(
        |(position, buy, sell, step_value, base, profit)| Holding {
            position,
            reserved: [buy, sell],
            step_value,
            currencies: [base, profit],
        },
    );
    proptest::collection::vec(one, 1..6)
}

/// The largest absolute exposure to any currency, over every way the orders may fill.
fn worst_currency(holdings: &[Holding]) -> f64 {
    let mut worst = 0.0f64;
    for currency in 0..4u8 {
        for sign in [1.0, -1.0] {
            let exposure = |holding: &Holding, filled: i64| {
                let units = (holding.position + filled) as f64 * holding.step_value * sign;
                let counts = |at: usize| f64::from(u8::from(holding.currencies[at] == Some(currency)));
                units * (counts(0) - counts(1))
            };
            let most = |holding: &Holding| {
                let all =
                    [0, holding.reserved[0], -holding.reserved[1], holding.reserved[0] - holding.reserved[1]];
                all.into_iter().map(|filled| exposure(holding, filled)).fold(f64::MIN, f64::max)
            };
            worst = worst.max(holdings.iter().map(most).sum());
        }
    }
    worst
}

fn gross(holdings: &[Holding]) -> f64 {
    let of = |holding: &Holding| {
        let [buy, sell] = holding.reserved;
        (holding.position + buy).abs().max((holding.position - sell).abs()) as f64 * holding.step_value
    };
    holdings.iter().map(of).sum()
}

proptest! {
    #[test]
    fn what_the_room_allows_keeps_the_limit_and_falls_as_orders_are_added(
        held in holdings(), at in 0usize..6, buys in any::<bool>(), limit in 100.0f64..50_000.0, part in 0.0f64..=1.0,
    ) {
        let at = at % held.len();
        let side = if buys { Side::Buy } else { Side::Sell };
        let with = |steps: i64| {
            let mut after = held.clone();
            after[at].reserved[side.index()] += steps;
            after
        };
        let currency = ExposureLimits { currency_max: money(limit), ..ExposureLimits::default() };
        let whole = ExposureLimits { gross_max: money(limit), ..ExposureLimits::default() };
        for (limits, reckon) in [(currency, worst_currency as Reckon), (whole, gross as Reckon)] {
            let most = room(&limits, &held, at, side).0;
            if most > 0 && most < 1_000_000 {
                let taken = (most as f64 * part) as i64;
                // A currency that is over its limit already by what others hold stays so, and is not this order's.
                let before = reckon(&held);
                let after = reckon(&with(taken));
                prop_assert!(after <= limit.max(before) + 1e-6, "{} of {}: {} after {}", taken, most, after, before);
                let left = room(&limits, &with(taken), at, side).0;
                prop_assert!(left <= most - taken + 1, "{} left of {} less {}", left, most, taken);
            }
        }
    }

    /// A sum that runs is the sum of the window.
    #[test]
    fn moments_are_those_of_the_window_however_long_it_runs(
        moves in proptest::collection::vec((-400i64..400, -400i64..400), 6..60),
    ) {
        const SAMPLES: usize = 5;
        let mut returns = Returns::new(2, SAMPLES);
        let mut mids = [1_000_000i64; 2];
        let mut all = Vec::new();
        returns.sample(|at| Some(mids[at]));
        for (one, other) in moves {
            let before = mids;
            mids = [mids[0] + one, mids[1] + other];
            returns.sample(|at| Some(mids[at]));
            all.push([0, 1].map(|at| (mids[at] - before[at]) as f64 / before[at] as f64));
        }
        let window = &all[all.len() - SAMPLES..];
        for (one, other) in [(0, 0), (0, 1), (1, 1)] {
            let expected = window.iter().map(|row| row[one] * row[other]).sum::<f64>() / SAMPLES as f64;
            let got = returns.covariance(one, other).expect("it is known");
            prop_assert!((got - expected).abs() <= 1e-12, "{} for {}", got, expected);
        }
    }
}
