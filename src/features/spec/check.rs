//! What may be declared: ranges of parameters, and which kinds go with which inputs and clocks.
//!
//! What it is not: it builds nothing.
//!
//! Invariant: a list that passes can be built and run without a further check.

use super::choices::*;
use super::kind::Kind;
use super::*;
use std::ops::RangeInclusive;

/// A refused parameter: its key, what would be accepted, what was declared.
type Refusal = (&'static str, &'static str, f64);

/// Checks a whole list; the first fault is returned.
pub(in crate::features) fn validate(specs: &[FeatureSpec]) -> Result<(), FeatureError> {
    if specs.is_empty() || specs.len() > FEATURES_MAX {
        return Err(FeatureError::Count(specs.len()));
    }
    let mut names = std::collections::HashSet::with_capacity(specs.len());
    for spec in specs {
        check_one(spec)?;
        if !names.insert(spec.name.as_str()) {
            return Err(FeatureError::Duplicate(spec.name.clone()));
        }
    }
    for at in 0..specs.len() {
        check_chain(specs, at)?;
    }
    Ok(())
}

/// Follows `of` to a feature that stands on its own.
fn check_chain(specs: &[FeatureSpec], start: usize) -> Result<(), FeatureError> {
    let name = || specs[start].name.clone();
    let (mut at, mut samples) = (start, 0u32);
    for _ in 0..=specs.len() {
        samples = samples.saturating_add(specs[at].kind.samples_needed());
        let Some(of) = specs[at].kind.of() else {
            let fits = samples <= 4 * PERIOD_MAX;
            let error = FeatureError::Combination {
                name: name(),
                expected: "a chain that needs at most 262144 samples in all",
                got: format!("{samples}"),
            };
            return if fits { Ok(()) } else { Err(error) };
        };
        let Some(next) = specs.get(of as usize) else {
            return Err(FeatureError::Of { name: name(), got: of });
        };
        if next.instrument != specs[start].instrument {
            return Err(FeatureError::Combination {
                name: name(),
                expected: "the instrument of the feature it is of",
                got: format!(
                    "instrument {}, {} has {}",
                    specs[start].instrument.0, next.name, next.instrument.0
                ),
            });
        }
        at = of as usize;
    }
    Err(FeatureError::Cycle { name: name() })
}

fn check_one(spec: &FeatureSpec) -> Result<(), FeatureError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.%".contains(&byte);
    if spec.name.is_empty() || spec.name.len() > NAME_BYTES_MAX || !spec.name.bytes().all(legal) {
        return Err(FeatureError::Name(spec.name.chars().take(NAME_BYTES_MAX).collect()));
    }
    let name = || spec.name.clone();
    let legs = spec.kind.with().map(|leg| leg.instrument);
    for instrument in [Some(spec.instrument), legs].into_iter().flatten() {
        if instrument.index().is_none() {
            return Err(FeatureError::Instrument { name: name(), got: instrument.0 });
        }
    }
    let refuse = |(key, expected, got): Refusal| FeatureError::Parameter { name: name(), key, expected, got };
    check_kind(spec.kind).map_err(refuse)?;
    check_clock(spec).map_err(refuse)?;
    combination(spec).map_or(Ok(()), |(expected, got)| {
        Err(FeatureError::Combination { name: name(), expected, got: got.into() })
    })
}

fn check_clock(spec: &FeatureSpec) -> Result<(), Refusal> {
    match spec.clock {
        Clock::Bar { period_ns } if period_ns < BAR_PERIOD_NS_MIN => {
            Err(("bar period_ns", "at least 1000000", period_ns as f64))
        }
        Clock::TickBar { ticks: 0 } => Err(("bar ticks", "1 to 65536", 0.0)),
        Clock::TickBar { ticks } if ticks > PERIOD_MAX => Err(("bar ticks", "1 to 65536", f64::from(ticks))),
        Clock::VolumeBar { lots_e8 } if lots_e8 < 1 => Err(("bar lots_e8", "above 0", lots_e8 as f64)),
        _ if spec.offset_ns.abs() > OFFSET_NS_MAX => {
            Err(("offset_ns", "within a day of UTC", spec.offset_ns as f64))
        }
        _ if spec.stale_after_ns < 0 => Err(("stale_after_ns", "0 or more", spec.stale_after_ns as f64)),
        _ => Ok(()),
    }
}

/// What does not go together, as expected and got.
fn combination(spec: &FeatureSpec) -> Option<(&'static str, &'static str)> {
    let kind = spec.kind;
    if kind.is_of_whole_tick() && spec.clock != Clock::Tick {
        return Some(("the tick clock for this kind", "bars"));
    }
    if kind.divides() && !spec.input.is_price() {
        return Some((
            "a price as input, since this kind divides by it (change does not)",
            "spread, volume or ticks",
        ));
    }
    match kind {
        Kind::PairRatio { with } if !with.input.is_price() => {
            Some(("a price as the other instrument's input", "spread, volume or ticks"))
        }
        _ if kind.with().is_some_and(|leg| matches!(leg.input, Input::Volume | Input::Ticks)) => {
            Some(("a price or the spread as the other instrument's input", "volume or ticks"))
        }
        Kind::Volatility { estimator: Estimator::Parkinson, .. } if spec.clock == Clock::Tick => {
            Some(("bars for the Parkinson estimator", "the tick clock, where a sample has no range"))
        }
        _ => None,
    }
}

fn check_kind(kind: Kind) -> Result<(), Refusal> {
    match kind {
        Kind::Lag { lag }
        | Kind::Change { lag }
        | Kind::Return { lag }
        | Kind::LogReturn { lag }
        | Kind::Momentum { lag }
        | Kind::Roc { lag }
        | Kind::LagOf { lag, .. }
        | Kind::ChangeOf { lag, .. } => whole("lag", lag, 1),
        Kind::Sma { period }
        | Kind::Ema { period, .. }
        | Kind::Wma { period }
        | Kind::Smma { period }
        | Kind::Rsi { period }
        | Kind::Cci { period }
        | Kind::Donchian { period, .. }
        | Kind::Atr { period, .. }
        | Kind::Minimum { period }
        | Kind::Maximum { period }
        | Kind::Volatility { period, .. }
        | Kind::TickRate { period }
        | Kind::TickImbalance { period }
        | Kind::OrderFlowImbalance { period }
        | Kind::BookImbalance { period } => whole("period", period, 1),
        Kind::Deviation { period }
        | Kind::ZScore { period }
        | Kind::Adx { period, .. }
        | Kind::Correlation { period, .. }
        | Kind::Beta { period, .. } => whole("period", period, 2),
        Kind::Macd { fast, slow, signal, .. } => {
            whole("fast", fast, 1)?;
            whole("slow", slow, 1)?;
            whole("signal", signal, 1)?;
            if fast < slow { Ok(()) } else { Err(("fast", "less than slow", f64::from(fast))) }
        }
        Kind::Stochastic { period, slowing, signal, .. } => {
            whole("period", period, 1)?;
            whole("slowing", slowing, 1)?;
            whole("signal", signal, 1)
        }
        Kind::Bollinger { period, deviations, .. } => {
            whole("period", period, 2)?;
            real("deviations", deviations, f64::MIN_POSITIVE..=WIDTHS_MAX, "above 0, at most 100")
        }
        Kind::Keltner { period, atr_period, multiplier, .. } => {
            whole("period", period, 1)?;
            whole("atr_period", atr_period, 1)?;
            real("multiplier", multiplier, f64::MIN_POSITIVE..=WIDTHS_MAX, "above 0, at most 100")
        }
        Kind::Quantile { period, quantile } => {
            whole("period", period, 1)?;
            real("quantile", quantile, 0.0..=1.0, "0 to 1")
        }
        Kind::Vwap { anchor: Anchor::Rolling { period }, .. } => whole("period", period, 1),
        Kind::Vwap { anchor: Anchor::Session { start_minute }, .. } => minute("session_from", start_minute),
        Kind::Session { from_minute, to_minute } => {
            minute("session_from", from_minute)?;
            minute("session_to", to_minute)?;
            let same = from_minute == to_minute;
            if same {
                Err(("session_to", "another time than session_from", f64::from(to_minute)))
            } else {
                Ok(())
            }
        }
        Kind::PairSpread { weight, .. } => {
            real("pair_weight", weight, -WEIGHT_MAX..=WEIGHT_MAX, "-1000000000 to 1000000000")
        }
        Kind::Value
        | Kind::Obv { .. }
        | Kind::TickGap
        | Kind::MinuteSine
        | Kind::MinuteCosine
        | Kind::DayOfWeek
        | Kind::PairRatio { .. } => Ok(()),
    }
}

fn whole(key: &'static str, value: u32, min: u32) -> Result<(), Refusal> {
    if (min..=PERIOD_MAX).contains(&value) {
        Ok(())
    } else {
        Err((key, if min == 2 { "2 to 65536" } else { "1 to 65536" }, f64::from(value)))
    }
}

fn real(
    key: &'static str,
    value: f64,
    range: RangeInclusive<f64>,
    expected: &'static str,
) -> Result<(), Refusal> {
    if range.contains(&value) { Ok(()) } else { Err((key, expected, value)) }
}

fn minute(key: &'static str, value: u16) -> Result<(), Refusal> {
    if value < 1_440 { Ok(()) } else { Err((key, "a minute of the day, 0 to 1439", f64::from(value))) }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
