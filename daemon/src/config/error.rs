//! A mistake in the configuration and where it stands.

use std::fmt;
use std::sync::Arc;

/// A place in a document. Lines and columns count from 1; line 0 means the document as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At {
    pub(super) file: Arc<str>,
    pub(super) line: usize,
    pub(super) column: usize,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One mistake. `check` prints all of them, `run` refuses to start, a reload keeps the old configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Document, mostly a path.
    pub file: String,
    /// Line from 1; 0 for the document as a whole.
    pub line: usize,
    /// Column from 1 in characters; 0 for the document as a whole.
    pub column: usize,
    /// Path of the key, such as `devices[3].site`; empty for the document as a whole.
    pub key: String,
    /// What is wrong and, where it helps, what would be right.
    pub message: String,
}

impl ConfigError {
    pub(super) fn new(at: &At, key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: at.file.to_string(),
            line: at.line,
            column: at.column,
            key: key.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for ConfigError {}
