//! The recording's own clock: takes packets as they come and gives the output a picture and a block when each is due.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use gstreamer::ClockTime;

use super::mix::BLOCK_MS;
use super::output::{Format, Output};
use super::picture::Picture;
use super::sound::Sound;
use super::stop::Stop;
use super::{card, failure, report};
use crate::control::{Failure, Report, WarningCode};
use crate::tap::{self, Kind};

/// Datagrams between the socket and the engine: a second of a 4 Mbit/s picture with voices; then they are dropped.
const QUEUE: usize = 1024;
const BLOCK_TIME: Duration = Duration::from_millis(BLOCK_MS as u64);
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);
/// A process that was stopped for longer than this (a suspended machine) resumes its clock instead of filling in.
const LAG_MAX: Duration = Duration::from_secs(5);

/// Records until told to stop.
pub(super) fn record(
    [tap, file]: [OwnedFd; 2],
    format: Format,
    title: &str,
    stop: &Stop,
) -> Result<Report, Failure> {
    let cards = card::Cards::draw(title, format)?;
    let (sender, receiver) = sync_channel(QUEUE);
    let dropped = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&dropped);
    thread::spawn(move || receive(&UnixDatagram::from(tap), &sender, &counted));
    let copy = file.try_clone().map_err(failure)?;
    let output = Output::start(file, format)?;
    report::send(&Report::Started {});
    let recorded_ms = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&recorded_ms);
    thread::spawn(move || progress(&copy, &seen));
    let engine = Engine {
        fps: format.fps,
        picture: Picture::new(format, cards),
        sound: Sound::default(),
        output: &output,
        warnings: Warnings::default(),
        blocks: 0,
        pictures: 0,
    };
    engine.run(&receiver, &dropped, &recorded_ms, stop)?;
    output.finish()?;
    rustix::fs::fsync(output.file()).map_err(|error| match error {
        rustix::io::Errno::NOSPC => Failure::DiskFull {},
        other => failure(other),
    })?;
    let bytes = length(output.file()).map_err(failure)?;
    Ok(Report::Finished {
        bytes,
        duration_ms: recorded_ms.load(Ordering::Relaxed),
    })
}

struct Engine<'a> {
    fps: u32,
    picture: Picture,
    sound: Sound,
    output: &'a Output,
    warnings: Warnings,
    /// Blocks of sound and pictures given to the output so far, or left out: their number is their time.
    blocks: u32,
    pictures: u32,
}

impl Engine<'_> {
    fn run(
        mut self,
        packets: &Receiver<Vec<u8>>,
        dropped: &AtomicU64,
        recorded_ms: &AtomicU64,
        stop: &Stop,
    ) -> Result<(), Failure> {
        let mut start = Instant::now();
        let mut connected = true;
        while !stop.is_set() {
            let due = start + BLOCK_TIME * self.blocks;
            let left = due.saturating_duration_since(Instant::now());
            if connected && !left.is_zero() {
                match packets.recv_timeout(left) {
                    Ok(datagram) => self.datagram(&datagram, Instant::now())?,
                    Err(RecvTimeoutError::Timeout) => {}
                    // The bridge closed its end; the recording goes on with what it has, until the daemon says stop.
                    Err(RecvTimeoutError::Disconnected) => connected = false,
                }
                continue;
            }
            thread::sleep(left);
            let now = Instant::now();
            if now.saturating_duration_since(due) > LAG_MAX {
                start += now.saturating_duration_since(due);
            }
            self.tick(now)?;
            self.warnings.add(
                WarningCode::PacketDropped,
                dropped.swap(0, Ordering::Relaxed),
            );
            self.warnings.tell(now);
            recorded_ms.store(u64::from(self.blocks) * BLOCK_MS as u64, Ordering::Relaxed);
            if let Some(failure) = self.output.error() {
                return Err(failure);
            }
        }
        Ok(())
    }

    fn datagram(&mut self, datagram: &[u8], now: Instant) -> Result<(), Failure> {
        let warning = match tap::read_datagram(datagram) {
            Some((Kind::Audio, source, rtp)) => self.sound.push(source, rtp, now)?,
            Some((Kind::Video, source, rtp)) => self.picture.push(source, rtp, now)?,
            Some((Kind::Speaker, source, _)) => {
                self.picture.speaker(source);
                None
            }
            None => Some(WarningCode::MalformedPacket),
        };
        if let Some(code) = warning {
            self.warnings.add(code, 1);
        }
        Ok(())
    }

    /// One block of sound, and the pictures that are due with it.
    fn tick(&mut self, now: Instant) -> Result<(), Failure> {
        if let Some(code) = self.picture.tick(now)? {
            self.warnings.add(code, 1);
        }
        if let Some(source) = self.picture.keyframe_wanted(now) {
            report::send(&Report::KeyframeWanted { source });
        }
        if let Some((source, codec)) = self.picture.first_shown() {
            report::send(&Report::Shown { source, codec });
        }
        if let Some(hidden) = self.picture.hidden_changed() {
            report::send(&Report::Hidden { hidden });
        }
        let time = ClockTime::from_mseconds(u64::from(self.blocks) * BLOCK_MS as u64);
        let (block, replaced) = self.sound.block(now);
        self.warnings
            .add(WarningCode::DecoderReplaced, replaced as u64);
        self.output.push_sound(block, time);
        self.blocks += 1;
        let pts = ClockTime::SECOND * u64::from(self.pictures) / u64::from(self.fps);
        if pts <= time {
            if !self.output.push_picture(&self.picture.shown(now), pts) {
                self.warnings.add(WarningCode::FrameSkipped, 1);
            }
            self.pictures += 1;
        }
        Ok(())
    }
}

/// Counts losses and tells each kind at most once in [`PROGRESS_INTERVAL`].
#[derive(Default)]
struct Warnings {
    counts: HashMap<WarningCode, (u64, u64)>,
    told: Option<Instant>,
}

impl Warnings {
    fn add(&mut self, code: WarningCode, more: u64) {
        if more > 0 {
            self.counts.entry(code).or_default().0 += more;
        }
    }

    fn tell(&mut self, now: Instant) {
        if self
            .told
            .is_some_and(|told| now.saturating_duration_since(told) < PROGRESS_INTERVAL)
        {
            return;
        }
        self.told = Some(now);
        for (&code, (count, told)) in &mut self.counts {
            if count != told {
                *told = *count;
                report::send(&Report::Warning {
                    code,
                    count: *count,
                });
            }
        }
    }
}

/// Empties the socket as fast as it fills, whatever the engine does.
fn receive(tap: &UnixDatagram, engine: &SyncSender<Vec<u8>>, dropped: &AtomicU64) {
    let mut buffer = [0; tap::PREFIX_BYTES + tap::RTP_BYTES_MAX + 1];
    // Zero bytes are the end of a sequenced socket; the bridge has no reason to send an empty datagram.
    while let Ok(length @ 1..) = tap.recv(&mut buffer) {
        match engine.try_send(buffer[..length].to_vec()) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                dropped.fetch_add(1, Ordering::Relaxed);
            }
            Err(TrySendError::Disconnected(_)) => return,
        }
    }
}

/// Hands the file to the disk and says how far it is; silent when the engine stands still, so that the parent notices.
fn progress(file: &OwnedFd, recorded_ms: &AtomicU64) {
    let mut last = 0;
    loop {
        thread::sleep(PROGRESS_INTERVAL);
        // A full or failing disk shows in the output pipeline as well, which tells the reason.
        let synced = rustix::fs::fdatasync(file);
        let duration_ms = recorded_ms.load(Ordering::Relaxed);
        if let (Ok(()), Ok(bytes)) = (synced, length(file))
            && duration_ms > last
        {
            last = duration_ms;
            report::send(&Report::Progress { bytes, duration_ms });
        }
    }
}

fn length(file: impl AsFd) -> rustix::io::Result<u64> {
    Ok(rustix::fs::fstat(file)?.st_size.cast_unsigned())
}
