//! Tick files: other people's formats, read as they are, and our own.
//!
//! What it is not: a cleaner. Crossed, locked, repeated and disordered quotes are kept and counted, never "fixed".
//!
//! Invariant: every reader is a stream that yields [`FileTick`]s in file order; prices are exact scaled integers; a
//! line or record that cannot be understood is an error with its place, or counted when the caller said to skip.
mod civil;
mod counts;
mod decimal;
mod error;
pub mod tbt;
mod tick;

pub use civil::{civil_text, CivilDate, NS_PER_DAY};
pub use counts::TickCounts;
pub use error::{Broken, TickFileError, Unit};
pub use tick::{FileTick, TimeBase, DIGITS_MAX, FLAGS_BID_ASK, NO_PRICE};
