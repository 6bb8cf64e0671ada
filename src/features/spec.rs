//! Declarations: which number, of which input, on which clock.
//!
//! What it is not: it computes nothing, and it parses no configuration.
//!
//! Invariant: a list that [`validate`] accepts can be built and run without a further check: names are unique and legal,
//! periods are within [`PERIOD_MAX`], and no feature can divide by a spread.

use crate::types::{INSTRUMENTS_MAX, InstrumentId, NS_PER_MS};

/// Features one graph can hold.
pub const FEATURES_MAX: usize = 1_024;
/// Longest window, lag or smoothing period, in samples.
pub const PERIOD_MAX: u32 = 65_536;
/// Longest feature name.
pub const NAME_BYTES_MAX: usize = 64;
/// Shortest bar.
pub const BAR_PERIOD_NS_MIN: i64 = NS_PER_MS;
/// Most standard deviations a band may be away.
const DEVIATIONS_MAX: f64 = 100.0;

/// Which number of a quote a feature is computed from, in ticks of the instrument.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Input {
    /// Best bid.
    Bid,
    /// Best ask.
    Ask,
    /// Half of bid plus ask; may end in half a tick.
    Mid,
    /// Last trade.
    Last,
    /// Ask minus bid; negative when the quote is crossed.
    Spread,
}

/// When a feature takes a sample of its input.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Clock {
    /// At every tick.
    Tick,
    /// At the close of a bar: bars are aligned to the Unix epoch by venue time, close when a tick of a later bar
    /// arrives, and do not exist where there was no tick.
    Bar {
        /// Length of a bar, at least [`BAR_PERIOD_NS_MIN`].
        period_ns: i64,
    },
}

/// How an exponential average starts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Seed {
    /// With the first sample, as MT5's iMA and iMACD do.
    #[default]
    First,
    /// With the simple average of the first `period` samples, as TA-Lib does.
    Average,
}

/// How MACD's signal line is smoothed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum SignalAverage {
    /// Simple average, as MT5's iMACD does.
    #[default]
    Simple,
    /// Exponential average, as most other programs do; seeded as the two others.
    Exponential,
}

/// Which of MACD's lines.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MacdOutput {
    /// Fast average minus slow average, in ticks.
    Main,
    /// Smoothed main line, in ticks.
    Signal,
    /// Main minus signal, in ticks.
    Histogram,
}

/// Which of the Bollinger numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BandOutput {
    /// Simple average, in ticks.
    Middle,
    /// Middle plus the deviations, in ticks.
    Upper,
    /// Middle minus the deviations, in ticks.
    Lower,
    /// Where the input lies between lower (0) and upper (1); 0.5 when the band has no width.
    PercentB,
    /// Upper minus lower, in ticks.
    Width,
}

/// What is computed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Kind {
    /// The input itself, in ticks.
    Value,
    /// Input minus the input `lag` samples ago, in ticks.
    Change {
        /// 1 to [`PERIOD_MAX`] samples.
        lag: u32,
    },
    /// [`Kind::Change`] as a fraction of the older input; NaN if that was zero.
    Return {
        /// 1 to [`PERIOD_MAX`] samples.
        lag: u32,
    },
    /// Simple moving average, in ticks.
    Sma {
        /// 1 to [`PERIOD_MAX`] samples.
        period: u32,
    },
    /// Exponential moving average with factor 2 / (period + 1), in ticks.
    Ema {
        /// 1 to [`PERIOD_MAX`] samples.
        period: u32,
        /// How it starts.
        seed: Seed,
    },
    /// Relative strength index, 0 to 100, with Wilder's smoothing as MT5's iRSI; 50 when nothing moved.
    Rsi {
        /// 1 to [`PERIOD_MAX`] samples.
        period: u32,
    },
    /// Moving average convergence divergence.
    Macd {
        /// Shorter period.
        fast: u32,
        /// Longer period.
        slow: u32,
        /// Period of the signal line.
        signal: u32,
        /// How the averages start.
        seed: Seed,
        /// How the signal line is smoothed.
        average: SignalAverage,
        /// Which line.
        output: MacdOutput,
    },
    /// Bollinger bands with the population deviation.
    Bollinger {
        /// 2 to [`PERIOD_MAX`] samples.
        period: u32,
        /// Half the band's width in standard deviations, above 0, at most 100.
        deviations: f64,
        /// Which number.
        output: BandOutput,
    },
}

impl Kind {
    /// Samples until the first value.
    pub fn samples_needed(self) -> u32 {
        match self {
            Kind::Value => 1,
            Kind::Change { lag } | Kind::Return { lag } => lag + 1,
            Kind::Sma { period } | Kind::Ema { period, .. } | Kind::Bollinger { period, .. } => period,
            Kind::Rsi { period } => period + 1,
            Kind::Macd { slow, output: MacdOutput::Main, .. } => slow,
            Kind::Macd { slow, signal, .. } => slow + signal - 1,
        }
    }

    /// Samples after which an earlier start of history would change the value by less than an `f32` can show.
    ///
    /// Windows forget exactly. An exponential average keeps a share of `exp(-2 n / period)` of its start after `n`
    /// samples (Wilder's: `exp(-n / period)`), which is below 2^-24 after 8.4 (16.7) periods.
    pub fn history_needed(self) -> u32 {
        match self {
            Kind::Ema { period, .. } => period.saturating_mul(9),
            Kind::Rsi { period } => period.saturating_mul(17).saturating_add(1),
            Kind::Macd { slow, signal, .. } => slow.saturating_add(signal).saturating_mul(9),
            _ => self.samples_needed(),
        }
    }

    /// Samples of its input that must be kept: the newest and how many before it.
    pub(super) fn window(self) -> u32 {
        match self {
            Kind::Change { lag } | Kind::Return { lag } => lag + 1,
            Kind::Sma { period } | Kind::Bollinger { period, .. } => period + 1,
            _ => 2,
        }
    }

    fn check(self) -> Result<(), (&'static str, &'static str, f64)> {
        let period = |key, value: u32, min: u32| {
            if (min..=PERIOD_MAX).contains(&value) {
                Ok(())
            } else {
                Err((key, if min == 2 { "2 to 65536" } else { "1 to 65536" }, f64::from(value)))
            }
        };
        match self {
            Kind::Value => Ok(()),
            Kind::Change { lag } | Kind::Return { lag } => period("lag", lag, 1),
            Kind::Sma { period: p } | Kind::Ema { period: p, .. } | Kind::Rsi { period: p } => {
                period("period", p, 1)
            }
            Kind::Macd { fast, slow, signal, .. } => {
                period("fast", fast, 1)?;
                period("slow", slow, 1)?;
                period("signal", signal, 1)?;
                if fast < slow { Ok(()) } else { Err(("fast", "less than slow", f64::from(fast))) }
            }
            Kind::Bollinger { period: p, deviations, .. } => {
                period("period", p, 2)?;
                if deviations > 0.0 && deviations <= DEVIATIONS_MAX {
                    Ok(())
                } else {
                    Err(("deviations", "above 0, at most 100", deviations))
                }
            }
        }
    }
}

/// One declared feature: one column of the row.
#[derive(Clone, PartialEq, Debug)]
pub struct FeatureSpec {
    /// Its name, which a model's file must use too: 1 to [`NAME_BYTES_MAX`] of `a-z A-Z 0-9 _ - . %`.
    pub name: String,
    /// Whose quotes.
    pub instrument: InstrumentId,
    /// What is computed.
    pub kind: Kind,
    /// Of which number.
    pub input: Input,
    /// When.
    pub clock: Clock,
}

/// Why a list of declarations is refused.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum FeatureError {
    /// Nothing declared, or too much.
    #[error("features: expected 1 to {FEATURES_MAX} declarations, got {0}")]
    Count(usize),
    /// A name that is empty, too long, or has other characters.
    #[error("feature name: expected 1 to {NAME_BYTES_MAX} of a-z A-Z 0-9 _ - . %, got {0:?}")]
    Name(String),
    /// Two features of one name.
    #[error("feature {0}: expected one declaration, got two")]
    Duplicate(String),
    /// An instrument id outside the tables.
    #[error("feature {name}: instrument: expected an id below {INSTRUMENTS_MAX}, got {got}")]
    Instrument {
        /// Of the feature.
        name: String,
        /// What was declared.
        got: u16,
    },
    /// A parameter out of its range.
    #[error("feature {name}: {key}: expected {expected}, got {got}")]
    Parameter {
        /// Of the feature.
        name: String,
        /// Which parameter.
        key: &'static str,
        /// What would be accepted.
        expected: &'static str,
        /// What was declared.
        got: f64,
    },
    /// A return needs a price: a spread may be zero.
    #[error("feature {name}: return: expected a price as input, got the spread; use change")]
    ReturnOfSpread {
        /// Of the feature.
        name: String,
    },
}

/// Checks a whole list; the first fault is returned.
pub(super) fn validate(specs: &[FeatureSpec]) -> Result<(), FeatureError> {
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
    Ok(())
}

fn check_one(spec: &FeatureSpec) -> Result<(), FeatureError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.%".contains(&byte);
    if spec.name.is_empty() || spec.name.len() > NAME_BYTES_MAX || !spec.name.bytes().all(legal) {
        return Err(FeatureError::Name(spec.name.chars().take(NAME_BYTES_MAX).collect()));
    }
    let name = || spec.name.clone();
    if spec.instrument.index().is_none() {
        return Err(FeatureError::Instrument { name: name(), got: spec.instrument.0 });
    }
    let refuse = |(key, expected, got)| FeatureError::Parameter { name: name(), key, expected, got };
    spec.kind.check().map_err(refuse)?;
    if let Clock::Bar { period_ns } = spec.clock
        && period_ns < BAR_PERIOD_NS_MIN
    {
        return Err(refuse(("bar period_ns", "at least 1000000", period_ns as f64)));
    }
    if matches!(spec.kind, Kind::Return { .. }) && spec.input == Input::Spread {
        return Err(FeatureError::ReturnOfSpread { name: name() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, kind: Kind) -> FeatureSpec {
        FeatureSpec {
            name: name.into(),
            instrument: InstrumentId(0),
            kind,
            input: Input::Mid,
            clock: Clock::Tick,
        }
    }

    fn refusal(specs: &[FeatureSpec]) -> String {
        validate(specs).unwrap_err().to_string()
    }

    #[test]
    fn every_bad_declaration_is_refused_by_name() {
        assert_eq!(refusal(&[]), "features: expected 1 to 1024 declarations, got 0");
        let sma = spec("a", Kind::Sma { period: 0 });
        assert_eq!(refusal(&[sma]), "feature a: period: expected 1 to 65536, got 0");
        let same = spec("a", Kind::Value);
        assert_eq!(refusal(&[same.clone(), same]), "feature a: expected one declaration, got two");
        assert!(refusal(&[spec("a b", Kind::Value)]).starts_with("feature name: expected"));
        let mut other = spec("a", Kind::Return { lag: 1 });
        other.input = Input::Spread;
        assert!(refusal(&[other.clone()]).contains("use change"));
        other.instrument = InstrumentId::NONE;
        assert!(refusal(&[other]).contains("instrument: expected an id below 256, got 65535"));
        let nan = Kind::Bollinger { period: 20, deviations: f64::NAN, output: BandOutput::Upper };
        assert!(refusal(&[spec("b", nan)]).contains("deviations: expected above 0, at most 100, got NaN"));
        let mut bar = spec("c", Kind::Value);
        bar.clock = Clock::Bar { period_ns: 0 };
        assert!(refusal(&[bar]).contains("bar period_ns: expected at least 1000000, got 0"));
        let macd = Kind::Macd {
            fast: 26,
            slow: 12,
            signal: 9,
            seed: Seed::First,
            average: SignalAverage::Simple,
            output: MacdOutput::Main,
        };
        assert!(refusal(&[spec("d", macd)]).contains("fast: expected less than slow, got 26"));
    }
}
