//! The daemon from its start to its end: configuration before sockets, sockets before readiness, drain before exit.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use nhipcau_lab::{Fault, Lab, LabConfig, LabList, LinkState};
use tokio::signal::unix::{SignalKind, signal};

use crate::app::App;
use crate::assembly::{self, Daemon};
use crate::config::{Config, ConfigError};
use crate::control::{ControlHandler, ControlSocket, Request, Response};
use crate::logging::{self, Logging};
use crate::metrics::Metrics;
use crate::sd_notify::{self, HealthCheck};

/// A wrong configuration (sysexits `EX_USAGE`): restarting will not help.
const EXIT_CONFIG: u8 = 64;
/// A socket or directory that is not to be had (`EX_UNAVAILABLE`): a restart may help.
const EXIT_UNAVAILABLE: u8 = 69;

/// What `nhipcau run` was asked.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Configuration file; `None`: the usual one when it exists.
    pub config: Option<PathBuf>,
    /// Beside a simulated province.
    pub lab: bool,
}

/// What is wrong with the profiles and playbooks that a configuration names; each mistake with its file and line.
#[must_use]
pub fn faults(config: &Config) -> Vec<String> {
    assembly::faults(config)
}

/// Runs the daemon until SIGTERM or SIGINT.
pub async fn run(options: RunOptions) -> ExitCode {
    let lab = match start_lab(&options).await {
        Ok(lab) => lab,
        Err(fault) => {
            say(&fault);
            return ExitCode::from(EXIT_UNAVAILABLE);
        }
    };
    let config = match load(&options, lab.as_deref()) {
        Ok(config) => config,
        Err(errors) => {
            for error in errors {
                say(&error.to_string());
            }
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let logging = match logging::start(&config.log) {
        Ok(logging) => logging,
        Err(fault) => {
            say(&fault);
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    match serve(&options, lab, config, &logging).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "cannot go on");
            ExitCode::from(EXIT_UNAVAILABLE)
        }
    }
}

/// Reads the configuration; with a lab, its document comes last.
fn load(options: &RunOptions, lab: Option<&Lab>) -> Result<Config, Vec<ConfigError>> {
    let path = options.config.as_deref();
    match lab {
        Some(lab) => Config::load_lab(path, lab.configuration()),
        None => Config::load(path),
    }
}

/// Starts the simulated province. Its agents send their traps to where the configuration receives them; a configuration that names the
/// lab's devices cannot be read before the lab is there, and receives them where the lab's defaults say.
async fn start_lab(options: &RunOptions) -> Result<Option<Arc<Lab>>, String> {
    if !options.lab {
        return Ok(None);
    }
    let before = Config::load_lab(options.config.as_deref(), String::new())
        .or_else(|_| Config::load_lab(None, String::new()));
    let trap_target = before.ok().and_then(|config| config.listen.traps);
    let config = LabConfig {
        trap_target,
        ..LabConfig::default()
    };
    Lab::start(config)
        .await
        .map(|lab| Some(Arc::new(lab)))
        .map_err(|error| format!("the lab cannot start: {error}"))
}

async fn serve(
    options: &RunOptions,
    lab: Option<Arc<Lab>>,
    mut config: Config,
    logging: &Logging,
) -> io::Result<()> {
    state_directory(&config.state_dir)?;
    let control = ControlSocket::bind(&config.state_dir).await?;
    let metrics = Arc::new(Metrics::new());
    let health = HealthCheck::new();
    let mut daemon = Daemon::start(&config, lab.clone(), metrics.clone(), &health)
        .await
        .map_err(io::Error::other)?;
    let control = tokio::spawn(control.serve(Arc::new(Control {
        lab: lab.clone(),
        app: daemon.app(),
    })));
    let watchdog = tokio::spawn(async move { health.watch().await });
    let mut reload = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    sd_notify::ready();
    greet(&daemon);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), state_dir = %config.state_dir.display(), devices = config.devices.len(), "ready");
    loop {
        tokio::select! {
            _ = reload.recv() => {
                let taken = take_up(options, lab.as_deref(), &mut daemon, &mut config, logging).await;
                metrics.count_reload(taken);
            }
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    sd_notify::stopping();
    tracing::info!("stopping");
    watchdog.abort();
    control.abort();
    // The socket's file goes away with the task.
    let _ = control.await;
    daemon.drain().await;
    Ok(())
}

/// Tells the person at the terminal where the pages are and, once, how to begin.
fn greet(daemon: &Daemon) {
    let (token, fingerprint) = daemon.greeting();
    let shown = |address: SocketAddr| {
        if address.ip().is_unspecified() {
            format!("localhost:{}", address.port())
        } else {
            address.to_string()
        }
    };
    let mut text = format!(
        "Nhịp Cầu: https://{}\n  certificate SHA-256 {fingerprint}\n",
        shown(daemon.https)
    );
    if let Some(http) = daemon.http {
        text.push_str(&format!("  on this machine also http://{}\n", shown(http)));
    }
    if let Some(token) = token {
        text.push_str(&format!(
            "  setup token {token} (for the first account, until there is one)\n"
        ));
    }
    // A closed terminal is no reason to stop.
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

/// Reads the configuration again; a wrong one is named and the old one stays.
async fn take_up(
    options: &RunOptions,
    lab: Option<&Lab>,
    daemon: &mut Daemon,
    config: &mut Config,
    logging: &Logging,
) -> bool {
    let new = match load(options, lab) {
        Ok(new) => new,
        Err(errors) => {
            daemon.note_reload(errors.first());
            for error in errors {
                tracing::error!(
                    file = error.file,
                    line = error.line,
                    key = error.key,
                    fault = error.message,
                    "configuration refused"
                );
            }
            return false;
        }
    };
    let changes = config.diff(&new);
    let new = config.reloaded(new);
    if let Err(error) = daemon.reload(&new, lab.is_some()).await {
        tracing::error!(%error, "configuration refused");
        daemon.note_refusal(&error);
        return false;
    }
    daemon.note_reload(None);
    if let Err(fault) = logging.reload(&new.log) {
        tracing::error!(fault, "log level refused");
    }
    if !changes.restart.is_empty() {
        tracing::warn!(
            parts = changes.restart.join(", "),
            "these changes wait for a restart"
        );
    }
    tracing::info!(parts = changes.live.join(", "), "configuration reloaded");
    *config = new;
    true
}

/// Makes the state directory, readable by the daemon alone.
fn state_directory(path: &Path) -> io::Result<()> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(named)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).map_err(named)
}

/// Answers the control socket: what `nhipcau inventory` asks of the daemon, and `nhipcau lab` of the simulated province.
struct Control {
    app: App,
    lab: Option<Arc<Lab>>,
}

impl ControlHandler for Control {
    async fn handle(&self, request: Request) -> Response {
        if let Request::Inventory { query } = request {
            let answer = match self.app.discovery() {
                Ok(desk) => desk.answer(query).await,
                Err(refusal) => Err(refusal),
            };
            return match answer {
                Ok(value) => Response::done(vec![value.to_string()]),
                Err(refusal) => Response::refused(refusal.message),
            };
        }
        let Some(lab) = &self.lab else {
            return Response::refused(
                "this nhipcau runs without a lab; start it with: nhipcau run --lab",
            );
        };
        let (done, said) = match request {
            Request::Inventory { .. } => return Response::refused("no question of the lab"),
            Request::List {} => return Response::done(listing(&lab.list())),
            Request::Break { what } => {
                let said = format!("broken: {what}");
                (
                    what.parse::<Fault>().and_then(|fault| lab.inject(fault)),
                    said,
                )
            }
            Request::Narrow { link, capacity_bps } => (
                lab.narrow(&link, capacity_bps),
                format!("{link} carries {capacity_bps} bit/s"),
            ),
            Request::Heal { what } => (lab.heal(&what), format!("healed: {what}")),
        };
        match done {
            Ok(()) => {
                tracing::info!(said, "lab");
                Response::done(vec![said])
            }
            Err(error) => Response::refused(error.to_string()),
        }
    }
}

fn listing(list: &LabList) -> Vec<String> {
    let mut lines: Vec<String> = list
        .links
        .iter()
        .map(|link| {
            let state = match link.state {
                LinkState::Up => "up".to_owned(),
                LinkState::Down => "DOWN".to_owned(),
                LinkState::Narrowed(bps) => format!("narrowed to {bps} bit/s"),
            };
            let ends = format!("{} {} – {} {}", link.a.0, link.a.1, link.b.0, link.b.1);
            format!(
                "link {:<24} {ends:<52} {:>4} Mbit/s  {state}  ({} sites behind)",
                link.id,
                link.capacity_bps / 1_000_000,
                link.sites_behind.len()
            )
        })
        .collect();
    lines.extend(list.devices.iter().map(|device| {
        let reach = if device.reachable {
            ""
        } else {
            "  UNREACHABLE"
        };
        format!(
            "device {:<22} {:<24} {}{reach}",
            device.id,
            device.address,
            device.sensors.join(" ")
        )
    }));
    lines.extend(list.faults.iter().map(|fault| format!("fault {fault}")));
    lines
}

fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
