//! What became of every order, and the positions that follow from fills.
//!
//! What it is not: it wants nothing and permits nothing; it takes facts and a time.
//!
//! Invariant: an order is never forgotten while its fate is open, a fill counts once however often it is told, and
//! `Unknown` is left on evidence only.

mod book;
pub mod exits;
mod ledger;
mod position;
mod request;
mod requests;
mod retcode;
mod state;
mod stops;

pub use book::{
    BookMemory, Change, DealOutcome, DecisionOrigin, NewDeal, NewOrder, ORDERS_OPEN_MAX, Order, OrderBook,
    OtherNumbers, ToldEnd,
};
pub use ledger::{Amounts, Ledger, Ledgers, Owner};
pub use position::{Fill, POSITIONS_MAX, Position, PositionBook, Ticket};
pub use request::{NewRequest, Request, RequestFact, RequestStage, Terms};
pub use requests::{REQUESTS_OPEN_MAX, RequestBook, RequestChange};
pub use retcode::{RetcodeClass, classify};
pub use state::{Fact, OrderState, RequestState, Verdict};
pub use stops::{PositionStops, StopBook};
