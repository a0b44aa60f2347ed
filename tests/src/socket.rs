//! A page's WebSocket.

use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use tungstenite::client::IntoClientRequest;
use tungstenite::http::{HeaderValue, header};
use tungstenite::{Message, WebSocket};

use crate::client::Client;
use crate::wait;

/// An open WebSocket of the daemon.
#[derive(Debug)]
pub struct Socket(WebSocket<TcpStream>);

impl Socket {
    /// Opens `path` with a client's session and address.
    ///
    /// # Panics
    /// When the daemon refuses.
    #[must_use]
    pub fn open(client: &Client, path: &str) -> Self {
        let host = client
            .origin()
            .strip_prefix("http://")
            .expect("tests speak plain HTTP on loopback");
        let mut request = format!("ws://{host}{path}")
            .into_client_request()
            .expect("an address");
        let word = |text: &str| HeaderValue::from_str(text).expect("a header");
        request
            .headers_mut()
            .insert(header::ORIGIN, word(client.origin()));
        if let Some(cookie) = client.cookie() {
            request.headers_mut().insert(header::COOKIE, word(cookie));
        }
        let stream = TcpStream::connect(host).expect("the daemon listens");
        stream
            .set_read_timeout(Some(Duration::from_millis(200)))
            .expect("a socket takes a timeout");
        let (socket, _) =
            tungstenite::client(request, stream).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self(socket)
    }

    /// Sends one message.
    ///
    /// # Panics
    /// When the connection is gone.
    pub fn send(&mut self, message: &Value) {
        self.0
            .send(Message::text(message.to_string()))
            .expect("the socket is open");
    }

    /// Reads until a message satisfies.
    ///
    /// # Panics
    /// When none comes or the connection ends.
    pub fn until(&mut self, what: &str, mut satisfies: impl FnMut(&Value) -> bool) -> Value {
        wait::until(what, || match self.0.read() {
            Ok(Message::Text(text)) => serde_json::from_str(&text)
                .ok()
                .filter(|message| satisfies(message)),
            Ok(_) => None,
            Err(tungstenite::Error::Io(error))
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) =>
            {
                None
            }
            Err(error) => panic!("waiting for {what}: {error}"),
        })
    }
}
