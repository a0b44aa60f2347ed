//! Invitations, read back by an independent reader.

use icalendar::parser::{Component, read_calendar, unfold};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use nhipcau_conference::ics::{Invitation, calendar};
use nhipcau_conference::{Booking, ConferenceId, Entry, Every, Recurrence, SiteKey};

use crate::clock::time;

fn entry(title: &str, start: &str) -> Entry {
    let starts_at = time(start);
    Entry {
        id: ConferenceId(42),
        booking: Booking {
            title: title.to_owned(),
            description: "Giao ban phòng, chống bão; mang theo báo cáo\\số liệu.\nĐúng giờ."
                .to_owned(),
            starts_at,
            ends_at: starts_at + SignedDuration::from_mins(90),
            chair_site: SiteKey::from("ubnd"),
            sites: vec![SiteKey::from("tam-ky")],
            recurrence: Some(Recurrence {
                every: Every::Week,
                interval: 2,
                count: None,
                until: Some(time("2027-03-30T00:00:00Z")),
            }),
        },
        sequence: 3,
        cancelled: false,
        ended: Vec::new(),
    }
}

const INVITATION: Invitation<'static> = Invitation {
    domain: "hop.quangnam.gov.vn",
    organizer_name: "Văn phòng \"UBND\" tỉnh",
    organizer_email: Some("vanphong@quangnam.gov.vn"),
    link: Some("https://hop.quangnam.gov.vn/p/abc#tokentokentokentokentoken"),
    location: "Điểm cầu trung tâm; Tam Kỳ",
};

fn written(entry: &Entry, zone: &str) -> String {
    let zone = TimeZone::get(zone).expect("a zone");
    calendar(entry, &zone, &INVITATION, time("2026-11-01T00:00:00Z"))
}

fn value<'a>(component: &'a Component<'a>, name: &str) -> Option<&'a str> {
    component
        .properties
        .iter()
        .find(|p| p.name.as_str() == name)
        .map(|p| p.val.as_str())
}

#[test]
fn an_invitation_reads_back_as_it_was_meant() {
    let text = written(
        &entry(
            "Giao ban tuần, khối nội chính; số 1",
            "2026-11-21T01:30:00Z",
        ),
        "Asia/Ho_Chi_Minh",
    );
    let unfolded = unfold(&text);
    assert!(unfolded.contains("SUMMARY:Giao ban tuần\\, khối nội chính\\; số 1\r\n"));
    let read = read_calendar(&unfolded).expect("an independent reader accepts it");
    assert_eq!(
        read.properties
            .iter()
            .find(|p| p.name.as_str() == "METHOD")
            .map(|p| p.val.as_str()),
        Some("REQUEST")
    );
    let event = read
        .components
        .iter()
        .find(|c| c.name.as_str() == "VEVENT")
        .expect("an event");
    assert_eq!(
        value(event, "UID"),
        Some("conference-42@hop.quangnam.gov.vn")
    );
    assert_eq!(value(event, "SEQUENCE"), Some("3"));
    assert_eq!(value(event, "DTSTART"), Some("20261121T083000"));
    assert_eq!(value(event, "DTEND"), Some("20261121T100000"));
    assert_eq!(
        value(event, "RRULE"),
        Some("FREQ=WEEKLY;INTERVAL=2;UNTIL=20270330T000000Z")
    );
    assert_eq!(
        value(event, "SUMMARY"),
        Some("Giao ban tuần, khối nội chính; số 1")
    );
    assert_eq!(
        value(event, "ORGANIZER"),
        Some("mailto:vanphong@quangnam.gov.vn")
    );
    assert!(
        value(event, "DESCRIPTION")
            .is_some_and(|d| d.contains("bão; mang theo báo cáo\\số liệu.\nĐúng giờ.\n\nhttps://"))
    );
    let zone = read
        .components
        .iter()
        .find(|c| c.name.as_str() == "VTIMEZONE")
        .expect("a zone");
    assert_eq!(value(zone, "TZID"), Some("Asia/Ho_Chi_Minh"));
    assert_eq!(value(&zone.components[0], "TZOFFSETTO"), Some("+0700"));
}

#[test]
fn lines_are_folded_at_75_octets_and_never_inside_a_character() {
    let title = "Hội nghị trực tuyến sơ kết công tác phòng chống thiên tai ".repeat(3);
    let text = written(
        &entry(title.trim(), "2026-11-21T01:30:00Z"),
        "Asia/Ho_Chi_Minh",
    );
    assert!(text.ends_with("END:VCALENDAR\r\n"));
    for line in text.split_terminator("\r\n") {
        assert!(line.len() <= 75, "{} octets: {line}", line.len());
        assert!(!line.contains(['\r', '\n']));
    }
    assert!(unfold(&text).contains(title.trim()));
}

#[test]
fn hostile_text_cannot_begin_a_line() {
    let mut hostile = entry("x", "2026-11-21T01:30:00Z");
    hostile.booking.title = "a\r\nATTENDEE:mailto:evil@example.com\rB\u{0}".to_owned();
    let zone = TimeZone::get("Asia/Ho_Chi_Minh").expect("a zone");
    let invitation = Invitation {
        domain: "x\r\nEVIL:1",
        organizer_name: "n\"\r\nEVIL:2",
        organizer_email: Some("a@b\r\nEVIL:3"),
        link: Some("https://x/\r\nEVIL:4"),
        location: "l\r\nEVIL:5",
    };
    let text = calendar(&hostile, &zone, &invitation, time("2026-11-01T00:00:00Z"));
    assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']));
    for line in unfold(&text).split("\r\n") {
        assert!(
            !line.starts_with("EVIL") && !line.starts_with("ATTENDEE"),
            "{line}"
        );
    }
    assert!(
        !text.contains("ORGANIZER"),
        "an address that is none is left out"
    );
}

#[test]
fn a_zone_with_summer_time_lists_its_changes_and_a_cancelled_booking_says_so() {
    let mut cancelled = entry("Họp", "2026-10-20T06:30:00Z");
    cancelled.cancelled = true;
    let text = written(&cancelled, "Europe/Berlin");
    assert!(text.contains("METHOD:CANCEL\r\n") && text.contains("STATUS:CANCELLED\r\n"));
    let unfolded = unfold(&text);
    let read = read_calendar(&unfolded).expect("readable");
    let zone = read
        .components
        .iter()
        .find(|c| c.name.as_str() == "VTIMEZONE")
        .expect("a zone");
    let seen: Vec<_> = zone
        .components
        .iter()
        .map(|c| {
            (
                c.name.as_str(),
                value(c, "DTSTART").unwrap_or(""),
                value(c, "TZOFFSETTO").unwrap_or(""),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("DAYLIGHT", "20260329T020000", "+0200"),
            ("STANDARD", "20261025T030000", "+0100"),
        ],
        "the last occurrence, 23 March, is before the next change"
    );
}
