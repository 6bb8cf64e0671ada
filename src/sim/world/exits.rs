//! What must hold of exits: stops that never loosen, ladders that never take too much, and no position without its stop.
//!
//! What it is not: the rules of exits (`order::exits`); here their ends are looked at, in what came in, what leaves, and the truth.
//!
//! Invariant: nothing here asks a rule whether it was right.

use super::World;
use super::plans::{LADDER, UNPROTECTED_NS_MAX};
use super::schedule::Port;
use super::venues::{INSTRUMENTS_MAX, symbol_of, venue_of};
use crate::order::exits::{ExitReason, Holding};
use crate::order::{Order, OrderState};
use crate::record::{self, Record};
use crate::risk::Reason;
use crate::sim::terminal::orders::Position;
use crate::types::{
    InstrumentId, NS_PER_MS, OrderAction, OrderId, OrderKind, Side, TimeNs, TradeMode, VenueId,
};
use crate::wire::terminal::body;

/// So long a position may be known to the appliance and stand without a stop, while nothing closes it and all is well: what is
/// configured, and what a close takes to be asked for.
const BARE_NS_MAX: i64 = UNPROTECTED_NS_MAX + 1_500 * NS_PER_MS;

/// A stop that the appliance was told of, in favour: more is better for its position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Told {
    life: Life,
    favour: i64,
    /// When, engine time.
    ts: TimeNs,
}

/// One life of a position. What is left of an order whose first part was stopped out opens a position of the same identifier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Life {
    /// Two venues may number alike.
    venue: VenueId,
    identifier: u64,
    side: Side,
    /// When it was opened, milliseconds of the server.
    opened_ms: i64,
}

impl Life {
    fn of(venue: VenueId, position: &Position) -> Self {
        Life { venue, identifier: position.identifier, side: position.side, opened_ms: position.time_msc }
    }
}

/// A rung that was asked for.
#[derive(Clone, Copy, Debug)]
struct RungAsked {
    id: u64,
    /// A netting account's positions have no names.
    instrument: InstrumentId,
    position: u64,
    /// When its position was opened, engine time.
    since: i64,
}

/// What the rules of exits remember, from what came in and went out.
#[derive(Debug, Default)]
pub(super) struct ExitWatch {
    told: Vec<Told>,
    /// Moves that were decided: id, side, and the tightest stop that had been told by then.
    moves: Vec<(u64, Side, i64)>,
    rungs: Vec<RungAsked>,
    /// By instrument: since when its position stands bare: by the engine's clock, which may be stepped, and by the world's.
    bare_ns: [Option<[i64; 2]>; INSTRUMENTS_MAX],
}

impl ExitWatch {
    /// The power was cut: of what was told, what was kept counts.
    pub(super) fn remember(&mut self, kept: &[Record]) {
        let mut told = std::mem::take(self).told;
        told.retain(|told| {
            kept.iter().any(|record| {
                let event = record.payload::<record::PositionEvent>();
                (record.ts(), record.venue()) == (told.ts, told.life.venue)
                    && event.is_some_and(|event| {
                        event.identifier == told.life.identifier
                            && event.stop_loss * told.life.side.sign() == told.favour
                    })
            })
        });
        self.told = told;
    }
}

impl World {
    /// An input on its way to the appliance: the stop of a position that there still is.
    pub(super) fn note_stop(&mut self, input: &Record) {
        let Some(event) = input.payload::<record::PositionEvent>() else { return };
        if event.stop_loss == crate::types::Price::NONE.0 {
            return;
        }
        let side = if event.qty > 0 { Side::Buy } else { Side::Sell };
        let positions = self.terminal(input.venue()).broker.account.positions.iter();
        let lives = positions.map(|position| Life::of(input.venue(), position));
        let life = { lives }.find(|life| (life.identifier, life.side) == (event.identifier, side));
        if let Some(life) = life {
            self.exit_watch.told.push(Told { life, favour: event.stop_loss * side.sign(), ts: input.ts() });
        }
    }

    /// After every step of the engine.
    #[inline]
    pub(super) fn check_exits_step(&mut self) {
        if !self.demands_stops || !self.appliance.is_step_whole {
            return;
        }
        // A life that is over has no rungs, though the engine's time may stand still between two of them.
        let holdings = self.appliance.engine.holdings();
        self.exit_watch.rungs.retain(|rung| holdings.iter().any(|held| held.instrument == rung.instrument));
        for index in 0..self.appliance.out.records().len() {
            let output = self.appliance.out.records()[index];
            if let Some(command) = output.payload::<record::Command>() {
                self.check_exit_command(&output, &command);
            }
            self.check_exit(&output);
        }
    }

    /// As a move of a stop is decided: it is not looser than any that the appliance was told of in this life of the position that
    /// the venue would move the stop of. Where there is none any more, it moves nothing.
    fn check_exit_command(&mut self, output: &Record, command: &record::Command) {
        let side = OrderKind::from_code(command.order_kind).and_then(OrderKind::side);
        let (Some(side), true) = (side, command.action == OrderAction::StopLevels.code()) else { return };
        // Another hand changes whose stops a netting account's position has.
        if self.watch.is_foreign_seen {
            return;
        }
        let account = &self.terminal(output.venue()).broker.account;
        let is_meant = |position: &&Position| match account.is_hedging() {
            true => position.ticket == command.position,
            false => position.symbol == symbol_of(output.instrument()),
        };
        let life = account.positions.iter().find(is_meant).map(|position| Life::of(output.venue(), position));
        let life = life.filter(|life| life.side == side);
        let told = self.exit_watch.told.iter().filter(|told| Some(told.life) == life);
        let Some(tightest) = told.map(|told| told.favour).max() else { return };
        let got = command.stop_loss.saturating_mul(side.sign());
        if got < tightest {
            self.violate("stop-loosened", || format!("expected a stop of {tightest} or better, got {got}"));
        }
        self.exit_watch.moves.push((command.order_id, side, tightest));
    }

    /// As a move of a stop leaves: as above, whatever was done to it on its way.
    pub(super) fn check_stop_write(&mut self, record: &Record, wire: &body::Command) {
        let decided = self.exit_watch.moves.iter().find(|(id, ..)| *id == wire.order_id);
        let Some((_, side, tightest)) = decided.copied() else { return };
        let spec = &self.symbol(record.instrument()).spec;
        let got = (wire.price_sl / spec.tick_size).round() as i64 * side.sign();
        if got < tightest {
            let id = wire.order_id;
            self.violate("stop-loosened", || {
                format!("expected a stop of {tightest} or better to leave with {id:x}, got {got}")
            });
        }
    }

    /// As a rung is asked for: all of a position's rungs together take no more than their shares of what was filled into it.
    fn check_exit(&mut self, output: &Record) {
        let Some(exit) = output.payload::<record::Exit>() else { return };
        if exit.reason != ExitReason::Ladder as u32 {
            return;
        }
        let share: i64 = LADDER.iter().map(|rung| i64::from(rung.share_e4)).sum();
        let most = exit.opened * share / 10_000;
        let orders = self.appliance.engine.orders();
        let before = self.exit_watch.rungs.iter();
        let instrument = output.instrument();
        let before = before.filter(|rung| {
            (rung.instrument, rung.position, rung.since) == (instrument, exit.position, exit.since)
        });
        let side = orders.order(exit.order_id).map(|order| order.new.side);
        let taken: i64 = before
            .filter_map(|rung| orders.order(rung.id))
            .filter(|order| Some(order.new.side) == side)
            .map(|order| order.qty_filled + order.remaining())
            .sum();
        let got = taken + exit.qty;
        if got > most {
            let opened = exit.opened;
            self.violate("ladder", || {
                format!("expected rungs of at most {most} steps of {opened}, got {got}")
            });
        }
        let (id, position, since) = (exit.order_id, exit.position, exit.since);
        self.exit_watch.rungs.push(RungAsked { id, instrument, position, since });
    }

    /// After every event: no position that demands a stop stands without one for too long, while it is known and all is well.
    pub(super) fn check_bare(&mut self) {
        if self.appliance.is_dead || !self.demands_stops {
            self.exit_watch.bare_ns = Default::default();
            return;
        }
        for instrument in self.instruments() {
            let at = usize::from(instrument.0);
            if !self.is_bare(instrument) {
                self.exit_watch.bare_ns[at] = None;
                continue;
            }
            let now_ns = [self.appliance.engine.now().0, self.schedule.now_ns()];
            let since_ns = *self.exit_watch.bare_ns[at].get_or_insert(now_ns);
            // A clock that is stepped leaves no time to act in.
            let bare_ns = (now_ns[0] - since_ns[0]).min(now_ns[1] - since_ns[1]);
            if bare_ns > BARE_NS_MAX {
                let ms = bare_ns / NS_PER_MS;
                self.violate("bare", || {
                    format!(
                        "expected a stop or a close within {} ms, got none in {ms} ms",
                        BARE_NS_MAX / NS_PER_MS
                    )
                });
            }
        }
    }

    fn is_bare(&self, instrument: InstrumentId) -> bool {
        let (venue, symbol) = (venue_of(instrument), symbol_of(instrument));
        let engine = &self.appliance.engine;
        // What the appliance takes for sent and never left closes nothing.
        let is_real = |order: &Order| {
            order.state == OrderState::Queued || self.truth.fate(order.new.id.raw()).is_some()
        };
        let is_closing = |holding: &Holding| {
            let (side, mut open) = (holding.side.opposite(), engine.orders().open());
            open.any(|order| (order.new.instrument, order.new.side) == (instrument, side) && is_real(order))
        };
        let held = engine.holdings().iter().filter(|holding| holding.instrument == instrument);
        let mut positions = self.terminal(venue).broker.account.positions.iter();
        let has_bare = positions.any(|position| {
            let ours = OrderId::from_raw(position.magic).is_ok();
            ours && position.symbol == symbol && !position.stop_loss.is_some()
        });
        has_bare
            && { held }.any(|holding| !is_closing(holding))
            && !self.watch.is_foreign_seen
            && self.is_reachable(instrument)
    }

    /// Whether a close that is asked for can be expected to reach the market.
    pub(super) fn is_reachable(&self, instrument: InstrumentId) -> bool {
        let engine = &self.appliance.engine;
        let (id, broker) = (venue_of(instrument), self.symbol(instrument));
        let venue = &self.venues[usize::from(id.0)];
        let is_reconciled = engine.closed().is_none_or(|refusal| {
            !matches!(
                refusal.reason,
                Reason::SessionDown | Reason::SessionUnreconciled | Reason::PositionMismatch
            )
        });
        Port::BOTH.iter().all(|port| {
            let end = self.appliance.end(id, *port);
            end.is_live && end.connection == venue.link.terminal_has[*port as usize]
        }) && is_reconciled
            && !venue.terminal.is_frozen
            && venue.terminal.is_server_up
            && broker.open
            && broker.spec.trade_mode != TradeMode::Disabled
    }
}
