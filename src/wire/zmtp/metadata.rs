//! Connection metadata: the properties in READY (RFC 37, "connection metadata"), socket types and identities.
//!
//! What it is not: a map of all properties. Socket-Type and Identity are read; others are checked for form and skipped.
//!
//! Invariant: property names are compared without case, and a property never reaches beyond its command.

use std::fmt;

use super::error::{ProtocolError, printable};

/// Bytes of the longest identity.
pub const IDENTITY_BYTES_MAX: usize = 255;

const SOCKET_TYPE: &[u8] = b"Socket-Type";
const IDENTITY: &[u8] = b"Identity";

/// The sockets of RFC 28 that ours may talk to. We play [`SocketType::Dealer`] and [`SocketType::Router`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SocketType {
    /// Asks and is answered, in any order.
    Dealer,
    /// Answers many, by identity.
    Router,
    /// Asks and waits; only as a peer of a ROUTER.
    Req,
    /// Answers in turn; only as a peer of a DEALER.
    Rep,
}

impl SocketType {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            SocketType::Dealer => "DEALER",
            SocketType::Router => "ROUTER",
            SocketType::Req => "REQ",
            SocketType::Rep => "REP",
        }
    }

    /// "REQ: REP, ROUTER; REP: REQ, DEALER; DEALER: REP, DEALER, ROUTER; ROUTER: REQ, DEALER, ROUTER".
    fn talks_to(self, peer: SocketType) -> bool {
        use SocketType::*;
        match self {
            Dealer => matches!(peer, Rep | Dealer | Router),
            Router => matches!(peer, Req | Dealer | Router),
            Req => matches!(peer, Rep | Router),
            Rep => matches!(peer, Req | Dealer),
        }
    }

    fn from_name(name: &[u8]) -> Option<Self> {
        use SocketType::*;
        [Dealer, Router, Req, Rep].into_iter().find(|socket| socket.name().as_bytes() == name)
    }
}

impl fmt::Display for SocketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An identity that may not be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IdentityError {
    /// Too long.
    #[error("identity: expected at most 255 bytes, got {got}")]
    TooLong {
        /// Its bytes.
        got: usize,
    },
    /// "An identity SHALL NOT start with a zero octet".
    #[error("identity: expected no zero as its first byte")]
    LeadingZero,
}

/// The name of a peer: up to 255 bytes, empty when it gave none.
#[derive(Clone, Copy)]
pub struct Identity {
    bytes: [u8; IDENTITY_BYTES_MAX],
    bytes_count: u8,
}

impl Identity {
    /// No name.
    pub const EMPTY: Self = Identity { bytes: [0; IDENTITY_BYTES_MAX], bytes_count: 0 };

    /// From bytes, which need not be text.
    pub fn new(name: &[u8]) -> Result<Self, IdentityError> {
        let Ok(bytes_count) = u8::try_from(name.len()) else {
            return Err(IdentityError::TooLong { got: name.len() });
        };
        if name.first() == Some(&0) {
            return Err(IdentityError::LeadingZero);
        }
        let mut bytes = [0; IDENTITY_BYTES_MAX];
        bytes[..name.len()].copy_from_slice(name);
        Ok(Identity { bytes, bytes_count })
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.bytes_count)]
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.bytes_count == 0
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Identity {}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.as_bytes().escape_ascii())
    }
}

/// What a peer said of itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Properties {
    pub(super) identity: Identity,
}

/// Reads the properties and holds them against our socket.
pub(super) fn decode(mut bytes: &[u8], ours: SocketType) -> Result<Properties, ProtocolError> {
    let mut socket: Option<&[u8]> = None;
    let mut identity = Identity::EMPTY;
    while !bytes.is_empty() {
        let (name, value, rest) = split_property(bytes)?;
        if name.eq_ignore_ascii_case(SOCKET_TYPE) {
            socket = Some(value);
        } else if name.eq_ignore_ascii_case(IDENTITY) {
            identity = Identity::new(value).map_err(|_| ProtocolError::Malformed {
                what: "expected an Identity of at most 255 bytes that does not start with zero",
            })?;
        }
        bytes = rest;
    }
    let name = socket.unwrap_or(b"none");
    match SocketType::from_name(name) {
        Some(peer) if ours.talks_to(peer) => Ok(Properties { identity }),
        _ => Err(ProtocolError::SocketType { ours, got: printable(name) }),
    }
}

/// A property's name, its value, and what follows it.
type NameValueRest<'a> = (&'a [u8], &'a [u8], &'a [u8]);

/// `property = name-length name value-length value`: one octet of length for the name, four for the value.
fn split_property(bytes: &[u8]) -> Result<NameValueRest<'_>, ProtocolError> {
    let error = ProtocolError::Malformed { what: "expected a property's name and value inside the command" };
    let (&name_bytes, rest) = bytes.split_first().ok_or(error)?;
    let (name, rest) = rest.split_at_checked(usize::from(name_bytes)).ok_or(error)?;
    let (value_bytes, rest) = rest.split_first_chunk::<4>().ok_or(error)?;
    let value_bytes = usize::try_from(u32::from_be_bytes(*value_bytes)).map_err(|_| error)?;
    let (value, rest) = rest.split_at_checked(value_bytes).ok_or(error)?;
    if name.is_empty() || !name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(byte)) {
        return Err(ProtocolError::Malformed {
            what: "expected letters, digits and -_.+ in a property's name",
        });
    }
    Ok((name, value, rest))
}

/// Bytes that [`encode`] writes.
pub(super) fn encoded_bytes(ours: SocketType, identity: &Identity) -> usize {
    let sizes = |name: &[u8], value: &[u8]| 1 + name.len() + 4 + value.len();
    let identity_bytes = if identity.is_empty() { 0 } else { sizes(IDENTITY, identity.as_bytes()) };
    sizes(SOCKET_TYPE, ours.name().as_bytes()) + identity_bytes
}

/// Writes our properties over all of `out`.
pub(super) fn encode(mut out: &mut [u8], ours: SocketType, identity: &Identity) {
    let mut put = |bytes: &[u8]| {
        let (here, rest) = std::mem::take(&mut out).split_at_mut(bytes.len());
        here.copy_from_slice(bytes);
        out = rest;
    };
    for (name, value) in [(SOCKET_TYPE, ours.name().as_bytes()), (IDENTITY, identity.as_bytes())] {
        if value.is_empty() {
            continue;
        }
        put(&[name.len() as u8]);
        put(name);
        put(&(value.len() as u32).to_be_bytes());
        put(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_properties_both_ways() {
        let identity = Identity::new(b"77.demo.svc").unwrap();
        let golden = b"\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\x0b77.demo.svc";
        let mut out = vec![0xaa; encoded_bytes(SocketType::Dealer, &identity)];
        encode(&mut out, SocketType::Dealer, &identity);
        assert_eq!(out, golden);
        assert_eq!(decode(golden, SocketType::Router).unwrap().identity, identity);
        let mut out = vec![0xaa; encoded_bytes(SocketType::Router, &Identity::EMPTY)];
        encode(&mut out, SocketType::Router, &Identity::EMPTY);
        assert_eq!(out, b"\x0bSocket-Type\0\0\0\x06ROUTER");
    }

    #[test]
    fn names_are_compared_without_case_and_unknown_ones_skipped() {
        let bytes = b"\x03X-a\0\0\0\x02\0\xff\x08iDENTITY\0\0\0\x01z\x0bsocket-type\0\0\0\x06DEALER";
        assert_eq!(decode(bytes, SocketType::Router).unwrap().identity.as_bytes(), b"z");
    }

    #[test]
    fn properties_cut_anywhere_are_refused() {
        let golden = b"\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\x0177";
        for count in 0..golden.len() {
            let whole = count == 22 || count == 36;
            assert_eq!(decode(&golden[..count], SocketType::Router).is_ok(), whole, "{count} bytes");
        }
        assert!(decode(b"\x0bSocket-Type\xff\xff\xff\xffDEALER", SocketType::Router).is_err());
        assert!(decode(b"\0\0\0\0\0", SocketType::Router).is_err());
    }

    #[test]
    fn socket_types_and_identities_that_do_not_fit_are_named() {
        let error = decode(b"\x0bSocket-Type\0\0\0\x03PUB", SocketType::Router).unwrap_err();
        assert_eq!(error.to_string(), "READY: expected a socket type that ROUTER talks to, got PUB");
        assert!(decode(b"\x0bSocket-Type\0\0\0\x03REP", SocketType::Router).is_err());
        assert!(decode(b"\x0bSocket-Type\0\0\0\x03REQ", SocketType::Router).is_ok());
        assert_eq!(Identity::new(&[1; 256]), Err(IdentityError::TooLong { got: 256 }));
        assert_eq!(Identity::new(&[0]), Err(IdentityError::LeadingZero));
    }
}
