//! The limits that an operator may change while the appliance runs: by name, with what "tighter" means for each.
//!
//! What it is not: who may change them, or when; `engine::limits` and the control floor say that.
//!
//! Invariant: a code is never given twice and never re-used; a change never makes a limit looser than the configuration has it,
//! and one that makes no sense changes nothing.

mod state;

use super::limits::{LimitError, Limits};
use crate::types::{Money, NS_PER_MS};

macro_rules! keys {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal, $unit:literal;)+) => {
        /// See the module.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum LimitKey { $($(#[$doc])* $variant = $code),+ }

        impl LimitKey {
            /// Every limit that may be changed.
            pub const ALL: &'static [LimitKey] = &[$(LimitKey::$variant),+];

            /// The key with this code.
            pub fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(LimitKey::$variant),)+ _ => None }
            }

            /// As `[risk]` of the configuration names it.
            pub fn name(self) -> &'static str {
                match self { $(LimitKey::$variant => $name),+ }
            }

            /// As the configuration measures it.
            pub fn unit(self) -> &'static str {
                match self { $(LimitKey::$variant => $unit),+ }
            }
        }
    };
}
keys! {
    /// Largest order.
    OrderLots = 1, "order_lots_max", "lots";
    /// Largest position.
    PositionLots = 2, "position_lots_max", "lots";
    /// Orders whose fate may be open.
    OpenOrders = 3, "open_orders_max", "orders";
    /// Furthest price from the quote.
    PriceDistance = 4, "price_distance_max_points", "points";
    /// Orders a second.
    OrdersPerSecond = 5, "orders_per_s_max", "orders/s";
    /// Orders at once.
    OrdersBurst = 6, "orders_burst_max", "orders";
    /// Oldest quote to open on.
    StaleAfter = 7, "stale_after_ms", "ms";
    /// Largest loss of a day.
    DailyLoss = 8, "daily_loss_max", "account currency";
    /// Refusals in a row.
    RejectsInRow = 9, "rejects_in_row_max", "rejects";
    /// Largest fall of equity.
    TrailingLoss = 10, "trailing_loss_max", "account currency";
    /// Losing deals in a row.
    LossesInRow = 11, "losses_in_row_max", "deals";
    /// Largest order by value.
    OrderValue = 12, "order_value_max", "account currency";
    /// Largest move within the window.
    Jump = 13, "jump_max_points", "points";
    /// Lowest margin level to open at; the one where more is tighter.
    MarginLevel = 14, "margin_level_min_percent", "per cent";
    /// Oldest word of the account to open on.
    AccountAge = 15, "account_age_max_ms", "ms";
}

/// Places for all keys, by their codes.
const LIMIT_KEYS: usize = 16;

impl LimitKey {
    /// The key that `[risk]` has under this name, with or without the section.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.strip_prefix("risk.").unwrap_or(name);
        Self::ALL.iter().copied().find(|key| key.name() == name)
    }

    /// Whether `one` allows less than `other`.
    pub fn is_tighter(self, one: f64, other: f64) -> bool {
        if self == LimitKey::MarginLevel { one > other } else { one < other }
    }

    /// The one of two that allows less.
    pub fn tighter(self, one: f64, other: f64) -> f64 {
        if self.is_tighter(one, other) { one } else { other }
    }
}

impl Limits {
    /// A limit as the configuration measures it.
    pub fn value(&self, key: LimitKey) -> f64 {
        let ms = |ns: i64| ns as f64 / NS_PER_MS as f64;
        match key {
            LimitKey::OrderLots => self.order_lots_max,
            LimitKey::PositionLots => self.position_lots_max,
            LimitKey::OpenOrders => f64::from(self.open_orders_max),
            LimitKey::PriceDistance => f64::from(self.price_distance_max_points),
            LimitKey::OrdersPerSecond => f64::from(self.orders_per_s_max),
            LimitKey::OrdersBurst => f64::from(self.orders_burst_max),
            LimitKey::StaleAfter => ms(self.stale_after_ns),
            LimitKey::DailyLoss => self.daily_loss_max.as_f64(),
            LimitKey::RejectsInRow => f64::from(self.rejects_in_row_max),
            LimitKey::TrailingLoss => self.trailing_loss_max.as_f64(),
            LimitKey::LossesInRow => f64::from(self.losses_in_row_max),
            LimitKey::OrderValue => self.order_value_max.as_f64(),
            LimitKey::Jump => f64::from(self.jump_max_points),
            LimitKey::MarginLevel => f64::from(self.margin_level_min_percent),
            LimitKey::AccountAge => ms(self.account_age_max_ns),
        }
    }

    /// These limits with one changed, as the configuration measures it; what makes no sense is refused.
    pub fn with(&self, key: LimitKey, value: f64) -> Result<Limits, LimitError> {
        let refuse = |expected| Err(LimitError { key: key.name(), expected, got: value });
        if !value.is_finite() || value <= 0.0 {
            return refuse("a finite number above 0");
        }
        let mut limits = *self;
        let money = Money::from_f64(value).unwrap_or(Money::ZERO);
        let count = value as u32;
        let ns = (value * NS_PER_MS as f64) as i64;
        let is_count = value.fract() == 0.0 && value <= f64::from(u32::MAX);
        let place = match key {
            LimitKey::OrderLots => return valid(Limits { order_lots_max: value, ..limits }),
            LimitKey::PositionLots => return valid(Limits { position_lots_max: value, ..limits }),
            LimitKey::StaleAfter => return valid(Limits { stale_after_ns: ns, ..limits }),
            LimitKey::AccountAge => return valid(Limits { account_age_max_ns: ns, ..limits }),
            LimitKey::DailyLoss => return valid(Limits { daily_loss_max: money, ..limits }),
            LimitKey::TrailingLoss => return valid(Limits { trailing_loss_max: money, ..limits }),
            LimitKey::OrderValue => return valid(Limits { order_value_max: money, ..limits }),
            LimitKey::OpenOrders => &mut limits.open_orders_max,
            LimitKey::PriceDistance => &mut limits.price_distance_max_points,
            LimitKey::OrdersPerSecond => &mut limits.orders_per_s_max,
            LimitKey::OrdersBurst => &mut limits.orders_burst_max,
            LimitKey::RejectsInRow => &mut limits.rejects_in_row_max,
            LimitKey::LossesInRow => &mut limits.losses_in_row_max,
            LimitKey::Jump => &mut limits.jump_max_points,
            LimitKey::MarginLevel => &mut limits.margin_level_min_percent,
        };
        if !is_count {
            return refuse("a whole number above 0");
        }
        *place = count;
        valid(limits)
    }
}

fn valid(limits: Limits) -> Result<Limits, LimitError> {
    limits.validate().map(|()| limits)
}

/// The operator's words over the limits of the configuration.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LimitWords {
    values: [Option<f64>; LIMIT_KEYS],
}

impl Default for LimitWords {
    fn default() -> Self {
        LimitWords { values: [None; LIMIT_KEYS] }
    }
}

impl LimitWords {
    /// The newest word on a limit; `None` takes it back.
    pub fn set(&mut self, key: LimitKey, value: Option<f64>) {
        self.values[key as usize] = value;
    }

    /// Every limit as it holds: of the configuration and the newest word, the one that allows less. A word that makes no sense
    /// is none.
    pub fn over(&self, configured: &Limits) -> Limits {
        let mut limits = *configured;
        for &key in LimitKey::ALL {
            let Some(word) = self.values[key as usize] else { continue };
            let value = key.tighter(word, configured.value(key));
            limits = limits.with(key, value).unwrap_or(limits);
        }
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::test_limits;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_key_of_the_list_is_read_and_changed_under_its_own_name() {
        let base = test_limits();
        for &key in LimitKey::ALL {
            assert_eq!(LimitKey::from_code(key as u8), Some(key));
            assert_eq!(LimitKey::named(&format!("risk.{}", key.name())), Some(key));
            assert!((key as usize) < LIMIT_KEYS);
            let tight = if key == LimitKey::MarginLevel { 50.0 } else { base.value(key) - 0.5 };
            let tight = if tight.fract() == 0.0 { tight } else { tight.max(1.0).floor().min(tight.max(0.5)) };
            let changed = base.with(key, tight).unwrap();
            assert_eq!(changed.value(key), tight, "{key:?}");
            for &other in LimitKey::ALL.iter().filter(|other| **other != key) {
                assert_eq!(changed.value(other), base.value(other), "{key:?} changed {other:?}");
            }
            for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
                assert!(base.with(key, wrong).is_err(), "{key:?} {wrong}");
            }
        }
        assert!(base.with(LimitKey::OpenOrders, 1.5).is_err());
        assert_eq!(LimitKey::named("risk.day_starts_at"), None);
    }

    proptest! {
        /// Whatever is said, nothing holds that allows more than the configuration; the newest word on a key is the one.
        #[test]
        fn words_only_tighten(said in proptest::collection::vec((0usize..15, 0.001f64..1e7, any::<bool>()), 0..40)) {
            let base = test_limits();
            let mut words = LimitWords::default();
            let mut newest = [None; 15];
            for (at, value, is_back) in said {
                let value = if is_back { None } else { Some(value.ceil()) };
                words.set(LimitKey::ALL[at], value);
                newest[at] = value;
            }
            let limits = words.over(&base);
            for (at, &key) in LimitKey::ALL.iter().enumerate() {
                let (got, own) = (limits.value(key), base.value(key));
                prop_assert!(!key.is_tighter(own, got), "{key:?}: {got} allows more than {own}");
                let expected = newest[at].filter(|word| base.with(key, *word).is_ok()).map_or(own, |word| key.tighter(word, own));
                prop_assert!((got - expected).abs() < 1e-6, "{key:?}: {got}, expected {expected}");
            }
        }
    }
}
