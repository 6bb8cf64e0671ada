//! A simulated appliance: the real engine and decoders, and what the lanes around them do, one after the other.
//!
//! What it is not: the lanes (`agents`); this repeats their order of things (journal, step, journal, pass on) without rings,
//! sockets or files.
//!
//! Invariant: as in `agents/decide.rs`: every input is in the journal before the engine sees it, every output before it is
//! passed on. A kill may fall between any two of these.

use super::journal::Journal;
use super::planted::Planted;
use super::schedule::Port;
use super::setup;
use super::terminal::{LOGIN, SERVER};
use crate::engine::{Engine, Outputs, Setup};
use crate::order::BookMemory;
use crate::record::{self, Kind, Layout, Origin, ROLE_MARKET, ROLE_TRADE, Record, SessionState};
use crate::types::{FixedText, InstrumentId, TimeNs, VenueId};
use crate::wire::terminal::{Decoder, SymbolTable, body};
use std::collections::VecDeque;

/// Behind so many records the state is journalled as one number.
const STATE_EVERY_RECORDS: u64 = 256;
/// More than an episode makes; less is made faster.
pub(super) const MEMORY: BookMemory = BookMemory { open_max: 256, final_max: 4_096, deals_max: 8_192 };

/// The appliance's end of one port.
#[derive(Debug)]
pub(super) struct End {
    /// The connection it hears; zero for none.
    pub(super) connection: u32,
    pub(super) is_live: bool,
    pub(super) decoder: Decoder,
    pub(super) commands_sent: u64,
    pub(super) credit: u64,
    pub(super) ts_heard_ns: i64,
    pub(super) hello: body::Hello,
}

impl End {
    fn new(venue: VenueId, port: Port) -> Self {
        let origin = if port == Port::Market { Origin::Market } else { Origin::Trade };
        End {
            connection: 0,
            is_live: false,
            decoder: Decoder::new(SymbolTable::new(venue, setup::symbols_of(venue)), origin),
            commands_sent: 0,
            credit: 0,
            ts_heard_ns: 0,
            hello: body::Hello::read(&[0; body::Hello::BYTES]),
        }
    }

    /// Listens to a new connection.
    pub(super) fn connected(&mut self, connection: u32, now_ns: i64) {
        self.connection = connection;
        self.decoder.reset();
        self.ts_heard_ns = now_ns;
        (self.commands_sent, self.credit) = (0, 0);
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Appliance {
    pub(super) engine: Engine,
    pub(super) out: Outputs,
    pub(super) journal: Journal,
    pub(super) epoch: u64,
    /// By venue and port.
    pub(super) ends: Vec<[End; 2]>,
    pub(super) outbox: VecDeque<Record>,
    pub(super) ts_input: i64,
    /// A kill falls after so many more instants.
    pub(super) instants_left: Option<u32>,
    pub(super) is_dead: bool,
    /// Every output of the last step is in the journal.
    pub(super) is_step_whole: bool,
    pub(super) planted: Option<Planted>,
    /// The last record that told the state.
    state_seq: u64,
}

impl Appliance {
    pub(super) fn new(parts: &Setup, planted: Option<Planted>) -> Self {
        Appliance {
            engine: Engine::with_memory(parts.clone(), MEMORY),
            out: Outputs::default(),
            journal: Journal::default(),
            epoch: 0,
            ends: Vec::new(),
            outbox: VecDeque::new(),
            ts_input: 0,
            instants_left: None,
            is_dead: true,
            is_step_whole: true,
            planted,
            state_seq: 0,
        }
    }

    /// Ready for another episode, with its memory kept.
    pub(super) fn renew(&mut self, parts: &Setup, planted: Option<Planted>) {
        self.engine = Engine::with_memory(parts.clone(), MEMORY);
        self.journal.clear();
        self.epoch = 0;
        (self.instants_left, self.is_dead, self.is_step_whole) = (None, true, true);
        self.ts_input = 0;
        let of_venue = |at: usize| Port::BOTH.map(|port| End::new(VenueId(at as u16), port));
        self.ends = (0..parts.venues.len()).map(of_venue).collect();
        (self.planted, self.state_seq) = (planted, 0);
        self.forget_connections();
    }

    /// What a process that ends does not keep.
    pub(super) fn forget_connections(&mut self) {
        self.outbox.clear();
        self.out.clear();
        for end in self.ends.iter_mut().flatten() {
            (end.connection, end.is_live) = (0, false);
        }
    }

    /// The end of one port.
    pub(super) fn end(&self, venue: VenueId, port: Port) -> &End {
        &self.ends[usize::from(venue.0)][port as usize]
    }

    /// The same, to change it.
    pub(super) fn end_mut(&mut self, venue: VenueId, port: Port) -> &mut End {
        &mut self.ends[usize::from(venue.0)][port as usize]
    }

    /// One instant passes; `false` when the process died in it.
    pub(super) fn instant(&mut self) -> bool {
        pass(&mut self.instants_left, &mut self.is_dead)
    }

    /// As `agents::Decide`: journal, step, journal, pass on.
    #[inline]
    pub(super) fn take(&mut self, mut input: Record) {
        self.out.clear();
        if self.is_dead {
            return;
        }
        self.is_step_whole = true;
        self.ts_input = input.ts().0;
        self.journal.append(&mut input);
        self.is_step_whole = false;
        if !self.instant() {
            return;
        }
        self.engine.step(&input, &mut self.out);
        let Appliance { out, journal, instants_left, is_dead, planted, .. } = self;
        for output in out.records_mut() {
            if *planted == Some(Planted::SendBeforeJournal) && output.kind() == Some(Kind::Command) {
                continue;
            }
            journal.append(output);
            if !pass(instants_left, is_dead) {
                return;
            }
        }
        self.is_step_whole = true;
        for output in self.out.records() {
            if matches!(output.kind(), Some(Kind::Command | Kind::Query)) {
                self.outbox.push_back(*output);
            }
        }
        if self.journal.last_seq().saturating_sub(self.state_seq) >= STATE_EVERY_RECORDS {
            self.state_seq = self.journal.last_seq() + 1;
            self.journal.append(&mut self.engine.state_record());
        }
    }

    /// The record of a session that came or went.
    pub(super) fn session(&self, venue: VenueId, port: Port, state: SessionState, ts: TimeNs) -> Record {
        let hello = &self.end(venue, port).hello;
        let roles = if port == Port::Market { ROLE_MARKET } else { ROLE_TRADE };
        let session = record::Session {
            state: state as u8,
            roles,
            margin_mode: hello.margin_mode,
            account_mode: hello.account_mode,
            build: hello.build,
            login: LOGIN + u64::from(venue.0),
            server_offset_s: hello.server_offset_s,
            reason: 0,
            currency: hello.currency,
            server: *FixedText::<64>::new(SERVER).unwrap_or_default().bytes(),
        };
        let origin = if port == Port::Market { Origin::Market } else { Origin::Trade };
        Record::new(origin, ts, venue, InstrumentId::NONE, &session)
    }
}

fn pass(instants_left: &mut Option<u32>, is_dead: &mut bool) -> bool {
    match instants_left {
        Some(0) => *is_dead = true,
        Some(left) => *left -= 1,
        None => {}
    }
    !*is_dead
}

/// The engine that the records make.
pub(super) fn recover(parts: &Setup, records: &[Record], spare: &mut Outputs) -> Engine {
    let mut engine = Engine::with_memory(parts.clone(), MEMORY);
    for record in records {
        engine.recover(record, spare);
    }
    engine
}
