//! Connections to servers: plain or TLS, one request each.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// No connection and no answer takes longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest answer: the links of a large conference.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// A connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Who is trusted.
#[derive(Clone)]
pub(crate) struct Network {
    tls: TlsConnector,
}

/// An answer, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// The status with the beginning of the body, for people.
    pub(crate) fn complaint(&self) -> String {
        let begin: String = self.body.chars().take(200).collect();
        format!("{} {}", self.status, begin.trim())
    }
}

impl Network {
    /// The system's certificates, and those of `ca`.
    pub(crate) fn new(ca: Option<&Path>) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = ca {
            let said = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
            let certificates = CertificateDer::pem_file_iter(path).map_err(|error| said(&error))?;
            for certificate in certificates {
                roots
                    .add(certificate.map_err(|error| said(&error))?)
                    .map_err(|error| said(&error))?;
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Connects to the server of `url`.
    pub(crate) async fn connect(&self, url: &Uri) -> Result<Box<dyn Stream>, String> {
        let connect = async {
            let secure = match url.scheme_str() {
                Some("https") => true,
                Some("http") => false,
                _ => return Err(format!("{url}: neither http nor https")),
            };
            let host = url.host().ok_or_else(|| format!("{url}: no host"))?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
            let stream = TcpStream::connect((host, port))
                .await
                .map_err(|error| format!("{host}:{port}: {error}"))?;
            let _ = stream.set_nodelay(true);
            if !secure {
                return Ok(Box::new(stream) as Box<dyn Stream>);
            }
            let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
            let stream = self
                .tls
                .connect(name, stream)
                .await
                .map_err(|error| format!("{host}:{port}: {error}"))?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        };
        tokio::time::timeout(PATIENCE, connect)
            .await
            .map_err(|_| format!("{url}: no connection within {} s", PATIENCE.as_secs()))?
    }

    /// Asks once, over a connection of its own.
    pub(crate) async fn ask(
        &self,
        method: Method,
        url: &Uri,
        headers: &[(HeaderName, String)],
        body: String,
    ) -> Result<Answer, String> {
        let stream = self.connect(url).await?;
        let exchange = async {
            let said = |error: hyper::Error| error.to_string();
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream))
                    .await
                    .map_err(said)?;
            let driver = tokio::spawn(connection);
            let path = url.path_and_query().map_or("/", |path| path.as_str());
            let mut request = Request::builder().method(method).uri(path);
            request = request.header(hyper::header::HOST, authority(url));
            for (name, value) in headers {
                let value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
                request = request.header(name, value);
            }
            let request = request
                .body(Full::new(Bytes::from(body)))
                .map_err(|error| error.to_string())?;
            let answer = sender.send_request(request).await.map_err(said)?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX)
                .collect()
                .await
                .map_err(|error| error.to_string())?
                .to_bytes();
            driver.abort();
            Ok(Answer {
                status: head.status,
                headers: head.headers,
                body: String::from_utf8_lossy(&body).into_owned(),
            })
        };
        tokio::time::timeout(PATIENCE, exchange)
            .await
            .map_err(|_| format!("{url}: no answer within {} s", PATIENCE.as_secs()))?
            .map_err(|error: String| format!("{url}: {error}"))
    }
}

/// `HOST:PORT` as in the address.
pub(crate) fn authority(url: &Uri) -> String {
    url.authority().map(ToString::to_string).unwrap_or_default()
}

/// Whether the server is on this machine.
pub(crate) fn is_loopback(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}
