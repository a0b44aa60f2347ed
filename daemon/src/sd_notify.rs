//! What the service manager hears: ready, stopping, a status line, and a watchdog ping that a health check of every subsystem earns.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// The daemon serves. Without a service manager these calls do nothing.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The daemon drains.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// One line for `systemctl status`.
pub fn status(line: &str) {
    tell(&[NotifyState::Status(&crate::logging::escape(line))]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "the service manager cannot be told");
    }
}

/// The subsystems that must show signs of life. Shared by clones.
#[derive(Debug, Clone, Default)]
pub struct HealthCheck {
    beats: Arc<Mutex<BTreeMap<&'static str, Beat>>>,
}

#[derive(Debug)]
struct Beat {
    last: Instant,
    silence_max: Duration,
}

/// One subsystem's place in the check. Dropping it takes the subsystem out: a part that ended in order is not missed.
#[derive(Debug)]
pub struct Pulse {
    check: HealthCheck,
    subsystem: &'static str,
}

impl HealthCheck {
    /// No subsystem yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a subsystem that must call [`Pulse::beat`] at least every `silence_max`. A second one of the same name replaces the first.
    #[must_use]
    pub fn register(&self, subsystem: &'static str, silence_max: Duration, now: Instant) -> Pulse {
        self.lock().insert(
            subsystem,
            Beat {
                last: now,
                silence_max,
            },
        );
        Pulse {
            check: self.clone(),
            subsystem,
        }
    }

    /// The subsystems that have been silent for too long, by name; empty: all live. `/healthz` names the first.
    #[must_use]
    pub fn silent(&self, now: Instant) -> Vec<&'static str> {
        self.lock()
            .iter()
            .filter(|(_, beat)| now.saturating_duration_since(beat.last) > beat.silence_max)
            .map(|(subsystem, _)| *subsystem)
            .collect()
    }

    /// Every subsystem and whether it lives.
    #[must_use]
    pub fn states(&self, now: Instant) -> Vec<(&'static str, bool)> {
        self.lock()
            .iter()
            .map(|(subsystem, beat)| {
                (
                    *subsystem,
                    now.saturating_duration_since(beat.last) <= beat.silence_max,
                )
            })
            .collect()
    }

    /// Pings the service manager's watchdog at half its period while every subsystem lives; returns at once when there is no watchdog.
    /// A silent subsystem is logged, and the manager kills and restarts the daemon when it stays silent.
    pub async fn watch(&self) {
        let Some(period) = sd_notify::watchdog_enabled() else {
            return;
        };
        let mut tick = tokio::time::interval(period / 2);
        loop {
            tick.tick().await;
            let silent = self.silent(Instant::now());
            if silent.is_empty() {
                tell(&[NotifyState::Watchdog]);
            } else {
                tracing::error!(subsystems = %silent.join(", "), "no sign of life; the watchdog is not pinged");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Beat>> {
        // The map holds whole values only, so a panic elsewhere leaves nothing half done.
        self.beats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pulse {
    /// The subsystem lives.
    pub fn beat(&self, now: Instant) {
        if let Some(beat) = self.check.lock().get_mut(self.subsystem) {
            beat.last = now;
        }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        // While a panic unwinds the place stays: its silence is what the check is for.
        if !std::thread::panicking() {
            self.check.lock().remove(self.subsystem);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_silent_subsystem_is_named_and_a_beat_clears_it() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let check = HealthCheck::new();
        let poller = check.register("poller", Duration::from_secs(10), start);
        let media = check.register("media", Duration::from_secs(20), start);
        assert!(check.silent(at(10)).is_empty());
        assert_eq!(check.silent(at(11)), ["poller"]);
        poller.beat(at(11));
        assert!(check.silent(at(20)).is_empty());
        assert_eq!(check.silent(at(22)), ["media", "poller"]);
        drop(media);
        assert_eq!(check.silent(at(22)), ["poller"]);
    }

    #[test]
    fn a_panic_counts_as_silence() {
        let start = Instant::now();
        let check = HealthCheck::new();
        let pulse = check.register("room", Duration::from_secs(1), start);
        let thread = std::thread::spawn(move || {
            let _pulse = pulse;
            panic!("on purpose");
        });
        assert!(thread.join().is_err());
        assert_eq!(check.silent(start + Duration::from_secs(2)), ["room"]);
    }

    /// Runs systemd-analyze on a copy of the unit whose program exists on any machine; `None`, said loudly, without systemd.
    async fn analyze(arguments: &[&str]) -> Option<(crate::exec::Finished, String)> {
        let path = std::path::PathBuf::from("/usr/bin/systemd-analyze");
        if !path.exists() {
            #[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
            {
                eprintln!("SKIPPED: systemd-analyze is not installed (apt package systemd)");
            }
            return None;
        }
        let unit = std::fs::read_to_string(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../systemd/nhipcau.service"
        ))
        .unwrap();
        let directory = tempfile::tempdir().unwrap();
        let copy = directory.path().join("nhipcau.service");
        std::fs::write(&copy, unit.replace("/usr/bin/nhipcau", "/bin/true")).unwrap();
        let program = crate::exec::Program {
            path,
            arguments: arguments
                .iter()
                .map(|argument| (*argument).to_owned())
                .chain([copy.display().to_string()])
                .collect(),
            environment: Vec::new(),
            stdin: Vec::new(),
            timeout: Duration::from_secs(60),
            output_bytes_max: 64 * 1024,
        };
        Some((crate::exec::run(program).await.unwrap(), unit))
    }

    #[tokio::test]
    async fn the_unit_is_clean_and_speaks_of_this_daemon() {
        let Some((finished, unit)) = analyze(&["verify", "--man=no"]).await else {
            return;
        };
        assert_eq!(
            (finished.end, &*finished.stderr, &*finished.stdout),
            (crate::exec::End::Exit(0), "", "")
        );
        for line in [
            "Type=notify",
            "WatchdogSec=30",
            "RestartPreventExitStatus=64",
            "NoNewPrivileges=yes",
        ] {
            assert!(unit.lines().any(|have| have == line), "{line}");
        }
    }

    #[tokio::test]
    async fn the_unit_gives_the_daemon_little_to_lose() {
        let Some((finished, _)) = analyze(&["security", "--offline=true", "--no-pager"]).await
        else {
            return;
        };
        let verdict = finished
            .stdout
            .lines()
            .find(|line| line.contains("Overall exposure level"))
            .unwrap();
        let score: f64 = verdict
            .rsplit(": ")
            .next()
            .unwrap()
            .split(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert!(score > 0.0 && score <= 2.0, "{verdict}");
    }
}
