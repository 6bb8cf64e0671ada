//! The exits of a configuration: distances, ladder, and the feature that a stop may be trailed by.
//!
//! What it is not: the rules; `order::exits` has those.
//!
//! Invariant: what is switched on has what it needs, or the configuration is refused with the key.

use super::{SetupError, ms};
use crate::config::{Config, FeatureKind, TrailingKind};
use crate::order::exits::{BreakEven, ExitPlan, Ladder, Rung, Trailing};
use crate::signal::Rule;
use crate::types::NS_PER_S;

/// The plan, and the place of the feature that it trails by.
pub(super) fn exits(
    config: &Config,
    names: &[String],
    rule: &Rule,
) -> Result<(ExitPlan, Option<u16>), SetupError> {
    let (exits, signal) = (&config.exits, &config.signal);
    let atr_feature =
        exits.trailing_atr_feature.as_ref().map(|name| atr_place(config, names, name)).transpose()?;
    let needs = |key, is_there: bool, what: &str| {
        let error = format!("expected {what} with exits.trailing = {:?}", exits.trailing);
        if is_there { Ok(()) } else { Err(SetupError::Value { key, error }) }
    };
    let trailing = match exits.trailing {
        TrailingKind::Off => Trailing::Off,
        TrailingKind::Distance => {
            needs("exits.trailing_points", exits.trailing_points > 0, "a distance above 0")?;
            Trailing::Distance(exits.trailing_points)
        }
        TrailingKind::Atr => {
            needs("exits.trailing_atr_feature", atr_feature.is_some(), "the name of a feature")?;
            Trailing::Atr(exits.trailing_atr_multiple)
        }
        TrailingKind::Steps => {
            needs("exits.trailing_step_points", exits.trailing_step_points > 0, "a step above 0")?;
            Trailing::Steps {
                step_points: exits.trailing_step_points,
                distance_points: exits.trailing_points,
            }
        }
    };
    if exits.unprotected_ms_max > 0 && signal.stop_loss_points == 0 {
        let error = "expected 0 where signal.stop_loss_points demands no stop".into();
        return Err(SetupError::Value { key: "exits.unprotected_ms_max", error });
    }
    if exits.session_end_s > 0 && rule.session_left_s(0).is_none() {
        let error = "expected 0 where neither signal.sessions nor signal.session_days are set".into();
        return Err(SetupError::Value { key: "exits.session_end_s", error });
    }
    let plan = ExitPlan {
        hold_ns_max: ms(exits.hold_ms_max),
        session_end_ns: exits.session_end_s.saturating_mul(NS_PER_S),
        trailing,
        trailing_after_points: exits.trailing_after_points,
        break_even: break_even(exits.break_even_after_points, exits.break_even_offset_points)?,
        ladder: exits.ladder.as_deref().map(ladder).transpose()?.unwrap_or_default(),
        stop_loss_points: signal.stop_loss_points,
        take_profit_points: signal.take_profit_points,
        unprotected_ns_max: ms(exits.unprotected_ms_max),
        move_points_min: exits.move_points_min,
        move_ns_min: ms(exits.move_ms_min),
    };
    Ok((plan, atr_feature))
}

fn atr_place(config: &Config, names: &[String], name: &str) -> Result<u16, SetupError> {
    let instrument = &config.model.instrument;
    let fits = config.features.iter().any(|feature| {
        feature.name == name && feature.kind == FeatureKind::Atr && feature.instrument == *instrument
    });
    let place = names.iter().position(|have| have == name).filter(|_| fits);
    place.map(|at| at as u16).ok_or_else(|| SetupError::Value {
        key: "exits.trailing_atr_feature",
        error: format!("expected a feature of kind atr on {instrument}, got {name:?}"),
    })
}

fn break_even(after_points: u32, offset_points: u32) -> Result<Option<BreakEven>, SetupError> {
    if after_points > 0 && offset_points >= after_points {
        return Err(SetupError::Value {
            key: "exits.break_even_offset_points",
            error: format!(
                "expected less than break_even_after_points = {after_points}, got {offset_points}"
            ),
        });
    }
    Ok((after_points > 0).then_some(BreakEven { after_points, offset_points }))
}

fn ladder(text: &str) -> Result<Ladder, SetupError> {
    let wrong = |error: String| SetupError::Value { key: "exits.ladder", error };
    let one = |rung: &str| {
        let parts = rung.trim().split_once(':');
        let parts =
            parts.and_then(|(points, share)| Some((points.trim().parse().ok()?, share.trim().parse().ok()?)));
        let (points, share): (u32, f64) = parts
            .ok_or_else(|| wrong(format!("expected points:share, separated by commas, got {rung:?}")))?;
        // A share that is not between 0 and 1 is no rung of any ladder.
        let share_e4 = if (0.0..=1.0).contains(&share) { (share * 10_000.0).round() as u32 } else { 0 };
        Ok(Rung { points, share_e4 })
    };
    let rungs = text.split(',').map(one).collect::<Result<Vec<_>, SetupError>>()?;
    Ladder::new(&rungs).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ladders_and_break_even_are_read_or_refused_with_their_key() {
        let read = ladder("100:0.5, 200 : 0.25").unwrap();
        let rungs: Vec<_> = read.rungs().map(|rung| (rung.points, rung.share_e4)).collect();
        assert_eq!(rungs, [(100, 5_000), (200, 2_500)]);
        for wrong in ["", "100", "100:x", "200:0.5,100:0.5", "1:0.6,2:0.5", "1:1.5", "1:NaN", "1:0"] {
            let words = ladder(wrong).unwrap_err().to_string();
            assert!(words.starts_with("exits.ladder: expected"), "{wrong:?}: {words}");
        }
        assert_eq!(break_even(0, 7).unwrap(), None);
        assert!(break_even(7, 7).unwrap_err().to_string().starts_with("exits.break_even_offset_points: "));
        assert_eq!(break_even(7, 6).unwrap(), Some(BreakEven { after_points: 7, offset_points: 6 }));
    }
}
