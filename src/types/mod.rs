//! Values that everything else is made of: prices, quantities, money, time and ids.
//!
//! What it is not: it reads no clock, touches no socket or file, and knows no protocol.
//!
//! Invariant: raw numbers exist only at the edge. Inside, a price is whole ticks of an instrument's tick size, a
//! quantity whole steps of its volume step, so no NaN, infinity or rounding can reach a comparison.

mod id;
mod instrument;
mod money;
mod price;
mod quote;
mod scope;
mod state;
mod text;
mod time;
mod trade;

pub use id::{INSTRUMENTS_MAX, InstrumentId, OrderId, OrderIdError, StrategyId, VENUES_MAX, VenueId};
pub use instrument::{InstrumentSpec, SpecError};
pub use money::Money;
pub use price::{ConvertError, Price, Qty, Side};
pub use quote::Quote;
pub use scope::Scope;
pub use state::{STATE_VERSION, StateBytes, StateError, StateHasher, StateSink, StateSource, state_mix};
pub use text::{FixedText, TextError};
pub use time::{NS_PER_MS, NS_PER_S, NS_PER_US, TimeNs};
pub use trade::{
    DealEntry, Execution, Filling, MarginMode, OrderAction, OrderKind, TimeInForce, TradeMode,
    TransactionKind,
};
