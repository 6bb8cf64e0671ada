//! A list with every kind of feature, on every clock that it can be on.
//!
//! What it is not: a useful set for a model.
//!
//! Invariant: each variant of `Kind` is here with each convention; the list says which inputs and clocks it is tried on.

use tickbridge::features::{
    AdxOutput, Anchor, BandOutput, Basis, Clock, Convention, Estimator, FeatureSpec, Input, Kind, Leg,
    MacdOutput, PriceField, Seed, SignalAverage, StochasticOutput, Weight,
};

use crate::market::{FIRST, SECOND};

/// What the second instrument of pairs is read from.
pub(crate) const WITH: Input = Input::Mid;
const LEG: Leg = Leg { instrument: SECOND, input: WITH };

pub(crate) const CLOCKS: [Clock; 4] = [
    Clock::Tick,
    Clock::Bar { period_ns: 1_000_000_000 },
    Clock::TickBar { ticks: 7 },
    Clock::VolumeBar { lots_e8: 1_250_000_000 },
];

fn macd(seed: Seed, average: SignalAverage, output: MacdOutput) -> Kind {
    Kind::Macd { fast: 5, slow: 12, signal: 4, seed, average, output }
}

fn stochastic(price: PriceField, convention: Convention, output: StochasticOutput) -> Kind {
    Kind::Stochastic { period: 8, slowing: 3, signal: 4, price, convention, output }
}

/// Kinds that read an input.
pub(crate) fn of_input() -> Vec<Kind> {
    let mut kinds = vec![
        Kind::Value,
        Kind::Lag { lag: 3 },
        Kind::Change { lag: 4 },
        Kind::Return { lag: 4 },
        Kind::LogReturn { lag: 1 },
        Kind::Momentum { lag: 10 },
        Kind::Roc { lag: 4 },
        Kind::Sma { period: 9 },
        Kind::Ema { period: 9, seed: Seed::First },
        Kind::Ema { period: 9, seed: Seed::Average },
        Kind::Wma { period: 6 },
        Kind::Smma { period: 6 },
        Kind::Rsi { period: 14 },
        Kind::Cci { period: 11 },
        Kind::Atr { period: 7, convention: Convention::Terminal },
        Kind::Atr { period: 7, convention: Convention::TaLib },
        Kind::Deviation { period: 10 },
        Kind::ZScore { period: 10 },
        Kind::Minimum { period: 13 },
        Kind::Maximum { period: 13 },
        Kind::Quantile { period: 15, quantile: 0.3 },
        Kind::Volatility { period: 12, estimator: Estimator::Close },
        Kind::Obv { weight: Weight::Ticks },
        Kind::Obv { weight: Weight::Volume },
        Kind::TickRate { period: 5 },
        Kind::TickImbalance { period: 9 },
        Kind::PairSpread { with: LEG, weight: 1.5 },
        Kind::PairRatio { with: LEG },
    ];
    for output in
        [BandOutput::Middle, BandOutput::Upper, BandOutput::Lower, BandOutput::PercentB, BandOutput::Width]
    {
        kinds.push(Kind::Bollinger { period: 10, deviations: 2.5, output });
        kinds.push(Kind::Donchian { period: 9, output });
        let (period, atr_period, multiplier) = (8, 5, 1.5);
        kinds.extend([Convention::Terminal, Convention::TaLib].map(|convention| Kind::Keltner {
            period,
            atr_period,
            multiplier,
            convention,
            output,
        }));
    }
    for convention in [Convention::Terminal, Convention::TaLib] {
        for output in [AdxOutput::Adx, AdxOutput::PlusDi, AdxOutput::MinusDi] {
            kinds.push(Kind::Adx { period: 6, convention, output });
        }
        for output in [StochasticOutput::K, StochasticOutput::D] {
            kinds.push(stochastic(PriceField::LowHigh, convention, output));
            kinds.push(stochastic(PriceField::Close, convention, output));
        }
    }
    for output in [MacdOutput::Main, MacdOutput::Signal, MacdOutput::Histogram] {
        kinds.push(macd(Seed::First, SignalAverage::Simple, output));
        kinds.push(macd(Seed::Average, SignalAverage::Exponential, output));
    }
    for weight in [Weight::Ticks, Weight::Volume] {
        kinds.push(Kind::Vwap { anchor: Anchor::Rolling { period: 12 }, weight });
        kinds.push(Kind::Vwap { anchor: Anchor::Session { start_minute: 1_335 }, weight });
    }
    for basis in [Basis::Change, Basis::Level] {
        kinds.push(Kind::Correlation { period: 20, with: LEG, basis });
        kinds.push(Kind::Beta { period: 20, with: LEG, basis });
    }
    kinds
}

/// Kinds that read the whole tick.
pub(crate) fn of_tick() -> Vec<Kind> {
    vec![
        Kind::OrderFlowImbalance { period: 8 },
        Kind::BookImbalance { period: 1 },
        Kind::BookImbalance { period: 8 },
        Kind::TickGap,
        Kind::Session { from_minute: 1_338, to_minute: 1_341 },
        Kind::Session { from_minute: 1_400, to_minute: 1_336 },
        Kind::MinuteSine,
        Kind::MinuteCosine,
        Kind::DayOfWeek,
    ]
}

/// Every kind on every one of these clocks, on one price.
pub(crate) fn everything(input: Input, clocks: &[Clock]) -> Vec<FeatureSpec> {
    let mut specs = Vec::new();
    let mut add = |kind, clock| {
        specs.push(FeatureSpec::new(format!("f{}", specs.len()), FIRST, kind, input, clock));
    };
    for clock in clocks.iter().copied() {
        of_input().into_iter().for_each(|kind| add(kind, clock));
        if clock != Clock::Tick {
            add(Kind::Volatility { period: 12, estimator: Estimator::Parkinson }, clock);
        }
    }
    of_tick().into_iter().for_each(|kind| add(kind, Clock::Tick));
    specs
}
