//! One live room: the conference machine with its sockets' ends, its peers in the bridge and its recording.
//!
//! A task of its own, so that a broken invariant in one room ends that room alone.

mod media;
mod port;
mod push;
mod recordings;
mod seatings;
mod streams;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nhipcau_conference::{
    Actor, Code, Command, ConnectionId, Input, Now, Output, Reason, Role, Room, SeatId, SiteKey,
};
use nhipcau_media_rtc::{Bridge, RoomId};
use tokio::sync::{mpsc, oneshot};

use self::media::mode_of;
pub(crate) use self::media::{peer_of, seat_of};
pub(crate) use self::port::{
    Figures, PAGE_QUEUE_MAX, PageSender, RoomInput, RoomParts, Seated, Surroundings,
};
use self::push::say;
use self::seatings::Seatings;
pub(crate) use self::streams::{Answered, StreamJoin, StreamReply, StreamWish};
use self::streams::{Stream, WaitingStream};
use super::message::{IceServer, PageMessage, ServerMessage, SlotCounts};
use super::record::Recording;
use crate::http::views::RoomPreview;

/// Inputs waiting for a room. A page that finds it full waits, which slows only that page.
const INPUTS_MAX: usize = 1_024;
/// Desks (second screens of hosts) on one room; more are refused.
const DESKS_MAX: usize = 32;

/// Starts a room's task. The task ends when the meeting has ended and its last words are said, or when every sender is gone.
pub(crate) fn spawn(parts: RoomParts) -> (mpsc::Sender<RoomInput>, tokio::task::JoinHandle<()>) {
    let (sender, inbox) = mpsc::channel(INPUTS_MAX);
    parts.bridge.open_room(parts.room);
    let opened = parts.bridge.next_seating();
    let live = Live {
        inputs: sender.downgrade(),
        machine: parts.machine,
        bridge: parts.bridge,
        room: parts.room,
        title: parts.title,
        occurrence: parts.occurrence,
        slots: parts.slots,
        surroundings: parts.surroundings,
        figures: parts.figures,
        pages: HashMap::new(),
        desks: Vec::new(),
        streams: HashMap::new(),
        seatings: Seatings::new(opened),
        barred: HashSet::new(),
        waiting: None,
        waiting_stream: None,
        faults: Arc::default(),
        recordings: HashMap::new(),
        recording: None,
        recordings_begun: 0,
        stale: Stale::default(),
        pushed_at: None,
        entries: Vec::new(),
        keep: false,
        over: false,
    };
    (sender, tokio::spawn(live.run(inbox)))
}

/// A file of hours is finished in seconds, and on a slow disk in a minute.
const FINISH_WITHIN: Duration = Duration::from_secs(120);
/// The same when the daemon ends: what is not finished by then is repaired at the next start.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);

struct Page {
    connection: ConnectionId,
    sender: PageSender,
    role: Role,
    site: SiteKey,
}

#[derive(Default)]
struct Stale {
    board: bool,
    roster: bool,
}

struct Live {
    inputs: mpsc::WeakSender<RoomInput>,
    machine: Room,
    bridge: Bridge,
    room: RoomId,
    title: String,
    occurrence: Timestamp,
    slots: SlotCounts,
    surroundings: Arc<dyn Surroundings>,
    figures: Arc<Mutex<Figures>>,
    pages: HashMap<SeatId, Page>,
    desks: Vec<PageSender>,
    /// Sessions of devices. A seat has a page or a session, never both.
    streams: HashMap<SeatId, Stream>,
    seatings: Seatings,
    /// Passes whose devices were removed; there are at most as many as a conference has passes.
    barred: HashSet<i64>,
    /// The join that the machine is deciding.
    waiting: Option<Waiting>,
    /// The same, of a device.
    waiting_stream: Option<WaitingStream>,
    faults: Arc<nhipcau_lab::Faults>,
    /// Children by generation: the one that records, and older ones that still finish their files.
    recordings: HashMap<u64, Recording>,
    /// The generation that records.
    recording: Option<u64>,
    recordings_begun: u64,
    stale: Stale,
    pushed_at: Option<Instant>,
    entries: Vec<nhipcau_conference::AttendanceEntry>,
    keep: bool,
    over: bool,
}

/// An allocation may be begun within this time of joining; one that stands is refreshed for as long as its meeting lasts.
const RELAY_LASTS: Duration = Duration::from_secs(12 * 3600);

struct Waiting {
    preview: Box<RoomPreview>,
    reached_at: Option<String>,
    page: PageSender,
    role: Role,
    site: SiteKey,
    reply: Option<oneshot::Sender<Result<Seated, Code>>>,
}

impl Live {
    async fn run(mut self, mut inbox: mpsc::Receiver<RoomInput>) {
        loop {
            let timeout = self.drain();
            self.store();
            if self.over {
                break;
            }
            let push = self.push_due();
            let wake = [timeout, push]
                .into_iter()
                .flatten()
                .min()
                .unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            tokio::select! {
                input = inbox.recv() => match input {
                    Some(RoomInput::Drain(done)) => {
                        self.stop_recording(&Reason::new("daemon_restarted"));
                        self.keep = true;
                        self.store();
                        self.finish_recordings(&mut inbox, DRAIN_WITHIN).await;
                        let _ = done.send(());
                        return;
                    }
                    Some(input) => self.input(input),
                    None => break,
                },
                () = tokio::time::sleep_until(wake.into()) => {
                    if timeout.is_some_and(|at| at <= Instant::now()) {
                        let _ = self.machine.handle_input(Input::Timeout, now());
                    }
                }
            }
            self.push();
        }
        self.bridge.close_room(self.room);
        self.finish_recordings(&mut inbox, FINISH_WITHIN).await;
    }

    /// Hears the last words of the recordings, so that the index knows their files; everybody else hears that the meeting is over.
    async fn finish_recordings(&mut self, inbox: &mut mpsc::Receiver<RoomInput>, within: Duration) {
        let deadline = tokio::time::Instant::now() + within;
        while !self.recordings.is_empty() {
            match tokio::time::timeout_at(deadline, inbox.recv()).await {
                Ok(Some(RoomInput::Recorder { generation, event })) => {
                    self.recorder_event(generation, event)
                }
                Ok(Some(RoomInput::Join { reply, .. })) => drop(reply.send(Err(Code::RoomEnded))),
                Ok(Some(RoomInput::StreamJoin { seated, .. })) => {
                    drop(seated.send(Err(Code::RoomEnded)))
                }
                Ok(Some(RoomInput::Board(reply))) => drop(reply.send(self.machine.board())),
                Ok(Some(RoomInput::Drain(done))) => {
                    let _ = done.send(());
                    return;
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return,
            }
        }
    }

    fn input(&mut self, input: RoomInput) {
        match input {
            RoomInput::Join {
                join,
                preview,
                reached_at,
                page,
                reply,
            } => {
                self.waiting = Some(Waiting {
                    preview,
                    reached_at,
                    page,
                    role: join.role,
                    site: join.site.clone(),
                    reply: Some(reply),
                });
                if let Err(code) = self.machine.handle_input(Input::Join(join), now())
                    && let Some(reply) = self.waiting.take().and_then(|waiting| waiting.reply)
                {
                    let _ = reply.send(Err(code));
                }
            }
            RoomInput::StreamJoin { stream, seated } => self.stream_join(*stream, seated),
            RoomInput::StreamRefused { seat, connection } => self.stream_refused(seat, connection),
            RoomInput::Answered(seat) => self.answered(seat),
            RoomInput::Stream {
                session,
                pass,
                wish,
                reply,
            } => self.stream_wish(&session, pass, wish, reply),
            RoomInput::PassRevoked { pass, by } => self.pass_revoked(pass, by),
            RoomInput::Page {
                seat,
                connection,
                message,
            } => {
                // A replaced page may still have a message on its way.
                if self
                    .pages
                    .get(&seat)
                    .is_some_and(|page| page.connection == connection)
                {
                    self.page(seat, message);
                }
            }
            RoomInput::PageLost { seat, connection } => {
                if self
                    .pages
                    .get(&seat)
                    .is_some_and(|page| page.connection == connection)
                {
                    self.pages.remove(&seat);
                }
                let _ = self
                    .machine
                    .handle_input(Input::SignallingLost { seat, connection }, now());
            }
            RoomInput::Desk { desk } => {
                self.desks.retain(|desk| !desk.is_closed());
                if self.desks.len() < DESKS_MAX {
                    let _ = desk.try_send(
                        ServerMessage::Board {
                            board: self.machine.board(),
                        }
                        .text()
                        .into(),
                    );
                    self.desks.push(desk);
                }
            }
            RoomInput::DeskCommand { by, message, desk } => match message.command() {
                Some((command, reference)) => {
                    self.command(Actor::Host(by), command, reference, &desk)
                }
                None => say(&desk, &ServerMessage::error("bad_request")),
            },
            RoomInput::Bridge(event) => self.bridge_event(event),
            RoomInput::Network {
                site,
                cause,
                health,
                line,
            } => {
                let _ = self.machine.handle_input(
                    Input::SiteCause {
                        site: site.clone(),
                        cause,
                    },
                    now(),
                );
                let _ = self
                    .machine
                    .handle_input(Input::SiteLine { site, health, line }, now());
            }
            RoomInput::Faults(faults) => {
                self.faults = faults;
                for (seat, site) in self
                    .pages
                    .iter()
                    .map(|(seat, page)| (*seat, page.site.clone()))
                    .chain(
                        self.streams
                            .iter()
                            .map(|(seat, stream)| (*seat, stream.site.clone())),
                    )
                    .collect::<Vec<_>>()
                {
                    self.impair(seat, &site);
                }
            }
            RoomInput::Recorder { generation, event } => self.recorder_event(generation, event),
            RoomInput::Invited(sites) => {
                let _ = self.machine.handle_input(Input::Invited(sites), now());
            }
            RoomInput::Cancel => {
                let _ = self.machine.handle_input(
                    Input::Command {
                        by: Actor::Host(String::new()),
                        command: Command::End,
                    },
                    now(),
                );
            }
            RoomInput::Board(reply) => drop(reply.send(self.machine.board())),
            RoomInput::Drain(done) => drop(done.send(())),
        }
    }

    fn page(&mut self, seat: SeatId, message: PageMessage) {
        let Some(page) = self.pages.get(&seat) else {
            return;
        };
        let sender = page.sender.clone();
        if let Some((command, reference)) = message.command() {
            self.command(Actor::Seat(seat), command, reference, &sender);
            return;
        }
        let outcome = match message {
            PageMessage::Offer { id, sdp } => {
                self.answer(seat, id, sdp, sender.clone());
                Ok(())
            }
            PageMessage::Media { mic, cam } => self
                .machine
                .handle_input(Input::Media { seat, mic, cam }, now()),
            PageMessage::View { large, tiles } => {
                self.bridge.set_view(
                    self.peer(seat),
                    large.map(|shown| self.track(shown)),
                    tiles.into_iter().map(|shown| self.track(shown)).collect(),
                );
                Ok(())
            }
            PageMessage::Hand { raised } => self
                .machine
                .handle_input(Input::Hand { seat, raised }, now()),
            PageMessage::Share { slides, document } => self.machine.handle_input(
                Input::Share {
                    seat,
                    slides,
                    document,
                },
                now(),
            ),
            PageMessage::Mode { mode } => {
                self.machine.handle_input(Input::Mode { seat, mode }, now())
            }
            PageMessage::Leave {} => self.machine.handle_input(Input::Leave(seat), now()),
            PageMessage::Stats {
                rtt_ms,
                loss_percent,
                width,
                fps,
                freezes,
            } => {
                tracing::debug!(room = self.room.0, %seat, rtt_ms, loss_percent, width, fps, freezes, "a page's own figures");
                Ok(())
            }
            // A second `join` on a seated socket, and the commands, which are handled above.
            _ => Err(Code::BadRequest),
        };
        if let Err(code) = outcome {
            say(&sender, &ServerMessage::error(code.as_str()));
        }
    }

    fn command(&mut self, by: Actor, command: Command, reference: Option<String>, to: &PageSender) {
        match self
            .machine
            .handle_input(Input::Command { by, command }, now())
        {
            Ok(()) => {
                if let Some(reference) = reference {
                    say(to, &ServerMessage::Done { reference });
                }
            }
            Err(code) => say(
                to,
                &ServerMessage::Error {
                    code: code.as_str(),
                    reference,
                    id: None,
                },
            ),
        }
    }

    /// Carries out everything the machine wants.
    fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.machine.poll_output() {
                Output::Joined {
                    connection,
                    seat,
                    resume,
                    resumed,
                    replaced,
                } => self.joined(connection, seat, resume, resumed, replaced),
                Output::BoardChanged => {
                    self.stale.board = true;
                    self.keep = true;
                    self.surroundings.board_changed();
                }
                Output::RosterChanged => self.stale.roster = true,
                Output::Muted { seat, by } => {
                    self.bar(seat);
                    self.tell(seat, &ServerMessage::Muted { by });
                }
                Output::Unmuted(seat) => self.bar(seat),
                Output::Shares {
                    seat,
                    slides,
                    document,
                    by,
                } => {
                    self.bridge.set_shares(self.peer(seat), slides, document);
                    self.tell(
                        seat,
                        &ServerMessage::Shares {
                            slides,
                            document,
                            by,
                        },
                    );
                }
                Output::Mode { seat, mode, by } => {
                    self.bridge.set_mode(self.peer(seat), mode_of(mode));
                    self.bar(seat);
                    self.tell(seat, &ServerMessage::Mode { mode, by });
                }
                Output::Chair(seat) => self
                    .bridge
                    .set_chair(self.room, seat.map(|seat| self.peer(seat))),
                Output::FloorGranted(seat) => {
                    self.tell(seat, &ServerMessage::Floor { granted: true })
                }
                Output::FloorTaken(seat) => {
                    self.tell(seat, &ServerMessage::Floor { granted: false })
                }
                Output::Spotlight(seat) => self
                    .bridge
                    .set_spotlight(self.room, seat.map(|seat| self.peer(seat))),
                Output::Speaker(seat) => {
                    self.tell_all(&ServerMessage::Speaker { participant: seat })
                }
                Output::Notice { seat, reason } => {
                    self.tell(seat, &ServerMessage::Notice { reason })
                }
                Output::Removed(seat) => {
                    self.tell(seat, &ServerMessage::Removed);
                    self.stream_removed(seat);
                    self.close(seat);
                }
                Output::Closed(seat) => self.close(seat),
                Output::Ended => self.end(),
                Output::RecordRequested { on: true, .. } => self.start_recording(),
                Output::RecordRequested { on: false, by } => {
                    self.stop_recording(&Reason::new("stopped_by").with("name", by))
                }
                Output::Attendance(entry) => {
                    self.entries.push(entry);
                    self.keep = true;
                }
                Output::SiteDropped { site, reason, .. } => {
                    self.surroundings.site(site, Some(reason))
                }
                Output::SiteBack { site } => self.surroundings.site(site, None),
                Output::Timeout(at) => return at,
            }
        }
    }

    fn joined(
        &mut self,
        connection: ConnectionId,
        seat: SeatId,
        resume: String,
        resumed: bool,
        replaced: Option<ConnectionId>,
    ) {
        if let Some(waiting) = self.waiting_stream.take() {
            return self.stream_joined(connection, seat, waiting);
        }
        let Some(mut waiting) = self.waiting.take() else {
            return;
        };
        if replaced.is_some()
            && let Some(old) = self.pages.remove(&seat)
        {
            say(&old.sender, &ServerMessage::Replaced);
        }
        let Some(me) = self.machine.participant(seat) else {
            return;
        };
        waiting.preview.recording = self.recording.is_some();
        let ice_servers = waiting
            .reached_at
            .map(|host| self.relay_server(seat, &host))
            .into_iter()
            .collect();
        say(
            &waiting.page,
            &ServerMessage::Welcome {
                me,
                resume,
                room: waiting.preview,
                ice_servers,
                slots: self.slots,
            },
        );
        self.pages.insert(
            seat,
            Page {
                connection,
                sender: waiting.page,
                role: waiting.role,
                site: waiting.site.clone(),
            },
        );
        self.impair(seat, &waiting.site);
        self.stale.roster = true;
        self.stale.board = true;
        tracing::info!(room = self.room.0, %seat, site = %waiting.site, resumed, "a seat was taken");
        if let Some(reply) = waiting.reply.take() {
            let _ = reply.send(Ok(Seated { seat }));
        }
    }

    /// The embedded TURN server as the page of `seat` reaches it: on the port of the pages, which no office blocks.
    fn relay_server(&self, seat: SeatId, host: &str) -> IceServer {
        let credentials = self
            .bridge
            .relay_credentials(self.peer(seat).0, RELAY_LASTS);
        // `turns:` without a port means 5349 (RFC 7065 section 3.1).
        let has_port = host
            .rsplit_once(':')
            .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
        let port = if has_port { "" } else { ":443" };
        IceServer {
            urls: [format!("turns:{host}{port}?transport=tcp")],
            username: credentials.name,
            credential: credentials.password,
        }
    }

    fn close(&mut self, seat: SeatId) {
        self.pages.remove(&seat);
        self.streams.remove(&seat);
        self.seatings.forget(seat);
        self.bridge.leave(self.peer(seat));
    }

    fn end(&mut self) {
        self.stop_recording(&Reason::new("conference_ended"));
        self.tell_all(&ServerMessage::Ended);
        for desk in self.desks.drain(..) {
            say(&desk, &ServerMessage::Ended);
        }
        self.pages.clear();
        self.streams.clear();
        self.keep = true;
        self.over = true;
        self.surroundings.ended(self.occurrence);
    }

    fn store(&mut self) {
        if std::mem::take(&mut self.keep) {
            *self.figures.lock().unwrap_or_else(PoisonError::into_inner) = Figures {
                occupancy: self.machine.occupancy(),
                joined: self.machine.board().counts.joined,
                recording: self.recording.is_some(),
            };
            let entries = std::mem::take(&mut self.entries);
            self.surroundings
                .keep(self.occurrence, entries, self.machine.snapshot());
        }
    }
}

fn now() -> Now {
    Now {
        instant: Instant::now(),
        at: Timestamp::now(),
    }
}
