//! The book of requests as words.
//!
//! What it is not: what one request amounts to; `request/state.rs` tells that.
//!
//! Invariant: a book that was saved and loaded hashes, answers and forgets as the one that was saved.

use super::{REQUESTS_FINAL_MAX, REQUESTS_OPEN_MAX, Request, RequestBook};
use crate::order::request::REQUEST_WORDS;
use crate::types::{StateError, StateSink, StateSource};

impl RequestBook {
    /// Tells its words: the open ones by id, then the final ones, oldest first.
    pub fn save(&self, sink: &mut impl StateSink) {
        sink.word(self.open.len() as u64);
        self.open.iter().for_each(|request| request.save(sink));
        sink.word(self.finals.len() as u64);
        self.finals.iter().for_each(|request| request.save(sink));
    }

    /// Takes the words of [`RequestBook::save`] into an empty book.
    pub fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        *self = RequestBook::default();
        for _ in 0..source.count("open requests", REQUESTS_OPEN_MAX, REQUEST_WORDS)? {
            self.open.push(Request::load(source)?);
        }
        self.open.sort_unstable_by_key(|request| request.new.id);
        for _ in 0..source.count("final requests", REQUESTS_FINAL_MAX, REQUEST_WORDS)? {
            self.finals.push_back(Request::load(source)?);
        }
        Ok(())
    }
}
