//! Who receives what: rooms, tracks, layers, keyframes and rewriting, pure.
