//! The WebSocket of the host desk: the board out, commands in.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::response::Response;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;

use super::body::id;
use super::{Problem, SignedIn};
use crate::app::App;
use crate::app::rooms::message::{PageMessage, ServerMessage};
use crate::app::rooms::{PAGE_QUEUE_MAX, RoomInput};
use crate::app::tally::{OpenSocket, Socket};

/// Longest command.
const MESSAGE_MAX: usize = 4 * 1024;
/// Keeps middle boxes from forgetting the connection.
const PING_EVERY: Duration = Duration::from_secs(15);

/// GET `/desk/{conference}`
pub(super) async fn open(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path(conference): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let upgrade = upgrade.max_message_size(MESSAGE_MAX);
    let room = match app.desk(id(&conference)?).await {
        Ok(room) => room,
        // A page cannot read why a handshake was refused: it is told on the open socket, and asks again later.
        Err(refusal) => return Ok(upgrade.on_upgrade(move |socket| refuse(socket, refusal.code))),
    };
    let by = caller.account.display_name;
    let tally = app.tally().clone();
    Ok(upgrade.on_upgrade(move |socket| serve(room, by, socket, tally.open_socket(Socket::Desk))))
}

async fn refuse(mut socket: WebSocket, code: &'static str) {
    if socket
        .send(Message::text(ServerMessage::error(code).text()))
        .await
        .is_ok()
    {
        let _ = socket.send(Message::Close(None)).await;
    }
}

async fn serve(room: mpsc::Sender<RoomInput>, by: String, socket: WebSocket, _open: OpenSocket) {
    let (desk, mut outbox) = mpsc::channel::<Arc<str>>(PAGE_QUEUE_MAX);
    if room
        .send(RoomInput::Desk { desk: desk.clone() })
        .await
        .is_err()
    {
        return;
    }
    // The room's copy alone keeps the outbox open; ours goes with each command.
    let desk_weak = desk.downgrade();
    drop(desk);
    let (mut sink, mut stream) = socket.split();
    let mut ping = tokio::time::interval(PING_EVERY);
    loop {
        tokio::select! {
            outgoing = outbox.recv() => match outgoing {
                Some(text) if sink.send(Message::text(&*text)).await.is_ok() => {}
                _ => break,
            },
            incoming = stream.next() => match incoming {
                Some(Ok(Message::Text(text))) => {
                    let Some(desk) = desk_weak.upgrade() else { break };
                    match PageMessage::parse(&text) {
                        Ok(message) => {
                            if room.send(RoomInput::DeskCommand { by: by.clone(), message, desk }).await.is_err() {
                                break;
                            }
                        }
                        Err(error) => {
                            if sink.send(Message::text(ServerMessage::error(error.code()).text())).await.is_err() {
                                break;
                            }
                        }
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
            _ = ping.tick() => {
                if sink.send(Message::Ping(Default::default())).await.is_err() {
                    break;
                }
            }
        }
    }
    let _ = sink.close().await;
}
