//! The daemon as a process.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use ureq::http::Method;

use crate::client::Client;
use crate::place::{self, LabTurn};
use crate::program::{self, Outcome, Program};
use crate::wait;

// Not the usual ones: a daemon that runs on this machine for people holds those on every address.
/// Pages over TLS.
pub const HTTPS_PORT: u16 = 18443;
/// Pages without TLS.
pub const HTTP_PORT: u16 = 18080;
/// Media.
pub const MEDIA_PORT: u16 = 18445;
/// Traps.
pub const TRAP_PORT: u16 = 11162;
/// Letters of the one-time setup token: 128 bits in base64url.
const TOKEN_LETTERS: usize = 22;

/// How a daemon is started.
#[derive(Debug, Default)]
pub struct Setup {
    /// Beside the simulated province.
    pub lab: bool,
    /// Configuration beyond addresses, state directory and log.
    pub config: String,
    /// Environment beyond an empty one; secrets of the configuration, mostly.
    pub env: Vec<(String, String)>,
    /// A state directory that the test keeps; without it a temporary one.
    pub state_dir: Option<PathBuf>,
    /// Where media is, when not on the daemon's own loopback address: libnice pairs no loopback candidate with another interface's.
    pub media_on: Option<IpAddr>,
    /// `listen.public_url`: with https the daemon believes that it is reached over TLS, through a proxy.
    pub public_url: Option<String>,
    /// `log.level`; without it `info`.
    pub log_level: Option<String>,
}

/// A running daemon with addresses of its own. It is killed when dropped.
#[derive(Debug)]
pub struct Daemon {
    setup: Setup,
    ip: IpAddr,
    program: Program,
    folder: TempDir,
    _turn: Option<LabTurn>,
}

impl Daemon {
    /// Starts it and waits until it is healthy.
    ///
    /// # Panics
    /// When it ends or does not become healthy.
    #[must_use]
    pub fn start(setup: Setup) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let turn = setup.lab.then(place::lab_turn);
        let ip = IpAddr::V4(place::address());
        write_config(&setup, ip, folder.path());
        let program = launch(&setup, folder.path());
        let mut daemon = Self {
            setup,
            ip,
            program,
            folder,
            _turn: turn,
        };
        daemon.wait_healthy();
        daemon
    }

    /// Starts it with a configuration with which it must not run, and waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    pub fn refuse(setup: &Setup, ip: IpAddr) -> Outcome {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_config(setup, ip, folder.path());
        let mut program = launch(setup, folder.path());
        let status = program.wait();
        Outcome {
            status,
            out: program.out(),
            err: program.err(),
        }
    }

    /// Its own loopback address.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// Where traps go.
    #[must_use]
    pub fn traps(&self) -> SocketAddr {
        SocketAddr::new(self.ip, TRAP_PORT)
    }

    /// Where media goes.
    #[must_use]
    pub fn media(&self) -> SocketAddr {
        SocketAddr::new(self.ip, MEDIA_PORT)
    }

    /// `http://ADDRESS:PORT`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}:{HTTP_PORT}", self.ip)
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.program.id()
    }

    /// The state directory.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        state_dir(&self.setup, self.folder.path())
    }

    /// The configuration file.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        config_path(self.folder.path())
    }

    /// Writes another configuration, for the next start or reload.
    pub fn rewrite(&mut self, config: &str) {
        config.clone_into(&mut self.setup.config);
        write_config(&self.setup, self.ip, self.folder.path());
    }

    /// A client without session.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(&self.origin())
    }

    /// The administrator: set up with the printed token, or signed in.
    ///
    /// # Panics
    /// When the daemon refuses.
    #[must_use]
    pub fn admin(&self) -> Client {
        let mut client = self.client();
        match client.get("/session")["state"].as_str() {
            Some("setup") => client.set_up(&self.setup_token()),
            _ => client.sign_in(),
        }
        client
    }

    /// The setup token that the last start printed.
    ///
    /// # Panics
    /// When none was printed.
    #[must_use]
    pub fn setup_token(&self) -> String {
        let is_token = |word: &&str| {
            word.len() == TOKEN_LETTERS
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        // It is healthy a moment before it says so on its terminal.
        wait::until("the setup token", || {
            self.program
                .out()
                .split_whitespace()
                .rfind(is_token)
                .map(str::to_owned)
        })
    }

    /// `/metrics`.
    #[must_use]
    pub fn metrics(&self) -> String {
        let answer = self.client().read("/metrics");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text()
    }

    /// The sum of all series of a metric whose labels contain every one of `labels` (`name="value"`); 0 when there is none.
    #[must_use]
    pub fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        metric(&self.metrics(), name, labels)
    }

    /// Everything that it printed, standard output and standard error, all starts.
    #[must_use]
    pub fn logs(&self) -> String {
        self.program.out() + &self.program.err()
    }

    /// Asks the simulated province: `lab list`, `lab break LINK` …
    ///
    /// # Panics
    /// When the daemon refuses.
    #[must_use]
    pub fn lab(&self, words: &[&str]) -> String {
        let mut command = Command::new(binary());
        command
            .arg("lab")
            .args(words)
            .arg("--config")
            .arg(self.config_path());
        let outcome = program::run(&mut command);
        assert!(outcome.status.success(), "lab {words:?}: {}", outcome.err);
        outcome.out
    }

    /// Waits until every device of the simulated province has answered, and says how many there are.
    #[must_use]
    pub fn settled(&self, admin: &Client) -> usize {
        wait::until_within(2 * wait::PATIENCE, "every device answers", || {
            let devices = admin.get("/devices").as_array().map_or(0, Vec::len);
            // 99 since the data center counts 21; a little less would be another province, not a failure.
            (devices > 90 && self.metric("nhipcau_device_up", &[]) == devices as f64)
                .then_some(devices)
        })
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        self.program.signal(signal);
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        self.program.wait()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.program.kill();
    }

    /// Starts it again on the same state after its end.
    ///
    /// # Panics
    /// When it does not become healthy.
    pub fn restart(&mut self) {
        self.program.kill();
        self.program = launch(&self.setup, self.folder.path());
        self.wait_healthy();
    }

    fn wait_healthy(&mut self) {
        let client = self.client();
        wait::until("/healthz", || {
            if let Some(status) = self.program.ended() {
                panic!("the daemon ended: {status}");
            }
            client
                .try_call(Method::GET, "/healthz", None)
                .ok()
                .filter(|answer| answer.status == 200)
        });
    }
}

/// Reads an exposition as [`Daemon::metric`] does.
///
/// # Panics
/// When a value of the metric is no number.
#[must_use]
pub fn metric(exposition: &str, name: &str, labels: &[&str]) -> f64 {
    let values = exposition.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let (own, value) = if rest.starts_with('{') {
            rest.rsplit_once("} ")?
        } else {
            ("", rest.strip_prefix(' ')?)
        };
        labels
            .iter()
            .all(|label| own.contains(label))
            .then(|| value.parse::<f64>().expect("a value is a number"))
    });
    values.sum()
}

/// The daemon's executable: `NHIPCAU_BIN`, else the one that Cargo built beside this test.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("NHIPCAU_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a process knows its executable");
    // target/PROFILE/deps/it-HASH → target/PROFILE/nhipcau; a benchmark stands beside it already.
    let candidates = test
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("nhipcau"));
    let found = candidates.into_iter().find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!(
            "the daemon is not built beside {}; run `make test`, or set NHIPCAU_BIN",
            test.display()
        )
    })
}

fn config_path(folder: &Path) -> PathBuf {
    folder.join("nhipcau.yaml")
}

fn state_dir(setup: &Setup, folder: &Path) -> PathBuf {
    setup
        .state_dir
        .clone()
        .unwrap_or_else(|| folder.join("state"))
}

fn write_config(setup: &Setup, ip: IpAddr, folder: &Path) {
    let media = match setup.media_on {
        // Of an address that others use as well the port is the kernel's choice.
        Some(media) => SocketAddr::new(media, 0),
        None => SocketAddr::new(ip, MEDIA_PORT),
    };
    let text = format!(
        "listen: {{https: \"{ip}:{HTTPS_PORT}\", http_loopback: \"{ip}:{HTTP_PORT}\", media: {{udp: \"{media}\", announce: [\"{}\"]}}, traps: \"{ip}:{TRAP_PORT}\"{}}}\n\
         state_dir: {}\nlog: {{level: \"{}\"}}\n{}",
        media.ip(),
        setup
            .public_url
            .iter()
            .map(|url| format!(", public_url: \"{url}\""))
            .collect::<String>(),
        state_dir(setup, folder).display(),
        setup.log_level.as_deref().unwrap_or("info"),
        setup.config
    );
    std::fs::write(config_path(folder), text).expect("the folder takes a file");
}

fn launch(setup: &Setup, folder: &Path) -> Program {
    let mut command = Command::new(binary());
    command
        .arg("run")
        .arg("--config")
        .arg(config_path(folder))
        .env_clear();
    command
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder);
    command.envs(setup.env.iter().map(|(name, value)| (name, value)));
    if setup.lab {
        command.arg("--lab");
    }
    Program::start("nhipcau", &mut command, folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_summed_by_label() {
        let text = "# HELP a_b x\na_b{k=\"1\",l=\"x} y\"} 2\na_b{k=\"2\"} 3\na_b_c 7\nplain 4.5\n";
        assert_eq!(metric(text, "a_b", &[]), 5.0);
        assert_eq!(metric(text, "a_b", &["k=\"1\""]), 2.0);
        assert_eq!(metric(text, "plain", &[]), 4.5);
        assert_eq!(metric(text, "none", &[]), 0.0);
    }
}
