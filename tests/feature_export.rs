//! `features export` as a program: what it writes is what the engine saw, and what it refuses.
//!
//! What it is not: parity of indicators (`indicator_parity`); here the same graph is asked in two ways.
//!
//! Invariant: online, a day is played by a terminal over TCP into the appliance, and its journal run again; offline, the file
//! is exported and read back. Every row at every tick is equal bit for bit, whether it warmed live or was told its past.

mod rig;

use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{DataType, DoubleType, FloatType, Int64Type};
use parquet::file::reader::{FileReader, SerializedFileReader};
use rig::{Place, data, json, stderr, tickbridge};
use std::path::Path;
use tickbridge::record::{FLAG_HISTORY, FLAG_REFILL, HistoryBar, HistoryEnd, Tick};
use tickbridge::replay;

const DAY: &str = "fx_oanda_eurusd/tick/20140506_quote.zip";

/// A table read back: names, times, and every other column as bits; `None` where there is no value.
struct Table {
    names: Vec<String>,
    times: Vec<i64>,
    columns: Vec<Vec<Option<u64>>>,
    metadata: Vec<(String, String)>,
}

fn column<T: DataType>(
    group: &dyn parquet::file::reader::RowGroupReader,
    at: usize,
    bits: fn(T::T) -> u64,
) -> Vec<Option<u64>> {
    let count = group.metadata().num_rows() as usize;
    let (mut present, mut levels) = (Vec::new(), Vec::new());
    let mut reader = get_typed_column_reader::<T>(group.get_column_reader(at).unwrap());
    reader.read_records(count, Some(&mut levels), None, &mut present).unwrap();
    let mut values = present.into_iter();
    levels.iter().map(|level| (*level == 1).then(|| bits(values.next().unwrap()))).collect()
}

fn read(file: &Path) -> Table {
    let reader = SerializedFileReader::new(std::fs::File::open(file).unwrap()).unwrap();
    let known = reader.metadata().file_metadata();
    let names: Vec<String> = known.schema_descr().columns().iter().map(|c| c.name().to_owned()).collect();
    let pairs = known.key_value_metadata().unwrap().iter();
    let metadata = pairs.map(|pair| (pair.key.clone(), pair.value.clone().unwrap_or_default())).collect();
    let mut table = Table { columns: vec![Vec::new(); names.len() - 1], times: Vec::new(), names, metadata };
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).unwrap();
        let mut times = Vec::new();
        let mut ns = get_typed_column_reader::<Int64Type>(group.get_column_reader(0).unwrap());
        ns.read_records(group.metadata().num_rows() as usize, None, None, &mut times).unwrap();
        table.times.extend(times);
        for (at, values) in table.columns.iter_mut().enumerate() {
            let double = known.schema_descr().column(at + 1).physical_type() == parquet::basic::Type::DOUBLE;
            values.extend(match double {
                true => column::<DoubleType>(group.as_ref(), at + 1, f64::to_bits),
                false => column::<FloatType>(group.as_ref(), at + 1, |value| u64::from(value.to_bits())),
            });
        }
    }
    table
}

fn export(args: &[&str]) -> std::process::Output {
    tickbridge(&[&["features", "export"], args].concat())
}

#[test]
fn a_replayed_days_features_equal_the_exported_ones_bit_for_bit() {
    let day = data(DAY);
    let place = Place::new();
    // So many places that no tick of the day can meet a full ring and be coalesced; and no past is asked for, so that both
    // sides begin with the day's first tick.
    let sections = "[rings]\nmarket_slots = 65536\n[history]\nticks_max = 0\n[signal]";
    place.configure(&[("[signal]", sections)]);
    let mut appliance = place.appliance(&["--seconds", "600"]);
    let ticks = day.to_str().unwrap();
    let pace = ["--ticks-per-second", "10000", "--margin-mode", "netting", "--exit-at-end"];
    let mut terminal = place.terminal(&[&["--ticks", ticks], &pace[..]].concat());
    assert!(terminal.ended().success(), "{}", terminal.words());
    let sent = json(&place.path("terminal.json")).unwrap()["ticks_sent"].as_u64().unwrap();
    rig::until("the appliance has all ticks", || {
        (rig::count(&place.records(), tickbridge::record::Kind::Tick) as u64 >= sent).then_some(())
    });
    appliance.terminate();
    appliance.ended();

    let file = place.path("day.parquet");
    let (config, out) = (place.config(), file.to_str().unwrap());
    let told = export(&["--config", config.to_str().unwrap(), "--ticks", ticks, "--out", out, "--unready"]);
    assert!(told.status.success(), "{}", stderr(&told));
    let table = read(&file);
    let features = table.names.len() - 3;
    let (mut row, mut ready, mut decided) = (0, 0u64, 0);
    let summary = replay::watch(&place.path("journal"), &mut |record, engine| {
        let Some(tick) = record.payload::<Tick>() else { return };
        assert_eq!(
            (record.aux(), record.flags() & FLAG_REFILL),
            (0, 0),
            "no tick was coalesced or came late"
        );
        assert_eq!(table.times[row], tick.ts_venue, "time of tick {row}");
        let online = engine.features(0);
        assert_eq!(online.len(), features);
        for (at, value) in online.iter().enumerate() {
            // A feature that is not ready is NaN online and null in the table.
            let offline = table.columns[2 + at][row];
            let bits = (!value.is_nan()).then_some(u64::from(value.to_bits()));
            assert_eq!(bits, offline, "{} at tick {row}: {value}", table.names[3 + at]);
            ready += u64::from(offline.is_some());
        }
        row += 1;
        decided = engine.counts().decisions;
    });
    let summary = summary.unwrap_or_else(|error| panic!("the journal replays: {error}"));
    assert_eq!((row, row as u64), (table.times.len(), sent), "every tick of the day, online and offline");
    assert!(row > 40_000 && decided > 40_000 && ready > 15 * row as u64, "{row} rows, {decided} decisions");
    println!(
        "{row} ticks of {DAY}: {} values of {features} features equal bit for bit ({ready} ready), {decided} decisions; the \
         journal's {} outputs replay",
        row * features,
        summary.outputs
    );
}

/// Features on minutes, whose past the terminal tells as bars.
const MINUTES: &str = r#"
[[features]]
name = "minutes_sma_30"
kind = "sma"
instrument = "EURUSD"
input = "bid"
clock = "bar"
bar_ms = 60000
period = 30

[[features]]
name = "minutes_atr_14"
kind = "atr"
instrument = "EURUSD"
input = "bid"
clock = "bar"
bar_ms = 60000
period = 14

[model]
features = "spread, spread_sma_50, change_1, change_5, change_20, bid_change_1, ask_change_1, rsi_14, macd, macd_signal, percent_b_20, band_width_20, percent_b_50, return_50, change_5_s1, rsi_5_s1"
"#;
/// Features that never quite forget where their history began.
const ENDLESS: [&str; 4] = ["rsi_14", "macd", "macd_signal", "rsi_5_s1"];

/// A live tick, and the row that the engine had after it.
struct Online {
    ts: i64,
    row: Vec<f32>,
}

/// What an appliance that asked for the past knew: the ticks that it was told, how many bars, and the live ticks after them.
struct Warmed {
    told: Vec<Tick>,
    live: Vec<Tick>,
    bar_count: usize,
    rows: Vec<Online>,
}

/// Plays the day to an appliance, its first hours being the past, and runs the journal again.
fn warmed(place: &Place, ticks: &str) -> Warmed {
    let mut appliance = place.appliance(&["--seconds", "600"]);
    let pace = ["--ticks-per-second", "3000", "--margin-mode", "netting", "--exit-at-end"];
    let past = ["--ticks", ticks, "--history-hours", "8", "--ticks-max", "9000"];
    let mut terminal = place.terminal(&[&past[..], &pace].concat());
    assert!(terminal.ended().success(), "{}", terminal.words());
    let sent = json(&place.path("terminal.json")).unwrap()["ticks_sent"].as_u64().unwrap();
    let is_live = |flags: u8| flags & FLAG_REFILL == 0;
    rig::until("the appliance has all ticks", || {
        let records = place.records();
        let live = records.iter().filter(|r| r.payload::<Tick>().is_some() && is_live(r.flags()));
        (live.count() as u64 >= sent).then_some(())
    });
    appliance.terminate();
    appliance.ended();
    let records = place.records();
    let end = records.iter().filter_map(|record| record.payload::<HistoryEnd>()).next_back();
    let end = end.expect("an answer about the past");
    assert_eq!(end.error, 0, "the last answer is whole");
    let of = |wanted: fn(u8) -> bool| {
        records.iter().filter(move |r| wanted(r.flags())).filter_map(|record| record.payload::<Tick>())
    };
    let told = of(|flags| flags & FLAG_HISTORY == FLAG_HISTORY).filter(|tick| tick.stream_seq == end.request);
    let is_news = |tick: &Tick| (tick.connection, tick.stream_seq) > (end.connection, end.stream_seq);
    let live: Vec<Tick> = of(|flags| flags & FLAG_REFILL == 0).filter(is_news).collect();
    let bar_count = records.iter().filter(|record| record.payload::<HistoryBar>().is_some()).count();
    let mut rows = Vec::new();
    let summary = replay::watch(&place.path("journal"), &mut |record, engine| {
        let Some(tick) = record.payload::<Tick>().filter(|_| record.flags() & FLAG_REFILL == 0) else {
            return;
        };
        assert_eq!(record.aux(), 0, "no tick was coalesced");
        if is_news(&tick) {
            rows.push(Online { ts: tick.ts_venue, row: engine.features(0).to_vec() });
        }
    });
    summary.unwrap_or_else(|error| panic!("the journal replays: {error}"));
    Warmed { told: told.collect(), live, bar_count, rows }
}

/// Ticks as a file: milliseconds and prices of five digits.
fn write_ticks<'t>(file: &Path, ticks: impl Iterator<Item = &'t Tick>) {
    let price = |ticks: i64| format!("{}.{:05}", ticks / 100_000, ticks % 100_000);
    let line = |t: &Tick| format!("{},{},{}\n", t.ts_venue / 1_000_000, price(t.bid), price(t.ask));
    std::fs::write(file, ticks.map(line).collect::<String>()).unwrap();
}

/// Compares the columns of these names, row by row from the table's row `first` on; returns how many values.
fn compare_online(
    online: &[Online],
    table: &Table,
    first: usize,
    is_compared: impl Fn(&str) -> bool,
) -> usize {
    let columns = table.names[3..].iter().enumerate().filter(|(_, name)| is_compared(name));
    let columns: Vec<(usize, &String)> = columns.collect();
    assert!(columns.len() >= 12, "columns to compare: {columns:?}");
    for (row, online) in online.iter().enumerate() {
        assert_eq!(table.times[first + row], online.ts, "time of row {row}");
        for &(at, name) in &columns {
            let value = online.row[at];
            let bits = (!value.is_nan()).then_some(u64::from(value.to_bits()));
            assert_eq!(bits, table.columns[2 + at][first + row], "{name} in row {row}: {value}");
        }
    }
    online.len() * columns.len()
}

#[test]
fn features_warmed_by_the_terminals_history_equal_the_exported_ones_bit_for_bit() {
    let day = data(DAY);
    let place = Place::new();
    place.configure(&[("[signal]", "[rings]\nmarket_slots = 65536\n[signal]"), ("[model]", MINUTES)]);
    let Warmed { told, live, bar_count, rows } = warmed(&place, day.to_str().unwrap());
    assert_eq!(live.len(), rows.len());
    assert!(told.len() > 300 && bar_count >= 30, "told {} ticks, {bar_count} bars", told.len());
    // The past is in before the model is asked: but for ticks that came while it was asked for, no row waits.
    let ready = rows.iter().position(|online| online.row.iter().all(|value| !value.is_nan()));
    let ready = ready.expect("a row in which all features are ready");
    assert!(ready <= 64, "ready after {ready} live ticks beyond the answer");
    let rows = &rows[ready..];
    assert!(rows.len() > 5_000, "{} rows", rows.len());

    let config = place.config();
    let exported = |ticks: &Path, name: &str, columns: &[&str]| {
        let out = place.path(name);
        let common = ["--config", config.to_str().unwrap(), "--out", out.to_str().unwrap(), "--unready"];
        let ticks = format!("EURUSD={}", ticks.display());
        let told = export(&[&common[..], &["--ticks", &ticks], columns].concat());
        assert!(told.status.success(), "{}", stderr(&told));
        read(&out)
    };
    // The very ticks that the appliance had, those of the past first: everything that is not on the terminal's bars.
    let same = place.path("same.csv");
    write_ticks(&same, told.iter().chain(&live));
    let table = exported(&same, "same.parquet", &["--columns", "time=0,bid=1,ask=2"]);
    assert_eq!(table.times.len(), told.len() + live.len());
    let from_ticks = compare_online(rows, &table, told.len() + ready, |name| !name.starts_with("minutes_"));
    // The whole day, of which the appliance saw a part: everything that forgets, the terminal's bars among it.
    let whole = exported(&day, "whole.parquet", &[]);
    let starts = |first: &usize| rows.iter().zip(&whole.times[*first..]).all(|(row, ts)| row.ts == *ts);
    let first = (0..=whole.times.len() - rows.len()).find(starts).expect("the live ticks within the day");
    let from_day = compare_online(rows, &whole, first, |name| !ENDLESS.contains(&name));
    println!(
        "told {} ticks and {bar_count} bars, ready at live tick {}; {} rows: {from_ticks} values as exported from the same \
         ticks, {from_day} as exported from the whole day, bit for bit",
        told.len(),
        ready + 1,
        rows.len()
    );
}

#[test]
fn both_formats_hold_the_same_bits_and_a_later_start_gives_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (whole, part, text) = (path("whole.parquet"), path("part.parquet"), path("part.csv"));
    let (day, config) = (data(DAY), rig::bundled("demo.toml"));
    let common =
        ["--config", config.to_str().unwrap(), "--labels", "20t,5s", "--ticks", day.to_str().unwrap()];
    let window = ["--from", "2014-05-06T10:00:00", "--to", "2014-05-06T11:00:00"];
    for args in [
        [&common[..], &["--out", &whole][..]].concat(),
        [&common[..], &window, &["--out", &part]].concat(),
        [&common[..], &window, &["--out", &text]].concat(),
    ] {
        let told = export(&args);
        assert!(told.status.success(), "{}", stderr(&told));
    }
    let (whole, part) = (read(whole.as_ref()), read(part.as_ref()));
    let start = whole.times.iter().position(|ts| *ts == part.times[0]).unwrap();
    assert!(part.times.len() > 1_000 && start > 1_000);
    assert_eq!(whole.times[start..start + part.times.len()], part.times);
    for (whole, part) in whole.columns.iter().zip(&part.columns) {
        assert_eq!(
            whole[start..start + part.len()],
            *part,
            "features know what came before --from, labels what comes after"
        );
    }
    let text = std::fs::read_to_string(text).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next().unwrap().split(',').collect::<Vec<_>>(), part.names);
    for (row, line) in lines.by_ref().enumerate() {
        for (at, field) in line.split(',').enumerate().skip(1) {
            let float = (3..part.names.len() - 2).contains(&at);
            let bits = match float {
                true => field.parse::<f32>().ok().map(|value| u64::from(value.to_bits())),
                false => field.parse::<f64>().ok().map(f64::to_bits),
            };
            assert_eq!(bits, part.columns[at - 1][row], "{} of row {row}", part.names[at]);
        }
    }
    let value =
        |key: &str| part.metadata.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    assert_eq!(value("tickbridge.instrument"), Some("EURUSD"));
    assert_eq!(value("tickbridge.config_digest").map(str::len), Some(16));
    assert!(value("tickbridge.features").unwrap().contains("\"spread_sma_50\""));
}

#[test]
fn what_cannot_be_exported_is_refused_by_its_name_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (out, empty, config) = (path("t.parquet"), path("empty.csv"), rig::bundled("demo.toml"));
    std::fs::write(&empty, "").unwrap();
    let back = path("back.csv");
    std::fs::write(&back, "1000,1.1,1.2\n2000,1.1,1.2\n1999,1.1,1.2\n").unwrap();
    let between = path("between.csv");
    std::fs::write(&between, "1000,1.10000,1.20000\n2000,1.100005,1.2\n").unwrap();
    let (day, gold) = (data(DAY), data("fx_oanda_xauusd/tick"));
    let (day, gold) = (day.to_str().unwrap(), gold.to_str().unwrap());
    let columns = ["--columns", "time=0,bid=1,ask=2"];
    let exit = |code: i32, words: &str, args: &[&str]| {
        let told = export(&[&["--config", config.to_str().unwrap()], args].concat());
        assert_eq!(told.status.code(), Some(code), "{args:?}: {}", stderr(&told));
        assert!(stderr(&told).contains(words), "{args:?}: {}", stderr(&told));
    };
    exit(2, "expected a name that ends in .parquet or .csv", &["--ticks", day, "--out", &path("t.xlsx")]);
    exit(2, "--labels: expected 1 to 1000000 ticks", &["--ticks", day, "--out", &out, "--labels", "20"]);
    exit(
        2,
        "--to: expected a time after --from",
        &["--ticks", day, "--out", &out, "--to", "2014-05-06", "--from", "2014-05-06"],
    );
    exit(
        2,
        "--rows-of: expected the name of a configured instrument",
        &["--ticks", day, "--out", &out, "--rows-of", "X"],
    );
    exit(
        3,
        "expected ticks of a configured instrument (EURUSD), got XAUUSD",
        &["--ticks", gold, "--out", &out],
    );
    exit(3, "got GOLD; say NAME=PATH", &["--ticks", &format!("GOLD={gold}"), "--out", &out]);
    exit(
        3,
        "expected at least one tick, got none",
        &[&["--ticks", &empty, "--out", &out], &columns[..]].concat(),
    );
    for (from, to) in [("2031-01-01", "2031-01-02"), ("1999-01-01", "1999-01-02")] {
        let args = ["--ticks", day, "--out", &out, "--from", from, "--to", to];
        exit(3, "expected at least one row, got none of ", &args);
        exit(3, " outside --from and --to, ", &args);
    }
    let disorder = "tick 3 of the instrument: expected a time not before 1970-01-01 00:00:02.000";
    exit(3, disorder, &[&["--ticks", &back, "--out", &out], &columns[..]].concat());
    exit(3, "/nowhere.csv: ", &["--ticks", "/nowhere.csv", "--out", &out]);
    exit(4, "/nowhere/t.csv.partial: ", &["--ticks", day, "--out", "/nowhere/t.csv"]);
    // Said to be ticks of 0.00001: a half of one is no price.
    let place = Place::new();
    let text = std::fs::read_to_string(place.path("instruments.toml")).unwrap();
    std::fs::write(place.path("instruments.toml"), format!("{text}\ntick_size = 0.00001\n")).unwrap();
    let own = place.config();
    let args = ["--config", own.to_str().unwrap(), "--ticks", &between, "--out", &out];
    let told = export(&[&args[..], &columns].concat());
    assert!(
        stderr(&told).contains("tick 2 of the instrument: expected a multiple of the tick size 0.00001"),
        "{}",
        stderr(&told)
    );
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "only the inputs: {left:?}");
}

#[test]
fn a_table_can_be_made_before_there_is_a_model() {
    let place = Place::new();
    std::fs::remove_file(place.path("models/demo.json")).unwrap();
    let (config, out, day) = (place.config(), place.path("t.csv"), data(DAY));
    let (config, out) = (config.to_str().unwrap(), out.to_str().unwrap());
    let args = ["--config", config, "--ticks", day.to_str().unwrap(), "--out", out, "--json"];
    let told = export(&args);
    assert!(told.status.success(), "{}", stderr(&told));
    let summary: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    let lines = std::fs::read_to_string(out).unwrap().lines().count() as u64;
    assert_eq!(summary["row_count"].as_u64(), Some(lines - 1));
    assert_eq!(summary["row_count"].as_u64().unwrap() + summary["unready_count"].as_u64().unwrap(), 44_864);
}

#[test]
fn two_instruments_are_merged_by_time_and_files_put_in_order() {
    let place = Place::new();
    let gold = "\n[[instruments]]\nname = \"XAUUSD\"\nvenue = \"demo\"\nsymbol = \"XAUUSD\"\n";
    let text = std::fs::read_to_string(place.path("instruments.toml")).unwrap();
    std::fs::write(place.path("instruments.toml"), text + gold).unwrap();
    let ratio = "[[features]]\nname = \"ratio\"\nkind = \"pair_ratio\"\ninstrument = \"EURUSD\"\ninput = \"bid\"\n\
                 with = \"XAUUSD\"\nwith_input = \"bid\"\n[model]";
    place.configure(&[("[model]", ratio)]);
    let file = |name: &str, lines: &str| {
        std::fs::write(place.path(name), lines).unwrap();
        place.path(name).to_str().unwrap().to_owned()
    };
    let late = file("a.csv", "3000,1.3,1.4\n4000,1.4,1.5\n");
    let early = file("b.csv", "1000,1.1,1.2\n2000,1.2,1.3\n");
    let gold = file("gold.csv", "1000,5.0,5.1\n2500,6.0,6.1\n4000,7.0,7.1\n");
    let (config, out) = (place.config(), place.path("t.csv"));
    let (config, out) = (config.to_str().unwrap(), out.to_str().unwrap());
    let common = ["--config", config, "--out", out, "--unready", "--columns", "time=0,bid=1,ask=2"];
    let sources = [format!("EURUSD={late}"), format!("EURUSD={early}"), format!("XAUUSD={gold}")];
    let [late, early, gold] = sources.each_ref().map(String::as_str);
    let told = export(&[&common[..], &["--ticks", late, early, gold]].concat());
    assert!(told.status.success(), "{}", stderr(&told));
    let text = std::fs::read_to_string(out).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!(
        rows.iter().map(|row| row[0]).collect::<Vec<_>>(),
        ["1000", "2000", "3000", "4000"].map(|ms| format!("{ms}000000"))
    );
    // At equal times EURUSD, declared first, comes first: gold of that moment is not known to it yet.
    let ratios: Vec<&str> = rows.iter().map(|row| *row.last().unwrap()).collect();
    let ratio = |euro: f64, gold: f64| (euro / gold) as f32;
    let expected = [ratio(12.0, 50.0), ratio(13.0, 60.0), ratio(14.0, 60.0)].map(|value| value.to_string());
    assert_eq!((ratios[0], &ratios[1..]), ("", &expected.each_ref().map(String::as_str)[..]));
    let told = export(&[&common[..], &["--ticks", early]].concat());
    assert_eq!(told.status.code(), Some(3));
    let words = "feature ratio: expected ticks of XAUUSD (--ticks XAUUSD=PATH), got none";
    assert!(stderr(&told).contains(words), "{}", stderr(&told));
}
