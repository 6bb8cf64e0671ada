//! Limits changed while it runs: they hold from the next check on, over restarts, and never beyond the configuration.
//!
//! What it is not: the question who may change what, which the control floor asks.
//!
//! Invariant: time moves only when a test says so.

use super::*;
use crate::risk::LimitKey;

fn say(bench: &mut Bench, key: LimitKey, value: Option<f64>) -> Vec<Record> {
    let mut change = LimitChange::read(&[0; 96]);
    change.value_new = value.unwrap_or(0.0);
    change.who[..4].copy_from_slice(b"anna");
    let aux = key as u32 | if value.is_none() { LIMIT_TAKEN_BACK } else { 0 };
    bench.give_with_aux(&change, aux)
}

#[test]
fn a_lowered_limit_holds_at_once_and_after_a_restart_and_reductions_pass() {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).expect("an entry of 10 steps");
    bench.fill(&entry);
    assert_eq!(
        alert(&say(&mut bench, LimitKey::OrderLots, Some(0.05))),
        Some(AlertCode::LimitChanged as u32)
    );
    let exit = command(&bench.tick(100_000)).expect("a reduction of 10 steps passes");
    bench.fill(&exit);
    assert_eq!(denied(&bench.tick(100_005)), Some(Reason::SizeOrder));
    bench.restart(|_| ());
    bench.account(10_000.0);
    bench.tick(100_000);
    assert_eq!(denied(&bench.tick(100_005)), Some(Reason::SizeOrder));
    // A configuration that was tightened further meanwhile is not loosened by the older word.
    bench.restart(|limits| limits.order_lots_max = 0.02);
    assert_eq!(bench.engine.limits_effective().order_lots_max, 0.02);
    bench.restart(|_| ());
    bench.account(10_000.0);
    say(&mut bench, LimitKey::OrderLots, Some(0.3));
    bench.tick(100_000);
    assert!(command(&bench.tick(100_005)).is_some(), "raised again, within the configuration");
}

#[test]
fn no_word_allows_more_than_the_configuration_and_a_word_taken_back_leaves_it() {
    let mut bench = Bench::ready();
    let configured = *bench.engine.limits_effective();
    say(&mut bench, LimitKey::OrderLots, Some(400.0));
    assert_eq!(*bench.engine.limits_effective(), configured);
    say(&mut bench, LimitKey::OrderLots, Some(0.05));
    say(&mut bench, LimitKey::OrderLots, None);
    assert_eq!(*bench.engine.limits_effective(), configured);
    bench.restart(|limits| limits.order_lots_max = 0.7);
    assert_eq!(bench.engine.limits_effective().order_lots_max, 0.7, "the new configuration's own");
}

#[test]
fn a_loss_that_exceeds_a_lowered_limit_halts_at_once() {
    let mut bench = Bench::ready();
    bench.account(9_970.0);
    assert_eq!(bench.engine.trading(), Trading::Active);
    let outputs = say(&mut bench, LimitKey::DailyLoss, Some(30.0));
    let change: TradingChange = outputs.iter().find_map(|record| record.payload()).expect("a halt");
    assert_eq!((change.to, change.reason), (Trading::Halted as u8, Reason::LossDaily as u32));
}

#[test]
fn a_lowered_rate_refuses_openings_and_leaves_reductions_their_reserve() {
    let mut bench = Bench::ready();
    let entry = command(&bench.tick(100_005)).expect("an entry");
    bench.fill(&entry);
    say(&mut bench, LimitKey::OrdersPerSecond, Some(1.0));
    say(&mut bench, LimitKey::OrdersBurst, Some(1.0));
    let exit = command(&bench.tick(100_000)).expect("a reduction passes");
    bench.fill(&exit);
    assert_eq!(denied(&bench.tick(100_005)), Some(Reason::RateOrders), "a change grants no tokens");
    bench.wait_ms(1_100);
    assert!(command(&bench.tick(100_000)).is_some());
}
