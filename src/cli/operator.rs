//! `tickbridge operator`: a word to a running appliance.
//!
//! What it is not: a way to start or end one; the service manager does that.
//!
//! Invariant: exit code 0 means that the appliance took it; what the engine makes of it is in the journal and in `status`.

use super::check::{EXIT_CONFIG, EXIT_DATA, EXIT_IO};
use crate::config::Config;
use crate::operator::{Action, ClientError, NOT_RECORDED, Reply, Request, Token, ask, socket_path};
use std::path::PathBuf;
use std::process::ExitCode;

/// Nothing runs there, or it does not answer.
pub(super) const EXIT_NOBODY: u8 = 69;

/// Speak to a running appliance: halt, reduce, activate, kill, resolve an order in doubt, accept a position, ask for its status.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  tickbridge operator --config my.toml status\n  tickbridge operator --config my.toml halt --who anna --why \"news at 14:30\"\n  \
    tickbridge operator --config my.toml kill --scope instrument=EURUSD --flatten --who anna --reason \"wrong prices\"\n  \
    tickbridge operator --config my.toml activate --scope instrument=EURUSD --who anna --reason \"prices are right again\"\n  \
    tickbridge operator --config my.toml limit risk.daily_loss_max 300 --who anna --reason \"thin market\"\n  \
    tickbridge operator --config my.toml override SIZE_ORDER 0.5 --instrument EURUSD --who anna --reason \"agreed with the desk\"\n  \
    tickbridge operator --config my.toml resolve 123456789 --who anna --why \"broker says never executed\"\n\n\
    Exit codes:\n   0  the appliance took it\n   2  wrong arguments, or a configuration or a token that is not usable\n  65  the appliance refused it: standard error says why\n  \
    69  no appliance runs there, or it does not answer"
)]
pub struct Args {
    /// The configuration of the running appliance
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// What is wanted
    #[arg(value_enum)]
    pub action: Word,
    /// With `limit`: its name and value, as in the section risk; with `override`: the reason, and up to which value; with `resolve`:
    /// the order's id
    #[arg(value_name = "OPERAND")]
    pub operands: Vec<String>,
    /// Who says so; journalled
    #[arg(long, value_name = "NAME", required_if_eq_any([("action", "activate"), ("action", "reduce"), ("action", "halt"), ("action", "kill"), ("action", "resolve"), ("action", "limit"), ("action", "override"), ("action", "accept")]))]
    pub who: Option<String>,
    /// Why; journalled
    #[arg(long, visible_alias = "reason", value_name = "TEXT", required_if_eq_any([("action", "activate"), ("action", "reduce"), ("action", "halt"), ("action", "kill"), ("action", "resolve"), ("action", "limit"), ("action", "override"), ("action", "accept")]))]
    pub why: Option<String>,
    /// What `kill` and `activate` are about: all (unless said), venue=NAME, strategy=NUMBER or instrument=NAME. An `activate` of a part
    /// ends the kill that was thrown with this very scope, and lets instruments within it open again that were opened too often
    #[arg(long, value_name = "SCOPE")]
    pub scope: Option<String>,
    /// With `kill`: close what is held there, too
    #[arg(long)]
    pub flatten: bool,
    /// With `limit`: it may allow more than what holds, though never more than the configuration
    #[arg(long)]
    pub raise: bool,
    /// The order that `resolve` declares dead
    #[arg(long, value_name = "ID")]
    pub order: Option<u64>,
    /// The instrument, by its name in the configuration, that `override` is about, or whose position at the venue `accept` takes as
    /// the baseline
    #[arg(long, value_name = "NAME", required_if_eq_any([("action", "accept"), ("action", "override")]))]
    pub instrument: Option<String>,
    /// With `override`: how long it may be used, at most 15
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub minutes: u32,
}

/// What may be said.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word {
    /// Print how it stands, as JSON
    Status,
    /// Trade again: end every kill, halt and guard that tripped, whoever it is of; with --scope one kill, and the throttles within it
    Activate,
    /// Only reductions and cancels
    Reduce,
    /// Nothing but cancels and reductions by hand
    Halt,
    /// Stop everything that opens within the scope, even while the strategy hangs, until armed or activated by an operator
    Kill,
    /// Change a limit of the section risk: tighter at once, looser with --raise and up to the configuration
    Limit,
    /// Print every limit, as configured and as it holds, as JSON
    Limits,
    /// Let one order pass SIZE_ORDER, SIZE_VALUE, PRICE_DISTANCE or PRICE_JUMP, up to a value, within minutes; a start ends it
    Override,
    /// Declare an order in doubt not executed
    Resolve,
    /// Take the venue's position as the baseline, where it differs from ours and stays so
    Accept,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    let action = match action_of(args) {
        Ok(action) => action,
        Err(error) => {
            eprintln!("tickbridge operator: {error}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let config = match Config::load(&args.config) {
        Ok(config) => config,
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let who = args.who.clone().unwrap_or_else(|| "operator".into());
    let why = args.why.clone().unwrap_or_else(|| "status".into());
    match say(&config, action, who, why) {
        Ok(reply) => print_reply(&reply),
        Err(error) => {
            eprintln!("tickbridge operator: {error}");
            error.exit_code()
        }
    }
}

/// What is asked for.
fn action_of(args: &Args) -> Result<Action, String> {
    let operands: Vec<&str> = args.operands.iter().map(String::as_str).collect();
    let number =
        |text: &str| text.parse::<u64>().map_err(|_| format!("expected an order's id, got {text:?}"));
    if !operands.is_empty() && !matches!(args.action, Word::Limit | Word::Override | Word::Resolve) {
        return Err(format!("expected nothing behind this word, got {}", operands.join(" ")));
    }
    if let Some(scope) = args.scope.as_ref().filter(|_| !matches!(args.action, Word::Kill | Word::Activate)) {
        return Err(format!("expected --scope with kill or activate alone, got {scope}"));
    }
    let scope = || args.scope.clone().unwrap_or_else(|| "all".into());
    Ok(match args.action {
        Word::Status => Action::Status,
        Word::Activate => Action::Activate { scope: scope() },
        Word::Reduce => Action::Reduce,
        Word::Halt => Action::Halt,
        Word::Kill => Action::Kill { scope: scope(), flatten: args.flatten },
        Word::Accept => Action::Accept { instrument: args.instrument.clone().unwrap_or_default() },
        Word::Limits => Action::Limits,
        Word::Limit => match operands[..] {
            [key, value] => {
                let value = value.parse().map_err(|_| format!("expected a number, got {value:?}"))?;
                Action::Limit { key: key.into(), value, raise: args.raise }
            }
            _ => return Err("expected limit KEY VALUE".into()),
        },
        Word::Override => match operands[..] {
            [reason, bound] => Action::Override {
                instrument: args.instrument.clone().unwrap_or_default(),
                reason: reason.into(),
                bound: bound.parse().map_err(|_| format!("expected a number, got {bound:?}"))?,
                minutes: args.minutes,
            },
            _ => return Err("expected override REASON VALUE".into()),
        },
        Word::Resolve => match (&operands[..], args.order) {
            ([], Some(order_id)) => Action::Resolve { order_id },
            ([id], None) => Action::Resolve { order_id: number(id)? },
            _ => return Err("expected resolve ID".into()),
        },
    })
}

/// Why nothing was said.
#[derive(Debug, thiserror::Error)]
pub(super) enum SayError {
    /// The console is not configured.
    #[error("expected operator.token_file in the configuration, got none: the appliance has no console")]
    NoToken,
    /// The token.
    #[error("operator.token_file: {0}")]
    Token(#[from] crate::operator::TokenError),
    /// The socket.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl SayError {
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            SayError::NoToken | SayError::Token(_) => EXIT_CONFIG,
            SayError::Client(_) => EXIT_NOBODY,
        })
    }

    /// Whether nothing runs there.
    pub(super) fn is_nobody(&self) -> bool {
        matches!(self, SayError::Client(error) if error.is_nobody())
    }
}

/// Asks the appliance of this configuration.
pub(super) fn say(config: &Config, action: Action, who: String, why: String) -> Result<Reply, SayError> {
    let file = config.operator.token_file.as_deref().ok_or(SayError::NoToken)?;
    let token = Token::read(file)?.secret().to_owned();
    Ok(ask(&socket_path(&config.appliance.state_dir), &Request { token, who, why, action })?)
}

/// Prints an answer; the exit code says whether it was a refusal.
pub(super) fn print_reply(reply: &Reply) -> ExitCode {
    if !reply.ok {
        eprintln!("refused: {}", reply.error);
        return ExitCode::from(EXIT_DATA);
    }
    match reply.result.as_str() {
        Some(words) => println!("{words}"),
        None => println!("{:#}", reply.result),
    }
    if let Some(words) = reply.result[NOT_RECORDED].as_str() {
        eprintln!("in effect, but not recorded in the registry: {words}");
        return ExitCode::from(EXIT_IO);
    }
    ExitCode::SUCCESS
}
