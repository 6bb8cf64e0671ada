//! The record itself: header fields by name, payload by type.
//!
//! What it is not: it assigns no sequence and computes no checksum; the journal's writer does both.
//!
//! Invariant: `Kind` decides the payload's type, and `Record::new` is the only way to pair them.

use super::layout::Layout;
use crate::types::{InstrumentId, TimeNs, VenueId};

/// Size of every record.
pub const RECORD_BYTES: usize = 128;
/// Size of every payload.
pub const PAYLOAD_BYTES: usize = 96;
const HEADER_BYTES: usize = RECORD_BYTES - PAYLOAD_BYTES;
/// Version of the layouts in this folder.
pub const RECORD_VERSION: u8 = 1;

/// Header flag: this record was read from a venue's snapshot, not told as an event.
pub const FLAG_SNAPSHOT: u8 = 1;
/// Header flag: this record was refilled after a gap.
pub const FLAG_REFILL: u8 = 2;
/// Header flags of a tick that answers a history request: it is no news, and its `stream_seq` is the request's number.
pub const FLAG_HISTORY: u8 = FLAG_SNAPSHOT | FLAG_REFILL;
/// Header flag: the terminal could not look the deal up, so its magic, entry, reason, money and time are not known.
pub const FLAG_UNATTRIBUTED: u8 = 4;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $code:literal),+ $(,)?) => {
        /// What a record says. Below 64: inputs of the engine; from 64: its outputs.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Kind { $($(#[$doc])* $kind = $code),+ }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind),+];

            /// The kind with this code.
            pub fn from_code(code: u8) -> Option<Kind> {
                match code { $($code => Some(Kind::$kind),)+ _ => None }
            }

            /// For reports.
            pub fn name(self) -> &'static str {
                match self { $(Kind::$kind => stringify!($kind)),+ }
            }
        }
    };
}
kinds!(
    /// The appliance started: [`super::Start`].
    Start = 1,
    /// Time passed: [`super::ClockTick`].
    ClockTick = 2,
    /// A terminal came or went: [`super::Session`].
    Session = 3,
    /// A symbol's trading rules: [`super::Spec`].
    Spec = 4,
    /// A quote: [`super::Tick`].
    Tick = 5,
    /// Balance and margin: [`super::Account`].
    Account = 6,
    /// The answer to a command: [`super::CommandResult`].
    CommandResult = 7,
    /// An order at the venue: [`super::OrderEvent`].
    OrderEvent = 8,
    /// A deal at the venue: [`super::DealEvent`].
    DealEvent = 9,
    /// A position at the venue: [`super::PositionEvent`].
    PositionEvent = 10,
    /// A snapshot begins or ends: [`super::Snapshot`].
    Snapshot = 11,
    /// How many commands the terminal can take: [`super::Credit`].
    Credit = 12,
    /// Part of a stream is missing: [`super::Gap`].
    Gap = 13,
    /// What became of a command on our side of the wire: [`super::Dispatch`].
    Dispatch = 14,
    /// The operator spoke: [`super::Control`].
    Control = 15,
    /// Something of ours failed: [`super::Fault`].
    Fault = 16,
    /// One closed bar of the past: [`super::HistoryBar`]. Ticks of the past are [`super::Tick`]s with [`FLAG_HISTORY`].
    HistoryBar = 20,
    /// An answer of history is complete: [`super::HistoryEnd`].
    HistoryEnd = 21,
    /// A model takes or leaves a slot: [`super::ModelChange`].
    ModelChange = 24,
    /// The kill switch was thrown: [`super::KillSwitch`].
    KillSwitch = 26,
    /// The operator changed a limit: [`super::LimitChange`].
    LimitChange = 27,
    /// Something that the engine cannot see by itself: [`super::Incident`].
    Incident = 28,
    /// The operator lets one order pass one limit: [`super::Override`].
    Override = 30,
    /// When a venue trades a symbol: [`super::TradingHours`].
    TradingHours = 36,
    /// What a symbol's margin follows from: [`super::SymbolMargin`].
    SymbolMargin = 37,
    /// A command for a venue: [`super::Command`].
    Command = 64,
    /// A question to a venue: [`super::Query`].
    Query = 65,
    /// An intent that the gate refused: [`super::Denied`].
    Denied = 66,
    /// An order changed its state: [`super::OrderStateChange`].
    OrderStateChange = 67,
    /// Trading was opened, reduced or halted: [`super::TradingChange`].
    TradingChange = 68,
    /// The operator should look: [`super::Alert`].
    Alert = 69,
    /// A question to a venue about the past: [`super::HistoryRequest`].
    HistoryRequest = 72,
    /// A breaker opened, closed, or lets an order try: [`super::BreakerChange`].
    BreakerChange = 87,
    /// What the next command was decided by: [`super::Decision`].
    Decision = 80,
    /// What a model beside the live ones said: [`super::ShadowScore`].
    ShadowScore = 81,
    /// A request came into doubt or to its end: [`super::RequestStateChange`].
    RequestStateChange = 82,
    /// The next command tries an order again: [`super::Retry`].
    Retry = 83,
    /// A rule of exits asked for something: [`super::Exit`].
    Exit = 85,
    /// What the engine's state comes to here: [`super::StateHash`].
    StateHash = 90,
    /// The next command passed by the operator's leave: [`super::OverrideUse`].
    OverrideUse = 94,
);

impl Kind {
    /// Whether the engine consumes it (rather than producing it).
    pub fn is_input(self) -> bool {
        (self as u8) < 64
    }
}

/// Who made a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Origin {
    /// The engine.
    Engine = 0,
    /// A terminal, through its market connection.
    Market = 1,
    /// A terminal, through its trade connection.
    Trade = 2,
    /// The lane that sends.
    Send = 3,
    /// The operator.
    Operator = 4,
    /// The appliance's own timers and guards.
    Appliance = 5,
}

/// A payload that knows its kind.
pub trait Payload: Layout {
    /// The kind that announces it.
    const KIND: Kind;
}

/// 128 bytes: `crc u32 · kind u8 · version u8 · flags u8 · origin u8 · seq u64 · ts i64 · instrument u16 · venue u16 ·
/// aux u32 · payload [u8; 96]`.
///
/// `ts` is `ts_recv` for inputs and the `ts` of the causing input for outputs. `aux` is zero unless a payload says otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Record {
    bytes: [u8; RECORD_BYTES],
}

const _: () = assert!(size_of::<Record>() == RECORD_BYTES);

impl Record {
    /// All zeros: no kind. Fills rings and tests for "never written".
    pub const EMPTY: Record = Record { bytes: [0; RECORD_BYTES] };

    /// A record of `P`'s kind. Sequence and checksum are zero until the journal takes it.
    #[inline(always)]
    pub fn new<P: Payload>(
        origin: Origin,
        ts: TimeNs,
        venue: VenueId,
        instrument: InstrumentId,
        payload: &P,
    ) -> Self {
        const { assert!(P::BYTES <= PAYLOAD_BYTES) };
        let mut record = Record::EMPTY;
        record.bytes[4] = P::KIND as u8;
        record.bytes[5] = RECORD_VERSION;
        record.bytes[7] = origin as u8;
        record.bytes[16..24].copy_from_slice(&ts.0.to_le_bytes());
        record.bytes[24..26].copy_from_slice(&instrument.0.to_le_bytes());
        record.bytes[26..28].copy_from_slice(&venue.0.to_le_bytes());
        payload.write(&mut record.bytes[HEADER_BYTES..]);
        record
    }

    /// From bytes as they stand in a file.
    pub fn from_bytes(bytes: [u8; RECORD_BYTES]) -> Self {
        Record { bytes }
    }

    /// As they stand in a file.
    pub fn bytes(&self) -> &[u8; RECORD_BYTES] {
        &self.bytes
    }

    /// As sixteen little-endian words, for a hand-over through shared memory.
    #[inline(always)]
    pub fn to_words(&self) -> [u64; RECORD_BYTES / 8] {
        std::array::from_fn(|index| u64::read_at(&self.bytes, index * 8))
    }

    /// Back from [`Record::to_words`].
    #[inline(always)]
    pub fn from_words(words: &[u64; RECORD_BYTES / 8]) -> Self {
        let mut record = Record::EMPTY;
        for (chunk, word) in record.bytes.chunks_exact_mut(8).zip(words) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        record
    }

    /// What it says; `None` for a kind this version does not know.
    #[inline(always)]
    pub fn kind(&self) -> Option<Kind> {
        Kind::from_code(self.bytes[4])
    }

    /// The layout version it was written with.
    pub fn version(&self) -> u8 {
        self.bytes[5]
    }

    /// `FLAG_*` bits.
    pub fn flags(&self) -> u8 {
        self.bytes[6]
    }

    /// Sets `FLAG_*` bits.
    pub fn with_flags(mut self, flags: u8) -> Self {
        self.bytes[6] |= flags;
        self
    }

    /// Who made it, as its code.
    pub fn origin(&self) -> u8 {
        self.bytes[7]
    }

    /// Its number in the journal; zero before it has one.
    #[inline(always)]
    pub fn seq(&self) -> u64 {
        u64::read_at(&self.bytes, 8)
    }

    /// Given by the journal's writer.
    #[inline(always)]
    pub fn set_seq(&mut self, seq: u64) {
        self.bytes[8..16].copy_from_slice(&seq.to_le_bytes());
    }

    /// See [`Record`].
    #[inline(always)]
    pub fn ts(&self) -> TimeNs {
        TimeNs(u64::read_at(&self.bytes, 16) as i64)
    }

    /// Re-stamps a record; the lane that runs the engine does, so that engine time never goes backwards.
    pub fn set_ts(&mut self, ts: TimeNs) {
        self.bytes[16..24].copy_from_slice(&ts.0.to_le_bytes());
    }

    /// Whose symbol; [`InstrumentId::NONE`] where none is meant.
    #[inline(always)]
    pub fn instrument(&self) -> InstrumentId {
        InstrumentId(u16::from_le_bytes([self.bytes[24], self.bytes[25]]))
    }

    /// Whose account.
    #[inline(always)]
    pub fn venue(&self) -> VenueId {
        VenueId(u16::from_le_bytes([self.bytes[26], self.bytes[27]]))
    }

    /// A number beside the payload; its meaning is the payload's.
    pub fn aux(&self) -> u32 {
        u32::from_le_bytes([self.bytes[28], self.bytes[29], self.bytes[30], self.bytes[31]])
    }

    /// Sets [`Record::aux`].
    pub fn with_aux(mut self, aux: u32) -> Self {
        self.bytes[28..32].copy_from_slice(&aux.to_le_bytes());
        self
    }

    /// The stored checksum.
    #[inline(always)]
    pub fn checksum(&self) -> u32 {
        u32::from_le_bytes([self.bytes[0], self.bytes[1], self.bytes[2], self.bytes[3]])
    }

    /// Stores a checksum over [`Record::checksummed`].
    #[inline(always)]
    pub fn set_checksum(&mut self, crc: u32) {
        self.bytes[..4].copy_from_slice(&crc.to_le_bytes());
    }

    /// What the checksum covers.
    #[inline(always)]
    pub fn checksummed(&self) -> &[u8] {
        &self.bytes[4..]
    }

    /// The payload, if the record is of `P`'s kind.
    #[inline(always)]
    pub fn payload<P: Payload>(&self) -> Option<P> {
        (self.bytes[4] == P::KIND as u8).then(|| P::read(&self.bytes[HEADER_BYTES..]))
    }
}

/// Reads a word at a byte offset.
trait ReadAt {
    fn read_at(bytes: &[u8; RECORD_BYTES], offset: usize) -> Self;
}

impl ReadAt for u64 {
    #[inline(always)]
    fn read_at(bytes: &[u8; RECORD_BYTES], offset: usize) -> u64 {
        <u64 as super::layout::Field>::read(&bytes[offset..])
    }
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record")
            .field("seq", &self.seq())
            .field("kind", &self.kind())
            .field("ts", &self.ts().0)
            .field("instrument", &self.instrument().0)
            .field("venue", &self.venue().0)
            .finish_non_exhaustive()
    }
}
