//! Accounts and the one-time setup.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::codec::{ms, time_at, time_or_none};
use super::{NewAudit, Store, StoreError, audit};

/// An account.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Row id.
    pub id: i64,
    /// Unique without regard to ASCII case.
    pub username: String,
    /// As people call them.
    pub display_name: String,
    /// `viewer`, `host`, `operator` or `admin`.
    pub role: String,
    /// Argon2id in PHC form.
    pub password_hash: String,
    /// May not sign in.
    pub disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Last request of a session of it, to the minute.
    pub last_seen: Option<Timestamp>,
}

/// An account to be made.
#[derive(Clone)]
pub struct NewAccount {
    /// Unique without regard to ASCII case.
    pub username: String,
    /// As people call them.
    pub display_name: String,
    /// `viewer`, `host`, `operator` or `admin`.
    pub role: &'static str,
    /// Argon2id in PHC form.
    pub password_hash: String,
}

/// What of an account changes; `None` stays.
#[derive(Clone, Default)]
pub struct AccountChange {
    /// New display name.
    pub display_name: Option<String>,
    /// New role.
    pub role: Option<&'static str>,
    /// New password, Argon2id in PHC form. Ends the account's sessions.
    pub password_hash: Option<String>,
    /// Disable (ends the account's sessions) or enable.
    pub disabled: Option<bool>,
    /// The session that survives a new password: the one in which it was changed.
    pub keep_session: Option<[u8; 32]>,
}

/// The table of accounts.
pub struct Accounts<'a> {
    pub(super) store: &'a Store,
}

pub(super) fn account_of(row: &Row<'_>) -> Result<AccountRow, StoreError> {
    Ok(AccountRow {
        id: row.get("id")?,
        username: row.get("username")?,
        display_name: row.get("display_name")?,
        role: row.get("role")?,
        password_hash: row.get("password_hash")?,
        disabled: row.get("disabled")?,
        created_at: time_at(row, "created_at")?,
        last_seen: time_or_none(row, "last_seen_at")?,
    })
}

fn insert(
    connection: &Connection,
    account: &NewAccount,
    at: Timestamp,
) -> Result<AccountRow, StoreError> {
    connection.execute(
        "INSERT INTO accounts (username, display_name, role, password_hash, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![account.username, account.display_name, account.role, account.password_hash, ms(at)],
    )?;
    find(connection, connection.last_insert_rowid())
}

fn find(connection: &Connection, id: i64) -> Result<AccountRow, StoreError> {
    connection
        .prepare_cached("SELECT * FROM accounts WHERE id = ?1")?
        .query_and_then([id], account_of)?
        .next()
        .unwrap_or(Err(StoreError::NotFound("account")))
}

/// Nobody may lock everybody out: one enabled admin must remain.
fn admin_remains(connection: &Connection) -> Result<(), StoreError> {
    let admins: i64 = connection.query_row(
        "SELECT count(*) FROM accounts WHERE role = 'admin' AND NOT disabled",
        [],
        |row| row.get(0),
    )?;
    if admins == 0 {
        Err(StoreError::Refused("last_admin"))
    } else {
        Ok(())
    }
}

impl Accounts<'_> {
    /// Whether the setup has been done.
    ///
    /// # Errors
    /// As every read.
    pub async fn is_set_up(&self) -> Result<bool, StoreError> {
        self.store
            .read(|connection| {
                let done = "SELECT EXISTS (SELECT 1 FROM setup) OR EXISTS (SELECT 1 FROM accounts)";
                Ok(connection.query_row(done, [], |row| row.get(0))?)
            })
            .await
    }

    /// Makes the first account and closes the setup, together.
    ///
    /// # Errors
    /// [`StoreError::Refused`] `setup_done` when it was done before.
    pub async fn set_up(
        &self,
        account: NewAccount,
        entry: NewAudit,
    ) -> Result<AccountRow, StoreError> {
        self.store
            .write(move |connection| {
                let done: Option<i64> = connection
                    .query_row(
                        "SELECT 1 FROM setup UNION SELECT 1 FROM accounts",
                        [],
                        |row| row.get(0),
                    )
                    .optional()?;
                if done.is_some() {
                    return Err(StoreError::Refused("setup_done"));
                }
                connection.execute(
                    "INSERT INTO setup (id, done_at) VALUES (1, ?1)",
                    [ms(entry.at)],
                )?;
                audit::insert(connection, &entry)?;
                insert(connection, &account, entry.at)
            })
            .await
    }

    /// Makes an account.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the username is taken.
    pub async fn create(
        &self,
        account: NewAccount,
        entry: NewAudit,
    ) -> Result<AccountRow, StoreError> {
        self.store
            .write(move |connection| {
                audit::insert(connection, &entry)?;
                insert(connection, &account, entry.at)
            })
            .await
    }

    /// All accounts, by username.
    ///
    /// # Errors
    /// As every read.
    pub async fn list(&self) -> Result<Vec<AccountRow>, StoreError> {
        self.store
            .read(|connection| {
                connection
                    .prepare_cached("SELECT * FROM accounts ORDER BY username")?
                    .query_and_then([], account_of)?
                    .collect()
            })
            .await
    }

    /// One account.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find(&self, id: i64) -> Result<AccountRow, StoreError> {
        self.store
            .read(move |connection| find(connection, id))
            .await
    }

    /// The account of a username.
    ///
    /// # Errors
    /// As every read.
    pub async fn by_username(&self, username: &str) -> Result<Option<AccountRow>, StoreError> {
        let username = username.to_owned();
        self.store
            .read(move |connection| {
                connection
                    .prepare_cached("SELECT * FROM accounts WHERE username = ?1")?
                    .query_and_then([username], account_of)?
                    .next()
                    .transpose()
            })
            .await
    }

    /// Changes an account; ends its sessions when password, role or `disabled` say so.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Refused`] `last_admin`.
    pub async fn update(
        &self,
        id: i64,
        change: AccountChange,
        entry: NewAudit,
    ) -> Result<AccountRow, StoreError> {
        self.store
            .write(move |connection| {
                find(connection, id)?;
                connection.execute(
                    "UPDATE accounts SET display_name = coalesce(?2, display_name), role = coalesce(?3, role),
                        password_hash = coalesce(?4, password_hash), disabled = coalesce(?5, disabled) WHERE id = ?1",
                    params![id, change.display_name, change.role, change.password_hash, change.disabled],
                )?;
                if change.role.is_some() || change.disabled.is_some() {
                    admin_remains(connection)?;
                }
                if change.password_hash.is_some() || change.disabled == Some(true) {
                    let keep = change.keep_session.map(|hash| hash.to_vec());
                    connection.execute(
                        "DELETE FROM sessions WHERE account = ?1 AND (?2 IS NULL OR hash <> ?2)",
                        params![id, keep],
                    )?;
                }
                audit::insert(connection, &entry)?;
                find(connection, id)
            })
            .await
    }

    /// Deletes an account and its sessions.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Refused`] `last_admin`.
    pub async fn delete(&self, id: i64, entry: NewAudit) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                find(connection, id)?;
                connection.execute("DELETE FROM accounts WHERE id = ?1", [id])?;
                admin_remains(connection)?;
                audit::insert(connection, &entry)
            })
            .await
    }
}
