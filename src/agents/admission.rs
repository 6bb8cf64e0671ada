//! Who may connect: the configured accounts, and what a hello must show.
//!
//! What it is not: a connection; `endpoint` has those, and asks here once for each hello.
//!
//! Invariant: an account that is not configured, or that differs in anything that was configured, is refused with the reason.

use crate::types::{FixedText, InstrumentId, MarginMode};
use crate::wire::terminal::{RejectReason, body};

/// `account_mode` of a real-money account.
const REAL: u8 = 2;

/// A venue whose terminals may connect.
#[derive(Clone, Debug)]
pub struct AdmittedVenue {
    /// Account number that it must show.
    pub login: u64,
    /// Trade server that it must show.
    pub server: FixedText<64>,
    /// Margin mode that it must show; `None` accepts any.
    pub margin_mode: Option<MarginMode>,
    /// Currency that it must show; empty accepts any.
    pub currency: FixedText<8>,
    /// Symbols to subscribe to.
    pub symbols: Vec<(FixedText<32>, InstrumentId)>,
}

/// Who may connect, and what they are told.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Index is the `VenueId`.
    pub venues: Vec<AdmittedVenue>,
    /// A real-money account may connect.
    pub allow_live: bool,
    /// This start of the appliance.
    pub epoch: u64,
    /// Name of the appliance.
    pub name: FixedText<32>,
    /// Heartbeats are this far apart.
    pub heartbeat_ms: u32,
    /// A terminal that says nothing for so long is gone.
    pub silent_after_ms: u32,
}

impl Admission {
    /// Index of the venue whose terminal this is, or why it may not connect where `roles` are served.
    #[cold]
    pub(super) fn judge(&self, hello: &body::Hello, roles: u8) -> Result<usize, (RejectReason, &'static str)> {
        let account = |venue: &AdmittedVenue| venue.login == hello.login && *venue.server.bytes() == hello.server;
        let Some(venue_index) = self.venues.iter().position(account) else {
            return Err((RejectReason::Account, "expected the configured login and server"));
        };
        let venue = &self.venues[venue_index];
        if venue.margin_mode.is_some_and(|mode| mode.code() != hello.margin_mode) {
            return Err((RejectReason::MarginMode, "expected the configured margin mode"));
        }
        if venue.currency != FixedText::EMPTY && *venue.currency.bytes() != hello.currency {
            return Err((RejectReason::Currency, "expected the configured currency"));
        }
        if hello.account_mode == REAL && !self.allow_live {
            return Err((RejectReason::RealMoney, "real-money account: appliance.allow_live is false"));
        }
        if hello.roles == 0 || hello.roles & !roles != 0 {
            return Err((RejectReason::Role, "role is not served at this address"));
        }
        if hello.epoch_seen > self.epoch {
            return Err((RejectReason::Epoch, "terminal has executed for a later epoch"));
        }
        Ok(venue_index)
    }
}
