//! The signals that end a program as asked, SIGTERM and SIGINT, and the one that kills trading and not the program: SIGUSR1.
//!
//! What it is not: what is done then; whoever waits decides.
//!
//! Invariant: from [`Signals::of`] on, a signal ends nothing by itself, however early it comes: it is remembered until it is
//! waited for. So it is called before anything is started that needs an orderly end.

use std::io;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    /// The tidy end.
    End,
    /// That nothing opens any more.
    Kill,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    kill: Signal,
}

impl Signals {
    /// Takes them over, on a runtime.
    pub(super) fn of(runtime: &Runtime) -> io::Result<Signals> {
        let _within = runtime.enter();
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            kill: signal(SignalKind::user_defined1())?,
        })
    }

    /// Waits for one of them.
    pub(super) async fn came(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::End,
            _ = self.interrupt.recv() => Asked::End,
            _ = self.kill.recv() => Asked::Kill,
        }
    }
}
