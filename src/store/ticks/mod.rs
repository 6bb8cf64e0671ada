//! Tick files: other people's formats, read as they are, and our own.
//!
//! What it is not: a cleaner. Crossed, locked, repeated and disordered quotes are kept and counted, never "fixed".
//!
//! Invariant: every reader is a stream that yields [`FileTick`]s in file order; prices are exact scaled integers; a
//! line or record that cannot be understood is an error with its place, or counted when the caller said to skip.
//!
//! | format | times | prices | volumes |
//! |---|---|---|---|
//! | MT5 export (`mt5`) | server wall time, ms | text; empty = unchanged | VOLUME, of the last deal |
//! | Dukascopy (`bi5`) | UTC, ms | points, 5 digits unless said otherwise | millions of the base currency |
//! | quote zip (`quotezip`) | UTC (or `utc_offset_ns`), ms with up to 6 decimals | text | none |
//! | mapped CSV (`csv`) | as the map says | text | as mapped |
//! | [`tbt`] | as its header says, ns | exact | exact |

pub mod bi5;
mod civil;
mod counts;
mod csv_map;
mod decimal;
mod detect;
mod error;
mod line_format;
mod lines;
mod open;
mod source;
pub mod tbt;
mod tick;

pub use civil::{CivilDate, NS_PER_DAY, civil_text};
pub use counts::TickCounts;
pub use csv_map::{CsvMap, TimeFormat};
pub use detect::TickFormat;
pub use error::{Broken, TickFileError, Unit};
pub use open::{OnBroken, OpenOptions, SourceInfo, TickReader, open_ticks};
pub use tick::{DIGITS_MAX, FLAGS_BID_ASK, FileTick, NO_PRICE, TimeBase};
