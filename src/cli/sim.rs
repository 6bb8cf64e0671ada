//! `tickbridge sim terminal`: the simulated MT5 terminal as a program of its own.
//!
//! What it is not: the simulation (`sim::terminal`).
//!
//! Invariant: every fault option is off by default, and seeded.

use super::signals::Signals;
use crate::runtime::Prng;
use crate::sim::terminal::account::Account;
use crate::sim::terminal::broker::{Broker, Conduct, TransactionOrder};
use crate::sim::terminal::checks::Limits;
use crate::sim::terminal::memory::ExecutedIds;
use crate::sim::terminal::mishaps;
use crate::sim::terminal::past::{HistoryFault, PastConduct};
use crate::sim::terminal::playback::{Pace, Playback};
use crate::sim::terminal::quotes::{AtMost, FileQuotes, GeneratedQuotes, QuoteSource};
use crate::sim::terminal::session::{EndOfTicks, Ending, Identity, Session};
use crate::sim::terminal::symbol::Symbol;
use crate::sim::terminal::truth::Truth;
use crate::sim::world::FaultRates;
use crate::types::{
    Execution, FixedText, InstrumentId, InstrumentSpec, MarginMode, Money, NS_PER_S, Qty, VenueId,
};
use clap::{Args, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Names the seeded market among tick sources.
const GENERATOR: &str = "generator";
/// Hours of the seeded market that are past before its first live tick: enough for a day of bars and for 200 of ten minutes.
const HISTORY_HOURS: f64 = 48.0;

/// Simulated counterparts.
#[derive(Debug, Args)]
pub struct SimArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A simulated MT5 terminal: connects to a running appliance, pushes ticks, executes its orders on a simulated account
    Terminal(Box<TerminalArgs>),
    /// The seeded market's ticks as a tick file
    Market(super::market::MarketArgs),
}

/// How the account keeps positions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Mode {
    Netting,
    Hedging,
    Exchange,
}

/// How orders are executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Executes {
    Request,
    Instant,
    Market,
    Exchange,
}

/// What goes wrong with history requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum PastFault {
    /// Nothing
    None,
    /// They are not answered
    Silent,
    /// There is no history
    Missing,
    /// The first two find it loading
    Loading,
    /// Every answer lacks a part
    Incomplete,
}

/// `tickbridge sim terminal`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "It connects again for as long as it runs, so it may be started before the appliance.\n\n\
    Exit codes:\n   0  ended by a signal, by --seconds or by --exit-at-end\n   1  the appliance refused it: standard error says why\n   \
    2  wrong arguments, or a file that cannot be read"
)]
pub struct TerminalArgs {
    /// Where the appliance takes market data (its `market` address)
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:5555", value_parser = parse_address)]
    connect: String,
    /// Where the appliance sends commands from (its `trade` address)
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:5556", value_parser = parse_address)]
    connect_trade: String,
    /// Account number
    #[arg(long, default_value_t = 5_000_001, help_heading = "Account")]
    login: u64,
    /// Name of the trade server
    #[arg(long, default_value = "Tickbridge-Demo", help_heading = "Account")]
    server: String,
    /// How the account keeps positions
    #[arg(long, value_enum, default_value = "hedging", help_heading = "Account")]
    margin_mode: Mode,
    /// Kind of account: 0 demo, 1 contest, 2 real
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=2), help_heading = "Account")]
    account_mode: u8,
    /// Currency of the account
    #[arg(long, default_value = "USD", help_heading = "Account")]
    currency: String,
    /// Balance at the start, in the account's currency
    #[arg(long, default_value_t = 100_000.0, help_heading = "Account")]
    deposit: f64,
    /// Leverage, one to so many
    #[arg(long, default_value_t = 100, help_heading = "Account")]
    leverage: u32,
    /// Commission of one lot and deal, in the account's currency
    #[arg(long, default_value_t = 3.5, help_heading = "Account")]
    commission_per_lot: f64,
    /// Server time minus UTC, seconds
    #[arg(long, default_value_t = 0, allow_hyphen_values = true, help_heading = "Account")]
    server_offset_s: i32,
    /// Most pending orders; 0 for no limit
    #[arg(long, default_value_t = 0, help_heading = "Account")]
    orders_max: usize,
    /// Most open positions; 0 for no limit
    #[arg(long, default_value_t = 0, help_heading = "Account")]
    positions_max: usize,
    /// Commands taken before the first answer
    #[arg(long, default_value_t = 64, help_heading = "Account")]
    credit: u32,
    /// File that remembers executed order ids over restarts; without it they are forgotten at the end
    #[arg(long, value_name = "FILE", help_heading = "Account")]
    executed_ids: Option<PathBuf>,
    /// The symbol
    #[arg(long, default_value = "EURUSD", help_heading = "Symbol")]
    symbol: String,
    /// Digits of its prices; those of the ticks if not given
    #[arg(long, help_heading = "Symbol")]
    digits: Option<u8>,
    /// Value of one tick on one lot, in the account's currency
    #[arg(long, default_value_t = 1.0, help_heading = "Symbol")]
    tick_value: f64,
    /// Units in one lot
    #[arg(long, default_value_t = 100_000.0, help_heading = "Symbol")]
    contract_size: f64,
    /// How orders are executed
    #[arg(long, value_enum, default_value = "market", help_heading = "Symbol")]
    execution: Executes,
    /// Fillings allowed, as MT5's bits: 1 fill-or-kill, 2 immediate-or-cancel, 4 book-or-cancel
    #[arg(long, default_value_t = 3, help_heading = "Symbol")]
    filling_modes: u8,
    /// Least distance of stops from the price, points
    #[arg(long, default_value_t = 0, help_heading = "Symbol")]
    stops_level_points: u32,
    /// Distance within which orders are frozen, points
    #[arg(long, default_value_t = 0, help_heading = "Symbol")]
    freeze_level_points: u32,
    /// Most volume of one direction, lots; 0 for no limit
    #[arg(long, default_value_t = 0.0, help_heading = "Symbol")]
    volume_limit: f64,
    /// Tick file to play, or `generator` for a seeded market
    #[arg(long, value_name = "PATH", default_value = "generator", help_heading = "Ticks")]
    ticks: String,
    /// Seed of everything random
    #[arg(long, default_value_t = 1, help_heading = "Ticks")]
    seed: u64,
    /// So many times faster than the ticks came: 1 is real time, 60 is a minute a second; `max` does not wait at all
    #[arg(long, default_value = "1", value_parser = parse_speed, help_heading = "Ticks")]
    speed: Pace,
    /// Play the ticks evenly, so many a second, whatever their times are
    #[arg(long, value_name = "N", conflicts_with = "speed", value_parser = super::per_second, help_heading = "Ticks")]
    ticks_per_second: Option<f64>,
    /// Never wait longer than this between two ticks, milliseconds (nights and weekends in a file)
    #[arg(long, default_value_t = 5_000, help_heading = "Ticks")]
    gap_max_ms: i64,
    /// Play at most so many ticks
    #[arg(long, value_name = "N", help_heading = "Ticks")]
    ticks_max: Option<u64>,
    /// Hours of the ticks that are past before the first live one: what history requests are answered from; 48 for the
    /// seeded market, none for a file, if not given
    #[arg(long, value_name = "N", value_parser = parse_hours, help_heading = "Past")]
    history_hours: Option<f64>,
    /// What goes wrong with history requests
    #[arg(long, value_enum, default_value = "none", help_heading = "Past")]
    history_fault: PastFault,
    /// Share of live ticks that are numbered and never arrive, 0 to 1
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = super::rate, help_heading = "Past")]
    lose_ticks: f64,
    /// Shortest time from a command to its execution, milliseconds
    #[arg(long, default_value_t = 1.0, help_heading = "Behaviour")]
    latency_ms: f64,
    /// Mean of the random part on top of it, milliseconds
    #[arg(long, default_value_t = 2.0, help_heading = "Behaviour")]
    latency_jitter_ms: f64,
    /// Share of requests that the dealer refuses, 0 to 1
    #[arg(long, default_value_t = 0.0, value_parser = super::rate, help_heading = "Behaviour")]
    reject_rate: f64,
    /// Share of market orders that fill in parts, 0 to 1
    #[arg(long, default_value_t = 0.0, value_parser = super::rate, help_heading = "Behaviour")]
    partial_rate: f64,
    /// Share of market orders that get a worse price, 0 to 1
    #[arg(long, default_value_t = 0.0, value_parser = super::rate, help_heading = "Behaviour")]
    slippage_rate: f64,
    /// Share of final request events that never come, 0 to 1
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = super::rate, help_heading = "Behaviour")]
    lose_request_events: f64,
    /// Share of other trade transactions that never come, 0 to 1
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = super::rate, help_heading = "Behaviour")]
    lose_transactions: f64,
    /// Report the transactions of one execution in random order
    #[arg(long, help_heading = "Behaviour")]
    shuffle_transactions: bool,
    /// What goes wrong with the terminal itself: `all`, `none`, or a list like `frozen=300,deal-zero` or `-frozen`
    #[arg(long, value_name = "LIST", default_value = "none", allow_hyphen_values = true, value_parser = mishaps::rates, help_heading = "Behaviour")]
    faults: FaultRates,
    /// Stop after so many seconds
    #[arg(long, value_name = "N", value_parser = super::seconds, help_heading = "Ending")]
    seconds: Option<f64>,
    /// Leave when the ticks end, instead of staying connected
    #[arg(long, help_heading = "Ending")]
    exit_at_end: bool,
    /// Write what the terminal knows about itself to this file, all the time and at the end
    #[arg(long, value_name = "FILE", help_heading = "Ending")]
    json: Option<PathBuf>,
}

fn parse_address(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0) => {
            Ok(text.into())
        }
        _ => Err(format!("expected HOST:PORT, got `{text}`")),
    }
}

fn parse_speed(text: &str) -> Result<Pace, String> {
    if text == "max" {
        return Ok(Pace::Unpaced);
    }
    match text.parse::<f64>() {
        Ok(times) if times.is_finite() && times > 0.0 => Ok(Pace::Times(times)),
        _ => Err(format!("expected a number above 0, or `max`, got `{text}`")),
    }
}

fn parse_hours(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(hours) if (0.0..=24.0 * 365.0).contains(&hours) => Ok(hours),
        _ => Err(format!("expected hours from 0 to 8760, got `{text}`")),
    }
}

/// Runs it; the exit code is 0, 1 when the appliance refused or something broke, 2 for wrong arguments.
pub fn run(args: SimArgs) -> ExitCode {
    let args = match args.what {
        What::Terminal(args) => args,
        What::Market(args) => return super::market::run(&args),
    };
    let seed = args.seed;
    let session = match session(&args) {
        Ok(session) => session,
        Err(problem) => {
            eprintln!("tickbridge sim terminal: {problem}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (runtime, signals) = match runtime.and_then(|runtime| Ok((Signals::of(&runtime)?, runtime))) {
        Ok((signals, runtime)) => (runtime, signals),
        Err(error) => {
            eprintln!("tickbridge sim terminal: {error}");
            return ExitCode::FAILURE;
        }
    };
    eprintln!(
        "simulated terminal: account {} at {}, {}, seed {seed}; connecting to {} and {}",
        args.login, args.server, args.symbol, args.connect, args.connect_trade
    );
    match runtime.block_on(until_signal(session, signals)) {
        Ok(truth) => {
            print_truth(&truth);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("tickbridge sim terminal: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn until_signal(
    session: Session,
    mut signals: Signals,
) -> Result<Truth, crate::sim::terminal::session::SessionError> {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        signals.came().await;
        // The session may have ended by itself.
        let _ = stop.send(true);
        std::future::pending::<()>().await;
    });
    session.run(stopped).await
}

fn print_truth(truth: &Truth) {
    println!("ticks sent              {}", truth.ticks_sent);
    println!("ticks while alone       {}", truth.ticks_while_disconnected);
    println!("commands                {}", truth.commands);
    println!("  executed              {}", truth.executed);
    println!("  repeated              {}", truth.repeated);
    println!("  refused by terminal   {}", truth.refused);
    println!("  rejected              {}", truth.rejected);
    println!("deals                   {} ({:.2} lots)", truth.deals, truth.deals_volume.abs());
    println!("connections             {}", truth.connections);
    println!("balance, equity         {:.2}, {:.2}", truth.balance, truth.equity);
    if !truth.last_trouble.is_empty() {
        println!("last trouble            {}", truth.last_trouble);
    }
    for position in &truth.positions {
        println!(
            "position {}      {} {} {} at {:.6}",
            position.ticket, position.symbol, position.side, position.volume, position.price_open
        );
    }
}

fn spec(args: &TerminalArgs, source_digits: u8) -> Result<InstrumentSpec, String> {
    let symbol = FixedText::new(&args.symbol).map_err(|error| format!("--symbol: {error}"))?;
    let digits = args.digits.unwrap_or(source_digits);
    let point = 10f64.powi(-i32::from(digits));
    let mut spec = InstrumentSpec {
        tick_size: point,
        point,
        digits,
        tick_value: args.tick_value,
        contract_size: args.contract_size,
        execution: match args.execution {
            Executes::Request => Execution::Request,
            Executes::Instant => Execution::Instant,
            Executes::Market => Execution::Market,
            Executes::Exchange => Execution::Exchange,
        },
        filling_modes: args.filling_modes,
        stops_level_points: args.stops_level_points,
        freeze_level_points: args.freeze_level_points,
        ..InstrumentSpec::fx(InstrumentId(0), VenueId(0), symbol)
    };
    let limit: Qty = spec.qty(args.volume_limit).map_err(|error| format!("--volume-limit: {error}"))?;
    spec.volume_limit = limit;
    spec.validate().map_err(|error| error.to_string())?;
    Ok(spec)
}

fn session(args: &TerminalArgs) -> Result<Session, String> {
    let (source, digits) = source(args)?;
    let spec = spec(args, digits)?;
    let mut dice = Prng::new(args.seed);
    let mode = match args.margin_mode {
        Mode::Netting => MarginMode::Netting,
        Mode::Hedging => MarginMode::Hedging,
        Mode::Exchange => MarginMode::Exchange,
    };
    let money = |option: &str, amount: f64| {
        Money::from_f64(amount).ok_or_else(|| format!("{option}: expected an amount, got {amount}"))
    };
    let account = Account::new(
        mode,
        money("--deposit", args.deposit)?,
        args.leverage,
        money("--commission-per-lot", args.commission_per_lot)?,
    );
    let conduct = Conduct {
        latency_min_us: (args.latency_ms * 1e3) as i64,
        latency_mean_us: (args.latency_jitter_ms * 1e3) as i64,
        reject_rate: args.reject_rate,
        partial_rate: args.partial_rate,
        slippage_rate: args.slippage_rate,
        lose_request_rate: args.lose_request_events,
        lose_transaction_rate: args.lose_transactions,
        order: match args.shuffle_transactions {
            true => TransactionOrder::Shuffled,
            false => TransactionOrder::Observed,
        },
        limits: Limits { orders_max: args.orders_max, positions_max: args.positions_max },
        ..Conduct::default()
    };
    let broker = Broker::new(account, vec![Symbol::new(spec)], conduct, dice.fork());
    let memory = match &args.executed_ids {
        Some(path) => ExecutedIds::open(path).map_err(|error| format!("{}: {error}", path.display()))?,
        None => ExecutedIds::in_memory(),
    };
    let pace = args.ticks_per_second.map_or(args.speed, Pace::PerSecond);
    let playback = Playback::new(source, pace, args.gap_max_ms.saturating_mul(1_000));
    let past = PastConduct {
        span_ns: past_ns(args),
        fault: match args.history_fault {
            PastFault::None => HistoryFault::None,
            PastFault::Silent => HistoryFault::Silent,
            PastFault::Missing => HistoryFault::Missing,
            PastFault::Loading => HistoryFault::Loading(2),
            PastFault::Incomplete => HistoryFault::Incomplete,
        },
        lose_ticks: args.lose_ticks,
    };
    let session = Session::new(identity(args), ending(args), broker, memory, playback);
    Ok(session.with_past(past).with_faults(args.faults))
}

/// How much of the source is past when the first live tick comes.
fn past_ns(args: &TerminalArgs) -> i64 {
    let hours = args.history_hours.unwrap_or(if args.ticks == GENERATOR { HISTORY_HOURS } else { 0.0 });
    (hours * 3_600.0) as i64 * NS_PER_S
}

/// The quotes and the digits of their prices.
fn source(args: &TerminalArgs) -> Result<(Box<dyn QuoteSource>, u8), String> {
    let (source, digits): (Box<dyn QuoteSource>, u8) = if args.ticks == GENERATOR {
        let start = crate::runtime::Clock::system().now().plus_ns(-past_ns(args));
        let quotes = GeneratedQuotes::eurusd(args.seed, start);
        let digits = quotes.digits();
        (Box::new(quotes), digits)
    } else {
        let quotes = FileQuotes::open(Path::new(&args.ticks), args.server_offset_s)
            .map_err(|error| format!("--ticks: {error}"))?;
        let digits = quotes.digits();
        (Box::new(quotes), digits)
    };
    Ok((Box::new(AtMost::new(source, args.ticks_max, past_ns(args))), digits))
}

fn identity(args: &TerminalArgs) -> Identity {
    Identity {
        market_address: args.connect.clone(),
        trade_address: args.connect_trade.clone(),
        login: args.login,
        server: args.server.clone(),
        account_mode: args.account_mode,
        currency: args.currency.clone(),
        server_offset_s: args.server_offset_s,
        build: 5_000,
        credit: args.credit,
        seed: args.seed,
    }
}

fn ending(args: &TerminalArgs) -> Ending {
    Ending {
        after: args.seconds.map(|seconds| Duration::from_secs_f64(seconds.max(0.0))),
        at_end_of_ticks: if args.exit_at_end { EndOfTicks::Leave } else { EndOfTicks::Stay },
        json: args.json.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    #[derive(Debug, Parser)]
    struct Alone {
        #[command(flatten)]
        sim: SimArgs,
    }

    fn parse(line: &str) -> Result<TerminalArgs, clap::Error> {
        let What::Terminal(args) = Alone::try_parse_from(line.split(' '))?.sim.what else {
            panic!("expected a terminal of {line}");
        };
        Ok(*args)
    }

    #[test]
    fn the_defaults_make_a_session_and_faults_are_off() {
        Alone::command().debug_assert();
        let args = parse("sim terminal").unwrap();
        assert_eq!((args.reject_rate, args.partial_rate, args.shuffle_transactions), (0.0, 0.0, false));
        assert_eq!(args.speed, Pace::Times(1.0));
        assert!(session(&args).is_ok());
    }

    #[test]
    fn wrong_options_are_named() {
        let speed = parse("sim terminal --speed 0").unwrap_err().to_string();
        assert!(speed.contains("expected a number above 0, or `max`, got `0`"), "{speed}");
        for wrong in
            ["--connect garbage", "--connect :5555", "--ticks-per-second 0", "--seconds=-1", "--seconds nan"]
        {
            assert!(parse(&format!("sim terminal {wrong}")).is_err(), "{wrong}");
        }
        let rate = parse("sim terminal --reject-rate 1.5").unwrap_err().to_string();
        assert!(rate.contains("expected a number from 0 to 1"), "{rate}");
        let missing = session(&parse("sim terminal --ticks /nonexistent/ticks").unwrap()).err().unwrap();
        assert!(missing.contains("/nonexistent/ticks"), "{missing}");
        let limit = session(&parse("sim terminal --volume-limit 0.015").unwrap()).err().unwrap();
        assert!(limit.starts_with("--volume-limit:"), "{limit}");
    }
}
