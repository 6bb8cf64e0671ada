//! The market: prices that move, what the brokers make of them, and what the terminals tell.
//!
//! What it is not: `sim::market`, which moves prices as real ones move; here they are to cross levels often.
//!
//! Invariant: a broker acts on a price before anybody is told of it.

use super::World;
use super::schedule::Event;
use super::setup::SYMBOLS;
use super::terminal::Delivery;
use super::venues::{symbol_of, venue_of};
use crate::record::Layout;
use crate::sim::terminal::broker::Moment;
use crate::types::{InstrumentId, NS_PER_MS, Price};
use crate::wire::terminal::body;

/// Distance of a venue's quotes when faults are over.
const QUIET_QUOTE_NS: i64 = 250 * NS_PER_MS;

impl World {
    /// The market moves: a broker acts on it, and its terminal tells.
    pub(super) fn quote(&mut self) {
        let index = self.dice.below((self.venues.len() * SYMBOLS.len()) as u64) as u16;
        let instrument = InstrumentId(index);
        let (venue, symbol) = (venue_of(instrument), symbol_of(instrument));
        let wait_ns = self.quote_gap_ns();
        self.schedule.after(wait_ns, Event::Quote);
        let mut mid = self.venues[usize::from(venue.0)].mids[symbol];
        if !self.faults.is_over {
            let reach = if self.dice.below(12) == 0 { 19 } else { 7 };
            mid += self.dice.below(reach) as i64 - reach as i64 / 2;
            self.venues[usize::from(venue.0)].mids[symbol] = mid;
        }
        let bid = Price(mid);
        let ask = Price(mid + 1 + self.dice.below(2) as i64);
        let (terminal, mut around) = self.around(venue);
        terminal.advance(&mut around);
        let now_ns = around.now_ns;
        let server_msc = terminal.server_msc;
        let moment = Moment { clock_us: now_ns / 1_000, server_msc };
        let is_open = terminal.broker.symbols[symbol].open;
        if is_open {
            terminal.broker.quote(symbol, bid, ask, moment);
            terminal.tell_all(&mut around);
        }
        let spec = &terminal.broker.symbols[symbol].spec;
        let mut tick = body::Tick::read(&[0; 64]);
        (tick.symbol_id, tick.time_msc, tick.flags) = (symbol as u16, server_msc, 6);
        (tick.time_s, tick.bid, tick.ask) =
            (server_msc / 1_000, spec.price_to_f64(bid), spec.price_to_f64(ask));
        self.spoil(&mut tick);
        let terminal = self.terminal(venue);
        if is_open && !terminal.is_frozen && !terminal.is_gone {
            let delivery = if self.flood_left > 0 && self.dice.below(4) == 0 {
                Delivery::NumberedOnly
            } else {
                Delivery::Sent
            };
            self.terminal_mut(venue).tell_tick(&tick, now_ns, delivery);
        }
        self.mishaps();
        for venue in self.venue_ids() {
            self.terminal_mut(venue).timers(now_ns);
            self.flush_terminal(venue);
        }
    }

    fn quote_gap_ns(&mut self) -> i64 {
        if self.faults.is_over {
            return QUIET_QUOTE_NS / self.venues.len() as i64;
        }
        if self.flood_left > 0 {
            self.flood_left -= 1;
            return 0;
        }
        let mean_ns = if self.dice.below(12) == 0 { 40 * NS_PER_MS } else { NS_PER_MS };
        (self.dice.uniform() * 2.0 * mean_ns as f64) as i64
    }
}
