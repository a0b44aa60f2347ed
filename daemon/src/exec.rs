//! The only place that starts programs: an argument vector, a clean environment, a deadline, a bound on what comes back. No shell.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// Most arguments.
const ARGUMENTS_MAX: usize = 256;
/// Most bytes of one argument or environment value; the kernel's own bound is 128 KiB.
const ARGUMENT_BYTES_MAX: usize = 64 * 1024;
/// Most bytes of standard input.
pub const STDIN_BYTES_MAX: usize = 1024 * 1024;
/// Where bare helper programs of a script are looked for; nothing else of the daemon's environment is passed on.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// One program run.
#[derive(Debug, Clone)]
pub struct Program {
    /// Absolute path; it is not searched for.
    pub path: PathBuf,
    /// Arguments, each passed as it is.
    pub arguments: Vec<String>,
    /// Environment beside `PATH` and `LANG`.
    pub environment: Vec<(String, String)>,
    /// Standard input.
    pub stdin: Vec<u8>,
    /// Longest run; then the whole process group is killed.
    pub timeout: Duration,
    /// Kept bytes of each of standard output and standard error; the rest is read and dropped.
    pub output_bytes_max: usize,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Why it ended.
    pub end: End,
    /// Standard output, cut to the bound, invalid UTF-8 replaced.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
    /// Whether either was cut.
    pub cut: bool,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code; 0 is success.
    Exit(i32),
    /// By this signal.
    Signal(i32),
    /// Killed at its deadline.
    Timeout,
}

/// Why a program was not started.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The request itself is refused.
    #[error("{0}")]
    Refused(&'static str),
    /// The system refused.
    #[error("{path}: {source}")]
    Start {
        /// The program.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Program {
    fn check(&self) -> Result<(), ExecError> {
        let refuse = |what| Err(ExecError::Refused(what));
        if !self.path.is_absolute() {
            return refuse("a program is named by its absolute path");
        }
        if self.arguments.len() > ARGUMENTS_MAX {
            return refuse("too many arguments");
        }
        let environment = || {
            self.environment
                .iter()
                .flat_map(|(name, value)| [name, value])
        };
        let mut texts = self.arguments.iter().chain(environment());
        if self.path.as_os_str().as_encoded_bytes().contains(&0)
            || texts.clone().any(|text| text.contains('\0'))
        {
            return refuse("an argument or a variable holds NUL");
        }
        if texts.any(|text| text.len() > ARGUMENT_BYTES_MAX) {
            return refuse("an argument or a variable is too long");
        }
        let named = |name: &str| {
            name.bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        };
        // LD_PRELOAD and its kin would make data into code.
        if self.environment.iter().any(|(name, _)| {
            name.is_empty() || !named(name) || name.starts_with("LD_") || name == "PATH"
        }) {
            return refuse(
                "a variable's name has capitals, digits and _ only, and is neither PATH nor LD_…",
            );
        }
        if self.stdin.len() > STDIN_BYTES_MAX {
            return refuse("standard input is too long");
        }
        Ok(())
    }
}

/// Runs a program to its end or its deadline. When the returned future is dropped the program's whole group is killed.
///
/// # Errors
/// [`ExecError`] when it was not started; a program that ran and failed is a [`Finished`].
pub async fn run(program: Program) -> Result<Finished, ExecError> {
    program.check()?;
    let fault = |source| ExecError::Start {
        path: program.path.clone(),
        source,
    };
    let mut child = Command::new(&program.path)
        .args(program.arguments.iter().map(OsString::from))
        .env_clear()
        .env("PATH", PATH)
        .env("LANG", "C.UTF-8")
        .envs(
            program
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(fault)?;
    let mut group = Group::of(&child);
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let input = program.stdin.clone();
    let feed = async move {
        if let Some(mut stdin) = stdin {
            // A program may end without reading its input; that is its own affair.
            let _ = stdin.write_all(&input).await;
        }
    };
    let mut captured = (Captured::default(), Captured::default());
    let work = async {
        let keep = program.output_bytes_max;
        let wait = async {
            let status = child.wait().await;
            // What the program left running in its group has no business any more, and would hold the pipes open.
            group.kill();
            status
        };
        let ((), (), (), status) = tokio::join!(
            feed,
            captured.0.take(stdout, keep),
            captured.1.take(stderr, keep),
            wait
        );
        status
    };
    let end = match tokio::time::timeout(program.timeout, work).await {
        Ok(status) => {
            let status = status.map_err(fault)?;
            end_of(status)
        }
        Err(_) => {
            group.kill();
            // Reaped here; a process that even SIGKILL does not end (a dead network disk) is left to the runtime.
            let _ = tokio::time::timeout(Duration::from_secs(1), child.wait()).await;
            End::Timeout
        }
    };
    let cut = captured.0.cut || captured.1.cut;
    Ok(Finished {
        end,
        stdout: captured.0.text(),
        stderr: captured.1.text(),
        cut,
    })
}

fn end_of(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exit(code),
        (None, signal) => End::Signal(signal.unwrap_or_default()),
    }
}

/// The process group of a started program, killed once at the latest when dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &tokio::process::Child) -> Self {
        Self(
            child
                .id()
                .and_then(|id| i32::try_from(id).ok())
                .map(Pid::from_raw),
        )
    }

    fn kill(&mut self) {
        if let Some(group) = self.0.take() {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

#[derive(Default)]
struct Captured {
    bytes: Vec<u8>,
    cut: bool,
}

impl Captured {
    /// Reads to the end so that the program never blocks on a full pipe, and keeps the beginning.
    async fn take(&mut self, pipe: Option<impl AsyncRead + Unpin>, bytes_max: usize) {
        let Some(mut pipe) = pipe else { return };
        let mut buffer = vec![0; 8 * 1024];
        while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
            let kept = count.min(bytes_max.saturating_sub(self.bytes.len()));
            self.bytes.extend_from_slice(&buffer[..kept]);
            self.cut |= kept < count;
        }
    }

    fn text(self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(path: &str, arguments: &[&str]) -> Program {
        Program {
            path: path.into(),
            arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
            environment: Vec::new(),
            stdin: Vec::new(),
            timeout: Duration::from_secs(20),
            output_bytes_max: 1024,
        }
    }

    #[tokio::test]
    async fn hostile_arguments_arrive_as_they_are() {
        let hostile = ["$(id)", "`id`", "a\nb", "; rm -rf /", "'\"", "*", "-rf"];
        let finished = run(program(
            "/usr/bin/printf",
            &[&["%s|"], &hostile[..]].concat(),
        ))
        .await
        .unwrap();
        assert_eq!(finished.end, End::Exit(0));
        assert_eq!(
            finished.stdout,
            hostile.map(|text| format!("{text}|")).concat()
        );
    }

    #[tokio::test]
    async fn the_environment_is_clean_and_input_arrives() {
        let mut env = program("/usr/bin/env", &[]);
        env.environment = vec![("NHIPCAU_SITE".into(), "$(id)\nx".into())];
        let finished = run(env).await.unwrap();
        let mut lines: Vec<&str> = finished.stdout.lines().collect();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "LANG=C.UTF-8",
                "NHIPCAU_SITE=$(id)",
                &format!("PATH={PATH}"),
                "x"
            ]
        );
        let mut cat = program("/bin/cat", &[]);
        cat.stdin = b"from the event".to_vec();
        assert_eq!(run(cat).await.unwrap().stdout, "from the event");
    }

    #[tokio::test]
    async fn output_is_bounded_and_does_not_block_the_program() {
        let finished = run(program("/usr/bin/head", &["-c", "3000000", "/dev/zero"]))
            .await
            .unwrap();
        assert_eq!(finished.end, End::Exit(0));
        assert_eq!(finished.stdout.len(), 1024);
        assert!(finished.cut);
    }

    #[tokio::test]
    async fn at_the_deadline_the_whole_group_dies() {
        // The grandchild holds the pipe: only the death of the whole group lets the run return.
        let mut shell = program("/bin/sh", &["-c", "sleep 600 & echo $!; wait"]);
        shell.timeout = Duration::from_millis(500);
        let finished = run(shell).await.unwrap();
        assert_eq!(finished.end, End::Timeout);
        let grandchild: i32 = finished.stdout.trim().parse().unwrap();
        for _ in 0..100 {
            if !lives(grandchild) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("process {grandchild} outlived its group");
    }

    /// Whether a process runs; a zombie that nobody reaped does not.
    fn lives(pid: i32) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| !stat.contains(") Z "))
    }

    #[tokio::test]
    async fn a_program_that_leaves_children_behind_still_ends() {
        let finished = run(program("/bin/sh", &["-c", "sleep 600 & exit 0"]))
            .await
            .unwrap();
        assert_eq!(finished.end, End::Exit(0));
    }

    #[tokio::test]
    async fn failures_are_values_with_their_reason() {
        assert_eq!(
            run(program("/bin/sh", &["-c", "exit 3"]))
                .await
                .unwrap()
                .end,
            End::Exit(3)
        );
        assert_eq!(
            run(program("/bin/sh", &["-c", "kill -TERM $$"]))
                .await
                .unwrap()
                .end,
            End::Signal(15)
        );
        assert!(matches!(
            run(program("/nonexistent", &[])).await,
            Err(ExecError::Start { .. })
        ));
        assert!(matches!(
            run(program("sh", &[])).await,
            Err(ExecError::Refused(_))
        ));
        assert!(matches!(
            run(program("/bin/echo", &["a\0b"])).await,
            Err(ExecError::Refused(_))
        ));
        for name in ["LD_PRELOAD", "PATH", "a", "A=B", ""] {
            let mut env = program("/usr/bin/env", &[]);
            env.environment = vec![(name.into(), "x".into())];
            assert!(
                matches!(run(env).await, Err(ExecError::Refused(_))),
                "{name}"
            );
        }
    }
}
