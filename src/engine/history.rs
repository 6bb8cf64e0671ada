//! What to ask the terminal for, so that features are warm at the start and whole after a gap, and which live ticks they may
//! take meanwhile.
//!
//! What it is not: the features, or the wire. It keeps a plan for each instrument that a feature reads; `warm.rs` resets and
//! feeds the graphs and lets the questions out.
//!
//! Invariant: from a reset until its plan ends an instrument's features take nothing but the answers, in order, and each live
//! tick enters once or is in an answer. What cannot be had is told, never hidden: the features then start empty.
//!
//! # A plan
//!
//! 1. *Probe*: the newest ticks, as many as features on ticks need, only for their times. They say where the venue's time stands,
//!    which need not be ours. Left out when no feature is on time bars.
//! 2. *Bars* of each period that the terminal can build as we do, all that closed before the bar of the newest tick seen.
//! 3. *Ticks* from the opening of the longest of these open bars, or from further back when features on ticks need it, up to now. So
//!    the bar that is open is whole when it closes: its high and low count as well as its close, and waiting for the next one
//!    could take a day. Ticks of a bar that was told as a bar count for no bar of that period (`FeatureGraph::on_bar`). An open bar
//!    of a day needs the day's ticks; where `ticks_max` cuts them off it would be told wrong, so all is told as cold, with an alert.
//!
//! A terminal's bars serve what reads bids, on periods of MT5 that fit the server's own day: its offset from UTC and the
//! feature's must agree on where a bar begins. All others are built from ticks, with one bar more than needed, because the first may
//! lack its beginning. Bars of so many ticks or so much volume begin anew after a break, with the first tick that is told.
//!
//! A feature that reads two instruments pairs their samples as they come. Told one after the other the pasts would be paired
//! wrong; so the one that is only looked at is told last, when nobody samples any more, and such a feature has its first
//! values from live ticks. Where two look at each other neither is told.
//!
//! # No tick twice, none lost
//!
//! The terminal answers a request for ticks in one go: every tick that it pushed live before the answer's first message is in
//! it, none later, and no live tick comes before its end (`bridge/PROTOCOL.md`, section 6; the decoder turns a live tick in between
//! into an error). So on the connection there is one order, and the end carries the number of the last live tick before it: the
//! cut. A live tick up to the cut is in the answer; one beyond it is not. That is decided by the pair (connection, number), for
//! MT5's times cannot: many ticks share a millisecond, and their order in it may differ between two reads.
//!
//! Inside the appliance live ticks and reports travel in two rings, and reports are taken first. A live tick from before the
//! end may therefore be seen after it (the cut refuses it), and, when the end arrives between two looks, one from after the end may
//! be seen before it: so live ticks are kept while a question is out, the newest of them (`held.rs`), and those beyond the cut are
//! fed at the end. Should one beyond the cut have been pushed out of that memory, the plan starts again. Ticks that a full ring
//! folded into one are counted as coalesced and are not a gap.
//!
//! Of several connections that push one symbol the youngest counts (`sources.rs`). How often plans begin where a stream breaks again and
//! again is a matter of `pace.rs`; a plan that failed for a cause that may pass is tried again after 1, 2 and 4 seconds, then
//! given up.

use super::AlertCode;
use super::held::{Cut, Held, cut_of};
use super::needs::Needs;
use super::pace::Pace;
use super::setup::HistoryPlan;
use super::sources::Sources;
use crate::record::{
    self, HISTORY_INTERLEAVED, HISTORY_NOT_SENT, HISTORY_REFUSED, HistoryBar, HistoryEnd, HistoryRequest,
};
use crate::types::{Execution, InstrumentId, NS_PER_S, TimeNs, VenueId};

/// A plan is tried so often.
const TRIES_MAX: u8 = 4;
/// A plan that failed is tried again after this, then after twice as long each time.
const AGAIN_NS: i64 = NS_PER_S;
/// MQL5: history is being loaded, or could not be loaded.
const LOADING: [u32; 2] = [4_403, 4_405];
/// MQL5: there is no history, or none that reaches back so far.
const NOT_FOUND: u32 = 4_401;
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Live ticks enter.
    Live,
    /// A plan is to begin.
    Due,
    Probe,
    Bars(usize),
    Ticks,
}

/// What to do with a live tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Admit {
    /// It enters the features.
    Feed,
    /// It is in an answer, or is kept until one has come.
    Hold,
}

/// What an answer's end, or its absence, leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// Not an answer to an open question.
    Ignored,
    /// The plan goes on: ask for the next question.
    Next,
    /// The past is in; the ticks kept meanwhile are to be fed.
    Live,
    /// The features are to be emptied; the plan begins again.
    Again,
    /// The features are to be emptied; they warm live.
    GaveUp,
}

/// An alert: code, what came, what was needed or the error.
pub(super) type Complaint = (AlertCode, i64, i64);

/// The plan of one instrument.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub instrument: InstrumentId,
    pub venue: VenueId,
    needs: Needs,
    /// Of the needed bars, those that this session's terminal can send.
    sent_by_terminal: Vec<bool>,
    step: Step,
    is_connected: bool,
    /// The connections that know the symbol and push its ticks.
    sources: Sources,
    due: TimeNs,
    tries: u8,
    pace: Pace,
    /// The open question, or zero.
    request: u64,
    /// When it was asked, or last answered in part.
    progress: TimeNs,
    got: u64,
    /// A part of the answer does not fit the question.
    is_odd: bool,
    ts_first: i64,
    ts_last: i64,
    /// Newest tick that the probe saw.
    ts_probed: i64,
    /// Ticks are told from here on; zero when only the newest are asked for.
    seam: i64,
    /// No past is ever asked for.
    is_cold: bool,
    /// `None` before the first session: everything enters.
    cut: Option<Cut>,
    held: Held,
}

impl Track {
    pub(super) fn new(instrument: InstrumentId, venue: VenueId, needs: Needs) -> Self {
        Track {
            instrument,
            venue,
            sent_by_terminal: vec![false; needs.bars.len()],
            needs,
            step: Step::Live,
            is_connected: false,
            sources: Sources::new(),
            due: TimeNs::NEVER,
            tries: 0,
            pace: Pace::default(),
            request: 0,
            progress: TimeNs::NEVER,
            got: 0,
            is_odd: false,
            ts_first: 0,
            ts_last: 0,
            ts_probed: 0,
            seam: 0,
            is_cold: false,
            cut: None,
            held: Held::new(),
        }
    }

    /// As before the first session.
    pub(super) fn forget(&mut self) {
        (self.step, self.is_connected) = (Step::Live, false);
        (self.tries, self.request, self.cut) = (0, 0, None);
        self.pace = Pace::default();
        self.sources.clear();
        self.held.clear();
    }

    /// A connection came up. It need not be the one that pushes this instrument's ticks: that is told by [`Track::announce`].
    pub(super) fn connect(&mut self) {
        self.is_connected = true;
    }

    /// The past is broken up to this number: a plan is due, if one may be asked for.
    pub(super) fn break_at(&mut self, cut: Option<Cut>, plan: &HistoryPlan, now: TimeNs) {
        self.disturb(now);
        self.cut = cut;
        self.tries = 0;
        self.renew(plan, now);
    }

    /// Live ticks end here.
    fn disturb(&mut self, now: TimeNs) {
        if self.step == Step::Live {
            self.pace.on_disturbed(now);
        }
    }

    fn go_live(&mut self, now: TimeNs) {
        self.step = Step::Live;
        self.pace.on_live(now);
    }

    fn renew(&mut self, plan: &HistoryPlan, due: TimeNs) {
        self.request = 0;
        self.held.clear();
        let due = due.max(self.pace.free_from());
        (self.due, self.progress) = (due, due);
        self.step = if plan.asks() && !self.is_cold { Step::Due } else { Step::Live };
    }

    /// No connection is left; nothing more comes of what was asked.
    pub(super) fn hang_up(&mut self, now: TimeNs) {
        self.disturb(now);
        self.is_connected = false;
        self.sources.clear();
        self.request = 0;
        if self.step != Step::Live {
            self.step = Step::Due;
        }
    }

    /// One connection of several is gone. If it is the one that counted, the youngest that is left counts now: it is handed back,
    /// for the past is broken before its first tick.
    pub(super) fn leave(&mut self, connection: u32, now: TimeNs) -> Option<u32> {
        let heir = self.sources.leave(connection)?;
        if heir.is_none() && self.step != Step::Live {
            // Others of the venue are there, but none that knows the symbol.
            (self.step, self.request, self.progress) = (Step::Due, 0, now);
        }
        heir
    }

    /// A connection knows the symbol; whether it is another one than before, so that what came until now is the past. Of two
    /// that push the same symbol the younger counts.
    pub(super) fn announce(&mut self, connection: u32) -> bool {
        self.sources.announce(connection)
    }

    /// Whether some connection knows the symbol.
    pub(super) fn is_announced(&self) -> bool {
        self.source().is_some()
    }

    /// The connection whose ticks count.
    pub(super) fn source(&self) -> Option<u32> {
        self.sources.counting()
    }

    /// The open question, or zero.
    pub(super) fn request(&self) -> u64 {
        self.request
    }

    /// Whether a question is out.
    pub(super) fn is_asking(&self) -> bool {
        self.request != 0
    }

    /// Whether time itself is news to it.
    pub(super) fn is_waiting(&self) -> bool {
        self.step != Step::Live && self.is_connected
    }

    /// Whether a plan may begin now.
    pub(super) fn may_begin(&self, now: TimeNs) -> bool {
        self.step == Step::Due && self.is_announced() && now >= self.due
    }

    /// Whether nobody answered for so long.
    pub(super) fn is_overdue(&self, now: TimeNs, plan: &HistoryPlan) -> bool {
        let is_mute = self.is_asking() || self.step == Step::Due && self.is_connected && !self.is_announced();
        is_mute && now.since(self.progress) > plan.patience_ns
    }

    /// What a live tick may do.
    #[inline]
    pub(super) fn admit(&mut self, tick: &record::Tick) -> Admit {
        if !self.sources.may_push(tick.connection) {
            return Admit::Hold;
        }
        if self.step == Step::Live {
            let is_news = self.cut.is_none_or(|cut| cut_of(tick) > cut);
            return if is_news { Admit::Feed } else { Admit::Hold };
        }
        self.held.push(tick);
        Admit::Hold
    }

    /// The ticks that were kept and are news, in order.
    pub(super) fn held_news(&self) -> impl Iterator<Item = &record::Tick> {
        let cut = self.cut.unwrap_or((0, 0));
        self.held.iter().filter(move |tick| cut_of(tick) > cut)
    }

    /// Never asks for a past.
    pub(super) fn stay_cold(&mut self) {
        self.is_cold = true;
    }

    /// Instruments whose past is told before this one's.
    pub(super) fn after(&self) -> &[InstrumentId] {
        &self.needs.after
    }

    /// Begins the plan; `offset_s` is server time minus UTC. On an exchange the terminal's bars may be of last prices.
    pub(super) fn begin(&mut self, offset_s: i32, execution: Option<Execution>, now: TimeNs) {
        self.pace.on_begun(now);
        let offset_ns = i64::from(offset_s) * NS_PER_S;
        for (bars, sent) in self.needs.bars.iter().zip(&mut self.sent_by_terminal) {
            *sent = bars.come_from_terminal(offset_ns, execution);
        }
        self.seam = 0;
        self.step = if self.needs.bars.is_empty() { Step::Ticks } else { Step::Probe };
    }

    /// The question of the step at hand.
    pub(super) fn question(&mut self, request: u64, plan: &HistoryPlan, now: TimeNs) -> HistoryRequest {
        (self.request, self.progress) = (request, now);
        (self.got, self.is_odd, self.ts_first, self.ts_last) = (0, false, 0, 0);
        self.held.clear();
        let of = |ts_from, ts_to, count_max, period_s| HistoryRequest {
            request,
            ts_from,
            ts_to,
            count_max,
            period_s,
        };
        match self.step {
            Step::Bars(at) => {
                let bars = &self.needs.bars[at];
                let count_max = bars.samples.clamp(1, plan.bars_max.max(1));
                of(0, bars.opening(self.ts_probed) - 1, count_max, (bars.period_ns / NS_PER_S) as u32)
            }
            Step::Ticks if self.seam != 0 => of(self.seam, 0, plan.ticks_max, 0),
            _ if self.needs.volume.is_some() => of(0, 0, plan.ticks_max, 0),
            _ => of(0, 0, self.needs.ticks.clamp(1, plan.ticks_max), 0),
        }
    }

    /// A tick of the past; whether it enters the features.
    pub(super) fn past_tick(&mut self, tick: &record::Tick, now: TimeNs) -> bool {
        if !matches!(self.step, Step::Probe | Step::Ticks) || tick.stream_seq != self.request {
            return false;
        }
        self.note(tick.ts_venue, now);
        self.step == Step::Ticks
    }

    /// A bar of the past; whether it enters the features.
    pub(super) fn past_bar(&mut self, bar: &HistoryBar, now: TimeNs) -> bool {
        let Step::Bars(at) = self.step else { return false };
        if bar.request != self.request {
            return false;
        }
        let needed = &self.needs.bars[at];
        let fits = i64::from(bar.period_s) * NS_PER_S == needed.period_ns
            && needed.opening(bar.ts_open) == bar.ts_open
            && bar.ts_open < needed.opening(self.ts_probed)
            && (self.got == 0 || bar.ts_open > self.ts_last);
        self.is_odd |= !fits;
        self.note(bar.ts_open, now);
        fits
    }

    fn note(&mut self, ts: i64, now: TimeNs) {
        if self.got == 0 {
            self.ts_first = ts;
        }
        self.ts_last = ts;
        self.got += 1;
        self.progress = now;
    }

    /// The end of an answer.
    pub(super) fn end(
        &mut self,
        end: &HistoryEnd,
        plan: &HistoryPlan,
        now: TimeNs,
    ) -> (Outcome, Option<Complaint>) {
        if end.request != self.request || self.request == 0 {
            return (Outcome::Ignored, None);
        }
        self.request = 0;
        let is_whole = end.count == self.got && !self.is_odd;
        let error = if end.error == 0 && !is_whole { HISTORY_REFUSED } else { end.error };
        if error != 0 && !(is_whole && self.may_start_late(error)) {
            return self.fail(error, plan, now);
        }
        match self.step {
            Step::Probe if self.got == 0 => self.give_up((AlertCode::HistoryShort, 0, 1), now),
            Step::Probe => {
                self.ts_probed = self.ts_last;
                self.seam = self.seam();
                self.step = self.after_bars(0);
                (Outcome::Next, None)
            }
            Step::Bars(at) => {
                let needed = self.needs.bars[at].samples;
                self.step = self.after_bars(at + 1);
                (Outcome::Next, self.short(needed))
            }
            _ => self.join(end, plan, now),
        }
    }

    /// Where the past and the live stream meet.
    fn join(&mut self, end: &HistoryEnd, plan: &HistoryPlan, now: TimeNs) -> (Outcome, Option<Complaint>) {
        let is_cut_off = self.seam != 0 && self.got >= u64::from(plan.ticks_max);
        let missing = (AlertCode::HistoryShort, self.got as i64, self.got as i64 + 1);
        if is_cut_off && self.has_bars() {
            return self.give_up(missing, now);
        }
        let cut = (end.connection, end.stream_seq);
        if self.held.lost > cut {
            return self.fail(HISTORY_INTERLEAVED, plan, now);
        }
        self.cut = Some(cut);
        self.go_live(now);
        let complaint = match end.error {
            0 if is_cut_off => Some(missing),
            0 => self.short(self.needs.ticks),
            error => Some((AlertCode::HistoryRefused, self.got as i64, i64::from(error))),
        };
        (Outcome::Live, complaint)
    }

    /// Whether bars of the terminal end at the seam, so that ticks must begin there.
    fn has_bars(&self) -> bool {
        self.sent_by_terminal.contains(&true)
    }

    /// Whether ticks that begin later than asked for only mean fewer samples.
    fn may_start_late(&self, error: u32) -> bool {
        error == NOT_FOUND && self.step == Step::Ticks && !self.has_bars() && self.got > 0
    }

    fn short(&self, needed: u32) -> Option<Complaint> {
        let is_short = self.got < u64::from(needed);
        is_short.then_some((AlertCode::HistoryShort, self.got as i64, i64::from(needed)))
    }

    /// Nobody answered.
    pub(super) fn expire(&mut self, now: TimeNs) -> (Outcome, Option<Complaint>) {
        self.request = 0;
        self.give_up((AlertCode::HistoryUnanswered, self.got as i64, 0), now)
    }

    fn fail(&mut self, error: u32, plan: &HistoryPlan, now: TimeNs) -> (Outcome, Option<Complaint>) {
        let may_pass = LOADING.contains(&error)
            || matches!(error, HISTORY_NOT_SENT | HISTORY_INTERLEAVED | HISTORY_REFUSED);
        if may_pass && self.tries + 1 < TRIES_MAX {
            self.renew(plan, now.plus_ns(AGAIN_NS << self.tries));
            self.tries += 1;
            return (Outcome::Again, None);
        }
        let complaint = (AlertCode::HistoryRefused, self.got as i64, i64::from(error));
        match self.step {
            // Bars of one length less: those features are built from the ticks that follow, from the seam on, and then live. The
            // seam is the opening of the longest open bar; where that is no opening of this length, or the ticks told begin
            // later, the first bar lacks its beginning.
            Step::Bars(at) if self.got == 0 => {
                self.sent_by_terminal[at] = false;
                self.step = self.after_bars(at + 1);
                (Outcome::Next, Some(complaint))
            }
            _ => self.give_up(complaint, now),
        }
    }

    fn give_up(&mut self, complaint: Complaint, now: TimeNs) -> (Outcome, Option<Complaint>) {
        self.go_live(now);
        (Outcome::GaveUp, Some(complaint))
    }

    /// The next step with bars, from this place in the list on.
    fn after_bars(&self, from: usize) -> Step {
        let next = (from..self.needs.bars.len()).find(|at| self.sent_by_terminal[*at]);
        next.map_or(Step::Ticks, Step::Bars)
    }

    /// The instant from which ticks are told.
    fn seam(&self) -> i64 {
        let mut oldest = self.ts_probed;
        for (bars, sent) in self.needs.bars.iter().zip(&self.sent_by_terminal) {
            let built = if *sent { 0 } else { i64::from(bars.samples).saturating_add(1) };
            let open = bars.opening(self.ts_probed);
            oldest = oldest.min(open.saturating_sub(built.saturating_mul(bars.period_ns)));
        }
        if self.needs.ticks > 0 || self.needs.volume.is_some() {
            oldest = oldest.min(self.ts_first);
        }
        // Before the epoch there is nothing to ask for, and zero would mean "any".
        oldest.max(1)
    }
}
