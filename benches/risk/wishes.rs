//! The wishes: what each is refused for, or that it passes, is known beforehand.
//!
//! What it is not: a second gate; a wish is made to hit one control, with room in all others.
//!
//! Invariant: no two wishes are alike, and the same seed makes the same ones.

use std::fmt;

use tickbridge::risk::{
    Approved, Conditions, Exposure, Gate, InstrumentLimits, Intent, Limits, Reason, Refusal, Room, Trading,
};
use tickbridge::runtime::prng::Prng;
use tickbridge::types::{
    INSTRUMENTS_MAX, InstrumentId, Money, NS_PER_MS, NS_PER_S, NS_PER_US, Price, Qty, Quote, Side, TimeNs,
};

/// Wishes.
pub(crate) const COUNT: usize = 16_384;
/// Virtual time between two calls.
pub(crate) const NS_BETWEEN_CALLS: i64 = NS_PER_US;
/// Time of the first call.
pub(crate) const START: TimeNs = TimeNs(1_700_000_000 * NS_PER_S);

/// Refusals that the gate itself can give, with the gate they are met at.
const REFUSALS: [(Reason, usize); 20] = [
    (Reason::TradingReducing, REDUCING),
    (Reason::TradingHalted, HALTED),
    (Reason::LossDaily, CLOSED),
    (Reason::RateOrders, EMPTY),
    (Reason::ExecutionsRepeated, OPEN),
    (Reason::PriceJump, OPEN),
    (Reason::SizeValue, OPEN),
    (Reason::InstrumentUnknown, OPEN),
    (Reason::InstrumentMode, OPEN),
    (Reason::OrderUnknown, OPEN),
    (Reason::SizeMinimum, OPEN),
    (Reason::SizeOrder, OPEN),
    (Reason::SizePosition, OPEN),
    (Reason::ExposureGross, OPEN),
    (Reason::CountOpenOrders, OPEN),
    (Reason::QuoteMissing, OPEN),
    (Reason::QuoteCrossed, OPEN),
    (Reason::QuoteStale, OPEN),
    (Reason::PriceDistance, OPEN),
    (Reason::ReduceTooLarge, OPEN),
];
/// Kinds of verdicts: each refusal, openings and reductions that pass.
pub(crate) const KINDS: usize = REFUSALS.len() + 2;

/// Gates by what is the matter with them.
const OPEN: usize = 0;
const REDUCING: usize = 1;
const HALTED: usize = 2;
const CLOSED: usize = 3;
const EMPTY: usize = 4;

/// Instruments with something the matter; the others have room on both sides.
const NARROW: usize = INSTRUMENTS_MAX - 64;
const JUMPED: usize = INSTRUMENTS_MAX - 56;
const CHEAP: usize = INSTRUMENTS_MAX - 48;
const DISABLED: usize = INSTRUMENTS_MAX - 40;
const MODE_OFF: usize = INSTRUMENTS_MAX - 32;
const IN_DOUBT: usize = INSTRUMENTS_MAX - 24;
const FULL: usize = INSTRUMENTS_MAX - 16;
const NO_RULES: usize = INSTRUMENTS_MAX - 8;

/// What a wish is made for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    All,
    Opens,
    Reduces,
    Refused(Reason),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::All => write!(f, "all"),
            Kind::Opens => write!(f, "an opening passes"),
            Kind::Reduces => write!(f, "a reduction passes"),
            Kind::Refused(reason) => write!(f, "{}", reason.name()),
        }
    }
}

/// One wish, and what is known of its verdict.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Wish {
    pub(crate) gate: usize,
    pub(crate) intent: Intent,
    pub(crate) open_orders: usize,
    bid: Price,
    ask: Price,
    age_ns: i64,
    kind: Kind,
}

impl Wish {
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn quote(&self, now: TimeNs) -> Quote {
        let ts = now.plus_ns(-self.age_ns);
        Quote { bid: self.bid, ask: self.ask, last: Price::NONE, ts_venue: ts, ts_recv: ts }
    }

    /// # Panics
    /// When the verdict is another one.
    pub(crate) fn expect(&self, verdict: &Result<Approved, Refusal>) {
        let got = match verdict {
            Ok(approved) if approved.intent().reduces => Kind::Reduces,
            Ok(_) => Kind::Opens,
            Err(refusal) => Kind::Refused(refusal.reason),
        };
        assert_eq!(got, self.kind, "{self:?}: {verdict:?}");
    }
}

fn limits() -> Limits {
    Limits {
        order_lots_max: 10.0,
        position_lots_max: 100.0,
        open_orders_max: 64,
        price_distance_max_points: 100,
        // More than one wish takes between two calls.
        orders_per_s_max: 10_000_000,
        orders_burst_max: 1_000,
        stale_after_ns: NS_PER_S,
        daily_loss_max: Money(1_000_000_000),
        day_starts_at_s: 0,
        rejects_in_row_max: 5,
        trailing_loss_max: Money(1_000_000_000_000),
        losses_in_row_max: 10_000,
        executions_max: 1_000,
        executions_window_ns: 1,
        order_value_max: Money(1_000_000_000_000_000),
        jump_max_points: 10_000_000,
        jump_window_ns: NS_PER_S,
        margin_level_min_percent: 1,
        account_age_max_ns: 24 * 3_600 * NS_PER_S,
        unknown_after_ns: NS_PER_S,
        page_after_ns: 10 * NS_PER_S,
        allow_live: false,
    }
}

fn side_of(instrument: usize) -> Side {
    Side::BOTH[instrument % 2]
}

/// Lots in steps: each instrument's own.
fn instrument_limits(instrument: usize) -> InstrumentLimits {
    InstrumentLimits {
        order_min: Qty(10),
        order_max: Qty(1_000 + instrument as i64),
        position_max: Qty(10_000 + instrument as i64),
        price_distance_max: 100 + instrument as i64 % 7,
        stop_distance_max: i64::MAX,
        value_max: if (CHEAP..DISABLED).contains(&instrument) { 900_000 } else { 200_000_000 },
        jump_max: 20,
    }
}

/// Every gate with all its envelopes.
pub(crate) fn gates() -> Vec<Gate> {
    let mut gate = Gate::new(limits());
    gate.set_conditions(Conditions { closed: None });
    for instrument in 0..NO_RULES {
        let (side, own) = (side_of(instrument), instrument_limits(instrument));
        let mut exposure = Exposure { position: side.sign() * -2_000, ..Exposure::default() };
        exposure.reserved[side.index()] = 500;
        exposure.reducing[side.index()] = 500;
        let mut modes = [true; 2];
        match instrument {
            FULL.. => exposure.position = side.sign() * (own.position_max.0 - 505),
            IN_DOUBT.. => exposure.unknown[side.index()] = 1,
            DISABLED.. if instrument < MODE_OFF => {
                exposure.barred = Some(Refusal { reason: Reason::ExecutionsRepeated, limit: 9, got: 9 });
            }
            MODE_OFF.. => modes[side.index()] = false,
            _ => {}
        }
        gate.prepare(InstrumentId(instrument as u16), own, modes, exposure);
        if (NARROW..JUMPED).contains(&instrument) {
            let room = Room { steps: 9, reason: Reason::ExposureGross, ..Room::OPEN };
            gate.set_room(InstrumentId(instrument as u16), [room; 2]);
        }
        let moved = if (JUMPED..CHEAP).contains(&instrument) { 30 } else { 10 };
        for bid in [100_000, 100_000 + moved] {
            let (bid, ask) = (Price(bid), Price(bid + 1));
            let quote = Quote { bid, ask, last: Price::NONE, ts_venue: START, ts_recv: START };
            gate.on_quote(InstrumentId(instrument as u16), &quote);
        }
    }
    let mut gates = vec![gate; 5];
    gates[REDUCING].set_trading(Trading::Reducing);
    gates[HALTED].set_trading(Trading::Halted);
    let refusal = Refusal { reason: Reason::LossDaily, limit: 1_000_000_000, got: 1_000_000_001 };
    gates[CLOSED].set_conditions(Conditions { closed: Some(refusal) });
    gates[EMPTY] = empty(&gates[OPEN]);
    gates
}

/// A gate without tokens for as long as the bench can run: an hour from now on, each was taken.
fn empty(open: &Gate) -> Gate {
    let mut gate = open.clone();
    let wish = make(0, Kind::Opens, OPEN, &mut Prng::new(1));
    let later = START.plus_ns(3_600 * NS_PER_S);
    while gate.check(wish.intent, &wish.quote(later), 0, later).is_ok() {}
    gate
}

/// A third opens, some reduce, the rest is refused by each control alike.
pub(crate) fn wishes() -> Vec<Wish> {
    let mut dice = Prng::new(4_711);
    let one = |at: usize| match at % 30 {
        turn @ 0..20 => {
            let (reason, gate) = REFUSALS[turn];
            make(at / 30, Kind::Refused(reason), gate, &mut dice)
        }
        20 => make(at / 30, Kind::Reduces, OPEN, &mut dice),
        _ => make(at, Kind::Opens, OPEN, &mut dice),
    };
    (0..COUNT).map(one).collect()
}

/// The `nth` wish of a kind.
fn make(nth: usize, kind: Kind, gate: usize, dice: &mut Prng) -> Wish {
    let within = |range: std::ops::Range<usize>| range.start + nth % range.len();
    let instrument = match kind {
        Kind::Refused(Reason::InstrumentUnknown) => within(NO_RULES..INSTRUMENTS_MAX),
        Kind::Refused(Reason::SizePosition) => within(FULL..NO_RULES),
        Kind::Refused(Reason::OrderUnknown) => within(IN_DOUBT..FULL),
        Kind::Refused(Reason::InstrumentMode) => within(MODE_OFF..IN_DOUBT),
        Kind::Refused(Reason::ExecutionsRepeated) => within(DISABLED..MODE_OFF),
        Kind::Refused(Reason::SizeValue) => within(CHEAP..DISABLED),
        Kind::Refused(Reason::PriceJump) => within(JUMPED..CHEAP),
        Kind::Refused(Reason::ExposureGross) => within(NARROW..JUMPED),
        _ => within(0..NARROW),
    };
    let own = instrument_limits(instrument);
    let mut draw = |most: i64| dice.below(most as u64) as i64;
    let bid = 100_000 + draw(20_000);
    let (ask, distance) = (bid + 1 + draw(9), draw(90));
    let side = side_of(instrument);
    let price = if side == Side::Buy { ask - distance } else { bid + distance };
    let intent = Intent {
        instrument: InstrumentId(instrument as u16),
        side,
        qty: Qty(10 + draw(900)),
        price: Price(price),
        reduces: false,
    };
    let (bid, ask, age_ns) = (Price(bid), Price(ask), draw(900 * NS_PER_MS));
    let mut wish = Wish { gate, intent, open_orders: draw(60) as usize, bid, ask, age_ns, kind };
    match kind {
        Kind::Reduces => (wish.intent.reduces, wish.intent.qty) = (true, Qty(10 + draw(1_400))),
        Kind::Refused(Reason::ReduceTooLarge) => {
            (wish.intent.reduces, wish.intent.qty) = (true, Qty(1_501 + draw(500)));
        }
        Kind::Refused(Reason::SizeMinimum) => wish.intent.qty = Qty(draw(10)),
        Kind::Refused(Reason::SizeOrder) => wish.intent.qty = Qty(own.order_max.0 + 1 + draw(500)),
        Kind::Refused(Reason::CountOpenOrders) => wish.open_orders = 64 + draw(64) as usize,
        Kind::Refused(Reason::QuoteMissing) => wish.ask = Price::NONE,
        Kind::Refused(Reason::QuoteCrossed) => wish.ask = Price(wish.bid.0 - 1 - draw(50)),
        Kind::Refused(Reason::QuoteStale) => wish.age_ns = NS_PER_S + 1 + draw(NS_PER_S),
        Kind::Refused(Reason::PriceDistance) => {
            wish.intent.price = wish.intent.price.plus(side.sign() * (distance + own.price_distance_max + 1));
        }
        _ => {}
    }
    wish
}
