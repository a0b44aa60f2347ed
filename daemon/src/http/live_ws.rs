//! The WebSocket that tells console and desk what to read again.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use tokio::sync::broadcast::error::RecvError;

use crate::app::tally::Socket;
use crate::app::{App, Topic};

/// At most one message in this time: a rack that goes dark is one reading, not a hundred.
const GATHER: Duration = Duration::from_secs(1);
/// The first change after a quiet second is told this soon, with what comes along: a trap is on the page while it is news.
const FIRST: Duration = Duration::from_millis(20);
/// Traps that are told in full between two such messages, at once and before they are stored.
const NEWS_MAX: usize = 10;
/// Keeps middle boxes from forgetting the connection.
const PING_EVERY: Duration = Duration::from_secs(15);
/// Pages say nothing here.
const MESSAGE_MAX: usize = 1024;

/// GET `/live`
pub(super) async fn open(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .max_message_size(MESSAGE_MAX)
        .on_upgrade(move |socket| serve(app, socket))
}

async fn serve(app: App, mut socket: WebSocket) {
    let _open = app.tally().open_socket(Socket::Live);
    let mut changed = app.changed();
    let mut news = app.news().subscribe();
    let mut told_now = 0;
    let mut ping = tokio::time::interval(PING_EVERY);
    let mut topics: BTreeSet<String> = BTreeSet::new();
    let mut due: Option<tokio::time::Instant> = None;
    let mut told = tokio::time::Instant::now();
    loop {
        tokio::select! {
            topic = changed.recv() => {
                match topic {
                    Ok(topic) => drop(topics.insert(topic.to_string())),
                    Err(RecvError::Lagged(_)) => topics.extend(everything()),
                    Err(RecvError::Closed) => return,
                }
                due.get_or_insert_with(|| (told + GATHER).max(tokio::time::Instant::now() + FIRST));
            }
            event = news.recv() => {
                // A burst is read with the rest: `changed` follows.
                if let (Ok(event), true) = (event, told_now < NEWS_MAX) {
                    told_now += 1;
                    let text = serde_json::json!({"type": "trap", "event": *event}).to_string();
                    if socket.send(Message::text(text)).await.is_err() {
                        return;
                    }
                }
            }
            () = tokio::time::sleep_until(due.unwrap_or_else(tokio::time::Instant::now)), if due.is_some() => {
                due = None;
                told_now = 0;
                told = tokio::time::Instant::now();
                let what: Vec<String> = std::mem::take(&mut topics).into_iter().collect();
                let text = serde_json::json!({"type": "changed", "what": what}).to_string();
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
            incoming = socket.recv() => match incoming {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return,
            },
            _ = ping.tick() => {
                if socket.send(Message::Ping(Default::default())).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn everything() -> impl Iterator<Item = String> {
    [
        Topic::Overview,
        Topic::Devices,
        Topic::Discovery,
        Topic::Events,
        Topic::Incidents,
        Topic::Links,
        Topic::Runs,
        Topic::Sites,
        Topic::Conferences,
    ]
    .into_iter()
    .map(|topic| topic.to_string())
}
