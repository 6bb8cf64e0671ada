//! The sizes of entries as a configuration says them.
//!
//! What it is not: the arithmetic; `risk/sizing/` has that.
//!
//! Invariant: a size that needs a feature has it, or there is no setup.

use super::SetupError;
use crate::config::{self, Config, SizingKind};
use crate::features::FeatureSpec;
use crate::risk::{Drawdown, Kelly, Method, Sizing};

/// How large entries are.
pub(super) fn sizing(config: &Config, specs: &[FeatureSpec]) -> Result<Sizing, SetupError> {
    let own = &config.sizing;
    let percent = own.risk_percent;
    let method = match own.kind {
        SizingKind::Fixed => Method::Fixed,
        SizingKind::StopRisk => Method::StopRisk { percent },
        SizingKind::Volatility => Method::Volatility { percent, feature: volatility(own, specs)? },
        SizingKind::Kelly => Method::Kelly(Kelly {
            fraction: own.kelly_fraction,
            trades_min: own.kelly_trades_min,
            shrink_trades: own.kelly_shrink_trades,
            percent_max: own.kelly_percent_max,
        }),
    };
    let drawdown =
        Drawdown { start_percent: own.drawdown_start_percent, stop_percent: own.drawdown_stop_percent };
    Ok(Sizing {
        method,
        lots_max: own.lots_max.unwrap_or(f64::INFINITY),
        drawdown: (drawdown.stop_percent > 0.0).then_some(drawdown),
    })
}

/// The feature's place in the row.
fn volatility(own: &config::Sizing, specs: &[FeatureSpec]) -> Result<u16, SetupError> {
    let name = own.volatility_feature.clone().unwrap_or_default();
    let place = specs.iter().position(|spec| spec.name == name).map(|at| at as u16);
    let key = "sizing.volatility_feature".into();
    place.ok_or(SetupError::Unknown { key, what: "feature", got: name })
}
