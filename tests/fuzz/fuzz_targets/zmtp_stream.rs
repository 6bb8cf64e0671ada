//! Bytes in arbitrary pieces into a ZMTP connection, as either role.
//!
//! What it is not: a check of what the events should be; `src/wire/zmtp/tests.rs` has the exact bytes.
//!
//! Invariant: memory stays bounded, and the pieces do not change events, errors or answers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tickbridge::types::TimeNs;
use tickbridge::wire::zmtp::{Connection, Event, Identity, Limits, Mechanism, More, Settings, SocketType};

const MESSAGE_BYTES_MAX: usize = 4_000;
const QUEUED_BYTES_MAX: usize = 1 << 20;
const BUFFER_BYTES: usize = 1_024;
const READY: &[u8] = b"\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06";
const NOW: TimeNs = TimeNs(1);

// The first byte chooses role and start, the second the size of the pieces.
fuzz_target!(|data: &[u8]| {
    let [choice, piece_bytes, bytes @ ..] = data else { return };
    let socket = if choice & 1 == 0 { SocketType::Router } else { SocketType::Dealer };
    let peer: &[u8] = if choice & 1 == 0 { b"DEALER" } else { b"ROUTER" };
    let mut greeting = [0; 64];
    greeting[..16].copy_from_slice(b"\xff\0\0\0\0\0\0\0\0\x7f\x03\x01NULL");
    let head = match choice >> 1 & 3 {
        0 => Vec::new(),
        1 => greeting.to_vec(),
        _ => [&greeting[..], READY, peer].concat(),
    };
    let wire = [&head[..], bytes].concat();
    let whole = run(socket, &wire, usize::MAX);
    let pieces = run(socket, &wire, usize::from(*piece_bytes).max(1));
    assert_eq!(whole, pieces, "the same however it is cut");
});

/// Everything that came out, flattened: events in order, then what would be sent.
fn run(socket: SocketType, mut wire: &[u8], piece_bytes: usize) -> (Vec<u8>, Vec<u8>) {
    let limits = Limits {
        message_bytes_max: MESSAGE_BYTES_MAX,
        parts_max: 8,
        command_bytes_max: 512,
        queued_bytes_max: QUEUED_BYTES_MAX,
        receive_bytes: BUFFER_BYTES,
        send_bytes: BUFFER_BYTES,
        ..Limits::default()
    };
    let identity = Identity::EMPTY;
    let mut connection = Connection::new(Settings { socket, identity, mechanism: Mechanism::Null, limits });
    connection.open(NOW);
    let mut seen = Vec::new();
    let mut sent = Vec::new();
    let mut ended = false;
    while !wire.is_empty() && !ended {
        let room = connection.spare();
        assert!(!room.is_empty(), "room once the events are drained");
        let count = wire.len().min(room.len()).min(piece_bytes);
        room[..count].copy_from_slice(&wire[..count]);
        wire = &wire[count..];
        connection.filled(count, NOW);
        ended = drain(&mut connection, &mut seen);
        sent.extend_from_slice(connection.outgoing());
        connection.sent(connection.outgoing().len());
        let memory_max = MESSAGE_BYTES_MAX + 9 + BUFFER_BYTES + 2 * QUEUED_BYTES_MAX;
        assert!(connection.memory_bytes() <= memory_max, "memory is bounded");
    }
    (seen, sent)
}

fn drain(connection: &mut Connection, seen: &mut Vec<u8>) -> bool {
    loop {
        match connection.next_event() {
            Ok(None) => return false,
            Ok(Some(Event::Ready)) => {
                seen.push(b'R');
                seen.extend_from_slice(connection.peer_identity().as_bytes());
            }
            Ok(Some(Event::Control)) => seen.push(b'C'),
            Ok(Some(Event::Message { body, more })) => {
                assert!(body.len() <= MESSAGE_BYTES_MAX);
                seen.push(if more == More::Last { b'L' } else { b'F' });
                seen.extend_from_slice(&(body.len() as u32).to_le_bytes());
                seen.extend_from_slice(body);
            }
            Err(error) => {
                seen.extend_from_slice(format!("{error:?}").as_bytes());
                assert_eq!(connection.next_event(), Ok(None), "no events after the end");
                return true;
            }
        }
    }
}
