//! Declarations that must be refused, each by the name of its feature.
//!
//! What it is not: a test of numbers.
//!
//! Invariant: no bad declaration passes, and no message is without what was expected and got.

use super::*;

fn spec(name: &str, kind: Kind) -> FeatureSpec {
    FeatureSpec::new(name, InstrumentId(0), kind, Input::Mid, Clock::Tick)
}

fn refusal(specs: &[FeatureSpec]) -> String {
    validate(specs).unwrap_err().to_string()
}

#[test]
fn every_bad_declaration_is_refused_by_name() {
    assert_eq!(refusal(&[]), "features: expected 1 to 1024 declarations, got 0");
    let sma = spec("a", Kind::Sma { period: 0 });
    assert_eq!(refusal(&[sma]), "feature a: period: expected 1 to 65536, got 0");
    let same = spec("a", Kind::Value);
    assert_eq!(refusal(&[same.clone(), same]), "feature a: expected one declaration, got two");
    assert!(refusal(&[spec("a b", Kind::Value)]).starts_with("feature name: expected"));
    let mut other = spec("a", Kind::Return { lag: 1 });
    other.input = Input::Spread;
    assert!(refusal(&[other.clone()]).contains("expected a price as input"));
    other.instrument = InstrumentId::NONE;
    assert!(refusal(&[other]).contains("instrument: expected an id below 256, got 65535"));
    let nan = Kind::Bollinger { period: 20, deviations: f64::NAN, output: BandOutput::Upper };
    assert!(refusal(&[spec("b", nan)]).contains("deviations: expected above 0, at most 100, got NaN"));
    let macd = Kind::Macd {
        fast: 26,
        slow: 12,
        signal: 9,
        seed: Seed::First,
        average: SignalAverage::Simple,
        output: MacdOutput::Main,
    };
    assert!(refusal(&[spec("d", macd)]).contains("fast: expected less than slow, got 26"));
    let quantile = Kind::Quantile { period: 5, quantile: 1.5 };
    assert!(refusal(&[spec("q", quantile)]).contains("quantile: expected 0 to 1, got 1.5"));
    let session = Kind::Session { from_minute: 60, to_minute: 60 };
    assert!(refusal(&[spec("s", session)]).contains("session_to: expected another time"));
}

#[test]
fn what_does_not_go_together_is_refused() {
    let with_clock = |kind, clock| FeatureSpec { clock, ..spec("c", kind) };
    let zero = with_clock(Kind::Value, Clock::Bar { period_ns: 0 });
    assert!(refusal(&[zero]).contains("bar period_ns: expected at least 1000000, got 0"));
    let none = with_clock(Kind::Value, Clock::TickBar { ticks: 0 });
    assert!(refusal(&[none]).contains("bar ticks: expected 1 to 65536, got 0"));
    let empty = with_clock(Kind::Value, Clock::VolumeBar { lots_e8: 0 });
    assert!(refusal(&[empty]).contains("bar lots_e8: expected above 0, got 0"));
    let gap = with_clock(Kind::TickGap, Clock::Bar { period_ns: NS_PER_S });
    assert!(refusal(&[gap]).contains("expected the tick clock for this kind, got bars"));
    let parkinson = Kind::Volatility { period: 5, estimator: Estimator::Parkinson };
    assert!(refusal(&[spec("p", parkinson)]).contains("expected bars for the Parkinson estimator"));
    let with = Leg { instrument: InstrumentId(1), input: Input::Spread };
    assert!(refusal(&[spec("r", Kind::PairRatio { with })]).contains("expected a price as the other"));
    let far = Leg { instrument: InstrumentId(999), ..with };
    assert!(refusal(&[spec("r", Kind::PairRatio { with: far })]).contains("below 256, got 999"));
}

#[test]
fn a_feature_of_another_must_lead_somewhere() {
    let of = |of, lag| Kind::LagOf { of, lag };
    assert!(
        refusal(&[spec("a", of(0, 1))]).contains("feature a: of: expected a feature that does not depend")
    );
    assert!(refusal(&[spec("a", of(1, 1)), spec("b", of(0, 1))]).contains("got a cycle"));
    assert!(refusal(&[spec("a", of(7, 1))]).contains("of: expected the place of a declared feature, got 7"));
    assert!(refusal(&[spec("a", Kind::Value), spec("b", of(0, 0))]).contains("lag: expected 1 to 65536"));
    assert_eq!(validate(&[spec("a", of(2, 1)), spec("b", Kind::Value), spec("c", of(1, 1))]), Ok(()));
    let mut other = spec("b", of(0, 1));
    other.instrument = InstrumentId(4);
    assert!(refusal(&[spec("a", Kind::Value), other]).contains("the instrument of the feature it is of"));
    let long = |name, of| spec(name, Kind::LagOf { of, lag: PERIOD_MAX });
    let chain = [spec("a", Kind::Value), long("b", 0), long("c", 1), long("d", 2), long("e", 3)];
    assert!(refusal(&chain).contains("at most 262144 samples"));
}

#[test]
fn only_what_reads_sizes_needs_them() {
    assert!(spec("a", Kind::BookImbalance { period: 1 }).needs_sizes());
    let micro = FeatureSpec { input: Input::Microprice, ..spec("a", Kind::Value) };
    assert!(micro.needs_sizes());
    assert!(!FeatureSpec { kind: Kind::DayOfWeek, ..micro }.needs_sizes());
    assert!(!spec("a", Kind::Value).needs_sizes());
}
