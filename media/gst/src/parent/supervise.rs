//! One thread a child: reads its reports, notices its death or silence, reaps it.

use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStderr, ChildStdout, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::FailReason;
use crate::control::{LINE_BYTES_MAX, Report};

/// What is kept of the child's stderr for the reason, in bytes.
const STDERR_TAIL_BYTES: usize = 1024;

/// Reads reports until the child ends or is silent for longer than `silence_max`; hands each but the last one to
/// `on_report` and returns how it ended. The child is reaped in every case.
pub(super) fn supervise(
    mut child: Child,
    silence_max: Duration,
    mut on_report: impl FnMut(Report),
) -> Result<Report, FailReason> {
    let mut stdout = child.stdout.take().expect("stdout is piped");
    let mut stderr = child.stderr.take().expect("stderr is piped");
    let mut lines = Lines::default();
    let mut tail = Vec::new();
    let mut last: Option<Result<Report, FailReason>> = None;
    let mut heard = Instant::now();
    let mut stderr_open = true;
    loop {
        let left = silence_max.saturating_sub(heard.elapsed());
        let ready = wait(&stdout, stderr_open.then_some(&stderr), left);
        if ready.stderr {
            stderr_open = keep_tail(&mut stderr, &mut tail);
        }
        if ready.stdout {
            let Some(reports) = lines.read(&mut stdout) else {
                break;
            };
            heard = Instant::now();
            for report in reports {
                match report {
                    Report::Finished { .. } => last = Some(Ok(report)),
                    Report::Failed(failure) => last = Some(Err(failure.into())),
                    _ => on_report(report),
                }
            }
        } else if left.is_zero() {
            let detail = format!("no sign of life for {} s", silence_max.as_secs());
            last.get_or_insert(Err(FailReason::PipelineDied { detail }));
            break;
        }
    }
    let status = end(child);
    last.unwrap_or_else(|| Err(death(status, &tail)))
}

/// What the pipes have to say.
#[derive(Default)]
struct Ready {
    stdout: bool,
    stderr: bool,
}

fn wait(stdout: &ChildStdout, stderr: Option<&ChildStderr>, longest: Duration) -> Ready {
    let mut pipes = vec![PollFd::new(stdout, PollFlags::IN)];
    pipes.extend(stderr.map(|stderr| PollFd::from_borrowed_fd(stderr.as_fd(), PollFlags::IN)));
    let timeout = Timespec::try_from(longest).ok();
    match poll(&mut pipes, timeout.as_ref()) {
        Ok(_) => Ready {
            stdout: !pipes[0].revents().is_empty(),
            stderr: pipes.get(1).is_some_and(|pipe| !pipe.revents().is_empty()),
        },
        // EINTR: the loop looks at the clock and waits again.
        Err(_) => Ready::default(),
    }
}

/// Reads what is there; false at end of file.
fn keep_tail(stderr: &mut ChildStderr, tail: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 4096];
    let Ok(length @ 1..) = stderr.read(&mut buffer) else {
        return false;
    };
    tail.extend_from_slice(&buffer[..length]);
    tail.drain(..tail.len().saturating_sub(STDERR_TAIL_BYTES));
    true
}

/// Reaps the child; one that has closed its stdout or fallen silent is not waited for politely.
fn end(mut child: Child) -> Option<ExitStatus> {
    const GRACE: Duration = Duration::from_secs(2);
    const STEP: Duration = Duration::from_millis(20);
    let start = Instant::now();
    while start.elapsed() < GRACE {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        std::thread::sleep(STEP);
    }
    child.kill().ok()?;
    child.wait().ok()
}

fn death(status: Option<ExitStatus>, tail: &[u8]) -> FailReason {
    if let Some(signal) = status.and_then(|status| status.signal()) {
        return FailReason::Killed { signal };
    }
    let said = String::from_utf8_lossy(tail).trim().to_owned();
    let status = status.map_or_else(
        || "it cannot be reaped".to_owned(),
        |status| status.to_string(),
    );
    let detail = if said.is_empty() {
        status
    } else {
        format!("{status}: {said}")
    };
    FailReason::PipelineDied { detail }
}

/// Splits a byte stream into reports. What is no report is skipped: a library may print to stdout.
#[derive(Default)]
struct Lines {
    pending: Vec<u8>,
}

impl Lines {
    /// One read; `None` at end of file.
    fn read(&mut self, stdout: &mut ChildStdout) -> Option<Vec<Report>> {
        let mut buffer = [0; 4096];
        match stdout.read(&mut buffer) {
            Ok(0) => None,
            Ok(length) => Some(self.feed(&buffer[..length])),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Some(Vec::new()),
            Err(_) => None,
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Vec<Report> {
        self.pending.extend_from_slice(bytes);
        let mut reports = Vec::new();
        let mut start = 0;
        while let Some(end) = self.pending[start..].iter().position(|&byte| byte == b'\n') {
            reports.extend(serde_json::from_slice(&self.pending[start..start + end]).ok());
            start += end + 1;
        }
        self.pending.drain(..start);
        if self.pending.len() > LINE_BYTES_MAX {
            self.pending.clear();
        }
        reports
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_split_and_skipped() {
        let mut lines = Lines::default();
        assert_eq!(lines.feed(br#"noise"#), []);
        assert_eq!(lines.feed(b"\n{\"event\":\"star"), []);
        assert_eq!(
            lines.feed(b"ted\"}\n{\"event\":\"keyframe_wanted\",\"source\":7}\n{"),
            [Report::Started {}, Report::KeyframeWanted { source: 7 }]
        );
        lines.feed(&vec![b'x'; LINE_BYTES_MAX + 1]);
        assert!(lines.pending.is_empty(), "an endless line is dropped");
    }
}
