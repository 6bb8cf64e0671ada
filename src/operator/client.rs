//! The asking end: one request, one answer.
//!
//! What it is not: patient; an appliance that does not answer in half a minute is reported as such.
//!
//! Invariant: what went wrong says whether nothing runs, the process is gone, or it does not answer.

use super::protocol::{Reply, Request};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
const REPLY_BYTES_MAX: u64 = 4 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no socket.
    #[error("{}: no appliance with this appliance.state_dir and an operator.token_file is running", .0.display())]
    Absent(PathBuf),
    /// A socket that nobody listens on.
    #[error("{}: the appliance that opened it is gone", .0.display())]
    Dead(PathBuf),
    /// It may not be used.
    #[error("{}: {error}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// The system's word.
        error: std::io::Error,
    },
    /// It answered something else.
    #[error("{}: expected a reply as a line of JSON, got {got:?}", path.display())]
    Reply {
        /// The socket.
        path: PathBuf,
        /// Its beginning.
        got: String,
    },
}

impl ClientError {
    /// Whether nothing runs there.
    pub fn is_nobody(&self) -> bool {
        matches!(self, ClientError::Absent(_) | ClientError::Dead(_))
    }
}

/// Asks the appliance that listens on `path`.
pub fn ask(path: &Path, request: &Request) -> Result<Reply, ClientError> {
    let fail = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => ClientError::Absent(path.to_owned()),
        ErrorKind::ConnectionRefused => ClientError::Dead(path.to_owned()),
        _ => ClientError::Io { path: path.to_owned(), error },
    };
    let mut stream = UnixStream::connect(path).map_err(fail)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(fail)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(fail)?;
    let mut line = serde_json::to_vec(request).expect("plain values serialize");
    line.push(b'\n');
    stream.write_all(&line).map_err(fail)?;
    let mut text = String::new();
    BufReader::new(std::io::Read::take(&stream, REPLY_BYTES_MAX)).read_line(&mut text).map_err(fail)?;
    serde_json::from_str(&text)
        .map_err(|_| ClientError::Reply { path: path.to_owned(), got: text.chars().take(80).collect() })
}
