use std::io::Read as _;

use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use jiff::Timestamp;
use nhipcau::store::NewRecording;
use nhipcau_conference::{AttendanceEntry, ConferenceId, Reason, Role, SeatId, SiteKey};
use serde_json::json;

use crate::client::Daemon;

const HOSTILE: &str = "=HYPERLINK(\"http://evil.example\",\"x\")\r\nBEGIN:VEVENT,<script>";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

async fn meeting(daemon: &Daemon, title: &str) -> (crate::client::Client, i64) {
    let admin = daemon.admin().await;
    let input = json!({ "title": title, "starts_at": "2031-03-03T01:30:00Z", "ends_at": "2031-03-03T02:30:00Z",
        "chair_site": "tinh", "sites": ["tra-giang", "son-my"], "description": "Dòng 1\nEND:VCALENDAR\nDòng 3" });
    let booked = admin
        .call(Method::POST, "/api/v1/conferences", Some(input))
        .await;
    let id = booked.json()["id"]
        .as_i64()
        .unwrap_or_else(|| panic!("{}", booked.text()));
    let mut entry = AttendanceEntry {
        interval: 1,
        seat: SeatId(1),
        site: SiteKey::from("tra-giang"),
        site_name: "Xã Trà Giang".to_owned(),
        participant: HOSTILE.to_owned(),
        role: Role::Delegate,
        joined_at: at("2031-03-03T01:31:00Z"),
        left_at: None,
        reason: None,
    };
    let (conference, occurrence) = (ConferenceId(id), at("2031-03-03T01:30:00Z"));
    daemon
        .store
        .attendance()
        .put(conference, occurrence, entry.clone())
        .await
        .expect("open");
    entry.left_at = Some(at("2031-03-03T02:01:00Z"));
    entry.reason = Some(
        Reason::new("line_down")
            .with("device", "r-tinh-khe")
            .with("interface", "Gi0/0/1"),
    );
    daemon
        .store
        .attendance()
        .put(conference, occurrence, entry.clone())
        .await
        .expect("close");
    let number = AttendanceEntry {
        interval: 2,
        seat: SeatId(2),
        participant: "0235".to_owned(),
        ..entry
    };
    daemon
        .store
        .attendance()
        .put(conference, occurrence, number)
        .await
        .expect("second");
    (admin, id)
}

#[tokio::test]
async fn hostile_names_are_harmless_in_spreadsheets_and_calendars() {
    let daemon = Daemon::start().await;
    let (admin, id) = meeting(&daemon, "@SUM(1) Giao ban; \"trực tuyến\"").await;
    let path = |end: &str| format!("/api/v1/conferences/{id}/{end}");
    let listed = admin.get(&path("attendance")).await.json();
    assert_eq!(
        listed.as_array().map(Vec::len),
        Some(2),
        "an interval that closes is one row"
    );
    assert_eq!(
        listed[0]["reason"],
        json!({ "code": "line_down", "args": { "device": "r-tinh-khe", "interface": "Gi0/0/1" } })
    );
    let csv = admin.get(&path("attendance.csv")).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert!(csv.text().starts_with('\u{feff}') && csv.text().contains("Xã Trà Giang"));
    for line in csv.text().lines() {
        for cell in line.split(',') {
            let start = cell.trim_start_matches(['\u{feff}', '"', ' ']);
            assert!(
                !start.starts_with(['=', '+', '-', '@']),
                "a formula: {line}"
            );
        }
    }
    let xlsx = admin.get(&path("attendance.xlsx")).await;
    assert!(
        xlsx.header("content-disposition")
            .contains(&format!("nhipcau-{id}.xlsx"))
    );
    let mut sheets = String::new();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&xlsx.body)).expect("a workbook");
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).expect("a part");
        let name = file.name().expect("a name").into_owned();
        if name.contains("worksheets/") || name.contains("sharedStrings") {
            file.read_to_string(&mut sheets).expect("XML");
        }
    }
    assert!(
        !sheets.contains("<f>") && !sheets.contains("<hyperlink"),
        "no formula, no link"
    );
    assert!(
        sheets.contains("'=HYPERLINK") && sheets.contains(">0235<") && sheets.contains("Xã Sơn Mỹ")
    );
    let ics = admin.get(&path("calendar.ics")).await;
    assert_eq!(ics.header("content-type"), "text/calendar; charset=utf-8");
    let text = ics.text();
    assert_eq!(
        text.lines().filter(|line| *line == "BEGIN:VEVENT").count(),
        1
    );
    assert_eq!(
        text.lines().filter(|line| *line == "END:VCALENDAR").count(),
        1
    );
    assert!(text.lines().all(|line| line.len() <= 75));
    assert_eq!(
        admin
            .get("/api/v1/conferences/999/attendance.csv")
            .await
            .status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn recordings_come_in_ranges_and_never_from_elsewhere() {
    let daemon = Daemon::start().await;
    let (admin, conference) = meeting(&daemon, "Giao ban").await;
    let bytes: Vec<u8> = (0..=255_u8).cycle().take(200_000).collect();
    std::fs::write(daemon.folder.path().join("r1.mkv"), &bytes).expect("a file");
    std::fs::write(daemon.folder.path().join("secret"), "secret").expect("a file");
    std::os::unix::fs::symlink(
        daemon.folder.path().join("secret"),
        daemon.folder.path().join("link.mkv"),
    )
    .expect("a link");
    let add = async |file: &str| {
        let new = NewRecording {
            conference: ConferenceId(conference),
            title: "../../etc/passwd\u{202e}".to_owned(),
            file: file.to_owned(),
            started_at: at("2031-03-03T01:31:00Z"),
        };
        daemon.store.recordings().begin(new).await.expect("begin")
    };
    let good = add("r1.mkv").await;
    daemon
        .store
        .recordings()
        .end(good, at("2031-03-03T02:00:00Z"), 200_000, false, None)
        .await
        .expect("end");
    let path = format!("/api/v1/recordings/{good}/file");
    let whole = admin.get(&path).await;
    assert_eq!(
        (whole.status, whole.header("content-type")),
        (StatusCode::OK, "video/x-matroska")
    );
    assert_eq!(
        whole.header("content-disposition"),
        format!("attachment; filename=\"nhipcau-{conference}-{good}.mkv\"")
    );
    assert!(whole.body == bytes);
    let part = admin
        .raw(
            Method::GET,
            &path,
            &[("range", "bytes=1000-1999")],
            Bytes::new(),
        )
        .await;
    assert_eq!(
        (part.status, part.header("content-range")),
        (StatusCode::PARTIAL_CONTENT, "bytes 1000-1999/200000")
    );
    assert!(part.body == bytes[1000..2000]);
    let beyond = admin
        .raw(
            Method::GET,
            &path,
            &[("range", "bytes=200000-")],
            Bytes::new(),
        )
        .await;
    assert_eq!(
        (beyond.status, beyond.header("content-range")),
        (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */200000")
    );
    for file in [
        "../secret",
        "/etc/passwd",
        "link.mkv",
        "gone.mkv",
        ".hidden",
        "a\0b",
    ] {
        let id = add(file).await;
        let answer = admin.get(&format!("/api/v1/recordings/{id}/file")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{file:?}");
    }
    let listed = admin
        .get(&format!("/api/v1/recordings?conference={conference}"))
        .await
        .json();
    assert_eq!(listed.as_array().map(Vec::len), Some(7));
    assert_eq!(listed[6]["state"], "done");
}
