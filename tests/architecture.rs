//! The house rules that the compiler does not hold: which folder may import which, where `unsafe` and I/O may stand, how a
//! file opens and how long it may be.
//!
//! What it is not: a judge of style; `rustfmt` and `clippy` are.
//!
//! Invariant: a folder of `src/` that the table does not know, or an edge that it does not list, is a failure. A new edge is a
//! new line here, with its reason. The reader of sources (`architecture/source.rs`) is tested on bad samples, so that silence means something.

#[path = "architecture/source.rs"]
mod source;

use source::{Source, sources};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A folder of `src/`, its floor, and the folders that it may import.
struct Folder(&'static str, u8, &'static [&'static str]);

const FOLDERS: &[Folder] = &[
    Folder("types", 0, &[]),
    Folder("record", 0, &["types"]),
    Folder("runtime", 1, &["types", "record"]),
    Folder("wire", 2, &["types", "record"]),
    Folder("market", 2, &["types", "record"]),
    Folder("features", 2, &["types", "record"]),
    Folder("model", 2, &["types", "record"]),
    Folder("signal", 2, &["types", "record"]),
    Folder("risk", 2, &["types", "record"]),
    Folder("order", 2, &["types", "record"]),
    Folder("engine", 2, &["types", "record", "market", "features", "model", "signal", "risk", "order"]),
    Folder("link", 3, &["types", "record", "runtime", "wire"]),
    Folder("journal", 3, &["types", "record", "runtime"]),
    Folder("agents", 3, &["types", "record", "runtime", "wire", "engine", "link", "journal"]),
    Folder("config", 4, &["types"]),
    Folder("metrics", 4, &["types", "record", "runtime"]),
    Folder("store", 4, &["types", "record"]),
    Folder("dataset", 4, &["types", "features"]),
    Folder("report", 4, &["types", "runtime"]),
    Folder("sim", 4, &["types", "record", "runtime", "wire"]),
    Folder("replay", 4, &["types", "record", "runtime", "engine", "journal"]),
    Folder(
        "setup",
        4,
        &["types", "record", "features", "model", "signal", "risk", "engine", "journal", "agents"],
    ),
    Folder("operator", 4, &["types"]),
    Folder("registry", 4, &["types", "model", "signal", "engine"]),
    Folder("cli", 4, &["types", "record", "runtime", "journal"]),
    Folder("app", 5, &["*"]),
    Folder("main", 6, &["cli", "app"]),
    Folder("lib", 6, &[]),
];

/// Edges beside the table: from, to, why. One that nothing uses any more is a failure too.
const EXTRA_EDGES: &[(&str, &str, &str)] = &[
    (
        "record",
        "types",
        "records hold the values' raw forms; both are floor 0, and types knows nothing of records",
    ),
    ("engine", "market", "the engine glues the pure folders of its own floor"),
    ("engine", "features", "the engine glues the pure folders of its own floor"),
    ("engine", "model", "the engine glues the pure folders of its own floor"),
    ("engine", "signal", "the engine glues the pure folders of its own floor"),
    ("engine", "risk", "the engine glues the pure folders of its own floor"),
    ("engine", "order", "the engine glues the pure folders of its own floor"),
    ("agents", "link", "agents drive the shells of their own floor"),
    ("agents", "journal", "agents drive the shells of their own floor"),
    ("agents", "risk", "the published status names trading state and refusal in the gate's own words"),
    ("agents", "order", "the published status lists the orders in doubt, and what deals earned"),
    ("agents", "signal", "the published status names vetoes and what shadows did in the signal's own words"),
    ("operator", "registry", "a request names a model as the registry does"),
    ("cli", "registry", "a command keeps the registry"),
    ("cli", "operator", "a command speaks to a running appliance"),
    ("cli", "engine", "a command names slots in the engine's own words"),
    ("cli", "order", "a journal is shown with the names of states and verdicts"),
    ("cli", "risk", "a journal is shown with the names of reasons"),
    ("setup", "registry", "the models of a start are read from where they are kept"),
    ("replay", "config", "the report of controls lists those of the configuration's table, with their keys"),
    ("replay", "risk", "the report of controls counts reasons, and shows limits by their keys"),
    ("replay", "registry", "a replay reads the models that a journal's changes name"),
    ("metrics", "report", "an interval's percentiles are computed as the report computes them"),
    ("sim", "store", "the simulated terminal plays tick files"),
    ("sim", "engine", "the simulated world runs the real engine"),
    ("sim", "order", "the simulated world's rules look at the state of orders"),
    ("sim", "risk", "the simulated world's rules hold the engine to the operator's limits"),
    ("sim", "features", "the simulated world's engine is put together in code"),
    ("sim", "model", "the simulated world's engine is put together in code"),
    ("sim", "signal", "the simulated world's engine is put together in code"),
    ("replay", "setup", "a replay builds its engine by the same function as the appliance"),
    ("setup", "order", "exits are put together in the order's own words"),
    ("setup", "config", "this is what a configuration becomes"),
    ("setup", "store", "a window of news begins and ends as tick files write times"),
    ("replay", "report", "a replay reports in the appliance's own form"),
    ("cli", "app", "a command starts the appliance"),
    ("cli", "config", "a command reads the configuration"),
    ("cli", "report", "a command writes reports"),
    ("cli", "metrics", "a command prints the status"),
    ("cli", "store", "a command converts tick files"),
    ("dataset", "config", "the features of a table are those of a configuration"),
    ("dataset", "setup", "a table's graph is declared by the same function as the appliance's"),
    ("dataset", "store", "ticks are read from files, rows are written to one"),
    ("cli", "dataset", "a command exports a training table"),
    ("cli", "sim", "a command runs the simulated terminal"),
    ("cli", "replay", "a command replays a journal"),
    ("cli", "setup", "check asks whether model, features and limits fit each other"),
    ("cli", "model", "a command inspects, verifies and times model files"),
    ("cli", "journal", "the demo frees the memory of its own journal"),
];

/// The only files with `unsafe`, and what for.
const UNSAFE_FILES: &[(&str, &str)] = &[
    ("runtime/shared_memory.rs", "memory that outlives the process"),
    ("runtime/huge_pages.rs", "the heap on large pages, once before the lanes start"),
    ("runtime/stopwatch.rs", "the fenced reading of the processor's counter, for measurements"),
    ("model/kernel/", "vector instructions"),
];

/// Words that no file of a floor may say, and from which floor on they are allowed.
const RESERVED: &[(&str, u8)] = &[
    // The machine's floor.
    ("std::time", 1),
    ("std::thread", 1),
    ("std::fs", 1),
    ("std::os", 1),
    ("std::io", 1),
    // `std::sync::Arc` of a value that never changes is no hand-over between threads: a model's trees are shared by it.
    ("std::sync::atomic", 1),
    ("std::sync::mpsc", 1),
    ("std::sync::{", 1),
    ("rustix", 1),
    ("memmap2", 1),
    ("quanta", 1),
    ("core_affinity", 1),
    ("rtrb", 1),
    ("crossbeam", 1),
    ("hdrhistogram", 1),
    // The shells'.
    ("std::net", 3),
    ("mio", 3),
    // The control floor's.
    ("std::env", 4),
    ("std::process", 4),
    ("println!", 4),
    ("eprintln!", 4),
    ("print!", 4),
    ("eprint!", 4),
    ("async", 4),
    ("await", 4),
    ("tokio", 4),
    ("zeromq", 4),
    ("serde", 4),
    ("serde_json", 4),
    ("simd_json", 4),
    ("toml_edit", 4),
    ("clap", 4),
    ("sd_notify", 4),
    ("zip", 4),
    ("lzma_rs", 4),
    ("flate2", 4),
    ("zstd", 4),
    ("csv", 4),
    ("indicatif", 4),
    ("parquet", 4),
];
/// Floor 2 sees bytes and values alone: what floor 1 may and it may not.
const PURE_FLOOR: u8 = 2;
/// Reserved words that a named file of a lower floor may say, and why.
const RESERVED_ALLOWED: &[(&str, &str, &str)] =
    &[("journal/compressed.rs", "zstd", "closed segments are packed and read back, never by a hot lane")];
/// What no hot floor (0 to 3) says, wherever the machine's floor may.
const LOCKS: &[&str] = &["Mutex", "RwLock", "Condvar"];

const LINES_MAX: usize = 500;
/// Longer files, and why.
const LONG_FILES: &[(&str, &str)] = &[];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `src/`, without the files that exist only for tests.
fn product() -> Vec<Source> {
    let found: Vec<Source> = sources(&root().join("src")).into_iter().filter(|file| !is_test(file)).collect();
    assert!(found.len() > 100, "expected the sources of the whole package, got {} files", found.len());
    found
}

/// A file that its parent declares behind `#[cfg(test)]` is called `tests.rs` here, or stands in a folder `tests`.
fn is_test(file: &Source) -> bool {
    file.path.ends_with("/tests.rs") || file.path.contains("/tests/")
}

fn floor_of(folder: &str) -> Option<u8> {
    FOLDERS.iter().find(|entry| entry.0 == folder).map(|entry| entry.1)
}

fn wrong_edges(files: &[Source]) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in files {
        let folder = file.folder();
        let Some(entry) = FOLDERS.iter().find(|entry| entry.0 == folder) else {
            wrong.push(format!("{}: folder {folder} is on no floor", file.path));
            continue;
        };
        for to in file.imports() {
            let listed = entry.2.contains(&to.as_str()) || entry.2.contains(&"*");
            let extra = EXTRA_EDGES.iter().any(|(from, target, _)| (*from, *target) == (folder, to.as_str()));
            if !listed && !extra {
                wrong.push(format!("{}: {folder} may not import {to}", file.path));
            }
        }
    }
    wrong
}

fn wrong_words(files: &[Source]) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in files {
        let Some(floor) = floor_of(file.folder()) else { continue };
        for (word, from) in RESERVED {
            let too_low = floor < *from || (floor == PURE_FLOOR && *from <= PURE_FLOOR);
            let allowed = RESERVED_ALLOWED.iter().any(|(path, what, _)| file.path == *path && what == word);
            if too_low && !allowed && file.has_word(word) {
                wrong.push(format!("{}: {word} is not for floor {floor}", file.path));
            }
        }
        for lock in LOCKS {
            if floor <= 3 && file.has_word(lock) {
                wrong.push(format!("{}: {lock} on a hot floor", file.path));
            }
        }
        let may_be_unsafe = UNSAFE_FILES.iter().any(|(path, _)| file.path.starts_with(path));
        if !may_be_unsafe && file.has_word("unsafe") {
            wrong.push(format!("{}: unsafe outside the named files", file.path));
        }
    }
    wrong
}

fn wrong_shape(file: &Source) -> Vec<String> {
    let mut wrong = Vec::new();
    let head: String = file.text.lines().take_while(|line| line.starts_with("//!")).collect();
    if head.is_empty() {
        wrong.push(format!("{}: does not open with //!", file.path));
    } else {
        for part in ["What it is not", "Invariant"] {
            if !head.contains(part) {
                wrong.push(format!("{}: its opening lacks \"{part}\"", file.path));
            }
        }
    }
    let lines = file.text.lines().count();
    let may_be_long = LONG_FILES.iter().any(|(path, _)| file.path == *path);
    if lines > LINES_MAX && !may_be_long {
        wrong.push(format!("{}: {lines} lines, expected at most {LINES_MAX}", file.path));
    }
    // Spelt in two parts, so that this file does not accuse itself.
    for mark in [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")] {
        if file.text.contains(mark) {
            wrong.push(format!("{}: {mark}", file.path));
        }
    }
    wrong
}

fn none(what: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{what}: {} found\n  {}", wrong.len(), wrong.join("\n  "));
}

#[test]
fn the_table_itself_leads_down() {
    let mut wrong = Vec::new();
    for Folder(from, floor, targets) in FOLDERS {
        for to in targets.iter().filter(|to| **to != "*") {
            let below = floor_of(to).unwrap_or_else(|| panic!("{from} lists {to}, which is no folder"));
            let extra = EXTRA_EDGES.iter().any(|(a, b, _)| (a, b) == (from, to));
            if below >= *floor && !extra {
                wrong.push(format!("{from} (floor {floor}) -> {to} (floor {below}) needs a reason"));
            }
        }
    }
    for (from, to, reason) in EXTRA_EDGES {
        assert!(floor_of(from).is_some() && floor_of(to).is_some(), "{from} -> {to}: no such folder");
        assert!(reason.len() > 20, "{from} -> {to}: a reason is a sentence");
    }
    none("edges that lead sideways or up without a reason", &wrong);
}

#[test]
fn every_folder_is_on_a_floor_and_every_floor_exists() {
    let found: BTreeSet<String> = product().iter().map(|file| file.folder().to_owned()).collect();
    let listed: BTreeSet<String> = FOLDERS.iter().map(|folder| folder.0.to_owned()).collect();
    assert_eq!(found, listed, "folders of src/ and the table");
}

#[test]
fn folders_import_only_what_the_table_lists() {
    let files = product();
    none("edges", &wrong_edges(&files));
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in &files {
        used.entry(file.folder().into()).or_default().extend(file.imports());
    }
    let edges: usize = used.values().map(BTreeSet::len).sum();
    assert!(edges > 50, "expected the edges of the whole package, got {edges}: does the reader still read?");
    let unused =
        |(from, to, _): &&(&str, &str, &str)| !used.get(*from).is_some_and(|targets| targets.contains(*to));
    let stale: Vec<String> =
        EXTRA_EDGES.iter().filter(unused).map(|(a, b, _)| format!("{a} -> {b}")).collect();
    none("extra edges that nothing uses", &stale);
}

#[test]
fn io_clock_locks_async_and_unsafe_stay_on_their_floors() {
    none("words on the wrong floor", &wrong_words(&product()));
}

#[test]
fn files_open_with_their_purpose_and_stay_short() {
    let all = ["src", "tests", "benches"];
    let all = all.iter().filter(|dir| root().join(dir).is_dir());
    let wrong: Vec<String> =
        all.flat_map(|dir| sources(&root().join(dir))).flat_map(|file| wrong_shape(&file)).collect();
    none("files", &wrong);
}

/// What a checker says of one bad sample: the tests above mean something only while these are found.
#[test]
fn bad_samples_are_found() {
    let edges = |path: &str, text: &str| wrong_edges(&[Source::new(path, text)]).len();
    for sample in [
        "use crate::engine::Engine;",
        "use crate::{types::Price, engine::Engine};",
        "use crate::{self, engine};",
        "fn a() { crate::engine::step(); }",
        "fn a() { let x: tickbridge::engine::Engine; }",
        "use super::super::engine::Engine;",
        "use super::super::{types, engine};",
        "pub(in crate::engine) fn a() {}",
        "// a comment\nuse crate::engine::Engine;",
        "const A: &str = \"// no comment\"; use crate::engine::Engine;",
        "const A: &str = r#\"a \" b\"#; use crate::engine::Engine;",
        "const A: char = '\"'; use crate::engine::Engine; const B: char = '\"';",
        "#[cfg(test)]\nmod tests { use crate::app; }\nuse crate::engine::Engine;",
        "#[cfg(test)]\nmod tests;\nuse crate::engine::Engine;",
        "/* a /* b */ c */ use crate::engine::Engine;",
        "fn a<'x>(b: &'x str) { crate::engine::step(b) }",
    ] {
        assert_eq!(edges("wire/frame.rs", sample), 1, "{sample}");
    }
    assert_eq!(edges("nowhere/mod.rs", ""), 1, "a folder that is not listed");
    assert_eq!(edges("wire/zmtp/frame.rs", "use super::super::super::engine::Engine;"), 1);
    for good in [
        "// use crate::engine::Engine;",
        "/* use crate::engine::Engine; */",
        "const A: &str = \"use crate::engine::Engine;\";",
        "const A: &str = r#\"crate::engine \" crate::engine\"#;",
        "#[cfg(test)]\nmod tests { use crate::engine::Engine; fn a() { { } } }",
        "use crate::types::Price; use crate::record::Record; use crate::layout;",
        "use crate::wire::terminal::Header; use super::engine::Thing;",
    ] {
        assert_eq!(edges("wire/frame.rs", good), 0, "{good}");
    }
    assert_eq!(edges("wire/zmtp/frame.rs", "use super::super::engine::Engine;"), 0, "that is wire::engine");
}

#[test]
fn bad_words_and_shapes_are_found() {
    let words = |path: &str, text: &str| wrong_words(&[Source::new(path, text)]).len();
    for (path, sample) in [
        ("model/json.rs", "use std::fs;"),
        ("features/bars.rs", "let file = std::fs::read(path);"),
        ("engine/mod.rs", "let now = std::time::Instant::now();"),
        ("wire/frame.rs", "use std::io::Read;"),
        ("wire/frame.rs", "use rustix::fs;"),
        ("risk/gate.rs", "println!(\"x\");"),
        ("order/book.rs", "use serde::Serialize;"),
        ("agents/decide.rs", "async fn a() {}"),
        ("link/server.rs", "use tokio::net::TcpStream;"),
        ("runtime/ring.rs", "use std::sync::Mutex;"),
        ("runtime/ring.rs", "unsafe { a() }"),
        ("market/mod.rs", "unsafe { a() }"),
    ] {
        assert_eq!(words(path, sample), 1, "{path}: {sample}");
    }
    for (path, good) in [
        ("runtime/shared_memory.rs", "unsafe { a() }"),
        ("model/kernel/veb.rs", "unsafe { a() }"),
        ("runtime/lane.rs", "use std::thread; use std::sync::Arc;"),
        ("sim/mod.rs", "use tokio::net::TcpStream; async fn a() {} println!(\"x\");"),
        ("record/mod.rs", "a.zip(b); let csv = 1; // unsafe println!"),
    ] {
        assert_eq!(words(path, good), 0, "{path}: {good}");
    }
    let shape = |text: &str| wrong_shape(&Source::new("wire/frame.rs", text)).len();
    let opening = "//! A.\n//!\n//! What it is not: b.\n//!\n//! Invariant: c.\n";
    assert_eq!(shape(opening), 0);
    assert_eq!(shape("fn a() {}"), 1);
    assert_eq!(shape("//! A. What it is not: b.\n"), 1);
    assert_eq!(shape("//! A. Invariant: b.\n"), 1);
    assert_eq!(shape(&format!("{opening}// {}\n", concat!("TO", "DO"))), 1);
    assert_eq!(shape(&format!("{opening}{}", "\n".repeat(LINES_MAX))), 1);
}
