//! Programs beside the test: started, watched through their output, ended with the test.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wait;

/// A running program; it is killed when dropped.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

/// What a program that ended left behind.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Program {
    /// Starts it with its output in files of `folder`.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(name: &str, command: &mut Command, folder: &Path) -> Self {
        let (out, err) = (
            folder.join(format!("{name}.out")),
            folder.join(format!("{name}.err")),
        );
        let open = |path: &Path| {
            File::options()
                .create(true)
                .append(true)
                .open(path)
                .expect("the folder takes output")
        };
        let child = command
            .stdin(Stdio::null())
            .stdout(open(&out))
            .stderr(open(&err))
            .spawn();
        let child = child.unwrap_or_else(|error| {
            panic!(
                "{name} ({:?}) does not start: {error}",
                command.get_program()
            )
        });
        Self {
            name: name.to_owned(),
            child,
            out,
            err,
        }
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything on standard output so far, earlier starts with the same folder included.
    #[must_use]
    pub fn out(&self) -> String {
        read(&self.out)
    }

    /// Everything on standard error so far.
    #[must_use]
    pub fn err(&self) -> String {
        read(&self.err)
    }

    /// Its end, when it has ended.
    ///
    /// # Panics
    /// When the system does not say.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child is ours")
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When the program is gone.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("process ids are positive");
        kill(Pid::from_raw(id), signal)
            .unwrap_or_else(|error| panic!("{}: {signal}: {error}", self.name));
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not come within the patience of tests.
    pub fn wait(&mut self) -> ExitStatus {
        let name = self.name.clone();
        wait::until(&format!("the end of {name}"), || self.ended())
    }

    /// `kill -9`, and its end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Program {
    #[allow(clippy::print_stderr, reason = "a failed test's runner reads it")]
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            for (what, text) in [("out", self.out()), ("err", self.err())] {
                let lines: Vec<&str> = text.lines().collect();
                let tail = lines[lines.len().saturating_sub(40)..].join("\n");
                eprintln!("--- last of {}'s std{what}:\n{tail}", self.name);
            }
        }
    }
}

/// Runs a program to its end.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn run(command: &mut Command) -> Outcome {
    let output = command.stdin(Stdio::null()).output();
    let output = output
        .unwrap_or_else(|error| panic!("{:?} does not start: {error}", command.get_program()));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Outcome {
        status: output.status,
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

/// Where a program of the system is, `None` (said loudly with its Debian package) when it is not installed.
#[must_use]
pub fn installed(name: &str, package: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
    folders.push("/usr/sbin".into());
    let found = folders
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        crate::missing(&format!(
            "{name} is not installed (Debian package {package}; `make test` installs it)"
        ));
    }
    found
}

/// Processor time of a process so far, user and system, threads included (`/proc/PID/stat`, fields 14 and 15).
///
/// # Panics
/// When there is no such process.
#[must_use]
pub fn cpu(id: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("the process is there");
    let (_, fields) = stat
        .rsplit_once(") ")
        .expect("a process name ends with a parenthesis");
    let ticks: u64 = fields
        .split(' ')
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().expect("ticks are a number"))
        .sum();
    // USER_HZ is 100 on every Linux that Debian ships.
    Duration::from_millis(ticks * 10)
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}
