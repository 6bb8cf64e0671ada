//! One pass: ticks in, rows out.
//!
//! What it is not: a choice of rows by what is in them; rows are left out only for what they lack, and that is counted.
//!
//! Invariant: every tick enters the graph once and in order, whether its row is written or not; so a row does not depend on
//! where the table begins, only on where the ticks do.

use super::declared::{name_of, specs};
use super::label::{Horizon, LookAhead};
use super::source::{SourceTick, TickSource};
use super::{DatasetError, Grid};
use crate::config::Config;
use crate::features::{FeatureGraph, FeatureTick};
use crate::setup::SetupError;
use crate::store::table::{Column, ColumnKind, TableSummary, TableWriter};
use crate::store::ticks::civil_text;
use crate::types::{InstrumentId, TimeNs};
use std::path::Path;

/// Ticks between two reports of progress.
const PROGRESS_TICKS: u64 = 65_536;
/// Columns before the features: time, bid, ask.
const LEADING_COLUMNS: usize = 3;

/// What to do with rows that lack something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rows {
    /// They are not written.
    LeaveOut,
    /// They are written; what is lacking is null.
    Keep,
}

/// What the table should hold.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// A row for each tick of this instrument.
    pub rows_of: InstrumentId,
    /// Forward returns, by the names that were asked for.
    pub labels: Vec<(String, Horizon)>,
    /// First time of a row.
    pub from: TimeNs,
    /// First time after the last row.
    pub to: TimeNs,
    /// Rows with a feature that has not its history.
    pub unready: Rows,
    /// Rows with a label that is not known.
    pub unlabelled: Rows,
    /// Where the ticks come from, for the table's metadata.
    pub sources: Vec<String>,
}

/// What an export did.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct ExportSummary {
    /// Ticks that entered the graph.
    pub tick_count: u64,
    /// Rows written.
    pub row_count: u64,
    /// Rows with an unready feature, left out or kept.
    pub unready_count: u64,
    /// Rows without a label that was asked for, left out or kept.
    pub unlabelled_count: u64,
    /// Inputs without a usable price, as the graph counts them.
    pub refused_count: u64,
    /// Broken lines that were skipped.
    pub broken_count: u64,
    /// Feature columns.
    pub feature_count: usize,
    /// Time of the first row.
    pub ts_first_ns: Option<i64>,
    /// Time of the last row.
    pub ts_last_ns: Option<i64>,
    /// Bytes of the table.
    pub file_bytes: u64,
}

/// The graph, the table, and what was counted on the way.
struct Export<'a> {
    options: &'a ExportOptions,
    grid: Grid,
    graph: FeatureGraph,
    table: TableWriter,
    summary: ExportSummary,
    /// First and last time of a tick.
    span: Option<(TimeNs, TimeNs)>,
    outside_count: u64,
}

/// Makes the table `file`; `progress` is told the bytes of ticks read.
pub fn export(
    config: &Config,
    mut source: TickSource,
    options: &ExportOptions,
    file: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<ExportSummary, DatasetError> {
    let mut run = Export::new(config, &source, options, file)?;
    let horizons: Vec<Horizon> = options.labels.iter().map(|(_, horizon)| *horizon).collect();
    let mut ahead = LookAhead::new(options.rows_of, &horizons);
    let mut labels = Vec::with_capacity(horizons.len());
    while let Some(tick) = ahead.next(&mut || source.next_tick(), &mut labels)? {
        if tick.ts_venue >= options.to {
            run.leave_out(&tick);
            break;
        }
        run.take(&tick, &labels)?;
        if run.summary.tick_count.is_multiple_of(PROGRESS_TICKS) {
            progress(source.bytes_read());
        }
    }
    if run.summary.ts_first_ns.is_none() {
        return Err(run.no_row());
    }
    let Export { graph, table, mut summary, .. } = run;
    summary.refused_count = graph.refused_count();
    summary.broken_count = source.broken_count();
    let TableSummary { row_count, file_bytes } = table.finish()?;
    (summary.row_count, summary.file_bytes) = (row_count, file_bytes);
    Ok(summary)
}

impl<'a> Export<'a> {
    fn new(
        config: &Config,
        source: &TickSource,
        options: &'a ExportOptions,
        file: &Path,
    ) -> Result<Self, DatasetError> {
        let specs = specs(config)?;
        for spec in &specs {
            let mut legs = std::iter::once(spec.instrument).chain(spec.kind.with().map(|leg| leg.instrument));
            if let Some(without) = legs.find(|leg| source.grid(*leg).is_none()) {
                let (feature, instrument) = (spec.name.clone(), name_of(config, without));
                return Err(DatasetError::NoTicks { feature, instrument });
            }
        }
        let missing = || DatasetError::NoRows { instrument: name_of(config, options.rows_of) };
        let grid = *source.grid(options.rows_of).ok_or_else(missing)?;
        let graph = FeatureGraph::build(&specs).map_err(SetupError::from)?;
        let table = TableWriter::create(file, &columns(&graph, options), &metadata(config, source, options))?;
        let summary = ExportSummary {
            tick_count: 0,
            row_count: 0,
            unready_count: 0,
            unlabelled_count: 0,
            refused_count: 0,
            broken_count: 0,
            feature_count: graph.names().len(),
            ts_first_ns: None,
            ts_last_ns: None,
            file_bytes: 0,
        };
        Ok(Export { options, grid, graph, table, summary, span: None, outside_count: 0 })
    }

    /// A tick outside the asked time, before it or the first after it.
    fn leave_out(&mut self, tick: &SourceTick) {
        self.see(tick);
        self.outside_count += 1;
    }

    fn see(&mut self, tick: &SourceTick) {
        self.span = Some((self.span.map_or(tick.ts_venue, |(first, _)| first), tick.ts_venue));
    }

    /// Why there is nothing to write.
    fn no_row(&self) -> DatasetError {
        let time = |ts: Option<TimeNs>| ts.map_or_else(|| "-".to_owned(), civil_text);
        DatasetError::NoRow {
            tick_count: self.summary.tick_count,
            first: time(self.span.map(|(first, _)| first)),
            last: time(self.span.map(|(_, last)| last)),
            outside_count: self.outside_count,
            unready_count: self.summary.unready_count,
            unlabelled_count: self.summary.unlabelled_count,
        }
    }

    /// Pushes a tick and, if it is one of the rows', writes its row.
    fn take(&mut self, tick: &SourceTick, labels: &[Option<f64>]) -> Result<(), DatasetError> {
        self.graph.on_tick(tick.instrument, tick.ts_venue, &feature_tick(tick));
        self.summary.tick_count += 1;
        self.see(tick);
        if tick.instrument != self.options.rows_of {
            return Ok(());
        }
        if tick.ts_venue < self.options.from {
            self.outside_count += 1;
            return Ok(());
        }
        let (ready, labelled) = (self.graph.all_ready(), labels.iter().all(Option::is_some));
        self.summary.unready_count += u64::from(!ready);
        self.summary.unlabelled_count += u64::from(!labelled);
        if (!ready && self.options.unready == Rows::LeaveOut)
            || (!labelled && self.options.unlabelled == Rows::LeaveOut)
        {
            return Ok(());
        }
        self.write(tick, labels)
    }

    fn write(&mut self, tick: &SourceTick, labels: &[Option<f64>]) -> Result<(), DatasetError> {
        let Export { grid, graph, table, summary, .. } = self;
        table.time(0, tick.ts_venue.0);
        table.double(1, grid.price(tick.bid));
        table.double(2, grid.price(tick.ask));
        for (at, value) in graph.values().iter().enumerate() {
            table.float(LEADING_COLUMNS + at, graph.ready(at).then_some(*value));
        }
        for (at, label) in labels.iter().enumerate() {
            table.double(LEADING_COLUMNS + graph.names().len() + at, *label);
        }
        table.end_row()?;
        summary.ts_first_ns = summary.ts_first_ns.or(Some(tick.ts_venue.0));
        summary.ts_last_ns = Some(tick.ts_venue.0);
        Ok(())
    }
}

/// What the engine makes of a terminal's tick, which has no sizes at the best prices.
fn feature_tick(tick: &SourceTick) -> FeatureTick {
    let (bid, ask, last) = (tick.bid, tick.ask, tick.last);
    FeatureTick { bid, ask, last, volume: tick.volume, flags: tick.flags, ..FeatureTick::NONE }
}

fn columns(graph: &FeatureGraph, options: &ExportOptions) -> Vec<Column> {
    let leading =
        [("ts_venue_ns", ColumnKind::TimeNs), ("bid", ColumnKind::Double), ("ask", ColumnKind::Double)];
    let leading = leading.map(|(name, kind)| Column { name: name.into(), kind });
    let features = graph.names().iter().map(|name| Column { name: name.clone(), kind: ColumnKind::Float });
    let labels = options
        .labels
        .iter()
        .map(|(name, _)| Column { name: format!("return_{name}"), kind: ColumnKind::Double });
    leading.into_iter().chain(features).chain(labels).collect()
}

fn metadata(config: &Config, source: &TickSource, options: &ExportOptions) -> Vec<(&'static str, String)> {
    let json = |value: serde_json::Result<String>| value.unwrap_or_default();
    let tick_size = source.grid(options.rows_of).map_or(f64::NAN, Grid::tick_size);
    let labels: Vec<&str> = options.labels.iter().map(|(name, _)| name.as_str()).collect();
    vec![
        ("tickbridge.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("tickbridge.config_digest", format!("{:016x}", config.digest())),
        ("tickbridge.instrument", name_of(config, options.rows_of)),
        ("tickbridge.tick_size", tick_size.to_string()),
        ("tickbridge.features", json(serde_json::to_string(&config.features))),
        ("tickbridge.labels", json(serde_json::to_string(&labels))),
        ("tickbridge.sources", json(serde_json::to_string(&options.sources))),
    ]
}
