//! Who did what, for the audit log.

use super::{App, Caller, Refusal};
use crate::store::NewAudit;

/// The actor of what the daemon does by itself.
pub const DAEMON: &str = "daemon";

impl App {
    /// An entry about `caller`, to be written with the change itself. `detail` carries no secret.
    pub(crate) fn audited(
        &self,
        caller: &Caller,
        action: &'static str,
        subject: impl Into<String>,
        detail: impl Into<String>,
    ) -> NewAudit {
        NewAudit {
            at: self.now(),
            actor: caller.account.username.clone(),
            address: caller.address.to_string(),
            action,
            subject: subject.into(),
            detail: detail.into(),
        }
    }

    /// Writes down an act that changes no row itself, such as a host's "mute all".
    ///
    /// # Errors
    /// What the store says.
    pub async fn note(
        &self,
        caller: &Caller,
        action: &'static str,
        subject: impl Into<String>,
        detail: impl Into<String>,
    ) -> Result<(), Refusal> {
        let entry = self.audited(caller, action, subject, detail);
        Ok(self.store().audit().append(entry).await?)
    }
}
