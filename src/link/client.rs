//! The DEALER end: one connection that is made again when it is lost.
//!
//! What it is not: what faces the network in the appliance; it serves benches, tests and tools, with the same codec.
//!
//! Invariant: a lost connection is told before the next one is tried, and nothing that was queued moves over to it.

use std::io;
use std::net::SocketAddr;

use mio::net::TcpStream;

use super::channel::{Channel, Drained};
use super::counters::LinkCounters;
use super::event::{Event, LinkEnd, SendError};
use crate::types::{NS_PER_MS, TimeNs};
use crate::wire::zmtp::{Identity, Limits, LimitsError, Mechanism, More, Settings, SocketType};

/// Why a client could not be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClientError {
    /// The limits cannot work.
    #[error("{0}")]
    Limits(#[from] LimitsError),
}

/// The DEALER end of one connection.
pub struct Client {
    address: SocketAddr,
    channel: Channel,
    /// A socket whose TCP handshake is not over.
    connecting: Option<TcpStream>,
    connected: bool,
    reconnect_ms: u32,
    handshake_ms_max: u32,
    ts_attempt: Option<TimeNs>,
    ts_timer: TimeNs,
    counters: LinkCounters,
}

impl Client {
    /// Takes the buffers; the first poll connects. After a loss it waits `reconnect_ms` since the last attempt.
    pub fn new(
        address: SocketAddr,
        identity: Identity,
        limits: Limits,
        reconnect_ms: u32,
    ) -> Result<Self, ClientError> {
        limits.check()?;
        let settings = Settings { socket: SocketType::Dealer, identity, mechanism: Mechanism::Null, limits };
        Ok(Client {
            address,
            channel: Channel::new(settings),
            connecting: None,
            connected: false,
            reconnect_ms,
            handshake_ms_max: limits.handshake_ms_max,
            ts_attempt: None,
            ts_timer: TimeNs::NEVER,
            counters: LinkCounters::default(),
        })
    }

    /// What was counted since the start.
    pub fn counters(&self) -> &LinkCounters {
        &self.counters
    }

    /// Whether messages can be sent.
    pub fn is_connected(&self) -> bool {
        self.connected && self.channel.end.is_none()
    }

    /// One cycle: connects, reads, and calls `handler` with each event. Returns how many events there were.
    pub fn poll(&mut self, now: TimeNs, handler: &mut impl FnMut(Event<'_>)) -> usize {
        let mut count = 0;
        let mut counted = |event: Event<'_>| {
            count += 1;
            handler(event);
        };
        if self.channel.is_free() {
            self.connect(now, &mut counted);
        } else {
            self.receive(now, &mut counted);
        }
        count
    }

    fn receive(&mut self, now: TimeNs, handler: &mut impl FnMut(Event<'_>)) {
        self.channel.rearm_quickack();
        self.channel.write_blocked = false;
        if self.channel.end.is_none() {
            self.channel.read(now, &mut self.counters);
        }
        let mut share = u32::MAX;
        loop {
            let on_part = |body: &[u8], more| handler(Event::Message { body, more });
            if self.channel.drain(&mut share, &mut self.counters, on_part) != Drained::Ready {
                break;
            }
            self.connected = true;
            self.counters.connected_count += 1;
            let connection = &self.channel.connection;
            let (identity, version) = (connection.peer_identity(), connection.peer_version());
            handler(Event::Connected { identity, version });
        }
        self.channel.flush(&mut self.counters);
        if now.since(self.ts_timer) >= NS_PER_MS {
            self.ts_timer = now;
            self.channel.on_time(now, &mut self.counters);
        }
        if let Some(reason) = self.channel.end {
            self.channel.close(&mut self.counters);
            self.tell_end(reason, handler);
        }
    }

    #[cold]
    fn connect(&mut self, now: TimeNs, handler: &mut impl FnMut(Event<'_>)) {
        let waited = |since: TimeNs, limit_ms: u32| now.since(since) >= i64::from(limit_ms) * NS_PER_MS;
        let attempt = match self.connecting.take() {
            None if self.ts_attempt.is_some_and(|since| !waited(since, self.reconnect_ms)) => return,
            None => {
                self.ts_attempt = Some(now);
                TcpStream::connect(self.address).map(|stream| self.connecting = Some(stream))
            }
            Some(stream) => match connect_state(&stream) {
                Ok(true) => self.channel.open(stream, now, &mut self.counters),
                Ok(false) if self.ts_attempt.is_some_and(|since| waited(since, self.handshake_ms_max)) => {
                    Err(io::ErrorKind::TimedOut.into())
                }
                Ok(false) => {
                    self.connecting = Some(stream);
                    Ok(())
                }
                Err(error) => Err(error),
            },
        };
        if let Err(error) = attempt {
            self.tell_end(LinkEnd::Socket(error.kind()), handler);
        }
    }

    fn tell_end(&mut self, reason: LinkEnd, handler: &mut impl FnMut(Event<'_>)) {
        self.counters.count_end(reason);
        let connected = std::mem::take(&mut self.connected);
        handler(if connected { Event::Disconnected { reason } } else { Event::Refused { reason } });
    }

    /// Sends one part: straight to the socket when nothing waits before it, else it is queued within the limits.
    pub fn send(&mut self, body: &[u8], more: More) -> Result<(), SendError> {
        self.queue_with(body.len(), more, |room| room.copy_from_slice(body))?;
        self.flush()
    }

    /// Queues one part that `write` fills in place, for batches; [`Client::flush`] writes them.
    pub fn queue_with(
        &mut self,
        body_bytes: usize,
        more: More,
        write: impl FnOnce(&mut [u8]),
    ) -> Result<(), SendError> {
        self.channel.queue(body_bytes, more, &mut self.counters, write)
    }

    /// Writes what is queued.
    pub fn flush(&mut self) -> Result<(), SendError> {
        self.channel.flush(&mut self.counters);
        if self.channel.write_failed { Err(SendError::Broken) } else { Ok(()) }
    }

    /// Ends the connection; `Disconnected` follows in the next poll, and then it connects again.
    pub fn disconnect(&mut self) {
        if !self.channel.is_free() {
            self.channel.fail(LinkEnd::ClosedHere);
        }
    }
}

/// Whether the TCP handshake is over, from `getpeername` and the socket's pending error.
fn connect_state(stream: &TcpStream) -> io::Result<bool> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}
