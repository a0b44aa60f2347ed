//! The one binary, nhipcau.
