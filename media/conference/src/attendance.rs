//! Presence as intervals, and the report after the meeting.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::collate::sort_key;
use crate::{InvitedSite, Reason, Role, SeatId, SiteKey};

/// One stay of one person: from joining to dropping or leaving.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttendanceEntry {
    /// Number of the interval in its room, from 1; with conference and occurrence the key.
    pub interval: u64,
    /// The seat; resuming continues it with a new interval.
    pub seat: SeatId,
    /// The site.
    pub site: SiteKey,
    /// The site's name at the time.
    pub site_name: String,
    /// Display name.
    pub participant: String,
    /// Role.
    pub role: Role,
    /// Start.
    pub joined_at: Timestamp,
    /// End; `None` while it lasts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub left_at: Option<Timestamp>,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Reason>,
}

/// A site over the whole meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteTotal {
    /// The site.
    pub site: SiteKey,
    /// Its name.
    pub site_name: String,
    /// When somebody of it first came; `None` when nobody did.
    pub first_joined_at: Option<Timestamp>,
    /// When the last of it went.
    pub last_left_at: Option<Timestamp>,
    /// How long at least one of it was here, in seconds.
    pub present_seconds: i64,
    /// How many people came, by seat.
    pub people: usize,
    /// How often somebody dropped for a fault.
    pub drops: usize,
}

/// The attendance of a meeting.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// One for each site, those that never came too, by name.
    pub sites: Vec<SiteTotal>,
    /// All stays, by site, then by start.
    pub entries: Vec<AttendanceEntry>,
}

/// Draws the report up. Stays that last are counted up to `until`.
pub fn report(
    mut entries: Vec<AttendanceEntry>,
    invited: &[InvitedSite],
    until: Timestamp,
) -> Report {
    entries.sort_by_cached_key(|e| {
        (
            sort_key(&e.site_name),
            e.site.clone(),
            e.joined_at,
            e.interval,
        )
    });
    let mut by_site: BTreeMap<&SiteKey, Vec<&AttendanceEntry>> = BTreeMap::new();
    for entry in &entries {
        by_site.entry(&entry.site).or_default().push(entry);
    }
    let mut names: BTreeMap<&SiteKey, &str> =
        invited.iter().map(|i| (&i.site, i.name.as_str())).collect();
    for entry in &entries {
        names.entry(&entry.site).or_insert(&entry.site_name);
    }
    let mut sites: Vec<SiteTotal> = names
        .into_iter()
        .map(|(site, name)| {
            total(
                site,
                name,
                by_site.get(site).map_or(&[], Vec::as_slice),
                until,
            )
        })
        .collect();
    sites.sort_by_cached_key(|total| (sort_key(&total.site_name), total.site.clone()));
    Report { sites, entries }
}

fn total(site: &SiteKey, name: &str, stays: &[&AttendanceEntry], until: Timestamp) -> SiteTotal {
    let mut present = SignedDuration::ZERO;
    let mut covered: Option<Timestamp> = None;
    // Stays are sorted by start: what is covered already is not counted twice.
    for stay in stays {
        let end = stay.left_at.unwrap_or(until).max(stay.joined_at);
        let start = covered.map_or(stay.joined_at, |covered| covered.max(stay.joined_at));
        if end > start {
            present += end.duration_since(start);
            covered = Some(end);
        }
    }
    let people: std::collections::BTreeSet<SeatId> = stays.iter().map(|stay| stay.seat).collect();
    let fault = |reason: &Reason| !matches!(&*reason.code, "left" | "removed" | "conference_ended");
    SiteTotal {
        site: site.clone(),
        site_name: name.to_owned(),
        first_joined_at: stays.first().map(|stay| stay.joined_at),
        last_left_at: stays
            .iter()
            .map(|stay| stay.left_at)
            .collect::<Option<Vec<_>>>()
            .and_then(|ends| ends.into_iter().max()),
        present_seconds: present.as_secs(),
        people: people.len(),
        drops: stays
            .iter()
            .filter(|stay| stay.reason.as_ref().is_some_and(fault))
            .count(),
    }
}

/// Language of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Vietnamese.
    Vi,
    /// English.
    En,
}

/// The site totals as a table with a head, all cells safe; times in `zone`.
pub fn site_table(report: &Report, zone: &TimeZone, language: Language) -> Vec<Vec<String>> {
    let head: [&str; 6] = match language {
        Language::Vi => [
            "Điểm cầu",
            "Có mặt từ",
            "Rời lúc",
            "Tổng thời gian (phút)",
            "Số người",
            "Số lần mất kết nối",
        ],
        Language::En => [
            "Site",
            "Present from",
            "Left at",
            "Total time (minutes)",
            "People",
            "Drops",
        ],
    };
    let mut table = vec![head.map(str::to_owned).to_vec()];
    table.extend(report.sites.iter().map(|site| {
        vec![
            safe_cell(&site.site_name),
            site.first_joined_at
                .map(|at| clock(at, zone))
                .unwrap_or_default(),
            site.last_left_at
                .map(|at| clock(at, zone))
                .unwrap_or_default(),
            (site.present_seconds / 60).to_string(),
            site.people.to_string(),
            site.drops.to_string(),
        ]
    }));
    table
}

/// All stays as a table with a head, all cells safe; times in `zone`.
pub fn stay_table(report: &Report, zone: &TimeZone, language: Language) -> Vec<Vec<String>> {
    let head: [&str; 6] = match language {
        Language::Vi => [
            "Điểm cầu",
            "Người tham dự",
            "Vai trò",
            "Vào lúc",
            "Rời lúc",
            "Lý do",
        ],
        Language::En => ["Site", "Participant", "Role", "Joined", "Left", "Reason"],
    };
    let mut table = vec![head.map(str::to_owned).to_vec()];
    table.extend(report.entries.iter().map(|stay| {
        vec![
            safe_cell(&stay.site_name),
            safe_cell(&stay.participant),
            role(stay.role, language).to_owned(),
            clock(stay.joined_at, zone),
            stay.left_at.map(|at| clock(at, zone)).unwrap_or_default(),
            stay.reason
                .as_ref()
                .map(|reason| safe_cell(&phrase(reason, language)))
                .unwrap_or_default(),
        ]
    }));
    table
}

fn clock(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at)
        .strftime("%d/%m/%Y %H:%M:%S")
        .to_string()
}

fn role(role: Role, language: Language) -> &'static str {
    match (role, language) {
        (Role::Chair, Language::Vi) => "chủ trì",
        (Role::Secretary, Language::Vi) => "thư ký",
        (Role::Technician, Language::Vi) => "kỹ thuật viên",
        (Role::Delegate, Language::Vi) => "đại biểu",
        (Role::Viewer, Language::Vi) => "theo dõi",
        (Role::Chair, Language::En) => "chair",
        (Role::Secretary, Language::En) => "secretary",
        (Role::Technician, Language::En) => "technician",
        (Role::Delegate, Language::En) => "delegate",
        (Role::Viewer, Language::En) => "viewer",
    }
}

/// A seat's reason as a phrase. An unknown code stands for itself.
pub fn phrase(reason: &Reason, language: Language) -> String {
    let device = reason.text("device").unwrap_or("?");
    let interface = reason.text("interface").unwrap_or("?");
    match (&*reason.code, language) {
        ("left", Language::Vi) => "tự rời cuộc họp".to_owned(),
        ("left", Language::En) => "left".to_owned(),
        ("removed", Language::Vi) => "được mời ra khỏi cuộc họp".to_owned(),
        ("removed", Language::En) => "removed by the host".to_owned(),
        ("media_lost", Language::Vi) => "mất hình và tiếng, chưa rõ nguyên nhân".to_owned(),
        ("media_lost", Language::En) => "picture and sound lost, cause unknown".to_owned(),
        ("connection_lost", Language::Vi) => "mất kết nối, chưa rõ nguyên nhân".to_owned(),
        ("connection_lost", Language::En) => "connection lost, cause unknown".to_owned(),
        ("line_down", Language::Vi) => format!("đứt đường truyền: cổng {interface} của {device}"),
        ("line_down", Language::En) => format!("line down: interface {interface} of {device}"),
        ("site_device_down", Language::Vi) => format!("thiết bị {device} không trả lời"),
        ("site_device_down", Language::En) => format!("device {device} does not answer"),
        ("daemon_restarted", Language::Vi) => "máy chủ hội nghị khởi động lại".to_owned(),
        ("daemon_restarted", Language::En) => "the conference server restarted".to_owned(),
        ("conference_ended", Language::Vi) => "cuộc họp kết thúc".to_owned(),
        ("conference_ended", Language::En) => "the conference ended".to_owned(),
        (code, _) => code.to_owned(),
    }
}

/// A cell that no spreadsheet takes for a formula: text that begins with `=`, `+`, `-`, `@`, their
/// full-width forms, a tab or a line break, also behind white space or quotation marks, gets an
/// apostrophe in front. Control characters become spaces.
pub fn safe_cell(text: &str) -> String {
    let first = text
        .trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\u{feff}'))
        .chars()
        .next();
    let formula = matches!(
        first,
        Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '|' | '%')
    ) || text.starts_with(['\t', '\r', '\n', '\0']);
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    if formula {
        std::iter::once('\'').chain(clean).collect()
    } else {
        clean.collect()
    }
}

/// A table as CSV (RFC 4180) with a byte-order mark, so that spreadsheets read it as UTF-8.
pub fn csv(table: &[Vec<String>]) -> String {
    let mut text = String::from("\u{feff}");
    for row in table {
        for (index, cell) in row.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            if cell.contains([',', '"', '\r', '\n', ';']) {
                text.push('"');
                text.push_str(&cell.replace('"', "\"\""));
                text.push('"');
            } else {
                text.push_str(cell);
            }
        }
        text.push_str("\r\n");
    }
    text
}
