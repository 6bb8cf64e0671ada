//! Rules between keys: names unique, references that lead somewhere, parameters that fit, limits that agree.
//!
//! What it is not: it judges no value alone (`value` does).
//!
//! Invariant: it runs on whatever was readable, so one broken key never hides another key's fault.

use std::path::Path;

use super::error::{ConfigError, Fault};
use super::schema::nearest;
use super::validate::{Block, Origin};

/// Adds the faults between keys to those already found.
pub(super) fn check(blocks: &[Block], errors: &mut Vec<ConfigError>) {
    let mut cross = Cross { blocks, errors };
    for (section, key) in [
        ("venues", "name"),
        ("instruments", "name"),
        ("features", "name"),
        ("models", "name"),
        ("breakers", "on"),
    ] {
        cross.unique(section, key);
    }
    cross.unique_login();
    cross.unique_symbol();
    for (section, key, target) in [
        ("instruments", "venue", "venues"),
        ("features", "instrument", "instruments"),
        ("features", "with", "instruments"),
        ("features", "of", "features"),
        ("model", "instrument", "instruments"),
        ("news", "instrument", "instruments"),
        ("signal", "regime_feature", "features"),
        ("exits", "trailing_atr_feature", "features"),
        ("sizing", "volatility_feature", "features"),
    ] {
        cross.refers(section, key, target);
    }
    super::features::check(&mut cross);
    super::exposure::check(&mut cross);
    cross.model_files();
    cross.lanes();
    cross.link();
    cross.rings();
    for (low, high) in [
        (("signal", "exit_long_below"), ("signal", "enter_long_above")),
        (("signal", "enter_short_below"), ("signal", "exit_short_above")),
        (("signal", "regime_min"), ("signal", "regime_max")),
        (("signal", "volume_lots"), ("risk", "order_lots_max")),
        (("signal", "entry_offset_points"), ("risk", "price_distance_max_points")),
        (("risk", "order_lots_max"), ("risk", "position_lots_max")),
        (("risk", "unknown_after_ms"), ("risk", "page_after_ms")),
        (("bounds", "daily_loss_soft"), ("risk", "daily_loss_max")),
        (("bounds", "trailing_loss_soft"), ("risk", "trailing_loss_max")),
    ] {
        cross.ordered(low, high);
    }
    cross.thresholds();
    cross.votes();
}

/// All that was read, and what is wrong with it.
pub(super) struct Cross<'a> {
    blocks: &'a [Block],
    pub(super) errors: &'a mut Vec<ConfigError>,
}

impl<'a> Cross<'a> {
    pub(super) fn of(&self, section: &str) -> Vec<(usize, &'a Block)> {
        self.blocks.iter().filter(|block| block.section.name == section).enumerate().collect()
    }

    pub(super) fn one(&self, section: &str) -> Option<&'a Block> {
        self.blocks.iter().find(|block| block.section.name == section)
    }

    pub(super) fn fault(
        &mut self,
        block: &Block,
        index: Option<usize>,
        key: &str,
        fault: Fault,
        expected: String,
        got: String,
    ) {
        let (file, line) = match block.entry(key).map(|entry| &entry.origin) {
            Some(Origin::Line(file, line)) => (file.clone(), *line),
            _ => (block.file.clone(), block.line),
        };
        let place = index.map_or(String::new(), |index| format!("[{index}]"));
        let key = format!("{}{place}.{key}", block.section.name);
        self.errors.push(ConfigError { file, line, key, fault, expected, got });
    }

    fn unique(&mut self, section: &str, key: &str) {
        let blocks = self.of(section);
        for (index, block) in &blocks {
            let Some(name) = block.text(key) else { continue };
            let first = blocks[..*index].iter().find(|(_, other)| other.text(key) == Some(name));
            if let Some((other, _)) = first {
                let got = format!("\"{name}\", which {section}[{other}] has");
                self.fault(block, Some(*index), key, Fault::Duplicate, "a name of its own".into(), got);
            }
        }
    }

    fn unique_login(&mut self) {
        let blocks = self.of("venues");
        for (index, block) in &blocks {
            let identity = |block: &Block| {
                Some((block.entry("login")?.value.clone(), block.entry("server")?.value.clone()))
            };
            let Some(own) = identity(block) else { continue };
            if let Some((other, _)) =
                blocks[..*index].iter().find(|(_, other)| identity(other).as_ref() == Some(&own))
            {
                let got = format!("login {} at {}, which venues[{other}] has", own.0, own.1);
                self.fault(
                    block,
                    Some(*index),
                    "login",
                    Fault::Duplicate,
                    "an account of its own".into(),
                    got,
                );
            }
        }
    }

    fn unique_symbol(&mut self) {
        let blocks = self.of("instruments");
        for (index, block) in &blocks {
            let (Some(venue), Some(symbol)) = (block.text("venue"), block.text("symbol")) else { continue };
            let same =
                |other: &Block| other.text("venue") == Some(venue) && other.text("symbol") == Some(symbol);
            if let Some((other, _)) = blocks[..*index].iter().find(|(_, other)| same(other)) {
                let got = format!("\"{symbol}\" at \"{venue}\", which instruments[{other}] has");
                self.fault(
                    block,
                    Some(*index),
                    "symbol",
                    Fault::Duplicate,
                    "a symbol once per venue".into(),
                    got,
                );
            }
        }
    }

    fn refers(&mut self, section: &str, key: &str, target: &str) {
        let names: Vec<&str> = self.of(target).iter().filter_map(|(_, block)| block.text("name")).collect();
        for (index, block) in self.of(section) {
            let Some(name) = block.text(key) else { continue };
            if names.contains(&name) {
                continue;
            }
            let expected = match nearest(name, names.iter().copied()) {
                Some(near) => format!("a name of [[{target}]] (did you mean {near}?)"),
                None => format!("a name of [[{target}]]"),
            };
            let index = (!matches!(section, "model" | "signal" | "exits" | "sizing")).then_some(index);
            self.fault(block, index, key, Fault::Reference, expected, format!("\"{name}\""));
        }
    }

    fn model_files(&mut self) {
        let first = self.one("model").map(|block| (None, block));
        let more = self.of("models").into_iter().map(|(index, block)| (Some(index), block));
        for (index, block) in first.into_iter().chain(more) {
            for key in ["file", "calibration"] {
                let Some(file) = block.text(key) else { continue };
                if !Path::new(file).is_file() {
                    let got = format!("\"{file}\", which does not");
                    self.fault(block, index, key, Fault::File, "a file that exists".into(), got);
                }
            }
        }
    }

    fn lanes(&mut self) {
        let Some(block) = self.one("lanes") else { return };
        if block.text("layout") != Some("dedicated") {
            return;
        }
        let keys = ["ingest_core", "decide_core", "send_core", "persist_core"];
        for (index, key) in keys.iter().enumerate() {
            let Some(core) = block.number(key).filter(|core| *core >= 0.0) else { continue };
            if let Some(other) = keys[..index].iter().find(|other| block.number(other) == Some(core)) {
                let expected = "a core of its own with layout = \"dedicated\"".into();
                self.fault(block, None, key, Fault::Conflict, expected, format!("{core}, which {other} has"));
            }
        }
    }

    fn link(&mut self) {
        let Some(block) = self.one("link") else { return };
        if let (Some(market), Some(trade)) = (block.text("market"), block.text("trade"))
            && market == trade
        {
            let expected = "an address other than link.market".into();
            self.fault(block, None, "trade", Fault::Conflict, expected, format!("\"{trade}\""));
        }
        if let (Some(heartbeat), Some(silent)) =
            (block.number("heartbeat_ms"), block.number("silent_after_ms"))
            && silent < 2.0 * heartbeat
        {
            let expected = format!("at least twice heartbeat_ms = {heartbeat}");
            self.fault(block, None, "silent_after_ms", Fault::Conflict, expected, silent.to_string());
        }
    }

    /// Each connection needs its share of the reports' ring, or none of them could be read.
    fn rings(&mut self) {
        let (Some(rings), Some(link)) = (self.one("rings"), self.one("link")) else { return };
        if let (Some(slots), Some(connections)) =
            (rings.number("reports_slots"), link.number("connections_max"))
            && slots < 8.0 * connections
        {
            let expected = format!("at least 8 for each of link.connections_max = {connections}");
            self.fault(rings, None, "reports_slots", Fault::Conflict, expected, slots.to_string());
        }
    }

    fn ordered(&mut self, low: (&str, &str), high: (&str, &str)) {
        let (Some(low_block), Some(high_block)) = (self.one(low.0), self.one(high.0)) else { return };
        let (Some(small), Some(large)) = (low_block.number(low.1), high_block.number(high.1)) else { return };
        if small > large {
            let expected = format!("at most {}.{} = {large}", high.0, high.1);
            self.fault(low_block, None, low.1, Fault::Conflict, expected, small.to_string());
        }
    }

    /// More votes than members would never be cast.
    fn votes(&mut self) {
        let Some(block) = self.one("ensemble") else { return };
        let extra =
            self.of("models").iter().filter(|(_, model)| model.text("role") == Some("member")).count();
        if let (Some("vote"), Some(votes)) = (block.text("combine"), block.number("votes_min"))
            && votes > extra as f64 + 1.0
        {
            let expected = format!("at most the {} members", extra + 1);
            self.fault(block, None, "votes_min", Fault::Conflict, expected, votes.to_string());
        }
    }

    fn thresholds(&mut self) {
        let Some(block) = self.one("signal") else { return };
        let (Some(long), Some(short)) = (block.number("enter_long_above"), block.number("enter_short_below"))
        else {
            return;
        };
        if short >= long {
            let expected = format!("less than signal.enter_long_above = {long}");
            self.fault(block, None, "enter_short_below", Fault::Conflict, expected, short.to_string());
        }
    }
}
