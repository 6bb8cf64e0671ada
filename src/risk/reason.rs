//! Why the gate says no, in a form that programs can count.
//!
//! What it is not: prose; `Refusal`'s display adds the numbers.
//!
//! Invariant: names have the shape `CATEGORY_CONDITION`; a code is never given twice and never re-used.

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal, $unit:literal);+ $(;)?) => {
        /// Why the gate says no.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u32)]
        pub enum Reason { $($(#[$doc])* $variant = $code),+ }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant),+];

            /// The reason with this code.
            pub fn from_code(code: u32) -> Option<Reason> {
                match code { $($code => Some(Reason::$variant),)+ _ => None }
            }

            /// `CATEGORY_CONDITION`.
            pub fn name(self) -> &'static str {
                match self { $(Reason::$variant => $name),+ }
            }

            /// The unit of the two numbers that go with it.
            pub fn unit(self) -> &'static str {
                match self { $(Reason::$variant => $unit),+ }
            }
        }
    };
}
reasons!(
    /// The operator halted trading, or a fault did.
    TradingHalted = 1, "TRADING_HALTED", "state";
    /// Only reductions pass.
    TradingReducing = 2, "TRADING_REDUCING", "state";
    /// No connection with the needed role.
    SessionDown = 3, "SESSION_DOWN", "roles";
    /// Orders, fills and positions are not reconciled with the venue.
    SessionUnreconciled = 4, "SESSION_UNRECONCILED", "snapshots";
    /// A real-money account without `allow_live`.
    AccountReal = 5, "ACCOUNT_REAL", "mode";
    /// The terminal or account does not allow trading.
    AccountDisabled = 6, "ACCOUNT_DISABLED", "flags";
    /// The venue's rules for the symbol are not known.
    InstrumentUnknown = 7, "INSTRUMENT_UNKNOWN", "instrument";
    /// The venue does not allow this side or any trade.
    InstrumentMode = 8, "INSTRUMENT_MODE", "mode";
    /// No filling policy that the venue accepts.
    InstrumentFilling = 9, "INSTRUMENT_FILLING", "modes";
    /// No quote, or one side missing.
    QuoteMissing = 10, "QUOTE_MISSING", "ticks";
    /// The quote is too old.
    QuoteStale = 11, "QUOTE_STALE", "ns";
    /// The quote is crossed.
    QuoteCrossed = 12, "QUOTE_CROSSED", "ticks";
    /// Larger than one order may be.
    SizeOrder = 13, "SIZE_ORDER", "steps";
    /// Smaller than the venue takes.
    SizeMinimum = 14, "SIZE_MINIMUM", "steps";
    /// Position plus everything that may still fill would be too large.
    SizePosition = 15, "SIZE_POSITION", "steps";
    /// Too many orders whose fate is open.
    CountOpenOrders = 16, "COUNT_OPEN_ORDERS", "orders";
    /// Too far from the quote.
    PriceDistance = 17, "PRICE_DISTANCE", "ticks";
    /// Too many orders in too short a time.
    RateOrders = 18, "RATE_ORDERS", "orders";
    /// The day's loss limit.
    LossDaily = 19, "LOSS_DAILY", "micros";
    /// The account's equity is not known, so its loss is not.
    LossUnknown = 20, "LOSS_UNKNOWN", "micros";
    /// An order of the same instrument and side is in doubt.
    OrderUnknown = 21, "ORDER_UNKNOWN", "orders";
    /// Too many rejects in a row.
    RejectStreak = 22, "REJECT_STREAK", "orders";
    /// A reduction larger than what there is to reduce.
    ReduceTooLarge = 23, "REDUCE_TOO_LARGE", "steps";
    /// Our position and the venue's differ.
    PositionMismatch = 24, "POSITION_MISMATCH", "steps";
    /// The journal cannot keep up or cannot be written.
    JournalFault = 25, "JOURNAL_FAULT", "fault";
    /// The operator's kill switch.
    OperatorKill = 26, "OPERATOR_KILL", "action";
    /// The operator halted or reduced.
    OperatorOrder = 27, "OPERATOR_ORDER", "action";
    /// The appliance came up with a latch of an earlier run set.
    LatchSet = 28, "LATCH_SET", "latch";
    /// The fall of equity from its highest.
    LossTrailing = 29, "LOSS_TRAILING", "micros";
    /// Too many losing deals in a row.
    LossStreak = 30, "LOSS_STREAK", "deals";
    /// Too many openings of an instrument in too short a time: it is disabled until the operator re-arms.
    ExecutionsRepeated = 31, "EXECUTIONS_REPEATED", "orders";
    /// Larger than one order may be, by its value.
    SizeValue = 32, "SIZE_VALUE", "ticks*steps";
    /// The price moved too far in too short a time.
    PriceJump = 33, "PRICE_JUMP", "ticks";
    /// Too little equity over the margin in use.
    MarginLevel = 34, "MARGIN_LEVEL", "percent";
    /// The account's last word is too old.
    AccountStale = 35, "ACCOUNT_STALE", "ns";
    /// The venue's numbers of deals began again, and the operator has not accepted it.
    DealNumbersBeganAgain = 36, "DEALS_NUMBERS_BEGAN_AGAIN", "deal";
    /// Too many cancels or changes in too short a time.
    RateRequests = 40, "RATE_REQUESTS", "requests";
    /// A request about an order or position that is not ours or not there.
    RequestSubject = 41, "REQUEST_SUBJECT", "subjects";
    /// The venue does not take this kind of order, or stops, on the symbol.
    InstrumentOrderKind = 42, "INSTRUMENT_ORDER_KIND", "modes";
    /// The venue has no expiration that fits the wish.
    InstrumentExpiration = 43, "INSTRUMENT_EXPIRATION", "modes";
    /// Nearer to the price than the venue allows, or on the wrong side of it.
    PriceLevel = 44, "PRICE_LEVEL", "ticks";
    /// Only a hedging account has positions that close each other.
    AccountNetting = 45, "ACCOUNT_NETTING", "mode";
    /// The venue said lately that it is asked too often.
    VenueBusy = 100, "VENUE_BUSY", "ns";
    /// An order of the same account rests on the other side, where it would trade with this one.
    SelfTrade = 110, "SELF_TRADE", "ticks";
    /// The kill switch was thrown for this instrument, alone or with others.
    KillScope = 80, "KILL_SCOPE", "scope";
    // Exposure: 60 to 79.
    /// Something that a size follows from is not known: `risk::Input` as a code.
    SizeUnknown = 60, "SIZE_UNKNOWN", "input";
    /// The size that follows is smaller than the venue takes.
    SizeTooSmall = 61, "SIZE_TOO_SMALL", "steps";
    /// The strategy's own record has no edge.
    SizeNoEdge = 62, "SIZE_NO_EDGE", "ten-thousandths";
    /// Equity is so far below its highest that nothing is left of a size.
    SizeDrawdown = 63, "SIZE_DRAWDOWN", "hundredths of a per cent";
    /// Net exposure to a currency.
    ExposureCurrency = 64, "EXPOSURE_CURRENCY", "micros";
    /// Value of all positions and orders together.
    ExposureGross = 65, "EXPOSURE_GROSS", "micros";
    /// The same over equity.
    ExposureLeverage = 66, "EXPOSURE_LEVERAGE", "micros";
    /// Deviation of the value of all positions and orders together.
    ExposurePortfolio = 67, "EXPOSURE_PORTFOLIO", "micros";
    /// A value, a correlation or the equity that exposure follows from is not known.
    ExposureUnknown = 68, "EXPOSURE_UNKNOWN", "steps";
    /// Value of what is ordered and not executed.
    ValueUnexecuted = 69, "VALUE_UNEXECUTED", "micros";
    /// The price stands still while another moves.
    QuoteFrozen = 70, "QUOTE_FROZEN", "ns";
    /// The same opening was made so shortly before.
    OrderDuplicate = 71, "ORDER_DUPLICATE", "ns";
    /// A new model has opened as often as it may.
    CanaryOrders = 72, "CANARY_ORDERS", "orders";
    /// What a new model may open is less than the venue takes.
    CanaryLots = 73, "CANARY_LOTS", "steps";
    /// The system's clock is too far from ours.
    ClockStep = 81, "CLOCK_STEP", "ns";
    /// The venue's stamps are too far from our clock.
    ClockOffset = 82, "CLOCK_OFFSET", "ns";
    /// The breaker of the links is open, or its one order tries.
    BreakerLink = 83, "BREAKER_LINK", "failures";
    /// The breaker of refused terminals.
    BreakerHandshake = 84, "BREAKER_HANDSHAKE", "failures";
    /// The breaker of requests that the venue refused for themselves.
    BreakerRejects = 85, "BREAKER_REJECTS", "failures";
    /// The breaker of requests that the venue refused for the moment.
    BreakerRequotes = 86, "BREAKER_REQUOTES", "failures";
    /// The breaker of orders without an answer.
    BreakerTimeOuts = 87, "BREAKER_TIME_OUTS", "failures";
    /// The breaker of the journal's disk.
    BreakerDisk = 88, "BREAKER_DISK", "failures";
    /// The breaker of the system's clock.
    BreakerClock = 89, "BREAKER_CLOCK", "failures";
    /// The breaker of a lane that stood still.
    BreakerStalls = 90, "BREAKER_STALLS", "failures";
    // Limits that need not be set: 120 to 139.
    /// The soft level of the day's loss.
    LossDailySoft = 120, "LOSS_DAILY_SOFT", "micros";
    /// The soft level of the fall of equity.
    LossTrailingSoft = 121, "LOSS_TRAILING_SOFT", "micros";
    /// The balance fell, and it is not known yet whether by a loss or a withdrawal.
    LossFlow = 122, "LOSS_FLOW", "micros";
    /// The tick value, and with it every value in account currency, is too old.
    ValueStale = 123, "VALUE_STALE", "ns";
    /// A stop loss or take profit too far from the quote.
    PriceStop = 124, "PRICE_STOP", "ticks";
    /// Too many messages of any kind to the venue.
    RateVenue = 125, "RATE_VENUE", "messages";
    /// Both directions of an instrument together would be too large.
    SizeGross = 126, "SIZE_GROSS", "steps";
    /// Outside of the hours that the venue tells, or it told none.
    InstrumentHours = 127, "INSTRUMENT_HOURS", "s";
    /// A time that the operator keeps clear.
    NewsWindow = 128, "NEWS_WINDOW", "ns";
    /// Nothing opens on the instrument.
    InstrumentRestricted = 129, "INSTRUMENT_RESTRICTED", "instrument";
    /// Too little free margin would be left.
    MarginFree = 130, "MARGIN_FREE", "micros";
    /// What an order's margin follows from is not known.
    MarginUnknown = 131, "MARGIN_UNKNOWN", "steps";
    /// All that the account holds would be worth too much.
    ExposureAccount = 132, "EXPOSURE_ACCOUNT", "micros";
    /// Too many losing deals within a time.
    LossWindow = 133, "LOSS_WINDOW", "deals";
    /// Too many refusals of the venue within a time.
    RejectWindow = 134, "REJECT_WINDOW", "orders";
);

/// What may leave.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Trading {
    /// Everything within the limits.
    Active = 1,
    /// Reductions and cancels; ends when its condition does, or on the operator's word.
    Reducing = 2,
    /// Reductions and cancels; ends on the operator's word alone.
    Halted = 3,
}

impl Trading {
    /// The state with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Active, Self::Reducing, Self::Halted].into_iter().find(|state| *state as u8 == code)
    }

    /// For reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Reducing => "reducing",
            Self::Halted => "halted",
        }
    }
}
