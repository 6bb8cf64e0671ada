//! Limits that need not be set, in the engine's units.
//!
//! What it is not: the limits that must be (`setup/mod.rs`).
//!
//! Invariant: what is not configured is off; a name that nothing has, or a time that is none, is refused with its key.

use super::{SetupError, instrument_of, ms};
use crate::config::{Config, FlowsKind, News};
use crate::risk::{BoundsPlan, FlowPolicy, LossPlan, NewsWindow, StreakPlan, VenueBudget};
use crate::store::ticks::CivilDate;
use crate::types::{InstrumentId, Money, NS_PER_S, TimeNs};

/// A terminal is asked for a symbol's rules so often within the age that they may have.
const ASKED_WITHIN_AGE: u64 = 3;
const TICK_VALUE_AGE_MS_MIN: u64 = 1_000;

pub(super) fn bounds(config: &Config) -> Result<BoundsPlan, SetupError> {
    let bounds = &config.bounds;
    let money = |amount: f64| Money::from_f64(amount).unwrap_or(Money::ZERO);
    let age_ms = bounds.tick_value_age_max_ms;
    if age_ms > 0 && age_ms < TICK_VALUE_AGE_MS_MIN {
        let error = format!("expected 0 or at least {TICK_VALUE_AGE_MS_MIN}, got {age_ms}");
        return Err(SetupError::Value { key: "bounds.tick_value_age_max_ms", error });
    }
    Ok(BoundsPlan {
        loss: LossPlan {
            flows: match bounds.flows {
                FlowsKind::Off => FlowPolicy::Off,
                FlowsKind::Deals => FlowPolicy::Deals,
                FlowsKind::Balance => FlowPolicy::Balance,
            },
            daily_soft: money(bounds.daily_loss_soft),
            trailing_soft: money(bounds.trailing_loss_soft),
            warn_percent: bounds.loss_warn_percent,
            flattens: bounds.loss_flatten,
        },
        streaks: StreakPlan {
            losses_max: bounds.losses_max,
            rejects_max: bounds.rejects_max,
            window_ns: ms(bounds.streak_window_ms),
        },
        tick_value_age_max_ns: ms(age_ms),
        stop_distance_max_points: bounds.stop_distance_max_points,
        venue: match bounds.venue_messages_per_s_max {
            0 => VenueBudget::default(),
            per_s => VenueBudget {
                per_s,
                burst: bounds.venue_messages_burst_max,
                warn_percent: bounds.venue_warn_percent,
            },
        },
        gross_lots_max: bounds.gross_lots_max,
        margin_free_min_percent: bounds.margin_free_min_percent,
        account_gross_max: money(bounds.account_gross_max),
        keeps_venue_hours: bounds.venue_hours,
        news: config.news.iter().map(|news| window(config, news)).collect::<Result<_, _>>()?,
        restricted: restricted(config)?,
    })
}

/// How often a terminal is asked for its symbols' rules again, milliseconds; zero for never.
pub(super) fn rules_every_ms(config: &Config) -> u64 {
    config.bounds.tick_value_age_max_ms / ASKED_WITHIN_AGE
}

fn restricted(config: &Config) -> Result<Vec<InstrumentId>, SetupError> {
    let names = config.bounds.restricted.as_deref().unwrap_or_default().split(',').map(str::trim);
    names
        .filter(|name| !name.is_empty())
        .map(|name| instrument_of(config, "bounds.restricted", name))
        .collect()
}

fn window(config: &Config, news: &News) -> Result<NewsWindow, SetupError> {
    let time = |key, text: &str| {
        let error = || format!("expected YYYY-MM-DD HH:MM, UTC, got {text:?}");
        minute(text).ok_or_else(|| SetupError::Value { key, error: error() })
    };
    let (from, to) = (time("news.from", &news.from)?, time("news.to", &news.to)?);
    if to <= from {
        let error = format!("expected a minute after {:?}, got {:?}", news.from, news.to);
        return Err(SetupError::Value { key: "news.to", error });
    }
    let of = |name: &String| instrument_of(config, "news.instrument", name);
    Ok(NewsWindow { from, to, instrument: news.instrument.as_ref().map(of).transpose()? })
}

/// `YYYY-MM-DD HH:MM`, or with a T between, as UTC.
fn minute(text: &str) -> Option<TimeNs> {
    let (date, time) = text.split_once([' ', 'T'])?;
    let (hour, minute) = time.split_once(':')?;
    let number = |digits: &str, below: i64| -> Option<i64> {
        let is_number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse().ok())?.filter(|number| *number < below)
    };
    let minutes = number(hour, 24)? * 60 + number(minute, 60)?;
    Some(CivilDate::parse(date)?.midnight().plus_ns(minutes * 60 * NS_PER_S))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_read_or_refused() {
        let seconds = |text| minute(text).map(|time| time.0 / NS_PER_S);
        assert_eq!(seconds("1970-01-01 00:00"), Some(0));
        assert_eq!(seconds("2000-03-01T00:00"), Some(951_868_800));
        assert_eq!(seconds("2024-02-29 23:59"), Some(1_709_251_140));
        assert_eq!(seconds("2026-11-21 13:25"), Some(1_795_267_500));
        for wrong in [
            "2026-02-29 00:00",
            "2026-13-01 00:00",
            "2026-01-01 24:00",
            "2026-01-01",
            "2026-01-01 0a:00",
            "äääääääää",
        ] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
