//! The lab itself.

use tokio::sync::watch;

use crate::{Fault, Faults, LabConfig, LabError, LabLink, LabList};

/// How many communes a lab can have.
pub const COMMUNES_MAX: usize = 80;

/// A running province. Its methods may be called from any thread; dropping it stops all agents.
#[derive(Debug)]
pub struct Lab {
    faults: watch::Sender<Faults>,
}

impl Lab {
    /// Binds and starts all agents; must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`LabError::Bind`] names the address and the device when a port is taken; [`LabError::Config`] names the
    /// value that is out of range.
    pub async fn start(config: LabConfig) -> Result<Self, LabError> {
        if config.port == 0 {
            return Err(LabError::Config {
                key: "port",
                reason: "must be 1 to 65535".to_owned(),
            });
        }
        Ok(Self {
            faults: watch::Sender::new(Faults::default()),
        })
    }

    /// The lab as a file of the daemon's configuration (YAML): credentials, devices, links, sites.
    #[must_use]
    pub fn configuration(&self) -> String {
        String::new()
    }

    /// All links with their present state.
    #[must_use]
    pub fn links(&self) -> Vec<LabLink> {
        Vec::new()
    }

    /// Everything there is, for people.
    #[must_use]
    pub fn list(&self) -> LabList {
        LabList {
            devices: Vec::new(),
            links: self.links(),
            faults: Vec::new(),
        }
    }

    /// Breaks a link, or whatever else the words of [`Fault`] name. Breaking what is broken changes nothing.
    ///
    /// # Errors
    /// [`LabError::Unknown`] with near matches, [`LabError::Words`] when nothing fits.
    pub fn break_link(&self, id: &str) -> Result<(), LabError> {
        self.inject(id.parse::<Fault>()?)
    }

    /// Makes a link carry no more than `capacity_bps`.
    ///
    /// # Errors
    /// [`LabError::Unknown`] with near matches.
    pub fn narrow(&self, id: &str, capacity_bps: u64) -> Result<(), LabError> {
        self.inject(Fault::LinkNarrow {
            link: id.to_owned(),
            capacity_bps,
        })
    }

    /// Makes one fault happen.
    ///
    /// # Errors
    /// [`LabError::Unknown`] with near matches.
    pub fn inject(&self, fault: Fault) -> Result<(), LabError> {
        Err(LabError::Unknown {
            what: "link".to_owned(),
            name: fault.to_string(),
            near: Vec::new(),
        })
    }

    /// Ends every fault that `id` names (a link, a device, `power`, or the words of the fault), or `all` of them.
    /// Healing what is well changes nothing.
    ///
    /// # Errors
    /// [`LabError::Unknown`] with near matches when there is no such link or device.
    pub fn heal(&self, id: &str) -> Result<(), LabError> {
        let _ = id;
        Ok(())
    }

    /// What the media edge has to drop and to shape, now and whenever it changes.
    #[must_use]
    pub fn faults(&self) -> watch::Receiver<Faults> {
        self.faults.subscribe()
    }

    /// Stops all agents and waits until their sockets are closed.
    pub async fn stop(self) {}
}
