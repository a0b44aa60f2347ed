//! Five-minute samples of lines, for the percentile of a week and the week before.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::{Store, StoreError};

/// One sample to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSample {
    /// Device of the metered end.
    pub device: String,
    /// Its interface.
    pub interface: String,
    /// Start of the slot, Unix seconds.
    pub slot: i64,
    /// Mean towards the device, bits per second.
    pub in_bps: Option<i64>,
    /// Mean away from it.
    pub out_bps: Option<i64>,
}

/// A kept sample: slot, bits per second in and out.
pub type LineSample = (i64, Option<i64>, Option<i64>);

/// The table of samples.
pub struct LineSamples<'a> {
    pub(super) store: &'a Store,
}

fn line_of(connection: &Connection, device: &str, interface: &str) -> Result<i64, StoreError> {
    let known = connection
        .prepare_cached("SELECT id FROM metered_lines WHERE device = ?1 AND interface = ?2")?
        .query_row([device, interface], |row| row.get(0))
        .optional()?;
    match known {
        Some(id) => Ok(id),
        None => Ok(connection
            .prepare_cached("INSERT INTO metered_lines (device, interface) VALUES (?1, ?2)")?
            .insert([device, interface])?),
    }
}

impl LineSamples<'_> {
    /// Keeps samples in one commit; one that is there already is replaced.
    ///
    /// # Errors
    /// As every write.
    pub async fn append(&self, samples: Vec<NewSample>) -> Result<(), StoreError> {
        self.store
            .write(move |connection| {
                let mut insert = connection.prepare_cached(
                    "INSERT OR REPLACE INTO line_samples (line, slot, in_bps, out_bps) VALUES (?1, ?2, ?3, ?4)",
                )?;
                for sample in samples {
                    let line = line_of(connection, &sample.device, &sample.interface)?;
                    insert.execute(params![line, sample.slot, sample.in_bps, sample.out_bps])?;
                }
                Ok(())
            })
            .await
    }

    /// Folds the samples of `[from, to)` (Unix seconds) line by line, so that only one line's are in memory at a time.
    ///
    /// # Errors
    /// As every read.
    pub async fn fold<T, F>(
        &self,
        from: i64,
        to: i64,
        each: F,
    ) -> Result<BTreeMap<(String, String), T>, StoreError>
    where
        T: Send + 'static,
        F: Fn(&[LineSample]) -> T + Send + 'static,
    {
        self.store
            .read(move |connection| {
                let lines: Vec<(i64, String, String)> = connection
                    .prepare_cached("SELECT id, device, interface FROM metered_lines")?
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                    .collect::<Result<_, _>>()?;
                let mut query = connection.prepare_cached(
                    "SELECT slot, in_bps, out_bps FROM line_samples WHERE line = ?1 AND slot >= ?2 AND slot < ?3 ORDER BY slot",
                )?;
                let mut folded = BTreeMap::new();
                for (line, device, interface) in lines {
                    let samples: Vec<LineSample> = query
                        .query_map(params![line, from, to], |row| {
                            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                        })?
                        .collect::<Result<_, _>>()?;
                    if !samples.is_empty() {
                        folded.insert((device, interface), each(&samples));
                    }
                }
                Ok(folded)
            })
            .await
    }

    /// The samples of one line in `[from, to)`, oldest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn of_line(
        &self,
        device: &str,
        interface: &str,
        from: i64,
        to: i64,
    ) -> Result<Vec<LineSample>, StoreError> {
        let (device, interface) = (device.to_owned(), interface.to_owned());
        self.store
            .read(move |connection| {
                let rows = connection
                    .prepare_cached(
                        "SELECT slot, in_bps, out_bps FROM line_samples
                         WHERE line = (SELECT id FROM metered_lines WHERE device = ?1 AND interface = ?2) AND slot >= ?3 AND slot < ?4
                         ORDER BY slot",
                    )?
                    .query_map(params![device, interface, from, to], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                    })?
                    .collect::<Result<_, _>>()?;
                Ok(rows)
            })
            .await
    }

    /// Removes samples of slots before `oldest`, and lines that have none left. Each line's are a range of the key: no scan.
    ///
    /// # Errors
    /// As every write.
    pub async fn prune(&self, oldest: i64) -> Result<usize, StoreError> {
        self.store
            .write(move |connection| {
                let removed = connection.execute(
                    "DELETE FROM line_samples WHERE line IN (SELECT id FROM metered_lines) AND slot < ?1",
                    [oldest],
                )?;
                connection.execute(
                    "DELETE FROM metered_lines WHERE NOT EXISTS (SELECT 1 FROM line_samples WHERE line = metered_lines.id)",
                    [],
                )?;
                Ok(removed)
            })
            .await
    }
}
