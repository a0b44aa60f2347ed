//! The WebSocket of the room page: from the first `join` to the last word. The room itself decides everything else.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;

use super::Peer;
use super::guard::base_url;
use crate::app::rooms::message::{PageMessage, ServerMessage};
use crate::app::rooms::{Admitted, PAGE_QUEUE_MAX, RoomInput};
use crate::app::tally::Socket;
use crate::app::{App, Guest};

/// The first message must come within this time.
const JOIN_WITHIN: Duration = Duration::from_secs(10);
/// Longest message: an offer.
const MESSAGE_MAX: usize = 256 * 1024;
/// Longest message of any other kind.
const SMALL_MESSAGE_MAX: usize = 64 * 1024;
/// The daemon asks whether the page is there; a line that is cut says nothing by itself.
const PING_EVERY: Duration = Duration::from_secs(5);
/// A page that answers nothing for this long is gone.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// Messages in a row that make no sense before the socket is closed: one bad message kills nothing, a stream of them is no page.
const NONSENSE_MAX: u32 = 50;

/// GET `/room/{room}`
pub(super) async fn open(
    State(app): State<App>,
    Path(room): Path<String>,
    peer: Peer,
    uri: Uri,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let base = base_url(&uri, &headers, peer.secure, &app.settings());
    let reached_at = base
        .ok()
        .and_then(|base| Some(base.strip_prefix("https://")?.to_owned()));
    upgrade
        .max_message_size(MESSAGE_MAX)
        .max_frame_size(MESSAGE_MAX)
        .on_upgrade(move |socket| serve(app, room, reached_at, socket))
}

async fn serve(app: App, room: String, reached_at: Option<String>, mut socket: WebSocket) {
    let _open = app.tally().open_socket(Socket::Room);
    let Some(guest) = first_join(&mut socket, reached_at).await else {
        return;
    };
    let (page, outbox) = mpsc::channel(PAGE_QUEUE_MAX);
    match app.enter_room(&room, guest, page).await {
        Ok(admitted) => converse(socket, admitted, outbox).await,
        Err(code) => {
            let _ = socket
                .send(Message::text(ServerMessage::error(code).text()))
                .await;
        }
    }
}

async fn first_join(socket: &mut WebSocket, reached_at: Option<String>) -> Option<Guest> {
    let first = tokio::time::timeout(JOIN_WITHIN, async {
        loop {
            match socket.recv().await?.ok()? {
                Message::Text(text) => return Some(text),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    })
    .await;
    match first.ok().flatten().map(|text| PageMessage::parse(&text)) {
        Some(Ok(PageMessage::Join {
            token,
            name,
            resume,
            mic,
            cam,
        })) => Some(Guest {
            token,
            name,
            resume,
            mic,
            cam,
            reached_at,
        }),
        Some(_) => {
            let _ = socket
                .send(Message::text(ServerMessage::error("not_joined").text()))
                .await;
            None
        }
        None => None,
    }
}

async fn converse(socket: WebSocket, admitted: Admitted, mut outbox: mpsc::Receiver<Arc<str>>) {
    let Admitted {
        seat,
        connection,
        room,
    } = admitted;
    let (mut sink, mut stream) = socket.split();
    let mut ping = tokio::time::interval(PING_EVERY);
    let mut heard = tokio::time::Instant::now();
    let mut nonsense = 0;
    let mut left = false;
    loop {
        tokio::select! {
            outgoing = outbox.recv() => match outgoing {
                Some(text) => {
                    if sink.send(Message::text(&*text)).await.is_err() {
                        break;
                    }
                }
                // The room let the page go: its last word is sent.
                None => {
                    left = true;
                    break;
                }
            },
            incoming = stream.next() => {
                let Some(Ok(message)) = incoming else { break };
                heard = tokio::time::Instant::now();
                match message {
                    Message::Text(text) => match read(&text) {
                        Ok(message) => {
                            nonsense = 0;
                            left = matches!(message, PageMessage::Leave {});
                            if room.send(RoomInput::Page { seat, connection, message }).await.is_err() {
                                break;
                            }
                        }
                        Err(code) => {
                            nonsense += 1;
                            if nonsense > NONSENSE_MAX || sink.send(Message::text(ServerMessage::error(code).text())).await.is_err() {
                                break;
                            }
                        }
                    },
                    Message::Close(_) => break,
                    Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => {}
                }
            }
            _ = ping.tick() => {
                if heard.elapsed() > SILENCE_MAX || sink.send(Message::Ping(Default::default())).await.is_err() {
                    break;
                }
            }
        }
    }
    if !left {
        let _ = room.send(RoomInput::PageLost { seat, connection }).await;
    }
    let _ = sink.close().await;
}

fn read(text: &str) -> Result<PageMessage, &'static str> {
    let message = PageMessage::parse(text).map_err(|error| error.code())?;
    match message {
        PageMessage::Offer { .. } => Ok(message),
        _ if text.len() > SMALL_MESSAGE_MAX => Err("too_large"),
        _ => Ok(message),
    }
}
