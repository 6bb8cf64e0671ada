//! The ROUTER end: a listener and a fixed number of connection slots.
//!
//! What it is not: a router of messages; the caller names the connection that it sends to.
//!
//! Invariant: all slots with their buffers are taken in [`Server::bind`]; a peer that misbehaves is told of and
//! closed, and the others do not notice.
//!
//! **Cycle.** [`Server::poll`] first re-arms `TCP_QUICKACK` on what the cycle before had read. The re-arming is a system call
//! of about 200 ns, and the caller's answer should leave first; so it waits until the caller is back. Then it reads:
//! with up to [`DIRECT_READS_MAX`] connections straight from the sockets (an idle `recv` costs little more than an
//! `epoll_wait`, and data is there one system call sooner), asking epoll every [`POLL_EVERY_CYCLES`] for new connections; with
//! more connections epoll first, and then only the sockets that have something.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use super::channel::{Again, Channel, Drained};
use super::counters::LinkCounters;
use super::event::{ConnectionId, Event, LinkEnd, SendError};
use crate::types::{NS_PER_MS, TimeNs};
use crate::wire::zmtp::{Identity, Limits, LimitsError, Mechanism, More, Settings, SocketType};

/// Up to so many connections are read without asking epoll first.
const DIRECT_READS_MAX: usize = 1;
/// How often epoll is asked all the same, for new connections.
const POLL_EVERY_CYCLES: u32 = 64;
/// Connections accepted in one cycle at most.
const ACCEPTS_PER_POLL_MAX: usize = 8;
/// How often deadlines are looked at.
const TIMER_INTERVAL_NS: i64 = NS_PER_MS;
const LISTENER: Token = Token(usize::MAX - 1);

/// How a server is set up.
#[derive(Clone, Copy, Debug)]
pub struct ServerSettings {
    /// Connection slots, 1 to 4,096; each takes `receive_bytes + send_bytes` at start.
    pub connections_max: u16,
    /// Parts that one connection may bring in one cycle, at least 1; the rest waits for the next.
    pub parts_per_poll_max: u32,
    /// How connections are secured.
    pub mechanism: Mechanism,
    /// What one connection may take.
    pub limits: Limits,
}

impl Default for ServerSettings {
    fn default() -> Self {
        ServerSettings {
            connections_max: 16,
            parts_per_poll_max: 1_024,
            mechanism: Mechanism::Null,
            limits: Limits::default(),
        }
    }
}

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The settings cannot work.
    #[error("{0}")]
    Limits(#[from] LimitsError),
    /// Somebody else listens there.
    #[error("listen on {address}: expected a free port, it is in use")]
    InUse {
        /// Where we wanted to listen.
        address: SocketAddr,
    },
    /// Mechanism NULL on an address that others can reach.
    #[error("listen on {address}: expected a loopback address, because mechanism NULL has no security")]
    NotLoopback {
        /// Where we were to listen.
        address: SocketAddr,
    },
    /// Anything else that the system said.
    #[error("listen on {address}: {source}")]
    System {
        /// Where we wanted to listen.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

struct Slot {
    channel: Channel,
    generation: u32,
    connected: bool,
}

/// The ROUTER end of many connections.
pub struct Server {
    listener: TcpListener,
    poll: Poll,
    events: Events,
    slots: Vec<Slot>,
    /// The slots in use, in no order.
    live: Vec<u16>,
    parts_per_poll_max: u32,
    accept_again: bool,
    cycles_to_poll: u32,
    ts_timer: TimeNs,
    counters: LinkCounters,
}

impl Server {
    /// Listens, and takes all the memory that the ordinary path needs. Port 0 lets the system choose one.
    pub fn bind(address: SocketAddr, settings: ServerSettings) -> Result<Self, BindError> {
        settings.limits.check()?;
        check_range("connections_max", 4_096, u64::from(settings.connections_max))?;
        check_range("parts_per_poll_max", u64::from(u32::MAX), u64::from(settings.parts_per_poll_max))?;
        if settings.mechanism == Mechanism::Null && !address.ip().is_loopback() {
            return Err(BindError::NotLoopback { address });
        }
        let system = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse { address },
            _ => BindError::System { address, source },
        };
        let mut listener = TcpListener::bind(address).map_err(system)?;
        let poll = Poll::new().map_err(system)?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE).map_err(system)?;
        let connection = Settings {
            socket: SocketType::Router,
            identity: Identity::EMPTY,
            mechanism: settings.mechanism,
            limits: settings.limits,
        };
        let slot = |_| Slot { channel: Channel::new(connection), generation: 0, connected: false };
        let slots_count = usize::from(settings.connections_max);
        Ok(Server {
            listener,
            poll,
            events: Events::with_capacity(slots_count + 1),
            slots: (0..slots_count).map(slot).collect(),
            live: Vec::with_capacity(slots_count),
            parts_per_poll_max: settings.parts_per_poll_max,
            accept_again: true,
            cycles_to_poll: 0,
            ts_timer: TimeNs::NEVER,
            counters: LinkCounters::default(),
        })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What was counted since the start.
    pub fn counters(&self) -> &LinkCounters {
        &self.counters
    }

    /// Connected peers.
    pub fn connected_count(&self) -> usize {
        self.live.iter().filter(|&&slot| self.slots[usize::from(slot)].connected).count()
    }

    /// Connections that the next poll may hear at most, those it accepts included; at least 1.
    pub fn connections_per_poll_max(&self) -> usize {
        (self.live.len() + ACCEPTS_PER_POLL_MAX).min(self.slots.len())
    }

    /// Parts that each connection may bring in one cycle from now on; at least 1.
    #[inline]
    pub fn limit_parts(&mut self, parts_per_poll_max: u32) {
        self.parts_per_poll_max = parts_per_poll_max.max(1);
    }

    /// One cycle: tells what ended, accepts, reads, and calls `handler` with each event. Returns how many events there were.
    ///
    /// To answer, keep the [`ConnectionId`] and call [`Server::send`] after `poll`.
    pub fn poll(&mut self, now: TimeNs, handler: &mut impl FnMut(ConnectionId, Event<'_>)) -> usize {
        let mut count = 0;
        let mut counted = |id: ConnectionId, event: Event<'_>| {
            count += 1;
            handler(id, event);
        };
        let write_blocked = self.begin_cycle(&mut counted);
        self.cycles_to_poll = self.cycles_to_poll.saturating_sub(1);
        let direct = self.live.len() <= DIRECT_READS_MAX;
        if !direct || write_blocked || self.cycles_to_poll == 0 {
            self.cycles_to_poll = POLL_EVERY_CYCLES;
            self.poll_readiness();
        }
        if self.accept_again {
            self.accept(now, &mut counted);
        }
        let mut position = 0;
        while let Some(&slot) = self.live.get(position) {
            if direct || self.slots[usize::from(slot)].channel.read_again != Again::No {
                self.receive(slot, now, &mut counted);
            }
            // A slot that ended gave its place to another one, which is looked at next.
            position += usize::from(self.live.get(position) == Some(&slot));
        }
        if now.since(self.ts_timer) >= TIMER_INTERVAL_NS {
            self.on_time(now, &mut counted);
        }
        count
    }

    /// Tells ends noted outside of a poll and re-arms; whether any connection waits to be writable.
    #[inline]
    fn begin_cycle(&mut self, handler: &mut impl FnMut(ConnectionId, Event<'_>)) -> bool {
        let mut write_blocked = false;
        let mut position = 0;
        while let Some(&slot) = self.live.get(position) {
            let channel = &mut self.slots[usize::from(slot)].channel;
            if channel.end.is_some() {
                self.finish(slot, handler);
                continue;
            }
            channel.rearm_quickack();
            write_blocked |= channel.write_blocked;
            position += 1;
        }
        write_blocked
    }

    fn poll_readiness(&mut self) {
        // Interrupted or not, the next cycle asks again.
        if self.poll.poll(&mut self.events, Some(Duration::ZERO)).is_err() {
            self.cycles_to_poll = 0;
            return;
        }
        for event in &self.events {
            if event.token() == LISTENER {
                self.accept_again = true;
                continue;
            }
            let Some(slot) = self.slots.get_mut(event.token().0) else { continue };
            let channel = &mut slot.channel;
            if event.is_readable() && channel.read_again == Again::No {
                channel.read_again = Again::Socket;
            }
            channel.peer_closing |= event.is_read_closed() || event.is_error();
            if event.is_writable() && channel.write_blocked {
                channel.write_blocked = false;
                channel.flush(&mut self.counters);
            }
        }
    }

    #[cold]
    fn accept(&mut self, now: TimeNs, handler: &mut impl FnMut(ConnectionId, Event<'_>)) {
        for _ in 0..ACCEPTS_PER_POLL_MAX {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    self.counters.accepted_count += 1;
                    self.admit(stream, now, handler);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.accept_again = false;
                    return;
                }
                // A connection that was gone before it was accepted, or no descriptors: the timer tries again.
                Err(_) => {
                    self.counters.accept_failed_count += 1;
                    self.accept_again = false;
                    return;
                }
            }
        }
    }

    /// Puts a socket into a free slot, or into that of the oldest unfinished handshake, or closes it.
    fn admit(
        &mut self,
        mut stream: TcpStream,
        now: TimeNs,
        handler: &mut impl FnMut(ConnectionId, Event<'_>),
    ) {
        let free = self.slots.iter().position(|slot| slot.channel.is_free());
        let Some(slot) = free.or_else(|| self.evict(handler)) else {
            self.counters.refused_full_count += 1;
            return;
        };
        let interest = Interest::READABLE | Interest::WRITABLE;
        let opened = self
            .poll
            .registry()
            .register(&mut stream, Token(slot), interest)
            .and_then(|()| self.slots[slot].channel.open(stream, now, &mut self.counters));
        match opened {
            Ok(()) => self.live.push(slot as u16),
            Err(_) => self.counters.accept_failed_count += 1,
        }
    }

    /// Frees the slot whose handshake has been unfinished for the longest time.
    fn evict(&mut self, handler: &mut impl FnMut(ConnectionId, Event<'_>)) -> Option<usize> {
        let unfinished = self.live.iter().filter(|&&slot| !self.slots[usize::from(slot)].connected);
        let &slot =
            unfinished.min_by_key(|&&slot| self.slots[usize::from(slot)].channel.connection.ts_open())?;
        self.end(slot, LinkEnd::Evicted, handler);
        Some(usize::from(slot))
    }

    #[inline]
    fn receive(&mut self, slot: u16, now: TimeNs, handler: &mut impl FnMut(ConnectionId, Event<'_>)) {
        let id = self.id(slot);
        let mut share = self.parts_per_poll_max;
        self.slots[usize::from(slot)].channel.read(now, &mut self.counters);
        loop {
            let channel = &mut self.slots[usize::from(slot)].channel;
            let on_part = |body: &[u8], more| handler(id, Event::Message { body, more });
            match channel.drain(&mut share, &mut self.counters, on_part) {
                Drained::Ready => self.on_ready(slot, handler),
                Drained::Empty | Drained::ShareUsed => break,
            }
        }
        let channel = &mut self.slots[usize::from(slot)].channel;
        channel.flush(&mut self.counters);
        if channel.end.is_some() {
            self.finish(slot, handler);
        }
    }

    /// A known identity that connects again takes over: the old connection is told and closed first.
    #[cold]
    fn on_ready(&mut self, slot: u16, handler: &mut impl FnMut(ConnectionId, Event<'_>)) {
        let identity = *self.slots[usize::from(slot)].channel.connection.peer_identity();
        if !identity.is_empty() {
            let same = |&&other: &&u16| {
                let known = &self.slots[usize::from(other)];
                known.connected && *known.channel.connection.peer_identity() == identity
            };
            if let Some(&other) = self.live.iter().find(same) {
                self.end(other, LinkEnd::TakenOver, handler);
            }
        }
        let id = self.id(slot);
        let new = &mut self.slots[usize::from(slot)];
        new.connected = true;
        self.counters.connected_count += 1;
        handler(id, Event::Connected { identity: &identity, version: new.channel.connection.peer_version() });
    }

    #[cold]
    fn on_time(&mut self, now: TimeNs, handler: &mut impl FnMut(ConnectionId, Event<'_>)) {
        self.ts_timer = now;
        self.accept_again = true;
        let mut position = 0;
        while let Some(&slot) = self.live.get(position) {
            let channel = &mut self.slots[usize::from(slot)].channel;
            channel.on_time(now, &mut self.counters);
            if channel.end.is_some() {
                self.finish(slot, handler);
            } else {
                position += 1;
            }
        }
    }

    fn end(&mut self, slot: u16, reason: LinkEnd, handler: &mut impl FnMut(ConnectionId, Event<'_>)) {
        self.slots[usize::from(slot)].channel.fail(reason);
        self.finish(slot, handler);
    }

    /// Closes a channel that has its reason, frees the slot, and tells it.
    #[cold]
    fn finish(&mut self, slot: u16, handler: &mut impl FnMut(ConnectionId, Event<'_>)) {
        let id = self.id(slot);
        let ended = &mut self.slots[usize::from(slot)];
        let reason = ended.channel.end.unwrap_or(LinkEnd::ClosedHere);
        ended.channel.close(&mut self.counters);
        ended.generation = ended.generation.wrapping_add(1);
        let connected = std::mem::take(&mut ended.connected);
        self.live.retain(|&live| live != slot);
        self.counters.count_end(reason);
        handler(id, if connected { Event::Disconnected { reason } } else { Event::Refused { reason } });
    }

    fn id(&self, slot: u16) -> ConnectionId {
        ConnectionId { slot, generation: self.slots[usize::from(slot)].generation }
    }

    /// Sends one part: straight to the socket when nothing waits before it, else it is queued within the limits.
    pub fn send(&mut self, id: ConnectionId, body: &[u8], more: More) -> Result<(), SendError> {
        self.send_with(id, body.len(), more, |room| room.copy_from_slice(body))
    }

    /// As [`Server::send`]; `write` fills the `body_bytes` in the send buffer, which saves a copy.
    #[inline]
    pub fn send_with(
        &mut self,
        id: ConnectionId,
        body_bytes: usize,
        more: More,
        write: impl FnOnce(&mut [u8]),
    ) -> Result<(), SendError> {
        self.queue_with(id, body_bytes, more, write)?;
        let channel = &mut self.slots[usize::from(id.slot)].channel;
        channel.flush(&mut self.counters);
        if channel.write_failed { Err(SendError::Broken) } else { Ok(()) }
    }

    /// Queues one part without writing: for batches, followed by [`Server::flush`], which makes one write of all.
    #[inline]
    pub fn queue_with(
        &mut self,
        id: ConnectionId,
        body_bytes: usize,
        more: More,
        write: impl FnOnce(&mut [u8]),
    ) -> Result<(), SendError> {
        match self.slots.get_mut(usize::from(id.slot)) {
            Some(slot) if slot.connected && slot.generation == id.generation => {
                slot.channel.queue(body_bytes, more, &mut self.counters, write)
            }
            _ => {
                self.counters.send_not_connected_count += 1;
                Err(SendError::NotConnected)
            }
        }
    }

    /// Writes what is queued on every connection. A connection that fails here is told in the next poll.
    pub fn flush(&mut self) {
        for &slot in &self.live {
            self.slots[usize::from(slot)].channel.flush(&mut self.counters);
        }
    }

    /// Ends a connection; what the kernel takes at once is still delivered. `Disconnected` follows in the next poll.
    /// `false` when it had ended before.
    pub fn disconnect(&mut self, id: ConnectionId) -> bool {
        match self.slots.get_mut(usize::from(id.slot)) {
            Some(slot) if slot.connected && slot.generation == id.generation => {
                slot.channel.fail(LinkEnd::ClosedHere);
                true
            }
            _ => false,
        }
    }
}

fn check_range(name: &'static str, max: u64, got: u64) -> Result<(), LimitsError> {
    if (1..=max).contains(&got) { Ok(()) } else { Err(LimitsError { name, min: 1, max, got }) }
}
