//! The symbols of one connection: the terminal's numbers, our instruments, and the rules that convert between their units.
//!
//! What it is not: shared between connections; every hello starts a table that knows units at most.
//!
//! Invariant: a symbol that is not configured never gets an instrument, and nothing of it is converted.

use super::body;
use super::units::Units;
use crate::types::{
    ConvertError, Execution, FixedText, INSTRUMENTS_MAX, InstrumentId, InstrumentSpec, Price, Qty, SpecError,
    TradeMode, VenueId,
};

/// Why a terminal's symbol properties were refused.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
pub enum SymbolError {
    /// The number is too large for the table.
    #[error("symbol number: expected below {INSTRUMENTS_MAX}, got {0}")]
    Number(u16),
    /// The name is no text.
    #[error("symbol name: {0}")]
    Name(#[from] crate::types::TextError),
    /// A mode that MT5 does not have.
    #[error("{property}: expected one of MT5's values, got {got}")]
    Mode {
        /// Its MT5 name.
        property: &'static str,
        /// What came.
        got: u8,
    },
    /// A property that makes no sense.
    #[error(transparent)]
    Property(#[from] SpecError),
    /// A volume limit off the volume grid.
    #[error("{property}: {error}")]
    Volume {
        /// Its MT5 name.
        property: &'static str,
        /// Why.
        error: ConvertError,
    },
}

/// What the terminal's number stands for.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Entry {
    /// Never announced.
    Unknown,
    /// Announced, but not configured here.
    Foreign,
    /// One of ours.
    Ours(InstrumentSpec),
}

/// See the module.
#[derive(Clone, Debug)]
pub struct SymbolTable {
    venue: VenueId,
    configured: Vec<(FixedText<32>, InstrumentId)>,
    units: Units,
    entries: Vec<Entry>,
    /// Index into `entries` by instrument; `u16::MAX` when not announced.
    of_instrument: Box<[u16]>,
    /// By instrument: how many of its venue's points one of ours is, where the venue counts in other units than we do.
    others: Box<[Option<f64>]>,
}

impl SymbolTable {
    /// For a venue with these symbols.
    pub fn new(venue: VenueId, configured: Vec<(FixedText<32>, InstrumentId)>) -> Self {
        SymbolTable {
            venue,
            configured,
            units: Units::default(),
            entries: vec![Entry::Unknown; INSTRUMENTS_MAX],
            of_instrument: vec![u16::MAX; INSTRUMENTS_MAX].into(),
            others: vec![None; INSTRUMENTS_MAX].into(),
        }
    }

    /// Counts an instrument in the units of these rules, whatever its venue tells from now on, unless it counts already.
    pub fn keep_units(&mut self, spec: &InstrumentSpec) {
        self.units.keep(spec);
    }

    /// Turns to another venue's symbols. Takes no memory when the table was made with as many.
    pub fn assign(&mut self, venue: VenueId, configured: &[(FixedText<32>, InstrumentId)]) {
        self.venue = venue;
        self.configured.clear();
        self.configured.extend_from_slice(configured);
        self.units.clear();
        self.clear();
    }

    /// Whose symbols.
    pub fn venue(&self) -> VenueId {
        self.venue
    }

    /// Forgets what the connection said; the configured list stays.
    pub fn clear(&mut self) {
        self.entries.fill(Entry::Unknown);
        self.of_instrument.fill(u16::MAX);
    }

    /// Takes a symbol's properties, and whether its venue counts in other units; `None` when the symbol is not configured.
    pub fn announce(
        &mut self,
        wire: &body::InstrumentSpec,
    ) -> Result<Option<(InstrumentSpec, bool)>, SymbolError> {
        let symbol = FixedText::from_bytes(wire.symbol)?;
        let index = usize::from(wire.symbol_id);
        if index >= INSTRUMENTS_MAX {
            return Err(SymbolError::Number(wire.symbol_id));
        }
        let Some(&(_, instrument)) = self.configured.iter().find(|(name, _)| *name == symbol) else {
            self.entries[index] = Entry::Foreign;
            return Ok(None);
        };
        let (spec, points) = self.units.applied(self.spec(wire, symbol, instrument)?);
        spec.validate()?;
        self.entries[index] = Entry::Ours(spec);
        if let Some(at) = instrument.index() {
            (self.of_instrument[at], self.others[at]) = (wire.symbol_id, points);
        }
        Ok(Some((spec, points.is_some())))
    }

    fn spec(
        &self,
        wire: &body::InstrumentSpec,
        symbol: FixedText<32>,
        instrument: InstrumentId,
    ) -> Result<InstrumentSpec, SymbolError> {
        let mode = |property, got| SymbolError::Mode { property, got };
        let mut spec = InstrumentSpec {
            instrument,
            venue: self.venue,
            symbol,
            tick_size: wire.tick_size,
            digits: wire.digits,
            point: wire.point,
            volume_step: wire.volume_step,
            volume_min: Qty(1),
            volume_max: Qty(1),
            volume_limit: Qty(0),
            contract_size: wire.contract_size,
            tick_value: wire.tick_value,
            stops_level_points: wire.stops_level_points,
            freeze_level_points: wire.freeze_level_points,
            trade_mode: TradeMode::from_code(wire.trade_mode)
                .ok_or(mode("SYMBOL_TRADE_MODE", wire.trade_mode))?,
            execution: Execution::from_code(wire.execution)
                .ok_or(mode("SYMBOL_TRADE_EXEMODE", wire.execution))?,
            filling_modes: wire.filling_modes,
            order_modes: wire.order_modes,
            expiration_modes: wire.expiration_modes,
        };
        spec.validate()?;
        let steps = |property, lots| spec.qty(lots).map_err(|error| SymbolError::Volume { property, error });
        let (volume_min, volume_max) =
            (steps("SYMBOL_VOLUME_MIN", wire.volume_min)?, steps("SYMBOL_VOLUME_MAX", wire.volume_max)?);
        let volume_limit = steps("SYMBOL_VOLUME_LIMIT", wire.volume_limit)?;
        (spec.volume_min, spec.volume_max, spec.volume_limit) = (volume_min, volume_max, volume_limit);
        spec.validate()?;
        Ok(spec)
    }

    /// The rules behind a number; `None` when it is not one of ours.
    #[inline]
    pub fn by_number(&self, symbol_id: u16) -> Option<&InstrumentSpec> {
        match self.entries.get(usize::from(symbol_id)) {
            Some(Entry::Ours(spec)) => Some(spec),
            _ => None,
        }
    }

    /// A price of a tick or bar: exact, or the nearest where the venue counts in other units.
    #[inline]
    pub(super) fn price(&self, spec: &InstrumentSpec, value: f64) -> Result<Price, ConvertError> {
        spec.price(value).or_else(|error| match error {
            ConvertError::OffGrid { .. } if self.points_of_venue(spec.instrument).is_some() => {
                Ok(price_or_none(spec, value))
            }
            error => Err(error),
        })
    }

    /// How many of a venue's points one of ours is, where it counts in other units.
    fn points_of_venue(&self, instrument: InstrumentId) -> Option<f64> {
        instrument.index().and_then(|index| self.others[index])
    }

    /// A distance in our points as the venue counts it, rounded up.
    #[inline]
    pub fn venue_points(&self, instrument: InstrumentId, points: u32) -> u32 {
        match self.points_of_venue(instrument) {
            Some(each) => (f64::from(points) * each - 1e-6).ceil() as u32,
            None => points,
        }
    }

    /// Whether the number was announced at all.
    pub fn is_announced(&self, symbol_id: u16) -> bool {
        !matches!(self.entries.get(usize::from(symbol_id)), None | Some(Entry::Unknown))
    }

    /// The rules of an instrument, as this connection announced them.
    #[inline]
    pub fn by_instrument(&self, instrument: InstrumentId) -> Option<&InstrumentSpec> {
        self.by_number(self.of_instrument[instrument.index()?])
    }

    /// The symbols to subscribe to.
    pub fn configured(&self) -> &[(FixedText<32>, InstrumentId)] {
        &self.configured
    }
}

/// An MT5 price where zero means "none": exactly, or the nearest tick when the venue's own figure is off its own grid.
pub(super) fn price_or_none(spec: &InstrumentSpec, value: f64) -> Price {
    if value == 0.0 || !value.is_finite() {
        return Price::NONE;
    }
    let most = (1i64 << 53) as f64;
    spec.price(value).unwrap_or(Price((value / spec.tick_size).round().clamp(-most, most) as i64))
}
