//! The security handshake: what is said between the greeting and the first message.
//!
//! What it is not: the greeting that carries the mechanism's name, or the keys' storage.
//!
//! Invariant: a message passes only after [`Handshake::receive`] said [`Progress::Done`].
//!
//! NULL is spoken. PLAIN and CURVE are further variants of [`Mechanism`] (which then carries their keys) and further
//! states of [`Handshake`]: the connection calls `start` once both greetings are there, hands over every command until
//! `Done`, and asks nothing else. Which end starts, HELLO, WELCOME, INITIATE and their order live in here.

use super::Settings;
use super::byte_queue::ByteQueue;
use super::command::{self, Command};
use super::error::{ProtocolError, printable};
use super::metadata::{self, Properties};
use crate::types::FixedText;

/// How connections are secured; both ends must name the same one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Mechanism {
    /// No security: for loopback.
    Null,
}

impl Mechanism {
    /// The name in the greeting, padded with zeros.
    pub fn name(self) -> FixedText<20> {
        match self {
            Mechanism::Null => FixedText::new("NULL").unwrap_or_default(),
        }
    }

    /// The as-server octet: "SHALL be zero" for NULL, which has no such roles.
    pub(super) fn as_server(self) -> u8 {
        match self {
            Mechanism::Null => 0,
        }
    }
}

/// Where a handshake stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Handshake {
    /// NULL: our READY is sent at once, the peer's is awaited.
    NullAwaitsReady,
}

/// What a command did to the handshake.
pub(super) enum Progress {
    Done(Properties),
}

impl Handshake {
    /// Begins: queues what this end says first.
    pub(super) fn start(settings: &Settings, out: &mut ByteQueue) -> Result<Self, ProtocolError> {
        match settings.mechanism {
            Mechanism::Null => {
                append_ready(settings, out)?;
                Ok(Handshake::NullAwaitsReady)
            }
        }
    }

    /// Takes one command of the peer.
    pub(super) fn receive(
        &mut self,
        body: &[u8],
        settings: &Settings,
        _out: &mut ByteQueue,
    ) -> Result<Progress, ProtocolError> {
        match (*self, command::decode(body)?) {
            (Handshake::NullAwaitsReady, Command::Ready { properties }) => {
                Ok(Progress::Done(metadata::decode(properties, settings.socket)?))
            }
            (_, Command::Error { reason }) => Err(ProtocolError::PeerError { reason: printable(reason) }),
            (Handshake::NullAwaitsReady, _) => Err(ProtocolError::UnexpectedCommand { expected: "READY" }),
        }
    }
}

fn append_ready(settings: &Settings, out: &mut ByteQueue) -> Result<(), ProtocolError> {
    let data_bytes = metadata::encoded_bytes(settings.socket, &settings.identity);
    let max = settings.limits.queued_bytes_max;
    let data = command::append(out, max, "READY", data_bytes).ok_or(ProtocolError::NotReading { max })?;
    metadata::encode(data, settings.socket, &settings.identity);
    Ok(())
}
