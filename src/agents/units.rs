//! What each instrument is counted in, for all connections of an appliance: what the first announcement said, or what the journal holds.
//!
//! What it is not: the conversion (`wire/terminal/units.rs`), which every connection does for itself.
//!
//! Invariant: what is kept once never changes; whoever connects later counts as those before it did.

use crate::types::{INSTRUMENTS_MAX, InstrumentSpec};
use std::sync::{Arc, OnceLock};

/// See the module. Clones keep the same.
#[derive(Clone, Debug)]
pub struct KnownUnits(Arc<[OnceLock<InstrumentSpec>]>);

impl Default for KnownUnits {
    fn default() -> Self {
        KnownUnits((0..INSTRUMENTS_MAX).map(|_| OnceLock::new()).collect())
    }
}

impl KnownUnits {
    /// Keeps the units of these rules, unless some are kept.
    pub fn keep(&self, spec: &InstrumentSpec) {
        if let Some(known) = spec.instrument.index().and_then(|index| self.0.get(index)) {
            known.get_or_init(|| *spec);
        }
    }

    /// The rules of every instrument whose units are kept.
    pub(super) fn iter(&self) -> impl Iterator<Item = &InstrumentSpec> {
        self.0.iter().filter_map(OnceLock::get)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{FixedText, InstrumentId, VenueId};

    #[test]
    fn the_first_word_stays() {
        let known = KnownUnits::default();
        let eur = InstrumentSpec::fx(InstrumentId(3), VenueId(0), FixedText::new("EURUSD").unwrap());
        known.clone().keep(&eur);
        known.keep(&InstrumentSpec { tick_size: 0.5, ..eur });
        assert_eq!(known.iter().collect::<Vec<_>>(), [&eur]);
    }
}
