//! What is left of the free margin after an order, and what all that the account holds is worth by its margin.
//!
//! What it is not: the level of the margin in use (`guards.rs`), or the formulas (`risk/margin.rs`).
//!
//! Invariant: an order counts from its sending: as long as it may fill by its own margin, and from its fill on until the account
//! told of it at least once. What is not known leaves nothing.

use super::super::Engine;
use crate::record::{Account, Record, Session, SymbolMargin};
use crate::risk::{Intent, MarginTerms, Reason, Refusal};
use crate::types::{INSTRUMENTS_MAX, InstrumentId, Money, Side, StateError, StateSink, StateSource};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct MarginWatch {
    /// Empty where nothing asks for it.
    told: Box<[Option<SymbolMargin>]>,
    currency: [u8; 8],
    equity: Money,
    free: Money,
    used: Money,
    leverage: u32,
    /// Margin of openings that were filled since the last word of the account, and since the one before; and their value.
    filled: [Money; 2],
    filled_value: [Money; 2],
}

impl MarginWatch {
    pub(super) fn new(is_asked: bool) -> Self {
        MarginWatch {
            told: vec![None; if is_asked { INSTRUMENTS_MAX } else { 0 }].into(),
            currency: [0; 8],
            equity: Money::ZERO,
            free: Money::ZERO,
            used: Money::ZERO,
            leverage: 0,
            filled: [Money::ZERO; 2],
            filled_value: [Money::ZERO; 2],
        }
    }

    fn is_asked(&self) -> bool {
        !self.told.is_empty()
    }

    fn terms(&self, index: usize) -> Option<MarginTerms> {
        let told = self.told.get(index)?.as_ref()?;
        Some(MarginTerms {
            calc_mode: told.calc_mode,
            initial: told.initial,
            rates: [told.rate_buy, told.rate_sell],
            is_account_currency: told.currency == self.currency,
        })
    }

    /// Tells its words, of the first `instruments`.
    pub(super) fn save(&self, instruments: usize, sink: &mut impl StateSink) {
        sink.word(u64::from_le_bytes(self.currency));
        let amounts = [self.equity, self.free, self.used];
        let filled = self.filled.iter().chain(&self.filled_value);
        amounts.iter().chain(filled).for_each(|amount| sink.signed(amount.0));
        sink.word(u64::from(self.leverage));
        let told = self.told.iter().take(instruments);
        sink.word(told.clone().flatten().count() as u64);
        for (index, told) in told.enumerate() {
            let Some(told) = told else { continue };
            sink.word((index as u64) << 8 | u64::from(told.calc_mode));
            [told.initial, told.rate_buy, told.rate_sell]
                .iter()
                .for_each(|number| sink.word(number.to_bits()));
            sink.word(u64::from_le_bytes(told.currency));
        }
    }

    /// Takes the words of [`MarginWatch::save`].
    pub(super) fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        self.currency = source.word("a currency")?.to_le_bytes();
        let amounts = [&mut self.equity, &mut self.free, &mut self.used];
        for amount in amounts.into_iter().chain(&mut self.filled).chain(&mut self.filled_value) {
            *amount = Money(source.signed("an amount")?);
        }
        self.leverage = source.small("a leverage", u64::from(u32::MAX))?;
        for _ in 0..source.count("symbols' margins", INSTRUMENTS_MAX, 5)? {
            let word = source.at_most("a symbol's margin", (INSTRUMENTS_MAX as u64) << 8)?;
            let mut numbers = [0.0; 3];
            for number in &mut numbers {
                *number = f64::from_bits(source.word("a margin's number")?);
            }
            let [initial, rate_buy, rate_sell] = numbers;
            let currency = source.word("a margin's currency")?.to_le_bytes();
            if let Some(place) = self.told.get_mut((word >> 8) as usize) {
                let calc_mode = word as u8;
                let reserved = [0; 7];
                *place = Some(SymbolMargin { initial, rate_buy, rate_sell, currency, calc_mode, reserved });
            }
        }
        Ok(())
    }
}

impl Engine {
    /// What a symbol's margin follows from.
    pub(in crate::engine) fn on_symbol_margin(&mut self, input: &Record) {
        let index = input.instrument().index();
        if let Some(place) = index.and_then(|index| self.bounds.margin.told.get_mut(index)) {
            *place = input.payload();
        }
    }

    /// The account's currency.
    pub(in crate::engine) fn note_currency(&mut self, session: &Session) {
        self.bounds.margin.currency = session.currency;
    }

    /// The account's word: what was filled before the word before is in it.
    pub(in crate::engine) fn note_margin(&mut self, account: &Account) {
        let margin = &mut self.bounds.margin;
        (margin.equity, margin.free) = (Money(account.equity), Money(account.margin_free));
        (margin.used, margin.leverage) = (Money(account.margin), account.leverage);
        margin.filled = [Money::ZERO, margin.filled[0]];
        margin.filled_value = [Money::ZERO, margin.filled_value[0]];
    }

    /// An opening was filled: the account has not told of it yet.
    pub(in crate::engine) fn fill_takes_margin(&mut self, instrument: InstrumentId, side: Side, qty: i64) {
        if !self.bounds.margin.is_asked() {
            return;
        }
        let taken = self.margin_of(instrument, side, qty).unwrap_or(Money::ZERO);
        let value = self.value_of(instrument, side, qty).unwrap_or(Money::ZERO);
        let margin = &mut self.bounds.margin;
        margin.filled[0] = margin.filled[0].plus(taken);
        margin.filled_value[0] = margin.filled_value[0].plus(value);
    }

    fn value_of(&self, instrument: InstrumentId, side: Side, qty: i64) -> Option<Money> {
        let (spec, quote) = (self.spec(instrument)?, self.market.quote(instrument));
        let price = if side == Side::Buy { quote.ask } else { quote.bid };
        let price = price.is_some().then_some(price.0 as f64)?;
        Money::from_f64(price * spec.tick_value * spec.volume_step * qty as f64)
    }

    /// What every order that may still fill, and this one, comes to.
    fn all_sent(
        &self,
        intent: &Intent,
        of: impl Fn(&Self, InstrumentId, Side, i64) -> Option<Money>,
    ) -> Option<Money> {
        let mut sum = Money::ZERO;
        for index in 0..self.instruments.len() {
            let instrument = InstrumentId(index as u16);
            for side in Side::BOTH {
                let is_own = (instrument, side) == (intent.instrument, intent.side);
                let own = if is_own { intent.qty.0 } else { 0 };
                let qty = self.orders.reserved(instrument, side).saturating_add(own);
                if qty != 0 {
                    sum = sum.plus(of(self, instrument, side, qty)?);
                }
            }
        }
        Some(sum)
    }

    /// Whether all that the account holds would be worth too much, by its margin times its leverage: whatever it is, and whether or
    /// not its instrument is configured.
    pub(super) fn account_holds_too_much(&self, intent: &Intent) -> Option<Refusal> {
        let (limit, margin) = (self.bounds.plan.account_gross_max, &self.bounds.margin);
        if limit <= Money::ZERO {
            return None;
        }
        let unknown = Refusal { reason: Reason::MarginUnknown, limit: limit.0, got: intent.qty.0 };
        if margin.leverage == 0 {
            return Some(unknown);
        }
        let Some(sent) = self.all_sent(intent, Self::value_of) else { return Some(unknown) };
        let held = Money(margin.used.0.saturating_mul(i64::from(margin.leverage)));
        let filled = margin.filled_value[0].plus(margin.filled_value[1]);
        let got = held.plus(filled).plus(sent);
        (got > limit).then_some(Refusal { reason: Reason::ExposureAccount, limit: limit.0, got: got.0 })
    }

    fn margin_of(&self, instrument: InstrumentId, side: Side, qty: i64) -> Option<Money> {
        let (spec, quote) = (self.spec(instrument)?, self.market.quote(instrument));
        let terms = self.bounds.margin.terms(instrument.index()?)?;
        let price = if side == Side::Buy { quote.ask } else { quote.bid };
        let price = price.is_some().then_some(price.0 as f64)?;
        Money::from_f64(terms.of_step(side, spec, price, self.bounds.margin.leverage)? * qty as f64)
    }

    /// Whether an opening leaves enough of the free margin, after all that was sent before it.
    pub(super) fn leaves_too_little(&self, intent: &Intent) -> Option<Refusal> {
        let (percent, margin) = (self.bounds.plan.margin_free_min_percent, &self.bounds.margin);
        if percent <= 0.0 {
            return None;
        }
        let unknown = Refusal { reason: Reason::MarginUnknown, limit: 0, got: intent.qty.0 };
        let Some(sent) = self.all_sent(intent, Self::margin_of) else { return Some(unknown) };
        let Some(limit) = Money::from_f64(margin.equity.as_f64() * percent / 100.0) else {
            return Some(unknown);
        };
        let got = margin.free.minus(margin.filled[0]).minus(margin.filled[1]).minus(sent);
        (got < limit).then_some(Refusal { reason: Reason::MarginFree, limit: limit.0, got: got.0 })
    }
}
