//! The four agents as a fused lane has them, called in turn on the test's own thread with every allocation counted, and the control
//! floor's ends.
//!
//! What it is not: the real start (`app`); it has no lanes, no files but the journal's, and no clock but the test's.
//!
//! Invariant: it counts only while an agent works.
#![allow(dead_code, reason = "a part of two test programs; each uses its own share")]

use super::counting::counted;
use std::net::SocketAddr;
use tickbridge::agents::{
    Admission, Decide, DecideParts, Endpoint, EndpointSettings, EngineStatus, Ingest, Persist, RingSizes,
    Send, SendParts, StagedModel, rings,
};
use tickbridge::engine::{Engine, ModelUnit};
use tickbridge::journal::{self, JournalOptions};
use tickbridge::link::ServerSettings;
use tickbridge::record::{Origin, ROLE_MARKET, ROLE_TRADE, Record, Start};
use tickbridge::runtime::KillFlag;
use tickbridge::runtime::agent::Agent;
use tickbridge::runtime::clock::{Clock, ManualClock};
use tickbridge::runtime::counters::counters;
use tickbridge::runtime::histogram::{StageReader, stage_histograms};
use tickbridge::runtime::ring::{CommandSender, Consumer, Producer, command_queue, ring};
use tickbridge::runtime::stage::Stage;
use tickbridge::types::{InstrumentId, NS_PER_MS, NS_PER_S, TimeNs, VenueId};

pub(super) const START: TimeNs = TimeNs(1_700_000_000 * NS_PER_S);
pub(super) const CYCLE_NS: i64 = 5 * NS_PER_MS;

fn endpoint(roles: u8, origin: Origin, admission: Admission) -> Endpoint {
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = ServerSettings { connections_max: 4, ..ServerSettings::default() };
    Endpoint::bind(EndpointSettings { address, roles, origin, server, admission }).expect("a free port")
}

/// The four agents as a fused lane has them, and the control floor's ends.
pub(super) struct Appliance {
    pub(super) agents: [(&'static str, Box<dyn Agent>); 4],
    pub(super) stages: Vec<StageReader>,
    pub(super) status: Consumer<EngineStatus>,
    pub(super) staged: Producer<StagedModel>,
    pub(super) retired: Consumer<Box<ModelUnit>>,
    pub(super) time: ManualClock,
    pub(super) clock: Clock,
    pub(super) taken: [u64; 4],
    pub(super) given: [u64; 4],
    pub(super) control: CommandSender<Record>,
    pub(super) killed: KillFlag,
    pub(super) alerts: Consumer<Record>,
}

impl Appliance {
    pub(super) fn start(
        dir: &std::path::Path,
        engine: Engine,
        admission: Admission,
    ) -> (Appliance, SocketAddr, SocketAddr) {
        let (clock, time) = Clock::manual(START);
        let options = JournalOptions {
            memory_dir: dir.into(),
            // One segment for the whole run: a new file's path is the one thing that persist may allocate.
            segment_bytes: 256 << 20,
            sync_every_ns: NS_PER_S,
            ..JournalOptions::new(dir.join("journal"))
        };
        let journal = journal::open(&options, START).expect("a journal");
        let parts = rings(RingSizes { market: 4_096, reports: 8_192, orders: 1_024 });
        let market = endpoint(ROLE_MARKET, Origin::Market, admission.clone());
        let trade = endpoint(ROLE_MARKET | ROLE_TRADE, Origin::Trade, admission);
        let address = |endpoint: &Endpoint| endpoint.local_addr().expect("bound");
        let (market_address, trade_address) = (address(&market), address(&trade));
        let mut stages = Vec::new();
        let mut recorder = |of: &[Stage]| {
            let (recorder, reader) = stage_histograms(of);
            stages.push(reader);
            recorder
        };
        let ingest = Ingest::new(
            market,
            (parts.market.0, parts.ingest_reports.0),
            parts.history_requests.1,
            clock.clone(),
            recorder(&[Stage::LinkRead]),
            counters().0,
        );
        let start = Start { epoch: 1, config_digest: 0, ts_wall: START.0, halted: 0, reserved: [0; 7] };
        let (status_end, status) = ring(8);
        let (staged, staged_end) = ring(8);
        let (retired_end, retired) = ring(16);
        let (control, control_end) = command_queue(64);
        let killed = KillFlag::default();
        let (alerts_end, alerts) = ring(64);
        let decide = Decide::new(DecideParts {
            engine,
            journal: journal.writer,
            market: parts.market.1,
            ingest_reports: parts.ingest_reports.1,
            send_reports: parts.send_reports.1,
            control: control_end,
            models: staged_end,
            retired: retired_end,
            orders: parts.orders.0,
            history_requests: parts.history_requests.0,
            status: status_end,
            alerts: Some(alerts_end),
            clock: clock.clone(),
            recorder: recorder(&[
                Stage::IngestToDecide,
                Stage::JournalAppend,
                Stage::Decide,
                Stage::TickToDecision,
                Stage::OrderToAck,
                Stage::OrderToFill,
            ]),
            counters: counters().0,
            messages_per_cycle_max: 64,
            start: Record::new(Origin::Appliance, START, VenueId(0), InstrumentId::NONE, &start),
        });
        let send = Send::new(SendParts {
            endpoint: trade,
            orders_slots: 1_024,
            orders: parts.orders.1,
            reports: parts.send_reports.0,
            wait_for_disk: None,
            killed: killed.clone(),
            epoch: 1,
            clock: clock.clone(),
            recorder: recorder(&[
                Stage::DecideToSend,
                Stage::EncodeAndWrite,
                Stage::DecisionToSend,
                Stage::TickToOrder,
            ]),
            counters: counters().0,
            messages_per_cycle_max: 64,
        });
        let persist = Persist::new(journal.persister, clock.clone(), counters().0);
        let agents: [(&'static str, Box<dyn Agent>); 4] = [
            ("ingest", Box::new(ingest)),
            ("decide", Box::new(decide)),
            ("send", Box::new(send)),
            ("persist", Box::new(persist)),
        ];
        let appliance = Appliance {
            agents,
            stages,
            status,
            staged,
            retired,
            time,
            clock,
            taken: [0; 4],
            given: [0; 4],
            control,
            killed,
            alerts,
        };
        (appliance, market_address, trade_address)
    }

    /// Time moves on, and every agent has its turn.
    pub(super) fn cycle(&mut self) -> TimeNs {
        self.time.advance_ns(CYCLE_NS);
        let now = self.clock.now();
        for (at, (_, agent)) in self.agents.iter_mut().enumerate() {
            let (_, taken, given) = counted(|| agent.do_work(now));
            self.taken[at] += taken;
            self.given[at] += given;
        }
        now
    }

    /// What the control floor does now and then; it frees and allocates, on its own account.
    pub(super) fn collect(&mut self) -> Option<EngineStatus> {
        self.stages.iter_mut().for_each(|reader| {
            reader.collect();
        });
        std::iter::from_fn(|| self.status.pop()).last()
    }

    pub(super) fn counts(&self) -> Vec<(&'static str, u64, u64)> {
        let each = self.agents.iter().zip(self.taken.iter().zip(&self.given));
        each.map(|((name, _), (&taken, &given))| (*name, taken, given)).collect()
    }
}
