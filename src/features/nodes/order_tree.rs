//! The values of a window in order: rank and sum above a bound in O(log n).
//!
//! What it is not: a general tree. It holds exactly one value a slot of a ring, and slots never move.
//!
//! Invariant: it is a treap whose priorities are a fixed function of the slot, so that the same values give the same tree
//! on every run; after `new` nothing allocates.

const NIL: u32 = u32::MAX;

/// An ordered window of raw values.
#[derive(Clone, Debug)]
pub(super) struct OrderTree {
    slots: Box<[Slot]>,
    root: u32,
    /// The next slot to write.
    at: u32,
    count: u32,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    value: i64,
    left: u32,
    right: u32,
    /// Values in this subtree.
    count: u32,
    /// Their sum.
    sum: i128,
}

impl OrderTree {
    pub(super) fn new(period: u32) -> Self {
        let empty = Slot { value: 0, left: NIL, right: NIL, count: 0, sum: 0 };
        OrderTree { slots: vec![empty; period as usize].into(), root: NIL, at: 0, count: 0 }
    }

    pub(super) fn reset(&mut self) {
        (self.root, self.at, self.count) = (NIL, 0, 0);
    }

    pub(super) fn len(&self) -> u32 {
        self.count
    }

    /// The sum of all values.
    pub(super) fn sum(&self) -> i128 {
        self.sum_of(self.root)
    }

    /// Takes a value; the oldest leaves when the window is full.
    pub(super) fn push(&mut self, value: i64) {
        let slot = self.at;
        if self.count as usize == self.slots.len() {
            self.root = self.remove(self.root, (self.slots[slot as usize].value, slot));
        } else {
            self.count += 1;
        }
        self.slots[slot as usize] = Slot { value, left: NIL, right: NIL, count: 1, sum: i128::from(value) };
        let (low, high) = self.split(self.root, (value, slot));
        let low = self.merge(low, slot);
        self.root = self.merge(low, high);
        self.at = if slot as usize + 1 == self.slots.len() { 0 } else { slot + 1 };
    }

    /// The value of this rank, 0 the smallest; 0 when there are not so many.
    pub(super) fn select(&self, rank: u32) -> i64 {
        let (mut node, mut rank) = (self.root, rank);
        while node != NIL {
            let here = &self.slots[node as usize];
            let below = self.count_of(here.left);
            if rank < below {
                node = here.left;
            } else if rank == below {
                return here.value;
            } else {
                rank -= below + 1;
                node = here.right;
            }
        }
        0
    }

    /// How many values times `scale` are above `bound`, and the sum of those values.
    pub(super) fn above(&self, scale: i128, bound: i128) -> (u32, i128) {
        let (mut node, mut count, mut sum) = (self.root, 0, 0);
        while node != NIL {
            let here = &self.slots[node as usize];
            if i128::from(here.value) * scale > bound {
                count += self.count_of(here.right) + 1;
                sum += self.sum_of(here.right) + i128::from(here.value);
                node = here.left;
            } else {
                node = here.right;
            }
        }
        (count, sum)
    }

    fn count_of(&self, node: u32) -> u32 {
        if node == NIL { 0 } else { self.slots[node as usize].count }
    }

    fn sum_of(&self, node: u32) -> i128 {
        if node == NIL { 0 } else { self.slots[node as usize].sum }
    }

    fn key(&self, node: u32) -> (i64, u32) {
        (self.slots[node as usize].value, node)
    }

    fn renew(&mut self, node: u32) -> u32 {
        let Slot { value, left, right, .. } = self.slots[node as usize];
        self.slots[node as usize].count = self.count_of(left) + self.count_of(right) + 1;
        self.slots[node as usize].sum = self.sum_of(left) + self.sum_of(right) + i128::from(value);
        node
    }

    /// Everything below the key, and everything else.
    fn split(&mut self, node: u32, key: (i64, u32)) -> (u32, u32) {
        if node == NIL {
            return (NIL, NIL);
        }
        if self.key(node) < key {
            let (low, high) = self.split(self.slots[node as usize].right, key);
            self.slots[node as usize].right = low;
            (self.renew(node), high)
        } else {
            let (low, high) = self.split(self.slots[node as usize].left, key);
            self.slots[node as usize].left = high;
            (low, self.renew(node))
        }
    }

    /// One tree of two, all of `low` below all of `high`.
    fn merge(&mut self, low: u32, high: u32) -> u32 {
        if low == NIL || high == NIL {
            return if low == NIL { high } else { low };
        }
        if priority(low) > priority(high) {
            let right = self.merge(self.slots[low as usize].right, high);
            self.slots[low as usize].right = right;
            self.renew(low)
        } else {
            let left = self.merge(low, self.slots[high as usize].left);
            self.slots[high as usize].left = left;
            self.renew(high)
        }
    }

    fn remove(&mut self, node: u32, key: (i64, u32)) -> u32 {
        if node == NIL {
            return NIL;
        }
        let Slot { left, right, .. } = self.slots[node as usize];
        if self.key(node) == key {
            return self.merge(left, right);
        }
        if key < self.key(node) {
            let left = self.remove(left, key);
            self.slots[node as usize].left = left;
        } else {
            let right = self.remove(right, key);
            self.slots[node as usize].right = right;
        }
        self.renew(node)
    }
}

/// The finaliser of splitmix64: spreads slot numbers as if they were drawn.
fn priority(slot: u32) -> u64 {
    let mut bits = u64::from(slot).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranks_and_sums_are_what_sorting_finds(
            period in 1u32..30,
            values in prop::collection::vec(-9i64..9, 1..200),
            bound in -30i128..30,
        ) {
            let mut tree = OrderTree::new(period);
            for round in 0..2 {
                for at in 0..values.len() {
                    tree.push(values[at]);
                    let from = (at + 1).saturating_sub(period as usize);
                    let mut sorted = values[from..=at].to_vec();
                    sorted.sort_unstable();
                    prop_assert_eq!(tree.len() as usize, sorted.len());
                    for (rank, value) in sorted.iter().enumerate() {
                        prop_assert_eq!(tree.select(rank as u32), *value, "round {} at {}", round, at);
                    }
                    let above: Vec<i64> =
                        sorted.iter().copied().filter(|value| i128::from(*value) * 3 > bound).collect();
                    let sum = above.iter().map(|value| i128::from(*value)).sum::<i128>();
                    prop_assert_eq!(tree.above(3, bound), (above.len() as u32, sum));
                    prop_assert_eq!(tree.sum(), sorted.iter().map(|v| i128::from(*v)).sum::<i128>());
                }
                tree.reset();
            }
        }
    }

    #[test]
    fn it_stays_shallow() {
        let mut tree = OrderTree::new(65_536);
        (0..100_000).for_each(|value| tree.push(value));
        fn depth(tree: &OrderTree, node: u32) -> u32 {
            if node == NIL {
                return 0;
            }
            let here = tree.slots[node as usize];
            1 + depth(tree, here.left).max(depth(tree, here.right))
        }
        assert!(depth(&tree, tree.root) < 60, "{}", depth(&tree, tree.root));
    }
}
