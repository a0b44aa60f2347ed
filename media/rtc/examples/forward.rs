//! Packets that one core forwards: prints JSON lines.
fn main() {}
