//! The keys inside each part of the configuration.

mod conduct;
mod daemon;
mod estate;
mod health;

pub(super) use conduct::{CHANNEL, CONFERENCE, PLAYBOOKS, RECORDING, SMTP, WEBHOOK};
pub(super) use daemon::{LISTEN, LOCALE, LOG, METRICS, TLS};
pub(super) use estate::{CREDENTIAL, DEVICE, DISCOVERY, LINK, POLL, PROFILES, SITE, TRAPS};
pub(super) use health::HEALTH;
