//! Latency reports: percentiles of every stage, budgets held or broken, counts, and the host they were measured on.
//!
//! What it is not: it measures nothing; whoever ran the stages hands in their histograms.
//!
//! Invariant: a number is shown with its sample count; a budget without samples is neither held nor broken.

mod fingerprint;
mod hlog;
mod html;
mod text;

use std::collections::BTreeMap;
use std::path::PathBuf;

use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::Value as Json;

pub use fingerprint::Fingerprint;
pub use hlog::{FILE_BYTES_MAX, HlogError, IntervalLog, STAGES_MAX, merge_folder, read, write};
pub(crate) use hlog::{append as hlog_append, begin as hlog_begin};
pub use text::duration;

/// Largest latency a stage histogram holds: one hour, in ns.
pub const LATENCY_NS_MAX: u64 = 3_600_000_000_000;

/// A histogram as stages use it: 1 ns to [`LATENCY_NS_MAX`], three significant digits.
pub fn stage_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3).expect("constant bounds are legal: tested")
}

/// One stage: its name, what lies inside its boundary, and every latency in ns.
#[derive(Clone, Debug)]
pub struct Stage {
    /// As reports call it, for example `tick_to_order`.
    pub name: String,
    /// From which timestamp to which; empty when not known.
    pub boundary: String,
    /// Latencies in ns.
    pub histogram: Histogram<u64>,
}

/// A promise about a stage's p99.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BudgetTarget {
    /// As reports call it, for example `decision`.
    pub name: String,
    /// The stage it is about.
    pub stage: String,
    /// p99 below this, in ns.
    pub target_ns: u64,
}

/// What is read off a stage's histogram, in ns. The field names are those of the JSON.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Percentiles {
    /// Samples.
    pub count: u64,
    /// Median.
    pub p50: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile.
    #[serde(rename = "p99.9")]
    pub p999: u64,
    /// 99.99th percentile.
    #[serde(rename = "p99.99")]
    pub p9999: u64,
    /// Largest.
    pub max: u64,
}

impl Percentiles {
    /// Reads a histogram; all zero without samples.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| if histogram.is_empty() { 0 } else { histogram.value_at_quantile(quantile) };
        let (p50, p99, p999, p9999) = (at(0.5), at(0.99), at(0.999), at(0.9999));
        Percentiles { count: histogram.len(), p50, p99, p999, p9999, max: histogram.max() }
    }
}

/// Whether a budget was kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Held {
    /// p99 is below the target.
    Held,
    /// It is not.
    Broken,
    /// The stage has no samples.
    NoSamples,
}

impl Held {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Held::Held => "held",
            Held::Broken => "broken",
            Held::NoSamples => "no samples",
        }
    }
}

impl Serialize for Held {
    /// `true`, `false` or `"no samples"`.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Held::Held => serializer.serialize_bool(true),
            Held::Broken => serializer.serialize_bool(false),
            Held::NoSamples => serializer.serialize_str(self.word()),
        }
    }
}

/// A budget and what became of it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Budget {
    /// As reports call it.
    pub name: String,
    /// The stage it is about.
    pub stage: String,
    /// p99 below this, in ns.
    pub target_ns: u64,
    /// The p99 seen, in ns; `None` without samples.
    #[serde(rename = "p99")]
    pub p99_ns: Option<u64>,
    /// Kept or not.
    pub held: Held,
}

/// A finished report.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was measured, in a phrase.
    pub title: String,
    /// The stages, in the order given.
    pub stages: Vec<Stage>,
    /// Counters; nested where a counter has reasons.
    pub counts: BTreeMap<String, Json>,
    /// Budgets.
    pub budgets: Vec<Budget>,
    /// The journal it was made from or wrote.
    pub journal: Option<PathBuf>,
    /// The host.
    pub fingerprint: Fingerprint,
}

impl Report {
    /// A report of these stages, judged against these budgets.
    pub fn from_stages(
        title: &str,
        stages: Vec<Stage>,
        counts: BTreeMap<String, Json>,
        targets: &[BudgetTarget],
        fingerprint: Fingerprint,
    ) -> Self {
        let judge = |target: &BudgetTarget| {
            let stage = stages.iter().find(|stage| stage.name == target.stage && !stage.histogram.is_empty());
            let p99_ns = stage.map(|stage| stage.histogram.value_at_quantile(0.99));
            let held = match p99_ns {
                None => Held::NoSamples,
                Some(p99) if p99 < target.target_ns => Held::Held,
                Some(_) => Held::Broken,
            };
            let (name, stage) = (target.name.clone(), target.stage.clone());
            Budget { name, stage, target_ns: target.target_ns, p99_ns, held }
        };
        let budgets = targets.iter().map(judge).collect();
        Report { title: title.into(), stages, counts, budgets, journal: None, fingerprint }
    }

    /// The whole as JSON: `counts`, `stages` by name, `journal`, `budgets`, `fingerprint`.
    pub fn json(&self) -> Json {
        let stage =
            |stage: &Stage| (stage.name.clone(), serde_json::json!(Percentiles::of(&stage.histogram)));
        serde_json::json!({
            "title": self.title,
            "counts": self.counts,
            "stages": self.stages.iter().map(stage).collect::<serde_json::Map<String, Json>>(),
            "journal": self.journal,
            "budgets": self.budgets,
            "fingerprint": self.fingerprint,
        })
    }

    /// The whole as a text table.
    pub fn text(&self) -> String {
        text::render(self)
    }

    /// The whole as one HTML page without outside assets.
    pub fn html(&self) -> String {
        html::render(self)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(super) fn sample() -> Report {
        let mut histogram = stage_histogram();
        for ns in 1..=10_000 {
            histogram.record(ns * 10).unwrap();
        }
        let stage = |name: &str, histogram: &Histogram<u64>| Stage {
            name: name.into(),
            boundary: "ts_recv to ts_send".into(),
            histogram: histogram.clone(),
        };
        let target = |name: &str, stage: &str, target_ns| BudgetTarget {
            name: name.into(),
            stage: stage.into(),
            target_ns,
        };
        let stages = vec![stage("tick_to_order", &histogram), stage("<empty>", &stage_histogram())];
        let targets = [
            target("decision", "tick_to_order", 100_000_000),
            target("tight", "tick_to_order", 50_000),
            target("execution", "<empty>", 5_000_000),
        ];
        let counts = BTreeMap::from([
            ("ticks".to_string(), Json::from(3)),
            ("rejects".into(), serde_json::json!({"STALE": 1})),
        ]);
        Report::from_stages("a test", stages, counts, &targets, Fingerprint::read())
    }

    #[test]
    fn json_has_the_promised_keys_and_budgets_are_judged() {
        let json = sample().json();
        let stage = &json["stages"]["tick_to_order"];
        assert_eq!(stage["count"], 10_000);
        for (key, ns) in
            [("p50", 50_000u64), ("p99", 99_000), ("p99.9", 99_900), ("p99.99", 99_990), ("max", 100_000)]
        {
            let got = stage[key].as_u64().unwrap();
            assert!(got.abs_diff(ns) <= ns / 1_000, "{key}: {got} for {ns}");
        }
        assert_eq!(json["stages"]["<empty>"]["max"], 0);
        let held: Vec<&Json> =
            json["budgets"].as_array().unwrap().iter().map(|budget| &budget["held"]).collect();
        assert_eq!(held, [&Json::from(true), &Json::from(false), &Json::from("no samples")]);
    }

    #[test]
    fn text_and_page_say_the_same_and_escape_names() {
        let report = sample();
        let text = report.text();
        for word in ["tick_to_order", "held", "broken", "no samples", "ts_recv to ts_send", "10000"] {
            assert!(text.contains(word), "{word} is not in\n{text}");
        }
        let page = report.html();
        assert!(page.contains("&lt;empty&gt;") && !page.contains("<empty>"));
        assert!(page.contains("<polyline") && !page.contains("http"), "one line, no outside assets");
    }
}
