//! When each order was sent, until its answer and its first fill were timed.
//!
//! What it is not: the truth about orders; it only measures, and forgets the oldest when it is full.
//!
//! Invariant: a fixed table; an order that lost its place is not timed, never mistaken for another.

use crate::types::TimeNs;

const PLACES: usize = 4_096;

#[derive(Clone, Copy, Debug)]
struct Place {
    id: u64,
    ts_send: TimeNs,
    is_acked: bool,
    is_filled: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct SentTimes {
    places: Box<[Place]>,
}

impl SentTimes {
    pub(super) fn new() -> Self {
        let empty = Place { id: 0, ts_send: TimeNs::NEVER, is_acked: false, is_filled: false };
        SentTimes { places: vec![empty; PLACES].into() }
    }

    /// Notes a send.
    pub(super) fn sent(&mut self, id: u64, ts_send: TimeNs) {
        self.places[id as usize % PLACES] = Place { id, ts_send, is_acked: false, is_filled: false };
    }

    /// Nanoseconds to the first answer; `None` when it was timed before or is not known.
    pub(super) fn acked(&mut self, id: u64, now: TimeNs) -> Option<i64> {
        let place = self.place(id)?;
        (!std::mem::replace(&mut place.is_acked, true)).then(|| now.since(place.ts_send))
    }

    /// Nanoseconds to the first fill; `None` when it was timed before or is not known.
    pub(super) fn filled(&mut self, id: u64, now: TimeNs) -> Option<i64> {
        let place = self.place(id)?;
        (!std::mem::replace(&mut place.is_filled, true)).then(|| now.since(place.ts_send))
    }

    fn place(&mut self, id: u64) -> Option<&mut Place> {
        let place = &mut self.places[id as usize % PLACES];
        (place.id == id && id != 0).then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_timed_once_and_a_lost_place_is_not_mistaken() {
        let mut times = SentTimes::new();
        times.sent(5, TimeNs(100));
        assert_eq!((times.acked(5, TimeNs(130)), times.acked(5, TimeNs(140))), (Some(30), None));
        assert_eq!(times.filled(5, TimeNs(150)), Some(50));
        times.sent(5 + PLACES as u64, TimeNs(200));
        assert_eq!(times.filled(5, TimeNs(300)), None);
    }
}
