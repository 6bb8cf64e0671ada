//! A symbol as the simulated broker trades it: the rules everybody knows, and those that only a server applies.
//!
//! What it is not: the source of quotes.
//!
//! Invariant: bid and ask are ticks; a symbol that has not been quoted has neither.

use super::account::cents;
use super::orders::Position;
use crate::record::Layout;
use crate::types::{InstrumentSpec, Money, Price, Side};
use crate::wire::terminal::body;

/// See the module.
#[derive(Clone, Debug)]
pub struct Symbol {
    /// The rules.
    pub spec: InstrumentSpec,
    /// Currency of prices.
    pub currency_profit: [u8; 8],
    /// Currency of volume.
    pub currency_base: [u8; 8],
    /// Swap of a long lot and night, points.
    pub swap_long_points: f64,
    /// Swap of a short lot and night, points.
    pub swap_short_points: f64,
    /// Whether the market is open.
    pub open: bool,
    /// Last bid.
    pub bid: Price,
    /// Last ask.
    pub ask: Price,
    /// Time of the last quote, server milliseconds.
    pub quoted_msc: i64,
}

impl Symbol {
    /// A symbol with these rules, open and not yet quoted.
    pub fn new(spec: InstrumentSpec) -> Self {
        let name = spec.symbol.as_str();
        let currency = |from: usize| {
            let mut field = [0; 8];
            if let Some(code) = name.as_bytes().get(from..from + 3) {
                field[..3].copy_from_slice(code);
            }
            field
        };
        Symbol {
            currency_base: currency(0),
            currency_profit: currency(3),
            spec,
            swap_long_points: 0.0,
            swap_short_points: 0.0,
            open: true,
            bid: Price::NONE,
            ask: Price::NONE,
            quoted_msc: 0,
        }
    }

    /// Whether both sides are quoted.
    pub fn is_quoted(&self) -> bool {
        self.bid.is_some() && self.ask.is_some()
    }

    /// What an order of this side gets.
    pub fn entry_price(&self, side: Side) -> Price {
        match side {
            Side::Buy => self.ask,
            Side::Sell => self.bid,
        }
    }

    /// What a position of this side is worth.
    pub fn exit_price(&self, side: Side) -> Price {
        self.entry_price(side.opposite())
    }

    /// Profit of a closed volume, prices in ticks, whole cents.
    pub fn profit(&self, side: Side, open: f64, close: f64, volume: i64) -> Money {
        let ticks = (close - open) * side.sign() as f64;
        cents(ticks * self.spec.tick_value * volume as f64 * self.spec.volume_step)
    }

    /// Profit of a position at the last quote, without swap.
    pub fn floating(&self, position: &Position) -> Money {
        let price = self.exit_price(position.side);
        if !price.is_some() {
            return Money::ZERO;
        }
        self.profit(position.side, position.price_open, price.0 as f64, position.volume)
    }

    /// Margin of a volume: its value in the account's currency over the leverage.
    pub fn margin(&self, volume: i64, leverage: u32) -> Money {
        if !self.ask.is_some() {
            return Money::ZERO;
        }
        let lots = volume as f64 * self.spec.volume_step;
        cents(lots * self.ask.0 as f64 * self.spec.tick_value / f64::from(leverage))
    }

    /// As it is announced under this number.
    pub fn announce(&self, symbol_id: u16) -> body::InstrumentSpec {
        let spec = &self.spec;
        let mut wire = body::InstrumentSpec::read(&[0; body::InstrumentSpec::BYTES]);
        wire.symbol_id = symbol_id;
        (wire.digits, wire.trade_mode, wire.execution) =
            (spec.digits, spec.trade_mode.code(), spec.execution.code());
        (wire.filling_modes, wire.order_modes, wire.expiration_modes) =
            (spec.filling_modes, spec.order_modes, spec.expiration_modes);
        (wire.selected, wire.spread_float, wire.session_count) = (1, 1, 7);
        (wire.stops_level_points, wire.freeze_level_points) =
            (spec.stops_level_points, spec.freeze_level_points);
        (wire.point, wire.tick_size, wire.contract_size) = (spec.point, spec.tick_size, spec.contract_size);
        (wire.tick_value, wire.tick_value_profit, wire.tick_value_loss) =
            (spec.tick_value, spec.tick_value, spec.tick_value);
        (wire.volume_min, wire.volume_max) =
            (spec.qty_to_lots(spec.volume_min), spec.qty_to_lots(spec.volume_max));
        (wire.volume_step, wire.volume_limit) = (spec.volume_step, spec.qty_to_lots(spec.volume_limit));
        (wire.margin_rate_buy, wire.margin_rate_sell, wire.hedged_use_leg) = (1.0, 1.0, 1);
        (wire.swap_mode, wire.swap_triple_day) = (1, 3);
        (wire.swap_long, wire.swap_short) = (self.swap_long_points, self.swap_short_points);
        wire.currency_profit = self.currency_profit;
        (wire.currency_margin, wire.currency_base) = (self.currency_base, self.currency_base);
        wire.symbol = *spec.symbol.bytes();
        wire
    }
}
