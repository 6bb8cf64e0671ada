//! The single truth: every input the engine consumed and every output it produced, in order, by one writer.
//!
//! What it is not: it interprets no record, and it is not a log for people. What a snapshot's state means, when one is
//! written, and which segments expire is decided elsewhere.
//!
//! Invariant: a record whose `append` returned survives a killed process (it is in shared memory) and, once
//! [`Progress::durable_seq`] has reached it, a power cut. Nothing is dropped: a full journal refuses, and the caller
//! halts. Trading never starts on a journal that is broken anywhere but at its torn end.
//!
//! The way of a record: [`Writer::append`] numbers and checksums it and stores it in a shared-memory ring (`memory`);
//! [`Persister::do_work`] copies it to a preallocated segment file, syncs, and only then frees its place in the ring.
//! [`open`](open()) puts both ends in order first (`recovery`); [`JournalReader`] reads a folder for replay and reports.
//!
//! A folder holds `lock`, `epoch` (see `epoch`), segments named by their first sequence number, `0000000000000001.tbj` (see
//! `segment`) or compressed `0000000000000001.tbj.zst`, snapshots `snapshot-0000000000000500.tbs` (see `snapshot`), and, once
//! segments were removed by policy, `expired`.

mod compressed;
mod disk;
mod epoch;
mod error;
mod expired;
mod folder;
mod leftovers;
mod memory;
mod persister;
mod progress;
mod reader;
mod recovery;
mod scan;
mod segment;
mod small_file;
mod snapshot;
mod writer;

pub use compressed::{Compressed, compress_segment};
pub use disk::{Disk, FileSystem, SegmentFile};
pub use epoch::{EPOCH_MAX, EpochFile};
pub use error::{HeaderFault, JournalError, RecordFault};
pub use expired::ExpiredFile;
pub use folder::{Segment, each_record, expire, first_seq, segments};
pub use leftovers::Leftovers;
pub use memory::memory_path;
pub use persister::Persister;
pub use progress::{FailureKind, PersistState, Progress};
pub use reader::JournalReader;
pub use recovery::{Journal, JournalOptions, Recovery, TornTail, open, open_on};
pub use scan::{SegmentEnd, SegmentScan, scan_segment};
pub use segment::{SEGMENT_HEADER_BYTES, SegmentHeader, segment_name};
pub use snapshot::{
    SNAPSHOT_HEADER_BYTES, Snapshot, SnapshotFault, SnapshotHeader, set_aside, snapshot_name, snapshots,
};
pub use writer::{JournalFull, Writer};
