//! Commands: READY, ERROR, PING and PONG (RFC 37, "commands").
//!
//! What it is not: the reaction to them, which is [`super::Connection`]'s.
//!
//! Invariant: a command is known by its exact name; whatever else it is called, it is `Unknown` and can be ignored.

use super::byte_queue::ByteQueue;
use super::error::ProtocolError;
use super::frame;

/// Bytes of the longest context of a PING: "up to 16 octets".
const CONTEXT_BYTES_MAX: usize = 16;

/// A command as received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Command<'a> {
    Ready { properties: &'a [u8] },
    Error { reason: &'a [u8] },
    Ping { ttl_ds: u16, context: &'a [u8] },
    Pong,
    Unknown,
}

/// `command-name = OCTET 1*255command-name-char`, then the command's data.
pub(super) fn decode(body: &[u8]) -> Result<Command<'_>, ProtocolError> {
    let named = body.split_first().and_then(|(&bytes, rest)| rest.split_at_checked(usize::from(bytes)));
    let Some((name, data)) = named.filter(|(name, _)| !name.is_empty()) else {
        return Err(ProtocolError::Malformed { what: "expected a name inside the command" });
    };
    match name {
        b"READY" => Ok(Command::Ready { properties: data }),
        b"ERROR" => decode_error(data),
        b"PING" => decode_ping(data),
        b"PONG" => Ok(Command::Pong),
        _ => Ok(Command::Unknown),
    }
}

fn decode_error(data: &[u8]) -> Result<Command<'_>, ProtocolError> {
    match data.split_first() {
        Some((&bytes, reason)) if reason.len() == usize::from(bytes) => Ok(Command::Error { reason }),
        _ => Err(ProtocolError::Malformed { what: "expected ERROR with one reason of the announced length" }),
    }
}

fn decode_ping(data: &[u8]) -> Result<Command<'_>, ProtocolError> {
    match data.split_first_chunk::<2>() {
        Some((ttl, context)) if context.len() <= CONTEXT_BYTES_MAX => {
            Ok(Command::Ping { ttl_ds: u16::from_be_bytes(*ttl), context })
        }
        _ => {
            Err(ProtocolError::Malformed { what: "expected PING with a time to live and at most 16 octets" })
        }
    }
}

/// Appends a command of `data_bytes` and returns the room of its data; `None` when the queue is full.
pub(super) fn append<'q>(
    queue: &'q mut ByteQueue,
    queued_bytes_max: usize,
    name: &'static str,
    data_bytes: usize,
) -> Option<&'q mut [u8]> {
    let body_bytes = 1 + name.len() + data_bytes;
    let room = queue.append(frame::header_bytes(body_bytes) + body_bytes, queued_bytes_max)?;
    let body = frame::encode_command(room, body_bytes);
    let (head, data) = body.split_at_mut(1 + name.len());
    head[0] = name.len() as u8;
    head[1..].copy_from_slice(name.as_bytes());
    Some(data)
}

/// Appends ERROR with a reason of at most 255 bytes; whether there was room.
pub(super) fn append_error(queue: &mut ByteQueue, queued_bytes_max: usize, reason: &'static str) -> bool {
    let Some(data) = append(queue, queued_bytes_max, "ERROR", 1 + reason.len()) else { return false };
    data[0] = reason.len() as u8;
    data[1..].copy_from_slice(reason.as_bytes());
    true
}

/// Appends PING without a context; whether there was room.
pub(super) fn append_ping(queue: &mut ByteQueue, queued_bytes_max: usize, ttl_ds: u16) -> bool {
    let Some(data) = append(queue, queued_bytes_max, "PING", 2) else { return false };
    data.copy_from_slice(&ttl_ds.to_be_bytes());
    true
}

/// Appends PONG with the context of the PING; whether there was room.
pub(super) fn append_pong(queue: &mut ByteQueue, queued_bytes_max: usize, context: &[u8]) -> bool {
    let Some(data) = append(queue, queued_bytes_max, "PONG", context.len()) else { return false };
    data.copy_from_slice(context);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_commands_out() {
        let mut queue = ByteQueue::new(1_024);
        assert!(append_ping(&mut queue, 1_024, 0x1234));
        assert!(append_pong(&mut queue, 1_024, b"ctx"));
        assert!(append_error(&mut queue, 1_024, "Mechanism mismatch"));
        let golden = b"\x04\x07\x04PING\x12\x34\x04\x08\x04PONGctx\x04\x19\x05ERROR\x12Mechanism mismatch";
        assert_eq!(queue.unread(), golden);
        assert!(!append_ping(&mut queue, golden.len(), 0), "a full queue takes nothing");
    }

    #[test]
    fn golden_commands_in() {
        let context = b"0123456789abcdef";
        let ping = decode(b"\x04PING\x00\x320123456789abcdefg");
        assert_eq!(ping, Err(ProtocolError::Malformed { what: PING_ERROR }), "17 octets of context");
        let ping = decode(b"\x04PING\x00\x320123456789abcdef").unwrap();
        assert_eq!(ping, Command::Ping { ttl_ds: 50, context });
        assert_eq!(decode(b"\x04PONG").unwrap(), Command::Pong);
        assert_eq!(decode(b"\x05ERROR\x02no").unwrap(), Command::Error { reason: b"no" });
        assert_eq!(decode(b"\x05READYxyz").unwrap(), Command::Ready { properties: b"xyz" });
        for unknown in [&b"\x05ready"[..], b"\x04JOINgroup", b"\x09SUBSCRIBE", b"\x03FOO\xff"] {
            assert_eq!(decode(unknown).unwrap(), Command::Unknown);
        }
    }

    const PING_ERROR: &str = "expected PING with a time to live and at most 16 octets";

    #[test]
    fn commands_that_do_not_add_up_are_refused() {
        for bad in [
            &b""[..],
            b"\0",
            b"\x05READ",
            b"\x04PING\0",
            b"\x05ERROR",
            b"\x05ERROR\x03no",
            b"\x05ERROR\x01no",
        ] {
            assert!(matches!(decode(bad), Err(ProtocolError::Malformed { .. })), "{bad:?}");
        }
    }
}
