//! Connections to the outside: ZMTP over TCP, non-blocking, polled by the lane that owns them.
//!
//! What it is not: a thread, a runtime or a queue between lanes. [`Server`] and [`Client`] do their work inside the
//! caller's cycle and return; what a message means is the caller's business.
//!
//! Invariant: nothing waits, and nothing is allocated after start on the ordinary path; a peer can end its own connection and
//! nothing else; what is refused is told to the caller or counted, never dropped in silence.
//!
//! The files mirror the two ends: `server` (ROUTER, many slots) and `client` (DEALER, one connection that comes back)
//! are thin shells around `channel`, which joins one socket to one [`crate::wire::zmtp::Connection`].

mod channel;
mod client;
mod counters;
mod event;
mod server;

pub use client::{Client, ClientError};
pub use counters::LinkCounters;
pub use event::{ConnectionId, Event, LinkEnd, SendError};
pub use server::{BindError, Server, ServerSettings};
