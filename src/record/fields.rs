//! A record's fields by name, for people and for other programs: what `journal show` prints and `journal export` writes.
//!
//! What it is not: a way to read records in the engine; that is [`Record::payload`], which knows the types.
//!
//! Invariant: names, kinds and places are those of the layouts themselves, so a field can neither be left out nor invented.

use super::header::{Kind, PAYLOAD_BYTES, RECORD_BYTES, Record};
use super::layout::{Field, FieldLayout, Layout};

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum FieldValue<'a> {
    /// Any unsigned number.
    Unsigned(u64),
    /// Any signed number.
    Signed(i64),
    /// A double.
    Real(f64),
    /// Bytes: text padded with zeros, or something packed.
    Bytes(&'a [u8]),
}

macro_rules! layouts {
    ($($kind:ident),+ $(,)?) => {
        impl Kind {
            /// The fields of its payload, in their order.
            pub fn fields(self) -> &'static [FieldLayout] {
                match self { $(Kind::$kind => <super::$kind as Layout>::FIELDS),+ }
            }
        }
    };
}
layouts!(
    Start,
    ClockTick,
    Session,
    Spec,
    Tick,
    Account,
    CommandResult,
    OrderEvent,
    DealEvent,
    PositionEvent,
    Snapshot,
    Credit,
    Gap,
    Dispatch,
    Control,
    Fault,
    HistoryBar,
    HistoryEnd,
    ModelChange,
    KillSwitch,
    LimitChange,
    TradingHours,
    SymbolMargin,
    Incident,
    Override,
    Command,
    Query,
    Denied,
    OrderStateChange,
    TradingChange,
    Alert,
    HistoryRequest,
    BreakerChange,
    Decision,
    ShadowScore,
    RequestStateChange,
    Retry,
    Exit,
    StateHash,
    OverrideUse,
);

/// Fields that hold nothing: what rounds a layout up.
const RESERVED: &str = "reserved";

impl Kind {
    /// [`Kind::fields`] without those that hold nothing.
    pub fn named_fields(self) -> impl Iterator<Item = &'static FieldLayout> {
        self.fields().iter().filter(|field| field.name != RESERVED)
    }
}

impl Record {
    /// The payload's fields with their values, in their order; none of a kind that this version does not know.
    pub fn fields(&self) -> impl Iterator<Item = (&'static FieldLayout, FieldValue<'_>)> {
        let payload = &self.bytes()[RECORD_BYTES - PAYLOAD_BYTES..];
        let fields = self.kind().into_iter().flat_map(Kind::named_fields);
        fields.map(move |field| (field, value(field, &payload[field.offset..][..field.bytes])))
    }
}

fn value<'a>(field: &FieldLayout, bytes: &'a [u8]) -> FieldValue<'a> {
    match field.kind {
        "u8" => FieldValue::Unsigned(u64::from(u8::read(bytes))),
        "u16" => FieldValue::Unsigned(u64::from(u16::read(bytes))),
        "u32" => FieldValue::Unsigned(u64::from(u32::read(bytes))),
        "u64" => FieldValue::Unsigned(u64::read(bytes)),
        "i32" => FieldValue::Signed(i64::from(i32::read(bytes))),
        "i64" => FieldValue::Signed(i64::read(bytes)),
        "f64" => FieldValue::Real(f64::read(bytes)),
        _ => FieldValue::Bytes(bytes),
    }
}

impl<'a> FieldValue<'a> {
    /// The text of a field that holds text padded with zeros; it may hold control characters.
    pub fn text(self) -> Option<&'a str> {
        let FieldValue::Bytes(bytes) = self else { return None };
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        let (text, rest) = bytes.split_at(end);
        std::str::from_utf8(text).ok().filter(|_| rest.iter().all(|byte| *byte == 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Control, ControlAction, Decision, Origin};
    use crate::types::{InstrumentId, TimeNs, VenueId};

    #[test]
    fn every_kind_has_fields_and_every_field_a_value() {
        for kind in Kind::ALL {
            let mut end = 0;
            for field in kind.fields() {
                assert_eq!(field.offset, end, "{kind:?}.{}", field.name);
                end += field.bytes;
                let known = ["u8", "u16", "u32", "u64", "i32", "i64", "f64"].contains(&field.kind);
                assert!(known || field.kind.starts_with("u8["), "{kind:?}.{}: {}", field.name, field.kind);
            }
            assert!(end > 0 && end <= PAYLOAD_BYTES, "{kind:?}: {end} bytes");
        }
    }

    #[test]
    fn values_are_those_of_the_payload() {
        let (mut who, mut why) = ([0; 32], [0; 48]);
        who[..4].copy_from_slice(b"anna");
        why[..3].copy_from_slice("é!".as_bytes());
        let action = ControlAction::ActivateScope as u8;
        let control =
            Control { order_id: 1 << 60, action, scope: 4, scope_id: 258, reserved: [0; 4], who, why };
        let record = Record::new(Origin::Operator, TimeNs(1), VenueId(0), InstrumentId::NONE, &control);
        let fields: Vec<_> = record.fields().map(|(field, value)| (field.name, value)).collect();
        assert_eq!(fields.len(), 6, "without what is reserved");
        assert_eq!(fields[0], ("order_id", FieldValue::Unsigned(1 << 60)));
        assert_eq!(fields[1], ("action", FieldValue::Unsigned(7)));
        let [scope, scope_id] = [fields[2], fields[3]];
        assert_eq!(scope, ("scope", FieldValue::Unsigned(4)));
        assert_eq!(scope_id, ("scope_id", FieldValue::Unsigned(258)));
        // The scope took bytes that were reserved: who and why stand where they stood.
        assert_eq!(
            (record.bytes()[40..48].to_vec(), record.bytes()[48]),
            (vec![7, 4, 2, 1, 0, 0, 0, 0], b'a')
        );
        assert_eq!((fields[4].1.text(), fields[5].1.text()), (Some("anna"), Some("é!")));
        assert_eq!(FieldValue::Bytes(&[1, 2, 0, 3]).text(), None);
        assert_eq!(FieldValue::Unsigned(1).text(), None);
        assert!(Kind::Decision.fields().iter().map(|field| field.bytes).sum::<usize>() == Decision::BYTES);
    }

    #[test]
    fn a_kind_of_the_future_has_no_fields() {
        let mut bytes = [0; RECORD_BYTES];
        bytes[4] = 63;
        assert_eq!(Record::from_bytes(bytes).fields().count(), 0);
    }
}
