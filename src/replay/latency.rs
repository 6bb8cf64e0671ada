//! Latencies read off a journal: what its stamps can tell, and no more.
//!
//! What it is not: the live histograms, which also have the stages inside a lane.
//!
//! Invariant: a latency is the difference of two stamps of one clock; a pair that is not complete is not guessed.

use crate::journal::{JournalError, JournalReader};
use crate::record::{
    Command, CommandResult, DealEvent, Dispatch, DispatchOutcome, FLAG_SNAPSHOT, Kind, Tick,
};
use crate::report::{Stage, stage_histogram};
use crate::runtime::stage::Stage as Name;
use crate::types::TimeNs;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Stages and counts of a journal.
#[derive(Debug)]
pub struct JournalStages {
    /// Stages that have samples.
    pub stages: Vec<Stage>,
    /// Records by kind, and ticks coalesced.
    pub counts: BTreeMap<String, u64>,
}

struct Times {
    ts_tick: TimeNs,
    ts_send: Option<TimeNs>,
    is_acked: bool,
    is_filled: bool,
}

/// Reads a whole journal.
pub fn measure(dir: &Path) -> Result<JournalStages, JournalError> {
    let names = [Name::TickToOrder, Name::OrderToAck, Name::OrderToFill];
    let mut histograms: Vec<_> = names.iter().map(|name| (*name, stage_histogram())).collect();
    let mut note = |name: Name, ns: i64| {
        if let Some((_, histogram)) = histograms.iter_mut().find(|(known, _)| *known == name) {
            histogram.saturating_record(ns.max(1) as u64);
        }
    };
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut orders: HashMap<u64, Times> = HashMap::new();
    for record in JournalReader::open(dir)? {
        let record = record?;
        let kind = record.kind().map_or("unknown", Kind::name);
        *counts.entry(kind.to_string()).or_default() += 1;
        if record.payload::<Tick>().is_some() {
            *counts.entry("coalesced".into()).or_default() += u64::from(record.aux());
        } else if let Some(command) = record.payload::<Command>() {
            let times = Times { ts_tick: record.ts(), ts_send: None, is_acked: false, is_filled: false };
            orders.insert(command.order_id, times);
        } else if let Some(dispatch) = record.payload::<Dispatch>() {
            if let Some(times) = orders.get_mut(&dispatch.order_id)
                && dispatch.outcome == DispatchOutcome::Sent as u8
            {
                times.ts_send = Some(TimeNs(dispatch.ts_send));
                note(Name::TickToOrder, TimeNs(dispatch.ts_send).since(times.ts_tick));
            }
        } else if let Some(result) = record.payload::<CommandResult>() {
            if let Some(times) = orders.get_mut(&result.order_id)
                && let Some(ts_send) = times.ts_send
                && !std::mem::replace(&mut times.is_acked, true)
            {
                note(Name::OrderToAck, record.ts().since(ts_send));
            }
        } else if let Some(deal) = record.payload::<DealEvent>()
            && record.flags() & FLAG_SNAPSHOT == 0
            && let Some(times) = orders.get_mut(&deal.magic)
            && let Some(ts_send) = times.ts_send
            && !std::mem::replace(&mut times.is_filled, true)
        {
            note(Name::OrderToFill, record.ts().since(ts_send));
        }
    }
    let stages =
        histograms.into_iter().filter(|(_, histogram)| !histogram.is_empty()).map(|(name, histogram)| {
            Stage { name: name.name().into(), boundary: name.boundary().into(), histogram }
        });
    Ok(JournalStages { stages: stages.collect(), counts })
}
