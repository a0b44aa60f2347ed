//! What can be broken, and what the breaking means for media.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use crate::LabError;

/// One thing that is broken in a lab, in the words of `nhipcau lab break`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// `LINK`: both ends go down.
    LinkDown {
        /// Id of the link.
        link: String,
    },
    /// A link carries no more than so much (made by [`crate::Lab::narrow`]).
    LinkNarrow {
        /// Id of the link.
        link: String,
        /// What it still carries, in bit/s.
        capacity_bps: u64,
    },
    /// `power`: the mains fail, the UPS runs on its battery.
    Power,
    /// `sensor DEVICE SENSOR hot`: the sensor reads beyond its critical threshold.
    SensorHot {
        /// Id of the device.
        device: String,
        /// Id of the sensor on that device.
        sensor: String,
    },
    /// `fan DEVICE`, or `fan` for the first fan of the core switch: the device's first fan stands still.
    Fan {
        /// Id of the device.
        device: String,
    },
    /// `device DEVICE off`: the device answers nothing and what stands behind it is cut off.
    DeviceOff {
        /// Id of the device.
        device: String,
    },
}

/// What the media edge has to do to the sites of a lab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Sites that nothing reaches: every datagram from and to them is dropped.
    pub dropped_sites: BTreeSet<String>,
    /// Sites behind a narrowed link, with the bit/s of the narrowest one on their way. Sites behind the
    /// same narrowed link share that figure on a real line; it is given to each of them here.
    pub narrowed_sites: BTreeMap<String, u64>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LinkDown { link } => f.write_str(link),
            Self::LinkNarrow { link, capacity_bps } => write!(f, "{link} to {capacity_bps} bit/s"),
            Self::Power => f.write_str("power"),
            Self::SensorHot { device, sensor } => write!(f, "sensor {device} {sensor} hot"),
            Self::Fan { device } => write!(f, "fan {device}"),
            Self::DeviceOff { device } => write!(f, "device {device} off"),
        }
    }
}

impl FromStr for Fault {
    type Err = LabError;

    /// Reads the words of `nhipcau lab break`; whether the names exist is checked by the lab.
    fn from_str(text: &str) -> Result<Self, LabError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        Ok(match words.as_slice() {
            ["power"] => Self::Power,
            ["fan"] => Self::Fan {
                device: "core4503".to_owned(),
            },
            ["fan", device] => Self::Fan {
                device: (*device).to_owned(),
            },
            ["sensor", device, sensor] | ["sensor", device, sensor, "hot"] => Self::SensorHot {
                device: (*device).to_owned(),
                sensor: (*sensor).to_owned(),
            },
            ["device", device] | ["device", device, "off"] => Self::DeviceOff {
                device: (*device).to_owned(),
            },
            [link] => Self::LinkDown {
                link: (*link).to_owned(),
            },
            _ => {
                return Err(LabError::Words {
                    text: text.to_owned(),
                });
            }
        })
    }
}
