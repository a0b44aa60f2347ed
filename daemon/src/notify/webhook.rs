//! Webhooks: one POST of JSON to an address that was judged before the connection, signed so that the receiver can trust it.
//!
//! The signature: `X-Nhipcau-Signature: v1=HEX`, HMAC-SHA256 (RFC 2104) over `TIMESTAMP.NONCE.BODY` with the headers `X-Nhipcau-Timestamp`
//! (seconds since 1970) and `X-Nhipcau-Nonce` (32 hex digits). A receiver refuses old timestamps and nonces that it has seen.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use super::{NotifyError, address};
use crate::config::{Allowed, Webhook, WebhookTarget};
use crate::secret::Secret;

/// Largest body sent: an event with its reasons takes about 2 KB.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// Largest answer read; its content is not used, the reading lets the other side finish.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Longest address.
const URL_BYTES_MAX: usize = 2_048;

/// Calls webhooks. Cheap to build anew when the configuration is reloaded.
#[derive(Debug, Clone)]
pub struct WebhookClient {
    allow: Arc<[Allowed]>,
    timeout: Duration,
}

/// A webhook's address taken apart.
struct Destination {
    tls: bool,
    host: String,
    port: u16,
    authority: String,
    path: String,
}

impl WebhookClient {
    /// With these bounds.
    #[must_use]
    pub fn new(settings: &Webhook) -> Self {
        Self {
            allow: settings.allow.clone().into(),
            timeout: settings.timeout,
        }
    }

    /// Posts `body` (JSON) to a configured target, reading its secrets now.
    ///
    /// # Errors
    /// Any [`NotifyError`]; a redirect is `Rejected`, because its address was not configured.
    pub async fn call(&self, target: &WebhookTarget, body: Vec<u8>) -> Result<(), NotifyError> {
        let url = target.url.resolve()?;
        let key = target.key.as_ref().map(|key| key.resolve()).transpose()?;
        self.post(&url, key.as_ref(), body).await
    }

    /// Posts `body` (JSON) to `url`, signed when there is a key.
    ///
    /// # Errors
    /// As [`WebhookClient::call`].
    pub async fn post(
        &self,
        url: &Secret,
        key: Option<&Secret>,
        body: Vec<u8>,
    ) -> Result<(), NotifyError> {
        if body.len() > BODY_BYTES_MAX {
            return Err(NotifyError::Refused(format!(
                "the message is larger than {BODY_BYTES_MAX} bytes"
            )));
        }
        let destination = destination(url.expose())?;
        let request = request(&destination, key, body)?;
        match tokio::time::timeout(self.timeout, self.exchange(&destination, request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(NotifyError::Timeout),
        }
    }

    async fn exchange(
        &self,
        destination: &Destination,
        request: Request<Full<Bytes>>,
    ) -> Result<(), NotifyError> {
        let unreachable =
            |error: &dyn std::fmt::Display| NotifyError::Unreachable(error.to_string());
        // Resolved once: the connection goes to the very addresses that were judged.
        let resolved: Vec<SocketAddr> =
            tokio::net::lookup_host((destination.host.as_str(), destination.port))
                .await
                .map_err(|error| unreachable(&error))?
                .take(16)
                .collect();
        let addresses: Vec<IpAddr> = resolved.iter().map(SocketAddr::ip).collect();
        address::judge(&destination.host, &addresses, &self.allow)?;
        if !destination.tls && !address::is_named(&destination.host, &addresses, &self.allow) {
            return Err(NotifyError::Refused(
                "a webhook outside the network needs https".into(),
            ));
        }
        let stream = TcpStream::connect(&resolved[..])
            .await
            .map_err(|error| unreachable(&error))?;
        let status = if destination.tls {
            let name = ServerName::try_from(destination.host.clone())
                .map_err(|_| NotifyError::Refused("the host is no name for TLS".into()))?;
            let stream = TlsConnector::from(tls()?)
                .connect(name, stream)
                .await
                .map_err(|error| unreachable(&error))?;
            converse(stream, request).await?
        } else {
            converse(stream, request).await?
        };
        match status {
            status if status.is_success() => Ok(()),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
                Err(unreachable(&status))
            }
            status if status.is_server_error() => Err(unreachable(&status)),
            status => Err(NotifyError::Rejected(status.to_string())),
        }
    }
}

fn destination(url: &str) -> Result<Destination, NotifyError> {
    // The address may hold a token, so no message repeats it.
    let refuse = |what: &str| NotifyError::Refused(format!("the webhook's address {what}"));
    if url.len() > URL_BYTES_MAX {
        return Err(refuse("is too long"));
    }
    let uri: Uri = url.parse().map_err(|_| refuse("is no URL"))?;
    let tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(refuse("must begin with https://")),
    };
    let authority = uri.authority().ok_or_else(|| refuse("has no host"))?;
    if authority.as_str().contains('@') {
        return Err(refuse("must not hold a user"));
    }
    let host = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    if host.is_empty() {
        return Err(refuse("has no host"));
    }
    let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let path = uri
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .to_owned();
    Ok(Destination {
        tls,
        host,
        port,
        authority: authority.as_str().to_owned(),
        path,
    })
}

fn request(
    destination: &Destination,
    key: Option<&Secret>,
    body: Vec<u8>,
) -> Result<Request<Full<Bytes>>, NotifyError> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(&destination.path)
        .header(header::HOST, &destination.authority)
        .header(
            header::USER_AGENT,
            concat!("nhipcau/", env!("CARGO_PKG_VERSION")),
        )
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(key) = key {
        let timestamp = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let mut nonce = [0_u8; 16];
        SystemRandom::new()
            .fill(&mut nonce)
            .map_err(|_| NotifyError::Unreachable("the system has no random numbers".into()))?;
        let nonce = hex(&nonce);
        request = request
            .header("X-Nhipcau-Timestamp", timestamp)
            .header("X-Nhipcau-Nonce", &nonce)
            .header(
                "X-Nhipcau-Signature",
                format!("v1={}", sign(key, timestamp, &nonce, &body)),
            );
    }
    request
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| NotifyError::Refused(error.to_string()))
}

fn sign(key: &Secret, timestamp: u64, nonce: &str, body: &[u8]) -> String {
    let mut context =
        hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes()));
    context.update(format!("{timestamp}.{nonce}.").as_bytes());
    context.update(body);
    hex(context.sign().as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<StatusCode, NotifyError> {
    let unreachable = |error: hyper::Error| NotifyError::Unreachable(error.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(unreachable)?;
    let talk = async {
        let response = sender.send_request(request).await.map_err(unreachable)?;
        let status = response.status();
        // A longer answer is cut off; the status has been given.
        let _ = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await;
        Ok(status)
    };
    // The connection is driven here and not in a task, so that the deadline ends it as well.
    tokio::pin!(connection);
    tokio::pin!(talk);
    tokio::select! {
        biased;
        outcome = &mut talk => outcome,
        ended = &mut connection => match ended {
            // The other side closed after its answer: what it said is in the channel.
            Ok(()) => talk.await,
            Err(error) => Err(unreachable(error)),
        },
    }
}

/// Client settings with the system's certificates, read once.
fn tls() -> Result<Arc<ClientConfig>, NotifyError> {
    static SETTINGS: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    SETTINGS
        .get_or_init(|| {
            let mut roots = RootCertStore::empty();
            let (added, _) =
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if added == 0 {
                return Err("the system has no certificates (package ca-certificates)".to_owned());
            }
            ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map(|settings| {
                    Arc::new(settings.with_root_certificates(roots).with_no_client_auth())
                })
                .map_err(|error| error.to_string())
        })
        .clone()
        .map_err(NotifyError::Unreachable)
}

#[cfg(test)]
mod tests {
    use super::super::peer::Peer;
    use super::*;

    /// Answers four paths; checks the signature with Python's own HMAC.
    const SERVER: &str = r#"
import hashlib, hmac, http.server, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, answer = 404, b""
        if self.path == "/signed":
            stamp, nonce = self.headers["X-Nhipcau-Timestamp"], self.headers["X-Nhipcau-Nonce"]
            want = "v1=" + hmac.new(b"k3y", f"{stamp}.{nonce}.".encode() + body, hashlib.sha256).hexdigest()
            good = want == self.headers["X-Nhipcau-Signature"] and abs(time.time() - int(stamp)) < 60 and len(nonce) == 32
            status = 204 if good and body == b'{"a":1}' else 400
        elif self.path == "/redirect": status = 302
        elif self.path == "/busy": status = 503
        elif self.path == "/endless": status, answer = 200, b"x" * 10_000_000
        elif self.path == "/silent": time.sleep(60)
        self.send_response(status)
        if status == 302: self.send_header("Location", "http://127.0.0.1:1/")
        if status != 204: self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        try: self.wfile.write(answer)
        except OSError: pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
ready(server.server_address[1])
server.serve_forever()
"#;

    fn client(allow: &[&str], timeout: Duration) -> WebhookClient {
        let allow = allow
            .iter()
            .map(|network| Allowed::Network(network.parse().unwrap()))
            .collect();
        WebhookClient::new(&Webhook { allow, timeout })
    }

    #[tokio::test]
    async fn a_real_server_accepts_the_signature_and_nothing_follows_a_redirect() {
        let Some(peer) = Peer::start("webhook", SERVER).await else {
            return;
        };
        let client = client(&["127.0.0.0/8"], Duration::from_secs(20));
        let key = Secret::new("k3y".into());
        let post = |path: &str| {
            let url = Secret::new(format!("http://127.0.0.1:{}{path}", peer.port));
            let (client, key) = (client.clone(), key.clone());
            async move { client.post(&url, Some(&key), br#"{"a":1}"#.to_vec()).await }
        };
        post("/signed").await.unwrap();
        assert!(matches!(
            post("/redirect").await,
            Err(NotifyError::Rejected(_))
        ));
        assert!(post("/busy").await.unwrap_err().is_temporary());
        assert!(!post("/unknown").await.unwrap_err().is_temporary());
        post("/endless").await.unwrap();
    }

    #[tokio::test]
    async fn a_silent_server_ends_at_the_deadline() {
        let Some(peer) = Peer::start("webhook-silent", SERVER).await else {
            return;
        };
        let url = Secret::new(format!("http://127.0.0.1:{}/silent", peer.port));
        let outcome = client(&["127.0.0.0/8"], Duration::from_millis(300))
            .post(&url, None, b"{}".to_vec())
            .await;
        assert!(matches!(outcome, Err(NotifyError::Timeout)));
    }

    #[tokio::test]
    async fn internal_addresses_see_no_connection() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
            for scheme in ["http", "https"] {
                let url = Secret::new(format!("{scheme}://{host}:{port}/"));
                let outcome = client(&[], Duration::from_secs(5))
                    .post(&url, None, b"{}".to_vec())
                    .await;
                assert!(
                    matches!(outcome, Err(NotifyError::Internal(_))),
                    "{host}: {outcome:?}"
                );
            }
        }
        assert_eq!(
            listener.accept().unwrap_err().kind(),
            std::io::ErrorKind::WouldBlock
        );
    }

    #[tokio::test]
    async fn addresses_with_tricks_are_refused_without_being_repeated() {
        let refused = [
            "ftp://a/",
            "a",
            "",
            "https://user:t0ken@a/",
            "https:///t0ken",
            "http://a/\r\nX: t0ken",
            "https://a/t0ken\0",
        ];
        for url in refused {
            let outcome = client(&[], Duration::from_secs(5))
                .post(&Secret::new(url.into()), None, Vec::new())
                .await
                .unwrap_err();
            assert!(
                matches!(outcome, NotifyError::Refused(_))
                    && !outcome.to_string().contains("t0ken"),
                "{url}: {outcome}"
            );
        }
    }
}
