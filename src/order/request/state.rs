//! Terms and requests as words.
//!
//! What it is not: the book of requests; `requests/state.rs` tells that.
//!
//! Invariant: a request that was saved and loaded is the one that was saved.

use super::{NewRequest, Request, RequestStage, Terms};
use crate::order::state::Verdict;
use crate::types::{
    InstrumentId, OrderAction, OrderId, OrderKind, Price, StateError, StateSink, StateSource,
};

/// Words of one request.
pub(in crate::order) const REQUEST_WORDS: usize = 16;

impl Terms {
    pub(in crate::order) fn save(&self, sink: &mut impl StateSink) {
        for price in [self.price, self.stop_limit, self.stop_loss, self.take_profit] {
            sink.signed(price.0);
        }
    }

    pub(in crate::order) fn load(source: &mut StateSource<'_>) -> Result<Terms, StateError> {
        Ok(Terms {
            price: Price(source.signed("a price")?),
            stop_limit: Price(source.signed("a stop limit")?),
            stop_loss: Price(source.signed("a stop loss")?),
            take_profit: Price(source.signed("a take profit")?),
        })
    }
}

impl Request {
    pub(in crate::order) fn save(&self, sink: &mut impl StateSink) {
        let new = &self.new;
        sink.word(new.id.raw());
        let codes = [
            new.action.code(),
            new.kind.code(),
            self.stage as u8,
            self.verdict as u8,
            u8::from(self.is_handed_over),
        ];
        let packed = codes.iter().fold(0, |word, code| word << 8 | u64::from(*code));
        sink.word(packed << 16 | u64::from(new.instrument.0));
        [new.order, new.ticket, new.position, new.position_by].into_iter().for_each(|word| sink.word(word));
        new.asked.save(sink);
        sink.signed(new.qty);
        sink.word(u64::from(new.revision) << 32 | u64::from(self.retcode));
        sink.time(new.ts_decide);
        sink.time(self.ts_stage);
        sink.word(u64::from(self.absent_reads));
        sink.time(self.witnessed);
    }

    pub(in crate::order) fn load(source: &mut StateSource<'_>) -> Result<Request, StateError> {
        let raw = source.word("a request's id")?;
        let range = |what, got| StateError::Range { what, most: i64::MAX as u64, at: 0, got };
        let id = OrderId::from_raw(raw).map_err(|_| range("a request's id", raw))?;
        let packed = source.word("a request's codes")?;
        let code = |place: u32| (packed >> (16 + 8 * place)) as u8;
        let unknown = || range("a request's codes", packed);
        let order = source.word("a request's order")?;
        let ticket = source.word("a request's ticket")?;
        let position = source.word("a request's position")?;
        let position_by = source.word("a request's other position")?;
        let asked = Terms::load(source)?;
        let qty = source.signed("a request's volume")?;
        let numbers = source.word("a request's revision")?;
        let new = NewRequest {
            id,
            action: OrderAction::from_code(code(4)).ok_or_else(unknown)?,
            instrument: InstrumentId(packed as u16),
            order,
            ticket,
            position,
            position_by,
            kind: OrderKind::from_code(code(3)).ok_or_else(unknown)?,
            asked,
            qty,
            revision: (numbers >> 32) as u32,
            ts_decide: source.time("a request's time")?,
        };
        Ok(Request {
            new,
            stage: RequestStage::from_code(code(2)).ok_or_else(unknown)?,
            verdict: Verdict::from_code(code(1)).ok_or_else(unknown)?,
            retcode: numbers as u32,
            is_handed_over: code(0) != 0,
            ts_stage: source.time("a request's stage's time")?,
            absent_reads: source.small("a request's absences", u64::from(u32::MAX))?,
            witnessed: source.time("a request's witnessed time")?,
        })
    }
}
