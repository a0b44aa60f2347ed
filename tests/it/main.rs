//! The daemon held against real programs and bad input.

mod crash;
mod datagrams;
mod discovery;
mod disk;
mod export;
mod exposition;
mod hostile_agent;
mod hostile_text;
mod load;
mod notifications;
mod pictures;
mod playbooks;
mod rfc9725;
mod secrets;
mod settings;
mod snmpd;
mod tidy;
mod whip;
