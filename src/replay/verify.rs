//! Compares what the engine makes of a journal's inputs with the outputs beside them.
//!
//! What it is not: a reader of broken journals; the first damaged record ends it. A half-written end, as a power cut leaves it, is said
//! and is no damage: the next start cuts it there.
//!
//! Invariant: an output may be missing only at the end of a process's life (a kill between a record and the next); nowhere may
//! one be different, or one too many.

use super::rebuild::rebuild;
use crate::engine::{Engine, Outputs};
use crate::journal::{JournalError, JournalReader, first_seq};
use crate::record::{FieldValue, Kind, ModelAction, ModelChange, Record, Start, StateHash};
use crate::registry::ModelSource;
use crate::setup::{Models, SavedSetup, SetupError, engine_setup};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// Where and how a journal and its replay differ.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The journal's record, if it is not one too few.
    pub seq: u64,
    /// Its file.
    pub segment: PathBuf,
    /// Its place in the file, bytes.
    pub offset: u64,
    /// What the replay made.
    pub expected: String,
    /// What the journal has.
    pub got: String,
}

/// Why a replay did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The journal cannot be read.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// The setup of an epoch cannot be read or used.
    #[error("{0}")]
    Setup(#[from] SetupError),
    /// It does not begin with a start.
    #[error("record {seq}: expected a start before any other record, got {got}")]
    NoStart {
        /// Where.
        seq: u64,
        /// What.
        got: String,
    },
    /// Inputs and outputs do not belong together.
    #[error(
        "record {} at byte {} of {}: expected {}, got {}",
        .0.seq, .0.offset, .0.segment.display(), .0.expected, .0.got
    )]
    Difference(Box<Difference>),
}

/// What was compared.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Starts of the appliance.
    pub starts: u64,
    /// Inputs run again.
    pub inputs: u64,
    /// Outputs that were equal.
    pub outputs: u64,
    /// Outputs that a killed process did not get to write.
    pub cut_short: u64,
    /// Hashes of the engine's state that were equal.
    pub states: u64,
    /// Records before the first start that can be run again: what came before them expired.
    pub passed: u64,
    /// Where a half-written end was, as a power cut leaves it.
    pub torn: Option<String>,
    /// Last record.
    pub last_seq: u64,
}

/// Runs a whole journal again.
pub fn verify(dir: &Path) -> Result<Summary, ReplayError> {
    watch(dir, &mut |_, _| {})
}

/// Runs a whole journal again, and shows each input with the engine that has just taken it.
pub fn watch(dir: &Path, seen: &mut dyn FnMut(&Record, &Engine)) -> Result<Summary, ReplayError> {
    let mut reader = JournalReader::open(dir)?;
    let has_expired = first_seq(dir)? > 1;
    let mut summary = Summary::default();
    let mut replay: Option<(Engine, u32)> = None;
    let mut out = Outputs::default();
    let mut due: VecDeque<Record> = VecDeque::new();
    while let Some(record) = reader.next() {
        let record = match record {
            Err(torn @ JournalError::Torn { .. }) => {
                summary.torn = Some(torn.to_string());
                break;
            }
            record => record?,
        };
        summary.last_seq = record.seq();
        if let Some(start) = record.payload::<Start>() {
            summary.cut_short += due.len() as u64;
            due.clear();
            replay = engine_at(dir, &start, record.seq())?;
            summary.starts += u64::from(replay.is_some());
        }
        let Some((engine, drift_window)) = &mut replay else {
            if has_expired {
                summary.passed += 1;
                continue;
            }
            return Err(ReplayError::NoStart { seq: record.seq(), got: describe(&record) });
        };
        let place = |reader: &JournalReader| {
            reader.position().map_or((PathBuf::new(), 0), |(segment, offset)| (segment.to_path_buf(), offset))
        };
        let differ = |reader: &JournalReader, expected: String, got: &Record| {
            let (segment, offset) = place(reader);
            let got = Difference { seq: got.seq(), segment, offset, expected, got: describe(got) };
            Err(ReplayError::Difference(Box::new(got)))
        };
        if record.kind().is_some_and(Kind::is_input) {
            if let Some(missing) = due.front() {
                return differ(&reader, describe(missing), &record);
            }
            stage(engine, *drift_window, dir, &record)?;
            out.clear();
            engine.step(&record, &mut out);
            seen(&record, engine);
            due.extend(out.records());
            out.clear();
            engine.observe(&mut out);
            due.extend(out.records());
            drop(engine.take_retired());
            summary.inputs += 1;
        } else if let Some(told) = record.payload::<StateHash>() {
            if let Some(missing) = due.front() {
                return differ(&reader, describe(missing), &record);
            }
            if engine.contradicts(&told) {
                return differ(&reader, describe(&engine.state_record()), &record);
            }
            summary.states += 1;
        } else {
            match due.pop_front() {
                Some(made) if same(&made, &record) => summary.outputs += 1,
                Some(made) if describe(&made) == describe(&record) => {
                    let reserved = format!("{}, with other reserved bytes", describe(&made));
                    return differ(&reader, reserved, &record);
                }
                Some(made) => return differ(&reader, describe(&made), &record),
                None => {
                    return differ(&reader, "an input, for the engine makes no more outputs".into(), &record);
                }
            }
        }
    }
    summary.cut_short += due.len() as u64;
    Ok(summary)
}

/// The engine of an epoch, in the state in which it started: its setup, and everything before its start; and the rows of a
/// judgement of drift.
///
/// `None` where what came before expired and no snapshot stands between it and this start.
fn engine_at(dir: &Path, start: &Start, start_seq: u64) -> Result<Option<(Engine, u32)>, ReplayError> {
    let saved = SavedSetup::read(dir, start.epoch as u32)?;
    let models = Models::read(dir, &saved.models)?;
    let setup = engine_setup(&saved.config, &models)?;
    let drift_window = saved.config.watch.drift_window;
    if first_seq(dir)? > 1 {
        let fresh = || Engine::new(setup.clone());
        return match rebuild(dir, start_seq, start.config_digest, &fresh) {
            Err(JournalError::SnapshotMissing { .. }) => Ok(None),
            rebuilt => Ok(Some((rebuilt?.engine, drift_window))),
        };
    }
    // From the first record: what a snapshot says is not believed here.
    let mut engine = Engine::new(setup);
    let mut spare = Outputs::default();
    for record in JournalReader::open(dir)? {
        let record = record?;
        if record.seq() >= start_seq {
            break;
        }
        engine.recover(&record, &mut spare);
    }
    Ok(Some((engine, drift_window)))
}

/// A model that a change names, read from beside the journal and laid where the engine finds it.
fn stage(engine: &mut Engine, drift_window: u32, dir: &Path, record: &Record) -> Result<(), ReplayError> {
    let Some(change) = record.payload::<ModelChange>() else { return Ok(()) };
    if ModelAction::from_code(change.action) != Some(ModelAction::Install) {
        return Ok(());
    }
    let source = ModelSource::read(dir, change.digest).map_err(SetupError::from)?;
    let slot = crate::engine::Slot::from_code(change.slot);
    let names = engine.row_names(record.instrument(), slot).unwrap_or(&source.header().features).to_vec();
    let unit = source.load(&names, drift_window).map_err(SetupError::from)?;
    drop(engine.stage(Box::new(unit)));
    Ok(())
}

/// Equal in everything but number and checksum, which the journal gave.
fn same(made: &Record, journalled: &Record) -> bool {
    let mut made = *made;
    made.set_seq(journalled.seq());
    made.checksummed() == journalled.checksummed()
}

fn describe(record: &Record) -> String {
    let mut text = record.kind().map_or("an unknown kind", Kind::name).to_owned();
    for (field, value) in record.fields() {
        let value = match value {
            FieldValue::Unsigned(number) => number.to_string(),
            FieldValue::Signed(number) => number.to_string(),
            FieldValue::Real(number) => number.to_string(),
            FieldValue::Bytes(bytes) => value.text().map_or_else(|| format!("{bytes:02x?}"), str::to_owned),
        };
        text.push_str(&format!(" {}={value}", field.name));
    }
    let [venue, instrument] = [record.venue().0, record.instrument().0];
    let (origin, flags, aux) = (record.origin(), record.flags(), record.aux());
    let ts = record.ts().0;
    format!(
        "{text} at {ts} ns, origin {origin}, venue {venue}, instrument {instrument}, flags {flags}, aux {aux}"
    )
}
