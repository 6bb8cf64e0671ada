//! Tick files on real data: bars rebuilt from ticks, conversion and back, damage.
//!
//! What it is not: a test of the parsers' details; those are beside the code.
//!
//! Invariant: without the data these tests fail, naming the path that is missing.

use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use tickbridge::cli::ticks::{self, TicksArgs};
use tickbridge::store::ticks::tbt::{TbtReader, TbtWriter, TbtWriterOptions};
use tickbridge::store::ticks::{
    CivilDate, CsvMap, FileTick, NO_PRICE, OnBroken, OpenOptions, TickCounts, TickFileError, TimeBase,
    TimeFormat, bi5, open_ticks,
};
use tickbridge::types::{FixedText, NS_PER_MS, NS_PER_S, TimeNs};

const MINUTE_NS: i64 = 60 * NS_PER_S;

fn data(path: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path);
    assert!(path.exists(), "test data is missing: {}", path.display());
    path
}

fn ticks_of(path: &Path, options: &OpenOptions) -> (Vec<FileTick>, u8) {
    let reader = open_ticks(path, options).unwrap();
    let digits = reader.info().digits;
    (reader.map(|tick| tick.unwrap()).collect(), digits)
}

/// First, most, least and last bid, then ask, of every interval that has ticks, keyed by its start.
fn bars(ticks: &[FileTick], interval_ns: i64) -> BTreeMap<i64, [i64; 8]> {
    let mut bars = BTreeMap::new();
    for tick in ticks {
        let start = tick.ts_venue.0.div_euclid(interval_ns) * interval_ns;
        let (bid, ask) = (tick.bid, tick.ask);
        let bar = bars.entry(start).or_insert([bid, bid, bid, bid, ask, ask, ask, ask]);
        (bar[1], bar[2], bar[3]) = (bar[1].max(bid), bar[2].min(bid), bid);
        (bar[5], bar[6], bar[7]) = (bar[5].max(ask), bar[6].min(ask), ask);
    }
    bars
}

/// Scaled by way of floating point on purpose: an independent reading of the published text.
fn published_bars(path: &Path, digits: u8) -> BTreeMap<i64, [i64; 8]> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut text = String::new();
    archive.by_index(0).unwrap().read_to_string(&mut text).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    let midnight = CivilDate::parse(&name[..8]).unwrap().midnight();
    let bar = |line: &str| {
        let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        let price = |index: usize| (cells[index] * 10f64.powi(i32::from(digits))).round() as i64;
        (midnight.0 + cells[0] as i64 * NS_PER_MS, [1, 2, 3, 4, 6, 7, 8, 9].map(price))
    };
    text.lines().map(bar).collect()
}

/// Returns the number of bars checked.
fn check_bars(folder: &str, resolution: &str, interval_ns: i64, days: usize) -> usize {
    let (mut checked_days, mut checked_bars) = (0, 0);
    for file in std::fs::read_dir(data(&format!("{folder}/{resolution}"))).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let (ticks, digits) = ticks_of(&data(&format!("{folder}/tick/{name}")), &OpenOptions::default());
        let ours = bars(&ticks, interval_ns);
        assert!(ours == published_bars(&path, digits), "{}: bars rebuilt from ticks differ", path.display());
        checked_bars += ours.len();
        checked_days += 1;
    }
    assert_eq!(checked_days, days, "days of {folder}/{resolution}");
    checked_bars
}

#[test]
fn minute_and_second_bars_equal_those_published() {
    println!("oanda eurusd minutes: {}", check_bars("fx_oanda_eurusd", "minute", MINUTE_NS, 8));
    println!("fxcm eurusd minutes: {}", check_bars("fx_fxcm_eurusd", "minute", MINUTE_NS, 6));
    println!("oanda xauusd minutes: {}", check_bars("fx_oanda_xauusd", "minute", MINUTE_NS, 3));
    println!("oanda eurusd seconds: {}", check_bars("fx_oanda_eurusd", "second", NS_PER_S, 2));
}

#[test]
fn dukascopy_candles_equal_those_published() {
    let folder = data("fx_dukascopy_eurusd/2019-02-04");
    let reader = open_ticks(&folder, &OpenOptions::default()).unwrap();
    assert_eq!(reader.info().ignored, [folder.join("BID_candles_min_1.bi5")]);
    assert_eq!(reader.info().symbol.as_deref(), Some("EURUSD"));
    let ticks: Vec<FileTick> = reader.map(|tick| tick.unwrap()).collect();
    assert_eq!(ticks.len(), 136_741);
    let ours = bars(&ticks, MINUTE_NS);
    let mut volumes: BTreeMap<i64, f64> = BTreeMap::new();
    for tick in &ticks {
        *volumes.entry(tick.ts_venue.0.div_euclid(MINUTE_NS) * MINUTE_NS).or_default() += tick.bid_volume;
    }
    let candles = bi5::unpack(&std::fs::read(folder.join("BID_candles_min_1.bi5")).unwrap()).unwrap();
    let midnight = CivilDate::parse("2019-02-04").unwrap().midnight().0;
    assert_eq!(candles.len(), 1440 * 24);
    for candle in candles.chunks_exact(24) {
        let word = |at: usize| u32::from_be_bytes(candle[at..at + 4].try_into().unwrap());
        let start = midnight + i64::from(word(0)) * NS_PER_S;
        let volume = f64::from(f32::from_bits(word(20)));
        let [open, close, low, high] = [4, 8, 12, 16].map(|at| i64::from(word(at)));
        let bar = ours.get(&start).unwrap_or_else(|| panic!("second {} has no ticks", word(0)));
        assert_eq!(bar[..4], [open, high, low, close], "second {}", word(0));
        assert!((volumes[&start] - volume).abs() <= 1e-6 * volume, "second {}: volume {volume}", word(0));
    }
}

#[test]
fn fxcm_crossed_and_locked_quotes_are_kept_and_counted() {
    let options = OpenOptions { utc_offset_ns: Some(-5 * 3600 * NS_PER_S), ..OpenOptions::default() };
    let (ticks, _) = ticks_of(&data("fx_fxcm_eurusd/tick"), &options);
    let mut counts = TickCounts::default();
    ticks.iter().for_each(|tick| counts.see(tick));
    assert_eq!(counts.tick_count, 527_942);
    let share = |count: u64| count as f64 / counts.tick_count as f64;
    let (crossed, locked) = (share(counts.crossed_count), share(counts.locked_count));
    println!(
        "fxcm: crossed {} ({crossed:.4}), locked {} ({locked:.4})",
        counts.crossed_count, counts.locked_count
    );
    assert!((0.08..0.13).contains(&crossed) && (0.10..0.14).contains(&locked));
    assert_eq!(counts.disordered_count, 0);
    let sunday = CivilDate::parse("2014-05-04").unwrap().midnight();
    assert!(
        ticks[0].ts_venue.since(sunday) > 18 * 3600 * NS_PER_S,
        "New York's afternoon is the evening in UTC"
    );
}

fn written(ticks: &[FileTick], options: TbtWriterOptions) -> Vec<u8> {
    let mut writer = TbtWriter::new(Cursor::new(Vec::new()), options).unwrap();
    ticks.iter().for_each(|tick| writer.push(tick).unwrap());
    writer.finish().unwrap().1.into_inner()
}

fn reader(bytes: &[u8]) -> Result<TbtReader<Cursor<&[u8]>>, TickFileError> {
    TbtReader::new(Cursor::new(bytes), Path::new("mem"))
}

fn read(bytes: &[u8]) -> Result<Vec<FileTick>, TickFileError> {
    let mut reader = reader(bytes)?;
    let mut ticks = Vec::new();
    while let Some(tick) = reader.next_tick()? {
        ticks.push(tick);
    }
    Ok(ticks)
}

fn assert_same(expected: &[FileTick], got: &[FileTick]) {
    assert_eq!(expected.len(), got.len());
    let first = expected.iter().zip(got).position(|(expected, got)| !expected.same_bits(got));
    assert_eq!(first, None, "first tick that differs");
}

#[test]
fn all_four_sets_convert_and_read_back_equal() {
    let sets = [
        ("fx_oanda_eurusd/tick", 321_559, 5),
        ("fx_fxcm_eurusd/tick", 527_942, 5),
        ("fx_oanda_xauusd/tick", 357_645, 3),
        ("fx_dukascopy_eurusd/2019-02-04", 136_741, 5),
    ];
    for (path, count, expected_digits) in sets {
        let (ticks, digits) = ticks_of(&data(path), &OpenOptions::default());
        assert_eq!((ticks.len(), digits), (count, expected_digits), "{path}");
        let bytes = written(&ticks, TbtWriterOptions::new(digits, TimeBase::Utc));
        println!(
            "{path}: {count} ticks, {} bytes, {:.2} a tick",
            bytes.len(),
            bytes.len() as f64 / count as f64
        );
        assert_same(&ticks, &read(&bytes).unwrap());
        let middle = ticks[count / 2].ts_venue;
        let mut reader = reader(&bytes).unwrap();
        reader.seek(middle).unwrap();
        let expected = ticks.iter().find(|tick| tick.ts_venue >= middle).unwrap();
        assert!(reader.next_tick().unwrap().unwrap().same_bits(expected), "{path}: seek");
    }
}

fn few_ticks() -> Vec<FileTick> {
    let tick = |index: i64| FileTick {
        last: if index % 2 == 0 { NO_PRICE } else { 110_400 + index },
        volume: index as f64 / 3.0,
        ..FileTick::quote(TimeNs(1_700_000_000_000_000_000 + index * 17), 110_432 - index, 110_440)
    };
    (0..7).map(tick).collect()
}

#[test]
fn a_file_cut_at_any_byte_or_with_any_bit_flipped_is_refused() {
    let options = TbtWriterOptions { block_ticks: 3, ..TbtWriterOptions::new(5, TimeBase::Server) };
    let bytes = written(&few_ticks(), options);
    assert_same(&few_ticks(), &read(&bytes).unwrap());
    for end in 0..bytes.len() {
        assert!(read(&bytes[..end]).is_err(), "cut at {end}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&damaged).is_err(), "bit {bit} flipped");
    }
    let second_block = bytes.windows(4).enumerate().filter(|(_, four)| four == b"TBLK").nth(1).unwrap().0;
    let mut damaged = bytes.clone();
    damaged[second_block + 45] ^= 1;
    let error = read(&damaged).unwrap_err().to_string();
    assert!(error.contains("block 1:") && error.contains("checksum"), "{error}");
}

#[test]
fn the_bytes_of_a_small_file_are_these() {
    let symbol = FixedText::new("EURUSD").unwrap();
    let options = TbtWriterOptions { symbol, ..TbtWriterOptions::new(5, TimeBase::Server) };
    let bytes = written(&few_ticks()[..2], options);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, GOLDEN);
}

/// Two ticks; `store::ticks::tbt` has the layout. A change here is a new version of the format.
const GOLDEN: &str = "54425449434b531a0100a000050100004555525553440000000000000000000000000000000000000000000000000000\
    01000000000000000040000001000000020000000000000000002a36fe9c971711002a36fe9c97170a01000000000000\
    3a0100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
    000000000000000000000000e4ac4b6254424c4b000000000200000040000000420000004f00000000002a36fe9c9717\
    00000000c97e2a1728b52ffd2040cd0100d40202000000002204000000c0bd0d0102000000100214000000ff01fdc2f2\
    0abfaad7aad5aad5aa5502000000060003004f05d19249041803a00000000000000000002a36fe9c971711002a36fe9c\
    971702000000000000006edd48272984a34b544254454e440d0a";

/// `cargo test --release --test tick_files -- --ignored --nocapture decode_rate`
#[test]
#[ignore = "a measurement, for release builds"]
fn decode_rate() {
    let (ticks, digits) = ticks_of(&data("fx_oanda_eurusd/tick"), &OpenOptions::default());
    let bytes = written(&ticks, TbtWriterOptions::new(digits, TimeBase::Utc));
    let clock = quanta::Clock::new();
    let mut best = 0.0_f64;
    for _ in 0..15 {
        let mut reader = reader(&bytes).unwrap();
        let (start, mut count, mut sum) = (clock.now(), 0, 0_i64);
        loop {
            let block = reader.next_ticks().unwrap();
            if block.is_empty() {
                break;
            }
            count += block.len();
            sum = block.iter().fold(sum, |sum, tick| sum.wrapping_add(tick.bid ^ tick.ts_venue.0));
        }
        best = best.max(count as f64 / clock.now().duration_since(start).as_secs_f64());
        assert_eq!(count, ticks.len());
        std::hint::black_box(sum);
    }
    println!("figure tick_file_decode_ticks_per_s {best:.0} 1/s");
}

#[derive(clap::Parser)]
struct Program {
    #[command(flatten)]
    ticks: TicksArgs,
}

#[test]
fn the_command_converts_and_its_exit_codes_are_those_of_its_help() {
    let (folder, path) = file("EURUSD_ticks.csv", MT5.as_bytes());
    let out = folder.path().join("out.tbt");
    let run = |more: &[&str]| {
        let args = ["ticks", "convert", path.to_str().unwrap(), out.to_str().unwrap()];
        let program = <Program as clap::Parser>::parse_from(args.iter().chain(more));
        ticks::run(&program.ticks).map_err(|error| error.exit_code())
    };
    assert_eq!(run(&[]), Err(3));
    assert!(
        !out.exists() && std::fs::read_dir(folder.path()).unwrap().count() == 1,
        "nothing half-written stays"
    );
    assert_eq!(run(&["--utc-offset=x"]), Err(2));
    assert_eq!(run(&["--skip-broken", "--json"]), Ok(1));
    let reader = open_ticks(&out, &OpenOptions::default()).unwrap();
    assert_eq!((reader.info().symbol.as_deref(), reader.info().digits), (Some("EURUSD"), 5));
    assert_eq!((reader.info().time_base, reader.count()), (TimeBase::Server, 2));
}

#[test]
fn an_unfinished_file_is_refused() {
    let options = TbtWriterOptions { block_ticks: 2, ..TbtWriterOptions::new(5, TimeBase::Utc) };
    let mut out = Cursor::new(Vec::new());
    let mut writer = TbtWriter::new(&mut out, options).unwrap();
    few_ticks().iter().for_each(|tick| writer.push(tick).unwrap());
    drop(writer);
    let error = read(out.get_ref()).unwrap_err().to_string();
    assert!(error.contains("finished"), "{error}");
}

fn file(name: &str, text: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

const MT5: &str = "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\r\n\
    2024.01.02\t00:00:00.123\t1.10432\t1.10440\t\t\t6\r\n\
    2024.01.02\t00:00:01.000\t\t1.1044x\t\t\t4\r\n\
    2024.01.02\t00:00:02.000\t\t1.10441\t\t\t4\r\n";

#[test]
fn a_broken_line_stops_with_its_place_or_is_skipped_and_counted() {
    let (_folder, path) = file("EURUSD_ticks.csv", MT5.as_bytes());
    let mut reader = open_ticks(&path, &OpenOptions::default()).unwrap();
    assert_eq!(reader.info().time_base, TimeBase::Server);
    assert!(reader.next().unwrap().is_ok());
    let error = reader.next().unwrap().unwrap_err().to_string();
    assert!(
        error.contains("EURUSD_ticks.csv: line 3: expected ASK") && error.contains("\"1.1044x\""),
        "{error}"
    );
    assert!(reader.next().is_none(), "after an error there is nothing more");
    let options = OpenOptions { on_broken: OnBroken::Skip, ..OpenOptions::default() };
    let mut reader = open_ticks(&path, &options).unwrap();
    let ticks: Vec<FileTick> = reader.by_ref().map(|tick| tick.unwrap()).collect();
    assert_eq!((ticks.len(), reader.broken_count(), reader.broken()[0].number), (2, 1, 3));
    assert_eq!((ticks[1].bid, ticks[1].ask), (110_432, 110_441));
}

#[test]
fn an_mt5_export_in_utf16_reads_as_in_utf8() {
    let options = OpenOptions { on_broken: OnBroken::Skip, ..OpenOptions::default() };
    let wide: Vec<u8> = format!("\u{feff}{MT5}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (_narrow_folder, narrow) = file("a.txt", MT5.as_bytes());
    let (_wide_folder, wide) = file("a.txt", &wide);
    assert_same(&ticks_of(&narrow, &options).0, &ticks_of(&wide, &options).0);
}

#[test]
fn a_mapped_csv_reads_and_an_unmapped_one_is_refused() {
    let (_folder, path) = file("q.csv", b"t,b,a\n1549238400.5,1.1,1.25\n1549238401,1.2,1.3\n");
    assert!(open_ticks(&path, &OpenOptions::default()).is_err());
    let map = CsvMap::new("time=0,bid=1,ask=2", TimeFormat::parse("unix_s").unwrap(), b',').unwrap();
    let options = OpenOptions { csv: Some(map.with_header()), ..OpenOptions::default() };
    let (ticks, digits) = ticks_of(&path, &options);
    assert_eq!((digits, ticks.len(), ticks[0].ask), (2, 2, 125));
    assert_eq!(ticks[0].ts_venue.ms(), 1_549_238_400_500);
}

#[test]
fn bars_in_place_of_ticks_are_refused() {
    let mut reader = open_ticks(&data("fx_oanda_eurusd/minute"), &OpenOptions::default()).unwrap();
    let error = reader.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("line 1: expected 3 cells"), "{error}");
}

fn any_tick() -> impl Strategy<Value = FileTick> {
    let price = || prop_oneof![4 => 100_000_i64..200_000, 1 => Just(NO_PRICE), 1 => any::<i64>()];
    let volume =
        || prop_oneof![4 => Just(0.0), 2 => 0.0..100.0_f64, 1 => any::<u64>().prop_map(f64::from_bits)];
    let ts = prop_oneof![4 => (0_i64..1_000_000).prop_map(|ms| ms * 1_000_000), 1 => any::<i64>()];
    (ts, [price(), price(), price()], [volume(), volume(), volume()], any::<u32>()).prop_map(
        |(ts, [bid, ask, last], [volume, bid_volume, ask_volume], flags)| FileTick {
            ts_venue: TimeNs(ts),
            bid,
            ask,
            last,
            volume,
            bid_volume,
            ask_volume,
            flags,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_is_written_is_read_back(ticks in prop::collection::vec(any_tick(), 0..200), block_ticks in 1_u32..64) {
        let options = TbtWriterOptions { block_ticks, ..TbtWriterOptions::new(5, TimeBase::Utc) };
        let got = read(&written(&ticks, options)).unwrap();
        prop_assert_eq!(ticks.len(), got.len());
        prop_assert!(ticks.iter().zip(&got).all(|(expected, got)| expected.same_bits(got)));
    }

    #[test]
    fn garbage_is_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(read(&bytes).is_err());
    }
}
