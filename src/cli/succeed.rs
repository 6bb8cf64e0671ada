//! `tickbridge run` gives its place to a fresh `tickbridge run`: the same process number, the same configuration file, read anew, and none of its
//! threads.
//!
//! What it is not: a restart of anything that works; see `app::Appliance::hangs_while_killed`. Nor `--arm`: what was killed stays killed.
//!
//! Invariant: it does not wait for a lane. What the old process held (sockets, the folder's lock) is closed by the system as the new
//! one begins; what it had journalled is in shared memory, as after `kill -9`.

use super::run::{Args, EXIT_INVARIANT};
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

/// A program that hangs again and again is left to the service manager.
const HANGS_MAX: u32 = 5;

/// Takes the place; returns only when that did not work.
pub(super) fn succeed(args: &Args, words: &str, ran: Duration) -> ExitCode {
    eprintln!("\ntickbridge: {words}");
    if args.hangs >= HANGS_MAX {
        eprintln!("tickbridge: {HANGS_MAX} processes gave way already: it ends here");
        return ExitCode::from(EXIT_INVARIANT);
    }
    eprintln!(
        "tickbridge: a fresh process takes this one's place, and what is killed is cancelled and closed by it"
    );
    // The watchdog looks away for as long as it does otherwise.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
    // The very program that runs, whatever stands at its path by now.
    let error = Command::new("/proc/self/exe").args(arguments(args, ran)).exec();
    eprintln!("tickbridge: no fresh process: {error}");
    ExitCode::from(EXIT_INVARIANT)
}

fn arguments(args: &Args, ran: Duration) -> Vec<OsString> {
    let mut all: Vec<OsString> = vec!["run".into(), "--config".into(), args.config.clone().into()];
    if let Some(seconds) = args.seconds {
        // No less than a moment: zero would be an error.
        all.extend(["--seconds".into(), (seconds - ran.as_secs_f64()).max(0.001).to_string().into()]);
    }
    for (name, path) in [("--json", &args.json), ("--html", &args.html)] {
        all.extend(path.iter().flat_map(|path| [name.into(), path.clone().into()]));
    }
    all.extend(["--hangs".into(), (args.hangs + 1).to_string().into()]);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_passed_on_but_the_word_that_arms() {
        let args = Args {
            config: "a.toml".into(),
            arm: "anna: checked".parse().ok(),
            seconds: Some(60.0),
            json: Some("-".into()),
            html: None,
            hangs: 2,
        };
        let words: Vec<String> = arguments(&args, Duration::from_secs(15))
            .into_iter()
            .map(|word| word.into_string().unwrap())
            .collect();
        let expected = ["run", "--config", "a.toml", "--seconds", "45", "--json", "-", "--hangs", "3"];
        assert_eq!(words, expected);
        let late = arguments(&args, Duration::from_secs(90));
        assert_eq!(late[4], "0.001");
    }
}
