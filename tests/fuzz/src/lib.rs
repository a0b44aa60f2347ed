//! What several targets share.

/// The pieces of an input, each with its length in two bytes; the last may be cut.
pub fn pieces(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (head, tail) = rest.split_at_checked(2)?;
        let length = usize::from(u16::from_be_bytes([head[0], head[1]])).min(tail.len());
        let (piece, after) = tail.split_at(length);
        rest = after;
        Some(piece)
    })
}

/// Lets a panic be caught, as the bridge catches those of the libraries for SDP and DTLS: libFuzzer's hook would end the process
/// before. A panic that nobody catches still ends it.
pub fn forgive_caught_panics() {
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
}
