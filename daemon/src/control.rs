//! The control socket: the running daemon as `nhipcau lab …` speaks to it. A Unix socket of mode 0600 in the state directory, one JSON
//! line a request, one JSON line an answer.

use std::future::Future;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// The socket's name in the state directory.
pub const SOCKET_NAME: &str = "control.sock";
/// Longest request line in bytes; the longest command is two names.
const REQUEST_BYTES_MAX: u64 = 4 * 1024;
/// Longest answer line in bytes; the export of a thousand devices of 48 ports takes about 10 MB.
const RESPONSE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Connections served at once; further ones wait.
const CONNECTIONS_MAX: usize = 8;
/// Longest time of one exchange, so that a silent peer gives its place back.
const EXCHANGE_TIME_MAX: Duration = Duration::from_secs(30);

/// What the running daemon can be asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Links, devices and sensors of the simulated province, and what is broken in it.
    List {},
    /// Breaks something: a link's id, or the words of the simulated province, such as `fan DEVICE` or `sensor DEVICE SENSOR hot`.
    Break {
        /// What.
        what: String,
    },
    /// The inventory: answered in one line of JSON.
    Inventory {
        /// What of it.
        query: InventoryQuery,
    },
    /// Gives a link less capacity.
    Narrow {
        /// Link id.
        link: String,
        /// Bits per second that remain.
        capacity_bps: u64,
    },
    /// Restores one thing by the words that broke it, or with `all` everything.
    Heal {
        /// What.
        what: String,
    },
}

/// What `nhipcau inventory` asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum InventoryQuery {
    /// Begin a scan.
    Scan {},
    /// How far it is and what was found.
    Found {},
    /// The watched devices.
    List {},
    /// One device with what changed on it.
    Show {
        /// Its id.
        device: String,
    },
    /// What changed between two moments (RFC 3339).
    Diff {
        /// From.
        since: String,
        /// To.
        until: String,
    },
    /// Everything in NetBox's shape.
    Export {},
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// Whether it was done.
    pub done: bool,
    /// What to print, line by line: the list, or why not.
    pub lines: Vec<String>,
}

impl Response {
    /// Done, with lines to print.
    #[must_use]
    pub fn done(lines: Vec<String>) -> Self {
        Self { done: true, lines }
    }

    /// Refused, with the reason.
    #[must_use]
    pub fn refused(reason: impl Into<String>) -> Self {
        Self {
            done: false,
            lines: vec![reason.into()],
        }
    }
}

/// Answers requests; the daemon's assembly implements it.
pub trait ControlHandler: Send + Sync + 'static {
    /// Does what is asked.
    fn handle(&self, request: Request) -> impl Future<Output = Response> + Send;
}

/// The listening socket; its file goes away with it.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl ControlSocket {
    /// Opens the socket in `state_dir`. A file left by a dead daemon is replaced, one that answers is not.
    ///
    /// # Errors
    /// `AddrInUse` when another daemon serves this state directory, or what the system says.
    pub async fn bind(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(SOCKET_NAME);
        match std::fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.file_type().is_socket() => {
                if UnixStream::connect(&path).await.is_ok() {
                    let message = format!(
                        "{}: another nhipcau serves this state directory",
                        path.display()
                    );
                    return Err(io::Error::new(io::ErrorKind::AddrInUse, message));
                }
                std::fs::remove_file(&path)?;
            }
            Ok(_) => {
                let message = format!("{}: is there and is no socket", path.display());
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        // The state directory is the daemon's alone (0700), which covers the moment between bind and chmod.
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Serves until dropped.
    pub async fn serve(self, handler: Arc<impl ControlHandler>) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok(place) = places.clone().acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let handler = handler.clone();
                    tokio::spawn(async move {
                        let exchange = exchange(stream, &*handler);
                        if let Ok(Err(error)) =
                            tokio::time::timeout(EXCHANGE_TIME_MAX, exchange).await
                        {
                            tracing::debug!(%error, "control connection ended");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    // Out of descriptors, mostly; a pause keeps the loop from spinning.
                    tracing::warn!(%error, "control socket cannot accept");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn exchange(stream: UnixStream, handler: &impl ControlHandler) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut line = String::new();
        if (&mut read)
            .take(REQUEST_BYTES_MAX)
            .read_line(&mut line)
            .await?
            == 0
        {
            return Ok(());
        }
        let whole = line.ends_with('\n');
        let response = if !whole {
            Response::refused(format!(
                "a request is one line of at most {REQUEST_BYTES_MAX} bytes"
            ))
        } else {
            match serde_json::from_str(&line) {
                Ok(request) => handler.handle(request).await,
                Err(error) => Response::refused(format!("not understood: {error}")),
            }
        };
        let mut answer = serde_json::to_vec(&response)?;
        answer.push(b'\n');
        write.write_all(&answer).await?;
        if !whole {
            return Ok(());
        }
    }
}

/// Asks the daemon that serves `state_dir`.
///
/// # Errors
/// What the system says; `NotFound` and `ConnectionRefused` mean that no daemon runs there.
pub async fn ask(state_dir: &Path, request: &Request) -> io::Result<Response> {
    let stream = UnixStream::connect(state_dir.join(SOCKET_NAME)).await?;
    let exchange = async {
        let (read, mut write) = stream.into_split();
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        write.write_all(&line).await?;
        let mut answer = String::new();
        BufReader::new(read)
            .take(RESPONSE_BYTES_MAX)
            .read_line(&mut answer)
            .await?;
        serde_json::from_str(&answer).map_err(io::Error::from)
    };
    tokio::time::timeout(EXCHANGE_TIME_MAX, exchange).await?
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Echo;

    impl ControlHandler for Echo {
        async fn handle(&self, request: Request) -> Response {
            match request {
                Request::Break { what } if what == "none" => Response::refused("no such link"),
                request => Response::done(vec![format!("{request:?}")]),
            }
        }
    }

    async fn serving(name: &str) -> (PathBuf, tokio::task::JoinHandle<()>) {
        let directory =
            std::env::temp_dir().join(format!("nhipcau-control-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let socket = ControlSocket::bind(&directory).await.unwrap();
        let server = tokio::spawn(socket.serve(Arc::new(Echo)));
        (directory, server)
    }

    #[tokio::test]
    async fn requests_reach_the_handler_and_answers_come_back() {
        let (directory, server) = serving("ask").await;
        let answer = ask(
            &directory,
            &Request::Narrow {
                link: "a".into(),
                capacity_bps: 512_000,
            },
        )
        .await
        .unwrap();
        assert!(answer.done && answer.lines[0].contains("512000"));
        let answer = ask(
            &directory,
            &Request::Break {
                what: "none".into(),
            },
        )
        .await
        .unwrap();
        assert_eq!(answer, Response::refused("no such link"));
        let mode = std::fs::metadata(directory.join(SOCKET_NAME))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            ControlSocket::bind(&directory).await.unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
        server.abort();
        let _ = server.await;
        assert!(!directory.join(SOCKET_NAME).exists());
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[tokio::test]
    async fn a_bad_line_is_answered_in_place_and_an_endless_one_ends() {
        let (directory, server) = serving("bad").await;
        let mut stream = UnixStream::connect(directory.join(SOCKET_NAME))
            .await
            .unwrap();
        stream
            .write_all(b"{\"command\":\"list\",\"more\":1}\n{\"command\":\"list\"}\n")
            .await
            .unwrap();
        let mut read = BufReader::new(stream);
        let mut line = String::new();
        read.read_line(&mut line).await.unwrap();
        assert!(line.contains("not understood"), "{line}");
        line.clear();
        read.read_line(&mut line).await.unwrap();
        assert!(line.contains("\"done\":true"), "{line}");
        read.get_mut()
            .write_all(&[b'x'; REQUEST_BYTES_MAX as usize])
            .await
            .unwrap();
        line.clear();
        read.read_line(&mut line).await.unwrap();
        assert!(line.contains("at most"), "{line}");
        line.clear();
        assert_eq!(read.read_line(&mut line).await.unwrap_or(0), 0);
        server.abort();
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[tokio::test]
    async fn a_dead_daemons_socket_is_replaced_and_a_file_is_not() {
        let directory =
            std::env::temp_dir().join(format!("nhipcau-control-dead-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join(SOCKET_NAME);
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        drop(ControlSocket::bind(&directory).await.unwrap());
        std::fs::write(&path, "precious").unwrap();
        assert_eq!(
            ControlSocket::bind(&directory).await.unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
