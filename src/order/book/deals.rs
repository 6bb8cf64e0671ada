//! The deals of one venue that are known, so that a repeated one counts once; and numbers that mean another deal than they did: a
//! venue whose account was made anew, or a terminal of another one.
//!
//! What it is not: a deal that the venue amended; that one says so.
//!
//! Invariant: a deal whose number is known with another price or volume is neither taken for the old one nor counted, until the
//! operator says that the venue's numbers began again. What one venue numbers says nothing of another's.

use super::IdBuild;
use crate::types::{StateError, StateSink, StateSource, TimeNs, state_mix};
use std::collections::{HashMap, VecDeque};

/// A deal as it was told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewDeal {
    /// Its number at its venue.
    pub deal: u64,
    /// The id of the order that it fills, or any other number.
    pub id: u64,
    /// Price in ticks.
    pub price: i64,
    /// Volume in steps.
    pub qty: i64,
    /// When, by the venue.
    pub ts_venue: TimeNs,
}

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

/// What a deal was taken for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Heard {
    New,
    Known,
    OfOtherNumbers,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Deals {
    /// By number: what was told of it, as one number.
    known: HashMap<u64, u64, IdBuild>,
    in_order: VecDeque<(u64, TimeNs)>,
    forgotten_until: TimeNs,
    /// Over all that are known.
    sum: u64,
    most: usize,
    pub(super) other_numbers: OtherNumbers,
}

/// What a deal says that no retelling changes, as one number.
#[inline]
fn told(deal: &NewDeal) -> u64 {
    state_mix(deal.price as u64).wrapping_add(state_mix((deal.qty as u64).rotate_left(32)))
}

/// What a deal adds to the sum.
#[inline]
fn mix(deal: u64, ts_venue: TimeNs, told: u64) -> u64 {
    state_mix(deal).wrapping_add(state_mix(ts_venue.0 as u64)).wrapping_add(state_mix(told))
}

impl Deals {
    pub(super) fn new(most: usize) -> Self {
        Deals {
            known: HashMap::with_capacity_and_hasher(2 * most, IdBuild::default()),
            in_order: VecDeque::with_capacity(most + 1),
            forgotten_until: TimeNs::NEVER,
            sum: 0,
            most,
            other_numbers: OtherNumbers::Unseen,
        }
    }

    pub(super) fn forgotten_until(&self) -> TimeNs {
        self.forgotten_until
    }

    /// Takes a deal; a known one changes nothing.
    pub(super) fn hear(&mut self, deal: &NewDeal) -> Heard {
        let told = told(deal);
        match self.known.get(&deal.deal).copied() {
            Some(known) if known == told => return Heard::Known,
            Some(_) if self.other_numbers != OtherNumbers::Accepted => return Heard::OfOtherNumbers,
            // The number stands for another deal from now on; its place in the line of what is forgotten stays.
            Some(known) => {
                self.known.insert(deal.deal, told);
                self.sum = self.sum.wrapping_sub(state_mix(known)).wrapping_add(state_mix(told));
            }
            None => self.remember(deal.deal, deal.ts_venue, told),
        }
        if self.in_order.len() > self.most
            && let Some((oldest, ts)) = self.in_order.pop_front()
        {
            let told = self.known.remove(&oldest).unwrap_or_default();
            self.sum = self.sum.wrapping_sub(mix(oldest, ts, told));
            self.forgotten_until = self.forgotten_until.max(ts);
        }
        Heard::New
    }

    fn remember(&mut self, deal: u64, ts_venue: TimeNs, told: u64) {
        self.known.insert(deal, told);
        self.in_order.push_back((deal, ts_venue));
        self.sum = self.sum.wrapping_add(mix(deal, ts_venue, told));
    }

    /// Tells its words.
    pub(super) fn save(&self, sink: &mut impl StateSink) {
        sink.kept(self.sum, Words { deals: self, at: 0 });
        sink.time(self.forgotten_until);
        sink.word(self.other_numbers as u64);
    }

    /// Takes the words of [`Deals::save`], being empty.
    pub(super) fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        for _ in 0..source.count("words of deals", 3 * self.most, 1)? / 3 {
            let (deal, ts_venue) = (source.word("a deal")?, source.time("a deal's time")?);
            self.remember(deal, ts_venue, source.word("what a deal says")?);
        }
        self.forgotten_until = source.time("the forgotten deals' time")?;
        self.other_numbers = source.coded("numbers of deals", OtherNumbers::from_code)?;
        Ok(())
    }
}

/// The deals, three words each, oldest first.
struct Words<'a> {
    deals: &'a Deals,
    at: usize,
}

impl Iterator for Words<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let (deal, ts_venue) = self.deals.in_order.get(self.at / 3)?;
        let part = self.at % 3;
        self.at += 1;
        Some(match part {
            0 => *deal,
            1 => ts_venue.0 as u64,
            _ => self.deals.known.get(deal).copied().unwrap_or_default(),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = 3 * self.deals.in_order.len() - self.at;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Words<'_> {}
