//! Keys of the sizes of entries and of exposure over all instruments, and the rules between them.
//!
//! What it is not: the other sections' keys (`keys`), or what they mean (`risk/sizing/`, `risk/exposure/`).
//!
//! Invariant: every key here switches something on that is off without it: the defaults are fixed lots and no limit.

use super::cross::Cross;
use super::error::Fault;
use super::keys::keys;
use super::schema::{Key, Kind::*, Presence::*, Section, Shape};

/// As many as `risk::CORRELATED_MAX`; `setup` holds the two equal.
pub const CORRELATED_MAX: usize = 32;

/// `[sizing]`.
pub(super) const SIZING_SECTION: Section = Section {
    name: "sizing",
    shape: Shape::One,
    include: "",
    keys: SIZING,
    doc: "How large an entry is. Whatever it says, [risk] limits it.",
};

const SIZING: &[Key] = keys! {
    "kind" Choice(&["fixed", "stop_risk", "volatility", "kelly"]), "", Default("\"fixed\""),
        "fixed: signal.volume_lots; stop_risk: the stop loss costs risk_percent; volatility: a move by volatility_feature costs it; kelly: from the strategy's own closed trades.";
    "risk_percent" Real(0.0001, 100.0), "per cent of equity", Default("0.5"), "What an entry may cost with stop_risk and volatility.";
    "volatility_feature" FeatureName, "", Optional("\"atr_14\""), "A feature whose value is a distance in ticks; needed with kind = \"volatility\".";
    "kelly_fraction" Real(0.001, 1.0), "", Default("0.25"), "Part of the full Kelly fraction that is used.";
    "kelly_trades_min" Int(1, 1_000_000), "closed trades", Default("50"), "Before so many an entry is signal.volume_lots, within kelly_percent_max.";
    "kelly_shrink_trades" Int(0, 1_000_000), "trades", Default("100"), "The record is mixed with so many trades that brought nothing.";
    "kelly_percent_max" Real(0.0001, 100.0), "per cent of equity", Default("1.0"), "Most that an entry by Kelly may cost at its stop loss.";
    "lots_max" Real(1e-8, 1e6), "lots", Optional("0.5"), "Largest entry. Unset: risk.order_lots_max alone.";
    "drawdown_start_percent" Real(0.0, 100.0), "per cent of the highest equity", Default("0.0"), "Entries get smaller from here on.";
    "drawdown_stop_percent" Real(0.0, 100.0), "per cent of the highest equity, 0 off", Default("0.0"), "And here there are none; above drawdown_start_percent.";
    "correlation_cut" Real(0.0, 1.0), "", Default("0.0"), "Part of a size that a full correlation with what is held takes away; exposure.samples says how it is measured.";
};

/// `[exposure]`.
pub(super) const EXPOSURE_SECTION: Section = Section {
    name: "exposure",
    shape: Shape::One,
    include: "",
    keys: EXPOSURE,
    doc: "Limits over all instruments together, beside [risk]. Positions, open and Unknown orders count at their worst, by the newest mids.",
};

const AMOUNT_MAX: f64 = 1e12;
const EXPOSURE: &[Key] = keys! {
    "currency_max" Real(0.0, AMOUNT_MAX), "account currency, 0 off", Default("0.0"), "Largest net exposure to any currency but the account's; each instrument then needs base_currency and profit_currency.";
    "gross_max" Real(0.0, AMOUNT_MAX), "account currency, 0 off", Default("0.0"), "Largest sum of the values of all positions.";
    "leverage_max" Real(0.0, 10_000.0), "times equity, 0 off", Default("0.0"), "The same as a multiple of equity.";
    "unexecuted_max" Real(0.0, AMOUNT_MAX), "account currency, 0 off", Default("0.0"), "Largest value of what is ordered and not executed.";
    "portfolio_risk_max" Real(0.0, AMOUNT_MAX), "account currency, 0 off", Default("0.0"), "Largest standard deviation of the value of all positions over portfolio_horizon_s, by the covariance of the last returns.";
    "portfolio_horizon_s" Int(1, 2_592_000), "s", Default("3600"), "The time over which that deviation is reckoned.";
    "sample_ms" Int(10, 60_000), "ms", Default("1000"), "Time between two samples of the mids; values are renewed with each.";
    "samples" Int(10, 4_096), "samples", Default("600"), "Returns that covariances are taken from. Until there are so many, nothing opens that needs them.";
    "frozen_after_ms" Int(0, 3_600_000), "ms, 0 off", Default("0"), "No entry on a price that stood still for so long while another instrument's moved.";
    "duplicate_window_ms" Int(0, 86_400_000), "ms, 0 off", Default("0"), "No entry of the same instrument, side and volume so soon after the last one.";
    "budget_warn_percent" Int(0, 99), "per cent, 0 off", Default("0"), "An alert when so much of risk.orders_burst_max is used up.";
    "canary_hours" Real(0.0, 8_760.0), "hours, 0 off", Default("0.0"), "A model that this journal never saw open anything is new for so long after its first opening.";
    "canary_orders_max" Int(1, 1_000_000), "orders", Default("20"), "Most openings of a new model.";
    "canary_lots_max" Real(1e-8, 1e6), "lots", Default("0.01"), "Largest opening of a new model; what is larger is cut down to it.";
};

/// Adds the faults between these keys and others.
pub(super) fn check(cross: &mut Cross<'_>) {
    check_sizing(cross);
    check_exposure(cross);
    check_symbols(cross);
}

fn check_exposure(cross: &mut Cross<'_>) {
    let (Some(exposure), instruments) = (cross.one("exposure"), cross.of("instruments")) else { return };
    let is_on = |section: &str, key: &str| {
        cross.one(section).and_then(|block| block.number(key)).is_some_and(|number| number > 0.0)
    };
    let correlates = is_on("exposure", "portfolio_risk_max") || is_on("sizing", "correlation_cut");
    let counts_currencies = is_on("exposure", "currency_max");
    if correlates && instruments.len() > CORRELATED_MAX {
        let expected = format!("at most {CORRELATED_MAX} [[instruments]] where correlations are needed");
        let got = instruments.len().to_string();
        cross.fault(exposure, None, "samples", Fault::Conflict, expected, got);
    }
    for (index, block) in instruments {
        for key in ["base_currency", "profit_currency"] {
            if counts_currencies && block.text(key).is_none() {
                let expected = "a currency, because exposure.currency_max is set".into();
                cross.fault(block, Some(index), key, Fault::Missing, expected, "nothing".into());
            }
        }
    }
}

/// A symbol's own limit lowers the global one.
fn check_symbols(cross: &mut Cross<'_>) {
    let Some(risk) = cross.one("risk") else { return };
    for (index, block) in cross.of("instruments") {
        for key in ["order_lots_max", "position_lots_max", "order_value_max"] {
            let (Some(own), Some(global)) = (block.number(key), risk.number(key)) else { continue };
            if own > global {
                let expected = format!("at most risk.{key} = {global}");
                cross.fault(block, Some(index), key, Fault::Conflict, expected, own.to_string());
            }
        }
    }
}

fn check_sizing(cross: &mut Cross<'_>) {
    let (Some(sizing), Some(signal)) = (cross.one("sizing"), cross.one("signal")) else { return };
    let kind = sizing.text("kind");
    if matches!(kind, Some("stop_risk" | "kelly")) && signal.number("stop_loss_points") == Some(0.0) {
        let got = format!("\"{}\" and no stop loss", kind.unwrap_or_default());
        let expected = "signal.stop_loss_points above 0 with this kind".into();
        cross.fault(sizing, None, "kind", Fault::Conflict, expected, got);
    }
    if kind == Some("volatility") && sizing.text("volatility_feature").is_none() {
        let expected = "volatility_feature with this kind".into();
        cross.fault(sizing, None, "kind", Fault::Conflict, expected, "\"volatility\" and none".into());
    }
    if let (Some(start), Some(stop)) =
        (sizing.number("drawdown_start_percent"), sizing.number("drawdown_stop_percent"))
        && start >= stop
        && (start, stop) != (0.0, 0.0)
    {
        let expected = format!("above drawdown_start_percent = {start}");
        cross.fault(sizing, None, "drawdown_stop_percent", Fault::Conflict, expected, stop.to_string());
    }
}
