//! The breakers of links and components in the engine, and the quality of the clocks.
//!
//! What it is not: the state machine of one breaker (`risk::breaker`).
//!
//! Invariant: what they know follows from journalled records alone, our own commands included; they close openings and nothing
//! else. One order at most tries for all breakers that are half open.

mod state;

use super::{AlertCode, Engine, Outputs};
use crate::order::{Order, OrderState, RetcodeClass, Verdict};
use crate::record::{BreakerChange, Incident, IncidentKind, Record};
use crate::risk::{
    BoundsPlan, Breaker, BreakerFact, BreakerPlan, BreakerState, COMPONENTS, Component, Reason, Refusal,
};
use crate::types::{InstrumentId, TimeNs, VenueId};

/// When clocks are too far apart; zero never is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ClockPlan {
    /// Furthest the system's clock may be from ours, nanoseconds.
    pub step_ns_max: i64,
    /// Furthest a venue's stamp of a tick may be from our receiving it, either way, nanoseconds.
    pub offset_ns_max: i64,
    /// The engine's lane stood still when its inputs are further apart, nanoseconds.
    pub stall_ns_max: i64,
}

/// What closes openings by itself beside the limits; off unless set.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct GuardPlan {
    /// By [`Component`].
    pub breakers: [BreakerPlan; COMPONENTS],
    /// The clocks.
    pub clock: ClockPlan,
    /// Limits that need not be set.
    pub bounds: BoundsPlan,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Breakers {
    list: [Breaker; COMPONENTS],
    is_on: bool,
    /// The order that tries.
    probe: u64,
    clock: ClockPlan,
    /// System time minus ours, as it was last told.
    clock_error_ns: i64,
    /// The newest stamp of a tick minus its receiving.
    offset_ns: i64,
    is_offset: bool,
    /// When timers ran last since the start.
    ts_timer: TimeNs,
}

impl Breakers {
    pub(super) fn new(plan: &GuardPlan) -> Self {
        let is_on =
            plan.breakers.iter().any(|breaker| breaker.failures > 0) || plan.clock != ClockPlan::default();
        Breakers {
            list: plan.breakers.map(Breaker::new),
            is_on,
            probe: 0,
            clock: plan.clock,
            clock_error_ns: 0,
            offset_ns: 0,
            is_offset: false,
            ts_timer: TimeNs::NEVER,
        }
    }

    /// A start: the time before it was nobody's stall, and the clock is to be told anew.
    pub(super) fn started(&mut self) {
        (self.ts_timer, self.clock_error_ns) = (TimeNs::NEVER, 0);
    }

    /// The first reason of these that closes openings.
    pub(super) fn closed(&self) -> Option<Refusal> {
        if !self.is_on {
            return None;
        }
        let ClockPlan { step_ns_max, offset_ns_max, .. } = self.clock;
        if step_ns_max > 0 && self.clock_error_ns.saturating_abs() > step_ns_max {
            return Some(Refusal { reason: Reason::ClockStep, limit: step_ns_max, got: self.clock_error_ns });
        }
        if self.is_offset {
            return Some(Refusal { reason: Reason::ClockOffset, limit: offset_ns_max, got: self.offset_ns });
        }
        Component::ALL.iter().zip(&self.list).find(|(_, breaker)| breaker.state().refuses()).map(
            |(component, breaker)| Refusal {
                reason: component.reason(),
                limit: i64::from(breaker.plan().failures),
                got: breaker.state() as i64,
            },
        )
    }
}

impl Engine {
    /// Where every breaker is, by [`Component`].
    pub fn breakers(&self) -> [BreakerState; COMPONENTS] {
        std::array::from_fn(|at| self.breakers.list[at].state())
    }

    /// Something failed.
    #[inline]
    pub(super) fn fail(&mut self, component: Component, out: &mut Outputs) {
        if self.breakers.is_on {
            let before = self.breakers.list[component as usize].fail(self.now);
            self.breaker_moved(component, before, out);
        }
    }

    #[cold]
    fn breaker_moved(&mut self, component: Component, before: Option<BreakerState>, out: &mut Outputs) {
        let Some(before) = before else { return };
        let breaker = &self.breakers.list[component as usize];
        let (state, failures) = (breaker.state(), breaker.plan().failures);
        let change = BreakerChange {
            component: component as u8,
            from: before as u8,
            to: state as u8,
            reserved: 0,
            failures,
            order_id: self.breakers.probe,
        };
        let at = (VenueId::default(), InstrumentId::NONE);
        self.emit(at.0, at.1, &change, out);
        if state == BreakerState::Open {
            self.alert(
                AlertCode::BreakerOpened,
                at,
                component as u64,
                i64::from(failures),
                before as i64,
                out,
            );
        }
        self.renew_conditions();
    }

    fn tell_breakers(&mut self, fact: BreakerFact, out: &mut Outputs) {
        for &component in Component::ALL {
            let before = self.breakers.list[component as usize].hear(fact);
            self.breaker_moved(component, before, out);
        }
    }

    /// A refusal of the venue.
    pub(super) fn fail_by_refusal(&mut self, class: RetcodeClass, out: &mut Outputs) {
        let is_passing = matches!(class, RetcodeClass::Fresh | RetcodeClass::Wait);
        self.fail(if is_passing { Component::Requotes } else { Component::Rejects }, out);
    }

    /// An opening order left: where a breaker is half open, it is the one that tries.
    #[inline]
    pub(super) fn try_breakers(&mut self, order_id: u64, out: &mut Outputs) {
        let is_half_open = |breaker: &Breaker| breaker.state() == BreakerState::HalfOpen;
        if self.breakers.is_on && self.breakers.list.iter().any(is_half_open) {
            self.breakers.probe = order_id;
            self.tell_breakers(BreakerFact::Probe, out);
        }
    }

    /// What became of an order that may be the one that tries.
    #[inline]
    pub(super) fn hear_probe(&mut self, order: &Order, out: &mut Outputs) {
        if self.breakers.is_on && self.breakers.probe == order.new.id.raw() {
            self.probe_heard(order, out);
        }
    }

    #[cold]
    fn probe_heard(&mut self, order: &Order, out: &mut Outputs) {
        let probing: [bool; COMPONENTS] =
            std::array::from_fn(|at| self.breakers.list[at].state() == BreakerState::Probing);
        let fact = match (order.state, order.verdict) {
            (OrderState::Queued | OrderState::Sent, _) => return,
            (OrderState::Rejected, Verdict::Gate) => BreakerFact::Unsent,
            (OrderState::Cancelled | OrderState::Expired, _) if order.qty_filled == 0 => BreakerFact::Unsent,
            (OrderState::Rejected | OrderState::Unknown, _) => {
                for (&component, _) in
                    Component::ALL.iter().zip(probing).filter(|(_, is_probing)| *is_probing)
                {
                    self.fail(component, out);
                }
                self.breakers.probe = 0;
                return;
            }
            _ => BreakerFact::Success,
        };
        self.tell_breakers(fact, out);
        self.breakers.probe = 0;
    }

    pub(super) fn on_incident(&mut self, input: &Record, out: &mut Outputs) {
        let Some(incident) = input.payload::<Incident>() else { return };
        match IncidentKind::from_code(incident.kind) {
            Some(IncidentKind::HandshakeRefused) => self.fail(Component::Handshake, out),
            Some(IncidentKind::ClockError) => {
                let was_far = self.is_clock_far();
                self.breakers.clock_error_ns = incident.amount;
                if self.is_clock_far() && !was_far {
                    let at = (VenueId::default(), InstrumentId::NONE);
                    let limit = self.breakers.clock.step_ns_max;
                    self.alert(AlertCode::ClockStepped, at, 0, incident.amount, limit, out);
                    self.fail(Component::Clock, out);
                }
                self.renew_conditions();
            }
            Some(IncidentKind::LaneHung) => {
                let at = (VenueId::default(), InstrumentId::NONE);
                self.alert(AlertCode::LaneHung, at, 0, incident.amount, 0, out);
            }
            None => {}
        }
    }

    fn is_clock_far(&self) -> bool {
        let limit = self.breakers.clock.step_ns_max;
        limit > 0 && self.breakers.clock_error_ns.saturating_abs() > limit
    }

    /// Holds a live tick's stamp against our clock.
    #[inline]
    pub(super) fn compare_clocks(&mut self, ts_venue: TimeNs, ts_recv: TimeNs) {
        let limit = self.breakers.clock.offset_ns_max;
        if limit > 0 {
            self.breakers.offset_ns = ts_venue.since(ts_recv);
            let is_offset = self.breakers.offset_ns.saturating_abs() > limit;
            if is_offset != self.breakers.is_offset {
                self.breakers.is_offset = is_offset;
                self.renew_conditions();
            }
        }
    }

    /// Time passes: cool-downs end, and a lane that stood still is seen by it.
    #[inline]
    pub(super) fn breaker_timers(&mut self, out: &mut Outputs) {
        if self.breakers.is_on {
            self.run_breakers(out);
        }
    }

    fn run_breakers(&mut self, out: &mut Outputs) {
        let last = std::mem::replace(&mut self.breakers.ts_timer, self.now);
        let limit = self.breakers.clock.stall_ns_max;
        if limit > 0 && last != TimeNs::NEVER && self.now.since(last) > limit {
            self.fail(Component::Stalls, out);
        }
        for &component in Component::ALL {
            let before = self.breakers.list[component as usize].cool(self.now);
            self.breaker_moved(component, before, out);
        }
    }

    /// The operator lets trading go on: every breaker is closed.
    pub(super) fn rearm_breakers(&mut self) {
        for breaker in &mut self.breakers.list {
            breaker.hear(BreakerFact::Rearm);
        }
        self.breakers.probe = 0;
    }
}
