//! Names for things: venues, instruments, strategies and orders.
//!
//! What it is not: it hands out no ids; `order::IdSource` does that.
//!
//! Invariant: an `OrderId` is never zero and always fits 63 bits, so it survives MT5's signed `magic` unchanged.

use std::fmt;

/// Venues one appliance can serve.
pub const VENUES_MAX: usize = 16;
/// Instruments one appliance can serve, over all venues.
pub const INSTRUMENTS_MAX: usize = 256;

/// A broker account behind a terminal, or an exchange account: an index below [`VENUES_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct VenueId(pub u16);

/// One symbol at one venue: an index below [`INSTRUMENTS_MAX`], given by the configuration's order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct InstrumentId(pub u16);

impl InstrumentId {
    /// Marks a record that belongs to no instrument.
    pub const NONE: InstrumentId = InstrumentId(u16::MAX);

    /// The index into per-instrument tables; `None` for [`InstrumentId::NONE`] and anything out of range.
    pub fn index(self) -> Option<usize> {
        let index = usize::from(self.0);
        (index < INSTRUMENTS_MAX).then_some(index)
    }
}

/// The strategy an order belongs to: 1 to 4,095.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StrategyId(pub u16);

/// Why three numbers are not an order id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OrderIdError {
    /// Strategy outside 1 to 4,095.
    #[error("strategy: expected 1 to 4095, got {0}")]
    Strategy(u16),
    /// Epoch outside 0 to 524,287.
    #[error("epoch: expected 0 to 524287, got {0}")]
    Epoch(u32),
    /// A raw number that is zero or needs the 64th bit.
    #[error("order id: expected 1 to 2^63-1, got {0}")]
    Raw(u64),
}

/// An order's name, unique for ever: strategy (12 bits) · epoch (19 bits) · sequence (32 bits).
///
/// On MT5 it travels in `magic`, on exchanges in the client order id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(u64);

impl OrderId {
    const STRATEGY_MAX: u16 = (1 << 12) - 1;
    const EPOCH_MAX: u32 = (1 << 19) - 1;

    /// Builds an id from its three parts.
    pub fn new(strategy: StrategyId, epoch: u32, sequence: u32) -> Result<Self, OrderIdError> {
        if strategy.0 == 0 || strategy.0 > Self::STRATEGY_MAX {
            return Err(OrderIdError::Strategy(strategy.0));
        }
        if epoch > Self::EPOCH_MAX {
            return Err(OrderIdError::Epoch(epoch));
        }
        Ok(OrderId(u64::from(strategy.0) << 51 | u64::from(epoch) << 32 | u64::from(sequence)))
    }

    /// Takes an id off the wire.
    pub fn from_raw(raw: u64) -> Result<Self, OrderIdError> {
        let id = OrderId(raw);
        if raw >> 63 != 0 || id.strategy().0 == 0 { Err(OrderIdError::Raw(raw)) } else { Ok(id) }
    }

    /// The number that travels on wires and in records.
    pub fn raw(self) -> u64 {
        self.0
    }

    /// Who wanted the order.
    pub fn strategy(self) -> StrategyId {
        StrategyId((self.0 >> 51) as u16)
    }

    /// Which start of the appliance made it.
    pub fn epoch(self) -> u32 {
        (self.0 >> 32) as u32 & Self::EPOCH_MAX
    }

    /// Its number within strategy and epoch.
    pub fn sequence(self) -> u32 {
        self.0 as u32
    }
}

impl fmt::Debug for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.strategy().0, self.epoch(), self.sequence())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_survive_and_fit_63_bits() {
        let id = OrderId::new(StrategyId(4095), 524_287, u32::MAX).unwrap();
        assert_eq!(id.raw(), i64::MAX as u64);
        assert_eq!((id.strategy(), id.epoch(), id.sequence()), (StrategyId(4095), 524_287, u32::MAX));
        assert_eq!(OrderId::from_raw(id.raw()), Ok(id));
        assert_eq!(id.to_string(), "4095.524287.4294967295");
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        assert_eq!(OrderId::new(StrategyId(0), 1, 1), Err(OrderIdError::Strategy(0)));
        assert_eq!(OrderId::new(StrategyId(1), 1 << 19, 1), Err(OrderIdError::Epoch(1 << 19)));
        assert_eq!(OrderId::from_raw(0), Err(OrderIdError::Raw(0)));
        assert_eq!(OrderId::from_raw(1 << 63), Err(OrderIdError::Raw(1 << 63)));
    }
}
