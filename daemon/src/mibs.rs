//! The operator's MIB files: read in a child process of this binary, with limits on its time and memory, because a file that was meant to
//! harm, or is merely broken, must cost its own names and nothing else.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use mib_rs::types::Severity;
use mib_rs::{BaseType, Loader};
use nhipcau_inventory::names::Names;
use nix::sys::resource::{Resource, setrlimit};

use crate::app::clean::plain_text;
use crate::exec::{self, End, Program};

/// The child's word on the command line; not for people.
pub const SUBCOMMAND: &str = "read-mibs";
/// Largest file; the largest of the vendors' is 2 MB.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Files of the directory and those below it.
const FILES_MAX: usize = 2_000;
/// Bytes of all files together.
const ALL_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Depth of directories.
const DEPTH_MAX: usize = 4;
/// Mistakes that are told; one broken import may make thousands.
const FAULTS_MAX: usize = 100;
/// Longest run of the child.
const TIMEOUT: Duration = Duration::from_secs(60);
const CHILD_CPU_SECONDS: u64 = 60;
const CHILD_ADDRESS_SPACE_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// What the child may say.
const OUTPUT_BYTES_MAX: usize = 48 * 1024 * 1024;
/// Begins a line that tells a mistake.
const FAULT: &str = "!\t";

/// A mistake on one line: file names and messages may hold what is in the files.
fn one_line(text: &str) -> String {
    plain_text(text, 500)
}

/// What the files hold.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Names, in the form of [`Names::take`].
    lines: Vec<String>,
    /// Mistakes, each with file and line where it has them.
    pub(crate) faults: Vec<String>,
}

/// Reads a directory of MIB files in this process.
pub(crate) fn read_directory(directory: &Path) -> Reading {
    let mut reading = Reading::default();
    let mut files = Vec::new();
    let mut bytes = 0;
    collect(directory, 0, &mut files, &mut bytes, &mut reading.faults);
    files.sort();
    if files.is_empty() {
        return reading;
    }
    let source = match mib_rs::source::files(&files) {
        Ok(source) => source,
        Err(error) => {
            let fault = format!("{}:1: {error}", directory.display());
            reading.faults.push(one_line(&fault));
            return reading;
        }
    };
    match Loader::new().source(source).parallelism(1).load() {
        Ok(mib) => {
            names(&mib, &mut reading.lines);
            let report = mib.diagnostic_report();
            let mistakes = report
                .iter()
                .filter(|entry| entry.diagnostic().severity.at_least(Severity::Error))
                .filter_map(|entry| place(&entry));
            reading.faults.extend(mistakes.take(FAULTS_MAX));
        }
        Err(error) => reading
            .faults
            .push(one_line(&format!("{}:1: {error}", directory.display()))),
    }
    reading
}

fn place(entry: &mib_rs::types::DiagnosticEntry<'_>) -> Option<String> {
    let diagnostic = entry.diagnostic();
    let (source, _) = entry.range().ok()??;
    let (start, _) = entry.byte_positions().ok()??;
    Some(one_line(&format!(
        "{}:{}:{}: {}",
        source.label(),
        u64::from(start.line()) + 1,
        u64::from(start.column()) + 1,
        diagnostic.message
    )))
}

/// Regular files below `directory` within the limits; what is beyond them is named and left out.
fn collect(
    directory: &Path,
    depth: usize,
    files: &mut Vec<PathBuf>,
    bytes: &mut u64,
    faults: &mut Vec<String>,
) {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => return fault(faults, directory, &error.to_string()),
    };
    let mut below = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        // A link is followed to a file, never to a directory: no circles.
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() {
            below.push(path);
            continue;
        }
        let Ok(about) = fs::metadata(&path) else {
            continue;
        };
        if !about.is_file() {
            continue;
        }
        if about.len() > FILE_BYTES_MAX {
            fault(faults, &path, "is larger than 4 MiB and is left out");
        } else if files.len() >= FILES_MAX || *bytes + about.len() > ALL_BYTES_MAX {
            return fault(
                faults,
                &path,
                "is left out: there are more than 2,000 files or 128 MiB",
            );
        } else {
            *bytes += about.len();
            files.push(path);
        }
    }
    for path in below {
        if depth + 1 >= DEPTH_MAX {
            fault(faults, &path, "is too deep and is left out");
        } else {
            collect(&path, depth + 1, files, bytes, faults);
        }
    }
}

fn fault(faults: &mut Vec<String>, path: &Path, what: &str) {
    if faults.len() < FAULTS_MAX {
        faults.push(one_line(&format!("{}:1: {what}", path.display())));
    }
}

fn names(mib: &mib_rs::Mib, lines: &mut Vec<String>) {
    for notification in mib.notifications() {
        if let Some(node) = notification.node() {
            lines.push(format!("N\t{}\t{}", node.oid(), notification.name()));
        }
    }
    for object in mib.objects() {
        let Some(node) = object.node() else {
            continue;
        };
        if object.is_table() || object.is_row() {
            continue;
        }
        let labels = |values: &[mib_rs::mib::NamedValue]| {
            let all: Vec<String> = values
                .iter()
                .map(|value| format!("{}={}", value.label, value.value))
                .collect();
            all.join(",")
        };
        let base = object.ty().map(|ty| ty.effective_base());
        let syntax = match base {
            _ if !object.effective_enums().is_empty() => {
                format!("\te {}", labels(object.effective_enums()))
            }
            _ if !object.effective_bits().is_empty() => {
                format!("\tb {}", labels(object.effective_bits()))
            }
            Some(BaseType::OctetString) => octets(object.effective_display_hint()).to_owned(),
            _ => String::new(),
        };
        lines.push(format!("O\t{}\t{}{syntax}", node.oid(), object.name()));
    }
}

/// What a DISPLAY-HINT (RFC 2579 §3.1) says of the bytes.
fn octets(hint: &str) -> &'static str {
    match hint {
        "" => "",
        hint if hint.starts_with("2d-1d-1d,1d:1d:1d") => "\td",
        hint if hint.ends_with('a') || hint.ends_with('t') => "\tt",
        _ => "\tx",
    }
}

/// The child: names and mistakes to standard output.
#[must_use]
pub fn run_child(arguments: &[OsString]) -> ExitCode {
    use std::io::Write as _;
    let [directory] = arguments else {
        return ExitCode::from(64);
    };
    for (resource, most) in [
        (Resource::RLIMIT_CPU, CHILD_CPU_SECONDS),
        (Resource::RLIMIT_AS, CHILD_ADDRESS_SPACE_BYTES),
        (Resource::RLIMIT_CORE, 0),
    ] {
        if setrlimit(resource, most, most).is_err() {
            return ExitCode::FAILURE;
        }
    }
    let reading = read_directory(Path::new(directory));
    let faults = reading.faults.iter().map(|fault| format!("{FAULT}{fault}"));
    let text: String = faults
        .chain(reading.lines)
        .map(|line| line + "\n")
        .collect();
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// The built-in names and those of a directory, and what is wrong with its files; takes a child's time, never this process's.
pub(crate) async fn load(directory: Option<&Path>) -> (Names, Vec<String>) {
    let mut names = Names::builtin();
    let Some(directory) = directory else {
        return (names, Vec::new());
    };
    let told = |what: String| vec![format!("{}:1: {what}", directory.display())];
    let Some(path) = directory.to_str() else {
        return (names, told("the path is not UTF-8".to_owned()));
    };
    let finished = exec::run(Program {
        path: "/proc/self/exe".into(),
        arguments: vec![SUBCOMMAND.to_owned(), path.to_owned()],
        environment: Vec::new(),
        stdin: Vec::new(),
        timeout: TIMEOUT,
        output_bytes_max: OUTPUT_BYTES_MAX,
    })
    .await;
    let finished = match finished {
        Ok(finished) => finished,
        Err(error) => return (names, told(error.to_string())),
    };
    let mut faults = Vec::new();
    if finished.end != End::Exit(0) {
        faults = told(format!(
            "the files were not read to their end ({:?}); names are the built-in ones",
            finished.end
        ));
        return (names, faults);
    }
    for line in finished.stdout.lines() {
        match line.strip_prefix(FAULT) {
            Some(fault) => faults.push(fault.to_owned()),
            None => drop(names.take(line)),
        }
    }
    (names, faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: &str = r#"
TINH-MIB DEFINITIONS ::= BEGIN
IMPORTS
    MODULE-IDENTITY, OBJECT-TYPE, NOTIFICATION-TYPE, Integer32, enterprises FROM SNMPv2-SMI
    DisplayString, DateAndTime FROM SNMPv2-TC;
tinh MODULE-IDENTITY
    LAST-UPDATED "202611210000Z"
    ORGANIZATION "Tinh"
    CONTACT-INFO "Tinh"
    DESCRIPTION "A test."
    ::= { enterprises 99999 }
tinhState OBJECT-TYPE
    SYNTAX INTEGER { tot(1), hong(2) }
    MAX-ACCESS read-only
    STATUS current
    DESCRIPTION "A test."
    ::= { tinh 1 }
tinhName OBJECT-TYPE
    SYNTAX DisplayString
    MAX-ACCESS read-only
    STATUS current
    DESCRIPTION "A test."
    ::= { tinh 2 }
tinhSince OBJECT-TYPE
    SYNTAX DateAndTime
    MAX-ACCESS read-only
    STATUS current
    DESCRIPTION "A test."
    ::= { tinh 3 }
tinhTrap NOTIFICATION-TYPE
    OBJECTS { tinhState }
    STATUS current
    DESCRIPTION "A test."
    ::= { tinh 0 1 }
END
"#;

    #[test]
    fn a_directory_of_mibs_names_its_notifications_and_objects() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("TINH-MIB"), MIB).unwrap();
        fs::create_dir(folder.path().join("hong")).unwrap();
        let broken = MIB
            .replace("TINH", "HONG")
            .replace("tinh", "hong")
            .replace("99999", "99998")
            .replace("hong 2 }", "khongCo 2 }");
        fs::write(folder.path().join("hong/HONG-MIB.txt"), broken).unwrap();
        fs::write(folder.path().join("rac.mib"), vec![0xff; 100_000]).unwrap();
        let large = fs::File::create(folder.path().join("lon.mib")).unwrap();
        large.set_len(FILE_BYTES_MAX + 1).unwrap();
        let reading = read_directory(folder.path());
        let has = |line: &str| reading.lines.iter().any(|l| l == line);
        assert!(has("N\t1.3.6.1.4.1.99999.0.1\ttinhTrap"));
        assert!(has("O\t1.3.6.1.4.1.99999.1\ttinhState\te tot=1,hong=2"));
        assert!(has("O\t1.3.6.1.4.1.99999.2\ttinhName\tt"));
        assert!(has("O\t1.3.6.1.4.1.99999.3\ttinhSince\td"));
        let faults = reading.faults.join("\n");
        assert!(faults.contains("lon.mib:1: is larger"), "{faults}");
        let line = faults.lines().find(|line| line.contains("khongCo"));
        let line = line.unwrap_or_else(|| panic!("{faults}"));
        assert!(line.contains("HONG-MIB.txt:2"), "{line}");
    }
}
