//! What a room tells its pages and desks: single words at once, boards and rosters gathered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nhipcau_conference::{Board, SeatId};

use super::{Live, PageSender};
use crate::app::rooms::message::ServerMessage;

/// Shortest time between two boards or two rosters of a small room.
const PUSH_INTERVAL: Duration = Duration::from_millis(250);
/// The same in a room of more than [`LARGE_ROOM_SEATS`]: a roster of 300 seats is 60 KB, times 300 pages.
const PUSH_INTERVAL_LARGE: Duration = Duration::from_secs(1);
const LARGE_ROOM_SEATS: usize = 50;

impl Live {
    pub(super) fn push_due(&self) -> Option<Instant> {
        let interval = if self.pages.len() > LARGE_ROOM_SEATS {
            PUSH_INTERVAL_LARGE
        } else {
            PUSH_INTERVAL
        };
        (self.stale.board || self.stale.roster)
            .then(|| self.pushed_at.map_or_else(Instant::now, |at| at + interval))
    }

    pub(super) fn push(&mut self) {
        if self.push_due().is_none_or(|at| at > Instant::now()) {
            return;
        }
        self.pushed_at = Some(Instant::now());
        let stale = std::mem::take(&mut self.stale);
        let board = self.machine.board();
        let roster = self.machine.roster();
        let message = |board: Option<Board>| -> Arc<str> {
            ServerMessage::Roster {
                roster: roster.clone(),
                board,
            }
            .text()
            .into()
        };
        // A change of the board is a change of the roster for those who see the board in it.
        let (plain, commanding) = (message(None), message(Some(board.clone())));
        self.pages.retain(|_, page| {
            let commands = page.role.commands();
            if !commands && !stale.roster {
                return true;
            }
            page.sender
                .try_send(if commands {
                    commanding.clone()
                } else {
                    plain.clone()
                })
                .is_ok()
        });
        if stale.board {
            let text: Arc<str> = ServerMessage::Board { board }.text().into();
            self.desks
                .retain(|desk| desk.try_send(text.clone()).is_ok());
        }
    }

    pub(super) fn tell(&mut self, seat: SeatId, message: &ServerMessage) {
        if let Some(page) = self.pages.get(&seat)
            && page.sender.try_send(message.text().into()).is_err()
        {
            // Dropping the sender closes the socket; the page joins again with its token.
            self.pages.remove(&seat);
        }
    }

    pub(super) fn tell_all(&mut self, message: &ServerMessage) {
        let text: Arc<str> = message.text().into();
        self.pages
            .retain(|_, page| page.sender.try_send(text.clone()).is_ok());
    }
}

pub(super) fn say(page: &PageSender, message: &ServerMessage) {
    // A full or closed queue: the page is about to be closed for it.
    let _ = page.try_send(message.text().into());
}
