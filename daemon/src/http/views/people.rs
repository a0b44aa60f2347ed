//! Sessions and accounts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// `AccountRole`; each role also may what the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountRole {
    Viewer,
    Host,
    Operator,
    Admin,
}

impl AccountRole {
    /// Every role, least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Host, Self::Operator, Self::Admin];

    /// The word of the protocol and of the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Host => "host",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The role of a word; `None` for an unknown one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    Setup,
    Anonymous,
    SignedIn,
}

/// `"vi" | "en"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    #[default]
    Vi,
    En,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Session {
    pub state: SessionState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
    pub language: Language,
    pub time_zone: String,
    pub version: String,
    pub lab: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    pub id: i64,
    pub username: String,
    pub display_name: String,
    pub role: AccountRole,
    pub disabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
}
