//! A full disk: the daemon says so, goes on watching, and loses nothing that it acknowledged.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use nhipcau_tests::client::Client;
use nhipcau_tests::daemon::{Daemon, Setup};
use nhipcau_tests::snmp::{COMMUNITY, Snmpd};
use nhipcau_tests::{skipped, wait};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use serde_json::json;

/// A small file system of its own, unmounted with the test.
struct Small(PathBuf);

impl Small {
    fn mounted(folder: &Path) -> Option<Self> {
        let path = folder.join("disk");
        fs::create_dir(&path).expect("a folder");
        if let Err(error) = mount(
            Some("tmpfs"),
            &path,
            Some("tmpfs"),
            MsFlags::empty(),
            Some("size=12m,mode=0700"),
        ) {
            skipped(&format!(
                "a small file system cannot be mounted here ({error}); root can"
            ));
            return None;
        }
        Some(Self(path))
    }

    /// Fills it to the last byte; the file to be removed again.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .expect("a file");
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![0x55; size]).is_ok() {}
        }
        path
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

/// Books a conference; whether it was acknowledged.
fn book(admin: &Client, title: &str) -> bool {
    let input = json!({
        "title": title, "starts_at": "2031-01-02T01:00:00Z", "ends_at": "2031-01-02T02:00:00Z",
        "chair_site": "tinh", "sites": ["xa"], "accept_conflicts": true,
    });
    admin.post("/conferences", &input).status == 200
}

#[test]
fn a_full_disk_stops_bookings_and_not_the_watch() {
    let Some(agent) = Snmpd::start(1) else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(small) = Small::mounted(folder.path()) else {
        return;
    };
    let config = format!(
        "credentials: [{{name: cd, version: v2c, community: \"env:COMMUNITY\"}}]\ndevices: [{{id: may, address: \"{}\", credentials: [cd], poll: 5s}}]\n\
         sites: [{{id: tinh, name: \"Tỉnh\"}}, {{id: xa, name: \"Xã\", parent: tinh}}]\n",
        agent.address(0)
    );
    let env = vec![("COMMUNITY".to_owned(), COMMUNITY.to_owned())];
    let mut daemon = Daemon::start(Setup {
        config,
        env,
        state_dir: Some(small.0.join("state")),
        ..Setup::default()
    });
    let admin = daemon.admin();
    let mut acknowledged: BTreeSet<String> = BTreeSet::new();
    let mut try_booking = |title: String| {
        let taken = book(&admin, &title);
        if taken {
            acknowledged.insert(title);
        }
        taken
    };
    assert!(try_booking("trước khi đầy".to_owned()));
    wait::until("the device is watched", || {
        (daemon.metric("nhipcau_device_up", &["device=\"may\""]) == 1.0).then_some(())
    });

    let filler = small.fill();
    let mut number = 0;
    wait::until("a booking is refused", || {
        number += 1;
        small.fill();
        (!try_booking(format!("đầy {number}"))).then_some(())
    });
    let overview = wait::until("the first page says so", || {
        Some(admin.get("/overview")).filter(|overview| overview["daemon"]["disk_ok"] == false)
    });
    assert!(
        overview["daemon"]["notices"]
            .to_string()
            .contains("disk_full"),
        "{overview}"
    );
    assert_eq!(daemon.client().read("/healthz").status, 503);

    let requests = || daemon.metric("nhipcau_poll_requests_total", &["device=\"may\""]);
    let before = requests();
    wait::until("polls go on", || (requests() > before).then_some(()));
    assert_eq!(daemon.metric("nhipcau_device_up", &["device=\"may\""]), 1.0);
    assert_ne!(admin.get("/devices/may")["health"], "unknown");

    fs::remove_file(filler).expect("the filler goes");
    wait::until("a booking is taken again", || {
        number += 1;
        try_booking(format!("lại trống {number}")).then_some(())
    });
    wait::until("the first page says so", || {
        (admin.get("/overview")["daemon"]["disk_ok"] == true).then_some(())
    });
    wait::until("/healthz is well again", || {
        (daemon.client().read("/healthz").status == 200).then_some(())
    });

    daemon.kill();
    daemon.restart();
    let rows = admin.get("/conferences?from=2031-01-01T00:00:00Z&to=2031-01-03T00:00:00Z");
    let there: BTreeSet<String> = rows
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| row["title"].as_str().expect("a title").to_owned())
        .collect();
    assert!(
        acknowledged.is_subset(&there),
        "{:?}",
        acknowledged.difference(&there)
    );
}
