//! `tickbridge features list`: what a configuration declares.
//!
//! What it is not: a run; nothing is computed.
//!
//! Invariant: histories are those of the graph's own declarations; parameters are those of the configuration. What is not
//! listed is the terminal's own convention.

use super::{FeaturesError, say};
use crate::config::{Config, Feature, Resolved};
use crate::dataset::{Declared, declared};
use serde_json::{Value as Json, json};
use std::path::PathBuf;

/// Keys that have a column of their own.
const COLUMNS: [&str; 5] = ["name", "kind", "instrument", "input", "clock"];

/// Options of `features list`.
#[derive(clap::Args, Debug)]
pub struct ListArgs {
    /// The configuration; its model need not exist yet
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Prints the list.
pub(super) fn run(args: &ListArgs) -> Result<(), FeaturesError> {
    let config = Resolved::load_before_model(&args.config)?.config;
    let declared = declared(&config)?;
    match args.json {
        true => say(&format!("{:#}\n", as_json(&config, &declared))),
        false => say(&as_text(&config, &declared)),
    }
    Ok(())
}

/// A feature's keys as the configuration has them, without what is unset.
fn keys(feature: &Feature) -> serde_json::Map<String, Json> {
    match serde_json::to_value(feature) {
        Ok(Json::Object(keys)) => keys.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => serde_json::Map::new(),
    }
}

fn as_json(config: &Config, declared: &Declared) -> Json {
    let features = config.features.iter().zip(&declared.features).map(|(feature, needs)| {
        let mut keys = keys(feature);
        keys.insert("samples_needed".into(), json!(needs.samples_needed));
        keys.insert("samples_settled".into(), json!(needs.samples_settled));
        Json::Object(keys)
    });
    let history = declared.history.iter().map(|need| {
        json!({
            "instrument": need.instrument, "clock": need.clock, "samples_min": need.samples_min,
            "samples_settled": need.samples_settled, "terminal_bars": need.terminal_bars,
        })
    });
    json!({ "features": features.collect::<Vec<_>>(), "history": history.collect::<Vec<_>>() })
}

fn as_text(config: &Config, declared: &Declared) -> String {
    let word = |value: Option<&Json>| match value {
        Some(Json::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => "-".to_owned(),
    };
    let heads = ["name", "kind", "instrument", "input", "clock", "first", "settled", "parameters"];
    let mut lines = vec![heads.map(str::to_owned)];
    for (feature, needs) in config.features.iter().zip(&declared.features) {
        let keys = keys(feature);
        let others = keys.iter().filter(|(key, _)| !COLUMNS.contains(&key.as_str()));
        let others: Vec<String> = others.map(|(key, value)| format!("{key}={}", word(Some(value)))).collect();
        let [name, kind, instrument, input, clock] = COLUMNS.map(|key| word(keys.get(key)));
        let counts = [needs.samples_needed.to_string(), needs.samples_settled.to_string()];
        let [first, settled] = counts;
        lines.push([name, kind, instrument, input, clock, first, settled, others.join(" ")]);
    }
    let widths: Vec<usize> =
        (0..heads.len()).map(|at| lines.iter().map(|line| line[at].len()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text.push_str(&format!(
        "\n{} features; first: samples until a value, settled: until nobody could tell where history began\n",
        config.features.len()
    ));
    for need in &declared.history {
        let bars = if need.terminal_bars { ", the terminal's own bars will do" } else { "" };
        text.push_str(&format!(
            "history     {}: {} samples of {}, at least {}{bars}\n",
            need.instrument, need.samples_settled, need.clock, need.samples_min
        ));
    }
    text
}
