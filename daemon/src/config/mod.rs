//! The configuration: one YAML file and `conf.d/*.yaml` beside it, read strictly, every mistake reported with its place.

mod model;

pub use model::*;
