//! The two connections between the appliance and a terminal, in both directions: parcels on their way.
//!
//! What it is not: ZMTP, which has its own tests; a parcel is one or more whole messages, each behind its length.
//!
//! Invariant: what was sent on a connection that is gone never arrives on the next one.

use super::schedule::Port;

/// Bytes on their way.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    pub(super) port: Port,
    pub(super) connection: u32,
    /// Messages, each behind its length in two bytes.
    pub(super) bytes: Vec<u8>,
    /// Trade news in it, which are lost when it is.
    pub(super) news: u32,
    /// For a snapshot: what was lost before it was made.
    pub(super) heals: Option<u64>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// The connection of each port on which bytes still reach the appliance; zero for none.
    pub(super) open_to_appliance: [u32; 2],
    /// The same for the terminal.
    pub(super) open_to_terminal: [u32; 2],
    /// The connection that the terminal believes it has.
    pub(super) terminal_has: [u32; 2],
    connections: u32,
    parcels: Vec<Option<Parcel>>,
    free: Vec<u32>,
    /// When the last parcel of each port and direction arrives.
    arrival_ns: [[i64; 2]; 2],
    /// Parcels with trade news that are on their way to the appliance.
    pub(super) news_under_way: u32,
}

/// Which way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    ToAppliance = 0,
    ToTerminal = 1,
}

impl Link {
    /// A new connection of a port.
    pub(super) fn connect(&mut self, port: Port) {
        self.connections += 1;
        for ends in [&mut self.open_to_appliance, &mut self.open_to_terminal, &mut self.terminal_has] {
            ends[port as usize] = self.connections;
        }
    }

    /// Nothing that is on its way arrives; both sides learn of it later.
    pub(super) fn cut(&mut self, port: Port) {
        (self.open_to_appliance[port as usize], self.open_to_terminal[port as usize]) = (0, 0);
    }

    pub(super) fn put(&mut self, parcel: Parcel) -> u32 {
        self.news_under_way += u32::from(parcel.news > 0);
        match self.free.pop() {
            Some(index) => {
                self.parcels[index as usize] = Some(parcel);
                index
            }
            None => {
                self.parcels.push(Some(parcel));
                self.parcels.len() as u32 - 1
            }
        }
    }

    pub(super) fn take(&mut self, index: u32) -> Option<Parcel> {
        let parcel = self.parcels[index as usize].take()?;
        self.news_under_way -= u32::from(parcel.news > 0);
        self.free.push(index);
        Some(parcel)
    }

    /// When a parcel arrives that wants to arrive at `wish_ns`: never before the one ahead of it.
    pub(super) fn in_line(&mut self, port: Port, way: Way, wish_ns: i64) -> i64 {
        let last = &mut self.arrival_ns[port as usize][way as usize];
        *last = wish_ns.max(*last);
        *last
    }
}

/// The messages of a parcel; a cut one comes as short as it was cut.
pub(super) fn messages(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_at_checked(2)?;
        let length = usize::from(u16::from_le_bytes([length[0], length[1]])).min(rest.len());
        let (message, rest) = rest.split_at(length);
        bytes = rest;
        Some(message)
    })
}
