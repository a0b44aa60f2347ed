//! The daemon from its start to its end: configuration before sockets, sockets before readiness, drain before exit.

use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

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

/// Runs the daemon until SIGTERM or SIGINT.
pub async fn run(options: RunOptions) -> ExitCode {
    let config = match load(&options) {
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
    match serve(&options, config, &logging).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "cannot go on");
            ExitCode::from(EXIT_UNAVAILABLE)
        }
    }
}

fn load(options: &RunOptions) -> Result<Config, Vec<ConfigError>> {
    let path = options.config.as_deref();
    if options.lab { Config::load_lab(path, String::new()) } else { Config::load(path) }
}

async fn serve(options: &RunOptions, mut config: Config, logging: &Logging) -> io::Result<()> {
    state_directory(&config.state_dir)?;
    let control = ControlSocket::bind(&config.state_dir).await?;
    let metrics = Metrics::new();
    let health = HealthCheck::new();
    let control = tokio::spawn(control.serve(Arc::new(NoLab)));
    let watchdog = tokio::spawn(async move { health.watch().await });
    let mut reload = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    sd_notify::ready();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), state_dir = %config.state_dir.display(), "ready");
    loop {
        tokio::select! {
            _ = reload.recv() => {
                let taken = take_up(options, &mut config, logging);
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
    Ok(())
}

/// Reads the configuration again; a wrong one is named and the old one stays.
fn take_up(options: &RunOptions, config: &mut Config, logging: &Logging) -> bool {
    let new = match load(options) {
        Ok(new) => new,
        Err(errors) => {
            for error in errors {
                tracing::error!(file = error.file, line = error.line, key = error.key, fault = error.message, "configuration refused");
            }
            return false;
        }
    };
    let changes = config.diff(&new);
    if let Err(fault) = logging.reload(&new.log) {
        tracing::error!(fault, "log level refused");
    }
    if !changes.restart.is_empty() {
        tracing::warn!(parts = changes.restart.join(", "), "these changes wait for a restart");
    }
    tracing::info!(parts = changes.live.join(", "), "configuration reloaded");
    *config = new;
    true
}

/// Makes the state directory, readable by the daemon alone.
fn state_directory(path: &Path) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(named)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).map_err(named)
}

/// Answers the control socket of a daemon without a simulated province.
struct NoLab;

impl ControlHandler for NoLab {
    async fn handle(&self, _: Request) -> Response {
        Response::refused("this nhipcau runs without a lab; start it with: nhipcau run --lab")
    }
}

fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
