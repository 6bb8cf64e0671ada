//! Records: bytes with a fixed layout. What rings, the journal and replay carry.
//!
//! What it is not: the terminal's wire format (`wire::terminal`), which has a layout of its own and strings in it.
//!
//! Invariant: every record is exactly 128 bytes, little-endian, without padding: a header of 32 bytes and a payload of 96.
//! Nothing in it points anywhere, so a record may be copied, stored, checksummed and compared bit for bit.

mod exit;
mod fields;
mod header;
mod history;
mod input;
mod layout;
mod limits;
mod model;
mod output;
mod overrides;
mod own;
mod request;
mod state;

pub use exit::Exit;
pub use fields::FieldValue;
pub use header::{
    FLAG_HISTORY, FLAG_REFILL, FLAG_SNAPSHOT, FLAG_UNATTRIBUTED, Kind, Origin, PAYLOAD_BYTES, Payload,
    RECORD_BYTES, RECORD_VERSION, Record,
};
pub use history::{
    HISTORY_INTERLEAVED, HISTORY_NOT_SENT, HISTORY_REFUSED, HistoryBar, HistoryEnd, HistoryRequest,
};
pub use input::{
    ACCOUNT_EXPERT_ALLOWED, ACCOUNT_TRADE_ALLOWED, Account, ClockTick, CommandResult, Credit, DealEvent,
    GAP_IS_FINAL, Gap, OrderEvent, PositionEvent, ROLE_MARKET, ROLE_TRADE, Session, SessionState, Snapshot,
    Spec, Start, TERMINAL_CONNECTED, TERMINAL_TRADE_ALLOWED, Tick,
};
pub use layout::{Field, FieldLayout, Layout};
pub use limits::{
    BreakerChange, Incident, IncidentKind, KillSwitch, KillTrigger, LIMIT_TAKEN_BACK, LimitChange,
    SymbolMargin, TradingHours,
};
pub use model::{Decision, ModelAction, ModelChange, ShadowScore};
pub use output::{Alert, Command, Denied, OrderStateChange, Query, TradingChange};
pub use overrides::{Override, OverrideUse};
pub use own::{Control, ControlAction, Dispatch, DispatchOutcome, Fault, FaultKind};
pub use request::{AUX_REDUCES, AUX_REVISION_SHIFT, RequestStateChange, Retry};
pub use state::StateHash;
