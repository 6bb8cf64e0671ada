//! Bad configurations: every fault is found at once, at its line, with what was expected and what was got.
//!
//! What it is not: a test of what the values do.
//!
//! Invariant: the committed documentation file equals the schema, and nothing a file contains makes loading panic.

#[path = "config_errors/features.rs"]
mod features;

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tickbridge::config::{
    Config, ConfigErrors, Fault, Origin, Presence, Resolved, SECTIONS, Shape, template,
};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Folder(tempfile::tempdir().expect("a temporary folder"));
        folder.write("models/demo.json", "{}");
        folder
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folder made");
        fs::write(&path, text).expect("file written");
        path
    }

    fn load(&self, text: &str) -> Result<Resolved, ConfigErrors> {
        Resolved::load(&self.write("main.toml", text))
    }

    /// The faults of a text as `file:line: ...`, without the folder.
    fn faults(&self, text: &str) -> Vec<String> {
        let errors = self.load(text).expect_err("the text is faulty");
        let prefix = format!("{}/", self.0.path().display());
        errors.0.iter().map(|error| error.to_string().replace(&prefix, "")).collect()
    }
}

/// The template with one line replaced, and that line's number.
fn with_line(old: &str, new: &str) -> (String, usize) {
    let text = template();
    let index = text
        .lines()
        .position(|line| line == old)
        .unwrap_or_else(|| panic!("no line {old:?} in the template"));
    let lines: Vec<&str> =
        text.lines().enumerate().map(|(i, line)| if i == index { new } else { line }).collect();
    (lines.join("\n"), index + 1)
}

/// The template without one section.
fn without_section(header: &str) -> String {
    let mut keep = true;
    let lines = template()
        .lines()
        .filter(|line| {
            if line.starts_with('[') {
                keep = *line != header;
            }
            keep || line.starts_with('#')
        })
        .map(str::to_string)
        .collect::<Vec<_>>();
    lines.join("\n")
}

#[test]
fn the_committed_file_is_the_schema_byte_for_byte() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/tickbridge.toml");
    let committed = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(
        committed == template(),
        "config/tickbridge.toml differs: write it with tickbridge check --print-template"
    );
    for key in SECTIONS.iter().flat_map(|section| section.keys) {
        assert!(committed.contains(&format!("{} = ", key.name)), "{} is not in the file", key.name);
    }
}

#[test]
fn the_template_is_valid_and_every_default_is_what_the_code_uses() {
    let folder = Folder::new();
    let full = folder.load(&template()).unwrap_or_else(|errors| panic!("{errors}"));
    // Without the lines that only repeat a default, the result is the same, so defaults come from the schema alone.
    let defaults: Vec<String> = SECTIONS
        .iter()
        .flat_map(|section| section.keys)
        .filter_map(|key| match key.presence {
            Presence::Default(value) => Some(format!("{} = {value}", key.name)),
            _ => None,
        })
        .collect();
    let text = template();
    let kept: Vec<&str> =
        text.lines().filter(|line| !defaults.iter().any(|default| default == line)).collect();
    let short = folder.load(&kept.join("\n")).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(full.config, short.config);
    let by_default =
        short.blocks.iter().flat_map(|b| &b.entries).filter(|e| e.origin == Origin::Default).count();
    assert_eq!(by_default, defaults.len());
}

#[test]
fn typed_fields_are_exactly_the_keys() {
    let folder = Folder::new();
    let json = serde_json::to_value(folder.load(&template()).expect("valid").config).expect("serializes");
    let object = json.as_object().expect("an object");
    assert_eq!(object.len(), SECTIONS.len());
    for section in SECTIONS {
        let value = &object[section.name];
        let table =
            if matches!(section.shape, Shape::Many(_) | Shape::ManyOrNone(_)) { &value[0] } else { value };
        let table = table.as_object().expect("a table");
        let keys: Vec<&str> = section.keys.iter().map(|key| key.name).collect();
        assert_eq!(table.len(), keys.len(), "{}", section.name);
        assert!(keys.iter().all(|key| table.contains_key(*key)), "{}", section.name);
    }
}

#[test]
fn bounds_of_every_number_are_held() {
    use tickbridge::config::Kind;
    let folder = Folder::new();
    for section in SECTIONS {
        for key in section.keys {
            let wrong = match key.kind {
                Kind::Int(min, max) => vec![min.checked_sub(1), max.checked_add(1)],
                Kind::PowerOfTwo(min, max) => vec![Some(min / 2), Some(max * 2), Some(min + 1)],
                _ => continue,
            };
            let text = template();
            let header = format!("{}\n", section.header());
            let start = text.find(&header).expect("the section is there") + header.len();
            let (before, after) = text.split_at(start);
            let mark = if matches!(key.presence, Presence::Optional(_)) { "# " } else { "" };
            let old = format!("\n{mark}{} = {}\n", key.name, key.presence.example());
            for value in wrong.into_iter().flatten() {
                let changed =
                    format!("{before}{}", after.replacen(&old, &format!("\n{} = {value}\n", key.name), 1));
                let faults = folder.load(&changed).expect_err("out of range").0;
                let place = format!(".{}", key.name);
                let hit = faults.iter().find(|f| f.fault == Fault::Range && f.key.ends_with(&place));
                let hit =
                    hit.unwrap_or_else(|| panic!("{}.{} = {value}: {faults:?}", section.name, key.name));
                assert_eq!(hit.got, value.to_string());
            }
        }
    }
}

#[test]
fn all_faults_at_once_each_with_its_line() {
    let folder = Folder::new();
    let text = "[appliance]\nstrategy_id = 5000\nallow_life = true\n\n[link]\nmarket = \"0.0.0.0:5555\"\nheartbeat_ms = \"soon\"\n";
    let faults = folder.faults(text);
    let expected = [
        "main.toml:1: venues: expected a section [[venues]] (at least one is needed), got none",
        "main.toml:1: instruments: expected a section [[instruments]] (at least one is needed), got none",
        "main.toml:1: features: expected a section [[features]] (at least one is needed), got none",
        "main.toml:1: model: expected a section [model] (nothing decides without a model), got none",
        "main.toml:1: signal: expected a section [signal] (nothing says what a score means), got none",
        "main.toml:1: risk: expected a section [risk] (no limits loaded means no trading), got none",
        "main.toml:2: appliance.strategy_id: expected a whole number from 1 to 4095, got 5000",
        "main.toml:3: appliance.allow_life: expected a key of [appliance] (did you mean allow_live?), got an unknown key",
        "main.toml:6: link.market: expected a loopback address (off loopback the link demands CURVE, which this build does not have yet), got \"0.0.0.0:5555\"",
        "main.toml:7: link.heartbeat_ms: expected a whole number from 10 to 60000, got \"soon\"",
    ];
    assert_eq!(faults, expected);
}

#[test]
fn one_wrong_line_gives_one_fault() {
    let folder = Folder::new();
    let cases = [
        (
            "venue = \"demo\"",
            "venue = \"dem\"",
            "instruments[0].venue: expected a name of [[venues]] (did you mean demo?), got \"dem\"",
        ),
        (
            "kind = \"sma\"",
            "kind = \"sma\"\nfast = 3",
            "features[0].fast: expected no such key, kind \"sma\" does not take it, got a value",
        ),
        (
            "clock = \"tick\"",
            "clock = \"bar\"",
            "features[0].bar_ms: expected a bar length, clock = \"bar\" needs it, got nothing",
        ),
        (
            "order_lots_max = 0.5",
            "order_lots_max = 2.0",
            "risk.order_lots_max: expected at most risk.position_lots_max = 1, got 2",
        ),
        (
            "order_lots_max = 0.5",
            "order_lots_max = nan",
            "risk.order_lots_max: expected a number from 0.00000001 to 1000000, got nan",
        ),
        (
            "day_starts_at = \"00:00\"",
            "day_starts_at = \"24:00\"",
            "risk.day_starts_at: expected a time of day \"HH:MM\" from 00:00 to 23:59, got \"24:00\"",
        ),
        (
            "market_slots = 16384",
            "market_slots = 16385",
            "rings.market_slots: expected a power of two from 64 to 4194304, got 16385",
        ),
        (
            "trade = \"127.0.0.1:5556\"",
            "trade = \"127.0.0.1:5555\"",
            "link.trade: expected an address other than link.market, got \"127.0.0.1:5555\"",
        ),
        (
            "silent_after_ms = 2000",
            "silent_after_ms = 600",
            "link.silent_after_ms: expected at least twice heartbeat_ms = 500, got 600",
        ),
        (
            "enter_short_below = 0.4",
            "enter_short_below = \"low\"",
            "signal.enter_short_below: expected a number from -1000000000 to 1000000000, got \"low\"",
        ),
        (
            "kind = \"fixed\"",
            "kind = \"kelly\"",
            "sizing.kind: expected signal.stop_loss_points above 0 with this kind, got \"kelly\" and no stop loss",
        ),
        (
            "drawdown_start_percent = 0.0",
            "drawdown_start_percent = 5.0",
            "sizing.drawdown_stop_percent: expected above drawdown_start_percent = 5, got 0",
        ),
        (
            "# order_lots_max = 0.1",
            "order_lots_max = 0.6",
            "instruments[0].order_lots_max: expected at most risk.order_lots_max = 0.5, got 0.6",
        ),
        (
            "daily_loss_max = 500.0",
            "#",
            "risk.daily_loss_max: expected a number from 0.01 to 1000000000000, got nothing",
        ),
    ];
    for (old, new, expected) in cases {
        let (text, _) = with_line(old, new);
        let faults = folder.faults(&text);
        assert_eq!(faults.len(), 1, "{new}: {faults:?}");
        let (place, rest) = faults[0].split_once(": ").expect("file:line: rest");
        assert_eq!(rest, expected);
        // A missing key points to its section's header; any other fault to the written line.
        let line: usize = place.rsplit(':').next().and_then(|n| n.parse().ok()).expect("a line");
        let shown = text.lines().nth(line - 1).expect("the line exists");
        assert!(
            shown.starts_with('[') == expected.ends_with("got nothing"),
            "{new}: line {line} is {shown:?}"
        );
    }
}

#[test]
fn a_model_file_that_is_missing_is_named() {
    let folder = Folder::new();
    let (text, line) = with_line("file = \"models/demo.json\"", "file = \"models/none.json\"");
    let faults = folder.faults(&text);
    assert_eq!(
        faults,
        [format!(
            "main.toml:{line}: model.file: expected a file that exists, got \"models/none.json\", which does not"
        )]
    );
}

#[test]
fn without_limits_there_is_no_configuration() {
    let folder = Folder::new();
    let faults = folder.faults(&without_section("[risk]"));
    assert_eq!(
        faults,
        ["main.toml:1: risk: expected a section [risk] (no limits loaded means no trading), got none"]
    );
}

#[test]
fn included_files_are_read_and_their_faults_carry_their_own_names() {
    let folder = Folder::new();
    let text = format!("limits = \"limits.toml\"\n{}", without_section("[risk]"));
    let full = template();
    let limits =
        &full[full.find("\n[risk]\n").expect("risk")..full.find("\n[[breakers]]\n").expect("breakers")];
    folder.write("limits.toml", limits);
    let loaded = folder.load(&text).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(loaded.config, folder.load(&template()).expect("valid").config);

    folder.write("limits.toml", &limits.replace("open_orders_max = 8", "open_orders_max = 0"));
    assert!(
        folder.faults(&text)[0]
            .ends_with("risk.open_orders_max: expected a whole number from 1 to 10000, got 0")
    );
    assert!(folder.faults(&text)[0].starts_with("limits.toml:"));

    folder.write("limits.toml", &format!("{limits}\n[link]\n"));
    assert!(
        folder
            .faults(&text)
            .iter()
            .any(|fault| fault.contains("link: expected only [risk] in an included file"))
    );

    let twice = format!("limits = \"limits.toml\"\n{}", template());
    folder.write("limits.toml", limits);
    assert!(
        folder
            .faults(&twice)
            .iter()
            .any(|fault| fault.contains("risk: expected at most 1 of [risk], got one more"))
    );

    fs::remove_file(folder.0.path().join("limits.toml")).expect("removed");
    let gone = folder.faults(&text);
    assert_eq!(gone.len(), 1, "{gone:?}");
    assert!(
        gone[0].starts_with("limits.toml: risk: expected a readable file (main.toml line 1 includes it)"),
        "{}",
        gone[0]
    );
}

#[test]
fn names_and_accounts_are_unique() {
    let folder = Folder::new();
    let text = template();
    let instrument = "[[instruments]]\nname = \"EURUSD\"\nvenue = \"demo\"\nsymbol = \"EURUSD\"\n";
    let venue =
        "[[venues]]\nname = \"demo\"\nlogin = 5000001\nserver = \"Tickbridge-Demo\"\ncurrency = \"USD\"\n";
    let faults = folder.faults(&format!("{text}\n{instrument}{venue}"));
    assert_eq!(faults.len(), 4, "{faults:?}");
    assert!(
        faults.iter().all(|fault| fault.contains("of its own") || fault.contains("a symbol once per venue"))
    );
}

#[test]
fn what_is_not_toml_is_placed() {
    let folder = Folder::new();
    let faults = folder.faults("[appliance]\nname = \n");
    assert_eq!(faults.len(), 1);
    assert!(faults[0].starts_with("main.toml:2: expected TOML, got "), "{}", faults[0]);
    let gone = Config::load(&folder.0.path().join("none.toml")).expect_err("no such file");
    assert_eq!(gone.0[0].fault, Fault::File);
}

#[test]
fn the_digest_follows_decisions_and_not_places() {
    let folder = Folder::new();
    let digest = |text: &str| folder.load(text).unwrap_or_else(|errors| panic!("{errors}")).config.digest();
    let own = digest(&template());
    assert_eq!(own, digest(&with_line("dir = \"journal\"", "dir = \"elsewhere\"").0));
    assert_ne!(own, digest(&with_line("daily_loss_max = 500.0", "daily_loss_max = 500.1").0));
    assert_ne!(own, digest(&with_line("period = 20", "period = 21").0));
}

#[test]
fn a_configuration_survives_json() {
    let config = Folder::new().load(&template()).expect("valid").config;
    let json = serde_json::to_string(&config).expect("serializes");
    let back: Config = serde_json::from_str(&json).expect("reads back");
    assert_eq!((back.digest(), &back), (config.digest(), &config));
}

proptest! {
    #[test]
    fn no_mangled_template_panics(cuts in prop::collection::vec((0usize..20_000, any::<char>()), 1..8)) {
        let mut text: Vec<char> = template().chars().collect();
        for (at, put) in cuts {
            let at = at % text.len();
            text[at] = put;
        }
        let text: String = text.into_iter().collect();
        if let Err(errors) = Resolved::parse(Path::new("mangled.toml"), &text) {
            prop_assert!(!errors.0.is_empty());
        }
    }
}

#[test]
fn the_demo_needs_nothing_but_its_model() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo.toml");
    let model = path.with_file_name("models/demo.json");
    match Resolved::load(&path) {
        Ok(resolved) => assert_eq!(resolved.config.model.file, model),
        Err(errors) => {
            assert!(!model.exists() && errors.0.len() == 1 && errors.0[0].key == "model.file", "{errors}");
        }
    }
}
