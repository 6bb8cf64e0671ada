//! Any bytes as what a ZMTP peer sends, to both socket types, cut into pieces of any size.
//!
//! What it is not: a check of what is answered; the exact bytes are tested beside the codec.
//!
//! Invariant: how the bytes were cut changes nothing: same events, same error, same answer. Memory stays within the limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tickbridge::types::TimeNs;
use tickbridge::wire::zmtp::{Connection, Event, Identity, Limits, Mechanism, More, Settings, SocketType};

/// What a peer's bytes led to.
#[derive(PartialEq, Debug)]
struct Story {
    events: Vec<(u8, Vec<u8>)>,
    error: Option<String>,
    answer: Vec<u8>,
}

fn tell(socket: SocketType, bytes: &[u8], piece: usize) -> Story {
    let settings = Settings { socket, identity: Identity::EMPTY, mechanism: Mechanism::Null, limits: limits() };
    let mut connection = Connection::new(settings);
    connection.open(TimeNs(1));
    let mut story = Story { events: Vec::new(), error: None, answer: Vec::new() };
    let mut rest = bytes;
    loop {
        let error = loop {
            match connection.next_event() {
                Ok(Some(Event::Ready)) => story.events.push((0, Vec::new())),
                Ok(Some(Event::Message { body, more })) => {
                    story.events.push((1 + u8::from(more == More::Last), body.to_vec()));
                }
                Ok(Some(Event::Control)) => story.events.push((3, Vec::new())),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let waiting = connection.outgoing();
        story.answer.extend_from_slice(waiting);
        let waiting = waiting.len();
        connection.sent(waiting);
        assert!(connection.memory_bytes() <= 128 << 10, "{} bytes", connection.memory_bytes());
        if error.is_some() || rest.is_empty() {
            story.error = error.map(|error| error.to_string());
            return story;
        }
        let spare = connection.spare();
        let count = spare.len().min(piece).min(rest.len());
        assert!(count > 0, "there is always room");
        spare[..count].copy_from_slice(&rest[..count]);
        connection.filled(count, TimeNs(2));
        rest = &rest[count..];
    }
}

fn limits() -> Limits {
    Limits {
        message_bytes_max: 4 << 10,
        parts_max: 8,
        command_bytes_max: 1 << 10,
        queued_bytes_max: 16 << 10,
        receive_bytes: 1 << 10,
        send_bytes: 1 << 10,
        ..Limits::default()
    }
}

/// A greeting and a READY that are accepted, so that the frames are reached.
fn handshake(socket: SocketType) -> Vec<u8> {
    let peer = if socket == SocketType::Router { SocketType::Dealer } else { SocketType::Router };
    let settings =
        Settings { socket: peer, identity: Identity::EMPTY, mechanism: Mechanism::Null, limits: limits() };
    let mut peer = Connection::new(settings);
    peer.open(TimeNs(1));
    let greeting = peer.outgoing().to_vec();
    // Its READY follows when it has seen a greeting.
    peer.spare()[..greeting.len()].copy_from_slice(&greeting);
    peer.filled(greeting.len(), TimeNs(1));
    assert!(peer.next_event().expect("a good greeting").is_none());
    peer.outgoing().to_vec()
}

fuzz_target!(|data: &[u8]| {
    let Some((&pick, bytes)) = data.split_first() else { return };
    let socket = if pick & 1 == 0 { SocketType::Router } else { SocketType::Dealer };
    let mut whole = if pick & 2 == 0 { Vec::new() } else { handshake(socket) };
    let accepted = whole.len();
    whole.extend_from_slice(bytes);
    let story = tell(socket, &whole, usize::MAX);
    assert_eq!(story, tell(socket, &whole, 1 + usize::from(pick >> 2)), "cut into pieces");
    if accepted > 0 && story.error.is_some() {
        assert!(!story.events.is_empty(), "the handshake was good");
    }
});
