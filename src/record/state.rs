//! The payload of the record that says what the engine's state comes to.
//!
//! What it is not: the state; a snapshot beside the journal has that.
//!
//! Invariant: it follows from the records before it, like every output, and changes nothing: recovery passes it over.

use super::header::{Kind, Payload};
use crate::layout;

layout! {
    /// The engine's state behind the record before this one, as one number.
    pub struct StateHash {
        /// `Engine::state_hash`.
        state_hash: u64,
        /// `types::STATE_VERSION` of the build that wrote it: hashes of two versions are not compared.
        state_version: u32,
        /// Zero.
        reserved: u32,
    }
}

impl Payload for StateHash {
    const KIND: Kind = Kind::StateHash;
}
