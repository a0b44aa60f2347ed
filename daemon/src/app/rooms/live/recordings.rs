//! A room's recordings: at most one is written, earlier ones may still be finishing their files.

use nhipcau_conference::{Input, Reason};
use nhipcau_media_gst::RecorderEvent;

use super::{Live, now};
use crate::app::rooms::record::Recording;

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
            self.surroundings
                .recording_ended(recording.file(), end.bytes, end.failed.clone());
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
}
