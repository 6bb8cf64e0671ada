//! Hello and welcome, subscription, liveness, credits, gaps.
//!
//! What it is not: checked; `decode` refuses what makes no sense.
//!
//! Invariant: the fields stand in the order of `bridge/PROTOCOL.md`; a test holds the two together.

use crate::layout;

layout! {
    /// First message of a connection: who the terminal is.
    pub struct Hello {
        /// 1 pushes market data and trade events, 2 executes commands, 3 both.
        roles: u8,
        /// `ACCOUNT_MARGIN_MODE`: 0 netting, 1 exchange, 2 hedging.
        margin_mode: u8,
        /// `ACCOUNT_TRADE_MODE`: 0 demo, 1 contest, 2 real.
        account_mode: u8,
        /// 1 when the program is the simulated terminal.
        simulated: u8,
        /// Terminal build.
        build: u32,
        /// `ACCOUNT_LOGIN`.
        login: u64,
        /// Server time minus UTC, seconds.
        server_offset_s: i32,
        /// Commands the terminal takes before the first answer.
        credit: u32,
        /// Last epoch of the appliance that the terminal executed for; zero for none.
        epoch_seen: u64,
        /// Number that changes whenever the terminal program starts.
        session: u64,
        /// `ACCOUNT_CURRENCY`.
        currency: [u8; 8],
        /// `ACCOUNT_SERVER`.
        server: [u8; 64],
        /// Version of the program, text.
        program: [u8; 32],
    }
}

layout! {
    /// The hello is accepted.
    pub struct Welcome {
        /// This start of the appliance; commands of an older one must not be executed.
        epoch: u64,
        /// Send a heartbeat this often, milliseconds.
        heartbeat_ms: u32,
        /// Without a message for so long the other side is gone, milliseconds.
        silent_after_ms: u32,
        /// What the terminal does then: 0 nothing, 1 cancels our pending orders, 2 and closes our positions.
        dead_man: u8,
        /// Zero.
        reserved: [u8; 7],
        /// Name of the appliance.
        name: [u8; 32],
    }
}

layout! {
    /// The hello, or a later message, is refused; the connection closes.
    pub struct Reject {
        /// `RejectReason`.
        reason: u32,
        /// Zero.
        reserved: u32,
        /// In words: what was expected, what was got.
        text: [u8; 64],
    }
}

layout! {
    /// Push this symbol: its properties, then its ticks.
    pub struct Subscribe {
        /// 1 ticks, 2 depth as well.
        what: u8,
        /// Zero.
        reserved: [u8; 7],
        /// The symbol.
        symbol: [u8; 32],
    }
}

layout! {
    /// How many commands the terminal takes.
    pub struct CreditGrant {
        /// Commands in total since the hello of this connection.
        granted_total: u64,
    }
}

layout! {
    /// Alive. The appliance sends the same body with its own kind.
    pub struct Heartbeat {
        /// Number of this heartbeat.
        count: u64,
        /// Microseconds of the other side's clock as last heard, so that it can compute the round trip.
        echo_us: i64,
    }
}

layout! {
    /// A part of a stream that cannot be sent again.
    pub struct GapNotice {
        /// The stream.
        stream: u16,
        /// Zero.
        reserved: [u8; 6],
        /// First number.
        from_seq: u64,
        /// Last number.
        to_seq: u64,
    }
}

layout! {
    /// Send numbers of a stream again; ticks come as `HistoryTick` with their first numbers.
    pub struct Refill {
        /// The stream.
        stream: u16,
        /// Zero.
        reserved: [u8; 6],
        /// First number.
        from_seq: u64,
        /// Last number.
        to_seq: u64,
    }
}

layout! {
    /// The terminal leaves on purpose.
    pub struct Bye {
        /// `REASON_*` of `OnDeinit`.
        reason: u32,
        /// Zero.
        reserved: u32,
    }
}
