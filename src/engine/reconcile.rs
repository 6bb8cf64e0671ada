//! Snapshots: what the venue has, held against what our fills say.
//!
//! What it is not: a copy of the venue over us. A difference is shown and stops openings; it is never papered over.
//!
//! Invariant: an order in doubt is declared absent only after two complete snapshots, each asked for while the link had been
//! healthy for [`HEALTHY_FOR_NS`], knew nothing of it among orders, deals and history. The time between them is witnessed
//! time (`Engine::advance`): a clock that leaps proves nothing.

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
        // In the venue's time, back to the last snapshot that agreed and to every order whose fate is open.
        let newest = if self.ts_venue == TimeNs::NEVER { now } else { self.ts_venue };
        let ts_agreed = self.venues[venue_index].ts_agreed;
        let known = if ts_agreed == TimeNs::NEVER { newest } else { ts_agreed };
        let oldest = self.orders.open().map(|order| order.new.ts_venue).min().unwrap_or(newest).min(known);
        let since = oldest.plus_ns(-HISTORY_MARGIN_NS).max(self.orders.deals_forgotten_until());
        let query_id = u64::from(self.epoch) << 32 | self.query_count;
        self.venues[venue_index].asked(query_id, self.fill_count, now, newest);
        self.venues[venue_index].query_witnessed = self.witnessed;
        let query = record::Query { query_id, since: since.0, order_id: 0 };
        self.emit(VenueId(venue_index as u16), InstrumentId::NONE, &query, out);
    }

    pub(super) fn on_position(&mut self, input: &Record) {
        let Some(position) = input.payload::<record::PositionEvent>() else { return };
        let (Some(index), Some(venue)) =
            (input.instrument().index(), self.venues.get_mut(usize::from(input.venue().0)))
        else {
            return;
        };
        if input.flags() & FLAG_SNAPSHOT != 0 {
            venue.sums[index] += position.qty;
        }
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
            0 => venue.sums.fill(0),
            1 => self.compare(venue_index, out),
            _ => venue.answered(false, now),
        }
    }

    fn compare(&mut self, venue_index: usize, out: &mut Outputs) {
        self.counts.reconciliations += 1;
        let settled_orders = self.settle_absent(venue_index, out);
        let quiet = self.venues[venue_index].query_fills == self.fill_count;
        let difference = self.first_difference(venue_index);
        let now = self.now;
        let venue = &mut self.venues[venue_index];
        match difference {
            None => {
                venue.mismatch = None;
                venue.differed_once = false;
                venue.baseline_taken = true;
                venue.reconciled = true;
                venue.ts_agreed = venue.query_ts_venue;
            }
            // The first look of all: what is there already is not ours, and counts as exposure.
            Some(_) if !venue.baseline_taken && quiet => {
                venue.baseline_taken = true;
                venue.reconciled = true;
                self.take_baseline(venue_index, out);
            }
            // Fills arrived while the snapshot was made, or it is the first time: look again.
            Some(_) if !quiet || !venue.differed_once => venue.differed_once = quiet,
            Some((instrument, ours, theirs)) => {
                let subject = u64::from(instrument.0);
                if venue.mismatch != Some((subject, ours, theirs)) {
                    venue.mismatch = Some((subject, ours, theirs));
                    self.counts.mismatches += 1;
                    let at = (VenueId(venue_index as u16), instrument);
                    self.alert(AlertCode::PositionMismatch, at, subject, ours, theirs, out);
                }
            }
        }
        let venue = &mut self.venues[venue_index];
        let agreed = venue.reconciled && venue.mismatch.is_none() && !venue.differed_once && settled_orders;
        venue.answered(agreed, now);
        self.renew_conditions();
    }

    fn first_difference(&self, venue_index: usize) -> Option<(InstrumentId, i64, i64)> {
        let venue = &self.venues[venue_index];
        let own = self
            .instruments
            .iter()
            .enumerate()
            .filter(|(_, setup)| usize::from(setup.venue.0) == venue_index);
        own.map(|(index, _)| {
            let instrument = InstrumentId(index as u16);
            let ours = self.positions.net(instrument).qty.saturating_add(venue.external[index]);
            (instrument, ours, venue.sums[index])
        })
        .find(|(_, ours, theirs)| ours != theirs)
    }

    fn take_baseline(&mut self, venue_index: usize, out: &mut Outputs) {
        for index in 0..self.instruments.len() {
            let instrument = InstrumentId(index as u16);
            if usize::from(self.instruments[index].venue.0) != venue_index {
                continue;
            }
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
        if healthy {
            self.each_open(|engine, id| {
                let Some(order) = engine.orders.order(id).copied() else { return };
                let here = usize::from(engine.venue_of(order.new.instrument).0) == venue_index;
                // What the venue once acknowledged is not absent because a list lags behind: the operator decides.
                let acknowledged = order.ticket != 0 || matches!(order.retcode, 10_008..=10_010);
                if !here || order.state != OrderState::Unknown || acknowledged {
                    return;
                }
                if engine.orders.absent_in_snapshot(id, query, asked) >= ABSENT_READS {
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
