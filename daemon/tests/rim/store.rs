use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use nhipcau::store::{
    DeviceFacts, NewAudit, NewEvent, NewTrap, Retention, SiteRow, Store, StoreError,
};
use serde_json::json;

fn event(number: u64, text: &str) -> NewEvent {
    NewEvent {
        at: Timestamp::UNIX_EPOCH
            + SignedDuration::from_secs(i64::try_from(number).expect("small")),
        kind: "link_down".to_owned(),
        health: "critical".to_owned(),
        device: Some(format!("r{}", number / 86_400 % 3)),
        device_name: None,
        interface: None,
        site: None,
        reason: json!({ "code": "link_down", "args": { "text": text } }),
        held_back_by: None,
    }
}

fn open(folder: &Path) -> Store {
    Store::open(&folder.join("nhipcau.db")).expect("the store opens")
}

/// Not a test of its own: the process that `nothing_acknowledged_is_lost_by_a_kill` kills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by another test"]
async fn child_that_writes() {
    let Some(path) = std::env::var_os("NHIPCAU_TEST_CHILD") else {
        return;
    };
    let store = Store::open(Path::new(&path)).expect("the store opens");
    let writers: Vec<_> = (0..8_u64)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                // Bounded: the parent kills long before.
                for number in 0..100_000 {
                    let ids = store
                        .events()
                        .append(vec![event(number, "x"); 3])
                        .await
                        .expect("append");
                    let mut out = std::io::stdout().lock();
                    for id in ids {
                        writeln!(out, "kept {id}").expect("the parent reads");
                    }
                    out.flush().expect("the parent reads");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("writer");
    }
}

#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "the test kills a copy of itself")]
async fn nothing_acknowledged_is_lost_by_a_kill() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("nhipcau.db");
    let mut kept = BTreeSet::new();
    for round in 0..8 {
        let mut child = Command::new(std::env::current_exe().expect("the test itself"))
            .args([
                "store::child_that_writes",
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .env("NHIPCAU_TEST_CHILD", &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the child starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut seen = 0;
        for line in lines {
            let Ok(line) = line else { break };
            // The last line may be cut by the kill: a number counts only when whole lines follow or it ends as written.
            if let Some(id) = line
                .strip_prefix("kept ")
                .and_then(|id| id.parse::<i64>().ok())
            {
                kept.insert(id);
                seen += 1;
            }
            if seen == 50 + round * 40 {
                child.kill().expect("SIGKILL");
            }
        }
        child.wait().expect("the child is gone");
        assert!(seen >= 50, "the child wrote only {seen} rows");
        let store = Store::open(&path).expect("opens after the kill");
        let mut found = BTreeSet::new();
        let mut before = None;
        loop {
            let page = store.events().page(before, 1000, None).await.expect("page");
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            found.extend(page.iter().map(|row| row.id));
        }
        let lost: Vec<_> = kept.difference(&found).collect();
        assert!(
            lost.is_empty(),
            "round {round}: acknowledged and lost: {lost:?}"
        );
    }
}

/// A file system of 3 MiB; unmounted at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    #[allow(
        clippy::disallowed_methods,
        reason = "only mount(8) makes a small disk"
    )]
    fn mount(folder: &Path) -> Option<Self> {
        let place = folder.join("disk");
        std::fs::create_dir(&place).expect("folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"])
            .arg(&place)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        mounted.then_some(Self(place))
    }
}

impl Drop for SmallDisk {
    #[allow(clippy::disallowed_methods, reason = "only umount(8) takes it away")]
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_said_and_survived() {
    let folder = tempfile::tempdir().expect("folder");
    let Some(disk) = SmallDisk::mount(folder.path()) else {
        #[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
        {
            eprintln!("SKIPPED: a_full_disk_is_said_and_survived needs the right to mount a tmpfs");
        }
        return;
    };
    let store = open(&disk.0);
    let first = store
        .events()
        .append(vec![event(1, "before")])
        .await
        .expect("there is room");
    let ballast = disk.0.join("ballast");
    let mut file = std::fs::File::create(&ballast).expect("ballast");
    while file.write_all(&[0; 4096]).is_ok() {}
    drop(file);
    let big = "x".repeat(20_000);
    let mut kept = first;
    let error = loop {
        match store.events().append(vec![event(2, &big)]).await {
            Ok(ids) => kept.extend(ids),
            Err(error) => break error,
        }
        assert!(kept.len() < 1_000, "the disk does not fill");
    };
    assert_eq!(error, StoreError::Full);
    assert!(!store.disk_ok(), "the latch is set");
    let page = store
        .events()
        .page(None, 1000, None)
        .await
        .expect("reading goes on");
    assert_eq!(
        page.len(),
        kept.len(),
        "what was acknowledged is there, what was refused is not"
    );
    std::fs::remove_file(&ballast).expect("room again");
    let again = store
        .events()
        .append(vec![event(3, "after")])
        .await
        .expect("there is room again");
    assert!(store.disk_ok(), "the latch is released");
    drop(store);
    let reopened = open(&disk.0);
    let found: BTreeSet<i64> = reopened
        .events()
        .page(None, 1000, None)
        .await
        .expect("page")
        .iter()
        .map(|row| row.id)
        .collect();
    assert!(kept.iter().chain(&again).all(|id| found.contains(id)));
}

#[tokio::test]
async fn one_bad_write_takes_no_other_with_it() {
    let folder = tempfile::tempdir().expect("folder");
    let store = open(folder.path());
    let site = |id: &str, parent: Option<&str>| SiteRow {
        id: id.to_owned(),
        name: "Xã Trà Giang".to_owned(),
        kind: "commune".to_owned(),
        parent: parent.map(str::to_owned),
        agency_code: None,
        uplink: None,
        capacity_bps: None,
        phone: None,
    };
    let audit = || NewAudit {
        at: Timestamp::UNIX_EPOCH,
        actor: "lan".to_owned(),
        address: "192.0.2.1".to_owned(),
        action: "site.created",
        subject: String::new(),
        detail: String::new(),
    };
    let sites = store.sites();
    // All wait in the queue together: one commit.
    let (a, b, bad, c) = tokio::join!(
        sites.create(site("a", None), audit()),
        sites.create(site("b", Some("a")), audit()),
        sites.create(site("x", Some("nowhere")), audit()),
        sites.create(site("c", Some("b")), audit()),
    );
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(bad, Err(StoreError::Refused("unknown_site")));
    let names: Vec<String> = sites
        .list()
        .await
        .expect("list")
        .into_iter()
        .map(|site| site.id)
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(
        store.audit().page(None, 10).await.expect("audit").len(),
        3,
        "a refused change is not in the log"
    );
    assert_eq!(
        sites.update(site("a", Some("c")), audit()).await,
        Err(StoreError::Refused("site_cycle"))
    );
    assert_eq!(
        sites.delete("a", Timestamp::UNIX_EPOCH, audit()).await,
        Err(StoreError::Refused("site_has_children"))
    );
    sites
        .delete("c", Timestamp::UNIX_EPOCH, audit())
        .await
        .expect("a leaf goes");
    let seeds = vec![
        site("d", Some("e")),
        site("e", Some("a")),
        site("c", None),
        site("a", Some("d")),
    ];
    assert_eq!(
        sites.seed(seeds).await,
        Ok(2),
        "children before parents; deleted and edited sites stay as they are"
    );
    let names: Vec<String> = sites
        .list()
        .await
        .expect("list")
        .into_iter()
        .map(|site| site.id)
        .collect();
    assert_eq!(names, ["a", "b", "d", "e"]);
}

#[tokio::test]
async fn a_repeated_inform_is_kept_once() {
    let folder = tempfile::tempdir().expect("folder");
    let store = open(folder.path());
    let trap = |inform: Option<&str>| NewTrap {
        at: Timestamp::UNIX_EPOCH,
        source: "127.20.0.1:161".to_owned(),
        device: None,
        inform_id: inform.map(str::to_owned),
        authenticated: true,
        name: "linkDown".to_owned(),
        varbinds: json!([]),
    };
    store
        .traps()
        .append(vec![
            (trap(None), None),
            (trap(None), Some(event(0, "trap"))),
        ])
        .await
        .expect("append");
    for (inform, fresh) in [("a", true), ("a", false), ("b", true)] {
        let kept = store
            .traps()
            .append_inform(trap(Some(inform)), Some(event(0, inform)))
            .await;
        assert_eq!(kept.expect("append"), fresh, "{inform}");
    }
    let traps = store.traps().page(None, 10, None).await.expect("page");
    assert_eq!(traps.len(), 4);
    // The event stands as soon as the inform does, and once.
    let events = store.events().page(None, 10, None).await.expect("page");
    assert_eq!(events.len(), 3);
}

#[tokio::test]
async fn caps_by_rows_and_by_age() {
    let folder = tempfile::tempdir().expect("folder");
    let store = open(folder.path());
    let day = |n: u64| event(n * 86_400, "x");
    store
        .events()
        .append((0..100).map(day).collect())
        .await
        .expect("append");
    let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 100);
    let caps = Retention {
        rows_max: 30,
        age_max: SignedDuration::from_hours(24 * 50),
        ..Retention::default()
    };
    let pruned = store.prune(caps, now).await.expect("prune");
    assert!(!pruned.more);
    let left = store.events().page(None, 1000, None).await.expect("page");
    assert_eq!(left.len(), 30);
    assert_eq!(left[0].id, 100, "the newest stay");
    assert_eq!(store.prune(caps, now).await.expect("prune").rows, 0);
    let devices = store
        .events()
        .page(None, 1000, Some("r1"))
        .await
        .expect("page");
    assert!(
        !devices.is_empty()
            && devices
                .iter()
                .all(|row| row.event.device.as_deref() == Some("r1"))
    );
}

#[tokio::test]
async fn a_backup_opens_and_has_everything() {
    let folder = tempfile::tempdir().expect("folder");
    let store = open(folder.path());
    store
        .events()
        .append(vec![event(1, "Xã Trà Giang"); 10])
        .await
        .expect("append");
    let copy = folder.path().join("copy.db");
    store.backup(&copy).await.expect("backup");
    assert!(store.backup(&copy).await.is_err(), "nothing is overwritten");
    let restored = Store::open(&copy).expect("opens");
    let page = restored.events().page(None, 100, None).await.expect("page");
    assert_eq!(page.len(), 10);
    assert_eq!(page[0].event.reason["args"]["text"], "Xã Trà Giang");
}

#[tokio::test]
async fn changed_facts_are_history_and_first_ones_are_not() {
    let folder = tempfile::tempdir().expect("folder");
    let store = open(folder.path());
    let facts = |pairs: &[(&str, &str)]| -> DeviceFacts {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    let seen = store.devices_seen();
    let at = Timestamp::UNIX_EPOCH;
    let first = seen
        .put("r1", facts(&[("serial", "A"), ("model", "ISR4431")]), at)
        .await
        .expect("put");
    assert!(first.is_empty());
    let second = seen
        .put("r1", facts(&[("serial", "B"), ("version", "17")]), at)
        .await
        .expect("put");
    let said: Vec<_> = second
        .iter()
        .map(|c| (c.what.as_str(), c.old.as_deref(), c.new.as_deref()))
        .collect();
    assert_eq!(
        said,
        [
            ("model", Some("ISR4431"), None),
            ("serial", Some("A"), Some("B")),
            ("version", None, Some("17"))
        ]
    );
    assert_eq!(seen.history("r1", 10).await.expect("history").len(), 3);
    let flood = (0..5000).map(|n| (n.to_string(), String::new())).collect();
    assert_eq!(
        seen.put("r1", flood, at).await,
        Err(StoreError::Refused("too_many_facts"))
    );
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("nhipcau.db");
    std::fs::write(&path, [b'x'; 8192]).expect("write");
    assert!(matches!(Store::open(&path), Err(StoreError::Corrupt(_))));
}
