//! What a run amounted to, for the report.
//!
//! What it is not: the truth; that is the journal. These are the engine's own counts when its lane ended.
//!
//! Invariant: `ticks_sent = ticks + coalesced` whenever the terminal's and our connection lost nothing; both sides are counted
//! where they happen, neither is derived from the other.

use super::Appliance;
use crate::agents::EngineStatus;
use crate::report::{BudgetTarget, Fingerprint, Report, Stage};
use crate::runtime::counters::CounterId;
use crate::signal::Veto;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// See the module.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The engine's last word; `None` when its lane never published.
    pub status: Option<EngineStatus>,
    /// Ticks that reached the appliance.
    pub ticks_received: u64,
    /// All stages over the whole run.
    pub stages: Vec<Stage>,
    /// The journal's folder.
    pub journal_dir: PathBuf,
    /// Records that the disk has for certain.
    pub durable_seq: u64,
    /// Why lanes failed; empty on a good run.
    pub failures: Vec<String>,
    /// Every counter that is not zero.
    pub counters: Vec<(String, u64)>,
}

impl Outcome {
    pub(super) fn new(appliance: &Appliance, failures: Vec<String>) -> Self {
        Outcome {
            status: appliance.last_status,
            ticks_received: appliance.counter("ingest", CounterId::Ticks),
            stages: appliance.totals(),
            journal_dir: appliance.journal_dir.clone(),
            durable_seq: appliance.progress.durable_seq(),
            failures,
            counters: appliance.counters(),
        }
    }

    /// The counts of the report, each with its reasons where it has some.
    pub fn counts(&self) -> BTreeMap<String, Json> {
        let mut counts = BTreeMap::new();
        let mut put = |name: &str, value: Json| counts.insert(name.to_string(), value);
        let Some(status) = &self.status else { return counts };
        let engine = &status.counts;
        put("ticks_received", json!(self.ticks_received));
        put("ticks", json!(engine.ticks));
        put("coalesced", json!(engine.coalesced));
        put("decisions", json!(engine.decisions));
        put("orders", json!(engine.orders));
        put("fills", json!(engine.fills));
        put("gaps", json!(engine.gaps));
        put("refilled", json!(engine.refilled));
        put("unknown", json!(engine.unknown));
        put("requests", json!(engine.requests));
        put("requests_unknown", json!(engine.requests_unknown));
        put("returned", json!(engine.returned));
        put("deals_repeated", json!(engine.deals_repeated));
        put("deals_foreign", json!(engine.deals_foreign));
        put("reconciliations", json!(engine.reconciliations));
        put("mismatches", json!(engine.mismatches));
        put("overridden", json!(engine.overridden));
        put("history_requests", json!(engine.history_requests));
        put("history_ticks", json!(engine.history_ticks));
        put("history_bars", json!(engine.history_bars));
        put("history_failures", json!(engine.history_failures));
        let held = engine.held().map(|(hold, count)| (hold.name().to_string(), count));
        put("not_asked", json!(held.collect::<BTreeMap<_, _>>()));
        put("position_steps", json!(status.position));
        put("profit_realised", json!(status.realised.as_f64()));
        put("profit_floating", json!(status.floating.as_f64()));
        put("instruments", super::accounts::instruments_json(&status.instruments));
        put("orders_foreign", json!(engine.orders_foreign));
        put("orders_open", json!(status.orders_open));
        put("orders_unknown", json!(status.orders_unknown));
        put("trading", json!(status.trading.name()));
        let changes = engine.changes().map(|(reason, count)| (reason.name(), count));
        put("trading_changes", json!(changes.collect::<BTreeMap<_, _>>()));
        let vetoes = Veto::ALL.iter().zip(status.vetoes).filter(|(_, count)| *count > 0);
        let vetoes: BTreeMap<_, _> = vetoes.map(|(veto, count)| (veto.name(), count)).collect();
        put("vetoes", json!(vetoes));
        put("models", super::console::models_json(&status.models));
        let denied = engine.denied().map(|(reason, count)| (reason.name().to_string(), count));
        let refused = engine.refused().map(|(retcode, count)| (format!("RETCODE_{retcode}"), count));
        put("rejects", json!(denied.chain(refused).collect::<BTreeMap<_, _>>()));
        counts
    }

    /// The report of the run.
    pub fn report(&self, title: &str, extra: BTreeMap<String, Json>, targets: &[BudgetTarget]) -> Report {
        let mut counts = self.counts();
        counts.extend(extra);
        let mut report =
            Report::from_stages(title, self.stages.clone(), counts, targets, Fingerprint::read());
        report.journal = Some(self.journal_dir.clone());
        report
    }
}
