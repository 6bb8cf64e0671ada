//! `tickbridge journal`: verify, show and export, on a journal whose every record is known.
//!
//! What it is not: a test of the journal itself; `journal_recovery` has that.
//!
//! Invariant: what is printed or exported is compared with the records that were appended, field by field.

mod rig;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use rig::{stderr, tickbridge};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::Output;
use tickbridge::journal::{EpochFile, JournalOptions, SEGMENT_HEADER_BYTES, open, segment_name};
use tickbridge::order::OrderState;
use tickbridge::record::{
    Control, ControlAction, Decision, FLAG_HISTORY, OrderStateChange, Origin, RECORD_BYTES, Record, Start,
    Tick,
};
use tickbridge::types::{FixedText, InstrumentId, Price, TimeNs, VenueId};

const ORDER: u64 = (1 << 60) + 7;
const TICKS: i64 = 25;
/// A start, ticks, and three records about one order.
const RECORDS: u64 = 4 + TICKS as u64;

fn tick(number: i64) -> Record {
    let tick = Tick {
        bid: 114_000 + number,
        ask: 114_003 + number,
        last: Price::NONE.0,
        volume: 0.1 * number as f64,
        ts_venue: 1_700_000_000_000_000_000 + number,
        ts_terminal: number,
        stream_seq: number as u64,
        tick_flags: 6,
        connection: 1,
    };
    let record = Record::new(Origin::Market, at(number), VenueId(0), InstrumentId(0), &tick);
    if number == 3 { record.with_flags(FLAG_HISTORY) } else { record }
}

fn at(number: i64) -> TimeNs {
    TimeNs(1_700_000_000_000_000_000 + 1_000 * number)
}

/// A journal of two segments that a power cut left: nothing of it is in memory.
fn journal(root: &Path) -> PathBuf {
    let memory = root.join("memory");
    std::fs::create_dir(&memory).unwrap();
    let options = JournalOptions {
        memory_dir: memory.clone(),
        memory_records: 64,
        segment_bytes: (SEGMENT_HEADER_BYTES + 20 * RECORD_BYTES) as u64,
        ..JournalOptions::new(root.join("journal"))
    };
    let mut journal = open(&options, TimeNs(1)).unwrap();
    let start = Start { epoch: 1, config_digest: 0xabc, ts_wall: 5, halted: 0, reserved: [0; 7] };
    let mut all = vec![Record::new(Origin::Appliance, at(0), VenueId(0), InstrumentId::NONE, &start)];
    all.extend((1..=TICKS).map(tick));
    let mut digests = [0; 64];
    digests[..8].copy_from_slice(&0x1122_3344_5566_7788u64.to_le_bytes());
    let decision = Decision {
        order_id: ORDER,
        score_bits: 0.625f64.to_bits(),
        revision: 2,
        long_count: 1,
        short_count: 0,
        member_count: 1,
        reserved: [0; 5],
        digests,
    };
    let change = OrderStateChange {
        order_id: ORDER,
        ticket: 9,
        qty_filled: 10,
        qty: 10,
        fill_value: 1_140_000,
        retcode: 10_009,
        from: OrderState::Sent as u8,
        to: OrderState::Filled as u8,
        verdict: 1,
        request: 1,
    };
    let control = Control {
        order_id: 0,
        action: ControlAction::ActivateScope as u8,
        scope: 4,
        scope_id: 1,
        reserved: [0; 4],
        who: *FixedText::new("anna").unwrap().bytes(),
        why: *FixedText::new("news, \"big\"").unwrap().bytes(),
    };
    all.push(Record::new(Origin::Engine, at(30), VenueId(0), InstrumentId(0), &decision).with_aux(1));
    all.push(Record::new(Origin::Engine, at(31), VenueId(0), InstrumentId(0), &change));
    all.push(Record::new(Origin::Operator, at(32), VenueId(0), InstrumentId::NONE, &control));
    for mut record in all {
        journal.writer.append(&mut record).unwrap();
    }
    journal.persister.flush(TimeNs(2)).unwrap();
    journal.persister.close(TimeNs(3)).unwrap();
    root.join("journal")
}

fn asked(what: &str, journal: &Path, args: &[&str]) -> Output {
    let mut all = vec!["journal", what, journal.to_str().unwrap()];
    all.extend(args);
    tickbridge(&all)
}

fn said(what: &str, journal: &Path, args: &[&str]) -> String {
    let output = asked(what, journal, args);
    assert_eq!(output.status.code(), Some(0), "{what} {args:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn lines(what: &str, journal: &Path, args: &[&str]) -> Vec<Json> {
    said(what, journal, args).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn verify_counts_what_is_there() {
    let root = tempfile::tempdir().unwrap();
    let journal = journal(root.path());
    let summary: Json = serde_json::from_str(&said("verify", &journal, &["--json"])).unwrap();
    assert_eq!((&summary["records"], &summary["first_seq"]), (&RECORDS.into(), &1.into()));
    assert_eq!((&summary["last_seq"], &summary["segments"]), (&RECORDS.into(), &2.into()));
    assert_eq!((&summary["starts"], &summary["kinds"]["Tick"]), (&1.into(), &TICKS.into()));
    assert!(summary["torn"].is_null());
    let words = said("verify", &journal, &[]);
    assert!(
        words.starts_with(&format!("whole: {RECORDS} records, 1 to {RECORDS}, in 2 segment(s)")),
        "{words}"
    );
}

#[test]
fn show_prints_each_field_and_chooses_records() {
    let root = tempfile::tempdir().unwrap();
    let journal = journal(root.path());
    let all = lines("show", &journal, &["--json"]);
    assert_eq!(all.len() as u64, RECORDS);
    assert!(all.iter().enumerate().all(|(at, record)| record["seq"] == at as u64 + 1));
    let tick = &all[3];
    assert_eq!((&tick["kind"], &tick["origin"]), (&"Tick".into(), &"market".into()));
    assert_eq!((&tick["ts_ns"], &tick["flags"]), (&at(3).0.into(), &serde_json::json!(["history"])));
    assert_eq!((&tick["payload"]["bid"], &tick["payload"]["last"]), (&114_003.into(), &Json::Null));
    assert_eq!(tick["payload"]["volume"], 0.1 * 3.0);
    assert_eq!(all[0]["payload"]["config_digest"], "0000000000000abc");
    assert!(all[0]["instrument"].is_null() && all[0]["payload"].get("reserved").is_none());

    let about = lines("show", &journal, &["--json", "--order", &ORDER.to_string()]);
    assert_eq!(about.len(), 2);
    let (decision, change) = (&about[0]["payload"], &about[1]["payload"]);
    assert_eq!(
        (&decision["score"], &decision["digests"]),
        (&0.625.into(), &serde_json::json!(["1122334455667788"]))
    );
    assert_eq!(
        (&change["from_name"], &change["to_name"], &change["to"]),
        (&"Sent".into(), &"Filled".into(), &7.into())
    );
    let last = lines("show", &journal, &["--json", "--kind", "tick", "--last", "2", "--to", "20"]);
    assert_eq!(last.iter().map(|record| record["seq"].as_u64().unwrap()).collect::<Vec<_>>(), [19, 20]);

    let words = said("show", &journal, &["--kind", "Control", "--kind", "order_state_change"]);
    let found: Vec<&str> = words.lines().collect();
    assert_eq!(found.len(), 2);
    assert!(found[0].starts_with("28 2023-11-14T22:13:20.000031000Z OrderStateChange engine 0/0"), "{words}");
    assert!(
        found[0].contains(" from=Sent to=Filled ") && found[0].contains(" fill_value=1140000 "),
        "{words}"
    );
    assert!(
        found[1]
            .contains(" action=ActivateScope scope=instrument scope_id=1 who=anna why=\"news, \\\"big\\\"\""),
        "{words}"
    );
}

#[test]
fn what_cannot_be_chosen_is_refused_with_what_can() {
    let root = tempfile::tempdir().unwrap();
    let journal = journal(root.path());
    for (args, words) in [
        (["--kind", "Ticks"], "expected one of Start, ClockTick"),
        (["--last", "two"], "invalid value 'two'"),
    ] {
        let output = asked("show", &journal, &args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(words), "{args:?}: {}", stderr(&output));
    }
    let output = asked("show", &journal, &["--to", "0"]);
    assert!(output.status.success() && output.stdout.is_empty(), "a choice of nothing");
    let output = asked("show", &journal, &["--from", "9", "--to", "3"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("expected at least --from, which is 9, got 3"));
    let output = asked("verify", &root.path().join("memory"), &[]);
    assert_eq!(output.status.code(), Some(65), "{}", stderr(&output));
    assert!(stderr(&output).contains("no segment and no epoch file"), "{}", stderr(&output));
    let output = asked("verify", &root.path().join("nowhere"), &[]);
    assert_eq!(output.status.code(), Some(65), "{}", stderr(&output));
}

#[test]
fn exports_hold_every_record_once() {
    let root = tempfile::tempdir().unwrap();
    let journal = journal(root.path());
    let file = root.path().join("all.jsonl");
    said("export", &journal, &["--out", file.to_str().unwrap()]);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text, said("show", &journal, &["--json"]), "the same lines as on standard output");

    let tables = root.path().join("tables");
    let to_tables = ["--out", tables.to_str().unwrap(), "--format", "parquet"];
    said("export", &journal, &to_tables);
    let again = asked("export", &journal, &to_tables);
    assert_eq!(again.status.code(), Some(74), "{}", stderr(&again));
    assert!(stderr(&again).contains("expected a folder without tables of another export, got "));
    let mut names: Vec<String> = std::fs::read_dir(&tables)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["Control.parquet", "Decision.parquet", "OrderStateChange.parquet", "Start.parquet", "Tick.parquet"]
    );
    let reader =
        SerializedFileReader::new(std::fs::File::open(tables.join("Tick.parquet")).unwrap()).unwrap();
    let columns = reader.metadata().file_metadata().schema_descr().columns().to_vec();
    let place = |name: &str| columns.iter().position(|column| column.name() == name).unwrap();
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len() as i64, TICKS);
    for (at, row) in rows.iter().enumerate() {
        let number = at as i64 + 1;
        assert_eq!(row.get_ulong(place("seq")).unwrap(), number as u64 + 1);
        assert_eq!(row.get_long(place("bid")).unwrap(), 114_000 + number);
        assert_eq!(row.get_double(place("volume")).unwrap().to_bits(), (0.1 * number as f64).to_bits());
        assert!(row.get_long(place("last")).is_err(), "absent");
        assert_eq!(row.get_string(place("flags")).unwrap(), if number == 3 { "history" } else { "" });
    }

    said("export", &journal, &["--out", tables.to_str().unwrap(), "--format", "csv", "--kind", "Control"]);
    let csv = std::fs::read_to_string(tables.join("Control.csv")).unwrap();
    let expected = format!(
        "seq,ts,origin,venue,instrument,flags,aux,order_id,action,action_name,scope,scope_name,scope_id,who,why\n{RECORDS},{},operator,0,,,0,0,{},ActivateScope,4,instrument,1,anna,\"news, \"\"big\"\"\"\n",
        at(32).0,
        ControlAction::ActivateScope as u8
    );
    assert_eq!(csv, expected);
}

#[test]
fn damage_is_named_and_a_torn_end_is_said() {
    let root = tempfile::tempdir().unwrap();
    let journal = journal(root.path());
    let second = journal.join(segment_name(21));
    let good = std::fs::read(&second).unwrap();
    let offset = |record: usize| SEGMENT_HEADER_BYTES + record * RECORD_BYTES;
    let closed = EpochFile::read(&journal).unwrap().unwrap();
    EpochFile { last_seq: 0, is_closed: false, ..closed }.write(&journal).unwrap();

    let mut torn = good.clone();
    torn[offset(8) + 40] ^= 1;
    std::fs::write(&second, &torn).unwrap();
    let words = said("verify", &journal, &[]);
    assert!(words.contains("torn") && words.contains(&format!("byte {}", offset(8))), "{words}");
    let output = asked("show", &journal, &["--json"]);
    assert!(output.status.success() && stderr(&output).contains("torn"), "{}", stderr(&output));
    assert_eq!(
        output.stdout.split(|byte| *byte == b'\n').count() as u64,
        RECORDS,
        "one record less, one end of line"
    );

    // Of a journal that was closed, a torn end is no end that a power cut left.
    closed.write(&journal).unwrap();
    for what in ["verify", "show"] {
        let output = asked(what, &journal, &[]);
        assert_eq!(output.status.code(), Some(65), "{what}");
        assert!(stderr(&output).contains("its end is damaged"), "{what}: {}", stderr(&output));
    }

    let mut bad = good;
    bad[offset(2) + 40] ^= 1;
    std::fs::write(&second, &bad).unwrap();
    for what in ["verify", "show"] {
        let output = asked(what, &journal, &[]);
        assert_eq!(output.status.code(), Some(65), "{what}");
        let words = stderr(&output);
        assert!(words.contains("QUARANTINED") && words.contains(&format!("byte {}", offset(2))), "{words}");
    }
    let file = root.path().join("all.jsonl");
    let output = asked("export", &journal, &["--out", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(65));
    assert!(!file.exists() && !root.path().join("all.jsonl.partial").exists(), "nothing is left of it");

    std::fs::remove_file(&second).unwrap();
    let output = asked("verify", &journal, &[]);
    assert_eq!(output.status.code(), Some(65), "the end that was there when it was closed is missing");
    assert!(stderr(&output).contains("its end is missing"), "{}", stderr(&output));
    std::fs::rename(journal.join(segment_name(1)), &second).unwrap();
    let output = asked("verify", &journal, &[]);
    assert_eq!(output.status.code(), Some(65), "the first segment is missing");
}
