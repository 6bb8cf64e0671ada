//! The greeting: 64 bytes that each end sends at once (RFC 37, "greeting").
//!
//! What it is not: the mechanism's own handshake, which follows it.
//!
//! Invariant: a peer of another protocol is refused by its first wrong byte, without waiting for 64 of them.

use super::error::{ProtocolError, printable};
use super::mechanism::Mechanism;

/// Bytes of a greeting.
pub const GREETING_BYTES: usize = 64;

const SIGNATURE_FIRST: u8 = 0xff;
const SIGNATURE_LAST: u8 = 0x7f;
const SIGNATURE_LAST_AT: usize = 9;
const MAJOR_AT: usize = 10;
const MINOR_AT: usize = 11;
const MECHANISM_AT: usize = 12;
const MECHANISM_BYTES: usize = 20;
const AS_SERVER_AT: usize = 32;
const MAJOR: u8 = 3;
const MINOR: u8 = 1;

/// What a peer may be sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Version {
    /// ZMTP 3.0: no PING is sent to it.
    V3_0,
    /// ZMTP 3.1 or later.
    V3_1,
}

/// Our greeting.
pub(super) fn encode(mechanism: Mechanism) -> [u8; GREETING_BYTES] {
    let mut greeting = [0; GREETING_BYTES];
    greeting[0] = SIGNATURE_FIRST;
    greeting[SIGNATURE_LAST_AT] = SIGNATURE_LAST;
    greeting[MAJOR_AT] = MAJOR;
    greeting[MINOR_AT] = MINOR;
    greeting[MECHANISM_AT..AS_SERVER_AT].copy_from_slice(mechanism.name().bytes());
    greeting[AS_SERVER_AT] = mechanism.as_server();
    greeting
}

/// Checks what has come so far; the version that the peer can speak when all is there.
///
/// The eight octets of padding in the signature are "not significant" and may be anything, as may the filler at the
/// end. A higher version is accepted and spoken to as 3.1: "A peer MUST accept higher protocol versions as valid".
pub(super) fn decode(bytes: &[u8], mechanism: Mechanism) -> Result<Option<Version>, ProtocolError> {
    for (index, expected) in [(0, SIGNATURE_FIRST), (SIGNATURE_LAST_AT, SIGNATURE_LAST)] {
        match bytes.get(index) {
            Some(&got) if got != expected => return Err(ProtocolError::Signature { index, expected, got }),
            _ => {}
        }
    }
    match bytes.get(MAJOR_AT) {
        Some(&major) if major < MAJOR => return Err(ProtocolError::Version { major }),
        _ => {}
    }
    if bytes.len() < GREETING_BYTES {
        return Ok(None);
    }
    let name = &bytes[MECHANISM_AT..AS_SERVER_AT];
    if name != mechanism.name().bytes() {
        return Err(mechanism_error(name, mechanism));
    }
    let later = (bytes[MAJOR_AT], bytes[MINOR_AT]) >= (MAJOR, MINOR);
    Ok(Some(if later { Version::V3_1 } else { Version::V3_0 }))
}

fn mechanism_error(name: &[u8], mechanism: Mechanism) -> ProtocolError {
    let end = name.iter().position(|&byte| byte == 0).unwrap_or(MECHANISM_BYTES);
    if end == 0 || name[end..].iter().any(|&byte| byte != 0) {
        return ProtocolError::MechanismName;
    }
    ProtocolError::Mechanism { expected: mechanism.name(), got: printable(&name[..end]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden() -> [u8; 64] {
        let mut golden = [0; 64];
        golden[..16].copy_from_slice(b"\xff\0\0\0\0\0\0\0\0\x7f\x03\x01NULL");
        golden
    }

    #[test]
    fn golden_bytes_both_ways() {
        assert_eq!(encode(Mechanism::Null), golden());
        assert_eq!(decode(&golden(), Mechanism::Null), Ok(Some(Version::V3_1)));
    }

    #[test]
    fn padding_and_filler_are_free_and_versions_negotiate() {
        let mut greeting = golden();
        greeting[1..9].fill(0x5a);
        greeting[33..].fill(0x5a);
        for (major, minor, version) in [(3, 0, Version::V3_0), (3, 2, Version::V3_1), (4, 0, Version::V3_1)] {
            greeting[10] = major;
            greeting[11] = minor;
            assert_eq!(decode(&greeting, Mechanism::Null), Ok(Some(version)));
        }
    }

    #[test]
    fn other_protocols_are_refused_by_their_first_wrong_byte() {
        let http = decode(b"G", Mechanism::Null);
        assert_eq!(http, Err(ProtocolError::Signature { index: 0, expected: 0xff, got: b'G' }));
        let zmtp2 = decode(b"\xff\0\0\0\0\0\0\0\x01\x7f\x01", Mechanism::Null);
        assert_eq!(zmtp2, Err(ProtocolError::Version { major: 1 }));
        let end = decode(b"\xff\0\0\0\0\0\0\0\x01\x7e", Mechanism::Null);
        assert_eq!(end, Err(ProtocolError::Signature { index: 9, expected: 0x7f, got: 0x7e }));
    }

    #[test]
    fn another_mechanism_is_named_and_a_dirty_name_is_not() {
        let mut greeting = golden();
        greeting[12..17].copy_from_slice(b"CURVE");
        let text = decode(&greeting, Mechanism::Null).unwrap_err().to_string();
        assert_eq!(text, "greeting: expected mechanism NULL, got CURVE");
        greeting[19] = b'x';
        assert_eq!(decode(&greeting, Mechanism::Null), Err(ProtocolError::MechanismName));
    }

    #[test]
    fn a_greeting_cut_anywhere_waits() {
        for count in 0..64 {
            assert_eq!(decode(&golden()[..count], Mechanism::Null), Ok(None));
        }
    }
}
