//! What venues, the sending lane, the operator and our own guards say.
//!
//! What it is not: a decision; nothing here opens anything.
//!
//! Invariant: a fact that cannot be understood changes no order.

use super::deals::is_protective;
use super::{AlertCode, Engine, Outputs};
use crate::order::{Change, Fact, OrderState, OtherNumbers, RetcodeClass, Verdict, classify};
use crate::record::{
    self, ControlAction, DispatchOutcome, FLAG_SNAPSHOT, FaultKind, Kind, Origin, ROLE_MARKET, ROLE_TRADE,
    Record, SessionState,
};
use crate::risk::{Component, Reason, Refusal, Trading};
use crate::types::{
    Execution, InstrumentSpec, MarginMode, Money, OrderId, OrderKind, Qty, Scope, TradeMode, TransactionKind,
    VenueId,
};

/// `ORDER_STATE_FILLED` of MT5.
const ORDER_STATE_FILLED: u8 = 4;
/// `wire::terminal::Stream::Market`, as [`record::Gap`] carries it.
const STREAM_MARKET: u64 = 1;

impl Engine {
    pub(super) fn on_fact(&mut self, kind: Kind, input: &Record, out: &mut Outputs) {
        match kind {
            Kind::Start => self.on_start(input, out),
            Kind::Session => self.on_session(input, out),
            Kind::Spec => self.on_spec(input, out),
            Kind::Account => self.on_account(input, out),
            Kind::CommandResult => self.on_result(input, out),
            Kind::OrderEvent => self.on_order_event(input, out),
            Kind::DealEvent => self.on_deal(input, out),
            Kind::PositionEvent => {
                self.on_position(input);
                self.hear_position(input, out);
            }
            Kind::Snapshot => self.on_snapshot(input, out),
            Kind::Gap => self.on_gap(input, out),
            Kind::Dispatch => self.on_dispatch(input, out),
            Kind::Control => self.on_control(input, out),
            Kind::Fault => self.on_fault(input, out),
            Kind::ModelChange => self.on_model_change(input, out),
            Kind::KillSwitch => self.on_kill(input, out),
            Kind::LimitChange => self.on_limit_change(input, out),
            Kind::Override => self.on_override(input, out),
            Kind::Incident => self.on_incident(input, out),
            Kind::HistoryBar => self.on_history_bar(input),
            Kind::HistoryEnd => self.on_history_end(input, out),
            Kind::TradingHours => self.on_trading_hours(input),
            Kind::SymbolMargin => self.on_symbol_margin(input),
            _ => {}
        }
    }

    /// A start of the appliance: what was under way when the last one ended is in doubt.
    fn on_start(&mut self, input: &Record, out: &mut Outputs) {
        let Some(start) = input.payload::<record::Start>() else { return };
        // The models of a start may be others than those that the last run ended with: what is decided from here on has
        // a revision of its own.
        if self.epoch != 0 {
            self.strategies.iter_mut().for_each(|strategy| strategy.setup.models.raise_revision());
        }
        self.epoch = start.epoch as u32;
        self.breakers.started();
        self.overrides.clear();
        // Killed between a retry and its command: the next one is another.
        self.asking.retry_of = None;
        // What is counted is counted since the start; the journal has what was before.
        self.counts = super::Counts::default();
        self.sequence = 0;
        self.journal_failed = false;
        self.history.forget();
        for (index, venue) in self.venues.iter_mut().enumerate() {
            self.orders.set_other_numbers(VenueId(index as u16), OtherNumbers::Unseen);
            venue.down(u8::MAX);
            venue.account_flags = None;
        }
        self.each_open(|engine, id| {
            // A queued command may have left before the process died: believe the worst.
            engine.orders.learn(id, Fact::Dispatched, Verdict::None, engine.now);
            let order = engine.orders.order(id).map(|order| order.state);
            if matches!(order, Some(OrderState::Sent | OrderState::Acked)) {
                let change = engine.orders.learn(id, Fact::Doubt, Verdict::Link, engine.now);
                engine.changed(change, out);
            }
        });
        self.doubt_requests_of_last_run(out);
        if start.halted != 0 {
            self.set_trading(Trading::Halted, Refusal { reason: Reason::LatchSet, limit: 0, got: 1 }, out);
        }
        self.renew_conditions();
    }

    fn on_session(&mut self, input: &Record, out: &mut Outputs) {
        let Some(session) = input.payload::<record::Session>() else { return };
        self.note_currency(&session);
        let (now, witnessed) = (self.now, self.witnessed);
        let Some(venue) = self.venues.get_mut(usize::from(input.venue().0)) else { return };
        // Ticks are taken from market addresses only.
        let is_market = session.roles & ROLE_MARKET != 0 && input.origin() == Origin::Market as u8;
        if session.state == SessionState::Up as u8 {
            venue.account_mode = session.account_mode;
            venue.server_offset_s = session.server_offset_s;
            venue.margin_mode = MarginMode::from_code(session.margin_mode).unwrap_or(venue.margin_mode);
            venue.up(session.roles, now, witnessed);
            if is_market {
                self.past_of_connection(input.venue(), input.aux());
            }
            self.ask_if_due(usize::from(input.venue().0), out);
        } else {
            // Without a role: one connection of several, whose roles others still have.
            if session.roles != 0 {
                venue.down(session.roles);
                self.fail(Component::Link, out);
            }
            if is_market {
                self.past_without_connections(input.venue());
            } else if input.origin() == Origin::Market as u8 {
                self.past_without_connection(input.venue(), input.aux(), out);
            }
            if session.roles & ROLE_TRADE != 0 {
                self.doubt_all_of(input.venue(), out);
                self.doubt_requests_of(input.venue(), out);
            }
        }
        self.renew_conditions();
    }

    /// The trade session broke: every request without a final answer is in doubt.
    fn doubt_all_of(&mut self, venue: VenueId, out: &mut Outputs) {
        self.each_open(|engine, id| {
            let Some(order) = engine.orders.order(id).copied() else { return };
            if engine.venue_of(order.new.instrument) == venue
                && matches!(order.state, OrderState::Sent | OrderState::Acked)
            {
                let change = engine.orders.learn(id, Fact::Doubt, Verdict::Link, engine.now);
                engine.changed(change, out);
            }
        });
    }

    /// Calls `each` with every open order's id, in the order of ids.
    pub(super) fn each_open(&mut self, mut each: impl FnMut(&mut Self, u64)) {
        let mut ids = std::mem::take(&mut self.ids);
        ids.clear();
        ids.extend(self.orders.open().map(|order| order.new.id.raw()));
        for &id in &ids {
            each(self, id);
        }
        self.ids = ids;
    }

    fn on_spec(&mut self, input: &Record, out: &mut Outputs) {
        let Some(spec) = input.payload::<record::Spec>() else { return };
        let instrument = input.instrument();
        let (Some(index), Some(setup)) =
            (instrument.index(), self.instruments.get(usize::from(instrument.0)))
        else {
            return;
        };
        let (Some(trade_mode), Some(execution)) =
            (TradeMode::from_code(spec.trade_mode), Execution::from_code(spec.execution))
        else {
            return;
        };
        let before = self.specs[index].map(|known| known.trade_mode);
        let is_rescaled = self.specs[index].is_some_and(|known| known.tick_size != spec.tick_size);
        self.specs[index] = Some(InstrumentSpec {
            instrument,
            venue: setup.venue,
            symbol: setup.symbol,
            tick_size: spec.tick_size,
            digits: spec.digits,
            point: spec.point,
            volume_step: spec.volume_step,
            volume_min: Qty(spec.volume_min),
            volume_max: Qty(spec.volume_max),
            volume_limit: Qty(spec.volume_limit),
            contract_size: spec.contract_size,
            tick_value: spec.tick_value,
            stops_level_points: spec.stops_level_points,
            freeze_level_points: spec.freeze_level_points,
            trade_mode,
            execution,
            filling_modes: spec.filling_modes,
            order_modes: spec.order_modes,
            expiration_modes: spec.expiration_modes,
        });
        self.bounds.told(index, input.ts());
        self.prepare(instrument);
        // Told with whatever else changes; the operator is told once.
        if spec.other_units != 0 && before != Some(trade_mode) {
            let units = [spec.tick_size, spec.volume_step].map(|unit| (unit * 1e9).round() as i64);
            let at = (input.venue(), instrument);
            self.alert(AlertCode::UnitsChanged, at, u64::from(instrument.0), units[0], units[1], out);
        }
        if input.origin() == Origin::Market as u8 {
            self.past_of_symbol(instrument, input.aux(), is_rescaled, out);
        }
    }

    fn on_account(&mut self, input: &Record, out: &mut Outputs) {
        let Some(account) = input.payload::<record::Account>() else { return };
        let (now, witnessed) = (self.now, self.witnessed);
        let Some(venue) = self.venues.get_mut(usize::from(input.venue().0)) else { return };
        venue.flagged(account.flags, now, witnessed);
        if account.tells_offset != 0 {
            venue.server_offset_s = account.server_offset_s;
        }
        venue.account = (Money(account.equity), Money(account.margin), input.ts());
        self.watch_account(input, &account);
        self.note_margin(&account);
        self.judge_account(out);
        self.stir_room();
        self.renew_conditions();
    }

    fn on_result(&mut self, input: &Record, out: &mut Outputs) {
        let Some(result) = input.payload::<record::CommandResult>() else { return };
        self.note_answer(input.venue(), &result);
        if OrderId::from_raw(result.order_id).is_err() || self.hear_result(&result, out) {
            return;
        }
        self.orders.note(result.order_id, result.ticket, result.retcode);
        let class = classify(result.retcode);
        let fact = match class {
            RetcodeClass::Placed | RetcodeClass::Done | RetcodeClass::DonePartial => Fact::Acknowledged,
            RetcodeClass::Unknown => Fact::Doubt,
            _ => Fact::Refused,
        };
        let change = self.orders.learn(result.order_id, fact, Verdict::Terminal, self.now);
        let is_refused = class.is_refusal() && change.is_some();
        if is_refused {
            self.counts.refuse(result.retcode);
            self.fail_by_refusal(class, out);
            self.count_refusal(out);
        }
        self.changed(change, out);
        if is_refused {
            self.retry(&result, out);
        }
    }

    fn count_refusal(&mut self, out: &mut Outputs) {
        self.count_reject(out);
        self.rejects_in_row += 1;
        let limit = self.gate.limits().rejects_in_row_max;
        if self.rejects_in_row >= limit && self.gate.trading() == Trading::Active {
            let got = i64::from(self.rejects_in_row);
            let refusal = Refusal { reason: Reason::RejectStreak, limit: i64::from(limit), got };
            self.set_trading(Trading::Reducing, refusal, out);
        }
    }

    /// MT5 order states: 0 started, 1 placed, 2 cancelled, 3 partial, 4 filled, 5 rejected, 6 expired.
    fn on_order_event(&mut self, input: &Record, out: &mut Outputs) {
        let Some(event) = input.payload::<record::OrderEvent>() else { return };
        self.note_resting(input, &event);
        if input.flags() & FLAG_SNAPSHOT == 0 {
            self.note_others_order((input.venue(), input.instrument()), &event, out);
        }
        if is_protective(event.reason) {
            return self.look_for_stop(input, &event);
        }
        if OrderId::from_raw(event.magic).is_err() {
            return;
        }
        let from_snapshot = input.flags() & FLAG_SNAPSHOT != 0;
        let verdict = if from_snapshot { Verdict::Snapshot } else { Verdict::Venue };
        let known = self.orders.order(event.magic).map(|order| order.new.instrument);
        if known.is_some_and(|instrument| instrument != input.instrument()) {
            return;
        }
        self.hear_order(&event, from_snapshot, out);
        if known.is_none() {
            return;
        }
        // An order of the past says nothing of a stop that may have moved since; a snapshot tells positions too.
        if !from_snapshot {
            self.exits_order(&event);
        } else {
            let query = self.venues.get(usize::from(input.venue().0)).map_or(0, |venue| venue.query);
            self.orders.seen_in_snapshot(event.magic, query);
        }
        let pending = OrderKind::from_code(event.order_kind).is_some_and(|kind| kind.code() > 1);
        let history = event.transaction == TransactionKind::HistoryAdd.code();
        let fact = match (event.order_state, history) {
            (0 | 1, _) if pending => Fact::Resting,
            (0 | 1, _) => Fact::Acknowledged,
            (3, false) => Fact::Resting,
            (2, true) => Fact::Cancelled,
            (5, true) => Fact::Refused,
            (6, true) => Fact::Expired,
            // Over, and executed whole: its deals are what counts, and what they leave of it is no more.
            (ORDER_STATE_FILLED, true) => Fact::Cancelled,
            _ => return,
        };
        self.orders.note(event.magic, event.ticket, 0);
        let change = self.learn_of_order(input, &event, fact, verdict);
        if fact == Fact::Refused && change.is_some() {
            self.count_refusal(out);
        }
        self.changed(change, out);
    }

    /// A stop was executed at the server. While the position that it closes stands by our fills, its deal is on its way, or was never
    /// told: until it is known an exit would open the other side, and nobody else will say so.
    fn look_for_stop(&mut self, input: &Record, event: &record::OrderEvent) {
        let is_done = event.transaction == TransactionKind::HistoryAdd.code()
            && event.order_state == ORDER_STATE_FILLED
            && input.flags() & FLAG_SNAPSHOT == 0;
        let mut held = self.positions.tickets(input.instrument());
        if is_done
            && held.any(|(identifier, _)| identifier == event.position)
            && let Some(venue) = self.venues.get_mut(usize::from(input.venue().0))
        {
            venue.query_due = self.now;
        }
    }

    /// Learns what an order's event says; an end together with what it left executed, whose deals may come later or never.
    fn learn_of_order(
        &mut self,
        input: &Record,
        event: &record::OrderEvent,
        fact: Fact,
        verdict: Verdict,
    ) -> Option<Change> {
        if !matches!(fact, Fact::Cancelled | Fact::Expired | Fact::Refused) {
            return self.orders.learn(event.magic, fact, verdict, self.now);
        }
        let qty = self.orders.order(event.magic).map_or(0, |order| order.new.qty.0);
        let executed = match event.qty_initial.saturating_sub(event.qty_open) {
            // Filled, and by nothing: it does not say of how much.
            0 if event.order_state == ORDER_STATE_FILLED => qty,
            executed => executed,
        };
        let change = self.orders.learn_end(event.magic, fact, executed, verdict, self.now);
        let missing = self.orders.order(event.magic).filter(|order| order.qty_filled < executed);
        match missing.map(|order| order.end.is_some()) {
            // What the order may still fill is less, though its state is as it was. Its fills mostly come right behind; the timers look
            // for those that do not.
            Some(true) => self.prepare(input.instrument()),
            // It had ended before, and executed more than was known then. A snapshot tells its deals behind its orders.
            Some(false) if input.flags() & FLAG_SNAPSHOT == 0 => {
                if let Some(venue) = self.venues.get_mut(usize::from(input.venue().0)) {
                    venue.look_again(self.now);
                }
            }
            _ => {}
        }
        change
    }

    fn on_gap(&mut self, input: &Record, out: &mut Outputs) {
        let Some(gap) = input.payload::<record::Gap>() else { return };
        let missing = gap.to_seq.saturating_sub(gap.from_seq).saturating_add(1);
        if input.aux() == record::GAP_IS_FINAL {
            let at = (input.venue(), input.instrument());
            return self.alert(AlertCode::Gap, at, gap.stream, gap.from_seq as i64, gap.to_seq as i64, out);
        }
        self.counts.gaps = self.counts.gaps.saturating_add(missing);
        if gap.stream == STREAM_MARKET && input.origin() == Origin::Market as u8 {
            // The terminal refills the numbers for the journal; the features ask for the past as a whole.
            self.past_with_gap(input.venue(), (input.aux(), gap.to_seq), out);
        }
        // Trade events are missing: what they said is in the next snapshot.
        let venue_index = usize::from(input.venue().0);
        if gap.stream != STREAM_MARKET
            && let Some(venue) = self.venues.get_mut(venue_index)
        {
            venue.query_due = self.now;
            self.ask_if_due(venue_index, out);
        }
    }

    fn on_dispatch(&mut self, input: &Record, out: &mut Outputs) {
        let Some(dispatch) = input.payload::<record::Dispatch>() else { return };
        if self.hear_dispatch(&dispatch, out) {
            return;
        }
        let (fact, verdict) = match DispatchOutcome::from_code(dispatch.outcome) {
            Some(DispatchOutcome::Sent) => (Fact::Dispatched, Verdict::None),
            Some(_) => (Fact::NotDispatched, Verdict::Gate),
            None => return,
        };
        let change = self.orders.learn(dispatch.order_id, fact, verdict, self.now);
        self.changed(change, out);
    }

    fn on_control(&mut self, input: &Record, out: &mut Outputs) {
        let Some(control) = input.payload::<record::Control>() else { return };
        let Some(action) = ControlAction::from_code(control.action) else { return };
        let refusal = |reason| Refusal { reason, limit: 0, got: i64::from(control.action) };
        match action {
            ControlAction::Activate => {
                self.rearm();
                self.set_trading(Trading::Active, refusal(Reason::OperatorOrder), out);
            }
            ControlAction::Reduce => self.set_trading(Trading::Reducing, refusal(Reason::OperatorOrder), out),
            ControlAction::Halt => self.set_trading(Trading::Halted, refusal(Reason::OperatorOrder), out),
            ControlAction::Kill => self.set_trading(Trading::Halted, refusal(Reason::OperatorKill), out),
            ControlAction::ResolveNotExecuted if self.resolve_request(control.order_id, out) => {}
            ControlAction::ResolveNotExecuted => {
                let change =
                    self.orders.learn(control.order_id, Fact::ProvenAbsent, Verdict::Operator, self.now);
                self.changed(change, out);
            }
            ControlAction::AcceptPosition => self.accept_position(input.instrument(), out),
            ControlAction::ActivateScope => {
                self.rearm_scope(Scope::from_parts(control.scope, control.scope_id))
            }
        }
    }

    fn on_fault(&mut self, input: &Record, out: &mut Outputs) {
        let Some(fault) = input.payload::<record::Fault>() else { return };
        let kind = FaultKind::from_code(fault.kind);
        // The operator may re-arm meanwhile; what cannot be written down is not begun all the same.
        match kind {
            Some(FaultKind::JournalDisk) => {
                self.journal_failed = true;
                self.fail(Component::Disk, out);
            }
            Some(FaultKind::JournalBehind) => self.fail(Component::Disk, out),
            Some(FaultKind::JournalRecovered) => self.journal_failed = false,
            _ => {}
        }
        self.renew_conditions();
        match kind {
            Some(FaultKind::JournalRecovered) | None => {}
            Some(_) => {
                let refusal = Refusal { reason: Reason::JournalFault, limit: 0, got: i64::from(fault.kind) };
                self.set_trading(Trading::Halted, refusal, out);
            }
        }
    }
}
