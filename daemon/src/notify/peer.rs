//! A server in Python for tests: a real other side, written by others, that speaks the protocol itself.

use std::path::PathBuf;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::exec::{ExecError, Finished, Program, run};

/// What every script finds: `ready(port)` tells the test that it listens.
const PREAMBLE: &str = r#"
import os, sys
directory = None
def ready(port):
    with open(sys.argv[1] + ".new", "w") as file: file.write(str(port))
    os.rename(sys.argv[1] + ".new", sys.argv[1])
"#;

/// A running server; it dies with this value.
pub(super) struct Peer {
    pub(super) port: u16,
    run: JoinHandle<Result<Finished, ExecError>>,
    _directory: tempfile::TempDir,
}

impl Peer {
    /// Starts a script with Debian's Python; `None`, said loudly, when that or `aiosmtpd` is missing.
    pub(super) async fn start(name: &str, script: &str) -> Option<Self> {
        let python = PathBuf::from("/usr/bin/python3");
        if !python.exists()
            || (script.contains("aiosmtpd")
                && !PathBuf::from("/usr/lib/python3/dist-packages/aiosmtpd").exists())
        {
            #[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
            {
                eprintln!("SKIPPED: {name} needs the packages python3 and python3-aiosmtpd");
            }
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("port");
        let program = Program {
            path: python,
            arguments: vec![
                "-c".into(),
                format!("{PREAMBLE}{script}"),
                path.display().to_string(),
            ],
            environment: Vec::new(),
            stdin: Vec::new(),
            timeout: Duration::from_secs(60),
            output_bytes_max: 1 << 20,
        };
        let run = tokio::spawn(run(program));
        for _ in 0..600 {
            if let Ok(text) = std::fs::read_to_string(&path) {
                return Some(Self {
                    port: text.parse().unwrap(),
                    run,
                    _directory: directory,
                });
            }
            assert!(!run.is_finished(), "{name}: {:?}", run.await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{name} did not listen");
    }

    /// What the script printed, after it ended by itself.
    pub(super) async fn finish(mut self) -> String {
        let finished = (&mut self.run).await.unwrap().unwrap();
        assert!(!finished.stdout.is_empty(), "{}", finished.stderr);
        finished.stdout
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Dropping the run kills its process group.
        self.run.abort();
    }
}
