//! The ways of devices into live rooms by WHIP and WHEP: a pass opens, the room seats, the bridge answers.

use std::net::IpAddr;

use nhipcau_conference::{Code, ConnectionId, Join, Role, SeatKind, SiteKey};
use nhipcau_media_rtc::{Flow, IceAnswer, JoinError};
use tokio::sync::oneshot;

use super::random::random_token;
use super::rooms::message::IceServer;
use super::rooms::{Answered, RoomInput, StreamJoin, StreamWish};
use super::{App, Refusal};
use crate::store::PassRow;

/// A device that asks for a seat.
pub(crate) struct Caller<'a> {
    /// The room of the path.
    pub(crate) room: &'a str,
    /// The bearer token.
    pub(crate) token: &'a str,
    /// By WHIP; else by WHEP.
    pub(crate) sends: bool,
    /// Where the request comes from.
    pub(crate) from: IpAddr,
    /// The host, with its port, under which it reaches the daemon over TLS.
    pub(crate) reached_at: Option<String>,
}

/// A device that was seated.
pub(crate) struct Streaming {
    /// The bridge's answer.
    pub(crate) sdp: String,
    /// Name of the session, unguessable: the last part of its path.
    pub(crate) session: String,
    /// The number of its ICE session.
    pub(crate) generation: u64,
    /// The embedded TURN server, for a device whose road lets no UDP through.
    pub(crate) relay: Option<IceServer>,
}

/// What became of a PATCH.
pub(crate) enum Patched {
    /// Candidates were taken note of: the bridge is ICE-lite and needs none.
    Trickled,
    /// The credentials after an ICE restart, and the number of the new ICE session.
    Restarted(IceAnswer, u64),
}

impl App {
    /// Seats a device by its offer.
    ///
    /// # Errors
    /// As [`super::PassDesk::admit`]; `bad_sdp`, `nothing_usable`, `room_not_open`, `room_ended`, `too_many_peers`.
    pub(crate) async fn begin_stream(
        &self,
        caller: Caller<'_>,
        offer: &str,
    ) -> Result<Streaming, Refusal> {
        let pass = self.pass(&caller).await?;
        let machines = self
            .machines()
            .ok_or_else(|| Refusal::new("internal", "the daemon is starting"))?;
        let standing = self
            .bookings()
            .standing(pass.conference)
            .ok_or_else(|| Refusal::new("room_ended", "there is no such conference any more"))?;
        if !standing.doors_open() {
            use crate::http::views::ConferenceState::Scheduled;
            let code = match standing.state() {
                Scheduled => Code::RoomNotOpen,
                _ => Code::RoomEnded,
            };
            return Err(Refusal::new(code.as_str(), "the room is not open"));
        }
        let flow = if caller.sends { Flow::Up } else { Flow::Down };
        let offer = machines
            .rooms
            .bridge()
            .read_offer(offer, flow)
            .map_err(|error| refusal_of(&error))?;
        let opening = machines
            .opening(pass.conference, standing.occurrence)
            .await?;
        let session = random_token()?;
        // The same for every session of a pass: a device that comes back takes its seat up again, also after a restart of the daemon.
        let resume = format!("pass:{}:{}", pass.id, pass.created_at.as_millisecond());
        let join = Join {
            connection: ConnectionId(0),
            site: SiteKey::from(pass.site.as_str()),
            role: if caller.sends {
                Role::Delegate
            } else {
                Role::Viewer
            },
            kind: if caller.sends {
                SeatKind::Encoder
            } else {
                SeatKind::Player
            },
            name: pass.name.clone(),
            resume: Some(resume.clone()),
            fresh_resume: resume,
            mic: offer.sends_audio(),
            cam: offer.sends_video(),
        };
        let (reply, answer) = oneshot::channel();
        let stream = StreamJoin {
            join,
            offer,
            session: session.clone(),
            pass: pass.id,
            reached_at: caller.reached_at,
            reply,
        };
        machines
            .rooms
            .enter_stream(opening, stream)
            .await
            .map_err(|code| Refusal::new(code.as_str(), "the room has no seat for the device"))?;
        let gone = || Refusal::new(Code::RoomEnded.as_str(), "the room ended");
        let Answered { sdp, relay } = answer.await.map_err(|_| gone())??;
        self.passes().used(&pass).await;
        Ok(Streaming {
            sdp,
            session,
            generation: 1,
            relay,
        })
    }

    /// Ends a device's session.
    ///
    /// # Errors
    /// As [`super::PassDesk::admit`]; `not_found` when the pass has no such session.
    pub(crate) async fn end_stream(
        &self,
        caller: Caller<'_>,
        session: &str,
    ) -> Result<(), Refusal> {
        let pass = self.pass(&caller).await?;
        self.ask(&pass, session, StreamWish::End)
            .await?
            .map(drop)
            .ok_or_else(no_such_session)
    }

    /// Takes a PATCH of a device's session: with the numbers of ICE sessions it is trickle for one of them, without any an ICE restart.
    ///
    /// # Errors
    /// As [`super::PassDesk::admit`]; `not_found`, `precondition_failed` when the tag is not the ICE session's.
    pub(crate) async fn patch_stream(
        &self,
        caller: Caller<'_>,
        session: &str,
        generations: Option<Vec<u64>>,
        ufrag: Option<&str>,
    ) -> Result<Patched, Refusal> {
        let pass = self.pass(&caller).await?;
        let wish = match generations {
            Some(generations) => StreamWish::Trickle { generations },
            None => StreamWish::Restart {
                ufrag: ufrag
                    .ok_or_else(|| {
                        let message = "an ICE restart needs a=ice-ufrag and a=ice-pwd";
                        Refusal::new("bad_request", message)
                    })?
                    .to_owned(),
            },
        };
        self.ask(&pass, session, wish)
            .await?
            .ok_or_else(no_such_session)
    }

    async fn pass(&self, caller: &Caller<'_>) -> Result<PassRow, Refusal> {
        self.passes()
            .admit(caller.room, caller.token, caller.sends, caller.from)
            .await
    }

    async fn ask(
        &self,
        pass: &PassRow,
        session: &str,
        wish: StreamWish,
    ) -> Result<Option<Patched>, Refusal> {
        let room = self
            .machines()
            .and_then(|machines| machines.rooms.find(pass.conference.0))
            .ok_or_else(no_such_session)?;
        let (reply, answer) = oneshot::channel();
        let input = RoomInput::Stream {
            session: session.to_owned(),
            pass: pass.id,
            wish,
            reply,
        };
        room.send(input).await.map_err(|_| no_such_session())?;
        answer.await.map_err(|_| no_such_session())?
    }
}

fn no_such_session() -> Refusal {
    Refusal::new("not_found", "no such session")
}

/// What a device is told when the bridge does not take its offer.
pub(crate) fn refusal_of(error: &JoinError) -> Refusal {
    let code = match error {
        JoinError::NoSuchRoom | JoinError::OtherRoom => "room_ended",
        JoinError::TooManyPeers => "too_many_peers",
        JoinError::BadSdp(_) => "bad_sdp",
        JoinError::NothingUsable | JoinError::PartlyUsable | JoinError::ExtensionRemapped => {
            "nothing_usable"
        }
        JoinError::Superseded => "replaced",
        JoinError::Unavailable => "internal",
    };
    Refusal::new(code, error.to_string())
}
