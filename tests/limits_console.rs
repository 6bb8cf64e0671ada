//! The operator's console on limits and on orders in doubt, and what the log says of refused terminals, on a running appliance.
//!
//! What it is not: a test of what a limit does to an order, which stands beside the engine.
//!
//! Invariant: what was refused left no record; what was taken is in the journal with who, why, old and new.

mod rig;

use rig::console::{asked, operator, place_with, said};
use rig::{Place, stderr, tickbridge, until};
use serde_json::Value as Json;
use tickbridge::record::{LIMIT_TAKEN_BACK, LimitChange, Override, Record};
use tickbridge::risk::LimitKey;

fn place() -> Place {
    place_with("[alerts]\nfile = \"alerts.jsonl\"\n", &[])
}

#[test]
fn a_limit_is_lowered_at_once_raised_when_confirmed_and_kept_over_restarts() {
    let place = place();
    let mut appliance = place.appliance(&[]);
    let _terminal = place.terminal(&[]);
    until("it decides", || (asked(&place, "status")["decisions"].as_u64()? > 0).then_some(()));
    let name = "risk.daily_loss_max";
    let configured = asked(&place, "limits")[name]["configured"].as_f64().unwrap();
    let [quarter, half, more] =
        [configured / 4.0, configured / 2.0, configured * 2.0].map(|value| value.to_string());

    let (code, words) = said(&place, &["limit", name, &quarter]);
    assert_eq!(code, 0, "{words}");
    let (code, words) = said(&place, &["limit", name, &half]);
    assert!(code == 65 && words.contains("--raise"), "{code}: {words}");
    assert_eq!(said(&place, &["limit", name, &half, "--raise"]).0, 0);
    for raise in [&["limit", name, &more][..], &["limit", name, &more, "--raise"][..]] {
        let (code, words) = said(&place, raise);
        assert!(code == 65 && words.contains("change the configuration"), "{code}: {words}");
    }
    for wrong in [&["limit", "risk.day_starts_at", "1"][..], &["limit", name, "0"][..]] {
        assert_eq!(said(&place, wrong).0, 65, "{wrong:?}");
    }
    for wrong in [&["limit", name][..], &["limit", name, "much"][..], &["halt", name][..]] {
        assert_eq!(said(&place, wrong).0, 2, "{wrong:?}");
    }
    assert_eq!(operator(&place, &["limit", name, &quarter]).status.code(), Some(2), "without who and why");
    until("the alert is a line of the file", || {
        let text = std::fs::read_to_string(place.path("alerts.jsonl")).ok()?;
        text.lines().any(|line| line.contains("\"code_name\":\"LimitChanged\"")).then_some(())
    });
    let changed = &asked(&place, "status")["limits_changed"][name];
    assert_eq!(
        (changed["effective"].as_f64(), changed["configured"].as_f64()),
        (half.parse().ok(), Some(configured))
    );

    appliance.kill();
    let mut appliance = place.appliance(&[]);
    until("it says which limit differs", || {
        appliance.words().contains(&format!("{name}: {half} by an operator's word")).then_some(())
    });
    until("it listens to the operator", || asked(&place, "limits")[name]["effective"].as_f64());
    assert_eq!(asked(&place, "limits")[name]["effective"].as_f64(), half.parse().ok());
    assert_eq!(said(&place, &["limit", name, &configured.to_string(), "--raise"]).0, 0);
    appliance.terminate();
    assert!(appliance.ended().success());

    let records = place.records();
    let changes: Vec<(u32, f64, f64)> = records
        .iter()
        .filter_map(|record| Some((record.aux(), record.payload::<LimitChange>()?)))
        .map(|(aux, change)| {
            assert!(change.who.starts_with(b"anna\0") && change.why.starts_with(b"a test\0"));
            (aux, change.value_old, change.value_new)
        })
        .collect();
    let key = LimitKey::DailyLoss as u32;
    let (quarter, half) = (configured / 4.0, configured / 2.0);
    let expected =
        [(key, configured, quarter), (key, quarter, half), (key | LIMIT_TAKEN_BACK, half, configured)];
    assert_eq!(changes, expected);
    let verified = place.verify();
    assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
    assert!(records.iter().filter_map(Record::payload::<LimitChange>).count() == 3);
}

#[test]
fn what_is_not_in_doubt_is_not_resolved_and_the_status_says_why_nothing_opens() {
    let place = place();
    let mut appliance = place.appliance(&[]);
    until("it answers", || asked(&place, "status")["trading"].as_str().map(str::to_owned));
    let why = asked(&place, "status")["why_not"].as_str().unwrap().to_owned();
    assert!(why.contains("SESSION_DOWN: limit=3 got=0"), "{why}");
    until("the status line says so", || {
        appliance.words().contains("no openings (closed: SESSION_DOWN: limit=3").then_some(())
    });
    let (code, words) = said(&place, &["resolve", "4711"]);
    assert!(code == 65 && words.contains("in doubt, of which there is none, got 4711"), "{code}: {words}");
    assert_eq!(said(&place, &["resolve", "a"]).0, 2);
    assert_eq!(asked(&place, "status")["in_doubt"], serde_json::json!([]));

    let mut stranger = place.terminal_of("999", &[]);
    until("the refusal is said", || {
        let said = "refused a terminal of account 999 at \"Tickbridge-Demo\": expected the configured login and server";
        appliance.words().contains(said).then_some(())
    });
    stranger.kill();
    let _terminal = place.terminal(&[]);
    until("it holds something", || (asked(&place, "status")["position_lots"].as_f64()? != 0.0).then_some(()));
    assert_eq!(asked(&place, "status")["why_not"], Json::Null);
    appliance.terminate();
    assert!(appliance.ended().success());
    let journal = place.path("journal");
    let report = tickbridge(&["report", "controls", journal.to_str().unwrap(), "--json", "-"]);
    let day: Json = serde_json::from_slice(&report.stdout).unwrap();
    let reconciled = &day["reconciliation"];
    assert_eq!(report.status.code() == Some(0), reconciled["differences"] == 0, "{}", stderr(&report));
    assert!(
        reconciled["deals_ours"].as_u64() > Some(0) && reconciled["deals_of_others"] == 0,
        "{reconciled}"
    );
    // What a running appliance writes at the end of a day is the same.
    let path = tickbridge::app::write_day_report(&journal, &place.path("reports"), 20_000).unwrap();
    assert!(path.ends_with("reports/controls-2024-10-04.json"), "{}", path.display());
    assert_eq!(rig::json(&path).unwrap()["reconciliation"], *reconciled);
    let text = tickbridge(&["report", "controls", journal.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("risk.daily_loss_max = "));
    let is_open = rig::json(&place.report()).unwrap()["counts"]["position_steps"].as_i64() != Some(0);
    assert_eq!(appliance.words().contains("a position is left open"), is_open);
}

#[test]
fn one_order_may_exceed_a_limit_by_the_operators_leave_and_the_journal_says_who_gave_it() {
    let place = place();
    let mut appliance = place.appliance(&[]);
    let _terminal = place.terminal(&[]);
    until("it decides", || (asked(&place, "status")["decisions"].as_u64()? > 0).then_some(()));
    let lots = asked(&place, "limits")["risk.order_lots_max"]["configured"].as_f64().unwrap();
    let [half, twice, much] = [lots / 2.0, lots * 2.0, lots * 20.0].map(|value| value.to_string());
    let instrument = ["--instrument", "EURUSD"];
    let wish = |args: &[&str]| {
        let all: Vec<&str> = ["override"].iter().chain(args).chain(&instrument).copied().collect();
        said(&place, &all)
    };
    for (args, expected) in [
        (&["LOSS_DAILY", &twice][..], "expected a reason that may be overridden"),
        (&["SIZE_ORDER", &half][..], "expected a bound above"),
        (&["SIZE_ORDER", &much][..], "expected a bound above"),
        (&["SIZE_ORDER", &twice, "--minutes", "16"][..], "expected 1 to 15 minutes"),
    ] {
        let (code, words) = wish(args);
        assert!(code == 65 && words.contains(expected), "{args:?}: {code}: {words}");
    }
    assert_eq!(wish(&["SIZE_ORDER"]).0, 2);
    assert_eq!(said(&place, &["override", "SIZE_ORDER", &twice]).0, 2, "of which instrument");
    assert_eq!(asked(&place, "status")["overrides_open"], 0);
    let (code, words) = wish(&["SIZE_ORDER", &twice, "--minutes", "2"]);
    assert_eq!(code, 0, "{words}");
    until("it is open", || (asked(&place, "status")["overrides_open"] == 1).then_some(()));
    until("the status line says so", || appliance.words().contains("override").then_some(()));
    appliance.terminate();
    assert!(appliance.ended().success());
    let records = place.records();
    let given: Vec<Override> = records.iter().filter_map(Record::payload).collect();
    assert_eq!(given.len(), 1, "what was refused left no record");
    assert_eq!((given[0].bound, given[0].lasts_s), (lots * 2.0, 120));
    assert!(given[0].who.starts_with(b"anna\0") && given[0].why.starts_with(b"a test\0"));
    let verified = place.verify();
    assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
}
