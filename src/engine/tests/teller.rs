//! Who knows all ticks: it pushes them, loses some, and answers for the past as `bridge/PROTOCOL.md` says.
//!
//! What it is not: the wire, or the lanes.
//!
//! Invariant: a graph of its own sees every tick, whatever the engine is told.

use super::*;
use crate::features::{Convention, FeatureTick, PriceField, StochasticOutput};
use crate::runtime::prng::Prng;

pub(super) const MINUTE_NS: i64 = 60 * NS_PER_S;
pub(super) const EURUSD: InstrumentId = InstrumentId(0);

/// A feature of EURUSD.
pub(super) fn spec(name: &str, kind: FeatureKind, input: Input, clock: Clock) -> FeatureSpec {
    FeatureSpec::new(name, EURUSD, kind, input, clock)
}

/// Windows and averages, on ticks, on bars that the terminal has, and on bars that only ticks make.
pub(super) fn features() -> Vec<FeatureSpec> {
    let minute = Clock::Bar { period_ns: MINUTE_NS };
    let two = Clock::Bar { period_ns: 2 * MINUTE_NS };
    let five = Clock::Bar { period_ns: 5 * MINUTE_NS };
    let seven = Clock::Bar { period_ns: 7 * NS_PER_S };
    let stochastic = FeatureKind::Stochastic {
        period: 9,
        slowing: 3,
        signal: 3,
        price: PriceField::LowHigh,
        convention: Convention::Terminal,
        output: StochasticOutput::D,
    };
    vec![
        spec("change", FeatureKind::Change { lag: 1 }, Input::Mid, Clock::Tick),
        spec("sma", FeatureKind::Sma { period: 50 }, Input::Mid, Clock::Tick),
        spec("rsi", FeatureKind::Rsi { period: 14 }, Input::Bid, Clock::Tick),
        spec("minutes", FeatureKind::Sma { period: 200 }, Input::Bid, minute),
        spec("range", stochastic, Input::Bid, five),
        spec("mids", FeatureKind::Sma { period: 3 }, Input::Mid, two),
        spec("sevens", FeatureKind::Maximum { period: 4 }, Input::Bid, seven),
    ]
}

pub(super) fn setup_of(specs: &[FeatureSpec], history: HistoryPlan) -> Setup {
    let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    let weights: Vec<f64> = (0..names.len()).map(|at| f64::from(u8::from(at == 0))).collect();
    let model = serde_json::json!({"format": "tickbridge-linear", "version": 1, "link": "identity",
        "features": names, "weights": weights, "intercept": 0.0});
    let mut setup = setup();
    setup.strategies[0].features = FeatureGraph::build(specs).unwrap();
    let model = Model::load(model.to_string().as_bytes(), None, &names, &LoadOptions::default());
    let identity = ModelIdentity { digest: 1, version: 1, name: FixedText::EMPTY };
    let unit = ModelUnit::new(identity, model.unwrap(), &names, Classes::default()).unwrap();
    setup.strategies[0].models = ModelSet::single(unit);
    setup.history = history;
    setup
}

pub(super) const PLAN: HistoryPlan =
    HistoryPlan { ticks_max: 100_000, bars_max: 10_000, patience_ns: 10 * NS_PER_S };

/// All ticks of a market, the engine that was told some of them, and a graph that saw every one.
pub(super) struct Teller {
    pub(super) engine: Engine,
    pub(super) out: Outputs,
    pub(super) dice: Prng,
    pub(super) now: TimeNs,
    pub(super) ticks: Vec<Tick>,
    pub(super) whole: FeatureGraph,
    pub(super) connection: u32,
    pub(super) seq: u64,
    pub(super) journal: Vec<Record>,
    pub(super) open: Vec<HistoryRequest>,
}

impl Teller {
    /// With so many minutes of a market behind it.
    pub(super) fn new(specs: &[FeatureSpec], history: HistoryPlan, minutes: i64, seed: u64) -> Self {
        println!("seed {seed}");
        let mut teller = Teller {
            engine: Engine::new(setup_of(specs, history)),
            out: Outputs::default(),
            dice: Prng::new(seed),
            now: TimeNs(START_NS),
            ticks: Vec::new(),
            whole: FeatureGraph::build(specs).unwrap(),
            connection: 0,
            seq: 0,
            journal: Vec::new(),
            open: Vec::new(),
        };
        while teller.now.0 < START_NS + minutes * MINUTE_NS {
            teller.quote();
        }
        teller.give(&Start { epoch: 1, config_digest: 0, ts_wall: 0, halted: 0, reserved: [0; 7] }, 0, 0);
        teller
    }

    /// The market moves on; the whole graph sees it. Many ticks share a millisecond.
    pub(super) fn quote(&mut self) -> Tick {
        let wait_ms = self.dice.below(4) as i64 * self.dice.below(900) as i64;
        self.now = self.now.plus_ns(wait_ms * NS_PER_MS);
        let last = self.ticks.last().map_or(100_000, |tick| tick.bid);
        let mut tick = Tick::read(&[0; 96]);
        tick.bid = last + self.dice.below(7) as i64 - 3;
        (tick.ask, tick.last, tick.ts_venue) =
            (tick.bid + 1 + self.dice.below(3) as i64, Price::NONE.0, self.now.0);
        self.ticks.push(tick);
        let prices = FeatureTick::quote(Price(tick.bid), Price(tick.ask));
        self.whole.on_tick(EURUSD, self.now, &prices);
        tick
    }

    pub(super) fn give<P: Payload>(&mut self, payload: &P, flags: u8, aux: u32) -> Vec<Record> {
        let record = Record::new(Origin::Market, self.now, VenueId(0), EURUSD, payload);
        self.take(record.with_flags(flags).with_aux(aux))
    }

    pub(super) fn take(&mut self, record: Record) -> Vec<Record> {
        self.out.clear();
        self.engine.step(&record, &mut self.out);
        self.journal.push(record);
        self.journal.extend_from_slice(self.out.records());
        let questions = self.out.records().iter().filter_map(|record| record.payload::<HistoryRequest>());
        self.open.extend(questions);
        self.out.records().to_vec()
    }

    pub(super) fn connect(&mut self) {
        (self.connection, self.seq) = (self.connection + 1, 0);
        let mut session = Session::read(&[0; 96]);
        (session.state, session.roles) = (SessionState::Up as u8, ROLE_MARKET);
        self.give(&session, 0, self.connection);
        let mut spec = Spec::read(&[0; 96]);
        (spec.tick_size, spec.point, spec.volume_step) = (0.00001, 0.00001, 0.01);
        (spec.volume_min, spec.volume_max, spec.contract_size, spec.tick_value) = (1, 10_000, 100_000.0, 1.0);
        (spec.digits, spec.trade_mode, spec.execution, spec.filling_modes) = (5, 4, 2, 3);
        self.give(&spec, 0, self.connection);
    }

    pub(super) fn hang_up(&mut self) {
        let mut session = Session::read(&[0; 96]);
        (session.state, session.roles) = (SessionState::Down as u8, ROLE_MARKET);
        self.give(&session, 0, self.connection);
    }

    /// The newest connection ends, and an older one does not.
    pub(super) fn end_one(&mut self) {
        let mut session = Session::read(&[0; 96]);
        session.state = SessionState::Down as u8;
        self.give(&session, 0, self.connection);
    }

    /// Time passes until something is asked.
    pub(super) fn wait_for_question(&mut self) {
        for _ in 0..200 {
            if !self.open.is_empty() {
                return;
            }
            self.now = self.now.plus_ns(NS_PER_S);
            self.give(&ClockTick { reserved: 0 }, 0, 0);
        }
        panic!("nothing was asked");
    }

    /// A tick that is pushed; not yet seen by the engine.
    pub(super) fn push(&mut self) -> Tick {
        self.seq += 1;
        let (connection, stream_seq) = (self.connection, self.seq);
        Tick { connection, stream_seq, ..self.quote() }
    }

    pub(super) fn live(&mut self) -> Vec<Record> {
        let tick = self.push();
        self.give(&tick, 0, 0)
    }

    /// So many are pushed and lost on the way.
    pub(super) fn lose(&mut self, count: u64) -> Gap {
        let from_seq = self.seq + 1;
        for _ in 0..count {
            self.push();
        }
        Gap { stream: 1, from_seq, to_seq: self.seq }
    }

    /// Answers one question wholly; the end is handed back.
    pub(super) fn tell(&mut self, question: &HistoryRequest) -> HistoryEnd {
        let to = if question.ts_to == 0 { i64::MAX } else { question.ts_to };
        let within = |ts: i64| (question.ts_from..=to).contains(&ts);
        let count_max = question.count_max as usize;
        let mut count = 0;
        if question.period_s == 0 {
            let found: Vec<Tick> = self.ticks.iter().filter(|tick| within(tick.ts_venue)).copied().collect();
            for tick in &found[found.len().saturating_sub(count_max)..] {
                let past = Tick { connection: 0, stream_seq: question.request, ..*tick };
                self.give(&past, FLAG_HISTORY, 0);
                count += 1;
            }
        } else {
            let found: Vec<HistoryBar> =
                self.bars(question).into_iter().filter(|bar| within(bar.ts_open)).collect();
            for bar in &found[found.len().saturating_sub(count_max)..] {
                self.give(bar, 0, 0);
                count += 1;
            }
        }
        let (connection, stream_seq) = (self.connection, self.seq);
        HistoryEnd { request: question.request, count, stream_seq, connection, error: 0 }
    }

    /// Closed bars of bids.
    pub(super) fn bars(&self, question: &HistoryRequest) -> Vec<HistoryBar> {
        let period_ns = i64::from(question.period_s) * NS_PER_S;
        let mut bars: Vec<HistoryBar> = Vec::new();
        for tick in &self.ticks {
            let ts_open = tick.ts_venue - tick.ts_venue.rem_euclid(period_ns);
            match bars.last_mut() {
                Some(bar) if bar.ts_open == ts_open => {
                    (bar.high, bar.low) = (bar.high.max(tick.bid), bar.low.min(tick.bid));
                    (bar.close, bar.tick_volume) = (tick.bid, bar.tick_volume + 1);
                }
                _ => bars.push(HistoryBar {
                    request: question.request,
                    ts_open,
                    open: tick.bid,
                    high: tick.bid,
                    low: tick.bid,
                    close: tick.bid,
                    tick_volume: 1,
                    real_volume: 0,
                    period_s: question.period_s,
                    spread_points: 0,
                }),
            }
        }
        bars.pop();
        bars
    }

    /// Answers everything that is asked, with live ticks between the answers; returns what the engine said.
    pub(super) fn tell_all(&mut self) -> Vec<Record> {
        let mut said = Vec::new();
        while let Some(question) = self.open.pop() {
            for _ in 0..self.dice.below(4) {
                self.live();
            }
            let end = self.tell(&question);
            said.extend(self.give(&end, 0, 0));
        }
        said
    }

    /// The engine's row and the whole graph's, to the bit.
    pub(super) fn assert_same(&self, when: &str) {
        let row = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        let names = self.whole.names();
        assert_eq!(row(self.engine.features(0)), row(self.whole.values()), "{when}: {names:?}");
    }

    pub(super) fn assert_same_for(&mut self, ticks: usize, when: &str) {
        for at in 0..ticks {
            self.live();
            assert!(self.engine.features_ready(0), "{when}, tick {at}");
            self.assert_same(when);
        }
    }

    pub(super) fn alerts(&self) -> Vec<u32> {
        let alerts = self.journal.iter().filter_map(|record| record.payload::<Alert>());
        alerts.map(|alert| alert.code).collect()
    }
}
