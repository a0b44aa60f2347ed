//! What the child takes from itself before it reads a byte of anybody's media.

use rustix::process::{Resource, Rlimit, nice, setrlimit};

/// Address space in bytes. A 720p recording of three voices reserves 0.9 GiB (thread stacks and malloc arenas; 60 MB of
/// it are touched); a decoder that is led to allocate without end meets this wall instead of the machine's.
const ADDRESS_SPACE_BYTES: u64 = 4 << 30;
/// Open files: three standard ones, two of ours, a few per pipeline for its bus.
const FILES: u64 = 512;
/// The bridge's packet path comes first on a loaded machine.
const NICENESS: i32 = 5;

/// Applies the limits. Each only tightens what the system gave; one that the system refuses is reported on stderr,
/// and the recording goes on, because a meeting's record is worth more than the second fence.
pub(super) fn apply() {
    let limit = |most| Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    let done = [
        (
            "address space",
            setrlimit(Resource::As, limit(ADDRESS_SPACE_BYTES)),
        ),
        ("core", setrlimit(Resource::Core, limit(0))),
        ("open files", setrlimit(Resource::Nofile, limit(FILES))),
        ("niceness", nice(NICENESS).map(|_| ())),
        ("new privileges", rustix::thread::set_no_new_privs(true)),
    ];
    for (what, result) in done {
        if let Err(error) = result {
            super::report::complain(format_args!("limit {what}: {error}"));
        }
    }
}
