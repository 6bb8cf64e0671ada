//! Refused terminals in the log: who came, and what was expected instead.
//!
//! What it is not: a defence; the endpoints refuse, and count.
//!
//! Invariant: the breaker of handshakes hears of those alone that showed a configured account. The same refusal is told once a minute
//! at most, with how often it came meanwhile; at most so many different ones are remembered, and a crowd of others is told as one.

use super::Appliance;
use crate::agents::{Endpoint, RefusedPeer};
use crate::record::IncidentKind;
use crate::runtime::ring::{Consumer, ring};
use crate::types::{NS_PER_S, TimeNs};

/// Between two lines about the same refusal.
const AGAIN_NS: i64 = 60 * NS_PER_S;
/// Different refusals remembered.
const KNOWN_MAX: usize = 64;
/// Between an endpoint and the control floor.
const WAITING_MAX: usize = 32;

#[derive(Debug)]
struct Known {
    words: String,
    told: TimeNs,
    since: u64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct RefusedDoor {
    ends: Vec<Consumer<RefusedPeer>>,
    known: Vec<Known>,
    /// A breaker counts them.
    tells: bool,
    /// Of those told: not yet passed on, by reason.
    untold: Vec<u32>,
}

impl RefusedDoor {
    /// Listens to endpoints that do not run yet.
    pub(super) fn of(endpoints: [&mut Endpoint; 2], tells: bool) -> Self {
        let listen = |endpoint: &mut Endpoint| {
            let (producer, consumer) = ring(WAITING_MAX);
            endpoint.tell_refusals(producer);
            consumer
        };
        RefusedDoor { ends: endpoints.map(listen).into(), known: Vec::new(), tells, untold: Vec::new() }
    }

    fn lines(&mut self) -> Vec<String> {
        let RefusedDoor { ends, known, tells, untold } = self;
        let mut lines = Vec::new();
        for end in ends {
            while let Some(peer) = end.pop() {
                // A stranger must not be able to close openings.
                if *tells && peer.is_of_account() && untold.len() < KNOWN_MAX {
                    untold.push(peer.reason as u32);
                }
                lines.extend(line_of(known, words_of(&peer), peer.ts));
            }
        }
        lines
    }
}

/// The line that is due for a refusal, if one is.
fn line_of(known: &mut Vec<Known>, words: String, ts: TimeNs) -> Option<String> {
    if let Some(old) = known.iter_mut().find(|old| old.words == words) {
        if ts.since(old.told) < AGAIN_NS {
            old.since += 1;
            return None;
        }
        let since = std::mem::take(&mut old.since);
        old.told = ts;
        return Some(format!("{words}; {} times since it was last said", since + 1));
    }
    if known.len() >= KNOWN_MAX {
        return line_of_crowd(known, ts);
    }
    known.push(Known { words: words.clone(), told: ts, since: 0 });
    Some(words)
}

/// Too many different ones: one line for all that are new.
fn line_of_crowd(known: &mut Vec<Known>, ts: TimeNs) -> Option<String> {
    known.retain(|old| ts.since(old.told) < AGAIN_NS);
    (known.len() < KNOWN_MAX)
        .then(|| "refused: many different peers; the counter messages_refused_count has all".into())
}

fn words_of(peer: &RefusedPeer) -> String {
    // Bytes of a stranger: only what is plain is shown.
    let plain = |byte: &u8| char::from(if (32..127).contains(byte) { *byte } else { b'?' });
    let server: String = peer.server.iter().take_while(|byte| **byte != 0).map(plain).collect();
    let who = match peer.login {
        0 => "a peer that said no hello".into(),
        login => format!("a terminal of account {login} at {server:?}"),
    };
    format!("refused {who}: {} ({:?})", peer.words, peer.reason)
}

impl Appliance {
    /// What is to be said about those that were refused since the last look.
    pub fn refused_peers(&mut self) -> Vec<String> {
        let lines = self.refused.lines();
        while let Some(reason) = self.refused.untold.last().copied() {
            if !self.tell_incident(IncidentKind::HandshakeRefused, i64::from(reason)) {
                break;
            }
            self.refused.untold.pop();
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::FixedText;
    use crate::wire::terminal::RejectReason;

    fn peer(login: u64, ts: i64) -> RefusedPeer {
        let mut server = [0; 64];
        server[..6].copy_from_slice(b"De\x1bmo\n");
        let words = FixedText::new("expected the configured login and server").unwrap();
        RefusedPeer { ts: TimeNs(ts), login, server, reason: RejectReason::Account, words }
    }

    #[test]
    fn each_is_told_with_its_reason_and_not_more_than_once_a_minute() {
        let mut known = Vec::new();
        let mut say = |login, ts_s: i64| {
            let peer = peer(login, ts_s * NS_PER_S);
            line_of(&mut known, words_of(&peer), peer.ts)
        };
        let first = say(7, 100).unwrap();
        assert_eq!(
            first,
            "refused a terminal of account 7 at \"De?mo?\": expected the configured login and server (Account)"
        );
        assert!(say(8, 100).is_some() && say(7, 130).is_none() && say(7, 159).is_none());
        assert!(say(7, 160).unwrap().ends_with("; 3 times since it was last said"));
        assert!(say(7, 161).is_none());
        assert!(say(0, 161).unwrap().contains("said no hello"));
    }

    #[test]
    fn a_crowd_is_remembered_within_bounds() {
        let mut known = Vec::new();
        let told =
            (1..1_000).filter_map(|login| line_of(&mut known, words_of(&peer(login, 1)), TimeNs(1))).count();
        assert_eq!((told, known.len()), (KNOWN_MAX, KNOWN_MAX));
        let later = TimeNs(61 * NS_PER_S);
        assert!(
            line_of(&mut known, words_of(&peer(5_000, later.0)), later).unwrap().contains("many different")
        );
        assert!(line_of(&mut known, words_of(&peer(5_001, later.0)), later).unwrap().contains("5001"));
    }
}
