//! Playbooks read from files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::{Channel, Language, Playbook, PlaybookRow};

/// What the daemon's configuration allows playbooks.
#[derive(Clone, Debug, Default)]
pub struct LoadTerms {
    /// Whether `exec` steps are allowed at all.
    pub allow_exec: bool,
    /// Names that `to` may use, by channel; `None` skips the check (as `nhipcau check` of a lone file does).
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

impl Library {
    /// Reads files, given as name and text; one playbook a file.
    ///
    /// # Errors
    /// All mistakes of all files, by file and line.
    pub fn parse<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
        terms: &LoadTerms,
    ) -> Result<Library, Vec<Mistake>> {
        let _ = (files.into_iter().count(), terms);
        todo!()
    }

    /// The files that ship with the program: name and text.
    pub fn shipped_files() -> &'static [(&'static str, &'static str)] {
        todo!()
    }

    /// The playbooks that ship with the program.
    pub fn shipped() -> Library {
        todo!()
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
        let _ = language;
        todo!()
    }
}
