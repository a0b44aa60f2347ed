//! The answers of the operator console: what the machines know joined with what the store keeps.

use std::sync::Arc;

use nhipcau_conference::ConferenceId;
use nhipcau_inventory::DeviceId;
use nhipcau_inventory::watch::IncidentKey;
use nhipcau_playbooks::{Approver, RunId, RunState};
use tokio::sync::oneshot;

use super::estate::Estate;
use super::machines::Machines;
use super::{App, Caller, Refusal, Topic};
use crate::drive::playbook::Message;
use crate::drive::snmp::Command;
use crate::http::views::{
    AccountRole, DaemonState, DeviceDetail, DeviceRow, EventRow, Health, HealthCounts, Incident,
    Language, LinkRow, Overview, Reason, Series, Topology,
};
use crate::store::{EventRecord, IncidentRecord};

/// Load from which a link is called near full on the first page, percent of its capacity.
const NEAR_FULL_PERCENT: f64 = 75.0;
/// Conferences on the first page beyond those that are live.
const UPCOMING: usize = 5;
/// Closed incidents of one answer.
const INCIDENTS_MAX: u32 = 500;
/// Longest note of an acknowledgement or an approval.
const NOTE_CHARS_MAX: usize = 2_000;

/// What operators read and do.
pub struct ConsoleDesk<'a> {
    pub(super) app: &'a App,
    pub(super) machines: &'a Arc<Machines>,
}

impl App {
    /// The operator console.
    ///
    /// # Errors
    /// `internal` while the daemon starts.
    pub fn console(&self) -> Result<ConsoleDesk<'_>, Refusal> {
        let machines = self
            .machines()
            .ok_or_else(|| Refusal::new("internal", "the daemon is starting"))?;
        Ok(ConsoleDesk {
            app: self,
            machines,
        })
    }
}

impl App {
    /// Where a watched device is; `None` while the daemon starts.
    pub(crate) fn address_of(&self, device: &DeviceId) -> Option<String> {
        self.machines()?.estate.address(device)
    }
}

impl ConsoleDesk<'_> {
    /// Is anything wrong now?
    ///
    /// # Errors
    /// As every read of the store.
    pub async fn overview(&self) -> Result<Overview, Refusal> {
        let estate = &self.machines.estate;
        let sites: HealthCounts = self
            .app
            .sites()
            .list()
            .await?
            .into_iter()
            .map(|site| site.health)
            .collect();
        Ok(Overview {
            health: estate.health_counts(),
            sites,
            incidents: self.incidents(true).await?,
            conferences: self.app.bookings().upcoming(UPCOMING),
            links_near_full: estate.links_over(NEAR_FULL_PERCENT),
            daemon: DaemonState {
                started_at: self.app.started_at(),
                polls_late: u32::try_from(estate.polls_late_lately()).unwrap_or(u32::MAX),
                disk_ok: self.app.disk_ok(),
                notices: self.notices(),
            },
        })
    }

    fn notices(&self) -> Vec<Reason> {
        let mut notices = self.machines.notices.all();
        if !self.app.disk_ok() {
            notices.insert(0, Reason::new("disk_full"));
        }
        notices
    }

    /// All devices.
    pub fn devices(&self) -> Vec<DeviceRow> {
        self.machines.estate.devices()
    }

    /// One device.
    ///
    /// # Errors
    /// `not_found`.
    pub fn device(&self, id: &str) -> Result<DeviceDetail, Refusal> {
        self.machines
            .estate
            .device(id)
            .ok_or_else(|| Refusal::new("not_found", "no such device"))
    }

    /// Recent rates of an interface.
    ///
    /// # Errors
    /// `not_found`.
    pub fn series(&self, device: &str, interface: &str, hours: u32) -> Result<Series, Refusal> {
        self.machines
            .estate
            .series(device, interface, hours)
            .ok_or_else(|| Refusal::new("not_found", "no such device"))
    }

    /// All links.
    pub fn links(&self) -> Vec<LinkRow> {
        self.machines.estate.links()
    }

    /// Sites, devices, links and what sources disagree about.
    pub fn topology(&self) -> Topology {
        self.machines.estate.topology()
    }

    /// Events, newest first.
    ///
    /// # Errors
    /// As every read of the store.
    pub async fn events(
        &self,
        before: Option<i64>,
        limit: u32,
        device: Option<&str>,
    ) -> Result<Vec<EventRow>, Refusal> {
        let records = self
            .app
            .store()
            .events()
            .page(before, limit.clamp(1, 1_000), device)
            .await?;
        let estate = &self.machines.estate;
        Ok(records
            .into_iter()
            .map(|record| {
                let mut row = event_row(record);
                row.held_back_by = row.held_back_by.map(|cause| named(estate, &cause));
                row
            })
            .collect())
    }

    /// Open incidents, causes first, without those that another one explains; or also the closed ones, newest first.
    ///
    /// # Errors
    /// As every read of the store.
    pub async fn incidents(&self, open_only: bool) -> Result<Vec<Incident>, Refusal> {
        let records = self
            .app
            .store()
            .incidents()
            .list(open_only, INCIDENTS_MAX)
            .await?;
        let mut rows: Vec<Incident> = Vec::new();
        for open in self
            .machines
            .estate
            .incidents()
            .into_iter()
            .filter(|incident| !incident.held_back)
        {
            // One that has no number yet is stored within the second.
            let Some(id) = self.machines.numbers.of(&open.key) else {
                continue;
            };
            let record = records.iter().find(|record| record.id == id);
            rows.push(Incident {
                id,
                run_ids: record
                    .map(|record| record.run_ids.clone())
                    .unwrap_or_default(),
                acknowledged_by: record.and_then(|record| record.acknowledged_by.clone()),
                note: record.and_then(|record| record.note.clone()),
                acknowledged_at: record.and_then(|record| record.acknowledged_at),
                ..open.view
            });
        }
        if !open_only {
            rows.extend(
                records
                    .into_iter()
                    .filter(|record| record.closed_at.is_some())
                    .map(incident_row),
            );
        }
        Ok(rows)
    }

    /// Somebody has seen an incident.
    ///
    /// # Errors
    /// `not_found`, `too_large`.
    pub async fn acknowledge(
        &self,
        caller: &Caller,
        id: i64,
        note: &str,
    ) -> Result<Incident, Refusal> {
        if note.chars().count() > NOTE_CHARS_MAX {
            return Err(Refusal::new("too_large", "the note is too long").at("note"));
        }
        let audited = self
            .app
            .audited(caller, "incident.acknowledged", id.to_string(), note);
        let record = self
            .app
            .store()
            .incidents()
            .acknowledge(id, &caller.account.display_name, note, audited)
            .await?;
        if let Some(key) = self.machines.numbers.key_of(id) {
            let command = Command::Acknowledge {
                incident: IncidentKey(key.into()),
                by: Some((caller.account.display_name.clone(), note.to_owned())),
            };
            let _ = self.machines.snmp.send(command).await;
        }
        self.app.tell(Topic::Incidents);
        self.app.tell(Topic::Overview);
        Ok(incident_row(record))
    }

    /// Takes an acknowledgement back.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn unacknowledge(&self, caller: &Caller, id: i64) -> Result<Incident, Refusal> {
        let audited = self
            .app
            .audited(caller, "incident.unacknowledged", id.to_string(), "");
        let record = self
            .app
            .store()
            .incidents()
            .unacknowledge(id, audited)
            .await?;
        if let Some(key) = self.machines.numbers.key_of(id) {
            let command = Command::Acknowledge {
                incident: IncidentKey(key.into()),
                by: None,
            };
            let _ = self.machines.snmp.send(command).await;
        }
        self.app.tell(Topic::Incidents);
        self.app.tell(Topic::Overview);
        Ok(incident_row(record))
    }

    /// Playbooks in force.
    pub fn playbooks(&self) -> Vec<nhipcau_playbooks::PlaybookRow> {
        let library = self
            .machines
            .library
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        library.rows(match self.app.settings().language {
            Language::Vi => nhipcau_playbooks::Language::Vi,
            Language::En => nhipcau_playbooks::Language::En,
        })
    }

    /// The newest runs, as the engine wrote them.
    ///
    /// # Errors
    /// As every read of the store.
    pub async fn runs(&self, limit: u32) -> Result<Vec<serde_json::Value>, Refusal> {
        Ok(self.app.store().runs().list(limit.clamp(1, 500)).await?)
    }

    /// One run.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn run(&self, id: i64) -> Result<serde_json::Value, Refusal> {
        Ok(self.app.store().runs().find(id).await?)
    }

    /// A person answers a run's question.
    ///
    /// # Errors
    /// `not_found`, `conflict` when the step asks nothing (any more), `forbidden`.
    pub async fn approve(
        &self,
        caller: &Caller,
        id: i64,
        step: u32,
        approve: bool,
        note: String,
    ) -> Result<serde_json::Value, Refusal> {
        let by = Approver {
            name: caller.account.display_name.clone(),
            operator: caller.may(AccountRole::Operator),
            admin: caller.may(AccountRole::Admin),
        };
        let (reply, answer) = oneshot::channel();
        let gone = || Refusal::new("internal", "the playbooks' engine has stopped");
        self.machines
            .playbooks
            .send(Message::Approval {
                run: RunId(id),
                step,
                by,
                approve,
                note,
                reply,
            })
            .await
            .map_err(|_| gone())?;
        answer
            .await
            .map_err(|_| gone())?
            .map_err(|refusal| Refusal::new(refusal.code(), "the answer was not taken"))?;
        self.app
            .note(
                caller,
                if approve {
                    "run.approved"
                } else {
                    "run.refused"
                },
                id.to_string(),
                step.to_string(),
            )
            .await?;
        self.run(id).await
    }

    /// The roll call of a conference: live, or empty when its room is closed.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn board(&self, id: i64) -> Result<nhipcau_conference::Board, Refusal> {
        if let Some(board) = self.machines.rooms.board(id).await {
            return Ok(board);
        }
        let conference = ConferenceId(id);
        let standing = self
            .app
            .bookings()
            .standing(conference)
            .ok_or_else(|| Refusal::new("not_found", "no such conference"))?;
        let opening = self
            .machines
            .opening(conference, standing.occurrence)
            .await?;
        Ok(super::rooms::closed_board(&opening, standing.state()))
    }
}

/// The protocol's word for a run's state.
pub(crate) fn run_state(state: RunState) -> &'static str {
    match state {
        RunState::Running => "running",
        RunState::Waiting => "waiting",
        RunState::Approval => "approval",
        RunState::Done => "done",
        RunState::Failed => "failed",
        RunState::Interrupted => "interrupted",
    }
}

/// The cause as the journal keeps it, `DEVICE` or `DEVICE/INTERFACE`, with the device called by its name.
fn named(estate: &Estate, cause: &str) -> String {
    match cause.split_once('/') {
        Some((device, interface)) => {
            format!(
                "{} {interface}",
                estate.device_name(&DeviceId::from(device))
            )
        }
        None => estate.device_name(&DeviceId::from(cause)),
    }
}

pub(super) fn event_row(record: EventRecord) -> EventRow {
    let event = record.event;
    EventRow {
        id: record.id,
        at: event.at,
        kind: event.kind,
        health: Health::from_word(&event.health),
        device: event.device,
        device_name: event.device_name,
        interface: event.interface,
        site: event.site,
        reason: serde_json::from_value(event.reason).unwrap_or_default(),
        held_back_by: event.held_back_by,
    }
}

fn incident_row(record: IncidentRecord) -> Incident {
    let incident = record.incident;
    Incident {
        id: record.id,
        opened_at: incident.opened_at,
        closed_at: record.closed_at,
        health: Health::from_word(&incident.health),
        reason: serde_json::from_value(incident.reason).unwrap_or_default(),
        device: incident.device,
        device_name: incident.device_name,
        interface: incident.interface,
        sites: incident.sites,
        behind: serde_json::from_value(incident.behind).unwrap_or_default(),
        acknowledged_by: record.acknowledged_by,
        note: record.note,
        acknowledged_at: record.acknowledged_at,
        maintenance: None,
        run_ids: record.run_ids,
    }
}
