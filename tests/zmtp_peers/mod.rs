//! Peers for the interop tests: a polled server that remembers what it saw, libzmq, the `zeromq` crate, raw sockets, a relay.
//!
//! What it is not: a test.
//!
//! Invariant: a wait that is not fulfilled within [`WAIT_S`] panics with its name.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use tickbridge::link::{Client, ConnectionId, Event, LinkEnd, Server, ServerSettings};
use tickbridge::types::{NS_PER_MS, TimeNs};
use tickbridge::wire::zmtp::{Fault, Identity, Limits, More, Version};
use zeromq::{Socket, SocketRecv, SocketSend};

/// The bound of every wait, far above what a loaded machine needs.
pub(crate) const WAIT_S: u64 = 60;
/// READY of our ROUTER.
pub(crate) const READY: &[u8] = b"\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06ROUTER";

/// A bound on a wait.
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn new() -> Self {
        Deadline(Instant::now())
    }

    /// A time for a poll; panics when the wait is over.
    pub(crate) fn now(&self, what: &str) -> TimeNs {
        assert!(self.0.elapsed() < Duration::from_secs(WAIT_S), "waited {WAIT_S} s for {what}");
        std::thread::yield_now();
        TimeNs(NS_PER_MS + self.0.elapsed().as_nanos() as i64)
    }
}

/// What a server's handler was told.
#[derive(Default, Debug)]
pub(crate) struct Seen {
    pub(crate) connected: Vec<(ConnectionId, Vec<u8>, Version)>,
    pub(crate) parts: Vec<(ConnectionId, Vec<u8>, More)>,
    pub(crate) disconnected: Vec<(ConnectionId, LinkEnd)>,
    pub(crate) refused: Vec<(ConnectionId, LinkEnd)>,
}

/// A server that is polled by whoever waits for something.
pub(crate) struct Host {
    pub(crate) server: Server,
    pub(crate) seen: Seen,
    /// The time of the server; it moves a little with every step, and tests may move it.
    pub(crate) now: TimeNs,
    settings: ServerSettings,
}

impl Host {
    pub(crate) fn new(settings: ServerSettings) -> Self {
        let server = Server::bind(([127, 0, 0, 1], 0).into(), settings).unwrap();
        Host { server, seen: Seen::default(), now: TimeNs(NS_PER_MS), settings }
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.local_addr().unwrap().port()
    }

    /// Another server on the same port.
    pub(crate) fn restart(&mut self) {
        let port = self.port();
        self.stop();
        self.start_on(port);
    }

    /// Moves away from its port.
    pub(crate) fn stop(&mut self) {
        self.server = Server::bind(([127, 0, 0, 1], 0).into(), self.settings).unwrap();
    }

    pub(crate) fn start_on(&mut self, port: u16) {
        let address: SocketAddr = ([127, 0, 0, 1], port).into();
        self.server = Server::bind(address, self.settings).unwrap();
    }

    /// One cycle; 10 µs of the server's time.
    pub(crate) fn step(&mut self) {
        let seen = &mut self.seen;
        self.now = TimeNs(self.now.0 + 10_000);
        self.server.poll(self.now, &mut |id, event| match event {
            Event::Connected { identity, version } => {
                seen.connected.push((id, identity.as_bytes().to_vec(), version));
            }
            Event::Message { body, more } => seen.parts.push((id, body.to_vec(), more)),
            Event::Disconnected { reason } => seen.disconnected.push((id, reason)),
            Event::Refused { reason } => seen.refused.push((id, reason)),
        });
    }

    pub(crate) fn until(&mut self, what: &str, done: impl Fn(&Seen) -> bool) {
        let deadline = Deadline::new();
        while !done(&self.seen) {
            deadline.now(what);
            self.step();
        }
    }

    pub(crate) fn until_server(&mut self, what: &str, done: impl Fn(&Server) -> bool) {
        let deadline = Deadline::new();
        while !done(&self.server) {
            deadline.now(what);
            self.step();
        }
    }

    /// Waits for a message of one part; who sent it.
    pub(crate) fn message(&mut self, body: &[u8]) -> ConnectionId {
        self.message_with(body, Host::step)
    }

    pub(crate) fn message_with(&mut self, body: &[u8], mut step: impl FnMut(&mut Host)) -> ConnectionId {
        let deadline = Deadline::new();
        loop {
            if let Some((id, _, more)) = self.seen.parts.iter().find(|part| part.1 == body) {
                assert_eq!(*more, More::Last);
                return *id;
            }
            deadline.now("a message");
            step(self);
        }
    }

    pub(crate) fn identity(&self, id: ConnectionId) -> &[u8] {
        &self.seen.connected.iter().find(|seen| seen.0 == id).unwrap().1
    }

    /// Runs something that blocks on the server, beside it.
    pub(crate) fn beside<T: Send + 'static>(&mut self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let thread = std::thread::spawn(work);
        let deadline = Deadline::new();
        while !thread.is_finished() {
            deadline.now("the peer");
            self.step();
        }
        thread.join().unwrap()
    }

    pub(crate) fn step_client(&mut self, client: &mut Client, answers: &mut Vec<Vec<u8>>) {
        self.step();
        client.poll(self.now, &mut |event| {
            if let Event::Message { body, .. } = event {
                answers.push(body.to_vec());
            }
        });
    }

    pub(crate) fn until_client(
        &mut self,
        client: &mut Client,
        answers: &mut Vec<Vec<u8>>,
        what: &str,
        done: impl Fn(&Client, &[Vec<u8>]) -> bool,
    ) {
        let deadline = Deadline::new();
        while !done(client, answers) {
            deadline.now(what);
            self.step_client(client, answers);
        }
    }

    pub(crate) fn read_exact(&mut self, peer: &mut TcpStream, count: usize) -> Vec<u8> {
        let bytes = self.read_while(peer, |bytes| bytes.len() < count, count);
        assert_eq!(bytes.len(), count, "closed after {:?}", bytes.escape_ascii().to_string());
        bytes
    }

    pub(crate) fn read_to_end(&mut self, peer: &mut TcpStream) -> Vec<u8> {
        self.read_while(peer, |_| true, usize::MAX)
    }

    /// Reads until the server has closed, and steps once more so that its handler was told.
    pub(crate) fn until_closed(&mut self, peer: &mut TcpStream) {
        self.read_to_end(peer);
        self.step();
    }

    fn read_while(&mut self, peer: &mut TcpStream, more: impl Fn(&[u8]) -> bool, count: usize) -> Vec<u8> {
        peer.set_nonblocking(true).unwrap();
        let deadline = Deadline::new();
        let mut bytes = Vec::new();
        let mut room = [0; 4_096];
        while more(&bytes) {
            let wanted = room.len().min(count - bytes.len());
            match peer.read(&mut room[..wanted]) {
                Ok(0) => break,
                Ok(got) => bytes.extend_from_slice(&room[..got]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    deadline.now("bytes from the server");
                    self.step();
                }
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("{error}"),
            }
        }
        peer.set_nonblocking(false).unwrap();
        bytes
    }
}

/// The greeting of ZMTP 3.1 with NULL, written out.
pub(crate) fn greeting() -> [u8; 64] {
    let mut greeting = [0; 64];
    greeting[..16].copy_from_slice(b"\xff\0\0\0\0\0\0\0\0\x7f\x03\x01NULL");
    greeting
}

/// A plain socket that went through the handshake by exact bytes.
pub(crate) fn raw_connected(host: &mut Host, identity: &[u8]) -> TcpStream {
    let mut peer = TcpStream::connect(("127.0.0.1", host.port())).unwrap();
    let properties =
        [&b"\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0"[..], &[identity.len() as u8], identity]
            .concat();
    let ready = [&[4, 6 + properties.len() as u8][..], b"\x05READY", &properties].concat();
    peer.write_all(&[&greeting()[..], &ready].concat()).unwrap();
    assert_eq!(host.read_exact(&mut peer, 64), greeting());
    assert_eq!(host.read_exact(&mut peer, READY.len()), READY);
    host.until("the raw peer", |seen| seen.connected.iter().any(|seen| seen.1 == identity));
    peer
}

/// libzmq's DEALER, whose receives end after the bound.
pub(crate) fn libzmq_dealer(context: &zmq::Context, port: u16, identity: &[u8]) -> zmq::Socket {
    let dealer = context.socket(zmq::DEALER).unwrap();
    dealer.set_identity(identity).unwrap();
    dealer.set_linger(0).unwrap();
    dealer.set_reconnect_ivl(20).unwrap();
    dealer.set_rcvtimeo(WAIT_S as i32 * 1_000).unwrap();
    dealer.connect(&format!("tcp://127.0.0.1:{port}")).unwrap();
    dealer
}

/// The `zeromq` crate's DEALER: sends each message and waits for an answer to it.
pub(crate) fn zeromq_echo(port: u16, identity: &str, messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut options = zeromq::SocketOptions::default();
        options.peer_identity(zeromq::util::PeerIdentity::try_from(identity.as_bytes().to_vec()).unwrap());
        let mut dealer = zeromq::DealerSocket::with_options(options);
        dealer.connect(&format!("tcp://127.0.0.1:{port}")).await.unwrap();
        let mut answers = Vec::new();
        for message in messages {
            dealer.send(message.clone().into()).await.unwrap();
            let answer =
                tokio::time::timeout(Duration::from_secs(WAIT_S), dealer.recv()).await.unwrap().unwrap();
            answers.push(answer.get(0).unwrap().to_vec());
        }
        answers
    })
}

/// Our own client on the default limits.
pub(crate) fn client(port: u16, identity: &[u8]) -> Client {
    let identity = Identity::new(identity).unwrap();
    Client::new(([127, 0, 0, 1], port).into(), identity, Limits::default(), 10).unwrap()
}

/// A relay to `port` that writes every byte alone, both ways; the port it listens on.
pub(crate) fn relay_one_byte_segments(port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let relay_port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for near in listener.incoming() {
            let near = near.unwrap();
            let far = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let ways = [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)];
            for (from, to) in ways {
                std::thread::spawn(move || copy_byte_by_byte(from, to));
            }
        }
    });
    relay_port
}

fn copy_byte_by_byte(mut from: TcpStream, mut to: TcpStream) {
    to.set_nodelay(true).unwrap();
    let mut room = [0; 1_024];
    while let Ok(count @ 1..) = from.read(&mut room) {
        if room[..count].iter().any(|&byte| to.write_all(&[byte]).is_err()) {
            return;
        }
    }
}

/// Whether a connection ended by this fault.
pub(crate) fn is_fault(end: &(ConnectionId, LinkEnd), fault: Fault) -> bool {
    matches!(end.1, LinkEnd::Protocol(error) if error.fault() == fault)
}

/// A peer with another mechanism either is refused by us or leaves first, as both ends see the mismatch.
pub(crate) fn assert_incompatible_or_gone(host: &Host) {
    let end = &host.seen.refused[0];
    let gone = matches!(end.1, LinkEnd::PeerClosed | LinkEnd::Socket(_));
    assert!(gone || is_fault(end, Fault::Incompatible), "{:?}", end.1);
}
