//! The states of an order, the facts that move it, and the table of moves.
//!
//! What it is not: storage (`book.rs`), or time-outs (whoever calls says that in doubt).
//!
//! Invariant: every pair of state and fact has an entry here. A final state is left by a fill alone, because a fill after
//! a cancel is legal; `Unknown` is left by evidence alone. An order that was declared absent is `Rejected` on a presumption
//! (`book.rs`): what is heard of it finds it as if it were `Unknown`.

macro_rules! coded {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant = $code),+ }

        impl $name {
            /// Every value.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The value with this code.
            pub fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some($name::$variant),)+ _ => None }
            }

            /// For reports.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => stringify!($variant)),+ }
            }
        }
    };
}
pub(super) use coded;

coded!(
    /// What became of an order.
    OrderState {
        /// Approved and journalled; not one byte has left.
        Queued = 1,
        /// Handed to the socket.
        Sent = 2,
        /// The terminal says it took it.
        Acked = 3,
        /// It rests at the venue.
        Working = 4,
        /// Filled in part, the rest alive.
        Partial = 5,
        /// Its fate is open: reserved at its worst until there is evidence.
        Unknown = 6,
        /// Final: filled whole.
        Filled = 7,
        /// Final: the rest was cancelled.
        Cancelled = 8,
        /// Final: the rest expired.
        Expired = 9,
        /// Final: not executed.
        Rejected = 10,
    }
);
coded!(
    /// What became of our last request about it.
    RequestState {
        /// Nothing is under way.
        Settled = 0,
        /// Journalled, not yet on the wire.
        Queued = 1,
        /// On the wire, no answer yet.
        Pending = 2,
        /// On the wire, and in doubt.
        Unknown = 3,
    }
);
coded!(
    /// Who decided.
    Verdict {
        /// Nobody yet.
        None = 0,
        /// Our own gate or sending lane: not one byte left.
        Gate = 1,
        /// The link: it broke or fell silent.
        Link = 2,
        /// The terminal's immediate answer.
        Terminal = 3,
        /// The venue, by order, deal or transaction.
        Venue = 4,
        /// The venue, by a snapshot.
        Snapshot = 5,
        /// The operator.
        Operator = 6,
        /// Our own timer.
        Timer = 7,
    }
);

/// Something that was learnt about an order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fact {
    /// The command is on the wire.
    Dispatched,
    /// Not one byte left.
    NotDispatched,
    /// The terminal took it.
    Acknowledged,
    /// It rests at the venue.
    Resting,
    /// A fill, part of it remaining.
    FilledPart,
    /// A fill, nothing remaining.
    FilledWhole,
    /// The venue cancelled the rest.
    Cancelled,
    /// The rest expired.
    Expired,
    /// The venue or terminal refused it.
    Refused,
    /// Time-out, link loss, restart or an ambiguous code.
    Doubt,
    /// Two complete reads of a healthy venue know nothing of it, or the operator says so.
    ProvenAbsent,
}

impl Fact {
    /// Every fact.
    pub const ALL: [Fact; 11] = [
        Fact::Dispatched,
        Fact::NotDispatched,
        Fact::Acknowledged,
        Fact::Resting,
        Fact::FilledPart,
        Fact::FilledWhole,
        Fact::Cancelled,
        Fact::Expired,
        Fact::Refused,
        Fact::Doubt,
        Fact::ProvenAbsent,
    ];
}

impl OrderState {
    /// Nothing more is expected, though a late fill stays legal.
    #[inline]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Filled | Self::Cancelled | Self::Expired | Self::Rejected)
    }

    /// The state after a fact. Facts that say nothing new leave it as it is.
    pub fn after(self, fact: Fact) -> OrderState {
        use OrderState::*;
        match (self, fact) {
            // A fill is a fill, whatever we believed.
            (_, Fact::FilledWhole) => Filled,
            (Filled, _) => Filled,
            (Cancelled | Expired | Rejected, _) => self,
            (_, Fact::FilledPart) => Partial,
            (_, Fact::Cancelled) => Cancelled,
            (_, Fact::Expired) => Expired,
            (Queued, Fact::NotDispatched) => Rejected,
            (_, Fact::NotDispatched) => self,
            (Queued, Fact::Dispatched) => Sent,
            (_, Fact::Dispatched) => self,
            // Part of it was executed: a refusal speaks of the rest.
            (Partial, Fact::Refused) => Cancelled,
            (_, Fact::Refused) => Rejected,
            (Queued | Sent | Unknown, Fact::Acknowledged) => Acked,
            (_, Fact::Acknowledged) => self,
            (Partial, Fact::Resting) => Partial,
            (_, Fact::Resting) => Working,
            // Nothing left us while it was queued: there is nothing to doubt.
            (Queued, Fact::Doubt) => Queued,
            (_, Fact::Doubt) => Unknown,
            (Unknown, Fact::ProvenAbsent) => Rejected,
            (_, Fact::ProvenAbsent) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_state_and_fact_leads_where_the_table_says() {
        // By fact, as in `Fact::ALL`: sent, not sent, taken, rests, part, whole, cancelled, expired, refused, doubt, absent. A letter
        // each: Queued, Sent, Acked, Working, Partial, Unknown, Filled, Cancelled, Expired, Rejected.
        let table = [
            (OrderState::Queued, "S R A W P F C E R Q Q"),
            (OrderState::Sent, "S S A W P F C E R U S"),
            (OrderState::Acked, "A A A W P F C E R U A"),
            (OrderState::Working, "W W W W P F C E R U W"),
            (OrderState::Partial, "P P P P P F C E C U P"),
            (OrderState::Unknown, "U U A W P F C E R U R"),
            (OrderState::Filled, "F F F F F F F F F F F"),
            (OrderState::Cancelled, "C C C C C F C C C C C"),
            (OrderState::Expired, "E E E E E F E E E E E"),
            (OrderState::Rejected, "R R R R R F R R R R R"),
        ];
        assert_eq!(table.map(|(state, _)| state), OrderState::ALL);
        for (state, row) in table {
            let row: Vec<&str> = row.split(' ').collect();
            assert_eq!(row.len(), Fact::ALL.len());
            for (fact, expected) in Fact::ALL.into_iter().zip(row) {
                let after = state.after(fact).name();
                assert!(after.starts_with(expected), "{state:?} {fact:?}: expected {expected}, got {after}");
            }
        }
    }

    #[test]
    fn final_states_are_left_by_fills_alone() {
        for &state in OrderState::ALL.iter().filter(|state| state.is_final()) {
            for fact in Fact::ALL {
                let after = state.after(fact);
                let expected = if fact == Fact::FilledWhole { OrderState::Filled } else { state };
                assert_eq!(after, expected, "{state:?} {fact:?}");
            }
        }
    }

    #[test]
    fn unknown_is_left_on_evidence_alone() {
        let stays = [Fact::Dispatched, Fact::NotDispatched, Fact::Doubt];
        for fact in Fact::ALL {
            let after = OrderState::Unknown.after(fact);
            assert_eq!(after == OrderState::Unknown, stays.contains(&fact), "{fact:?} gives {after:?}");
        }
    }

    #[test]
    fn unknown_is_entered_from_every_open_state_but_queued() {
        for &state in OrderState::ALL.iter().filter(|state| !state.is_final()) {
            let after = state.after(Fact::Doubt);
            let expected = if state == OrderState::Queued { OrderState::Queued } else { OrderState::Unknown };
            assert_eq!(after, expected, "{state:?}");
        }
    }

    #[test]
    fn absence_is_believed_in_doubt_alone() {
        for &state in OrderState::ALL {
            let after = state.after(Fact::ProvenAbsent);
            let expected = if state == OrderState::Unknown { OrderState::Rejected } else { state };
            assert_eq!(after, expected, "{state:?}");
        }
    }

    #[test]
    fn any_order_of_the_same_reports_ends_alike() {
        // The reports of a market order that is filled whole, in every order of arrival.
        let reports =
            [Fact::Dispatched, Fact::Acknowledged, Fact::Resting, Fact::FilledPart, Fact::FilledWhole];
        let mut orders = vec![vec![]];
        for _ in reports {
            orders = orders
                .iter()
                .flat_map(|order: &Vec<usize>| {
                    (0..reports.len()).filter(|next| !order.contains(next)).map(|next| {
                        let mut longer = order.clone();
                        longer.push(next);
                        longer
                    })
                })
                .collect();
        }
        assert_eq!(orders.len(), 120);
        for order in orders {
            let end = order.iter().fold(OrderState::Queued, |state, &index| state.after(reports[index]));
            assert_eq!(end, OrderState::Filled, "{order:?}");
        }
    }
}
