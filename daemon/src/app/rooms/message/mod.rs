//! What a room page and the daemon say to each other over their WebSocket. `PROTOCOL.md` describes every message.

mod page;
mod server;

pub(crate) use page::{PageMessage, Shown, Track};
pub(crate) use server::{IceServer, ServerMessage, Slot, SlotCounts, Withheld};
