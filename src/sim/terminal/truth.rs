//! What the simulated terminal says about itself: its own truth, to hold the appliance's numbers against.
//!
//! What it is not: a log.
//!
//! Invariant: the file is replaced as a whole; who reads it never sees half of it.

use super::broker::Broker;
use super::report::{open_price, side_name};
use crate::types::{DealEntry, Qty};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// A position, as a report shows it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct HeldPosition {
    /// The symbol.
    pub symbol: String,
    /// `buy` or `sell`.
    pub side: &'static str,
    /// Lots.
    pub volume: f64,
    /// Steps of the symbol's volume step, signed.
    pub volume_steps: i64,
    /// Average opening price.
    pub price_open: f64,
    /// Ticket.
    pub ticket: u64,
    /// Identifier.
    pub identifier: u64,
    /// Order id of its opening order.
    pub magic: u64,
}

/// See the module.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Truth {
    /// Live ticks handed to a connected, subscribed appliance.
    pub ticks_sent: u64,
    /// Ticks of the market that nobody was connected for.
    pub ticks_while_disconnected: u64,
    /// Whether the source has ended.
    pub ticks_ended: bool,
    /// Ticks sent again on request.
    pub ticks_refilled: u64,
    /// Live ticks that were numbered and lost.
    pub ticks_lost: u64,
    /// Ticks that were past before the first live one.
    pub ticks_past: u64,
    /// Requests for bars or ticks of the past.
    pub history_requests: u64,
    /// Bars and ticks sent for them.
    pub history_sent: u64,
    /// Commands that arrived.
    pub commands: u64,
    /// Commands handed to the broker.
    pub executed: u64,
    /// Commands answered with their first result.
    pub repeated: u64,
    /// Commands of an old epoch, too late, or beyond the credit.
    pub refused: u64,
    /// Requests that terminal or server refused.
    pub rejected: u64,
    /// Requests on their way to the server.
    pub in_flight: u64,
    /// Deals.
    pub deals: u64,
    /// Deals that closed something.
    pub deals_out: u64,
    /// Sum of the volumes of all deals, lots.
    pub deals_volume: f64,
    /// Orders that wait.
    pub orders_open: u64,
    /// Transactions sent.
    pub transactions_sent: u64,
    /// Transactions that nobody was connected for.
    pub transactions_lost: u64,
    /// Snapshots sent.
    pub snapshots: u64,
    /// Connections made, market and trade.
    pub connections: u64,
    /// Connections that were welcome.
    pub welcomes: u64,
    /// Times that the dead-man policy struck.
    pub dead_man_strikes: u64,
    /// Messages from the appliance that made no sense.
    pub messages_malformed: u64,
    /// Open positions.
    pub positions: Vec<HeldPosition>,
    /// Balance.
    pub balance: f64,
    /// Equity.
    pub equity: f64,
    /// Margin in use.
    pub margin: f64,
    /// Server time of the last tick, milliseconds.
    pub server_msc: i64,
    /// What struck of the faults that were asked for, by name.
    pub faults: BTreeMap<&'static str, u64>,
    /// Times that the program was started again by a fault.
    pub restarts: u64,
    /// Nothing is broken, and no fault strikes before the next command.
    pub at_rest: bool,
    /// Entries that reached the broker more than once.
    pub executed_twice: u64,
    /// The seed of everything random.
    pub seed: u64,
    /// The last reason for a lost connection, or a refusal.
    pub last_trouble: String,
}

impl Truth {
    /// Takes over what the broker knows.
    pub fn look_at(&mut self, broker: &Broker) {
        let account = &broker.account;
        let figures = broker.figures();
        (self.balance, self.equity, self.margin) =
            (figures.balance.as_f64(), figures.equity.as_f64(), figures.margin.as_f64());
        self.deals = account.deals.len() as u64;
        self.deals_out = account.deals.iter().filter(|deal| deal.entry != DealEntry::In).count() as u64;
        self.orders_open = account.orders.len() as u64;
        self.rejected = broker.requests_rejected();
        self.in_flight = broker.in_flight_count() as u64;
        let lots =
            |deal: &super::orders::Deal| broker.symbols[deal.symbol].spec.qty_to_lots(Qty(deal.volume));
        let volume: f64 = account.deals.iter().map(lots).sum();
        self.deals_volume = (volume * 1e8).round() / 1e8;
        let held = account.positions.iter().map(|position| {
            let symbol = &broker.symbols[position.symbol];
            HeldPosition {
                symbol: symbol.spec.symbol.as_str().to_owned(),
                side: side_name(position.side),
                volume: symbol.spec.qty_to_lots(Qty(position.volume)),
                volume_steps: position.side.sign() * position.volume,
                price_open: open_price(position, symbol),
                ticket: position.ticket,
                identifier: position.identifier,
                magic: position.magic,
            }
        });
        self.positions = held.collect();
    }

    /// Replaces the file.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut fresh = path.as_os_str().to_owned();
        fresh.push(".new");
        std::fs::write(&fresh, serde_json::to_vec_pretty(self)?)?;
        std::fs::rename(&fresh, path)
    }
}
