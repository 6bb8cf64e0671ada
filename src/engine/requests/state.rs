//! What the engine keeps for requests and retries, as words.
//!
//! What it is not: the books; each tells its own.
//!
//! Invariant: a retry whose command is still to come is a retry for whoever loads this between the two records.

use super::Asking;
use crate::order::DecisionOrigin;
use crate::types::{StateError, StateSink, StateSource};

impl Asking {
    /// Tells its words.
    pub(in crate::engine) fn save(&self, sink: &mut impl StateSink) {
        self.requests.save(sink);
        self.stops.save(sink);
        sink.word(u64::from(self.retry_of.is_some()));
        if let Some((origin, refused_id, retcode)) = self.retry_of {
            sink.word(origin.first);
            sink.word(u64::from(origin.attempt));
            sink.time(origin.ts_decide);
            sink.word(refused_id);
            sink.word(u64::from(retcode));
        }
    }

    /// Takes the words of [`Asking::save`].
    pub(in crate::engine) fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        self.requests.load(source)?;
        self.stops.load(source)?;
        self.retry_of = None;
        if source.flag("a retry")? {
            let origin = DecisionOrigin {
                first: source.word("a decision's first order")?,
                attempt: source.small("a decision's retry", u64::from(u32::MAX))?,
                ts_decide: source.time("a decision's time")?,
            };
            let refused_id = source.word("a refused order")?;
            self.retry_of = Some((origin, refused_id, source.small("a return code", u64::from(u32::MAX))?));
        }
        Ok(())
    }
}
