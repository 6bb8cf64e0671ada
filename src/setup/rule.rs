//! The rule of a configuration: thresholds, filters, and what is watched after a decision.
//!
//! What it is not: the rule's arithmetic; `signal` has that.
//!
//! Invariant: a text that cannot be understood is an error with its key, never an open session.

use super::{SetupError, ms};
use crate::config::{Bounds, Config, Signal};
use crate::engine::WatchPlan;
use crate::signal::{Band, EVERY_DAY, Edge, Filters, QualityPlan, Rule, Sessions, Thresholds};

const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Thresholds and filters.
pub(super) fn rule(config: &Config) -> Result<Rule, SetupError> {
    let signal = &config.signal;
    let thresholds = Thresholds {
        enter_long_above: signal.enter_long_above,
        enter_short_below: signal.enter_short_below,
        exit_long_below: signal.exit_long_below,
        exit_short_above: signal.exit_short_above,
        cooldown_ns: ms(signal.cooldown_ms),
        spread_max_ticks: signal.spread_max_ticks,
        quote_age_max_ns: ms(signal.quote_age_max_ms),
    };
    let edge = Edge {
        middle: config.ensemble.middle,
        ticks_per_unit: signal.edge_ticks_per_unit,
        commission_ticks: signal.commission_ticks,
        margin_ticks: signal.edge_margin_ticks,
    };
    let band = Band { min: signal.regime_min, max: signal.regime_max };
    let filters = Filters {
        edge: (signal.edge_ticks_per_unit > 0.0).then_some(edge),
        regime: signal.regime_feature.is_some().then_some(band),
        sessions: sessions(signal)?,
        agreement_min: signal.agreement_min,
        feature_age_max_ns: (signal.feature_age_max_ms > 0).then(|| ms(signal.feature_age_max_ms)),
        scores: saturation(&config.bounds),
        range_tolerance: config.bounds.range_tolerance,
    };
    Ok(Rule::with_filters(thresholds, filters)?)
}

/// The scores that say something; without a word on an end, all of them on that side.
fn saturation(bounds: &Bounds) -> Option<Band> {
    let (below, above) = (bounds.score_saturated_below, bounds.score_saturated_above);
    let band = Band { min: below.unwrap_or(f64::NEG_INFINITY), max: above.unwrap_or(f64::INFINITY) };
    (below.is_some() || above.is_some()).then_some(band)
}

fn sessions(signal: &Signal) -> Result<Option<Sessions>, SetupError> {
    let days = days(&signal.session_days)?;
    let windows = signal.sessions.as_deref().map(windows).transpose()?.unwrap_or_default();
    if windows.is_empty() && days == EVERY_DAY {
        return Ok(None);
    }
    let sessions = Sessions::new(&windows, days);
    sessions.map(Some).map_err(|error| SetupError::Value { key: "signal.sessions", error: error.to_string() })
}

fn windows(text: &str) -> Result<Vec<(u16, u16)>, SetupError> {
    let wrong = |window: &str| SetupError::Value {
        key: "signal.sessions",
        error: format!("expected HH:MM-HH:MM, separated by commas, got {window:?}"),
    };
    let one = |window: &str| {
        let (from, to) = window.trim().split_once('-').ok_or_else(|| wrong(window))?;
        let minute = |text: &str| minute_of(text.trim()).ok_or_else(|| wrong(window));
        Ok((minute(from)?, minute(to)?))
    };
    text.split(',').map(one).collect()
}

fn minute_of(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |pair: &str| -> Option<u16> {
        (pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_digit())).then(|| pair.parse().ok())?
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    (hour < 24 && minute < 60 || (hour, minute) == (24, 0)).then_some(hour * 60 + minute)
}

fn days(text: &str) -> Result<u8, SetupError> {
    let bit = |word: &str| {
        let found = DAYS.iter().position(|day| *day == word).map(|at| 1u8 << at);
        found.ok_or_else(|| SetupError::Value {
            key: "signal.session_days",
            error: format!("expected days of {}, got {word:?}", DAYS.join(" ")),
        })
    };
    text.split([' ', ',']).filter(|word| !word.is_empty()).try_fold(0, |bits, word| Ok(bits | bit(word)?))
}

/// What is watched after a decision.
pub(super) fn watch(config: &Config) -> WatchPlan {
    let watch = &config.watch;
    WatchPlan {
        shadow_every: watch.shadow_every,
        shadow_record_every: watch.shadow_record_every,
        quality: (watch.quality_horizon_ms > 0).then(|| QualityPlan {
            horizon_ns: ms(watch.quality_horizon_ms),
            every: watch.quality_every,
            window: watch.quality_window,
            middle: config.ensemble.middle,
        }),
        hit_rate_min: watch.hit_rate_min,
        drift_max: watch.drift_max,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_and_days_are_read_or_refused_with_their_key() {
        assert_eq!(windows("07:00-17:00, 22:30-24:00").unwrap(), [(420, 1_020), (1_350, 1_440)]);
        for wrong in ["", "07:00", "7:00-8:00", "07:00-24:01", "07:00-08:00,", "a-b"] {
            let words = windows(wrong).unwrap_err().to_string();
            assert!(words.starts_with("signal.sessions: expected HH:MM-HH:MM"), "{wrong:?}: {words}");
        }
        assert_eq!(days("mon tue wed thu fri").unwrap(), 0b011_1110);
        assert_eq!(days("sun,sat").unwrap(), 0b100_0001);
        assert!(days("monday").unwrap_err().to_string().starts_with("signal.session_days: "));
    }
}
