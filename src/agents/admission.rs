//! Who may connect: the identity that a terminal's hello must show.
//!
//! What it is not: security; off loopback the link's mechanism proves who somebody is, this only fences mistakes.
//!
//! Invariant: what is not configured is refused, and the first thing that does not fit is the reason.

use super::KnownUnits;
use crate::types::{FixedText, InstrumentId, MarginMode, VenueId};
use crate::wire::terminal::{DecodeError, HeaderError, RejectReason, body};

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
    /// What instruments are counted in, on every address.
    pub units: KnownUnits,
    /// This start of the appliance.
    pub epoch: u64,
    /// Name of the appliance.
    pub name: FixedText<32>,
    /// Heartbeats are this far apart.
    pub heartbeat_ms: u32,
    /// A terminal that says nothing for so long is gone.
    pub silent_after_ms: u32,
    /// A trade connection is asked for its symbols' rules again after this; zero for never.
    pub rules_every_ms: u64,
}

impl Admission {
    /// The venue of a hello that fits one, on an address that serves `roles`.
    pub(super) fn judge(
        &self,
        hello: &body::Hello,
        roles: u8,
    ) -> Result<VenueId, (RejectReason, &'static str)> {
        let is_account =
            |venue: &AdmittedVenue| venue.login == hello.login && *venue.server.bytes() == hello.server;
        let Some(index) = self.venues.iter().position(is_account) else {
            return Err((RejectReason::Account, "expected the configured login and server"));
        };
        let venue = &self.venues[index];
        if venue.margin_mode.is_some_and(|mode| mode.code() != hello.margin_mode) {
            return Err((RejectReason::MarginMode, "expected the configured margin mode"));
        }
        if venue.currency != FixedText::EMPTY && *venue.currency.bytes() != hello.currency {
            return Err((RejectReason::Currency, "expected the configured currency"));
        }
        if hello.account_mode == 2 && !self.allow_live {
            return Err((RejectReason::RealMoney, "real-money account: appliance.allow_live is false"));
        }
        if hello.roles == 0 || hello.roles & !roles != 0 {
            return Err((RejectReason::Role, "role is not served at this address"));
        }
        if hello.epoch_seen > self.epoch {
            return Err((RejectReason::Epoch, "terminal has executed for a later epoch"));
        }
        Ok(VenueId(index as u16))
    }
}

/// The reason to give a peer whose message does not parse.
pub(super) fn reason_of(error: &DecodeError) -> RejectReason {
    match error {
        DecodeError::Header(HeaderError::Protocol { .. }) => RejectReason::Protocol,
        _ => RejectReason::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Layout;

    fn admission() -> Admission {
        let venue = AdmittedVenue {
            login: 7,
            server: FixedText::new("Demo").unwrap(),
            margin_mode: Some(MarginMode::Netting),
            currency: FixedText::new("USD").unwrap(),
            symbols: Vec::new(),
        };
        Admission {
            venues: vec![venue],
            allow_live: false,
            units: KnownUnits::default(),
            epoch: 3,
            name: FixedText::EMPTY,
            heartbeat_ms: 500,
            silent_after_ms: 2_000,
            rules_every_ms: 0,
        }
    }

    #[test]
    fn each_part_of_the_identity_is_a_reason_of_its_own() {
        let mut good = body::Hello::read(&[0; 1_024]);
        (good.login, good.roles, good.epoch_seen) = (7, 2, 3);
        good.server[..4].copy_from_slice(b"Demo");
        good.currency[..3].copy_from_slice(b"USD");
        assert_eq!(admission().judge(&good, 3), Ok(VenueId(0)));
        type Change = fn(&mut body::Hello);
        let cases: [(RejectReason, Change); 7] = [
            (RejectReason::Account, |hello| hello.login = 8),
            (RejectReason::Account, |hello| hello.server[0] = b'd'),
            (RejectReason::MarginMode, |hello| hello.margin_mode = 2),
            (RejectReason::Currency, |hello| hello.currency[0] = b'E'),
            (RejectReason::RealMoney, |hello| hello.account_mode = 2),
            (RejectReason::Role, |hello| hello.roles = 4),
            (RejectReason::Epoch, |hello| hello.epoch_seen = 4),
        ];
        for (reason, change) in cases {
            let mut hello = good;
            change(&mut hello);
            assert_eq!(admission().judge(&hello, 3).unwrap_err().0, reason);
        }
        let live = Admission { allow_live: true, ..admission() };
        assert!(live.judge(&body::Hello { account_mode: 2, ..good }, 3).is_ok());
    }
}
