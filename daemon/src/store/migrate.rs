//! The schema, by numbered migrations that are part of the program.

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// Migrations in order; the n-th brings the schema to version n. Never change one that was released.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_health.sql"),
    include_str!("migrations/0003_discovery.sql"),
    include_str!("migrations/0004_passes.sql"),
];

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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use rusqlite::functions::FunctionFlags;

    use super::*;

    fn open(path: &Path) -> Connection {
        let connection = Connection::open(path).expect("open");
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .expect("wal");
        // Changed pages go to the disk before the commit, as with little memory: the worst case for a crash.
        connection
            .pragma_update(None, "cache_size", 4)
            .expect("cache");
        connection
    }

    fn schema(connection: &Connection) -> Vec<String> {
        let mut query = connection
            .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
            .expect("schema");
        query
            .query_map([], |row| row.get(0))
            .expect("rows")
            .map(|sql| sql.expect("sql"))
            .collect()
    }

    /// What the disk holds after every statement of a migration is kept as a picture; each picture must migrate to the same schema.
    #[test]
    fn a_crash_after_any_statement_of_a_migration_is_survived() {
        let folder = tempfile::tempdir().expect("folder");
        let mut whole = open(&folder.path().join("whole.db"));
        migrate(&mut whole, MIGRATIONS).expect("whole");
        for (version, sql) in MIGRATIONS.iter().enumerate() {
            let path = folder.path().join(format!("v{version}.db"));
            let mut connection = open(&path);
            migrate(&mut connection, &MIGRATIONS[..version]).expect("before");
            let pictures = Arc::new(Mutex::new(Vec::new()));
            let (taken, from, count) = (Arc::clone(&pictures), path.clone(), AtomicUsize::new(0));
            let take = move |_: &rusqlite::functions::Context<'_>| {
                let to = from
                    .with_extension(format!("picture{}", count.fetch_add(1, Ordering::Relaxed)));
                for end in ["", "-wal"] {
                    let side =
                        |path: &Path| std::path::PathBuf::from(format!("{}{end}", path.display()));
                    let _ = std::fs::copy(side(&from), side(&to));
                }
                taken.lock().expect("pictures").push(to);
                Ok(0)
            };
            connection
                .create_scalar_function("picture", 0, FunctionFlags::SQLITE_UTF8, take)
                .expect("function");
            let watched = sql.replace(";\n", ";\nSELECT picture();\n");
            let steps: Vec<&str> = MIGRATIONS[..version]
                .iter()
                .copied()
                .chain([watched.as_str()])
                .collect();
            migrate(&mut connection, &steps).expect("migrated");
            let pictures = pictures.lock().expect("pictures").clone();
            let statements = sql.matches(";\n").count();
            assert!(statements > 0 && pictures.len() == statements);
            for picture in pictures {
                let mut revived = open(&picture);
                let found: u32 = revived
                    .pragma_query_value(None, "user_version", |row| row.get(0))
                    .expect("version");
                assert_eq!(found as usize, version, "half a migration is none");
                migrate(&mut revived, MIGRATIONS).expect("migrated after the crash");
                assert_eq!(schema(&revived), schema(&whole));
            }
        }
    }

    #[test]
    fn a_migration_that_fails_leaves_nothing() {
        let folder = tempfile::tempdir().expect("folder");
        let mut connection = open(&folder.path().join("a.db"));
        let good = "CREATE TABLE a (x INTEGER) STRICT";
        assert!(
            migrate(
                &mut connection,
                &[good, "CREATE TABLE b (x INTEGER) STRICT; CREATE TABLE"]
            )
            .is_err()
        );
        assert_eq!(schema(&connection), [good]);
    }

    #[test]
    fn a_database_of_a_newer_program_is_left_alone() {
        let folder = tempfile::tempdir().expect("folder");
        let mut connection = open(&folder.path().join("a.db"));
        connection
            .pragma_update(None, "user_version", 99)
            .expect("version");
        let known = u32::try_from(MIGRATIONS.len()).expect("few");
        assert_eq!(
            migrate(&mut connection, MIGRATIONS),
            Err(StoreError::Newer { found: 99, known })
        );
        assert!(schema(&connection).is_empty());
    }
}
