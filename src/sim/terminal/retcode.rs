//! The trade server's return codes that the simulated broker gives.
//!
//! What it is not: their meaning for an order; `order::retcode` classifies them for the appliance, independently.
//!
//! Invariant: the numbers are those of the MQL5 Reference, "Return codes of the trade server".

/// Our own runtime errors start here, as MQL5 leaves them to users (`ERR_USER_ERROR_FIRST`).
const USER_ERROR_FIRST: u32 = 65_536;
/// The command's epoch is older than one seen before.
pub const ERROR_OLD_EPOCH: u32 = USER_ERROR_FIRST + 1;
/// The command came later than it was valid.
pub const ERROR_TOO_LATE: u32 = USER_ERROR_FIRST + 2;
/// More commands than granted.
pub const ERROR_NO_CREDIT: u32 = USER_ERROR_FIRST + 3;

macro_rules! retcodes {
    ($($name:ident = $code:literal, $words:literal;)+) => {
        $(#[doc = $words] pub const $name: u32 = $code;)+

        /// The server's own words for a code.
        pub fn words(retcode: u32) -> &'static str {
            match retcode { $($code => $words,)+ _ => "Unknown" }
        }
    };
}

retcodes! {
    REQUOTE = 10004, "Requote";
    REJECT = 10006, "Request rejected";
    PLACED = 10008, "Order placed";
    DONE = 10009, "Request executed";
    DONE_PARTIAL = 10010, "Request executed partially";
    TIMEOUT = 10012, "Request timeout";
    INVALID = 10013, "Invalid request";
    INVALID_VOLUME = 10014, "Invalid volume";
    INVALID_PRICE = 10015, "Invalid price";
    INVALID_STOPS = 10016, "Invalid stops";
    TRADE_DISABLED = 10017, "Trade is disabled";
    MARKET_CLOSED = 10018, "Market is closed";
    NO_MONEY = 10019, "No money";
    PRICE_OFF = 10021, "No prices";
    INVALID_EXPIRATION = 10022, "Invalid expiration";
    TOO_MANY_REQUESTS = 10024, "Too many requests";
    NO_CHANGES = 10025, "No changes";
    CLIENT_DISABLES_AT = 10027, "AutoTrading disabled by client";
    FROZEN = 10029, "Order or position frozen";
    INVALID_FILL = 10030, "Unsupported filling mode";
    CONNECTION = 10031, "No connection";
    LIMIT_ORDERS = 10033, "Pending orders limit";
    LIMIT_VOLUME = 10034, "Volume limit";
    INVALID_ORDER = 10035, "Invalid order";
    POSITION_CLOSED = 10036, "Position closed";
    INVALID_CLOSE_VOLUME = 10038, "Invalid close volume";
    CLOSE_ORDER_EXIST = 10039, "Close order exists";
    LIMIT_POSITIONS = 10040, "Positions limit";
    REJECT_CANCEL = 10041, "Activation rejected";
    LONG_ONLY = 10042, "Long only";
    SHORT_ONLY = 10043, "Short only";
    CLOSE_ONLY = 10044, "Close only";
    HEDGE_PROHIBITED = 10046, "Hedge prohibited";
}
