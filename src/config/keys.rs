//! Every section and key of the configuration: type, unit, range, default and meaning.
//!
//! What it is not: code. `typed` gives these keys Rust fields, and a test holds the two lists equal.
//!
//! Invariant: a key that is not here does not exist; no `[risk]` key has a default, so limits are always somebody's
//! decision.

use super::schema::{Key, Kind::*, Presence::*, Section, Shape};
use crate::types::{INSTRUMENTS_MAX, VENUES_MAX};

/// What a feature can compute, in the order of `typed::FeatureKind`.
const FEATURE_KINDS: &[&str] = &[
    "value",
    "lag",
    "change",
    "return",
    "log_return",
    "momentum",
    "roc",
    "sma",
    "ema",
    "wma",
    "smma",
    "rsi",
    "macd",
    "cci",
    "stochastic",
    "bollinger",
    "donchian",
    "keltner",
    "atr",
    "adx",
    "deviation",
    "zscore",
    "minimum",
    "maximum",
    "quantile",
    "volatility",
    "vwap",
    "session_vwap",
    "obv",
    "tick_rate",
    "tick_imbalance",
    "order_flow_imbalance",
    "book_imbalance",
    "tick_gap",
    "session",
    "minute_sine",
    "minute_cosine",
    "day_of_week",
    "pair_spread",
    "pair_ratio",
    "correlation",
    "beta",
];
/// Features one model can take.
pub const FEATURES_MAX: usize = 1_024;
pub(super) const HOUR_MS: i64 = 3_600_000;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;
const PERIOD_MAX: i64 = 65_536;
const AMOUNT_MAX: f64 = 1e12;
const CORE_MAX: i64 = 1_023;
/// More models than [model]: six members, a stacking one, four shadows.
const MODELS_MAX: usize = 11;

macro_rules! keys {
    ($($name:literal $kind:expr, $unit:literal, $presence:expr, $doc:literal;)+) => {
        &[$(Key { name: $name, kind: $kind, unit: $unit, presence: $presence, doc: $doc }),+]
    };
}

pub(super) use keys;

/// Every section, in the order of the template.
pub const SECTIONS: &[Section] = &[
    Section {
        name: "appliance",
        shape: Shape::OneRequired("it names the appliance and its strategy"),
        doc: "Who this appliance is.",
        include: "",
        keys: APPLIANCE,
    },
    Section {
        name: "lanes",
        shape: Shape::One,
        include: "",
        keys: LANES,
        doc: "Which agents share a thread, and where the threads run.",
    },
    Section {
        name: "rings",
        shape: Shape::One,
        include: "",
        keys: RINGS,
        doc: "Rings between lanes. Market data coalesces per instrument when its ring is full; orders and reports never drop.",
    },
    Section {
        name: "link",
        shape: Shape::One,
        include: "",
        keys: LINK,
        doc: "The sockets terminals connect to.",
    },
    Section {
        name: "journal",
        shape: Shape::One,
        include: "",
        keys: JOURNAL,
        doc: "The record of every input and output, in order.",
    },
    Section {
        name: "venues",
        shape: Shape::Many(VENUES_MAX),
        include: "",
        keys: VENUES,
        doc: "Broker accounts. A terminal whose identity differs is refused.",
    },
    Section {
        name: "instruments",
        shape: Shape::Many(INSTRUMENTS_MAX),
        include: "instruments",
        keys: INSTRUMENTS,
        doc: "One symbol at one venue. May live in a file of its own: instruments = \"instruments.toml\" at the top.",
    },
    Section {
        name: "features",
        shape: Shape::Many(FEATURES_MAX),
        include: "",
        keys: FEATURES,
        doc: "What the model sees. Names must match the model file's feature names.",
    },
    Section {
        name: "history",
        shape: Shape::One,
        include: "",
        keys: HISTORY,
        doc: "What the terminal is asked for at the start and after a gap, so that features need not wait for live ticks.",
    },
    Section {
        name: "model",
        shape: Shape::OneRequired("nothing decides without a model"),
        include: "",
        keys: MODEL,
        doc: "What turns features into a score.",
    },
    Section {
        name: "models",
        shape: Shape::ManyOrNone(MODELS_MAX),
        include: "",
        keys: MODELS,
        doc: "More models: members of an ensemble with [model], the model that stacks them, or shadows that are watched and never trade.",
    },
    Section {
        name: "ensemble",
        shape: Shape::One,
        include: "",
        keys: ENSEMBLE,
        doc: "How [model] and the members of [[models]] become one score.",
    },
    Section {
        name: "signal",
        shape: Shape::OneRequired("nothing says what a score means"),
        include: "",
        keys: SIGNAL,
        doc: "What turns a score into an intent.",
    },
    super::exposure::SIZING_SECTION,
    super::exposure::EXPOSURE_SECTION,
    Section {
        name: "exits",
        shape: Shape::One,
        include: "",
        keys: super::exits::EXITS,
        doc: "When a position is left, in part or whole, and how its stop follows. Exits pass whatever holds entries back.",
    },
    Section {
        name: "external",
        shape: Shape::One,
        include: "",
        keys: super::exits::EXTERNAL,
        doc: "Orders and positions that others have on the account: a hand, another program.",
    },
    Section {
        name: "watch",
        shape: Shape::One,
        include: "",
        keys: WATCH,
        doc: "What is looked at after a decision left: shadows, quality of the scores, drift of the features.",
    },
    Section {
        name: "registry",
        shape: Shape::One,
        include: "",
        keys: REGISTRY,
        doc: "The folder of models that can be promoted while the appliance runs.",
    },
    Section {
        name: "operator",
        shape: Shape::One,
        include: "",
        keys: OPERATOR,
        doc: "The operator's console: a local socket in appliance.state_dir.",
    },
    Section {
        name: "risk",
        shape: Shape::OneRequired("no limits loaded means no trading"),
        include: "limits",
        keys: RISK,
        doc: "Limits. None has a default. May live in a file of its own: limits = \"limits.toml\" at the top.",
    },
    Section {
        name: "breakers",
        shape: Shape::ManyOrNone(8),
        include: "",
        keys: super::guards::BREAKERS,
        doc: "After so many failures of one thing nothing opens for a while; then one order tries. None by default.",
    },
    Section {
        name: "clock",
        shape: Shape::One,
        include: "",
        keys: super::guards::CLOCK,
        doc: "How far clocks may be apart before nothing opens. All off by default.",
    },
    Section {
        name: "alerts",
        shape: Shape::One,
        include: "",
        keys: super::guards::ALERTS,
        doc: "Where alerts and changes of trading go beside the journal.",
    },
    super::bounds::BOUNDS_SECTION,
    super::bounds::NEWS_SECTION,
    Section {
        name: "budgets",
        shape: Shape::One,
        include: "",
        keys: BUDGETS,
        doc: "Latency budgets that reports show as held or broken.",
    },
    Section { name: "report", shape: Shape::One, include: "", keys: REPORT, doc: "Histogram files." },
    Section {
        name: "status",
        shape: Shape::One,
        include: "",
        keys: STATUS,
        doc: "The line on the terminal.",
    },
];

const APPLIANCE: &[Key] = keys! {
    "name" Name, "", Default("\"tickbridge\""), "Shown in the status line, reports and metrics.";
    "strategy_id" Int(1, 4_095), "", Required("1"), "Part of every order id; two appliances on one account need two numbers.";
    "allow_live" Bool, "", Default("false"), "A real-money account is refused until this is true.";
    "state_dir" Path, "", Default("\"state\""), "Folder of the epoch, the halted latch and the kill switch.";
    "day_report" Bool, "", Default("false"), "At the end of each trading day (risk.day_starts_at) the report of controls is written to reports in state_dir.";
    "kill_hung_ms" Int(0, HOUR_MS), "ms, 0 off", Default("3000"), "While something is killed and a hot lane stands still for so long, a fresh process takes this one's place: it finds the kill, cancels and closes.";
};
const LANES: &[Key] = keys! {
    "layout" Choice(&["auto", "dedicated", "fused", "shared"]), "", Default("\"auto\""),
        "dedicated: ingest, decide, send and persist each on a core; fused: the first three on one core; shared: no pinning, parks when idle; auto: looks at the cores and says what it chose.";
    "ingest_core" Int(-1, CORE_MAX), "core number, -1 none", Default("-1"), "Where market data is read.";
    "decide_core" Int(-1, CORE_MAX), "core number, -1 none", Default("-1"), "Where the engine runs; the core of the fused lane.";
    "send_core" Int(-1, CORE_MAX), "core number, -1 none", Default("-1"), "Where orders leave and reports arrive.";
    "persist_core" Int(-1, CORE_MAX), "core number, -1 none", Default("-1"), "Where the journal is copied to disk.";
    "idle" Choice(&["spin", "yield", "backoff", "park"]), "", Default("\"backoff\""), "What a lane does when it has no work.";
    "memory_lock" Bool, "", Default("true"), "Lock and prefault memory when the host allows it (LimitMEMLOCK).";
    "messages_per_cycle_max" Int(1, 4_096), "messages", Default("64"), "Most messages one agent drains before the next agent's turn.";
};
const RINGS: &[Key] = keys! {
    "market_slots" PowerOfTwo(64, 1 << 22), "records", Default("16384"), "Ticks waiting for the engine.";
    "orders_slots" PowerOfTwo(128, 1 << 20), "records", Default("4096"), "Orders waiting to be sent.";
    "reports_slots" PowerOfTwo(1_024, 1 << 20), "records", Default("4096"), "Results and transactions waiting for the engine.";
};
const LINK: &[Key] = keys! {
    "market" LoopbackAddress, "", Default("\"127.0.0.1:5555\""), "Where the terminal's market side connects.";
    "trade" LoopbackAddress, "", Default("\"127.0.0.1:5556\""), "Where the terminal's trade side connects.";
    "connections_max" Int(1, 256), "connections", Default("32"), "Connections held at once; one more is closed at once.";
    "message_bytes_max" Int(1_024, 1 << 26), "bytes", Default("1048576"), "Longest message; a longer announcement closes the connection before memory is taken.";
    "handshake_ms" Int(10, 60_000), "ms", Default("2000"), "A peer that has not finished its handshake by then is closed.";
    "heartbeat_ms" Int(10, 60_000), "ms", Default("500"), "A ping leaves after so long without traffic.";
    "silent_after_ms" Int(20, 600_000), "ms", Default("2000"), "A peer silent for so long is dead; at least twice heartbeat_ms.";
};
const JOURNAL: &[Key] = keys! {
    "dir" Path, "", Default("\"journal\""), "Folder of the segments.";
    "memory_dir" Path, "", Default("\"/dev/shm\""), "A tmpfs folder for the shared-memory ring that survives a killed process.";
    "memory_mib" Int(8, 4_096), "MiB", Default("16"), "Size of that ring: what the disk may lag behind before trading halts.";
    "before_send" Choice(&["memory", "disk"]), "", Default("\"memory\""), "Where an order must be before its first byte leaves: memory survives a killed process, disk survives power loss.";
    "segment_mib" Int(1, 65_536), "MiB", Default("64"), "A segment file is closed at this size.";
    "sync_every_ms" Int(1, 60_000), "ms", Default("50"), "Longest time between two syncs to disk.";
    "compress" Bool, "", Default("false"), "Closed segments that a snapshot stands for are compressed (zstd); every command reads both.";
    "keep_days" Int(0, 36_500), "days", Default("0"), "Segments that ended longer ago expire, once two snapshots stand for them; 0 keeps them for ever.";
    "keep_gib" Int(0, 1_048_576), "GiB", Default("0"), "The oldest segments expire while all together are larger, once two snapshots stand for them; 0 keeps them for ever.";
};
const VENUES: &[Key] = keys! {
    "name" Name, "", Required("\"demo\""), "What instruments call it.";
    "kind" Choice(&["mt5"]), "", Default("\"mt5\""), "What stands behind it.";
    "login" Int(1, i64::MAX), "", Required("5000001"), "The account number the terminal must show.";
    "server" Text(63), "", Required("\"Tickbridge-Demo\""), "The trade server the terminal must show.";
    "margin_mode" Choice(&["any", "netting", "hedging"]), "", Default("\"any\""), "The account type the terminal must show; any takes what comes.";
    "currency" Text(15), "", Required("\"USD\""), "The account currency the terminal must show.";
};
const INSTRUMENTS: &[Key] = keys! {
    "name" Name, "", Required("\"EURUSD\""), "What features, the model and reports call it.";
    "venue" Name, "", Required("\"demo\""), "The venue's name.";
    "symbol" Name, "", Required("\"EURUSD\""), "The symbol as the venue writes it.";
    "digits" Int(0, 15), "decimal digits", Optional("5"), "Refuse the terminal when its value differs. Unset: what the terminal says.";
    "tick_size" Real(1e-12, 1e9), "price", Optional("0.00001"), "Refuse the terminal when its value differs. Unset: what the terminal says.";
    "base_currency" Text(15), "", Optional("\"EUR\""), "What is bought; needed with exposure.currency_max.";
    "profit_currency" Text(15), "", Optional("\"USD\""), "What it is paid with; needed with exposure.currency_max.";
    "order_lots_max" Real(1e-8, 1e6), "lots", Optional("0.1"), "The symbol's own largest order; at most risk.order_lots_max.";
    "position_lots_max" Real(1e-8, 1e6), "lots", Optional("0.2"), "The symbol's own largest position; at most risk.position_lots_max.";
    "order_value_max" Real(0.01, AMOUNT_MAX), "account currency", Optional("20000.0"), "The symbol's own largest order by value; at most risk.order_value_max.";
};
const FEATURES: &[Key] = keys! {
    "name" FeatureName, "", Required("\"sma_20\""), "The name the model file uses.";
    "kind" Choice(FEATURE_KINDS), "", Required("\"sma\""), "What is computed; README lists formulas, units and keys of each.";
    "instrument" Name, "", Required("\"EURUSD\""), "On which instrument.";
    "input" Choice(&["bid", "ask", "mid", "last", "microprice", "spread", "volume", "ticks"]), "", Default("\"mid\""),
        "From which number of the tick. The terminal's charts are built of bid. microprice needs sizes, which MT5's ticks do not have.";
    "clock" Choice(&["tick", "bar", "tick_bar", "volume_bar"]), "", Default("\"tick\""),
        "When it takes a sample: at each tick, or at each closed bar of a time, of a count of ticks, or of a traded volume.";
    "bar_ms" Int(1, DAY_MS), "ms", Optional("1000"), "Bar length; needed with clock = \"bar\".";
    "bar_ticks" Int(1, PERIOD_MAX), "ticks", Optional("100"), "Bar length; needed with clock = \"tick_bar\".";
    "bar_lots" Real(1e-8, 1e9), "lots", Optional("10.0"), "Bar length; needed with clock = \"volume_bar\".";
    "offset_min" Int(-1_440, 1_440), "minutes", Optional("120"), "The venue's own time minus UTC, for time bars and kinds of the time of day; 0 when unset.";
    "stale_after_ms" Int(1, DAY_MS), "ms", Optional("60000"), "No decision when the feature's last sample is older, by venue time; never when unset.";
    "of" FeatureName, "", Optional("\"sma_20\""), "lag and change: of this feature instead of an input; clock and input are that feature's.";
    "lag" Int(1, PERIOD_MAX), "samples", Optional("1"), "How far back to look.";
    "period" Int(1, PERIOD_MAX), "samples", Needed("20"), "Length of the window or average.";
    "fast" Int(1, PERIOD_MAX), "samples", Optional("12"), "Fast period of macd; below slow.";
    "slow" Int(2, PERIOD_MAX), "samples", Optional("26"), "Slow period of macd.";
    "signal" Int(1, PERIOD_MAX), "samples", Optional("9"), "Signal period of macd; %D period of stochastic.";
    "slowing" Int(1, PERIOD_MAX), "samples", Optional("3"), "Slowing of stochastic's %K.";
    "atr_period" Int(1, PERIOD_MAX), "samples", Optional("10"), "Period of keltner's average true range.";
    "seed" Choice(&["first", "average"]), "", Optional("\"first\""), "How exponential averages of ema and macd start: with the first sample as MT5 (also when unset), with an average as TA-Lib.";
    "signal_average" Choice(&["simple", "exponential"]), "", Optional("\"simple\""), "How the signal line of macd is smoothed: simple as MT5 (also when unset), exponential as most others.";
    "convention" Choice(&["mt5", "talib"]), "", Optional("\"mt5\""), "Whose atr, adx, keltner, stochastic: the terminal's (also when unset), or TA-Lib's.";
    "price" Choice(&["low_high", "close"]), "", Optional("\"low_high\""), "What stochastic takes for highest and lowest; low_high when unset.";
    "deviations" Real(0.01, 100.0), "standard deviations", Optional("2.0"), "Half width of bollinger.";
    "multiplier" Real(0.01, 100.0), "average true ranges", Optional("2.0"), "Half width of keltner.";
    "quantile" Real(0.0, 1.0), "", Optional("0.9"), "Which quantile.";
    "estimator" Choice(&["close", "parkinson"]), "", Optional("\"close\""), "What volatility is estimated from: closes (also when unset), or the range of bars.";
    "weight" Choice(&["ticks", "volume"]), "", Optional("\"ticks\""), "What weighs a sample in vwap, session_vwap and obv: its ticks as the terminal (also when unset), or its traded volume.";
    "session_from" DayTime, "", Optional("\"08:00\""), "Start of session and of session_vwap, by venue time plus offset_min.";
    "session_to" DayTime, "", Optional("\"16:30\""), "End of session; before session_from it is the next day's.";
    "with" Name, "", Optional("\"EURUSD\""), "The second instrument of pair_spread, pair_ratio, correlation, beta.";
    "with_input" Choice(&["bid", "ask", "mid", "last", "microprice", "spread"]), "", Optional("\"mid\""), "From which number of its tick; mid when unset.";
    "with_weight" Real(-1e9, 1e9), "ticks per tick", Optional("1.0"), "What the second instrument's input is multiplied with in pair_spread; 1 when unset.";
    "basis" Choice(&["change", "level"]), "", Optional("\"change\""), "Of what correlation and beta are taken: changes from sample to sample (also when unset), or the inputs themselves.";
    "output" Choice(&["main", "signal", "histogram", "middle", "upper", "lower", "percent_b", "width", "adx", "plus_di", "minus_di", "k", "d"]), "", Optional("\"main\""),
        "Which line: main, signal, histogram of macd; middle, upper, lower, percent_b, width of bollinger, donchian, keltner; adx, plus_di, minus_di of adx; k, d of stochastic.";
};
const HISTORY: &[Key] = keys! {
    "ticks_max" Int(0, 4_000_000), "ticks, 0 never ask", Default("200000"), "Most ticks in one answer. A day of bars that is open needs the day's ticks; what does not fit warms live, with an alert.";
    "bars_max" Int(1, 1_000_000), "bars", Default("20000"), "Most bars in one answer.";
    "patience_ms" Int(10, HOUR_MS), "ms", Default("60000"), "Without a word of an answer for so long the features warm live, with an alert; MT5's first history may take 45 s.";
};
/// What `[model]` and `[[models]]` have alike, with what one of them alone begins with, and has after the format.
macro_rules! model_keys {
    ({ $($first:tt)+ } { $($then:tt)* }) => {
        keys! {
            $($first)+
            "file" Path, "", Required("\"models/demo.json\""), "The model file; it must exist.";
            "format" Choice(&["xgboost_json", "xgboost_ubjson", "lightgbm", "catboost_json", "linear_json", "forest_json"]), "", Required("\"xgboost_json\""), "How it is written.";
            $($then)*
            "calibration" Path, "", Optional("\"calibration.json\""), "A file {\"kind\": \"platt\", \"slope\": a, \"offset\": b} or {\"kind\": \"isotonic\", \"from\": [..], \"to\": [..], \"steps\": false}: what its score becomes. Unset: the score itself.";
            "features" Text(65_536), "", Optional("\"sma_20, rsi_14\""), "The features it was trained on, in its order, where they are not all of [[features]].";
            "long_class" Int(0, 63), "class", Optional("2"), "Of a model with several classes: the one that means a rise. Its score is then the rise's less the fall's.";
            "short_class" Int(0, 63), "class", Optional("0"), "And the one that means a fall.";
            "takes_missing" Bool, "", Default("false"), "It was trained for missing values: ask it before every feature is ready, too.";
            "rounds" Int(1, 1_000_000), "boosting rounds", Optional("100"), "How many take part, from the first. Unset: all, whatever best_iteration the file names.";
            "weight" Real(1e-6, 1e6), "", Default("1.0"), "Its weight in ensemble.combine = \"mean\".";
        }
    };
}
const MODEL: &[Key] = model_keys! {
    {
        "name" Name, "", Default("\"model\""), "What reports and a stacking model call it.";
    }
    {
        "instrument" Name, "", Required("\"EURUSD\""), "What its score is about.";
    }
};
const MODELS: &[Key] = model_keys! {
    {
        "name" Name, "", Required("\"second\""), "What reports and a stacking model call it.";
        "role" Choice(&["member", "stack", "shadow"]), "", Required("\"shadow\""), "member: its score counts; stack: it makes one score of the members', which are its features by name, in their order; shadow: watched only.";
    }
    {}
};
const ENSEMBLE: &[Key] = keys! {
    "combine" Choice(&["mean", "vote", "stack"]), "", Default("\"mean\""), "mean: weighted; vote: 1 when votes_min members vote long, 0 when they vote short, else 0.5; stack: the model with role = \"stack\".";
    "vote_long_above" Real(-1e9, 1e9), "score", Default("0.5"), "A member votes long at this score or above.";
    "vote_short_below" Real(-1e9, 1e9), "score", Default("0.5"), "A member votes short at this score or below.";
    "votes_min" Int(1, 7), "members", Default("1"), "How many votes it takes.";
    "middle" Real(-1e9, 1e9), "score", Default("0.5"), "The score that leans to neither side: 0.5 for probabilities, 0 for forecasts and for classes.";
    "calibration" Path, "", Optional("\"calibration.json\""), "Of the whole; as in [model].";
};
const SIGNAL: &[Key] = keys! {
    "enter_long_above" Real(-1e9, 1e9), "score", Required("0.6"), "Buy when the score is above.";
    "exit_long_below" Real(-1e9, 1e9), "score", Required("0.5"), "Close a long position when the score is below; at most enter_long_above.";
    "enter_short_below" Real(-1e9, 1e9), "score", Required("0.4"), "Sell when the score is below; less than enter_long_above.";
    "exit_short_above" Real(-1e9, 1e9), "score", Required("0.5"), "Close a short position when the score is above; at least enter_short_below.";
    "volume_lots" Real(1e-8, 1e6), "lots", Required("0.1"), "Size of an entry; at most risk.order_lots_max.";
    "cooldown_ms" Int(0, DAY_MS), "ms", Default("1000"), "No new entry so soon after the last intent.";
    "spread_max_ticks" Int(1, 1_000_000), "ticks", Default("20"), "No entry while the spread is wider.";
    "quote_age_max_ms" Int(1, HOUR_MS), "ms", Default("1000"), "No entry on an older quote.";
    "stop_loss_points" Int(0, 10_000_000), "points, 0 none", Default("0"), "Protective stop that rides with an entry.";
    "take_profit_points" Int(0, 10_000_000), "points, 0 none", Default("0"), "Target that rides with an entry.";
    "decision_budget_ms" Int(1, 60_000), "ms", Default("100"), "A decision older than this is not sent.";
    "edge_ticks_per_unit" Real(0.0, 1e9), "ticks per unit of score, 0 off", Default("0.0"), "Expected move for each unit of score beyond ensemble.middle; an entry needs more than spread, commission_ticks and edge_margin_ticks together.";
    "commission_ticks" Real(0.0, 1e6), "ticks", Default("0.0"), "Commission of a round trip.";
    "edge_margin_ticks" Real(-1e6, 1e6), "ticks", Default("0.0"), "What must be left of the expected move.";
    "agreement_min" Real(0.0, 1.0), "share of members", Default("0.0"), "No entry when fewer members lean to its side.";
    "feature_age_max_ms" Int(0, HOUR_MS), "ms, 0 none", Default("0"), "No entry while an instrument that a feature reads has no newer quote.";
    "regime_feature" FeatureName, "", Optional("\"rsi_14\""), "No entry while this feature is outside regime_min to regime_max, or not ready.";
    "regime_min" Real(-1e12, 1e12), "the feature's", Default("-1000000000000.0"), "Lowest value of regime_feature.";
    "regime_max" Real(-1e12, 1e12), "the feature's", Default("1000000000000.0"), "Highest value of regime_feature.";
    "sessions" Text(127), "server time", Optional("\"07:00-17:00, 20:00-22:00\""), "Entries are made in these windows only, start included, end excluded; one may cross midnight. At most 8.";
    "session_days" Text(63), "", Default("\"mon tue wed thu fri sat sun\""), "Days in which a window may begin.";
    "entry_kind" Choice(&["market", "limit", "stop", "stop_limit"]), "", Default("\"market\""), "How an entry meets the market: at once, or resting until the price comes. A resting entry goes when its signal is gone or reversed, when trading is not active, or with entry_expires_ms.";
    "entry_offset_points" Int(0, 10_000_000), "points", Default("0"), "Distance of a resting entry from the market; at most risk.price_distance_max_points.";
    "stop_limit_offset_points" Int(0, 10_000_000), "points", Default("10"), "Distance of a stop_limit's limit from its stop.";
    "entry_expires_ms" Int(0, 30 * DAY_MS), "ms, 0 never", Default("0"), "A resting entry is gone after so long; needs a venue that takes expirations to the second.";
    "entry_follow_points" Int(0, 10_000_000), "points, 0 off", Default("0"), "A resting entry that would now rest so much elsewhere is moved there.";
    "retries_max" Int(0, 10), "orders", Default("0"), "Times that an order refused for its price is tried again: a new order, at a fresh price, within decision_budget_ms.";
};
const WATCH: &[Key] = keys! {
    "shadow_every" Int(1, 1_000_000), "decisions", Default("1"), "Shadows are asked on every n-th decision, after its order left.";
    "shadow_record_every" Int(1, 1_000_000_000), "times asked", Default("1000"), "Every n-th time that they are asked, their scores are journalled.";
    "quality_horizon_ms" Int(0, HOUR_MS), "ms, 0 off", Default("10000"), "A score is held against the mid price so much later.";
    "quality_every" Int(1, 1_000_000), "decisions", Default("10"), "Every n-th score is held.";
    "quality_window" Int(10, 10_000_000), "scores", Default("1000"), "Settled scores of one judgement.";
    "hit_rate_min" Real(0.0, 1.0), "share of scores", Default("0.0"), "A judgement with fewer hits is an alert.";
    "drift_window" Int(100, 10_000_000), "decisions", Default("10000"), "Rows of one judgement of drift; needs the training window's histograms, which a model's manifest has.";
    "drift_max" Real(0.0, 100.0), "stability index", Default("0.25"), "A feature whose population stability index is higher is an alert.";
};
const REGISTRY: &[Key] = keys! {
    "dir" Path, "", Optional("\"registry\""), "Where `tickbridge models add` puts models. Unset: there is no registry.";
};
const OPERATOR: &[Key] = keys! {
    "token_file" Path, "", Optional("\"operator.token\""), "A file that only its owner may read, with the secret that every request must show. Unset: there is no console.";
};
const RISK: &[Key] = keys! {
    "order_lots_max" Real(1e-8, 1e6), "lots", Required("0.5"), "Largest single order.";
    "position_lots_max" Real(1e-8, 1e6), "lots", Required("1.0"), "Largest position per instrument, counting everything in flight or unknown; at least order_lots_max.";
    "open_orders_max" Int(1, 10_000), "orders", Required("8"), "Most orders working, in flight or unknown.";
    "price_distance_max_points" Int(1, 10_000_000), "points", Required("100"), "Farthest an order's price may lie from the fresh quote.";
    "orders_per_s_max" Real(0.01, 1e6), "orders/s", Required("10.0"), "Refill rate of the token bucket for new orders; cancels have their own.";
    "orders_burst_max" Int(1, 100_000), "orders", Required("10"), "Size of that bucket.";
    "stale_after_ms" Int(1, HOUR_MS), "ms", Required("2000"), "No entry on an instrument whose last quote is older.";
    "daily_loss_max" Real(0.01, AMOUNT_MAX), "account currency", Required("500.0"), "Loss since day_starts_at, floating included, that halts trading.";
    "day_starts_at" DayTime, "server time", Required("\"00:00\""), "When the daily loss starts at zero again.";
    "rejects_in_row_max" Int(1, 10_000), "rejects", Required("5"), "So many rejects without an accepted order between them halt trading.";
    "trailing_loss_max" Real(0.01, AMOUNT_MAX), "account currency", Required("1000.0"), "Fall of equity from its highest since the journal began, floating included, that halts trading; re-arming after it starts it anew.";
    "losses_in_row_max" Int(1, 10_000), "deals", Required("20"), "So many closing deals in a row that lost, costs included, and only reductions pass until the operator re-arms.";
    "executions_max" Int(1, 1_000), "orders", Required("200"), "So many openings of an instrument within executions_window_ms, and it stays closed for openings until the operator re-arms.";
    "executions_window_ms" Int(1, DAY_MS), "ms", Required("3600000"), "The time in which openings are counted as one run of repeated execution.";
    "order_value_max" Real(0.01, AMOUNT_MAX), "account currency", Required("100000.0"), "Largest single order's value: volume times price, by the venue's tick value.";
    "jump_max_points" Int(1, 10_000_000), "points", Required("200"), "No entry while the mid moved more than this within jump_window_ms; a collar over time.";
    "jump_window_ms" Int(1, HOUR_MS), "ms", Required("5000"), "The time over which that move is looked at: at least so long, at most twice.";
    "margin_level_min_percent" Int(1, 1_000_000), "per cent", Required("200"), "No entry while equity is less than this part of the margin in use.";
    "account_age_max_ms" Int(100, DAY_MS), "ms", Required("10000"), "No entry when the venue's last word on balance, equity and margin is older.";
    "unknown_after_ms" Int(10, HOUR_MS), "ms", Required("3000"), "An order unanswered for so long becomes Unknown.";
    "page_after_ms" Int(10, DAY_MS), "ms", Required("30000"), "An order Unknown for so long pages the operator; at least unknown_after_ms.";
};
const BUDGETS: &[Key] = keys! {
    "decision_ms" Real(1e-6, 60_000.0), "ms at p99", Default("100.0"), "From a tick's arrival to the decision.";
    "execution_ms" Real(1e-6, 60_000.0), "ms at p99", Default("5.0"), "From the decision to the order's last byte on the wire.";
};
const REPORT: &[Key] = keys! {
    "dir" Path, "", Default("\"report\""), "Folder of the interval histogram files (*.hlog) and metrics snapshots.";
    "interval_s" Int(1, 86_400), "s", Default("10"), "Length of an interval.";
};
const STATUS: &[Key] = keys! {
    "interval_ms" Int(50, HOUR_MS), "ms", Default("1000"), "Time between two status lines.";
};

/// The section of this name.
pub fn section(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.name == name)
}
