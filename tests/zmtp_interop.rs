//! Foreign and hostile peers against our ZMTP link, over real loopback sockets.
//!
//! What it is not: the codec's own tests (`src/wire/zmtp/tests.rs`), or a benchmark.
//!
//! Invariant: every wait is for a condition with a generous bound; no outcome depends on how fast anything is.
#![allow(
    clippy::disallowed_methods,
    reason = "foreign peers need threads, and a test needs a bound on its waits"
)]

mod zmtp_peers;

use std::io::Write;
use std::net::{Shutdown, TcpStream};

use tickbridge::link::{BindError, Client, LinkEnd, SendError, Server, ServerSettings};
use tickbridge::types::{NS_PER_MS, TimeNs};
use tickbridge::wire::zmtp::{Fault, Heartbeat, Identity, Limits, More, ProtocolError, Version};
use zmtp_peers::*;

#[test]
fn libzmq_dealer_echoes_small_and_large_multipart_messages() {
    let mut host = Host::new(ServerSettings::default());
    let context = zmq::Context::new();
    let dealer = libzmq_dealer(&context, host.port(), b"77.demo.svc");
    dealer.send("small", 0).unwrap();
    let id = host.message(b"small");
    assert_eq!(host.identity(id), b"77.demo.svc");
    host.server.send(id, b"answer", More::Last).unwrap();
    assert_eq!(dealer.recv_bytes(0).unwrap(), b"answer");

    let large: Vec<u8> = (0..1 << 20).map(|index: u32| (index % 251) as u8).collect();
    dealer.send_multipart([&large[..], b"", b"tail"], 0).unwrap();
    host.until("three parts", |seen| seen.parts.len() == 4);
    assert!(host.seen.parts[1] == (id, large.clone(), More::Follows));
    assert_eq!(host.seen.parts[2], (id, vec![], More::Follows));
    assert_eq!(host.seen.parts[3], (id, b"tail".to_vec(), More::Last));
    host.server.send(id, &large, More::Follows).unwrap();
    host.server.send(id, b"", More::Last).unwrap();
    let answer = host.beside(move || dealer.recv_multipart(0).unwrap());
    assert!(answer == [large, vec![]]);
}

#[test]
fn zeromq_crate_dealer_echoes_small_and_large_messages_and_comes_back_as_a_new_socket() {
    let mut host = Host::new(ServerSettings::default());
    let port = host.port();
    let large: Vec<u8> = (0..1 << 20).map(|index: u32| (index % 251) as u8).collect();
    for round in 0..2 {
        let sent = large.clone();
        let peer = std::thread::spawn(move || zeromq_echo(port, "77.crate", &[b"small".to_vec(), sent]));
        let id = host.message(b"small");
        assert_eq!(host.seen.connected[round].2, Version::V3_0, "the crate announces 3.0");
        host.server.send(id, b"small", More::Last).unwrap();
        let large_again = large.clone();
        host.until("the large message", |seen| seen.parts.iter().any(|part| part.1 == large_again));
        host.server.send(id, &large, More::Last).unwrap();
        let answers = host.beside(move || peer.join().unwrap());
        assert!(answers == [b"small".to_vec(), large.clone()]);
        host.until("its end", |seen| seen.disconnected.len() == round + 1);
        host.seen.parts.clear();
        host.restart();
    }
}

#[test]
fn one_byte_segments_in_both_directions_carry_libzmq_and_our_client() {
    let mut host = Host::new(ServerSettings::default());
    let relay = relay_one_byte_segments(host.port());
    let context = zmq::Context::new();
    let dealer = libzmq_dealer(&context, relay, b"77.slow");
    dealer.send(vec![9; 300], 0).unwrap();
    let id = host.message(&[9; 300]);
    host.server.send(id, &[8; 300], More::Last).unwrap();
    assert_eq!(host.beside(move || dealer.recv_bytes(0).unwrap()), [8; 300]);

    let mut client = client(relay, b"77.ours");
    let mut answers = Vec::new();
    host.until_client(&mut client, &mut answers, "connected", |client, _| client.is_connected());
    client.send(&[7; 300], More::Last).unwrap();
    let id = host.message_with(&[7; 300], |host| host.step_client(&mut client, &mut answers));
    host.server.send(id, &[6; 300], More::Last).unwrap();
    host.until_client(&mut client, &mut answers, "the answer", |_, answers| !answers.is_empty());
    assert_eq!(answers, [[6; 300]]);
}

#[test]
fn libzmq_heartbeats_are_answered_and_ours_are_answered_by_it() {
    let limits = Limits {
        heartbeat: Heartbeat { interval_ms: 20, timeout_ms: 20_000, ttl_ms: 20_000 },
        ..Limits::default()
    };
    let mut host = Host::new(ServerSettings { limits, ..ServerSettings::default() });
    let context = zmq::Context::new();
    let dealer = context.socket(zmq::DEALER).unwrap();
    dealer.set_identity(b"77.beat").unwrap();
    dealer.set_heartbeat_ivl(20).unwrap();
    dealer.set_heartbeat_timeout(20_000).unwrap();
    dealer.connect(&format!("tcp://127.0.0.1:{}", host.port())).unwrap();
    host.until_server("pings both ways", |server| {
        let counters = server.counters();
        counters.ping_received_count >= 3 && counters.pong_received_count >= 3
    });
    dealer.send("alive", 0).unwrap();
    host.message(b"alive");
    assert!(host.seen.disconnected.is_empty());
}

#[test]
fn libzmq_and_our_client_reconnect_when_the_server_comes_back_on_its_port() {
    let mut host = Host::new(ServerSettings::default());
    let context = zmq::Context::new();
    let dealer = libzmq_dealer(&context, host.port(), b"77.back");
    let mut client = client(host.port(), b"77.ours");
    let mut answers = Vec::new();
    host.until_client(&mut client, &mut answers, "connected", |client, _| client.is_connected());
    host.until("both connected", |seen| seen.connected.len() == 2);
    host.restart();
    host.until_client(&mut client, &mut answers, "the loss", |client, _| !client.is_connected());
    host.until_client(&mut client, &mut answers, "reconnected", |client, _| client.is_connected());
    host.until("both connected again", |seen| seen.connected.len() == 4);
    dealer.send("again", 0).unwrap();
    host.message(b"again");
    client.send(b"ours again", More::Last).unwrap();
    host.message(b"ours again");
}

#[test]
fn a_known_identity_takes_over_and_the_old_connection_is_told_and_closed() {
    let mut host = Host::new(ServerSettings::default());
    let mut old = raw_connected(&mut host, b"77");
    let old_id = host.seen.connected[0].0;
    let context = zmq::Context::new();
    let new = libzmq_dealer(&context, host.port(), b"77");
    new.send("new", 0).unwrap();
    let new_id = host.message(b"new");
    assert_eq!(host.seen.disconnected, [(old_id, LinkEnd::TakenOver)]);
    assert_eq!(host.server.send(old_id, b"x", More::Last), Err(SendError::NotConnected));
    host.until_closed(&mut old);
    host.server.send(new_id, b"yours", More::Last).unwrap();
    assert_eq!(host.beside(move || new.recv_bytes(0).unwrap()), b"yours");
}

#[test]
fn libzmq_with_plain_or_curve_is_refused_and_the_others_live() {
    let mut host = Host::new(ServerSettings::default());
    let context = zmq::Context::new();
    let good = libzmq_dealer(&context, host.port(), b"good");
    good.send("before", 0).unwrap();
    let id = host.message(b"before");
    let plain = context.socket(zmq::DEALER).unwrap();
    plain.set_plain_username(Some("user")).unwrap();
    plain.set_plain_password(Some("word")).unwrap();
    plain.connect(&format!("tcp://127.0.0.1:{}", host.port())).unwrap();
    host.until("a refusal", |seen| !seen.refused.is_empty());
    assert_incompatible_or_gone(&host);
    drop(plain);
    let mut curve = TcpStream::connect(("127.0.0.1", host.port())).unwrap();
    let mut greeting = greeting();
    greeting[12..17].copy_from_slice(b"CURVE");
    curve.write_all(&greeting).unwrap();
    let answer = host.read_to_end(&mut curve);
    assert_eq!(&answer[64..], b"\x04\x19\x05ERROR\x12Mechanism mismatch");
    host.server.send(id, b"after", More::Last).unwrap();
    assert_eq!(host.beside(move || good.recv_bytes(0).unwrap()), b"after");
}

#[test]
fn exact_bytes_of_a_whole_session_with_a_3_1_and_a_3_0_peer() {
    let mut host = Host::new(ServerSettings::default());
    for minor in [1, 0] {
        let mut peer = TcpStream::connect(("127.0.0.1", host.port())).unwrap();
        let mut ours = greeting();
        ours[11] = minor;
        peer.write_all(&ours).unwrap();
        // A property name in lower case is legal.
        peer.write_all(b"\x04\x1c\x05READY\x0bsocket-type\0\0\0\x06DEALER").unwrap();
        assert_eq!(host.read_exact(&mut peer, 64), greeting());
        assert_eq!(host.read_exact(&mut peer, READY.len()), READY);
        // An unknown command, then PING with a time to live and a context, then a short body in a long frame.
        peer.write_all(b"\x04\x08\x03FOOabcd\x04\x0a\x04PING\x0b\xb8ctx\x02\0\0\0\0\0\0\0\x03abc").unwrap();
        assert_eq!(host.read_exact(&mut peer, 10), b"\x04\x08\x04PONGctx");
        let id = host.message(b"abc");
        host.server.queue_with(id, 2, More::Follows, |room| room.copy_from_slice(b"hi")).unwrap();
        host.server.queue_with(id, 256, More::Last, |room| room.fill(1)).unwrap();
        host.server.flush();
        let golden = [&b"\x01\x02hi\x02\0\0\0\0\0\0\x01\0"[..], &[1; 256]].concat();
        assert_eq!(host.read_exact(&mut peer, golden.len()), golden);
        let version = if minor == 1 { Version::V3_1 } else { Version::V3_0 };
        assert_eq!(host.seen.connected.last().map(|seen| seen.2), Some(version));
        host.seen.parts.clear();
    }
}

#[test]
fn hostile_bytes_cost_their_own_connection_only() {
    let mut host = Host::new(ServerSettings::default());
    let mut good = raw_connected(&mut host, b"good");
    let huge = |bytes: u64| [&b"\x02"[..], &bytes.to_be_bytes()].concat();
    for announced in [8u64 << 30, 1 << 40, (1 << 63) - 1, u64::MAX] {
        let mut peer = raw_connected(&mut host, b"bad");
        peer.write_all(&huge(announced)).unwrap();
        host.until_closed(&mut peer);
        let expected = ProtocolError::MessageTooLarge { max: 2 << 20, got: announced };
        assert_eq!(host.seen.disconnected.last().map(|end| end.1), Some(LinkEnd::Protocol(expected)));
    }
    let mut peer = raw_connected(&mut host, b"bad");
    peer.write_all(b"\x10\x01x").unwrap();
    host.until_closed(&mut peer);
    for garbage in
        [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], b"\x16\x03\x01\x02\0\x01", &[0; 500], &[0xff; 500]]
    {
        let mut peer = TcpStream::connect(("127.0.0.1", host.port())).unwrap();
        peer.write_all(garbage).unwrap();
        host.until_closed(&mut peer);
    }
    let bytes_ends = host.seen.refused.iter().filter(|end| is_fault(end, Fault::Bytes)).count();
    assert_eq!((bytes_ends, host.server.counters().ended_bytes_count), (4, 9));
    good.write_all(b"\x00\x05alive").unwrap();
    host.message(b"alive");
}

#[test]
fn two_hundred_mute_connections_do_not_keep_an_honest_peer_out() {
    let mut host = Host::new(ServerSettings { connections_max: 8, ..ServerSettings::default() });
    let mut good = raw_connected(&mut host, b"good");
    let mute: Vec<TcpStream> = (0..200)
        .map(|_| {
            let stream = TcpStream::connect(("127.0.0.1", host.port())).unwrap();
            host.step();
            stream
        })
        .collect();
    let mut second = raw_connected(&mut host, b"second");
    good.write_all(b"\x00\x05alive").unwrap();
    second.write_all(b"\x00\x04also").unwrap();
    host.message(b"alive");
    host.message(b"also");
    assert!(host.server.counters().ended_evicted_count > 0);
    drop(mute);
}

#[test]
fn a_full_house_of_connected_peers_refuses_the_next_and_keeps_them() {
    let mut host = Host::new(ServerSettings { connections_max: 2, ..ServerSettings::default() });
    let mut first = raw_connected(&mut host, b"1");
    let _second = raw_connected(&mut host, b"2");
    let mut third = TcpStream::connect(("127.0.0.1", host.port())).unwrap();
    host.until_closed(&mut third);
    assert_eq!(host.server.counters().refused_full_count, 1);
    first.write_all(b"\x00\x05alive").unwrap();
    host.message(b"alive");
}

#[test]
fn a_slow_loris_ends_at_the_handshake_deadline() {
    let mut host = Host::new(ServerSettings::default());
    let mut slow = TcpStream::connect(("127.0.0.1", host.port())).unwrap();
    host.until_server("accepted", |server| server.counters().accepted_count == 1);
    for &byte in &greeting()[..20] {
        slow.write_all(&[byte]).unwrap();
        host.now = TimeNs(host.now.0 + 245 * NS_PER_MS);
        host.step();
    }
    assert!(host.seen.refused.is_empty(), "5,000 ms are allowed and have just passed");
    host.now = TimeNs(host.now.0 + 245 * NS_PER_MS);
    host.until_closed(&mut slow);
    let expected = ProtocolError::HandshakeTimeout { max_ms: 5_000 };
    assert_eq!(host.seen.refused[0].1, LinkEnd::Protocol(expected));
}

#[test]
fn a_peer_that_never_reads_is_refused_messages_and_the_others_live() {
    let mut host = Host::new(ServerSettings::default());
    let _deaf = raw_connected(&mut host, b"deaf");
    let deaf_id = host.seen.connected[0].0;
    let mut good = raw_connected(&mut host, b"good");
    let good_id = host.seen.connected[1].0;
    let mut taken = 0u64;
    let refused = loop {
        match host.server.send(deaf_id, &[0; 1_024], More::Last) {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
        assert!(taken < 1_000_000, "it must fill");
    };
    assert!(matches!(refused, SendError::Refused(_)), "{refused}");
    let counters = *host.server.counters();
    assert_eq!((counters.parts_sent_count, counters.send_refused_count), (taken, 1));
    host.server.send(good_id, b"hello", More::Last).unwrap();
    assert_eq!(host.read_exact(&mut good, 7), b"\x00\x05hello");
    good.write_all(b"\x00\x05alive").unwrap();
    host.message(b"alive");
}

#[test]
fn what_waited_for_a_slow_reader_arrives_whole_and_in_order() {
    let mut host = Host::new(ServerSettings::default());
    let mut slow = raw_connected(&mut host, b"slow");
    let id = host.seen.connected[0].0;
    let mut expected = Vec::new();
    for number in 0u32.. {
        let body = [&number.to_le_bytes()[..], &[0; 2_044]].concat();
        if host.server.send(id, &body, More::Last).is_err() {
            break;
        }
        expected.extend([&b"\x02\0\0\0\0\0\0\x08\0"[..], &body].concat());
    }
    assert!(host.server.counters().write_blocked_count > 0);
    let got = host.read_exact(&mut slow, expected.len());
    assert!(got == expected);
}

#[test]
fn a_flooding_peer_gets_its_share_of_a_cycle_and_no_more() {
    let settings = ServerSettings { parts_per_poll_max: 10, ..ServerSettings::default() };
    let mut host = Host::new(settings);
    let mut flood = raw_connected(&mut host, b"flood");
    let mut good = raw_connected(&mut host, b"good");
    flood.write_all(&b"\x00\x01f\x04\x08\x03FOOabcd".repeat(500)).unwrap();
    good.write_all(b"\x00\x04here").unwrap();
    let mut largest = 0;
    let mut steps = 0u64;
    while host.seen.parts.len() < 501 {
        let before = host.seen.parts.len();
        host.step();
        largest = largest.max(host.seen.parts.len() - before);
        steps += 1;
        assert!(steps < 10_000_000, "all must arrive");
    }
    assert!(largest <= 11, "{largest} parts in one cycle");
    assert!(host.server.counters().share_exhausted_count >= 99);
}

#[test]
fn the_last_words_of_a_peer_that_closes_are_heard() {
    // Without pings of ours, which would find a close that was overlooked.
    let heartbeat = Heartbeat { interval_ms: 0, timeout_ms: 0, ttl_ms: 0 };
    let limits = Limits { heartbeat, ..Limits::default() };
    let mut host = Host::new(ServerSettings { limits, ..ServerSettings::default() });
    let mut others = Vec::new();
    // Read directly, then by epoll, whose one edge stands for the bytes and the close.
    for (others_count, count) in [(0, 0), (0, 1), (0, 300), (2, 0), (2, 1), (2, 300)] {
        while others.len() < others_count {
            others.push(raw_connected(&mut host, &[b'a' + others.len() as u8]));
        }
        host.seen = Seen::default();
        let mut peer = raw_connected(&mut host, b"brief");
        peer.write_all(&[&b"\x04\x07\x04PING\0\0".repeat(count)[..], b"\x00\x04last"].concat()).unwrap();
        peer.shutdown(Shutdown::Both).unwrap();
        drop(peer);
        host.message(b"last");
        host.until("its end", |seen| seen.disconnected.len() == 1);
    }
}

#[test]
fn more_than_one_read_takes_is_read_on_in_the_next_cycles_without_a_new_edge() {
    let mut host = Host::new(ServerSettings::default());
    let _other = raw_connected(&mut host, b"other");
    let mut peer = raw_connected(&mut host, b"many");
    // Several receive buffers full, of fewer parts than a cycle's share, and no answer that could cause another edge.
    let long = [&b"\x02\0\0\0\0\0\0\x10\0"[..], &[0; 4_096]].concat();
    peer.write_all(&[&long.repeat(48)[..], b"\x00\x04last"].concat()).unwrap();
    host.message(b"last");
    peer.write_all(b"\x00\x04more").unwrap();
    host.message(b"more");
}

#[test]
fn disconnect_delivers_what_was_sent_and_tells_the_end_once() {
    let mut host = Host::new(ServerSettings::default());
    let mut peer = raw_connected(&mut host, b"77");
    let id = host.seen.connected[0].0;
    peer.write_all(&b"\x00\x06unread".repeat(100)).unwrap();
    host.server.send(id, b"go away", More::Last).unwrap();
    assert!(host.server.disconnect(id));
    assert_eq!(host.server.send(id, b"x", More::Last), Err(SendError::NotConnected));
    assert_eq!(host.read_exact(&mut peer, 9), b"\x00\x07go away");
    host.until_closed(&mut peer);
    assert_eq!(host.seen.disconnected, [(id, LinkEnd::ClosedHere)]);
    assert!(!host.server.disconnect(id));
}

#[test]
fn a_port_in_use_and_an_open_address_are_told_apart() {
    let host = Host::new(ServerSettings::default());
    let address = host.server.local_addr().unwrap();
    let error = Server::bind(address, ServerSettings::default()).err().unwrap();
    assert!(matches!(error, BindError::InUse { .. }), "{error}");
    assert_eq!(error.to_string(), format!("listen on {address}: expected a free port, it is in use"));
    let open = Server::bind("0.0.0.0:0".parse().unwrap(), ServerSettings::default()).err().unwrap();
    assert!(matches!(open, BindError::NotLoopback { .. }));
    let none = ServerSettings { connections_max: 0, ..ServerSettings::default() };
    assert!(matches!(Server::bind(address, none), Err(BindError::Limits(_))));
}

#[test]
fn our_client_is_told_when_nobody_listens_and_connects_when_somebody_does() {
    let mut host = Host::new(ServerSettings::default());
    let identity = Identity::new(b"77").unwrap();
    let port = host.port();
    host.stop();
    let mut client = Client::new(([127, 0, 0, 1], port).into(), identity, Limits::default(), 10).unwrap();
    let mut refused = 0;
    let deadline = Deadline::new();
    while refused < 2 {
        client.poll(deadline.now("refusals"), &mut |_| refused += 1);
    }
    host.start_on(port);
    let mut answers = Vec::new();
    host.until_client(&mut client, &mut answers, "connected", |client, _| client.is_connected());
}
