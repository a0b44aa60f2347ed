//! A small HTTP client and a daemon's web side in this process, over real sockets.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::header::{CONTENT_TYPE, COOKIE, HOST, ORIGIN, SET_COOKIE};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use nhipcau::app::{App, Settings};
use nhipcau::config::Config;
use nhipcau::http::server::{Limits, Server};
use nhipcau::http::views::SiteInput;
use nhipcau::store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::watch;

pub(crate) const PASSWORD: &str = "cầu treo Trà My 2026";

pub(crate) struct Daemon {
    pub(crate) app: App,
    pub(crate) store: Store,
    pub(crate) address: SocketAddr,
    pub(crate) folder: TempDir,
    _stop: watch::Sender<bool>,
}

pub(crate) fn site(id: &str, name: &str, parent: Option<&str>) -> SiteInput {
    SiteInput {
        id: id.to_owned(),
        name: name.to_owned(),
        kind: "commune".to_owned(),
        parent: parent.map(str::to_owned),
        agency_code: None,
        uplink: None,
        capacity_bps: None,
        phone: None,
    }
}

pub(crate) fn settings(recordings: PathBuf) -> Settings {
    let config = Config::parse_documents(Vec::new(), false).expect("the embedded default");
    Settings {
        sites: vec![
            site("tinh", "UBND tỉnh", None),
            site("tra-giang", "Xã Trà Giang", Some("tinh")),
            site("son-my", "Xã Sơn Mỹ", Some("tinh")),
        ],
        recordings,
        ..Settings::of(&config, false)
    }
}

impl Daemon {
    pub(crate) async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let store = Store::open(&folder.path().join("nhipcau.db")).expect("store");
        let app = App::start(store.clone(), settings(folder.path().to_owned()))
            .await
            .expect("app");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = Server::plain(address, limits).await.expect("loopback");
        let address = server.address().expect("address");
        let (stop, stopped) = watch::channel(false);
        let router = nhipcau::http::router(app.clone(), Arc::new(|_| {}));
        tokio::spawn(server.serve(router, stopped));
        Self {
            app,
            store,
            address,
            folder,
            _stop: stop,
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client {
            address: self.address,
            cookie: None,
        }
    }

    /// The first account, an admin, signed in.
    pub(crate) async fn admin(&self) -> Client {
        let mut client = self.client();
        let token = self.app.setup_token().expect("no account yet");
        let input = json!({ "token": token, "username": "admin", "password": PASSWORD, "display_name": "Quản trị" });
        let answer = client
            .call(Method::POST, "/api/v1/setup", Some(input))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        client.cookie = Some(answer.cookie());
        client
    }

    /// An account of a role, signed in.
    pub(crate) async fn person(&self, admin: &Client, role: &str) -> Client {
        let input =
            json!({ "username": role, "display_name": role, "role": role, "password": PASSWORD });
        let answer = admin
            .call(Method::POST, "/api/v1/accounts", Some(input))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        self.sign_in(role).await
    }

    pub(crate) async fn sign_in(&self, username: &str) -> Client {
        let mut client = self.client();
        let input = json!({ "username": username, "password": PASSWORD });
        let answer = client
            .call(Method::POST, "/api/v1/session", Some(input))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        client.cookie = Some(answer.cookie());
        client
    }
}

pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) cookie: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub(crate) fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["error"]["code"].as_str().unwrap_or("").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap_or(""))
    }

    /// The `name=value` of the cookie that the answer sets.
    pub(crate) fn cookie(&self) -> String {
        self.header(SET_COOKIE.as_str())
            .split(';')
            .next()
            .unwrap_or("")
            .to_owned()
    }
}

impl Client {
    /// A request as a page of the daemon makes it.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let origin = format!("http://{}", self.address);
        let bytes = body
            .map(|body| Bytes::from(body.to_string()))
            .unwrap_or_default();
        self.raw(
            method,
            path,
            &[
                (ORIGIN.as_str(), origin.as_str()),
                (CONTENT_TYPE.as_str(), "application/json"),
            ],
            bytes,
        )
        .await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.raw(Method::GET, path, &[], Bytes::new()).await
    }

    /// A request with exactly these headers, `Host` and cookie.
    pub(crate) async fn raw(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Answer {
        let stream = TcpStream::connect(self.address)
            .await
            .expect("the daemon listens");
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header(HOST, self.address.to_string());
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(stream, request.body(Full::new(body)).expect("a request")).await
    }
}

/// Sends one request over a stream of any kind.
pub(crate) async fn send<S>(stream: S, request: Request<Full<Bytes>>) -> Answer
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.expect("http");
    tokio::spawn(connection);
    let answer = sender.send_request(request).await.expect("an answer");
    let (head, body) = answer.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    Answer {
        status: head.status,
        headers: head.headers,
        body,
    }
}
