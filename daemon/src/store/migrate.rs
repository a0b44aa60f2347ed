//! The schema, by numbered migrations that are part of the program.

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// Migrations in order; the n-th brings the schema to version n. Never change one that was released.
pub(super) const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_first.sql")];

/// Brings the database to the newest schema of `migrations`, each step in one transaction with its version number: a crash
/// leaves the schema before or after a step, never between.
///
/// # Errors
/// [`StoreError::Newer`] for a database of a newer program, untouched; else what SQLite says.
pub(super) fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<(), StoreError> {
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    loop {
        let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found: u32 = step.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found > known {
            return Err(StoreError::Newer { found, known });
        }
        let Some(sql) = migrations.get(found as usize) else {
            return Ok(());
        };
        step.execute_batch(sql)?;
        step.pragma_update(None, "user_version", found + 1)?;
        step.commit()?;
        tracing::info!(schema = found + 1, "database schema migrated");
    }
}
