//! The book of who stood and who did not, and a month summed up from it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use nhipcau_inventory::availability::{Standing, Stay, Tally, tally};
use nhipcau_inventory::watch::Subject;
use tokio::sync::broadcast;

use super::console::ConsoleDesk;
use super::estate::Estate;
use super::sheet::{Cell, Sheet};
use super::{App, Refusal, words};
use crate::config;
use crate::http::views;
use crate::store::{NewStay, StayRow, Store};

/// How often everything is looked at when nothing is told.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Shortest time between two looks: a storm of events is not a storm of looks.
const LOOK_APART: Duration = Duration::from_millis(500);
/// How often it is noted that the daemon looked: what a killed daemon did not see is at most this much too long.
const NOTE_EVERY: Duration = Duration::from_secs(30);
/// Causes of one row.
const CAUSES_MAX: usize = 8;

/// What the book's open stay of a subject says.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    standing: Standing,
    planned: bool,
    reason: Option<serde_json::Value>,
    from: Timestamp,
}

/// Keeps the book for as long as the daemon lives. Time in which nobody looked is no stay at all, and counts as unknown.
pub(crate) async fn keep_book(
    store: Store,
    estate: Arc<Estate>,
    mut told: broadcast::Receiver<super::Topic>,
) {
    while let Err(error) = store.stays().close_open().await {
        tracing::warn!(%error, "the book of availability cannot be opened; trying again");
        tokio::time::sleep(NOTE_EVERY).await;
    }
    let mut known: HashMap<Subject, Known> = HashMap::new();
    let mut noted = Instant::now();
    loop {
        let wait = tokio::time::timeout(LOOK_EVERY, async {
            loop {
                match told.recv().await {
                    Ok(super::Topic::Events) | Err(broadcast::error::RecvError::Lagged(_)) => {
                        return;
                    }
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                }
            }
        });
        let _ = wait.await;
        let now = Timestamp::now();
        let mut next: HashMap<Subject, Known> = HashMap::new();
        let mut changes = Vec::new();
        for state in estate.standings() {
            // What is not measured has no stay.
            if state.standing == Standing::Unknown {
                continue;
            }
            let reason = state
                .reason
                .as_ref()
                .and_then(|reason| serde_json::to_value(reason).ok());
            let before = known.get(&state.subject);
            let same = before.filter(|old| {
                (old.standing, old.planned, &old.reason) == (state.standing, state.planned, &reason)
            });
            if let Some(same) = same {
                next.insert(state.subject, same.clone());
                continue;
            }
            // The fault is as old as the first poll that brought nothing; what was decided before stays decided.
            let from = match before {
                Some(old) if old.standing == Standing::Up => {
                    state.since.map_or(now, |at| at.max(old.from)).min(now)
                }
                _ => now,
            };
            let (kind, subject) = names(&state.subject);
            changes.push(NewStay {
                kind,
                subject,
                from,
                standing: state.standing.as_str(),
                planned: state.planned,
                reason: reason.clone(),
            });
            let stay = Known {
                standing: state.standing,
                planned: state.planned,
                reason,
                from,
            };
            next.insert(state.subject, stay);
        }
        let gone: Vec<(&'static str, String)> = known
            .keys()
            .filter(|subject| !next.contains_key(subject))
            .map(names)
            .collect();
        let due = noted.elapsed() >= NOTE_EVERY;
        if changes.is_empty() && gone.is_empty() && !due {
            tokio::time::sleep(LOOK_APART).await;
            continue;
        }
        let written = async {
            if !gone.is_empty() {
                store.stays().end(gone, now).await?;
            }
            store.stays().change(changes, now).await
        };
        match written.await {
            Ok(()) => {
                known = next;
                noted = Instant::now();
            }
            // A full disk: the next look finds the same changes.
            Err(error) => tracing::warn!(%error, "the book of availability waits for the store"),
        }
        tokio::time::sleep(LOOK_APART).await;
    }
}

fn names(subject: &Subject) -> (&'static str, String) {
    match subject {
        Subject::Device(id) => ("device", id.to_string()),
        Subject::Link(end) => ("link", end.to_string()),
        Subject::Site(id) => ("site", id.to_string()),
    }
}

/// A month as `2026-11` in the installation's zone: its beginning and its end, or now when it lasts.
fn span(
    month: Option<&str>,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<(String, Timestamp, Timestamp), Refusal> {
    let bad = || Refusal::new("bad_request", "a month is written 2026-11").at("month");
    let first: Date = match month {
        Some(text) if text.len() == 7 => format!("{text}-01").parse().map_err(|_| bad())?,
        Some(_) => return Err(bad()),
        None => zone.to_datetime(now).date().first_of_month(),
    };
    let next = first
        .checked_add(jiff::Span::new().months(1))
        .map_err(|_| bad())?;
    let begin = |date: Date| {
        date.to_zoned(zone.clone())
            .map(|zoned| zoned.timestamp())
            .map_err(|_| bad())
    };
    let (from, to) = (begin(first)?, begin(next)?);
    Ok((
        first.strftime("%Y-%m").to_string(),
        from,
        to.min(now).max(from),
    ))
}

fn stay(row: &StayRow, now: Timestamp) -> Stay {
    Stay {
        from_ms: row.from.as_millisecond(),
        to_ms: row.to.unwrap_or(now).as_millisecond(),
        standing: Standing::from_word(&row.standing),
        planned: row.planned,
        cause: row.reason.as_deref().map(Into::into),
    }
}

fn view(kind: &str, subject: &str, name: String, sum: Tally) -> views::Availability {
    let percent = sum.percent();
    views::Availability {
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        name,
        percent,
        up_seconds: sum.up_ms / 1000,
        down_seconds: sum.down_ms / 1000,
        planned_seconds: sum.planned_ms / 1000,
        planned_down_seconds: sum.planned_down_ms / 1000,
        behind_seconds: sum.behind_ms / 1000,
        unknown_seconds: sum.unknown_ms / 1000,
        faults: sum.faults,
        longest_seconds: sum.longest_ms / 1000,
        causes: sum
            .causes
            .into_iter()
            .take(CAUSES_MAX)
            .map(|share| views::CauseShare {
                reason: serde_json::from_str(&share.cause).unwrap_or_default(),
                standing: share.standing.as_str().to_owned(),
                seconds: share.ms / 1000,
                times: share.times,
            })
            .collect(),
    }
}

impl App {
    /// Availability of a month by subject, from the store alone; names are the caller's.
    async fn month(
        &self,
        month: Option<&str>,
        kind: Option<&str>,
        subject: Option<&str>,
    ) -> Result<
        (
            String,
            Timestamp,
            Timestamp,
            BTreeMap<(String, String), Tally>,
        ),
        Refusal,
    > {
        let now = self.now();
        let (month, from, to) = span(month, &self.settings().zone, now)?;
        let rows = self.store().stays().within(kind, subject, from, to).await?;
        let mut stays: BTreeMap<(String, String), Vec<Stay>> = BTreeMap::new();
        for row in &rows {
            stays
                .entry((row.kind.clone(), row.subject.clone()))
                .or_default()
                .push(stay(row, now));
        }
        let (from_ms, to_ms) = (from.as_millisecond(), to.as_millisecond());
        let tallies = stays
            .into_iter()
            .map(|(key, stays)| (key, tally(&stays, from_ms, to_ms)))
            .collect();
        Ok((month, from, to, tallies))
    }
}

impl App {
    /// Kind, subject and share of this month; empty without the store.
    pub(super) async fn availability_ratios(&self) -> Vec<(Arc<str>, Arc<str>, f64)> {
        let Ok((_, _, _, tallies)) = self.month(None, None, None).await else {
            return Vec::new();
        };
        tallies
            .into_iter()
            .filter_map(|((kind, subject), sum)| {
                Some((kind.into(), subject.into(), sum.percent()? / 100.0))
            })
            .collect()
    }
}

impl ConsoleDesk<'_> {
    /// Availability of a month; worst first.
    ///
    /// # Errors
    /// `bad_request` for what is no month.
    pub async fn availability(
        &self,
        month: Option<&str>,
        kind: Option<&str>,
        subject: Option<&str>,
    ) -> Result<views::AvailabilityReport, Refusal> {
        let (month, from, to, tallies) = self.app.month(month, kind, subject).await?;
        let mut rows: Vec<views::Availability> = tallies
            .into_iter()
            .map(|((kind, subject), sum)| {
                let name = self.machines.estate.subject_name(&kind, &subject);
                view(&kind, &subject, name, sum)
            })
            .collect();
        rows.sort_by(|a, b| {
            let percent = |row: &views::Availability| row.percent.unwrap_or(101.0);
            percent(a)
                .total_cmp(&percent(b))
                .then_with(|| b.down_seconds.cmp(&a.down_seconds))
                .then_with(|| a.name.cmp(&b.name))
        });
        Ok(views::AvailabilityReport {
            month,
            from,
            to,
            rows,
        })
    }

    async fn availability_sheet(
        &self,
        month: Option<&str>,
        kind: Option<&str>,
    ) -> Result<Sheet, Refusal> {
        let report = self.availability(month, kind, None).await?;
        let vi = self.app.settings().language == views::Language::Vi;
        let language = if vi {
            config::Language::Vi
        } else {
            config::Language::En
        };
        let head: [&str; 13] = if vi {
            [
                "Loại",
                "Tên",
                "Mã",
                "Sẵn sàng (%)",
                "Ngừng (phút)",
                "Số sự cố",
                "Lâu nhất (phút)",
                "Bảo trì (phút)",
                "Ngừng trong bảo trì (phút)",
                "Chưa rõ do phía trước hỏng (phút)",
                "Không đo (phút)",
                "Hoạt động (phút)",
                "Nguyên nhân",
            ]
        } else {
            [
                "Kind",
                "Name",
                "Id",
                "Available (%)",
                "Down (minutes)",
                "Faults",
                "Longest (minutes)",
                "Maintenance (minutes)",
                "Down in maintenance (minutes)",
                "Unknown behind a fault (minutes)",
                "Not measured (minutes)",
                "Up (minutes)",
                "Causes",
            ]
        };
        let minutes = |seconds: i64| Cell::Number(seconds as f64 / 60.0, 1);
        let rows = report
            .rows
            .into_iter()
            .map(|row| {
                let kind = match (row.kind.as_str(), vi) {
                    ("device", true) => "thiết bị",
                    ("link", true) => "đường truyền",
                    ("site", true) => "điểm cầu",
                    (kind, _) => kind,
                };
                let causes: Vec<String> = row
                    .causes
                    .iter()
                    .map(|cause| {
                        let words = words::sentence(&cause.reason, language);
                        let unit = if vi { "phút" } else { "min" };
                        format!("{words}: {} {unit}", cause.seconds / 60)
                    })
                    .collect();
                vec![
                    Cell::Text(kind.to_owned()),
                    Cell::Text(row.name),
                    Cell::Text(row.subject),
                    Cell::maybe(row.percent, 3),
                    minutes(row.down_seconds),
                    Cell::Number(row.faults.into(), 0),
                    minutes(row.longest_seconds),
                    minutes(row.planned_seconds),
                    minutes(row.planned_down_seconds),
                    minutes(row.behind_seconds),
                    minutes(row.unknown_seconds),
                    minutes(row.up_seconds),
                    Cell::Text(causes.join("; ")),
                ]
            })
            .collect();
        Ok(Sheet {
            name: if vi { "Sẵn sàng" } else { "Availability" },
            head: head.map(str::to_owned).to_vec(),
            rows,
        })
    }

    /// Availability as CSV.
    ///
    /// # Errors
    /// As [`ConsoleDesk::availability`].
    pub async fn availability_csv(
        &self,
        month: Option<&str>,
        kind: Option<&str>,
    ) -> Result<String, Refusal> {
        Ok(self.availability_sheet(month, kind).await?.csv())
    }

    /// Availability as a workbook.
    ///
    /// # Errors
    /// As [`ConsoleDesk::availability`].
    pub async fn availability_xlsx(
        &self,
        month: Option<&str>,
        kind: Option<&str>,
    ) -> Result<Vec<u8>, Refusal> {
        self.availability_sheet(month, kind).await?.xlsx().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_at_midnight_of_the_zone_and_ends_now_while_it_lasts() {
        let zone = TimeZone::get("Asia/Ho_Chi_Minh").unwrap();
        let now: Timestamp = "2026-11-21T15:00:00Z".parse().unwrap();
        let (month, from, to) = span(None, &zone, now).unwrap();
        assert_eq!(month, "2026-11");
        assert_eq!(from.to_string(), "2026-10-31T17:00:00Z");
        assert_eq!(to, now);
        let (_, from, to) = span(Some("2026-02"), &zone, now).unwrap();
        assert_eq!((to.as_second() - from.as_second()) / 86_400, 28);
        for wrong in ["2026", "2026-13", "x", "2026-1-1"] {
            assert!(span(Some(wrong), &zone, now).is_err(), "{wrong}");
        }
    }
}
