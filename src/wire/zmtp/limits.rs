//! What one connection may take: bytes, parts and time.
//!
//! What it is not: the number of connections, which belongs to `link`.
//!
//! Invariant: limits that passed [`Limits::check`] let every legal message fit its queues.

/// Pings that we send. Only a peer that announced ZMTP 3.1 is pinged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heartbeat {
    /// A PING every so many milliseconds; 0 sends none.
    pub interval_ms: u32,
    /// The connection is given up when nothing at all came for so long; above `interval_ms`.
    pub timeout_ms: u32,
    /// The time to live that our PING tells the peer; 0 to 6,553,500, counted in tenths of seconds on the wire.
    pub ttl_ms: u32,
}

/// Limits of one connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Body bytes of one message, all its parts together; at least 1.
    pub message_bytes_max: usize,
    /// Parts of one message; at least 1.
    pub parts_max: u32,
    /// Body bytes of one command (READY with its metadata is the largest); at least 512.
    pub command_bytes_max: usize,
    /// Bytes that may wait to be written; at least one largest message with its header.
    pub queued_bytes_max: usize,
    /// The receive buffer, taken once at start; at least 1,024. Only a larger frame makes it grow.
    pub receive_bytes: usize,
    /// The send buffer, taken once at start; at least 1,024. Only a longer queue makes it grow.
    pub send_bytes: usize,
    /// From the TCP connection to the end of the handshake; at least 1.
    pub handshake_ms_max: u32,
    /// Pings that we send.
    pub heartbeat: Heartbeat,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            message_bytes_max: 2 << 20,
            parts_max: 64,
            command_bytes_max: 8 << 10,
            queued_bytes_max: 4 << 20,
            receive_bytes: 64 << 10,
            send_bytes: 64 << 10,
            handshake_ms_max: 5_000,
            heartbeat: Heartbeat { interval_ms: 1_000, timeout_ms: 5_000, ttl_ms: 5_000 },
        }
    }
}

/// Limits that cannot work.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("limits: expected {name} from {min} to {max}, got {got}")]
pub struct LimitsError {
    /// The field.
    pub name: &'static str,
    /// Its smallest legal value.
    pub min: u64,
    /// Its largest legal value.
    pub max: u64,
    /// What it was.
    pub got: u64,
}

/// No buffer is larger: 1 GiB.
const BYTES_MAX: u64 = 1 << 30;
/// The longest time to live that two bytes of tenths of seconds can say.
const TTL_MS_MAX: u64 = 6_553_500;

impl Limits {
    /// Whether every field is in its range and the fields agree with each other.
    pub fn check(&self) -> Result<(), LimitsError> {
        let frame_bytes = self.message_bytes_max as u64 + super::LONG_HEADER_BYTES as u64;
        let timeout_min =
            if self.heartbeat.interval_ms == 0 { 0 } else { u64::from(self.heartbeat.interval_ms) + 1 };
        let ranges = [
            ("message_bytes_max", 1, BYTES_MAX, self.message_bytes_max as u64),
            ("parts_max", 1, u64::from(u32::MAX), u64::from(self.parts_max)),
            ("command_bytes_max", 512, 1 << 20, self.command_bytes_max as u64),
            ("queued_bytes_max", frame_bytes, BYTES_MAX, self.queued_bytes_max as u64),
            ("receive_bytes", 1_024, BYTES_MAX, self.receive_bytes as u64),
            ("send_bytes", 1_024, BYTES_MAX, self.send_bytes as u64),
            ("handshake_ms_max", 1, u64::from(u32::MAX), u64::from(self.handshake_ms_max)),
            ("heartbeat.timeout_ms", timeout_min, u64::from(u32::MAX), u64::from(self.heartbeat.timeout_ms)),
            ("heartbeat.ttl_ms", 0, TTL_MS_MAX, u64::from(self.heartbeat.ttl_ms)),
        ];
        for (name, min, max, got) in ranges {
            if got < min || got > max {
                return Err(LimitsError { name, min, max, got });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_legal_and_a_queue_below_one_message_is_not() {
        Limits::default().check().unwrap();
        let small = Limits { queued_bytes_max: 2 << 20, ..Limits::default() };
        assert_eq!(small.check().unwrap_err().name, "queued_bytes_max");
        let deaf = Heartbeat { interval_ms: 100, timeout_ms: 100, ttl_ms: 0 };
        let error = Limits { heartbeat: deaf, ..Limits::default() }.check().unwrap_err();
        assert_eq!((error.name, error.min), ("heartbeat.timeout_ms", 101));
    }
}
