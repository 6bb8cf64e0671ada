//! What an operator ends with `activate`: everything, or one scope; and what is answered.
//!
//! What it is not: the engine's guards, which follow the journalled record; nor the switch's files and flag, which `door` keeps.
//!
//! Invariant: whoever activates is told by name whose kills ended with it, and what keeps a scope closed after it. The engine has
//! the record before the disk and the flag change; where nothing of the scope was closed there is no record.

use super::name_of;
use crate::app::console::AnswerError;
use crate::app::{Appliance, Control, Word};
use crate::config::Config;
use crate::record::ControlAction;
use crate::risk::Trading;
use crate::types::{InstrumentId, Scope, StrategyId, VenueId};
use serde_json::{Value as Json, json};

/// A kill, as a line for people.
type Named = (Scope, String);

impl Appliance {
    /// Ends every kill and lets all trade again; or, within a scope, ends the kill with this very scope and the throttles of its
    /// instruments, and leaves all else.
    pub(in crate::app) fn activate(
        &mut self,
        scope: Scope,
        word: Word,
        config: &Config,
    ) -> Result<Json, AnswerError> {
        self.check_kills_done()?;
        let (ended, others): (Vec<Named>, Vec<Named>) =
            self.kills(config).into_iter().partition(|(kill, _)| scope == Scope::All || *kill == scope);
        let throttles = self.throttled(scope, config);
        let asked = |action, scope| Control {
            action,
            order_id: 0,
            instrument: InstrumentId::NONE,
            scope,
            who: word.who,
            why: word.why,
        };
        let lines = |kills: Vec<Named>| kills.into_iter().map(|(_, line)| line).collect::<Vec<_>>();
        if scope == Scope::All {
            self.control(asked(ControlAction::Activate, None))?;
            self.killed.rearm()?;
            return Ok(json!({
                "asked": "active",
                "kills_ended": lines(ended),
                "throttles_ended": throttles,
            }));
        }
        if ended.is_empty() && throttles.is_empty() {
            let known = |all: Vec<String>| if all.is_empty() { "nothing".into() } else { all.join(", ") };
            return Err(AnswerError::NotLatched {
                scope: name_of(scope, config),
                killed: known(lines(others)),
                throttled: known(self.throttled(Scope::All, config)),
            });
        }
        self.control(asked(ControlAction::ActivateScope, Some(scope)))?;
        self.killed.end(scope, config)?;
        let mut closed: Vec<String> =
            lines(others.into_iter().filter(|(kill, _)| overlap(*kill, scope, config)).collect());
        closed.extend(self.trading_words());
        Ok(json!({
            "asked": format!("active within {}", name_of(scope, config)),
            "kills_ended": lines(ended),
            "throttles_ended": throttles,
            "still_closed_by": closed,
        }))
    }

    /// What is killed: the latch's lines, and what the engine has killed beside them, by its own word or by an earlier record.
    fn kills(&self, config: &Config) -> Vec<Named> {
        let latched = self.killed.scopes(config).map(|(scope, line)| (scope, line.to_owned()));
        let mut kills: Vec<Named> = latched.collect();
        let is_known = |kills: &[Named], scope| kills.iter().any(|(known, _)| *known == scope);
        for scope in scopes(config) {
            let knows = |id: InstrumentId| self.status().is_some_and(|s| s.latched(id).is_killed_with(scope));
            if covered(scope, config).any(knows) && !is_known(&kills, scope) {
                kills.push((scope, format!("{} (in the journal alone)", name_of(scope, config))));
            }
        }
        kills
    }

    /// Instruments within a scope that were opened too often.
    pub(in crate::app) fn throttled(&self, scope: Scope, config: &Config) -> Vec<String> {
        let Some(status) = self.status() else { return Vec::new() };
        let throttled = covered(scope, config).filter(|instrument| status.latched(*instrument).is_throttled);
        throttled.map(|instrument| config.instruments[usize::from(instrument.0)].name.clone()).collect()
    }

    /// Why nothing opens anywhere, where trading itself is not active.
    fn trading_words(&self) -> Option<String> {
        let status = self.status().filter(|status| status.trading != Trading::Active)?;
        let reason = status.trading_reason.map_or("", |reason| reason.name());
        Some(format!("trading is {} {reason}: activate without a scope", status.trading.name()))
    }
}

/// Every scope that the configuration has, the widest first.
fn scopes(config: &Config) -> impl Iterator<Item = Scope> {
    let venues = (0..config.venues.len()).map(|index| Scope::Venue(VenueId(index as u16)));
    let instruments =
        (0..config.instruments.len()).map(|index| Scope::Instrument(InstrumentId(index as u16)));
    let strategy = Scope::Strategy(StrategyId(config.appliance.strategy_id));
    [Scope::All, strategy].into_iter().chain(venues).chain(instruments)
}

/// The instruments that a scope covers.
fn covered(scope: Scope, config: &Config) -> impl Iterator<Item = InstrumentId> {
    let strategy = StrategyId(config.appliance.strategy_id);
    let all = config.instruments.iter().enumerate().filter(move |(index, instrument)| {
        let venue = config.venues.iter().position(|venue| venue.name == instrument.venue);
        let venue = VenueId(venue.unwrap_or(usize::from(u16::MAX)) as u16);
        scope.covers(strategy, venue, InstrumentId(*index as u16))
    });
    all.map(|(index, _)| InstrumentId(index as u16))
}

fn overlap(one: Scope, other: Scope, config: &Config) -> bool {
    covered(one, config).any(|instrument| covered(other, config).any(|same| same == instrument))
}
