//! Secrets: text that never reaches a log, a page or a file, and the references by which the configuration names it.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Longest secret in bytes. A key file is far smaller; the bound keeps a wrong path (a disk, a log) out of memory.
pub const SECRET_BYTES_MAX: usize = 64 * 1024;

/// A secret in memory: printed as `***`, never serialized, wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Every call site is a place to review.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compares with what a caller presented, in time that depends on the lengths only.
    #[must_use]
    pub fn matches(&self, presented: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(presented).into()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other.0.as_bytes())
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a secret stands. Safe to print: it names the place, not the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// `file:/absolute/path`: the file's text without its last line end. Refused when others may read it.
    File(PathBuf),
    /// `env:NAME`.
    Env(String),
    /// `credential:NAME`: the file of that name in systemd's `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// `{value: TEXT}`: in the simulated province's own document only.
    Value(Secret),
}

/// Why a secret could not be read. Carries names, never the secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The reference does not follow one of the three forms.
    #[error("a secret is written file:/absolute/path, env:NAME or credential:NAME")]
    Form,
    /// The file could not be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file's mode lets every user read it.
    #[error("{0}: everyone may read it; chmod o-rwx")]
    Exposed(PathBuf),
    /// Longer than [`SECRET_BYTES_MAX`].
    #[error("{0}: longer than {SECRET_BYTES_MAX} bytes")]
    TooLong(PathBuf),
    /// Not text.
    #[error("{0}: is not UTF-8 text")]
    NotText(String),
    /// No such environment variable.
    #[error("the environment has no {0}")]
    NoVariable(String),
    /// `credential:` outside a unit that loads credentials.
    #[error("credential:{0}: CREDENTIALS_DIRECTORY is not set (LoadCredential= in the unit)")]
    NoCredentials(String),
    /// The place exists and holds nothing.
    #[error("{0}: is empty")]
    Empty(String),
}

impl SecretRef {
    /// Reads a reference as the configuration writes it.
    ///
    /// # Errors
    /// [`SecretError::Form`] for anything but the three forms, for a relative path and for a credential name with a slash.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let name_is_plain = |name: &str| {
            !name.is_empty()
                && name.len() <= 255
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
                && !name.starts_with('.')
        };
        if let Some(path) = text.strip_prefix("file:") {
            if Path::new(path).is_absolute() && !path.contains('\0') {
                return Ok(Self::File(PathBuf::from(path)));
            }
        } else if let Some(name) = text.strip_prefix("env:") {
            if name_is_plain(name) {
                return Ok(Self::Env(name.to_owned()));
            }
        } else if let Some(name) = text.strip_prefix("credential:")
            && name_is_plain(name)
        {
            return Ok(Self::Credential(name.to_owned()));
        }
        Err(SecretError::Form)
    }

    /// Reads the secret from its place, each time anew, so that a reload takes a changed file up.
    ///
    /// # Errors
    /// Any [`SecretError`] but `Form`; the message names the place.
    pub fn resolve(&self) -> Result<Secret, SecretError> {
        match self {
            Self::Value(secret) => Ok(secret.clone()),
            Self::File(path) => read(path, true),
            Self::Env(name) => match std::env::var(name) {
                Ok(text) if text.is_empty() => Err(SecretError::Empty(format!("env:{name}"))),
                Ok(text) => Ok(Secret::new(text)),
                Err(std::env::VarError::NotPresent) => Err(SecretError::NoVariable(name.clone())),
                Err(std::env::VarError::NotUnicode(_)) => {
                    Err(SecretError::NotText(format!("env:{name}")))
                }
            },
            Self::Credential(name) => match std::env::var_os("CREDENTIALS_DIRECTORY") {
                // systemd guards the directory itself; its files' modes differ by version.
                Some(directory) => read(&Path::new(&directory).join(name), false),
                None => Err(SecretError::NoCredentials(name.clone())),
            },
        }
    }
}

fn read(path: &Path, check_mode: bool) -> Result<Secret, SecretError> {
    let fault = |source| SecretError::File {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(fault)?;
    let mode = file.metadata().map_err(fault)?.permissions().mode();
    if check_mode && mode & 0o007 != 0 {
        return Err(SecretError::Exposed(path.to_owned()));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(SECRET_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(fault)?;
    if bytes.len() > SECRET_BYTES_MAX {
        return Err(SecretError::TooLong(path.to_owned()));
    }
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| SecretError::NotText(path.display().to_string()))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(SecretError::Empty(path.display().to_string()));
    }
    Ok(Secret::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_stars() {
        let secret = Secret::new("hunter2".into());
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
        assert_eq!(format!("{:?}", SecretRef::Value(secret)), "Value(***)");
    }

    #[test]
    fn a_secret_matches_itself_only() {
        let secret = Secret::new("hunter2".into());
        assert!(secret.matches(b"hunter2"));
        for wrong in [&b"hunter"[..], b"hunter22", b"", b"Hunter2"] {
            assert!(!secret.matches(wrong));
        }
    }

    #[test]
    fn references_have_three_forms() {
        assert_eq!(
            SecretRef::parse("file:/etc/x").unwrap(),
            SecretRef::File("/etc/x".into())
        );
        assert_eq!(
            SecretRef::parse("env:A_B").unwrap(),
            SecretRef::Env("A_B".into())
        );
        assert_eq!(
            SecretRef::parse("credential:smtp").unwrap(),
            SecretRef::Credential("smtp".into())
        );
        for wrong in [
            "public",
            "file:relative",
            "env:",
            "env:A=B",
            "credential:../shadow",
            "credential:a/b",
            "value:x",
            "",
        ] {
            assert!(SecretRef::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_is_read_without_its_line_end_and_refused_when_exposed() {
        let directory = std::env::temp_dir().join(format!("nhipcau-secret-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("key");
        let mode =
            |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        std::fs::write(&path, "s3cret\n").unwrap();
        mode(0o640);
        let reference = SecretRef::File(path.clone());
        assert_eq!(reference.resolve().unwrap().expose(), "s3cret");
        mode(0o644);
        assert!(matches!(reference.resolve(), Err(SecretError::Exposed(_))));
        mode(0o600);
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(reference.resolve(), Err(SecretError::Empty(_))));
        std::fs::write(&path, vec![b'x'; SECRET_BYTES_MAX + 1]).unwrap();
        assert!(matches!(reference.resolve(), Err(SecretError::TooLong(_))));
        std::fs::remove_dir_all(&directory).unwrap();
        assert!(matches!(reference.resolve(), Err(SecretError::File { .. })));
    }
}
