//! Models exchanged under load: no tick is lost, and no decision mixes two versions. The proof is made from the journal alone.
//!
//! What it is not: a latency measurement; `benches` have those.
//!
//! Invariant: nothing here depends on how fast the machine is: exchanges go on until there were enough of them and of commands.

mod rig;

use rig::{Place, bundled, stderr, until};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tickbridge::app::{Appliance, ModelChangeError, StartOptions, Word};
use tickbridge::config::Config;
use tickbridge::engine::{ModelUnit, Slot};
use tickbridge::features::{FeatureGraph, FeatureTick};
use tickbridge::journal::JournalReader;
use tickbridge::record::{Command, Decision, FLAG_REFILL, Kind, ModelChange, Record, Tick};
use tickbridge::registry::{CalibrationHeader, ModelHeader, ModelSource};
use tickbridge::setup::{SavedSetup, feature_specs};
use tickbridge::types::{FixedText, Price, TimeNs};

const EXCHANGES: u32 = 200;
const DECIDING_VERSIONS_MIN: usize = 12;

/// One of many versions: trees and a linear model in turn, each with a calibration of its own, so that no two versions give
/// the same bits.
fn version(version: u32, config: &Config) -> ModelSource {
    let shift = f64::from(version) * 1e-5;
    let (file, format, low, high) = match version % 2 {
        0 => ("models/demo.json", "xgboost_json", 0.4, 0.6),
        _ => ("models/demo-linear.json", "linear_json", 0.48, 0.52),
    };
    let header = ModelHeader {
        name: "swapped".into(),
        version,
        format: format.into(),
        features: config.features.iter().map(|feature| feature.name.clone()).collect(),
        rounds: None,
        calibration: CalibrationHeader::Isotonic {
            from: vec![0.0, low, high, 1.0],
            to: vec![0.0, 0.3 + shift, 0.7 + shift, 1.0],
            steps: false,
        },
        long_class: None,
        short_class: None,
        takes_missing: false,
        histograms: Vec::new(),
    };
    ModelSource::new(header, std::fs::read(bundled(file)).expect("a bundled model"))
}

fn word() -> Word {
    Word { who: FixedText::new("test").unwrap(), why: FixedText::new("swap under load").unwrap() }
}

fn install(appliance: &mut Appliance, slot: Slot, source: &ModelSource) {
    until("the lane takes a model", || match appliance.install_model(slot, source, word()) {
        Ok(()) => Some(()),
        Err(ModelChangeError::Busy) => None,
        Err(error) => panic!("{error}"),
    });
}

/// What the journal proves.
#[derive(Debug, Default)]
struct Proof {
    ticks: u64,
    changes: u64,
    decisions: u64,
    commands: u64,
    /// Decisions by the digest of the model that made them.
    versions: BTreeMap<u64, u64>,
    /// Decisions after the first exchange.
    comparable: u64,
    /// Decisions whose score another version would have made otherwise.
    distinguished: u64,
}

/// The journal read with nothing but its own folder: every decision's score is made again, from the ticks, by the version that
/// stood in the slot when its tick was stepped.
fn prove(journal: &Path, epoch: u32) -> Proof {
    let saved = SavedSetup::read(journal, epoch).expect("the setup of the start");
    let mut features = FeatureGraph::build(&feature_specs(&saved.config).unwrap()).unwrap();
    let mut units: BTreeMap<u64, ModelUnit> = BTreeMap::new();
    let mut live = u64::from_str_radix(&saved.models.placed[0].digest, 16).unwrap();
    let mut before = live;
    let mut revision = 0;
    let mut decided: Option<Decision> = None;
    let mut proof = Proof::default();
    let load = |units: &mut BTreeMap<u64, ModelUnit>, features: &FeatureGraph, digest: u64| {
        units.entry(digest).or_insert_with(|| {
            ModelSource::read(journal, digest).unwrap().load(features.names(), 0).unwrap()
        });
    };
    load(&mut units, &features, live);
    for record in JournalReader::open(journal).unwrap() {
        let record: Record = record.unwrap();
        if let Some(tick) = record.payload::<Tick>().filter(|_| record.flags() & FLAG_REFILL == 0) {
            let (volume, flags) = (tick.volume, tick.tick_flags);
            let (bid, ask, last) = (Price(tick.bid), Price(tick.ask), Price(tick.last));
            let tick_of = FeatureTick { bid, ask, last, volume, flags, ..FeatureTick::NONE };
            features.on_tick(record.instrument(), TimeNs(tick.ts_venue), &tick_of);
            proof.ticks += 1;
        } else if let Some(change) = record.payload::<ModelChange>() {
            (before, live) = (live, change.digest);
            revision += 1;
            load(&mut units, &features, live);
            proof.changes += 1;
        } else if let Some(decision) = record.payload::<Decision>() {
            let named = |at: usize| u64::from_le_bytes(decision.digests[8 * at..][..8].try_into().unwrap());
            assert_eq!(named(0), live, "record {}: decided by the version that stood there", record.seq());
            assert!((1..8).all(|at| named(at) == 0), "one model alone");
            assert_eq!(decision.revision, revision, "record {}", record.seq());
            let score = units.get_mut(&live).unwrap().score(features.values());
            assert_eq!(score.to_bits(), decision.score_bits, "record {}: the same bits", record.seq());
            let other = units.get_mut(&before).unwrap().score(features.values());
            proof.comparable += u64::from(revision > 0);
            proof.distinguished += u64::from(other.to_bits() != decision.score_bits);
            *proof.versions.entry(live).or_default() += 1;
            proof.decisions += 1;
            decided = Some(decision);
        } else if let Some(command) = record.payload::<Command>() {
            let decision =
                decided.take().unwrap_or_else(|| panic!("record {}: no decision before it", record.seq()));
            assert_eq!(decision.order_id, command.order_id, "record {}", record.seq());
            proof.commands += 1;
        }
    }
    proof
}

#[test]
fn two_hundred_exchanges_under_load_lose_no_tick_and_mix_no_decision() {
    let place = Place::new();
    place
        .configure(&[("cooldown_ms = 200", "cooldown_ms = 1"), ("hold_ms_max = 10000", "hold_ms_max = 300")]);
    let mut config = Config::load(&place.config()).expect("the bundled configuration");
    // Live ticks alone make the features, so that the proof needs no more than them.
    config.history.ticks_max = 0;
    let mut appliance = Appliance::start(&config, &StartOptions::default()).expect("a start");
    let epoch = appliance.epoch;
    let mut terminal = place.terminal(&["--ticks-per-second", "2000"]);
    until("it trades", || appliance.collect().filter(|status| status.counts.orders > 0).map(|_| ()));

    let mut number = 0;
    let mut last;
    loop {
        number += 1;
        let source = version(number, &config);
        install(&mut appliance, Slot::Member(0), &source);
        last = source.digest();
        let status = appliance.collect().copied().expect("a status");
        if number >= EXCHANGES && number % 10 == 0 {
            let deciders: BTreeSet<u64> = decisions(&config.journal.dir);
            if deciders.len() >= DECIDING_VERSIONS_MIN && status.counts.orders >= 30 {
                break;
            }
        }
    }
    until("the last model decides", || {
        let status = appliance.collect()?;
        (status.models.revision == u64::from(number)).then_some(())
    });
    until("models that left were freed", || {
        appliance.collect();
        (appliance.retired_model_count() == u64::from(number)).then_some(())
    });
    // The terminal ends first, so that its last words arrive.
    terminal.terminate();
    assert!(terminal.ended().success());
    let sent = place.truth()["ticks_sent"].as_u64().unwrap();
    until("every tick arrived", || {
        let counts = appliance.collect()?.counts;
        (counts.ticks + counts.coalesced >= sent).then_some(())
    });
    let outcome = appliance.finish();
    assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
    let status = outcome.status.expect("a status");
    assert_eq!(status.counts.ticks + status.counts.coalesced, sent, "ticks sent and ticks counted");
    assert_eq!(status.counts.gaps, 0);

    let proof = prove(&config.journal.dir, epoch);
    println!(
        "{number} exchanges; {sent} ticks sent, {} in the journal ({} coalesced); {} decisions with a command, by {} \
         versions; {} of them another version would have scored otherwise",
        proof.ticks,
        status.counts.coalesced,
        proof.decisions,
        proof.versions.len(),
        proof.distinguished
    );
    assert_eq!(proof.ticks, status.counts.ticks);
    assert_eq!(proof.changes, u64::from(number));
    assert_eq!((proof.decisions, proof.commands), (status.counts.orders, status.counts.orders));
    assert!(proof.versions.len() >= DECIDING_VERSIONS_MIN, "{:?}", proof.versions);
    assert!(proof.distinguished * 10 >= proof.comparable * 9, "{proof:?}: versions can be told apart");
    assert!(proof.comparable >= 10, "{proof:?}");
    let output = place.verify();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    restarted(&place, &config, last);
}

/// Models that commands were decided by, as far as the journal's files have them.
fn decisions(journal: &Path) -> BTreeSet<u64> {
    let records = rig::records(journal);
    let digest = |decision: Decision| u64::from_le_bytes(decision.digests[..8].try_into().unwrap());
    records.iter().filter_map(|record| record.payload::<Decision>()).map(digest).collect()
}

/// A start after the run comes up with the last promoted model; one with another configured model comes up with that.
fn restarted(place: &Place, config: &Config, last: u64) {
    let live = |config: &Config| {
        let mut appliance = Appliance::start(config, &StartOptions::default()).expect("a start");
        let models = until("a status", || appliance.collect().map(|status| status.models));
        let outcome = appliance.finish();
        assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
        models.live[0].expect("a live model").1.digest
    };
    assert_eq!(live(config), last, "the last promoted model");
    assert_eq!(live(config), last, "and once more, though the last run changed nothing");
    let mut other = config.clone();
    other.model.file = bundled("models/demo-linear.json");
    other.model.format = tickbridge::config::ModelFormat::LinearJson;
    let configured = live(&other);
    assert_ne!(configured, last, "the configuration was changed, so it is followed");
    assert_eq!(live(&other), configured);
    let output = place.verify();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["starts"], 5);
}

#[test]
fn a_model_that_does_not_fit_leaves_the_live_one() {
    let place = Place::new();
    let config = Config::load(&place.config()).expect("the bundled configuration");
    let mut appliance = Appliance::start(&config, &StartOptions::default()).expect("a start");
    let live = until("a status", || appliance.collect().map(|status| status.models)).live[0];
    let good = version(1, &config);
    let cut = ModelSource::new(good.header().clone(), good.bytes()[..good.bytes().len() / 2].to_vec());
    let mut renamed = good.header().clone();
    renamed.features[3] = "change_3".into();
    let renamed = ModelSource::new(renamed, good.bytes().to_vec());
    let mut reordered = good.header().clone();
    reordered.features.swap(0, 1);
    let reordered = ModelSource::new(reordered, good.bytes().to_vec());
    for (slot, source, words) in [
        (Slot::Member(0), &cut, "model swapped"),
        (Slot::Member(0), &renamed, "change_"),
        (Slot::Member(0), &reordered, "spread"),
        (Slot::Member(1), &good, "slot of the configuration"),
        (Slot::Stack, &good, "no stacking model"),
        (Slot::Shadow(4), &good, "slot of the configuration"),
    ] {
        let refused = appliance.install_model(slot, source, word()).unwrap_err().to_string();
        assert!(refused.contains(words), "{slot:?}: {refused}");
    }
    let outcome = appliance.finish();
    let models = outcome.status.expect("a status").models;
    assert_eq!((models.revision, models.live[0]), (0, live));
    let all = rig::records(&config.journal.dir);
    assert_eq!(rig::count(&all, Kind::ModelChange), 0);
}
