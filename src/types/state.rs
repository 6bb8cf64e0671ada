//! A state as words, one after the other: for a hash that proves that two states are one, and for a file that brings a state back.
//!
//! What it is not: a format for anybody else; the words have no names, and a reader must know what it reads. No part is
//! required to save what follows from its other words.
//!
//! Invariant: what is hashed is what is saved, because one function of each part tells both. The hash depends on the words
//! alone: not on addresses, not on the process, not on the order in which a table happens to keep its entries.

use super::TimeNs;

/// Raised when the words of any part change their meaning, so that states of two versions are never compared.
pub const STATE_VERSION: u32 = 4;

/// Takes the words of a state.
pub trait StateSink: Sized {
    /// One word.
    fn word(&mut self, word: u64);

    /// A long list, oldest first, whose owner keeps the sum of [`state_mix`] over its words.
    fn kept(&mut self, sum: u64, words: impl ExactSizeIterator<Item = u64>);

    /// Things that have no order of their own; `save` tells one of them.
    fn unordered<T>(&mut self, items: impl Iterator<Item = T>, save: impl Fn(&T, &mut Self));

    /// A signed word.
    fn signed(&mut self, number: i64) {
        self.word(number as u64);
    }

    /// A time.
    fn time(&mut self, time: TimeNs) {
        self.word(time.0 as u64);
    }
}

/// One word stirred: what [`StateSink::kept`] sums.
#[inline]
pub fn state_mix(word: u64) -> u64 {
    let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

/// Hashes a state; takes no memory.
#[derive(Clone, Debug)]
pub struct StateHasher(u64);

impl Default for StateHasher {
    fn default() -> Self {
        StateHasher(u64::from(STATE_VERSION))
    }
}

impl StateHasher {
    /// The hash of the words so far.
    pub fn finish(&self) -> u64 {
        state_mix(self.0)
    }
}

impl StateSink for StateHasher {
    #[inline]
    fn word(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(25) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn kept(&mut self, sum: u64, words: impl ExactSizeIterator<Item = u64>) {
        self.word(words.len() as u64);
        self.word(sum);
    }

    fn unordered<T>(&mut self, items: impl Iterator<Item = T>, save: impl Fn(&T, &mut Self)) {
        let (mut count, mut sum) = (0u64, 0u64);
        for item in items {
            let mut own = StateHasher::default();
            save(&item, &mut own);
            (count, sum) = (count + 1, sum.wrapping_add(own.finish()));
        }
        self.word(count);
        self.word(sum);
    }
}

/// Keeps a state's words as little-endian bytes.
#[derive(Clone, Debug, Default)]
pub struct StateBytes(Vec<u8>);

impl StateBytes {
    /// The bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl StateSink for StateBytes {
    fn word(&mut self, word: u64) {
        self.0.extend_from_slice(&word.to_le_bytes());
    }

    fn kept(&mut self, _sum: u64, words: impl ExactSizeIterator<Item = u64>) {
        self.word(words.len() as u64);
        words.for_each(|word| self.word(word));
    }

    fn unordered<T>(&mut self, items: impl Iterator<Item = T>, save: impl Fn(&T, &mut Self)) {
        let mut all: Vec<Vec<u8>> = items
            .map(|item| {
                let mut own = StateBytes::default();
                save(&item, &mut own);
                own.0
            })
            .collect();
        all.sort_unstable();
        self.word(all.len() as u64);
        all.iter().for_each(|bytes| self.0.extend_from_slice(bytes));
    }
}

/// Why words are not the state that is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StateError {
    /// They end too early.
    #[error("state: expected a word for {what} at byte {at}, got the end")]
    Short {
        /// What should come.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// They do not end where the state does.
    #[error("state: expected its end at byte {at}, got {left} bytes more")]
    Left {
        /// Where the state ends.
        at: usize,
        /// What follows.
        left: usize,
    },
    /// A word that means nothing there.
    #[error("state: expected {what} of at most {most} at byte {at}, got {got}")]
    Range {
        /// What should come.
        what: &'static str,
        /// The largest value, or number of values.
        most: u64,
        /// Where.
        at: usize,
        /// What came.
        got: u64,
    },
}

/// Gives a state's words back.
#[derive(Clone, Debug)]
pub struct StateSource<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> StateSource<'a> {
    /// Over bytes of [`StateBytes`].
    pub fn new(bytes: &'a [u8]) -> Self {
        StateSource { bytes, at: 0 }
    }

    /// The next word.
    pub fn word(&mut self, what: &'static str) -> Result<u64, StateError> {
        let word = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>());
        let word = word.ok_or(StateError::Short { what, at: self.at })?;
        self.at += 8;
        Ok(u64::from_le_bytes(*word))
    }

    /// The next word, signed.
    pub fn signed(&mut self, what: &'static str) -> Result<i64, StateError> {
        self.word(what).map(|word| word as i64)
    }

    /// The next word as a time.
    pub fn time(&mut self, what: &'static str) -> Result<TimeNs, StateError> {
        self.signed(what).map(TimeNs)
    }

    /// The next word, at most `most`.
    pub fn at_most(&mut self, what: &'static str, most: u64) -> Result<u64, StateError> {
        let got = self.word(what)?;
        if got <= most { Ok(got) } else { Err(StateError::Range { what, most, at: self.at - 8, got }) }
    }

    /// How many things follow, each of at least `words` words: no more than there are bytes for.
    pub fn count(&mut self, what: &'static str, most: usize, words: usize) -> Result<usize, StateError> {
        let room = (self.bytes.len().saturating_sub(self.at + 8) / 8) / words.max(1);
        self.at_most(what, most.min(room) as u64).map(|count| count as usize)
    }

    /// The next word as a number of fewer bits.
    pub fn small<T: TryFrom<u64>>(&mut self, what: &'static str, most: u64) -> Result<T, StateError> {
        let got = self.at_most(what, most)?;
        T::try_from(got).map_err(|_| StateError::Range { what, most, at: self.at - 8, got })
    }

    /// The next word as 0 or 1.
    pub fn flag(&mut self, what: &'static str) -> Result<bool, StateError> {
        self.at_most(what, 1).map(|word| word == 1)
    }

    /// The next word as a value that `from` knows.
    pub fn coded<T>(&mut self, what: &'static str, from: impl Fn(u8) -> Option<T>) -> Result<T, StateError> {
        let code = self.small::<u8>(what, u64::from(u8::MAX))?;
        let unknown = StateError::Range { what, most: 0, at: self.at - 8, got: u64::from(code) };
        from(code).ok_or(unknown)
    }

    /// Nothing may follow.
    pub fn end(&self) -> Result<(), StateError> {
        let left = self.bytes.len() - self.at;
        if left == 0 { Ok(()) } else { Err(StateError::Left { at: self.at, left }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tell(sink: &mut impl StateSink, numbers: &[u64]) {
        sink.signed(-2);
        sink.unordered(numbers.iter(), |number, sink| sink.word(**number));
        sink.kept(
            numbers.iter().fold(0, |sum, word| state_mix(*word).wrapping_add(sum)),
            numbers.iter().copied(),
        );
    }

    fn hash(numbers: &[u64]) -> u64 {
        let mut hasher = StateHasher::default();
        tell(&mut hasher, numbers);
        hasher.finish()
    }

    #[test]
    fn golden_hash_and_bytes() {
        assert_eq!(hash(&[1, 2, 3]), hash(&[3, 1, 2]), "what has no order");
        assert_ne!(hash(&[1, 2, 3]), hash(&[1, 2, 4]));
        assert_ne!(hash(&[1, 2]), hash(&[1, 2, 0]));
        assert_eq!(hash(&[1, 2, 3]), 0x84f6_4d5f_ea97_8792, "the same in every process");
        let mut bytes = StateBytes::default();
        tell(&mut bytes, &[2, 1]);
        let words = [-2i64 as u64, 2, 1, 2, 2, 2, 1];
        assert_eq!(bytes.into_bytes(), words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_read_is_held_to_its_range_and_length() {
        let bytes: Vec<u8> = [7u64, 1, 300].iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut source = StateSource::new(&bytes);
        assert_eq!(
            source.count("things", 100, 1),
            Err(StateError::Range { what: "things", most: 2, at: 0, got: 7 })
        );
        assert_eq!(source.flag("flag"), Ok(true));
        assert_eq!(source.end(), Err(StateError::Left { at: 16, left: 8 }));
        let code = source.coded("code", Some);
        assert_eq!(code, Err(StateError::Range { what: "code", most: 255, at: 16, got: 300 }));
        assert_eq!(source.end(), Ok(()));
        assert_eq!(source.word("more"), Err(StateError::Short { what: "more", at: 24 }));
    }
}
