//! A folder with a configuration of several models, and an engine made of it that is fed ticks.
//!
//! What it is not: a test; `strategies.rs` has those.
//!
//! Invariant: time moves only when a test says so; the price's steps come from a seed.
#![allow(unreachable_pub, reason = "a part of one test program")]

use std::path::{Path, PathBuf};
use std::process::Command;
use tickbridge::agents::EngineStatus;
use tickbridge::app::Outcome;
use tickbridge::config::Config;
use tickbridge::engine::{Engine, Outputs};
use tickbridge::record::{
    FLAG_HISTORY, Layout, Origin, PAYLOAD_BYTES, Payload, ROLE_TRADE, Record, Session, SessionState,
    ShadowScore, Start, Tick,
};
use tickbridge::runtime::prng::Prng;
use tickbridge::setup::{engine_setup, read_models};
use tickbridge::types::{InstrumentId, NS_PER_MS, NS_PER_S, Price, TimeNs, VenueId};

/// A Wednesday, 09:00 UTC.
pub const START_NS: i64 = 1_700_038_800 * NS_PER_S;
/// More ticks than any of these tests needs: one that gives up says so.
pub const TICKS_MAX: u32 = 20_000;
pub const EURUSD: InstrumentId = InstrumentId(0);
pub const GBPUSD: InstrumentId = InstrumentId(1);

pub const HEAD: &str = r#"
[appliance]
name = "strategies"
strategy_id = 1
state_dir = "state"
[journal]
dir = "journal"
[report]
dir = "report"
[history]
ticks_max = 0
[[venues]]
name = "demo"
login = 5000001
server = "Tickbridge-Demo"
currency = "USD"
[[instruments]]
name = "EURUSD"
venue = "demo"
symbol = "EURUSD"
[[instruments]]
name = "GBPUSD"
venue = "demo"
symbol = "GBPUSD"
[risk]
order_lots_max = 0.2
position_lots_max = 0.5
open_orders_max = 4
price_distance_max_points = 50
orders_per_s_max = 5.0
orders_burst_max = 5
stale_after_ms = 2000
daily_loss_max = 500.0
day_starts_at = "00:00"
rejects_in_row_max = 5
trailing_loss_max = 1000.0
losses_in_row_max = 1000
executions_max = 1000
executions_window_ms = 60000
order_value_max = 1000000000.0
jump_max_points = 10000000
jump_window_ms = 1000
margin_level_min_percent = 200
account_age_max_ms = 86400000
unknown_after_ms = 3000
page_after_ms = 30000
[watch]
shadow_record_every = 1
[[features]]
name = "f0"
kind = "change"
instrument = "EURUSD"
lag = 1
[[features]]
name = "f1"
kind = "value"
instrument = "EURUSD"
input = "spread"
[[features]]
name = "f2"
kind = "change"
instrument = "EURUSD"
lag = 3
[[features]]
name = "f3"
kind = "change"
instrument = "EURUSD"
input = "bid"
lag = 2
[[features]]
name = "f4"
kind = "value"
instrument = "EURUSD"
input = "spread"
"#;

/// Three members of three libraries, and a fourth that is only watched.
pub const THREE: &str = r#"
[model]
name = "line"
file = "skl_logistic.json"
format = "linear_json"
instrument = "EURUSD"
weight = 1.0
[[models]]
name = "boosted"
role = "member"
file = "logistic_d3.json"
format = "xgboost_json"
weight = 3.0
[[models]]
name = "hist"
role = "member"
file = "skl_hist.json"
format = "forest_json"
weight = 0.5
"#;

pub const SHADOW: &str = r#"
[[models]]
name = "watched"
role = "shadow"
file = "skl_ridge.json"
format = "linear_json"
"#;

/// A model that always says `score`, and a rule that always wishes to buy.
pub fn always(score: f64) -> String {
    format!(
        "[model]\nname = \"always\"\nfile = \"always-{score}.json\"\nformat = \"linear_json\"\ninstrument = \"EURUSD\"\n"
    )
}

pub const SIGNAL: &str = r#"
[signal]
enter_long_above = 0.5
exit_long_below = 0.1
enter_short_below = -1e6
exit_short_above = 0.0
volume_lots = 0.1
"#;

/// A folder with a configuration and its models.
pub struct Book {
    pub folder: tempfile::TempDir,
}

impl Book {
    /// `models` are the sections with models; `signal` is added to the thresholds, `more` are whole sections.
    pub fn new(models: &str, signal: &str, more: &str) -> Book {
        let book = Book { folder: tempfile::tempdir().unwrap() };
        for name in ["skl_logistic.json", "logistic_d3.json", "skl_hist.json", "skl_ridge.json"] {
            let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/models").join(name);
            std::fs::copy(&golden, book.path(name))
                .unwrap_or_else(|error| panic!("{}: {error}", golden.display()));
        }
        for score in [0.1, 0.8, 0.9, 1.0] {
            let features = ["f0", "f1", "f2", "f3", "f4"];
            book.linear(&format!("always-{score}.json"), "identity", &features, &[0.0; 5], score);
        }
        book.write("main.toml", &format!("{HEAD}{models}{SIGNAL}{signal}\n{more}"));
        book
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn linear(&self, name: &str, link: &str, features: &[&str], weights: &[f64], intercept: f64) {
        let model = serde_json::json!({"format": "tickbridge-linear", "version": 1, "link": link,
            "features": features, "weights": weights, "intercept": intercept});
        self.write(name, &model.to_string());
    }

    pub fn open(&self) -> Desk {
        let config = Config::load(&self.path("main.toml")).unwrap_or_else(|errors| panic!("{errors}"));
        let models = read_models(&config).unwrap_or_else(|error| panic!("{error}"));
        let setup = engine_setup(&config, &models).unwrap_or_else(|error| panic!("{error}"));
        let mut desk = Desk {
            engine: Engine::new(setup),
            config,
            out: Outputs::default(),
            now: TimeNs(START_NS),
            bid: 100_000,
            dice: Prng::new(5),
        };
        desk.give(
            EURUSD,
            &Start { epoch: 1, config_digest: 0, ts_wall: START_NS, halted: 0, reserved: [0; 7] },
        );
        desk
    }

    /// What `tickbridge check` says of it.
    pub fn faults(&self) -> String {
        let mut check = Command::new(env!("CARGO_BIN_EXE_tickbridge"));
        let output = check.arg("check").arg("--config").arg(self.path("main.toml")).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        said.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

/// An engine that is being fed.
pub struct Desk {
    pub engine: Engine,
    pub config: Config,
    out: Outputs,
    pub now: TimeNs,
    bid: i64,
    pub dice: Prng,
}

impl Desk {
    pub fn give<P: Payload>(&mut self, instrument: InstrumentId, payload: &P) {
        let record = Record::new(Origin::Trade, self.now, VenueId(0), instrument, payload);
        self.out.clear();
        self.engine.step(&record, &mut self.out);
        self.engine.observe(&mut self.out);
    }

    /// The terminal tells how far its server's clock is from UTC.
    pub fn server_offset_s(&mut self, server_offset_s: i32) {
        let mut session = Session::read(&[0; PAYLOAD_BYTES]);
        (session.state, session.roles, session.server_offset_s) =
            (SessionState::Up as u8, ROLE_TRADE, server_offset_s);
        self.give(EURUSD, &session);
    }

    /// So much later a quote of this spread; the live score where the model was asked.
    pub fn tick(&mut self, instrument: InstrumentId, wait_ms: i64, spread: i64) -> Option<f64> {
        self.now = self.now.plus_ns(wait_ms * NS_PER_MS);
        self.bid += self.dice.below(9) as i64 - 4;
        let mut tick = Tick::read(&[0; PAYLOAD_BYTES]);
        (tick.bid, tick.ask, tick.last, tick.ts_venue) =
            (self.bid, self.bid + spread, Price::NONE.0, self.now.0);
        self.give(instrument, &tick);
        let told = self.out.records().iter().find_map(|record| record.payload::<ShadowScore>());
        assert!(self.out.records().iter().all(|record| record.flags() & FLAG_HISTORY == 0));
        told.map(|told| f64::from_bits(told.live_bits))
    }

    /// So many quotes of EURUSD, one after the other.
    pub fn ticks(&mut self, count: u32, wait_ms: i64, spread: i64) {
        for _ in 0..count {
            self.tick(EURUSD, wait_ms, spread);
        }
    }

    /// Ticks of EURUSD, 100 ms apart, until so many decisions were made.
    pub fn decide(&mut self, count: u64) {
        let until = self.engine.counts().decisions + count;
        for _ in 0..TICKS_MAX {
            if self.engine.counts().decisions >= until {
                return;
            }
            self.tick(EURUSD, 100, 2);
        }
        panic!("expected {until} decisions in {TICKS_MAX} ticks, got {}", self.engine.counts().decisions);
    }

    /// The report's JSON.
    pub fn report(&self) -> serde_json::Value {
        let outcome = Outcome {
            status: Some(EngineStatus::of(&self.engine, 0)),
            ticks_received: 0,
            stages: Vec::new(),
            journal_dir: PathBuf::new(),
            durable_seq: 0,
            failures: Vec::new(),
            counters: Vec::new(),
        };
        outcome.report("test", Default::default(), &[]).json()
    }

    pub fn vetoes(&self) -> serde_json::Value {
        self.report()["counts"]["vetoes"].clone()
    }
}
