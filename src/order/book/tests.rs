//! The book by itself: what is reserved, what counts once, what proves absence.
//!
//! What it is not: what reports mean; the engine's tests have that.
//!
//! Invariant: time is what a test says.

use super::absence::ABSENT_APART_NS;
use super::*;
use crate::types::StrategyId;
use proptest::prelude::*;

fn id(sequence: u32) -> OrderId {
    OrderId::new(StrategyId(1), 1, sequence).unwrap()
}

fn new_order(sequence: u32, side: Side, qty: i64) -> NewOrder {
    NewOrder {
        id: id(sequence),
        instrument: InstrumentId(0),
        side,
        qty: Qty(qty),
        reduces: false,
        position: 0,
        ts_decide: TimeNs(1),
        ts_venue: TimeNs(1),
    }
}

fn told(book: &mut OrderBook, deal: u64, id: OrderId, qty: i64) -> DealOutcome {
    let (id, ts_venue) = (id.raw(), TimeNs(5));
    let new = NewDeal { deal, id, carries: id, price: 100, qty, ts_venue };
    book.deal(VenueId(0), &new, TimeNs(6))
}

#[test]
fn venues_may_number_their_deals_alike() {
    let mut book = OrderBook::new(2, BookMemory::WHOLE);
    let new = |price| NewDeal { deal: 7, id: 0, carries: 0, price, qty: 1, ts_venue: TimeNs(price) };
    let mut deal = |venue: u16, price| book.deal(VenueId(venue), &new(price), TimeNs(6));
    assert_eq!(deal(0, 100), DealOutcome::Foreign);
    assert_eq!(deal(1, 200), DealOutcome::Foreign, "another deal of another venue");
    assert_eq!([deal(0, 100), deal(1, 200)], [DealOutcome::Repeated; 2]);
    assert_eq!(deal(0, 200), DealOutcome::OfOtherNumbers);
    book.set_other_numbers(VenueId(0), OtherNumbers::Accepted);
    assert_eq!(book.other_numbers(VenueId(1)), OtherNumbers::Unseen);
    let mut deal = |venue: u16, price| book.deal(VenueId(venue), &new(price), TimeNs(6));
    assert_eq!(deal(0, 200), DealOutcome::Foreign);
    assert_eq!(deal(1, 300), DealOutcome::OfOtherNumbers);
}

#[test]
fn an_unknown_order_stays_reserved_until_evidence() {
    let mut book = OrderBook::default();
    book.insert(new_order(1, Side::Buy, 10));
    book.learn(id(1).raw(), Fact::Dispatched, Verdict::None, TimeNs(2));
    let change = book.learn(id(1).raw(), Fact::Doubt, Verdict::Timer, TimeNs(3)).unwrap();
    assert_eq!((change.from, change.order.state), (OrderState::Sent, OrderState::Unknown));
    assert_eq!((book.reserved(InstrumentId(0), Side::Buy), book.unknown_count()), (10, 1));
    // Nobody said when the doubt began: nothing is proven.
    assert_eq!(book.absent_in_snapshot(id(1).raw(), 5, TimeNs(i64::MAX), 0), 0);
    book.doubted(id(1).raw(), TimeNs(3));
    // Asked for too soon, or twice in a moment: a request may still be on its way to the server.
    let at = |ns: i64| TimeNs(3 + ns);
    assert_eq!(book.absent_in_snapshot(id(1).raw(), 6, at(ABSENT_APART_NS - 1), 0), 0);
    assert_eq!(book.absent_in_snapshot(id(1).raw(), 7, at(ABSENT_APART_NS), 0), 1);
    assert_eq!(book.absent_in_snapshot(id(1).raw(), 8, at(2 * ABSENT_APART_NS - 1), 0), 1);
    assert_eq!(book.absent_in_snapshot(id(1).raw(), 9, at(2 * ABSENT_APART_NS), 0), 2);
    book.learn(id(1).raw(), Fact::ProvenAbsent, Verdict::Snapshot, TimeNs(4)).unwrap();
    assert_eq!(
        (book.reserved(InstrumentId(0), Side::Buy), book.unknown_count(), book.open_count()),
        (0, 0, 0)
    );
}

#[test]
fn a_deal_counts_once_and_a_fill_after_a_cancel_counts_too() {
    let mut book = OrderBook::default();
    book.insert(new_order(1, Side::Sell, 10));
    let deal = |book: &mut OrderBook, deal, qty| told(book, deal, id(1), qty);
    assert!(matches!(deal(&mut book, 1, 4), DealOutcome::Ours(Some(_))));
    assert_eq!(deal(&mut book, 1, 4), DealOutcome::Repeated);
    book.learn(id(1).raw(), Fact::Cancelled, Verdict::Venue, TimeNs(7)).unwrap();
    assert!(matches!(
        deal(&mut book, 2, 6),
        DealOutcome::Ours(Some(Change { from: OrderState::Cancelled, .. }))
    ));
    let order = book.order(id(1).raw()).unwrap();
    assert_eq!((order.state, order.qty_filled, order.fill_value), (OrderState::Filled, 10, 1_000));
    assert_eq!(told(&mut book, 3, id(99), 1), DealOutcome::Foreign);
}

#[test]
fn an_order_declared_absent_comes_back_with_the_first_word_of_it() {
    use OrderState::*;
    let words = [
        (Fact::Acknowledged, Acked),
        (Fact::Resting, Working),
        (Fact::Doubt, Unknown),
        (Fact::Cancelled, Cancelled),
        (Fact::Expired, Expired),
        (Fact::Refused, Rejected),
        (Fact::ProvenAbsent, Rejected),
        (Fact::Dispatched, Rejected),
        (Fact::NotDispatched, Rejected),
    ];
    for (fact, expected) in words {
        let mut book = OrderBook::default();
        book.insert(new_order(1, Side::Buy, 10));
        book.learn(id(1).raw(), Fact::Dispatched, Verdict::None, TimeNs(2));
        book.learn(id(1).raw(), Fact::Doubt, Verdict::Timer, TimeNs(3));
        book.learn(id(1).raw(), Fact::ProvenAbsent, Verdict::Snapshot, TimeNs(4)).unwrap();
        assert!(book.order(id(1).raw()).unwrap().is_presumed && book.finals.len() == 1);
        let change = book.learn(id(1).raw(), fact, Verdict::Terminal, TimeNs(5));
        let order = *book.order(id(1).raw()).unwrap();
        assert_eq!((order.state, change.is_some()), (expected, expected != Rejected), "{fact:?}");
        let reserved = if expected.is_final() { 0 } else { 10 };
        assert_eq!(book.reserved(InstrumentId(0), Side::Buy), reserved, "{fact:?}");
        assert_eq!(book.finals.len(), usize::from(expected.is_final()), "{fact:?}");
        // Once its end was seen, a fill of a part says nothing of the rest.
        let presumed = matches!(fact, Fact::ProvenAbsent | Fact::Dispatched | Fact::NotDispatched);
        assert_eq!(order.is_presumed, presumed, "{fact:?}");
        told(&mut book, 9, id(1), 4);
        let reserved = if expected.is_final() && !presumed { 0 } else { 6 };
        assert_eq!(book.reserved(InstrumentId(0), Side::Buy), reserved, "{fact:?}");
    }
}

#[test]
fn final_orders_are_forgotten_in_turn_and_open_ones_never() {
    let mut book = OrderBook::default();
    book.insert(new_order(0, Side::Buy, 1));
    for sequence in 1..=2 * BookMemory::WHOLE.final_max as u32 {
        book.insert(new_order(sequence, Side::Buy, 1));
        book.learn(id(sequence).raw(), Fact::NotDispatched, Verdict::Gate, TimeNs(1));
    }
    assert!(book.order(id(0).raw()).is_some());
    assert!(book.order(id(1).raw()).is_none());
    assert_eq!((book.open_count(), book.orders.len()), (1, BookMemory::WHOLE.final_max + 1));
}

proptest! {
    #[test]
    fn sums_equal_a_recount(steps in proptest::collection::vec((0u32..8, 0usize..13, 1i64..9), 1..200)) {
        let mut book = OrderBook::default();
        for sequence in 0..8 {
            let side = if sequence % 2 == 0 { Side::Buy } else { Side::Sell };
            book.insert(new_order(sequence, side, 10));
        }
        for (turn, (sequence, what, qty)) in steps.into_iter().enumerate() {
            let now = TimeNs(turn as i64 + 2);
            if what < Fact::ALL.len() {
                book.learn(id(sequence).raw(), Fact::ALL[what], Verdict::Venue, now);
            } else {
                told(&mut book, turn as u64 + 1, id(sequence), qty);
            }
            let open = || book.orders.values().filter(|order| !order.state.is_final());
            for side in Side::BOTH {
                let reserved: i64 = open().filter(|o| o.new.side == side).map(Order::remaining).sum();
                prop_assert_eq!(book.reserved(InstrumentId(0), side), reserved);
            }
            let unknown = open().filter(|order| order.state == OrderState::Unknown).count();
            prop_assert_eq!(book.unknown_count(), unknown);
            prop_assert_eq!(book.open_count(), open().count());
            let ids: Vec<u64> = book.open().map(|order| order.new.id.raw()).collect();
            prop_assert!(ids.is_sorted() && ids.len() == open().count(), "{ids:?}");
        }
    }
}
