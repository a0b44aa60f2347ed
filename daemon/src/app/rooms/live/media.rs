//! The room's peers in the bridge: seats as peers, what the bridge reports, what it is told of a seat.

use nhipcau_conference::{Input, Reason, SeatId, SiteKey};
use nhipcau_media_rtc::{
    BridgeEvent, Flow, GoneReason, Impairment, LoweredReason, PeerId, TrackId,
};

use super::push::say;
use super::{Live, PageSender, RoomInput, now};
use crate::app::rooms::message::{ServerMessage, Shown, Slot, Track, Withheld};

/// Peers of one room have numbers of their own below this.
const SEATS_PER_ROOM: u64 = 1 << 24;

impl Live {
    /// The bridge answers within 5 s at worst; the room does not wait for it.
    pub(super) fn answer(&self, seat: SeatId, id: u64, sdp: String, page: PageSender) {
        let (bridge, room, peer) = (self.bridge.clone(), self.room, self.peer(seat));
        let (inputs, seating) = (self.inputs.clone(), bridge.next_seating());
        tokio::task::spawn_blocking(move || {
            let answer = bridge
                .read_offer(&sdp, Flow::Both)
                .and_then(|offer| bridge.join_read(room, peer, seating, offer));
            let message = match answer {
                Ok(answer) => {
                    if let Some(inputs) = inputs.upgrade() {
                        let _ = inputs.blocking_send(RoomInput::Answered(seat));
                    }
                    ServerMessage::Answer {
                        id,
                        sdp: answer.sdp,
                    }
                }
                Err(error) => {
                    tracing::info!(room = room.0, %seat, %error, "an offer was refused");
                    use nhipcau_media_rtc::JoinError;
                    let code = match error {
                        JoinError::NoSuchRoom | JoinError::OtherRoom => "no_such_room",
                        JoinError::TooManyPeers => "too_many_peers",
                        JoinError::BadSdp(_)
                        | JoinError::NothingUsable
                        | JoinError::PartlyUsable
                        | JoinError::ExtensionRemapped => "bad_sdp",
                        // The page has sent another one since, whose answer it waits for.
                        JoinError::Superseded | JoinError::Unavailable => "internal",
                    };
                    ServerMessage::Error {
                        code,
                        reference: None,
                        id: Some(id),
                    }
                }
            };
            say(&page, &message);
        });
    }

    /// Who left while its offer was on the way to the bridge does not stay there.
    pub(super) fn answered(&mut self, seat: SeatId) {
        if self.machine.participant(seat).is_none() {
            self.bridge.leave(self.peer(seat));
        }
    }

    pub(super) fn bridge_event(&mut self, event: BridgeEvent) {
        if let Some((peer, seating)) = event.seating() {
            let seat = seat_of(peer);
            if self.machine.participant(seat).is_none() || !self.seatings.hear(seat, seating) {
                return;
            }
        }
        match event {
            BridgeEvent::Connected { peer, .. } => self.seat_input(peer, Input::MediaConnected),
            BridgeEvent::Silent { peer, .. } => self.seat_input(peer, Input::MediaSilent),
            BridgeEvent::Gone { peer, reason, .. } => {
                self.media_gone(seat_of(peer), reason == GoneReason::Closed)
            }
            BridgeEvent::Recovered { peer, .. } => self.seat_input(peer, Input::MediaRecovered),
            BridgeEvent::Speaker { peer, .. } => {
                let seat = peer.map(seat_of);
                let _ = self.machine.handle_input(Input::Speaking(seat), now());
            }
            BridgeEvent::Slots {
                peer,
                video,
                audio,
                withheld,
                ..
            } => {
                let slots = |uses: Vec<Option<nhipcau_media_rtc::SlotUse>>| {
                    uses.into_iter()
                        .map(|slot| {
                            slot.map(|slot| Slot {
                                mid: slot.mid,
                                participant: seat_of(slot.shown.peer),
                                track: track_word(slot.shown.track),
                            })
                        })
                        .collect()
                };
                self.tell(
                    seat_of(peer),
                    &ServerMessage::Slots {
                        video: slots(video),
                        audio: slots(audio),
                        withheld: withheld
                            .into_iter()
                            .map(|(shown, why)| Withheld {
                                participant: seat_of(shown.peer),
                                track: track_word(shown.track),
                                why: match why {
                                    nhipcau_media_rtc::Withheld::Mode => "mode",
                                    nhipcau_media_rtc::Withheld::Estimate => "estimate",
                                    nhipcau_media_rtc::Withheld::Fallen => "fallen",
                                    nhipcau_media_rtc::Withheld::Codec => "codec",
                                },
                            })
                            .collect(),
                    },
                );
            }
            BridgeEvent::LayerLowered { peer, reason, .. } => self.tell(
                seat_of(peer),
                &ServerMessage::Notice {
                    reason: match reason {
                        LoweredReason::Codec { codec } => {
                            Reason::new("codec_unknown").with("codec", codec.name())
                        }
                        LoweredReason::Estimate { .. } | LoweredReason::NoKeyframe => {
                            Reason::new("layer_lowered")
                        }
                    },
                },
            ),
            BridgeEvent::SoundOnly { peer, on, .. } => {
                let seat = seat_of(peer);
                let _ = self
                    .machine
                    .handle_input(Input::LineFell { seat, on }, now());
                let reason = Reason::new(if on { "sound_only" } else { "picture_back" });
                self.tell(seat, &ServerMessage::Notice { reason });
            }
            // Who speaks beyond the speaker is in the levels that each page measures itself.
            BridgeEvent::Speaking { .. } => {}
            BridgeEvent::RoomPanicked { .. } => {
                tracing::error!(
                    room = self.room.0,
                    "the bridge closed the room over a broken invariant; pages reconnect"
                );
                self.bridge.open_room(self.room);
            }
        }
    }

    fn seat_input(&mut self, peer: PeerId, input: fn(SeatId) -> Input) {
        let _ = self.machine.handle_input(input(seat_of(peer)), now());
    }

    pub(super) fn impair(&self, seat: SeatId, site: &SiteKey) {
        let impairment = Impairment {
            drop: self.faults.dropped_sites.contains(site.as_str()),
            rate_bps: self.faults.narrowed_sites.get(site.as_str()).copied(),
        };
        self.bridge.set_impairment(self.peer(seat), impairment);
    }

    /// Bars what the host has muted, and the picture of who takes part with sound only.
    pub(super) fn bar(&self, seat: SeatId) {
        if let Some(one) = self.machine.participant(seat) {
            let sound_only = one.mode == nhipcau_conference::Mode::SoundOnly;
            self.bridge
                .set_muted(self.peer(seat), one.muted_by_host, sound_only);
        }
    }

    pub(super) fn track(&self, shown: Shown) -> TrackId {
        TrackId {
            peer: self.peer(shown.participant),
            track: match shown.track {
                Track::Main => nhipcau_media_rtc::Track::Main,
                Track::Slides => nhipcau_media_rtc::Track::Slides,
                Track::Document => nhipcau_media_rtc::Track::Document,
            },
        }
    }

    pub(super) fn peer(&self, seat: SeatId) -> PeerId {
        peer_of(self.room.0, seat)
    }
}

/// The bridge's name of a seat.
pub(crate) fn peer_of(room: u64, seat: SeatId) -> PeerId {
    PeerId(room * SEATS_PER_ROOM + seat.0)
}

/// The seat of a peer of the bridge.
pub(crate) fn seat_of(peer: PeerId) -> SeatId {
    SeatId(peer.0 % SEATS_PER_ROOM)
}

fn track_word(track: nhipcau_media_rtc::Track) -> Track {
    match track {
        nhipcau_media_rtc::Track::Main => Track::Main,
        nhipcau_media_rtc::Track::Slides => Track::Slides,
        nhipcau_media_rtc::Track::Document => Track::Document,
    }
}

pub(super) fn mode_of(mode: nhipcau_conference::Mode) -> nhipcau_media_rtc::Mode {
    match mode {
        nhipcau_conference::Mode::Normal => nhipcau_media_rtc::Mode::Normal,
        nhipcau_conference::Mode::Light => nhipcau_media_rtc::Mode::Light,
        nhipcau_conference::Mode::SoundOnly => nhipcau_media_rtc::Mode::SoundOnly,
    }
}
