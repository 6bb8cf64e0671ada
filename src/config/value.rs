//! One value of a file against one key: right type, in range, or a fault that says what was expected and got.
//!
//! What it is not: it knows nothing of other keys (`cross` does) and opens no file.
//!
//! Invariant: every number that leaves here is finite and in its key's range.

use std::net::SocketAddr;

use serde_json::Value as Json;
use toml_edit::{Item, Value};

use super::error::Fault;
use super::schema::{FEATURE_NAME_BYTES_MAX, Key, Kind, NAME_BYTES_MAX, PATH_BYTES_MAX};

/// Longest piece of the operator's text that a message repeats.
const GOT_CHARS_MAX: usize = 80;

/// What is wrong with one value.
#[derive(Debug)]
pub(super) struct ValueFault {
    pub(super) fault: Fault,
    pub(super) expected: String,
    pub(super) got: String,
}

/// The value as JSON, or why not.
pub(super) fn check(key: &Key, item: &Item) -> Result<Json, ValueFault> {
    let refuse = |fault| ValueFault { fault, expected: key.kind.to_string(), got: describe(item) };
    let Some(value) = item.as_value() else { return Err(refuse(Fault::Type)) };
    let accept = |ok: bool, json: Json| if ok { Ok(json) } else { Err(refuse(Fault::Range)) };
    match (key.kind, value) {
        (Kind::Bool, Value::Boolean(flag)) => Ok(Json::from(*flag.value())),
        (Kind::Int(min, max), Value::Integer(number)) => {
            accept((min..=max).contains(number.value()), Json::from(*number.value()))
        }
        (Kind::PowerOfTwo(min, max), Value::Integer(number)) => {
            let number = *number.value();
            accept((min..=max).contains(&number) && number.count_ones() == 1, Json::from(number))
        }
        (Kind::Real(min, max), Value::Float(number)) => {
            accept((min..=max).contains(number.value()), Json::from(*number.value()))
        }
        (Kind::Real(min, max), Value::Integer(number)) => {
            let number = *number.value() as f64;
            accept((min..=max).contains(&number), Json::from(number))
        }
        (Kind::LoopbackAddress, Value::String(text)) => address(text.value()).map(Json::from),
        (_, Value::String(text)) if is_text(key.kind) => {
            accept(text_fits(key.kind, text.value()), Json::from(text.value().as_str()))
        }
        _ => Err(refuse(Fault::Type)),
    }
}

fn is_text(kind: Kind) -> bool {
    !matches!(kind, Kind::Bool | Kind::Int(..) | Kind::PowerOfTwo(..) | Kind::Real(..))
}

fn text_fits(kind: Kind, text: &str) -> bool {
    let plain =
        |bytes_max: usize| !text.is_empty() && text.len() <= bytes_max && !text.chars().any(char::is_control);
    let of = |marks: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c));
    match kind {
        Kind::Text(bytes_max) => plain(bytes_max),
        Kind::Name => plain(NAME_BYTES_MAX) && of("_-.#"),
        Kind::FeatureName => plain(FEATURE_NAME_BYTES_MAX) && of("_-.%"),
        Kind::Path => plain(PATH_BYTES_MAX),
        Kind::Choice(words) => words.contains(&text),
        Kind::DayTime => day_minute(text).is_some(),
        _ => false,
    }
}

/// Minutes since midnight of an `HH:MM`.
pub(super) fn day_minute(text: &str) -> Option<u16> {
    let digits = |pair: &str| -> Option<u16> {
        (pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_digit())).then(|| pair.parse().ok())?
    };
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute) = (digits(hour)?, digits(minute)?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

fn address(text: &str) -> Result<&str, ValueFault> {
    let got = || format!("\"{}\"", shorten(text));
    match text.parse::<SocketAddr>() {
        Err(_) => {
            Err(ValueFault { fault: Fault::Range, expected: Kind::LoopbackAddress.to_string(), got: got() })
        }
        Ok(address) if !address.ip().is_loopback() => Err(ValueFault {
            fault: Fault::Exposed,
            expected:
                "a loopback address (off loopback the link demands CURVE, which this build does not have yet)"
                    .into(),
            got: got(),
        }),
        Ok(address) if address.port() == 0 => {
            Err(ValueFault { fault: Fault::Range, expected: "a port from 1 to 65535".into(), got: got() })
        }
        Ok(_) => Ok(text),
    }
}

/// An item as a message shows it.
pub(super) fn describe(item: &Item) -> String {
    match item {
        Item::Value(Value::String(text)) => format!("\"{}\"", shorten(text.value())),
        Item::Value(Value::Array(_)) => "an array".into(),
        Item::Value(Value::InlineTable(_)) | Item::Table(_) => "a table".into(),
        Item::Value(value) => shorten(value.clone().decorated("", "").to_string().trim()),
        Item::ArrayOfTables(_) => "an array of tables".into(),
        Item::None => "nothing".into(),
    }
}

fn shorten(text: &str) -> String {
    let shown: String = text.chars().take(GOT_CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().count() > GOT_CHARS_MAX { shown + "..." } else { shown }
}
