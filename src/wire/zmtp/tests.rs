//! The connection state machine against exact bytes, cut anywhere.
//!
//! What it is not: foreign peers; those are in `tests/zmtp_interop.rs`.
//!
//! Invariant: every expected byte is written out, so that a codec that agrees only with itself fails.

use proptest::prelude::*;

use super::*;
use crate::types::{NS_PER_MS, TimeNs};

const GREETING: &[u8; 64] = &{
    let mut bytes = [0; 64];
    bytes[0] = 0xff;
    bytes[9] = 0x7f;
    bytes[10] = 3;
    bytes[11] = 1;
    bytes[12] = b'N';
    bytes[13] = b'U';
    bytes[14] = b'L';
    bytes[15] = b'L';
    bytes
};
const READY_ROUTER: &[u8] = b"\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06ROUTER";
const READY_DEALER: &[u8] = b"\x04\x2b\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\x0277";
const START: TimeNs = TimeNs(1_000_000_000);

fn limits() -> Limits {
    Limits {
        message_bytes_max: 5_000,
        parts_max: 4,
        command_bytes_max: 512,
        queued_bytes_max: 6_000,
        receive_bytes: 1_024,
        send_bytes: 1_024,
        ..Limits::default()
    }
}

fn connection(socket: SocketType) -> Connection {
    let identity = match socket {
        SocketType::Dealer => Identity::new(b"77").unwrap(),
        _ => Identity::EMPTY,
    };
    let mut connection =
        Connection::new(Settings { socket, identity, mechanism: Mechanism::Null, limits: limits() });
    connection.open(START);
    connection
}

/// What a connection said, with the bodies copied.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Seen {
    Ready(Vec<u8>, Version),
    Part(Vec<u8>, More),
    Control,
    Failed(ProtocolError),
}

/// Feeds bytes in pieces of the given sizes, over and over; the events, and all that was sent.
fn feed(connection: &mut Connection, mut bytes: &[u8], cuts: &[usize]) -> (Vec<Seen>, Vec<u8>) {
    let mut seen = Vec::new();
    let mut sent = Vec::new();
    let mut cuts = cuts.iter().cycle();
    while !bytes.is_empty() {
        let room = connection.spare();
        assert!(!room.is_empty(), "room for at least one byte once all events are drained");
        let count = bytes.len().min(room.len()).min(*cuts.next().unwrap_or(&usize::MAX));
        room[..count].copy_from_slice(&bytes[..count]);
        bytes = &bytes[count..];
        connection.filled(count, START);
        let ended = drain(connection, &mut seen);
        sent.extend_from_slice(connection.outgoing());
        connection.sent(connection.outgoing().len());
        assert!(connection.memory_bytes() <= 2 * 6_000 + 5_009 + 1_024, "memory is bounded");
        if ended {
            break;
        }
    }
    (seen, sent)
}

fn drain(connection: &mut Connection, seen: &mut Vec<Seen>) -> bool {
    loop {
        let ready = match connection.next_event() {
            Ok(None) => return false,
            Ok(Some(Event::Ready)) => true,
            Ok(Some(Event::Message { body, more })) => {
                seen.push(Seen::Part(body.to_vec(), more));
                false
            }
            Ok(Some(Event::Control)) => {
                seen.push(Seen::Control);
                false
            }
            Err(error) => {
                seen.push(Seen::Failed(error));
                return true;
            }
        };
        if ready {
            let identity = connection.peer_identity().as_bytes().to_vec();
            seen.push(Seen::Ready(identity, connection.peer_version()));
        }
    }
}

fn opened(socket: SocketType) -> Connection {
    let mut connection = connection(socket);
    let ready = if socket == SocketType::Router { READY_DEALER } else { READY_ROUTER };
    let (seen, _) = feed(&mut connection, &[GREETING, ready].concat(), &[]);
    assert!(matches!(seen[..], [Seen::Ready(..)]));
    connection
}

fn failure(bytes: &[u8]) -> (ProtocolError, Vec<u8>) {
    let mut connection = connection(SocketType::Router);
    connection.sent(64);
    let (seen, sent) = feed(&mut connection, bytes, &[]);
    match seen.last() {
        Some(Seen::Failed(error)) => (*error, sent),
        other => panic!("expected a failure, got {other:?}"),
    }
}

#[test]
fn golden_handshake_of_both_roles() {
    let mut server = connection(SocketType::Router);
    assert_eq!(server.outgoing(), GREETING, "the greeting goes out before anything came");
    let (seen, sent) = feed(&mut server, &[GREETING, READY_DEALER].concat(), &[]);
    assert_eq!(seen, [Seen::Ready(b"77".to_vec(), Version::V3_1)]);
    assert_eq!(sent, [GREETING, READY_ROUTER].concat());

    let mut client = connection(SocketType::Dealer);
    let (seen, sent) = feed(&mut client, &[GREETING, READY_ROUTER].concat(), &[1]);
    assert_eq!(seen, [Seen::Ready(vec![], Version::V3_1)]);
    assert_eq!(sent, [GREETING, READY_DEALER].concat());
}

#[test]
fn golden_messages_out() {
    let mut server = opened(SocketType::Router);
    server.send(b"abc", More::Follows).unwrap();
    server.send(b"", More::Last).unwrap();
    server.send_with(256, More::Last, |room| room.fill(7)).unwrap();
    let golden = [&b"\x01\x03abc\x00\x00\x02\0\0\0\0\0\0\x01\x00"[..], &[7; 256]].concat();
    assert_eq!(server.outgoing(), golden);
}

#[test]
fn ping_is_answered_with_its_context_and_a_3_0_peer_is_never_pinged() {
    let mut server = opened(SocketType::Router);
    let (seen, sent) = feed(&mut server, b"\x04\x0a\x04PING\0\x0acba", &[]);
    assert_eq!((seen, sent), (vec![Seen::Control], b"\x04\x08\x04PONGcba".to_vec()));
    let second = TimeNs(START.0 + 1_000 * NS_PER_MS);
    server.on_time(TimeNs(second.0 - 1)).unwrap();
    assert_eq!(server.outgoing(), b"");
    server.on_time(second).unwrap();
    assert_eq!(server.outgoing(), b"\x04\x07\x04PING\0\x32");

    let mut old = connection(SocketType::Router);
    let mut greeting = *GREETING;
    greeting[11] = 0;
    let (seen, _) = feed(&mut old, &[&greeting[..], READY_DEALER].concat(), &[]);
    assert_eq!(seen, [Seen::Ready(b"77".to_vec(), Version::V3_0)]);
    old.on_time(TimeNs(START.0 + 100_000 * NS_PER_MS)).unwrap();
    assert_eq!(old.outgoing(), b"", "neither pinged nor given up");
}

#[test]
fn the_deadlines_are_the_handshake_our_heartbeat_and_the_peers_own_ttl() {
    let at = |ms: i64| TimeNs(START.0 + ms * NS_PER_MS);
    let mut mute = connection(SocketType::Router);
    mute.on_time(at(5_000)).unwrap();
    assert_eq!(mute.on_time(at(5_001)), Err(ProtocolError::HandshakeTimeout { max_ms: 5_000 }));

    let mut silent = opened(SocketType::Router);
    silent.on_time(at(5_000)).unwrap();
    assert_eq!(silent.on_time(at(5_001)), Err(ProtocolError::Silent { max_ms: 5_000 }));

    let mut expired = opened(SocketType::Router);
    feed(&mut expired, b"\x04\x07\x04PING\0\x02", &[]);
    expired.on_time(at(200)).unwrap();
    assert_eq!(expired.on_time(at(201)), Err(ProtocolError::TtlExpired { ttl_ms: 200 }));
}

#[test]
fn unknown_commands_are_ignored() {
    let mut server = opened(SocketType::Router);
    let (seen, sent) = feed(&mut server, b"\x04\x08\x03FOOabcd\x04\x0a\x09SUBSCRIBE\x00\x01x", &[]);
    assert_eq!(seen, [Seen::Control, Seen::Control, Seen::Part(b"x".to_vec(), More::Last)]);
    assert_eq!((sent.len(), server.take_counts().command_ignored_count), (0, 2));
}

#[test]
fn refusals_in_the_handshake_tell_the_peer_why() {
    let mut curve = *GREETING;
    curve[12..17].copy_from_slice(b"CURVE");
    let (error, sent) = failure(&curve);
    assert_eq!(error.fault(), Fault::Incompatible);
    assert_eq!(sent, b"\x04\x19\x05ERROR\x12Mechanism mismatch");

    let message = [&GREETING[..], b"\x00\x01x"].concat();
    let (error, sent) = failure(&message);
    assert_eq!(error, ProtocolError::MessageBeforeReady);
    assert_eq!(sent, [READY_ROUTER, b"\x04\x15\x05ERROR\x0eExpected READY"].concat());

    let publisher = [&GREETING[..], b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03PUB"].concat();
    let (error, sent) = failure(&publisher);
    assert!(matches!(error, ProtocolError::SocketType { .. }));
    assert_eq!(sent, [READY_ROUTER, b"\x04\x1a\x05ERROR\x13Invalid socket type"].concat());

    let refused = [&GREETING[..], b"\x04\x09\x05ERROR\x02no"].concat();
    let (error, sent) = failure(&refused);
    assert_eq!((error.to_string().as_str(), &sent[..]), ("the peer refused: no", READY_ROUTER));
}

#[test]
fn hostile_bytes_are_refused_before_memory_is_taken() {
    let open = [&GREETING[..], READY_DEALER].concat();
    let with = |bytes: &[u8]| failure(&[&open[..], bytes].concat()).0;
    for announced in [5_001u64, 8 << 30, 1 << 40, (1 << 63) - 1, u64::MAX] {
        let error = with(&[&b"\x02"[..], &announced.to_be_bytes()].concat());
        assert_eq!(error, ProtocolError::MessageTooLarge { max: 5_000, got: announced });
    }
    assert_eq!(with(b"\x08\x01x"), ProtocolError::Flags { flags: 8 });
    assert_eq!(with(b"\x05\x01x"), ProtocolError::Flags { flags: 5 });
    assert_eq!(with(&b"\x01\x00".repeat(5)), ProtocolError::TooManyParts { max: 4 });
    let part = [&b"\x03\0\0\0\0\0\0\x0b\xb8"[..], &[1; 3_000]].concat();
    let error = with(&part.repeat(2));
    assert_eq!(error, ProtocolError::MessageTooLarge { max: 2_000, got: 3_000 });
    assert_eq!(
        with(READY_DEALER),
        ProtocolError::UnexpectedCommand { expected: "READY once, then messages" }
    );
    assert_eq!(failure(b"GET / HTTP/1.1\r\n").0.fault(), Fault::Bytes);
}

#[test]
fn four_parts_are_legal_and_the_next_message_starts_afresh() {
    let mut server = opened(SocketType::Router);
    let message = b"\x01\x01a\x01\x01b\x01\x01c\x00\x01d";
    let (seen, _) = feed(&mut server, &message.repeat(2), &[5]);
    assert_eq!(seen.len(), 8);
    assert!(seen.iter().all(|part| matches!(part, Seen::Part(..))));
}

#[test]
fn a_peer_that_does_not_read_is_refused_messages_and_ended_by_its_own_pings() {
    let mut server = opened(SocketType::Router);
    server.send(&[0; 5_000], More::Last).unwrap();
    assert_eq!(
        server.send(&[0; 1_000], More::Last),
        Err(QueueError::Full { max: 6_000, queued: 5_009, got: 1_009 })
    );
    assert_eq!(server.send(&[0; 5_001], More::Last), Err(QueueError::TooLarge { max: 5_000, got: 5_001 }));
    let pings = b"\x04\x07\x04PING\0\0".repeat(141);
    let mut seen = Vec::new();
    for piece in pings.chunks(9) {
        server.spare()[..9].copy_from_slice(piece);
        server.filled(9, START);
        drain(&mut server, &mut seen);
    }
    assert_eq!(seen.iter().filter(|seen| **seen == Seen::Control).count(), 141);
    server.spare()[..9].copy_from_slice(b"\x04\x07\x04PING\0\0");
    server.filled(9, START);
    assert_eq!(server.next_event(), Err(ProtocolError::NotReading { max: 6_000 }));
    assert_eq!(server.send(b"x", More::Last), Err(QueueError::NotOpen));
}

/// One thing that a peer sends after the handshake.
#[derive(Clone, Debug)]
enum Item {
    Message(Vec<Vec<u8>>),
    Ping(Vec<u8>),
    Unknown(Vec<u8>),
}

fn item() -> impl Strategy<Value = Item> {
    let part = prop_oneof![
        6 => prop::collection::vec(any::<u8>(), 0..80),
        2 => prop::collection::vec(any::<u8>(), 250..262),
        1 => prop::collection::vec(any::<u8>(), 1_000..1_250),
    ];
    prop_oneof![
        8 => prop::collection::vec(part, 1..=4).prop_map(Item::Message),
        1 => prop::collection::vec(any::<u8>(), 0..=16).prop_map(Item::Ping),
        1 => prop::collection::vec(any::<u8>(), 0..300).prop_map(Item::Unknown),
    ]
}

/// Written out here, apart from the codec's own encoder.
fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = if body.len() < 256 { vec![flags, body.len() as u8] } else { vec![flags | 2] };
    if body.len() >= 256 {
        bytes.extend_from_slice(&(body.len() as u64).to_be_bytes());
    }
    bytes.extend_from_slice(body);
    bytes
}

fn wire_and_expected(items: &[Item]) -> (Vec<u8>, Vec<Seen>) {
    let mut wire = [&GREETING[..], READY_DEALER].concat();
    let mut expected = vec![Seen::Ready(b"77".to_vec(), Version::V3_1)];
    for item in items {
        match item {
            Item::Message(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    let more = if index + 1 < parts.len() { More::Follows } else { More::Last };
                    wire.extend(frame(u8::from(more == More::Follows), part));
                    expected.push(Seen::Part(part.clone(), more));
                }
            }
            Item::Ping(context) => {
                wire.extend(frame(4, &[b"\x04PING\0\x0a", &context[..]].concat()));
                expected.push(Seen::Control);
            }
            Item::Unknown(data) => {
                wire.extend(frame(4, &[b"\x03FOO", &data[..]].concat()));
                expected.push(Seen::Control);
            }
        }
    }
    (wire, expected)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_cut_anywhere_decodes_the_same(
        items in prop::collection::vec(item(), 0..12),
        cuts in prop::collection::vec(1usize..700, 1..8),
    ) {
        let (wire, expected) = wire_and_expected(&items);
        let (whole, sent_whole) = feed(&mut connection(SocketType::Router), &wire, &[]);
        prop_assert_eq!(&whole, &expected);
        let (cut, sent_cut) = feed(&mut connection(SocketType::Router), &wire, &cuts);
        prop_assert_eq!(&cut, &expected);
        let (single, sent_single) = feed(&mut connection(SocketType::Router), &wire, &[1]);
        prop_assert_eq!(&single, &expected);
        prop_assert_eq!(&sent_whole, &sent_cut);
        prop_assert_eq!(&sent_whole, &sent_single);
    }

    #[test]
    fn any_bytes_cut_anywhere_end_the_same(
        head in 0usize..3,
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        cuts in prop::collection::vec(1usize..50, 1..8),
    ) {
        let open = [&GREETING[..], READY_DEALER].concat();
        let wire = [[&b""[..], GREETING, &open][head], &bytes].concat();
        let whole = feed(&mut connection(SocketType::Router), &wire, &[]);
        let cut = feed(&mut connection(SocketType::Router), &wire, &cuts);
        prop_assert_eq!(whole, cut);
    }

    #[test]
    fn what_one_end_sends_the_other_receives(items in prop::collection::vec(item(), 0..12), cut in 1usize..300) {
        let (_, expected) = wire_and_expected(&items);
        let mut client = opened(SocketType::Dealer);
        let mut server = opened(SocketType::Router);
        let mut received = Vec::new();
        for seen in &expected {
            let Seen::Part(body, more) = seen else { continue };
            client.send(body, *more).unwrap();
            let bytes = client.outgoing().to_vec();
            client.sent(bytes.len());
            received.extend(feed(&mut server, &bytes, &[cut]).0);
        }
        let parts: Vec<Seen> = expected.into_iter().filter(|seen| matches!(seen, Seen::Part(..))).collect();
        prop_assert_eq!(received, parts);
    }
}
