//! What happens to an event: it is stored, opens or closes an incident, reaches the playbooks and the live rooms, and pages are
//! told to read again. In that order, one event after the other.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nhipcau_inventory::watch::{self, Cause};
use nhipcau_playbooks as playbooks;
use tokio::sync::{broadcast, mpsc};

use super::estate::{Estate, OpenIncident};
use super::topic::Topic;
use super::words;
use crate::config::Language;
use crate::drive::playbook::Message;
use crate::http::views;
use crate::store::{IncidentRecord, NewEvent, NewIncident, Store};

/// Events waiting for their commit.
pub(crate) const EVENTS_MAX: usize = 8_192;
/// Incidents of an earlier life of the daemon that no poll has confirmed by then are closed.
const ADOPTION: Duration = Duration::from_secs(600);
/// Open incidents are compared with the store at least this often: what is held back behind them grows without an event.
const SYNC_INTERVAL: Duration = Duration::from_secs(10);

/// An event that the conference side reports.
#[derive(Debug, Clone)]
pub(crate) struct SeatEvent {
    /// Which of the playbooks' kinds.
    pub(crate) kind: playbooks::EventKind,
    /// Number of the conference.
    pub(crate) conference: i64,
    /// Its title.
    pub(crate) title: String,
    /// The site, for `site_dropped` and `site_back`.
    pub(crate) site: Option<(String, String)>,
    /// Why.
    pub(crate) reason: views::Reason,
    /// The network explains it: the cause's own event notifies.
    pub(crate) held_back: bool,
}

/// What reaches the journal.
#[derive(Debug)]
pub(crate) enum Entry {
    /// From the watch.
    Watch(Box<watch::Event>),
    /// From a live room.
    Seat(Box<SeatEvent>),
}

/// Live rooms, as the journal tells them of the network.
pub(crate) trait Rooms: Send + Sync + 'static {
    /// The network changed for these sites.
    fn network_changed(&self, sites: &[String]);
}

/// What the journal works with.
pub(crate) struct JournalParts {
    pub(crate) store: Store,
    pub(crate) estate: Arc<Estate>,
    pub(crate) playbooks: mpsc::Sender<Message>,
    pub(crate) rooms: Arc<dyn Rooms>,
    pub(crate) changed: broadcast::Sender<Topic>,
    pub(crate) language: Language,
    pub(crate) numbers: Arc<Numbers>,
}

/// Numbers of open incidents by key, and what could not be kept.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    by_key: std::sync::Mutex<HashMap<String, i64>>,
    /// Events that were not stored because the disk was full.
    pub(crate) unstored: AtomicU64,
    /// Numbers for events that the store did not take, below zero so that they never meet a stored one.
    unstored_id: AtomicI64,
}

impl Numbers {
    /// The stored number of an open incident.
    pub(crate) fn of(&self, key: &str) -> Option<i64> {
        self.lock().get(key).copied()
    }

    /// The key of an open incident.
    pub(crate) fn key_of(&self, id: i64) -> Option<String> {
        self.lock()
            .iter()
            .find(|(_, number)| **number == id)
            .map(|(key, _)| key.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, i64>> {
        self.by_key
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Starts the journal.
pub(crate) fn spawn(parts: JournalParts, entries: mpsc::Receiver<Entry>) {
    tokio::spawn(async move {
        let adoptable = parts
            .store
            .incidents()
            .list(true, 10_000)
            .await
            .unwrap_or_default();
        let journal = Journal {
            parts,
            adoptable,
            known: HashMap::new(),
            started: Instant::now(),
        };
        journal.run(entries).await;
    });
}

struct Journal {
    parts: JournalParts,
    /// Open in the store since an earlier life of the daemon.
    adoptable: Vec<IncidentRecord>,
    /// Open incidents as they were stored last.
    known: HashMap<String, NewIncident>,
    started: Instant,
}

impl Journal {
    async fn run(mut self, mut entries: mpsc::Receiver<Entry>) {
        loop {
            match tokio::time::timeout(SYNC_INTERVAL, entries.recv()).await {
                Ok(Some(Entry::Watch(event))) => self.watched(*event).await,
                Ok(Some(Entry::Seat(event))) => self.seat(*event).await,
                Ok(None) => return,
                Err(_) => {}
            }
            // A burst (a rack going dark) is one comparison, not one for each of its events.
            if entries.is_empty() {
                self.sync_incidents().await;
            }
        }
    }

    async fn watched(&mut self, event: watch::Event) {
        let estate = &self.parts.estate;
        let device_name = event.device.as_ref().map(|id| estate.device_name(id));
        let reason = estate.named_reason(&event.reason);
        let sites: Vec<String> = event.sites.iter().map(ToString::to_string).collect();
        // The rooms first: the host's board must not wait for a disk.
        self.parts.rooms.network_changed(&sites);
        let at = estate.date(event.at);
        let id = self
            .keep(NewEvent {
                at,
                kind: event.kind.as_str().to_owned(),
                health: event.health.as_str().to_owned(),
                device: event.device.as_ref().map(ToString::to_string),
                device_name: device_name.clone(),
                interface: event.interface.as_deref().map(str::to_owned),
                site: event.site.as_ref().map(ToString::to_string),
                reason: json(&reason),
                held_back_by: held_back_by(&event),
            })
            .await;
        tracing::info!(
            kind = event.kind.as_str(),
            device = device_name.as_deref().unwrap_or_default(),
            interface = event.interface.as_deref().unwrap_or_default(),
            held_back = held_back_by(&event).is_some(),
            "{}",
            words::sentence(&reason, Language::En)
        );
        if let Some(kind) = playbooks::EventKind::parse(event.kind.as_str()) {
            // A run that begins belongs to an incident that has a number.
            if held_back_by(&event).is_none() {
                self.sync_incidents().await;
            }
            let estate = &self.parts.estate;
            let (site, site_name) = match &event.site {
                Some(site) => (Some(site.to_string()), estate.site_name(site.as_str())),
                None => (None, None),
            };
            let subject = [
                device_name.clone(),
                event.interface.as_deref().map(str::to_owned),
                sensor_of(&reason),
            ]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>();
            self.tell_playbooks(playbooks::Event {
                id,
                kind,
                at,
                subject: subject.join(" · "),
                health: playbook_health(event.health),
                text: words::sentence(&reason, self.parts.language),
                reason: playbook_reason(&reason),
                device: event.device.as_ref().map(ToString::to_string),
                device_name,
                interface: event.interface.as_deref().map(str::to_owned),
                site,
                site_name,
                sites: sites
                    .iter()
                    .map(|site| estate.site_name(site).unwrap_or_else(|| site.clone()))
                    .collect(),
                conference: None,
                // The watch believes polls only; a trap merely hastened one.
                authenticated: true,
                held_back: event.held_back_by.is_some(),
                maintenance: event.maintenance.is_some(),
            });
        }
        for topic in [
            Topic::Events,
            Topic::Overview,
            Topic::Devices,
            Topic::Links,
            Topic::Sites,
        ] {
            self.say(topic);
        }
        if let Some(device) = event.device {
            self.say(Topic::Device(device.to_string()));
        }
    }

    async fn seat(&mut self, event: SeatEvent) {
        let at = Timestamp::now();
        let health = match event.kind {
            playbooks::EventKind::SiteBack | playbooks::EventKind::RecordingOk => {
                nhipcau_inventory::Health::Ok
            }
            _ => nhipcau_inventory::Health::Critical,
        };
        let id = self
            .keep(NewEvent {
                at,
                kind: event.kind.as_str().to_owned(),
                health: health.as_str().to_owned(),
                device: None,
                device_name: None,
                interface: None,
                site: event.site.as_ref().map(|(id, _)| id.clone()),
                reason: json(&event.reason),
                held_back_by: event.held_back.then(|| {
                    event
                        .reason
                        .args
                        .get("device")
                        .and_then(|d| d.as_str())
                        .unwrap_or("line")
                        .to_owned()
                }),
            })
            .await;
        let site_name = event.site.as_ref().map(|(_, name)| name.clone());
        self.tell_playbooks(playbooks::Event {
            id,
            kind: event.kind,
            at,
            subject: [Some(event.title.clone()), site_name.clone()]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" · "),
            health: playbook_health(health),
            text: words::sentence(&event.reason, self.parts.language),
            reason: playbook_reason(&event.reason),
            device: None,
            device_name: None,
            interface: None,
            site: event.site.as_ref().map(|(id, _)| id.clone()),
            sites: site_name.iter().cloned().collect(),
            site_name,
            conference: Some(event.title),
            authenticated: true,
            held_back: event.held_back,
            maintenance: false,
        });
        self.say(Topic::Events);
        self.say(Topic::Board(event.conference));
    }

    /// Stores the event. A full disk costs the record, never the notification.
    async fn keep(&self, event: NewEvent) -> i64 {
        match self.parts.store.events().append(vec![event]).await {
            Ok(ids) => ids.first().copied().unwrap_or_default(),
            Err(error) => {
                tracing::error!(%error, "an event was not stored");
                self.parts.numbers.unstored.fetch_add(1, Ordering::Relaxed);
                self.parts
                    .numbers
                    .unstored_id
                    .fetch_sub(1, Ordering::Relaxed)
                    - 1
            }
        }
    }

    fn tell_playbooks(&self, event: playbooks::Event) {
        if self
            .parts
            .playbooks
            .try_send(Message::Event(Box::new(event)))
            .is_err()
        {
            tracing::error!("the playbooks' queue is full; an event started nothing");
        }
    }

    /// Opens, changes and closes stored incidents until they say what the watch says.
    async fn sync_incidents(&mut self) {
        let open = self.parts.estate.incidents();
        let keys: HashSet<&str> = open.iter().map(|incident| incident.key.as_str()).collect();
        let gone: Vec<String> = self
            .known
            .keys()
            .filter(|key| !keys.contains(key.as_str()))
            .cloned()
            .collect();
        let mut changed = !gone.is_empty();
        for key in gone {
            self.known.remove(&key);
            let number = self.parts.numbers.lock().remove(&key);
            if let Some(id) = number {
                self.close(id).await;
            }
        }
        for incident in &open {
            let record = record(incident);
            if self.known.get(&incident.key) == Some(&record) {
                continue;
            }
            changed = true;
            let stored = match self.parts.numbers.of(&incident.key) {
                Some(id) => self
                    .parts
                    .store
                    .incidents()
                    .update(id, record.clone())
                    .await
                    .map(|_| id),
                None => match self.adopt(&record) {
                    Some(id) => self
                        .parts
                        .store
                        .incidents()
                        .update(id, record.clone())
                        .await
                        .map(|_| id),
                    None => self.parts.store.incidents().open(record.clone()).await,
                },
            };
            match stored {
                Ok(id) => {
                    self.parts.numbers.lock().insert(incident.key.clone(), id);
                    self.known.insert(incident.key.clone(), record);
                }
                Err(error) => {
                    tracing::warn!(%error, "an incident was not stored; it is tried again")
                }
            }
        }
        if !self.adoptable.is_empty() && self.started.elapsed() > ADOPTION {
            for left in std::mem::take(&mut self.adoptable) {
                self.close(left.id).await;
            }
        }
        if changed {
            self.say(Topic::Incidents);
            self.say(Topic::Overview);
        }
    }

    async fn close(&self, id: i64) {
        if let Err(error) = self
            .parts
            .store
            .incidents()
            .close(id, Timestamp::now())
            .await
        {
            tracing::warn!(%error, id, "an incident was not closed in the store");
        }
    }

    fn adopt(&mut self, record: &NewIncident) -> Option<i64> {
        let same = |old: &IncidentRecord| {
            old.incident.device == record.device
                && old.incident.interface == record.interface
                && old.incident.reason.get("code") == record.reason.get("code")
        };
        let index = self.adoptable.iter().position(same)?;
        Some(self.adoptable.swap_remove(index).id)
    }

    fn say(&self, topic: Topic) {
        // Nobody listens when no page is open.
        let _ = self.parts.changed.send(topic);
    }
}

fn record(incident: &OpenIncident) -> NewIncident {
    let view = &incident.view;
    NewIncident {
        opened_at: view.opened_at,
        health: view.health.as_str().to_owned(),
        reason: json(&view.reason),
        device: view.device.clone(),
        device_name: view.device_name.clone(),
        interface: view.interface.clone(),
        sites: view.sites.clone(),
        behind: json(&view.behind),
    }
}

fn json(value: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_else(|error| unreachable!("a view serializes: {error}"))
}

fn cause_text(cause: &Cause) -> String {
    match cause {
        Cause::Interface(interface) => interface.to_string(),
        Cause::Device(device) => device.to_string(),
    }
}

/// What holds an event back: a cause in front of it, or announced maintenance.
fn held_back_by(event: &watch::Event) -> Option<String> {
    let cause = event.held_back_by.as_ref().map(cause_text);
    cause.or_else(|| event.maintenance.map(|_| "maintenance".to_owned()))
}

fn sensor_of(reason: &views::Reason) -> Option<String> {
    ["sensor", "component", "storage"]
        .iter()
        .find_map(|name| reason.args.get(*name)?.as_str().map(str::to_owned))
}

fn playbook_health(health: nhipcau_inventory::Health) -> playbooks::Health {
    match health {
        nhipcau_inventory::Health::Ok => playbooks::Health::Ok,
        nhipcau_inventory::Health::Unknown => playbooks::Health::Unknown,
        nhipcau_inventory::Health::Degraded => playbooks::Health::Degraded,
        nhipcau_inventory::Health::Critical => playbooks::Health::Critical,
    }
}

fn playbook_reason(reason: &views::Reason) -> playbooks::Reason {
    let args = reason.args.iter().map(|(name, value)| {
        let arg = match value {
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(integer) => playbooks::Arg::Integer(integer),
                None => playbooks::Arg::Number(number.as_f64().unwrap_or_default()),
            },
            serde_json::Value::String(text) => playbooks::Arg::Text(text.clone()),
            other => playbooks::Arg::Text(other.to_string()),
        };
        (name.clone(), arg)
    });
    playbooks::Reason {
        code: reason.code.clone().into(),
        args: args.collect(),
    }
}
