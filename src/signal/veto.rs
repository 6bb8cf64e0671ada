//! Why a wish to enter was held back: the catalogue of reasons.
//!
//! What it is not: a refusal of the gate; those are `risk::Reason`, and come later.
//!
//! Invariant: codes are never used anew; a wish that was held back is counted under exactly one reason, the first that applied.

macro_rules! vetoes {
    ($($(#[$doc:meta])* $veto:ident = $code:literal, $name:literal;)+) => {
        /// See the module.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum Veto { $($(#[$doc])* $veto = $code),+ }

        impl Veto {
            /// Every veto, in the order of the counters.
            pub const ALL: &'static [Veto] = &[$(Veto::$veto),+];

            /// `CATEGORY_CONDITION`.
            pub fn name(self) -> &'static str {
                match self { $(Veto::$veto => $name),+ }
            }
        }
    };
}
vetoes! {
    /// The score is not a number.
    ScoreMissing = 0, "SCORE_MISSING";
    /// The last entry is too recent.
    Cooldown = 1, "SIGNAL_COOLDOWN";
    /// The spread is too wide.
    Spread = 2, "SIGNAL_SPREAD";
    /// A side of the quote is missing.
    QuoteMissing = 3, "SIGNAL_QUOTE_MISSING";
    /// The quote is too old.
    QuoteAge = 4, "SIGNAL_QUOTE_AGE";
    /// The position is on that side already.
    Held = 5, "SIGNAL_HELD";
    /// The expected move does not pay for spread, commission and margin.
    Edge = 6, "SIGNAL_EDGE";
    /// The regime's feature is outside its band, or not a number.
    Regime = 7, "SIGNAL_REGIME";
    /// The server's time is in no session, or not known.
    Session = 8, "SIGNAL_SESSION";
    /// Too few models lean to that side.
    Agreement = 9, "SIGNAL_AGREEMENT";
    /// An instrument that a feature reads has no quote that is new enough.
    FeatureAge = 10, "SIGNAL_FEATURE_AGE";
    /// The score is at an end of its range: the model does not say how sure it is any more.
    ScoreSaturated = 11, "SCORE_SATURATED";
    /// A feature lies outside of what its model was trained on, or what that was is not known.
    FeatureRange = 12, "SIGNAL_FEATURE_RANGE";
}

/// How many reasons there are.
pub const VETO_COUNT: usize = Veto::ALL.len();

/// How often each reason held a wish back.
pub type VetoCounts = [u64; VETO_COUNT];
