//! A venue as words: its sessions, its account, and how far it is reconciled.
//!
//! What it is not: the connections themselves; a start finds them gone.
//!
//! Invariant: every field is told or named here as one that is not, so that a new one cannot be forgotten.

use super::{Standing, Venue};
use crate::order::POSITIONS_MAX;
use crate::types::{INSTRUMENTS_MAX, MarginMode, Money, StateError, StateSink, StateSource};

impl Venue {
    /// Tells the words of the first `instruments`.
    pub(in crate::engine) fn save(&self, instruments: usize, sink: &mut impl StateSink) {
        let Venue {
            margin_mode,
            account_mode,
            roles_up,
            account_flags,
            account,
            server_offset_s,
            ts_busy,
            healthy_since,
            reconciled,
            baseline_taken,
            external,
            standings,
            query,
            query_asked,
            query_witnessed,
            query_due,
            query_ts_venue,
            ts_agreed,
            ts_begun,
            sums,
            listing,
            listed,
        } = self;
        sink.word(u64::from(margin_mode.code()));
        sink.word(u64::from(*account_mode));
        sink.word(u64::from(*roles_up));
        sink.word(account_flags.map_or(0, |flags| 1 + u64::from(flags)));
        sink.signed(account.0.0);
        sink.signed(account.1.0);
        sink.time(account.2);
        sink.signed(i64::from(*server_offset_s));
        sink.word(u64::from(*reconciled) | u64::from(*baseline_taken) << 1);
        sink.word(*query);
        for time in [
            healthy_since,
            query_asked,
            query_witnessed,
            query_due,
            query_ts_venue,
            ts_agreed,
            ts_begun,
            ts_busy,
        ] {
            sink.time(*time);
        }
        sink.word(instruments as u64);
        for ((external, standing), sum) in external.iter().zip(standings).zip(sums).take(instruments) {
            sink.signed(*external);
            sink.signed(*sum);
            let flags =
                [standing.is_agreed, standing.is_stirred, standing.has_differed, standing.mismatch.is_some()];
            sink.word(flags.iter().fold(0, |word, flag| word << 1 | u64::from(*flag)));
            let (ours, theirs) = standing.mismatch.unwrap_or_default();
            sink.signed(ours);
            sink.signed(theirs);
        }
        for list in [listing, listed] {
            sink.word(list.len() as u64);
            for (identifier, qty) in list {
                sink.word(*identifier);
                sink.signed(*qty);
            }
        }
    }

    /// Takes the words of [`Venue::save`] into a new venue.
    pub(in crate::engine) fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        self.margin_mode = source.coded("a margin mode", MarginMode::from_code)?;
        self.account_mode = source.small("an account's mode", u64::from(u8::MAX))?;
        self.roles_up = source.small("roles", u64::from(u8::MAX))?;
        let flags = source.at_most("an account's flags", 1 + u64::from(u8::MAX))?;
        self.account_flags = flags.checked_sub(1).map(|flags| flags as u8);
        self.account = (
            Money(source.signed("equity")?),
            Money(source.signed("margin")?),
            source.time("an account's time")?,
        );
        self.server_offset_s = source.signed("a server's offset")? as i32;
        let flags = source.at_most("a venue's flags", 3)?;
        (self.reconciled, self.baseline_taken) = (flags & 1 != 0, flags & 2 != 0);
        self.query = source.word("a query")?;
        for time in [
            &mut self.healthy_since,
            &mut self.query_asked,
            &mut self.query_witnessed,
            &mut self.query_due,
            &mut self.query_ts_venue,
            &mut self.ts_agreed,
            &mut self.ts_begun,
            &mut self.ts_busy,
        ] {
            *time = source.time("a venue's time")?;
        }
        for index in 0..source.count("a venue's instruments", INSTRUMENTS_MAX, 5)? {
            self.external[index] = source.signed("what others hold")?;
            self.sums[index] = source.signed("a snapshot's sum")?;
            let flags = source.at_most("a standing", 15)?;
            let mismatch = (source.signed("ours")?, source.signed("theirs")?);
            self.standings[index] = Standing {
                is_agreed: flags & 8 != 0,
                is_stirred: flags & 4 != 0,
                has_differed: flags & 2 != 0,
                mismatch: (flags & 1 != 0).then_some(mismatch),
            };
        }
        for list in [&mut self.listing, &mut self.listed] {
            list.clear();
            for _ in 0..source.count("listed positions", POSITIONS_MAX, 2)? {
                let identifier = source.word("a listed position")?;
                list.push((identifier, source.signed("a listed position's volume")?));
            }
        }
        Ok(())
    }
}
