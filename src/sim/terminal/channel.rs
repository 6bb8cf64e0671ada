//! The session's view of one connection: numbers, liveness, credit.
//!
//! What it is not: the socket (`connection.rs`).
//!
//! Invariant: every connection numbers its streams from 1; nothing but a hello leaves before the welcome.

use crate::record::Layout;
use crate::wire::terminal::body::{Heartbeat, Tick, Welcome};
use crate::wire::terminal::{
    Body, HEADER_BYTES, Header, MESSAGE_BYTES_MAX, MessageKind, PROTOCOL, Stream, encode_message,
};
use std::collections::VecDeque;
use tokio::sync::mpsc;

/// Live ticks wait for the socket beyond so many messages.
const LIVE_WAITING_MAX: usize = 4_096;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Channel {
    out: Option<mpsc::Sender<Vec<u8>>>,
    next_seq: [u64; Stream::ALL.len()],
    pub(super) welcome: Option<Welcome>,
    pub(super) subscribed: bool,
    pub(super) heard_us: i64,
    beat_us: i64,
    beats: u64,
    peer_us: i64,
    /// Smallest difference of the two clocks that a message showed.
    clock_difference_us: Option<i64>,
    pub(super) connections: u64,
    pub(super) commands: u64,
    pub(super) answered: u64,
    pub(super) overflows: u64,
    /// Messages that a fault holds back, in order.
    held: VecDeque<Vec<u8>>,
    /// Nothing leaves before; zero when nothing is held.
    held_until_us: i64,
    is_next_repeated: bool,
}

impl Channel {
    pub(super) fn up(&mut self, out: mpsc::Sender<Vec<u8>>, now_us: i64) {
        let connections = self.connections + 1;
        let overflows = self.overflows;
        *self = Channel {
            out: Some(out),
            next_seq: [1; Stream::ALL.len()],
            heard_us: now_us,
            beat_us: now_us,
            connections,
            overflows,
            ..Channel::default()
        };
    }

    /// Hangs up, or takes note that the other side did.
    pub(super) fn down(&mut self) {
        self.out = None;
        self.subscribed = false;
        self.held.clear();
        self.held_until_us = 0;
    }

    pub(super) fn is_up(&self) -> bool {
        self.out.is_some()
    }

    /// Connected and welcome.
    pub(super) fn is_welcome(&self) -> bool {
        self.out.is_some() && self.welcome.is_some()
    }

    /// Whether a bulk of messages may be sent without waiting.
    pub(super) fn has_room(&self) -> bool {
        self.out.as_ref().is_some_and(|out| out.max_capacity() - out.capacity() < LIVE_WAITING_MAX)
    }

    /// Whether the socket has taken everything that was sent.
    pub(super) fn is_drained(&self) -> bool {
        self.held.is_empty() && self.out.as_ref().is_none_or(|out| out.max_capacity() == out.capacity())
    }

    /// Notes a message's header; returns by how much it is late, microseconds.
    pub(super) fn hear(&mut self, header: &Header, now_us: i64) -> i64 {
        (self.heard_us, self.peer_us) = (now_us, header.ts_sender_us);
        let difference = now_us.saturating_sub(header.ts_sender_us);
        let smallest = self.clock_difference_us.map_or(difference, |least| least.min(difference));
        self.clock_difference_us = Some(smallest);
        difference - smallest
    }

    /// Sends a body in its own stream; returns its number, zero when nothing was sent.
    pub(super) fn send<B: Body>(&mut self, body: &B, now_us: i64) -> u64 {
        let mut message = vec![0; MESSAGE_BYTES_MAX];
        let slot = &mut self.next_seq[B::STREAM as usize];
        let seq = *slot;
        let len = encode_message(body, seq, now_us, &mut message);
        message.truncate(len);
        if !self.push(message) {
            return 0;
        }
        self.next_seq[B::STREAM as usize] += 1;
        seq
    }

    /// Numbers a live tick that is lost on its way; returns its number, zero when nobody is connected.
    pub(super) fn lose_tick(&mut self) -> u64 {
        if self.out.is_none() {
            return 0;
        }
        let slot = &mut self.next_seq[Stream::Market as usize];
        *slot += 1;
        *slot - 1
    }

    /// Sends a tick of the past: in the market stream under its first number, or in answer to a request.
    pub(super) fn send_history(&mut self, tick: &Tick, stream: Stream, seq: u64, now_us: i64) -> bool {
        let mut message = vec![0; HEADER_BYTES + Tick::BYTES];
        let header = Header {
            protocol: PROTOCOL,
            kind: MessageKind::HistoryTick as u8,
            stream: stream as u16,
            body_bytes: Tick::BYTES as u32,
            seq,
            ts_sender_us: now_us,
        };
        header.write(&mut message);
        tick.write(&mut message[HEADER_BYTES..]);
        self.push(message)
    }

    /// From now on everything waits until then.
    pub(super) fn hold_until(&mut self, until_us: i64) {
        if self.is_welcome() {
            self.held_until_us = self.held_until_us.max(until_us);
        }
    }

    /// The next message leaves twice, under one number.
    pub(super) fn repeat_next(&mut self) {
        self.is_next_repeated = self.is_welcome();
    }

    /// Lets go of what was held long enough.
    pub(super) fn release(&mut self, now_us: i64) {
        if self.held_until_us == 0 || now_us < self.held_until_us {
            return;
        }
        self.held_until_us = 0;
        for message in std::mem::take(&mut self.held) {
            self.push(message);
        }
    }

    fn push(&mut self, message: Vec<u8>) -> bool {
        if std::mem::take(&mut self.is_next_repeated) {
            self.push(message.clone());
        }
        let Some(out) = &self.out else { return false };
        if self.held_until_us != 0 {
            self.held.push_back(message);
            return true;
        }
        if out.try_send(message).is_ok() {
            return true;
        }
        // A peer that reads nothing for so long is gone; what is lost now is found by the next snapshot.
        self.overflows += 1;
        self.down();
        false
    }

    /// Sends a heartbeat when it is time for one.
    pub(super) fn beat(&mut self, now_us: i64) {
        let Some(welcome) = self.welcome else { return };
        if now_us - self.beat_us >= i64::from(welcome.heartbeat_ms) * 1_000 {
            self.beat_us = now_us;
            self.beats += 1;
            self.send(&Heartbeat { count: self.beats, echo_us: self.peer_us }, now_us);
        }
    }

    /// Whether the other side has said nothing for too long.
    pub(super) fn is_silent(&self, now_us: i64) -> bool {
        let limit_ms = self.welcome.map_or(5_000, |welcome| welcome.silent_after_ms.max(1));
        now_us - self.heard_us > i64::from(limit_ms) * 1_000
    }
}
