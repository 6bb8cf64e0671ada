//! The engine's state rebuilt from a journal's folder: the newest snapshot that can be used and the records behind it, or every
//! record from the first.
//!
//! What it is not: a replay; nothing is decided or compared but the state itself.
//!
//! Invariant: a snapshot is used only if it is whole, this journal's, and its state has the number that it says; whatever is not
//! used is told. Without a snapshot nothing that expired is passed over: the rebuilding is refused.

use crate::engine::{Engine, Outputs};
use crate::journal::{
    EpochFile, JournalError, JournalReader, Snapshot, SnapshotHeader, first_seq, snapshots,
};
use crate::record::{Record, Start, StateHash};
use crate::types::{STATE_VERSION, StateBytes, StateSource};
use std::path::{Path, PathBuf};

/// A state, and how it came about.
#[derive(Debug)]
pub struct Rebuilt {
    /// In the state behind `seq`.
    pub engine: Engine,
    /// The last record that it took.
    pub seq: u64,
    /// Records that were read.
    pub record_count: u64,
    /// The record of the snapshot that it began with; `None` for the whole journal.
    pub snapshot_seq: Option<u64>,
    /// Snapshots that were not used: which, and why.
    pub unused: Vec<(PathBuf, String)>,
    /// The first record that tells another state than the one that was rebuilt.
    pub contradicted_by: Option<u64>,
}

impl Rebuilt {
    /// What to tell the operator.
    pub fn notes(&self) -> Vec<String> {
        let unused = self.unused.iter();
        let mut notes: Vec<String> =
            unused.map(|(path, why)| format!("snapshot not used: {}: {why}", path.display())).collect();
        let Rebuilt { seq, record_count, .. } = self;
        match self.snapshot_seq {
            Some(snapshot_seq) => notes.push(format!(
                "state rebuilt from {record_count} records behind the snapshot at record {snapshot_seq}, up to {seq}"
            )),
            None if *record_count > 0 => notes.push(format!("state rebuilt from {record_count} records")),
            None => {}
        }
        if let Some(seq) = self.contradicted_by {
            notes.push(format!(
                "record {seq} tells another state than the one that was rebuilt: compare orders and positions with the \
                 terminal's before you trade, and keep the journal"
            ));
        }
        notes
    }
}

/// Rebuilds the state behind the last record before `before_seq`; `fresh` makes an engine that knows nothing, of the setup
/// with this digest.
pub fn rebuild(
    dir: &Path,
    before_seq: u64,
    setup_digest: u64,
    fresh: &dyn Fn() -> Engine,
) -> Result<Rebuilt, JournalError> {
    let journal_id = EpochFile::read(dir)?.map_or(0, |file| file.journal_id);
    let oldest = first_seq(dir)?;
    let mut unused = Vec::new();
    for (seq, path) in snapshots(dir)? {
        if seq >= before_seq || seq + 1 < oldest {
            continue;
        }
        let loaded = match Snapshot::read(&path, seq, journal_id)? {
            Ok(snapshot) => load(&snapshot, setup_digest, fresh()),
            Err(fault) => Err(fault.to_string()),
        };
        match loaded {
            Ok((engine, header)) => {
                let digest = header.setup_digest;
                let rebuilt = follow(dir, before_seq, setup_digest, engine, Some((seq, digest)))?;
                match rebuilt.contradicted_by {
                    // What is older may know better; if it does not, the word stands.
                    Some(record) if oldest <= 1 => {
                        unused.push((path, format!("with it, record {record} tells another state")));
                    }
                    _ => return Ok(Rebuilt { unused, ..rebuilt }),
                }
            }
            Err(why) => unused.push((path, why)),
        }
    }
    if oldest > 1 {
        return Err(JournalError::SnapshotMissing {
            path: dir.to_owned(),
            first_seq: oldest,
            why: unused.first().map_or_else(|| "there is none".into(), |(_, why)| why.clone()),
        });
    }
    let rebuilt = follow(dir, before_seq, setup_digest, fresh(), None)?;
    Ok(Rebuilt { unused, ..rebuilt })
}

fn load(
    snapshot: &Snapshot,
    setup_digest: u64,
    mut engine: Engine,
) -> Result<(Engine, SnapshotHeader), String> {
    let header = snapshot.header;
    if header.state_version != STATE_VERSION {
        return Err(format!("expected state version {STATE_VERSION}, got {}", header.state_version));
    }
    engine.load_state(&mut StateSource::new(&snapshot.state)).map_err(|error| error.to_string())?;
    let got = engine.state_hash();
    // Another setup may keep less of it: fewer openings, other instruments.
    if got != header.state_hash && header.setup_digest == setup_digest {
        return Err(format!("expected state hash {:016x}, got {got:016x}", header.state_hash));
    }
    Ok((engine, header))
}

/// Takes the records behind a snapshot (its record, and the setup it was taken under), or all.
fn follow(
    dir: &Path,
    before_seq: u64,
    setup_digest: u64,
    mut engine: Engine,
    snapshot: Option<(u64, u64)>,
) -> Result<Rebuilt, JournalError> {
    let from_seq = snapshot.map_or(1, |(seq, _)| seq + 1);
    let mut digest = snapshot.map_or(0, |(_, digest)| digest);
    let (mut spare, mut record_count, mut contradicted_by) = (Outputs::default(), 0, None);
    let mut seq = from_seq - 1;
    for record in JournalReader::open_from(dir, from_seq)? {
        let record = record?;
        if record.seq() >= before_seq {
            break;
        }
        if let Some(start) = record.payload::<Start>() {
            digest = start.config_digest;
        }
        engine.recover(&record, &mut spare);
        // Another setup may have judged otherwise.
        if digest == setup_digest && contradicted_by.is_none() && tells_another(&engine, &record) {
            contradicted_by = Some(record.seq());
        }
        (seq, record_count) = (record.seq(), record_count + 1);
    }
    let snapshot_seq = snapshot.map(|(seq, _)| seq);
    Ok(Rebuilt { engine, seq, record_count, snapshot_seq, unused: Vec::new(), contradicted_by })
}

/// Whether a record tells another state than an engine has that took everything before it.
pub fn tells_another(engine: &Engine, record: &Record) -> bool {
    record.payload::<StateHash>().is_some_and(|told| engine.contradicts(&told))
}

/// An engine's state as a snapshot.
pub fn snapshot_of(engine: &Engine, seq: u64, journal_id: u64, setup_digest: u64) -> Snapshot {
    let mut bytes = StateBytes::default();
    engine.save_state(&mut bytes);
    let state_hash = engine.state_hash();
    let header = SnapshotHeader { seq, state_hash, state_version: STATE_VERSION, journal_id, setup_digest };
    Snapshot { header, state: bytes.into_bytes() }
}
