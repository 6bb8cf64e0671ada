//! Deals whose numbers are known from another life of the account.
//!
//! What it is not: deals told twice (`arrival.rs`).
//!
//! Invariant: none of them is taken for an old one in silence, and none counts before the operator's word.

use super::*;

fn control(action: ControlAction) -> Control {
    let mut control = Control::read(&[0; 96]);
    control.action = action as u8;
    control
}

/// One trade was made and closed; the account is made anew, and its first deal has the number of our first.
fn began_again() -> (Bench, Command, DealEvent) {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.fill(&entry);
    let exit = command(&bench.tick(100_000)).expect("an exit");
    bench.fill(&exit);
    let again = command(&bench.tick(100_050)).expect("an entry");
    bench.dispatched(&again);
    bench.result(&again, 10008);
    bench.deal = 100;
    let deal = bench.deal_of(&again, again.qty);
    (bench, again, deal)
}

#[test]
fn a_known_number_with_another_deal_is_told_and_nothing_opens_until_the_operators_word() {
    let (mut bench, entry, deal) = began_again();
    let told = bench.give(&deal);
    assert_eq!(alert(&told), Some(AlertCode::DealNumbersBeganAgain as u32));
    assert_eq!(
        (bench.position(), bench.engine.counts().deals_repeated),
        (0, 0),
        "neither counted nor an old one"
    );
    assert_eq!(bench.engine.trading(), Trading::Reducing);
    assert_eq!(bench.engine.trading_reason(), Some(Reason::DealNumbersBeganAgain));
    assert_eq!(alert(&bench.give(&deal)), None, "told once");

    // The operator accepts; the venue is asked, and its answer counts once.
    let outputs = bench.give(&control(ControlAction::Activate));
    assert_eq!(bench.engine.trading(), Trading::Active);
    let queries = if outputs.iter().any(|record| record.payload::<Query>().is_some()) {
        outputs
    } else {
        bench.wait_ms(20)
    };
    bench.answer(&queries, &[deal], 10);
    assert_eq!((bench.position(), bench.state_of(&entry)), (10, OrderState::Filled));
    bench.give(&deal);
    assert_eq!((bench.position(), bench.engine.counts().deals_repeated), (10, 1));
    assert_eq!(bench.engine.closed(), None);
}

#[test]
fn reductions_pass_meanwhile() {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.fill(&entry);
    let mut deal = bench.deal_of(&entry, entry.qty);
    (deal.deal, deal.price, deal.magic) = (101, 99_000, 0);
    bench.give(&deal);
    assert_eq!(bench.engine.trading(), Trading::Reducing);
    let exit = command(&bench.tick(100_000)).expect("an exit");
    assert_eq!((exit.order_kind, exit.qty), (1, 10));
    assert_eq!(command(&bench.tick(100_050)), None);
}

#[test]
fn recovery_and_a_snapshot_know_it() {
    let (mut bench, _, deal) = began_again();
    bench.give(&deal);
    for accepted in [false, true] {
        if accepted {
            bench.give(&control(ControlAction::Activate));
        }
        let (mut recovered, mut spare) = (Engine::new(setup()), Outputs::default());
        bench.journal.iter().for_each(|record| recovered.recover(record, &mut spare));
        let mut bytes = StateBytes::default();
        bench.engine.save_state(&mut bytes);
        let mut loaded = Engine::new(setup());
        loaded.load_state(&mut StateSource::new(&bytes.into_bytes())).unwrap();
        let hash = bench.engine.state_hash();
        assert_eq!((recovered.state_hash(), loaded.state_hash()), (hash, hash));
        let known = |engine: &Engine| engine.orders().other_numbers(VenueId(0));
        assert_eq!(known(&loaded), known(&bench.engine));
    }
}
