//! Stories of a room.

use nhipcau_conference::{
    Actor, Arg, AttendanceEntry, Board, BoardRow, Cause, Code, Command, ConferenceId,
    ConferenceState, ConnectionId, Health, Input, InvitedSite, Join, Now, Occupancy, Occurrence,
    Output, Role, Room, RoomSnapshot, RoomTerms, RowState, SeatId, SeatKind, SiteKey,
};

use crate::clock::{MORNING, later, start, time};

pub(crate) const SITES: [&str; 4] = ["ubnd", "son-my", "tinh-khe", "binh-hoa"];

pub(crate) fn room(now: Now) -> Room {
    let sites = SITES.map(|site| InvitedSite {
        site: SiteKey::from(site),
        name: format!("Điểm cầu {site}"),
    });
    let occurrence = Occurrence {
        starts_at: time("2026-11-21T01:30:00Z"),
        ends_at: time("2026-11-21T03:30:00Z"),
    };
    Room::new(
        RoomTerms::default(),
        ConferenceId(5),
        occurrence,
        sites.to_vec(),
        now,
    )
}

pub(crate) fn drain(room: &mut Room) -> Vec<Output> {
    let mut outputs = Vec::new();
    loop {
        match room.poll_output() {
            Output::Timeout(_) => return outputs,
            output => outputs.push(output),
        }
        assert!(outputs.len() < 10_000, "outputs never end");
    }
}

pub(crate) fn join_as(connection: u64, site: &str, role: Role, resume: Option<&str>) -> Input {
    Input::Join(Join {
        connection: ConnectionId(connection),
        site: SiteKey::from(site),
        role,
        kind: SeatKind::Person,
        name: format!("Người {connection}"),
        resume: resume.map(str::to_owned),
        fresh_resume: format!("fresh-token-number-{connection}"),
        mic: true,
        cam: true,
    })
}

/// Joins, brings media up, and gives the seat.
pub(crate) fn seat(room: &mut Room, connection: u64, site: &str, role: Role, now: Now) -> SeatId {
    room.handle_input(join_as(connection, site, role, None), now)
        .expect("joined");
    let seat = joined(&drain(room)).expect("a seat").0;
    room.handle_input(Input::MediaConnected(seat), now)
        .expect("media");
    drain(room);
    seat
}

pub(crate) fn joined(outputs: &[Output]) -> Option<(SeatId, bool, Option<ConnectionId>)> {
    outputs.iter().find_map(|output| match output {
        Output::Joined {
            seat,
            resumed,
            replaced,
            ..
        } => Some((*seat, *resumed, *replaced)),
        _ => None,
    })
}

pub(crate) fn row<'a>(board: &'a Board, site: &str) -> &'a BoardRow {
    board
        .rows
        .iter()
        .find(|row| row.site.as_str() == site)
        .expect("rows never vanish")
}

pub(crate) fn code_of(row: &BoardRow) -> Option<&str> {
    row.reason.as_ref().map(|reason| &*reason.code)
}

pub(crate) fn attendance(outputs: &[Output]) -> Vec<&AttendanceEntry> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Attendance(entry) => Some(entry),
            _ => None,
        })
        .collect()
}

pub(crate) fn line_down() -> Option<Cause> {
    Some(Cause {
        code: "line_down".to_owned(),
        device: "Tịnh Khê".to_owned(),
        interface: Some("Gi0/0/1".to_owned()),
    })
}

pub(crate) fn cause(site: &str, cause: Option<Cause>) -> Input {
    Input::SiteCause {
        site: SiteKey::from(site),
        cause,
    }
}

#[test]
fn the_one_story_the_cause_is_named_after_the_silence_and_the_seat_comes_back_with_its_hand() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    seat(&mut room, 1, "ubnd", Role::Chair, t0);
    let commune = seat(&mut room, 2, "son-my", Role::Delegate, t0);
    room.handle_input(
        Input::Hand {
            seat: commune,
            raised: true,
        },
        t0,
    )
    .expect("hand");
    drain(&mut room);

    let t1 = later(t0, 600);
    room.handle_input(Input::MediaSilent(commune), t1)
        .expect("silent");
    let outputs = drain(&mut room);
    assert_eq!(
        attendance(&outputs)[0].reason.as_ref().map(|r| &*r.code),
        Some("media_lost")
    );
    assert_eq!(code_of(row(&room.board(), "son-my")), Some("media_lost"));

    let t2 = later(t1, 3);
    room.handle_input(cause("son-my", line_down()), t2)
        .expect("cause");
    let outputs = drain(&mut room);
    let board = room.board();
    let dropped = row(&board, "son-my");
    assert_eq!(
        (dropped.state, dropped.since),
        (RowState::Dropped, Some(t1.at))
    );
    let reason = dropped.reason.as_ref().expect("a reason");
    assert_eq!(reason.code, "line_down");
    assert_eq!(
        reason.args.get("interface"),
        Some(&Arg::Text("Gi0/0/1".to_owned()))
    );
    assert_eq!(
        attendance(&outputs)[0].reason.as_ref(),
        Some(reason),
        "the record is corrected"
    );
    assert_eq!(attendance(&outputs)[0].left_at, Some(t1.at));
    assert!(
        outputs
            .iter()
            .any(|o| matches!(o, Output::SiteDropped { reason, .. } if reason.code == "line_down"))
    );
    assert_eq!(
        board.rows[0].state,
        RowState::Absent,
        "absent and dropped first"
    );
    assert_eq!(
        (
            board.counts.joined,
            board.counts.absent,
            board.counts.dropped,
            board.counts.invited
        ),
        (1, 2, 1, 4)
    );

    // The socket goes too; while the cause stands the seat outlives the usual minute.
    room.handle_input(
        Input::SignallingLost {
            seat: commune,
            connection: ConnectionId(2),
        },
        later(t2, 10),
    )
    .expect("lost");
    let t3 = later(t2, 400);
    room.handle_input(Input::Timeout, t3).expect("time");
    room.handle_input(cause("son-my", None), t3)
        .expect("mended");
    assert_eq!(code_of(row(&room.board(), "son-my")), Some("line_back"));
    drain(&mut room);
    let t4 = later(t3, 20);
    let token = Some("fresh-token-number-2");
    room.handle_input(join_as(9, "son-my", Role::Delegate, token), t4)
        .expect("resumed");
    let outputs = drain(&mut room);
    assert_eq!(joined(&outputs), Some((commune, true, None)));
    assert_eq!(
        row(&room.board(), "son-my").state,
        RowState::Dropped,
        "not before its media is heard"
    );
    room.handle_input(Input::MediaConnected(commune), t4)
        .expect("media");
    let outputs = drain(&mut room);
    assert!(outputs.contains(&Output::SiteBack {
        site: SiteKey::from("son-my")
    }));
    let board = room.board();
    let back = row(&board, "son-my");
    assert_eq!(
        (back.state, back.since, back.reason.clone()),
        (RowState::Joined, Some(t4.at), None)
    );
    assert_eq!(
        back.participants[0].hand,
        Some(t0.at),
        "the hand is still up"
    );
    assert_eq!(back.participants[0].role, Role::Delegate);
    assert!(back.participants[0].connected);
}

#[test]
fn a_cause_known_before_the_silence_is_the_reason_at_once() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    room.handle_input(cause("binh-hoa", line_down()), t0)
        .expect("cause");
    assert_eq!(
        code_of(row(&room.board(), "binh-hoa")),
        Some("line_down"),
        "an absent row says why it cannot come"
    );
    let commune = seat(&mut room, 2, "son-my", Role::Delegate, t0);
    room.handle_input(cause("son-my", line_down()), t0)
        .expect("cause");
    assert_eq!(
        row(&room.board(), "son-my").state,
        RowState::Joined,
        "another road may carry it"
    );
    assert_eq!(code_of(row(&room.board(), "son-my")), None);
    room.handle_input(Input::MediaSilent(commune), later(t0, 4))
        .expect("silent");
    let outputs = drain(&mut room);
    assert_eq!(code_of(row(&room.board(), "son-my")), Some("line_down"));
    assert!(
        outputs
            .iter()
            .any(|o| matches!(o, Output::SiteDropped { .. })),
        "told at once"
    );
    assert!(
        outputs
            .iter()
            .any(|o| matches!(o, Output::Notice { reason, .. } if reason.code == "line_down"))
    );
}

#[test]
fn a_reloaded_page_is_no_incident_and_a_lost_one_is_closed_after_a_minute() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    let commune = seat(&mut room, 2, "son-my", Role::Delegate, t0);
    let lost = |connection| Input::SignallingLost {
        seat: commune,
        connection: ConnectionId(connection),
    };
    room.handle_input(lost(2), later(t0, 10)).expect("lost");
    room.handle_input(
        join_as(3, "son-my", Role::Delegate, Some("fresh-token-number-2")),
        later(t0, 12),
    )
    .expect("back");
    room.handle_input(Input::Timeout, later(t0, 30))
        .expect("time");
    assert!(
        !drain(&mut room)
            .iter()
            .any(|o| matches!(o, Output::SiteDropped { .. }))
    );
    // The old socket's end is told late: it must not hurt the newer one.
    room.handle_input(lost(2), later(t0, 31)).expect("ignored");
    assert_eq!(row(&room.board(), "son-my").state, RowState::Joined);

    room.handle_input(lost(3), later(t0, 40)).expect("lost");
    room.handle_input(Input::Timeout, later(t0, 46))
        .expect("time");
    assert!(drain(&mut room).iter().any(
        |o| matches!(o, Output::SiteDropped { reason, .. } if reason.code == "connection_lost")
    ));
    room.handle_input(Input::Timeout, later(t0, 99))
        .expect("time");
    assert!(room.participant(commune).is_some(), "kept for 60 s");
    room.handle_input(Input::Timeout, later(t0, 100))
        .expect("time");
    assert!(drain(&mut room).contains(&Output::Closed(commune)));
    let board = room.board();
    assert_eq!(
        row(&board, "son-my").state,
        RowState::Dropped,
        "the row stays"
    );
    assert_eq!(row(&board, "son-my").since, Some(later(t0, 40).at));
    assert!(matches!(room.occupancy(), Occupancy::EmptySince(_)));
    room.handle_input(
        join_as(4, "son-my", Role::Delegate, Some("fresh-token-number-2")),
        later(t0, 101),
    )
    .expect("anew");
    assert_eq!(
        joined(&drain(&mut room)).map(|(seat, resumed, _)| (seat == commune, resumed)),
        Some((false, false))
    );
}

#[test]
fn the_newer_of_two_tabs_replaces_the_older_and_a_token_is_only_good_for_its_site() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    let chair = seat(&mut room, 1, "ubnd", Role::Chair, t0);
    room.handle_input(
        join_as(2, "ubnd", Role::Chair, Some("fresh-token-number-1")),
        t0,
    )
    .expect("second tab");
    assert_eq!(
        joined(&drain(&mut room)),
        Some((chair, true, Some(ConnectionId(1))))
    );
    room.handle_input(
        join_as(3, "son-my", Role::Delegate, Some("fresh-token-number-1")),
        t0,
    )
    .expect("a new seat");
    let (other, resumed, _) = joined(&drain(&mut room)).expect("joined");
    assert!(
        other != chair && !resumed,
        "another site's token does not give the chair's seat"
    );
}

#[test]
fn only_chair_secretary_and_host_command() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    let chair = seat(&mut room, 1, "ubnd", Role::Chair, t0);
    let secretary = seat(&mut room, 2, "ubnd", Role::Secretary, t0);
    let delegate = seat(&mut room, 3, "son-my", Role::Delegate, t0);
    let viewer = seat(&mut room, 4, "son-my", Role::Viewer, t0);
    let commands = [
        Command::Mute(chair),
        Command::MuteAll {
            except_floor: false,
        },
        Command::GiveFloor(delegate),
        Command::TakeFloor,
        Command::Spotlight(None),
        Command::Remove(chair),
        Command::LowerHand(chair),
        Command::Record(true),
        Command::End,
    ];
    for command in commands {
        for who in [delegate, viewer] {
            assert_eq!(
                room.handle_input(
                    Input::Command {
                        by: Actor::Seat(who),
                        command: command.clone()
                    },
                    t0
                ),
                Err(Code::NotChair)
            );
        }
        assert_eq!(
            room.handle_input(
                Input::Command {
                    by: Actor::Seat(SeatId(99)),
                    command: command.clone()
                },
                t0
            ),
            Err(Code::NotJoined)
        );
    }
    assert!(
        !drain(&mut room)
            .iter()
            .any(|o| !matches!(o, Output::BoardChanged | Output::RosterChanged))
    );
    let by = |who| Actor::Seat(who);
    room.handle_input(
        Input::Command {
            by: by(secretary),
            command: Command::GiveFloor(delegate),
        },
        t0,
    )
    .expect("floor");
    assert_eq!(room.roster().floor, Some(delegate));
    room.handle_input(
        Input::Command {
            by: by(chair),
            command: Command::MuteAll { except_floor: true },
        },
        t0,
    )
    .expect("mute");
    let outputs = drain(&mut room);
    let muted: Vec<SeatId> = outputs
        .iter()
        .filter_map(|o| {
            if let Output::Muted { seat, .. } = o {
                Some(*seat)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(muted, [viewer], "neither who has the floor nor who leads");
    let host = || Actor::Host("Văn phòng".to_owned());
    room.handle_input(
        Input::Command {
            by: host(),
            command: Command::GiveFloor(viewer),
        },
        t0,
    )
    .expect("floor");
    let outputs = drain(&mut room);
    assert!(
        outputs.contains(&Output::FloorTaken(delegate))
            && outputs.contains(&Output::FloorGranted(viewer))
    );
    assert!(outputs.contains(&Output::Unmuted(viewer)));
    let missing = Input::Command {
        by: host(),
        command: Command::Mute(SeatId(99)),
    };
    assert_eq!(room.handle_input(missing, t0), Err(Code::NoSuchParticipant));
    room.handle_input(
        Input::Command {
            by: host(),
            command: Command::Remove(viewer),
        },
        t0,
    )
    .expect("removed");
    assert!(drain(&mut room).contains(&Output::Removed(viewer)));
    assert_eq!(room.roster().floor, None, "who is gone holds nothing");
    room.handle_input(
        Input::Command {
            by: host(),
            command: Command::End,
        },
        t0,
    )
    .expect("ended");
    let outputs = drain(&mut room);
    assert!(outputs.contains(&Output::Ended));
    assert!(attendance(&outputs).iter().all(|entry| {
        entry
            .reason
            .as_ref()
            .is_some_and(|r| r.code == "conference_ended")
    }));
    assert_eq!(room.board().state, ConferenceState::Ended);
    assert_eq!(
        room.handle_input(join_as(9, "son-my", Role::Delegate, None), t0),
        Err(Code::RoomEnded)
    );
}

#[test]
fn a_chair_who_drops_keeps_the_chair_and_the_meeting_goes_on() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    let chair = seat(&mut room, 1, "ubnd", Role::Chair, t0);
    let delegate = seat(&mut room, 2, "son-my", Role::Delegate, t0);
    let give = |to| Input::Command {
        by: Actor::Seat(chair),
        command: Command::GiveFloor(to),
    };
    room.handle_input(give(chair), t0)
        .expect("the chair speaks");
    room.handle_input(
        Input::SignallingLost {
            seat: chair,
            connection: ConnectionId(1),
        },
        later(t0, 5),
    )
    .expect("lost");
    assert_eq!(
        room.handle_input(give(delegate), later(t0, 6)),
        Err(Code::NotJoined),
        "a lost page commands nothing"
    );
    assert_eq!(room.roster().floor, Some(chair));
    assert_eq!(row(&room.board(), "son-my").state, RowState::Joined);
    room.handle_input(
        join_as(7, "ubnd", Role::Chair, Some("fresh-token-number-1")),
        later(t0, 30),
    )
    .expect("back");
    assert!(drain(&mut room).contains(&Output::FloorGranted(chair)));
    room.handle_input(give(delegate), later(t0, 31))
        .expect("commands again");
    assert_eq!(room.roster().floor, Some(delegate));
}

#[test]
fn limits_names_and_strangers() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    assert_eq!(
        room.handle_input(join_as(1, "elsewhere", Role::Chair, None), t0),
        Err(Code::NoSuchRoom)
    );
    let Input::Join(mut nameless) = join_as(1, "son-my", Role::Viewer, None) else {
        unreachable!("it is a join")
    };
    nameless.name = "\u{202e}\n".to_owned();
    assert_eq!(
        room.handle_input(Input::Join(nameless), t0),
        Err(Code::BadRequest)
    );
    let max = RoomTerms::default().seats_per_site_max as u64;
    let first = seat(&mut room, 100, "son-my", Role::Delegate, t0);
    for connection in 101..100 + max {
        seat(&mut room, connection, "son-my", Role::Delegate, t0);
    }
    assert_eq!(
        room.handle_input(join_as(200, "son-my", Role::Delegate, None), t0),
        Err(Code::TooManyPeers)
    );
    room.handle_input(
        Input::SignallingLost {
            seat: first,
            connection: ConnectionId(100),
        },
        t0,
    )
    .expect("lost");
    drain(&mut room);
    room.handle_input(join_as(201, "son-my", Role::Delegate, None), later(t0, 1))
        .expect("a kept seat gives way");
    assert!(drain(&mut room).contains(&Output::Closed(first)));
    for input in [
        Input::MediaSilent(first),
        Input::Leave(first),
        Input::Hand {
            seat: first,
            raised: true,
        },
        Input::Media {
            seat: first,
            mic: true,
            cam: true,
        },
    ] {
        assert_eq!(room.handle_input(input, later(t0, 1)), Err(Code::NotJoined));
    }
}

#[test]
fn media_that_never_comes_up_is_said_so() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    room.handle_input(join_as(1, "son-my", Role::Delegate, None), t0)
        .expect("joined");
    assert_eq!(row(&room.board(), "son-my").state, RowState::Joined);
    drain(&mut room);
    let Output::Timeout(Some(due)) = room.poll_output() else {
        panic!("a deadline is due")
    };
    let then = later(t0, 30);
    assert_eq!(due, then.instant);
    room.handle_input(Input::Timeout, then).expect("time");
    assert_eq!(code_of(row(&room.board(), "son-my")), Some("media_lost"));
}

#[test]
fn a_restart_in_mid_meeting_keeps_rows_roles_hands_and_closes_open_stays_at_the_last_sign_of_life()
{
    let t0 = start(MORNING);
    let mut room = room(t0);
    let chair = seat(&mut room, 1, "ubnd", Role::Chair, t0);
    let delegate = seat(&mut room, 2, "son-my", Role::Delegate, t0);
    let gone = seat(&mut room, 3, "tinh-khe", Role::Delegate, t0);
    room.handle_input(
        Input::Hand {
            seat: delegate,
            raised: true,
        },
        t0,
    )
    .expect("hand");
    room.handle_input(Input::Leave(gone), later(t0, 60))
        .expect("left");
    room.handle_input(
        Input::Command {
            by: Actor::Seat(chair),
            command: Command::GiveFloor(chair),
        },
        t0,
    )
    .expect("floor");
    let stored = serde_json::to_string(&room.snapshot()).expect("serialises");
    let snapshot: RoomSnapshot = serde_json::from_str(&stored).expect("reads back");
    assert_eq!(snapshot, room.snapshot());
    assert!(
        !format!("{snapshot:?}").contains("fresh-token"),
        "tokens are not printed"
    );

    let t1 = later(t0, 3600);
    let alive = later(t0, 1800).at;
    let mut room = Room::restore(RoomTerms::default(), snapshot, alive, t1);
    let outputs = drain(&mut room);
    let closed = attendance(&outputs);
    assert_eq!(closed.len(), 2);
    assert!(closed.iter().all(|e| {
        e.left_at == Some(alive)
            && e.reason
                .as_ref()
                .is_some_and(|r| r.code == "daemon_restarted")
    }));
    assert!(
        !outputs
            .iter()
            .any(|o| matches!(o, Output::SiteDropped { .. })),
        "the sites did nothing wrong"
    );
    let board = room.board();
    assert_eq!(code_of(row(&board, "ubnd")), Some("daemon_restarted"));
    assert_eq!(code_of(row(&board, "tinh-khe")), Some("left"));
    assert_eq!(row(&board, "binh-hoa").state, RowState::Absent);
    room.handle_input(
        join_as(11, "son-my", Role::Delegate, Some("fresh-token-number-2")),
        later(t1, 5),
    )
    .expect("resumed");
    assert_eq!(joined(&drain(&mut room)), Some((delegate, true, None)));
    assert_eq!(room.participant(delegate).and_then(|p| p.hand), Some(t0.at));
    assert_eq!(row(&room.board(), "son-my").state, RowState::Joined);
    room.handle_input(Input::Timeout, later(t1, 61))
        .expect("time");
    assert!(
        room.participant(chair).is_none(),
        "who does not come back within a minute loses the seat"
    );
    assert_eq!(room.roster().floor, None);
    room.handle_input(join_as(12, "ubnd", Role::Chair, None), later(t1, 62))
        .expect("a new seat");
    assert!(
        joined(&drain(&mut room)).is_some_and(|(seat, _, _)| seat > gone),
        "numbers are never used twice"
    );
}

#[test]
fn boards_and_rosters_have_the_shape_of_the_protocol() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    assert_eq!(room.board().state, ConferenceState::Scheduled);
    seat(&mut room, 1, "ubnd", Role::Chair, t0);
    room.handle_input(
        Input::SiteLine {
            site: SiteKey::from("son-my"),
            health: Health::Degraded,
            line: Some("97 %".to_owned()),
        },
        t0,
    )
    .expect("line");
    room.handle_input(
        Input::Recording {
            on: true,
            reason: None,
        },
        t0,
    )
    .expect("recording");
    room.handle_input(
        Input::RecordingHidden(Some(
            nhipcau_conference::Reason::new("picture_no_decoder").with("codec", "AV1"),
        )),
        t0,
    )
    .expect("hidden");
    let hidden = serde_json::to_value(room.board()).expect("serialises");
    assert_eq!(
        hidden["recording"]["hidden"],
        serde_json::json!({"code": "picture_no_decoder", "args": {"codec": "AV1"}})
    );
    room.handle_input(Input::RecordingHidden(None), t0)
        .expect("seen again");
    let board = serde_json::to_value(room.board()).expect("serialises");
    assert_eq!(board["state"], "live");
    assert_eq!(board["sharing"], "one");
    assert_eq!(
        board["recording"],
        serde_json::json!({"on": true, "since": "2026-11-21T01:00:00Z"})
    );
    assert_eq!(
        board["counts"],
        serde_json::json!({"joined": 1, "absent": 3, "dropped": 0, "invited": 4})
    );
    let last = &board["rows"][3];
    assert_eq!(
        last["participants"][0],
        serde_json::json!({
            "id": "p1", "name": "Người 1", "site": "ubnd", "site_name": "Điểm cầu ubnd", "role": "chair", "kind": "person", "mic": true, "cam": true,
            "muted_by_host": false, "floor": false, "speaking": false, "connected": true,
            "slides": false, "document": false, "mode": "normal"
        })
    );
    let line = board["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .find(|row| row["site"] == "son-my")
        .expect("a row");
    assert_eq!(
        line,
        &serde_json::json!({
            "site": "son-my", "site_name": "Điểm cầu son-my", "state": "absent", "health": "degraded", "line": "97 %", "participants": []
        })
    );
}

#[test]
fn the_booked_start_makes_an_empty_room_live() {
    let t0 = start(MORNING);
    let mut room = room(t0);
    drain(&mut room);
    let Output::Timeout(Some(due)) = room.poll_output() else {
        panic!("the start is awaited")
    };
    assert_eq!(due, later(t0, 1800).instant);
    room.handle_input(Input::Timeout, later(t0, 1800))
        .expect("time");
    assert_eq!(drain(&mut room), [Output::BoardChanged]);
    assert_eq!(room.board().state, ConferenceState::Live);
    assert_eq!(room.occupancy(), Occupancy::Never);
}
