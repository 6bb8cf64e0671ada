//! The operator's console: a local socket on which a running appliance takes commands, one line of JSON each.
//!
//! What it is not: reachable from another host, or a way around the journal: what changes trading or models is journalled with who
//! and why before it takes effect.
//!
//! Invariant: a request without the right token is answered with a refusal and does nothing; the token is compared in constant
//! time; a slow or hostile peer costs its own connection and nothing else.

mod client;
mod protocol;
mod server;
mod token;

pub use client::{ClientError, ask};
pub use protocol::{Action, NOT_RECORDED, REQUEST_BYTES_MAX, Reply, Request, socket_path};
pub use server::{Call, Console, ConsoleError};
pub use token::{Token, TokenError};
