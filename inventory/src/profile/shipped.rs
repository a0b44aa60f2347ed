//! The files that ship with the program.

/// Names and texts of the shipped profiles.
pub(super) const FILES: &[(&str, &str)] =
    &[("generic.yaml", include_str!("../../profiles/generic.yaml"))];
