//! A venue that counts an instrument in other ticks and steps than it did; the link converts (`wire/terminal/units.rs`).
//!
//! What it is not: other rules of a symbol; those are taken over as they are told.
//!
//! Invariant: nothing opens, what is held can be closed, and somebody is told.

use super::*;

const EUR: InstrumentId = InstrumentId(0);

/// The rules as the link tells them then: in the units that count here, for closing alone.
fn changed(bench: &mut Bench) -> Vec<Record> {
    let mut spec = Spec::read(&[0; 96]);
    (spec.tick_size, spec.point, spec.volume_step) = (0.00001, 0.00001, 0.01);
    (spec.volume_min, spec.volume_max, spec.contract_size, spec.tick_value) = (10, 10_000, 100_000.0, 1.0);
    (spec.digits, spec.trade_mode, spec.execution, spec.filling_modes) = (6, 3, 2, 3);
    spec.other_units = 1;
    bench.give(&spec)
}

#[test]
fn what_is_held_is_closed_and_nothing_opens_after_units_changed() {
    let mut bench = Bench::ready();
    assert_eq!(bench.engine.counted().count(), 0, "nothing is counted yet");
    let entry = command(&bench.tick(100_005)).expect("an entry");
    assert_eq!(bench.engine.counted().map(|spec| spec.instrument).collect::<Vec<_>>(), [EUR], "an order is");
    bench.fill(&entry);
    assert_eq!(alert(&changed(&mut bench)), Some(AlertCode::UnitsChanged as u32));
    assert_eq!(bench.engine.counted().count(), 1, "a start keeps what is held in its units");
    let exit = command(&bench.tick(100_000)).expect("an exit");
    assert_eq!((exit.order_kind, exit.qty), (1, 10));
    bench.fill(&exit);
    assert_eq!((bench.position(), bench.engine.counted().count()), (0, 0));
    let outputs = bench.tick(100_050);
    assert_eq!((command(&outputs), denied(&outputs)), (None, Some(Reason::InstrumentMode)));
}
