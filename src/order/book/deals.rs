//! The deals of one venue that are known, so that a repeated one counts once; and numbers that mean another deal than they did: a
//! venue whose account was made anew, or a terminal of another one.
//!
//! What it is not: what a deal did; of one that the venue amended nothing is counted anew, and positions are compared by snapshots.
//!
//! Invariant: a deal whose number is known with another price or volume never counts twice. One that carries what no amendment changes
//! (`Known::mark`) is the deal that is known, amended; any other is another deal, and not counted until the operator says that the
//! venue's numbers began again. What one venue numbers says nothing of another's.

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
    /// The order id of ours that it carries, be it a fill of that order or a close of what it opened; zero for none.
    pub carries: u64,
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
    Amended,
    OfOtherNumbers,
}

/// What is remembered of a deal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Known {
    /// What was told of it, as one number.
    told: u64,
    /// What no amendment changes: the id of ours that it carries, which is no other order's for ever; without one the venue's time of
    /// it, with the highest bit. Zero when there is neither.
    mark: u64,
}

impl Known {
    const IS_TIME: u64 = 1 << 63;

    #[inline]
    fn of(deal: &NewDeal) -> Self {
        let told = state_mix(deal.price as u64).wrapping_add(state_mix((deal.qty as u64).rotate_left(32)));
        let mark = match deal.carries {
            0 if deal.ts_venue.0 > 0 => deal.ts_venue.0 as u64 | Self::IS_TIME,
            carries => carries,
        };
        Known { told, mark }
    }

    /// Whether `other`, of the same number, is this deal, whatever is told of it now.
    fn is_of_deal(&self, other: &Known) -> bool {
        self.mark != 0 && self.mark == other.mark
    }

    /// What it adds to the sum.
    #[inline]
    fn mix(&self) -> u64 {
        state_mix(self.told).wrapping_add(state_mix(self.mark))
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Deals {
    /// By number.
    known: HashMap<u64, Known, IdBuild>,
    in_order: VecDeque<(u64, TimeNs)>,
    forgotten_until: TimeNs,
    /// Over all that are known.
    sum: u64,
    most: usize,
    pub(super) other_numbers: OtherNumbers,
}

/// What a deal's number and time add to the sum.
#[inline]
fn mix(deal: u64, ts_venue: TimeNs) -> u64 {
    state_mix(deal).wrapping_add(state_mix(ts_venue.0 as u64))
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

    /// Takes a deal; a known one changes nothing, and an amended one only what is remembered of it.
    pub(super) fn hear(&mut self, deal: &NewDeal) -> Heard {
        let new = Known::of(deal);
        match self.known.get(&deal.deal).copied() {
            Some(known) if known.told == new.told => return Heard::Known,
            Some(known) if known.is_of_deal(&new) => {
                self.replace(deal.deal, &known, new);
                return Heard::Amended;
            }
            Some(_) if self.other_numbers != OtherNumbers::Accepted => return Heard::OfOtherNumbers,
            // The number stands for another deal from now on; its place in the line of what is forgotten stays.
            Some(known) => self.replace(deal.deal, &known, new),
            None => self.remember(deal.deal, deal.ts_venue, new),
        }
        if self.in_order.len() > self.most
            && let Some((oldest, ts)) = self.in_order.pop_front()
        {
            let gone = self.known.remove(&oldest).map_or(0, |known| known.mix());
            self.sum = self.sum.wrapping_sub(mix(oldest, ts)).wrapping_sub(gone);
            self.forgotten_until = self.forgotten_until.max(ts);
        }
        Heard::New
    }

    /// Takes the venue's word that it amended or annulled a deal; told so by the next snapshot, it is no news.
    pub(super) fn amend(&mut self, deal: &NewDeal) {
        let new = Known::of(deal);
        if let Some(known) = self.known.get(&deal.deal).copied().filter(|known| known.is_of_deal(&new)) {
            self.replace(deal.deal, &known, new);
        }
    }

    fn replace(&mut self, deal: u64, known: &Known, new: Known) {
        self.known.insert(deal, new);
        self.sum = self.sum.wrapping_sub(known.mix()).wrapping_add(new.mix());
    }

    fn remember(&mut self, deal: u64, ts_venue: TimeNs, new: Known) {
        self.known.insert(deal, new);
        self.in_order.push_back((deal, ts_venue));
        self.sum = self.sum.wrapping_add(mix(deal, ts_venue)).wrapping_add(new.mix());
    }

    /// Tells its words.
    pub(super) fn save(&self, sink: &mut impl StateSink) {
        sink.kept(self.sum, Words { deals: self, at: 0 });
        sink.time(self.forgotten_until);
        sink.word(self.other_numbers as u64);
    }

    /// Takes the words of [`Deals::save`], being empty.
    pub(super) fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        for _ in 0..source.count("words of deals", WORDS * self.most, 1)? / WORDS {
            let (deal, ts_venue) = (source.word("a deal")?, source.time("a deal's time")?);
            let told = source.word("what a deal says")?;
            self.remember(deal, ts_venue, Known { told, mark: source.word("what marks a deal")? });
        }
        self.forgotten_until = source.time("the forgotten deals' time")?;
        self.other_numbers = source.coded("numbers of deals", OtherNumbers::from_code)?;
        Ok(())
    }
}

/// Words of one deal.
const WORDS: usize = 4;

/// The words of the deals, oldest first.
struct Words<'a> {
    deals: &'a Deals,
    at: usize,
}

impl Iterator for Words<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let (deal, ts_venue) = self.deals.in_order.get(self.at / WORDS)?;
        let known = self.deals.known.get(deal).copied().unwrap_or(Known { told: 0, mark: 0 });
        let part = self.at % WORDS;
        self.at += 1;
        Some(match part {
            0 => *deal,
            1 => ts_venue.0 as u64,
            2 => known.told,
            _ => known.mark,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = WORDS * self.deals.in_order.len() - self.at;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Words<'_> {}
