//! How sites are brought to a server: rooms of ours over their WebSocket, WHIP and WHEP over HTTP.
//!
//! Signalling runs in a thread of its own; it asks the thread of the media, which owns all peers, for offers.

pub(crate) mod endpoint;
pub(crate) mod network;
pub(crate) mod room;

use std::sync::mpsc::SyncSender;
use std::time::Instant;

use tokio::sync::{oneshot, watch};

use crate::fleet::SeatOptions;
use crate::seat::Wait;

/// What the thread of the media is asked. Sites are numbered by the plan.
pub(crate) enum Ask {
    /// Seats a site (again, when it has left) and makes its offer.
    Seat {
        number: usize,
        options: Box<SeatOptions>,
        offer: oneshot::Sender<Result<String, String>>,
    },
    /// Takes the server's answer.
    Accept {
        number: usize,
        answer: String,
        done: oneshot::Sender<Result<(), String>>,
    },
    /// A site has left.
    Leave { number: usize },
    /// A site waits for pictures of these; what it waited for before is over.
    Expect {
        number: usize,
        wait: Wait,
        publishers: Vec<usize>,
        at: Instant,
    },
    /// A join failed.
    Failed { number: usize, what: String },
}

/// The way to the thread of the media, and the end of the run.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) asks: SyncSender<Ask>,
    pub(crate) end: watch::Receiver<bool>,
}

impl Line {
    /// Asks without an answer. The queue is emptied every millisecond; a full one means that the run is over.
    pub(crate) fn tell(&self, ask: Ask) {
        let _ = self.asks.send(ask);
    }

    /// Seats a site and returns its offer.
    pub(crate) async fn offer(
        &self,
        number: usize,
        options: SeatOptions,
    ) -> Result<String, String> {
        let (offer, answer) = oneshot::channel();
        self.tell(Ask::Seat {
            number,
            options: Box::new(options),
            offer,
        });
        answer
            .await
            .unwrap_or_else(|_| Err("the run is over".into()))
    }

    /// Takes the server's answer.
    pub(crate) async fn accept(&self, number: usize, answer: String) -> Result<(), String> {
        let (done, result) = oneshot::channel();
        self.tell(Ask::Accept {
            number,
            answer,
            done,
        });
        result
            .await
            .unwrap_or_else(|_| Err("the run is over".into()))
    }

    /// Waits for the end of the run.
    pub(crate) async fn ended(&self) {
        let mut end = self.end.clone();
        // The sender is dropped at the end too.
        let _ = end.wait_for(|ended| *ended).await;
    }
}
