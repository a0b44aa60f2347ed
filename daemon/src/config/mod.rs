//! The configuration: one YAML file and `conf.d/*.yaml` beside it, read strictly, every mistake reported with its place.
//!
//! Three passes: `check` holds each value against the schema, `references` judges what one value says of another, `build` makes the
//! model. The first two collect; the third runs only when they found nothing.

mod build;
mod change;
mod check;
mod error;
mod fields;
mod model;
mod reference;
mod references;
mod schema;
mod tree;
mod values;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use change::Changes;
use error::At;
pub use error::ConfigError;
pub use model::*;
pub use reference::reference;
pub(crate) use values::is_email;
pub use values::rate;

/// The configuration file when none is named and this one exists.
pub const FILE_DEFAULT: &str = "/etc/nhipcau/nhipcau.yaml";
/// The name that the simulated province's own document must have for its secrets to stand in the open.
pub const LAB_DOCUMENT: &str = "<lab>";
/// Most files of one `conf.d`.
const FILES_MAX: usize = 256;

impl Config {
    /// Reads `path`, or [`FILE_DEFAULT`] when it exists, or nothing: the built-in defaults alone are a valid configuration.
    ///
    /// # Errors
    /// Every mistake of every file, in the order of the files.
    pub fn load(path: Option<&Path>) -> Result<Self, Vec<ConfigError>> {
        let usual = Path::new(FILE_DEFAULT);
        let documents = match path {
            Some(path) => documents(path)?,
            None if usual.exists() => documents(usual)?,
            None => Vec::new(),
        };
        parse(documents, false, true)
    }

    /// Reads `path` if there is one, and the simulated province's document with its defaults (loopback traps, plain HTTP on loopback, a
    /// state directory of its own). [`FILE_DEFAULT`] is not read: the training ground never mixes with the real province by accident.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_lab(path: Option<&Path>, lab_document: String) -> Result<Self, Vec<ConfigError>> {
        let mut documents = path.map(documents).transpose()?.unwrap_or_default();
        documents.push((LAB_DOCUMENT.to_owned(), lab_document));
        parse(documents, true, true)
    }

    /// Joins documents (name, text) into one configuration without looking at the disk. With `lab` the simulated province's defaults hold, and
    /// the document named [`LAB_DOCUMENT`] may write `{value: TEXT}` for a secret.
    ///
    /// # Errors
    /// Every mistake, in the order of the documents.
    pub fn parse_documents(
        documents: Vec<(String, String)>,
        lab: bool,
    ) -> Result<Self, Vec<ConfigError>> {
        parse(documents, lab, false)
    }
}

fn parse(
    documents: Vec<(String, String)>,
    lab: bool,
    on_disk: bool,
) -> Result<Config, Vec<ConfigError>> {
    let mut errors = Vec::new();
    let built_in: Arc<str> = Arc::from("built-in defaults");
    let mut root = tree::Node {
        at: At {
            file: built_in,
            line: 0,
            column: 0,
        },
        kind: tree::NodeKind::Null,
    };
    let order: Vec<String> = documents.iter().map(|(name, _)| name.clone()).collect();
    for (name, text) in documents {
        if let Some(document) = tree::read(&Arc::from(name), &text, &mut errors) {
            tree::merge(&mut root, document, "", &mut errors);
        }
    }
    let mut checker = check::Checker {
        lab,
        lab_document: LAB_DOCUMENT,
        errors: &mut errors,
    };
    let checked = checker.section(schema::PARTS.iter().map(|part| &part.field), &root, "");
    if matches!(checked.kind, check::DatumKind::Section(_)) {
        references::judge(&checked, on_disk, &mut errors);
    }
    if errors.is_empty() {
        return Ok(build::build(&checked, state_dir_default(lab)));
    }
    errors.sort_by_key(|error| {
        (
            order.iter().position(|name| *name == error.file),
            error.line,
            error.column,
        )
    });
    Err(errors)
}

/// The file and, in the order of their names, the files of `conf.d` beside it.
fn documents(path: &Path) -> Result<Vec<(String, String)>, Vec<ConfigError>> {
    let fault = |path: &Path, message: String| ConfigError {
        file: path.display().to_string(),
        line: 0,
        column: 0,
        key: String::new(),
        message,
    };
    let mut paths = vec![path.to_owned()];
    let directory = path.parent().unwrap_or(Path::new("")).join("conf.d");
    match std::fs::read_dir(&directory) {
        Ok(entries) => {
            let mut more: Vec<PathBuf> = entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| {
                    path.extension()
                        .is_some_and(|extension| extension == "yaml")
                })
                .collect();
            if more.len() > FILES_MAX {
                return Err(vec![fault(
                    &directory,
                    format!("holds more than {FILES_MAX} files"),
                )]);
            }
            more.sort();
            paths.extend(more);
        }
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) => {}
        Err(error) => return Err(vec![fault(&directory, error.to_string())]),
    }
    let mut errors = Vec::new();
    let mut documents = Vec::new();
    for path in paths {
        let mut text = String::new();
        // One byte more than allowed, so that the tree's own limit speaks.
        let limit = tree::DOCUMENT_BYTES_MAX as u64 + 1;
        match std::fs::File::open(&path).and_then(|file| file.take(limit).read_to_string(&mut text))
        {
            Ok(_) => documents.push((path.display().to_string(), text)),
            Err(error) => errors.push(fault(&path, format!("cannot be read: {error}"))),
        }
    }
    if errors.is_empty() {
        Ok(documents)
    } else {
        Err(errors)
    }
}

fn state_dir_default(lab: bool) -> PathBuf {
    let variable = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let usual = variable("STATE_DIRECTORY")
        .or_else(|| {
            nix::unistd::geteuid()
                .is_root()
                .then(|| PathBuf::from("/var/lib/nhipcau"))
        })
        .or_else(|| variable("XDG_STATE_HOME").map(|path| path.join("nhipcau")))
        .or_else(|| variable("HOME").map(|path| path.join(".local/state/nhipcau")))
        .unwrap_or_else(|| PathBuf::from("/var/lib/nhipcau"));
    if !lab {
        return usual;
    }
    let mut name = usual.into_os_string();
    name.push("-lab");
    name.into()
}

#[cfg(test)]
mod tests;
