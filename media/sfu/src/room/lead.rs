//! A room on several threads: each has a shard of it with all seats, of which those of other threads only send. One shard leads: it
//! hears everyone and decides who speaks, whose voices are passed on and who is shown; the others follow.

use super::{Output, Room};
use crate::ids::PeerId;
use crate::speaker::Speakers;

/// What the leading shard has decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lead {
    /// The active speaker.
    pub speaker: Option<PeerId>,
    /// Who spoke before.
    pub previous: Option<PeerId>,
    /// Whom the host shows.
    pub spotlight: Option<PeerId>,
    /// Who leads the meeting.
    pub chair: Option<PeerId>,
    /// Voices by position, one more than a receiver hears.
    pub voices: Vec<Option<PeerId>>,
}

impl Room {
    /// An empty shard that follows another one ([`super::Input::Follow`]).
    #[must_use]
    pub fn follower(voices: usize) -> Self {
        Self {
            following: Some(Lead::default()),
            ..Self::new(voices)
        }
    }

    /// What this shard has decided. To be told to the others after [`Output::Lead`].
    #[must_use]
    pub fn lead(&self) -> Lead {
        let peer = |seat: Option<u32>| self.seat(seat?)?.peer;
        Lead {
            speaker: peer(self.speakers.speaker()),
            previous: peer(self.speakers.previous()),
            spotlight: self.spotlight,
            chair: self.chair,
            voices: self
                .speakers
                .positions()
                .iter()
                .map(|seat| peer(*seat))
                .collect(),
        }
    }

    pub(super) fn follow(&mut self, lead: &Lead) {
        if let Some(following) = &mut self.following {
            following.clone_from(lead);
            self.apply_lead();
        }
    }

    /// Puts what is followed in place; a peer that has no seat yet is put there when it gets one.
    pub(super) fn apply_lead(&mut self) {
        let Some(lead) = &self.following else { return };
        let seat = |peer: Option<PeerId>| self.by_peer.get(&peer?).copied();
        let voices = lead.voices.iter().map(|peer| seat(*peer));
        self.speakers = Speakers::following(
            seat(lead.speaker),
            seat(lead.previous),
            voices,
            self.voices + 1,
        );
        self.spotlight = lead.spotlight;
        self.chair = lead.chair;
        self.stale = true;
    }

    /// Says that the decision has changed, unless it is another shard's.
    pub(super) fn tell_lead(&mut self) {
        if std::mem::take(&mut self.lead_changed) && self.following.is_none() {
            self.outputs.push_back(Output::Lead);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::picture;
    use super::super::{Event, Input, Output};
    use super::*;
    use crate::ids::{Kind, Source, Track};
    use crate::rewrite::UpPacket;

    struct Shards {
        now: std::time::Instant,
        leader: Room,
        follower: Room,
    }

    impl Shards {
        fn join(&mut self, peer: u64, leader_slots: usize, follower_slots: usize) {
            for (room, slots) in [
                (&mut self.leader, leader_slots),
                (&mut self.follower, follower_slots),
            ] {
                let peer = PeerId(peer);
                let input = Input::Join {
                    peer,
                    port: peer.0 as u32,
                    slots_audio: slots,
                    slots_video: slots,
                    first_sequence: &[1; 8],
                    codecs: &[],
                };
                room.handle_input(input, self.now);
                if slots > 0 {
                    room.handle_input(Input::Connected { peer, on: true }, self.now);
                }
            }
        }

        /// Sound of `peer` for `ms`, heard by both, and the lead carried over.
        fn talk(&mut self, peer: u64, ms: u64) {
            for index in 0..ms / 20 {
                self.now += Duration::from_millis(20);
                for room in [&mut self.leader, &mut self.follower] {
                    let seat = room.seat_index(PeerId(peer)).unwrap();
                    let packet = UpPacket {
                        level: Some(20),
                        ..picture(index, false, 100)
                    };
                    room.ingest(
                        Source::new(seat, Track::Main, Kind::Audio, 0),
                        &packet,
                        self.now,
                    );
                    room.drain(self.now, |_| {});
                    room.handle_input(Input::Timeout, self.now);
                }
                loop {
                    match self.leader.poll_output() {
                        Output::Lead => {
                            let lead = self.leader.lead();
                            self.follower
                                .handle_input(Input::Follow { lead: &lead }, self.now);
                        }
                        Output::Timeout(_) => break,
                        _ => {}
                    }
                }
            }
        }
    }

    fn shards() -> Shards {
        Shards {
            now: crate::testing::start(),
            leader: Room::new(3),
            follower: Room::follower(3),
        }
    }

    #[test]
    fn a_follower_hears_and_shows_whom_the_leader_chose_and_says_nothing_itself() {
        let mut shards = shards();
        // Seats in another order than at the leader.
        shards.follower.handle_input(Input::Timeout, shards.now);
        shards.join(1, 2, 0);
        shards.join(2, 0, 2);
        shards.talk(1, 1_000);
        let lead = shards.leader.lead();
        assert_eq!(lead.speaker, Some(PeerId(1)));
        assert_eq!(shards.follower.lead(), lead);
        shards.talk(2, 3_000);
        assert_eq!(shards.follower.lead().speaker, Some(PeerId(2)));
        assert_eq!(shards.follower.lead().previous, Some(PeerId(1)));
        let mut outputs = std::iter::from_fn(|| match shards.follower.poll_output() {
            Output::Timeout(_) => None,
            output => Some(output),
        });
        assert!(outputs.all(|output| !matches!(
            output,
            Output::Lead | Output::Event(Event::Speaker(_) | Event::Speaking { .. })
        )));
        let hears = shards.follower.slots(PeerId(2)).unwrap();
        assert_eq!(
            hears.audio,
            [None, None],
            "not itself, and the other is quiet by now"
        );
    }

    #[test]
    fn a_lead_that_comes_before_its_seat_waits_for_it() {
        let mut shards = shards();
        shards.join(2, 0, 2);
        let lead = Lead {
            speaker: Some(PeerId(9)),
            spotlight: Some(PeerId(9)),
            voices: vec![Some(PeerId(9)), None, None, None],
            ..Lead::default()
        };
        shards
            .follower
            .handle_input(Input::Follow { lead: &lead }, shards.now);
        assert_eq!(shards.follower.lead().speaker, None);
        shards.join(9, 1, 0);
        assert_eq!(shards.follower.lead(), lead);
    }

    #[test]
    fn what_another_shard_waits_for_is_asked_once_a_second() {
        let mut shards = shards();
        shards.join(1, 2, 0);
        let seat = shards.leader.seat_index(PeerId(1)).unwrap();
        let source = Source::new(seat, Track::Main, Kind::Video, 0);
        let mut asked = 0;
        for step in 0..25 {
            shards
                .leader
                .ingest(source, &picture(step, false, 100), shards.now);
            shards.leader.drain(shards.now, |_| {});
            shards
                .leader
                .handle_input(Input::Wanted { source }, shards.now);
            loop {
                match shards.leader.poll_output() {
                    Output::KeyframeRequest { .. } => asked += 1,
                    Output::Timeout(_) => break,
                    _ => {}
                }
            }
            shards.now += Duration::from_millis(100);
        }
        assert_eq!(asked, 3, "at 0, 1 and 2 s");
    }
}
