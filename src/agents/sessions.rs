//! The end of a connection, and the records that say who came and went.
//!
//! What it is not: a hello's judgement (`admission.rs`), or the endpoint that keeps the connections.
//!
//! Invariant: a role is told to be down only when no other connection of the account has it.

use super::endpoint::{Peer, Phase};
use crate::record::{self, Origin, Record, SessionState};
use crate::types::{InstrumentId, TimeNs, VENUES_MAX, VenueId};

/// A session ended. What another connection of the account still does is not down, but whose ticks were taken is told; if the
/// one that executed commands is gone, an older one that can takes its place, and the engine hears of both.
#[cold]
pub(super) fn end(
    peers: &mut [Peer],
    slot: u16,
    origin: Origin,
    now: TimeNs,
    trade_peer: &mut [Option<u16>; VENUES_MAX],
    sink: &mut impl FnMut(Record),
) {
    let peer = &mut peers[usize::from(slot)];
    let phase = std::mem::replace(&mut peer.phase, Phase::Free);
    peer.id = None;
    let Phase::Live { venue, roles } = phase else { return };
    let others = |peer: &Peer| match peer.phase {
        Phase::Live { venue: other, roles } if other == venue => roles,
        _ => 0,
    };
    let held = peers.iter().fold(0, |held, peer| held | others(peer));
    let executed = trade_peer[usize::from(venue.0)] == Some(slot);
    let gone = roles & !held | if executed { record::ROLE_TRADE } else { 0 };
    if gone != 0 || origin == Origin::Market {
        sink(session_record(&peers[usize::from(slot)], venue, gone, SessionState::Down, origin, now));
    }
    if executed {
        let next = peers.iter().position(|peer| others(peer) & record::ROLE_TRADE != 0);
        trade_peer[usize::from(venue.0)] = next.map(|slot| slot as u16);
        if let Some(next) = next {
            sink(session_record(&peers[next], venue, record::ROLE_TRADE, SessionState::Up, origin, now));
        }
    }
}

pub(super) fn session_record(
    peer: &Peer,
    venue: VenueId,
    roles: u8,
    state: SessionState,
    origin: Origin,
    now: TimeNs,
) -> Record {
    let hello = &peer.hello;
    let session = record::Session {
        state: state as u8,
        roles,
        margin_mode: hello.margin_mode,
        account_mode: hello.account_mode,
        build: hello.build,
        login: hello.login,
        server_offset_s: hello.server_offset_s,
        reason: 0,
        currency: hello.currency,
        server: hello.server,
    };
    Record::new(origin, now, venue, InstrumentId::NONE, &session).with_aux(peer.connection)
}
