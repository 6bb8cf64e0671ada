//! Fuzzes the loader of `Format::LightgbmText`: any bytes are either refused or give a model whose kernels agree.
//!
//! What it is not: a parity test; `tests/model_parity.rs` is.
//!
//! Invariant: no panic, no endless loop, no memory beyond a small multiple of the input.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tickbridge::model::Format;

mod model;

fuzz_target!(|bytes: &[u8]| model::any_bytes(bytes, Format::LightgbmText));
