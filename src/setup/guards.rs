//! Breakers and clocks of a configuration, in the engine's units.
//!
//! What it is not: limits (`setup/mod.rs`); nothing of this has to be set.
//!
//! Invariant: what is not configured is off.

use super::{SetupError, ms};
use crate::config::{BreakerOn, Config};
use crate::engine::{ClockPlan, GuardPlan};
use crate::risk::{BreakerPlan, Component};

/// The engine is told the time once a second when nothing else happens: a shorter stall would be none.
const STALL_MS_MIN: u64 = 1_500;

pub(super) fn guards(config: &Config) -> Result<GuardPlan, SetupError> {
    let clock = &config.clock;
    if clock.stall_max_ms > 0 && clock.stall_max_ms < STALL_MS_MIN {
        let error = format!("expected 0 or at least {STALL_MS_MIN}, got {}", clock.stall_max_ms);
        return Err(SetupError::Value { key: "clock.stall_max_ms", error });
    }
    let mut plan = GuardPlan {
        clock: ClockPlan {
            step_ns_max: ms(clock.step_max_ms),
            offset_ns_max: ms(clock.offset_max_ms),
            stall_ns_max: ms(clock.stall_max_ms),
        },
        bounds: super::bounds::bounds(config)?,
        ..GuardPlan::default()
    };
    for breaker in &config.breakers {
        plan.breakers[component(breaker.on) as usize] = BreakerPlan {
            failures: breaker.failures,
            window_ns: ms(breaker.window_ms),
            cool_down_ns: ms(breaker.cool_down_ms),
        };
    }
    Ok(plan)
}

fn component(on: BreakerOn) -> Component {
    match on {
        BreakerOn::Link => Component::Link,
        BreakerOn::Handshake => Component::Handshake,
        BreakerOn::Rejects => Component::Rejects,
        BreakerOn::Requotes => Component::Requotes,
        BreakerOn::TimeOuts => Component::TimeOuts,
        BreakerOn::Disk => Component::Disk,
        BreakerOn::Clock => Component::Clock,
        BreakerOn::Stalls => Component::Stalls,
    }
}
