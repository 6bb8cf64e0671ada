//! Parts of a configuration as the lanes and listening ends take them.
//!
//! What it is not: the wiring, or the engine's setup (`setup`).
//!
//! Invariant: the same configuration on the same host gives the same settings.

use crate::config::{self, Config};
use crate::link::ServerSettings;
use crate::record::Record;
use crate::runtime::layout::{LaneLayout, LayoutChoice, usable_cores};
use crate::runtime::ring::{Consumer, Producer, ring};
use crate::wire::zmtp::{Heartbeat, Limits, Mechanism};

/// Parts that one connection may bring in one cycle.
const PARTS_PER_POLL_MAX: u32 = 256;
/// Alerts that wait to be passed on.
const ALERTS_UNDER_WAY_MAX: usize = 1_024;

pub(super) fn server(config: &Config) -> ServerSettings {
    ServerSettings {
        connections_max: config.link.connections_max as u16,
        parts_per_poll_max: PARTS_PER_POLL_MAX,
        mechanism: Mechanism::Null,
        limits: Limits {
            message_bytes_max: config.link.message_bytes_max,
            queued_bytes_max: 2 * config.link.message_bytes_max,
            handshake_ms_max: config.link.handshake_ms as u32,
            // The terminal protocol has heartbeats of its own, which prove that the program lives, not just its library.
            heartbeat: Heartbeat { interval_ms: 0, timeout_ms: 0, ttl_ms: 0 },
            ..Limits::default()
        },
    }
}

pub(super) fn layout(config: &Config) -> LayoutChoice {
    let lanes = &config.lanes;
    let mut choice = match lanes.layout {
        config::Layout::Auto => LayoutChoice::auto(),
        config::Layout::Dedicated => LayoutChoice::of(LaneLayout::Dedicated, &usable_cores()),
        config::Layout::Fused => LayoutChoice::of(LaneLayout::Fused, &usable_cores()),
        config::Layout::Shared => LayoutChoice::of(LaneLayout::Shared, &usable_cores()),
    };
    let named = |asked: i32, chosen: Option<usize>| usize::try_from(asked).ok().or(chosen);
    choice.ingest_core = named(lanes.ingest_core, choice.ingest_core);
    choice.decide_core = named(lanes.decide_core, choice.decide_core);
    choice.send_core = named(lanes.send_core, choice.send_core);
    choice.persist_core = named(lanes.persist_core, choice.persist_core);
    choice
}

/// The way of alerts to whoever passes them on, where `[alerts]` names a file or a command.
pub(super) fn alerts_ring(config: &Config) -> (Option<Producer<Record>>, Option<Consumer<Record>>) {
    let is_on = config.alerts.file.is_some() || config.alerts.command.is_some();
    let (to, from) = ring(ALERTS_UNDER_WAY_MAX);
    (is_on.then_some(to), is_on.then_some(from))
}
