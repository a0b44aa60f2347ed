//! What pages send. Unknown and duplicate keys are refused; absent and `null` differ only where `null` clears.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::{AccountRole, PassDirection, Recurrence};

/// POST `/setup`. Has no `Debug`: it carries secrets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetupInput {
    pub token: String,
    pub username: String,
    pub password: String,
    pub display_name: String,
}

/// POST `/session`. Has no `Debug`: it carries a secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInInput {
    pub username: String,
    pub password: String,
}

/// `AccountInput`. Has no `Debug`: it carries a secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountInput {
    pub username: String,
    pub display_name: String,
    pub role: AccountRole,
    pub password: String,
}

/// PATCH `/accounts/{id}`. Has no `Debug`: it carries a secret.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct AccountPatch {
    pub display_name: Option<String>,
    pub role: Option<AccountRole>,
    pub password: Option<String>,
    pub disabled: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConferenceInput {
    pub title: String,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub chair_site: String,
    pub sites: Vec<String>,
    pub description: Option<String>,
    pub recurrence: Option<Recurrence>,
    #[serde(default)]
    pub accept_conflicts: bool,
}

/// `Partial<ConferenceInput>`: what is absent stays; `recurrence: null` ends the repetition.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct ConferencePatch {
    pub title: Option<String>,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub chair_site: Option<String>,
    pub sites: Option<Vec<String>>,
    pub description: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub recurrence: Option<Option<Recurrence>>,
    #[serde(default)]
    pub accept_conflicts: bool,
}

/// POST `/incidents/{id}/acknowledge`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeInput {
    pub note: String,
}

/// POST `/runs/{id}/approval`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalInput {
    pub step: u32,
    pub approve: bool,
    pub note: String,
}

/// Reads a key that is there, `null` or not, as `Some`.
fn present<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// POST `/conferences/{id}/passes`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassInput {
    pub site: String,
    pub direction: PassDirection,
    pub name: String,
    pub expires_at: Option<Timestamp>,
}
