//! The signals that end a program as asked: SIGTERM and SIGINT.
//!
//! What it is not: what is done then; whoever waits decides.
//!
//! Invariant: from [`Signals::of`] on, a signal ends nothing by itself, however early it comes: it is remembered until it is
//! waited for. So it is called before anything is started that needs an orderly end.

use std::io;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// See the module.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes both over, on a runtime.
    pub(super) fn of(runtime: &Runtime) -> io::Result<Signals> {
        let _within = runtime.enter();
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one of them.
    pub(super) async fn came(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => (),
            _ = self.interrupt.recv() => (),
        }
    }
}
