//! What people are told when a device does not answer.

use crate::poller::FetchError;
use crate::{CredentialRef, Reason, SnmpVersion, read};

/// The reason that people see for a device that does not answer.
pub(crate) fn reason_of(
    error: &FetchError,
    credentials: &[CredentialRef],
    credential: usize,
    known: bool,
    waited: f64,
) -> Reason {
    let credential = credentials.get(credential);
    let user = credential
        .and_then(|c| c.user.as_deref())
        .unwrap_or_default();
    let community = credential.is_some_and(|c| c.version != SnmpVersion::V3);
    match error {
        // An agent keeps silent about a wrong community: until it answered once, nobody can tell.
        FetchError::Timeout if community && !known => Reason::new("timeout_or_community"),
        FetchError::Timeout => Reason::new("timeout").with("seconds", waited.round() as i64),
        FetchError::V3UnknownUser => Reason::new("v3_unknown_user").with("user", user),
        FetchError::V3WrongDigest => Reason::new("v3_wrong_digest").with("user", user),
        FetchError::V3NotInTimeWindow => Reason::new("v3_not_in_time_window"),
        FetchError::V3UnsupportedLevel => Reason::new("v3_unsupported_level"),
        FetchError::V3Decryption => Reason::new("v3_decryption"),
        FetchError::V3UnknownEngine => Reason::new("v3_unknown_engine"),
        other => Reason::new("unreachable").with("detail", explain(other)),
    }
}

pub(crate) fn explain(error: &FetchError) -> String {
    match error {
        FetchError::Timeout => "no answer".to_owned(),
        FetchError::TooBig => "tooBig even for one row".to_owned(),
        FetchError::GenErr => "genErr".to_owned(),
        FetchError::NoSuchName => "noSuchName".to_owned(),
        FetchError::V3UnknownUser => "unknown user".to_owned(),
        FetchError::V3WrongDigest => "wrong digest".to_owned(),
        FetchError::V3NotInTimeWindow => "not in the time window".to_owned(),
        FetchError::V3UnsupportedLevel => "unsupported security level".to_owned(),
        FetchError::V3Decryption => "decryption failed".to_owned(),
        FetchError::V3UnknownEngine => "unknown engine".to_owned(),
        FetchError::Unreachable(detail) | FetchError::Malformed(detail) => read::clean(detail),
    }
}
