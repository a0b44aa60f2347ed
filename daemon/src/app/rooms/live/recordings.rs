//! A room's recordings: at most one is written, earlier ones may still be finishing their files.

use nhipcau_conference::{Input, Reason};
use nhipcau_media_gst::RecorderEvent;
use nhipcau_media_gst::control::Hidden;

use super::{Live, now, peer_of};
use crate::app::rooms::record::{Recording, hidden_reason};

impl Live {
    pub(super) fn start_recording(&mut self) {
        if self.recording.is_some() {
            return;
        }
        self.recordings_begun += 1;
        let generation = self.recordings_begun;
        let outcome = self
            .surroundings
            .recording_place()
            .and_then(|(directory, stem)| {
                Recording::start(
                    directory,
                    stem,
                    &self.title,
                    generation,
                    self.inputs.clone(),
                )
            });
        let (on, reason) = match outcome {
            Ok((recording, tap)) => {
                self.surroundings.recording_started(recording.file());
                self.bridge.tap(self.room, tap);
                self.recordings.insert(generation, recording);
                self.recording = Some(generation);
                (true, None)
            }
            Err(reason) => (false, Some(reason)),
        };
        let _ = self
            .machine
            .handle_input(Input::Recording { on, reason }, now());
    }

    /// The file is finished in the background; the sign goes out now, because nothing of the room reaches the file any more.
    pub(super) fn stop_recording(&mut self, reason: &Reason) {
        if let Some(recording) = self
            .recording
            .take()
            .and_then(|generation| self.recordings.get_mut(&generation))
        {
            recording.stop();
            self.bridge.untap(self.room);
            let _ = self.machine.handle_input(
                Input::Recording {
                    on: false,
                    reason: Some(reason.clone()),
                },
                now(),
            );
        }
    }

    pub(super) fn recorder_event(&mut self, generation: u64, event: RecorderEvent) {
        if matches!(event, RecorderEvent::KeyframeWanted { .. }) {
            self.bridge.request_tap_keyframe(self.room);
        }
        if let RecorderEvent::Hidden(hidden) = event {
            self.recording_hidden(generation, hidden);
        }
        let Some(end) = self
            .recordings
            .get_mut(&generation)
            .and_then(|recording| recording.event(event))
        else {
            if let Some(recording) = self.recordings.get(&generation).filter(|r| r.bytes() > 0) {
                self.surroundings
                    .recording_grew(recording.file(), recording.bytes());
            }
            return;
        };
        if let Some(recording) = self.recordings.remove(&generation) {
            self.surroundings.recording_ended(
                recording.file(),
                end.bytes,
                end.failed.clone(),
                end.hidden,
            );
        }
        if self.recording == Some(generation) {
            self.recording = None;
            self.bridge.untap(self.room);
            let _ = self.machine.handle_input(
                Input::Recording {
                    on: false,
                    reason: end.failed,
                },
                now(),
            );
        }
    }

    /// Tells the desk why the file lacks a picture that everybody else sees, and keeps it for the index.
    fn recording_hidden(&mut self, generation: u64, hidden: Option<Hidden>) {
        let reason = hidden.map(|hidden| {
            let participants = self.machine.roster().participants;
            let name = participants
                .iter()
                .find(|participant| peer_of(self.room.0, participant.id).0 as u32 == hidden.source)
                .map_or("", |participant| participant.name.as_str());
            hidden_reason(&hidden, name)
        });
        if let Some(recording) = self.recordings.get_mut(&generation)
            && let Some(reason) = &reason
        {
            recording.note_hidden(reason);
        }
        if self.recording == Some(generation) {
            let _ = self
                .machine
                .handle_input(Input::RecordingHidden(reason), now());
        }
    }
}
