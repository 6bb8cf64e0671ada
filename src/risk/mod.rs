//! The gate that every order passes, and the state of trading.
//!
//! What it is not: it knows neither models nor reasons to trade, and it never waits or asks.
//!
//! Invariant: `Approved` can be built by the gate alone. Unknown, stale or missing means no. What reduces a position passes
//! when what opens one does not.

mod bounds;
mod breaker;
mod bucket;
mod exposure;
mod gate;
mod jump;
mod lift;
mod limit_key;
mod limits;
mod margin;
mod reason;
mod sizing;

pub use bounds::{BoundsPlan, FlowPolicy, LossPlan, NewsWindow, StreakPlan, VenueBudget};
pub use breaker::{
    BREAKER_FAILURES_MAX, Breaker, BreakerFact, BreakerPlan, BreakerState, COMPONENTS, Component,
};
pub use bucket::Bucket;
pub use exposure::{
    CORRELATED_MAX, CURRENCIES_MAX, ExposureLimits, ExposurePlan, Holding, PortfolioLimit, Returns, Room,
    SymbolPlan, Totals,
};
pub use gate::{Approved, Ask, Conditions, Exposure, Gate, Intent, Levels, Refusal, RequestIntent};
pub use lift::{LIFT_FACTOR_MAX, LIFT_MINUTES_MAX, LIFTABLE, liftable};
pub use limit_key::{LimitKey, LimitWords};
pub use limits::{EXECUTIONS_MAX, InstrumentLimits, LimitError, Limits, OPEN_ORDERS_MAX};
pub use margin::MarginTerms;
pub use reason::{Reason, Trading};
pub use sizing::{Drawdown, Input, Kelly, Method, Sizing, SizingInputs, TradeRecord};
