//! Books of health in the store: stays over a kill, samples over a restart, windows that are ended and never removed.

use jiff::{SignedDuration, Timestamp};
use nhipcau::store::{NewAudit, NewMaintenance, NewSample, NewStay, Retention, Store};
use serde_json::json;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).expect("a time")
}

fn stay(subject: &str, from: i64, standing: &'static str) -> NewStay {
    NewStay {
        kind: "device",
        subject: subject.to_owned(),
        from: at(from),
        standing,
        planned: false,
        reason: (standing != "up").then(|| json!({"code": "timeout", "args": {}})),
    }
}

#[tokio::test]
async fn what_a_killed_daemon_did_not_see_is_unknown() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("a.db");
    let store = Store::open(&path).expect("store");
    let stays = store.stays();
    stays
        .change(vec![stay("r1", 0, "up"), stay("r2", 0, "up")], at(0))
        .await
        .expect("first look");
    stays
        .change(vec![stay("r2", 50, "down")], at(60))
        .await
        .expect("one fell");
    stays.change(Vec::new(), at(90)).await.expect("looked");
    drop(store);
    // Killed here: nothing more was written. The next life begins an hour later.
    let store = Store::open(&path).expect("store");
    assert_eq!(store.stays().close_open().await.expect("closed"), 2);
    store
        .stays()
        .change(vec![stay("r1", 3_600, "up")], at(3_600))
        .await
        .expect("second life");
    let rows = store
        .stays()
        .within(None, None, at(0), at(7_200))
        .await
        .expect("rows");
    let seen: Vec<_> = rows
        .iter()
        .map(|row| (row.subject.as_str(), &*row.standing, row.from, row.to))
        .collect();
    assert_eq!(
        seen,
        [
            ("r1", "up", at(0), Some(at(90))),
            ("r1", "up", at(3_600), None),
            ("r2", "up", at(0), Some(at(50))),
            ("r2", "down", at(50), Some(at(90))),
        ]
    );
    let later = at(0)
        .checked_add(SignedDuration::from_hours(24 * 401))
        .expect("later");
    store
        .prune(Retention::default(), later)
        .await
        .expect("pruned");
    let rows = store.stays().within(None, None, at(0), at(7_200)).await;
    assert_eq!(rows.expect("rows").len(), 1, "what is open is never old");
}

#[tokio::test]
async fn samples_are_folded_line_by_line_and_leave_when_they_are_old() {
    let folder = tempfile::tempdir().expect("folder");
    let store = Store::open(&folder.path().join("a.db")).expect("store");
    let sample = |interface: &str, slot: i64| NewSample {
        device: "r1".into(),
        interface: interface.into(),
        slot,
        in_bps: Some(slot),
        out_bps: None,
    };
    let mut all: Vec<NewSample> = (0..10).map(|n| sample("Gi0/0", n * 300)).collect();
    all.push(sample("Gi0/1", 300));
    // The same slot once more, after a restart: the later one holds.
    all.push(NewSample {
        in_bps: Some(7),
        ..sample("Gi0/1", 300)
    });
    store.samples().append(all).await.expect("kept");
    let sums = store
        .samples()
        .fold(300, 900, |samples| {
            samples.iter().filter_map(|s| s.1).sum::<i64>()
        })
        .await
        .expect("folded");
    let key = |interface: &str| ("r1".to_owned(), interface.to_owned());
    assert_eq!(sums.get(&key("Gi0/0")), Some(&900));
    assert_eq!(sums.get(&key("Gi0/1")), Some(&7));
    assert_eq!(store.samples().prune(1_500).await.expect("pruned"), 6);
    let left = store
        .samples()
        .fold(0, 10_000, |samples| samples.len())
        .await
        .expect("folded");
    assert_eq!(
        left.len(),
        1,
        "a line without samples is forgotten: {left:?}"
    );
}

#[tokio::test]
async fn a_window_is_ended_and_stays_in_the_book() {
    let folder = tempfile::tempdir().expect("folder");
    let store = Store::open(&folder.path().join("a.db")).expect("store");
    let entry = |action: &'static str| NewAudit {
        at: at(0),
        actor: "truc".into(),
        address: "127.0.0.1".into(),
        action,
        subject: String::new(),
        detail: String::new(),
    };
    let new = NewMaintenance {
        title: "=cmd|x".into(),
        note: String::new(),
        scopes: json!([{"kind": "site", "id": "tinh"}]),
        starts_at: at(0),
        ends_at: at(3_600),
        recurrence: Some(json!({"every": "week", "interval": 1})),
        created_by: "Trực".into(),
        created_at: at(-60),
    };
    let windows = store.maintenance();
    let row = windows
        .create(new, entry("maintenance.announced"))
        .await
        .expect("kept");
    let ended = windows
        .end(
            row.id,
            Some(at(0)),
            at(600),
            "Trực",
            entry("maintenance.ended"),
        )
        .await
        .expect("ended");
    assert_eq!(
        (ended.ended, ended.ended_at),
        (vec![(at(0), at(600))], None)
    );
    let ended = windows
        .end(row.id, None, at(700), "Trực", entry("maintenance.ended"))
        .await
        .expect("ended");
    assert_eq!(ended.ended_at, Some(at(700)));
    let again = windows
        .end(row.id, None, at(900), "Khác", entry("maintenance.ended"))
        .await
        .expect("again");
    assert_eq!(again.ended_at, Some(at(700)), "what has ended stays ended");
    assert_eq!(windows.list().await.expect("list").len(), 1);
    assert!(windows.end(99, None, at(0), "x", entry("x")).await.is_err());
}
