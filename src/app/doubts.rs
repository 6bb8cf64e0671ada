//! Orders in doubt on the console: which they are, and that none other is resolved by hand.
//!
//! What it is not: their resolution; the engine does that on the operator's record, and the journal has who and why.
//!
//! Invariant: a resolution of what is not in doubt is refused where it is asked for, with those that are.

use super::Appliance;
use super::console::AnswerError;
use crate::agents::{Doubt, EngineStatus};
use serde_json::{Value as Json, json};

impl Appliance {
    /// Refuses an id that is not in doubt. While there are more doubts than are listed, the engine is left to say so.
    pub(super) fn check_in_doubt(&self, order_id: u64) -> Result<(), AnswerError> {
        let doubts: Vec<Doubt> =
            self.status().into_iter().flat_map(|status| status.doubts).flatten().collect();
        let unlisted = self.status().map_or(0, |status| status.orders_unknown) > doubts.len();
        if unlisted || doubts.iter().any(|doubt| doubt.order_id == order_id) {
            return Ok(());
        }
        let ids: Vec<String> = doubts.iter().map(|doubt| doubt.order_id.to_string()).collect();
        let known =
            if ids.is_empty() { ", of which there is none".into() } else { format!(", {}", ids.join(", ")) };
        Err(AnswerError::NotInDoubt { known, got: order_id })
    }

    /// The orders in doubt, for the status.
    pub(super) fn in_doubt_json(&self, status: &EngineStatus) -> Json {
        let now = self.now();
        let one = |doubt: &Doubt| {
            json!({
                "order": doubt.order_id,
                "instrument": self.instrument_names.get(usize::from(doubt.instrument.0)),
                "side": format!("{:?}", doubt.side),
                "open_steps": doubt.qty_open,
                "since_ns": doubt.since.0,
                "for_ms": now.since(doubt.since) / 1_000_000,
            })
        };
        Json::Array(status.doubts.iter().flatten().map(one).collect())
    }
}
