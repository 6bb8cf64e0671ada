//! Records in words: fields as JSON values, codes by their names.
//!
//! What it is not: the layouts, which `record` has; a field that is not known here is shown as its number.
//!
//! Invariant: nothing is lost: beside every name stands the number it was made of.

use crate::engine::{AlertCode, Slot};
use crate::order::exits::ExitReason;
use crate::order::{OrderState, RequestStage, RequestState, Verdict};
use crate::record::{
    ControlAction, DispatchOutcome, FLAG_HISTORY, FLAG_REFILL, FLAG_SNAPSHOT, FLAG_UNATTRIBUTED, FaultKind,
    FieldValue, IncidentKind, KillTrigger, Kind, ModelAction, Record,
};
use crate::registry::slot_name;
use crate::risk::{BreakerState, Component, Reason, Trading};
use crate::types::{InstrumentId, OrderAction, Price};
use serde_json::{Map, Value as Json, json};

/// Alerts that have a name.
const ALERTS: &[AlertCode] = &[
    AlertCode::PositionMismatch,
    AlertCode::UnknownOverdue,
    AlertCode::ExternalPosition,
    AlertCode::Overfill,
    AlertCode::ForgottenOrder,
    AlertCode::DealAmended,
    AlertCode::Gap,
    AlertCode::OrderReturned,
    AlertCode::PositionAccepted,
    AlertCode::NothingToAccept,
    AlertCode::HistoryUnanswered,
    AlertCode::HistoryRefused,
    AlertCode::HistoryShort,
    AlertCode::FeaturesCold,
    AlertCode::ModelMissing,
    AlertCode::ModelDrift,
    AlertCode::ModelQuality,
    AlertCode::ExecutionsRepeated,
    AlertCode::DealNumbersBeganAgain,
    AlertCode::Killed,
    AlertCode::LimitChanged,
    AlertCode::OverrideGiven,
    AlertCode::OverrideUsed,
    AlertCode::Unprotected,
    AlertCode::ExternalDeal,
    AlertCode::ExternalOrder,
    AlertCode::Adopted,
    AlertCode::BreakerOpened,
    AlertCode::ClockStepped,
    AlertCode::BudgetLow,
    AlertCode::LaneHung,
    AlertCode::RequestOverdue,
    AlertCode::RequestReturned,
    AlertCode::LossNear,
    AlertCode::LossFlattened,
    AlertCode::MoneyMoved,
    AlertCode::VenueBudgetLow,
    AlertCode::LateFillSettled,
    AlertCode::UnitsChanged,
];

/// Whether a field is a code that has names.
pub(super) fn is_code(kind: Kind, field: &str) -> bool {
    // Of every code that a byte can hold, some has a name.
    (0..=u64::from(u8::MAX)).any(|code| name_of(kind, field, code).is_some())
}

/// The name of a code, where the field is one.
pub(super) fn name_of(kind: Kind, field: &str, code: u64) -> Option<String> {
    let small = u8::try_from(code).ok();
    let known = |name: Option<&'static str>| name.map(str::to_owned);
    match (kind, field) {
        (Kind::Denied | Kind::TradingChange | Kind::Override | Kind::OverrideUse, "reason") => {
            known(u32::try_from(code).ok().and_then(Reason::from_code).map(Reason::name))
        }
        (Kind::Exit, "reason") => {
            known(u32::try_from(code).ok().and_then(ExitReason::from_code).map(ExitReason::name))
        }
        (Kind::TradingChange, "from" | "to") => known(small.and_then(Trading::from_code).map(Trading::name)),
        (Kind::OrderStateChange, "from" | "to") => {
            known(small.and_then(OrderState::from_code).map(OrderState::name))
        }
        (Kind::OrderStateChange, "verdict") => known(small.and_then(Verdict::from_code).map(Verdict::name)),
        (Kind::OrderStateChange, "request") => {
            known(small.and_then(RequestState::from_code).map(RequestState::name))
        }
        (Kind::RequestStateChange, "from" | "to") => {
            known(small.and_then(RequestStage::from_code).map(RequestStage::name))
        }
        (Kind::RequestStateChange, "verdict") => known(small.and_then(Verdict::from_code).map(Verdict::name)),
        (Kind::RequestStateChange, "request") => {
            known(small.and_then(RequestState::from_code).map(RequestState::name))
        }
        (Kind::RequestStateChange, "action") => small.and_then(OrderAction::from_code).map(debug),
        (Kind::Control, "action") => small.and_then(ControlAction::from_code).map(debug),
        (Kind::ModelChange, "action") => small.and_then(ModelAction::from_code).map(debug),
        (Kind::ModelChange | Kind::ShadowScore, "slot") => small.and_then(Slot::from_code).map(slot_name),
        (Kind::Dispatch, "outcome") => small.and_then(DispatchOutcome::from_code).map(debug),
        (Kind::Control | Kind::KillSwitch, "scope") => known(scope_kind(code)),
        (Kind::KillSwitch, "trigger") => small.and_then(KillTrigger::from_code).map(debug),
        (Kind::Incident, "kind") => small.and_then(IncidentKind::from_code).map(debug),
        (Kind::BreakerChange, "component") => {
            known(small.and_then(Component::from_code).map(Component::name))
        }
        (Kind::BreakerChange, "from" | "to") => small.and_then(BreakerState::from_code).map(debug),
        (Kind::Fault, "kind") => small.and_then(FaultKind::from_code).map(debug),
        (Kind::Alert, "code") => ALERTS.iter().find(|alert| **alert as u64 == code).map(debug),
        _ => None,
    }
}

/// What a scope is about.
fn scope_kind(code: u64) -> Option<&'static str> {
    let kinds = [(1, "all"), (2, "venue"), (3, "strategy"), (4, "instrument")];
    kinds.into_iter().find(|(kind, _)| *kind == code).map(|(_, name)| name)
}

fn debug(code: impl std::fmt::Debug) -> String {
    format!("{code:?}")
}

/// The header's flags by name; the two of history together are one.
pub(super) fn flags(record: &Record) -> Vec<&'static str> {
    let flags = record.flags();
    let mut names = Vec::new();
    if flags & FLAG_HISTORY == FLAG_HISTORY {
        names.push("history");
    } else if flags & FLAG_SNAPSHOT != 0 {
        names.push("snapshot");
    } else if flags & FLAG_REFILL != 0 {
        names.push("refill");
    }
    if flags & FLAG_UNATTRIBUTED != 0 {
        names.push("unattributed");
    }
    names
}

/// Who made it.
pub(super) fn origin(record: &Record) -> &'static str {
    ["engine", "market", "trade", "send", "operator", "appliance"]
        .get(usize::from(record.origin()))
        .copied()
        .unwrap_or("unknown")
}

/// The name of its kind.
pub(super) fn kind(record: &Record) -> &'static str {
    record.kind().map_or("Unknown", Kind::name)
}

/// Its instrument, if it is about one.
pub(super) fn instrument(record: &Record) -> Option<u16> {
    (record.instrument() != InstrumentId::NONE).then_some(record.instrument().0)
}

/// Signed numbers have one value that says that there is none.
pub(super) fn signed(number: i64) -> Option<i64> {
    (number != Price::NONE.0).then_some(number)
}

/// Whether the field is the digest of a file: people know it in hexadecimal, as the file's name has it.
pub(super) fn is_digest(field: &str) -> bool {
    matches!(field, "digest" | "config_digest" | "digests")
}

/// The double that a field of bits holds.
pub(super) fn double_of(field: &str, bits: u64) -> Option<(&str, f64)> {
    field.strip_suffix("_bits").map(|name| (name, f64::from_bits(bits)))
}

/// Whether the field is a number of which every bit counts: JSON's readers often keep only 53 of them, so there it is text.
fn is_exact(field: &str) -> bool {
    matches!(field, "order_id" | "magic") || field.ends_with("_bits")
}

/// Bytes in hexadecimal, the first one first.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Packed digests: the words of eight bytes that are not zero, in hexadecimal.
pub(super) fn digests(bytes: &[u8]) -> Vec<String> {
    let words = bytes.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    });
    words.filter(|word| *word != 0).map(|word| format!("{word:016x}")).collect()
}

/// A double as JSON, which has no NaN and no infinity: those are text.
fn double(number: f64) -> Json {
    if number.is_finite() { json!(number) } else { json!(number.to_string()) }
}

/// The payload's fields.
pub(super) fn payload(record: &Record) -> Map<String, Json> {
    let mut map = Map::new();
    let Some(kind) = record.kind() else { return map };
    for (field, value) in record.fields() {
        let shown = match value {
            FieldValue::Unsigned(number) if is_digest(field.name) => json!(format!("{number:016x}")),
            FieldValue::Unsigned(number) => {
                if let Some(name) = name_of(kind, field.name, number) {
                    map.insert(format!("{}_name", field.name), json!(name));
                }
                if let Some((name, real)) = double_of(field.name, number) {
                    map.insert(name.into(), double(real));
                }
                if is_exact(field.name) { json!(number.to_string()) } else { json!(number) }
            }
            FieldValue::Signed(number) => json!(signed(number)),
            FieldValue::Real(number) => double(number),
            FieldValue::Bytes(bytes) if is_digest(field.name) => json!(digests(bytes)),
            FieldValue::Bytes(bytes) => {
                value.text().map_or_else(|| json!(hexadecimal(bytes)), |text| json!(text))
            }
        };
        map.insert(field.name.into(), shown);
    }
    map
}

/// The whole record as one JSON object.
pub(in crate::cli) fn json_of(record: &Record) -> Json {
    let mut map = Map::new();
    map.insert("seq".into(), json!(record.seq()));
    map.insert("ts_ns".into(), json!(record.ts().0));
    map.insert("kind".into(), json!(kind(record)));
    map.insert("origin".into(), json!(origin(record)));
    map.insert("venue".into(), json!(record.venue().0));
    map.insert("instrument".into(), json!(instrument(record)));
    map.insert("flags".into(), json!(flags(record)));
    map.insert("aux".into(), json!(record.aux()));
    map.insert("payload".into(), Json::Object(payload(record)));
    if record.kind().is_none() {
        // Of a later version: all of its bytes, for a program that knows it.
        map.insert("version".into(), json!(record.version()));
        map.insert("bytes".into(), json!(hexadecimal(record.bytes())));
    }
    Json::Object(map)
}
