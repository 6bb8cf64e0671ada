//! The outside client: both connections of a terminal, and the clock that times an order from its tick.
//!
//! What it is not: the contestants' other ends; those are in `tick_to_order`.
//!
//! Invariant: every tick is answered by exactly one order before the next one leaves.

use super::*;

/// Both connections of a terminal.
pub(super) struct TerminalClient {
    market: TcpStream,
    trade: TcpStream,
    market_out: Outgoing,
    trade_out: Outgoing,
    market_in: Incoming,
    trade_in: Incoming,
    quotes: Quotes,
    venue: Venue,
    clock: Clock,
    /// The order that was not answered yet.
    command: Option<(u64, body::Command)>,
    orders: u64,
    pub(super) digest: u32,
}

impl TerminalClient {
    pub(super) fn connect(appliance: &Appliance, clock: Clock) -> Self {
        let mut client = TerminalClient {
            market: socket(TcpStream::connect(appliance.market_address).expect("the market address")),
            trade: socket(TcpStream::connect(appliance.trade_address).expect("the trade address")),
            market_out: Outgoing::default(),
            trade_out: Outgoing::default(),
            market_in: Incoming::default(),
            trade_in: Incoming::default(),
            quotes: Quotes::new(0),
            venue: Venue::new(1),
            clock,
            command: None,
            orders: 0,
            digest: 0,
        };
        for (out, roles, name) in [(&mut client.market_out, 1, "ea"), (&mut client.trade_out, 2, "svc")] {
            out.greet(&format!("{}.{}.{name}", terminal::LOGIN, terminal::SERVER));
            out.push(&terminal::hello(roles));
            out.push(&terminal::spec(0));
        }
        client.trade_out.push(&terminal::account());
        client.write();
        client
    }

    /// Writes what waits on both connections.
    pub(super) fn write(&mut self) {
        for (stream, out) in
            [(&mut self.trade, &mut self.trade_out), (&mut self.market, &mut self.market_out)]
        {
            if !out.bytes.is_empty() {
                write_all(stream, &out.bytes);
                out.bytes.clear();
            }
        }
    }

    /// Reads both connections; answers snapshots; keeps an order for [`TerminalClient::answer`].
    pub(super) fn read(&mut self) {
        receive(&mut self.market, &mut self.market_in);
        while self.market_in.next_message().is_some() {}
        receive(&mut self.trade, &mut self.trade_in);
        self.look();
    }

    /// Takes apart what came on the trade connection.
    pub(super) fn look(&mut self) {
        while let Some(message) = self.trade_in.next_message() {
            match terminal::read(message) {
                Ask::Command(header, command) => {
                    assert!(self.command.is_none(), "a second order for one tick: {command:?}");
                    self.digest = terminal::digest(self.digest, &command);
                    self.orders += 1;
                    self.command = Some((header.seq, command));
                }
                Ask::Snapshot(request) => self.venue.snapshot(&request, &mut self.trade_out),
                Ask::Other => {}
            }
        }
    }

    /// Waits until the appliance has reconciled with us and may trade.
    pub(super) fn until_open(&mut self, appliance: &mut Appliance) {
        let patience = self.clock.now().plus_ns(10 * NS_PER_S);
        loop {
            self.read();
            self.write();
            sleep_ns(NS_PER_MS as u64);
            match appliance.collect() {
                Some(status) if status.closed.is_none() => return,
                status => assert!(
                    self.clock.now() < patience,
                    "trading never opened: {:?}",
                    status.and_then(|s| s.closed)
                ),
            }
        }
    }

    /// Sends one tick, and times it until its order is here.
    pub(super) fn timed_order(&mut self) -> i64 {
        let sent = self.send_tick();
        self.await_order().since(sent)
    }

    pub(super) fn send_tick(&mut self) -> TimeNs {
        let tick = self.quotes.next_tick();
        self.market_out.push(&tick);
        debug_assert_eq!(self.market_out.bytes.len(), TICK_FRAME_BYTES);
        let sent = self.clock.now();
        write_all(&mut self.market, &self.market_out.bytes);
        self.market_out.bytes.clear();
        sent
    }

    pub(super) fn await_order(&mut self) -> TimeNs {
        let mut spins = 0u64;
        loop {
            if receive(&mut self.trade, &mut self.trade_in) {
                let came = self.clock.now();
                self.look();
                if self.command.is_some() {
                    return came;
                }
            }
            spins += 1;
            assert!(spins < 50_000_000, "no order for a tick");
        }
    }

    /// Result, fill, and the take profit that closes the position: the next tick can trade again.
    pub(super) fn answer(&mut self) {
        if let Some((seq, command)) = self.command.take() {
            self.trade_out.push(&self.venue.result(&command, seq, 0));
            let market_out = &mut self.market_out;
            self.venue.deals(&command, 0, Afterwards::TakesProfit, &mut |deal| market_out.push(deal));
        }
        self.write();
    }

    /// Ticks at moments fixed in advance; each is timed from its moment.
    pub(super) fn open_loop(&mut self, count: usize) -> Histogram<u64> {
        let mut histogram = new_histogram();
        let start = self.clock.now().plus_ns(NS_PER_MS);
        for index in 0..count as i64 {
            let intended = start.plus_ns(index * (NS_PER_S / OPEN_LOOP_PER_S));
            while self.clock.now() < intended {
                std::thread::yield_now();
            }
            self.send_tick();
            histogram.saturating_record(self.await_order().since(intended) as u64);
            self.answer();
        }
        histogram
    }

    /// Waits until the engine has seen the last fill.
    pub(super) fn settle(&mut self, appliance: &mut Appliance) {
        let patience = self.clock.now().plus_ns(10 * NS_PER_S);
        while appliance.collect().is_none_or(|status| status.counts.fills < 2 * self.orders) {
            assert!(self.clock.now() < patience, "the last fills never arrived");
            self.read();
            self.write();
            sleep_ns(NS_PER_MS as u64);
        }
    }

    /// Every timed tick one order, every order filled once, nothing in doubt, and all agree.
    pub(super) fn check(&self, outcome: &Outcome, ticks: usize) {
        let status = outcome.status.expect("the engine's lane published");
        assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
        assert_eq!(self.orders, ticks as u64, "orders and ticks differ");
        assert_eq!(status.counts.orders, self.orders, "orders made and orders received differ");
        assert_eq!(status.counts.fills, 2 * self.orders, "fills and take profits");
        assert_eq!((status.orders_open, status.orders_unknown, status.position), (0, 0, 0));
        assert_eq!((status.counts.gaps, status.counts.coalesced, status.counts.mismatches), (0, 0, 0));
    }
}
