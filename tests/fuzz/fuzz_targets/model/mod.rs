//! What every fuzz target of a model format asks of a loader.
//!
//! What it is not: a target itself.
//!
//! Invariant: what loads answers every row, the same by every kernel.

use tickbridge::model::{Format, LoadOptions, Model, Unnamed};

/// Loads the bytes for rows of some widths, and asks every kernel of what loads.
pub fn any_bytes(bytes: &[u8], format: Format) {
    let _ = Format::detect(bytes);
    let names = ["f0", "f1", "f2", "f3", "f4"];
    for (count, rounds, unnamed) in
        [(1, None, Unnamed::ByPosition), (3, Some(1), Unnamed::ByPosition), (5, None, Unnamed::Refused)]
    {
        let options = LoadOptions { rounds, unnamed };
        let Ok(kernels) = Model::load_every_kernel(bytes, Some(format), &names[..count], &options) else {
            continue;
        };
        for value in [0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.3, -0.5, 1e-40, 3e9] {
            let row = [value; 5];
            let mut first = Vec::new();
            for model in &kernels {
                let mut scores = vec![0.0; model.output_count()];
                model.scores(&row[..count], &mut scores);
                if first.is_empty() {
                    first = scores;
                    continue;
                }
                let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
                assert!(first.iter().zip(&scores).all(same), "{}: {first:?} {scores:?}", model.kernel_name());
            }
        }
    }
}
