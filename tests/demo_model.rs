//! The bundled demo model on real quotes: it loads, fits the demo's features, and trades a few times a minute.
//!
//! What it is not: a claim that the model earns anything. It exists so that the demo has decisions to show.
//!
//! Invariant: the features are those of `config/demo.toml`; `scripts/train-example` trains on what `tickbridge features
//! export` makes of the same file.

use std::io::Read;
use std::path::{Path, PathBuf};

use tickbridge::config::Config;
use tickbridge::features::{FeatureGraph, FeatureSpec, FeatureTick};
use tickbridge::model::{LoadOptions, Model};
use tickbridge::setup::feature_specs;
use tickbridge::signal::{Rule, Signal, State, Thresholds};
use tickbridge::types::{InstrumentId, NS_PER_MS, NS_PER_S, Price, Quote, TimeNs};

const EURUSD: InstrumentId = InstrumentId(0);
/// 2014-05-01 00:00 UTC.
const MAY_2014_MS: i64 = 1_398_902_400_000;

/// What `config/demo.toml` declares, in the model's order.
fn demo_features() -> Vec<FeatureSpec> {
    let config = Config::load(&repository().join("config/demo.toml")).expect("the demo's configuration");
    feature_specs(&config).expect("the demo's features")
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// One day of real quotes as (time, bid, ask) in ticks of 0.00001.
fn day(may: i64) -> Vec<(TimeNs, Price, Price)> {
    let path: PathBuf =
        repository().join(format!("../shared/data/fx_oanda_eurusd/tick/201405{may:02}_quote.zip"));
    let file = std::fs::File::open(&path)
        .unwrap_or_else(|error| panic!("test data: expected {}, got {error}", path.display()));
    let mut text = String::new();
    zip::ZipArchive::new(file).unwrap().by_index(0).unwrap().read_to_string(&mut text).unwrap();
    let ticks = |text: &str| Price((text.parse::<f64>().unwrap() * 100_000.0).round() as i64);
    text.lines()
        .map(|line| {
            let mut fields = line.split(',');
            let mut next = || fields.next().unwrap();
            let ms = MAY_2014_MS + (may - 1) * 86_400_000 + next().parse::<i64>().unwrap();
            (TimeNs::from_ms(ms), ticks(next()), ticks(next()))
        })
        .collect()
}

/// What `config/demo.toml` sets.
const DEMO_RULE: Thresholds = Thresholds {
    enter_long_above: 0.54,
    enter_short_below: 0.48,
    exit_long_below: 0.51,
    exit_short_above: 0.51,
    cooldown_ns: NS_PER_S,
    spread_max_ticks: 25,
    quote_age_max_ns: 500 * NS_PER_MS,
};

#[test]
fn the_demo_models_trade_on_a_real_day_and_both_ways() {
    let folder = repository().join("config/models");
    let linear = Thresholds {
        enter_long_above: 0.515,
        enter_short_below: 0.495,
        exit_long_below: 0.505,
        exit_short_above: 0.505,
        ..DEMO_RULE
    };
    for (file, rule) in [("demo.json", DEMO_RULE), ("demo-linear.json", linear)] {
        let mut graph = FeatureGraph::build(&demo_features()).unwrap();
        let model = Model::load(
            &std::fs::read(folder.join(file)).unwrap(),
            None,
            graph.names(),
            &LoadOptions::default(),
        )
        .unwrap();
        let mut rule = Rule::new(rule).unwrap();
        let mut position = 0;
        let (mut entries, mut exits, mut decisions) = ([0u32; 2], 0u32, 0u32);
        let ticks = day(8);
        for (ts_recv, bid, ask) in &ticks {
            graph.on_tick(EURUSD, *ts_recv, &FeatureTick::quote(*bid, *ask));
            if !graph.all_ready() {
                continue;
            }
            decisions += 1;
            let quote =
                Quote { bid: *bid, ask: *ask, last: Price::NONE, ts_venue: *ts_recv, ts_recv: *ts_recv };
            let state = State { position, quote, now: *ts_recv };
            match rule.decide(model.predict(graph.values()), &state) {
                Signal::Enter(side) => {
                    (position, entries[side.index()]) = (side.sign(), entries[side.index()] + 1);
                }
                Signal::Exit => (position, exits) = (0, exits + 1),
                Signal::None => {}
            }
        }
        let minutes = (ticks.last().unwrap().0.since(ticks[0].0) / (60 * NS_PER_S)) as f64;
        let per_minute = f64::from(entries[0] + entries[1]) / minutes;
        println!(
            "{file} ({}): {decisions} decisions, {} long, {} short, {exits} exits, {per_minute:.2} entries a minute",
            model.kernel_name(),
            entries[0],
            entries[1],
        );
        assert!(entries[0] > 100 && entries[1] > 100, "{file}: expected entries both ways, got {entries:?}");
    }
}
