//! The listening end: takes connections, checks the token, and hands requests to whoever owns the appliance, one at a time.
//!
//! What it is not: the one who does it; [`Call::reply`] carries the answer back.
//!
//! Invariant: the socket is private before it has its name; a second appliance on the same state folder does not take it away from the
//! first; each connection says one request within five seconds.

use super::protocol::{REQUEST_BYTES_MAX, Reply, Request, socket_path};
use super::token::{Token, TokenError};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

const PATIENCE: Duration = Duration::from_secs(5);
/// Connections at once; more wait for one of these to end.
const CONNECTIONS_MAX: usize = 8;

/// Why there is no console.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The token.
    #[error("operator.token_file: {0}")]
    Token(#[from] TokenError),
    /// Somebody listens there already.
    #[error("{}: another appliance answers on it", .0.display())]
    Taken(PathBuf),
    /// The system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// The system's word.
        error: std::io::Error,
    },
}

/// A request that showed the token, and the way back.
#[derive(Debug)]
pub struct Call {
    /// What is wanted; the token is taken out.
    pub request: Request,
    reply: oneshot::Sender<Reply>,
}

impl Call {
    /// Answers.
    pub fn reply(self, reply: Reply) {
        // Whoever asked may be gone; what was done is done.
        let _ = self.reply.send(reply);
    }
}

/// An open console. Dropping it takes the socket away.
#[derive(Debug)]
pub struct Console {
    calls: mpsc::Receiver<Call>,
    path: PathBuf,
    listening: tokio::task::JoinHandle<()>,
}

impl Console {
    /// Listens; must be called where tokio runs.
    pub fn open(state_dir: &Path, token_file: &Path) -> Result<Console, ConsoleError> {
        let token = Arc::new(Token::read(token_file)?);
        let path = socket_path(state_dir);
        let io = |error| ConsoleError::Io { path: path.clone(), error };
        match std::os::unix::net::UnixStream::connect(&path) {
            Ok(_) => return Err(ConsoleError::Taken(path)),
            // A process that is gone left it behind, or nobody ever listened.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {}
            Err(error) => return Err(io(error)),
        }
        let beside = path.with_extension("new");
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&beside).map_err(io)?;
        std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o600)).map_err(io)?;
        std::fs::rename(&beside, &path).map_err(io)?;
        let (sender, calls) = mpsc::channel(CONNECTIONS_MAX);
        let listening = tokio::spawn(listen(listener, token, sender));
        Ok(Console { calls, path, listening })
    }

    /// The next request; waits for ever when nobody asks.
    pub async fn next(&mut self) -> Call {
        match self.calls.recv().await {
            Some(call) => call,
            None => std::future::pending().await,
        }
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.listening.abort();
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn listen(listener: UnixListener, token: Arc<Token>, calls: mpsc::Sender<Call>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (token, calls) = (token.clone(), calls.clone());
        tokio::spawn(async move {
            let _ = serve(stream, &token, &calls).await;
            drop(place);
        });
    }
}

async fn serve(stream: UnixStream, token: &Token, calls: &mpsc::Sender<Call>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = Vec::new();
    let limited = read.take(REQUEST_BYTES_MAX as u64 + 1);
    let reading = tokio::time::timeout(PATIENCE, BufReader::new(limited).read_until(b'\n', &mut line)).await;
    let reply = match reading {
        Err(_) => Reply::refused("expected a line within five seconds, got none"),
        Ok(Err(error)) => return Err(error),
        Ok(Ok(_)) if line.len() > REQUEST_BYTES_MAX => Reply::refused(format!(
            "expected a request of at most {REQUEST_BYTES_MAX} bytes, got a longer one"
        )),
        Ok(Ok(_)) => answer(&line, token, calls).await,
    };
    let mut text = serde_json::to_vec(&reply)?;
    text.push(b'\n');
    tokio::time::timeout(PATIENCE, write.write_all(&text)).await.unwrap_or(Ok(()))
}

async fn answer(line: &[u8], token: &Token, calls: &mpsc::Sender<Call>) -> Reply {
    let request: serde_json::Result<Request> = serde_json::from_slice(line);
    let shown = request.as_ref().map_or("", |request| request.token.as_str());
    // The token first: whoever has none learns nothing about requests.
    let is_right = token.is(shown);
    let mut request = match request {
        Ok(request) if is_right => request,
        Err(error) if error.is_data() || error.is_syntax() || error.is_eof() => {
            return Reply::refused(format!("expected a request as a line of JSON: {error}"));
        }
        _ => return Reply::refused("the token is not that of operator.token_file"),
    };
    request.token = String::new();
    let (reply, answered) = oneshot::channel();
    if calls.send(Call { request, reply }).await.is_err() {
        return Reply::refused("the appliance is ending");
    }
    answered.await.unwrap_or_else(|_| Reply::refused("the appliance is ending"))
}

#[cfg(test)]
mod tests {
    use super::super::protocol::Action;
    use super::super::{ClientError, ask};
    use super::*;

    fn request(token: &str) -> Request {
        Request { token: token.into(), who: "ops".into(), why: "test".into(), action: Action::Halt }
    }

    #[test]
    fn requests_arrive_with_the_right_token_only() {
        let dir = tempfile::tempdir().unwrap();
        let token_file = dir.path().join("token");
        std::fs::write(&token_file, "0123456789abcdef").unwrap();
        std::fs::set_permissions(&token_file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let path = socket_path(dir.path());
        assert!(matches!(ask(&path, &request("x")), Err(ClientError::Absent(_))));
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(matches!(ask(&path, &request("x")), Err(ClientError::Dead(_))), "nobody listens any more");

        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (asked, seen) = std::sync::mpsc::channel();
        let mut console = runtime.block_on(async { Console::open(dir.path(), &token_file) }).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let again = runtime.block_on(async { Console::open(dir.path(), &token_file).err() });
        assert!(matches!(again, Some(ConsoleError::Taken(_))), "{again:?}");
        runtime.spawn(async move {
            loop {
                let call = console.next().await;
                asked.send(call.request.clone()).unwrap();
                call.reply(Reply::done(serde_json::json!("halted")));
            }
        });
        let wrong = ask(&path, &request("0123456789abcdeX")).unwrap();
        assert_eq!((wrong.ok, wrong.error.as_str()), (false, "the token is not that of operator.token_file"));
        let right = ask(&path, &request("0123456789abcdef")).unwrap();
        assert_eq!((right.ok, right.result), (true, serde_json::json!("halted")));
        let seen: Vec<Request> = seen.try_iter().collect();
        assert_eq!(seen, [request("")], "one request came through, without its token");

        use std::io::{Read, Write};
        for hostile in [vec![b'{'; REQUEST_BYTES_MAX + 5], b"{\"token\":1}\n".to_vec(), b"\n".to_vec()] {
            let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
            stream.write_all(&hostile).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut text = String::new();
            let _ = stream.read_to_string(&mut text);
            assert!(text.is_empty() || text.contains("\"ok\":false"), "{text}");
        }
        runtime.shutdown_background();
    }
}
