//! The ways into live rooms and to the metrics: who may come in, and with what.

use std::net::IpAddr;

use nhipcau_conference::{Code, ConferenceId};
use tokio::sync::mpsc;

use super::rooms::{Admitted, Entrance, PageSender, RoomInput};
use super::{App, Part, Refusal};

/// What a room page says of its person.
pub(crate) struct Guest {
    /// The link's token.
    pub(crate) token: String,
    /// As typed.
    pub(crate) name: String,
    /// To take an earlier seat up again.
    pub(crate) resume: Option<String>,
    /// Microphone on.
    pub(crate) mic: bool,
    /// Camera on.
    pub(crate) cam: bool,
    /// `HOST[:PORT]` under which its browser reaches this daemon over TLS; `None`: it came without.
    pub(crate) reached_at: Option<String>,
}

impl App {
    /// Seats a guest whose token opens this room. Site and role come from the token, never from the page.
    ///
    /// # Errors
    /// The protocol's code to answer with.
    pub(crate) async fn enter_room(
        &self,
        room: &str,
        guest: Guest,
        page: PageSender,
    ) -> Result<Admitted, &'static str> {
        let machines = self.machines().ok_or("internal")?;
        let admission = self
            .bookings()
            .admit(room, &guest.token)
            .await
            .map_err(|refusal| refusal.code)?;
        if !admission.standing.doors_open() {
            use crate::http::views::ConferenceState;
            return Err(match admission.standing.state() {
                ConferenceState::Scheduled => Code::RoomNotOpen.as_str(),
                _ => Code::RoomEnded.as_str(),
            });
        }
        let preview = Box::new(self.bookings().preview(&admission));
        let opening = machines
            .opening(admission.conference, admission.standing.occurrence)
            .await
            .map_err(|refusal| refusal.code)?;
        let entrance = Entrance {
            site: admission.site.to_string(),
            role: admission.role,
            name: guest.name,
            resume: guest.resume,
            mic: guest.mic,
            cam: guest.cam,
            reached_at: guest.reached_at,
            preview,
            page,
        };
        machines
            .rooms
            .enter(opening, entrance)
            .await
            .map_err(Code::as_str)
    }

    /// The way of a host's desk into the room of a conference whose doors are open.
    ///
    /// # Errors
    /// `not_found`, `room_not_open`, `room_ended`.
    pub(crate) async fn desk(&self, conference: i64) -> Result<mpsc::Sender<RoomInput>, Refusal> {
        let machines = self
            .machines()
            .ok_or_else(|| Refusal::new("internal", "the daemon is starting"))?;
        let id = ConferenceId(conference);
        let standing = self
            .bookings()
            .standing(id)
            .ok_or_else(|| Refusal::new("not_found", "no such conference"))?;
        if !standing.doors_open() {
            use crate::http::views::ConferenceState;
            let code = if standing.state() == ConferenceState::Scheduled {
                Code::RoomNotOpen
            } else {
                Code::RoomEnded
            };
            return Err(Refusal::new(code.as_str(), "the room is not open"));
        }
        let opening = machines.opening(id, standing.occurrence).await?;
        machines
            .rooms
            .open_for_desk(opening)
            .map_err(|code| Refusal::new(code.as_str(), "the room cannot be opened"))
    }

    /// Whether somebody at this address, with this bearer, may read the metrics.
    pub(crate) fn may_scrape(&self, from: IpAddr, bearer: Option<&str>) -> bool {
        self.machines()
            .is_some_and(|machines| machines.scrapers().allow(from, bearer))
    }

    /// The metrics as text, or one part of them.
    ///
    /// # Errors
    /// `internal` while the daemon starts, or for a fault of the catalog.
    pub(crate) async fn exposition(&self, part: Part) -> Result<String, Refusal> {
        let machines = self
            .machines()
            .ok_or_else(|| Refusal::new("internal", "the daemon is starting"))?;
        let snapshot = machines.figures(part).await;
        machines
            .metrics
            .render(&snapshot)
            .map_err(|error| Refusal::new("internal", error.to_string()))
    }
}
