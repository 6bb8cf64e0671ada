//! The simulated terminal against libzmq: an appliance made of two raw ROUTER sockets and the protocol's own codec.
//!
//! What it is not: a test of our link; `libzmq` stands at the other end.
//!
//! Invariant: no step waits for luck; each waits for a message, with a generous limit that only a failure reaches.

use std::time::Duration;
use tickbridge::record::Layout;
use tickbridge::runtime::Prng;
use tickbridge::sim::terminal::account::Account;
use tickbridge::sim::terminal::broker::{Broker, Conduct};
use tickbridge::sim::terminal::memory::ExecutedIds;
use tickbridge::sim::terminal::past::{HistoryFault, PastConduct};
use tickbridge::sim::terminal::playback::{Pace, Playback};
use tickbridge::sim::terminal::quotes::Quote;
use tickbridge::sim::terminal::session::{EndOfTicks, Ending, Identity, Session, SessionError};
use tickbridge::sim::terminal::symbol::Symbol;
use tickbridge::sim::terminal::truth::Truth;
use tickbridge::types::{FixedText, InstrumentId, InstrumentSpec, MarginMode, Money, VenueId};
use tickbridge::wire::terminal::body::{
    AccountState, Bar, Bye, Command, CommandResult, CreditGrant, DealState, Hello, HistoryEnd, PositionState,
    Refill, Reject, RequestBars, RequestSnapshot, RequestTicks, SnapshotBegin, SnapshotEnd, Subscribe, Tick,
    Transaction, Welcome,
};
use tickbridge::wire::terminal::{Body, Header, MESSAGE_BYTES_MAX, MessageKind, encode_message};

const LIMIT_MS: i32 = 20_000;

/// One ROUTER with one terminal connected to it.
struct Router {
    socket: zmq::Socket,
    peer: Vec<u8>,
    commands: u64,
}

impl Router {
    fn bind(context: &zmq::Context, endpoint: &str) -> Router {
        let socket = context.socket(zmq::ROUTER).unwrap();
        socket.set_linger(0).unwrap();
        socket.set_rcvtimeo(LIMIT_MS).unwrap();
        socket.set_router_handover(true).unwrap();
        // A port that was just given up may be taken a moment later.
        for attempt in 0.. {
            match socket.bind(endpoint) {
                Ok(()) => break,
                Err(error) => assert!(attempt < 200, "{endpoint}: {error}"),
            }
            std::hint::black_box(context.socket(zmq::PAIR).unwrap().poll(zmq::POLLIN, 25).unwrap());
        }
        Router { socket, peer: Vec::new(), commands: 0 }
    }

    fn endpoint(&self) -> String {
        self.socket.get_last_endpoint().unwrap().unwrap()
    }

    fn receive(&mut self) -> (Header, MessageKind, Vec<u8>) {
        let frames = self.socket.recv_multipart(0).expect("a message within the limit");
        assert_eq!(frames.len(), 2, "identity and one frame");
        self.peer = frames[0].clone();
        let (header, kind, body) = Header::parse(&frames[1]).expect("a message of the protocol");
        (header, kind, body.to_vec())
    }

    /// Waits for the next message of this kind; others are passed over.
    fn expect<B: Body>(&mut self) -> (Header, B) {
        loop {
            let (header, kind, body) = self.receive();
            if kind == B::KIND {
                return (header, B::read(&body));
            }
        }
    }

    fn send<B: Body>(&mut self, body: &B) {
        let mut message = [0; MESSAGE_BYTES_MAX];
        self.commands += u64::from(B::KIND == MessageKind::Command);
        let len = encode_message(body, self.commands, 1_000_000, &mut message);
        self.socket.send_multipart([&self.peer[..], &message[..len]], 0).unwrap();
    }

    fn welcome(&mut self, epoch: u64) -> Hello {
        let (header, hello) = self.expect::<Hello>();
        assert_eq!(header.seq, 0, "the session stream is not numbered");
        self.commands = 0;
        self.send(&Welcome {
            epoch,
            heartbeat_ms: 50,
            silent_after_ms: 600_000,
            dead_man: 0,
            reserved: [0; 7],
            name: [0; 32],
        });
        self.send(&Subscribe { what: 1, reserved: [0; 7], symbol: eurusd() });
        hello
    }
}

fn eurusd() -> [u8; 32] {
    *FixedText::<32>::new("EURUSD").unwrap().bytes()
}

fn quotes(count: usize) -> Vec<Quote> {
    let quote = |index: usize| Quote {
        time_ns: 1_700_000_000_000_000_000 + index as i64 * 10_000_000,
        bid: 1.1 + (index % 50) as f64 * 1e-5,
        ask: 1.1001 + (index % 50) as f64 * 1e-5,
        last: 0.0,
        volume: 0.0,
    };
    (0..count).map(quote).collect()
}

fn session(market: &Router, trade: &Router, memory: ExecutedIds, pace: Pace) -> Session {
    let ending = Ending { after: None, at_end_of_ticks: EndOfTicks::Stay, json: None };
    session_of(quotes(1_000_000), market, trade, memory, (pace, ending))
}

fn session_of(
    quotes: Vec<Quote>,
    market: &Router,
    trade: &Router,
    memory: ExecutedIds,
    (pace, ending): (Pace, Ending),
) -> Session {
    let address = |router: &Router| router.endpoint().trim_start_matches("tcp://").to_owned();
    let identity = Identity {
        market_address: address(market),
        trade_address: address(trade),
        login: 42,
        server: "Sim-Demo".into(),
        account_mode: 0,
        currency: "USD".into(),
        server_offset_s: 7_200,
        build: 5_000,
        credit: 8,
        seed: 7,
    };
    let spec = InstrumentSpec::fx(InstrumentId(0), VenueId(0), FixedText::new("EURUSD").unwrap());
    let account = Account::new(MarginMode::Hedging, Money(10_000_000_000), 100, Money(3_500_000));
    let conduct = Conduct { latency_mean_us: 100, ..Conduct::default() };
    let broker = Broker::new(account, vec![Symbol::new(spec)], conduct, Prng::new(7));
    let playback = Playback::new(Box::new(quotes.into_iter()), pace, 1_000_000);
    Session::new(identity, ending, broker, memory, playback)
}

struct Running {
    runtime: tokio::runtime::Runtime,
    stop: tokio::sync::watch::Sender<bool>,
    task: tokio::task::JoinHandle<Result<Truth, SessionError>>,
}

impl Running {
    fn start(session: Session) -> Running {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let task = runtime.spawn(session.run(stopped));
        Running { runtime, stop, task }
    }

    fn end(self) -> Result<Truth, SessionError> {
        let _ = self.stop.send(true);
        let limit = Duration::from_millis(LIMIT_MS as u64);
        self.runtime.block_on(async { tokio::time::timeout(limit, self.task).await.unwrap().unwrap() })
    }
}

fn buy(order_id: u64, epoch: u64) -> Command {
    let mut command = Command::read(&[0; Command::BYTES]);
    (command.order_id, command.epoch, command.action, command.filling) = (order_id, epoch, 1, 1);
    (command.volume, command.symbol) = (0.3, eurusd());
    command
}

#[test]
fn handshake_ticks_command_deal_snapshot_death_and_return() {
    let context = zmq::Context::new();
    let mut market = Router::bind(&context, "tcp://127.0.0.1:*");
    let mut trade = Router::bind(&context, "tcp://127.0.0.1:*");
    let running = Running::start(session(&market, &trade, ExecutedIds::in_memory(), Pace::PerSecond(500.0)));

    let hello = market.welcome(3);
    assert_eq!((hello.roles, hello.margin_mode, hello.login, hello.simulated), (1, 2, 42, 1));
    assert_eq!(market.peer, b"42.Sim-Demo.ea.EURUSD");
    assert_eq!((trade.welcome(3).roles, &trade.peer[..]), (2, &b"42.Sim-Demo.svc"[..]));
    trade.expect::<AccountState>();

    let mut last = 0;
    for expected in 1..=10 {
        let (header, tick) = market.expect::<Tick>();
        assert_eq!(header.seq, expected);
        assert_eq!(tick.time_msc, 1_700_007_200_000 + (expected as i64 - 1) * 10);
        last = header.seq;
    }
    market.send(&Refill { stream: 1, reserved: [0; 6], from_seq: 3, to_seq: last });
    let mut refilled = Vec::new();
    while refilled.len() < 8 {
        let (header, kind, body) = market.receive();
        if kind == MessageKind::HistoryTick {
            assert_eq!(Tick::read(&body).time_msc, 1_700_007_200_000 + (header.seq as i64 - 1) * 10);
            refilled.push(header.seq);
        }
    }
    assert_eq!(refilled, (3..=10).collect::<Vec<_>>());

    trade.send(&buy(77, 3));
    let (_, result) = trade.expect::<CommandResult>();
    assert_eq!((result.order_id, result.retcode, result.request_id, result.command_seq), (77, 10008, 1, 1));
    assert_eq!(trade.expect::<CreditGrant>().1.granted_total, 9);
    let transactions: Vec<Transaction> = (0..5).map(|_| market.expect::<Transaction>().1).collect();
    let kinds: Vec<u8> = transactions.iter().map(|transaction| transaction.transaction).collect();
    assert_eq!(kinds, [0, 6, 2, 3, 10], "ORDER_ADD, DEAL_ADD, ORDER_DELETE, HISTORY_ADD, REQUEST");
    let request = transactions[4];
    assert_eq!((request.retcode, request.request_id, request.magic, request.action), (10009, 1, 77, 1));
    assert_eq!((transactions[1].volume, transactions[1].magic), (0.3, 77));

    trade.send(&buy(77, 3));
    let (_, again) = trade.expect::<CommandResult>();
    assert_eq!((again.repeated, again.request_id, again.command_seq), (1, 1, 2));
    trade.send(&buy(78, 2));
    let (_, old) = trade.expect::<CommandResult>();
    assert_eq!((old.retcode, old.runtime_error), (10006, 65_537), "an old epoch is refused");

    trade.send(&RequestTicks { request: 5, from_msc: 0, to_msc: 0, count_max: 4, symbol: eurusd() });
    assert_eq!(trade.expect::<HistoryEnd>().1, HistoryEnd { request: 5, count: 4, error: 0, reserved: 0 });

    // The appliance dies, and comes back on the same ports.
    let (market_at, trade_at) = (market.endpoint(), trade.endpoint());
    drop((market, trade));
    let mut market = Router::bind(&context, &market_at);
    let mut trade = Router::bind(&context, &trade_at);
    market.welcome(4);
    assert_eq!(trade.welcome(4).epoch_seen, 3);
    assert_eq!(market.expect::<Tick>().0.seq, 1, "numbers start again with the connection");

    trade.send(&RequestSnapshot { request: 9, since_msc: 0 });
    trade.expect::<SnapshotBegin>();
    let (_, position) = trade.expect::<PositionState>();
    assert_eq!((position.magic, position.volume, position.position_type), (77, 0.3, 0));
    assert_eq!(trade.expect::<DealState>().1.magic, 77);
    let (_, end) = trade.expect::<SnapshotEnd>();
    assert_eq!((end.request, end.position_count, end.deal_count, end.history_count), (9, 1, 1, 1));

    let truth = running.end().unwrap();
    assert_eq!((truth.commands, truth.executed, truth.repeated, truth.refused), (3, 1, 1, 1));
    assert_eq!((truth.deals, truth.connections, truth.snapshots), (1, 4, 1));
    assert_eq!(truth.positions[0].volume_steps, 30);
    assert_eq!(truth.ticks_refilled, 8);
}

#[test]
fn a_rejected_terminal_leaves_with_the_reason() {
    let context = zmq::Context::new();
    let mut market = Router::bind(&context, "tcp://127.0.0.1:*");
    let trade = Router::bind(&context, "tcp://127.0.0.1:*");
    let running = Running::start(session(&market, &trade, ExecutedIds::in_memory(), Pace::Unpaced));
    market.expect::<Hello>();
    let mut text = [0; 64];
    text[..16].copy_from_slice(b"expected login 7");
    market.send(&Reject { reason: 2, reserved: 0, text });
    let Running { runtime, task, stop } = running;
    let limit = Duration::from_millis(LIMIT_MS as u64);
    let ended = runtime.block_on(async { tokio::time::timeout(limit, task).await.unwrap().unwrap() });
    drop(stop);
    let error = ended.unwrap_err().to_string();
    assert_eq!(error, "the appliance refused this terminal: Account: expected login 7");
}

#[test]
fn without_waiting_every_tick_arrives_once_and_the_truth_is_on_disk() {
    const COUNT: u64 = 30_000;
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("truth.json");
    let context = zmq::Context::new();
    let mut market = Router::bind(&context, "tcp://127.0.0.1:*");
    market.socket.set_rcvhwm(0).unwrap();
    let mut trade = Router::bind(&context, "tcp://127.0.0.1:*");
    let ending = Ending { after: None, at_end_of_ticks: EndOfTicks::Leave, json: Some(json.clone()) };
    let memory = ExecutedIds::open(&folder.path().join("ids")).unwrap();
    let session = session_of(quotes(COUNT as usize), &market, &trade, memory, (Pace::Unpaced, ending));
    let running = Running::start(session);
    trade.welcome(1);
    market.welcome(1);
    for expected in 1..=COUNT {
        assert_eq!(market.expect::<Tick>().0.seq, expected);
    }
    market.expect::<Bye>();
    let truth = running.end().unwrap();
    assert_eq!((truth.ticks_sent, truth.ticks_while_disconnected, truth.ticks_ended), (COUNT, 0, true));
    let written: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(written["ticks_sent"], COUNT);
    assert_eq!(written["balance"], 10_000.0);
}

/// Bars and ticks that answer a request, and the end.
fn past(market: &mut Router) -> (Vec<Bar>, Vec<Tick>, HistoryEnd) {
    let (mut bars, mut ticks) = (Vec::new(), Vec::new());
    loop {
        let (header, kind, body) = market.receive();
        match kind {
            MessageKind::Bar => bars.push(Bar::read(&body)),
            MessageKind::HistoryTick => {
                assert_eq!(header.stream, 0, "an answer travels in the session stream");
                ticks.push(Tick::read(&body));
            }
            MessageKind::Tick => assert!(ticks.is_empty(), "a live tick in the middle of an answer"),
            MessageKind::HistoryEnd => return (bars, ticks, HistoryEnd::read(&body)),
            _ => (),
        }
    }
}

fn ask_bars(market: &mut Router, period_s: u32, count_max: u32) -> (Vec<Bar>, HistoryEnd) {
    market.send(&RequestBars { request: 7, period_s, count_max, from_msc: 0, to_msc: 0, symbol: eurusd() });
    let (bars, _, end) = past(market);
    (bars, end)
}

fn ask_ticks(
    market: &mut Router,
    from_msc: i64,
    count_max: u64,
    symbol: [u8; 32],
) -> (Vec<Tick>, HistoryEnd) {
    market.send(&RequestTicks { request: 8, from_msc, to_msc: 0, count_max, symbol });
    let (_, ticks, end) = past(market);
    (ticks, end)
}

/// A terminal with an hour of past at a hundred ticks a second, of which the tape keeps less, connected and welcome.
fn with_past(fault: HistoryFault, lose_ticks: f64) -> (Running, Router, Router) {
    let context = zmq::Context::new();
    let mut market = Router::bind(&context, "tcp://127.0.0.1:*");
    let trade = Router::bind(&context, "tcp://127.0.0.1:*");
    let past = PastConduct { span_ns: 3_600_000_000_000, fault, lose_ticks };
    let session = session(&market, &trade, ExecutedIds::in_memory(), Pace::PerSecond(500.0)).with_past(past);
    let running = Running::start(session);
    market.welcome(1);
    (running, market, trade)
}

#[test]
fn the_past_is_told_in_bars_and_ticks_up_to_the_live_stream() {
    let (running, mut market, _trade) = with_past(HistoryFault::None, 0.0);
    let (_, first) = market.expect::<Tick>();
    assert_eq!(first.time_msc, 1_700_007_200_000 + 3_600_000, "the first live tick, in server time");
    let (bars, end) = ask_bars(&mut market, 60, 20);
    assert_eq!((bars.len(), end), (20, HistoryEnd { request: 7, count: 20, error: 0, reserved: 0 }));
    // 22:13:20 UTC is 20 seconds into a minute; an hour later 20 seconds of the last one are open.
    let newest = 1_700_007_200 + 3_600 - 20 - 60;
    for (at, bar) in bars.iter().enumerate() {
        assert_eq!(bar.time_s, newest - 60 * (19 - at as i64));
        assert_eq!((bar.tick_volume, bar.period_s, bar.symbol_id), (6_000, 60, 0));
        assert_eq!(
            (bar.open, bar.low, bar.high, bar.close),
            (1.1, 1.1, 1.1 + 49.0 * 1e-5, 1.1 + 49.0 * 1e-5)
        );
    }
    let (bars, end) = ask_bars(&mut market, 300, 1_000);
    assert_eq!(
        (bars.len(), end.count, end.error),
        (12, 12, 0),
        "the first of them lacks its beginning, as the past does"
    );
    assert_eq!(ask_bars(&mut market, 90, 10).1.error, 4_401, "no period of MT5");
    let seam = (newest + 60) * 1_000;
    let (ticks, end) = ask_ticks(&mut market, seam, 100_000, eurusd());
    assert_eq!((ticks[0].time_msc, end.error), (seam, 0));
    assert!(ticks.len() >= 2_001 && end.count == ticks.len() as u64);
    // What comes next is the next tick of the market.
    let (_, next) = market.expect::<Tick>();
    assert_eq!(next.time_msc, ticks.last().unwrap().time_msc + 10);
    let (ticks, end) = ask_ticks(&mut market, 1_000, 100_000, eurusd());
    assert_eq!((ticks.len(), end.error), (65_536, 4_401), "more than the tape keeps");
    let (ticks, end) = ask_ticks(&mut market, 0, 50, eurusd());
    assert_eq!((ticks.len(), end.error), (50, 0), "the newest");
    let (ticks, end) = ask_ticks(&mut market, 0, 50, [b'X'; 32]);
    assert_eq!((ticks.len(), end.count, end.error), (0, 0, 4_301), "an unknown symbol");
    let truth = running.end().unwrap();
    assert_eq!((truth.ticks_past, truth.history_requests), (360_000, 6));
}

#[test]
fn the_past_can_be_missing_loading_incomplete_or_silent() {
    let (running, mut market, _trade) = with_past(HistoryFault::Missing, 0.0);
    let (ticks, end) = ask_ticks(&mut market, 0, 50, eurusd());
    assert_eq!((ticks.len(), end.count, end.error), (0, 0, 4_401));
    running.end().unwrap();
    let (running, mut market, _trade) = with_past(HistoryFault::Loading(1), 0.0);
    assert_eq!(
        ask_bars(&mut market, 60, 20).1,
        HistoryEnd { request: 7, count: 10, error: 4_403, reserved: 0 }
    );
    assert_eq!(ask_bars(&mut market, 60, 20).1, HistoryEnd { request: 7, count: 20, error: 0, reserved: 0 });
    running.end().unwrap();
    let (running, mut market, _trade) = with_past(HistoryFault::Incomplete, 0.0);
    let (ticks, end) = ask_ticks(&mut market, 0, 50, eurusd());
    assert_eq!((ticks.len(), end.count, end.error), (50, 51, 0));
    running.end().unwrap();
    let (running, mut market, _trade) = with_past(HistoryFault::Silent, 0.0);
    market.send(&RequestTicks { request: 8, from_msc: 0, to_msc: 0, count_max: 5, symbol: eurusd() });
    market.send(&RequestTicks { request: 9, from_msc: 0, to_msc: 0, count_max: 5, symbol: [b'X'; 32] });
    assert_eq!(past(&mut market).2.request, 9, "the first was not answered");
    running.end().unwrap();
}

#[test]
fn a_lost_tick_has_a_number_and_can_be_had_again() {
    let (running, mut market, _trade) = with_past(HistoryFault::None, 0.1);
    let mut expected = 1;
    let gap = loop {
        let (header, _) = market.expect::<Tick>();
        if header.seq != expected {
            break expected;
        }
        expected += 1;
    };
    market.send(&Refill { stream: 1, reserved: [0; 6], from_seq: gap, to_seq: gap });
    loop {
        let (header, kind, _) = market.receive();
        if kind == MessageKind::HistoryTick {
            assert_eq!((header.seq, header.stream), (gap, 1));
            break;
        }
    }
    assert!(running.end().unwrap().ticks_lost > 0);
}
