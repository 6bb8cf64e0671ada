//! The shape of the configuration: what a key is, what a section is, and how both are looked up.
//!
//! What it is not: the list of keys itself (`keys`), or the code that reads a file against it (`validate`).
//!
//! Invariant: range, unit, default and meaning of a key are written once, in a [`Key`]; the validator, the template
//! file, the printed configuration and the defaults the appliance runs with all read that one place.

use std::fmt;

/// What values a key takes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number, both bounds included.
    Int(i64, i64),
    /// A whole number that is a power of two, both bounds included.
    PowerOfTwo(i64, i64),
    /// A finite number, both bounds included; a whole number is accepted too.
    Real(f64, f64),
    /// Printable text of 1 to so many bytes.
    Text(usize),
    /// A name others refer to: 1 to 31 letters, digits, `_`, `-`, `.`, `#`.
    Name,
    /// A feature's name: 1 to 64 letters, digits, `_`, `-`, `.`, `%`.
    FeatureName,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `IP:PORT` on the loopback interface.
    LoopbackAddress,
    /// A path; a relative one starts at the main file's folder.
    Path,
    /// `HH:MM`, 00:00 to 23:59.
    DayTime,
}

/// Longest [`Kind::Name`] in bytes: what fits the fixed text of an instrument symbol with its terminator.
pub(super) const NAME_BYTES_MAX: usize = 31;
/// Longest [`Kind::FeatureName`] in bytes.
pub(super) const FEATURE_NAME_BYTES_MAX: usize = 64;
/// Longest path in bytes.
pub(super) const PATH_BYTES_MAX: usize = 1_024;

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Bool => write!(f, "true or false"),
            Kind::Int(min, max) => write!(f, "a whole number from {min} to {max}"),
            Kind::PowerOfTwo(min, max) => write!(f, "a power of two from {min} to {max}"),
            Kind::Real(min, max) => write!(f, "a number from {min} to {max}"),
            Kind::Text(bytes_max) => write!(f, "text of 1 to {bytes_max} bytes"),
            Kind::Name => write!(f, "a name of 1 to {NAME_BYTES_MAX} letters, digits, _ - . #"),
            Kind::FeatureName => {
                write!(f, "a name of 1 to {FEATURE_NAME_BYTES_MAX} letters, digits, _ - . %")
            }
            Kind::Choice(words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                write!(f, "{}", quoted.join(" or "))
            }
            Kind::LoopbackAddress => write!(f, "a loopback address \"127.0.0.1:PORT\" or \"[::1]:PORT\""),
            Kind::Path => write!(f, "a path of 1 to {PATH_BYTES_MAX} bytes"),
            Kind::DayTime => write!(f, "a time of day \"HH:MM\" from 00:00 to 23:59"),
        }
    }
}

/// What happens when a key is not in the file. Each text is a TOML value as it would be written.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Presence {
    /// An error; the template shows this example.
    Required(&'static str),
    /// This value is used.
    Default(&'static str),
    /// The key stays unset; the template shows this example as a comment.
    Optional(&'static str),
    /// Unset, but some kinds demand it; the template sets this example.
    Needed(&'static str),
}

impl Presence {
    /// The TOML text the template shows.
    pub fn example(self) -> &'static str {
        match self {
            Presence::Required(text)
            | Presence::Default(text)
            | Presence::Optional(text)
            | Presence::Needed(text) => text,
        }
    }
}

/// One key of one section.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// As written in the file.
    pub name: &'static str,
    /// Legal values.
    pub kind: Kind,
    /// Unit in words; empty where there is none.
    pub unit: &'static str,
    /// What its absence means.
    pub presence: Presence,
    /// One or two sentences for the operator.
    pub doc: &'static str,
}

/// How often a section appears.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Shape {
    /// `[name]`, may be left out: every key has a default or is optional.
    One,
    /// `[name]`, must be there; the text says why.
    OneRequired(&'static str),
    /// `[[name]]`, one to so many times.
    Many(usize),
    /// `[[name]]`, up to so many times, or not at all.
    ManyOrNone(usize),
}

/// One section of the file.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// As written in the file.
    pub name: &'static str,
    /// How often it appears.
    pub shape: Shape,
    /// Sentences for the operator.
    pub doc: &'static str,
    /// Its keys, in the order they are printed.
    pub keys: &'static [Key],
    /// The root key that may name a file holding this section instead; empty when there is none.
    pub include: &'static str,
}

impl Section {
    /// The key of this name.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The header as written in the file.
    pub fn header(&self) -> String {
        match self.shape {
            Shape::Many(_) | Shape::ManyOrNone(_) => format!("[[{}]]", self.name),
            Shape::One | Shape::OneRequired(_) => format!("[{}]", self.name),
        }
    }
}

/// The candidate nearest to a mistyped word, if it is near enough to be what was meant.
pub(super) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const WORD_BYTES_MAX: usize = 64;
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let budget = (word.len() / 4).max(1);
    candidates
        .map(|candidate| (edit_distance(word.as_bytes(), candidate.as_bytes()), candidate))
        .filter(|(distance, _)| *distance <= budget)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn edit_distance(left: &[u8], right: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_finds_its_key_and_nonsense_finds_none() {
        let keys = ["stale_after_ms", "orders_per_s_max", "order_lots_max"];
        assert_eq!(nearest("stale_after_m", keys.into_iter()), Some("stale_after_ms"));
        assert_eq!(nearest("order_lot_max", keys.into_iter()), Some("order_lots_max"));
        assert_eq!(nearest("colour", keys.into_iter()), None);
        assert_eq!(nearest(&"x".repeat(65), keys.into_iter()), None);
    }

    #[test]
    fn distance_counts_single_edits() {
        assert_eq!(edit_distance(b"kitten", b"sitting"), 3);
        assert_eq!(edit_distance(b"", b"abc"), 3);
        assert_eq!(edit_distance(b"abc", b""), 3);
    }
}
