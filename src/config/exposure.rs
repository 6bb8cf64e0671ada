//! Keys of the sizes of entries, and the rules between them.
//!
//! What it is not: the other sections' keys (`keys`), or what sizes mean (`risk/sizing/`).
//!
//! Invariant: every key here switches something on that is off without it: the defaults are fixed lots.

use super::cross::Cross;
use super::error::Fault;
use super::keys::keys;
use super::schema::{Key, Kind::*, Presence::*, Section, Shape};

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
};

/// Adds the faults between these keys and others.
pub(super) fn check(cross: &mut Cross<'_>) {
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
