//! The wiring: configuration in, running lanes out, and an outcome when they end.
//!
//! What it is not: a decision, a codec or a command line; every part it joins lives on its own floor.
//!
//! Invariant: this is the only place that knows every floor. Memory is taken, files opened and addresses bound before the
//! first lane starts; whatever is wrong by then is a typed error, and nothing has traded.

mod accounts;
mod console;
mod control;
mod day_report;
mod doubts;
mod hang;
mod incidents;
mod keeper;
mod kill;
mod limits;
mod models;
mod outcome;
mod overrides;
mod refused;
mod settings;

pub use console::AnswerError;
pub use control::{Arm, Control, ControlError};
pub use day_report::write_day_report;
pub use keeper::{Keeper, Policy};
pub use kill::{Kill, ScopeError, scope_named};
pub use limits::LimitRefusal;
pub use models::{ModelChangeError, Word};
pub use outcome::Outcome;

use crate::agents::{
    Decide, DecideParts, Endpoint, EndpointSettings, EngineStatus, Ingest, Persist, RingSizes, Send,
    SendParts, rings,
};
use crate::config::{self, BeforeSend, Config};
use crate::engine::Engine;
use crate::journal::{self, JournalError, JournalOptions, Progress};
use crate::link::BindError;
use crate::record::{ControlAction, Origin, ROLE_MARKET, ROLE_TRADE, Record, Start};
use crate::replay::rebuild;
use crate::risk::{Component, Trading};
use crate::runtime::agent::Agent;
use crate::runtime::clock::Clock;
use crate::runtime::counters::{CounterReader, counters};
use crate::runtime::histogram::{StageReader, stage_histograms};
use crate::runtime::huge_pages::collapse_heap;
use crate::runtime::idle::Idle;
use crate::runtime::lane::{Lane, LaneSpec, StopFlag};
use crate::runtime::layout::{LaneLayout, LayoutChoice};
use crate::runtime::memory_lock::{MemoryLock, lock_memory};
use crate::runtime::ring::{CommandSender, Consumer, command_queue, ring};
use crate::runtime::stage::Stage;
use crate::setup::{self, ModelWords, SavedSetup, SetupError};
use crate::types::{InstrumentId, NS_PER_MS, VenueId};
use hang::HangWatch;
use incidents::ClockWatch;
use keeper::Keeping;
use kill::KillDoor;
use limits::LimitDoor;
use models::{ModelDoor, effective_models, model_door};
use refused::RefusedDoor;
use settings::{alerts_ring, layout, server};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Present in the state folder: come up halted.
const LATCH: &str = "halted";

/// Why the appliance did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration's content cannot be used.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The journal cannot be written or is damaged.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// An address cannot be listened on.
    #[error("{key}: {error}")]
    Bind {
        /// Which address.
        key: &'static str,
        /// Why.
        error: BindError,
    },
    /// What an earlier run left killed cannot be taken back.
    #[error("arm: {0}")]
    Rearm(String),
    /// A file or thread that the start needs.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// The system's word.
        error: std::io::Error,
    },
}

/// What the operator decides at start.
#[derive(Clone, Debug, Default)]
pub struct StartOptions {
    /// Ends the halt of an earlier run; who and why are journalled.
    pub arm: Option<Arm>,
    /// How many processes gave their place to this one because a lane hung.
    pub hangs: u32,
}

/// A running appliance.
#[derive(Debug)]
pub struct Appliance {
    lanes: Vec<Lane>,
    stop: Stop,
    stages: Vec<StageReader>,
    counters: Vec<(&'static str, CounterReader)>,
    status: Consumer<EngineStatus>,
    alerts: Option<Consumer<Record>>,
    /// A core that no hot lane has, where there is one.
    quiet_core: Option<usize>,
    last_status: Option<EngineStatus>,
    day_reports: day_report::DayReports,
    control: CommandSender<Record>,
    models: ModelDoor,
    progress: Progress,
    clock: Clock,
    /// Where market connections are taken.
    pub market_address: SocketAddr,
    /// Where trade connections are taken.
    pub trade_address: SocketAddr,
    /// Number of this start.
    pub epoch: u32,
    /// The journal's folder.
    pub journal_dir: PathBuf,
    /// What was chosen and found at the start, a sentence each.
    pub notes: Vec<String>,
    latch: PathBuf,
    keeping: Option<Keeping>,
    killed: KillDoor,
    limits: LimitDoor,
    hang: HangWatch,
    clock_watch: ClockWatch,
    refused: RefusedDoor,
    /// As the configuration names them, in their order.
    instrument_names: Vec<String>,
}

impl Appliance {
    /// Opens, binds, recovers, and starts the lanes.
    pub fn start(config: &Config, options: &StartOptions) -> Result<Appliance, StartError> {
        let clock = Clock::system();
        let mut notes = Vec::new();
        let configured = setup::read_models(config)?;
        setup::engine_setup(config, &configured)?;
        let digest = setup::digest(config, &configured);
        let latch = config.appliance.state_dir.join(LATCH);
        std::fs::create_dir_all(&config.appliance.state_dir).map_err(|error| StartError::Io {
            what: format!("create {}", config.appliance.state_dir.display()),
            error,
        })?;
        let has_latch = latch.exists();
        let halted = has_latch && options.arm.is_none();

        // Before anything is written there: what the version before wrote is still its own if this one cannot read it.
        SavedSetup::check_names(config, &config.journal.dir, next_epoch(config)?)?;
        let journal = journal::open(&journal_options(config, digest), clock.now())?;
        notes.push(journal.recovery.to_string());
        let epoch = journal.recovery.epoch;
        let words = ModelWords::read(&config.journal.dir)?;
        let models = effective_models(config, &configured, (epoch, &words), &mut notes)?;
        let setup = setup::engine_setup(config, &models)?;
        models.write(&config.journal.dir)?;
        SavedSetup::new(config, &configured, &models).write(&config.journal.dir, epoch)?;
        let (door, staged, retired) = model_door(config, &setup, &models);
        let clock_watch = ClockWatch::new(setup.guards.clock);
        let tells_refusals = setup.guards.breakers[Component::Handshake as usize].failures > 0;
        let setup_digest = setup::digest(config, &models);
        let rebuilt = rebuild(&config.journal.dir, u64::MAX, setup_digest, &|| Engine::new(setup.clone()))?;
        notes.extend(rebuilt.notes());
        let keeper = keeper::of(config, &rebuilt, words, setup_digest)?;
        // Whose state is right nobody knows: a person says so before anything opens.
        let is_contradicted = rebuilt.contradicted_by.is_some();
        let engine = rebuilt.engine;
        // A killed process leaves no latch, but its journal says that it was halted or reduced.
        let mut killed = KillDoor::start(config, options.arm);
        let was_halted = has_latch || is_contradicted || engine.trading() != Trading::Active;
        let halted = halted || is_contradicted && options.arm.is_none();
        let arm = options.arm.filter(|_| was_halted || engine.killed_count() > 0 || killed.has_files());
        notes.extend(killed.notes());
        let limits = LimitDoor::new(&engine);
        notes.extend(limits.notes());
        if was_halted && arm.is_none() {
            notes.push(format!(
                "{} since an earlier run: start with --arm \"who: why\" to trade",
                if has_latch || is_contradicted { "halted" } else { engine.trading().name() }
            ));
        }

        let admission = setup::admission(config, epoch)?;
        engine.counted().for_each(|spec| admission.units.keep(spec));
        let endpoint = |key, address, roles, origin| {
            let settings = EndpointSettings {
                address,
                roles,
                origin,
                server: server(config),
                admission: admission.clone(),
            };
            Endpoint::bind(settings).map_err(|error| StartError::Bind { key, error })
        };
        let mut market = endpoint("link.market", config.link.market, ROLE_MARKET, Origin::Market)?;
        let mut trade = endpoint("link.trade", config.link.trade, ROLE_MARKET | ROLE_TRADE, Origin::Trade)?;
        let refused = RefusedDoor::of([&mut market, &mut trade], tells_refusals);
        let address = |endpoint: &Endpoint| {
            endpoint
                .local_addr()
                .map_err(|error| StartError::Io { what: "read the bound address".into(), error })
        };
        let (market_address, trade_address) = (address(&market)?, address(&trade)?);

        let start = Start {
            epoch: u64::from(epoch),
            config_digest: setup_digest,
            ts_wall: clock.now().0,
            halted: u8::from(halted),
            reserved: [0; 7],
        };
        let start = Record::new(Origin::Appliance, clock.now(), VenueId(0), InstrumentId::NONE, &start);
        let choice = layout(config);
        notes.push(format!("lanes: {}", choice.reason));
        if !clock.is_tsc() {
            notes.push(
                "clock: the processor's counter is not usable, the system's clock is read instead".into(),
            );
        }

        let mut wiring = Wiring { clock: clock.clone(), stages: Vec::new(), counters: Vec::new() };
        let parts = rings(RingSizes {
            market: config.rings.market_slots,
            reports: config.rings.reports_slots,
            orders: config.rings.orders_slots,
        });
        let (control, control_end) = command_queue(64);
        let (status_end, status) = ring(8);
        let (alerts_end, alerts) = alerts_ring(config);
        let ingest = Ingest::new(
            market,
            (parts.market.0, parts.ingest_reports.0),
            parts.history_requests.1,
            clock.clone(),
            wiring.recorder(&[Stage::LinkRead]),
            wiring.counters("ingest"),
        );
        let decide = Decide::new(DecideParts {
            engine,
            journal: journal.writer,
            market: parts.market.1,
            ingest_reports: parts.ingest_reports.1,
            send_reports: parts.send_reports.1,
            control: control_end,
            models: staged,
            retired,
            orders: parts.orders.0,
            history_requests: parts.history_requests.0,
            status: status_end,
            alerts: alerts_end,
            clock: clock.clone(),
            recorder: wiring.recorder(&[
                Stage::IngestToDecide,
                Stage::JournalAppend,
                Stage::Decide,
                Stage::TickToDecision,
                Stage::OrderToAck,
                Stage::OrderToFill,
            ]),
            counters: wiring.counters("decide"),
            messages_per_cycle_max: config.lanes.messages_per_cycle_max,
            start,
        });
        let send = Send::new(SendParts {
            endpoint: trade,
            orders_slots: config.rings.orders_slots,
            orders: parts.orders.1,
            reports: parts.send_reports.0,
            killed: killed.flag.clone(),
            wait_for_disk: (config.journal.before_send == BeforeSend::Disk).then(|| journal.progress.clone()),
            epoch: u64::from(epoch),
            clock: clock.clone(),
            recorder: wiring.recorder(&[
                Stage::DecideToSend,
                Stage::EncodeAndWrite,
                Stage::DecisionToSend,
                Stage::TickToOrder,
            ]),
            counters: wiring.counters("send"),
            messages_per_cycle_max: config.lanes.messages_per_cycle_max,
        });
        let persist = Persist::new(journal.persister, clock.clone(), wiring.counters("persist"));
        // After everything is allocated, before anything runs. Locked pages may not move, so it comes before the lock.
        notes.push(collapse_heap().to_string());
        let lock = if config.lanes.memory_lock { lock_memory() } else { MemoryLock::Off };
        notes.push(lock.to_string());
        let stop = Stop { hot: StopFlag::new(), persist: StopFlag::new() };
        if let Some(arm) = arm {
            killed.rearm().map_err(|error| StartError::Rearm(error.to_string()))?;
            notes.push(format!("armed again by {}: {}", arm.who, arm.why));
        }
        let lanes = wiring.spawn(config, &choice, &stop, ingest, decide, send, persist)?;
        let keeping = Keeping::start(keeper, clock.clone(), journal.folder, choice.persist_core)
            .map_err(|error| StartError::Io { what: "start the keeper".into(), error })?;
        let mut appliance = Appliance {
            lanes,
            stop,
            stages: wiring.stages,
            counters: wiring.counters,
            status,
            alerts,
            quiet_core: choice.persist_core,
            last_status: None,
            day_reports: Default::default(),
            control,
            models: door,
            progress: journal.progress,
            clock,
            market_address,
            trade_address,
            epoch,
            journal_dir: config.journal.dir.clone(),
            notes,
            latch,
            keeping: Some(keeping),
            killed,
            limits,
            hang: HangWatch::new(config),
            clock_watch,
            refused,
            instrument_names: config.instruments.iter().map(|instrument| instrument.name.clone()).collect(),
        };
        // What finds no room is told as soon as there is some.
        let _ = appliance.tell_kills();
        appliance.tell_hangs(options.hangs);
        if let Some(Arm { who, why }) = arm {
            let activate = Control {
                action: ControlAction::Activate,
                order_id: 0,
                instrument: InstrumentId::NONE,
                scope: None,
                who,
                why,
            };
            appliance.control(activate).expect("the queue is new and empty");
        }
        Ok(appliance)
    }
}

/// The lanes' ends: the journal's goes on until the others have written their last.
#[derive(Debug)]
struct Stop {
    hot: StopFlag,
    persist: StopFlag,
}

/// Makes the measuring ends as agents need them, and keeps the readers.
struct Wiring {
    clock: Clock,
    stages: Vec<StageReader>,
    counters: Vec<(&'static str, CounterReader)>,
}

impl Wiring {
    fn recorder(&mut self, stages: &[Stage]) -> crate::runtime::histogram::StageRecorder {
        let (recorder, reader) = stage_histograms(stages);
        self.stages.push(reader);
        recorder
    }

    fn counters(&mut self, owner: &'static str) -> crate::runtime::counters::CounterWriter {
        let (writer, reader) = counters();
        self.counters.push((owner, reader));
        writer
    }

    #[allow(clippy::too_many_arguments, reason = "the four agents, each once")]
    fn spawn(
        &mut self,
        config: &Config,
        choice: &LayoutChoice,
        stop: &Stop,
        ingest: Ingest,
        decide: Decide,
        send: Send,
        persist: Persist,
    ) -> Result<Vec<Lane>, StartError> {
        let hot = match (choice.layout, config.lanes.idle) {
            (LaneLayout::Shared, _) | (_, config::Idle::Park) => Idle::PARK,
            (_, config::Idle::Spin) => Idle::Spin,
            (_, config::Idle::Yield) => Idle::Yield,
            (_, config::Idle::Backoff) => Idle::BACKOFF,
        };
        // Every wake-up of this lane may take a core from a hot one: seldom is better, unless orders wait for the disk. The
        // journal's memory holds what comes in between many times over.
        let persist_idle = match config.journal.before_send {
            BeforeSend::Disk => Idle::PARK,
            BeforeSend::Memory => Idle::Park { park_us: 10_000 },
        };
        type Agents = Vec<Box<dyn Agent + std::marker::Send>>;
        let mut plan: Vec<(&'static str, Option<usize>, Idle, Stage, Agents)> = match choice.layout {
            LaneLayout::Dedicated => vec![
                ("tb-ingest", choice.ingest_core, hot, Stage::LaneCycleIngest, vec![Box::new(ingest)]),
                ("tb-decide", choice.decide_core, hot, Stage::LaneCycleDecide, vec![Box::new(decide)]),
                ("tb-send", choice.send_core, hot, Stage::LaneCycleSend, vec![Box::new(send)]),
            ],
            LaneLayout::Fused | LaneLayout::Shared => vec![(
                "tb-hot",
                choice.decide_core,
                hot,
                Stage::LaneCycleDecide,
                vec![Box::new(ingest), Box::new(decide), Box::new(send)],
            )],
        };
        plan.push((
            "tb-persist",
            choice.persist_core,
            persist_idle,
            Stage::LaneCyclePersist,
            vec![Box::new(persist)],
        ));
        let mut lanes = Vec::new();
        for (name, core, idle, cycle_stage, agents) in plan {
            let stop = if cycle_stage == Stage::LaneCyclePersist { &stop.persist } else { &stop.hot };
            let spec = LaneSpec {
                name,
                core,
                idle,
                cycle_stage,
                recorder: self.recorder(&[cycle_stage]),
                counters: self.counters(name),
                clock: self.clock.clone(),
                stop: stop.clone(),
            };
            let lane = Lane::spawn(spec, agents)
                .map_err(|error| StartError::Io { what: format!("start the lane {name}"), error })?;
            lanes.push(lane);
        }
        Ok(lanes)
    }
}

fn journal_options(config: &Config, digest: u64) -> JournalOptions {
    JournalOptions {
        memory_dir: config.journal.memory_dir.clone(),
        memory_records: (config.journal.memory_mib as usize * (1 << 20) / crate::record::RECORD_BYTES)
            .next_power_of_two(),
        segment_bytes: config.journal.segment_mib << 20,
        // Orders that wait for the disk must not wait for a timer as well.
        sync_every_ns: match config.journal.before_send {
            BeforeSend::Disk => 0,
            BeforeSend::Memory => config.journal.sync_every_ms as i64 * NS_PER_MS,
        },
        config_digest: digest,
        ..JournalOptions::new(config.journal.dir.clone())
    }
}

/// The number of the start that comes next, as the folder has it before it is opened.
fn next_epoch(config: &Config) -> Result<u32, JournalError> {
    Ok(journal::EpochFile::read(&config.journal.dir)?.map_or(1, |file| file.epoch + 1))
}
