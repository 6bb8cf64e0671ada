//! Bad input to the whole program: files, configurations, peers, disks. Each gets a clear error or a counted refusal.
//!
//! What it is not: the tests of the single parsers and codecs, which stand beside them.
//!
//! Invariant: the appliance goes on, or stops safely, and loses nothing.

mod rig;

use rig::{Place, json, position_of, records, stderr, tickbridge, until};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use tickbridge::journal::SEGMENT_HEADER_BYTES;
use tickbridge::link::{Client, Event};
use tickbridge::record::{
    Control, Fault, Kind, Layout, RECORD_BYTES, Record, Session, SessionState, TradingChange,
};
use tickbridge::risk::Reason;
use tickbridge::runtime::Prng;
use tickbridge::runtime::clock::Clock;
use tickbridge::types::FixedText;
use tickbridge::wire::terminal::body::{Command, CreditGrant, Hello, Reject};
use tickbridge::wire::terminal::{
    Body, Header, MESSAGE_BYTES_MAX, MessageKind, RejectReason, encode_message,
};
use tickbridge::wire::zmtp::{Identity, Limits, More};

/// Runs an appliance that must not start, and returns its exit code and words.
fn refused(place: &Place, args: &[&str]) -> (Option<i32>, String) {
    let mut process = place.appliance_unwaited(args);
    let status = process.ended();
    (status.code(), process.words())
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{} has no {from}", path.display());
    std::fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn a_broken_line_in_a_tick_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let ticks = folder.path().join("ticks.csv");
    let mut text = String::from("<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\n");
    for second in 0..9 {
        let bid = if second == 5 { "1.1o000" } else { "1.10000" };
        text.push_str(&format!("2024.01.02\t10:00:0{second}.000\t{bid}\t1.10010\t\t\t6\n"));
    }
    std::fs::write(&ticks, text).unwrap();
    let path = ticks.to_str().unwrap();
    let out = folder.path().join("out.tbt");
    let output = tickbridge(&["ticks", "convert", path, out.to_str().unwrap()]);
    let words = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{words}");
    assert!(words.contains("ticks.csv") && words.contains("line 7") && words.contains("1.1o000"), "{words}");

    let run = folder.path().join("run");
    let args = ["demo", "--seconds", "20", "--ticks", path, "--folder", run.to_str().unwrap()];
    let output = tickbridge(&args);
    let words = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("line 7") && words.contains("1.1o000"), "{words}");
}

#[test]
fn every_error_of_a_configuration_is_told_and_nothing_starts() {
    let place = Place::new();
    place.configure(&[
        ("cooldown_ms = 200", "cooldown_ms = \"soon\""),
        ("strategy_id = 1", "strategy_id = 5000"),
        ("spread_max_ticks = 25", "spread_max_ticks = 25\nspread_max_points = 3"),
    ]);
    let (code, words) = refused(&place, &[]);
    assert_eq!(code, Some(2), "{words}");
    for key in ["cooldown_ms", "strategy_id", "spread_max_points"] {
        assert!(words.contains(key), "{key} is not in {words}");
    }
    assert!(!place.path("journal").exists(), "nothing was started");

    place.configure(&[]);
    std::fs::write(place.path("limits.toml"), "# none\n").unwrap();
    let (code, words) = refused(&place, &[]);
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("risk"), "{words}");
}

#[test]
fn a_model_of_unknown_features_is_refused() {
    let place = Place::new();
    replace(&place.path("models/demo.json"), "\"rsi_14\"", "\"rsi_41\"");
    let (code, words) = refused(&place, &[]);
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("rsi_41") && words.contains("demo.json"), "{words}");
}

#[test]
fn a_port_and_a_journal_in_use_are_refused() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind(("127.0.0.1", place.ports[1])).unwrap();
    let (code, words) = refused(&place, &[]);
    assert_eq!(code, Some(69), "{words}");
    let port = format!("127.0.0.1:{}", place.ports[1]);
    assert!(words.contains("link.trade") && words.contains(&port) && words.contains("in use"), "{words}");
    drop(taken);

    let mut appliance = place.appliance(&[]);
    let (code, words) = refused(&place, &[]);
    assert_eq!(code, Some(69), "{words}");
    assert!(words.contains("in use by another process"), "{words}");
    appliance.terminate();
    assert!(appliance.ended().success());
}

fn hello(roles: u8) -> Hello {
    let mut hello = Hello::read(&[0; 1_024]);
    (hello.roles, hello.login, hello.credit) = (roles, 5_000_001, 8);
    hello.currency = *FixedText::new("USD").unwrap().bytes();
    hello.server = *FixedText::new("Tickbridge-Demo").unwrap().bytes();
    hello
}

fn message<B: Body>(body: &B, seq: u64) -> Vec<u8> {
    let mut bytes = vec![0; MESSAGE_BYTES_MAX];
    let len = encode_message(body, seq, 0, &mut bytes);
    bytes.truncate(len);
    bytes
}

/// A peer with a proper ZMTP handshake that says `messages`, and the reject that it gets before the connection ends.
fn intrude(address: SocketAddr, name: &str, messages: &[Vec<u8>]) -> Option<Reject> {
    let clock = Clock::system();
    let identity = Identity::new(name.as_bytes()).unwrap();
    let mut client = Client::new(address, identity, Limits::default(), 60_000).unwrap();
    let mut reject = None;
    until(&format!("{name} is refused"), || {
        let (mut connected, mut ended) = (false, false);
        client.poll(clock.now(), &mut |event| match event {
            Event::Connected { .. } => connected = true,
            Event::Message { body, .. } => {
                if let Ok((_, MessageKind::Reject, body)) = Header::parse(body) {
                    reject = Some(Reject::read(body));
                }
            }
            Event::Disconnected { .. } | Event::Refused { .. } => ended = true,
        });
        if connected {
            for message in messages {
                client.send(message, More::Last).unwrap();
            }
        }
        ended.then_some(())
    });
    reject
}

/// Raw bytes; returns when the appliance has closed the connection.
fn throw(address: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(120))).unwrap();
    // It may be closed before all is written.
    let _ = stream.write_all(bytes);
    let mut heard = Vec::new();
    let ended = stream.read_to_end(&mut heard);
    let reset = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
    assert!(ended.as_ref().map_or_else(reset, |_| true), "{ended:?}");
    assert!(heard.len() < 1_024, "{} bytes were answered", heard.len());
}

/// The greeting of ZMTP 3.1, mechanism NULL, and the first bytes of a command frame that announces 1 TiB.
fn huge_frame() -> Vec<u8> {
    let mut bytes = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1];
    bytes.extend(b"NULL");
    bytes.resize(64, 0);
    bytes.push(6);
    bytes.extend((1u64 << 40).to_be_bytes());
    bytes
}

#[test]
fn bad_peers_are_refused_and_counted_while_the_good_one_trades() {
    let place = Place::new();
    place.configure(&[("currency = \"USD\"", "currency = \"USD\"\nmargin_mode = \"netting\"")]);
    let mut appliance = place.appliance(&[]);
    let mut terminal = place.terminal(&["--margin-mode", "netting"]);
    let goes_on = || {
        let deals = || place.truth()["deals"].as_u64().unwrap();
        let from = deals();
        until("it trades on", || (deals() >= from + 3).then_some(()));
    };
    goes_on();
    let [market, trade] = place.ports.map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let with = |roles: u8, change: fn(&mut Hello)| {
        let mut hello = hello(roles);
        change(&mut hello);
        vec![message(&hello, 0)]
    };
    let mut other_version = message(&hello(1), 0);
    other_version[0] = 2;
    let command = message(&Command::read(&[0; 1_024]), 1);
    let dice = &mut Prng::new(5);
    let mut noise = |first: u8, len: usize| {
        let mut bytes: Vec<u8> = (0..len).map(|_| dice.next_u64() as u8).collect();
        bytes[0] = first;
        bytes
    };
    let good = message(&hello(1), 0);
    let cases: Vec<(&str, SocketAddr, Vec<Vec<u8>>, RejectReason)> = vec![
        ("version", market, vec![other_version], RejectReason::Protocol),
        ("login", market, with(1, |hello| hello.login = 7), RejectReason::Account),
        ("server", trade, with(2, |hello| hello.server[0] = b'X'), RejectReason::Account),
        ("margin", market, with(1, |hello| hello.margin_mode = 2), RejectReason::MarginMode),
        ("money", trade, with(2, |hello| hello.account_mode = 2), RejectReason::RealMoney),
        ("role", market, with(2, |_| ()), RejectReason::Role),
        ("no-role", market, with(0, |_| ()), RejectReason::Role),
        ("currency", market, with(1, |hello| hello.currency[0] = b'E'), RejectReason::Currency),
        ("epoch", trade, with(2, |hello| hello.epoch_seen = 99), RejectReason::Epoch),
        ("early", market, vec![message(&CreditGrant::read(&[0; 1_024]), 1)], RejectReason::NoHello),
        ("command", market, vec![command.clone()], RejectReason::Malformed),
        ("command-later", market, vec![good.clone(), command], RejectReason::Malformed),
        ("hello-twice", market, vec![good.clone(), good.clone()], RejectReason::Malformed),
        (
            "second-thought",
            market,
            [with(1, |hello| hello.login = 7), vec![good]].concat(),
            RejectReason::Account,
        ),
        ("empty", market, vec![Vec::new()], RejectReason::Malformed),
        ("noise", trade, vec![noise(1, 300)], RejectReason::Malformed),
        ("large-noise", market, vec![noise(77, 900_000)], RejectReason::Protocol),
    ];
    for (name, address, messages, expected) in &cases {
        let reject = intrude(*address, name, messages).unwrap_or_else(|| panic!("{name}: no reject"));
        assert_eq!(reject.reason, *expected as u32, "{name}: {:?}", FixedText::from_bytes(reject.text));
    }
    goes_on();
    for address in [market, trade] {
        throw(address, b"GET / HTTP/1.1\r\nHost: tickbridge\r\n\r\n");
        throw(address, &noise(1, 5_000));
        throw(address, &huge_frame());
        // One that begins and never goes on, and one that says nothing.
        throw(address, &[0xff]);
        throw(address, &[]);
    }
    goes_on();
    appliance.terminate();
    assert!(appliance.ended().success());
    terminal.terminate();
    assert!(terminal.ended().success());
    let counted =
        place.counter("ingest.messages_refused_count") + place.counter("send.messages_refused_count");
    assert_eq!(counted as usize, cases.len() + 10);
    // The two that had been accepted first took no role down with them.
    let down = |record: &Record| {
        let session = record.payload::<Session>();
        session.is_some_and(|session| session.state == SessionState::Down as u8 && session.roles != 0)
    };
    assert_eq!(place.records().iter().filter(|record| down(record)).count(), 0);
    assert_eq!(json(&place.report()).unwrap()["counts"]["gaps"], 0);
}

#[test]
fn a_crowd_that_says_nothing_takes_nobodys_turn() {
    let place = Place::new();
    let mut appliance = place.appliance(&[]);
    let mut terminal = place.terminal(&["--margin-mode", "netting"]);
    until("it trades", || (place.truth()["deals"].as_u64().unwrap() >= 3).then_some(()));
    let clock = Clock::system();
    let address = SocketAddr::from(([127, 0, 0, 1], place.ports[0]));
    let client = |number: usize| {
        let identity = Identity::new(format!("crowd-{number}").as_bytes()).unwrap();
        Client::new(address, identity, Limits::default(), 600_000).unwrap()
    };
    let mut crowd: Vec<Client> = (0..28).map(client).collect();
    let (mut came, mut went) = (0, 0);
    until("the crowd came and was sent away", || {
        for client in &mut crowd {
            client.poll(clock.now(), &mut |event| match event {
                Event::Connected { .. } => came += 1,
                Event::Disconnected { .. } => went += 1,
                _ => (),
            });
        }
        (went == crowd.len()).then_some(())
    });
    assert_eq!(came, crowd.len());
    let from = place.truth()["deals"].as_u64().unwrap();
    until("it trades on", || (place.truth()["deals"].as_u64().unwrap() >= from + 3).then_some(()));
    assert!(terminal.runs());
    let truth = place.truth();
    assert_eq!(truth["connections"], 2, "the good one was not sent away: {truth}");
    terminal.terminate();
    assert!(terminal.ended().success());
    appliance.terminate();
    assert!(appliance.ended().success());
}

/// `aux` of a command that makes a position smaller: those a halt lets pass.
const REDUCES: u32 = 1;

/// Makes a journal's disk refuse the second segment, lets it come back, and follows the halt over restarts.
fn disk_refuses(place: &Place, break_disk: impl FnOnce(), mend_disk: impl FnOnce()) {
    let mut appliance = place.appliance(&[]);
    break_disk();
    let mut terminal = place.terminal(&["--margin-mode", "netting", "--ticks-per-second", "2500"]);
    until("trading halts", || appliance.words().contains("trading: halted (JOURNAL_FAULT)").then_some(()));
    until("ticks go on all the same", || (appliance.status("ticks")? > 100.0).then_some(()));
    let on_disk = place.records().len();
    mend_disk();
    until("the disk has caught up", || {
        let kinds: Vec<u8> =
            place.records().iter().filter_map(Record::payload::<Fault>).map(|fault| fault.kind).collect();
        (kinds.len() >= 2).then_some(())
    });
    terminal.terminate();
    assert!(terminal.ended().success());
    appliance.terminate();
    assert!(appliance.ended().success(), "{}", appliance.words());
    let all = place.records();
    assert!(all.len() > on_disk);
    let change = all.iter().find_map(Record::payload::<TradingChange>).unwrap();
    assert_eq!(change.reason, Reason::JournalFault as u32);
    let halted_at = all.iter().position(|record| record.payload::<TradingChange>().is_some()).unwrap();
    let after = all[halted_at..].iter().filter(|record| record.kind() == Some(Kind::Command));
    let after: Vec<u32> = after.map(Record::aux).collect();
    assert!(after.iter().all(|aux| *aux == REDUCES), "nothing is opened after the halt, got {after:?}");
    let (report, truth) = (json(&place.report()).unwrap(), place.truth());
    let counts = &report["counts"];
    let number = |key: &str| counts[key].as_i64().unwrap();
    assert_eq!(truth["ticks_sent"].as_i64().unwrap(), number("ticks") + number("coalesced"));
    assert_eq!(truth["deals"].as_i64().unwrap(), number("fills"));
    assert_eq!(position_of(&truth), number("position_steps"));
    let output = place.verify();
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn a_disk_that_refuses_halts_trading_and_the_halt_stands_until_it_is_armed() {
    let place = Place::new();
    replace(&place.config(), "segment_mib = 8", "segment_mib = 1");
    std::fs::create_dir_all(place.path("journal")).unwrap();
    // 1 MiB holds a header and 8,191 records; where the next segment belongs, a folder stands.
    let obstacle = place.path("journal/0000000000008192.tbj");
    disk_refuses(
        &place,
        || std::fs::create_dir(&obstacle).unwrap(),
        || std::fs::remove_dir(&obstacle).unwrap(),
    );

    // What the terminal held is gone with it; it begins anew, so the positions must be flat to trade again.
    let mut appliance = place.appliance(&[]);
    assert!(
        appliance.words().contains("halted") && appliance.words().contains("--arm"),
        "{}",
        appliance.words()
    );
    let mut terminal = place.terminal(&["--margin-mode", "netting"]);
    until("ticks flow", || (appliance.status("ticks")? >= 500.0).then_some(()));
    assert_eq!(appliance.status("orders"), Some(0.0), "halted means halted");
    appliance.terminate();
    assert!(appliance.ended().success());
    let mut appliance = place.appliance(&["--arm", "ops: the disk was replaced"]);
    until("the word is journalled and trading is active", || {
        let all = place.records();
        let at = all.iter().position(|record| record.payload::<Control>().is_some())?;
        let control = all[at].payload::<Control>()?;
        assert_eq!(FixedText::from_bytes(control.who).unwrap().as_str(), "ops");
        assert_eq!(FixedText::from_bytes(control.why).unwrap().as_str(), "the disk was replaced");
        // What came of it is no matter here: the new terminal's deals have the old one's numbers.
        let change = all[at..].iter().find_map(Record::payload::<TradingChange>)?;
        (change.to == tickbridge::risk::Trading::Active as u8).then_some(())
    });
    terminal.terminate();
    assert!(terminal.ended().success());
    appliance.terminate();
    assert!(appliance.ended().success());
    assert!(!place.path("state/halted").exists());
    let output = place.verify();
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn a_full_disk_halts_trading_and_nothing_is_lost() {
    let place = Place::new();
    replace(&place.config(), "segment_mib = 8", "segment_mib = 1");
    let journal = place.path("journal");
    std::fs::create_dir_all(&journal).unwrap();
    let system = |program: &str, args: &[&str]| {
        std::process::Command::new(program).args(args).status().is_ok_and(|status| status.success())
    };
    let folder = journal.to_str().unwrap();
    if !system("mount", &["-t", "tmpfs", "-o", "size=8m", "none", folder]) {
        // Past the harness's capture: a test that could not run must be seen.
        let words = b"bad_input: NOT RUN on a full disk: no right to mount; the obstacle in the folder stands for it\n";
        std::io::Write::write_all(&mut std::io::stderr(), words).expect("standard error");
        return;
    }
    let filler = journal.join("filler");
    let fill = || {
        let mut file = std::fs::File::create(&filler).unwrap();
        while file.write_all(&[1; 4_096]).is_ok() {}
    };
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        disk_refuses(&place, fill, || std::fs::remove_file(&filler).unwrap());
    }));
    assert!(system("umount", &["-l", folder]));
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn a_damaged_journal_is_quarantined_and_a_torn_one_is_cut() {
    let place = Place::new();
    let mut appliance = place.appliance(&[]);
    let mut terminal = place.terminal(&["--margin-mode", "netting"]);
    until("there are records", || (place.records().len() > 200).then_some(()));
    terminal.terminate();
    assert!(terminal.ended().success());
    // A journal that was closed has noted its end: what is torn there is damage.
    appliance.kill();
    let count = records(&place.path("journal")).len();
    let segment = place.path("journal/0000000000000001.tbj");
    let good = std::fs::read(&segment).unwrap();
    let forget_memory = || {
        for entry in std::fs::read_dir(place.path("memory")).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
    };
    forget_memory();
    let offset = |record: usize| SEGMENT_HEADER_BYTES + record * RECORD_BYTES;

    let mut bad = good.clone();
    bad[offset(100) + 60] ^= 4;
    std::fs::write(&segment, &bad).unwrap();
    let (code, words) = refused(&place, &[]);
    assert_eq!(code, Some(69), "{words}");
    let place_named =
        words.contains("0000000000000001.tbj") && words.contains(&format!("byte {}", offset(100)));
    assert!(words.contains("QUARANTINED") && place_named, "{words}");

    let mut torn = good;
    torn[offset(count - 1) + 60] ^= 4;
    std::fs::write(&segment, &torn).unwrap();
    forget_memory();
    let mut appliance = place.appliance(&[]);
    let words = appliance.words();
    assert!(words.contains("torn") && words.contains(&format!("byte {}", offset(count - 1))), "{words}");
    appliance.terminate();
    assert!(appliance.ended().success());
    let output = place.verify();
    assert!(output.status.success(), "{}", stderr(&output));
}
