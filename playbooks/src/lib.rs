//! Playbook schema, rules and the run engine, pure.
