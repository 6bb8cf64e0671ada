//! One socket joined to one protocol state machine.
//!
//! What it is not: it knows of no other channel and of no identity's history.
//!
//! Invariant: at most one read and `parts_per_poll_max` parts a poll, so no peer takes the cycle from the others; an
//! end is kept in `end` until the owner has told it.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;

use super::counters::LinkCounters;
use super::event::{LinkEnd, SendError};
use crate::types::TimeNs;
use crate::wire::zmtp::{Connection, Event, More, QueueError, Settings};

pub(super) struct Channel {
    pub(super) connection: Connection,
    stream: Option<TcpStream>,
    /// The last read may have left something in the socket, or whole frames in the buffer.
    pub(super) read_again: Again,
    /// The kernel took less than we had; it is tried again when the socket is writable.
    pub(super) write_blocked: bool,
    /// Nothing more can be written; the reads will find the end.
    pub(super) write_failed: bool,
    /// The peer closed its side: read on until the end shows.
    pub(super) peer_closing: bool,
    /// TCP_QUICKACK is to be set again.
    rearm: bool,
    /// Why it must end; the owner tells it and closes.
    pub(super) end: Option<LinkEnd>,
}

/// What is known to be left after a poll.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Again {
    /// Nothing: wait for the socket.
    No,
    /// The read filled its buffer or the peer closed: read again.
    Socket,
    /// Its share of the cycle was used up: frames wait in the buffer.
    Buffer,
}

/// Why [`Channel::drain`] returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Drained {
    /// The handshake ended well just now; drain again.
    Ready,
    /// Nothing more is complete.
    Empty,
    /// The share of the cycle is used up.
    ShareUsed,
}

impl Channel {
    pub(super) fn new(settings: Settings) -> Self {
        Channel {
            connection: Connection::new(settings),
            stream: None,
            read_again: Again::No,
            write_blocked: false,
            write_failed: false,
            peer_closing: false,
            rearm: false,
            end: None,
        }
    }

    pub(super) fn is_free(&self) -> bool {
        self.stream.is_none()
    }

    /// Takes a connected socket and sends the greeting. Without `TCP_NODELAY` the latency promise is void, so a socket
    /// that refuses it is refused.
    pub(super) fn open(
        &mut self,
        stream: TcpStream,
        now: TimeNs,
        counters: &mut LinkCounters,
    ) -> io::Result<()> {
        stream.set_nodelay(true)?;
        self.stream = Some(stream);
        self.read_again = Again::Socket;
        self.write_blocked = false;
        self.write_failed = false;
        self.peer_closing = false;
        self.rearm = true;
        self.end = None;
        self.connection.open(now);
        self.flush(counters);
        Ok(())
    }

    /// Closes; what the kernel takes at once is still delivered.
    pub(super) fn close(&mut self, counters: &mut LinkCounters) {
        self.flush(counters);
        counters.add_control(self.connection.take_counts());
        self.connection.close();
        self.end = None;
        self.rearm = false;
        let Some(mut stream) = self.stream.take() else { return };
        // A close with unread bytes is a reset, which would take our last words from the peer: read them off first.
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read(self.connection.spare());
    }

    /// Acknowledges what the cycle before had read, now that the answer to it is out, and arms the kernel to leave the next
    /// acknowledgement to us too.
    ///
    /// On sends the acknowledgement that is due, so that a peer with Nagle's algorithm (MQL5) may send on; off keeps the
    /// kernel from acknowledging the next segment the moment it comes, which it does with the socket locked, while we
    /// wait to read (measured: 0.5 to 0.9 us of a tick). Each costs 200 ns, outside of the path.
    #[inline]
    pub(super) fn rearm_quickack(&mut self) {
        if self.rearm {
            self.rearm = false;
            if let Some(stream) = &self.stream {
                // The kernel forgets it by itself all the time; a failure costs latency, and the read tells its cause.
                let _ = rustix::net::sockopt::set_tcp_quickack(stream, true);
                let _ = rustix::net::sockopt::set_tcp_quickack(stream, false);
            }
        }
    }

    /// Reads once, unless frames of the last read still wait.
    #[inline]
    pub(super) fn read(&mut self, now: TimeNs, counters: &mut LinkCounters) {
        let Some(stream) = self.stream.as_mut() else { return };
        if self.read_again == Again::Buffer {
            return;
        }
        let room = self.connection.spare();
        let room_bytes = room.len();
        match stream.read(room) {
            Ok(0) => self.fail(LinkEnd::PeerClosed),
            Ok(count) => {
                self.connection.filled(count, now);
                counters.bytes_received_count += count as u64;
                self.rearm = true;
                // A short read emptied the socket, and epoll will tell of what comes after it.
                let more = count == room_bytes || self.peer_closing;
                self.read_again = if more { Again::Socket } else { Again::No };
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.read_again = Again::No,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.read_again = Again::Socket,
            Err(error) => self.fail(LinkEnd::Socket(error.kind())),
        }
    }

    /// Hands on the parts that are complete, until the handshake ends, nothing is left, or the share is used up.
    #[inline]
    pub(super) fn drain(
        &mut self,
        share: &mut u32,
        counters: &mut LinkCounters,
        mut on_part: impl FnMut(&[u8], More),
    ) -> Drained {
        if self.read_again == Again::Buffer {
            self.read_again = Again::Socket;
        }
        while *share > 0 {
            *share -= 1;
            match self.connection.next_event() {
                Ok(Some(Event::Message { body, more })) => {
                    counters.parts_received_count += 1;
                    on_part(body, more);
                }
                Ok(Some(Event::Control)) => {}
                Ok(Some(Event::Ready)) => return Drained::Ready,
                Ok(None) => return Drained::Empty,
                Err(error) => {
                    self.fail(LinkEnd::Protocol(error));
                    return Drained::Empty;
                }
            }
        }
        self.read_again = Again::Buffer;
        counters.share_exhausted_count += 1;
        Drained::ShareUsed
    }

    /// Watches the deadlines.
    pub(super) fn on_time(&mut self, now: TimeNs, counters: &mut LinkCounters) {
        if let Err(error) = self.connection.on_time(now) {
            self.fail(LinkEnd::Protocol(error));
        }
        counters.add_control(self.connection.take_counts());
        self.flush(counters);
    }

    /// Queues one part that `write` fills in place.
    #[inline]
    pub(super) fn queue(
        &mut self,
        body_bytes: usize,
        more: More,
        counters: &mut LinkCounters,
        write: impl FnOnce(&mut [u8]),
    ) -> Result<(), SendError> {
        let result = match self.end {
            _ if self.write_failed => Err(SendError::Broken),
            Some(_) => Err(SendError::NotConnected),
            None => self.connection.send_with(body_bytes, more, write).map_err(|error| match error {
                QueueError::NotOpen => SendError::NotConnected,
                refused => SendError::Refused(refused),
            }),
        };
        match result {
            Ok(()) => counters.parts_sent_count += 1,
            Err(SendError::Refused(_)) => counters.send_refused_count += 1,
            Err(_) => counters.send_not_connected_count += 1,
        }
        result
    }

    /// Writes what waits, until all is written or the kernel takes no more.
    #[inline]
    pub(super) fn flush(&mut self, counters: &mut LinkCounters) {
        let Some(stream) = self.stream.as_mut() else { return };
        while !self.write_blocked && !self.write_failed && !self.connection.outgoing().is_empty() {
            match stream.write(self.connection.outgoing()) {
                Ok(count) => {
                    self.connection.sent(count);
                    counters.bytes_sent_count += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.write_blocked = true;
                    counters.write_blocked_count += 1;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    // What the peer sent before it went may still wait in the socket: the reads find the end.
                    self.write_failed = true;
                    self.peer_closing = true;
                    if self.read_again == Again::No {
                        self.read_again = Again::Socket;
                    }
                    return;
                }
            }
        }
    }

    /// Notes why it must end; the first reason stays.
    #[cold]
    pub(super) fn fail(&mut self, reason: LinkEnd) {
        self.end.get_or_insert(reason);
    }
}
