use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use jiff::Timestamp;
use nhipcau::http::server::{Limits, Server, ServerError};
use nhipcau::http::tls::Certificates;
use nhipcau::store::NewRecording;
use nhipcau_conference::ConferenceId;
use nhipcau_media_rtc::{Bridge, BridgeConfig};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::client::{Daemon, PASSWORD, send};

/// Only a net for a test that hangs; nothing is measured by it.
const NET: Duration = Duration::from_secs(60);

fn hasty() -> Limits {
    Limits {
        head_within: Duration::from_millis(200),
        stall_max: Duration::from_millis(200),
        ..Limits::default()
    }
}

async fn until_closed(stream: &mut TcpStream) -> usize {
    let (mut buffer, mut total) = (vec![0; 64 * 1024], 0);
    let all = async {
        while let Ok(read) = stream.read(&mut buffer).await {
            if read == 0 {
                break;
            }
            total += read;
        }
    };
    timeout(NET, all)
        .await
        .expect("the daemon closes the connection");
    total
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let daemon = Daemon::with(hasty()).await;
    let mut slow = TcpStream::connect(daemon.address).await.expect("connect");
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        .await
        .expect("write");
    until_closed(&mut slow).await;
    let mut silent = TcpStream::connect(daemon.address).await.expect("connect");
    until_closed(&mut silent).await;
    assert_eq!(daemon.client().get("/healthz").await.text(), "ok");
}

#[tokio::test]
async fn connections_beyond_the_cap_wait_and_a_slow_client_gives_its_place_back() {
    let daemon = Daemon::with(Limits {
        connections_max: 1,
        ..hasty()
    })
    .await;
    let mut slow = TcpStream::connect(daemon.address).await.expect("connect");
    slow.write_all(b"GET /healthz").await.expect("write");
    // Waits in the system's queue until the slow one is cut off.
    let answer = timeout(NET, daemon.client().get("/healthz"))
        .await
        .expect("a place becomes free");
    assert_eq!(answer.status, StatusCode::OK);
    until_closed(&mut slow).await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_off() {
    const SIZE: usize = 64 * 1024 * 1024;
    let daemon = Daemon::with(hasty()).await;
    let admin = daemon.admin().await;
    std::fs::File::create(daemon.folder.path().join("big.mkv"))
        .and_then(|file| file.set_len(SIZE as u64))
        .expect("a file");
    let new = NewRecording {
        conference: ConferenceId(1),
        title: "x".to_owned(),
        file: "big.mkv".to_owned(),
        started_at: Timestamp::UNIX_EPOCH,
    };
    let id = daemon.store.recordings().begin(new).await.expect("begin");
    let mut lazy = TcpStream::connect(daemon.address).await.expect("connect");
    let cookie = admin.cookie.as_deref().expect("signed in");
    let head = format!(
        "GET /api/v1/recordings/{id}/file HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\r\n",
        daemon.address
    );
    lazy.write_all(head.as_bytes()).await.expect("write");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let got = until_closed(&mut lazy).await;
    assert!(got < SIZE, "the whole file came although nothing was taken");
}

#[tokio::test]
async fn nonsense_does_not_disturb_others() {
    let daemon = Daemon::start().await;
    let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(100_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(500));
    let none = b"GET /api/v1/session HTTP/1.1\r\n\r\n".as_slice();
    for bytes in [
        long.as_bytes(),
        many.as_bytes(),
        b"\x16\x03\x01\x02\x00\x01",
        b"\0\0\0\0\r\n\r\n",
        none,
    ] {
        let mut stream = TcpStream::connect(daemon.address).await.expect("connect");
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        until_closed(&mut stream).await;
    }
    assert_eq!(daemon.client().get("/healthz").await.text(), "ok");
}

#[tokio::test]
async fn plain_http_is_refused_beyond_loopback_and_a_taken_port_is_named() {
    let anywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let refused = Server::plain(anywhere, Limits::default())
        .await
        .err()
        .expect("refused");
    assert!(matches!(refused, ServerError::NotLoopback(_)));
    let daemon = Daemon::start().await;
    let taken = Server::plain(daemon.address, Limits::default())
        .await
        .err()
        .expect("taken");
    assert!(
        taken.to_string().contains(&daemon.address.to_string()),
        "{taken}"
    );
}

/// A TLS connection to a server whose own certificate lies in `folder`, with what the client offers by ALPN.
async fn connect(address: SocketAddr, folder: &Path, offers: &[&[u8]]) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(folder.join("self-signed.pem")).expect("PEM"))
        .expect("trusted");
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = offers.iter().map(|name| name.to_vec()).collect();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(address).await.expect("connect");
    let name = ServerName::try_from("127.0.0.1").expect("name");
    connector
        .connect(name, stream)
        .await
        .expect("the certificate names the address")
}

/// An Allocate request without credentials (RFC 8656 section 7.1): for UDP.
const ALLOCATE: &[u8] =
    b"\x00\x03\x00\x08\x21\x12\xa4\x42transaction!\x00\x19\x00\x04\x11\x00\x00\x00";

/// The answer to it: 401 with the same transaction.
async fn is_challenged(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    // In two parts: the first bytes alone must be enough to tell who speaks, and none may be lost.
    let (first, rest) = ALLOCATE.split_at(5);
    stream.write_all(first).await.expect("write");
    stream.flush().await.expect("flush");
    tokio::time::sleep(Duration::from_millis(50)).await;
    stream.write_all(rest).await.expect("write");
    stream.flush().await.expect("flush");
    let mut head = [0; 20];
    timeout(NET, stream.read_exact(&mut head))
        .await
        .expect("an answer")
        .expect("whole");
    assert_eq!(
        (&head[..2], &head[8..]),
        (&b"\x01\x13"[..], &ALLOCATE[8..20])
    );
}

#[tokio::test]
async fn one_port_carries_pages_turn_over_tls_and_media_without() {
    let daemon = Daemon::start().await;
    let folder = daemon.folder.path();
    let certificates = Arc::new(Certificates::made(folder, &[]).expect("a certificate"));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (bridge, _events) = Bridge::start(BridgeConfig {
        bind: vec![address],
        ..BridgeConfig::default()
    })
    .expect("a bridge");
    let shared = bridge.clone();
    let server = Server::https(address, certificates, hasty())
        .await
        .expect("listens")
        .sharing(Arc::new(move |stream, session, first| {
            shared.adopt(stream, session, first);
        }));
    let address = server.address().expect("address");
    let (_stop, stopped) = watch::channel(false);
    let router = nhipcau::http::router(daemon.app.clone(), Arc::new(|_| {}));
    tokio::spawn(server.serve(router, stopped));

    for offers in [&[][..], &[&b"stun.turn"[..]], &[&b"http/1.1"[..]]] {
        is_challenged(connect(address, folder, offers).await).await;
    }
    is_challenged(TcpStream::connect(address).await.expect("connect")).await;
    let request = Request::builder()
        .uri("/healthz")
        .header("host", address.to_string())
        .body(Full::new(Bytes::new()))
        .expect("a request");
    let answer = send(connect(address, folder, &[]).await, request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    // Who says nothing, or nothing of ours, is closed: before TLS, and within it.
    let mut silent = TcpStream::connect(address).await.expect("connect");
    until_closed(&mut silent).await;
    let mut stranger = TcpStream::connect(address).await.expect("connect");
    stranger.write_all(&[0; 64]).await.expect("write");
    until_closed(&mut stranger).await;
    let mut mute = connect(address, folder, &[]).await;
    let closed = timeout(NET, mute.read(&mut [0; 8])).await.expect("closed");
    assert!(!matches!(closed, Ok(1..)));
    assert!(bridge.stats().streams.accepted >= 4);
}

#[tokio::test]
async fn tls_from_the_first_start_with_a_host_cookie() {
    let daemon = Daemon::start().await;
    let folder = daemon.folder.path();
    let certificates = Arc::new(Certificates::made(folder, &[]).expect("a certificate"));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::https(address, certificates, Limits::default())
        .await
        .expect("listens");
    let address = server.address().expect("address");
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(server.serve(
        nhipcau::http::router(daemon.app.clone(), Arc::new(|_| {})),
        stopped,
    ));

    let stream = connect(address, folder, &[]).await;
    let token = daemon.app.setup_token().expect("no account yet");
    let input =
        json!({ "token": token, "username": "lan", "password": PASSWORD, "display_name": "Lan" });
    let request = Request::builder()
        .method(Method::POST)
        .uri("/api/v1/setup")
        .header("host", address.to_string())
        .header("origin", format!("https://{address}"))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(input.to_string())))
        .expect("a request");
    let answer = send(stream, request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-nhipcau="), "{cookie}");
    for flag in ["; Path=/", "; HttpOnly", "; SameSite=Strict", "; Secure"] {
        assert!(cookie.contains(flag), "{flag} is missing in {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert_eq!(
        answer.header("strict-transport-security"),
        "",
        "not with a certificate of our own making"
    );
    let plain = daemon.sign_in("lan").await.cookie.expect("a cookie");
    assert!(plain.starts_with("nhipcau="), "over plain HTTP: {plain}");

    let mut mute = TcpStream::connect(address).await.expect("connect");
    mute.write_all(b"GET / HTTP/1.1\r\n\r\n")
        .await
        .expect("no TLS");
    until_closed(&mut mute).await;
    stop.send(true).expect("still serving");
    timeout(NET, serving).await.expect("drains").expect("ends");
    assert!(
        TcpStream::connect(address).await.is_err(),
        "nobody listens any more"
    );
}
