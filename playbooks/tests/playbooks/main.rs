//! Playbooks: what is refused, what an event starts, and what a crash leaves behind.

mod bench;
mod crash;
mod reading;
mod running;
mod safety;
