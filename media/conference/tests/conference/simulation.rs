//! Random meetings: whatever happens in whatever order, the invariants hold.

use std::collections::BTreeMap;

use jiff::Timestamp;
use nhipcau_conference::{
    Actor, AttendanceEntry, Cause, Command, ConnectionId, Input, Join, Mode, Now, Output,
    Participant, Role, Room, RoomTerms, RowState, SeatId, ShareRule, SiteKey,
};

use crate::clock::{Dice, MORNING, later, start};
use crate::room::{SITES, drain, room};

struct Meeting {
    room: Room,
    dice: Dice,
    now: Now,
    connections: u64,
    /// What a shell would know: seat → connection and token.
    seats: BTreeMap<SeatId, (ConnectionId, String)>,
    stays: BTreeMap<u64, AttendanceEntry>,
    alive: Timestamp,
}

impl Meeting {
    fn some_seat(&mut self) -> SeatId {
        // Also seats that never were.
        SeatId(1 + self.dice.below(self.seats.len() as u64 + 2))
    }

    fn some_site(&mut self) -> SiteKey {
        SiteKey::from(SITES[self.dice.below(SITES.len() as u64) as usize])
    }

    fn input(&mut self) -> Input {
        let seat = self.some_seat();
        match self.dice.below(20) {
            0..=3 => {
                self.connections += 1;
                let known = self.seats.get(&seat).map(|(_, token)| token.clone());
                let site = self.room.participant(seat).map(|p| p.site);
                let role =
                    [Role::Chair, Role::Secretary, Role::Delegate][self.dice.below(3) as usize];
                let role = self.room.participant(seat).map_or(role, |p| p.role);
                Input::Join(Join {
                    kind: nhipcau_conference::SeatKind::Person,
                    connection: ConnectionId(self.connections),
                    site: site.unwrap_or_else(|| SiteKey::from(SITES[(seat.0 % 4) as usize])),
                    role,
                    name: "Đại biểu".to_owned(),
                    resume: known,
                    fresh_resume: format!("a-fresh-resume-token-{}", self.connections),
                    mic: self.dice.below(2) == 0,
                    cam: true,
                })
            }
            4..=6 => Input::MediaConnected(seat),
            7 => Input::MediaSilent(seat),
            8 => Input::MediaRecovered(seat),
            9..=10 => {
                let connection = self
                    .seats
                    .get(&seat)
                    .map_or(ConnectionId(0), |(connection, _)| *connection);
                Input::SignallingLost { seat, connection }
            }
            11 => Input::Leave(seat),
            12 => Input::Hand {
                seat,
                raised: self.dice.below(2) == 0,
            },
            13 => Input::Media {
                seat,
                mic: self.dice.below(2) == 0,
                cam: true,
            },
            14 => {
                let down = Cause {
                    code: "line_down".to_owned(),
                    device: "r".to_owned(),
                    interface: Some("i".to_owned()),
                };
                let cause = (self.dice.below(2) == 0).then_some(down);
                Input::SiteCause {
                    site: self.some_site(),
                    cause,
                }
            }
            15 => match self.dice.below(4) {
                0 => Input::Speaking(Some(seat)),
                1 => Input::Mode {
                    seat,
                    mode: [Mode::Normal, Mode::Light, Mode::SoundOnly][self.dice.below(3) as usize],
                },
                _ => Input::Share {
                    seat,
                    slides: self.dice.below(2) == 0,
                    document: self.dice.below(2) == 0,
                },
            },
            16 => Input::Timeout,
            _ => {
                let by = if self.dice.below(2) == 0 {
                    Actor::Host("h".to_owned())
                } else {
                    Actor::Seat(self.some_seat())
                };
                let command = match self.dice.below(12) {
                    0 => Command::Mute(seat),
                    1 => Command::MuteAll { except_floor: true },
                    2..=5 => Command::GiveFloor(seat),
                    6 => Command::TakeFloor,
                    7..=8 => Command::Spotlight(Some(seat)),
                    9 => Command::LowerHand(seat),
                    10 => match self.dice.below(3) {
                        0 => Command::StopShare(seat),
                        1 => Command::Sharing(
                            [ShareRule::Hosts, ShareRule::One, ShareRule::One]
                                [self.dice.below(3) as usize],
                        ),
                        _ => Command::SetMode {
                            site: self.some_site(),
                            mode: (self.dice.below(2) == 0).then_some(Mode::SoundOnly),
                        },
                    },
                    _ => Command::Remove(seat),
                };
                Input::Command { by, command }
            }
        }
    }

    fn absorb(&mut self, seed: u64) {
        for output in drain(&mut self.room) {
            match output {
                Output::Joined {
                    connection,
                    seat,
                    resume,
                    ..
                } => {
                    self.seats.insert(seat, (connection, resume));
                }
                Output::Attendance(entry) => {
                    if let Some(before) = self.stays.get(&entry.interval) {
                        assert_eq!(
                            (before.seat, before.joined_at),
                            (entry.seat, entry.joined_at),
                            "seed {seed}"
                        );
                        assert!(
                            before.left_at.is_none() || before.left_at == entry.left_at,
                            "seed {seed}: a closed stay keeps its end"
                        );
                    }
                    self.stays.insert(entry.interval, entry);
                }
                _ => {}
            }
        }
    }

    fn check(&self, seed: u64) {
        let board = self.room.board();
        let roster = self.room.roster();
        assert_eq!(
            board.rows.len(),
            SITES.len(),
            "seed {seed}: a row for each invited site"
        );
        let counts = board.counts;
        assert_eq!(
            counts.joined + counts.absent + counts.dropped,
            counts.invited,
            "seed {seed}"
        );
        let sharing = |shares: fn(&Participant) -> bool| {
            let all = roster.participants.iter();
            all.filter(|one| shares(one)).collect::<Vec<_>>()
        };
        for sharing in [sharing(|one| one.slides), sharing(|one| one.document)] {
            assert!(sharing.len() <= 1, "seed {seed}: one after the other");
            assert!(
                sharing.iter().all(|one| one.mode != Mode::SoundOnly),
                "seed {seed}: who takes part with sound only shows nothing"
            );
        }
        let holders: Vec<SeatId> = roster
            .participants
            .iter()
            .filter(|p| p.floor)
            .map(|p| p.id)
            .collect();
        assert!(holders.len() <= 1, "seed {seed}: one floor");
        assert_eq!(
            holders.first().copied(),
            roster.floor,
            "seed {seed}: the floor is held by somebody here"
        );
        assert!(
            roster
                .spotlight
                .is_none_or(|seat| roster.participants.iter().any(|p| p.id == seat)),
            "seed {seed}"
        );
        for row in &board.rows {
            let open = self
                .stays
                .values()
                .any(|stay| stay.site == row.site && stay.left_at.is_none());
            assert_eq!(
                row.state == RowState::Joined,
                open,
                "seed {seed}: {} is joined exactly while a stay is open",
                row.site
            );
            let ever = self.stays.values().any(|stay| stay.site == row.site);
            assert_eq!(
                row.state == RowState::Absent,
                !ever,
                "seed {seed}: who has been here is never absent again"
            );
            assert!(
                row.state != RowState::Dropped || row.reason.is_some() && row.since.is_some(),
                "seed {seed}: no drop without reason"
            );
        }
        let mut by_seat: BTreeMap<SeatId, Vec<&AttendanceEntry>> = BTreeMap::new();
        for stay in self.stays.values() {
            by_seat.entry(stay.seat).or_default().push(stay);
        }
        for stays in by_seat.values() {
            for pair in stays.windows(2) {
                assert!(
                    pair[0]
                        .left_at
                        .is_some_and(|left| left <= pair[1].joined_at),
                    "seed {seed}: stays of a seat never overlap"
                );
            }
        }
        assert!(
            self.stays
                .values()
                .all(|stay| stay.left_at.is_some() == stay.reason.is_some()),
            "seed {seed}: no end without reason"
        );
    }

    fn restart(&mut self) {
        let text = serde_json::to_string(&self.room.snapshot()).expect("serialises");
        let snapshot = serde_json::from_str(&text).expect("reads back");
        self.now = later(self.now, self.dice.below(40));
        self.room = Room::restore(RoomTerms::default(), snapshot, self.alive, self.now);
    }
}

#[test]
fn random_meetings_hold_the_invariants() {
    for seed in 0..60 {
        let now = start(MORNING);
        let mut meeting = Meeting {
            room: room(now),
            dice: Dice(seed),
            now,
            connections: 0,
            seats: BTreeMap::new(),
            stays: BTreeMap::new(),
            alive: now.at,
        };
        for _ in 0..400 {
            let step = if meeting.dice.below(12) == 0 {
                45
            } else {
                meeting.dice.below(4)
            };
            meeting.now = later(meeting.now, step);
            if meeting.dice.below(100) == 0 {
                meeting.restart();
            } else {
                let input = meeting.input();
                let before = meeting.room.snapshot();
                let answer = meeting.room.handle_input(input.clone(), meeting.now);
                // A refused input changes nothing; let time pass first so that only it could.
                if answer.is_err() && step == 0 {
                    assert_eq!(meeting.room.snapshot(), before, "seed {seed}: {input:?}");
                }
            }
            meeting.alive = meeting.now.at;
            meeting.absorb(seed);
            meeting.check(seed);
        }
        let by = Actor::Host("h".to_owned());
        meeting
            .room
            .handle_input(
                Input::Command {
                    by,
                    command: Command::End,
                },
                meeting.now,
            )
            .expect("ends");
        meeting.absorb(seed);
        assert!(
            meeting.stays.values().all(|stay| stay.left_at.is_some()),
            "seed {seed}: the end closes every stay"
        );
    }
}
