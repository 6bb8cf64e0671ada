//! The frame header: flags and length (RFC 37, "framing").
//!
//! What it is not: the bodies, which [`super::Connection`] hands out, or [`super::command`] reads.
//!
//! Invariant: a header that breaks a limit is refused when its last byte is there, before any byte of its body.

use super::error::ProtocolError;

/// Bytes of a short frame's header: flags and one octet of length.
pub const SHORT_HEADER_BYTES: usize = 2;
/// Bytes of a long frame's header: flags and eight octets of length.
pub const LONG_HEADER_BYTES: usize = 9;
/// The largest body of a short frame.
pub const SHORT_BODY_BYTES_MAX: usize = 255;

const FLAG_MORE: u8 = 0x01;
const FLAG_LONG: u8 = 0x02;
const FLAG_COMMAND: u8 = 0x04;

/// Whether parts of the same message follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum More {
    /// The last part, or the only one.
    Last,
    /// Another part follows.
    Follows,
}

/// A header as decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) header_bytes: usize,
    pub(super) body_bytes: usize,
    flags: u8,
}

impl Header {
    #[inline]
    pub(super) fn is_command(&self) -> bool {
        self.flags & FLAG_COMMAND != 0
    }

    #[inline]
    pub(super) fn more(&self) -> More {
        if self.flags & FLAG_MORE == 0 { More::Last } else { More::Follows }
    }

    #[inline]
    pub(super) fn frame_bytes(&self) -> usize {
        self.header_bytes + self.body_bytes
    }
}

/// What a body may have.
#[derive(Clone, Copy)]
pub(super) struct BodyMax {
    pub(super) message: usize,
    pub(super) command: usize,
}

/// The header at the front of `bytes`; `None` when it is not all there.
#[inline]
pub(super) fn decode(bytes: &[u8], max: BodyMax) -> Result<Option<Header>, ProtocolError> {
    if let &[flags @ (0 | FLAG_MORE), body_bytes, ..] = bytes {
        let body_bytes = usize::from(body_bytes);
        if body_bytes <= max.message {
            return Ok(Some(Header { header_bytes: SHORT_HEADER_BYTES, body_bytes, flags }));
        }
    }
    decode_any(bytes, max)
}

fn decode_any(bytes: &[u8], max: BodyMax) -> Result<Option<Header>, ProtocolError> {
    let Some(&flags) = bytes.first() else { return Ok(None) };
    // "Bits 7-3 are reserved for future use and MUST be zero"; a command "MORE MUST be zero".
    if flags > 0x07 || flags & (FLAG_COMMAND | FLAG_MORE) == FLAG_COMMAND | FLAG_MORE {
        return Err(ProtocolError::Flags { flags });
    }
    let (header_bytes, got) = if flags & FLAG_LONG == 0 {
        let Some(&length) = bytes.get(1) else { return Ok(None) };
        (SHORT_HEADER_BYTES, u64::from(length))
    } else {
        let Some(length) = bytes.get(1..LONG_HEADER_BYTES).and_then(|field| field.try_into().ok()) else {
            return Ok(None);
        };
        (LONG_HEADER_BYTES, u64::from_be_bytes(length))
    };
    let command = flags & FLAG_COMMAND != 0;
    let limit = if command { max.command } else { max.message };
    match usize::try_from(got) {
        Ok(body_bytes) if body_bytes <= limit => Ok(Some(Header { header_bytes, body_bytes, flags })),
        _ if command => Err(ProtocolError::CommandTooLarge { max: limit, got }),
        _ => Err(ProtocolError::MessageTooLarge { max: limit, got }),
    }
}

/// Bytes of the header that a body of this size gets.
#[inline]
pub(super) fn header_bytes(body_bytes: usize) -> usize {
    if body_bytes <= SHORT_BODY_BYTES_MAX { SHORT_HEADER_BYTES } else { LONG_HEADER_BYTES }
}

/// Writes a message frame's header into `frame` and returns the room of the body.
#[inline]
pub(super) fn encode_message(frame: &mut [u8], body_bytes: usize, more: More) -> &mut [u8] {
    let flags = if more == More::Follows { FLAG_MORE } else { 0 };
    encode(frame, body_bytes, flags)
}

/// Writes a command frame's header into `frame` and returns the room of the body.
pub(super) fn encode_command(frame: &mut [u8], body_bytes: usize) -> &mut [u8] {
    encode(frame, body_bytes, FLAG_COMMAND)
}

#[inline]
fn encode(frame: &mut [u8], body_bytes: usize, flags: u8) -> &mut [u8] {
    let (header, body) = frame.split_at_mut(header_bytes(body_bytes));
    if let [first, length] = header {
        *first = flags;
        *length = body_bytes as u8;
    } else {
        header[0] = flags | FLAG_LONG;
        header[1..].copy_from_slice(&(body_bytes as u64).to_be_bytes());
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: BodyMax = BodyMax { message: 1 << 20, command: 512 };

    #[test]
    fn golden_headers() {
        let mut frame = [0xaa; 9];
        assert_eq!(encode_message(&mut frame, 255, More::Last).len(), 7);
        assert_eq!(frame[..2], [0x00, 0xff]);
        encode_message(&mut frame, 256, More::Last);
        assert_eq!(frame, [0x02, 0, 0, 0, 0, 0, 0, 1, 0]);
        encode_message(&mut frame, 3, More::Follows);
        assert_eq!(frame[..2], [0x01, 3]);
        encode_message(&mut frame, 0x01_0203, More::Follows);
        assert_eq!(frame, [0x03, 0, 0, 0, 0, 0, 1, 2, 3]);
        encode_command(&mut frame, 5);
        assert_eq!(frame[..2], [0x04, 5]);
        encode_command(&mut frame, 300);
        assert_eq!(frame, [0x06, 0, 0, 0, 0, 0, 0, 1, 0x2c]);
    }

    #[test]
    fn a_short_body_in_a_long_frame_is_legal() {
        let header = decode(&[0x02, 0, 0, 0, 0, 0, 0, 0, 5], MAX).unwrap().unwrap();
        assert_eq!((header.header_bytes, header.body_bytes, header.more()), (9, 5, More::Last));
    }

    #[test]
    fn a_header_cut_anywhere_waits() {
        for count in 0..9 {
            assert_eq!(decode(&[0x03, 0, 0, 0, 0, 0, 0, 0, 5][..count], MAX), Ok(None));
        }
    }

    #[test]
    fn every_flags_octet_is_legal_or_refused_by_its_first_byte() {
        for flags in 0..=255u8 {
            let legal = matches!(flags, 0..=4 | 6);
            assert_eq!(decode(&[flags], MAX).is_ok(), legal, "flags {flags:#x}");
        }
    }

    #[test]
    fn lengths_beyond_the_limit_are_refused_with_what_was_announced() {
        for got in [(1u64 << 20) + 1, 8 << 30, 1 << 40, (1 << 63) - 1, u64::MAX] {
            let mut header = [0x02; 9];
            header[1..].copy_from_slice(&got.to_be_bytes());
            assert_eq!(decode(&header, MAX), Err(ProtocolError::MessageTooLarge { max: 1 << 20, got }));
            header[0] = 0x06;
            assert_eq!(decode(&header, MAX), Err(ProtocolError::CommandTooLarge { max: 512, got }));
        }
        let small = BodyMax { message: 10, command: 512 };
        assert_eq!(decode(&[0, 11], small), Err(ProtocolError::MessageTooLarge { max: 10, got: 11 }));
    }
}
