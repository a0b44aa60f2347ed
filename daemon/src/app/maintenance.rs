//! Announced maintenance: kept in the store, expanded to intervals here, judged by the watch.

use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use nhipcau_conference::Booking;
use nhipcau_inventory::watch::{Scope, Window};
use nhipcau_inventory::{DeviceId, DeviceKind, InterfaceRef, SiteId};

use super::console::ConsoleDesk;
use super::{App, Caller, Refusal, Topic};
use crate::drive::snmp::Command;
use crate::http::views::{
    Maintenance, MaintenanceInput, MaintenanceOccurrence, MaintenanceScope, MaintenanceState,
    NamedScope, Recurrence, ScopeKind,
};
use crate::store::{MaintenanceRow, NewMaintenance};

/// Windows that are not over, at most: more is a script gone wrong.
const WINDOWS_MAX: usize = 1_000;
/// What one window covers, at most.
const SCOPES_MAX: usize = 500;
/// Longest title and note.
const TITLE_CHARS_MAX: usize = 200;
const NOTE_CHARS_MAX: usize = 2_000;
/// Longest single occurrence; what lasts longer is no maintenance but a decommissioning.
const LENGTH_MAX: SignedDuration = SignedDuration::from_hours(24 * 31);
/// How far ahead occurrences are handed to the watch.
const AHEAD: SignedDuration = SignedDuration::from_hours(48);
/// How often they are handed anew.
const FEED_EVERY: Duration = Duration::from_secs(600);
/// Occurrences shown of one window.
const SHOWN: usize = 12;

/// All occurrences of a window, each to its end or to where somebody ended it; those that never began because it was ended are left out.
fn occurrences(row: &MaintenanceRow, zone: &TimeZone) -> Vec<MaintenanceOccurrence> {
    let window = &row.window;
    let recurrence: Option<Recurrence> = window
        .recurrence
        .clone()
        .and_then(|value| serde_json::from_value(value).ok());
    // The calendar of meetings knows how to repeat: half past eight stays half past eight.
    let booking = Booking {
        title: String::new(),
        description: String::new(),
        starts_at: window.starts_at,
        ends_at: window.ends_at,
        chair_site: "maintenance".into(),
        sites: Vec::new(),
        recurrence,
    };
    booking
        .occurrences(zone)
        .into_iter()
        .filter_map(|occurrence| {
            let own = row
                .ended
                .iter()
                .find(|(start, _)| *start == occurrence.starts_at);
            let mut ends_at = occurrence.ends_at;
            for end in [own.map(|(_, end)| *end), row.ended_at]
                .into_iter()
                .flatten()
            {
                ends_at = ends_at.min(end);
            }
            (ends_at > occurrence.starts_at).then_some(MaintenanceOccurrence {
                starts_at: occurrence.starts_at,
                ends_at,
            })
        })
        .collect()
}

fn kind_of(word: &str) -> Option<DeviceKind> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}

fn scope(scope: &MaintenanceScope) -> Option<Scope> {
    Some(match scope.kind {
        ScopeKind::Device => Scope::Device(DeviceId::from(scope.id.as_str())),
        ScopeKind::Site => Scope::Site(SiteId::from(scope.id.as_str())),
        ScopeKind::Kind => Scope::Kind(kind_of(&scope.id)?),
        ScopeKind::Link => {
            let (device, interface) = scope.id.split_once('/')?;
            Scope::Link(InterfaceRef::new(DeviceId::from(device), interface))
        }
    })
}

fn json(value: &impl serde::Serialize) -> Result<serde_json::Value, Refusal> {
    serde_json::to_value(value).map_err(|error| Refusal::new("internal", error.to_string()))
}

fn scopes(row: &MaintenanceRow) -> Vec<MaintenanceScope> {
    serde_json::from_value(row.window.scopes.clone()).unwrap_or_default()
}

/// What holds now or will within two days, as the watch takes it.
fn windows(rows: &[MaintenanceRow], zone: &TimeZone, now: Timestamp) -> Vec<Window> {
    let instant = Instant::now();
    let at = |time: Timestamp| {
        let ahead = time.duration_since(now);
        match Duration::try_from(ahead) {
            Ok(after) => instant + after,
            // A monotonic clock may not reach back as far as the window does.
            Err(_) => instant.checked_sub(ahead.unsigned_abs()).unwrap_or(instant),
        }
    };
    let soon = now.checked_add(AHEAD).unwrap_or(now);
    let mut all = Vec::new();
    for row in rows {
        let scopes: Vec<Scope> = scopes(row).iter().filter_map(scope).collect();
        for occurrence in occurrences(row, zone) {
            if occurrence.ends_at <= now || occurrence.starts_at > soon {
                continue;
            }
            all.extend(scopes.iter().map(|scope| Window {
                id: row.id,
                scope: scope.clone(),
                from: at(occurrence.starts_at),
                until: at(occurrence.ends_at),
            }));
        }
    }
    all
}

/// The windows of now, for the start and each change.
pub(crate) async fn current_windows(app: &App) -> Option<Vec<Window>> {
    match app.store().maintenance().list().await {
        Ok(rows) => Some(windows(&rows, &app.settings().zone, app.now())),
        Err(error) => {
            tracing::error!(%error, "maintenance windows could not be read");
            None
        }
    }
}

/// Hands the watch its windows again and again, because it looks two days ahead only.
pub(crate) async fn feed_windows(app: App, snmp: tokio::sync::mpsc::Sender<Command>) {
    loop {
        tokio::time::sleep(FEED_EVERY).await;
        if let Some(windows) = current_windows(&app).await
            && snmp.send(Command::Maintenance(windows)).await.is_err()
        {
            return;
        }
    }
}

impl ConsoleDesk<'_> {
    /// All windows: those that hold, those to come by their next beginning, then those that are over, newest first.
    ///
    /// # Errors
    /// As every read of the store.
    pub async fn maintenance(&self) -> Result<Vec<Maintenance>, Refusal> {
        let rows = self.app.store().maintenance().list().await?;
        let mut views: Vec<Maintenance> = rows.into_iter().map(|row| self.window(row)).collect();
        views.sort_by_key(|view| {
            let next = view.occurrences.first().map(|o| o.starts_at.as_second());
            match view.state {
                MaintenanceState::Now => (0, next.unwrap_or(0)),
                MaintenanceState::Planned => (1, next.unwrap_or(0)),
                MaintenanceState::Over => (2, -view.starts_at.as_second()),
            }
        });
        Ok(views)
    }

    fn window(&self, row: MaintenanceRow) -> Maintenance {
        let now = self.app.now();
        let mut left: Vec<MaintenanceOccurrence> = occurrences(&row, &self.app.settings().zone)
            .into_iter()
            .filter(|occurrence| occurrence.ends_at > now)
            .collect();
        left.truncate(SHOWN);
        let state = match left.first() {
            Some(first) if first.starts_at <= now => MaintenanceState::Now,
            Some(_) => MaintenanceState::Planned,
            None => MaintenanceState::Over,
        };
        let scopes = scopes(&row)
            .into_iter()
            .map(|scope| {
                let name = match scope.kind {
                    ScopeKind::Kind => scope.id.clone(),
                    ScopeKind::Device => self.machines.estate.subject_name("device", &scope.id),
                    ScopeKind::Link => self.machines.estate.subject_name("link", &scope.id),
                    ScopeKind::Site => self.machines.estate.subject_name("site", &scope.id),
                };
                NamedScope { scope, name }
            })
            .collect();
        let window = row.window;
        Maintenance {
            id: row.id,
            title: window.title,
            note: window.note,
            scopes,
            starts_at: window.starts_at,
            ends_at: window.ends_at,
            recurrence: window
                .recurrence
                .and_then(|value| serde_json::from_value(value).ok()),
            created_by: window.created_by,
            created_at: window.created_at,
            ended_at: row.ended_at,
            ended_by: row.ended_by,
            state,
            occurrences: left,
        }
    }

    fn checked(&self, input: &MaintenanceInput) -> Result<(), Refusal> {
        let bad = |field: &str, why: &str| Err(Refusal::new("bad_request", why).at(field));
        let title = input.title.trim();
        if title.is_empty() || title.chars().count() > TITLE_CHARS_MAX {
            return bad("title", "a title has 1 to 200 characters");
        }
        if input.note.chars().count() > NOTE_CHARS_MAX {
            return Err(Refusal::new("too_large", "the note is too long").at("note"));
        }
        let length = input.ends_at.duration_since(input.starts_at);
        if length <= SignedDuration::ZERO || length > LENGTH_MAX {
            return bad("ends_at", "a window ends after it begins, within 31 days");
        }
        if input.ends_at <= self.app.now() && input.recurrence.is_none() {
            return bad("ends_at", "the window is over");
        }
        if let Some(recurrence) = &input.recurrence
            && (recurrence.interval == 0 || recurrence.interval > 52)
        {
            return bad("recurrence", "the interval is from 1 to 52");
        }
        if input.scopes.is_empty() || input.scopes.len() > SCOPES_MAX {
            return bad("scopes", "a window covers 1 to 500 things");
        }
        let estate = &self.machines.estate;
        for one in &input.scopes {
            let known = match scope(one) {
                Some(Scope::Device(id)) => estate.watch().device(&id).is_some(),
                Some(Scope::Link(end)) => estate.watch().device(&end.device).is_some(),
                Some(Scope::Site(id)) => estate.watch().site(&id).is_some(),
                Some(Scope::Kind(_)) => true,
                None => false,
            };
            if !known {
                return bad("scopes", "a window covers something that is not known");
            }
        }
        Ok(())
    }

    /// Announces a window.
    ///
    /// # Errors
    /// `bad_request` with the field, `too_large`.
    pub async fn announce(
        &self,
        caller: &Caller,
        input: MaintenanceInput,
    ) -> Result<Maintenance, Refusal> {
        self.checked(&input)?;
        let open = self.maintenance().await?;
        if open
            .iter()
            .filter(|window| window.state != MaintenanceState::Over)
            .count()
            >= WINDOWS_MAX
        {
            return Err(Refusal::new(
                "too_large",
                "there are too many windows already",
            ));
        }
        let new = NewMaintenance {
            title: input.title.trim().to_owned(),
            note: input.note.trim().to_owned(),
            scopes: json(&input.scopes)?,
            starts_at: input.starts_at,
            ends_at: input.ends_at,
            recurrence: input.recurrence.as_ref().map(json).transpose()?,
            created_by: caller.account.display_name.clone(),
            created_at: self.app.now(),
        };
        let detail = new.title.clone();
        let audited = self
            .app
            .audited(caller, "maintenance.announced", "", detail);
        let row = self.app.store().maintenance().create(new, audited).await?;
        self.maintenance_changed().await;
        Ok(self.window(row))
    }

    /// Ends a window now: the occurrence that holds, or (`all`) it and all that would follow.
    ///
    /// # Errors
    /// `not_found`; `conflict` when it is over already, or when only an occurrence shall end and none holds.
    pub async fn end_maintenance(
        &self,
        caller: &Caller,
        id: i64,
        all: bool,
    ) -> Result<Maintenance, Refusal> {
        let row = self.app.store().maintenance().find(id).await?;
        let repeats = row.window.recurrence.is_some();
        let view = self.window(row);
        let over = || Refusal::new("conflict", "nothing of this window is left to end");
        let first = view.occurrences.first().ok_or_else(over)?;
        let occurrence = if repeats && !all {
            if view.state != MaintenanceState::Now {
                return Err(over());
            }
            Some(first.starts_at)
        } else {
            None
        };
        let action = if occurrence.is_some() {
            "maintenance.occurrence_ended"
        } else {
            "maintenance.ended"
        };
        let audited = self
            .app
            .audited(caller, action, id.to_string(), view.title.clone());
        let row = self
            .app
            .store()
            .maintenance()
            .end(
                id,
                occurrence,
                self.app.now(),
                &caller.account.display_name,
                audited,
            )
            .await?;
        self.maintenance_changed().await;
        Ok(self.window(row))
    }

    async fn maintenance_changed(&self) {
        if let Some(windows) = current_windows(self.app).await {
            let _ = self.machines.snmp.send(Command::Maintenance(windows)).await;
        }
        for topic in [
            Topic::Maintenance,
            Topic::Devices,
            Topic::Links,
            Topic::Sites,
            Topic::Incidents,
            Topic::Overview,
        ] {
            self.app.tell(topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(recurrence: Option<Recurrence>) -> MaintenanceRow {
        MaintenanceRow {
            id: 1,
            window: NewMaintenance {
                title: "Thay UPS".into(),
                note: String::new(),
                scopes: serde_json::json!([{"kind": "device", "id": "ups"}, {"kind": "link", "id": "r/Gi0/0/1"}]),
                starts_at: "2026-11-21T15:00:00Z".parse().unwrap(),
                ends_at: "2026-11-21T17:00:00Z".parse().unwrap(),
                recurrence: recurrence.map(|rule| json(&rule).unwrap()),
                created_by: "a".into(),
                created_at: "2026-11-20T00:00:00Z".parse().unwrap(),
            },
            ended_at: None,
            ended_by: None,
            ended: Vec::new(),
        }
    }

    #[test]
    fn a_window_that_began_while_nobody_ran_holds_at_the_start() {
        let now = "2026-11-21T16:00:00Z".parse().unwrap();
        let found = windows(&[row(None)], &TimeZone::UTC, now);
        assert_eq!(found.len(), 2);
        let (later, earlier) = (Instant::now() + Duration::from_secs(3590), Instant::now());
        assert!(found[0].from <= earlier && found[0].until > later);
        assert_eq!(
            found[1].scope,
            Scope::Link(InterfaceRef::new("r", "Gi0/0/1")),
            "an interface may have slashes of its own"
        );
        let after = "2026-11-21T17:00:00Z".parse().unwrap();
        assert!(windows(&[row(None)], &TimeZone::UTC, after).is_empty());
        let long_before = "2026-11-01T00:00:00Z".parse().unwrap();
        assert!(windows(&[row(None)], &TimeZone::UTC, long_before).is_empty());
    }

    #[test]
    fn an_occurrence_that_was_ended_early_ends_alone() {
        let recurrence: Recurrence =
            serde_json::from_value(serde_json::json!({"every": "week", "interval": 1, "count": 3}))
                .unwrap();
        let mut row = row(Some(recurrence));
        assert_eq!(occurrences(&row, &TimeZone::UTC).len(), 3);
        let early: Timestamp = "2026-11-21T15:30:00Z".parse().unwrap();
        row.ended.push((row.window.starts_at, early));
        let all = occurrences(&row, &TimeZone::UTC);
        assert_eq!((all.len(), all[0].ends_at), (3, early));
        assert!(all[1].ends_at.duration_since(all[1].starts_at) == SignedDuration::from_hours(2));
        // And all of it, before the second began.
        row.ended_at = Some("2026-11-25T00:00:00Z".parse().unwrap());
        assert_eq!(occurrences(&row, &TimeZone::UTC).len(), 1);
    }
}
