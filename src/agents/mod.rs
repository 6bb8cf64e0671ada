//! What runs on lanes: ingest, decide, send, persist. One file each, one shape: `on_start`, `do_work`, `on_close`.
//!
//! What it is not: wiring. Which agents share a lane is configuration, and `app` does it.
//!
//! Invariant: agents share nothing but rings, counters and the journal's progress. A cycle drains a bounded amount. What may
//! not be lost (reports, commands, operator's words) is not taken from its source before there is room to pass it on.

mod accounts;
mod admission;
mod decide;
mod doubts;
mod endpoint;
mod ingest;
mod keep_warm;
mod killed;
mod persist;
mod refused;
mod rings;
mod send;
mod sent;
mod sessions;
mod status;
mod units;

pub use accounts::{INSTRUMENTS_SHOWN_MAX, InstrumentStatus, InstrumentsStatus};
pub use admission::{Admission, AdmittedVenue};
pub use decide::{Decide, DecideParts, StagedModel};
pub use doubts::{DOUBTS_MAX, Doubt, Doubts};
pub use endpoint::{Endpoint, EndpointSettings};
pub use ingest::Ingest;
pub use persist::Persist;
pub use refused::RefusedPeer;
pub use rings::{Outbound, RingSizes, Rings, rings};
pub use send::{Send, SendParts};
pub use status::{EngineStatus, ModelsStatus};
pub use units::KnownUnits;
