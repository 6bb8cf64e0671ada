//! The connections that push one symbol's ticks, and which of them counts.
//!
//! What it is not: a judge of single ticks; where the past ends is the plan's matter (`history.rs`).
//!
//! Invariant: the youngest connection that announced the symbol and has not ended counts. When it ends, the youngest that is left does:
//! what that one pushed meanwhile was not taken, so the past is broken there and asked for again. Ticks of the one that ended
//! may still be in the ring; they are in the answer, and are not taken a second time. Memory is taken once.

/// Connections that push one symbol: as many as `link.connections_max` may be.
const SOURCES_MAX: usize = 256;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Sources {
    /// Ascending.
    connections: Vec<u32>,
    /// No tick of a younger connection is taken: those that there were are gone.
    youngest: u32,
}

impl Sources {
    pub(super) fn new() -> Self {
        Sources { connections: Vec::with_capacity(SOURCES_MAX), youngest: u32::MAX }
    }

    /// All are gone.
    pub(super) fn clear(&mut self) {
        self.connections.clear();
        self.youngest = u32::MAX;
    }

    /// The connection that counts.
    pub(super) fn counting(&self) -> Option<u32> {
        self.connections.last().copied()
    }

    /// Whether a connection's ticks are looked at. One that was not announced yet may be ahead of its announcement.
    #[inline]
    pub(super) fn may_push(&self, connection: u32) -> bool {
        connection <= self.youngest
    }

    /// A connection knows the symbol; whether it is the one that counts from now on, and did not before.
    pub(super) fn announce(&mut self, connection: u32) -> bool {
        let is_new = self.counting().is_none_or(|known| connection > known);
        if self.connections.len() == SOURCES_MAX && !self.connections.contains(&connection) {
            // Never so while every end is told: no more are held at once.
            self.connections.remove(0);
        }
        if let Err(at) = self.connections.binary_search(&connection) {
            self.connections.insert(at, connection);
        }
        if is_new {
            self.youngest = u32::MAX;
        }
        is_new
    }

    /// A connection ended. `None` unless it counted; else the one that counts now, if one is left.
    pub(super) fn leave(&mut self, connection: u32) -> Option<Option<u32>> {
        let at = self.connections.binary_search(&connection).ok()?;
        self.connections.remove(at);
        if at < self.connections.len() {
            return None;
        }
        let heir = self.counting();
        self.youngest = heir.unwrap_or(u32::MAX);
        Some(heir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_youngest_that_is_left_counts() {
        let mut sources = Sources::new();
        assert_eq!((sources.announce(1), sources.announce(3), sources.announce(2)), (true, true, false));
        assert!(!sources.announce(3), "told again");
        assert_eq!(sources.leave(9), None);
        assert_eq!(sources.leave(3), Some(Some(2)));
        assert!(sources.may_push(2) && !sources.may_push(3), "what the dead one left in the ring");
        assert_eq!(sources.leave(1), None);
        assert!(sources.announce(4) && sources.may_push(5), "ahead of its announcement");
        assert_eq!(
            (sources.leave(4), sources.leave(2), sources.counting()),
            (Some(Some(2)), Some(None), None)
        );
        assert!(sources.may_push(5));
    }

    /// The same words to both.
    fn count_as_a_set(words: &[(bool, u32)]) {
        let mut sources = Sources::new();
        let mut set = std::collections::BTreeSet::new();
        for (comes, connection) in words.iter().copied() {
            let before = set.last().copied();
            if comes {
                if set.len() == SOURCES_MAX && !set.contains(&connection) {
                    set.pop_first();
                }
                set.insert(connection);
                assert_eq!(sources.announce(connection), before.is_none_or(|known| connection > known));
            } else {
                set.remove(&connection);
                let expected = (before == Some(connection)).then(|| set.last().copied());
                assert_eq!(sources.leave(connection), expected);
            }
            assert_eq!(sources.counting(), set.last().copied());
            assert!(sources.connections.capacity() <= SOURCES_MAX);
        }
    }

    #[test]
    fn the_elder_counts_again_when_the_younger_leaves() {
        count_as_a_set(&[(true, 396), (true, 1), (false, 396)]);
    }

    proptest! {
        #[test]
        fn it_counts_as_a_set_would(words in proptest::collection::vec((any::<bool>(), 1u32..400), 0..600)) {
            count_as_a_set(&words);
        }
    }
}
