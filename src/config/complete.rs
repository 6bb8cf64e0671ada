//! A configuration as an earlier version kept it, brought to this version's keys: what it could not know yet has its default, which is
//! what that version did.
//!
//! What it is not: leniency. A key or section that this version does not know, and one that is required and not there, are errors
//! still: whoever reads the result finds them.
//!
//! Invariant: nothing that is there is changed.

use super::keys::SECTIONS;
use super::schema::{Presence, Section, Shape};
use serde_json::{Map, Value as Json};

/// A default of the schema.
///
/// # Panics
/// When the schema's text is no TOML value, which a test would see.
pub(super) fn default_value(text: &str) -> Json {
    let parsed: toml_edit::Value = text.parse().expect("every default of the schema is a TOML value: tested");
    match parsed {
        toml_edit::Value::String(text) => Json::from(text.into_value()),
        toml_edit::Value::Integer(number) => Json::from(number.into_value()),
        toml_edit::Value::Float(number) => Json::from(number.into_value()),
        toml_edit::Value::Boolean(flag) => Json::from(flag.into_value()),
        _ => Json::Null,
    }
}

/// Gives every section and key that a resolved configuration lacks its default, where it has one.
pub fn complete(config: &mut Json) {
    let Json::Object(root) = config else { return };
    for section in SECTIONS {
        match section.shape {
            Shape::One | Shape::OneRequired(_) => {
                let is_optional = section.shape == Shape::One;
                if is_optional && !root.contains_key(section.name) {
                    root.insert(section.name.into(), Json::Object(Map::new()));
                }
                if let Some(Json::Object(table)) = root.get_mut(section.name) {
                    complete_table(section, table);
                }
            }
            Shape::Many(_) | Shape::ManyOrNone(_) => {
                if matches!(section.shape, Shape::ManyOrNone(_)) && !root.contains_key(section.name) {
                    root.insert(section.name.into(), Json::Array(Vec::new()));
                }
                let Some(Json::Array(tables)) = root.get_mut(section.name) else { continue };
                for table in tables.iter_mut().filter_map(Json::as_object_mut) {
                    complete_table(section, table);
                }
            }
        }
    }
}

fn complete_table(section: &Section, table: &mut Map<String, Json>) {
    for key in section.keys {
        if let Presence::Default(text) = key.presence
            && !table.contains_key(key.name)
        {
            table.insert(key.name.into(), default_value(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Resolved};
    use std::path::Path;

    fn demo() -> Json {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo.toml");
        serde_json::to_value(Resolved::load(&path).expect("the demo's configuration").config).unwrap()
    }

    #[test]
    fn every_key_with_a_default_may_be_missing_and_what_is_there_stays() {
        let whole = demo();
        let mut same = whole.clone();
        complete(&mut same);
        assert_eq!(same, whole);
        for section in SECTIONS {
            let is_optional = matches!(section.shape, Shape::One | Shape::ManyOrNone(_));
            let mut config = whole.clone();
            config.as_object_mut().unwrap().remove(section.name);
            complete(&mut config);
            let read = serde_json::from_value::<Config>(config);
            assert_eq!(read.is_ok(), is_optional, "without [{}]: {:?}", section.name, read.err());
            for key in section.keys {
                let mut config = whole.clone();
                let table = match &mut config[section.name] {
                    Json::Array(tables) => tables.first_mut(),
                    table => Some(table),
                };
                let Some(Json::Object(table)) = table else { continue };
                if table.remove(key.name).is_none() {
                    continue;
                }
                complete(&mut config);
                let read = serde_json::from_value::<Config>(config);
                let is_required = matches!(key.presence, Presence::Required(_));
                assert_eq!(read.is_ok(), !is_required, "{}.{}: {:?}", section.name, key.name, read.err());
            }
        }
    }

    #[test]
    fn what_is_unknown_stays_unknown() {
        for (section, key) in [("colour", None), ("risk", Some("colour"))] {
            let mut config = demo();
            match key {
                Some(key) => config[section][key] = "green".into(),
                None => config[section] = Json::Object(Map::new()),
            }
            complete(&mut config);
            let words = serde_json::from_value::<Config>(config).unwrap_err().to_string();
            assert!(words.contains("colour"), "{words}");
        }
    }
}
