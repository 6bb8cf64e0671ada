//! One strategy while it runs: its setup, its last verdict, its watches.
//!
//! What it is not: the order of a tick's steps; `decide.rs` and `observe.rs` have that.
//!
//! Invariant: what is in here follows from the setup and the records since the start.

use super::models::Verdict;
use super::setup::StrategySetup;
use crate::risk::{Reason, TradeRecord};
use crate::signal::Quality;
use crate::types::{Side, TimeNs};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Strategy {
    pub setup: StrategySetup,
    pub ticks_since: u32,
    pub last_denied: Option<(Reason, Side, TimeNs)>,
    pub verdict: Verdict,
    /// Every feature had a value since they were last emptied.
    pub was_ready: bool,
    pub quality: Option<Quality>,
    /// Decisions since the shadows were asked.
    pub decisions_since_shadow: u32,
    /// Times the shadows were asked since one of them was journalled.
    pub shadows_since_record: u32,
    /// What its trades came to.
    pub record: TradeRecord,
}

impl Strategy {
    pub(super) fn new(setup: StrategySetup) -> Self {
        Strategy {
            quality: setup.watch.quality.map(Quality::new),
            setup,
            ticks_since: 0,
            last_denied: None,
            verdict: Verdict::NONE,
            was_ready: false,
            decisions_since_shadow: 0,
            shadows_since_record: 0,
            record: TradeRecord::default(),
        }
    }
}
