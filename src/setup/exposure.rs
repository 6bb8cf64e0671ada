//! The sizes of entries, and the limits on exposure, as a configuration says them.
//!
//! What it is not: the arithmetic; `risk/sizing/` and `risk/exposure/` have that.
//!
//! Invariant: a size that needs a feature has it, and a limit that needs returns keeps them, or there is no setup.

use super::{SetupError, ms};
use crate::config::{self, Config, SizingKind};
use crate::features::FeatureSpec;
use crate::risk::{
    CORRELATED_MAX, CURRENCIES_MAX, Drawdown, ExposureLimits, ExposurePlan, Kelly, Method, PortfolioLimit,
    Sizing, SymbolPlan,
};
use crate::types::{Money, NS_PER_S};

const _: () = assert!(config::CORRELATED_MAX == CORRELATED_MAX);

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
        correlation_cut: own.correlation_cut,
    })
}

/// The feature's place in the row.
fn volatility(own: &config::Sizing, specs: &[FeatureSpec]) -> Result<u16, SetupError> {
    let name = own.volatility_feature.clone().unwrap_or_default();
    let place = specs.iter().position(|spec| spec.name == name).map(|at| at as u16);
    let key = "sizing.volatility_feature".into();
    place.ok_or(SetupError::Unknown { key, what: "feature", got: name })
}

/// Limits over all instruments, and what else holds an opening back.
pub(super) fn plan(config: &Config) -> Result<ExposurePlan, SetupError> {
    let own = &config.exposure;
    let amount = |limit: f64| Money::from_f64(limit).filter(|_| limit > 0.0);
    let horizon_samples = (own.portfolio_horizon_s * 1_000) as f64 / own.sample_ms as f64;
    let portfolio =
        amount(own.portfolio_risk_max).map(|risk_max| PortfolioLimit { risk_max, horizon_samples });
    let limits = ExposureLimits {
        currency_max: amount(own.currency_max),
        gross_max: amount(own.gross_max),
        leverage_max: (own.leverage_max > 0.0).then_some(own.leverage_max),
        unexecuted_max: amount(own.unexecuted_max),
        portfolio,
    };
    let correlates = portfolio.is_some() || config.sizing.correlation_cut > 0.0;
    let samples_at_all = correlates || limits != ExposureLimits::default();
    Ok(ExposurePlan {
        limits,
        symbols: symbols(config)?,
        sample_ns: if samples_at_all { ms(own.sample_ms) } else { 0 },
        samples: if correlates { own.samples } else { 0 },
        frozen_after_ns: ms(own.frozen_after_ms),
        duplicate_window_ns: ms(own.duplicate_window_ms),
        budget_warn_left: if own.budget_warn_percent > 0 {
            1.0 - f64::from(own.budget_warn_percent) / 100.0
        } else {
            0.0
        },
        canary_ns: (own.canary_hours * 3_600.0 * NS_PER_S as f64) as i64,
        canary_orders_max: own.canary_orders_max,
        canary_lots_max: own.canary_lots_max,
    })
}

fn symbols(config: &Config) -> Result<Vec<SymbolPlan>, SetupError> {
    let mut known: Vec<&str> = Vec::new();
    // Nothing is risked by holding the account's own.
    let is_foreign = |instrument: &config::Instrument, name: &str| {
        let venue = config.venues.iter().find(|venue| venue.name == instrument.venue);
        venue.is_none_or(|venue| venue.currency != name)
    };
    let mut plans = Vec::with_capacity(config.instruments.len());
    for instrument in &config.instruments {
        let mut currencies = [None; 2];
        let names = [&instrument.base_currency, &instrument.profit_currency];
        for (own, name) in currencies.iter_mut().zip(names) {
            let Some(name) = name.as_deref().filter(|name| is_foreign(instrument, name)) else { continue };
            let at = known.iter().position(|other| *other == name).unwrap_or(known.len());
            if at == known.len() {
                known.push(name);
            }
            *own = Some(at as u8);
        }
        plans.push(SymbolPlan {
            currencies,
            order_lots_max: instrument.order_lots_max,
            position_lots_max: instrument.position_lots_max,
            order_value_max: instrument.order_value_max.and_then(Money::from_f64),
        });
    }
    if known.len() > CURRENCIES_MAX {
        let error = format!("expected at most {CURRENCIES_MAX} currencies, got {}", known.len());
        return Err(SetupError::Value { key: "instruments.base_currency", error });
    }
    Ok(plans)
}
