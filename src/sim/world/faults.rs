//! What can go wrong, how often, and whether it does so now.
//!
//! What it is not: the damage itself; whoever asks does it.
//!
//! Invariant: each fault has dice of its own, so that switching one off does not move the others; every strike has a number,
//! so that a single one can be left out when a trace is shortened.

use crate::runtime::Prng;

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, every $every:literal;)+) => {
        /// What can go wrong.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Fault { $($(#[$doc])* $variant),+ }

        impl Fault {
            /// Every fault.
            pub const ALL: &'static [Fault] = &[$(Fault::$variant),+];

            /// As it is switched on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Fault::$variant => $name),+ }
            }

            /// It strikes once in so many opportunities, unless told otherwise.
            pub fn usual_every(self) -> u32 {
                match self { $(Fault::$variant => $every),+ }
            }
        }
    };
}
faults! {
    /// A connection is lost, with everything that is on its way. Asked at every tick.
    LinkLost = "link-lost", every 700;
    /// A connection is lost in the middle of a message. Asked at every message.
    HalfWritten = "half-written", every 6000;
    /// A message, and all behind it, is late. Asked at every message.
    Delayed = "delayed", every 300;
    /// A message arrives twice. Asked at every message.
    Repeated = "repeated", every 8000;
    /// A message is overtaken by the next. Asked at every message.
    Reordered = "reordered", every 8000;
    /// The terminal stands still. Asked at every tick.
    Frozen = "frozen", every 1200;
    /// The terminal is started again. Asked at every tick.
    Restarted = "restarted", every 2500;
    /// The terminal is started again after it executed and before it answered. Asked at every command.
    RestartedBeforeAnswer = "restarted-before-answer", every 60;
    /// Trade transactions of one execution come in any order. Drawn once a seed.
    Shuffled = "shuffled", every 2;
    /// A trade transaction is superseded and never told. Asked at every transaction.
    EventLost = "event-lost", every 60;
    /// A trade transaction is told twice. Asked at every transaction.
    EventRepeated = "event-repeated", every 40;
    /// A deal could not be looked up: nobody knows whose it is, what it did and what it earned. Asked at every deal.
    Unattributed = "unattributed", every 25;
    /// A request is answered DONE with deal and order zero. Asked at every answer.
    DealZero = "deal-zero", every 10;
    /// A request is answered with a time-out and executed later. Asked at every command.
    TimeoutThenFill = "timeout-then-fill", every 25;
    /// A new price is offered instead of an execution. Asked at every command.
    Requote = "requote", every 25;
    /// The dealer refuses. Drawn once a seed, then a rate.
    Rejected = "rejected", every 3;
    /// Market orders fill in parts. Drawn once a seed, then a rate.
    Partial = "partial", every 2;
    /// A request takes long at the server. Asked at every command.
    LateFill = "late-fill", every 20;
    /// The terminal loses its trade server. Asked at every tick.
    ServerLost = "server-lost", every 2000;
    /// A symbol's properties change. Asked at every tick.
    SpecChanged = "spec-changed", every 1200;
    /// The market closes for a while. Asked at every tick.
    MarketClosed = "market-closed", every 4000;
    /// A quote is crossed, one-sided or off its grid. Asked at every tick.
    QuoteBad = "quote-bad", every 300;
    /// Hundreds of ticks at once. Asked at every tick.
    Flood = "flood", every 4000;
    /// Somebody else trades on the account. Asked at every tick.
    Foreign = "foreign", every 1000;
    /// The operator reduces, halts or kills, and re-arms later. Asked at every tick.
    Operator = "operator", every 2000;
    /// The sending lane stands still. Asked at every command.
    Stalled = "stalled", every 30;
    /// The journal's disk is full. Asked at every tick.
    DiskFull = "disk-full", every 3000;
    /// The appliance is killed at any instant. Asked at every tick.
    Killed = "killed", every 1500;
    /// The power is cut: what was not synced is lost or torn. Asked at every tick.
    PowerCut = "power-cut", every 3000;
    /// The appliance's clock steps. Asked at every tick.
    ClockStepped = "clock-stepped", every 3000;
    /// The server's clock is set to summer time or back, and told with the next account. Asked at every tick. Off unless asked
    /// for with a number: a deal that was never told and lies an hour behind the new clock is outside of the history that is
    /// asked for.
    ServerClock = "server-clock", every 0;
    /// A request that the terminal gave up on is executed when every proof of its absence is long complete. Asked at every such
    /// request. Off unless asked for with a number: until something is heard of the order, nobody can know that it is alive.
    VeryLate = "very-late", every 0;
    /// An entry is executed without the stops that it names. Asked at every entry of a seed whose positions demand a stop.
    StopDropped = "stop-dropped", every 6;
    /// A position of a hedging account is opened again by its swap: it has another ticket, and the same identifier. Asked at every
    /// tick.
    Reopened = "reopened", every 700;
}

/// Tell the dice of the youngest faults from all others.
const YOUNGEST: [u64; 3] = [0x7665_7279_206c_6174, 0x6472_6f70_2073_746f, 0x7265_6f70_656e_6564];
const _: () = assert!(Fault::VeryLate as usize + YOUNGEST.len() == COUNT);

const COUNT: usize = Fault::ALL.len();

/// How often each fault strikes: once in so many opportunities, zero for never.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FaultRates([u32; COUNT]);

impl FaultRates {
    /// Everything at its usual rate.
    pub fn usual() -> Self {
        FaultRates(std::array::from_fn(|index| Fault::ALL[index].usual_every()))
    }

    /// Nothing ever goes wrong.
    pub fn none() -> Self {
        FaultRates([0; COUNT])
    }

    /// One in so many opportunities.
    pub fn every(&self, fault: Fault) -> u32 {
        self.0[fault as usize]
    }

    /// Sets one.
    pub fn set(&mut self, fault: Fault, every: u32) {
        self.0[fault as usize] = every;
    }

    /// Reads `all`, `none`, or a list like `killed,link-lost=500,-foreign`: a list that begins with a name without a minus
    /// starts from none, any other from all.
    ///
    /// # Errors
    /// The word that is no fault or no rate.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rates = match text.split(',').next() {
            Some(first) if first.starts_with('-') || first == "all" => Self::usual(),
            _ => Self::none(),
        };
        for word in text.split(',').filter(|word| !matches!(*word, "all" | "none" | "")) {
            let (name, every) = match word.split_once('=') {
                Some((name, every)) => {
                    let every = every.parse().map_err(|_| format!("expected NAME=N, got `{word}`"))?;
                    (name, Some(every))
                }
                None => (word, None),
            };
            let (name, every) = match name.strip_prefix('-') {
                Some(name) => (name, Some(0)),
                None => (name, every),
            };
            let fault = Fault::ALL.iter().find(|fault| fault.name() == name);
            let fault = *fault.ok_or_else(|| {
                let names: Vec<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
                format!("expected one of {}, got `{name}`", names.join(" "))
            })?;
            rates.set(fault, every.unwrap_or(fault.usual_every()));
        }
        Ok(rates)
    }
}

impl std::fmt::Display for FaultRates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if *self == Self::usual() {
            return f.write_str("all");
        }
        let mut comma = "";
        for fault in Fault::ALL.iter().filter(|fault| self.every(**fault) != 0) {
            write!(f, "{comma}{}", fault.name())?;
            if self.every(*fault) != fault.usual_every() {
                write!(f, "={}", self.every(*fault))?;
            }
            comma = ",";
        }
        if comma.is_empty() { f.write_str("none") } else { Ok(()) }
    }
}

/// The dice of one episode.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Faults {
    rates: FaultRates,
    dice: Vec<Prng>,
    /// Opportunities left until the next strike.
    left: [u64; COUNT],
    skipped: Vec<u32>,
    /// Strikes so far, those left out included.
    struck: u32,
    /// What struck, in order, with its number.
    pub(in crate::sim) log: Vec<(u32, Fault)>,
    /// Nothing goes wrong any more.
    pub(super) is_over: bool,
}

impl Faults {
    pub(in crate::sim) fn new(rates: FaultRates, skipped: &[u32], dice: &mut Prng) -> Self {
        // The youngest faults have dice that take nothing from the others': a seed stays what it was before.
        let draw = dice.clone().next_u64();
        let mut dice: Vec<Prng> = (YOUNGEST.len()..COUNT).map(|_| dice.fork()).collect();
        dice.extend(YOUNGEST.iter().map(|mark| Prng::new(draw ^ mark)));
        let left = std::array::from_fn(|index| wait(rates.0[index], &mut dice[index]));
        Faults { rates, dice, left, skipped: skipped.to_vec(), struck: 0, log: Vec::new(), is_over: false }
    }

    /// Whether the fault strikes at this opportunity.
    #[inline]
    pub(in crate::sim) fn strikes(&mut self, fault: Fault) -> bool {
        let left = &mut self.left[fault as usize];
        if *left > 1 || self.is_over {
            *left = left.saturating_sub(1).max(1);
            return false;
        }
        *left = wait(self.rates.0[fault as usize], &mut self.dice[fault as usize]);
        let number = self.struck;
        self.struck += 1;
        if self.skipped.binary_search(&number).is_ok() {
            return false;
        }
        self.log.push((number, fault));
        true
    }

    /// A number for the damage, 0 to below `n`.
    pub(in crate::sim) fn below(&mut self, fault: Fault, n: u64) -> u64 {
        self.dice[fault as usize].below(n)
    }
}

fn wait(every: u32, dice: &mut Prng) -> u64 {
    if every == 0 { u64::MAX } else { 1 + (dice.exponential() * f64::from(every)) as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_survive_their_own_words() {
        for text in ["all", "none", "link-lost,killed=7"] {
            assert_eq!(FaultRates::parse(text).unwrap().to_string(), text);
        }
        let rates = FaultRates::parse("-foreign").unwrap();
        assert_eq!((rates.every(Fault::Foreign), rates.every(Fault::Killed)), (0, 1500));
        assert_eq!(FaultRates::parse(&rates.to_string()), Ok(rates));
        assert!(FaultRates::parse("earthquake").is_err() && FaultRates::parse("killed=x").is_err());
    }

    #[test]
    fn one_fault_does_not_move_another_and_a_number_can_be_left_out() {
        let strikes = |rates: &str, skipped: &[u32]| {
            let rates = FaultRates::parse(rates).unwrap();
            let mut faults = Faults::new(rates, skipped, &mut Prng::new(3));
            (0..1_000)
                .filter(|_| {
                    faults.strikes(Fault::Killed);
                    faults.strikes(Fault::Flood)
                })
                .collect::<Vec<_>>()
        };
        let alone = strikes("flood=50", &[]);
        assert_eq!(alone, strikes("flood=50,killed=20", &[]));
        assert_eq!(alone[1..], strikes("flood=50", &[0])[..]);
    }
}
