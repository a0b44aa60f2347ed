//! Passes of devices and the rim of WHIP and WHEP; the media behind it is shown by `tests/it`.

use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Answer, Client, Daemon};

/// A booked conference: its path in the API and the name of its room.
async fn booked(admin: &Client) -> (String, String) {
    let input = json!({ "title": "Giao ban", "starts_at": "2031-03-03T01:00:00Z", "ends_at": "2031-03-03T02:00:00Z",
        "chair_site": "tinh", "sites": ["tra-giang", "son-my"] });
    let answer = admin
        .call(Method::POST, "/api/v1/conferences", Some(input))
        .await;
    let conference = answer.json();
    (
        format!("/api/v1/conferences/{}", conference["id"]),
        conference["room"].as_str().expect("a room").to_owned(),
    )
}

async fn made(client: &Client, conference: &str, site: &str, direction: &str) -> Answer {
    let input =
        json!({ "site": site, "direction": direction, "name": " Máy quay\u{202e} hội trường " });
    client
        .call(Method::POST, &format!("{conference}/passes"), Some(input))
        .await
}

async fn asked(
    client: &Client,
    method: Method,
    path: &str,
    token: Option<&str>,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut all = headers.to_vec();
    if let Some(bearer) = &bearer {
        all.push(("authorization", bearer));
    }
    client
        .raw(method, path, &all, Bytes::from(body.to_owned()))
        .await
}

const SDP: (&str, &str) = ("content-type", "application/sdp");

fn said(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.code())
}

#[tokio::test]
async fn a_pass_is_shown_once_kept_as_a_hash_and_revoked() {
    let daemon = Daemon::start().await;
    let admin = daemon.admin().await;
    let (conference, room) = booked(&admin).await;
    let answer = made(&admin, &conference, "tra-giang", "send").await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let pass = answer.json();
    let token = pass["token"].as_str().expect("a token").to_owned();
    assert!(token.len() >= 22, "128 bits");
    assert_eq!(
        pass["url"],
        format!("http://{}/whip/{room}", daemon.address)
    );
    assert_eq!(pass["name"], "Máy quay hội trường");
    assert_eq!(pass["expires_at"], "2031-03-04T02:00:00Z");

    let listed = admin.get(&format!("{conference}/passes")).await;
    assert_eq!(listed.json().as_array().map(Vec::len), Some(1));
    assert!(!listed.text().contains(&token));
    for file in ["nhipcau.db", "nhipcau.db-wal"] {
        let bytes = std::fs::read(daemon.folder.path().join(file)).unwrap_or_default();
        assert!(
            !bytes
                .windows(token.len())
                .any(|window| window == token.as_bytes()),
            "{file} holds the token"
        );
    }

    let one = format!("{conference}/passes/{}", pass["id"]);
    assert_eq!(
        admin.call(Method::DELETE, &one, None).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        admin.call(Method::DELETE, &one, None).await.status,
        StatusCode::NOT_FOUND
    );
    let path = format!("/whip/{room}");
    let refused = asked(&admin, Method::POST, &path, Some(&token), &[SDP], "v=0").await;
    assert_eq!(said(&refused), (401, "wrong_token".to_owned()));
}

#[tokio::test]
async fn passes_are_for_invited_sites_hosts_and_a_limited_time() {
    let daemon = Daemon::start().await;
    let admin = daemon.admin().await;
    let (conference, _) = booked(&admin).await;
    let refused = |input: Value| {
        let (admin, path) = (&admin, format!("{conference}/passes"));
        async move { admin.call(Method::POST, &path, Some(input)).await.code() }
    };
    let base = json!({ "site": "tra-giang", "direction": "send", "name": "x" });
    let with = |key: &str, value: Value| {
        let mut input = base.clone();
        input[key] = value;
        input
    };
    assert_eq!(
        refused(with("site", json!("nowhere"))).await,
        "unknown_site"
    );
    assert_eq!(
        refused(with("name", json!("\u{200b}"))).await,
        "bad_request"
    );
    assert_eq!(
        refused(with("direction", json!("both"))).await,
        "bad_request"
    );
    for end in ["2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"] {
        assert_eq!(refused(with("expires_at", json!(end))).await, "bad_time");
    }
    let viewer = daemon.person(&admin, "viewer").await;
    assert_eq!(
        made(&viewer, &conference, "tra-giang", "send").await.code(),
        "forbidden"
    );
    assert_eq!(
        viewer.get(&format!("{conference}/passes")).await.code(),
        "forbidden"
    );
}

#[tokio::test]
async fn a_device_needs_the_right_token_of_the_right_room_and_direction_and_no_session_helps() {
    let daemon = Daemon::start().await;
    let admin = daemon.admin().await;
    let (conference, room) = booked(&admin).await;
    let token = made(&admin, &conference, "tra-giang", "send").await.json()["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let (whip, whep) = (format!("/whip/{room}"), format!("/whep/{room}"));
    let session = format!("{whip}/nosuchsession");
    let nobody = daemon.client();

    // A signed-in administrator without a token is nobody here; so is a page of this daemon.
    let origin = format!("http://{}", daemon.address);
    let own = [SDP, ("origin", origin.as_str())];
    for path in [&whip, &whep] {
        let refused = asked(&admin, Method::POST, path, None, &own, "v=0").await;
        assert_eq!(said(&refused), (401, "wrong_token".to_owned()));
        assert_eq!(refused.header("www-authenticate"), "Bearer");
        assert_eq!(refused.header("access-control-allow-origin"), "*");
    }
    let cases = [
        (&whip, "no-such-one", [SDP], 401, "wrong_token"),
        (
            &"/whip/otherroom".to_owned(),
            token.as_str(),
            [SDP],
            401,
            "wrong_token",
        ),
        (&whep, token.as_str(), [SDP], 403, "wrong_direction"),
        (
            &whip,
            token.as_str(),
            [("content-type", "application/json")],
            415,
            "unsupported_media_type",
        ),
    ];
    for (path, token, headers, status, code) in cases {
        let refused = asked(&nobody, Method::POST, path, Some(token), &headers, "v=0").await;
        assert_eq!(said(&refused), (status, code.to_owned()), "{path}");
        assert!(!refused.text().contains(token), "the token is not repeated");
    }
    let long = "a".repeat(256 * 1024 + 1);
    let refused = asked(&nobody, Method::POST, &whip, Some(&token), &[SDP], &long).await;
    assert_eq!(said(&refused), (413, "too_large".to_owned()));

    let fragment = ("content-type", "application/trickle-ice-sdpfrag");
    let refused = asked(
        &nobody,
        Method::PATCH,
        &session,
        Some(&token),
        &[fragment],
        "",
    )
    .await;
    assert_eq!(said(&refused), (428, "precondition_required".to_owned()));
    for method in [Method::GET, Method::PUT] {
        let refused = asked(&nobody, method, &session, Some(&token), &[SDP], "").await;
        assert_eq!(refused.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    let refused = asked(&nobody, Method::DELETE, &session, Some("wrong"), &[], "").await;
    assert_eq!(said(&refused), (401, "wrong_token".to_owned()));
}

#[tokio::test]
async fn pages_of_any_origin_may_ask_because_no_cookie_counts() {
    let daemon = Daemon::start().await;
    let nobody = daemon.client();
    for path in ["/whip/r", "/whep/r", "/whip/r/s", "/whep/r/s"] {
        let headers = [
            ("origin", "https://studio.example"),
            ("access-control-request-method", "POST"),
        ];
        let answer = asked(&nobody, Method::OPTIONS, path, None, &headers, "").await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        assert!(
            answer
                .header("access-control-allow-headers")
                .contains("Authorization")
        );
        assert_eq!(answer.header("accept-post"), "application/sdp");
    }
}

#[tokio::test]
async fn guessed_tokens_shut_the_address_with_a_429() {
    let daemon = Daemon::start().await;
    let nobody = daemon.client();
    let mut codes = Vec::new();
    for n in 0..61 {
        let token = format!("guess-{n}");
        let answer = asked(
            &nobody,
            Method::POST,
            "/whip/r",
            Some(&token),
            &[SDP],
            "v=0",
        )
        .await;
        codes.push(said(&answer));
    }
    assert_eq!(codes[59], (401, "wrong_token".to_owned()));
    assert_eq!(codes[60], (429, "too_many_attempts".to_owned()));
}
