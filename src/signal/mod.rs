//! Signals: what a score asks for, or why it asks for nothing.
//!
//! What it is not: a risk check or an order. It knows the sign of a position, never its size, its price or an order.
//!
//! Invariant: a decision depends on its arguments and on the time of the last signal, nothing else; a score that is not a
//! number never trades; each veto is counted by its reason.

use crate::types::{Side, TimeNs};

/// Thresholds and pauses of one strategy on one instrument.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rule {
    /// Go long at a score above this.
    pub enter_long_above: f32,
    /// Go short at a score below this; not above `enter_long_above`.
    pub enter_short_below: f32,
    /// Leave a long position at a score below this.
    pub exit_long_below: f32,
    /// Leave a short position at a score above this.
    pub exit_short_above: f32,
    /// Pause after a signal before the next entry; exits do not wait. At least 0.
    pub cooldown_ns: i64,
    /// Widest spread to enter at; exits pass. At least 0.
    pub spread_ticks_max: i64,
    /// Oldest quote to act on, entries and exits. Above 0.
    pub quote_age_ns_max: i64,
}

/// Why a rule is refused.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[error("signal {field}: expected {expected}, got {got}")]
pub struct RuleError {
    /// Which field.
    pub field: &'static str,
    /// What would be accepted.
    pub expected: &'static str,
    /// What came.
    pub got: f64,
}

/// What a quote says that a rule looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuoteFacts {
    /// Ask minus bid.
    pub spread_ticks: i64,
    /// When it was received, on the clock of `now`.
    pub ts_recv: TimeNs,
}

/// Which way the position points.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holding {
    /// Nothing.
    Flat,
    /// A position of this side.
    Open(Side),
}

/// What is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// Open a position of this side.
    Enter(Side),
    /// Close the position.
    Exit,
    /// Nothing, and why.
    None(Veto),
}

/// Why nothing is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Veto {
    /// The score is NaN.
    NotANumber = 0,
    /// The quote is too old, or from the future.
    StaleQuote = 1,
    /// The score is between the thresholds.
    Undecided = 2,
    /// The position already is what the score wants.
    AlreadyHeld = 3,
    /// The last signal is too near.
    Cooldown = 4,
    /// The spread is too wide.
    WideSpread = 5,
    /// The quote is crossed.
    Crossed = 6,
}

impl Veto {
    /// Every reason, in the order of the counters.
    pub const ALL: [Veto; 7] = [
        Veto::NotANumber,
        Veto::StaleQuote,
        Veto::Undecided,
        Veto::AlreadyHeld,
        Veto::Cooldown,
        Veto::WideSpread,
        Veto::Crossed,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Veto::NotANumber => "not_a_number",
            Veto::StaleQuote => "stale_quote",
            Veto::Undecided => "undecided",
            Veto::AlreadyHeld => "already_held",
            Veto::Cooldown => "cooldown",
            Veto::WideSpread => "wide_spread",
            Veto::Crossed => "crossed",
        }
    }
}

impl Rule {
    /// Checks ranges; the first fault is returned.
    pub fn validate(&self) -> Result<(), RuleError> {
        let refuse = |field, expected, got| Err(RuleError { field, expected, got });
        for (field, value) in [
            ("enter_long_above", self.enter_long_above),
            ("enter_short_below", self.enter_short_below),
            ("exit_long_below", self.exit_long_below),
            ("exit_short_above", self.exit_short_above),
        ] {
            if !value.is_finite() {
                return refuse(field, "a finite number", f64::from(value));
            }
        }
        if self.enter_short_below > self.enter_long_above {
            return refuse(
                "enter_short_below",
                "at most enter_long_above",
                f64::from(self.enter_short_below),
            );
        }
        if self.exit_long_below > self.enter_long_above {
            return refuse("exit_long_below", "at most enter_long_above", f64::from(self.exit_long_below));
        }
        if self.exit_short_above < self.enter_short_below {
            return refuse(
                "exit_short_above",
                "at least enter_short_below",
                f64::from(self.exit_short_above),
            );
        }
        if self.cooldown_ns < 0 {
            return refuse("cooldown_ns", "at least 0", self.cooldown_ns as f64);
        }
        if self.spread_ticks_max < 0 {
            return refuse("spread_ticks_max", "at least 0", self.spread_ticks_max as f64);
        }
        if self.quote_age_ns_max <= 0 {
            return refuse("quote_age_ns_max", "above 0", self.quote_age_ns_max as f64);
        }
        Ok(())
    }
}

/// A rule with its memory: the last signal's time and the counters.
#[derive(Clone, Debug)]
pub struct Decider {
    rule: Rule,
    ts_signal: Option<TimeNs>,
    veto_counts: [u64; Veto::ALL.len()],
}

impl Decider {
    /// Checks the rule.
    pub fn new(rule: Rule) -> Result<Self, RuleError> {
        rule.validate()?;
        Ok(Decider { rule, ts_signal: None, veto_counts: [0; Veto::ALL.len()] })
    }

    /// What a score asks for now. An entry or exit starts the cooldown whether or not `risk` lets it pass.
    pub fn decide(&mut self, score: f32, quote: QuoteFacts, holding: Holding, now: TimeNs) -> Signal {
        let signal = self.judge(score, quote, holding, now);
        match signal {
            Signal::None(veto) => self.veto_counts[veto as usize] += 1,
            Signal::Enter(_) | Signal::Exit => self.ts_signal = Some(now),
        }
        signal
    }

    fn judge(&self, score: f32, quote: QuoteFacts, holding: Holding, now: TimeNs) -> Signal {
        let rule = &self.rule;
        if score.is_nan() {
            return Signal::None(Veto::NotANumber);
        }
        if !(0..=rule.quote_age_ns_max).contains(&now.since(quote.ts_recv)) {
            return Signal::None(Veto::StaleQuote);
        }
        let exit = match holding {
            Holding::Open(Side::Buy) => score < rule.exit_long_below,
            Holding::Open(Side::Sell) => score > rule.exit_short_above,
            Holding::Flat => false,
        };
        if exit {
            return Signal::Exit;
        }
        let side = if score > rule.enter_long_above {
            Side::Buy
        } else if score < rule.enter_short_below {
            Side::Sell
        } else {
            return Signal::None(Veto::Undecided);
        };
        if holding != Holding::Flat {
            return Signal::None(Veto::AlreadyHeld);
        }
        if self.ts_signal.is_some_and(|last| now.since(last) < rule.cooldown_ns) {
            return Signal::None(Veto::Cooldown);
        }
        match quote.spread_ticks {
            spread if spread < 0 => Signal::None(Veto::Crossed),
            spread if spread > rule.spread_ticks_max => Signal::None(Veto::WideSpread),
            _ => Signal::Enter(side),
        }
    }

    /// The rule.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// How often this reason held a signal back.
    pub fn veto_count(&self, veto: Veto) -> u64 {
        self.veto_counts[veto as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule {
        enter_long_above: 0.55,
        enter_short_below: 0.45,
        exit_long_below: 0.5,
        exit_short_above: 0.5,
        cooldown_ns: 1_000,
        spread_ticks_max: 20,
        quote_age_ns_max: 100,
    };

    fn decide(decider: &mut Decider, score: f32, spread_ticks: i64, holding: Holding, now: i64) -> Signal {
        decider.decide(score, QuoteFacts { spread_ticks, ts_recv: TimeNs(now - 10) }, holding, TimeNs(now))
    }

    #[test]
    fn thresholds_enter_and_exit_and_the_cooldown_holds_entries_only() {
        let mut d = Decider::new(RULE).unwrap();
        assert_eq!(decide(&mut d, 0.55, 10, Holding::Flat, 5_000), Signal::None(Veto::Undecided));
        assert_eq!(decide(&mut d, 0.56, 10, Holding::Flat, 5_000), Signal::Enter(Side::Buy));
        let long = Holding::Open(Side::Buy);
        assert_eq!(decide(&mut d, 0.9, 10, long, 5_001), Signal::None(Veto::AlreadyHeld));
        assert_eq!(decide(&mut d, 0.49, 99, long, 5_002), Signal::Exit, "exits pass spread and cooldown");
        assert_eq!(decide(&mut d, 0.1, 10, Holding::Flat, 6_001), Signal::None(Veto::Cooldown));
        assert_eq!(decide(&mut d, 0.1, 10, Holding::Flat, 6_002), Signal::Enter(Side::Sell));
        assert_eq!(decide(&mut d, 0.51, 10, Holding::Open(Side::Sell), 6_003), Signal::Exit);
        assert_eq!(d.veto_count(Veto::Cooldown), 1);
    }

    #[test]
    fn bad_input_never_trades() {
        let mut d = Decider::new(RULE).unwrap();
        assert_eq!(decide(&mut d, f32::NAN, 1, Holding::Open(Side::Buy), 1), Signal::None(Veto::NotANumber));
        assert_eq!(decide(&mut d, 0.9, 21, Holding::Flat, 1), Signal::None(Veto::WideSpread));
        assert_eq!(decide(&mut d, 0.9, -1, Holding::Flat, 1), Signal::None(Veto::Crossed));
        for ts_recv in [899, 1_001] {
            let quote = QuoteFacts { spread_ticks: 1, ts_recv: TimeNs(ts_recv) };
            assert_eq!(d.decide(0.9, quote, Holding::Flat, TimeNs(1_000)), Signal::None(Veto::StaleQuote));
        }
        assert_eq!(Veto::ALL.map(|veto| d.veto_count(veto)), [1, 2, 0, 0, 0, 1, 1]);
    }

    #[test]
    fn rules_that_contradict_themselves_are_refused() {
        let bad = Rule { enter_short_below: 0.6, ..RULE };
        let expected = "signal enter_short_below: expected at most enter_long_above, got 0.6";
        assert!(bad.validate().unwrap_err().to_string().starts_with(expected));
        assert_eq!(
            Rule { exit_short_above: f32::NAN, ..RULE }.validate().unwrap_err().field,
            "exit_short_above"
        );
        assert_eq!(Rule { quote_age_ns_max: 0, ..RULE }.validate().unwrap_err().field, "quote_age_ns_max");
    }
}
