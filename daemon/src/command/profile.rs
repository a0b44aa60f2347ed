//! `profile …`: the bench on which profiles are made.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use nhipcau::config::Config;
use nhipcau::workbench;
use nhipcau_inventory::ProfileSet;
use nhipcau_inventory::recording::Recording;
use nhipcau_inventory::workbench::{Severity, coverage, learn, lint};

use super::line::Line;
use super::record::{Device, write};
use super::report::{Report, plain};
use crate::edge::{EXIT_USAGE, fail, lines, note, print};

pub(super) const HELP: &str = "\
  nhipcau profile test PROFILE|FILE|auto RECORDING|DEVICE [--format table|json] [--credential NAME]
                                          what a profile reads of a recording or of a device, and what is left over
  nhipcau profile lint FILE…              mistakes (exit status 1) and doubts of profiles, with file and line
  nhipcau profile learn RECORDING|DEVICE [-o FILE] [--credential NAME]
                                          propose a profile for a device; a person must look at it
";

/// Longest walk of a device that is tested.
const DEADLINE: Duration = Duration::from_secs(300);
/// Largest file that is read, bytes.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// `nhipcau profile …`.
#[derive(Debug)]
pub(crate) enum Profile {
    Test {
        profile: String,
        device: Device,
        json: bool,
    },
    Lint {
        config: Option<PathBuf>,
        files: Vec<PathBuf>,
    },
    Learn {
        device: Device,
        output: Option<PathBuf>,
    },
}

impl Profile {
    pub(super) fn read(words: &[&str], line: &mut Line) -> Result<Self, String> {
        match words {
            ["test", profile, device] => Ok(Self::Test {
                profile: (*profile).to_owned(),
                device: Device::read(device, line)?,
                json: match line.text("format")?.as_deref() {
                    None | Some("table") => false,
                    Some("json") => true,
                    Some(other) => return Err(format!("--format {other}: table or json")),
                },
            }),
            ["lint", files @ ..] if !files.is_empty() => Ok(Self::Lint {
                config: line.value("config").map(PathBuf::from),
                files: files.iter().map(PathBuf::from).collect(),
            }),
            ["learn", device] => Ok(Self::Learn {
                device: Device::read(device, line)?,
                output: line.value("output").map(PathBuf::from),
            }),
            _ => Err("profile: test PROFILE RECORDING, lint FILE…, learn RECORDING".into()),
        }
    }

    pub(super) fn carry_out(self) -> ExitCode {
        let done = match self {
            Self::Test {
                profile,
                device,
                json,
            } => test(&profile, &device, json),
            Self::Lint { config, files } => check(config.as_deref(), &files),
            Self::Learn { device, output } => propose(&device, output.as_deref()),
        };
        done.unwrap_or_else(|code| code)
    }
}

fn load(path: Option<&Path>) -> Result<Config, ExitCode> {
    Config::load(path).map_err(|errors| fail(&lines(&errors), EXIT_USAGE))
}

fn text_of(path: &Path) -> Result<String, ExitCode> {
    let refuse = |what: String| fail(&format!("{}: {what}", path.display()), EXIT_USAGE);
    let size = std::fs::metadata(path)
        .map_err(|e| refuse(e.to_string()))?
        .len();
    if size > FILE_BYTES_MAX {
        return Err(refuse(format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    let bytes = std::fs::read(path).map_err(|e| refuse(e.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The recording in a file, or the walk of a device.
fn subject(device: &Device, config: &Config) -> Result<Recording, ExitCode> {
    let path = Path::new(&device.name);
    if !path.is_file() {
        return Ok(device.walk(config, Vec::new(), DEADLINE)?.recording);
    }
    let recording = Recording::parse(&text_of(path)?);
    for mistake in &recording.mistakes {
        note(&format!(
            "{}:{}: {}",
            path.display(),
            mistake.line,
            plain(&mistake.message)
        ));
    }
    Ok(recording)
}

fn test(profile: &str, device: &Device, json: bool) -> Result<ExitCode, ExitCode> {
    let config = load(device.config.as_deref())?;
    let path = Path::new(profile);
    let (profiles, named) = if path.is_file() {
        let text = text_of(path)?;
        let own = (path.display().to_string(), text);
        let name = nhipcau_inventory::workbench::profile_name(&own.1);
        let files = ProfileSet::shipped_files()
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .chain([own]);
        let set = ProfileSet::parse(files).map_err(|errors| {
            let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
            fail(&all.join("\n"), 1)
        })?;
        (set, name)
    } else {
        let set = workbench::profiles(&config).map_err(|message| fail(&message, 1))?;
        (set, (profile != "auto").then(|| profile.to_owned()))
    };
    let profiles = Arc::new(profiles);
    if let Some(name) = &named
        && !profiles.names().any(|known| known == name)
    {
        return Err(fail(
            &format!("there is no profile {name:?}, and no file of that name"),
            EXIT_USAGE,
        ));
    }
    let recording = subject(device, &config)?;
    let collection = workbench::read(&recording, &profiles, named.as_deref())
        .ok_or_else(|| fail("the recording cannot be polled to an end", 1))?;
    let used = collection
        .recognised
        .as_ref()
        .map(|r| r.profile.to_string())
        .ok_or_else(|| {
            fail(
                "the recording has no system group (1.3.6.1.2.1.1): nothing answers",
                1,
            )
        })?;
    let coverage = coverage(&recording, &profiles, &used).unwrap_or_default();
    let report = Report {
        profiles: &profiles,
        collection: &collection,
        coverage: &coverage,
        recording: &recording,
    };
    Ok(print(&if json { report.json() } else { report.table() }))
}

fn check(config: Option<&Path>, files: &[PathBuf]) -> Result<ExitCode, ExitCode> {
    let config = load(config)?;
    let profiles = workbench::profiles(&config).map_err(|message| fail(&message, 1))?;
    let mut out = String::new();
    let mut mistakes = 0;
    let mut doubts = 0;
    for path in files {
        let text = text_of(path)?;
        for finding in lint(&path.display().to_string(), &text, &profiles) {
            match finding.severity {
                Severity::Mistake => mistakes += 1,
                Severity::Doubt => doubts += 1,
            }
            out.push_str(&plain(&finding.to_string()));
            out.push('\n');
        }
    }
    out.push_str(&format!(
        "{} files, {mistakes} mistakes, {doubts} doubts\n",
        files.len()
    ));
    print(&out);
    Ok(ExitCode::from(u8::from(mistakes > 0)))
}

fn propose(device: &Device, output: Option<&Path>) -> Result<ExitCode, ExitCode> {
    let config = load(device.config.as_deref())?;
    let profiles = workbench::profiles(&config).map_err(|message| fail(&message, 1))?;
    let recording = subject(device, &config)?;
    let proposal = learn(&recording, &profiles);
    match output {
        Some(path) => write(path, &proposal)
            .map(|()| ExitCode::SUCCESS)
            .map_err(|error| fail(&format!("{}: {error}", path.display()), 1)),
        None => Ok(print(&proposal)),
    }
}
