//! What an earlier life of the daemon left: live rooms, open attendance, cut recordings.

use std::collections::HashMap;

use nhipcau_conference::{ConferenceId, RoomSnapshot};

use super::Daemon;
use crate::config::Config;

impl Daemon {
    /// Reopens rooms that were live, closes what cannot go on, and mends recordings that a crash cut.
    pub(super) async fn recover(&self, config: &Config) {
        let store = self.app.store();
        let open: HashMap<ConferenceId, _> = self.app.bookings().open_now().into_iter().collect();
        let mut last_alive = None;
        for row in store.rooms().load().await.unwrap_or_default() {
            last_alive = last_alive.max(Some(row.at));
            let Ok(snapshot) = serde_json::from_value::<RoomSnapshot>(row.snapshot) else {
                tracing::error!(
                    room = row.room,
                    "the record of a live room cannot be read; its seats are lost"
                );
                continue;
            };
            match open.get(&snapshot.conference) {
                Some(occurrence)
                    if occurrence.starts_at == snapshot.occurrence.starts_at && !snapshot.ended =>
                {
                    if let Ok(opening) = self
                        .machines
                        .opening(snapshot.conference, *occurrence)
                        .await
                    {
                        tracing::info!(
                            conference = snapshot.conference.0,
                            seats = snapshot.seats.len(),
                            "a live room is reopened"
                        );
                        self.machines.rooms.restore(&opening, snapshot, row.at);
                    }
                }
                _ => drop(store.rooms().remove(&row.room).await),
            }
        }
        if let Some(at) = last_alive {
            let _ = store
                .attendance()
                .close_open(at, nhipcau_conference::Reason::new("daemon_restarted"))
                .await;
        }
        let directory = config.recording.directory.clone();
        let store = store.clone();
        // Listed before anybody can press record: what is unfinished later is being recorded.
        let unfinished = store.recordings().unfinished().await.unwrap_or_default();
        tokio::spawn(async move {
            for row in unfinished {
                let path = directory.join(&row.file);
                let repaired = tokio::task::spawn_blocking(move || {
                    nhipcau_media_gst::repair(&path, "/proc/self/exe".as_ref())
                })
                .await;
                let bytes = match repaired {
                    Ok(Ok(repaired)) => repaired.bytes,
                    Ok(Err(error)) => {
                        tracing::error!(%error, file = row.file, "a cut recording could not be repaired; it plays as far as it goes");
                        row.bytes
                    }
                    Err(_) => row.bytes,
                };
                let reason = serde_json::json!({"code": "daemon_restarted", "args": {}});
                let _ = store
                    .recordings()
                    .end(row.id, jiff::Timestamp::now(), bytes, true, Some(reason))
                    .await;
            }
        });
    }
}
