//! `tickbridge check`: validates a configuration and prints what it resolves to.
//!
//! What it is not: it starts nothing and connects to nothing.
//!
//! Invariant: exit code 0 means `tickbridge run` will not refuse this configuration's content.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use crate::config::{Config, Resolved, controls, template};
use crate::operator::Token;
use crate::setup::{SetupError, admission, engine_setup, read_models};

/// The configuration is invalid.
pub const EXIT_CONFIG: u8 = 2;
/// The arguments are wrong.
pub const EXIT_USAGE: u8 = 64;
/// Data that was given is damaged, or there is none.
pub const EXIT_DATA: u8 = 65;
/// A file cannot be read or written.
pub const EXIT_IO: u8 = 74;

/// The table of exit codes, for `--help`.
const EXIT_CODES: &str = "Exit codes:\n   0  the configuration is valid, and its model fits its features\n   \
                          2  wrong arguments, or something is invalid: every error is printed\n  \
                          74  the answer cannot be written";

/// Validate a configuration and print it resolved, or print every error in it.
#[derive(clap::Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub struct Args {
    /// The main configuration file; files it includes are found next to it.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["print_template", "print_controls"])]
    pub config: Option<PathBuf>,
    /// Print JSON: the configuration with its digest, or {"errors": [...]}.
    #[arg(long)]
    pub json: bool,
    /// Print a documented configuration file with every key, its unit, range and default.
    #[arg(long)]
    pub print_template: bool,
    /// Print the table of controls: what guards the money, by which key, under which reason, and which test trips it.
    #[arg(long, conflicts_with = "print_template")]
    pub print_controls: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    let (text, code) = answer(args);
    let written = match code {
        0 => io::stdout().write_all(text.as_bytes()),
        _ if args.json => io::stdout().write_all(text.as_bytes()),
        _ => io::stderr().write_all(text.as_bytes()),
    };
    ExitCode::from(if written.is_err() { EXIT_IO } else { code })
}

/// Whether model, features and limits fit each other: what `run` does before it opens anything.
fn fits(config: &Config) -> Result<(), SetupError> {
    engine_setup(config, &read_models(config)?)?;
    admission(config, 0).map(|_| ())
}

/// What `run` refuses before it opens anything.
fn usable(config: &Config) -> Result<(), String> {
    fits(config).map_err(|error| error.to_string())?;
    let token = config.operator.token_file.as_deref().map(Token::read).transpose();
    token.map(|_| ()).map_err(|error| format!("operator.token_file: {error}"))
}

/// What is printed, and the exit code.
fn answer(args: &Args) -> (String, u8) {
    if args.print_template {
        return (template(), 0);
    }
    if args.print_controls {
        return (controls(), 0);
    }
    let Some(file) = &args.config else {
        return ("expected --config FILE, got nothing\n".into(), EXIT_USAGE);
    };
    let resolved = Resolved::load(file);
    if let Ok(resolved) = &resolved
        && let Err(error) = usable(&resolved.config)
    {
        let text = match args.json {
            true => format!("{:#}\n", json!({ "errors": [{ "file": file, "message": error.to_string() }] })),
            false => format!("{}: {error}\n1 error\n", file.display()),
        };
        return (text, EXIT_CONFIG);
    }
    match (resolved, args.json) {
        (Ok(resolved), false) => (
            format!("{resolved}\ndigest {:016x}\n{} is valid\n", resolved.config.digest(), file.display()),
            0,
        ),
        (Ok(resolved), true) => {
            let digest = format!("{:016x}", resolved.config.digest());
            (format!("{:#}\n", json!({ "digest": digest, "config": resolved.config })), 0)
        }
        (Err(errors), false) => (format!("{errors}\n"), EXIT_CONFIG),
        (Err(errors), true) => (format!("{:#}\n", json!({ "errors": errors })), EXIT_CONFIG),
    }
}
