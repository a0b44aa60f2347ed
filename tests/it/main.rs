//! The daemon held against real programs and bad input.

mod tidy;
