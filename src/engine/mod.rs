//! The pure decision machine: one record in, records out.
//!
//! What it is not: a thread, a clock, a socket or a file. It does not know whether it runs live, in a replay or in a test.
//!
//! Invariant: `step` reads nothing but its own state and the record; the same setup and records produce the same outputs,
//! bit for bit. No command leaves it without the gate's `Approved`.
//!
//! Where to start: `Engine::step` below; `decide.rs` for ticks, `facts.rs` and `deals.rs` for what venues say, `reconcile.rs` for snapshots,
//! `timers.rs` for what happens when nothing does, `history.rs` for how features get their past.

mod alert;
mod author;
mod bounds;
mod breakers;
mod busy;
mod canary;
mod conditions;
mod deals;
mod decide;
mod evidence;
mod executions;
mod exits;
mod exposure;
mod external;
mod facts;
mod flows;
mod guards;
mod held;
mod history;
mod kill;
mod late_fills;
mod limits;
mod loss;
mod models;
mod needs;
mod observe;
mod other_numbers;
mod outputs;
mod overrides;
mod pace;
mod pending;
mod reconcile;
mod reduce;
mod requests;
mod resting;
mod retry;
mod said;
mod setup;
mod sizing;
mod sources;
mod state_hash;
mod strategy;
mod sweep;
#[cfg(test)]
mod tests;
mod timers;
mod unit;
mod venue;
mod warm;

pub use crate::model::Part;
pub use alert::AlertCode;
pub use breakers::{ClockPlan, GuardPlan};
pub use external::ExternalPolicy;
pub use guards::Latched;
pub use models::{Ensemble, EnsembleError, MEMBERS_MAX, ModelSet, SHADOWS_MAX, Slot, Verdict};
pub use observe::StrategyView;
pub use outputs::{Counts, Hold, OUTPUTS_MAX, Outputs};
pub use pending::PendingWish;
pub use requests::Asked;
pub use setup::{
    EntryKind, EntryPlan, HistoryPlan, InstrumentSetup, OrderPlan, Setup, StrategySetup, VenueSetup,
    WatchPlan,
};
pub use unit::{Classes, ModelIdentity, ModelUnit, UnitError};

use crate::market::Market;
use crate::order::exits::Watch;
use crate::order::{BookMemory, Change, Ledgers, Order, OrderBook, OrderState, PositionBook};
use crate::record::{self, Kind, Origin, Payload, Record};
use crate::risk::{Component, Gate, Reason, Refusal, Trading};
use crate::types::{INSTRUMENTS_MAX, InstrumentId, InstrumentSpec, NS_PER_MS, OrderId, TimeNs, VenueId};
use bounds::Bounds;
use breakers::Breakers;
use executions::Executions;
use exposure::ExposureWatch;
use kill::Kills;
use limits::WordedLimits;
use loss::LossWatch;
use overrides::Overrides;
use requests::Asking;
use strategy::Strategy;
use venue::Venue;
use warm::History;

/// What one step of time counts at most where time is evidence.
const WITNESSED_STEP_NS: i64 = 50 * NS_PER_MS;

/// See the module.
#[derive(Clone, Debug)]
pub struct Engine {
    setup_strategy: crate::types::StrategyId,
    epoch: u32,
    sequence: u32,
    now: TimeNs,
    /// Time that passed while somebody looked: see [`Engine::advance`].
    witnessed: TimeNs,
    /// Newest stamp of any venue: history is asked for in their time, which need not be ours.
    ts_venue: TimeNs,
    timer_due: TimeNs,
    instruments: Vec<InstrumentSetup>,
    specs: Box<[Option<InstrumentSpec>]>,
    strategies: Vec<Strategy>,
    strategy_of: Box<[Option<u16>]>,
    /// A model that the next `ModelChange` may name.
    staged: Option<Box<ModelUnit>>,
    /// A model that left its slot, until the lane takes it.
    retired: Option<Box<ModelUnit>>,
    /// The strategy that this step decided for, until it is observed.
    decided: Option<u16>,
    market: Market,
    orders: OrderBook,
    positions: PositionBook,
    venues: Vec<Venue>,
    history: History,
    gate: Gate,
    /// Why trading is not, or again, active; `None` while it never changed.
    trading_reason: Option<Reason>,
    loss: LossWatch,
    loss_hit: bool,
    /// The journal's disk failed and did not say that it writes again.
    journal_failed: bool,
    rejects_in_row: u32,
    losses_in_row: u32,
    executions: Executions,
    kills: Kills,
    limits: WordedLimits,
    overrides: Overrides,
    bounds: Bounds,
    breakers: Breakers,
    exposure: ExposureWatch,
    query_count: u64,
    asking: Asking,
    exits: Watch,
    policy: ExternalPolicy,
    /// By venue.
    listings: Vec<external::Listing>,
    others: resting::Others,
    ledgers: Ledgers,
    late_fills: late_fills::LateFills,
    /// Working memory for walks over open orders.
    ids: Vec<u64>,
    counts: Counts,
}

impl Engine {
    /// Built once, before the lane starts; takes all memory.
    pub fn new(setup: Setup) -> Self {
        Engine::with_memory(setup, BookMemory::WHOLE)
    }

    /// The same, remembering so much of orders and deals.
    pub fn with_memory(setup: Setup, memory: BookMemory) -> Self {
        let mut strategy_of = vec![None; INSTRUMENTS_MAX];
        let strategies: Vec<Strategy> = setup.strategies.into_iter().map(Strategy::new).collect();
        for (index, strategy) in strategies.iter().enumerate() {
            if let Some(instrument) = strategy.setup.instrument.index() {
                strategy_of[instrument] = Some(index as u16);
            }
        }
        let (most, window_ns) = (setup.limits.executions_max, setup.limits.executions_window_ns);
        let traded = strategies.iter().filter_map(|strategy| strategy.setup.instrument.index());
        let executions = Executions::new(most, window_ns, traded);
        let exposure =
            ExposureWatch::new(setup.exposure, setup.instruments.len(), exposure::asked_by(&strategies));
        let instruments = setup.instruments.len();
        let history = History::new(setup.history, &setup.instruments, &strategies);
        Engine {
            setup_strategy: setup.strategy,
            epoch: 0,
            sequence: 0,
            now: TimeNs::NEVER,
            witnessed: TimeNs(1),
            ts_venue: TimeNs::NEVER,
            timer_due: TimeNs::NEVER,
            instruments: setup.instruments,
            specs: vec![None; INSTRUMENTS_MAX].into(),
            strategies,
            strategy_of: strategy_of.into(),
            staged: None,
            retired: None,
            decided: None,
            market: Market::default(),
            orders: OrderBook::new(setup.venues.len().max(1), memory),
            positions: PositionBook::default(),
            venues: setup.venues.iter().map(|venue| Venue::new(venue.margin_mode)).collect(),
            history,
            gate: Gate::new(setup.limits),
            trading_reason: None,
            loss: LossWatch::new(setup.guards.bounds.loss, setup.venues.len()),
            loss_hit: false,
            journal_failed: false,
            rejects_in_row: 0,
            losses_in_row: 0,
            executions,
            kills: Kills::default(),
            limits: WordedLimits::new(setup.limits),
            overrides: Overrides::new(instruments),
            breakers: Breakers::new(&setup.guards),
            bounds: Bounds::new(setup.guards.bounds, setup.venues.len()),
            exposure,
            query_count: 0,
            asking: Asking::default(),
            exits: Watch::default(),
            policy: setup.external,
            listings: setup.venues.iter().map(|_| external::Listing::default()).collect(),
            others: resting::Others::default(),
            ledgers: Ledgers::default(),
            late_fills: late_fills::LateFills::default(),
            ids: Vec::with_capacity(memory.open_max),
            counts: Counts::default(),
        }
    }

    /// Takes one input and produces what follows from it. Outputs and unknown kinds are ignored.
    #[inline]
    pub fn step(&mut self, input: &Record, out: &mut Outputs) {
        self.consume(input, out);
        self.enforce_kills(out);
    }

    /// What follows from an input beside what a kill is still to end.
    #[inline]
    fn consume(&mut self, input: &Record, out: &mut Outputs) {
        self.advance(input.ts());
        self.asking.left = requests::REQUESTS_PER_STEP_MAX;
        match input.kind() {
            Some(Kind::Tick) => self.on_tick(input, out),
            Some(kind) if kind.is_input() => {
                self.on_fact(kind, input, out);
                self.renew_room();
            }
            _ => return,
        }
        self.due_timers(out);
    }

    #[inline]
    fn due_timers(&mut self, out: &mut Outputs) {
        if self.now >= self.timer_due {
            self.on_timers(out);
        }
    }

    /// Takes an input's time. Between two inputs at most [`WITNESSED_STEP_NS`] count as witnessed: while time is news to the
    /// engine it hears of it every 10 ms, so a longer step is a clock that leapt, or a lane that stood still, and nobody saw
    /// what a venue did meanwhile.
    #[inline]
    fn advance(&mut self, ts: TimeNs) {
        self.witnessed = self.witnessed.plus_ns(ts.since(self.now).clamp(0, WITNESSED_STEP_NS));
        self.now = self.now.max(ts);
    }

    /// Rebuilds state from one journalled record without deciding anything: inputs as facts, our own commands as orders.
    ///
    /// `spare` is working memory; what it holds afterwards is not to be sent.
    pub fn recover(&mut self, record: &Record, spare: &mut Outputs) {
        spare.clear();
        self.asking.is_recovering = true;
        match record.kind() {
            Some(Kind::Tick) => {
                self.advance(record.ts());
                if let Some(tick) = record.payload::<record::Tick>()
                    && record.flags() & record::FLAG_REFILL == 0
                {
                    self.take_quote(record, &tick, spare);
                }
                self.due_timers(spare);
            }
            // Features begin empty at a start; what warmed them before is of no use.
            Some(Kind::HistoryBar | Kind::HistoryEnd) => {
                self.advance(record.ts());
                self.due_timers(spare);
            }
            Some(Kind::Decision) => {
                if let Some(decision) = record.payload::<record::Decision>() {
                    self.exposure.canary.decided(&decision.digests);
                }
            }
            Some(Kind::Command) => {
                if let Some(command) = record.payload::<record::Command>()
                    && !self.remember_request(record, &command)
                {
                    self.remember_command(record, &command);
                    if record.aux() & record::AUX_REDUCES == 0 {
                        self.try_breakers(command.order_id, spare);
                    }
                }
            }
            Some(Kind::Retry) => {
                let retry = record.payload::<record::Retry>();
                self.asking.retry_of = retry.and_then(|retry| self.origin_of(&retry));
            }
            // The setup has the models as they stood at this start; what came before only counts.
            Some(Kind::ModelChange) => {
                self.advance(record.ts());
                self.note_model_change(record.instrument());
                self.due_timers(spare);
            }
            Some(Kind::OverrideUse) => self.forget_override(record.instrument()),
            Some(Kind::TradingChange) => {
                let change = record.payload::<record::TradingChange>();
                if let Some(to) = change.and_then(|change| Trading::from_code(change.to)) {
                    self.gate.set_trading(to);
                    self.trading_reason = change.and_then(|change| Reason::from_code(change.reason));
                }
            }
            _ => self.consume(record, spare),
        }
        self.asking.is_recovering = false;
        spare.clear();
    }

    /// What was counted.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The orders.
    pub fn orders(&self) -> &OrderBook {
        &self.orders
    }

    /// The positions.
    pub fn positions(&self) -> &PositionBook {
        &self.positions
    }

    /// The quotes.
    pub fn market(&self) -> &Market {
        &self.market
    }

    /// What may leave.
    pub fn trading(&self) -> Trading {
        self.gate.trading()
    }

    /// Why it last changed; `None` while it never did.
    pub fn trading_reason(&self) -> Option<Reason> {
        self.trading_reason
    }

    /// Why nothing may be opened, if so.
    pub fn closed(&self) -> Option<Refusal> {
        self.gate.closed()
    }

    /// Floating profit by our own reckoning.
    pub fn floating(&self) -> crate::types::Money {
        self.loss.floating()
    }

    /// Volume at the venue that our fills do not explain, steps: what others traded, or what was there before us.
    pub fn external(&self, instrument: InstrumentId) -> i64 {
        let venue = self.venues.get(usize::from(self.venue_of(instrument).0));
        venue.zip(instrument.index()).map_or(0, |(venue, index)| venue.external[index])
    }

    /// The instruments of the configuration.
    pub fn instruments(&self) -> &[InstrumentSetup] {
        &self.instruments
    }

    /// The rules of an instrument, once its venue told them.
    pub fn spec(&self, instrument: InstrumentId) -> Option<&InstrumentSpec> {
        instrument.index().and_then(|index| self.specs[index].as_ref())
    }

    /// Whether time itself is news to it: an order is open, or a venue was asked something.
    pub fn waits(&self) -> bool {
        self.orders.open_count() > 0
            || !self.asking.requests.open().is_empty()
            || self.venues.iter().any(Venue::waits)
            || self.history.waits()
    }

    /// Whether a strategy's features may be shown to its model; false for an index outside the list.
    pub fn features_ready(&self, strategy_index: usize) -> bool {
        strategy_index < self.strategies.len() && self.hold(strategy_index).is_none()
    }

    /// A strategy's row of features; empty for an index outside the list.
    pub fn features(&self, strategy_index: usize) -> &[f32] {
        self.strategies.get(strategy_index).map_or(&[], |strategy| strategy.setup.features.values())
    }

    /// Time of the newest input.
    pub fn now(&self) -> TimeNs {
        self.now
    }

    fn emit<P: Payload>(&self, venue: VenueId, instrument: InstrumentId, payload: &P, out: &mut Outputs) {
        out.push(Record::new(Origin::Engine, self.now, venue, instrument, payload));
    }

    /// Journals a change of an order and renews what depends on it.
    fn changed(&mut self, change: Option<Change>, out: &mut Outputs) {
        let Some(Change { from, order }) = change else { return };
        self.hear_probe(&order, out);
        self.prepare(order.new.instrument);
        if order.state == OrderState::Unknown {
            self.counts.unknown += 1;
            self.fail(Component::TimeOuts, out);
            self.orders.doubted(order.new.id.raw(), self.witnessed);
            let venue = self.venue_of(order.new.instrument);
            if let Some(venue) = self.venues.get_mut(usize::from(venue.0)) {
                venue.look_again(self.now);
            }
        }
        if matches!(order.state, OrderState::Queued | OrderState::Sent | OrderState::Acked)
            && !matches!(from, OrderState::Unknown | OrderState::Rejected)
        {
            return;
        }
        let payload = record::OrderStateChange {
            order_id: order.new.id.raw(),
            ticket: order.ticket,
            qty_filled: order.qty_filled,
            qty: order.new.qty.0,
            fill_value: order.fill_value,
            retcode: order.retcode,
            from: from as u8,
            to: order.state as u8,
            verdict: order.verdict as u8,
            request: order.request as u8,
        };
        let at = (self.venue_of(order.new.instrument), order.new.instrument);
        self.emit(at.0, at.1, &payload, out);
        if from == OrderState::Rejected {
            self.returned(&order, at, out);
        }
        if order.state.is_final() {
            self.exits_ended(&order);
            self.order_ended(&order, out);
        }
    }

    /// What was taken for not executed is: it counts and is reserved again, and the venue is asked at once.
    fn returned(&mut self, order: &Order, at: (VenueId, InstrumentId), out: &mut Outputs) {
        self.counts.returned += 1;
        if let Some(venue) = self.venues.get_mut(usize::from(at.0.0)) {
            venue.query_due = self.now;
        }
        self.alert(AlertCode::OrderReturned, at, order.new.id.raw(), order.qty_filled, order.new.qty.0, out);
    }

    fn set_trading(&mut self, to: Trading, refusal: Refusal, out: &mut Outputs) {
        let from = self.gate.trading();
        if from == to {
            return;
        }
        self.gate.set_trading(to);
        self.trading_reason = Some(refusal.reason);
        self.counts.change(refusal.reason);
        let change = record::TradingChange {
            from: from as u8,
            to: to as u8,
            reserved: [0; 2],
            reason: refusal.reason as u32,
            limit: refusal.limit,
            got: refusal.got,
        };
        self.emit(VenueId::default(), InstrumentId::NONE, &change, out);
        self.sweep_openings(out);
    }

    fn venue_of(&self, instrument: InstrumentId) -> VenueId {
        self.instruments.get(usize::from(instrument.0)).map_or(VenueId::default(), |setup| setup.venue)
    }

    fn next_id(&mut self) -> OrderId {
        self.sequence = self.sequence.checked_add(1).expect("four thousand million orders in one epoch");
        OrderId::new(self.setup_strategy, self.epoch, self.sequence)
            .expect("strategy and epoch were checked at start")
    }
}
