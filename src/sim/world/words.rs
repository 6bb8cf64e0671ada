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
                "deal {} {told}: order {} {side} {} at {} of position {} reason {}",
                deal.deal,
                id(deal.magic),
                deal.qty,
                deal.price,
                deal.position,
                deal.reason
            )
        }),
        Some(Kind::PositionEvent) => record.payload::<record::PositionEvent>().map(|position| {
            let told = if record.flags() & record::FLAG_SNAPSHOT != 0 { "listed" } else { "told" };
            format!(
                "position {} {told}: ticket {} {} of {} stop {} take {}",
                position.identifier,
                position.ticket,
                position.qty,
                record.instrument().0,
                position.stop_loss,
                position.take_profit
            )
        }),
        Some(Kind::OrderEvent) => record.payload::<record::OrderEvent>().map(|order| {
            let told = if record.flags() & record::FLAG_SNAPSHOT != 0 { "listed" } else { "told" };
            format!(
                "order {} {told}: transaction {} state {} stop {}",
                id(order.magic),
                order.transaction,
                order.order_state,
                order.stop_loss
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
                "command {} {side} {} {aim} of {} action {} position {} stop {} take {}",
                id(command.order_id),
                command.qty,
                record.instrument().0,
                command.action,
                command.position,
                command.stop_loss,
                command.take_profit
            )
        }),
        Some(kind) => Some(kind.name().to_owned()),
        None => None,
    }
    .unwrap_or_default()
}
