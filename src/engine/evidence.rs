//! What became of requests: what the terminal answers, and what the venue shows of orders and positions.
//!
//! What it is not: the asking (`requests.rs`). A request's end changes no order and no position; the venue's own word does.
//!
//! Invariant: a time-out, a broken link or a restart is a doubt. A doubt is left when the venue is seen to stand as asked, or to
//! stand otherwise in two complete snapshots, each asked for on a healthy link, a second of witnessed time apart.

use super::{AlertCode, Engine, Outputs};
use crate::order::{
    Order, OrderState, Request, RequestChange, RequestFact, RequestStage, RetcodeClass, Terms, Verdict,
    classify,
};
use crate::record::{self, DispatchOutcome, FLAG_SNAPSHOT, Record};
use crate::types::{InstrumentId, NS_PER_S, OrderAction, OrderKind, Price, TimeNs, TransactionKind, VenueId};

/// How long a link must have been healthy before what a snapshot shows counts against a request.
const HEALTHY_FOR_NS: i64 = NS_PER_S;
/// Reads that must agree.
const OTHERWISE_READS: u32 = 2;

impl Engine {
    /// Takes the answer to a request; `false` when it answers an order.
    pub(super) fn hear_result(&mut self, result: &record::CommandResult, out: &mut Outputs) -> bool {
        if !is_request(result.action) {
            return false;
        }
        self.asking.requests.note(result.order_id, result.retcode);
        let class = classify(result.retcode);
        let fact = match class {
            RetcodeClass::Placed => RequestFact::Acknowledged,
            RetcodeClass::Done | RetcodeClass::DonePartial => RequestFact::Confirmed,
            RetcodeClass::Unknown => RequestFact::Doubt,
            _ => RequestFact::Refused,
        };
        if class.is_refusal() {
            self.counts.refuse(result.retcode);
        }
        self.learn_request(result.order_id, fact, Verdict::Terminal, out);
        true
    }

    /// Takes the sending lane's word on a request; `false` when it is about an order.
    pub(super) fn hear_dispatch(&mut self, dispatch: &record::Dispatch, out: &mut Outputs) -> bool {
        if !is_request(dispatch.action) {
            return false;
        }
        let (fact, verdict) = match DispatchOutcome::from_code(dispatch.outcome) {
            Some(DispatchOutcome::Sent) => (RequestFact::Dispatched, Verdict::None),
            Some(_) => (RequestFact::NotDispatched, Verdict::Gate),
            None => return true,
        };
        self.learn_request(dispatch.order_id, fact, verdict, out);
        true
    }

    /// An order of ours as it rests now, or the order that a close-by made.
    pub(super) fn hear_order(&mut self, event: &record::OrderEvent, is_listed: bool, out: &mut Outputs) {
        let verdict = if is_listed { Verdict::Snapshot } else { Verdict::Venue };
        let kind = TransactionKind::from_code(event.transaction);
        if event.order_kind == OrderKind::CloseBy.code() {
            if kind == Some(TransactionKind::HistoryAdd) && event.order_state == 4 {
                self.learn_request(event.magic, RequestFact::Confirmed, verdict, out);
            }
            return;
        }
        let rests = matches!(kind, Some(TransactionKind::OrderAdd | TransactionKind::OrderUpdate));
        let Some(order) = self.orders.order(event.magic).filter(|_| rests) else { return };
        let Some(kind) = OrderKind::from_code(event.order_kind).filter(|_| order.is_pending()) else {
            return;
        };
        let terms = Terms {
            price: Price(event.price),
            stop_limit: Price(event.price_trigger),
            stop_loss: Price(event.stop_loss),
            take_profit: Price(event.take_profit),
        };
        self.orders.rests(event.magic, kind, terms);
        let asked = self.asking.requests.about_order(event.magic, OrderAction::Modify);
        if let Some(id) = asked.filter(|asked| asked.new.asked == terms).map(|asked| asked.new.id.raw()) {
            self.learn_request(id, RequestFact::Seen, verdict, out);
        }
    }

    /// A deal that a close-by of ours made is the venue's word that it was done.
    pub(super) fn hear_close_by(&mut self, magic: u64, out: &mut Outputs) {
        let is_ours = |request: &Request| request.new.action == OrderAction::CloseBy;
        if self.asking.requests.request(magic).is_some_and(is_ours) {
            self.learn_request(magic, RequestFact::Confirmed, Verdict::Venue, out);
        }
    }

    /// A position as it stands now.
    pub(super) fn hear_position(&mut self, input: &Record, out: &mut Outputs) {
        let Some(position) = input.payload::<record::PositionEvent>() else { return };
        let is_listed = input.flags() & FLAG_SNAPSHOT != 0;
        let instrument = input.instrument();
        let (stop_loss, take_profit) = (Price(position.stop_loss), Price(position.take_profit));
        let both = [position.identifier, position.ticket];
        let before = self.ticket_of(instrument, position.identifier);
        if position.identifier != 0 && position.ticket != 0 && before != position.ticket {
            self.asking.requests.renamed(instrument, [before, position.ticket]);
        }
        self.asking.stops.told(instrument, both, stop_loss, take_profit);
        let is_asked = |request: &&Request| {
            let new = &request.new;
            new.action == OrderAction::StopLevels
                && new.instrument == instrument
                && both.contains(&new.position)
                && (new.asked.stop_loss, new.asked.take_profit) == (stop_loss, take_profit)
        };
        if let Some(id) = self.asking.requests.open().iter().find(is_asked).map(|open| open.new.id.raw()) {
            let verdict = if is_listed { Verdict::Snapshot } else { Verdict::Venue };
            self.learn_request(id, RequestFact::Seen, verdict, out);
        }
    }

    /// An order came to its end: so did what was asked about it.
    pub(super) fn order_ended(&mut self, order: &Order, out: &mut Outputs) {
        let id = order.new.id.raw();
        for action in [OrderAction::Remove, OrderAction::Modify] {
            let Some(asked) = self.asking.requests.about_order(id, action) else { continue };
            // What had not left by our own lane's word did not end it.
            let has_left = asked.stage != RequestStage::Queued;
            let is_done = has_left && action == OrderAction::Remove && order.state == OrderState::Cancelled;
            let fact = if is_done { RequestFact::Seen } else { RequestFact::SubjectEnded };
            let asked = asked.new.id.raw();
            self.learn_request(asked, fact, order.verdict, out);
        }
    }

    /// A fill changed a position: what is gone has no stops, and nothing to be asked about.
    pub(super) fn position_changed(&mut self, instrument: InstrumentId, identifier: u64, out: &mut Outputs) {
        let is_open = self.positions.tickets(instrument).any(|(open, _)| open == identifier);
        if is_open || identifier == 0 {
            return;
        }
        let ticket = self.asking.stops.of(instrument, identifier).map_or(identifier, |stops| stops.ticket);
        self.asking.stops.closed(instrument, identifier);
        let is_about = |request: &&Request| {
            let new = &request.new;
            new.action == OrderAction::StopLevels && new.instrument == instrument && new.position == ticket
        };
        if let Some(id) = self.asking.requests.open().iter().find(is_about).map(|open| open.new.id.raw()) {
            self.learn_request(id, RequestFact::SubjectEnded, Verdict::Venue, out);
        }
    }

    /// A start of the appliance: what was under way when the last one ended is in doubt.
    pub(super) fn doubt_requests_of_last_run(&mut self, out: &mut Outputs) {
        self.each_request(|engine, request| {
            let id = request.new.id.raw();
            // A queued one may have left before the process died: believe the worst.
            engine.learn_request(id, RequestFact::Dispatched, Verdict::None, out);
            engine.learn_request(id, RequestFact::Doubt, Verdict::Link, out);
        });
    }

    /// The trade session broke: every request without a verdict is in doubt.
    pub(super) fn doubt_requests_of(&mut self, venue: VenueId, out: &mut Outputs) {
        self.each_request(|engine, request| {
            if engine.venue_of(request.new.instrument) == venue && request.stage == RequestStage::Pending {
                engine.learn_request(request.new.id.raw(), RequestFact::Doubt, Verdict::Link, out);
            }
        });
    }

    /// Time passed since the timers ran `before`.
    pub(super) fn request_timers(&mut self, before: TimeNs, out: &mut Outputs) {
        let limits = self.gate.limits();
        let (unknown_after_ns, page_after_ns) = (limits.unknown_after_ns, limits.page_after_ns);
        self.each_request(|engine, request| {
            let (id, age) = (request.new.id.raw(), engine.now.since(request.ts_stage));
            match request.stage {
                RequestStage::Pending if age > unknown_after_ns => {
                    engine.learn_request(id, RequestFact::Doubt, Verdict::Timer, out);
                }
                RequestStage::Unknown if engine.period_ended(request.ts_stage, page_after_ns, before) => {
                    engine.tell_request(AlertCode::RequestOverdue, &request, out);
                }
                _ => {}
            }
        });
    }

    /// Counts a complete snapshot against the requests in doubt; `true` when none is left.
    pub(super) fn settle_requests(&mut self, venue_index: usize, out: &mut Outputs) -> bool {
        if self.asking.requests.open().is_empty() {
            return true;
        }
        let venue = &self.venues[venue_index];
        let asked = venue.query_witnessed;
        let patience_ns = self.gate.limits().page_after_ns;
        if asked.since(venue.healthy_since) >= HEALTHY_FOR_NS {
            self.each_request(|engine, request| {
                let here = usize::from(engine.venue_of(request.new.instrument).0) == venue_index;
                if !here || request.stage != RequestStage::Unknown {
                    return;
                }
                let id = request.new.id.raw();
                if engine.asking.requests.otherwise_in_snapshot(id, asked, patience_ns) >= OTHERWISE_READS {
                    engine.learn_request(id, RequestFact::SeenOtherwise, Verdict::Snapshot, out);
                }
            });
        }
        self.asking.requests.unknown_count() == 0
    }

    /// The operator declares a request dead; `false` when the id is none of a request.
    pub(super) fn resolve_request(&mut self, id: u64, out: &mut Outputs) -> bool {
        let is_known = self.asking.requests.request(id).is_some();
        if is_known {
            self.learn_request(id, RequestFact::SeenOtherwise, Verdict::Operator, out);
        }
        is_known
    }

    /// Calls `each` with every open request, in the order of ids.
    fn each_request(&mut self, mut each: impl FnMut(&mut Self, Request)) {
        let mut last = 0;
        while let Some(request) = self.asking.requests.open_after(last) {
            last = request.new.id.raw();
            each(self, request);
        }
    }

    fn learn_request(&mut self, id: u64, fact: RequestFact, verdict: Verdict, out: &mut Outputs) {
        let change = self.asking.requests.learn(id, fact, verdict, self.now);
        let Some(RequestChange { from, request }) = change else { return };
        self.exits_verdict(&request);
        let new = &request.new;
        let venue = self.venue_of(new.instrument);
        match request.stage {
            RequestStage::Queued | RequestStage::Pending => return,
            RequestStage::Unknown => {
                self.counts.requests_unknown += 1;
                self.asking.requests.doubted(id, self.witnessed);
            }
            RequestStage::Done => {}
            RequestStage::Refused | RequestStage::NotSent | RequestStage::NotDone | RequestStage::Moot => {
                self.orders.refused(new.order, self.now);
                let now = self.now;
                for position in [new.position, new.position_by].into_iter().filter(|ticket| *ticket != 0) {
                    if let Some(stops) = self.asking.stops.of_mut(new.instrument, position) {
                        stops.ts_refused = now;
                    }
                }
            }
        }
        // What it did is the venue's to show.
        if request.stage != RequestStage::NotSent
            && let Some(venue) = self.venues.get_mut(usize::from(venue.0))
        {
            venue.look_again(self.now);
        }
        let payload = record::RequestStateChange {
            request_id: id,
            order_id: new.order,
            position: new.position,
            revision: new.revision,
            retcode: request.retcode,
            action: new.action.code(),
            from: from as u8,
            to: request.stage as u8,
            verdict: request.verdict as u8,
            request: request.state() as u8,
            reserved: [0; 3],
        };
        self.emit(venue, new.instrument, &payload, out);
        if from.is_final() {
            self.counts.returned += 1;
            self.tell_request(AlertCode::RequestReturned, &request, out);
        }
    }

    fn tell_request(&self, code: AlertCode, request: &Request, out: &mut Outputs) {
        let new = &request.new;
        let at = (self.venue_of(new.instrument), new.instrument);
        self.alert(code, at, new.id.raw(), new.order as i64, new.position as i64, out);
    }
}

/// Whether a command of this action is a request about what is there already.
fn is_request(action: u8) -> bool {
    OrderAction::from_code(action)
        .is_some_and(|action| !matches!(action, OrderAction::Deal | OrderAction::Pending))
}
