//! Our own SNMP engine's state (RFC 3414 §2.2): one identity for ever, its boots counted and on disk before they are used.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use async_snmp::v3::{AuthoritativeEngine, PersistedAuthoritativeEngine};
use nhipcau_wire::port::Identity;

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub(crate) struct EngineError {
    path: PathBuf,
    source: io::Error,
}

/// Takes up the engine of `state_dir` for another life, or makes one.
pub(super) fn take_up(state_dir: &Path) -> Result<Identity, EngineError> {
    let path = state_dir.join("snmp-engine");
    let failed = |source: io::Error| EngineError {
        path: path.clone(),
        source,
    };
    let stored = match fs::read_to_string(&path) {
        Ok(text) => Some(parse(&text).ok_or_else(|| {
            failed(io::Error::other(
                "is not an engine's state; remove the file to get a new identity",
            ))
        })?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let target = path.clone();
    let keep = move |state: &PersistedAuthoritativeEngine| write(&target, state);
    let engine = match stored {
        Some(previous) => AuthoritativeEngine::restart(previous, keep),
        None => async_snmp::v3::generate_engine_id()
            .and_then(|id| AuthoritativeEngine::install(id, keep)),
    }
    .map_err(|error| failed(io::Error::other(error.to_string())))?;
    Ok(Identity {
        id: engine.engine_id().to_vec().into(),
        boots: engine.engine_boots(),
        started: Instant::now(),
    })
}

fn write(target: &Path, state: &PersistedAuthoritativeEngine) -> io::Result<()> {
    let id: String = state
        .engine_id()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let temporary = target.with_extension("new");
    // A leftover of a crash may have another mode.
    let _ = fs::remove_file(&temporary);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(format!("{id} {}\n", state.engine_boots()).as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, target)
}

fn parse(text: &str) -> Option<PersistedAuthoritativeEngine> {
    let (id, boots) = text.trim().split_once(' ')?;
    let bytes: Option<Vec<u8>> = (0..id.len() / 2)
        .map(|i| u8::from_str_radix(id.get(2 * i..2 * i + 2)?, 16).ok())
        .collect();
    PersistedAuthoritativeEngine::new(bytes?, boots.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn an_engine_keeps_its_identity_and_counts_its_boots() {
        let dir = tempfile::tempdir().unwrap();
        let first = take_up(dir.path()).unwrap();
        let second = take_up(dir.path()).unwrap();
        assert_eq!((second.id, second.boots), (first.id, first.boots + 1));
        let file = fs::metadata(dir.path().join("snmp-engine")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_engine_file_is_named_and_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("snmp-engine"), "nonsense").unwrap();
        let error = take_up(dir.path()).err().unwrap().to_string();
        assert!(error.contains("snmp-engine"), "{error}");
    }
}
