//! What is known of a venue: its sessions, its account, and how far it is reconciled with us.
//!
//! What it is not: positions or orders; those are the books', and this only says whether they were compared.
//!
//! Invariant: a venue that lost a session, or whose terminal lost its server, is not reconciled until a complete snapshot, asked for
//! after it came back, agreed. A look that somebody asked for is taken, whatever was under way then.

mod state;

use super::Engine;
use crate::order::POSITIONS_MAX;
use crate::record::{ROLE_MARKET, ROLE_TRADE, TERMINAL_CONNECTED};
use crate::types::{INSTRUMENTS_MAX, MarginMode, Money, NS_PER_S, TimeNs};

/// A snapshot is asked for again this long after the last one agreed.
const RECONCILE_EVERY_NS: i64 = 30 * NS_PER_S;
/// A snapshot without an end is asked for again after this.
const SNAPSHOT_PATIENCE_NS: i64 = 30 * NS_PER_S;
/// A snapshot that differed, or an order in doubt, is looked at again after this.
const LOOK_AGAIN_NS: i64 = NS_PER_S;

/// How an instrument's position compares with the venue's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Standing {
    /// Found equal since the last session came up.
    pub is_agreed: bool,
    /// Fills were counted since the open question was asked.
    pub is_stirred: bool,
    /// The last comparison found a difference.
    pub has_differed: bool,
    /// A difference that stood in two snapshots with no fill between: ours and theirs.
    pub mismatch: Option<(i64, i64)>,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Venue {
    pub margin_mode: MarginMode,
    /// 0 demo, 1 contest, 2 real.
    pub account_mode: u8,
    pub roles_up: u8,
    /// Terminal and account flags of the last `Account`; `None` before the first.
    pub account_flags: Option<u8>,
    /// Equity and margin in use of it, and when it came.
    pub account: (Money, Money, TimeNs),
    pub server_offset_s: i32,
    /// When it last said that it is asked too often; `TimeNs::NEVER` before.
    pub ts_busy: TimeNs,
    /// Witnessed time at which the youngest session came up.
    pub healthy_since: TimeNs,
    /// Every instrument was found equal since the last session came up.
    pub reconciled: bool,
    /// A first baseline of what we did not trade ourselves was taken.
    pub baseline_taken: bool,
    /// Volume at the venue that our fills do not explain, steps.
    pub external: Box<[i64]>,
    /// By instrument.
    pub standings: Box<[Standing]>,
    /// The open query, or zero.
    pub query: u64,
    pub query_asked: TimeNs,
    /// Witnessed time of the open query.
    pub query_witnessed: TimeNs,
    pub query_due: TimeNs,
    /// Newest stamp of the venue when it was asked.
    pub query_ts_venue: TimeNs,
    /// When the last snapshot that agreed was asked for, in the venue's time; deals since then may have been missed.
    pub ts_agreed: TimeNs,
    /// From when on the snapshot that made the baseline told deals; older ones are in it.
    pub ts_begun: TimeNs,
    pub sums: Box<[i64]>,
    /// Positions of the snapshot that is being told: identifier and signed steps.
    pub listing: Vec<(u64, i64)>,
    /// Those of the last complete one.
    pub listed: Vec<(u64, i64)>,
}

impl Venue {
    pub(super) fn new(margin_mode: MarginMode) -> Self {
        Venue {
            margin_mode,
            account_mode: u8::MAX,
            roles_up: 0,
            account_flags: None,
            account: (Money::ZERO, Money::ZERO, TimeNs::NEVER),
            server_offset_s: 0,
            ts_busy: TimeNs::NEVER,
            healthy_since: TimeNs::NEVER,
            reconciled: false,
            baseline_taken: false,
            external: vec![0; INSTRUMENTS_MAX].into(),
            standings: vec![Standing::default(); INSTRUMENTS_MAX].into(),
            query: 0,
            query_asked: TimeNs::NEVER,
            query_witnessed: TimeNs::NEVER,
            query_due: TimeNs(i64::MAX),
            query_ts_venue: TimeNs::NEVER,
            ts_agreed: TimeNs::NEVER,
            ts_begun: TimeNs::NEVER,
            sums: vec![0; INSTRUMENTS_MAX].into(),
            listing: Vec::with_capacity(POSITIONS_MAX),
            listed: Vec::with_capacity(POSITIONS_MAX),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.roles_up & (ROLE_MARKET | ROLE_TRADE) == ROLE_MARKET | ROLE_TRADE
    }

    /// Whether the terminal has its server, as far as it told.
    pub(super) fn is_online(&self) -> bool {
        self.account_flags.is_none_or(|flags| flags & TERMINAL_CONNECTED != 0)
    }

    /// Without its server a terminal knows what was.
    pub(super) fn can_query(&self) -> bool {
        self.roles_up & ROLE_TRADE != 0 && self.is_online()
    }

    /// Takes the flags of an account's word. What happened while the terminal had no server was never told, and what it says
    /// meanwhile is old: as with a session that is lost and comes back.
    pub(super) fn flagged(&mut self, flags: u8, now: TimeNs, witnessed: TimeNs) {
        let was_online = self.is_online();
        self.account_flags = Some(flags);
        match (was_online, self.is_online()) {
            (true, false) => self.forget_comparison(),
            (false, true) => self.up(0, now, witnessed),
            _ => {}
        }
    }

    /// What was compared stands no more, and an answer under way proves nothing.
    fn forget_comparison(&mut self) {
        self.reconciled = false;
        self.standings.iter_mut().for_each(|standing| standing.is_agreed = false);
        self.query = 0;
    }

    /// A role came up: everything must be compared again, at once.
    pub(super) fn up(&mut self, roles: u8, now: TimeNs, witnessed: TimeNs) {
        self.roles_up |= roles;
        self.healthy_since = witnessed;
        self.reconciled = false;
        for standing in &mut self.standings {
            *standing = Standing { is_stirred: standing.is_stirred, ..Standing::default() };
        }
        self.query = 0;
        self.query_due = now;
    }

    /// A role went down.
    pub(super) fn down(&mut self, roles: u8) {
        self.roles_up &= !roles;
        self.reconciled = false;
        // What is held is told by the trade session: without quotes it is known as before, and may be left.
        if roles & ROLE_TRADE != 0 {
            self.forget_comparison();
        }
    }

    /// A snapshot begins.
    pub(super) fn begins(&mut self) {
        self.sums.fill(0);
        self.listing.clear();
    }

    /// A snapshot lists a position.
    pub(super) fn lists(&mut self, index: usize, identifier: u64, qty: i64) {
        self.sums[index] += qty;
        if self.listing.len() < POSITIONS_MAX {
            self.listing.push((identifier, qty));
        }
    }

    /// What the last complete snapshot listed of a position, signed steps; zero of none.
    pub(super) fn listed_qty(&self, identifier: u64) -> i64 {
        let listed = self.listed.iter().find(|(known, _)| *known == identifier);
        listed.map_or(0, |(_, qty)| *qty)
    }

    /// The first instrument whose difference stays: ours and theirs.
    pub(super) fn mismatch(&self) -> Option<(i64, i64)> {
        self.standings.iter().find_map(|standing| standing.mismatch)
    }

    /// Whether a question is out or not yet settled.
    pub(super) fn waits(&self) -> bool {
        self.can_query() && (self.query != 0 || !self.reconciled)
    }

    /// Whether a snapshot is to be asked for now.
    pub(super) fn query_is_due(&self, now: TimeNs) -> bool {
        let open_too_long = self.query != 0 && now.since(self.query_asked) > SNAPSHOT_PATIENCE_NS;
        self.can_query() && (open_too_long || self.query == 0 && now >= self.query_due)
    }

    /// Asks for another look soon, whether or not one is planned.
    pub(super) fn look_again(&mut self, now: TimeNs) {
        self.query_due = self.query_due.min(now.plus_ns(LOOK_AGAIN_NS));
    }

    /// Notes a question.
    pub(super) fn asked(&mut self, query: u64, now: TimeNs, ts_venue: TimeNs) {
        self.query_ts_venue = ts_venue;
        self.query = query;
        self.query_asked = now;
        self.query_due = TimeNs(i64::MAX);
        self.standings.iter_mut().for_each(|standing| standing.is_stirred = false);
        self.sums.fill(0);
    }

    /// Notes the answer's end and when to look next: sooner, if somebody asked for another look meanwhile.
    pub(super) fn answered(&mut self, agreed: bool, now: TimeNs) {
        self.query = 0;
        let next = now.plus_ns(if agreed { RECONCILE_EVERY_NS } else { LOOK_AGAIN_NS });
        self.query_due = self.query_due.min(next);
    }
}

impl Engine {
    /// Notes a venue's stamp. One that lies ahead of our own clock is no time to ask history from.
    #[inline]
    pub(super) fn note_venue_time(&mut self, ts_venue: TimeNs, ts_recv: TimeNs) {
        const AHEAD_NS_MAX: i64 = 300 * NS_PER_S;
        if ts_venue.since(ts_recv) <= AHEAD_NS_MAX {
            self.ts_venue = self.ts_venue.max(ts_venue);
        }
    }
}
