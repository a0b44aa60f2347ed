//! The agents of a benchmark: the same program once more, so that the process that is measured is not the one that answers.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};

const READY: &str = "ready";

/// The first argument of the other process.
pub const AGENTS: &str = "agents";

/// The other process; it ends with this value.
#[derive(Debug)]
pub struct Elsewhere(Child);

impl Elsewhere {
    /// Starts this program with [`AGENTS`] and `arguments`, and returns once it serves.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn start(arguments: &[String]) -> Self {
        let mut child =
            Command::new(std::env::current_exe().expect("a process knows its executable"))
                .arg(AGENTS)
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("the agents start");
        let out = child.stdout.as_mut().expect("a pipe");
        out.read_exact(&mut [0; READY.len() + 1])
            .expect("the agents are ready");
        Self(child)
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// In the other process: starts the agents, says so, and keeps them until standard input closes.
///
/// # Panics
/// Without a runtime.
#[allow(clippy::print_stdout, reason = "what `Elsewhere::start` waits for")]
pub fn serve<T>(agents: impl Future<Output = T>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let agents = runtime.block_on(agents);
    println!("{READY}");
    let (ended, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        ended.send(())
    });
    let _ = runtime.block_on(end);
    drop(agents);
}
