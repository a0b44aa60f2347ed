//! Announced work: measured and shown as ever, told to nobody, and what is left broken is told at its end. And the standing of
//! everything for the account of a month.

use std::time::Duration;

use nhipcau_inventory::availability::Standing;
use nhipcau_inventory::watch::{Event, EventKind, Input, Scope, Subject, Window};
use nhipcau_inventory::{DeviceId, Health, InterfaceRef};

use crate::story::Province;

/// Events since the last call: told, and kept quiet by a window (what stands behind a cause is left out).
fn events(province: &mut Province) -> (Vec<Event>, Vec<Event>) {
    std::mem::take(&mut province.network.events)
        .into_iter()
        .filter(|e| e.kind != EventKind::Trap && e.held_back_by.is_none())
        .partition(|e| e.maintenance.is_none())
}

fn kinds(events: &[Event]) -> Vec<EventKind> {
    events.iter().map(|e| e.kind).collect()
}

fn announce(province: &mut Province, scope: Scope, from: u64, seconds: u64) {
    let from = province.network.now + Duration::from_secs(from);
    let window = Window {
        id: 7,
        scope,
        from,
        until: from + Duration::from_secs(seconds),
    };
    province.network.tell(Input::Maintenance(vec![window]));
}

fn break_line(province: &mut Province, up: bool) {
    province.oper("district", 2, if up { 1 } else { 2 });
    let mut broken = province.broken.borrow_mut();
    if up {
        broken.clear();
    } else {
        broken.insert(("district", "commune-a"));
    }
}

fn standing(province: &Province, subject: &Subject) -> (Standing, bool) {
    let all = province.watch().standings(province.network.now);
    let found = all.iter().find(|s| s.subject == *subject).unwrap();
    (found.standing, found.planned)
}

#[test]
fn what_breaks_and_heals_within_a_window_is_told_to_nobody() {
    let mut province = Province::new();
    province.run(70);
    events(&mut province);
    announce(&mut province, Scope::Site("xa-a".into()), 0, 3_600);
    break_line(&mut province, false);
    province.run(120);
    let (told, quiet) = events(&mut province);
    assert_eq!(kinds(&told), []);
    assert_eq!(kinds(&quiet), [EventKind::LinkDown]);
    let incidents = province.watch().incidents();
    assert_eq!(incidents.len(), 1, "it is shown");
    assert!(
        province
            .watch()
            .maintenance_of_incident(&incidents[0])
            .is_some()
    );
    // The truth is measured: the site is cut off, on purpose.
    let site = province.watch().site(&"xa-a".into()).unwrap();
    assert_eq!(site.health, Health::Critical);
    let line = Subject::Link(InterfaceRef::new("district", "Gi0/1"));
    assert_eq!(standing(&province, &line), (Standing::Down, true));
    for (subject, expected) in [
        (Subject::Site("xa-a".into()), (Standing::Down, true)),
        (
            Subject::Device("commune-a".into()),
            (Standing::Behind, true),
        ),
        (Subject::Site("xa-b".into()), (Standing::Up, false)),
        (Subject::Device("core".into()), (Standing::Up, false)),
    ] {
        assert_eq!(standing(&province, &subject), expected, "{subject:?}");
    }
    break_line(&mut province, true);
    province.run(120);
    let (told, quiet) = events(&mut province);
    assert_eq!(kinds(&told), [], "nobody heard that it was gone");
    assert_eq!(kinds(&quiet), [EventKind::LinkUp]);
    province.run(4_000);
    assert_eq!(kinds(&events(&mut province).0), []);
}

#[test]
fn what_is_still_broken_when_the_window_ends_is_told_then() {
    let mut province = Province::new();
    province.run(70);
    events(&mut province);
    announce(
        &mut province,
        Scope::Device(DeviceId::from("district")),
        0,
        600,
    );
    break_line(&mut province, false);
    province.run(500);
    assert_eq!(kinds(&events(&mut province).0), []);
    province.run(101);
    let (told, _) = events(&mut province);
    assert_eq!(kinds(&told), [EventKind::LinkDown]);
    assert_eq!(told[0].interface.as_deref(), Some("Gi0/1"));
    assert_eq!(told[0].sites, ["xa-a".into()]);
    province.run(300);
    assert_eq!(kinds(&events(&mut province).0), [], "once");
    break_line(&mut province, true);
    province.run(60);
    assert_eq!(kinds(&events(&mut province).0), [EventKind::LinkUp]);
}

#[test]
fn a_window_that_is_ended_early_tells_at_once() {
    let mut province = Province::new();
    province.run(70);
    let line = InterfaceRef::new("commune-a", "Gi0/0");
    // Named by its other end.
    announce(&mut province, Scope::Link(line), 0, 3_600);
    break_line(&mut province, false);
    province.run(60);
    events(&mut province);
    province.network.tell(Input::Maintenance(Vec::new()));
    assert_eq!(kinds(&events(&mut province).0), [EventKind::LinkDown]);
}

#[test]
fn the_end_of_what_was_told_before_the_window_is_told_within_it() {
    let mut province = Province::new();
    province.run(70);
    events(&mut province);
    break_line(&mut province, false);
    province.run(60);
    assert_eq!(kinds(&events(&mut province).0), [EventKind::LinkDown]);
    announce(&mut province, Scope::Site("tinh".into()), 0, 3_600);
    break_line(&mut province, true);
    province.run(60);
    let (told, _) = events(&mut province);
    assert_eq!(kinds(&told), [EventKind::LinkUp]);
    // And what breaks anew is quiet again.
    break_line(&mut province, false);
    province.run(60);
    assert_eq!(kinds(&events(&mut province).0), []);
}

#[test]
fn a_window_that_has_not_begun_holds_nothing_back() {
    let mut province = Province::new();
    province.run(70);
    events(&mut province);
    announce(&mut province, Scope::Site("tinh".into()), 600, 600);
    break_line(&mut province, false);
    province.run(60);
    assert_eq!(kinds(&events(&mut province).0), [EventKind::LinkDown]);
    let line = Subject::Link(InterfaceRef::new("district", "Gi0/1"));
    assert_eq!(standing(&province, &line), (Standing::Down, false));
    province.run(600);
    assert_eq!(standing(&province, &line), (Standing::Down, true));
}

#[test]
fn a_device_that_fell_silent_stands_down_since_its_first_silent_poll() {
    let mut province = Province::new();
    province.run(70);
    let fell = province.network.now;
    province.dead.borrow_mut().insert("commune-b");
    province.run(120);
    let all = province.watch().standings(province.network.now);
    let found = all
        .iter()
        .find(|s| s.subject == Subject::Device("commune-b".into()))
        .unwrap();
    assert_eq!((found.standing, found.planned), (Standing::Down, false));
    let since = found.since.unwrap();
    assert!(since >= fell && since <= fell + Duration::from_secs(31));
    province.dead.borrow_mut().clear();
    province.run(60);
    let device = Subject::Device("commune-b".into());
    assert_eq!(standing(&province, &device), (Standing::Up, false));
}
