//! One listening address and the terminals connected to it: who may, what they say, and when they fall silent.
//!
//! What it is not: ZMTP (`wire::zmtp`), sockets (`link`), or a judge of what is said (the engine).
//!
//! Invariant: no record is made for a connection whose hello was not accepted; a connection that breaks the protocol is told
//! why and closed, and no other notices.

use super::admission::{Admission, reason_of};
use super::refused::RefusedPeer;
use super::sessions::{end, session_record};
use crate::link::{BindError, ConnectionId, Event, LinkCounters, SendError, Server, ServerSettings};
use crate::record::{self, Origin, Record, SessionState};
use crate::runtime::counters::{CounterId, CounterWriter};
use crate::runtime::ring::Producer;
use crate::types::{
    FixedText, InstrumentId, InstrumentSpec, NS_PER_MS, NS_PER_US, TimeNs, VENUES_MAX, VenueId,
};
use crate::wire::terminal::{
    Body, Decoded, Decoder, HEADER_BYTES, MessageKind, RejectReason, Stream, SymbolTable, body,
    encode_heartbeat, encode_message,
};
use crate::wire::zmtp::More;
use std::net::SocketAddr;

/// What an endpoint is made of.
#[derive(Clone, Debug)]
pub struct EndpointSettings {
    /// Where to listen.
    pub address: SocketAddr,
    /// Roles served here: `record::ROLE_*` bits.
    pub roles: u8,
    /// Marks the records.
    pub origin: Origin,
    /// Sockets and their limits.
    pub server: ServerSettings,
    /// Who may connect.
    pub admission: Admission,
}

/// Where a connection is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Free,
    AwaitHello,
    /// Its hello was refused; nothing more is heard until it is gone.
    Refused,
    Live {
        venue: VenueId,
        roles: u8,
    },
}

pub(super) struct Peer {
    pub(super) id: Option<ConnectionId>,
    pub(super) phase: Phase,
    /// Number of its accepted hello.
    pub(super) connection: u32,
    decoder: Decoder,
    pub(super) hello: body::Hello,
    ts_heard: TimeNs,
    ts_beat: TimeNs,
    ts_rules: TimeNs,
    beats: u64,
    heard_us: i64,
    commands_sent: u64,
    credit: u64,
}

/// What must be said after a poll, when the server is free again.
#[derive(Clone, Copy, Debug)]
enum Pending {
    Welcome(ConnectionId),
    Reject(ConnectionId, RejectReason, FixedText<64>),
    Refill(ConnectionId, record::Gap),
}

/// See the module.
pub struct Endpoint {
    server: Server,
    roles: u8,
    origin: Origin,
    admission: Admission,
    peers: Vec<Peer>,
    pending: Vec<Pending>,
    trade_peer: [Option<u16>; VENUES_MAX],
    parts_per_poll_max: u32,
    ts_watch: TimeNs,
    counts: Counts,
    refused: Option<Producer<RefusedPeer>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    refused: u64,
    hellos: u32,
}

impl Endpoint {
    /// Listens and takes all memory.
    pub fn bind(settings: EndpointSettings) -> Result<Self, BindError> {
        let server = Server::bind(settings.address, settings.server)?;
        let peers = (0..settings.server.connections_max)
            .map(|_| Peer {
                id: None,
                phase: Phase::Free,
                connection: 0,
                decoder: Decoder::new(
                    SymbolTable::new(VenueId(0), Vec::with_capacity(crate::types::INSTRUMENTS_MAX)),
                    settings.origin,
                ),
                hello: <body::Hello as record::Layout>::read(&[0; 1_024]),
                ts_heard: TimeNs::NEVER,
                ts_beat: TimeNs::NEVER,
                ts_rules: TimeNs::NEVER,
                beats: 0,
                heard_us: 0,
                commands_sent: 0,
                credit: 0,
            })
            .collect::<Vec<_>>();
        Ok(Endpoint {
            server,
            roles: settings.roles,
            origin: settings.origin,
            admission: settings.admission,
            pending: Vec::with_capacity(4 * peers.len()),
            peers,
            trade_peer: [None; VENUES_MAX],
            parts_per_poll_max: settings.server.parts_per_poll_max,
            ts_watch: TimeNs::NEVER,
            counts: Counts::default(),
            refused: None,
        })
    }

    /// Tells whom it refuses, and why.
    pub fn tell_refusals(&mut self, to: Producer<RefusedPeer>) {
        self.refused = Some(to);
    }

    /// Where it listens.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.server.local_addr()
    }

    /// Messages that each connection may bring so that all their records fit into `room`; zero when none may.
    ///
    /// The more connections, the smaller each one's share: a crowd slows reading down and never stops it.
    #[inline]
    fn share(&self, room: usize) -> u32 {
        // A message makes at most a gap and two records; a connection that comes or goes makes two.
        let room = room.saturating_sub(4 * self.peers.len());
        let share = room / (3 * self.server.connections_per_poll_max());
        share.min(self.parts_per_poll_max as usize) as u32
    }

    /// One cycle: reads, decodes, hands at most `room` records to `sink`, and answers what must be answered.
    #[inline]
    pub fn poll(&mut self, now: TimeNs, room: usize, sink: &mut impl FnMut(Record)) -> usize {
        let share = self.share(room);
        if share == 0 {
            return 0;
        }
        self.server.limit_parts(share);
        let Endpoint {
            server, peers, pending, admission, roles, origin, trade_peer, counts, refused, ..
        } = self;
        let count = server.poll(now, &mut |id, event| {
            let peer = &mut peers[usize::from(id.slot)];
            match event {
                Event::Message { body, more: More::Last } => {
                    peer.ts_heard = now;
                    if peer.phase == Phase::Refused {
                        return;
                    }
                    // What another connection heard first counts here as well.
                    if body.get(1) == Some(&(MessageKind::InstrumentSpec as u8)) {
                        admission.units.iter().for_each(|spec| peer.decoder.keep_units(spec));
                    }
                    let reject = match peer.decoder.decode(body, now, &mut |record| {
                        if matches!(peer.phase, Phase::Live { .. }) {
                            note_credit(&mut peer.credit, &record);
                            ask_refill(pending, id, &record);
                            sink(record);
                        }
                    }) {
                        Ok(Decoded::Records) if matches!(peer.phase, Phase::Live { .. }) => return,
                        Ok(Decoded::Hello(_)) if matches!(peer.phase, Phase::Live { .. }) => {
                            Some((RejectReason::Malformed, text("expected one hello a connection")))
                        }
                        Ok(Decoded::Hello(hello)) => {
                            counts.hellos += 1;
                            peer.connection = counts.hellos;
                            welcome(
                                id, peer, &hello, admission, *roles, *origin, now, pending, trade_peer, sink,
                            )
                        }
                        Ok(Decoded::Spec(spec)) if matches!(peer.phase, Phase::Live { .. }) => {
                            admission.units.keep(&spec);
                            return;
                        }
                        Ok(Decoded::Heartbeat(heard_us)) => {
                            peer.heard_us = heard_us;
                            return;
                        }
                        Ok(_) if matches!(peer.phase, Phase::Live { .. }) => return,
                        Ok(_) => Some((RejectReason::NoHello, text("expected a hello first"))),
                        Err(error) if error.is_fatal() => Some((reason_of(&error), text(error.summary()))),
                        Err(_) => {
                            counts.refused += 1;
                            return;
                        }
                    };
                    if let Some((reason, words)) = reject {
                        counts.refused += 1;
                        if peer.phase == Phase::AwaitHello {
                            peer.phase = Phase::Refused;
                        }
                        if let Some(refused) = refused {
                            RefusedPeer::new(now, &peer.hello, reason, words).tell(refused);
                        }
                        refuse(pending, id, reason, words);
                    }
                }
                Event::Message { more: More::Follows, .. } => {
                    counts.refused += 1;
                    refuse(pending, id, RejectReason::Malformed, text("expected messages of one frame"));
                }
                Event::Connected { .. } => {
                    peer.id = Some(id);
                    peer.phase = Phase::AwaitHello;
                    peer.decoder.reset();
                    peer.hello.login = 0;
                    peer.ts_heard = now;
                }
                Event::Disconnected { .. } => {
                    end(peers, id.slot, *origin, now, trade_peer, sink);
                }
                Event::Refused { .. } => counts.refused += 1,
            }
        });
        if !self.pending.is_empty() {
            self.answer(now);
        }
        if now.since(self.ts_watch) >= 5 * NS_PER_MS {
            self.watch(now);
        }
        count
    }

    #[cold]
    fn answer(&mut self, now: TimeNs) {
        while let Some(pending) = self.pending.pop() {
            match pending {
                Pending::Reject(id, reason, words) => {
                    let reject = body::Reject { reason: reason as u32, reserved: 0, text: *words.bytes() };
                    // The peer may be gone already; then there is nobody to tell.
                    let _ = self.say(id, &reject, 0, now);
                    self.server.disconnect(id);
                }
                Pending::Refill(id, gap) => {
                    let refill = body::Refill {
                        stream: gap.stream as u16,
                        reserved: [0; 6],
                        from_seq: gap.from_seq,
                        to_seq: gap.to_seq,
                    };
                    let _ = self.say(id, &refill, 0, now);
                }
                Pending::Welcome(id) => {
                    let welcome = body::Welcome {
                        epoch: self.admission.epoch,
                        heartbeat_ms: self.admission.heartbeat_ms,
                        silent_after_ms: self.admission.silent_after_ms,
                        dead_man: 0,
                        reserved: [0; 7],
                        name: *self.admission.name.bytes(),
                    };
                    let _ = self.say(id, &welcome, 0, now);
                    let Phase::Live { venue, .. } = self.peers[usize::from(id.slot)].phase else { continue };
                    let symbols = self.admission.venues[usize::from(venue.0)].symbols.len();
                    for index in 0..symbols {
                        let (symbol, _) = self.admission.venues[usize::from(venue.0)].symbols[index];
                        let subscribe =
                            body::Subscribe { what: 1, reserved: [0; 7], symbol: *symbol.bytes() };
                        let _ = self.say(id, &subscribe, 0, now);
                    }
                }
            }
        }
    }

    /// Heartbeats out, and the end of peers that fell silent.
    #[cold]
    fn watch(&mut self, now: TimeNs) {
        self.ts_watch = now;
        let beat_ns = i64::from(self.admission.heartbeat_ms) * NS_PER_MS;
        let silent_ns = i64::from(self.admission.silent_after_ms) * NS_PER_MS;
        for slot in 0..self.peers.len() {
            let peer = &mut self.peers[slot];
            let (Some(id), true) = (peer.id, peer.phase != Phase::Free) else { continue };
            if now.since(peer.ts_heard) > silent_ns {
                self.server.disconnect(id);
                continue;
            }
            self.ask_rules(slot, now);
            let peer = &mut self.peers[slot];
            if matches!(peer.phase, Phase::Live { .. }) && now.since(peer.ts_beat) >= beat_ns {
                peer.ts_beat = now;
                peer.beats += 1;
                let beat = body::Heartbeat { count: peer.beats, echo_us: peer.heard_us };
                let bytes = HEADER_BYTES + <body::Heartbeat as record::Layout>::BYTES;
                // A full queue means that the peer does not read: its silence will end it.
                let _ = self.server.send_with(id, bytes, More::Last, |room| {
                    encode_heartbeat(&beat, now.0 / NS_PER_US, room);
                });
            }
        }
    }

    /// Has a trade connection tell its symbols' rules again, tick values among them.
    fn ask_rules(&mut self, slot: usize, now: TimeNs) {
        let every_ns = (self.admission.rules_every_ms as i64).saturating_mul(NS_PER_MS);
        let peer = &mut self.peers[slot];
        let (Some(id), Phase::Live { venue, roles }) = (peer.id, peer.phase) else { return };
        let is_due = every_ns > 0 && now.since(peer.ts_rules) >= every_ns;
        if roles & record::ROLE_TRADE == 0 || !is_due {
            return;
        }
        peer.ts_rules = now;
        for index in 0..self.admission.venues[usize::from(venue.0)].symbols.len() {
            let (symbol, _) = self.admission.venues[usize::from(venue.0)].symbols[index];
            let _ = self.say(id, &body::RequestInstrument { symbol: *symbol.bytes() }, 0, now);
        }
    }

    fn say<B: Body>(&mut self, id: ConnectionId, body: &B, seq: u64, now: TimeNs) -> Result<(), SendError> {
        self.server.send_with(id, HEADER_BYTES + B::BYTES, More::Last, |room| {
            encode_message(body, seq, now.0 / NS_PER_US, room);
        })
    }

    /// The connection that executes a venue's commands, if there is one.
    #[inline]
    pub fn trade_slot(&self, venue: VenueId) -> Option<u16> {
        *self.trade_peer.get(usize::from(venue.0))?
    }

    /// The youngest connection that pushes this instrument's ticks, if there is one.
    pub fn market_slot(&self, venue: VenueId, instrument: InstrumentId) -> Option<u16> {
        let pushes = |(_, peer): &(usize, &Peer)| match peer.phase {
            Phase::Live { venue: its, roles } if its == venue && roles & record::ROLE_MARKET != 0 => {
                peer.decoder.symbols().by_instrument(instrument).is_some()
            }
            _ => false,
        };
        self.peers
            .iter()
            .enumerate()
            .filter(pushes)
            .max_by_key(|(_, peer)| peer.connection)
            .map(|(slot, _)| slot as u16)
    }

    /// Commands that the connection still takes.
    #[inline]
    pub fn credit_left(&self, slot: u16) -> u64 {
        let peer = &self.peers[usize::from(slot)];
        peer.credit.saturating_sub(peer.commands_sent)
    }

    /// The rules of an instrument as this connection told them, and server time minus UTC in seconds.
    #[inline]
    pub fn rules(&self, slot: u16, instrument: InstrumentId) -> Option<(&InstrumentSpec, i32)> {
        let decoder = &self.peers[usize::from(slot)].decoder;
        Some((decoder.symbols().by_instrument(instrument)?, decoder.server_offset_s()))
    }

    /// A distance in our points as a connection's venue counts it.
    #[inline]
    pub fn venue_points(&self, slot: u16, instrument: InstrumentId, points: u32) -> u32 {
        self.peers[usize::from(slot)].decoder.symbols().venue_points(instrument, points)
    }

    /// Server time minus UTC of a connection, seconds.
    pub fn server_offset_s(&self, slot: u16) -> i32 {
        self.peers[usize::from(slot)].decoder.server_offset_s()
    }

    /// Writes a numbered command, or refuses it with not one byte on the wire.
    #[inline]
    pub fn command(&mut self, slot: u16, command: &body::Command, now: TimeNs) -> Result<(), SendError> {
        let peer = &mut self.peers[usize::from(slot)];
        let Some(id) = peer.id else { return Err(SendError::NotConnected) };
        let seq = peer.commands_sent + 1;
        self.say(id, command, seq, now)?;
        self.peers[usize::from(slot)].commands_sent = seq;
        Ok(())
    }

    /// Writes an unnumbered request.
    pub fn request<B: Body>(&mut self, slot: u16, body: &B, now: TimeNs) -> Result<(), SendError> {
        let Some(id) = self.peers[usize::from(slot)].id else { return Err(SendError::NotConnected) };
        self.say(id, body, 0, now)
    }

    /// Publishes what the link counted.
    pub fn publish(&self, counters: &mut CounterWriter) {
        let link: &LinkCounters = self.server.counters();
        counters.set(CounterId::BytesIn, link.bytes_received_count);
        counters.set(CounterId::BytesOut, link.bytes_sent_count);
        counters.set(CounterId::MessagesIn, link.parts_received_count);
        counters.set(CounterId::MessagesOut, link.parts_sent_count);
        counters.set(CounterId::MessagesRefused, self.counts.refused);
        counters.set(CounterId::Connections, link.connected_count);
    }

    /// Closes every connection.
    pub fn close(&mut self) {
        for slot in 0..self.peers.len() {
            if let Some(id) = self.peers[slot].id {
                self.server.disconnect(id);
            }
        }
        self.server.flush();
    }
}

fn text(words: &str) -> FixedText<64> {
    FixedText::new(words).unwrap_or(FixedText::EMPTY)
}

fn refuse(pending: &mut Vec<Pending>, id: ConnectionId, reason: RejectReason, words: FixedText<64>) {
    let known = pending.iter().any(|other| matches!(other, Pending::Reject(same, ..) if *same == id));
    if !known && pending.len() < pending.capacity() {
        pending.push(Pending::Reject(id, reason, words));
    }
}

fn note_credit(credit: &mut u64, record: &Record) {
    if let Some(grant) = record.payload::<record::Credit>() {
        *credit = (*credit).max(grant.granted_total);
    }
}

/// Missing ticks are asked for again; what was missing of trade events is in the snapshot that the engine asks for.
fn ask_refill(pending: &mut Vec<Pending>, id: ConnectionId, record: &Record) {
    if let Some(gap) = record.payload::<record::Gap>()
        && gap.stream == Stream::Market as u64
        && record.aux() != record::GAP_IS_FINAL
        // The other half is for those who come and those who must go.
        && pending.len() < pending.capacity() / 2
    {
        pending.push(Pending::Refill(id, gap));
    }
}

/// Lets a hello be judged. On success the session begins; on failure the reason comes back.
#[cold]
#[allow(
    clippy::too_many_arguments,
    reason = "the parts of one endpoint, borrowed apart while its server is polled"
)]
fn welcome(
    id: ConnectionId,
    peer: &mut Peer,
    hello: &body::Hello,
    admission: &Admission,
    roles: u8,
    origin: Origin,
    now: TimeNs,
    pending: &mut Vec<Pending>,
    trade_peer: &mut [Option<u16>; VENUES_MAX],
    sink: &mut impl FnMut(Record),
) -> Option<(RejectReason, FixedText<64>)> {
    peer.hello = *hello;
    let venue_id = match admission.judge(hello, roles) {
        Ok(venue_id) => venue_id,
        Err((reason, words)) => return Some((reason, text(words))),
    };
    let venue_index = usize::from(venue_id.0);
    peer.decoder.assign(venue_id, &admission.venues[venue_index].symbols, peer.connection);
    peer.decoder.set_server_offset_s(hello.server_offset_s);
    peer.phase = Phase::Live { venue: venue_id, roles: hello.roles };
    (peer.commands_sent, peer.credit) = (0, u64::from(hello.credit));
    if hello.roles & record::ROLE_TRADE != 0 {
        trade_peer[venue_index] = Some(id.slot);
    }
    pending.insert(0, Pending::Welcome(id));
    sink(session_record(peer, venue_id, hello.roles, SessionState::Up, origin, now));
    None
}
