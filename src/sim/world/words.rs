//! Records in words, for traces.
//!
//! What it is not: a format; nothing reads it but people.
//!
//! Invariant: it is called only when somebody asked for a trace.

use crate::record::{self, Kind, Record};
use crate::types::OrderId;

/// A record for people.
pub(super) fn words(record: &Record) -> String {
    let id = |id: u64| if OrderId::from_raw(id).is_ok() { format!("{id:x}") } else { id.to_string() };
    match record.kind() {
        Some(Kind::CommandResult) => record.payload::<record::CommandResult>().map(|result| {
            format!("CommandResult {} retcode {} deal {}", id(result.order_id), result.retcode, result.deal)
        }),
        Some(Kind::DealEvent) => record.payload::<record::DealEvent>().map(|deal| {
            let told = if record.flags() & record::FLAG_SNAPSHOT != 0 { "listed" } else { "told" };
            let side = if deal.deal_type == 0 { "buy" } else { "sell" };
            format!(
                "deal {} {told}: order {} {side} {} reason {}",
                deal.deal,
                id(deal.magic),
                deal.qty,
                deal.reason
            )
        }),
        Some(Kind::OrderEvent) => record.payload::<record::OrderEvent>().map(|order| {
            let told = if record.flags() & record::FLAG_SNAPSHOT != 0 { "listed" } else { "told" };
            format!(
                "order {} {told}: transaction {} state {}",
                id(order.magic),
                order.transaction,
                order.order_state
            )
        }),
        Some(Kind::Session) => record.payload::<record::Session>().map(|session| {
            format!("session: roles {} {}", session.roles, if session.state == 1 { "up" } else { "down" })
        }),
        Some(Kind::Snapshot) => record
            .payload::<record::Snapshot>()
            .map(|snapshot| format!("snapshot {:x} phase {}", snapshot.query_id, snapshot.phase)),
        Some(Kind::Dispatch) => record
            .payload::<record::Dispatch>()
            .map(|dispatch| format!("dispatch {} outcome {}", id(dispatch.order_id), dispatch.outcome)),
        Some(Kind::OrderStateChange) => record
            .payload::<record::OrderStateChange>()
            .map(|change| format!("order {} state {} to {}", id(change.order_id), change.from, change.to)),
        Some(Kind::Command) => record.payload::<record::Command>().map(|command| {
            let side = if command.order_kind == 0 { "buy" } else { "sell" };
            let aim = if record.aux() == 1 { "out" } else { "in" };
            format!(
                "command {} {side} {} {aim} of {}",
                id(command.order_id),
                command.qty,
                record.instrument().0
            )
        }),
        Some(kind) => Some(kind.name().to_owned()),
        None => None,
    }
    .unwrap_or_default()
}
