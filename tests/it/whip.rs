//! Devices of others in a room: aiortc, GStreamer's webrtcbin and werift by WHIP and WHEP. They prove moving pictures: frames that were decoded
//! and that differ from the one before.

use nhipcau_tests::client::{Answer, Client};
use nhipcau_tests::daemon::{Daemon, Setup};
use nhipcau_tests::peers::{Peer, Stack};
use nhipcau_tests::socket::Socket;
use nhipcau_tests::wait;
use serde_json::{Value, json};
use ureq::http::Method;

/// A daemon with a conference that is on.
pub(crate) struct Meeting {
    pub(crate) daemon: Daemon,
    pub(crate) admin: Client,
    pub(crate) id: i64,
    folder: tempfile::TempDir,
}

impl Meeting {
    pub(crate) fn begin() -> Self {
        Self::with_media_on(None)
    }

    pub(crate) fn with_media_on(media_on: Option<std::net::IpAddr>) -> Self {
        Self::of(Setup {
            media_on,
            ..Setup::default()
        })
    }

    pub(crate) fn of(setup: Setup) -> Self {
        let daemon = Daemon::start(Setup {
            config: setup.config.clone()
                + "sites: [{id: tinh, name: \"Tỉnh\"}, {id: son-my, name: \"Xã Sơn Mỹ\"}, {id: tra-giang, name: \"Xã Trà Giang\"}]\n",
            ..setup
        });
        let admin = daemon.admin();
        let second = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after 1970")
            .as_secs();
        let at = |second: u64| {
            let text = nhipcau_tests::program::run(std::process::Command::new("date").args([
                "-u",
                "-d",
                &format!("@{second}"),
                "+%Y-%m-%dT%H:%M:%SZ",
            ]));
            text.out.trim().to_owned()
        };
        let input = json!({ "title": "Giao ban", "starts_at": at(second - 60), "ends_at": at(second + 3_600),
            "chair_site": "tinh", "sites": ["son-my", "tra-giang"] });
        let conference = admin.post("/conferences", &input).json();
        Self {
            id: conference["id"].as_i64().expect("an id"),
            daemon,
            admin,
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    pub(crate) fn pass(&self, site: &str, direction: &str, name: &str) -> Value {
        let input = json!({ "site": site, "direction": direction, "name": name });
        self.admin
            .post(&format!("/conferences/{}/passes", self.id), &input)
            .json()
    }

    pub(crate) fn peer(&self, stack: Stack, pass: &Value) -> Option<Peer> {
        Peer::start(stack, pass, self.folder.path())
    }

    fn board(&self) -> Value {
        self.admin.get(&format!("/conferences/{}/board", self.id))
    }

    /// The seat of a device, once the board shows it as wanted.
    pub(crate) fn seat(&self, name: &str, satisfies: impl Fn(&Value) -> bool) -> Value {
        wait::until(&format!("{name} on the board"), || {
            let board = self.board();
            let rows = board["rows"].as_array()?;
            rows.iter()
                .flat_map(|row| row["participants"].as_array().into_iter().flatten())
                .find(|one| one["name"] == name && satisfies(one))
                .cloned()
        })
    }

    fn row(&self, site: &str, satisfies: impl Fn(&Value) -> bool) -> Value {
        wait::until(&format!("{site}'s row"), || {
            let board = self.board();
            let row = board["rows"]
                .as_array()?
                .iter()
                .find(|row| row["site"] == site)?
                .clone();
            satisfies(&row).then_some(row)
        })
    }

    pub(crate) fn desk(&self) -> Socket {
        Socket::open(&self.admin, &format!("/api/v1/desk/{}", self.id))
    }

    fn delete(&self, location: &str, pass: &Value) -> Answer {
        let path = location
            .strip_prefix(self.daemon.origin().as_str())
            .unwrap_or(location);
        self.daemon
            .client()
            .with_bearer(pass["token"].as_str().expect("a token"))
            .call(Method::DELETE, path, None)
    }
}

/// Thirty more decoded frames, nearly all of them different from the one before, from now on.
pub(crate) fn moves(player: &mut Peer) -> Value {
    let now = player.ask("stats");
    let (frames, changed) = (number(&now, "frames"), number(&now, "changed"));
    player.until("a moving picture", |stats| {
        number(stats, "frames") >= frames + 30 && number(stats, "changed") >= changed + 25
    })
}

pub(crate) fn number(stats: &Value, key: &str) -> u64 {
    stats[key].as_u64().unwrap_or(0)
}

#[test]
fn an_encoder_of_another_stack_is_seen_and_heard_by_a_player_and_obeys_the_host() {
    let meeting = Meeting::begin();
    let encoder_pass = meeting.pass("son-my", "send", "Máy quay");
    let player_pass = meeting.pass("tra-giang", "receive", "Màn hình");
    let Some(mut encoder) = meeting.peer(Stack::AiortcPublish, &encoder_pass) else {
        return;
    };
    let Some(mut player) = meeting.peer(Stack::AiortcPlay, &player_pass) else {
        return;
    };
    encoder.post();
    let seat = meeting.seat("Máy quay", |one| one["connected"] == true);
    assert_eq!(
        (&seat["kind"], &seat["role"], &seat["site"]),
        (&json!("encoder"), &json!("delegate"), &json!("son-my"))
    );
    player.post();
    let seen = moves(&mut player);
    assert_eq!(
        (number(&seen, "width"), number(&seen, "height")),
        (320, 180)
    );
    player.until("the tone is heard", |stats| number(stats, "loud") > 50);
    assert_eq!(
        meeting.seat("Màn hình", |one| one["connected"] == true)["kind"],
        "player"
    );

    // Muted: its sound is not forwarded, its picture goes on.
    let mut desk = meeting.desk();
    desk.send(&json!({ "type": "mute", "participant": seat["id"], "ref": "1" }));
    desk.until("muted", |message| message["ref"] == "1");
    meeting.seat("Máy quay", |one| one["muted_by_host"] == true);
    let quiet = wait::until("silence", || {
        let before = number(&player.ask("stats"), "sounds");
        std::thread::sleep(std::time::Duration::from_secs(1));
        let after = number(&player.ask("stats"), "sounds");
        (after == before).then_some(after)
    });
    moves(&mut player);
    assert_eq!(number(&player.ask("stats"), "sounds"), quiet);
    desk.send(&json!({ "type": "unmute", "participant": seat["id"], "ref": "2" }));
    desk.until("unmuted", |message| message["ref"] == "2");
    player.until("the tone is heard again", |stats| {
        number(stats, "sounds") > quiet + 50
    });

    // DELETE ends it: presence with its reason, the session is gone.
    assert_eq!(encoder.ask("delete")["status"], 200);
    meeting.row("son-my", |row| {
        row["state"] == "dropped" && row["reason"]["code"] == "left"
    });
    let attendance = meeting
        .admin
        .get(&format!("/conferences/{}/attendance", meeting.id));
    let interval = attendance
        .as_array()
        .expect("a list")
        .iter()
        .find(|one| one["participant"] == "Máy quay")
        .expect("devices attend");
    assert_eq!(interval["reason"]["code"], "left");
    assert_eq!(encoder.ask("delete")["status"], 404);
}

#[test]
fn a_second_post_replaces_the_first_and_a_revoked_pass_removes_the_device() {
    let meeting = Meeting::begin();
    let pass = meeting.pass("son-my", "send", "Máy quay");
    let Some(mut encoder) = meeting.peer(Stack::AiortcPublish, &pass) else {
        return;
    };
    let player_pass = meeting.pass("tra-giang", "receive", "Màn hình");
    let Some(mut player) = meeting.peer(Stack::AiortcPlay, &player_pass) else {
        return;
    };
    let first = encoder.post();
    player.post();
    moves(&mut player);
    let seat = meeting.seat("Máy quay", |one| one["connected"] == true);
    let same_seat = || {
        let again = meeting.seat("Máy quay", |one| one["connected"] == true);
        assert_eq!(
            (&again["id"], &again["role"]),
            (&seat["id"], &seat["role"]),
            "the seat is the same"
        );
    };
    // The former session is still up, and its late goodbye ends nothing: attendance goes on.
    let second = encoder.replace();
    assert_ne!(first["location"], second["location"]);
    moves(&mut player);
    same_seat();
    let intervals = || {
        let path = format!("/conferences/{}/attendance", meeting.id);
        let all = meeting.admin.get(&path);
        let own = all.as_array().expect("a list").iter().cloned();
        own.filter(|one| one["participant"] == "Máy quay")
            .collect::<Vec<_>>()
    };
    let attended = intervals();
    assert_eq!(attended.len(), 1, "{attended:?}");
    assert_eq!(attended[0]["left_at"], Value::Null);

    // A restarted encoder said goodbye first: it left for a moment, and sits where it sat.
    let third = encoder.post();
    moves(&mut player);
    same_seat();
    let attended = wait::until("a second interval", || {
        let attended = intervals();
        (attended.len() == 2).then_some(attended)
    });
    let reasons: Vec<&Value> = attended.iter().map(|one| &one["reason"]["code"]).collect();
    assert!(
        reasons.contains(&&json!("left")) && reasons.contains(&&Value::Null),
        "{attended:?}"
    );
    for former in [&first, &second] {
        assert_ne!(former["location"], third["location"]);
        let location = former["location"].as_str().expect("a location");
        assert_eq!(meeting.delete(location, &pass).status, 404);
    }

    let path = format!("/api/v1/conferences/{}/passes/{}", meeting.id, pass["id"]);
    assert_eq!(meeting.admin.call(Method::DELETE, &path, None).status, 204);
    meeting.row("son-my", |row| {
        row["state"] == "dropped" && row["reason"]["code"] == "removed"
    });
    let refused = encoder.ask("post");
    assert_eq!(refused["status"], 401, "{refused}");
    let said = meeting.daemon.logs() + &meeting.daemon.metrics();
    for pass in [&pass, &player_pass] {
        let token = pass["token"].as_str().expect("a token");
        assert!(!said.contains(token), "a token is in logs or metrics");
    }
}

#[test]
fn devices_come_back_to_their_seats_after_a_restart_of_the_daemon() {
    let mut meeting = Meeting::begin();
    let pass = meeting.pass("son-my", "send", "Máy quay");
    let player_pass = meeting.pass("tra-giang", "receive", "Màn hình");
    let Some(mut encoder) = meeting.peer(Stack::AiortcPublish, &pass) else {
        return;
    };
    let Some(mut player) = meeting.peer(Stack::AiortcPlay, &player_pass) else {
        return;
    };
    encoder.post();
    player.post();
    moves(&mut player);
    let seat = meeting.seat("Máy quay", |one| one["connected"] == true);
    let mut desk = meeting.desk();
    desk.send(&json!({ "type": "mute", "participant": seat["id"], "ref": "1" }));
    desk.until("muted", |message| message["ref"] == "1");
    meeting.seat("Máy quay", |one| one["muted_by_host"] == true);

    meeting.daemon.restart();
    meeting.admin = meeting.daemon.admin();
    encoder.post();
    player.post();
    let again = meeting.seat("Máy quay", |one| one["connected"] == true);
    assert_eq!(again["id"], seat["id"]);
    assert_eq!(again["muted_by_host"], true, "a mute outlives the daemon");
    let heard = number(&player.ask("stats"), "sounds");
    moves(&mut player);
    assert_eq!(number(&player.ask("stats"), "sounds"), heard);
}

#[test]
fn a_webrtcbin_encoder_is_seen_by_another_stack_through_an_ice_restart() {
    let Some(own) = nhipcau_tests::place::own_address() else {
        return;
    };
    let meeting = Meeting::with_media_on(Some(own));
    let encoder_pass = meeting.pass("son-my", "send", "GStreamer");
    let player_pass = meeting.pass("tra-giang", "receive", "werift");
    let Some(mut encoder) = meeting.peer(Stack::GstreamerVp8, &encoder_pass) else {
        return;
    };
    let Some(mut player) = meeting.peer(Stack::WeriftPlay, &player_pass) else {
        return;
    };
    encoder.post();
    player.post();
    moves(&mut player);
    player.until("the tone is heard", |stats| number(stats, "sounds") > 50);

    // Candidates are taken note of under the tag of this ICE session only; the bridge is ICE-lite and needs none.
    assert_eq!(player.ask("trickle \"1\"")["status"], 204);
    assert_eq!(player.ask("trickle \"7\"")["status"], 412);
    let restarted = player.ask("restart");
    assert_eq!(
        (&restarted["status"], &restarted["etag"]),
        (&json!(200), &json!("\"2\""))
    );
    // Longer than the three seconds after which a peer that is not heard is sent nothing: it is heard under its new credentials.
    for _ in 0..3 {
        moves(&mut player);
    }
    assert_eq!(player.ask("trickle \"1\"")["status"], 412);
    assert_eq!(player.ask("trickle \"2\"")["status"], 204);

    // What the host's desk says of both roads.
    let peers = format!("/conferences/{}/peers", meeting.id);
    let rows = meeting.admin.get(&peers);
    let row = |name: &str| {
        let rows = rows.as_array().expect("rows");
        let row = rows.iter().find(|row| row["name"] == name);
        row.unwrap_or_else(|| panic!("{name} in {rows:?}")).clone()
    };
    let (sends, receives) = (row("GStreamer"), row("werift"));
    assert!(sends["up_bps"].as_u64() > Some(50_000), "{sends}");
    assert!(sends["fps_up"].as_f64() > Some(8.0), "{sends}");
    assert!(receives["fps_down"].as_f64() > Some(8.0), "{receives}");
    assert_eq!(
        (&sends["transport"], &receives["kind"]),
        (&json!("udp"), &json!("player"))
    );
    let report = meeting.admin.get(&format!(
        "{peers}/{}",
        sends["participant"].as_str().expect("a seat")
    ));
    let picture = &report["up"][1];
    assert_eq!(
        (&picture["codec"], &picture["kind"]),
        (&json!("VP8"), &json!("video"))
    );
    assert!(picture["keyframes"].as_u64() > Some(0), "{report}");
    assert_eq!(encoder.ask("delete")["status"], 200);
}
