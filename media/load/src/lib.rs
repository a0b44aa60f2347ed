//! Synthetic sites: many real peers (ICE, DTLS, SRTP) in one light process, and what arrived at them.
//!
//! `nhipcau load` and the benchmarks are made of it. Cameras and microphones are synthetic, in the sizes and at the times of real ones;
//! nothing is encoded or decoded. What judges (pictures, sound, waits) knows no clock and is tested under simulated time.

mod fleet;
mod histogram;
mod picture;
mod plan;
mod report;
mod run;
mod seat;
mod signal;
mod sound;
mod source;
mod stamp;

pub use fleet::{Fleet, SEATS_MAX, SeatOptions};
pub use histogram::{Histogram, Quantiles};
pub use nhipcau_media_rtc::client::{ClientError, LineOptions, Shape, pin_thread};
pub use picture::{PacketFacts, Pictures, Shown};
pub use plan::{LENGTH_MAX, PEERS_MAX, Plan, TILES_MAX, Target};
pub use report::{Report, WaitReport};
pub use run::{LoadError, run};
pub use seat::{WAITS, Wait};
pub use sound::Sound;
pub use source::{AudioPacket, Camera, CameraShape, Dice, LayerShape, Microphone, VideoPacket};
pub use stamp::{Stamp, WallClock};
