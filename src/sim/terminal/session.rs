//! The program around the simulated account: it connects, says hello, plays the market, executes, and survives the other
//! side's death.
//!
//! What it is not: the rules of trading (`broker.rs`), or the messages' handling (`replies.rs`).
//!
//! Invariant: a tick of the market is either sent live once or counted as missed; a command is remembered before it is
//! executed; the account goes on whether or not anybody is connected.

use super::broker::{Broker, Moment};
use super::channel::Channel;
use super::connection::{self, Endpoint, Heard, Port};
use super::memory::ExecutedIds;
use super::mishaps::Mishaps;
use super::past::{Minutes, PastConduct};
use super::playback::{Next, Playback};
use super::tape::Tape;
use super::truth::Truth;
use crate::runtime::{Clock, Prng};
use crate::sim::world::FaultRates;
use crate::types::{MarginMode, NS_PER_US, Price, TimeNs};
use crate::wire::terminal::body::{AccountState, Bye, Hello, Tick};
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Who the terminal is and where it connects.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Address for ticks and transactions, `host:port`.
    pub market_address: String,
    /// Address for commands and snapshots.
    pub trade_address: String,
    /// `ACCOUNT_LOGIN`.
    pub login: u64,
    /// `ACCOUNT_SERVER`.
    pub server: String,
    /// `ACCOUNT_TRADE_MODE`: 0 demo, 1 contest, 2 real.
    pub account_mode: u8,
    /// `ACCOUNT_CURRENCY`.
    pub currency: String,
    /// Server time minus UTC, seconds.
    pub server_offset_s: i32,
    /// Terminal build.
    pub build: u32,
    /// Commands that are taken before the first answer.
    pub credit: u32,
    /// The seed of everything random; also tells this start from others.
    pub seed: u64,
}

/// When the program ends.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Ends this long after the start.
    pub after: Option<Duration>,
    /// Ends when the ticks do.
    pub at_end_of_ticks: EndOfTicks,
    /// Its own truth is written here, at the end and all the time.
    pub json: Option<PathBuf>,
}

/// What happens when there are no more ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndOfTicks {
    /// Stay connected until told to stop.
    Stay,
    /// Leave, once what is on its way has been reported.
    Leave,
}

/// Why a session ended other than as planned.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The appliance does not want us.
    #[error("the appliance refused this terminal: {reason}: {text}")]
    Rejected {
        /// Name of the reason.
        reason: String,
        /// Its words.
        text: String,
    },
    /// The tick source is broken.
    #[error("ticks: {0}")]
    Ticks(String),
    /// The file of executed ids cannot be written: executing would be unsafe.
    #[error("executed ids: {0}")]
    Memory(std::io::Error),
    /// The report cannot be written.
    #[error("{path}: {error}")]
    Report {
        /// Where.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// See the module.
pub struct Session {
    pub(super) identity: Identity,
    ending: Ending,
    pub(super) broker: Broker,
    pub(super) memory: ExecutedIds,
    playback: Playback,
    pub(super) tape: Tape,
    pub(super) minutes: Minutes,
    pub(super) past: PastConduct,
    pub(super) mishaps: Mishaps,
    dice: Prng,
    pub(super) market: Channel,
    pub(super) trade: Channel,
    pub(super) truth: Truth,
    clock: Clock,
    pub(super) server_msc: i64,
    dead_man_due: bool,
    account_us: i64,
    truth_us: i64,
    /// The last command came.
    pub(super) command_us: i64,
    /// The end was asked for: no tick is played after it.
    ebb_us: Option<i64>,
}

const ACCOUNT_EVERY_US: i64 = 1_000_000;
const TRUTH_EVERY_US: i64 = 200_000;
/// So long no command comes before a session ends as planned.
const QUIET_US: i64 = 300_000;
/// The longest that an end is put off for commands.
const EBB_US_MAX: i64 = 5_000_000;
/// Keeps the dice of lost ticks apart from the broker's.
const LOSS_SALT: u64 = 0x6c6f_7373;
const STEP_MAX: Duration = Duration::from_millis(5);
const TICKS_A_STEP: usize = 256;

impl Session {
    /// A session that has not begun.
    pub fn new(
        identity: Identity,
        ending: Ending,
        broker: Broker,
        memory: ExecutedIds,
        playback: Playback,
    ) -> Self {
        let dice = Prng::new(identity.seed ^ LOSS_SALT);
        let truth = Truth { seed: identity.seed, ..Truth::default() };
        let mishaps = Mishaps::new(FaultRates::none(), identity.seed);
        Session {
            identity,
            ending,
            broker,
            memory,
            playback,
            tape: Tape::default(),
            minutes: Minutes::default(),
            past: PastConduct::default(),
            mishaps,
            dice,
            market: Channel::default(),
            trade: Channel::default(),
            truth,
            clock: Clock::system(),
            server_msc: 0,
            dead_man_due: false,
            account_us: 0,
            truth_us: 0,
            command_us: 0,
            ebb_us: None,
        }
    }

    /// How the past is kept and told, instead of: none before the first tick, and nothing wrong.
    pub fn with_past(mut self, past: PastConduct) -> Self {
        self.past = past;
        self
    }

    pub(super) fn now(&self) -> Moment {
        Moment { clock_us: self.now_us(), server_msc: self.server_msc }
    }

    pub(super) fn now_us(&self) -> i64 {
        self.clock.now().0 / NS_PER_US
    }

    pub(super) fn channel(&mut self, port: Port) -> &mut Channel {
        match port {
            Port::Market => &mut self.market,
            Port::Trade => &mut self.trade,
        }
    }

    /// Runs until its end or until `stop` says so; returns its truth.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<Truth, SessionError> {
        let (sender, mut heard) = mpsc::channel(4_096);
        for (port, address) in
            [(Port::Market, &self.identity.market_address), (Port::Trade, &self.identity.trade_address)]
        {
            let endpoint = Endpoint { port, address: address.clone(), identity: self.peer_identity(port) };
            tokio::spawn(connection::keep(endpoint, sender.clone()));
        }
        drop(sender);
        self.live_through_past()?;
        let end_us = self.ending.after.map(|after| self.now_us() + after.as_micros() as i64);
        let outcome = loop {
            if *stop.borrow() || end_us.is_some_and(|end_us| self.now_us() >= end_us) {
                self.ebb_us.get_or_insert(self.now_us());
            }
            if self.is_over() || self.is_quiet() {
                break Ok(());
            }
            let wait = self.wait();
            tokio::select! {
                event = heard.recv(), if !self.mishaps.is_frozen() => if let Some((port, event)) = event {
                    if let Err(error) = self.hear(port, event) { break Err(error); }
                    while let Ok((port, event)) = heard.try_recv() {
                        if let Err(error) = self.hear(port, event) { return self.finish(Err(error)).await; }
                    }
                },
                _ = tokio::time::sleep(wait) => (),
                _ = stop.changed(), if self.ebb_us.is_none() => (),
            }
            if let Err(error) = self.step() {
                break Err(error);
            }
        };
        self.finish(outcome).await
    }

    fn peer_identity(&self, port: Port) -> String {
        let Identity { login, server, .. } = &self.identity;
        let symbol = self.broker.symbols[0].spec.symbol;
        match port {
            Port::Market => format!("{login}.{server}.ea.{symbol}"),
            Port::Trade => format!("{login}.{server}.svc"),
        }
    }

    fn is_over(&self) -> bool {
        self.ending.at_end_of_ticks == EndOfTicks::Leave
            && self.playback.is_ended()
            && self.broker.next_due_us().is_none()
    }

    /// Whether the market has ebbed away: no tick is played any more, what was said is with the sockets, nothing is due, and no
    /// command has come for a while. So a session that ends as planned leaves no order half told.
    fn is_quiet(&self) -> bool {
        let Some(ebb_us) = self.ebb_us else { return false };
        let now_us = self.now_us();
        if !self.trade.is_welcome() || now_us - ebb_us >= EBB_US_MAX {
            return true;
        }
        let is_told = self.market.is_drained() && self.trade.is_drained();
        let last_us = self.command_us.max(ebb_us);
        is_told && self.broker.next_due_us().is_none() && now_us - last_us >= QUIET_US
    }

    /// Says goodbye, waits until it is written, and reports.
    async fn finish(mut self, outcome: Result<(), SessionError>) -> Result<Truth, SessionError> {
        let now_us = self.now_us();
        for channel in [&mut self.market, &mut self.trade] {
            if channel.is_welcome() {
                // REASON_CLOSE: the terminal is closed.
                channel.send(&Bye { reason: 9, reserved: 0 }, now_us);
            }
            channel.down();
        }
        tokio::time::sleep(Duration::from_millis(150)).await;
        if let Err(error) = &outcome {
            self.truth.last_trouble = error.to_string();
        }
        self.write_truth()?;
        outcome.map(|()| self.truth)
    }

    fn write_truth(&mut self) -> Result<(), SessionError> {
        self.truth.look_at(&self.broker);
        self.count_mishaps();
        self.truth.connections = self.market.connections + self.trade.connections;
        self.truth.server_msc = self.server_msc;
        self.truth.ticks_ended = self.playback.is_ended();
        let Some(path) = &self.ending.json else { return Ok(()) };
        self.truth.write(path).map_err(|error| SessionError::Report { path: path.clone(), error })
    }

    /// How long nothing happens by itself.
    fn wait(&self) -> Duration {
        let now_us = self.now_us();
        let tick_us = if self.may_play() { self.playback.next_due_us(now_us) } else { None };
        let due_us = [tick_us, self.broker.next_due_us()].into_iter().flatten().min();
        let wait_us = due_us.map_or(i64::MAX, |due_us| (due_us - now_us).max(0));
        STEP_MAX.min(Duration::from_micros(wait_us as u64))
    }

    /// The market waits for its first listener; then it goes on, listener or not, unless it runs as fast as it can.
    fn may_play(&self) -> bool {
        if self.is_ebbing() || self.mishaps.is_frozen() || !self.mishaps.is_server_up() {
            return false;
        }
        if self.market.subscribed {
            return self.market.has_room();
        }
        self.playback.is_started() && !self.playback.is_unpaced()
    }

    /// The end was asked for.
    pub(super) fn is_ebbing(&self) -> bool {
        self.ebb_us.is_some()
    }

    /// Lets time pass.
    fn step(&mut self) -> Result<(), SessionError> {
        self.mend();
        for _ in 0..TICKS_A_STEP {
            if !self.may_play() {
                break;
            }
            match self.playback.next(self.now_us()).map_err(SessionError::Ticks)? {
                Next::Quote(tick) => {
                    self.mishaps_of_a_tick()?;
                    self.tick(tick);
                }
                Next::Later | Next::Ended => break,
            }
        }
        let now = self.now();
        self.broker.advance(now);
        if !self.mishaps.is_frozen() {
            self.report_transactions();
            self.keep_alive();
            self.send_account();
        }
        if now.clock_us - self.truth_us >= TRUTH_EVERY_US {
            self.truth_us = now.clock_us;
            self.write_truth()?;
        }
        Ok(())
    }

    /// What was before the first live tick: known, and pushed to nobody.
    fn live_through_past(&mut self) -> Result<(), SessionError> {
        while let Some(mut tick) = self.playback.past(self.past.span_ns).map_err(SessionError::Ticks)? {
            self.stamp(&mut tick);
            self.tape.push(0, 0, tick);
            self.minutes.push(&tick);
            self.truth.ticks_past += 1;
        }
        Ok(())
    }

    /// Puts a tick into server time, which goes on with it.
    fn stamp(&mut self, tick: &mut Tick) {
        let offset_ms = i64::from(self.identity.server_offset_s) * 1_000;
        tick.time_msc += offset_ms;
        tick.time_s = tick.time_msc.div_euclid(1_000);
        self.server_msc = tick.time_msc;
    }

    fn tick(&mut self, mut tick: Tick) {
        self.stamp(&mut tick);
        // Quotes due before this tick execute first: a command sees the market as it was when it arrived.
        let now = self.now();
        self.broker.advance(now);
        let now_us = now.clock_us;
        let is_lost = self.past.lose_ticks > 0.0 && self.dice.uniform() < self.past.lose_ticks;
        let seq = match (self.market.subscribed, is_lost) {
            (false, _) => 0,
            (true, true) => self.market.lose_tick(),
            (true, false) => self.market.send(&tick, now_us),
        };
        let count = match (seq, is_lost) {
            (0, _) => &mut self.truth.ticks_while_disconnected,
            (_, true) => &mut self.truth.ticks_lost,
            (_, false) => &mut self.truth.ticks_sent,
        };
        *count += 1;
        self.tape.push(self.market.connections, seq, tick);
        self.minutes.push(&tick);
        let spec = &self.broker.symbols[0].spec;
        let ticks = |value: f64| match value {
            0.0 => Price::NONE,
            _ => Price((value / spec.tick_size).round() as i64),
        };
        let (bid, ask) = (ticks(tick.bid), ticks(tick.ask));
        self.broker.quote(0, bid, ask, now);
        self.report_transactions();
    }

    fn report_transactions(&mut self) {
        while let Some(transaction) = self.broker.pop_transaction() {
            self.tell(transaction);
        }
    }

    /// The account's figures or flags changed.
    pub(super) fn account_is_due(&mut self) {
        self.account_us = 0;
    }

    fn keep_alive(&mut self) {
        let now_us = self.now_us();
        self.market.beat(now_us);
        self.trade.beat(now_us);
        if self.dead_man_due && self.trade.is_silent(now_us) {
            self.dead_man_due = false;
            let policy = self.trade.welcome.map_or(0, |welcome| welcome.dead_man);
            if policy > 0 {
                self.truth.dead_man_strikes += 1;
                self.broker.dead_man(policy, self.now());
            }
        }
        for port in [Port::Market, Port::Trade] {
            let channel = self.channel(port);
            if channel.is_up() && channel.is_silent(now_us) {
                channel.down();
                self.truth.last_trouble = format!("{port:?}: the appliance was silent for too long");
            }
        }
    }

    /// The account, when its figures changed and every second.
    fn send_account(&mut self) {
        let now_us = self.now_us();
        if !self.trade.is_welcome() || now_us - self.account_us < ACCOUNT_EVERY_US {
            return;
        }
        self.account_us = now_us;
        let state = self.account_state();
        self.trade.send(&state, now_us);
    }

    /// The account as the terminal shows it now.
    pub(super) fn account_state(&self) -> AccountState {
        let mut state = self.broker.account_state(self.server_msc, self.identity.server_offset_s);
        if !self.mishaps.is_server_up() {
            state.flags &= !crate::record::TERMINAL_CONNECTED;
        }
        state
    }

    fn hear(&mut self, port: Port, event: Heard) -> Result<(), SessionError> {
        let now_us = self.now_us();
        match event {
            Heard::Up(out) => {
                self.channel(port).up(out, now_us);
                let hello = self.hello(port);
                self.channel(port).send(&hello, now_us);
                Ok(())
            }
            Heard::Down(reason) => {
                self.channel(port).down();
                self.truth.last_trouble = format!("{port:?}: {reason}");
                Ok(())
            }
            Heard::Message(bytes) => self.message(port, &bytes),
        }
    }

    fn hello(&self, port: Port) -> Hello {
        let Identity { login, server, account_mode, currency, server_offset_s, build, credit, seed, .. } =
            &self.identity;
        Hello {
            roles: if port == Port::Market { 1 } else { 2 },
            margin_mode: match self.broker.account.mode {
                MarginMode::Netting => 0,
                MarginMode::Exchange => 1,
                MarginMode::Hedging => 2,
            },
            account_mode: *account_mode,
            simulated: 1,
            build: *build,
            login: *login,
            server_offset_s: *server_offset_s,
            credit: *credit,
            epoch_seen: self.memory.epoch_seen(),
            session: seed.wrapping_add(self.mishaps.restarts),
            currency: super::orders::text(currency),
            server: super::orders::text(server),
            program: super::orders::text(concat!("tickbridge sim ", env!("CARGO_PKG_VERSION"))),
        }
    }

    /// The trade connection is welcome: from now on its silence means something.
    pub(super) fn arm_dead_man(&mut self) {
        self.dead_man_due = true;
        self.account_us = 0;
    }
}

/// UTC nanoseconds as milliseconds, for ticks before the server's offset is added.
pub(super) fn utc_msc(time_ns: i64) -> i64 {
    TimeNs(time_ns).ms()
}
