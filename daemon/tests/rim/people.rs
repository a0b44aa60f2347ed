use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use nhipcau::app::App;
use nhipcau::http::views::AccountRole;
use nhipcau::http::{Access, table};
use serde_json::json;

use crate::client::{Client, Daemon, PASSWORD, settings, site};

#[tokio::test]
async fn the_setup_works_once_and_with_its_token_only() {
    let daemon = Daemon::start().await;
    let client = daemon.client();
    assert_eq!(client.get("/api/v1/session").await.json()["state"], "setup");
    let input = |token: &str, password: &str| {
        Some(
            json!({ "token": token, "username": "lan", "password": password, "display_name": "Lan" }),
        )
    };
    let token = daemon.app.setup_token().expect("no account yet");
    let wrong = client
        .call(Method::POST, "/api/v1/setup", input("guess", PASSWORD))
        .await;
    assert_eq!(
        (wrong.status, wrong.code().as_str()),
        (StatusCode::FORBIDDEN, "wrong_setup_token")
    );
    let weak = client
        .call(Method::POST, "/api/v1/setup", input(&token, "short"))
        .await;
    assert_eq!(weak.code(), "weak_password");
    let done = client
        .call(Method::POST, "/api/v1/setup", input(&token, PASSWORD))
        .await;
    assert_eq!(done.status, StatusCode::OK);
    assert_eq!(done.json()["account"]["role"], "admin");
    assert!(daemon.app.setup_token().is_none());
    let again = client
        .call(Method::POST, "/api/v1/setup", input(&token, PASSWORD))
        .await;
    assert_eq!(
        (again.status, again.code().as_str()),
        (StatusCode::CONFLICT, "setup_done")
    );
    assert_eq!(
        client.get("/api/v1/session").await.json()["state"],
        "anonymous"
    );
    let restarted = App::start(daemon.store.clone(), settings(daemon.folder.path().into()))
        .await
        .expect("app");
    assert!(restarted.setup_token().is_none());
}

#[tokio::test]
async fn guessing_is_stopped_for_the_right_password_too() {
    let daemon = Daemon::start().await;
    daemon.admin().await;
    let client = daemon.client();
    let try_with = |password: &str| json!({ "username": "admin", "password": password });
    for _ in 0..10 {
        let answer = client
            .call(Method::POST, "/api/v1/session", Some(try_with("wrong")))
            .await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::UNAUTHORIZED, "wrong_credentials")
        );
    }
    let stopped = client
        .call(Method::POST, "/api/v1/session", Some(try_with(PASSWORD)))
        .await;
    assert_eq!(
        (stopped.status, stopped.code().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts")
    );
    assert!(!stopped.header("retry-after").is_empty());
    let unknown = json!({ "username": "nobody", "password": PASSWORD });
    let unknown = client
        .call(Method::POST, "/api/v1/session", Some(unknown))
        .await;
    assert_eq!(
        unknown.code(),
        "wrong_credentials",
        "an unknown name is answered like a wrong password"
    );
}

#[tokio::test]
async fn a_session_ends_by_sign_out_new_password_and_disabling() {
    let daemon = Daemon::start().await;
    let admin = daemon.admin().await;
    let viewer = daemon.person(&admin, "viewer").await;
    let other = daemon.sign_in("viewer").await;
    let id = viewer.get("/api/v1/session").await.json()["account"]["id"]
        .as_i64()
        .expect("id");
    let own = format!("/api/v1/accounts/{id}");
    let promote = viewer
        .call(Method::PATCH, &own, Some(json!({ "role": "admin" })))
        .await;
    assert_eq!(promote.code(), "forbidden");
    let new = viewer
        .call(
            Method::PATCH,
            &own,
            Some(json!({ "password": "một mật khẩu khác" })),
        )
        .await;
    assert_eq!(new.status, StatusCode::OK, "{}", new.text());
    assert_eq!(
        viewer.get("/api/v1/sites").await.status,
        StatusCode::OK,
        "the session of the change stays"
    );
    assert_eq!(
        other.get("/api/v1/sites").await.code(),
        "not_signed_in",
        "the others end"
    );
    let disabled = admin
        .call(Method::PATCH, &own, Some(json!({ "disabled": true })))
        .await;
    assert_eq!(disabled.json()["disabled"], true);
    assert_eq!(viewer.get("/api/v1/sites").await.code(), "not_signed_in");
    let admin_id = admin.get("/api/v1/session").await.json()["account"]["id"]
        .as_i64()
        .expect("id");
    let last = admin
        .call(
            Method::PATCH,
            &format!("/api/v1/accounts/{admin_id}"),
            Some(json!({ "role": "host" })),
        )
        .await;
    assert_eq!(last.code(), "forbidden", "one admin must remain");
    let taken =
        json!({ "username": "VIEWER", "display_name": "x", "role": "host", "password": PASSWORD });
    assert_eq!(
        admin
            .call(Method::POST, "/api/v1/accounts", Some(taken))
            .await
            .code(),
        "duplicate"
    );
    let out = admin.call(Method::DELETE, "/api/v1/session", None).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(admin.get("/api/v1/accounts").await.code(), "not_signed_in");
    let log = daemon.store.audit().page(None, 100).await.expect("audit");
    let said: Vec<&str> = log.iter().map(|row| row.action.as_str()).collect();
    for action in [
        "setup.done",
        "session.begun",
        "account.created",
        "account.changed",
    ] {
        assert!(said.contains(&action), "{action} is missing in {said:?}");
    }
    assert!(
        log.iter().all(|row| !row.detail.contains("mật khẩu")),
        "no password in the log"
    );
}

#[tokio::test]
async fn only_pages_of_this_daemon_may_change_something() {
    let daemon = Daemon::start().await;
    let admin = daemon.admin().await;
    let body = || Bytes::from(json!({ "id": "x", "name": "x", "kind": "x" }).to_string());
    let json_kind = ("content-type", "application/json");
    let own = format!("http://{}", daemon.address);
    let port = daemon.address.port();
    let other_port = format!("http://127.0.0.1:{}", port.wrapping_add(1));
    let secure = format!("https://{}", daemon.address);
    let foreign = format!("http://evil.example:{port}");
    for origin in [
        "",
        "null",
        "http://evil.example",
        &other_port,
        &secure,
        &format!("{own}.evil.example"),
        &format!("{own}/"),
    ] {
        let mut headers = vec![json_kind];
        if !origin.is_empty() {
            headers.push(("origin", origin));
        }
        let answer = admin
            .raw(Method::POST, "/api/v1/sites", &headers, body())
            .await;
        assert_eq!(answer.code(), "wrong_origin", "origin {origin:?}");
    }
    let twice = [
        json_kind,
        ("origin", own.as_str()),
        ("origin", "http://evil.example"),
    ];
    assert_eq!(
        admin
            .raw(Method::POST, "/api/v1/sites", &twice, body())
            .await
            .code(),
        "wrong_origin"
    );
    // A foreign name that resolves to loopback: Origin and Host agree, and are foreign.
    let host = format!("evil.example:{port}");
    let rebound = [
        json_kind,
        ("host", host.as_str()),
        ("origin", foreign.as_str()),
    ];
    assert_eq!(
        admin
            .raw(Method::POST, "/api/v1/sites", &rebound, body())
            .await
            .code(),
        "wrong_origin"
    );
    assert_eq!(
        admin
            .raw(Method::GET, "/api/v1/sites", &rebound, Bytes::new())
            .await
            .code(),
        "wrong_origin"
    );
    let socket = [
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("origin", "http://evil.example"),
    ];
    assert_eq!(
        admin
            .raw(Method::GET, "/api/v1/session", &socket, Bytes::new())
            .await
            .code(),
        "wrong_origin"
    );
    let good = [json_kind, ("origin", own.as_str())];
    assert_eq!(
        admin
            .raw(Method::POST, "/api/v1/sites", &good, body())
            .await
            .status,
        StatusCode::OK
    );
}

/// A path of the table with its variables filled by what does not exist.
fn concrete(path: &str) -> String {
    path.split('/')
        .map(|part| match part.split_once('}') {
            Some((_, rest)) if part.starts_with('{') => format!("999999{rest}"),
            _ => part.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("/")
}

#[tokio::test]
async fn every_route_for_every_role() {
    let daemon = Daemon::start().await;
    let admin = daemon.admin().await;
    let mut people: Vec<(Option<AccountRole>, Client)> = vec![(None, daemon.client())];
    for role in AccountRole::ALL
        .into_iter()
        .filter(|role| *role != AccountRole::Admin)
    {
        people.push((Some(role), daemon.person(&admin, role.as_str()).await));
    }
    people.push((Some(AccountRole::Admin), admin));
    // The metrics look at address and bearer, never at the role; `Scrapers::allow` has them. Devices come with a pass; `passes` has them.
    for route in table().into_iter().filter(|route| {
        route.access != Access::Bearer && !["/metrics", "/snmp", "/sd/http"].contains(&route.path)
    }) {
        for (role, client) in &mut people {
            let answer = client
                .call(route.method.clone(), &concrete(route.path), None)
                .await;
            let who = format!(
                "{} {} as {role:?}: {} {}",
                route.method,
                route.path,
                answer.status,
                answer.text()
            );
            let refused = ["not_signed_in", "forbidden"].contains(&answer.code().as_str());
            match (route.access.allows(*role), role.as_ref()) {
                (false, None) => assert_eq!(answer.code(), "not_signed_in", "{who}"),
                (false, Some(_)) => assert_eq!(answer.code(), "forbidden", "{who}"),
                (true, _) => assert!(!refused, "{who}"),
            }
            if let (true, Some(role)) = (
                route.method == Method::DELETE && route.path.ends_with("/session"),
                role,
            ) {
                *client = daemon.sign_in(role.as_str()).await;
            }
        }
    }
}

/// The role column of PROTOCOL.md against the table that the router is built from.
#[test]
fn the_table_gives_the_roles_of_the_protocol() {
    let protocol = include_str!("../../PROTOCOL.md");
    let mut documented = std::collections::BTreeMap::new();
    for line in protocol.lines().filter(|line| {
        line.starts_with("| GET") || line.starts_with("| P") || line.starts_with("| D")
    }) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let (mut method, mut path) = (String::new(), String::new());
        for piece in cells[1].split('·') {
            let words: Vec<&str> = piece.split_whitespace().collect();
            if let Some(word) = words
                .iter()
                .find(|word| word.chars().all(|c| c.is_ascii_uppercase()))
            {
                method = (*word).to_owned();
            }
            if let Some(named) = piece.split('`').nth(1) {
                let named = named.split('?').next().unwrap_or(named);
                path = match (named.starts_with('.'), path.rsplit_once('.')) {
                    (true, Some((stem, _))) => format!("{stem}{named}"),
                    (true, None) => format!("{path}{named}"),
                    _ => named.to_owned(),
                };
            }
            documented.insert((method.clone(), path.clone()), cells[2].to_owned());
        }
    }
    for route in table() {
        let path = route.path.strip_prefix("/api/v1").unwrap_or(route.path);
        if ["/live", "/desk/{conference}", "/room/{room}"].contains(&path)
            || route.method == Method::OPTIONS
        {
            continue;
        }
        let key = (route.method.to_string(), path.to_owned());
        let role = documented
            .get(&key)
            .unwrap_or_else(|| panic!("{key:?} is not in PROTOCOL.md"));
        let wanted = match role.as_str() {
            "any" => Access::SignedIn,
            // "admin; PATCH own password: any": `app` tells the two apart.
            role if role.contains("own password") && route.method == Method::PATCH => {
                Access::SignedIn
            }
            "pass" => Access::Bearer,
            role => AccountRole::from_word(role.split(';').next().unwrap_or(role).trim())
                .map_or(Access::Anyone, Access::Role),
        };
        assert_eq!(route.access, wanted, "{key:?}");
    }
}

#[tokio::test]
async fn bodies_are_read_strictly() {
    let daemon = Daemon::start().await;
    let admin = daemon.admin().await;
    let own = format!("http://{}", daemon.address);
    let post = async |client: &Client, kind: &str, body: &str| {
        let headers = [("origin", own.as_str()), ("content-type", kind)];
        client
            .raw(
                Method::POST,
                "/api/v1/sites",
                &headers,
                Bytes::from(body.to_owned()),
            )
            .await
    };
    let kind = "application/json";
    let unknown = post(
        &admin,
        kind,
        r#"{"id":"a","name":"a","kind":"x","surprise":1}"#,
    )
    .await;
    assert_eq!(
        (unknown.status, unknown.code().as_str()),
        (StatusCode::BAD_REQUEST, "unknown_key")
    );
    assert_eq!(unknown.json()["error"]["field"], "surprise");
    let twice = post(
        &admin,
        kind,
        r#"{"id":"a","name":"a","kind":"x","name":"b"}"#,
    )
    .await;
    assert_eq!(
        (twice.code().as_str(), &twice.json()["error"]["field"]),
        ("bad_request", &json!("name"))
    );
    let nested = post(
        &admin,
        kind,
        r#"{"id":"a","name":"a","kind":"x","uplink":{"device":"d","interface":"i","x":1}}"#,
    )
    .await;
    assert_eq!(nested.code(), "unknown_key");
    assert_eq!(
        post(&admin, kind, r#"{"id":"a","name":"a","kind":"x"} x"#)
            .await
            .code(),
        "bad_request"
    );
    assert_eq!(
        post(&admin, "text/plain", r#"{"id":"a","name":"a","kind":"x"}"#)
            .await
            .code(),
        "bad_request"
    );
    let big = format!(
        r#"{{"id":"a","name":"{}","kind":"x"}}"#,
        "a".repeat(256 * 1024)
    );
    let big = post(&admin, kind, &big).await;
    assert_eq!(
        (big.status, big.code().as_str()),
        (StatusCode::PAYLOAD_TOO_LARGE, "too_large")
    );
    let query = admin
        .get("/api/v1/conferences?form=2026-01-01T00:00:00Z")
        .await;
    assert_eq!(query.code(), "unknown_key");
    assert_eq!(
        admin.get("/api/v1/conferences/abc").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        post(&admin, kind, &"[".repeat(10_000)).await.code(),
        "bad_request",
        "depth is bounded"
    );
}

#[tokio::test]
async fn the_tree_of_sites_holds_and_keeps_its_accents() {
    let daemon = Daemon::start().await;
    let admin = daemon.admin().await;
    let put = |site: serde_json::Value| Some(site);
    let hanoi = json!({ "id": "tra-my", "name": "Xã Nam Trà My", "kind": "commune", "parent": "tinh",
        "uplink": { "device": "r-tra-my", "interface": "Gi0/0/0" }, "capacity_bps": 10_000_000, "phone": "0235 388" });
    let made = admin
        .call(Method::POST, "/api/v1/sites", put(hanoi.clone()))
        .await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text());
    assert_eq!(made.json()["name"], "Xã Nam Trà My");
    assert_eq!(
        admin
            .call(Method::POST, "/api/v1/sites", put(hanoi))
            .await
            .code(),
        "duplicate"
    );
    let orphan = json!({ "id": "x", "name": "x", "kind": "x", "parent": "nowhere" });
    assert_eq!(
        admin
            .call(Method::POST, "/api/v1/sites", put(orphan))
            .await
            .code(),
        "unknown_site"
    );
    let cycle =
        json!({ "id": "tinh", "name": "UBND tỉnh", "kind": "province", "parent": "tra-my" });
    let cycle = admin
        .call(Method::PATCH, "/api/v1/sites/tinh", put(cycle))
        .await;
    assert_eq!(
        (cycle.code().as_str(), &cycle.json()["error"]["field"]),
        ("bad_request", &json!("parent"))
    );
    let parent = admin.call(Method::DELETE, "/api/v1/sites/tinh", None).await;
    assert_eq!(
        (parent.status, parent.code().as_str()),
        (StatusCode::CONFLICT, "site_has_children")
    );
    let renamed =
        json!({ "id": "son-my", "name": "Xã Tịnh Khê", "kind": "commune", "parent": "tinh" });
    assert_eq!(
        admin
            .call(Method::PATCH, "/api/v1/sites/son-my", put(renamed))
            .await
            .status,
        StatusCode::OK
    );
    assert_eq!(
        admin
            .call(Method::DELETE, "/api/v1/sites/tra-giang", None)
            .await
            .status,
        StatusCode::NO_CONTENT
    );
    let mut fresh = settings(daemon.folder.path().into());
    fresh.sites.push(site("an-phu", "Xã An Phú", Some("tinh")));
    daemon.app.reload(fresh).await.expect("reload");
    let sites = admin.get("/api/v1/sites").await.json();
    let names: Vec<&str> = sites
        .as_array()
        .expect("list")
        .iter()
        .filter_map(|site| site["name"].as_str())
        .collect();
    assert_eq!(
        names,
        ["Xã An Phú", "Xã Tịnh Khê", "UBND tỉnh", "Xã Nam Trà My"],
        "edits and deletions on the page outlive a reload"
    );
    assert_eq!(sites[0]["health"], "unknown");
}
