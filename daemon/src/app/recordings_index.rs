//! Recordings as pages list them, and their files.

use std::path::PathBuf;

use nhipcau_conference::ConferenceId;

use super::{App, Refusal};
use crate::http::views::{Reason, Recording, RecordingState};
use crate::store::RecordingRow;

/// Recordings and their files.
pub struct RecordingDesk<'a> {
    pub(super) app: &'a App,
}

/// A recording's file, to be sent.
pub struct RecordingFile {
    /// Where it is.
    pub path: PathBuf,
    /// What a browser should call it: made by the daemon, never from a title.
    pub name: String,
}

fn view_of(row: RecordingRow) -> Recording {
    Recording {
        id: row.id,
        conference: row.conference.0,
        title: row.title,
        started_at: row.started_at,
        ended_at: row.ended_at,
        bytes: row.bytes,
        state: match row.state.as_str() {
            "recording" => RecordingState::Recording,
            "done" => RecordingState::Done,
            _ => RecordingState::Failed,
        },
        reason: row
            .reason
            .and_then(|reason| serde_json::from_value::<Reason>(reason).ok()),
    }
}

impl RecordingDesk<'_> {
    /// The newest recordings, of one conference or of all.
    ///
    /// # Errors
    /// What the store says.
    pub async fn list(&self, conference: Option<i64>) -> Result<Vec<Recording>, Refusal> {
        let rows = self
            .app
            .store()
            .recordings()
            .list(conference.map(ConferenceId))
            .await?;
        Ok(rows.into_iter().map(view_of).collect())
    }

    /// The file of a recording.
    ///
    /// # Errors
    /// `not_found`, also when the name in the index leaves the recording directory.
    pub async fn file(&self, id: i64) -> Result<RecordingFile, Refusal> {
        let row = self.app.store().recordings().find(id).await?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if row.file.starts_with('.') || !row.file.chars().all(plain) {
            tracing::error!(id, "a recording's file name is not one of ours");
            return Err(Refusal::new("not_found", "no such recording"));
        }
        Ok(RecordingFile {
            path: self.app.settings().recordings.join(&row.file),
            name: format!("nhipcau-{}-{}.mkv", row.conference.0, row.id),
        })
    }
}
