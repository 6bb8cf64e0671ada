//! Models in the engine: exchanged by records, named by decisions, watched beside the live ones.
//!
//! What it is not: the lane's part; `agents` brings the boxes.
//!
//! Invariant: time moves only when a test says so.

use super::*;
use crate::signal::{Calibration, Combine};

const CHANGE: &[u8] = br#"{"format":"tickbridge-linear","version":1,"link":"identity",
    "features":["change"],"weights":[1.0],"intercept":0.0}"#;
const AGAINST: &[u8] = br#"{"format":"tickbridge-linear","version":1,"link":"identity",
    "features":["change"],"weights":[-1.0],"intercept":0.0}"#;

impl Bench {
    fn change_model(
        &mut self,
        slot: Slot,
        digest: u64,
        action: ModelAction,
        model: Option<&[u8]>,
    ) -> Vec<Record> {
        if let Some(model) = model {
            let mut unit = unit(digest, model);
            // As the control floor does before it hands a model over: nothing of it may be left in the next decision.
            unit.score(&[-77.0]);
            assert!(self.engine.stage(Box::new(unit)).is_none());
        }
        let mut change = ModelChange::read(&[0; 96]);
        (change.digest, change.slot, change.action) = (digest, slot.code(), action as u8);
        self.give(&change)
    }

    fn observed(&mut self) -> Vec<Record> {
        self.out.clear();
        self.engine.observe(&mut self.out);
        self.out.records().to_vec()
    }
}

fn decision(outputs: &[Record]) -> Option<Decision> {
    outputs.iter().find_map(Record::payload::<Decision>)
}

#[test]
fn a_model_takes_its_slot_with_the_record_that_names_it() {
    let mut bench = Bench::ready();
    let first = decision(&bench.tick(100_002)).expect("a decision before the command");
    assert_eq!((first.revision, first.digests[0], f64::from_bits(first.score_bits)), (0, 1, 2.0));
    assert!(bench.change_model(Slot::Member(0), 9, ModelAction::Install, Some(AGAINST)).is_empty());
    let old = bench.engine.take_retired().expect("the old one comes back");
    assert_eq!(old.identity().digest, 1);
    let view: Vec<u64> = bench
        .engine
        .strategies()
        .flat_map(|view| view.models.live().map(|unit| unit.identity().digest))
        .collect();
    assert_eq!(view, [9]);

    let mut bench = Bench::ready();
    bench.change_model(Slot::Member(0), 9, ModelAction::Install, Some(AGAINST));
    drop(bench.engine.take_retired());
    let outputs = bench.tick(100_002);
    let second = decision(&outputs).expect("a decision");
    assert_eq!((second.revision, second.digests[0], f64::from_bits(second.score_bits)), (1, 9, -2.0));
    let command = outputs.iter().find_map(Record::payload::<Command>).expect("a command");
    assert_eq!(
        (command.order_id, command.order_kind),
        (second.order_id, OrderKind::market(Side::Sell).code())
    );
}

#[test]
fn what_is_not_staged_or_has_no_place_leaves_the_live_model_and_is_told() {
    for (slot, digest, model) in
        [(Slot::Member(0), 9, None), (Slot::Member(1), 9, Some(AGAINST)), (Slot::Stack, 9, Some(AGAINST))]
    {
        let mut bench = Bench::ready();
        let outputs = bench.change_model(slot, digest, ModelAction::Install, model);
        let alert = outputs.iter().find_map(Record::payload::<Alert>).expect("an alert");
        assert_eq!((alert.code, alert.subject), (AlertCode::ModelMissing as u32, digest));
        assert_eq!(bench.engine.take_retired().is_some(), model.is_some(), "what found no place comes back");
        assert_eq!(decision(&bench.tick(100_002)).expect("a decision").digests[0], 1);
    }
}

#[test]
fn a_shadow_is_asked_after_the_decision_and_trades_on_paper_alone() {
    let mut setup = setup();
    setup.strategies[0].watch.shadow_record_every = 2;
    let mut bench = Bench { engine: Engine::new(setup), ..Bench::ready() };
    bench.give(&Start { epoch: 1, config_digest: 0, ts_wall: START_NS, halted: 0, reserved: [0; 7] });
    bench.change_model(Slot::Shadow(2), 9, ModelAction::Install, Some(AGAINST));
    bench.tick(100_000);
    for bid in [100_000, 100_002, 100_001] {
        bench.tick(bid);
        let told = bench.observed();
        for score in told.iter().filter_map(Record::payload::<ShadowScore>) {
            assert_eq!((score.digest, score.slot), (9, Slot::Shadow(2).code()));
            assert_eq!(f64::from_bits(score.score_bits), -f64::from_bits(score.live_bits));
        }
    }
    let view = bench.engine.strategies().next().expect("a strategy");
    let (_, _, counts) = view.models.shadows().next().expect("a shadow");
    assert_eq!((counts.scores > 1, counts.entries), (true, 1), "{counts:?}");
    bench.change_model(Slot::Shadow(2), 9, ModelAction::Remove, None);
    assert_eq!(bench.engine.take_retired().expect("it comes back").identity().digest, 9);
}

#[test]
fn several_members_make_one_decision_that_names_them_all() {
    let mut setup = setup();
    let ensemble = Ensemble {
        combine: Combine::Mean,
        weights: vec![3.0, 1.0],
        calibration: Calibration::None,
        middle: 0.0,
    };
    let members = vec![unit(4, CHANGE), unit(5, AGAINST)];
    setup.strategies[0].models = ModelSet::new(members, None, ensemble.clone()).unwrap();
    let models = &mut setup.strategies[0].models;
    models.update(&[8.0], &[1]);
    let verdict = models.evaluate();
    assert_eq!((verdict.score, verdict.agreement.long_count, verdict.agreement.short_count), (4.0, 1, 1));
    let stack = Ensemble { combine: Combine::Stack, ..ensemble };
    let refused =
        ModelSet::new(vec![unit(4, CHANGE), unit(5, AGAINST)], Some(unit(6, CHANGE)), stack.clone());
    assert_eq!(refused.err(), Some(EnsembleError::Stack { expected: 2, got: Some(1) }));
    let mut stacked = ModelSet::new(
        vec![unit(4, AGAINST)],
        Some(unit(6, CHANGE)),
        Ensemble { weights: vec![1.0], ..stack },
    )
    .expect("one member, one feature");
    stacked.update(&[8.0], &[1]);
    assert_eq!(stacked.evaluate().score, -8.0);
}

#[test]
fn recovery_counts_changes_and_exchanges_nothing() {
    let mut bench = Bench::ready();
    bench.change_model(Slot::Member(0), 9, ModelAction::Install, Some(AGAINST));
    let mut engine = Engine::new(setup());
    let mut spare = Outputs::default();
    for record in &bench.journal {
        engine.recover(record, &mut spare);
    }
    let view = engine.strategies().next().expect("a strategy");
    assert_eq!(view.models.revision(), 1);
    assert_eq!(
        view.models.live().next().expect("a model").identity().digest,
        1,
        "the setup has the models of a start"
    );
}

#[test]
fn a_revision_names_one_set_of_models_in_a_journal_of_several_starts() {
    let start = |epoch| Start { epoch, config_digest: 0, ts_wall: START_NS, halted: 0, reserved: [0; 7] };
    let revision = |engine: &Engine| engine.strategies().next().unwrap().models.revision();
    let mut bench = Bench::ready();
    bench.change_model(Slot::Member(0), 9, ModelAction::Install, Some(AGAINST));
    drop(bench.engine.take_retired());
    assert_eq!(revision(&bench.engine), 1);
    // Started again with the configuration's own model, then with another one: each has a number of its own.
    for (epoch, expected) in [(2, 2), (3, 3)] {
        let mut again = Engine::new(setup());
        let mut spare = Outputs::default();
        bench.journal.iter().for_each(|record| again.recover(record, &mut spare));
        assert_eq!(revision(&again), expected - 1, "as the last run ended");
        bench.engine = again;
        bench.give(&start(epoch));
        assert_eq!(revision(&bench.engine), expected);
    }
    bench.change_model(Slot::Member(0), 9, ModelAction::Install, Some(AGAINST));
    assert_eq!(revision(&bench.engine), 4);
}
