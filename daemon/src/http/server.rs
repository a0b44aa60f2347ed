//! Sockets to requests: TLS and HTTP/1.1, with limits that slow and many clients run into.
//!
//! No HTTP/2: the pages are a handful of files, WebSockets need connections of their own anyway, and each connection then has one
//! request at a time, which is what the limits count.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::body::Bytes;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConnection;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt as _;

use super::Peer;
use super::tls::{Certificates, TlsError};

/// Bounds of one listening socket.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time. Beyond it new ones wait in the system's queue.
    pub connections_max: usize,
    /// For the TLS handshake, and for the head of each request; an idle connection is closed after it as well.
    pub head_within: Duration,
    /// A client that takes nothing of an answer for this long is cut off.
    pub stall_max: Duration,
    /// At the end, for answers that are under way.
    pub drain_max: Duration,
}

impl Default for Limits {
    /// 300 sites with a page (six connections while it loads) and two sockets each are below 4,096; head and stall leave a bad line its chance.
    fn default() -> Self {
        Self {
            connections_max: 4_096,
            head_within: Duration::from_secs(20),
            stall_max: Duration::from_secs(60),
            drain_max: Duration::from_secs(10),
        }
    }
}

/// Why a socket is not served.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {error}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// Plain HTTP is for loopback only.
    #[error("plain HTTP only on a loopback address, not on {0}")]
    NotLoopback(SocketAddr),
    /// There is no certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Takes a connection that is no HTTP: its TLS session, if it has one, and what was read from it already.
pub type Streams =
    Arc<dyn Fn(std::net::TcpStream, Option<Box<ServerConnection>>, Vec<u8>) + Send + Sync>;

/// A listening socket that will be served.
pub struct Server {
    listener: TcpListener,
    tls: Option<(TlsAcceptor, Arc<Certificates>)>,
    limits: Limits,
    streams: Option<Streams>,
}

impl Server {
    /// Listens with TLS.
    ///
    /// # Errors
    /// [`ServerError::Bind`], [`ServerError::Tls`].
    pub async fn https(
        address: SocketAddr,
        certificates: Arc<Certificates>,
        limits: Limits,
    ) -> Result<Self, ServerError> {
        let acceptor = TlsAcceptor::from(certificates.server_config()?);
        Ok(Self {
            listener: bind(address).await?,
            tls: Some((acceptor, certificates)),
            limits,
            streams: None,
        })
    }

    /// Listens without TLS, on a loopback address.
    ///
    /// # Errors
    /// [`ServerError::NotLoopback`], [`ServerError::Bind`].
    pub async fn plain(address: SocketAddr, limits: Limits) -> Result<Self, ServerError> {
        if !address.ip().to_canonical().is_loopback() {
            return Err(ServerError::NotLoopback(address));
        }
        Ok(Self {
            listener: bind(address).await?,
            tls: None,
            limits,
            streams: None,
        })
    }

    /// Shares the port: what its first bytes tell to be STUN, over TLS or without, goes to `streams` and counts against the limits here no
    /// longer.
    #[must_use]
    pub fn sharing(mut self, streams: Streams) -> Self {
        self.streams = Some(streams);
        self
    }

    /// Where it listens, with the port that the system chose for port 0.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` becomes true, then lets answers under way finish for a while. WebSockets are the handlers' to close.
    pub async fn serve(self, router: Router, mut stop: watch::Receiver<bool>) {
        let Self {
            listener,
            tls,
            limits,
            streams,
        } = self;
        let turns = Arc::new(Semaphore::new(limits.connections_max));
        // Every connection holds a sender: the channel ends with the last of them.
        let (open, mut all_closed) = mpsc::channel::<Infallible>(1);
        let mut refresh = tokio::time::interval(CERTIFICATE_CHECKED_EVERY);
        loop {
            let permit = tokio::select! {
                permit = Arc::clone(&turns).acquire_owned() => permit,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let Ok(permit) = permit else { break };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = refresh.tick() => {
                    refresh_certificate(tls.as_ref());
                    continue;
                }
                _ = stop.wait_for(|stop| *stop) => break,
            };
            match accepted {
                Ok((stream, address)) => {
                    let acceptor = tls.as_ref().map(|(acceptor, _)| acceptor.clone());
                    let connection = Connection {
                        router: router.clone(),
                        peer: Peer {
                            address,
                            secure: acceptor.is_some(),
                        },
                        limits,
                        streams: streams.clone(),
                        stop: stop.clone(),
                        _open: open.clone(),
                    };
                    let stream = Impatient::new(stream, limits.stall_max, permit);
                    tokio::spawn(connection.run(stream, acceptor));
                }
                Err(error) => {
                    // Out of files or memory: others may give some back in a moment.
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop((listener, open));
        if timeout(limits.drain_max, all_closed.recv()).await.is_err() {
            tracing::warn!("connections were cut off at the end");
        }
    }
}

/// First byte of the lowest TLS record type (RFC 8446 section 5.1).
const TLS_RECORD: u8 = 20;
/// No STUN message begins with this byte or a greater one.
const STUN_BEFORE: u8 = 0x40;
/// Read of a connection before it is told what it is.
const FIRST_BYTES: usize = 2048;

/// Connections that wait in the system's queue.
const BACKLOG: i32 = 1_024;

/// Twice a day, for a certificate that ends in days.
const CERTIFICATE_CHECKED_EVERY: Duration = Duration::from_secs(12 * 3600);

fn refresh_certificate(tls: Option<&(TlsAcceptor, Arc<Certificates>)>) {
    if let Some((_, certificates)) = tls
        && let Err(error) = certificates.refresh()
    {
        tracing::error!(%error, "the certificate could not be read again; the old one stays in use");
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServerError> {
    // IPv6 sockets take IPv6 only, so that both families can share a port.
    let listen = || -> io::Result<TcpListener> {
        let socket = socket2::Socket::new(
            socket2::Domain::for_address(address),
            socket2::Type::STREAM,
            Some(socket2::Protocol::TCP),
        )?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    };
    listen().map_err(|error| ServerError::Bind { address, error })
}

struct Connection {
    router: Router,
    peer: Peer,
    limits: Limits,
    streams: Option<Streams>,
    stop: watch::Receiver<bool>,
    _open: mpsc::Sender<Infallible>,
}

impl Connection {
    async fn run(self, stream: Impatient, acceptor: Option<TlsAcceptor>) {
        let Some(acceptor) = acceptor else {
            return self.answer(stream).await;
        };
        if let Some(streams) = &self.streams {
            let mut first = [0];
            match timeout(self.limits.head_within, stream.stream.peek(&mut first)).await {
                Ok(Ok(1..)) => {}
                _ => return,
            }
            // A TLS record begins with 20 to 23; a framed or plain STUN message with the high byte of a short length or type.
            if first[0] < TLS_RECORD {
                if let Ok(stream) = stream.stream.into_std() {
                    streams(stream, None, Vec::new());
                }
                return;
            }
        }
        match timeout(self.limits.head_within, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => self.tell_apart(stream).await,
            Ok(Err(error)) => {
                tracing::debug!(peer = %self.peer.address, %error, "a TLS handshake failed")
            }
            Err(_) => {
                tracing::debug!(peer = %self.peer.address, "a TLS handshake took too long")
            }
        }
    }

    /// HTTP begins with a letter, STUN with two zero bits (RFC 8489 section 5).
    async fn tell_apart(self, mut stream: TlsStream<Impatient>) {
        let Some(streams) = self.streams.clone() else {
            return self.answer(stream).await;
        };
        let mut first = vec![0; FIRST_BYTES];
        let read = timeout(self.limits.head_within, stream.read(&mut first)).await;
        let Ok(Ok(count @ 1..)) = read else { return };
        first.truncate(count);
        if first[0] >= STUN_BEFORE {
            let first = Bytes::from(first);
            return self.answer(Rewound { first, stream }).await;
        }
        let (stream, session) = stream.into_inner();
        if let Ok(stream) = stream.stream.into_std() {
            streams(stream, Some(Box::new(session)), first);
        }
    }

    async fn answer<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: S) {
        // Not hyper-util's builder: with upgrades it waits without end for the first byte, even for one version.
        let mut builder = Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head_within)
            .max_headers(64)
            .max_buf_size(64 * 1024);
        let (router, peer) = (self.router, self.peer);
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            router.clone().oneshot(request)
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection.with_upgrades());
        let mut stop = self.stop;
        let stopped = async move { drop(stop.wait_for(|stop| *stop).await) };
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = stopped => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(peer = %peer.address, %error, "a connection ended");
        }
    }
}

/// A stream of which something was read already.
struct Rewound {
    first: Bytes,
    stream: TlsStream<Impatient>,
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return pin!(&mut self.stream).poll_read(context, buffer);
        }
        let count = self.first.len().min(buffer.remaining());
        buffer.put_slice(&self.first.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        pin!(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        pin!(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.stream).poll_shutdown(context)
    }
}

/// A stream whose writes may not stand still for long: a client that opens a big answer and reads nothing would hold its connection for good.
struct Impatient {
    stream: TcpStream,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    /// One of the connections allowed; a WebSocket keeps it to its end.
    _permit: OwnedSemaphorePermit,
}

impl Impatient {
    fn new(stream: TcpStream, patience: Duration, permit: OwnedSemaphorePermit) -> Self {
        // Signalling is small messages that must not wait for each other.
        let _ = stream.set_nodelay(true);
        Self {
            stream,
            patience,
            stalled: None,
            _permit: permit,
        }
    }

    /// A write made progress, or has waited too long.
    fn judge<T>(
        &mut self,
        polled: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let patience = self.patience;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + patience)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client takes nothing",
        )))
    }
}

impl AsyncRead for Impatient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        pin!(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = pin!(&mut self.stream).poll_write(context, bytes);
        self.judge(polled, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = pin!(&mut self.stream).poll_write_vectored(context, slices);
        self.judge(polled, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = pin!(&mut self.stream).poll_shutdown(context);
        self.judge(polled, context)
    }
}
