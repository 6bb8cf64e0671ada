//! Fuzzes the model loaders: any bytes are either refused or give a model whose kernels agree.
//!
//! What it is not: a parity test; `tests/model_parity.rs` is.
//!
//! Invariant: no panic, no endless loop, no memory beyond a small multiple of the input.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tickbridge::model::Model;

fuzz_target!(|bytes: &[u8]| {
    let names = ["f0", "f1", "f2", "f3", "f4"];
    let _ = Model::from_linear_json(bytes, &names);
    for count in [1, 5] {
        let Ok(kernels) = Model::every_kernel(bytes, &names[..count]) else { continue };
        let rows = [[0.0; 5], [f32::NAN; 5], [f32::INFINITY; 5], [f32::NEG_INFINITY; 5], [0.3; 5]];
        for row in rows {
            let scores: Vec<f64> = kernels.iter().map(|model| model.predict(&row[..count])).collect();
            assert!(scores.windows(2).all(|pair| pair[0].to_bits() == pair[1].to_bits() || pair[0].is_nan()));
        }
    }
});
