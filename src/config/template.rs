//! The documentation file, written from the schema: every key with unit, range, default and meaning in comments.
//!
//! What it is not: a second list of keys. `config/tickbridge.toml` is this text, byte for byte; a test compares.
//!
//! Invariant: what it prints is itself a valid configuration once the model file exists.

use std::fmt::Write;

use super::keys::SECTIONS;
use super::schema::{Key, Presence, Shape};

const WIDTH: usize = 100;
const HEAD: &str = "\
# Tickbridge: every key there is, with unit, range and default. Written by `tickbridge check --print-template`.
# A key that is commented out is unset. A relative path starts at this file's folder.
# [[instruments]] and [risk] may live in files of their own; then write here, instead of the sections:
#   instruments = \"instruments.toml\"
#   limits = \"limits.toml\"
";

/// The whole text.
pub fn template() -> String {
    let mut text = String::from(HEAD);
    for section in SECTIONS {
        text.push('\n');
        wrap(&mut text, section.doc);
        let note = match section.shape {
            Shape::One => "May be left out.".into(),
            Shape::OneRequired(why) => format!("Required: {why}."),
            Shape::Many(most) => format!("1 to {most} of them."),
            Shape::ManyOrNone(most) => format!("May be left out; up to {most} of them."),
        };
        wrap(&mut text, &note);
        let _ = writeln!(text, "{}", section.header());
        for key in section.keys {
            key_lines(&mut text, key);
        }
    }
    text
}

fn key_lines(text: &mut String, key: &Key) {
    wrap(text, key.doc);
    let unit = if key.unit.is_empty() { String::new() } else { format!("Unit: {}. ", key.unit) };
    let default = match key.presence {
        Presence::Required(_) => "Required.".to_string(),
        Presence::Default(value) => format!("Default: {value}."),
        Presence::Optional(_) => "Default: unset.".to_string(),
        Presence::Needed(_) => "Default: unset; some kinds need it.".to_string(),
    };
    wrap(text, &format!("{unit}Range: {}. {default}", key.kind));
    let mark = if matches!(key.presence, Presence::Optional(_)) { "# " } else { "" };
    let _ = writeln!(text, "{mark}{} = {}", key.name, key.presence.example());
}

fn wrap(text: &mut String, sentence: &str) {
    let mut line = String::from("#");
    for word in sentence.split(' ') {
        if line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(text, "{line}");
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(text, "{line}");
}
