//! One DEALER connection that is made again whenever it is lost.
//!
//! What it is not: the protocol; messages are bytes here.
//!
//! Invariant: a socket is used for one connection and then dropped, because the `zeromq` crate's DEALER does not come back
//! by itself. What was written before a hang-up is written out; what comes later starts with a new `Up`.

use std::time::Duration;
use tokio::sync::mpsc;
use zeromq::{DealerSocket, Socket, SocketEvent, SocketOptions, SocketRecv, SocketSend, ZmqMessage};

/// Which of the two connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Port {
    /// Ticks and transactions.
    Market,
    /// Commands and snapshots.
    Trade,
}

/// What a connection tells the session.
#[derive(Debug)]
pub(super) enum Heard {
    /// Connected; messages go here. Dropping the sender hangs up.
    Up(mpsc::Sender<Vec<u8>>),
    /// A message.
    Message(Vec<u8>),
    /// Lost, with the reason.
    Down(String),
}

/// Where to connect, and as whom.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) port: Port,
    pub(super) address: String,
    pub(super) identity: String,
}

/// Messages that may wait for the socket: the largest snapshot and history in one go. Ticks stop far earlier.
pub(super) const OUTBOUND_MAX: usize = 262_144;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const BACKOFF_MIN: Duration = Duration::from_millis(25);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
const WATCH_EVERY: Duration = Duration::from_millis(20);

/// Connects for ever; ends when the session is gone.
pub(super) async fn keep(endpoint: Endpoint, session: mpsc::Sender<(Port, Heard)>) {
    let mut backoff = BACKOFF_MIN;
    loop {
        let reason = match connect(&endpoint).await {
            Ok(socket) => {
                backoff = BACKOFF_MIN;
                let (sender, receiver) = mpsc::channel(OUTBOUND_MAX);
                if session.send((endpoint.port, Heard::Up(sender))).await.is_err() {
                    return;
                }
                carry(socket, receiver, endpoint.port, &session).await
            }
            Err(reason) => reason,
        };
        if session.send((endpoint.port, Heard::Down(reason))).await.is_err() {
            return;
        }
        tokio::time::sleep(backoff).await;
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}

async fn connect(endpoint: &Endpoint) -> Result<DealerSocket, String> {
    let mut options = SocketOptions::default();
    let identity = endpoint.identity.parse().map_err(|error| format!("identity: {error}"))?;
    options.peer_identity(identity);
    let mut socket = DealerSocket::with_options(options);
    let address = format!("tcp://{}", endpoint.address);
    match tokio::time::timeout(CONNECT_TIMEOUT, socket.connect(&address)).await {
        Ok(Ok(())) => Ok(socket),
        Ok(Err(error)) => Err(format!("{address}: {error}")),
        Err(_) => Err(format!("{address}: no answer within {} s", CONNECT_TIMEOUT.as_secs())),
    }
}

async fn carry(
    mut socket: DealerSocket,
    mut outbound: mpsc::Receiver<Vec<u8>>,
    port: Port,
    session: &mpsc::Sender<(Port, Heard)>,
) -> String {
    let mut events = socket.monitor();
    let mut watch = tokio::time::interval(WATCH_EVERY);
    loop {
        tokio::select! {
            message = socket.recv() => match message {
                Ok(message) if message.len() == 1 => {
                    let bytes = message.get(0).map(|frame| frame.to_vec()).unwrap_or_default();
                    if session.send((port, Heard::Message(bytes))).await.is_err() {
                        return "the session ended".into();
                    }
                }
                Ok(message) => return format!("expected one frame a message, got {}", message.len()),
                Err(error) => return error.to_string(),
            },
            bytes = outbound.recv() => match bytes {
                Some(bytes) => {
                    if let Err(error) = socket.send(ZmqMessage::from(bytes)).await {
                        return error.to_string();
                    }
                }
                None => {
                    // The writer task empties its queue on its own once the socket is gone.
                    return "hung up".into();
                }
            },
            _ = watch.tick() => {
                while let Ok(event) = events.try_recv() {
                    if let SocketEvent::Disconnected(_) = event {
                        return "the other side closed".into();
                    }
                }
            }
        }
    }
}
