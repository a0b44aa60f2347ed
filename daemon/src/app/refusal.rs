//! Why the application did not do what a person asked, with the protocol's code.

use crate::http::views::Conflict;
use crate::store::StoreError;

/// A refusal, as a value that reaches the page.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// One of the protocol's error codes.
    pub code: &'static str,
    /// What is wrong, in English, for developers and logs; pages translate the code.
    pub message: String,
    /// The field at fault.
    pub field: Option<String>,
    /// With `conflict`: what collides.
    pub conflicts: Vec<Conflict>,
}

impl Refusal {
    /// A refusal without a field.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            field: None,
            conflicts: Vec::new(),
        }
    }

    /// The same refusal with the field at fault.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(what) => Self::new("not_found", format!("no such {what}")),
            StoreError::Duplicate(_) => Self::new("duplicate", "exists already"),
            StoreError::Full => Self::new("disk_full", "the disk is full, nothing was changed"),
            StoreError::Refused(
                code @ ("setup_done" | "site_has_children" | "unknown_site" | "too_many_passes"),
            ) => Self::new(code, "refused"),
            StoreError::Refused("last_admin") => {
                Self::new("forbidden", "one enabled administrator must remain")
            }
            StoreError::Refused("site_cycle") => {
                Self::new("bad_request", "a site cannot be above itself").at("parent")
            }
            error => {
                tracing::error!(%error, "the store refused a request");
                Self::new("internal", "the store failed")
            }
        }
    }
}

impl From<nhipcau_conference::BookingError> for Refusal {
    fn from(error: nhipcau_conference::BookingError) -> Self {
        Self::new(error.code.as_str(), error.message).at(error.field)
    }
}
