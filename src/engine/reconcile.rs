//! Snapshots: what the venue has, held against what our fills say.
//!
//! What it is not: a copy of the venue over us. A difference is shown and stops openings; it is never papered over. Each
//! instrument stands for itself: what differs in one stops no reduction in another.
//!
//! Invariant: an order in doubt is declared absent only after two complete snapshots, each asked for while the link had been
//! healthy for [`HEALTHY_FOR_NS`], knew nothing of it among orders, deals and history; one that the terminal handed over not before
//! `page_after_ms`, and one that the venue answered for never. The time between them is witnessed time (`Engine::advance`): a
//! clock that leaps proves nothing.

use super::venue::Standing;
use super::{AlertCode, Engine, Outputs};
use crate::order::{Fact, OrderState, Verdict};
use crate::record::{self, FLAG_SNAPSHOT, Record};
use crate::types::{InstrumentId, NS_PER_S, TimeNs, VenueId};

/// How long a link must have been healthy before a missing order counts as missing.
const HEALTHY_FOR_NS: i64 = NS_PER_S;
/// Reads that must agree.
const ABSENT_READS: u32 = 2;
/// History is asked for from this long before the oldest open order, and before the last snapshot that agreed.
const HISTORY_MARGIN_NS: i64 = 600 * NS_PER_S;

impl Engine {
    pub(super) fn ask_if_due(&mut self, venue_index: usize, out: &mut Outputs) {
        let now = self.now;
        if !self.venues.get(venue_index).is_some_and(|venue| venue.query_is_due(now)) {
            return;
        }
        self.query_count += 1;
        let venue = VenueId(venue_index as u16);
        // In the venue's time, back to the last snapshot that agreed and to every order whose fate is open.
        let newest = if self.ts_venue == TimeNs::NEVER { now } else { self.ts_venue };
        let ts_agreed = self.venues[venue_index].ts_agreed;
        let known = if ts_agreed == TimeNs::NEVER { newest } else { ts_agreed };
        let oldest = self.orders.open().map(|order| order.new.ts_venue).min().unwrap_or(newest).min(known);
        let since = oldest.plus_ns(-HISTORY_MARGIN_NS).max(self.orders.deals_forgotten_until(venue));
        let query_id = u64::from(self.epoch) << 32 | self.query_count;
        if !self.venues[venue_index].baseline_taken {
            self.venues[venue_index].ts_begun = since;
        }
        self.venues[venue_index].asked(query_id, now, newest);
        self.venues[venue_index].query_witnessed = self.witnessed;
        let query = record::Query { query_id, since: since.0, order_id: 0 };
        self.emit(venue, InstrumentId::NONE, &query, out);
    }

    /// Whether a deal of a snapshot is in what was there when a venue was compared first.
    pub(super) fn is_before_baseline(&self, venue: VenueId, made: TimeNs) -> bool {
        let venue = self.venues.get(usize::from(venue.0));
        venue.is_none_or(|venue| !venue.baseline_taken || made < venue.ts_begun)
    }

    pub(super) fn on_position(&mut self, input: &Record) {
        let Some(position) = input.payload::<record::PositionEvent>() else { return };
        let (Some(index), Some(venue)) =
            (input.instrument().index(), self.venues.get_mut(usize::from(input.venue().0)))
        else {
            return;
        };
        if input.flags() & FLAG_SNAPSHOT != 0 {
            venue.lists(index, position.identifier, position.qty);
            self.listings[usize::from(input.venue().0)].push(input.instrument(), &position);
        }
        self.exits_position(input.instrument(), &position);
    }

    pub(super) fn on_snapshot(&mut self, input: &Record, out: &mut Outputs) {
        let Some(snapshot) = input.payload::<record::Snapshot>() else { return };
        let venue_index = usize::from(input.venue().0);
        let now = self.now;
        let Some(venue) = self.venues.get_mut(venue_index) else { return };
        if snapshot.query_id != venue.query {
            return;
        }
        match snapshot.phase {
            0 => {
                venue.begins();
                self.listings[venue_index].clear();
            }
            1 => {
                // Positions are told before the deals that made them.
                self.exits_listed(venue_index);
                self.count_others_gross(venue_index);
                let Some(venue) = self.venues.get_mut(venue_index) else { return };
                std::mem::swap(&mut venue.listing, &mut venue.listed);
                self.settle_resting(venue_index, snapshot.query_id);
                self.compare(venue_index, out);
            }
            _ => venue.answered(false, now),
        }
    }

    fn compare(&mut self, venue_index: usize, out: &mut Outputs) {
        self.counts.reconciliations += 1;
        let settled_orders = self.settle_absent(venue_index, out) & self.settle_requests(venue_index, out);
        if !self.venues[venue_index].baseline_taken && !self.differs_in_motion(venue_index) {
            // The first look of all: what is there already is not ours, and counts as exposure.
            self.venues[venue_index].baseline_taken = true;
            self.take_baseline(venue_index, out);
        }
        let (mut all_equal, mut all_agreed) = (true, true);
        for index in 0..self.instruments.len() {
            if usize::from(self.instruments[index].venue.0) != venue_index {
                continue;
            }
            all_equal &= self.compare_one(venue_index, index, out);
            all_agreed &= self.venues[venue_index].standings[index].is_agreed;
        }
        let now = self.now;
        let venue = &mut self.venues[venue_index];
        venue.reconciled = all_agreed;
        if all_equal {
            venue.ts_agreed = venue.query_ts_venue;
        }
        venue.answered(all_equal && settled_orders, now);
        self.renew_conditions();
    }

    /// Compares one instrument; `true` when it is equal. A difference counts when it is seen twice, with no fill between.
    fn compare_one(&mut self, venue_index: usize, index: usize, out: &mut Outputs) -> bool {
        let instrument = InstrumentId(index as u16);
        let (ours, theirs) = self.ours_and_theirs(venue_index, index);
        let standing = &mut self.venues[venue_index].standings[index];
        if ours == theirs {
            (standing.is_agreed, standing.has_differed, standing.mismatch) = (true, false, None);
            return true;
        }
        if standing.is_stirred || !standing.has_differed {
            standing.has_differed = !standing.is_stirred;
            return false;
        }
        if standing.mismatch != Some((ours, theirs)) {
            standing.mismatch = Some((ours, theirs));
            self.counts.mismatches += 1;
            let at = (VenueId(venue_index as u16), instrument);
            self.alert(AlertCode::PositionMismatch, at, u64::from(instrument.0), ours, theirs, out);
        }
        false
    }

    fn ours_and_theirs(&self, venue_index: usize, index: usize) -> (i64, i64) {
        let venue = &self.venues[venue_index];
        let net = self.positions.net(InstrumentId(index as u16)).qty;
        (net.saturating_add(venue.external[index]), venue.sums[index])
    }

    /// Whether an instrument differs whose fills arrived while the snapshot was made.
    fn differs_in_motion(&self, venue_index: usize) -> bool {
        let own = self.instruments.iter().enumerate();
        own.filter(|(_, setup)| usize::from(setup.venue.0) == venue_index).any(|(index, _)| {
            let (ours, theirs) = self.ours_and_theirs(venue_index, index);
            ours != theirs && self.venues[venue_index].standings[index].is_stirred
        })
    }

    /// A fill was counted: what a snapshot says that is being made may be older.
    pub(super) fn stir(&mut self, instrument: InstrumentId) {
        let venue_index = usize::from(self.venue_of(instrument).0);
        if let (Some(venue), Some(index)) = (self.venues.get_mut(venue_index), instrument.index()) {
            venue.standings[index].is_stirred = true;
        }
    }

    /// What a reduction may take. Selling "ours" where the venue holds less, or before the two were compared, would open the
    /// other side. One instrument's standing is no matter of another's.
    pub(super) fn known_at_venue(&self, instrument: InstrumentId, sign: i64) -> i64 {
        let venue = self.venues.get(usize::from(self.venue_of(instrument).0));
        let standing = venue.zip(instrument.index()).map(|(venue, index)| venue.standings[index]);
        match standing {
            // What was filled since moved both alike.
            Some(Standing { mismatch: Some((ours, theirs)), .. }) => {
                let now = self.positions.net(instrument).qty.saturating_add(self.external(instrument));
                ((now - ours + theirs) * sign).max(0)
            }
            Some(Standing { is_agreed: true, .. }) => i64::MAX,
            _ => 0,
        }
    }

    /// The operator takes the venue's word for an instrument that differs and stays so. What of ours the venue does not have is
    /// written off without profit, since nobody saw at which price it went; what it has beyond is another's, and exposure.
    /// Nothing opens before the next snapshot says that the two are equal.
    pub(super) fn accept_position(&mut self, instrument: InstrumentId, out: &mut Outputs) {
        let venue_id = self.venue_of(instrument);
        let (venue_index, Some(index)) = (usize::from(venue_id.0), instrument.index()) else { return };
        let Some(venue) = self.venues.get(venue_index) else { return };
        let own = self.positions.net(instrument).qty;
        let ours = own.saturating_add(venue.external[index]);
        let subject = u64::from(instrument.0);
        let theirs = match venue.standings[index].mismatch {
            Some((then, theirs)) if then == ours => theirs,
            other => {
                let theirs = other.map_or(ours, |(_, theirs)| theirs);
                let at = (venue_id, instrument);
                return self.alert(AlertCode::NothingToAccept, at, subject, ours, theirs, out);
            }
        };
        let at_most = theirs.saturating_sub(venue.external[index]);
        let kept = at_most.clamp(own.min(0), own.max(0));
        let listed = &venue.listed;
        self.positions.write_off(instrument, own.abs() - kept.abs(), |identifier| {
            listed.iter().any(|(known, _)| *known == identifier)
        });
        self.exits_settle(instrument);
        self.forget_stops_of_gone(instrument);
        self.late_fills.forget(instrument);
        let now = self.now;
        let venue = &mut self.venues[venue_index];
        venue.external[index] = theirs - kept;
        venue.standings[index] = Standing::default();
        venue.reconciled = false;
        venue.query_due = now;
        if kept == 0 {
            self.loss.float(index, crate::types::Money::ZERO);
        }
        self.alert(AlertCode::PositionAccepted, (venue_id, instrument), subject, ours, theirs, out);
        self.prepare(instrument);
        self.renew_conditions();
    }

    fn take_baseline(&mut self, venue_index: usize, out: &mut Outputs) {
        for index in 0..self.instruments.len() {
            let instrument = InstrumentId(index as u16);
            if usize::from(self.instruments[index].venue.0) != venue_index {
                continue;
            }
            self.late_fills.forget(instrument);
            self.adopt_listed(instrument, out);
            let ours = self.positions.net(instrument).qty;
            let theirs = self.venues[venue_index].sums[index];
            self.venues[venue_index].external[index] = theirs - ours;
            if theirs != ours {
                let at = (VenueId(venue_index as u16), instrument);
                self.alert(AlertCode::ExternalPosition, at, u64::from(instrument.0), ours, theirs, out);
            }
            self.prepare(instrument);
        }
    }

    /// Counts this snapshot against the orders in doubt; `true` when none is left.
    fn settle_absent(&mut self, venue_index: usize, out: &mut Outputs) -> bool {
        if self.orders.unknown_count() == 0 {
            return true;
        }
        let venue = &self.venues[venue_index];
        let (query, asked) = (venue.query, venue.query_witnessed);
        let healthy = asked.since(venue.healthy_since) >= HEALTHY_FOR_NS;
        let patience_ns = self.gate.limits().page_after_ns;
        if healthy {
            self.each_open(|engine, id| {
                let Some(order) = engine.orders.order(id).copied() else { return };
                let here = usize::from(engine.venue_of(order.new.instrument).0) == venue_index;
                // What the venue once acknowledged is not absent because a list lags behind: the operator decides.
                if !here || order.state != OrderState::Unknown || order.is_acknowledged {
                    return;
                }
                if engine.orders.absent_in_snapshot(id, query, asked, patience_ns) >= ABSENT_READS {
                    let change = engine.orders.learn(id, Fact::ProvenAbsent, Verdict::Snapshot, engine.now);
                    engine.changed(change, out);
                }
            });
        }
        self.orders.unknown_count() == 0
    }

    /// Earliest time that anything is planned for a venue.
    pub(super) fn next_query_due(&self) -> TimeNs {
        self.venues.iter().map(|venue| venue.query_due).min().unwrap_or(TimeNs(i64::MAX))
    }
}
