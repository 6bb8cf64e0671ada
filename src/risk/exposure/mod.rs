//! Exposure over all instruments together: by currency, gross, by leverage, unexecuted, and by correlation; made into the room
//! that is left for an opening of each.
//!
//! What it is not: the gate, which compares a wish with its room; or the limits of one instrument.
//!
//! Invariant: what may still fill counts whole, at its worst. Room is a whole number of steps, rounded down, and falls to none
//! where something it follows from is not known. An instrument's room never depends on who asks, or how often.

mod plan;
mod returns;
mod room;
#[cfg(test)]
mod tests;

pub use plan::{ExposureLimits, ExposurePlan, PortfolioLimit, SymbolPlan};
pub use returns::{CORRELATED_MAX, Returns};
pub use room::{CURRENCIES_MAX, Holding, Room, Totals};
