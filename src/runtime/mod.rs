//! The machine under the program: time, dice, threads, rings, counters, histograms and shared memory.
//!
//! What it is not: it knows no tick, no order and no socket; agents bring those.
//!
//! Invariant: this folder is the one door. Nothing outside it reads a system clock, draws a random number, starts a
//! thread, or contains `unsafe` (the vector kernels of `model/kernel` excepted). `unsafe` here is in
//! `shared_memory.rs`, `huge_pages.rs` and `stopwatch.rs` alone.
//!
//! Where to start: [`agent`] (what runs), [`lane`] (where it runs), [`layout`] (which agents share a lane), [`mod@ring`]
//! (how agents talk), [`clock`] (the only time), [`histogram`] and [`counters`] (how a lane is watched without being
//! stopped).

pub mod agent;
pub mod clock;
pub mod counters;
pub mod discipline;
pub mod histogram;
pub mod huge_pages;
pub mod idle;
pub mod kill_flag;
pub mod lane;
pub mod layout;
pub mod memory_lock;
pub mod prng;
pub mod ring;
pub mod shared_memory;
pub mod stage;
pub mod stopwatch;

pub use agent::Agent;
pub use clock::{Clock, ManualClock};
pub use counters::{CounterId, CounterReader, CounterWriter};
pub use histogram::{StageReader, StageRecorder};
pub use idle::Idle;
pub use kill_flag::KillFlag;
pub use lane::{Lane, LaneSpec, LaneState, StopFlag};
pub use layout::{LaneLayout, LayoutChoice};
pub use prng::Prng;
pub use ring::{CommandReceiver, CommandSender, Consumer, Producer, command_queue, ring};
pub use stage::Stage;
