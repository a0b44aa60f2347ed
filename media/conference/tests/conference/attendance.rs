//! The report and its cells.

use jiff::tz::TimeZone;
use nhipcau_conference::attendance::{Language, csv, report, safe_cell, site_table, stay_table};
use nhipcau_conference::{AttendanceEntry, InvitedSite, Reason, Role, SeatId, SiteKey};

use crate::clock::time;

fn stay(
    seat: u64,
    site: &str,
    from: &str,
    to: Option<&str>,
    reason: &'static str,
) -> AttendanceEntry {
    AttendanceEntry {
        interval: seat,
        seat: SeatId(seat),
        site: SiteKey::from(site),
        site_name: format!("Xã {site}"),
        participant: "=HYPERLINK(\"http://x\")".to_owned(),
        role: Role::Delegate,
        joined_at: time(from),
        left_at: to.map(time),
        reason: to.map(|_| {
            Reason::new(reason)
                .with("device", "Tịnh Khê")
                .with("interface", "Gi0/0/1")
        }),
    }
}

#[test]
fn overlapping_stays_of_a_site_are_counted_once_and_absent_sites_are_listed() {
    let entries = vec![
        stay(
            1,
            "Sơn Mỹ",
            "2026-11-21T01:30:00Z",
            Some("2026-11-21T02:00:00Z"),
            "line_down",
        ),
        stay(
            2,
            "Sơn Mỹ",
            "2026-11-21T01:45:00Z",
            Some("2026-11-21T02:15:00Z"),
            "left",
        ),
        stay(1, "Sơn Mỹ", "2026-11-21T02:30:00Z", None, "left"),
    ];
    let invited = ["Sơn Mỹ", "Bình Hòa"].map(|name| InvitedSite {
        site: SiteKey::from(name),
        name: format!("Xã {name}"),
    });
    let report = report(entries, &invited, time("2026-11-21T02:40:00Z"));
    let names: Vec<&str> = report
        .sites
        .iter()
        .map(|site| site.site_name.as_str())
        .collect();
    assert_eq!(names, ["Xã Bình Hòa", "Xã Sơn Mỹ"]);
    let absent = &report.sites[0];
    assert_eq!(
        (
            absent.first_joined_at,
            absent.present_seconds,
            absent.people
        ),
        (None, 0, 0)
    );
    let present = &report.sites[1];
    assert_eq!(
        (present.present_seconds, present.people, present.drops),
        (55 * 60, 2, 1)
    );
    assert_eq!(present.last_left_at, None, "somebody is still here");

    let zone = TimeZone::get("Asia/Ho_Chi_Minh").expect("a zone");
    let table = stay_table(&report, &zone, Language::Vi);
    assert_eq!(table[1][3], "21/11/2026 08:30:00");
    assert_eq!(table[1][5], "đứt đường truyền: cổng Gi0/0/1 của Tịnh Khê");
    assert_eq!(table[1][1], "'=HYPERLINK(\"http://x\")");
    let text = csv(&table);
    assert!(text.starts_with('\u{feff}') && text.contains("\"'=HYPERLINK(\"\"http://x\"\")\""));
    assert_eq!(site_table(&report, &zone, Language::En).len(), 3);
}

#[test]
fn no_cell_is_a_formula() {
    for hostile in [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "\"=1",
        "＝1",
        "\u{feff}=1",
        "|calc",
        "%0a=1",
    ] {
        let cell = safe_cell(hostile);
        assert!(cell.starts_with('\''), "{hostile:?} became {cell:?}");
        assert!(!cell.contains(|c: char| c.is_control()));
    }
    for harmless in ["Xã Sơn Mỹ", "Nguyễn Thị-Hoa", "a=b", "", "3 + 4"] {
        assert_eq!(safe_cell(harmless), harmless);
    }
}
