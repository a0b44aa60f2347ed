//! How values of ours stand in columns.

use jiff::Timestamp;
use rusqlite::Row;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;

/// A time as it is stored: milliseconds since the Unix epoch.
pub(super) fn ms(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// A stored time.
pub(super) fn time(ms: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(ms).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// The time in column `name`.
pub(super) fn time_at(row: &Row<'_>, name: &str) -> Result<Timestamp, StoreError> {
    time(row.get(name)?)
}

/// The time in column `name`, if there is one.
pub(super) fn time_or_none(row: &Row<'_>, name: &str) -> Result<Option<Timestamp>, StoreError> {
    row.get::<_, Option<i64>>(name)?.map(time).transpose()
}

/// A value as a JSON column.
pub(super) fn json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    Ok(serde_json::to_string(value)?)
}

/// The value of the JSON column `name`.
pub(super) fn json_at<T: DeserializeOwned>(row: &Row<'_>, name: &str) -> Result<T, StoreError> {
    Ok(serde_json::from_str(&row.get::<_, String>(name)?)?)
}

/// The value of the JSON column `name`, if there is one.
pub(super) fn json_or_none<T: DeserializeOwned>(
    row: &Row<'_>,
    name: &str,
) -> Result<Option<T>, StoreError> {
    row.get::<_, Option<String>>(name)?
        .map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(StoreError::from)
}

/// An unsigned number of ours as SQLite's signed one; saturates, which no real value reaches.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// SQLite's signed number as an unsigned one of ours; a negative one is zero.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
