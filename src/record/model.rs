//! Payloads of the records about models: the change that the engine consumes, the decisions and scores that it produces.
//!
//! What it is not: a model; that is a file beside the journal, named by its digest.
//!
//! Invariant: a change is journalled before it takes effect, and a decision names every model that it was made of.

use super::header::{Kind, Payload};
use crate::layout;

macro_rules! payload {
    ($($name:ident),+) => {$( impl Payload for $name { const KIND: Kind = Kind::$name; } )+};
}
payload!(ModelChange, Decision, ShadowScore);

/// What a [`ModelChange`] does to its slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ModelAction {
    /// The model takes the slot.
    Install = 1,
    /// The slot becomes empty; a shadow's only.
    Remove = 2,
}

impl ModelAction {
    /// The action with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Install, Self::Remove].into_iter().find(|action| *action as u8 == code)
    }
}

layout! {
    /// A model takes or leaves a slot of the strategy on the header's instrument, from the next tick on. `aux` in the header is
    /// a digest of its name. The model itself is the file `model-DIGEST.bin` beside the journal's segments.
    pub struct ModelChange {
        /// Digest of everything that makes its score.
        digest: u64,
        /// Its maker's number.
        version: u32,
        /// `engine::Slot` as a code.
        slot: u8,
        /// [`ModelAction`].
        action: u8,
        /// Zero.
        reserved: [u8; 2],
        /// Who, ASCII.
        who: [u8; 32],
        /// Why, ASCII.
        why: [u8; 48],
    }
}

layout! {
    /// What the command behind it was decided by. An exit that is due by time while no model may be asked has no members, no
    /// digests, and a score that is not a number.
    pub struct Decision {
        /// The order's id.
        order_id: u64,
        /// The final score: bits of an `f64`.
        score_bits: u64,
        /// Exchanges of models, and starts after the first, that the strategy has seen in this journal.
        revision: u64,
        /// Members that lean to the long side.
        long_count: u8,
        /// Members that lean to the short side.
        short_count: u8,
        /// Members.
        member_count: u8,
        /// Zero.
        reserved: [u8; 5],
        /// Digests of the models, eight bytes each, little-endian: the members in their order, then the stacking model, then
        /// zeros.
        digests: [u8; 64],
    }
}

layout! {
    /// What a model beside the live ones said, and what it would have done so far.
    pub struct ShadowScore {
        /// Digest of the model.
        digest: u64,
        /// Its score: bits of an `f64`.
        score_bits: u64,
        /// The live score of the same row: bits of an `f64`.
        live_bits: u64,
        /// As in [`Decision`].
        revision: u64,
        /// Times it was asked.
        asked: u64,
        /// Positions that it would have opened.
        entries: u64,
        /// Profit of those it would have closed, ticks for one unit of volume.
        closed_ticks: i64,
        /// Profit of the one it would hold, ticks.
        open_ticks: i64,
        /// `engine::Slot` as a code.
        slot: u8,
        /// Sign of the position it would hold, plus one: 0 short, 1 flat, 2 long.
        position: u8,
        /// Zero.
        reserved: [u8; 6],
    }
}
