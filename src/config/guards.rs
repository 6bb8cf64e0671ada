//! Keys of what closes openings by itself beside the limits, and of the alerts that go out.
//!
//! What it is not: the other sections' keys (`keys`), or what they mean (`risk/breaker.rs`, `engine/breakers.rs`, `app`).
//!
//! Invariant: every key here switches something on that is off without it.

use super::keys::{DAY_MS, HOUR_MS, keys};
use super::schema::{Key, Kind::*, Presence::*};

pub(super) const BREAKERS: &[Key] = keys! {
    "on" Choice(&["link", "handshake", "rejects", "requotes", "time_outs", "disk", "clock", "stalls"]), "", Required("\"time_outs\""), "link: a role of a connection went down; handshake: a terminal was refused; rejects: the venue refused an order for itself; requotes: or for the moment; time_outs: an order became Unknown; disk: the journal's failed or fell behind; clock: clock.step_max_ms was passed; stalls: clock.stall_max_ms was.";
    "failures" Int(0, 1_000), "failures, 0 off", Default("0"), "So many within window_ms open it.";
    "window_ms" Int(1, DAY_MS), "ms", Default("60000"), "The time in which failures are counted.";
    "cool_down_ms" Int(1, DAY_MS), "ms", Default("60000"), "After so long without another failure one opening order tries: taken by the venue, it closes the breaker; else this begins anew.";
};

pub(super) const CLOCK: &[Key] = keys! {
    "step_max_ms" Int(0, HOUR_MS), "ms, 0 off", Default("0"), "No entry while the system's clock is further from ours, which follows it slowly.";
    "offset_max_ms" Int(0, HOUR_MS), "ms, 0 off", Default("0"), "No entry while the stamp of the venue's last tick is further from its arrival, either way; server time must be told right.";
    "stall_max_ms" Int(0, HOUR_MS), "ms, 0 off, else 1500 or more", Default("0"), "The engine's lane stood still when it heard nothing for longer; counted by the breaker on stalls.";
};

pub(super) const ALERTS: &[Key] = keys! {
    "file" Path, "", Optional("\"alerts.jsonl\""), "Each is a line of JSON at its end, flushed at once.";
    "command" Text(1_023), "", Optional("\"/usr/local/bin/page-me --urgent\""), "A program and its arguments, parted by spaces; started for each alert, which it gets as a line of JSON on its standard input. Ended after 30 s.";
    "budget_ms" Int(1, HOUR_MS), "ms", Default("5000"), "From an alert's stamp in the journal until it is written; what takes longer is counted and said.";
};
