//! What instruments earned and cost, as JSON for the console and the report.
//!
//! What it is not: the reckoning; `agents::InstrumentsStatus` is a copy of the engine's.
//!
//! Invariant: amounts are in account currency, costs negative, and `net` is their sum without what floats.

use crate::agents::InstrumentsStatus;
use crate::order::Amounts;
use serde_json::{Value as Json, json};

/// One object an instrument.
pub(super) fn instruments_json(instruments: &InstrumentsStatus) -> Json {
    let amounts = |amounts: &Amounts| {
        json!({
            "profit": amounts.profit.as_f64(),
            "commission": amounts.commission.as_f64(),
            "swap": amounts.swap.as_f64(),
            "fee": amounts.fee.as_f64(),
            "net": amounts.total().as_f64(),
        })
    };
    let lines = instruments.iter().map(|line| {
        json!({
            "symbol": line.symbol.as_str(),
            "strategy": line.is_traded,
            "position_lots": line.lots,
            "average_price": line.average_price,
            "floating": line.floating.as_f64(),
            "realised": amounts(&line.ours),
            "deals": line.deal_count,
            "traded_lots": line.traded_lots,
            "external": {
                "position_lots": line.external_lots,
                "deals": line.others_deal_count,
                "traded_lots": line.others_traded_lots,
                "realised": amounts(&line.others),
            },
        })
    });
    json!(lines.collect::<Vec<_>>())
}
