//! The ids of the open orders, ascending.
//!
//! What it is not: the orders; the book's table has those, and thousands of final ones between them.
//!
//! Invariant: whoever looks at every open order pays for the open ones alone, and meets them in the same order on every run.

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct OpenIds(Vec<u64>);

impl OpenIds {
    pub(super) fn new(most: usize) -> Self {
        OpenIds(Vec::with_capacity(most))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }

    /// Takes an id; the newest is the highest, so that nothing is moved for it.
    pub(super) fn insert(&mut self, id: u64) {
        match self.0.last() {
            Some(last) if *last >= id => {
                if let Err(at) = self.0.binary_search(&id) {
                    self.0.insert(at, id);
                }
            }
            _ => self.0.push(id),
        }
    }

    pub(super) fn remove(&mut self, id: u64) {
        if let Ok(at) = self.0.binary_search(&id) {
            self.0.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_in_any_order_and_stand_ascending() {
        let mut open = OpenIds::new(3);
        for id in [5, 9, 1, 7, 9] {
            open.insert(id);
        }
        open.remove(7);
        open.remove(8);
        assert_eq!(open.iter().collect::<Vec<_>>(), [1, 5, 9]);
        assert_eq!(open.len(), 3);
    }
}
