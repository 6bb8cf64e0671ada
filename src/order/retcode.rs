//! MT5's trade return codes and what each allows us to conclude.
//!
//! What it is not: a retry policy; it says what is known, not what to do.
//!
//! Invariant: a code that is not in the list is `Unknown`: the venue may have executed.

/// What a return code proves (`facts`: trade server return codes).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetcodeClass {
    /// The terminal handed it on; no verdict yet (10008).
    Placed,
    /// Executed, or nothing to do.
    Done,
    /// Executed in part.
    DonePartial,
    /// Not executed; may be wanted again at a fresh price.
    Fresh,
    /// Not executed; may be wanted again later.
    Wait,
    /// Not executed; the request itself is wrong.
    Fix,
    /// Not executed; not allowed.
    Never,
    /// Not executed as asked; read orders and positions before the next step.
    Reread,
    /// May have been executed.
    Unknown,
}

impl RetcodeClass {
    /// Proves that this request was not executed.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::Fresh | Self::Wait | Self::Fix | Self::Never | Self::Reread)
    }
}

/// The class of a return code of the trade server.
pub fn classify(retcode: u32) -> RetcodeClass {
    use RetcodeClass::*;
    match retcode {
        10008 => Placed,
        10009 | 10025 => Done,
        10010 => DonePartial,
        10004 | 10020 | 10021 => Fresh,
        10017 | 10018 | 10024 | 10026 | 10027 | 10028 | 10029 => Wait,
        10013..=10016 | 10022 | 10030 | 10035 | 10038 | 10045 => Fix,
        10019 | 10032 | 10033 | 10034 | 10040 | 10042 | 10043 | 10044 | 10046 => Never,
        10006 | 10007 | 10023 | 10036 | 10039 | 10041 => Reread,
        _ => Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_been_executed_is_unknown() {
        for retcode in [0, 10011, 10012, 10031, 10037, 10047, u32::MAX] {
            assert_eq!(classify(retcode), RetcodeClass::Unknown, "{retcode}");
            assert!(!classify(retcode).is_refusal());
        }
    }

    #[test]
    fn every_assigned_code_has_a_class() {
        for retcode in (10004..=10046).filter(|code| ![10005, 10011, 10012, 10031, 10037].contains(code)) {
            assert_ne!(classify(retcode), RetcodeClass::Unknown, "{retcode}");
        }
        assert!(classify(10004).is_refusal());
        assert!(
            !classify(10008).is_refusal() && !classify(10009).is_refusal() && !classify(10010).is_refusal()
        );
    }
}
