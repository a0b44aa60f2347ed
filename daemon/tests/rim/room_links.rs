use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Answer, Client, Daemon};

fn booking(title: &str, day: u32, hour: u32) -> Value {
    json!({ "title": title, "starts_at": format!("2031-03-{day:02}T{hour:02}:00:00Z"),
        "ends_at": format!("2031-03-{day:02}T{:02}:00:00Z", hour + 1),
        "chair_site": "tinh", "sites": ["tra-giang", "son-my"] })
}

async fn book(client: &Client, input: Value) -> Answer {
    client
        .call(Method::POST, "/api/v1/conferences", Some(input))
        .await
}

async fn preview(client: &Client, room: &str, token: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    client
        .raw(
            Method::GET,
            &format!("/api/v1/rooms/{room}"),
            &[("authorization", &bearer)],
            Bytes::new(),
        )
        .await
}

#[tokio::test]
async fn conflicts_are_named_and_can_be_accepted() {
    let daemon = Daemon::start().await;
    let admin = daemon.admin().await;
    let first = book(&admin, booking("Giao ban", 3, 1)).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    let id = first.json()["id"].as_i64().expect("id");
    let mut second = booking("Phòng chống lụt bão", 3, 1);
    let refused = book(&admin, second.clone()).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::CONFLICT, "conflict")
    );
    assert_eq!(refused.json()["conflicts"][0]["conference"], id);
    assert_eq!(
        refused.json()["conflicts"][0]["sites"],
        json!(["tinh", "tra-giang", "son-my"])
    );
    let asked = admin
        .call(
            Method::POST,
            "/api/v1/conferences/conflicts",
            Some(second.clone()),
        )
        .await;
    assert_eq!(asked.json().as_array().map(Vec::len), Some(1));
    second["accept_conflicts"] = true.into();
    assert_eq!(book(&admin, second).await.status, StatusCode::OK);
    let third = book(&admin, booking("Tập huấn", 4, 1)).await.json()["id"]
        .as_i64()
        .expect("id");
    let path = format!("/api/v1/conferences/{third}");
    let onto = json!({ "starts_at": "2031-03-03T01:30:00Z", "ends_at": "2031-03-03T02:30:00Z" });
    let moved = admin.call(Method::PATCH, &path, Some(onto)).await;
    assert_eq!(
        (
            moved.code().as_str(),
            moved.json()["conflicts"].as_array().map(Vec::len)
        ),
        ("conflict", Some(2))
    );
    let free = json!({ "title": "Tập huấn (dời lịch)", "starts_at": "2031-03-05T01:30:00Z", "ends_at": "2031-03-05T02:30:00Z" });
    let moved = admin.call(Method::PATCH, &path, Some(free)).await;
    assert_eq!(moved.json()["title"], "Tập huấn (dời lịch)");
    let mut bad = booking("x", 6, 1);
    bad["sites"] = json!(["nowhere"]);
    assert_eq!(book(&admin, bad).await.code(), "unknown_site");
    let mut bad = booking("x", 6, 1);
    bad["ends_at"] = bad["starts_at"].clone();
    assert_eq!(book(&admin, bad).await.code(), "bad_time");
    let listed = admin
        .get("/api/v1/conferences?from=2031-03-01T00:00:00Z&to=2031-03-04T00:00:00Z")
        .await
        .json();
    assert_eq!(listed.as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_recurring_booking_survives_a_restart() {
    let daemon = Daemon::start().await;
    let admin = daemon.admin().await;
    let mut input = booking("Giao ban tuần", 3, 1);
    input["recurrence"] = json!({ "every": "week", "interval": 1, "count": 4 });
    let id = book(&admin, input).await.json()["id"].as_i64().expect("id");
    let restarted = nhipcau::app::App::start(
        daemon.store.clone(),
        crate::client::settings(daemon.folder.path().into()),
    )
    .await
    .expect("app");
    let before = daemon
        .app
        .bookings()
        .entry(nhipcau_conference::ConferenceId(id));
    assert!(before.is_some());
    assert_eq!(
        restarted
            .bookings()
            .entry(nhipcau_conference::ConferenceId(id)),
        before
    );
    let detail = admin.get(&format!("/api/v1/conferences/{id}")).await.json();
    assert_eq!(detail["occurrences"].as_array().map(Vec::len), Some(4));
    let cleared = json!({ "recurrence": null });
    let cleared = admin
        .call(
            Method::PATCH,
            &format!("/api/v1/conferences/{id}"),
            Some(cleared),
        )
        .await;
    assert!(cleared.json().get("recurrence").is_none());
}

#[tokio::test]
async fn links_are_for_hosts_and_open_their_own_room_only() {
    let daemon = Daemon::start().await;
    let admin = daemon.admin().await;
    let (host, viewer) = (
        daemon.person(&admin, "host").await,
        daemon.person(&admin, "viewer").await,
    );
    let id = book(&host, booking("Giao ban", 3, 1)).await.json()["id"]
        .as_i64()
        .expect("id");
    let other = book(&host, booking("Khác", 4, 1)).await.json();
    let path = format!("/api/v1/conferences/{id}");
    let hidden = viewer.get(&path).await;
    assert_eq!(hidden.status, StatusCode::OK);
    assert!(
        !hidden.text().contains('#') && hidden.json().get("host_link").is_none(),
        "{}",
        hidden.text()
    );
    let detail = host.get(&path).await.json();
    let room = detail["room"].as_str().expect("room").to_owned();
    let invitations = detail["invitations"]
        .as_array()
        .expect("invitations")
        .clone();
    let roles: Vec<_> = invitations
        .iter()
        .map(|i| (i["site"].as_str(), i["role"].as_str()))
        .collect();
    assert_eq!(
        roles,
        [
            (Some("tinh"), Some("chair")),
            (Some("tra-giang"), Some("delegate")),
            (Some("son-my"), Some("delegate"))
        ]
    );
    let start = format!("http://{}/p/{room}#", daemon.address);
    let token_of = |link: &Value| {
        link.as_str()
            .and_then(|link| link.strip_prefix(&start))
            .expect("a link")
            .to_owned()
    };
    let site_token = token_of(&invitations[1]["link"]);
    assert_eq!(site_token.len(), 22, "128 bits");
    let guest = daemon.client();
    let seen = preview(&guest, &room, &site_token).await.json();
    assert_eq!(
        (seen["site_name"].as_str(), seen["role"].as_str()),
        (Some("Xã Trà Giang"), Some("delegate"))
    );
    assert_eq!(
        (seen["state"].as_str(), seen["time_zone"].as_str()),
        (Some("scheduled"), Some("Asia/Ho_Chi_Minh"))
    );
    let beside = preview(&guest, &room, &token_of(&detail["host_link"]))
        .await
        .json();
    assert_eq!(
        (beside["site_name"].as_str(), beside["role"].as_str()),
        (Some("UBND tỉnh"), Some("secretary"))
    );
    let wrong_token = preview(&guest, &room, "AAAAAAAAAAAAAAAAAAAAAA").await;
    let wrong_room = preview(&guest, "aaaaaaaaaaaaaaaa", &site_token).await;
    let other_room = preview(&guest, other["room"].as_str().expect("room"), &site_token).await;
    let no_token = guest.get(&format!("/api/v1/rooms/{room}")).await;
    for answer in [&wrong_token, &wrong_room, &other_room, &no_token] {
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::NOT_FOUND, "no_such_room")
        );
        assert_eq!(
            answer.body, wrong_token.body,
            "a wrong room and a wrong token look alike"
        );
    }
    // Who stays invited keeps the link; who does not, loses it.
    let fewer = json!({ "sites": ["tra-giang"], "title": "Giao ban (dời)" });
    assert_eq!(
        host.call(Method::PATCH, &path, Some(fewer)).await.status,
        StatusCode::OK
    );
    assert_eq!(
        preview(&guest, &room, &site_token).await.status,
        StatusCode::OK
    );
    let withdrawn = token_of(&invitations[2]["link"]);
    assert_eq!(
        preview(&guest, &room, &withdrawn).await.code(),
        "no_such_room"
    );
    assert_eq!(
        host.call(Method::DELETE, &path, None).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        preview(&guest, &room, &site_token).await.json()["state"],
        "cancelled"
    );
}
