//! A simulated province as real SNMP agents on loopback.
//!
//! Every device of the province (the data center of Quảng Nam's plan of 2020, 18 regional routers, the
//! commune routers behind them) is one UDP socket with an address of its own, `127.x.y.z`, and answers v1,
//! v2c and v3 (authPriv) the way its family does. Counters move, sensors drift, links break on demand.
//!
//! Nothing ticks: every value is a closed formula of the time since the device started, so that a hundred
//! idle agents cost no CPU.
//!
//! ```no_run
//! # async fn demo() -> Result<(), nhipcau_lab::LabError> {
//! let lab = nhipcau_lab::Lab::start(nhipcau_lab::LabConfig::default()).await?;
//! println!("{}", lab.configuration());
//! lab.break_link("isr4431--r-tam-ky")?;
//! lab.heal("all")?;
//! lab.stop().await;
//! # Ok(()) }
//! ```

mod agent;
mod ber;
mod config;
mod configuration;
mod crowd;
mod device;
mod error;
mod family;
mod fault;
mod lab;
mod mib;
mod names;
mod notify;
mod plan;
mod replay;
mod serve;
mod sketch;
mod table;
mod usm;
mod view;
mod wave;

pub use config::{LabConfig, LabUser, Notification};
pub use crowd::{Crowd, CrowdConfig};
pub use error::LabError;
pub use fault::{Fault, Faults};
pub use lab::Lab;
pub use names::COMMUNES_MAX;
pub use replay::{Replay, ReplayAgent};
pub use view::{LabDevice, LabLink, LabList, LinkState};
