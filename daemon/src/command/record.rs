//! `record`: a recording of a device, without its secrets.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use nhipcau::config::Config;
use nhipcau::workbench::{self, Subject};
use nhipcau_inventory::Oid;
use nhipcau_inventory::workbench::{Outcome, scrub};

use super::line::Line;
use super::report::plain;
use crate::edge::{EXIT_UNAVAILABLE, EXIT_USAGE, fail, lines, note, print, with_runtime};

pub(super) const HELP: &str = "\
  nhipcau record DEVICE|ADDRESS [-o FILE] [--credential NAME] [--tables OID,…] [--anonymise] [--deadline SECONDS]
                                          walk a device and write what it says, secrets left out; --anonymise also
                                          replaces names, serial numbers and addresses, the same by the same
";

/// Longest time of one walk unless said otherwise.
const DEADLINE: Duration = Duration::from_secs(600);
/// How often the progress is said: every so many variables.
const PROGRESS_EVERY: usize = 5_000;

/// `nhipcau record`.
#[derive(Debug)]
pub(crate) struct Record {
    pub(super) device: Device,
    pub(super) output: Option<PathBuf>,
    pub(super) tables: Vec<Oid>,
    pub(super) anonymise: bool,
    pub(super) deadline: Duration,
}

/// A device that is walked now.
#[derive(Debug)]
pub(crate) struct Device {
    pub(super) config: Option<PathBuf>,
    pub(super) name: String,
    pub(super) credential: Option<String>,
}

impl Record {
    pub(super) fn read(words: &[&str], line: &mut Line) -> Result<Self, String> {
        let [device] = words else {
            return Err("record DEVICE|ADDRESS".into());
        };
        let tables = line.text("tables")?.unwrap_or_default();
        let tables = tables
            .split(',')
            .filter(|oid| !oid.is_empty())
            .map(|oid| {
                oid.trim()
                    .parse()
                    .map_err(|e| format!("--tables {oid}: {e}"))
            })
            .collect::<Result<_, _>>()?;
        let deadline = match line.text("deadline")? {
            Some(text) => text
                .parse()
                .ok()
                .filter(|seconds| (1..=86_400).contains(seconds))
                .map(Duration::from_secs)
                .ok_or("--deadline is a number of seconds")?,
            None => DEADLINE,
        };
        Ok(Self {
            device: Device::read(device, line)?,
            output: line.value("output").map(PathBuf::from),
            tables,
            anonymise: line.flag("anonymise"),
            deadline,
        })
    }

    pub(super) fn carry_out(self) -> ExitCode {
        let config = match Config::load(self.device.config.as_deref()) {
            Ok(config) => config,
            Err(errors) => return fail(&lines(&errors), EXIT_USAGE),
        };
        let outcome = match self
            .device
            .walk(&config, self.tables.clone(), self.deadline)
        {
            Ok(outcome) => outcome,
            Err(code) => return code,
        };
        let mut recording = outcome.recording;
        let secrets = workbench::secrets(&config);
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let serials = workbench::profiles(&config)
            .map(|profiles| profiles.serials(&recording))
            .unwrap_or_default();
        let scrubbed = scrub(&mut recording, &secrets, self.anonymise, &serials);
        let head = format!(
            "# {} variables; left out {} that hold or may hold secrets{}; changed {}\n",
            recording.objects.len(),
            scrubbed.left_out,
            if self.anonymise {
                ", and tables of addresses"
            } else {
                ""
            },
            scrubbed.changed
        );
        let text = head.clone() + &recording.to_text();
        match &self.output {
            Some(path) => match write(path, &text) {
                Ok(()) => {
                    note(head.trim_start_matches("# ").trim_end());
                    ExitCode::SUCCESS
                }
                Err(error) => fail(&format!("{}: {error}", path.display()), 1),
            },
            None => print(&text),
        }
    }
}

/// Writes a file that its owner alone may read: what a device says is not for everybody. An existing file stays.
pub(super) fn write(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?
        .write_all(text.as_bytes())
}

impl Device {
    pub(super) fn read(name: &str, line: &mut Line) -> Result<Self, String> {
        Ok(Self {
            config: line.value("config").map(PathBuf::from),
            name: name.to_owned(),
            credential: line.text("credential")?,
        })
    }

    /// Walks it; troubles and progress are said on the way.
    pub(super) fn walk(
        &self,
        config: &Config,
        tables: Vec<Oid>,
        deadline: Duration,
    ) -> Result<Outcome, ExitCode> {
        let subject = Subject::find(config, &self.name, self.credential.as_deref())
            .map_err(|message| fail(&message, EXIT_USAGE))?;
        let mut told = 0;
        let progress = |variables: usize| {
            if variables >= told + PROGRESS_EVERY {
                told = variables;
                note(&format!("{variables} variables …"));
            }
        };
        let mut outcome = Err(String::new());
        let walk = async {
            outcome = workbench::record(&subject, tables, deadline, progress).await;
            ExitCode::SUCCESS
        };
        with_runtime(walk);
        let outcome = outcome.map_err(|message| fail(&plain(&message), EXIT_UNAVAILABLE))?;
        for trouble in &outcome.troubles {
            note(&format!("behind {}: {}", trouble.at, plain(&trouble.what)));
        }
        Ok(outcome)
    }
}
