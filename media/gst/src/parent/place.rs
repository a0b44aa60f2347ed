//! Where recordings are written: names checked, files created anew, links never followed.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::RecordError;

/// Longest stem in bytes: with its extension and a repair's prefix it stays below the 255 of ext4 and XFS.
const STEM_BYTES_MAX: usize = 200;

/// `stem` when it is a plain name: no separator, no `..`, no NUL, nothing hidden, nothing that a terminal or a
/// spreadsheet would read otherwise.
pub(super) fn checked_stem(stem: &str) -> Result<&str, RecordError> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let good = !stem.is_empty()
        && stem.len() <= STEM_BYTES_MAX
        && !stem.starts_with('.')
        && stem.chars().all(plain);
    if good {
        Ok(stem)
    } else {
        Err(RecordError::BadStem(
            stem.escape_default().take(80).collect(),
        ))
    }
}

/// An open folder: everything below it is reached through its descriptor, so that a folder renamed or replaced by a
/// link meanwhile changes nothing.
pub(super) struct Folder {
    path: PathBuf,
    fd: OwnedFd,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, RecordError> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(fd) => Ok(Self {
                path: path.to_owned(),
                fd,
            }),
            Err(error) => Err(RecordError::File {
                path: path.to_owned(),
                source: error.into(),
            }),
        }
    }

    pub(super) fn create(&self, name: &str) -> Result<File, RecordError> {
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::RDWR | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.fd, name, flags, Mode::from_raw_mode(0o640)) {
            Ok(fd) => Ok(fd.into()),
            Err(rustix::io::Errno::EXIST) => Err(RecordError::Exists(self.path.join(name))),
            Err(error) => Err(self.file_error(name, error.into())),
        }
    }

    pub(super) fn read(&self, name: &str) -> Result<File, RecordError> {
        let flags = OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(fd.into()),
            Err(error) => Err(self.file_error(name, error.into())),
        }
    }

    /// Removes a file; one that is not there is fine.
    pub(super) fn remove(&self, name: &str) -> Result<(), RecordError> {
        match rustix::fs::unlinkat(&self.fd, name, rustix::fs::AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(self.file_error(name, error.into())),
        }
    }

    /// Puts `from` in `to`'s place, durably.
    pub(super) fn replace(&self, from: &str, to: &str) -> Result<(), RecordError> {
        rustix::fs::renameat(&self.fd, from, &self.fd, to)
            .and_then(|()| rustix::fs::fsync(&self.fd))
            .map_err(|error| self.file_error(to, error.into()))
    }

    pub(super) fn file_error(&self, name: &str, source: io::Error) -> RecordError {
        RecordError::File {
            path: self.path.join(name),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_pass() {
        for good in ["17-20261121-0900", "giao_ban.1", "họp-tỉnh"] {
            assert!(checked_stem(good).is_ok(), "{good}");
        }
        let long = "a".repeat(STEM_BYTES_MAX + 1);
        for bad in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "a\0b",
            ".hidden",
            "a b",
            "a\nb",
            "-\u{202e}gnp",
            &long,
        ] {
            assert!(checked_stem(bad).is_err(), "{bad:?}");
        }
    }
}
