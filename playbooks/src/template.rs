//! Text with placeholders for fields of the event.

/// Literal text and placeholders.
#[derive(Clone, Debug)]
pub(crate) struct Template {}
