//! What every control is tripped on: an account, a long position of ours, an order of ours that rests, all of one instrument.
//!
//! What it is not: a broker; it answers what a scenario lets it answer.
//!
//! Invariant: time moves only when a scenario says so.

use super::super::requests::{TICKET, order_event};
use super::*;
use crate::order::Terms;

/// See the module.
#[derive(Clone)]
pub(super) struct Rig {
    pub(super) bench: Bench,
    /// The order that rests.
    pub(super) resting: Command,
    /// Where the journal stood before the trip.
    mark: usize,
}

impl Rig {
    pub(super) fn new(scenario: &Scenario) -> Rig {
        let mut setup = setup();
        (scenario.setup)(&mut setup);
        let mut bench = Bench::with(setup);
        bench.account(10_000.0);
        bench.session(SessionState::Up, ROLE_MARKET);
        let queries = bench.session(SessionState::Up, ROLE_TRADE);
        bench.give(&rules());
        bench.answer(&queries, &[], 0);
        bench.tick(100_000);
        (scenario.warm)(&mut bench);
        let entry = command(&bench.tick(100_005));
        let entry = entry.unwrap_or_else(|| panic!("{}: no position", scenario.code));
        bench.fill(&entry);
        let mut rig = Rig { bench, resting: entry, mark: 0 };
        rig.resting =
            command(&placed(&mut rig)).unwrap_or_else(|| panic!("{}: nothing rests", scenario.code));
        let resting = rig.resting;
        rig.bench.told_dispatch(&resting, DispatchOutcome::Sent);
        rig.bench.told_result(&resting, 10008);
        rig.bench.give(&order_event(&resting, 1, TransactionKind::OrderAdd));
        assert_eq!(rig.bench.state_of(&resting), OrderState::Working, "{}", scenario.code);
        rig
    }

    /// From here on what leaves follows from the trip.
    pub(super) fn marks(&mut self) {
        self.mark = self.bench.journal.len();
    }

    /// The resting order's cancel leaves, or left when the control tripped; and the order goes.
    pub(super) fn cancels(&mut self, code: &str) {
        let is_cancel =
            |cancel: &Command| cancel.action == OrderAction::Remove.code() && cancel.ticket == TICKET;
        let sent = self.bench.journal[self.mark..].iter().filter_map(|record| record.payload::<Command>());
        if sent.filter(is_cancel).count() == 0 {
            let id = self.resting.order_id;
            let (asked, outputs) = self.bench.ask(|engine, out| engine.cancel(id, out));
            assert!(asked.is_sent(), "{code}: the cancel: {asked:?}");
            assert!(command(&outputs).is_some_and(|cancel| is_cancel(&cancel)), "{code}: no cancel left");
        }
        let resting = self.resting;
        self.bench.give(&order_event(&resting, 2, TransactionKind::HistoryAdd));
        assert_eq!(self.bench.state_of(&resting), OrderState::Cancelled, "{code}");
    }

    /// The position is left, unless the control says otherwise.
    pub(super) fn reduces(&mut self, code: &str, expected: Reduces) {
        let held = self.bench.position();
        assert!(held > 0, "{code}: nothing to reduce");
        let (asked, outputs) = self.bench.ask(|engine, out| engine.reduce(0, i64::MAX, 0, out));
        match expected {
            Reduces::Passes => {
                let exit = command(&outputs).unwrap_or_else(|| panic!("{code}: the reduction: {asked:?}"));
                assert_eq!((exit.order_kind, exit.qty), (OrderKind::Sell.code(), held), "{code}");
                self.bench.fill(&exit);
                assert_eq!(self.bench.position(), 0, "{code}");
            }
            Reduces::Waits => assert_eq!(asked, Asked::Waits, "{code}"),
            Reduces::Refused(reason) => {
                let got = if let Asked::Refused(refusal) = asked { Some(refusal.reason) } else { None };
                assert_eq!(got, Some(reason), "{code}: {asked:?}");
            }
        }
    }

    /// An order that left; how it is answered is the scenario's.
    pub(super) fn place(&mut self) -> Command {
        command(&placed(self)).expect("an order")
    }

    /// The venue answers the question among these with the position and the resting order.
    pub(super) fn reconcile(&mut self, outputs: &[Record], position: i64) {
        let query = outputs.iter().find_map(|record| record.payload::<Query>()).expect("a question");
        let mut snapshot = Snapshot::read(&[0; 96]);
        snapshot.query_id = query.query_id;
        self.bench.give(&snapshot);
        let listed = order_event(&self.resting, 1, TransactionKind::OrderAdd);
        self.bench.give_flagged(&listed, FLAG_SNAPSHOT);
        let mut held = PositionEvent::read(&[0; 96]);
        held.qty = position;
        self.bench.give_flagged(&held, FLAG_SNAPSHOT);
        snapshot.phase = 1;
        self.bench.give(&snapshot);
    }

    /// The trade session breaks and comes back, and the venue says what there is.
    pub(super) fn reconnects(&mut self, account_mode: u8) {
        let mut session = Session::read(&[0; 96]);
        (session.state, session.roles) = (SessionState::Up as u8, ROLE_MARKET | ROLE_TRADE);
        session.account_mode = account_mode;
        let outputs = self.bench.give(&session);
        let position = self.bench.position();
        self.reconcile(&outputs, position);
    }

    /// Somebody else trades so many steps; negative is sold.
    pub(super) fn others_trade(&mut self, qty: i64) {
        let bench = &mut self.bench;
        bench.deal += 1;
        let mut deal = DealEvent::read(&[0; 96]);
        (deal.deal, deal.ticket, deal.position) = (bench.deal, 7, 7);
        (deal.price, deal.qty, deal.deal_type) = (100_000, qty.abs(), u8::from(qty < 0));
        (deal.ts_venue, deal.transaction) = (bench.now.0, TransactionKind::DealAdd.code());
        bench.give(&deal);
        assert_eq!(bench.engine.external(InstrumentId(0)), qty);
    }

    /// The venue tells other rules of the symbol.
    pub(super) fn rules(&mut self, change: impl Fn(&mut Spec)) {
        let mut spec = rules();
        change(&mut spec);
        self.bench.give(&spec);
    }

    pub(super) fn control(&mut self, action: ControlAction) {
        let mut control = Control::read(&[0; 96]);
        control.action = action as u8;
        self.bench.give(&control);
    }
}

/// The symbol, with everything allowed.
fn rules() -> Spec {
    let mut spec = Spec::read(&[0; 96]);
    (spec.tick_size, spec.point, spec.volume_step) = (0.00001, 0.00001, 0.01);
    (spec.volume_min, spec.volume_max, spec.contract_size, spec.tick_value) = (1, 10_000, 100_000.0, 1.0);
    (spec.digits, spec.trade_mode, spec.execution, spec.filling_modes) = (5, 4, 2, 3);
    (spec.order_modes, spec.expiration_modes) = (127, 15);
    spec
}

/// An opening at the market, sized as the strategy would.
pub(super) fn opened(rig: &mut Rig) -> Vec<Record> {
    let quote = *rig.bench.engine.market().quote(InstrumentId(0));
    let asked = rig.bench.ask(|engine, out| {
        engine.open(0, Side::Buy, &quote, out);
        Asked::Stands
    });
    asked.1
}

/// An opening that is to rest, of ten steps.
pub(super) fn placed(rig: &mut Rig) -> Vec<Record> {
    placed_of(rig, 10)
}

pub(super) fn placed_of(rig: &mut Rig, qty: i64) -> Vec<Record> {
    let terms = Terms { price: Price(99_990), ..Terms::NONE };
    let wish = PendingWish { kind: OrderKind::BuyLimit, qty: Qty(qty), terms, expires_ns: 0 };
    rig.bench.ask(|engine, out| engine.place_pending(0, &wish, out)).1
}

/// The next tick, five higher, with the spread as it is: what the strategy makes of it.
pub(super) fn ticked(rig: &mut Rig) -> Vec<Record> {
    let quote = *rig.bench.engine.market().quote(InstrumentId(0));
    let spread = quote.ask.0 - quote.bid.0;
    rig.bench.now = rig.bench.now.plus_ns(NS_PER_MS);
    give_tick(&mut rig.bench, InstrumentId(0), quote.bid.0 + 5, quote.bid.0 + 5 + spread)
}

/// A tick of these prices.
pub(super) fn give_tick(bench: &mut Bench, instrument: InstrumentId, bid: i64, ask: i64) -> Vec<Record> {
    let mut tick = Tick::read(&[0; 96]);
    (tick.bid, tick.ask, tick.last, tick.ts_venue) = (bid, ask, Price::NONE.0, bench.now.0);
    bench.give_of(instrument, &tick, 0)
}
