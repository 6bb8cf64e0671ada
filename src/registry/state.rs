//! What stands in which slot, and what stood there before: the content of the registry's `state.json`.
//!
//! What it is not: a file; `folder` reads and replaces it.
//!
//! Invariant: what a change means is in its fields; an operator's words mean nothing.

use super::folder::ModelKey;
use crate::engine::Slot;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A change of a slot.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(from = "KeptChange")]
pub struct Change {
    /// Where.
    pub slot: String,
    /// What stood there; nothing is the configuration's own model, or an empty slot.
    pub from: Option<ModelKey>,
    /// What stands there now.
    pub to: Option<ModelKey>,
    /// Who.
    pub who: String,
    /// Why, in the operator's words: they mean nothing to the registry.
    pub why: String,
    /// When, nanoseconds since 1970 UTC.
    pub ts_ns: i64,
    /// Whether it undid an earlier change.
    pub rollback: bool,
}

/// A change as a file may have it: before version 0.1 was out the words said whether it was a rollback.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptChange {
    slot: String,
    from: Option<ModelKey>,
    to: Option<ModelKey>,
    who: String,
    why: String,
    ts_ns: i64,
    rollback: Option<bool>,
}

impl From<KeptChange> for Change {
    fn from(kept: KeptChange) -> Self {
        let KeptChange { slot, from, to, who, why, ts_ns, rollback } = kept;
        let rollback = rollback.unwrap_or_else(|| why.starts_with("rollback: "));
        Change { slot, from, to, who, why, ts_ns, rollback }
    }
}

/// Whether a change goes on, or back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// A promotion, a shadow, or its end.
    Forth,
    /// A rollback.
    Back,
}

/// Who changes a slot, why, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Said<'a> {
    /// Who.
    pub who: &'a str,
    /// Why.
    pub why: &'a str,
    /// Nanoseconds since 1970 UTC.
    pub ts_ns: i64,
    /// A rollback, or not.
    pub direction: Direction,
}

/// What stands where.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Slots that are not the configuration's.
    pub slots: BTreeMap<String, ModelKey>,
    /// The newest last.
    pub history: Vec<Change>,
}

impl State {
    /// What `rollback` would bring: the state of the slot before its last change that was not a rollback itself.
    pub fn before(&self, slot: Slot) -> Option<Option<ModelKey>> {
        let name = slot_name(slot);
        let mut undone = 0;
        for change in self.history.iter().rev().filter(|change| change.slot == name) {
            if change.rollback {
                undone += 1;
            } else if undone == 0 {
                return Some(change.from.clone());
            } else {
                undone -= 1;
            }
        }
        None
    }
}

/// A slot as commands and the state write it: `member0`, `stack`, `shadow0`.
pub fn slot_name(slot: Slot) -> String {
    match slot {
        Slot::Member(at) => format!("member{at}"),
        Slot::Stack => "stack".into(),
        Slot::Shadow(at) => format!("shadow{at}"),
    }
}

/// The slot of this name.
pub fn slot_of(name: &str) -> Option<Slot> {
    (0..=u8::MAX).filter_map(Slot::from_code).find(|slot| slot_name(*slot) == name)
}
