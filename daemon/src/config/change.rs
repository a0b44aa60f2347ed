//! What a reload changes.

use super::model::Config;
use super::schema::{PARTS, Reload};

/// The parts in which two configurations differ, by their keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Taken up at once.
    pub live: Vec<&'static str>,
    /// Wait for a restart; the running daemon keeps the old values.
    pub restart: Vec<&'static str>,
}

impl Changes {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_empty() && self.restart.is_empty()
    }
}

impl Config {
    /// What differs in `new`, sorted by what SIGHUP can do about it.
    #[must_use]
    pub fn diff(&self, new: &Self) -> Changes {
        let mut changes = Changes::default();
        for part in PARTS
            .iter()
            .filter(|part| self.differs(new, part.field.key))
        {
            match part.reload {
                Reload::Live => changes.live.push(part.field.key),
                Reload::Restart => changes.restart.push(part.field.key),
            }
        }
        changes
    }

    /// `new` as far as a reload can take it: the parts that wait for a restart stay as they are here.
    #[must_use]
    pub fn reloaded(&self, new: Self) -> Self {
        Self {
            listen: self.listen.clone(),
            state_dir: self.state_dir.clone(),
            tls: self.tls.clone(),
            locale: self.locale.clone(),
            poll: self.poll.clone(),
            conference: self.conference.clone(),
            health: self.health.clone(),
            ..new
        }
    }

    fn differs(&self, new: &Self, key: &str) -> bool {
        match key {
            "listen" => self.listen != new.listen,
            "state_dir" => self.state_dir != new.state_dir,
            "tls" => self.tls != new.tls,
            "locale" => self.locale != new.locale,
            "log" => self.log != new.log,
            "credentials" => self.credentials != new.credentials,
            "devices" => self.devices != new.devices,
            "links" => self.links != new.links,
            "sites" => self.sites != new.sites,
            "poll" => self.poll != new.poll,
            "discovery" => self.discovery != new.discovery,
            "traps" => self.traps != new.traps,
            "metrics" => self.metrics != new.metrics,
            "smtp" => self.smtp != new.smtp,
            "channels" => self.channels != new.channels,
            "webhook" => self.webhook != new.webhook,
            "playbooks" => self.playbooks != new.playbooks,
            "profiles" => self.profiles != new.profiles,
            "recording" => self.recording != new.recording,
            "conference" => self.conference != new.conference,
            "health" => self.health != new.health,
            other => panic!("the schema's part {other} has no comparison"),
        }
    }
}
