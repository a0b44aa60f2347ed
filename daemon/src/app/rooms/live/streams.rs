//! Devices in the room that joined by WHIP or WHEP: their HTTP session takes the place of a page's socket.

use nhipcau_conference::{
    Actor, Code, Command, ConnectionId, Input, Join, SeatId, SeatKind, SiteKey,
};
use nhipcau_media_rtc::{IceAnswer, ReadOffer, Seating};
use tokio::sync::oneshot;

use super::{Live, RoomInput, Seated, now};
use crate::app::Refusal;
use crate::app::rooms::message::IceServer;
use crate::app::streams::{Patched, refusal_of};

/// A device that asks for a seat: its pass and its offer are checked.
pub(crate) struct StreamJoin {
    pub(crate) join: Join,
    pub(crate) offer: ReadOffer,
    /// Name of the session.
    pub(crate) session: String,
    /// The pass with which it came.
    pub(crate) pass: i64,
    /// The host, with its port, under which the device reaches the daemon over TLS; without one it is told no relay.
    pub(crate) reached_at: Option<String>,
    /// What it is answered.
    pub(crate) reply: oneshot::Sender<Result<Answered, Refusal>>,
}

/// What a device is answered.
pub(crate) struct Answered {
    /// The bridge's answer.
    pub(crate) sdp: String,
    /// The embedded TURN server.
    pub(crate) relay: Option<IceServer>,
}

/// What a device asks of its session.
pub(crate) enum StreamWish {
    /// To end it.
    End,
    /// To tell candidates of the ICE session of one of these numbers.
    Trickle {
        /// The numbers.
        generations: Vec<u64>,
    },
    /// To restart ICE.
    Restart {
        /// The device's new ICE user name.
        ufrag: String,
    },
}

/// The way back of a [`StreamWish`]; `None`: the pass has no such session.
pub(crate) type StreamReply = oneshot::Sender<Result<Option<Patched>, Refusal>>;

/// A session.
pub(super) struct Stream {
    pub(super) connection: ConnectionId,
    pub(super) site: SiteKey,
    session: String,
    pass: i64,
    /// Of its offer.
    seating: Seating,
    /// Number of its ICE session.
    generation: u64,
}

/// The join that the machine is deciding, of a device.
pub(super) struct WaitingStream {
    site: SiteKey,
    offer: ReadOffer,
    session: String,
    pass: i64,
    reached_at: Option<String>,
    seated: Option<oneshot::Sender<Result<Seated, Code>>>,
    reply: oneshot::Sender<Result<Answered, Refusal>>,
}

impl Live {
    pub(super) fn stream_join(
        &mut self,
        stream: StreamJoin,
        seated: oneshot::Sender<Result<Seated, Code>>,
    ) {
        // Removed a moment ago; the store has yet to forget the pass.
        if self.barred.contains(&stream.pass) {
            let _ = seated.send(Err(Code::NoSuchRoom));
            return;
        }
        self.waiting_stream = Some(WaitingStream {
            site: stream.join.site.clone(),
            offer: stream.offer,
            session: stream.session,
            pass: stream.pass,
            reached_at: stream.reached_at,
            seated: Some(seated),
            reply: stream.reply,
        });
        if let Err(code) = self.machine.handle_input(Input::Join(stream.join), now())
            && let Some(seated) = self
                .waiting_stream
                .take()
                .and_then(|mut waiting| waiting.seated.take())
        {
            let _ = seated.send(Err(code));
        }
    }

    /// A device has its seat; the bridge is asked without holding the room up.
    pub(super) fn stream_joined(
        &mut self,
        connection: ConnectionId,
        seat: SeatId,
        mut waiting: WaitingStream,
    ) {
        tracing::info!(room = self.room.0, %seat, site = %waiting.site, pass = waiting.pass, "a device took a seat");
        if let Some(seated) = waiting.seated.take() {
            let _ = seated.send(Ok(Seated { seat }));
        }
        let offer = waiting.offer.of_session(&waiting.session);
        let seating = self.bridge.next_seating();
        self.seatings.begin(seat, seating);
        self.streams.insert(
            seat,
            Stream {
                connection,
                site: waiting.site.clone(),
                session: waiting.session,
                pass: waiting.pass,
                seating,
                generation: 1,
            },
        );
        self.impair(seat, &waiting.site);
        self.stale.roster = true;
        self.stale.board = true;
        let relay = waiting
            .reached_at
            .map(|host| self.relay_server(seat, &host));
        let (bridge, room, peer) = (self.bridge.clone(), self.room, self.peer(seat));
        let inputs = self.inputs.clone();
        tokio::task::spawn_blocking(move || {
            let answer = bridge
                .join_read(room, peer, seating, offer)
                .map(|answer| Answered {
                    sdp: answer.sdp,
                    relay,
                })
                .map_err(|error| {
                    tracing::info!(room = room.0, %seat, %error, "a device's offer was refused");
                    refusal_of(&error)
                });
            if let Some(inputs) = inputs.upgrade() {
                let heard = match &answer {
                    Ok(_) => RoomInput::Answered(seat),
                    Err(_) => RoomInput::StreamRefused { seat, connection },
                };
                let _ = inputs.blocking_send(heard);
            }
            let _ = waiting.reply.send(answer);
        });
    }

    /// The bridge did not take a device's offer: it gives the seat back, unless a newer session has it.
    pub(super) fn stream_refused(&mut self, seat: SeatId, connection: ConnectionId) {
        if self
            .streams
            .get(&seat)
            .is_some_and(|stream| stream.connection == connection)
        {
            let _ = self.machine.handle_input(Input::Leave(seat), now());
        }
    }

    pub(super) fn stream_wish(
        &mut self,
        session: &str,
        pass: i64,
        wish: StreamWish,
        reply: StreamReply,
    ) {
        let found = self
            .streams
            .iter_mut()
            .find(|(_, stream)| stream.session == session && stream.pass == pass);
        let Some((&seat, stream)) = found else {
            let _ = reply.send(Ok(None));
            return;
        };
        match wish {
            StreamWish::End => {
                let _ = self.machine.handle_input(Input::Leave(seat), now());
                let _ = reply.send(Ok(Some(Patched::Trickled)));
            }
            StreamWish::Trickle { generations } => {
                let answer = if generations.contains(&stream.generation) {
                    Ok(Some(Patched::Trickled))
                } else {
                    let message = "the tag is not the ICE session's";
                    Err(Refusal::new("precondition_failed", message))
                };
                let _ = reply.send(answer);
            }
            StreamWish::Restart { ufrag } => {
                stream.generation += 1;
                let (generation, seating) = (stream.generation, stream.seating);
                let (bridge, peer) = (self.bridge.clone(), self.peer(seat));
                tokio::task::spawn_blocking(move || {
                    let answer: Result<IceAnswer, _> = bridge.restart_ice(peer, seating, ufrag);
                    let patched = answer
                        .map(|answer| Some(Patched::Restarted(answer, generation)))
                        .map_err(|error| refusal_of(&error));
                    let _ = reply.send(patched);
                });
            }
        }
    }

    /// A host revoked a pass: its device is removed.
    pub(super) fn pass_revoked(&mut self, pass: i64, by: String) {
        self.barred.insert(pass);
        let seat = self
            .streams
            .iter()
            .find(|(_, stream)| stream.pass == pass)
            .map(|(seat, _)| *seat);
        // A device that was lost has its seat kept without a session; it goes when its time is over.
        if let Some(seat) = seat {
            let command = Input::Command {
                by: Actor::Host(by),
                command: Command::Remove(seat),
            };
            let _ = self.machine.handle_input(command, now());
        }
    }

    /// The host removed a seat; if a device sat in it, its pass is revoked.
    pub(super) fn stream_removed(&mut self, seat: SeatId) {
        if let Some(stream) = self.streams.remove(&seat) {
            self.barred.insert(stream.pass);
            self.surroundings.device_removed(stream.pass);
        }
    }

    /// The bridge lost or closed a seat's connection for good.
    pub(super) fn media_gone(&mut self, seat: SeatId, closed: bool) {
        let device = self
            .machine
            .participant(seat)
            .is_some_and(|participant| participant.kind != SeatKind::Person);
        if device {
            // Its session is over; the next POST begins another.
            self.streams.remove(&seat);
        }
        let _ = self
            .machine
            .handle_input(Input::MediaGone { seat, closed }, now());
    }
}
