//! Numbers of deals that mean another deal than they did: a venue whose account was made anew, or a terminal of another one.
//!
//! What it is not: a deal told twice, or one that the venue amended; those say so.
//!
//! Invariant: a deal whose number is known with another price or volume is neither taken for the old one nor counted, until the
//! operator says that the venue's numbers began again.

use super::OrderBook;
use crate::types::{TimeNs, state_mix};

/// Whether the venue's numbers of deals began again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum OtherNumbers {
    /// Nothing says so.
    #[default]
    Unseen = 0,
    /// A known number came with another deal.
    Seen = 1,
    /// The operator knows: such deals are new ones.
    Accepted = 2,
}

impl OtherNumbers {
    /// The value with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Unseen, Self::Seen, Self::Accepted].into_iter().find(|value| *value as u8 == code)
    }
}

/// What a deal says that no retelling changes, as one number.
#[inline]
pub(super) fn told(price: i64, qty: i64) -> u64 {
    state_mix(price as u64).wrapping_add(state_mix((qty as u64).rotate_left(32)))
}

/// What a deal adds to the sum that the book keeps over all it remembers.
#[inline]
pub(super) fn mix(deal: u64, ts_venue: TimeNs, told: u64) -> u64 {
    state_mix(deal).wrapping_add(state_mix(ts_venue.0 as u64)).wrapping_add(state_mix(told))
}

impl OrderBook {
    /// Whether the venue's numbers began again, as far as is known.
    pub fn other_numbers(&self) -> OtherNumbers {
        self.other_numbers
    }

    /// Notes what is known of it.
    pub fn set_other_numbers(&mut self, other_numbers: OtherNumbers) {
        self.other_numbers = other_numbers;
    }

    pub(super) fn remember_deal(&mut self, deal: u64, ts_venue: TimeNs, told: u64) {
        self.deals.insert(deal, told);
        self.deals_in_order.push_back((deal, ts_venue));
        self.deals_sum = self.deals_sum.wrapping_add(mix(deal, ts_venue, told));
    }

    /// A known number stands for another deal from now on; its place in the line of what is forgotten stays.
    pub(super) fn replace_deal(&mut self, deal: u64, known: u64, told: u64) {
        self.deals.insert(deal, told);
        self.deals_sum = self.deals_sum.wrapping_sub(state_mix(known)).wrapping_add(state_mix(told));
    }
}
