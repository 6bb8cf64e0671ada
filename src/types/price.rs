//! Prices in whole ticks, quantities in whole steps, and sides.
//!
//! What it is not: it knows no instrument; `InstrumentSpec` converts between these and the outside's doubles.
//!
//! Invariant: arithmetic that could overflow is checked or saturating, and says which in its name or documentation.

/// A price: whole ticks of the instrument's tick size.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Price(pub i64);

impl Price {
    /// "There is no such price": an empty side of a quote, a stop that is not set.
    pub const NONE: Price = Price(i64::MIN);

    /// Whether this is a price at all.
    pub fn is_some(self) -> bool {
        self != Price::NONE
    }

    /// `ticks` away; saturates short of [`Price::NONE`].
    pub fn plus(self, ticks: i64) -> Price {
        Price(self.0.saturating_add(ticks).max(i64::MIN + 1))
    }
}

/// A quantity: whole steps of the instrument's volume step. Signed where a position is meant (long is positive).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Qty(pub i64);

impl Qty {
    /// Nothing.
    pub const ZERO: Qty = Qty(0);
}

/// Which way an order goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Side {
    /// Pays the ask.
    Buy = 0,
    /// Gets the bid.
    Sell = 1,
}

impl Side {
    /// Both sides, in the order of their indices.
    pub const BOTH: [Side; 2] = [Side::Buy, Side::Sell];

    /// +1 for buy, -1 for sell.
    pub fn sign(self) -> i64 {
        match self {
            Side::Buy => 1,
            Side::Sell => -1,
        }
    }

    /// The other one.
    pub fn opposite(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }

    /// Index into per-side tables.
    pub fn index(self) -> usize {
        self as usize
    }
}

/// Why a number from outside is not a price or quantity of this instrument.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
pub enum ConvertError {
    /// NaN or infinite.
    #[error("expected a finite number, got {0}")]
    NotFinite(f64),
    /// Between two ticks (or steps) of the grid.
    #[error("expected a multiple of {grid}, got {got}")]
    OffGrid {
        /// The tick size or volume step.
        grid: f64,
        /// What came.
        got: f64,
    },
    /// Too many ticks for exact arithmetic (2^53).
    #[error("expected at most 2^53 multiples of {grid}, got {got}")]
    OutOfRange {
        /// The tick size or volume step.
        grid: f64,
        /// What came.
        got: f64,
    },
}
