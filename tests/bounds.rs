//! Limits beside `[risk]` on a running appliance: the terminal tells enough for them, again and again, and they trade.
//!
//! What it is not: a test of what each of them refuses, which stands beside the engine.
//!
//! Invariant: nothing here waits for a time to pass, only for what is to happen.

mod rig;

use rig::{Place, count, stderr, until};
use tickbridge::record::{Kind, Origin, Record};

#[test]
fn a_trade_connection_is_asked_for_its_rules_again() {
    let place = Place::new();
    let bounds = "[bounds]\nflows = \"deals\"\ntick_value_age_max_ms = 1000\nstop_distance_max_points = 10000\n\
                  venue_messages_per_s_max = 1000\ngross_lots_max = 10.0\naccount_gross_max = 1e9\n\
                  margin_free_min_percent = 5.0\nvenue_hours = true\n\n[model]\n";
    place.configure(&[("[model]\n", bounds)]);
    let mut appliance = place.appliance(&[]);
    let _terminal = place.terminal(&[]);
    let is_told =
        |record: &&Record| record.kind() == Some(Kind::Spec) && record.origin() == Origin::Trade as u8;
    until("the rules are told four times by the trade connection", || {
        (place.records().iter().filter(is_told).count() >= 4).then_some(())
    });
    until("it trades within all of them", || (count(&place.records(), Kind::Command) > 0).then_some(()));
    let records = place.records();
    assert!(count(&records, Kind::TradingHours) > 0 && count(&records, Kind::SymbolMargin) > 0);
    appliance.terminate();
    appliance.ended();
    let verified = place.verify();
    assert!(verified.status.success(), "{}", stderr(&verified));
}
