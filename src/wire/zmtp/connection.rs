//! One connection's state machine: received bytes in, events out; messages in, bytes to send out.
//!
//! What it is not: it never touches a socket. Its owner reads into [`Connection::spare`], reports with
//! [`Connection::filled`], drains [`Connection::next_event`], and writes what [`Connection::outgoing`] shows.
//!
//! Invariant: the events depend on the bytes alone, not on how they were cut; after an error there are no more events.

use super::Settings;
use super::byte_queue::ByteQueue;
use super::command::{self, Command};
use super::error::{ProtocolError, QueueError, printable};
use super::frame::{self, BodyMax, Header, More};
use super::greeting::{self, GREETING_BYTES, Version};
use super::mechanism::{Handshake, Progress};
use super::metadata::Identity;
use crate::types::{NS_PER_MS, TimeNs};

/// What a connection tells its owner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event<'a> {
    /// The handshake is over; see [`Connection::peer_identity`] and [`Connection::peer_version`].
    Ready,
    /// One part of a message, the only one when `more` says so and none came before.
    Message {
        /// The part, in the receive buffer.
        body: &'a [u8],
        /// Whether other parts follow.
        more: More,
    },
    /// A command came and was dealt with; told so that the owner can ration a flood of them.
    Control,
}

/// Commands counted since the counts were last taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ControlCounts {
    /// PINGs received and answered.
    pub ping_received_count: u64,
    /// PONGs received.
    pub pong_received_count: u64,
    /// PINGs sent.
    pub ping_sent_count: u64,
    /// Unknown commands, ignored as the specification says.
    pub command_ignored_count: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed,
    Greeting,
    Handshake(Handshake),
    Open,
}

/// One end of a connection. It lives as long as its slot and is used for one peer after the other.
pub struct Connection {
    settings: Settings,
    state: State,
    receive: ByteQueue,
    send: ByteQueue,
    /// The size of the frame at the head of `receive`, 0 while unknown.
    frame_bytes: usize,
    /// What the parts of the unfinished message have so far.
    message_bytes: usize,
    parts_count: u32,
    peer_version: Version,
    peer_identity: Identity,
    /// When the connection was made, when anything last came, and when we last sent PING.
    ts_open: TimeNs,
    ts_heard: TimeNs,
    ts_ping: TimeNs,
    /// What the peer's last PING allows us to be deaf; 0 is for ever.
    peer_ttl_ms: u32,
    counts: ControlCounts,
}

impl Connection {
    /// Takes the buffers; nothing else is taken later but for frames and queues larger than them.
    pub fn new(settings: Settings) -> Self {
        Connection {
            state: State::Closed,
            receive: ByteQueue::new(settings.limits.receive_bytes),
            send: ByteQueue::new(settings.limits.send_bytes),
            frame_bytes: 0,
            message_bytes: 0,
            parts_count: 0,
            peer_version: Version::V3_0,
            peer_identity: Identity::EMPTY,
            ts_open: TimeNs::NEVER,
            ts_heard: TimeNs::NEVER,
            ts_ping: TimeNs::NEVER,
            peer_ttl_ms: 0,
            counts: ControlCounts::default(),
            settings,
        }
    }

    /// Starts over with a new peer: forgets everything and queues the greeting.
    pub fn open(&mut self, now: TimeNs) {
        self.close();
        self.state = State::Greeting;
        self.ts_open = now;
        self.ts_heard = now;
        self.ts_ping = now;
        let greeting = greeting::encode(self.settings.mechanism);
        if let Some(room) = self.send.append(GREETING_BYTES, usize::MAX) {
            room.copy_from_slice(&greeting);
        }
    }

    /// Forgets the peer and what was queued for it.
    pub fn close(&mut self) {
        self.state = State::Closed;
        self.receive.clear();
        self.send.clear();
        self.frame_bytes = 0;
        self.message_bytes = 0;
        self.parts_count = 0;
        self.peer_identity = Identity::EMPTY;
        self.peer_ttl_ms = 0;
    }

    /// Whether messages can be sent.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Whether there is a peer and the handshake is not over.
    pub fn is_in_handshake(&self) -> bool {
        matches!(self.state, State::Greeting | State::Handshake(_))
    }

    /// When [`Connection::open`] was called.
    pub fn ts_open(&self) -> TimeNs {
        self.ts_open
    }

    /// The name that the peer gave; empty when it gave none.
    pub fn peer_identity(&self) -> &Identity {
        &self.peer_identity
    }

    /// What the peer can be sent.
    pub fn peer_version(&self) -> Version {
        self.peer_version
    }

    /// Bytes of memory that the two buffers hold now.
    pub fn memory_bytes(&self) -> usize {
        self.receive.capacity_bytes() + self.send.capacity_bytes()
    }

    /// The counts since the last call.
    pub fn take_counts(&mut self) -> ControlCounts {
        std::mem::take(&mut self.counts)
    }

    /// Where to receive to. Not empty once [`Connection::next_event`] returned `None`.
    pub fn spare(&mut self) -> &mut [u8] {
        self.receive.spare(self.frame_bytes)
    }

    /// `count` bytes were received into [`Connection::spare`].
    pub fn filled(&mut self, count: usize, now: TimeNs) {
        self.receive.filled(count);
        self.ts_heard = now;
    }

    /// The next event in what was received; `None` when more must be received first.
    ///
    /// On an error the owner writes what is in [`Connection::outgoing`] (ERROR, when the peer can understand it) and
    /// closes.
    #[inline]
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, ProtocolError> {
        if let State::Open = self.state {
            let Some(header) = self.next_frame()? else { return Ok(None) };
            if header.is_command() {
                self.on_command(header)?;
                return Ok(Some(Event::Control));
            }
            let more = header.more();
            self.count_part(header, more)?;
            let frame = self.receive.take(header.frame_bytes());
            let body = self.receive.at(frame.start + header.header_bytes..frame.end);
            return Ok(Some(Event::Message { body, more }));
        }
        self.next_handshake_event()
    }

    /// The whole frame at the head, not yet taken.
    #[inline]
    fn next_frame(&mut self) -> Result<Option<Header>, ProtocolError> {
        let limits = &self.settings.limits;
        let max = BodyMax {
            message: limits.message_bytes_max - self.message_bytes,
            command: limits.command_bytes_max,
        };
        let unread = self.receive.unread();
        match frame::decode(unread, max) {
            Ok(Some(header)) if header.frame_bytes() <= unread.len() => Ok(Some(header)),
            Ok(header) => {
                self.frame_bytes = header.map_or(0, |header| header.frame_bytes());
                Ok(None)
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    #[inline]
    fn count_part(&mut self, header: Header, more: More) -> Result<(), ProtocolError> {
        if more == More::Last && self.parts_count == 0 {
            return Ok(());
        }
        let max = self.settings.limits.parts_max;
        if self.parts_count >= max {
            return Err(self.fail(ProtocolError::TooManyParts { max }));
        }
        (self.message_bytes, self.parts_count) = match more {
            More::Last => (0, 0),
            More::Follows => (self.message_bytes + header.body_bytes, self.parts_count + 1),
        };
        Ok(())
    }

    #[cold]
    fn on_command(&mut self, header: Header) -> Result<(), ProtocolError> {
        let frame = self.receive.take(header.frame_bytes());
        let body = self.receive.at(frame.start + header.header_bytes..frame.end);
        let max = self.settings.limits.queued_bytes_max;
        let result = match command::decode(body) {
            Ok(Command::Ping { ttl_ds, context }) => {
                self.peer_ttl_ms = u32::from(ttl_ds) * 100;
                self.counts.ping_received_count += 1;
                let answered = command::append_pong(&mut self.send, max, context);
                if answered { Ok(()) } else { Err(ProtocolError::NotReading { max }) }
            }
            Ok(Command::Pong) => {
                self.counts.pong_received_count += 1;
                Ok(())
            }
            Ok(Command::Unknown) => {
                self.counts.command_ignored_count += 1;
                Ok(())
            }
            Ok(Command::Error { reason }) => Err(ProtocolError::PeerError { reason: printable(reason) }),
            Ok(Command::Ready { .. }) => {
                Err(ProtocolError::UnexpectedCommand { expected: "READY once, then messages" })
            }
            Err(error) => Err(error),
        };
        result.map_err(|error| self.fail(error))
    }

    #[cold]
    fn next_handshake_event(&mut self) -> Result<Option<Event<'_>>, ProtocolError> {
        if let State::Greeting = self.state {
            match greeting::decode(self.receive.unread(), self.settings.mechanism) {
                Ok(None) => return Ok(None),
                Ok(Some(version)) => {
                    self.receive.take(GREETING_BYTES);
                    self.peer_version = version;
                    self.state = State::Handshake(Handshake::start(&self.settings, &mut self.send)?);
                }
                Err(error) => return Err(self.refuse(error)),
            }
        }
        if let State::Handshake(mut handshake) = self.state {
            let Some(header) = self.next_handshake_frame()? else { return Ok(None) };
            let frame = self.receive.take(header.frame_bytes());
            let body = self.receive.at(frame.start + header.header_bytes..frame.end);
            match handshake.receive(body, &self.settings, &mut self.send) {
                Ok(Progress::Done(properties)) => {
                    self.peer_identity = properties.identity;
                    self.state = State::Open;
                    return Ok(Some(Event::Ready));
                }
                Err(error) => return Err(self.refuse(error)),
            }
        }
        Ok(None)
    }

    /// A command of the handshake. A message is refused by its header.
    fn next_handshake_frame(&mut self) -> Result<Option<Header>, ProtocolError> {
        let max = BodyMax { message: usize::MAX, command: self.settings.limits.command_bytes_max };
        let unread = self.receive.unread();
        match frame::decode(unread, max) {
            Ok(Some(header)) if !header.is_command() => Err(self.refuse(ProtocolError::MessageBeforeReady)),
            Ok(Some(header)) if header.frame_bytes() <= unread.len() => Ok(Some(header)),
            Ok(header) => {
                self.frame_bytes = header.map_or(0, |header| header.frame_bytes());
                Ok(None)
            }
            Err(error) => Err(self.refuse(error)),
        }
    }

    /// Ends the connection and tells the peer why, where the specification has a place for it: ERROR belongs to the
    /// handshake, after a greeting of ZMTP 3.
    fn refuse(&mut self, error: ProtocolError) -> ProtocolError {
        let told = match error {
            ProtocolError::PeerError { .. } => false,
            ProtocolError::Mechanism { .. } | ProtocolError::MechanismName => true,
            _ => matches!(self.state, State::Handshake(_)),
        };
        if told {
            // A queue without room for the reason is no reason to stay.
            let _ =
                command::append_error(&mut self.send, self.settings.limits.queued_bytes_max, error.reason());
        }
        self.fail(error)
    }

    #[cold]
    fn fail(&mut self, error: ProtocolError) -> ProtocolError {
        self.state = State::Closed;
        error
    }

    /// Watches the deadlines and sends PING when it is due. Call it after what has come was read, every few
    /// milliseconds at the latest.
    pub fn on_time(&mut self, now: TimeNs) -> Result<(), ProtocolError> {
        let limits = self.settings.limits;
        let passed = |since: TimeNs, limit_ms: u32| now.since(since) > i64::from(limit_ms) * NS_PER_MS;
        match self.state {
            State::Closed => Ok(()),
            State::Greeting | State::Handshake(_) if passed(self.ts_open, limits.handshake_ms_max) => {
                Err(self.refuse(ProtocolError::HandshakeTimeout { max_ms: limits.handshake_ms_max }))
            }
            State::Greeting | State::Handshake(_) => Ok(()),
            State::Open if self.peer_ttl_ms > 0 && passed(self.ts_heard, self.peer_ttl_ms) => {
                Err(self.fail(ProtocolError::TtlExpired { ttl_ms: self.peer_ttl_ms }))
            }
            State::Open => self.on_heartbeat(now),
        }
    }

    fn on_heartbeat(&mut self, now: TimeNs) -> Result<(), ProtocolError> {
        let heartbeat = self.settings.limits.heartbeat;
        if heartbeat.interval_ms == 0 || self.peer_version < Version::V3_1 {
            return Ok(());
        }
        if now.since(self.ts_heard) > i64::from(heartbeat.timeout_ms) * NS_PER_MS {
            return Err(self.fail(ProtocolError::Silent { max_ms: heartbeat.timeout_ms }));
        }
        if now.since(self.ts_ping) >= i64::from(heartbeat.interval_ms) * NS_PER_MS {
            self.ts_ping = now;
            let ttl_ds = u16::try_from(heartbeat.ttl_ms / 100).unwrap_or(u16::MAX);
            // With no room the peer is not reading; its silence ends it.
            if command::append_ping(&mut self.send, self.settings.limits.queued_bytes_max, ttl_ds) {
                self.counts.ping_sent_count += 1;
            }
        }
        Ok(())
    }

    /// Queues one part and lets `write` fill its `body_bytes` in place. Nothing is queued on an error.
    #[inline]
    pub fn send_with(
        &mut self,
        body_bytes: usize,
        more: More,
        write: impl FnOnce(&mut [u8]),
    ) -> Result<(), QueueError> {
        let limits = &self.settings.limits;
        if !self.is_open() {
            return Err(QueueError::NotOpen);
        }
        if body_bytes > limits.message_bytes_max {
            return Err(QueueError::TooLarge { max: limits.message_bytes_max, got: body_bytes });
        }
        let got = frame::header_bytes(body_bytes) + body_bytes;
        let max = limits.queued_bytes_max;
        let queued = self.send.len();
        let Some(room) = self.send.append(got, max) else {
            return Err(QueueError::Full { max, queued, got });
        };
        write(frame::encode_message(room, body_bytes, more));
        Ok(())
    }

    /// Queues one part. Nothing is queued on an error.
    #[inline]
    pub fn send(&mut self, body: &[u8], more: More) -> Result<(), QueueError> {
        self.send_with(body.len(), more, |room| room.copy_from_slice(body))
    }

    /// What waits to be written.
    #[inline]
    pub fn outgoing(&self) -> &[u8] {
        self.send.unread()
    }

    /// The first `count` bytes of [`Connection::outgoing`] were written.
    #[inline]
    pub fn sent(&mut self, count: usize) {
        self.send.take(count);
    }
}
