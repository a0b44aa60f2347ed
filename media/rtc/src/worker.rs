//! The packet thread.

use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex};

use crate::bridge::Command;
use crate::config::BridgeConfig;
use crate::error::{BridgeError, JoinError};
use crate::event::BridgeEvent;
use crate::socket::{Socket, Waker};
use crate::stats::BridgeStats;

/// Everything behind the sockets.
pub(crate) struct Worker {
    commands: Receiver<Command>,
    fingerprint: String,
}

impl Worker {
    pub(crate) fn new(
        _config: &BridgeConfig,
        _sockets: Vec<Socket>,
        _waker: Waker,
        commands: Receiver<Command>,
        _events: SyncSender<BridgeEvent>,
        _stats: Arc<Mutex<BridgeStats>>,
    ) -> Result<Self, BridgeError> {
        Ok(Self {
            commands,
            fingerprint: String::new(),
        })
    }

    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    pub(crate) fn run(self) {
        while let Ok(command) = self.commands.recv() {
            if let Command::Join { reply, .. } = command {
                let _ = reply.send(Err(JoinError::NoSuchRoom));
            }
        }
    }
}
