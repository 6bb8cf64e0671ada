//! What the controls of a journal's runs did, and how its orders, fills and positions stand: a report for whoever has to sign for it.
//!
//! What it is not: a measurement, or a replay; outputs are counted as they were written, and the state is the one that a start
//! would recover.
//!
//! Invariant: nothing but the journal's folder is read, and the state by the same way as a start's: the newest snapshot that can be
//! used. A trip is a record; what a control holds back without one (a wish that the
//! signal vetoes) is not counted here, and the report of a run has it.

use super::ReplayError;
use super::rebuild::rebuild;
use crate::config::{CONTROLS, Config, Control};
use crate::engine::Engine;
use crate::journal::JournalReader;
use crate::record::{
    self, Command, DealEvent, Denied, FLAG_SNAPSHOT, Kind, PositionEvent, Record, Snapshot, TradingChange,
};
use crate::risk::{LimitKey, Reason};
use crate::setup::{ModelWords, Models, SavedSetup, SetupError, engine_setup};
use crate::types::{InstrumentId, TimeNs};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// How often a reason stopped something, and when last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Trips {
    count: u64,
    ts_last: TimeNs,
    seq_last: u64,
}

/// What one walk over a journal gathers.
#[derive(Default)]
struct Walk {
    trips: BTreeMap<&'static str, Trips>,
    orders: u64,
    reductions: u64,
    starts: u64,
    deals: BTreeSet<u64>,
    deals_ours: BTreeSet<u64>,
    order_ids: BTreeSet<u64>,
    first: TimeNs,
    last: TimeNs,
    last_seq: u64,
    /// Positions of the snapshot that is being told, and of the last whole one, steps by instrument.
    telling: BTreeMap<u16, i64>,
    venue: Option<(TimeNs, BTreeMap<u16, i64>)>,
}

impl Walk {
    fn note(&mut self, record: &Record) {
        if self.last_seq == 0 {
            self.first = record.ts();
        }
        (self.last, self.last_seq) = (self.last.max(record.ts()), record.seq());
        match record.kind() {
            Some(Kind::Start) => self.starts += 1,
            Some(Kind::Denied) => {
                self.trip(
                    record.payload::<Denied>().and_then(|denied| Reason::from_code(denied.reason)),
                    record,
                );
            }
            Some(Kind::TradingChange) => {
                let reason =
                    record.payload::<TradingChange>().and_then(|change| Reason::from_code(change.reason));
                self.trip(reason, record);
            }
            Some(Kind::Command) => {
                self.orders += 1;
                self.reductions += u64::from(record.aux() & record::AUX_REDUCES != 0);
                self.order_ids.extend(record.payload::<Command>().map(|command| command.order_id));
            }
            Some(Kind::DealEvent) => self.deal(record),
            Some(Kind::PositionEvent) if record.flags() & FLAG_SNAPSHOT != 0 => {
                let qty = record.payload::<PositionEvent>().map_or(0, |position| position.qty);
                *self.telling.entry(record.instrument().0).or_default() += qty;
            }
            Some(Kind::Snapshot) => match record.payload::<Snapshot>().map(|snapshot| snapshot.phase) {
                Some(0) => self.telling.clear(),
                Some(1) => self.venue = Some((record.ts(), std::mem::take(&mut self.telling))),
                _ => {}
            },
            _ => {}
        }
    }

    fn trip(&mut self, reason: Option<Reason>, record: &Record) {
        let Some(reason) = reason else { return };
        let trips = self.trips.entry(reason.name()).or_default();
        *trips = Trips { count: trips.count + 1, ts_last: record.ts(), seq_last: record.seq() };
    }

    fn deal(&mut self, record: &Record) {
        let Some(deal) = record.payload::<DealEvent>().filter(|deal| deal.deal_type <= 1) else { return };
        self.deals.insert(deal.deal);
        if self.order_ids.contains(&deal.magic) {
            self.deals_ours.insert(deal.deal);
        }
    }
}

/// The report of a journal, as JSON.
pub fn control_report(dir: &Path) -> Result<Json, ReplayError> {
    let mut walk = Walk::default();
    for record in JournalReader::open(dir)? {
        walk.note(&record?);
    }
    // The last start's own record may have expired; a snapshot has it then.
    let Some(start) = ModelWords::read(dir)?.start() else {
        return Err(ReplayError::NoStart { seq: walk.last_seq, got: "no start at all".into() });
    };
    let saved = SavedSetup::read(dir, start.epoch as u32)?;
    let models = Models::read(dir, &saved.models)?;
    let setup = engine_setup(&saved.config, &models)?;
    let rebuilt = rebuild(dir, u64::MAX, start.config_digest, &|| Engine::new(setup.clone()))?;
    let engine = &rebuilt.engine;
    let config = serde_json::to_value(&saved.config).map_err(|error| {
        let error = error.to_string();
        ReplayError::Setup(SetupError::Value { key: "the journal's setup", error })
    })?;
    let controls = CONTROLS.iter().map(|control| control_json(control, &walk, &config, engine));
    Ok(json!({
        "journal": dir.display().to_string(),
        "from_ns": walk.first.0,
        "to_ns": walk.last.0,
        "records": walk.last_seq,
        "starts": walk.starts,
        "state": rebuilt.notes(),
        "controls": controls.collect::<Vec<_>>(),
        "reconciliation": reconciliation(&walk, &saved.config, engine),
    }))
}

fn control_json(control: &Control, walk: &Walk, config: &Json, engine: &Engine) -> Json {
    let trips = control.codes.iter().filter_map(|code| Some((*code, walk.trips.get(code)?)));
    let count: u64 = trips.clone().map(|(_, trips)| trips.count).sum();
    let last = trips.max_by_key(|(_, trips)| trips.seq_last);
    let limits: Map<String, Json> = control
        .keys
        .iter()
        .map(|key| {
            let (section, name) = key.split_once('.').unwrap_or((key, ""));
            let configured = configured(&config[section], name);
            let effective = LimitKey::named(name)
                .filter(|_| section == "risk")
                .map_or(configured.clone(), |key| json!(engine.limits_effective().value(key)));
            ((*key).to_owned(), json!({ "configured": configured, "effective": effective }))
        })
        .collect();
    json!({
        "number": control.number,
        "control": control.name,
        "limits": limits,
        "trips": count,
        "last_trip": last.map(|(code, trips)| json!({ "reason": code, "ts_ns": trips.ts_last.0, "record": trips.seq_last })),
        "tests": control.proofs(),
        "missing": control.missing,
    })
}

/// A key's value; of a section that may come several times, one a block.
fn configured(section: &Json, name: &str) -> Json {
    match section {
        Json::Array(blocks) => Json::Array(blocks.iter().map(|block| block[name].clone()).collect()),
        block => block[name].clone(),
    }
}

fn reconciliation(walk: &Walk, config: &Config, engine: &Engine) -> Json {
    let mut differences = 0;
    let rows: Vec<Json> = config
        .instruments
        .iter()
        .enumerate()
        .map(|(index, instrument)| {
            let id = InstrumentId(index as u16);
            let (ours, others) = (engine.positions().net(id).qty, engine.external(id));
            let venue = walk.venue.as_ref().map(|(_, held)| held.get(&id.0).copied().unwrap_or(0));
            // What was filled since the snapshot moved ours alone: the difference says so, with the snapshot's time beside it.
            let difference = venue.map(|venue| ours + others - venue);
            differences += u32::from(difference.is_some_and(|steps| steps != 0));
            json!({
                "instrument": instrument.name,
                "ours_steps": ours,
                "others_steps": others,
                "venue_steps": venue,
                "difference_steps": difference,
            })
        })
        .collect();
    let counts = engine.counts();
    json!({
        "orders": walk.orders,
        "reductions": walk.reductions,
        "orders_open": engine.orders().open_count(),
        "orders_in_doubt": engine.orders().unknown_count(),
        "deals": walk.deals.len(),
        "deals_ours": walk.deals_ours.len(),
        "deals_of_others": walk.deals.len() - walk.deals_ours.len(),
        "profit_realised": engine.positions().realised().as_f64(),
        "comparisons_since_start": counts.reconciliations,
        "mismatches_since_start": counts.mismatches,
        "venue_told_ns": walk.venue.as_ref().map(|(ts, _)| ts.0),
        "positions": rows,
        "differences": differences,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Layout, Origin};
    use crate::types::VenueId;

    #[test]
    fn trips_are_counted_by_reason_with_the_last_one() {
        let mut walk = Walk::default();
        let mut give = |seq: u64, reason: Reason| {
            let mut denied = Denied::read(&[0; 96]);
            denied.reason = reason as u32;
            let (ts, none) = (TimeNs(seq as i64 * 10), InstrumentId::NONE);
            let mut record = Record::new(Origin::Engine, ts, VenueId(0), none, &denied);
            record.set_seq(seq);
            walk.note(&record);
        };
        for (seq, reason) in [(1, Reason::SizeOrder), (2, Reason::QuoteStale), (3, Reason::SizeOrder)] {
            give(seq, reason);
        }
        let trips = |reason: Reason| walk.trips[reason.name()];
        assert_eq!(trips(Reason::SizeOrder), Trips { count: 2, ts_last: TimeNs(30), seq_last: 3 });
        assert_eq!(trips(Reason::QuoteStale), Trips { count: 1, ts_last: TimeNs(20), seq_last: 2 });
    }

    #[test]
    fn deals_count_once_and_ours_are_told_from_others() {
        let mut walk = Walk::default();
        let at =
            |payload: &DealEvent| Record::new(Origin::Trade, TimeNs(1), VenueId(0), InstrumentId(0), payload);
        let mut command = Command::read(&[0; 96]);
        command.order_id = 7;
        walk.note(&Record::new(Origin::Engine, TimeNs(1), VenueId(0), InstrumentId(0), &command));
        let mut deal = DealEvent::read(&[0; 96]);
        for (ticket, magic) in [(1, 7), (1, 7), (2, 9)] {
            (deal.deal, deal.magic) = (ticket, magic);
            walk.note(&at(&deal));
        }
        assert_eq!((walk.orders, walk.deals.len(), walk.deals_ours.len()), (1, 2, 1));
    }
}
