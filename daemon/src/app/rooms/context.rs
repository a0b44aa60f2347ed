//! What one room asks of the daemon around it: its ledger, its events, its place on the disk.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use nhipcau_conference::{AttendanceEntry, ConferenceId, Reason, RoomSnapshot, SiteKey};
use nhipcau_playbooks::EventKind;
use tokio::sync::mpsc;

use super::live::Surroundings;
use crate::app::estate::Estate;
use crate::app::journal::{Entry, SeatEvent};
use crate::app::{App, Topic};
use crate::http::views;
use crate::store::{NewRecording, RoomSnapshotRow};

/// Pause between two tries of the ledger while the disk refuses.
const RETRY: Duration = Duration::from_secs(2);

/// One room's surroundings.
pub(super) struct Context {
    pub(super) app: App,
    pub(super) estate: Arc<Estate>,
    pub(super) journal: mpsc::Sender<Entry>,
    pub(super) conference: i64,
    pub(super) title: String,
    pub(super) ledger: mpsc::UnboundedSender<Note>,
    /// The last recording of this room ended early, so that the next good one is a recovery.
    pub(super) recording_failed: AtomicBool,
}

/// What is to be written, in order. The queue has no bound of its own: a room makes a note only when a seat, a row or the recording
/// changes, and notes of one kind are merged while the disk is slow.
pub(super) enum Note {
    Kept {
        occurrence: Timestamp,
        entries: Vec<AttendanceEntry>,
        snapshot: Box<RoomSnapshot>,
    },
    Ended {
        occurrence: Timestamp,
    },
    RecordingStarted {
        file: String,
    },
    RecordingGrew {
        file: String,
        bytes: u64,
    },
    RecordingEnded {
        file: String,
        bytes: u64,
        failed: Option<views::Reason>,
        hidden: Option<views::Reason>,
    },
}

impl Context {
    fn report(
        &self,
        kind: EventKind,
        site: Option<&SiteKey>,
        reason: views::Reason,
        held_back: bool,
    ) {
        let site = site.map(|key| {
            (
                key.to_string(),
                self.estate
                    .site_name(key.as_str())
                    .unwrap_or_else(|| key.to_string()),
            )
        });
        let event = SeatEvent {
            kind,
            conference: self.conference,
            title: self.title.clone(),
            site,
            reason,
            held_back,
        };
        if self.journal.try_send(Entry::Seat(Box::new(event))).is_err() {
            tracing::error!("the journal is full; an event of a room is lost");
        }
    }

    fn note(&self, note: Note) {
        // The ledger lives as long as the room.
        let _ = self.ledger.send(note);
    }
}

impl Surroundings for Context {
    fn keep(&self, occurrence: Timestamp, entries: Vec<AttendanceEntry>, snapshot: RoomSnapshot) {
        self.note(Note::Kept {
            occurrence,
            entries,
            snapshot: Box::new(snapshot),
        });
    }

    fn ended(&self, occurrence: Timestamp) {
        self.note(Note::Ended { occurrence });
    }

    fn site(&self, site: SiteKey, dropped: Option<Reason>) {
        match dropped {
            Some(reason) => {
                self.app.tally().count_site_drop(&reason.code);
                // The link's or the device's own event has told the operator already.
                let explained = matches!(&*reason.code, "line_down" | "site_device_down");
                self.report(
                    EventKind::SiteDropped,
                    Some(&site),
                    reason_view(&reason),
                    explained,
                );
            }
            None => self.report(
                EventKind::SiteBack,
                Some(&site),
                views::Reason::new("media_back"),
                false,
            ),
        }
    }

    fn device_removed(&self, pass: i64) {
        let (app, conference) = (self.app.clone(), self.conference);
        tokio::spawn(async move { app.passes().removed(conference, pass).await });
    }

    fn board_changed(&self) {
        self.app.tell(Topic::Board(self.conference));
    }

    fn recording_started(&self, file: PathBuf) {
        self.note(Note::RecordingStarted {
            file: file_name(&file),
        });
        if self.recording_failed.swap(false, Ordering::Relaxed) {
            self.report(
                EventKind::RecordingOk,
                None,
                views::Reason::new("recovered").with("subject", self.title.as_str()),
                false,
            );
        }
    }

    fn recording_grew(&self, file: PathBuf, bytes: u64) {
        self.note(Note::RecordingGrew {
            file: file_name(&file),
            bytes,
        });
    }

    fn recording_ended(
        &self,
        file: PathBuf,
        bytes: u64,
        failed: Option<Reason>,
        hidden: Option<Reason>,
    ) {
        let failed = failed.as_ref().map(reason_view);
        self.app.tally().count_recording(bytes, failed.is_some());
        if let Some(reason) = &failed {
            self.recording_failed.store(true, Ordering::Relaxed);
            self.report(EventKind::RecordingFailed, None, reason.clone(), false);
        }
        self.note(Note::RecordingEnded {
            file: file_name(&file),
            bytes,
            failed,
            hidden: hidden.as_ref().map(reason_view),
        });
    }

    fn recording_place(&self) -> Result<(PathBuf, String), Reason> {
        let settings = self.app.settings();
        let failed = |detail: String| Reason::new("pipeline_died").with("detail", detail);
        std::fs::create_dir_all(&settings.recordings).map_err(|error| failed(error.to_string()))?;
        let free = free_bytes(&settings.recordings).map_err(|error| failed(error.to_string()))?;
        if free < settings.recording_min_free_bytes {
            return Err(Reason::new("disk_full"));
        }
        let stamp = Timestamp::now()
            .to_zoned(settings.zone.clone())
            .strftime("%Y%m%d-%H%M%S")
            .to_string();
        Ok((
            settings.recordings.clone(),
            format!("{}-{stamp}", self.conference),
        ))
    }
}

/// Writes again and again until the store takes it. A macro, because a closure that borrows its surroundings makes a future of which the
/// compiler cannot tell that it may move between threads.
macro_rules! until_stored {
    ($write:expr) => {
        loop {
            match $write.await {
                Ok(stored) => break stored,
                Err(error) => {
                    tracing::error!(%error, "a room's ledger waits for the store");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    };
}

/// Writes one room's notes, each after the one before it, until the room is gone. A full disk delays them; none is dropped.
pub(super) async fn keep_ledger(
    app: App,
    conference: i64,
    room: String,
    title: String,
    mut notes: mpsc::UnboundedReceiver<Note>,
) {
    let id = ConferenceId(conference);
    let mut recordings: HashMap<String, i64> = HashMap::new();
    while let Some(note) = notes.recv().await {
        match note {
            Note::Kept {
                occurrence,
                entries,
                snapshot,
            } => {
                let value = serde_json::to_value(&*snapshot)
                    .unwrap_or_else(|error| unreachable!("a room's snapshot serializes: {error}"));
                for entry in entries {
                    until_stored!(app.store().attendance().put(id, occurrence, entry.clone()));
                }
                until_stored!(app.store().rooms().put(RoomSnapshotRow {
                    room: room.clone(),
                    at: Timestamp::now(),
                    snapshot: value.clone()
                }));
            }
            Note::Ended { occurrence } => {
                if let Err(refusal) = app.bookings().end(id, occurrence).await {
                    tracing::warn!(%refusal, conference, "the calendar was not told that a meeting ended");
                }
                until_stored!(app.store().rooms().remove(&room));
            }
            Note::RecordingStarted { file } => {
                let new = NewRecording {
                    conference: id,
                    title: title.clone(),
                    file: file.clone(),
                    started_at: Timestamp::now(),
                };
                recordings.insert(
                    file,
                    until_stored!(app.store().recordings().begin(new.clone())),
                );
            }
            Note::RecordingGrew { file, bytes } => {
                // The end writes the length that counts; this one is for whoever looks meanwhile.
                if let Some(number) = recordings.get(&file)
                    && let Err(error) = app.store().recordings().grow(*number, bytes).await
                {
                    tracing::debug!(%error, "the length of a recording was not stored");
                }
                continue;
            }
            Note::RecordingEnded {
                file,
                bytes,
                failed,
                hidden,
            } => {
                if let Some(number) = recordings.remove(&file) {
                    let reason = failed
                        .as_ref()
                        .or(hidden.as_ref())
                        .and_then(|reason| serde_json::to_value(reason).ok());
                    until_stored!(app.store().recordings().end(
                        number,
                        Timestamp::now(),
                        bytes,
                        failed.is_some(),
                        reason.clone()
                    ));
                }
            }
        }
        app.tell(Topic::Board(conference));
        app.tell(Topic::Conferences);
    }
}

/// A reason of the conference machine in the form of the protocol.
pub(super) fn reason_view(reason: &Reason) -> views::Reason {
    serde_json::to_value(reason)
        .and_then(serde_json::from_value)
        .unwrap_or_else(|error| unreachable!("both reasons have one form: {error}"))
}

fn file_name(file: &Path) -> String {
    file.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn free_bytes(directory: &Path) -> nix::Result<u64> {
    let status = nix::sys::statvfs::statvfs(directory)?;
    Ok(status.blocks_available() * status.fragment_size())
}
