//! YAML as a tree of nodes that know where they stand.
