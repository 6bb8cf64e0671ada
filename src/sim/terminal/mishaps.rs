//! What goes wrong with the terminal's program and its trade server, when it is asked for: the faults of `sim::world` that one
//! program can have by itself, over real sockets and in real time.
//!
//! What it is not: the broker's habits (`Conduct`), lost history (`past.rs`), or the choice whether a fault strikes (`world::faults`).
//!
//! Invariant: whatever is broken here mends by itself. Faults rest when no command has come for [`REST_AFTER_TICKS`], and when the
//! end was asked for, so that what is under way comes to its end.

use super::broker::TransactionOrder;
use super::connection::Port;
use super::session::{Session, SessionError};
use super::{report, retcode};
use crate::record::Layout;
use crate::runtime::Prng;
use crate::sim::world::{Fault, FaultRates, Faults};
use crate::types::{OrderAction, Price, TransactionKind};
use crate::wire::terminal::body::{Command, CommandResult, Transaction};
use std::collections::HashMap;

/// The faults that a terminal's program can have. The others are the appliance's, the wire's, or another program's.
pub const OF_A_TERMINAL: [Fault; 18] = [
    Fault::LinkLost,
    Fault::Delayed,
    Fault::Repeated,
    Fault::Frozen,
    Fault::Restarted,
    Fault::RestartedBeforeAnswer,
    Fault::Shuffled,
    Fault::EventLost,
    Fault::EventRepeated,
    Fault::Unattributed,
    Fault::DealZero,
    Fault::TimeoutThenFill,
    Fault::Requote,
    Fault::Rejected,
    Fault::Partial,
    Fault::LateFill,
    Fault::ServerLost,
    Fault::MarketClosed,
];

/// So many ticks without a command, and the faults rest.
pub const REST_AFTER_TICKS: u32 = 2_000;
/// Keeps the dice of faults apart from the broker's.
const FAULT_SALT: u64 = 0x6661_756c_7473;
const US_PER_MS: u64 = 1_000;
/// A request id that no request of the server has: its answer is made up here.
const REQUEST_ID_UNKNOWN: u32 = 1_000_000;
/// `ERR_TRADE_SEND_FAILED`.
const ERROR_SEND_FAILED: u32 = 4756;

/// Reads a list as [`FaultRates::parse`] does; what a terminal cannot have is left out of `all`, and refused by name.
///
/// # Errors
/// The word that is no fault of a terminal, or no rate.
pub fn rates(text: &str) -> Result<FaultRates, String> {
    let mut rates = FaultRates::parse(text)?;
    let is_foreign = |fault: &&Fault| !OF_A_TERMINAL.contains(fault);
    for fault in Fault::ALL.iter().filter(is_foreign) {
        let names = |word: &str| word.split('=').next() == Some(fault.name());
        if text.split(',').any(names) {
            let names: Vec<&str> = OF_A_TERMINAL.iter().map(|fault| fault.name()).collect();
            let (expected, got) = (names.join(" "), fault.name());
            return Err(format!("expected a fault of a terminal ({expected}), got `{got}`"));
        }
        rates.set(*fault, 0);
    }
    Ok(rates)
}

/// See the module.
#[derive(Debug)]
pub(super) struct Mishaps {
    faults: Faults,
    /// The program stands still until then; zero when it does not.
    frozen_until_us: i64,
    /// The trade server is away until then; zero when it is there.
    server_back_us: i64,
    /// The market is closed until then; zero when it is open.
    market_opens_us: i64,
    ticks_since_command: u32,
    /// Starts of the program after the first.
    pub(super) restarts: u64,
    /// Requests that were answered with a time-out: what the server says later is heard by nobody.
    given_up: Vec<u32>,
    /// How often each entry was handed to the broker: the proof that none was twice.
    handed_over: HashMap<(u64, u8), u32>,
}

impl Mishaps {
    /// With these rates, from this seed.
    pub(super) fn new(rates: FaultRates, seed: u64) -> Self {
        Mishaps {
            faults: Faults::new(rates, &[], &mut Prng::new(seed ^ FAULT_SALT)),
            frozen_until_us: 0,
            server_back_us: 0,
            market_opens_us: 0,
            ticks_since_command: REST_AFTER_TICKS,
            restarts: 0,
            given_up: Vec::new(),
            handed_over: HashMap::new(),
        }
    }

    pub(super) fn is_frozen(&self) -> bool {
        self.frozen_until_us != 0
    }

    pub(super) fn is_server_up(&self) -> bool {
        self.server_back_us == 0
    }

    /// Nothing is broken, and nothing will be before the next command.
    pub(super) fn is_at_rest(&self) -> bool {
        let is_mended = !self.is_frozen() && self.is_server_up() && self.market_opens_us == 0;
        is_mended && self.ticks_since_command >= REST_AFTER_TICKS
    }

    fn count_entry(&mut self, command: &Command) {
        if [OrderAction::Deal, OrderAction::Pending, OrderAction::CloseBy]
            .map(OrderAction::code)
            .contains(&command.action)
        {
            *self.handed_over.entry((command.order_id, command.action)).or_default() += 1;
        }
    }
}

impl Session {
    /// Which faults strike, and how often, instead of: none.
    pub fn with_faults(mut self, rates: FaultRates) -> Self {
        let mut mishaps = Mishaps::new(rates, self.identity.seed);
        let conduct = &mut self.broker.conduct;
        if mishaps.faults.strikes(Fault::Shuffled) {
            conduct.order = TransactionOrder::Shuffled;
        }
        if mishaps.faults.strikes(Fault::Rejected) {
            conduct.reject_rate = conduct.reject_rate.max(0.1);
        }
        if mishaps.faults.strikes(Fault::Partial) {
            conduct.partial_rate = conduct.partial_rate.max(0.3);
        }
        self.mishaps = mishaps;
        self
    }

    fn strikes(&mut self, fault: Fault) -> bool {
        let rests = self.is_ebbing() || self.mishaps.ticks_since_command >= REST_AFTER_TICKS;
        !rests && self.mishaps.faults.strikes(fault)
    }

    /// A time from now on, at most so many milliseconds away.
    fn within_ms(&mut self, fault: Fault, most: u64) -> i64 {
        self.now_us() + (1 + self.mishaps.faults.below(fault, most * US_PER_MS)) as i64
    }

    /// Asks every fault that may strike between two quotes.
    pub(super) fn mishaps_of_a_tick(&mut self) -> Result<(), SessionError> {
        self.mishaps.ticks_since_command = self.mishaps.ticks_since_command.saturating_add(1);
        if self.strikes(Fault::LinkLost) {
            let port =
                if self.mishaps.faults.below(Fault::LinkLost, 2) == 0 { Port::Market } else { Port::Trade };
            self.channel(port).down();
        }
        if self.strikes(Fault::Frozen) {
            self.mishaps.frozen_until_us = self.within_ms(Fault::Frozen, 3_000);
        }
        if self.strikes(Fault::ServerLost) {
            self.mishaps.server_back_us = self.within_ms(Fault::ServerLost, 2_000);
            self.account_is_due();
        }
        if self.strikes(Fault::MarketClosed) {
            self.mishaps.market_opens_us = self.within_ms(Fault::MarketClosed, 2_000);
            self.broker.symbols[0].open = false;
        }
        self.mishaps_of_a_message();
        if self.strikes(Fault::Restarted) { self.restart() } else { Ok(()) }
    }

    /// The next message to the market port comes late with all behind it, or twice.
    fn mishaps_of_a_message(&mut self) {
        if self.strikes(Fault::Delayed) {
            let until_us = self.within_ms(Fault::Delayed, 300);
            self.market.hold_until(until_us);
        }
        if self.strikes(Fault::Repeated) {
            self.market.repeat_next();
        }
    }

    /// Ends what has lasted long enough.
    pub(super) fn mend(&mut self) {
        let now_us = self.now_us();
        let is_due = |until_us: i64| until_us != 0 && now_us >= until_us;
        if is_due(self.mishaps.frozen_until_us) {
            self.mishaps.frozen_until_us = 0;
            // What was said meanwhile waits to be read.
            (self.market.heard_us, self.trade.heard_us) = (now_us, now_us);
        }
        if is_due(self.mishaps.server_back_us) {
            self.mishaps.server_back_us = 0;
            self.account_is_due();
        }
        if is_due(self.mishaps.market_opens_us) {
            self.mishaps.market_opens_us = 0;
            self.broker.symbols[0].open = true;
        }
        self.market.release(now_us);
    }

    /// The program ends at once and is started again; the account goes on, and so does the file of executed ids.
    pub(super) fn restart(&mut self) -> Result<(), SessionError> {
        self.mishaps.restarts += 1;
        self.mishaps.frozen_until_us = 0;
        self.market.down();
        self.trade.down();
        while self.broker.pop_transaction().is_some() {
            self.truth.transactions_lost += 1;
        }
        self.memory.reopen().map_err(SessionError::Memory)
    }

    /// Whether a message was ever told twice under one number.
    pub(super) fn has_repeated(&self) -> bool {
        self.mishaps.faults.log.iter().any(|(_, fault)| *fault == Fault::Repeated)
    }

    /// Whether the program dies between executing and answering; then it is started again.
    pub(super) fn dies_before_answer(&mut self) -> Result<bool, SessionError> {
        if !self.strikes(Fault::RestartedBeforeAnswer) {
            return Ok(false);
        }
        self.restart().map(|()| true)
    }

    /// Hands a command to the trade server, if nothing comes between.
    pub(super) fn hand_over(&mut self, command: &Command) -> CommandResult {
        self.mishaps.ticks_since_command = 0;
        let mut result = CommandResult::read(&[0; CommandResult::BYTES]);
        (result.order_id, result.action) = (command.order_id, command.action);
        if !self.mishaps.is_server_up() {
            (result.retcode, result.runtime_error) = (retcode::CONNECTION, ERROR_SEND_FAILED);
            return result;
        }
        if self.strikes(Fault::Requote) {
            (result.retcode, result.request_id) = (retcode::PLACED, REQUEST_ID_UNKNOWN);
            self.tell_request(command, retcode::REQUOTE);
            return result;
        }
        let is_given_up = self.strikes(Fault::TimeoutThenFill);
        let is_late = is_given_up || self.strikes(Fault::LateFill);
        let now = self.now();
        let result = self.broker.submit(command, now);
        self.mishaps.count_entry(command);
        if result.retcode == retcode::PLACED && is_late {
            let wait_us = self.mishaps.faults.below(Fault::LateFill, 900 * US_PER_MS) as i64;
            self.broker.delay_last(wait_us);
            if is_given_up {
                self.mishaps.given_up.push(result.request_id);
                self.tell_request(command, retcode::TIMEOUT);
            }
        }
        result
    }

    /// The server's last word on a request that it never decided.
    fn tell_request(&mut self, command: &Command, code: u32) {
        let symbol = &self.broker.symbols[0];
        let mut wire = Transaction::read(&[0; Transaction::BYTES]);
        wire.transaction = TransactionKind::Request.code();
        (wire.action, wire.order_type, wire.filling) = (command.action, command.order_type, command.filling);
        (wire.retcode, wire.looked_up, wire.magic) = (code, 1, command.order_id);
        let price = |price: Price| symbol.spec.price_to_f64(price);
        (wire.bid, wire.ask) = (price(symbol.bid), price(symbol.ask));
        self.tell(wire);
    }

    /// Tells a transaction to whoever listens, as far as it is heard.
    pub(super) fn tell(&mut self, mut wire: Transaction) {
        let now_us = self.now_us();
        self.account_is_due();
        let is_request = wire.transaction == TransactionKind::Request.code();
        if is_request && self.mishaps.given_up.contains(&wire.request_id) {
            return;
        }
        let is_heard = self.market.subscribed && self.mishaps.is_server_up();
        if !is_heard || self.strikes(Fault::EventLost) {
            self.truth.transactions_lost += 1;
            return;
        }
        if wire.transaction == TransactionKind::DealAdd.code() && self.strikes(Fault::Unattributed) {
            report::not_looked_up(&mut wire);
        }
        if is_request && wire.retcode == retcode::DONE && self.strikes(Fault::DealZero) {
            (wire.deal, wire.order) = (0, 0);
        }
        self.mishaps_of_a_message();
        let times = 1 + u32::from(self.strikes(Fault::EventRepeated));
        for _ in 0..times {
            match self.market.send(&wire, now_us) {
                0 => self.truth.transactions_lost += 1,
                _ => self.truth.transactions_sent += 1,
            }
        }
    }

    /// What the truth says of faults.
    pub(super) fn count_mishaps(&mut self) {
        let Session { mishaps, truth, .. } = self;
        truth.faults.clear();
        for (_, fault) in &mishaps.faults.log {
            *truth.faults.entry(fault.name()).or_default() += 1;
        }
        (truth.restarts, truth.at_rest) = (mishaps.restarts, mishaps.is_at_rest());
        truth.executed_twice = mishaps.handed_over.values().filter(|count| **count > 1).count() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_faults_of_a_terminal_only() {
        let all = rates("all").unwrap();
        for fault in Fault::ALL {
            let every = if OF_A_TERMINAL.contains(fault) { fault.usual_every() } else { 0 };
            assert_eq!(all.every(*fault), every, "{}", fault.name());
        }
        let few = rates("frozen=7,deal-zero").unwrap();
        assert_eq!((few.every(Fault::Frozen), few.every(Fault::DealZero)), (7, 10));
        assert_eq!(few.every(Fault::LinkLost), 0);
        assert_eq!(rates("-frozen,-power-cut").unwrap().every(Fault::Frozen), 0);
        for wrong in ["power-cut", "frozen,disk-full=3", "earthquake"] {
            let words = rates(wrong).unwrap_err();
            assert!(words.contains("expected") && words.contains("got"), "{words}");
        }
    }
}
