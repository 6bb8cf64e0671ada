//! Keeps a journal's folder: snapshots behind closed segments, segments compressed and expired by policy.
//!
//! What it is not: on a hot lane, or asked by one. It reads what the persister closed, runs it through an engine of its own, and
//! holds that engine against the states that the live one journalled.
//!
//! Invariant: no snapshot is written of a state that a journalled one contradicts; nothing is compressed or removed that a
//! snapshot does not stand for, and nothing is removed before the folder says so.

use crate::config::Config;
use crate::engine::{Engine, Outputs};
use crate::journal::{
    EpochFile, ExpiredFile, JournalError, Segment, Snapshot, compress_segment, each_record, expire, segments,
    set_aside, snapshots,
};
use crate::replay::{Rebuilt, snapshot_of, tells_another};
use crate::runtime::clock::Clock;
use crate::runtime::lane::{pin_current_thread, spawn_thread};
use crate::setup::ModelWords;
use crate::types::{NS_PER_S, TimeNs};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// The least claim on a core.
const NICE: i32 = 19;
/// Segments that an end still reads.
const LAST_SEGMENTS_MAX: usize = 2;

/// What is kept, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Policy {
    /// Closed segments are compressed.
    pub compresses: bool,
    /// Segments that ended longer ago expire; zero keeps them.
    pub keep_ns: i64,
    /// The oldest expire while all together are larger; zero keeps them.
    pub keep_bytes: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Keeper {
    dir: PathBuf,
    engine: Engine,
    /// The last record that the engine took.
    seq: u64,
    /// What the records up to there say of models.
    words: ModelWords,
    /// The record that the newest snapshot stands behind.
    snapshot_seq: u64,
    journal_id: u64,
    setup_digest: u64,
    policy: Policy,
    /// The first record that told another state.
    contradicted_by: Option<u64>,
    /// A segment that could not be taken, as its file was then: it is not read again before somebody mends it.
    stuck: Option<Marks>,
    /// It is to come to an end soon: what is left the next start can do.
    hurries: Arc<AtomicBool>,
    spare: Outputs,
}

impl Keeper {
    /// Begins with the state behind record `seq`, as the start rebuilt it; `contradicted_by` is the first record that told another.
    pub fn new(
        dir: PathBuf,
        (engine, seq, words): (Engine, u64, ModelWords),
        contradicted_by: Option<u64>,
        (journal_id, setup_digest): (u64, u64),
        policy: Policy,
    ) -> Result<Keeper, JournalError> {
        let snapshot_seq = snapshots(&dir)?.first().map_or(0, |(seq, _)| *seq);
        Ok(Keeper {
            dir,
            engine,
            seq,
            words,
            snapshot_seq,
            journal_id,
            setup_digest,
            policy,
            contradicted_by,
            stuck: None,
            hurries: Arc::default(),
            spare: Outputs::default(),
        })
    }

    /// Takes every segment that was closed since; returns how many records that were.
    pub fn take_closed(&mut self) -> Result<u64, JournalError> {
        let segments = segments(&self.dir)?;
        let closed = segments.len().saturating_sub(1);
        let before = self.seq;
        for (segment, next) in segments.iter().take(closed).zip(&segments[1.min(closed)..]) {
            if self.hurries() {
                break;
            }
            if next.first_seq > self.seq + 1 {
                let marks = marks_of(segment);
                if marks.is_some() && marks == self.stuck {
                    break;
                }
                self.stuck = marks;
                self.take(segment)?;
                self.stuck = None;
                self.write_snapshot()?;
            }
        }
        Ok(self.seq - before)
    }

    /// Takes everything there is, after the persister came to a tidy end. Where that is much, the next start does it.
    pub fn take_all(&mut self) -> Result<(), JournalError> {
        let segments = segments(&self.dir)?;
        let is_taken = |pair: &[Segment]| pair[1].first_seq <= self.seq + 1;
        let taken = segments.windows(2).take_while(|pair| is_taken(pair)).count();
        if self.hurries() && segments.len() - taken > LAST_SEGMENTS_MAX {
            return Ok(());
        }
        for segment in &segments[taken..] {
            self.take(segment)?;
        }
        self.write_snapshot()
    }

    fn hurries(&self) -> bool {
        self.hurries.load(Ordering::Relaxed)
    }

    fn take(&mut self, segment: &Segment) -> Result<(), JournalError> {
        let Keeper { engine, seq, words, spare, contradicted_by, journal_id, .. } = self;
        each_record(segment, *journal_id, &mut |record| {
            if record.seq() != *seq + 1 {
                return;
            }
            engine.recover(record, spare);
            words.note(record);
            *seq += 1;
            if contradicted_by.is_none() && tells_another(engine, record) {
                *contradicted_by = Some(record.seq());
            }
        })
    }

    fn write_snapshot(&mut self) -> Result<(), JournalError> {
        if let Some(seq) = self.contradicted_by {
            return Err(JournalError::StateContradicted { path: self.dir.clone(), seq });
        }
        if self.seq > self.snapshot_seq {
            let digests = (self.journal_id, self.setup_digest);
            let snapshot = snapshot_of(&self.engine, self.seq, &self.words, digests);
            snapshot.write(&self.dir)?;
            self.snapshot_seq = self.seq;
        }
        Ok(())
    }

    /// Expires and compresses what the policy says, as far as the older of two snapshots that can be read stands for it.
    pub fn tidy(&self, now: TimeNs) -> Result<(), JournalError> {
        // The records may be wanted to find out which of two states is right.
        if self.contradicted_by.is_some() {
            return Ok(());
        }
        let mut covered = Vec::new();
        for (seq, path) in snapshots(&self.dir)? {
            if Snapshot::read(&path, seq, self.journal_id)?.is_ok() {
                covered.push(seq);
            }
        }
        if let &[_, older, ..] = covered.as_slice() {
            self.expire(older, now)?;
        }
        if let (true, Some(newest)) = (self.policy.compresses, covered.first()) {
            for pair in segments(&self.dir)?.windows(2) {
                if pair[1].first_seq <= newest + 1 && !self.hurries() {
                    compress_segment(&pair[0].path)?;
                }
            }
        }
        Ok(())
    }

    fn expire(&self, covered_seq: u64, now: TimeNs) -> Result<(), JournalError> {
        let all = segments(&self.dir)?;
        let Policy { keep_ns, keep_bytes, .. } = self.policy;
        let mut left_bytes: u64 = all.iter().map(Segment::file_bytes).sum();
        let mut gone = 0;
        for pair in all.windows(2) {
            // A segment ended when the next one was made.
            let is_old = keep_ns > 0 && now.since(pair[1].created()?) > keep_ns;
            let is_much = keep_bytes > 0 && left_bytes > keep_bytes;
            if pair[1].first_seq > covered_seq + 1 || !(is_old || is_much) {
                break;
            }
            left_bytes -= pair[0].file_bytes();
            gone += 1;
        }
        if gone == 0 {
            return Ok(());
        }
        let before = ExpiredFile::read(&self.dir)?.map_or(0, |file| file.segment_count);
        let file = ExpiredFile {
            journal_id: self.journal_id,
            first_seq: all[gone].first_seq,
            snapshot_seq: covered_seq,
            segment_count: before + gone as u64,
            ts: now,
        };
        expire(&self.dir, &file)
    }
}

/// What tells a file from the same one later.
type Marks = (PathBuf, u64, SystemTime);

fn marks_of(segment: &Segment) -> Option<Marks> {
    let data = std::fs::metadata(&segment.path).ok()?;
    Some((segment.path.clone(), data.len(), data.modified().ok()?))
}

/// Who keeps the journal's folder, with the state that a start rebuilt. Snapshots that cannot be used go out of the way.
pub(super) fn of(
    config: &Config,
    rebuilt: &Rebuilt,
    words: ModelWords,
    setup_digest: u64,
) -> Result<Keeper, JournalError> {
    const DAY_NS: i64 = 86_400 * NS_PER_S;
    let dir = config.journal.dir.clone();
    for (path, _) in &rebuilt.unused {
        set_aside(path)?;
    }
    let journal_id = EpochFile::read(&dir)?.map_or(0, |file| file.journal_id);
    let policy = Policy {
        compresses: config.journal.compress,
        keep_ns: config.journal.keep_days as i64 * DAY_NS,
        keep_bytes: config.journal.keep_gib << 30,
    };
    let state = (rebuilt.engine.clone(), rebuilt.seq, words);
    Keeper::new(dir, state, rebuilt.contradicted_by, (journal_id, setup_digest), policy)
}

/// The keeper on a thread of its own.
#[derive(Debug)]
pub(super) struct Keeping {
    stop: Arc<AtomicBool>,
    hurries: Arc<AtomicBool>,
    thread: JoinHandle<Option<String>>,
}

impl Keeping {
    /// `folder` is the lock on the journal's folder: nobody else may start while this still writes there. `core` is one that no hot
    /// lane has, where there is one.
    pub(super) fn start(
        mut keeper: Keeper,
        clock: Clock,
        folder: File,
        core: Option<usize>,
    ) -> std::io::Result<Keeping> {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, hurries) = (stop.clone(), keeper.hurries.clone());
        let thread = spawn_thread("tb-keeper", move || {
            let _folder = folder;
            core.map(pin_current_thread);
            // Of this thread alone; refused, it is as busy as any other.
            let _ = rustix::process::setpriority_process(None, NICE);
            let mut told = String::new();
            // What the start read, no later one reads again.
            if let Err(error) = keeper.write_snapshot() {
                tell(&mut told, &error);
            }
            while !stopped.load(Ordering::Relaxed) {
                let done = keeper.take_closed().and_then(|count| match count {
                    0 => Ok(()),
                    _ => keeper.tidy(clock.now()),
                });
                if let Err(error) = done {
                    tell(&mut told, &error);
                }
                std::thread::park_timeout(LOOK);
            }
            // The persister is gone: what there is, is all.
            keeper.take_all().err().map(|error| error.to_string())
        })?;
        Ok(Keeping { stop, hurries, thread })
    }

    /// Asks it to come to an end: what is under way is finished, and nothing else begun.
    pub(super) fn hurry(&self) {
        self.hurries.store(true, Ordering::Relaxed);
    }

    /// Ends it, with a snapshot of the journal's tidy end; what went wrong, if anything.
    pub(super) fn finish(self) -> Option<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        let failed = || Some("it failed; the next start reads more of the journal".into());
        self.thread.join().unwrap_or_else(|_| failed())
    }
}

/// Says what went wrong once, not at every look.
fn tell(told: &mut String, error: &JournalError) {
    let words = error.to_string();
    if *told != words {
        eprintln!("tickbridge: keeper: {words}");
        *told = words;
    }
}
