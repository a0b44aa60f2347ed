//! CEL expressions over the event.

/// A checked expression.
#[derive(Clone, Debug)]
pub(crate) struct Condition {}
