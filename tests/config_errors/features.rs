//! Faults of `[[features]]`: every kind takes exactly its own keys.
//!
//! What it is not: a test of what features compute.
//!
//! Invariant: a parameter that a kind does not read is a fault, and one mistake gives one fault.

use super::{Folder, template, with_line};

/// The template with these lines in place of its feature's `kind` and `period`.
fn with_feature(lines: &str) -> String {
    let text = with_line("kind = \"sma\"", lines).0;
    text.lines().filter(|line| *line != "period = 20").map(|line| format!("{line}\n")).collect()
}

/// The same without the defaults of input and clock, which the template writes and some kinds do not take.
fn plain(lines: &str) -> String {
    with_feature(lines).replace("input = \"mid\"\n", "").replace("clock = \"tick\"\n", "")
}

#[test]
fn every_kind_of_feature_takes_exactly_its_own_keys() {
    let folder = Folder::new();
    let good = [
        "kind = \"lag\"\nlag = 3",
        "kind = \"ema\"\nperiod = 3\nseed = \"average\"",
        "kind = \"stochastic\"\nperiod = 5\nslowing = 3\nsignal = 3\noutput = \"d\"\nprice = \"close\"\nconvention = \"talib\"",
        "kind = \"keltner\"\nperiod = 5\natr_period = 3\nmultiplier = 1.5\noutput = \"upper\"",
        "kind = \"adx\"\nperiod = 14\noutput = \"plus_di\"\nstale_after_ms = 5000",
        "kind = \"quantile\"\nperiod = 14\nquantile = 0.25",
        "kind = \"session\"\nsession_from = \"22:00\"\nsession_to = \"06:30\"\noffset_min = -300",
        "kind = \"session_vwap\"\nsession_from = \"00:00\"\nweight = \"volume\"",
        "kind = \"beta\"\nperiod = 21\nwith = \"EURUSD\"\nwith_input = \"bid\"\nbasis = \"level\"",
        "kind = \"day_of_week\"",
    ];
    for lines in good {
        folder.load(&plain(lines)).unwrap_or_else(|errors| panic!("{lines}: {errors}"));
    }
    let bad = [
        ("kind = \"smaa\"\nperiod = 3", "kind: expected \"value\" or \"lag\" or \"change\""),
        ("kind = \"ema\"", "period: expected a value, kind \"ema\" needs it, got nothing"),
        ("kind = \"rsi\"\nperiod = 0", "period: expected a whole number from 1 to 65536, got 0"),
        (
            "kind = \"sma\"\nperiod = 3\nseed = \"first\"",
            "seed: expected no such key, kind \"sma\" does not take it, got a value",
        ),
        (
            "kind = \"adx\"\nperiod = 14\noutput = \"k\"",
            "output: expected one of adx, plus_di, minus_di with kind \"adx\", got \"k\"",
        ),
        ("kind = \"zscore\"\nperiod = 1", "period: expected at least 2 with kind \"zscore\", got 1"),
        (
            "kind = \"quantile\"\nperiod = 5\nquantile = 1.5",
            "quantile: expected a number from 0 to 1, got 1.5",
        ),
        (
            "kind = \"volatility\"\nperiod = 5\nestimator = \"parkinson\"",
            "estimator: expected \"close\" with clock = \"tick\", where a sample has no range, got \"parkinson\"",
        ),
        (
            "kind = \"session\"\nsession_from = \"08:00\"\nsession_to = \"08:00\"",
            "session_to: expected another time than session_from, got \"08:00\"",
        ),
        (
            "kind = \"beta\"\nperiod = 5\nwith = \"EURUSX\"",
            "with: expected a name of [[instruments]] (did you mean EURUSD?), got \"EURUSX\"",
        ),
        (
            "kind = \"pair_ratio\"\nwith = \"EURUSD\"\nwith_input = \"spread\"",
            "with_input: expected a price, since the ratio divides by it, got \"spread\"",
        ),
        (
            "kind = \"value\"\noffset_min = 60",
            "offset_min: expected no such key, neither the clock nor the kind reads the time of day, got a value",
        ),
        (
            "kind = \"value\"\nbar_ms = 60",
            "bar_ms: expected no such key, clock = \"tick\" does not take it, got a value",
        ),
        (
            "kind = \"lag\"\nlag = 1\nof = \"sma_2\"",
            "of: expected a name of [[features]] (did you mean sma_20?)",
        ),
    ];
    for (lines, expected) in bad {
        let faults = folder.faults(&plain(lines));
        assert_eq!(faults.len(), 1, "{lines}: {faults:?}");
        assert!(faults[0].contains(&format!("features[0].{expected}")), "{lines}: {}", faults[0]);
    }
}

#[test]
fn what_a_feature_does_not_read_is_refused_where_it_is_written() {
    let folder = Folder::new();
    let faults = folder.faults(&with_feature("kind = \"tick_gap\""));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(
        faults[0].ends_with("input: expected no such key, kind \"tick_gap\" does not take it, got a value")
    );
    let (text, _) = with_line("input = \"mid\"", "input = \"spread\"");
    let faults = folder
        .faults(&text.replace("kind = \"sma\"", "kind = \"return\"\nlag = 1").replace("\nperiod = 20", ""));
    assert!(faults[0].contains("input: expected a price, since kind \"return\" divides by it"), "{faults:?}");
    let clock = with_feature("kind = \"day_of_week\"")
        .replace("clock = \"tick\"", "clock = \"tick_bar\"\nbar_ticks = 5");
    let faults = folder.faults(&clock.replace("input = \"mid\"\n", ""));
    assert!(
        faults[0].ends_with("clock: expected \"tick\" with kind \"day_of_week\", got \"tick_bar\""),
        "{faults:?}"
    );
}

#[test]
fn features_of_features_lead_somewhere_and_never_back() {
    let folder = Folder::new();
    let feature = |name: &str, rest: &str| {
        format!("\n[[features]]\nname = \"{name}\"\ninstrument = \"EURUSD\"\nlag = 1\n{rest}\n")
    };
    let of = |name: &str, of: &str| feature(name, &format!("kind = \"lag\"\nof = \"{of}\""));
    let chain = format!("{}{}{}", template(), of("a", "b"), of("b", "sma_20"));
    let config = folder.load(&chain).unwrap_or_else(|errors| panic!("{errors}")).config;
    assert_eq!(config.features[1].of.as_deref(), Some("b"));
    let ring = folder.faults(&format!("{}{}{}", template(), of("a", "b"), of("b", "a")));
    assert_eq!(ring.len(), 2, "{ring:?}");
    assert!(
        ring[0].ends_with(
            "of: expected a feature that does not depend on this one, got \"b\", which leads back"
        )
    );
    let itself = folder.faults(&format!("{}{}", template(), of("a", "a")));
    assert!(itself[0].contains("features[1].of: expected a feature that does not depend on this one"));
    let clocked = format!("{}{}clock = \"tick\"\n", template(), of("a", "sma_20"));
    let faults = folder.faults(&clocked);
    assert!(
        faults[0].contains("clock: expected no such key, it is that of the feature this one is of"),
        "{faults:?}"
    );
}
