//! Rules between the keys of one feature, and between features: what a kind needs, what it may have, what fits together.
//!
//! What it is not: ranges (`keys`), or formulas (the features themselves; `setup` maps one to the other).
//!
//! Invariant: a key that a kind does not read is a fault, so nobody believes in a parameter that does nothing.

use super::cross::Cross;
use super::error::Fault;
use super::validate::{Block, Origin};

/// Of a kind: the parameters it needs, and those it may have.
type Parameters = (&'static [&'static str], &'static [&'static str]);

fn parameters(kind: &str) -> Parameters {
    match kind {
        "lag" | "change" => (&["lag"], &["of"]),
        "return" | "log_return" | "momentum" | "roc" => (&["lag"], &[]),
        "sma"
        | "wma"
        | "smma"
        | "rsi"
        | "cci"
        | "deviation"
        | "zscore"
        | "minimum"
        | "maximum"
        | "tick_rate"
        | "tick_imbalance"
        | "order_flow_imbalance"
        | "book_imbalance" => (&["period"], &[]),
        "ema" => (&["period"], &["seed"]),
        "macd" => (&["fast", "slow", "signal", "output"], &["seed", "signal_average"]),
        "stochastic" => (&["period", "slowing", "signal", "output"], &["price", "convention"]),
        "bollinger" => (&["period", "deviations", "output"], &[]),
        "donchian" => (&["period", "output"], &[]),
        "keltner" => (&["period", "atr_period", "multiplier", "output"], &["convention"]),
        "atr" => (&["period"], &["convention"]),
        "adx" => (&["period", "output"], &["convention"]),
        "quantile" => (&["period", "quantile"], &[]),
        "volatility" => (&["period"], &["estimator"]),
        "vwap" => (&["period"], &["weight"]),
        "session_vwap" => (&["session_from"], &["weight", "offset_min"]),
        "obv" => (&[], &["weight"]),
        "session" => (&["session_from", "session_to"], &["offset_min"]),
        "minute_sine" | "minute_cosine" | "day_of_week" => (&[], &["offset_min"]),
        "pair_spread" => (&["with"], &["with_input", "with_weight"]),
        "pair_ratio" => (&["with"], &["with_input"]),
        "correlation" | "beta" => (&["period", "with"], &["with_input", "basis"]),
        _ => (&[], &[]),
    }
}

/// Every parameter that some kind does not read.
const PARAMETERS: &[&str] = &[
    "of",
    "lag",
    "period",
    "fast",
    "slow",
    "signal",
    "slowing",
    "atr_period",
    "seed",
    "signal_average",
    "convention",
    "price",
    "deviations",
    "multiplier",
    "quantile",
    "estimator",
    "weight",
    "session_from",
    "session_to",
    "with",
    "with_input",
    "with_weight",
    "basis",
    "output",
];

/// The lines of kinds that have several.
fn lines(kind: &str) -> &'static [&'static str] {
    match kind {
        "macd" => &["main", "signal", "histogram"],
        "bollinger" | "donchian" | "keltner" => &["middle", "upper", "lower", "percent_b", "width"],
        "adx" => &["adx", "plus_di", "minus_di"],
        "stochastic" => &["k", "d"],
        _ => &[],
    }
}

/// Computed from the whole tick: no input, and no clock but ticks.
const WHOLE_TICK: &[&str] = &[
    "order_flow_imbalance",
    "book_imbalance",
    "tick_gap",
    "session",
    "minute_sine",
    "minute_cosine",
    "day_of_week",
];
/// Divide by their input.
const DIVIDES: &[&str] = &["return", "log_return", "momentum", "roc", "volatility"];
/// Need two samples.
const PERIOD_2: &[&str] = &["bollinger", "deviation", "zscore", "adx", "correlation", "beta"];

/// Adds the faults of all features.
pub(super) fn check(cross: &mut Cross<'_>) {
    let blocks = cross.of("features");
    for (index, block) in &blocks {
        let Some(kind) = block.text("kind") else { continue };
        let mut one = One { cross, index: *index, block, kind };
        one.parameters();
        one.values();
        one.clock();
        one.input();
        one.of_another(&blocks);
    }
}

/// One feature.
struct One<'a, 'b, 'c> {
    cross: &'b mut Cross<'c>,
    index: usize,
    block: &'a Block,
    kind: &'a str,
}

impl One<'_, '_, '_> {
    fn fault(&mut self, key: &str, fault: Fault, expected: String, got: &str) {
        self.cross.fault(self.block, Some(self.index), key, fault, expected, got.into());
    }

    /// Whether a key was written, even if its value was refused: that is already reported, and its absence is no second
    /// fault.
    fn is_set(&self, key: &str) -> bool {
        let refused = format!("features[{}].{key}", self.index);
        self.is_written(key) || self.cross.errors.iter().any(|error| error.key == refused)
    }

    fn is_written(&self, key: &str) -> bool {
        self.block.entry(key).is_some_and(|entry| entry.origin != Origin::Default)
    }

    fn refuse_key(&mut self, key: &str, why: &str) {
        if self.is_set(key) {
            self.fault(key, Fault::Conflict, format!("no such key, {why}"), "a value");
        }
    }

    fn parameters(&mut self) {
        let (needed, allowed) = parameters(self.kind);
        let kind = self.kind;
        for key in PARAMETERS {
            if needed.contains(key) && !self.is_set(key) {
                let expected = format!("a value, kind \"{kind}\" needs it");
                self.fault(key, Fault::Missing, expected, "nothing");
            } else if !needed.contains(key) && !allowed.contains(key) {
                self.refuse_key(key, &format!("kind \"{kind}\" does not take it"));
            }
        }
    }

    fn values(&mut self) {
        let (block, kind) = (self.block, self.kind);
        let lines = lines(kind);
        if let (Some(output), false) = (block.text("output"), lines.is_empty())
            && !lines.contains(&output)
        {
            let expected = format!("one of {} with kind \"{kind}\"", lines.join(", "));
            self.fault("output", Fault::Conflict, expected, &format!("\"{output}\""));
        }
        if let (Some(fast), Some(slow)) = (block.number("fast"), block.number("slow"))
            && fast >= slow
        {
            self.fault("fast", Fault::Conflict, format!("less than slow = {slow}"), &fast.to_string());
        }
        if PERIOD_2.contains(&kind) && block.number("period") == Some(1.0) {
            self.fault("period", Fault::Conflict, format!("at least 2 with kind \"{kind}\""), "1");
        }
        if let (Some(from), Some(to)) = (block.text("session_from"), block.text("session_to"))
            && from == to
        {
            let expected = "another time than session_from".into();
            self.fault("session_to", Fault::Conflict, expected, &format!("\"{to}\""));
        }
    }

    fn clock(&mut self) {
        let Some(clock) = self.block.text("clock") else { return };
        if self.block.entry("of").is_some() {
            return;
        }
        for (of, key) in [("bar", "bar_ms"), ("tick_bar", "bar_ticks"), ("volume_bar", "bar_lots")] {
            if clock == of && !self.is_set(key) {
                let expected = format!("a bar length, clock = \"{clock}\" needs it");
                self.fault(key, Fault::Missing, expected, "nothing");
            } else if clock != of {
                self.refuse_key(key, &format!("clock = \"{clock}\" does not take it"));
            }
        }
        if clock != "bar" && !parameters(self.kind).1.contains(&"offset_min") {
            self.refuse_key("offset_min", "neither the clock nor the kind reads the time of day");
        }
        if clock != "tick" && WHOLE_TICK.contains(&self.kind) {
            let expected = format!("\"tick\" with kind \"{}\"", self.kind);
            self.fault("clock", Fault::Conflict, expected, &format!("\"{clock}\""));
        }
        if clock == "tick" && self.block.text("estimator") == Some("parkinson") {
            let expected = "\"close\" with clock = \"tick\", where a sample has no range".into();
            self.fault("estimator", Fault::Conflict, expected, "\"parkinson\"");
        }
    }

    fn input(&mut self) {
        if WHOLE_TICK.contains(&self.kind) {
            return self.refuse_key("input", &format!("kind \"{}\" does not take it", self.kind));
        }
        let price = |input: &str| !["spread", "volume", "ticks"].contains(&input);
        if let Some(input) = self.block.text("input")
            && DIVIDES.contains(&self.kind)
            && !price(input)
        {
            let expected = format!("a price, since kind \"{}\" divides by it (change does not)", self.kind);
            self.fault("input", Fault::Conflict, expected, &format!("\"{input}\""));
        }
        if let Some(input) = self.block.text("with_input")
            && self.kind == "pair_ratio"
            && !price(input)
        {
            let expected = "a price, since the ratio divides by it".into();
            self.fault("with_input", Fault::Conflict, expected, &format!("\"{input}\""));
        }
    }

    /// A feature of another has that one's input and clock, is on its instrument, and does not come back to itself.
    fn of_another(&mut self, blocks: &[(usize, &Block)]) {
        let Some(of) = self.block.text("of") else { return };
        for key in ["input", "clock", "bar_ms", "bar_ticks", "bar_lots", "offset_min"] {
            self.refuse_key(key, "it is that of the feature this one is of");
        }
        let named =
            |name: &str| blocks.iter().map(|(_, block)| *block).find(|b| b.text("name") == Some(name));
        let Some(first) = named(of) else { return };
        if let (Some(own), Some(other)) = (self.block.text("instrument"), first.text("instrument"))
            && own != other
        {
            let expected = format!("\"{other}\", the instrument of {of}");
            self.fault("instrument", Fault::Conflict, expected, &format!("\"{own}\""));
        }
        let mut next = Some(first);
        for _ in 0..=blocks.len() {
            let Some(block) = next else { return };
            next = block.text("of").and_then(named);
        }
        let expected = "a feature that does not depend on this one".into();
        self.fault("of", Fault::Conflict, expected, &format!("\"{of}\", which leads back"));
    }
}
