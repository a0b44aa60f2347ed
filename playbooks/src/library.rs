//! Playbooks read from files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::read::Reader;
use crate::words;
use crate::yaml;
use crate::{Channel, Language, Playbook, PlaybookRow};

/// Most playbooks in a library.
const PLAYBOOKS_MAX: usize = 200;

/// What the daemon's configuration allows playbooks.
#[derive(Clone, Debug, Default)]
pub struct LoadTerms {
    /// Whether `exec` steps are allowed at all.
    pub allow_exec: bool,
    /// Names that `to` may use, by channel; `None` skips the check (as for a lone file).
    pub recipients: Option<BTreeMap<Channel, BTreeSet<String>>>,
}

/// A mistake in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// File.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Key at fault, dotted, such as `steps.1.exec.argv`; empty for the file as a whole.
    pub key: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// All playbooks in force.
#[derive(Clone, Debug, Default)]
pub struct Library {
    playbooks: BTreeMap<String, Arc<Playbook>>,
}

/// The files that ship with the program.
const SHIPPED: [(&str, &str); 3] = [
    ("link-down.yaml", include_str!("../library/link-down.yaml")),
    (
        "recording-failed.yaml",
        include_str!("../library/recording-failed.yaml"),
    ),
    (
        "sensor-critical.yaml",
        include_str!("../library/sensor-critical.yaml"),
    ),
];

impl Library {
    /// Reads files, given as name and text; one playbook a file.
    ///
    /// # Errors
    /// All mistakes of all files, by file and line.
    pub fn parse<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
        terms: &LoadTerms,
    ) -> Result<Library, Vec<Mistake>> {
        let mut library = Library::default();
        let mut mistakes = Vec::new();
        for (file, text) in files {
            let mut reader = Reader::new(file, terms);
            match yaml::parse(text) {
                Err(fault) => reader.mistake(fault.at, "", fault.message),
                Ok(root) => {
                    let playbook = reader.playbook(&root, fingerprint(text));
                    if let Some(playbook) = playbook {
                        library.add(playbook, &root, &mut reader);
                    }
                }
            }
            mistakes.append(&mut reader.mistakes);
        }
        if mistakes.is_empty() {
            return Ok(library);
        }
        mistakes.sort();
        Err(mistakes)
    }

    fn add(&mut self, playbook: Playbook, root: &yaml::Node, reader: &mut Reader<'_>) {
        if let Some(other) = self.playbooks.get(&playbook.name) {
            let message = format!("a playbook of this name is in {} already", other.source);
            reader.mistake(root.at, "name", message);
        } else if self.playbooks.len() >= PLAYBOOKS_MAX {
            reader.mistake(root.at, "", format!("more than {PLAYBOOKS_MAX} playbooks"));
        } else {
            self.playbooks
                .insert(playbook.name.clone(), Arc::new(playbook));
        }
    }

    /// The files that ship with the program: name and text.
    pub fn shipped_files() -> &'static [(&'static str, &'static str)] {
        &SHIPPED
    }

    /// The playbooks that ship with the program. They use no `exec` and need no configuration.
    pub fn shipped() -> Library {
        match Library::parse(SHIPPED, &LoadTerms::default()) {
            Ok(library) => library,
            Err(mistakes) => panic!("a shipped playbook is broken: {mistakes:?}"),
        }
    }

    /// These playbooks with `over` laid on top: a playbook of the same name is replaced.
    pub fn overlaid(mut self, over: Library) -> Library {
        self.playbooks.extend(over.playbooks);
        self
    }

    /// The playbook of that name.
    pub fn playbook(&self, name: &str) -> Option<&Arc<Playbook>> {
        self.playbooks.get(name)
    }

    /// All playbooks, by name.
    pub fn playbooks(&self) -> impl Iterator<Item = &Arc<Playbook>> {
        self.playbooks.values()
    }

    /// All playbooks as pages show them, by name.
    pub fn rows(&self, language: Language) -> Vec<PlaybookRow> {
        self.playbooks
            .values()
            .map(|playbook| words::row(playbook, language))
            .collect()
    }
}

/// FNV-1a, 64 bits, of the file: tells whether a playbook is still the one a run began with. It
/// guards against edits, not against forgery: who can write playbooks can do what they do.
fn fingerprint(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}
