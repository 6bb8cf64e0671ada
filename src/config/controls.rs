//! The table of controls: what guards the money, by which key, under which reason, and what proves it.
//!
//! What it is not: a control. `risk`, `signal`, `engine` and `agents` have those; `control_list` names them.
//!
//! Invariant: `config/controls.md` is this text, byte for byte; a test compares, and looks up every key, reason and test that
//! it names. A control that is not there, or not whole, says so.

use std::fmt::Write;

pub use super::control_list::CONTROLS;

/// One control.
#[derive(Clone, Copy, Debug)]
pub struct Control {
    /// Its number in the table.
    pub number: u8,
    /// What it limits.
    pub name: &'static str,
    /// Keys of the configuration, `section.key`; none where there is nothing to choose.
    pub keys: &'static [&'static str],
    /// Reasons as the journal and the report have them.
    pub codes: &'static [&'static str],
    /// Counters of the report beside those of the reasons.
    pub counters: &'static [&'static str],
    /// Tests of its own that trip it, `FILE::NAME`.
    pub tests: &'static [&'static str],
    /// What is not there yet; empty where nothing is missing.
    pub missing: &'static str,
}

/// Trips every reason there is.
pub const SUITE: &str =
    "src/engine/tests/controls/mod.rs::every_reason_refuses_what_it_says_and_cancels_and_reductions_pass";

impl Control {
    /// Every test that trips it: the suite, where it has a reason, and its own.
    pub fn proofs(&self) -> Vec<&'static str> {
        let suite = (!self.codes.is_empty()).then_some(SUITE);
        suite.into_iter().chain(self.tests.iter().copied()).collect()
    }
}
/// Nothing of it is there.
pub(super) const NONE: Control =
    Control { number: 0, name: "", keys: &[], codes: &[], counters: &[], tests: &[], missing: "all of it" };

/// Nothing of it is missing.
pub(super) const WHOLE: Control = Control { missing: "", ..NONE };

const HEAD: &str = "\
# Controls

Written by `tickbridge check --print-controls`; a test compares the two, and looks up every key, reason and test. The list follows
what regulation (RTS 6, SEC 15c3-5, UMIR 7.1), the FIA's and exchanges' practice, and users of other bridges ask for.

- **Reason**: in the journal (`Denied`, `TradingChange`, `Alert`) and in the report. `SIGNAL_*` and `SCORE_*` hold a wish back before
  the gate, `FEATURES_*` before the model.
- **Counter**: as the report's counts have it, `GROUP.REASON` or a name alone. For a reason of `trading_changes` everything is reduced
  or halted, and what is refused meanwhile is counted as that.
- **Test**: `src/engine/tests/controls` trips every reason of this table: an opening passes, the control trips, the same opening is
  refused for exactly that reason and counted, and then a cancel leaves and a reduction. The tests beside it show more.
- A reduction passes whatever refuses openings, unless its own row says otherwise; a cancel has a message budget of its own and
  passes all the rest.
- **Not there yet** is meant literally. A row without a test there is a control that does not exist.

";

/// The whole text.
pub fn controls() -> String {
    let mut text = String::from(HEAD);
    text.push_str(
        "| # | control | keys | reason | counter | test | not there yet |\n|---:|---|---|---|---|---|---|\n",
    );
    for control in CONTROLS {
        let codes = control.codes.iter().map(|code| counter_of(code));
        let counters: Vec<String> =
            codes.chain(control.counters.iter().map(|name| name.to_string())).collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            control.number,
            control.name,
            quoted(control.keys),
            quoted(control.codes),
            quoted(&counters),
            quoted(&control.proofs()),
            control.missing
        );
    }
    let whole = CONTROLS.iter().filter(|control| control.missing.is_empty()).count();
    let none = CONTROLS.iter().filter(|control| control.tests.is_empty()).count();
    let _ = writeln!(
        text,
        "\n{} controls: {whole} whole, {} in part, {none} not there yet.",
        CONTROLS.len(),
        CONTROLS.len() - whole - none
    );
    text
}

/// Reasons for which trading as a whole is reduced or halted; what is refused then is counted as that.
const CHANGES: &[&str] = &[
    "DEALS_NUMBERS_BEGAN_AGAIN",
    "LATCH_SET",
    "LOSS_DAILY_SOFT",
    "LOSS_STREAK",
    "LOSS_TRAILING",
    "LOSS_TRAILING_SOFT",
    "LOSS_WINDOW",
    "OPERATOR_KILL",
    "OPERATOR_ORDER",
    "REJECT_STREAK",
    "REJECT_WINDOW",
];

/// Where the report counts a reason.
pub fn counter_of(code: &str) -> String {
    let group = match code.split('_').next() {
        _ if CHANGES.contains(&code) => "trading_changes",
        Some("FEATURES") => "not_asked",
        Some("SIGNAL" | "SCORE") => "vetoes",
        _ => "rejects",
    };
    format!("{group}.{code}")
}

fn quoted(words: &[impl AsRef<str>]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    quoted.join(" ")
}
