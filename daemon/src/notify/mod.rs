//! Telling people: mail and webhooks. What is sent is built from hostile text too; neither a header nor an address can be made from it.
//!
//! One call is one attempt with a deadline. Repeats, and the record that somebody was told, belong to the playbook that asked.

mod address;
mod mail;
mod webhook;

#[cfg(test)]
mod peer;

pub use mail::{Attachment, Mail, Mailer};
pub use webhook::WebhookClient;

use crate::secret::SecretError;

/// Why somebody was not told. The text may be shown; it holds no secret, also not a webhook's address.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// A setting or the message itself is wrong: the same attempt will fail again.
    #[error("{0}")]
    Refused(String),
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The destination lies inside the network and `webhook.allow` does not name it.
    #[error("{0} is not a public address and webhook.allow does not name it")]
    Internal(std::net::IpAddr),
    /// The other side said no for good.
    #[error("the other side refused: {0}")]
    Rejected(String),
    /// The other side was not reached, or said not now.
    #[error("not delivered: {0}")]
    Unreachable(String),
    /// The deadline passed.
    #[error("no answer in time")]
    Timeout,
}

impl NotifyError {
    /// Whether a later attempt has a chance.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Timeout)
    }
}
