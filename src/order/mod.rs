//! What became of every order, and the positions that follow from fills.
//!
//! What it is not: it wants nothing and permits nothing; it takes facts and a time.
//!
//! Invariant: an order is never forgotten while its fate is open, a fill counts once however often it is told, and
//! `Unknown` is left on evidence only.

mod book;
mod position;
mod retcode;
mod state;

pub use book::{Change, DealOutcome, NewOrder, ORDERS_OPEN_MAX, Order, OrderBook, OtherNumbers};
pub use position::{Fill, POSITIONS_MAX, Position, PositionBook, Ticket};
pub use retcode::{RetcodeClass, classify};
pub use state::{Fact, OrderState, RequestState, Verdict};
