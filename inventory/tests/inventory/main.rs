//! The crate from outside: simulated agents, recordings of real ones, and stories told with a clock that is handed in.

mod adjacency;
mod agent;
mod bench;
mod conditions;
mod corpora;
mod cost;
mod discovery;
mod export;
mod families;
mod golden;
mod hostile;
mod kind;
mod maintenance;
mod network;
mod oracle;
mod polls;
mod profiles;
mod rules;
mod simulated;
mod story;
mod topology;
