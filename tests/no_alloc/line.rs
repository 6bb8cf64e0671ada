//! One of a terminal's two connections, with the numbers of its streams.
//!
//! What it is not: a terminal; it says what it is given.
//!
//! Invariant: every message has the next number of its stream.
#![allow(dead_code, reason = "a part of two test programs; each uses its own share")]

use std::net::SocketAddr;
use tickbridge::link::Client;
use tickbridge::types::{NS_PER_US, TimeNs};
use tickbridge::wire::terminal::{Body, MESSAGE_BYTES_MAX, MessageKind, body, encode_message};
use tickbridge::wire::zmtp::{Identity, Limits, More};

/// Whose.
pub(super) const LOGIN: u64 = 5_000_001;

/// One connection and its numbers.
pub(super) struct Line {
    pub(super) client: Client,
    pub(super) roles: u8,
    pub(super) seq: [u64; 5],
    pub(super) is_welcome: bool,
}

impl Line {
    pub(super) fn new(address: SocketAddr, roles: u8) -> Line {
        let identity = Identity::new(format!("{LOGIN}.{roles}").as_bytes()).expect("a short name");
        let client = Client::new(address, identity, Limits::default(), 10).expect("the defaults are good");
        Line { client, roles, seq: [0; 5], is_welcome: false }
    }

    pub(super) fn say<B: Body>(&mut self, body: &B, now: TimeNs) {
        let seq = &mut self.seq[B::STREAM as usize];
        *seq += 1;
        let mut message = [0; MESSAGE_BYTES_MAX];
        let bytes = encode_message(body, *seq, now.0 / NS_PER_US, &mut message);
        self.client.send(&message[..bytes], More::Last).expect("the appliance reads");
    }

    /// A tick of the past: kind 19 in the session stream, numbered by the request.
    pub(super) fn tell(&mut self, tick: &body::Tick, request: u64, now: TimeNs) {
        let mut message = [0; MESSAGE_BYTES_MAX];
        let bytes = encode_message(tick, request, now.0 / NS_PER_US, &mut message);
        (message[1], message[2], message[3]) = (MessageKind::HistoryTick as u8, 0, 0);
        self.client.send(&message[..bytes], More::Last).expect("the appliance reads");
    }
}
