//! Who shares what, and how much picture a site takes.

use nhipcau_conference::{
    Actor, Code, Command, Input, Mode, Now, Output, Participant, Role, Room, RoomTerms, SeatId,
    ShareRule,
};

use crate::clock::{MORNING, later, start};
use crate::room::{drain, join_as, room, seat};

fn share(
    room: &mut Room,
    seat: SeatId,
    slides: bool,
    document: bool,
    now: Now,
) -> Result<(), Code> {
    room.handle_input(
        Input::Share {
            seat,
            slides,
            document,
        },
        now,
    )
}

fn command(room: &mut Room, command: Command, now: Now) {
    let by = Actor::Host("Chị Hoa".to_owned());
    room.handle_input(Input::Command { by, command }, now)
        .expect("the host commands");
}

fn shares(outputs: &[Output]) -> Vec<(SeatId, bool, bool, Option<&str>)> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Shares {
                seat,
                slides,
                document,
                by,
            } => Some((*seat, *slides, *document, by.as_deref())),
            _ => None,
        })
        .collect()
}

fn modes(outputs: &[Output]) -> Vec<(SeatId, Mode, Option<&str>)> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Mode { seat, mode, by } => Some((*seat, *mode, by.as_deref())),
            _ => None,
        })
        .collect()
}

fn one(room: &Room, seat: SeatId) -> Participant {
    room.participant(seat).expect("a seat")
}

#[test]
fn one_screen_at_a_time_and_the_chair_takes_over_aloud() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    let chair = seat(&mut room, 1, "ubnd", Role::Chair, t0);
    let first = seat(&mut room, 2, "son-my", Role::Delegate, t0);
    let second = seat(&mut room, 3, "tinh-khe", Role::Delegate, t0);
    share(&mut room, first, true, false, t0).expect("free");
    assert_eq!(shares(&drain(&mut room)), [(first, true, false, None)]);
    assert_eq!(
        share(&mut room, second, true, false, t0),
        Err(Code::ShareTaken)
    );
    share(&mut room, second, false, true, t0).expect("paper is another thing");
    share(&mut room, chair, true, false, t0).expect("the chair takes over");
    assert_eq!(
        shares(&drain(&mut room)),
        [
            (second, false, true, None),
            (first, false, false, Some("Người 1")),
            (chair, true, false, None)
        ]
    );
    assert!(one(&room, second).document && one(&room, chair).slides);
    command(&mut room, Command::StopShare(chair), t0);
    assert_eq!(
        shares(&drain(&mut room)),
        [(chair, false, false, Some("Chị Hoa"))]
    );
}

#[test]
fn who_is_not_connected_holds_no_screen_against_others() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    let first = seat(&mut room, 2, "son-my", Role::Delegate, t0);
    let second = seat(&mut room, 3, "tinh-khe", Role::Delegate, t0);
    share(&mut room, first, true, false, t0).expect("free");
    room.handle_input(Input::MediaSilent(first), t0)
        .expect("silent");
    share(&mut room, second, true, false, t0).expect("nobody sees the other any more");
    assert!(!one(&room, first).slides);
}

#[test]
fn the_host_says_who_may_share() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    let chair = seat(&mut room, 1, "ubnd", Role::Chair, t0);
    let first = seat(&mut room, 2, "son-my", Role::Delegate, t0);
    let watcher = seat(&mut room, 3, "tinh-khe", Role::Viewer, t0);
    assert_eq!(
        share(&mut room, watcher, true, false, t0),
        Err(Code::ShareNotAllowed)
    );
    command(&mut room, Command::Sharing(ShareRule::Several), t0);
    share(&mut room, first, true, false, t0).expect("several");
    share(&mut room, chair, true, false, t0).expect("several");
    assert!(one(&room, first).slides && one(&room, chair).slides);
    drain(&mut room);
    command(&mut room, Command::Sharing(ShareRule::Hosts), t0);
    assert_eq!(
        shares(&drain(&mut room)),
        [(first, false, false, Some("Chị Hoa"))]
    );
    assert_eq!(
        share(&mut room, first, true, false, t0),
        Err(Code::ShareNotAllowed)
    );
    assert!(one(&room, chair).slides);
}

#[test]
fn the_least_of_chosen_and_imposed_holds_and_says_by_whom() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    let site = seat(&mut room, 2, "son-my", Role::Delegate, t0);
    share(&mut room, site, true, false, t0).expect("free");
    drain(&mut room);
    let mut mode = |input: Input| {
        room.handle_input(input, t0).expect("a mode");
        let told = modes(&drain(&mut room))
            .iter()
            .map(|(_, mode, by)| (*mode, by.map(str::to_owned)))
            .collect::<Vec<_>>();
        let shown = one(&room, site);
        assert_eq!(told, [(shown.mode, shown.mode_by)]);
        (shown.mode, shown.slides)
    };
    let choose = |mode| Input::Mode { seat: site, mode };
    let impose = |mode| Input::Command {
        by: Actor::Host("Chị Hoa".to_owned()),
        command: Command::SetMode {
            site: "son-my".into(),
            mode,
        },
    };
    assert_eq!(mode(choose(Mode::Light)), (Mode::Light, true));
    assert_eq!(
        mode(impose(Some(Mode::SoundOnly))),
        (Mode::SoundOnly, false),
        "with sound only nothing is shared"
    );
    assert_eq!(mode(choose(Mode::Normal)), (Mode::SoundOnly, false));
    assert_eq!(mode(impose(Some(Mode::Light))), (Mode::Light, false));
    assert_eq!(mode(choose(Mode::SoundOnly)), (Mode::SoundOnly, false));
    assert_eq!(mode(impose(None)), (Mode::SoundOnly, false));
    assert_eq!(mode(choose(Mode::Normal)), (Mode::Normal, false));
}

#[test]
fn modes_survive_rejoin_and_restart_and_shares_do_not() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    let site = seat(&mut room, 2, "son-my", Role::Delegate, t0);
    command(
        &mut room,
        Command::SetMode {
            site: "son-my".into(),
            mode: Some(Mode::Light),
        },
        t0,
    );
    command(&mut room, Command::Sharing(ShareRule::Several), t0);
    share(&mut room, site, true, false, t0).expect("light sites may share");
    drain(&mut room);
    let resume = Some("fresh-token-number-2");
    let rejoin = |connection| join_as(connection, "son-my", Role::Delegate, resume);
    room.handle_input(rejoin(7), later(t0, 5)).expect("rejoin");
    let outputs = drain(&mut room);
    assert_eq!(modes(&outputs), [(site, Mode::Light, Some("Chị Hoa"))]);
    assert_eq!(shares(&outputs), [(site, false, false, None)]);

    // Who leaves and comes again has another seat on the same line.
    room.handle_input(Input::Leave(site), later(t0, 6))
        .expect("left");
    drain(&mut room);
    room.handle_input(join_as(9, "son-my", Role::Delegate, None), later(t0, 7))
        .expect("joined");
    let told = drain(&mut room);
    let again = modes(&told)[0].0;
    assert_eq!(modes(&told), [(again, Mode::Light, Some("Chị Hoa"))]);
    let (site, resume) = (again, Some("fresh-token-number-9"));
    let rejoin = |connection| join_as(connection, "son-my", Role::Delegate, resume);

    let text = serde_json::to_string(&room.snapshot()).expect("serialises");
    let snapshot = serde_json::from_str(&text).expect("reads back");
    let t1 = later(t0, 60);
    let mut room = Room::restore(RoomTerms::default(), snapshot, t0.at, t1);
    drain(&mut room);
    room.handle_input(rejoin(8), t1).expect("rejoin");
    assert_eq!(
        modes(&drain(&mut room)),
        [(site, Mode::Light, Some("Chị Hoa"))]
    );
    assert_eq!(room.roster().sharing, ShareRule::Several);
    // A room that was stored by an earlier version knows no modes.
    let mut old: serde_json::Value = serde_json::from_str(&text).expect("json");
    for key in ["sharing", "imposed"] {
        old.as_object_mut().expect("an object").remove(key);
    }
    old["seats"][0]
        .as_object_mut()
        .expect("a seat")
        .remove("mode");
    let snapshot = serde_json::from_value(old).expect("reads back");
    let room = Room::restore(RoomTerms::default(), snapshot, t0.at, t1);
    assert_eq!(one(&room, site).mode, Mode::Normal);
}

#[test]
fn a_line_that_carries_no_picture_is_on_the_board_with_its_time() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    let site = seat(&mut room, 2, "son-my", Role::Delegate, t0);
    let fell = |on| Input::LineFell { seat: site, on };
    room.handle_input(fell(true), t0).expect("a seat");
    assert!(drain(&mut room).contains(&Output::BoardChanged));
    room.handle_input(fell(true), later(t0, 9)).expect("again");
    assert!(drain(&mut room).is_empty());
    assert_eq!(one(&room, site).fallen_since, Some(t0.at));
    room.handle_input(fell(false), later(t0, 20)).expect("back");
    assert_eq!(one(&room, site).fallen_since, None);
}

#[test]
fn the_room_is_led_by_the_first_chair_that_is_connected() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    let led = |room: &mut Room| {
        drain(room).iter().rev().find_map(|output| match output {
            Output::Chair(seat) => Some(*seat),
            _ => None,
        })
    };
    room.handle_input(join_as(1, "ubnd", Role::Chair, None), t0)
        .expect("joined");
    let chair = led(&mut room).flatten();
    assert!(chair.is_some());
    let lost = Input::SignallingLost {
        seat: chair.expect("a chair"),
        connection: nhipcau_conference::ConnectionId(1),
    };
    room.handle_input(lost, t0).expect("lost");
    assert_eq!(led(&mut room), Some(None));
}
