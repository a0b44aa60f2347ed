//! Encoders and players in a room.

use nhipcau_conference::*;

use crate::clock::{MORNING, later, start};
use crate::room::*;

/// An encoder joins under its pass; its media comes up.
fn encoder(room: &mut Room, connection: u64, site: &str, pass: &str, now: Now) -> SeatId {
    let outputs = post(room, connection, site, pass, now);
    let seat = joined(&outputs).expect("a seat").0;
    room.handle_input(Input::MediaConnected(seat), now)
        .expect("media");
    drain(room);
    seat
}

fn post(room: &mut Room, connection: u64, site: &str, pass: &str, now: Now) -> Vec<Output> {
    let join = Join {
        connection: ConnectionId(connection),
        site: SiteKey::from(site),
        role: Role::Delegate,
        kind: SeatKind::Encoder,
        name: "Máy quay hội trường".to_owned(),
        resume: Some(pass.to_owned()),
        fresh_resume: pass.to_owned(),
        mic: true,
        cam: true,
    };
    room.handle_input(Input::Join(join), now).expect("joined");
    drain(room)
}

#[test]
fn an_encoder_that_is_lost_keeps_its_seat_and_mute_and_takes_it_up_with_the_same_pass() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    let chair = seat(&mut room, 1, "ubnd", Role::Chair, t0);
    let seat = encoder(&mut room, 2, "son-my", "pass-of-the-camera", t0);
    let mute = Input::Command {
        by: Actor::Seat(chair),
        command: Command::Mute(seat),
    };
    room.handle_input(mute, t0).expect("muted");
    drain(&mut room);

    let t1 = later(t0, 60);
    let gone = Input::MediaGone {
        seat,
        closed: false,
    };
    room.handle_input(gone, t1).expect("gone");
    let outputs = drain(&mut room);
    let left = attendance(&outputs);
    assert_eq!(
        left[0].reason.as_ref().map(|r| &*r.code),
        Some("media_lost")
    );
    assert_eq!(code_of(row(&room.board(), "son-my")), Some("media_lost"));

    let outputs = post(&mut room, 3, "son-my", "pass-of-the-camera", later(t1, 20));
    assert_eq!(joined(&outputs), Some((seat, true, None)));
    assert!(
        outputs
            .iter()
            .any(|output| matches!(output, Output::Muted { seat: muted, .. } if *muted == seat)),
        "a mute outlives the line"
    );

    room.handle_input(
        Input::Command {
            by: Actor::Seat(chair),
            command: Command::Unmute(seat),
        },
        later(t1, 30),
    )
    .expect("an encoder is unmuted by the host");
    assert!(drain(&mut room).contains(&Output::Unmuted(seat)));
    let shown = room.participant(seat).expect("there");
    assert!(shown.mic && !shown.muted_by_host && shown.kind == SeatKind::Encoder);
}

#[test]
fn an_encoder_that_closes_has_left_and_takes_its_seat_up_again_and_one_that_stays_away_is_closed() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    let chair = seat(&mut room, 3, "ubnd", Role::Chair, t0);
    let first = encoder(&mut room, 1, "son-my", "pass-of-the-first", t0);
    let second = encoder(&mut room, 2, "tinh-khe", "pass-of-the-second", t0);
    let mute = Input::Command {
        by: Actor::Seat(chair),
        command: Command::Mute(first),
    };
    room.handle_input(mute, t0).expect("muted");
    drain(&mut room);
    let gone = |seat, closed| Input::MediaGone { seat, closed };
    room.handle_input(gone(first, true), t0).expect("closed");
    let outputs = drain(&mut room);
    assert!(!outputs.contains(&Output::Closed(first)));
    assert_eq!(
        attendance(&outputs)[0].reason.as_ref().map(|r| &*r.code),
        Some("left")
    );
    assert_eq!(code_of(row(&room.board(), "son-my")), Some("left"));
    let outputs = post(&mut room, 4, "son-my", "pass-of-the-first", t0);
    assert_eq!(joined(&outputs), Some((first, true, None)));
    assert!(
        room.participant(first).expect("there").muted_by_host,
        "a restart does not lift a mute"
    );
    assert!(
        attendance(&outputs).is_empty(),
        "not before its media is up"
    );
    room.handle_input(Input::MediaConnected(first), t0)
        .expect("media");
    assert!(attendance(&drain(&mut room))[0].left_at.is_none());
    // One POST after the other, and no goodbye between them: attendance goes on.
    let outputs = post(&mut room, 5, "son-my", "pass-of-the-first", t0);
    assert_eq!(joined(&outputs), Some((first, true, Some(ConnectionId(4)))));
    assert!(attendance(&outputs).is_empty());

    room.handle_input(gone(second, false), t0).expect("lost");
    drain(&mut room);
    let after = later(t0, 61);
    room.handle_input(Input::Timeout, after).expect("time");
    assert!(drain(&mut room).contains(&Output::Closed(second)));
    assert!(room.participant(second).is_none());
}

#[test]
fn nobody_but_the_person_turns_a_microphone_on() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    let person = seat(&mut room, 1, "son-my", Role::Delegate, t0);
    let host = |command| Input::Command {
        by: Actor::Host("Lan".to_owned()),
        command,
    };
    room.handle_input(host(Command::Mute(person)), t0)
        .expect("muted");
    drain(&mut room);
    assert_eq!(
        room.handle_input(host(Command::Unmute(person)), t0),
        Err(Code::BadRequest)
    );
    assert!(!room.participant(person).expect("there").mic);
}

#[test]
fn a_second_post_replaces_the_first_and_a_page_cannot_take_an_encoders_seat() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    let seat = encoder(&mut room, 1, "son-my", "pass-of-the-camera", t0);
    let outputs = post(&mut room, 2, "son-my", "pass-of-the-camera", t0);
    assert_eq!(
        joined(&outputs),
        Some((seat, true, Some(ConnectionId(1)))),
        "one device a pass"
    );
    room.handle_input(
        join_as(3, "son-my", Role::Delegate, Some("pass-of-the-camera")),
        t0,
    )
    .expect("joined");
    let other = joined(&drain(&mut room)).expect("a seat").0;
    assert_ne!(other, seat);
}
