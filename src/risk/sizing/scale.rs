//! What makes an entry smaller than its method says.
//!
//! What it is not: a limit on losses; `engine/loss.rs` halts for those.
//!
//! Invariant: a share lies from 0 to 1, and falls, never rises, as what it is about gets worse.

use super::{Input, PERCENT, unknown};
use crate::risk::{Reason, Refusal};
use crate::types::Money;

/// Linear from the whole size at one drawdown to none at another.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Drawdown {
    /// Per cent below the highest equity up to which the size is whole, >= 0.
    pub start_percent: f64,
    /// Per cent below it from which on there is no entry, above `start_percent`.
    pub stop_percent: f64,
}

impl Drawdown {
    /// What is left of a size; no share at all is a refusal.
    pub(super) fn share(&self, equity: Money, highest: Money) -> Result<f64, Refusal> {
        let (now, top) = (equity.as_f64(), highest.as_f64());
        let percent = (top - now) / top * PERCENT;
        if !(top > 0.0 && percent.is_finite()) {
            return unknown(Input::Equity);
        }
        let share = (self.stop_percent - percent) / (self.stop_percent - self.start_percent);
        if share > 0.0 {
            return Ok(share.min(1.0));
        }
        let hundredths = |percent: f64| (percent * PERCENT) as i64;
        Err(Refusal {
            reason: Reason::SizeDrawdown,
            limit: hundredths(self.stop_percent),
            got: hundredths(percent),
        })
    }
}

/// What is left where a full correlation takes `cut` away; one that diversifies takes nothing.
pub(super) fn uncorrelated(cut: f64, correlation: f64) -> Result<f64, Refusal> {
    if cut == 0.0 {
        return Ok(1.0);
    }
    let share = 1.0 - cut * correlation.max(0.0);
    // `max` would turn what is not a number into none.
    if correlation.is_nan() || !(0.0..=1.0).contains(&share) {
        unknown(Input::Correlation)
    } else {
        Ok(share)
    }
}
