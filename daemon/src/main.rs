//! The command line of `nhipcau`.

fn main() {}
