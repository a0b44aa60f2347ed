//! A console's client: one session, JSON in and out.

use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::{HeaderMap, Method, Request, Response, header};

/// Largest answer that is read: the whole lab's devices take about 200 KB, a database's dump less than this.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// Strong by the daemon's rules, and no secret.
const PASSWORD: &str = "cầu treo Trà My 2026";

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub kind: String,
    /// All of its head.
    pub head: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    cookie: Option<String>,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// When the status is no success or the body no JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        assert!(
            (200..300).contains(&self.status),
            "status {}: {}",
            self.status,
            self.text()
        );
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The code of a refusal, empty when there is none.
    #[must_use]
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// A line of the head, empty when there is none.
    #[must_use]
    pub fn says(&self, name: &str) -> &str {
        let value = self.head.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A session, or nobody yet.
#[derive(Debug, Clone)]
pub struct Client {
    agent: ureq::Agent,
    origin: String,
    cookie: Option<String>,
    bearer: Option<String>,
}

impl Client {
    /// Nobody, at `http://ADDRESS:PORT`.
    #[must_use]
    pub fn new(origin: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(20)));
        Self {
            agent: config.build().into(),
            origin: origin.to_owned(),
            cookie: None,
            bearer: None,
        }
    }

    /// The same, with a bearer token on every request.
    #[must_use]
    pub fn with_bearer(mut self, token: &str) -> Self {
        self.bearer = Some(format!("Bearer {token}"));
        self
    }

    /// Where the daemon is.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// `name=value` of the session.
    #[must_use]
    pub fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    /// Makes the first account and signs in with it.
    ///
    /// # Panics
    /// When the daemon refuses.
    pub fn set_up(&mut self, token: &str) {
        let input = json!({ "token": token, "username": "quantri", "password": PASSWORD, "display_name": "Quản trị" });
        let answer = self.post("/setup", &input);
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.cookie.clone_from(&answer.cookie);
    }

    /// Signs in with the account of [`Client::set_up`].
    ///
    /// # Panics
    /// When the daemon refuses.
    pub fn sign_in(&mut self) {
        let answer = self.post(
            "/session",
            &json!({ "username": "quantri", "password": PASSWORD }),
        );
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.cookie.clone_from(&answer.cookie);
    }

    /// Reads a path of the API as JSON.
    ///
    /// # Panics
    /// When the answer is no success.
    #[must_use]
    pub fn get(&self, path: &str) -> Value {
        self.call(Method::GET, &format!("/api/v1{path}"), None)
            .json()
    }

    /// Posts to a path of the API.
    #[must_use]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, &format!("/api/v1{path}"), Some(body))
    }

    /// Reads any path.
    #[must_use]
    pub fn read(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None)
    }

    /// Calls any path.
    ///
    /// # Panics
    /// When no answer comes.
    #[must_use]
    pub fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.try_call(method, path, body)
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Calls any path of a daemon that may be away.
    ///
    /// # Errors
    /// What the connection said.
    ///
    /// # Panics
    /// When `path` is no path.
    pub fn try_call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.origin))
            .header(header::ORIGIN, &self.origin);
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        if let Some(bearer) = &self.bearer {
            request = request.header(header::AUTHORIZATION, bearer);
        }
        let answer = match body {
            Some(body) => {
                let request = request
                    .header(header::CONTENT_TYPE, "application/json")
                    .body(body.to_string());
                self.agent.run(request.expect("paths of tests are paths"))
            }
            None => self
                .agent
                .run(request.body(()).expect("paths of tests are paths")),
        };
        read(answer?)
    }

    /// Sends exactly these headers and this body to any path, as a device does.
    ///
    /// # Panics
    /// When no answer comes.
    #[must_use]
    pub fn raw(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.origin))
            // One that waits may be closed by the daemon just when it is used again.
            .header(header::CONNECTION, "close");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = if body.is_empty() {
            self.agent.run(request.body(()).expect("a request"))
        } else {
            self.agent
                .run(request.body(body.to_owned()).expect("a request"))
        };
        answer
            .and_then(read)
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

fn read(mut answer: Response<ureq::Body>) -> Result<Answer, ureq::Error> {
    let word = |name| {
        answer
            .headers()
            .get(name)
            .and_then(|value: &header::HeaderValue| value.to_str().ok())
    };
    let kind = word(header::CONTENT_TYPE).unwrap_or_default().to_owned();
    let cookie = word(header::SET_COOKIE)
        .and_then(|text| text.split(';').next())
        .map(str::to_owned);
    let status = answer.status().as_u16();
    let body = answer
        .body_mut()
        .with_config()
        .limit(ANSWER_BYTES_MAX)
        .read_to_vec()?;
    Ok(Answer {
        status,
        kind,
        head: answer.headers().clone(),
        body,
        cookie,
    })
}
