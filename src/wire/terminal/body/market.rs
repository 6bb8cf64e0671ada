//! A symbol's properties and what is quoted for it.
//!
//! What it is not: checked; `decode` refuses what makes no sense.
//!
//! Invariant: the fields stand in the order of `bridge/PROTOCOL.md`; a test holds the two together.

use crate::layout;

layout! {
    /// A symbol's properties (facts: what has to be checked before a send).
    pub struct InstrumentSpec {
        /// Number that stands for the symbol in this connection; the terminal's choice.
        symbol_id: u16,
        /// `SYMBOL_DIGITS`.
        digits: u8,
        /// `SYMBOL_TRADE_MODE`.
        trade_mode: u8,
        /// `SYMBOL_TRADE_EXEMODE`.
        execution: u8,
        /// `SYMBOL_FILLING_MODE` bits.
        filling_modes: u8,
        /// `SYMBOL_ORDER_MODE` bits.
        order_modes: u8,
        /// `SYMBOL_EXPIRATION_MODE` bits.
        expiration_modes: u8,
        /// `SYMBOL_ORDER_GTC_MODE`.
        gtc_mode: u8,
        /// `SYMBOL_TRADE_CALC_MODE`.
        calc_mode: u8,
        /// 1 when `SYMBOL_SUBSCRIPTION_DELAY`.
        delayed: u8,
        /// 1 when `SYMBOL_SELECT`.
        selected: u8,
        /// `SYMBOL_TRADE_STOPS_LEVEL`, points.
        stops_level_points: u32,
        /// `SYMBOL_TRADE_FREEZE_LEVEL`, points.
        freeze_level_points: u32,
        /// `SYMBOL_TICKS_BOOKDEPTH`; zero for no depth.
        book_depth: u32,
        /// `SYMBOL_POINT`.
        point: f64,
        /// `SYMBOL_TRADE_TICK_SIZE`.
        tick_size: f64,
        /// `SYMBOL_TRADE_TICK_VALUE`.
        tick_value: f64,
        /// `SYMBOL_TRADE_TICK_VALUE_PROFIT`.
        tick_value_profit: f64,
        /// `SYMBOL_TRADE_TICK_VALUE_LOSS`.
        tick_value_loss: f64,
        /// `SYMBOL_TRADE_CONTRACT_SIZE`.
        contract_size: f64,
        /// `SYMBOL_VOLUME_MIN`.
        volume_min: f64,
        /// `SYMBOL_VOLUME_MAX`.
        volume_max: f64,
        /// `SYMBOL_VOLUME_STEP`.
        volume_step: f64,
        /// `SYMBOL_VOLUME_LIMIT`; zero for none.
        volume_limit: f64,
        /// `SYMBOL_SESSION_PRICE_LIMIT_MIN`; zero for none.
        price_limit_min: f64,
        /// `SYMBOL_SESSION_PRICE_LIMIT_MAX`; zero for none.
        price_limit_max: f64,
        /// `SYMBOL_MARGIN_INITIAL`.
        margin_initial: f64,
        /// `SYMBOL_MARGIN_HEDGED`.
        margin_hedged: f64,
        /// `SYMBOL_START_TIME`, server seconds; zero for none.
        start_time_s: i64,
        /// `SYMBOL_EXPIRATION_TIME`, server seconds; zero for none.
        expiration_time_s: i64,
        /// `SYMBOL_CURRENCY_PROFIT`.
        currency_profit: [u8; 8],
        /// `SYMBOL_CURRENCY_MARGIN`.
        currency_margin: [u8; 8],
        /// `SYMBOL_CURRENCY_BASE`.
        currency_base: [u8; 8],
        /// `SYMBOL_MARGIN_MAINTENANCE`.
        margin_maintenance: f64,
        /// `SymbolInfoMarginRate` of a buy: initial.
        margin_rate_buy: f64,
        /// `SymbolInfoMarginRate` of a sell: initial.
        margin_rate_sell: f64,
        /// `SYMBOL_SWAP_LONG`.
        swap_long: f64,
        /// `SYMBOL_SWAP_SHORT`.
        swap_short: f64,
        /// `SYMBOL_TRADE_FACE_VALUE`; zero for none.
        face_value: f64,
        /// `SYMBOL_SWAP_MODE`.
        swap_mode: u8,
        /// `SYMBOL_SWAP_ROLLOVER3DAYS`.
        swap_triple_day: u8,
        /// 1 when `SYMBOL_MARGIN_HEDGED_USE_LEG`.
        hedged_use_leg: u8,
        /// 1 when `SYMBOL_SPREAD_FLOAT`.
        spread_float: u8,
        /// `TradingSession` messages that follow at once.
        session_count: u32,
        /// The symbol's name.
        symbol: [u8; 32],
    }
}

layout! {
    /// One session of a symbol's week, as `SymbolInfoSessionTrade` and `SymbolInfoSessionQuote` tell it.
    pub struct TradingSession {
        /// The symbol's number in this connection.
        symbol_id: u16,
        /// 1 trade, 2 quote.
        what: u8,
        /// Day of the week, 0 for Sunday.
        day: u8,
        /// Number of the session in its day, from 0.
        index: u8,
        /// Zero.
        reserved: [u8; 3],
        /// Begin, seconds of the server's day.
        from_s: u32,
        /// End, seconds of the server's day; 86400 for midnight.
        to_s: u32,
    }
}

layout! {
    /// Send a symbol's properties.
    pub struct RequestInstrument {
        /// The symbol.
        symbol: [u8; 32],
    }
}

layout! {
    /// A tick: the symbol, then `MqlTick` field by field.
    pub struct Tick {
        /// The symbol's number in this connection.
        symbol_id: u16,
        /// Zero.
        reserved: u16,
        /// Server seconds.
        time_s: i64,
        /// Bid, zero for none.
        bid: f64,
        /// Ask, zero for none.
        ask: f64,
        /// Last, zero for none.
        last: f64,
        /// Volume of the last trade, whole.
        volume: u64,
        /// Server milliseconds.
        time_msc: i64,
        /// `TICK_FLAG_*`.
        flags: u32,
        /// Volume of the last trade, with fractions.
        volume_real: f64,
    }
}

layout! {
    /// Part of a depth-of-market image: up to four levels of one side.
    pub struct Book {
        /// The symbol's number in this connection.
        symbol_id: u16,
        /// `BOOK_TYPE`: 1 sell, 2 buy, 3 sell market, 4 buy market.
        book_type: u8,
        /// Levels used, 0 to 4.
        level_count: u8,
        /// Index of the first level here, counted from the best.
        level_first: u16,
        /// 1 on the last part of the image.
        last: u8,
        /// Zero.
        reserved: u8,
        /// Number of the image.
        image: u64,
        /// Server milliseconds.
        time_msc: i64,
        /// Price of the first level.
        price_0: f64,
        /// Volume of the first level.
        volume_0: f64,
        /// Price of the second level.
        price_1: f64,
        /// Volume of the second level.
        volume_1: f64,
        /// Price of the third level.
        price_2: f64,
        /// Volume of the third level.
        volume_2: f64,
        /// Price of the fourth level.
        price_3: f64,
        /// Volume of the fourth level.
        volume_3: f64,
    }
}
