//! The vocabulary of orders: what is asked, how it fills, how long it lives. Numbers are MT5's own.
//!
//! What it is not: a state machine (`order`) or a rule (`risk`).
//!
//! Invariant: a number that is not in the list is refused when it is converted, never mapped to a default.

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant = $code),+ }

        impl $name {
            /// Every value, in the order of the codes.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The value with this code.
            pub fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some($name::$variant),)+ _ => None }
            }

            /// The code that travels in records and on wires.
            pub fn code(self) -> u8 {
                self as u8
            }
        }
    };
}

codes!(
    /// What a command asks for: `ENUM_TRADE_REQUEST_ACTIONS`.
    OrderAction {
        /// Trade now (`TRADE_ACTION_DEAL`).
        Deal = 1,
        /// Place a pending order.
        Pending = 5,
        /// Change the stops of a position.
        StopLevels = 6,
        /// Change a pending order.
        Modify = 7,
        /// Remove a pending order.
        Remove = 8,
        /// Close a position by an opposite one.
        CloseBy = 10,
    }
);
codes!(
    /// `ENUM_ORDER_TYPE`.
    OrderKind {
        /// Market buy.
        Buy = 0,
        /// Market sell.
        Sell = 1,
        /// Buy at the limit or better.
        BuyLimit = 2,
        /// Sell at the limit or better.
        SellLimit = 3,
        /// Buy when the ask reaches the stop.
        BuyStop = 4,
        /// Sell when the bid reaches the stop.
        SellStop = 5,
        /// Place a buy limit when the stop is reached.
        BuyStopLimit = 6,
        /// Place a sell limit when the stop is reached.
        SellStopLimit = 7,
        /// Close by an opposite position.
        CloseBy = 8,
    }
);
codes!(
    /// `ENUM_ORDER_TYPE_FILLING`.
    Filling {
        /// All or nothing.
        FillOrKill = 0,
        /// What can be had now, the rest is dropped.
        ImmediateOrCancel = 1,
        /// The rest stays in the book.
        Return = 2,
        /// Only if it rests in the book.
        BookOrCancel = 3,
    }
);
codes!(
    /// `ENUM_ORDER_TYPE_TIME`.
    TimeInForce {
        /// Until cancelled.
        GoodTillCancel = 0,
        /// Until the end of the trading day.
        Day = 1,
        /// Until a second.
        Specified = 2,
        /// Until the end of a day.
        SpecifiedDay = 3,
    }
);
codes!(
    /// `ENUM_SYMBOL_TRADE_EXECUTION`.
    Execution {
        /// Price asked for first.
        Request = 0,
        /// At the price asked, or a requote.
        Instant = 1,
        /// At whatever the market gives.
        Market = 2,
        /// On an exchange.
        Exchange = 3,
    }
);
codes!(
    /// `ENUM_SYMBOL_TRADE_MODE`.
    TradeMode {
        /// Nothing.
        Disabled = 0,
        /// Only buys.
        LongOnly = 1,
        /// Only sells.
        ShortOnly = 2,
        /// Only closes.
        CloseOnly = 3,
        /// Everything.
        Full = 4,
    }
);
codes!(
    /// `ENUM_ACCOUNT_MARGIN_MODE`.
    MarginMode {
        /// One position a symbol.
        Netting = 0,
        /// One position a symbol, exchange margin.
        Exchange = 1,
        /// Many positions a symbol.
        Hedging = 2,
    }
);
codes!(
    /// `ENUM_DEAL_ENTRY`.
    DealEntry {
        /// Opens or adds.
        In = 0,
        /// Closes or reduces.
        Out = 1,
        /// Reverses (netting).
        InOut = 2,
        /// Closed by an opposite position.
        OutBy = 3,
    }
);
codes!(
    /// `ENUM_TRADE_TRANSACTION_TYPE`.
    TransactionKind {
        /// An order appeared among the open ones.
        OrderAdd = 0,
        /// An open order changed.
        OrderUpdate = 1,
        /// An order left the open ones.
        OrderDelete = 2,
        /// An order appeared in history.
        HistoryAdd = 3,
        /// A history order changed.
        HistoryUpdate = 4,
        /// A history order vanished.
        HistoryDelete = 5,
        /// A deal was made.
        DealAdd = 6,
        /// A deal was amended.
        DealUpdate = 7,
        /// A deal was annulled.
        DealDelete = 8,
        /// A position changed without a deal.
        Position = 9,
        /// A request was answered.
        Request = 10,
    }
);

impl OrderKind {
    /// Which way the order goes; `None` for close-by.
    pub fn side(self) -> Option<super::Side> {
        match self {
            OrderKind::Buy | OrderKind::BuyLimit | OrderKind::BuyStop | OrderKind::BuyStopLimit => {
                Some(super::Side::Buy)
            }
            OrderKind::Sell | OrderKind::SellLimit | OrderKind::SellStop | OrderKind::SellStopLimit => {
                Some(super::Side::Sell)
            }
            OrderKind::CloseBy => None,
        }
    }

    /// The market order of a side.
    pub fn market(side: super::Side) -> Self {
        match side {
            super::Side::Buy => OrderKind::Buy,
            super::Side::Sell => OrderKind::Sell,
        }
    }
}
