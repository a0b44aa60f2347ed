//! The daemon's own process as the kernel counts it. What cannot be read is left out, never shown as 0.

use std::path::Path;

/// Figures of this process.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Process {
    pub(super) cpu_seconds: Option<f64>,
    pub(super) resident_bytes: Option<f64>,
    pub(super) threads: Option<f64>,
    pub(super) open_files: Option<f64>,
    pub(super) open_files_max: Option<f64>,
    pub(super) udp_receive_buffer_errors: Option<f64>,
}

/// Reads them now.
pub(super) fn read() -> Process {
    let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let status = text("/proc/self/status");
    let (v4, v6) = (
        udp_v4(&text("/proc/self/net/snmp")),
        udp_v6(&text("/proc/self/net/snmp6")),
    );
    Process {
        cpu_seconds: cpu_seconds(),
        resident_bytes: field(&status, "VmRSS:").map(|kibibytes| kibibytes * 1024.0),
        threads: field(&status, "Threads:"),
        open_files: std::fs::read_dir("/proc/self/fd")
            .ok()
            .map(|entries| entries.count() as f64),
        open_files_max: nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE)
            .ok()
            .map(|(soft, _)| soft as f64),
        udp_receive_buffer_errors: v4.map(|v4| v4 + v6.unwrap_or(0.0)),
    }
}

/// Free bytes for an unprivileged writer where `directory` is.
pub(super) fn free_bytes(directory: &Path) -> Option<f64> {
    let disk = nix::sys::statvfs::statvfs(directory).ok()?;
    Some(disk.blocks_available() as f64 * disk.fragment_size() as f64)
}

fn cpu_seconds() -> Option<f64> {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF).ok()?;
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Some(seconds(usage.user_time()) + seconds(usage.system_time()))
}

fn field(status: &str, name: &str) -> Option<f64> {
    status
        .lines()
        .find_map(|line| line.strip_prefix(name))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

/// `RcvbufErrors` of the `Udp:` pair of lines: names, then values.
fn udp_v4(snmp: &str) -> Option<f64> {
    let mut lines = snmp.lines().filter_map(|line| line.strip_prefix("Udp: "));
    let place = lines
        .next()?
        .split_whitespace()
        .position(|name| name == "RcvbufErrors")?;
    lines.next()?.split_whitespace().nth(place)?.parse().ok()
}

fn udp_v6(snmp6: &str) -> Option<f64> {
    field(snmp6, "Udp6RcvbufErrors")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_texts_are_read_by_name() {
        let snmp = "Ip: Forwarding\nIp: 1\nUdp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\nUdp: 10 2 3 11 7 0\nUdpLite: InDatagrams\nUdpLite: 0\n";
        assert_eq!(udp_v4(snmp), Some(7.0));
        assert_eq!(udp_v4("Udp: InDatagrams\nUdp: 1\n"), None);
        assert_eq!(udp_v4(""), None);
        assert_eq!(
            udp_v6("Udp6InDatagrams \t5\nUdp6RcvbufErrors                \t4\n"),
            Some(4.0)
        );
        assert_eq!(
            field("VmRSS:\t   5120 kB\nThreads:\t9\n", "VmRSS:"),
            Some(5120.0)
        );
    }

    #[test]
    fn this_process_has_figures() {
        let process = read();
        assert!(process.resident_bytes.unwrap() > 100_000.0);
        assert!(process.open_files.unwrap() >= 1.0 && process.threads.unwrap() >= 1.0);
        assert!(process.cpu_seconds.is_some() && process.open_files_max.is_some());
        assert!(
            free_bytes(Path::new("/")).is_some() && free_bytes(Path::new("/nonexistent")).is_none()
        );
    }
}
