//! Any text as a configuration: it is refused with faults or resolved, and never panics.
//!
//! What it is not: a check of what the values mean.
//!
//! Invariant: a refusal names at least one fault; what resolves survives JSON.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tickbridge::config::{Config, Resolved};

fuzz_target!(|text: &str| {
    // The folder does not exist, so an include in the text never reads a real file.
    match Resolved::parse(Path::new("/nonexistent/fuzz.toml"), text) {
        Ok(resolved) => {
            let json = serde_json::to_string(&resolved.config).expect("serializes");
            let back: Config = serde_json::from_str(&json).expect("reads back");
            assert_eq!(back, resolved.config);
        }
        Err(errors) => assert!(!errors.0.is_empty()),
    }
});
