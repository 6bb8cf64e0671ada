//! Deals that the venue amends or annuls: told, and never counted again.
//!
//! What it is not: deals of another life of the account (`other_numbers.rs`), or deals told twice (`arrival.rs`).
//!
//! Invariant: whatever is said of a deal that is counted, and whatever the operator said, its volume is ours once.

use super::tickets::{foreign, hedging};
use super::*;
use crate::order::OtherNumbers;
use crate::risk::{BoundsPlan, FlowPolicy, LossPlan};

fn activate(bench: &mut Bench) -> Vec<Record> {
    let mut control = Control::read(&[0; 96]);
    control.action = ControlAction::Activate as u8;
    bench.give(&control)
}

/// Ten steps long, by one deal.
fn long_ten() -> (Bench, DealEvent) {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.dispatched(&entry);
    let deal = bench.deal_of(&entry, entry.qty);
    bench.give(&deal);
    assert_eq!(bench.position(), 10);
    (bench, deal)
}

/// The venue is asked, and has these deals and so many steps; what is said to it.
fn look(bench: &mut Bench, deals: &[DealEvent], position: i64) -> Vec<Record> {
    let mut outputs = Vec::new();
    while !outputs.iter().any(|record: &Record| record.payload::<Query>().is_some()) {
        outputs = bench.wait_ms(1_000);
    }
    bench.answer(&outputs, deals, position)
}

fn codes(outputs: &[Record]) -> Vec<u32> {
    outputs.iter().filter_map(Record::payload::<Alert>).map(|alert| alert.code).collect()
}

const AMENDED: u32 = AlertCode::DealAmended as u32;
const NOTHING: [u32; 0] = [];

#[test]
fn a_deal_that_the_venue_says_it_amended_is_no_news_in_the_next_snapshot() {
    for kind in [TransactionKind::DealUpdate, TransactionKind::DealDelete] {
        let (mut bench, deal) = long_ten();
        let amended = DealEvent { price: deal.price + 1, ..deal };
        let told = bench.give(&DealEvent { transaction: kind.code(), ..amended });
        assert_eq!(codes(&told), [AMENDED]);
        let told = look(&mut bench, &[amended], 10);
        assert_eq!((codes(&told), bench.engine.trading()), (vec![], Trading::Active));
        activate(&mut bench);
        look(&mut bench, &[amended], 10);
        assert_eq!((bench.position(), bench.engine.closed()), (10, None));
    }
}

#[test]
fn a_deal_that_is_amended_without_a_word_never_counts_again() {
    let (mut bench, deal) = long_ten();
    let amended = DealEvent { price: deal.price + 1, ..deal };
    let told = look(&mut bench, &[amended], 10);
    assert_eq!(codes(&told), [AMENDED]);
    assert_eq!((bench.position(), bench.engine.trading()), (10, Trading::Active));
    assert_eq!(bench.engine.orders().other_numbers(VenueId(0)), OtherNumbers::Unseen);
    assert_eq!(codes(&bench.give(&amended)), NOTHING, "told once");
    // Once the operator accepted another life's numbers, an amended deal is one all the same.
    let other = DealEvent { magic: 0, price: 99_000, ts_venue: deal.ts_venue + 1, ..deal };
    assert_eq!(codes(&bench.give(&other)), [AlertCode::DealNumbersBeganAgain as u32]);
    activate(&mut bench);
    for price in [deal.price + 2, deal.price + 3] {
        let amended = DealEvent { price, ..deal };
        assert_eq!(codes(&look(&mut bench, &[amended], 10)), [AMENDED]);
        assert_eq!((bench.position(), bench.engine.trading()), (10, Trading::Active));
    }
    // What is left is what there is.
    let exit = command(&bench.tick(100_000)).expect("an exit");
    assert_eq!(exit.qty, 10);
}

#[test]
fn an_amended_volume_is_a_difference_and_not_a_fill() {
    let (mut bench, deal) = long_ten();
    let amended = DealEvent { qty: 7, ..deal };
    let told = look(&mut bench, &[amended], 7);
    assert_eq!((codes(&told), bench.position()), (vec![AMENDED], 10));
    let mut told = look(&mut bench, &[amended], 7);
    told.extend(look(&mut bench, &[amended], 7));
    assert_eq!(codes(&told), [AlertCode::PositionMismatch as u32], "shown, not papered over");
    assert_eq!(bench.engine.closed().map(|refusal| refusal.reason), Some(Reason::PositionMismatch));
    let exit = command(&bench.tick(100_000)).expect("an exit");
    assert_eq!(exit.qty, 7, "no more than the venue has");
}

#[test]
fn a_stop_that_is_amended_is_known_by_the_id_of_the_order_that_opened() {
    let (mut bench, deal) = long_ten();
    let mut stop = DealEvent { deal: 500, deal_type: 1, reason: 4, ticket: 999, ..deal };
    stop.entry = DealEntry::Out.code();
    bench.give(&stop);
    assert_eq!(bench.position(), 0);
    let told = look(&mut bench, &[deal, DealEvent { price: stop.price - 1, ..stop }], 0);
    assert_eq!(
        (codes(&told), bench.position(), bench.engine.external(InstrumentId(0))),
        (vec![AMENDED], 0, 0)
    );
}

#[test]
fn a_deal_without_an_id_of_ours_is_known_by_its_time() {
    // Adopted, it is as much ours as a fill.
    for policy in [ExternalPolicy::Adopt, ExternalPolicy::Count] {
        let mut bench = hedging(|setup| setup.external = policy);
        for magic in [0, 5] {
            let deal = DealEvent { magic, ..foreign(&mut bench, Side::Buy, 3, 90 + magic) };
            bench.give(&deal);
            let held = bench.position() + bench.engine.external(InstrumentId(0));
            let amended = DealEvent { price: deal.price + 1, ..deal };
            assert_eq!(codes(&bench.give(&amended)), [AMENDED]);
            assert_eq!(bench.position() + bench.engine.external(InstrumentId(0)), held);
            // Made at another time it is another deal, by whomever.
            let other = DealEvent { price: deal.price + 2, ts_venue: deal.ts_venue + NS_PER_MS, ..deal };
            assert_eq!(codes(&bench.give(&other)), [AlertCode::DealNumbersBeganAgain as u32]);
            bench.give(&Start { epoch: 2, config_digest: 0, ts_wall: START_NS, halted: 0, reserved: [0; 7] });
        }
    }
}

#[test]
fn an_annulled_deal_is_the_deal_that_is_known() {
    // Its type is another, and it trades nothing any more (`DEAL_TYPE_BUY_CANCELED`).
    let mut setup = setup();
    let loss = LossPlan { flows: FlowPolicy::Deals, ..LossPlan::default() };
    setup.guards.bounds = BoundsPlan { loss, ..BoundsPlan::default() };
    let mut bench = Bench::ready_of(setup);
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.dispatched(&entry);
    let deal = bench.deal_of(&entry, entry.qty);
    bench.give(&deal);
    let annulled = DealEvent { deal_type: 13, price: Price::NONE.0, qty: 0, ..deal };
    let told = bench.give_of(InstrumentId::NONE, &annulled, FLAG_SNAPSHOT);
    assert_eq!((codes(&told), bench.engine.trading()), (vec![AMENDED], Trading::Active));
    assert_eq!(codes(&bench.give_of(InstrumentId::NONE, &annulled, FLAG_SNAPSHOT)), NOTHING);
    assert_eq!(bench.position(), 10, "positions are compared by snapshots");
}

#[test]
fn recovery_and_a_snapshot_know_whose_a_deal_is() {
    let (mut bench, deal) = long_ten();
    bench.give(&DealEvent { price: deal.price + 1, transaction: TransactionKind::DealUpdate.code(), ..deal });
    let (mut recovered, mut spare) = (Engine::new(setup()), Outputs::default());
    bench.journal.iter().for_each(|record| recovered.recover(record, &mut spare));
    let mut bytes = StateBytes::default();
    bench.engine.save_state(&mut bytes);
    let mut loaded = Engine::new(setup());
    loaded.load_state(&mut StateSource::new(&bytes.into_bytes())).unwrap();
    let hash = bench.engine.state_hash();
    assert_eq!((recovered.state_hash(), loaded.state_hash()), (hash, hash));
    bench.engine = loaded;
    assert_eq!(codes(&bench.give(&DealEvent { price: deal.price + 1, ..deal })), NOTHING);
    assert_eq!(codes(&bench.give(&DealEvent { price: deal.price + 2, ..deal })), [AMENDED]);
    assert_eq!((bench.position(), bench.engine.trading()), (10, Trading::Active));
    assert_ne!(bench.engine.state_hash(), hash);
}
