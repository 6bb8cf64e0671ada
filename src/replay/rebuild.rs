//! The engine's state rebuilt from a journal's folder: the newest snapshot that can be used and the records behind it, or every
//! record from the first.
//!
//! What it is not: a replay; nothing is decided or compared but the state itself.
//!
//! Invariant: a snapshot is used only if it is whole, this journal's, and its state has the number that it says; whatever is not
//! used is told, and so is a state that cannot be checked. Every snapshot is tried before the whole journal is read, and while one
//! can be used, however old, nothing is refused. Without one nothing that expired is passed over.

use crate::engine::{Engine, Outputs};
use crate::journal::{
    EpochFile, JournalError, JournalReader, Snapshot, SnapshotHeader, first_seq, snapshots,
};
use crate::record::{Record, Start, StateHash};
use crate::setup::ModelWords;
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
    /// Its state has the number that it says; one of another setup may keep what this one does not.
    pub is_snapshot_checked: bool,
    /// Records that tell a state under another setup or of another version, with which nothing can be compared.
    pub unchecked_count: u64,
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
        if !self.is_snapshot_checked {
            notes.push(
                "state not checked: the snapshot was taken under another configuration, and this one does not keep all that its \
                 number was made of; compare orders and positions with the terminal's"
                    .into(),
            );
        }
        if self.unchecked_count > 0 {
            notes.push(format!(
                "state not checked at {} record(s) that tell it: they are of another configuration or version",
                self.unchecked_count
            ));
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
    let (mut unused, mut contradicted) = (Vec::new(), Vec::new());
    for (seq, path) in snapshots(dir)? {
        if seq >= before_seq || seq + 1 < oldest {
            continue;
        }
        let loaded = match Snapshot::read(&path, seq, journal_id)? {
            Ok(snapshot) => load(&snapshot, setup_digest, fresh()),
            Err(fault) => Err(fault.to_string()),
        };
        let base = match loaded {
            Ok((engine, digest, is_checked)) => (engine, Some(Base { seq, digest, is_checked })),
            Err(why) => {
                unused.push((path, why));
                continue;
            }
        };
        match follow(dir, before_seq, setup_digest, base) {
            Ok(rebuilt) => match rebuilt.contradicted_by {
                None => return Ok(rebuilt.without(unused, contradicted)),
                // What is older may know better; if it does not, the word stands.
                Some(_) => contradicted.push((path, rebuilt)),
            },
            // What is older reads the same damage, and more.
            Err(_) if !contradicted.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    let whole = if oldest > 1 {
        Err(JournalError::SnapshotMissing {
            path: dir.to_owned(),
            first_seq: oldest,
            why: unused.first().map_or_else(|| "there is none".into(), |(_, why)| why.clone()),
        })
    } else {
        follow(dir, before_seq, setup_digest, (fresh(), None))
    };
    match whole {
        Ok(rebuilt) => Ok(rebuilt.without(unused, contradicted)),
        // None of them is out of the way: which of two states is right is not known.
        Err(error) => contradicted
            .into_iter()
            .next()
            .map_or(Err(error), |(_, rebuilt)| Ok(rebuilt.without(unused, Vec::new()))),
    }
}

impl Rebuilt {
    /// With the snapshots that were passed over.
    fn without(self, mut unused: Vec<(PathBuf, String)>, contradicted: Vec<(PathBuf, Rebuilt)>) -> Rebuilt {
        unused.extend(contradicted.into_iter().filter_map(|(path, other)| {
            let record = other.contradicted_by?;
            Some((path, format!("with it, record {record} tells another state")))
        }));
        Rebuilt { unused, ..self }
    }
}

/// What a rebuilding begins with.
#[derive(Clone, Copy)]
struct Base {
    seq: u64,
    /// Of the setup that it was taken under.
    digest: u64,
    /// Its state has the number that it says.
    is_checked: bool,
}

/// An engine in a snapshot's state, the setup that it was taken under, and whether the state has the number that it says.
fn load(snapshot: &Snapshot, setup_digest: u64, mut engine: Engine) -> Result<(Engine, u64, bool), String> {
    let header = snapshot.header;
    if header.state_version != STATE_VERSION {
        return Err(format!("expected state version {STATE_VERSION}, got {}", header.state_version));
    }
    engine.load_state(&mut StateSource::new(&snapshot.state)).map_err(|error| error.to_string())?;
    let got = engine.state_hash();
    let is_checked = got == header.state_hash;
    // Another setup may keep less of it: fewer openings, other instruments.
    if !is_checked && header.setup_digest == setup_digest {
        return Err(format!("expected state hash {:016x}, got {got:016x}", header.state_hash));
    }
    Ok((engine, header.setup_digest, is_checked))
}

/// Takes the records behind a snapshot, or all.
fn follow(
    dir: &Path,
    before_seq: u64,
    setup_digest: u64,
    (mut engine, base): (Engine, Option<Base>),
) -> Result<Rebuilt, JournalError> {
    let from_seq = base.map_or(1, |base| base.seq + 1);
    let mut digest = base.map_or(0, |base| base.digest);
    let (mut spare, mut record_count) = (Outputs::default(), 0);
    let (mut contradicted_by, mut unchecked_count) = (None, 0);
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
        if let Some(told) = record.payload::<StateHash>() {
            // Another setup may have judged otherwise.
            let is_told_alike = digest == setup_digest && told.state_version == STATE_VERSION;
            unchecked_count += u64::from(!is_told_alike);
            if is_told_alike && contradicted_by.is_none() && engine.contradicts(&told) {
                contradicted_by = Some(record.seq());
            }
        }
        (seq, record_count) = (record.seq(), record_count + 1);
    }
    Ok(Rebuilt {
        engine,
        seq,
        record_count,
        snapshot_seq: base.map(|base| base.seq),
        is_snapshot_checked: base.is_none_or(|base| base.is_checked),
        unchecked_count,
        unused: Vec::new(),
        contradicted_by,
    })
}

/// Whether a record tells another state than an engine has that took everything before it.
pub fn tells_another(engine: &Engine, record: &Record) -> bool {
    record.payload::<StateHash>().is_some_and(|told| engine.contradicts(&told))
}

/// An engine's state as a snapshot, with what the journal says of models up to there.
pub fn snapshot_of(
    engine: &Engine,
    seq: u64,
    words: &ModelWords,
    (journal_id, setup_digest): (u64, u64),
) -> Snapshot {
    let mut bytes = StateBytes::default();
    engine.save_state(&mut bytes);
    let state_hash = engine.state_hash();
    let header = SnapshotHeader { seq, state_hash, state_version: STATE_VERSION, journal_id, setup_digest };
    Snapshot { header, state: bytes.into_bytes(), words: Some(words.records()) }
}
