//! What the gate was told, as words: what may leave, what closes it, how far prices moved.
//!
//! What it is not: envelopes, which the engine has worked out anew from orders and positions; or the buckets of messages,
//! which are full again a moment after a start.
//!
//! Invariant: nothing that stays closed until somebody's word is left out.

use super::{Gate, Refusal};
use crate::risk::{Reason, Trading};
use crate::types::{INSTRUMENTS_MAX, StateError, StateSink, StateSource};

/// Tells a refusal, or that there is none.
fn save_refusal(refusal: Option<Refusal>, sink: &mut impl StateSink) {
    let Refusal { limit, got, .. } = refusal.unwrap_or(Refusal { reason: Reason::ALL[0], limit: 0, got: 0 });
    sink.word(refusal.map_or(0, |refusal| 1 + refusal.reason as u64));
    sink.signed(limit);
    sink.signed(got);
}

/// Takes the words of [`save_refusal`].
fn load_refusal(source: &mut StateSource<'_>) -> Result<Option<Refusal>, StateError> {
    let most = 1 + u64::from(u32::MAX);
    let code = source.at_most("a reason", most)?;
    let (limit, got) = (source.signed("a limit")?, source.signed("what was got")?);
    let Some(code) = code.checked_sub(1) else { return Ok(None) };
    let reason = Reason::from_code(code as u32);
    let reason = reason.ok_or(StateError::Range { what: "a reason", most, at: 0, got: code })?;
    Ok(Some(Refusal { reason, limit, got }))
}

impl Gate {
    /// Tells its words, of the first `instruments`.
    pub fn save(&self, instruments: usize, sink: &mut impl StateSink) {
        sink.word(self.trading as u64);
        save_refusal(self.closed, sink);
        let jumps = &self.jumps[..instruments.min(INSTRUMENTS_MAX)];
        sink.word(jumps.len() as u64);
        jumps.iter().for_each(|jump| jump.words().into_iter().for_each(|word| sink.signed(word)));
    }

    /// Takes the words of [`Gate::save`]; every envelope is to be prepared after it.
    pub fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        self.trading = source.coded("trading", Trading::from_code)?;
        self.closed = load_refusal(source)?;
        for index in 0..source.count("jumps", INSTRUMENTS_MAX, 5)? {
            let mut words = [0; 5];
            for word in &mut words {
                *word = source.signed("a jump")?;
            }
            self.jumps[index].take_words(words);
        }
        Ok(())
    }
}
