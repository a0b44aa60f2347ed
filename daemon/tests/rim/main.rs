//! The daemon's rim, tested from outside: the store against kills and full disks, the web against real connections.
#![allow(missing_docs, reason = "tests are named by what they show")]

mod client;
mod exports;
mod pages;
mod passes;
mod people;
mod room_links;
mod server;
mod store;
mod upkeep;
