//! From `[[features]]` to what the graph is built of.
//!
//! What it is not: the rules between keys; `config` checked those, and the graph checks its declarations again.
//!
//! Invariant: the order of the configuration is the order of the row; what is unset is the terminal's own convention.

use super::{SetupError, instrument_of};
use crate::config::{
    Config, Feature, FeatureBasis, FeatureClock, FeatureConvention, FeatureEstimator, FeatureInput,
    FeatureKind, FeatureOutput, FeaturePrice, FeatureSeed, FeatureWeight, SignalAverage as ConfigAverage,
    VenueKind,
};
use crate::features::{
    AdxOutput, Anchor, BandOutput, Basis, Clock, Convention, Estimator, FeatureSpec, Input, Kind, Leg,
    MacdOutput, PriceField, Seed, SignalAverage, StochasticOutput, Weight,
};
use crate::types::{NS_PER_MS, NS_PER_S};

/// The features as the graph wants them, in the configuration's order.
pub fn feature_specs(config: &Config) -> Result<Vec<FeatureSpec>, SetupError> {
    config.features.iter().map(|feature| One { config, feature }.spec()).collect()
}

/// Refuses features that can never have a value: those that need sizes, of venues that tell none.
pub(super) fn check_sizes(config: &Config, specs: &[FeatureSpec]) -> Result<(), SetupError> {
    // No kind of venue tells sizes yet; the next one makes this a question.
    let VenueKind::Mt5 = config.venues[0].kind;
    match specs.iter().find(|spec| spec.needs_sizes()) {
        Some(spec) => Err(SetupError::Sizes { name: spec.name.clone() }),
        None => Ok(()),
    }
}

/// One feature and the configuration around it.
struct One<'a> {
    config: &'a Config,
    feature: &'a Feature,
}

impl One<'_> {
    fn need<T: Copy>(&self, value: Option<T>, parameter: &'static str) -> Result<T, SetupError> {
        value.ok_or_else(|| SetupError::Parameter { name: self.feature.name.clone(), parameter })
    }

    fn lag(&self) -> Result<u32, SetupError> {
        self.need(self.feature.lag, "lag")
    }

    fn period(&self) -> Result<u32, SetupError> {
        self.need(self.feature.period, "period")
    }

    fn spec(&self) -> Result<FeatureSpec, SetupError> {
        let feature = self.feature;
        let key = format!("features.{}.instrument", feature.name);
        Ok(FeatureSpec {
            name: feature.name.clone(),
            instrument: instrument_of(self.config, &key, &feature.instrument)?,
            kind: self.kind()?,
            input: input(feature.input),
            clock: self.clock()?,
            offset_ns: feature.offset_min.unwrap_or(0) * 60 * NS_PER_S,
            stale_after_ns: feature.stale_after_ms.unwrap_or(0) * NS_PER_MS,
        })
    }

    fn clock(&self) -> Result<Clock, SetupError> {
        let feature = self.feature;
        Ok(match feature.clock {
            FeatureClock::Tick => Clock::Tick,
            FeatureClock::Bar => Clock::Bar { period_ns: self.need(feature.bar_ms, "bar_ms")? * NS_PER_MS },
            FeatureClock::TickBar => Clock::TickBar { ticks: self.need(feature.bar_ticks, "bar_ticks")? },
            FeatureClock::VolumeBar => {
                let lots = self.need(feature.bar_lots, "bar_lots")?;
                Clock::VolumeBar { lots_e8: (lots * 1e8).round() as i64 }
            }
        })
    }

    fn kind(&self) -> Result<Kind, SetupError> {
        let feature = self.feature;
        Ok(match feature.kind {
            FeatureKind::Value => Kind::Value,
            FeatureKind::Lag => match self.of()? {
                Some(of) => Kind::LagOf { of, lag: self.lag()? },
                None => Kind::Lag { lag: self.lag()? },
            },
            FeatureKind::Change => match self.of()? {
                Some(of) => Kind::ChangeOf { of, lag: self.lag()? },
                None => Kind::Change { lag: self.lag()? },
            },
            FeatureKind::Return => Kind::Return { lag: self.lag()? },
            FeatureKind::LogReturn => Kind::LogReturn { lag: self.lag()? },
            FeatureKind::Momentum => Kind::Momentum { lag: self.lag()? },
            FeatureKind::Roc => Kind::Roc { lag: self.lag()? },
            FeatureKind::Sma => Kind::Sma { period: self.period()? },
            FeatureKind::Ema => Kind::Ema { period: self.period()?, seed: self.seed() },
            FeatureKind::Wma => Kind::Wma { period: self.period()? },
            FeatureKind::Smma => Kind::Smma { period: self.period()? },
            FeatureKind::Rsi => Kind::Rsi { period: self.period()? },
            FeatureKind::Macd => self.macd()?,
            FeatureKind::Cci => Kind::Cci { period: self.period()? },
            FeatureKind::Stochastic => self.stochastic()?,
            FeatureKind::Bollinger => Kind::Bollinger {
                period: self.period()?,
                deviations: self.need(feature.deviations, "deviations")?,
                output: self.band(),
            },
            FeatureKind::Donchian => Kind::Donchian { period: self.period()?, output: self.band() },
            FeatureKind::Keltner => Kind::Keltner {
                period: self.period()?,
                atr_period: self.need(feature.atr_period, "atr_period")?,
                multiplier: self.need(feature.multiplier, "multiplier")?,
                convention: self.convention(),
                output: self.band(),
            },
            FeatureKind::Atr => Kind::Atr { period: self.period()?, convention: self.convention() },
            FeatureKind::Adx => self.adx()?,
            FeatureKind::Deviation => Kind::Deviation { period: self.period()? },
            FeatureKind::Zscore => Kind::ZScore { period: self.period()? },
            FeatureKind::Minimum => Kind::Minimum { period: self.period()? },
            FeatureKind::Maximum => Kind::Maximum { period: self.period()? },
            FeatureKind::Quantile => {
                Kind::Quantile { period: self.period()?, quantile: self.need(feature.quantile, "quantile")? }
            }
            FeatureKind::Volatility => self.volatility()?,
            FeatureKind::Vwap => {
                Kind::Vwap { anchor: Anchor::Rolling { period: self.period()? }, weight: self.weight() }
            }
            FeatureKind::SessionVwap => {
                let start_minute = self.need(feature.session_from, "session_from")?.minute();
                Kind::Vwap { anchor: Anchor::Session { start_minute }, weight: self.weight() }
            }
            FeatureKind::Obv => Kind::Obv { weight: self.weight() },
            FeatureKind::TickRate => Kind::TickRate { period: self.period()? },
            FeatureKind::TickImbalance => Kind::TickImbalance { period: self.period()? },
            FeatureKind::OrderFlowImbalance => Kind::OrderFlowImbalance { period: self.period()? },
            FeatureKind::BookImbalance => Kind::BookImbalance { period: self.period()? },
            FeatureKind::TickGap => Kind::TickGap,
            FeatureKind::Session => Kind::Session {
                from_minute: self.need(feature.session_from, "session_from")?.minute(),
                to_minute: self.need(feature.session_to, "session_to")?.minute(),
            },
            FeatureKind::MinuteSine => Kind::MinuteSine,
            FeatureKind::MinuteCosine => Kind::MinuteCosine,
            FeatureKind::DayOfWeek => Kind::DayOfWeek,
            FeatureKind::PairSpread => {
                Kind::PairSpread { with: self.leg()?, weight: feature.with_weight.unwrap_or(1.0) }
            }
            FeatureKind::PairRatio => Kind::PairRatio { with: self.leg()? },
            FeatureKind::Correlation => {
                Kind::Correlation { period: self.period()?, with: self.leg()?, basis: self.basis() }
            }
            FeatureKind::Beta => {
                Kind::Beta { period: self.period()?, with: self.leg()?, basis: self.basis() }
            }
        })
    }

    fn macd(&self) -> Result<Kind, SetupError> {
        Ok(Kind::Macd {
            fast: self.need(self.feature.fast, "fast")?,
            slow: self.need(self.feature.slow, "slow")?,
            signal: self.need(self.feature.signal, "signal")?,
            seed: self.seed(),
            average: match self.feature.signal_average {
                Some(ConfigAverage::Exponential) => SignalAverage::Exponential,
                Some(ConfigAverage::Simple) | None => SignalAverage::Simple,
            },
            output: match self.feature.output {
                Some(FeatureOutput::Signal) => MacdOutput::Signal,
                Some(FeatureOutput::Histogram) => MacdOutput::Histogram,
                _ => MacdOutput::Main,
            },
        })
    }

    fn stochastic(&self) -> Result<Kind, SetupError> {
        Ok(Kind::Stochastic {
            period: self.period()?,
            slowing: self.need(self.feature.slowing, "slowing")?,
            signal: self.need(self.feature.signal, "signal")?,
            price: match self.feature.price {
                Some(FeaturePrice::Close) => PriceField::Close,
                Some(FeaturePrice::LowHigh) | None => PriceField::LowHigh,
            },
            convention: self.convention(),
            output: match self.feature.output {
                Some(FeatureOutput::D) => StochasticOutput::D,
                _ => StochasticOutput::K,
            },
        })
    }

    fn adx(&self) -> Result<Kind, SetupError> {
        Ok(Kind::Adx {
            period: self.period()?,
            convention: self.convention(),
            output: match self.feature.output {
                Some(FeatureOutput::PlusDi) => AdxOutput::PlusDi,
                Some(FeatureOutput::MinusDi) => AdxOutput::MinusDi,
                _ => AdxOutput::Adx,
            },
        })
    }

    fn volatility(&self) -> Result<Kind, SetupError> {
        Ok(Kind::Volatility {
            period: self.period()?,
            estimator: match self.feature.estimator {
                Some(FeatureEstimator::Parkinson) => Estimator::Parkinson,
                Some(FeatureEstimator::Close) | None => Estimator::Close,
            },
        })
    }

    fn band(&self) -> BandOutput {
        match self.feature.output {
            Some(FeatureOutput::Upper) => BandOutput::Upper,
            Some(FeatureOutput::Lower) => BandOutput::Lower,
            Some(FeatureOutput::PercentB) => BandOutput::PercentB,
            Some(FeatureOutput::Width) => BandOutput::Width,
            _ => BandOutput::Middle,
        }
    }

    fn seed(&self) -> Seed {
        match self.feature.seed {
            Some(FeatureSeed::Average) => Seed::Average,
            Some(FeatureSeed::First) | None => Seed::First,
        }
    }

    fn convention(&self) -> Convention {
        match self.feature.convention {
            Some(FeatureConvention::Talib) => Convention::TaLib,
            Some(FeatureConvention::Mt5) | None => Convention::Terminal,
        }
    }

    fn weight(&self) -> Weight {
        match self.feature.weight {
            Some(FeatureWeight::Volume) => Weight::Volume,
            Some(FeatureWeight::Ticks) | None => Weight::Ticks,
        }
    }

    fn basis(&self) -> Basis {
        match self.feature.basis {
            Some(FeatureBasis::Level) => Basis::Level,
            Some(FeatureBasis::Change) | None => Basis::Change,
        }
    }

    /// The place of the feature this one is of, if it is of one.
    fn of(&self) -> Result<Option<u32>, SetupError> {
        let Some(of) = &self.feature.of else { return Ok(None) };
        let key = format!("features.{}.of", self.feature.name);
        let unknown = SetupError::Unknown { key, what: "feature", got: of.clone() };
        let place = self.config.features.iter().position(|feature| feature.name == *of);
        place.map(|place| Some(place as u32)).ok_or(unknown)
    }

    fn leg(&self) -> Result<Leg, SetupError> {
        let key = format!("features.{}.with", self.feature.name);
        let name = self.feature.with.as_deref().unwrap_or("");
        let instrument = instrument_of(self.config, &key, name)?;
        Ok(Leg { instrument, input: self.feature.with_input.map_or(Input::Mid, input) })
    }
}

fn input(input: FeatureInput) -> Input {
    match input {
        FeatureInput::Bid => Input::Bid,
        FeatureInput::Ask => Input::Ask,
        FeatureInput::Mid => Input::Mid,
        FeatureInput::Last => Input::Last,
        FeatureInput::Microprice => Input::Microprice,
        FeatureInput::Spread => Input::Spread,
        FeatureInput::Volume => Input::Volume,
        FeatureInput::Ticks => Input::Ticks,
    }
}
