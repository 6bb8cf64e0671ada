//! The engine's state as words: what its hash is made of, and what a snapshot keeps.
//!
//! What it is not: everything in memory. Left out is what a start forgets anyway (connections and the past that features were
//! warmed with, the features themselves, what rules and watches of models remember, message buckets, counts of ticks), and what
//! follows from the rest (envelopes of the gate).
//!
//! Invariant: two engines of one setup with the same hash judge every report, deal and snapshot alike. What recovery rebuilds
//! from a journal's records has the hash of the engine that wrote them, at every record behind which its step was complete.

use super::Engine;
use crate::record::{self, Origin, Record};
use crate::risk::{Reason, TradeRecord};
use crate::types::{
    Execution, INSTRUMENTS_MAX, InstrumentId, InstrumentSpec, Qty, STATE_VERSION, StateError, StateHasher,
    StateSink, StateSource, TradeMode, VENUES_MAX, VenueId,
};

impl Engine {
    /// A number that two engines have in common only if what decides about orders is the same. Takes no memory.
    pub fn state_hash(&self) -> u64 {
        let mut hasher = StateHasher::default();
        self.save_state(&mut hasher);
        hasher.finish()
    }

    /// [`Engine::state_hash`] as a record: for the journal, behind a whole step. It is no output of a step.
    pub fn state_record(&self) -> Record {
        let state_hash = self.state_hash();
        let payload = record::StateHash { state_hash, state_version: STATE_VERSION, reserved: 0 };
        Record::new(Origin::Engine, self.now, VenueId::default(), InstrumentId::NONE, &payload)
    }

    /// Whether a record that tells a state's hash tells another one; of another version's nothing can be said.
    pub fn contradicts(&self, told: &record::StateHash) -> bool {
        told.state_version == STATE_VERSION && told.state_hash != self.state_hash()
    }

    /// Tells every part's words. A part that is added here is added in [`Engine::load_state`] too, at the same place.
    pub fn save_state(&self, sink: &mut impl StateSink) {
        let instruments = self.instruments.len();
        sink.word(u64::from(STATE_VERSION));
        self.save_own(sink);
        self.save_specs(sink);
        self.market.save(instruments, sink);
        self.orders.save(sink);
        self.positions.save(instruments, sink);
        sink.word(self.venues.len() as u64);
        self.venues.iter().for_each(|venue| venue.save(instruments, sink));
        self.gate.save(instruments, sink);
        self.loss.save(instruments, sink);
        self.executions.save(sink);
        self.asking.save(sink);
        self.kills.save(sink);
        self.limits.save(sink);
        self.overrides.save(sink);
        self.exits.save(sink);
        sink.word(self.listings.len() as u64);
        self.listings.iter().for_each(|listing| listing.save(sink));
        self.others.save(sink);
        self.ledgers.save(instruments, sink);
        self.late_fills.save(sink);
        self.exposure.save(sink);
        self.breakers.save(sink);
        self.bounds.save(instruments, sink);
    }

    /// Takes the words of [`Engine::save_state`] into a new engine, whose setup may know more instruments and venues than the one
    /// that was saved, and other limits.
    pub fn load_state(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        let version = u64::from(STATE_VERSION);
        let got = source.word("the state's version")?;
        if got != version {
            return Err(StateError::Range { what: "the state's version", most: version, at: 0, got });
        }
        self.load_own(source)?;
        self.load_specs(source)?;
        self.market.load(source)?;
        self.orders.load(source)?;
        self.positions.load(source)?;
        for index in 0..source.count("venues", VENUES_MAX.min(self.venues.len()), 1)? {
            self.venues[index].load(source)?;
        }
        self.gate.load(source)?;
        self.loss.load(source)?;
        self.executions.load(source)?;
        self.asking.load(source)?;
        self.kills.load(source)?;
        self.widen_kills();
        self.load_limits(source)?;
        self.overrides.load(source)?;
        self.exits.load(source)?;
        for index in 0..source.count("snapshots", VENUES_MAX.min(self.listings.len()), 1)? {
            self.listings[index].load(source)?;
        }
        self.others.load(source)?;
        self.ledgers.load(source)?;
        self.late_fills.load(source)?;
        self.exposure.load(source)?;
        self.breakers.load(source)?;
        self.bounds.load(source)?;
        source.end()?;
        for index in 0..self.instruments.len() {
            self.prepare(InstrumentId(index as u16));
        }
        Ok(())
    }

    fn save_own(&self, sink: &mut impl StateSink) {
        let ids = [u64::from(self.setup_strategy.0), u64::from(self.epoch), u64::from(self.sequence)];
        ids.into_iter().chain([self.query_count]).for_each(|word| sink.word(word));
        for time in [self.now, self.witnessed, self.ts_venue, self.timer_due] {
            sink.time(time);
        }
        sink.word(self.trading_reason.map_or(0, |reason| 1 + reason as u64));
        sink.word(u64::from(self.loss_hit) | u64::from(self.journal_failed) << 1);
        sink.word(u64::from(self.rejects_in_row) << 32 | u64::from(self.losses_in_row));
        let counts = &self.counts;
        let told = [
            counts.fills,
            counts.unknown,
            counts.returned,
            counts.deals_repeated,
            counts.deals_foreign,
            counts.reconciliations,
            counts.mismatches,
            counts.gaps,
        ];
        told.into_iter().for_each(|count| sink.word(count));
        sink.word(self.strategies.len() as u64);
        for strategy in &self.strategies {
            sink.word(strategy.setup.models.revision());
            strategy.record.save(sink);
        }
    }

    fn load_own(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        // The configuration's word counts; orders of another strategy keep their ids.
        source.word("the strategy's number")?;
        self.epoch = source.small("an epoch", u64::from(u32::MAX))?;
        self.sequence = source.small("an order's number", u64::from(u32::MAX))?;
        self.query_count = source.word("a query's number")?;
        for time in [&mut self.now, &mut self.witnessed, &mut self.ts_venue, &mut self.timer_due] {
            *time = source.time("the engine's time")?;
        }
        let reason = source.at_most("a reason", 1 + u64::from(u32::MAX))?;
        self.trading_reason = reason.checked_sub(1).and_then(|code| Reason::from_code(code as u32));
        let flags = source.at_most("flags", 3)?;
        (self.loss_hit, self.journal_failed) = (flags & 1 != 0, flags & 2 != 0);
        let rows = source.word("what came in a row")?;
        (self.rejects_in_row, self.losses_in_row) = ((rows >> 32) as u32, rows as u32);
        let counts = &mut self.counts;
        for count in [
            &mut counts.fills,
            &mut counts.unknown,
            &mut counts.returned,
            &mut counts.deals_repeated,
            &mut counts.deals_foreign,
            &mut counts.reconciliations,
            &mut counts.mismatches,
            &mut counts.gaps,
        ] {
            *count = source.word("a count")?;
        }
        for at in 0..source.count("strategies", INSTRUMENTS_MAX, 6)? {
            let (revision, record) = (source.word("a revision")?, TradeRecord::load(source)?);
            if let Some(strategy) = self.strategies.get_mut(at) {
                strategy.setup.models.set_revision(revision);
                strategy.record = record;
            }
        }
        Ok(())
    }

    fn save_specs(&self, sink: &mut impl StateSink) {
        sink.word(self.specs.iter().flatten().count() as u64);
        for spec in self.specs.iter().flatten() {
            sink.word(u64::from(spec.instrument.0));
            for number in [spec.tick_size, spec.point, spec.volume_step, spec.contract_size, spec.tick_value]
            {
                sink.word(number.to_bits());
            }
            for volume in [spec.volume_min, spec.volume_max, spec.volume_limit] {
                sink.signed(volume.0);
            }
            sink.word(u64::from(spec.stops_level_points) << 32 | u64::from(spec.freeze_level_points));
            let codes = [
                spec.digits,
                spec.trade_mode.code(),
                spec.execution.code(),
                spec.filling_modes,
                spec.order_modes,
                spec.expiration_modes,
            ];
            sink.word(codes.iter().fold(0, |word, code| word << 8 | u64::from(*code)));
        }
    }

    fn load_specs(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        let most = self.instruments.len();
        for _ in 0..source.count("symbols' rules", most, 11)? {
            let index: usize = source.small("an instrument", (most as u64).saturating_sub(1))?;
            let mut numbers = [0.0; 5];
            for number in &mut numbers {
                *number = f64::from_bits(source.word("a symbol's rule")?);
            }
            let [tick_size, point, volume_step, contract_size, tick_value] = numbers;
            let mut volumes = [Qty(0); 3];
            for volume in &mut volumes {
                *volume = Qty(source.signed("a symbol's volume")?);
            }
            let [volume_min, volume_max, volume_limit] = volumes;
            let levels = source.word("a symbol's levels")?;
            let got = source.word("a symbol's codes")?;
            let code = |place: u32| (got >> (8 * place)) as u8;
            let unknown = StateError::Range { what: "a symbol's codes", most: 0, at: 0, got };
            let setup = &self.instruments[index];
            self.specs[index] = Some(InstrumentSpec {
                instrument: InstrumentId(index as u16),
                venue: setup.venue,
                symbol: setup.symbol,
                tick_size,
                digits: code(5),
                point,
                volume_step,
                volume_min,
                volume_max,
                volume_limit,
                contract_size,
                tick_value,
                stops_level_points: (levels >> 32) as u32,
                freeze_level_points: levels as u32,
                trade_mode: TradeMode::from_code(code(4)).ok_or(unknown)?,
                execution: Execution::from_code(code(3)).ok_or(unknown)?,
                filling_modes: code(2),
                order_modes: code(1),
                expiration_modes: code(0),
            });
        }
        Ok(())
    }
}
