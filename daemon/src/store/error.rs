//! What can go wrong in the store, as values.

/// Why the store did not do what was asked. Nothing of a failed write is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk is full. The store keeps reading and takes writes again as soon as there is room.
    #[error("the disk is full")]
    Full,
    /// The database file is damaged or is not a database.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// More writes are waiting than the queue holds, or another process holds the database.
    #[error("the store is busy")]
    Busy,
    /// There is no such row.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A row of this key exists; the argument names the table and columns.
    #[error("exists already: {0}")]
    Duplicate(String),
    /// The change would break a rule of the data; the argument is a code such as `site_has_children`.
    #[error("refused: {0}")]
    Refused(&'static str),
    /// The database was written by a newer version of this program.
    #[error(
        "the database has schema {found}, this program knows {known}: start the newer program, or restore a backup"
    )]
    Newer {
        /// Schema version of the file.
        found: u32,
        /// Newest schema version of this program.
        known: u32,
    },
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
    /// Reading or writing the file failed.
    #[error("the store failed: {0}")]
    Failed(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match &error {
            rusqlite::Error::SqliteFailure(failure, message) => match failure.code {
                ErrorCode::DiskFull => Self::Full,
                // The wal-index cannot grow on a full disk: SQLite names that an I/O error.
                ErrorCode::SystemIoFailure
                    if failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE =>
                {
                    Self::Full
                }
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                    Self::Corrupt(error.to_string())
                }
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
                ErrorCode::ConstraintViolation
                    if matches!(
                        failure.extended_code,
                        rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE
                            | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY
                    ) =>
                {
                    Self::Duplicate(message.clone().unwrap_or_default())
                }
                _ => Self::Failed(error.to_string()),
            },
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(format!("a JSON column: {error}"))
    }
}
