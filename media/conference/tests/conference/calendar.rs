//! Bookings: recurrence in zones with and without summer time, conflicts, moves, doors.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use nhipcau_conference::{
    Booking, Calendar, CalendarTerms, Code, ConferenceId, ConferenceState, Every, OCCURRENCES_MAX,
    Occupancy, Phase, Recurrence, SiteKey,
};

use crate::clock::{Dice, time};

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("a zone of the bundled database")
}

fn booking(starts_at: &str, minutes: i64, sites: &[&str]) -> Booking {
    let starts_at = time(starts_at);
    Booking {
        title: "Giao ban".to_owned(),
        description: String::new(),
        starts_at,
        ends_at: starts_at + SignedDuration::from_mins(minutes),
        chair_site: SiteKey::from(sites[0]),
        sites: sites[1..].iter().map(|site| SiteKey::from(*site)).collect(),
        recurrence: None,
    }
}

fn repeated(mut booking: Booking, every: Every, interval: u32, count: Option<u32>) -> Booking {
    booking.recurrence = Some(Recurrence {
        every,
        interval,
        count,
        until: None,
    });
    booking
}

fn locals(booking: &Booking, zone: &TimeZone) -> Vec<String> {
    booking
        .occurrences(zone)
        .iter()
        .map(|o| {
            zone.to_datetime(o.starts_at)
                .strftime("%m-%d %H:%M")
                .to_string()
        })
        .collect()
}

#[test]
fn half_past_eight_stays_half_past_eight_where_there_is_no_summer_time() {
    let zone = zone("Asia/Ho_Chi_Minh");
    let daily = repeated(
        booking("2026-03-27T01:30:00Z", 60, &["ubnd", "a"]),
        Every::Day,
        1,
        Some(4),
    );
    assert_eq!(
        locals(&daily, &zone),
        ["03-27 08:30", "03-28 08:30", "03-29 08:30", "03-30 08:30"]
    );
}

#[test]
fn half_past_eight_stays_half_past_eight_over_a_change_of_offset() {
    let zone = zone("Europe/Berlin");
    let weekly = repeated(
        booking("2026-03-20T07:30:00Z", 60, &["x", "a"]),
        Every::Week,
        1,
        Some(3),
    );
    assert_eq!(
        locals(&weekly, &zone),
        ["03-20 08:30", "03-27 08:30", "04-03 08:30"]
    );
    let starts: Vec<_> = weekly
        .occurrences(&zone)
        .iter()
        .map(|o| o.starts_at)
        .collect();
    assert_eq!(starts[2], time("2026-04-03T06:30:00Z"));
    // 02:30 does not exist on 29 March: it moves by the gap, and only on that day.
    let nightly = repeated(
        booking("2026-03-28T01:30:00Z", 30, &["x", "a"]),
        Every::Day,
        1,
        Some(3),
    );
    assert_eq!(
        locals(&nightly, &zone),
        ["03-28 02:30", "03-29 03:30", "03-30 02:30"]
    );
    assert!(
        nightly
            .occurrences(&zone)
            .iter()
            .all(|o| o.ends_at.duration_since(o.starts_at) == SignedDuration::from_mins(30))
    );
}

#[test]
fn a_month_without_the_day_is_skipped_and_until_is_the_last_start() {
    let zone = zone("Asia/Ho_Chi_Minh");
    let monthly = repeated(
        booking("2026-08-31T01:30:00Z", 60, &["x", "a"]),
        Every::Month,
        1,
        Some(4),
    );
    assert_eq!(
        locals(&monthly, &zone),
        ["08-31 08:30", "10-31 08:30", "12-31 08:30", "01-31 08:30"]
    );
    let mut until = monthly.clone();
    until.recurrence.as_mut().expect("a rule").count = None;
    until.recurrence.as_mut().expect("a rule").until = Some(time("2026-12-31T01:30:00Z"));
    assert_eq!(locals(&until, &zone).len(), 3);
    let endless = repeated(
        booking("2026-08-31T01:30:00Z", 60, &["x", "a"]),
        Every::Day,
        1,
        None,
    );
    assert_eq!(endless.occurrences(&zone).len(), OCCURRENCES_MAX as usize);
}

#[test]
fn bad_bookings_are_refused_with_code_and_field() {
    let zone = zone("Asia/Ho_Chi_Minh");
    let good = booking("2026-11-21T01:30:00Z", 60, &["x", "a", "b"]);
    let known = |site: &SiteKey| site.as_str() != "nowhere";
    assert_eq!(good.check(&zone, known), Ok(()));
    type Spoil = fn(&mut Booking);
    let cases: [(Spoil, Code, &str); 11] = [
        (|b| b.title = "  ".to_owned(), Code::BadRequest, "title"),
        (|b| b.title = "x\r\ny".to_owned(), Code::BadRequest, "title"),
        (|b| b.ends_at = b.starts_at, Code::BadTime, "ends_at"),
        (
            |b| b.ends_at = b.starts_at + SignedDuration::from_hours(97),
            Code::BadTime,
            "ends_at",
        ),
        (
            |b| b.starts_at = time("1970-01-01T00:00:00Z"),
            Code::BadTime,
            "ends_at",
        ),
        (|b| b.sites.clear(), Code::BadRequest, "sites"),
        (
            |b| b.sites.push(SiteKey::from("a")),
            Code::Duplicate,
            "sites",
        ),
        (
            |b| b.sites.push(SiteKey::from("nowhere")),
            Code::UnknownSite,
            "sites",
        ),
        (
            |b| b.chair_site = SiteKey::from("nowhere"),
            Code::UnknownSite,
            "chair_site",
        ),
        (
            |b| *b = repeated(b.clone(), Every::Day, 0, None),
            Code::BadTime,
            "recurrence",
        ),
        (
            |b| {
                b.ends_at = b.starts_at + SignedDuration::from_hours(25);
                *b = repeated(b.clone(), Every::Day, 1, Some(2));
            },
            Code::BadTime,
            "recurrence",
        ),
    ];
    for (index, (spoil, code, field)) in cases.into_iter().enumerate() {
        let mut bad = good.clone();
        spoil(&mut bad);
        let refused = bad.check(&zone, known).expect_err("a spoilt booking");
        assert_eq!((refused.code, refused.field), (code, field), "case {index}");
    }
}

fn calendar() -> Calendar {
    Calendar::new(zone("Asia/Ho_Chi_Minh"), CalendarTerms::default())
}

#[test]
fn conflicts_need_a_shared_site_and_an_overlap_of_any_occurrence() {
    let mut calendar = calendar();
    let weekly = repeated(
        booking("2026-11-02T01:30:00Z", 90, &["ubnd", "tam-ky", "hoi-an"]),
        Every::Week,
        1,
        Some(20),
    );
    calendar
        .book(ConferenceId(1), weekly, |_| true)
        .expect("booked");
    let clash = booking("2026-11-23T02:30:00Z", 60, &["hoi-an", "dien-ban"]);
    let found = calendar.conflicts(&clash, None);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].starts_at, time("2026-11-23T01:30:00Z"));
    assert_eq!(found[0].sites, [SiteKey::from("hoi-an")]);
    // The chair site counts, even if it is not in the list of sites.
    assert_eq!(
        calendar
            .conflicts(&booking("2026-11-23T02:30:00Z", 60, &["x", "ubnd"]), None)
            .len(),
        1
    );
    assert!(
        calendar
            .conflicts(&booking("2026-11-23T03:00:00Z", 60, &["hoi-an", "x"]), None)
            .is_empty(),
        "adjacent is no overlap"
    );
    assert!(
        calendar
            .conflicts(&booking("2026-11-23T02:30:00Z", 60, &["x", "y"]), None)
            .is_empty(),
        "no shared site"
    );
    assert!(
        calendar.conflicts(&clash, Some(ConferenceId(1))).is_empty(),
        "one does not collide with oneself"
    );
    calendar
        .end(ConferenceId(1), time("2026-11-23T01:30:00Z"))
        .expect("ended");
    assert!(
        calendar.conflicts(&clash, None).is_empty(),
        "an ended occurrence frees its time"
    );
    let other_week = booking("2026-11-30T02:30:00Z", 60, &["hoi-an", "x"]);
    assert_eq!(calendar.conflicts(&other_week, None).len(), 1);
    calendar.cancel(ConferenceId(1)).expect("cancelled");
    assert!(calendar.conflicts(&other_week, None).is_empty());
}

#[test]
fn conflicts_agree_with_comparing_every_pair() {
    let zone = zone("Asia/Ho_Chi_Minh");
    for seed in 0..40 {
        let mut dice = Dice(seed);
        let mut calendar = calendar();
        let mut booked = Vec::new();
        let make = |dice: &mut Dice| {
            let names = ["a", "b", "c", "d", "e", "f"];
            let first = dice.below(6) as usize;
            let second = (first + 1 + dice.below(5) as usize) % 6;
            let start = Timestamp::from_second(1_790_000_000 + 1800 * dice.below(500) as i64)
                .expect("in range");
            let mut booking = booking(
                "2026-01-01T00:00:00Z",
                30 * (1 + dice.below(6) as i64),
                &[names[first], names[second]],
            );
            booking.ends_at = start + booking.duration();
            booking.starts_at = start;
            match dice.below(3) {
                0 => booking,
                1 => repeated(
                    booking,
                    Every::Day,
                    1 + dice.below(3) as u32,
                    Some(1 + dice.below(8) as u32),
                ),
                _ => repeated(booking, Every::Week, 1, Some(1 + dice.below(4) as u32)),
            }
        };
        for id in 0..12 {
            let booking = make(&mut dice);
            calendar
                .book(ConferenceId(id), booking.clone(), |_| true)
                .expect("booked");
            booked.push(booking);
        }
        let asked = make(&mut dice);
        let mut expected = Vec::new();
        for (id, other) in booked.iter().enumerate() {
            let shared = asked
                .all_sites()
                .any(|site| other.all_sites().any(|s| s == site));
            for theirs in other.occurrences(&zone) {
                let overlap = asked
                    .occurrences(&zone)
                    .iter()
                    .any(|mine| mine.starts_at < theirs.ends_at && theirs.starts_at < mine.ends_at);
                if shared && overlap {
                    expected.push((theirs.starts_at, ConferenceId(id as i64)));
                }
            }
        }
        expected.sort();
        let found: Vec<_> = calendar
            .conflicts(&asked, None)
            .iter()
            .map(|c| (c.starts_at, c.conference))
            .collect();
        assert_eq!(found, expected, "seed {seed}");
    }
}

#[test]
fn a_move_raises_the_sequence_once_and_a_cancelled_one_cannot_move() {
    let mut calendar = calendar();
    let first = booking("2026-11-21T01:30:00Z", 60, &["x", "a"]);
    calendar
        .book(ConferenceId(7), first.clone(), |_| true)
        .expect("booked");
    assert_eq!(
        calendar
            .amend(ConferenceId(7), first.clone(), |_| true)
            .expect("same")
            .sequence,
        0
    );
    let moved = booking("2026-11-22T01:30:00Z", 60, &["x", "a"]);
    assert_eq!(
        calendar
            .amend(ConferenceId(7), moved, |_| true)
            .expect("moved")
            .sequence,
        1
    );
    assert_eq!(
        calendar.occurrences(ConferenceId(7))[0].starts_at,
        time("2026-11-22T01:30:00Z")
    );
    assert_eq!(
        calendar
            .cancel(ConferenceId(7))
            .expect("cancelled")
            .sequence,
        2
    );
    assert_eq!(calendar.cancel(ConferenceId(7)).expect("again").sequence, 2);
    assert_eq!(
        calendar
            .amend(ConferenceId(7), first, |_| true)
            .expect_err("cancelled")
            .code,
        Code::RoomEnded
    );
    assert_eq!(
        calendar.cancel(ConferenceId(8)).expect_err("unknown").code,
        Code::NotFound
    );
}

#[test]
fn doors_open_early_wait_for_a_late_start_and_close_when_ended_or_deserted() {
    let mut calendar = calendar();
    let id = ConferenceId(1);
    let daily = repeated(
        booking("2026-11-21T01:30:00Z", 60, &["x", "a"]),
        Every::Day,
        1,
        Some(2),
    );
    calendar.book(id, daily, |_| true).expect("booked");
    let stand = |calendar: &Calendar, at: &str, who: Occupancy| {
        calendar
            .standing(id, time(at), |start| {
                if start == time("2026-11-21T01:30:00Z") {
                    who
                } else {
                    Occupancy::Never
                }
            })
            .expect("known")
    };
    let first = time("2026-11-21T01:30:00Z");
    let early = stand(&calendar, "2026-11-21T00:59:59Z", Occupancy::Never);
    assert_eq!(
        (early.phase, early.changes_at),
        (Phase::Upcoming, Some(time("2026-11-21T01:00:00Z")))
    );
    assert!(!early.doors_open());
    assert_eq!(
        stand(&calendar, "2026-11-21T01:00:00Z", Occupancy::Never).phase,
        Phase::Open
    );
    assert_eq!(
        stand(&calendar, "2026-11-21T01:05:00Z", Occupancy::Occupied).state(),
        ConferenceState::Live
    );
    assert_eq!(
        stand(&calendar, "2026-11-21T02:20:00Z", Occupancy::Never).phase,
        Phase::Live,
        "may start late"
    );
    let over_time = stand(&calendar, "2026-11-21T06:00:00Z", Occupancy::Occupied);
    assert_eq!(
        (over_time.phase, over_time.occurrence.starts_at),
        (Phase::Live, first),
        "runs over"
    );
    let deserted = Occupancy::EmptySince(time("2026-11-21T02:40:00Z"));
    assert_eq!(
        stand(&calendar, "2026-11-21T02:54:59Z", deserted).phase,
        Phase::Live,
        "they may come back"
    );
    let next = stand(&calendar, "2026-11-21T02:55:00Z", deserted);
    assert_eq!(
        (next.phase, next.occurrence.starts_at),
        (Phase::Upcoming, time("2026-11-22T01:30:00Z"))
    );
    let stuck = stand(&calendar, "2026-11-21T08:30:00Z", Occupancy::Occupied);
    assert_eq!(
        stuck.phase,
        Phase::Upcoming,
        "six hours after its end it closes whoever is in it"
    );
    calendar.end(id, first).expect("ended");
    assert_eq!(
        stand(&calendar, "2026-11-21T02:00:00Z", Occupancy::Occupied).phase,
        Phase::Upcoming,
        "ended by the chair"
    );
    assert_eq!(
        stand(&calendar, "2026-11-23T00:00:00Z", Occupancy::Never).state(),
        ConferenceState::Ended
    );
    calendar.cancel(id).expect("cancelled");
    assert_eq!(
        stand(&calendar, "2026-11-22T01:30:00Z", Occupancy::Never).state(),
        ConferenceState::Cancelled
    );
}

#[test]
fn between_gives_what_touches_the_window_by_start() {
    let mut calendar = calendar();
    let daily = repeated(
        booking("2026-11-21T01:30:00Z", 60, &["x", "a"]),
        Every::Day,
        1,
        Some(5),
    );
    calendar
        .book(ConferenceId(2), daily, |_| true)
        .expect("booked");
    calendar
        .book(
            ConferenceId(1),
            booking("2026-11-22T00:00:00Z", 60, &["y", "b"]),
            |_| true,
        )
        .expect("booked");
    let found = calendar.between(time("2026-11-21T02:00:00Z"), time("2026-11-23T01:30:00Z"));
    let ids: Vec<i64> = found.iter().map(|(id, _)| id.0).collect();
    assert_eq!(
        ids,
        [2, 1, 2],
        "one that has begun counts, one that begins at the end does not"
    );
}
