//! Error codes of the browser protocol that this crate answers with.

use std::fmt;

/// Why an input was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// A field is missing, empty or too long.
    BadRequest,
    /// A time, duration or recurrence makes no sense or passes a limit.
    BadTime,
    /// A site is not in the site tree.
    UnknownSite,
    /// A site is named twice.
    Duplicate,
    /// There is no such conference.
    NotFound,
    /// The site is not invited to this room.
    NoSuchRoom,
    /// The room does not open until later.
    RoomNotOpen,
    /// The conference is over or cancelled.
    RoomEnded,
    /// The site or the room is full.
    TooManyPeers,
    /// A seat or connection that has not joined spoke.
    NotJoined,
    /// Only chair, secretary and host command.
    NotChair,
    /// The command names nobody in the room.
    NoSuchParticipant,
    /// Somebody else shares already.
    ShareTaken,
    /// This seat may not share: the host has not allowed it, it only watches, or it takes part with sound only.
    ShareNotAllowed,
}

impl Code {
    /// The code as the protocol writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::BadRequest => "bad_request",
            Code::BadTime => "bad_time",
            Code::UnknownSite => "unknown_site",
            Code::Duplicate => "duplicate",
            Code::NotFound => "not_found",
            Code::NoSuchRoom => "no_such_room",
            Code::RoomNotOpen => "room_not_open",
            Code::RoomEnded => "room_ended",
            Code::TooManyPeers => "too_many_peers",
            Code::NotJoined => "not_joined",
            Code::NotChair => "not_chair",
            Code::NoSuchParticipant => "no_such_participant",
            Code::ShareTaken => "share_taken",
            Code::ShareNotAllowed => "share_not_allowed",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for Code {}
