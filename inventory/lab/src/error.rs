//! What can go wrong with a lab.

use std::net::SocketAddr;

/// Why a lab did not start or did not do what it was told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// An address of an agent cannot be bound.
    #[error("cannot listen on {address} for {device}: {source}")]
    Bind {
        /// Id of the device.
        device: String,
        /// The address that is taken or not ours.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A value of [`crate::LabConfig`] is out of its range.
    #[error("lab: {key}: {reason}")]
    Config {
        /// Field of the configuration.
        key: &'static str,
        /// The range that it must keep.
        reason: String,
    },
    /// No link, device or sensor of that name.
    #[error("no {what} `{name}` in the lab{}", near_text(.near))]
    Unknown {
        /// `link`, `device`, `sensor of DEVICE` or `fault`.
        what: String,
        /// The name that was asked for.
        name: String,
        /// Names that are spelled alike, best first, at most five.
        near: Vec<String>,
    },
    /// The words name nothing that can be broken.
    #[error(
        "`{text}` is not a fault; say a link, `power`, `fan DEVICE`, `sensor DEVICE SENSOR hot` or `device DEVICE off`"
    )]
    Words {
        /// What was said.
        text: String,
    },
    /// A recording cannot be replayed.
    #[error("recording, line {line}: {reason}")]
    Recording {
        /// Line, counted from one.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The v3 keys cannot be made.
    #[error("lab: v3 user: {0}")]
    User(String),
}

fn near_text(near: &[String]) -> String {
    if near.is_empty() {
        String::new()
    } else {
        format!("; did you mean {}?", near.join(", "))
    }
}
