//! What is booked: conflicts, moves, and when each room opens and closes.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::{Booking, BookingError, Code, ConferenceId, ConferenceState, Occurrence, SiteKey};

/// When rooms open and close.
#[derive(Clone, Copy, Debug)]
pub struct CalendarTerms {
    /// Doors open this long before the start, so that sites can be tested.
    pub opens_before: SignedDuration,
    /// Doors close this long after the booked end at the latest, even if nobody ended the meeting.
    pub open_after_max: SignedDuration,
    /// After the booked end, an empty room is over once it has been empty this long.
    pub empty_after_end_max: SignedDuration,
    /// How far ahead conflicts are looked for.
    pub conflict_horizon: SignedDuration,
    /// Most conflicts reported for one booking.
    pub conflicts_max: usize,
}

impl Default for CalendarTerms {
    fn default() -> Self {
        CalendarTerms {
            opens_before: SignedDuration::from_mins(30),
            open_after_max: SignedDuration::from_hours(6),
            empty_after_end_max: SignedDuration::from_mins(15),
            conflict_horizon: SignedDuration::from_hours(2 * 366 * 24),
            conflicts_max: 100,
        }
    }
}

/// A booking with its history, as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The conference.
    pub id: ConferenceId,
    /// What is booked now.
    pub booking: Booking,
    /// Times the booking was changed (RFC 5545 3.8.7.4); cancelling counts.
    pub sequence: u32,
    /// Cancelled as a whole.
    pub cancelled: bool,
    /// Starts of the occurrences that the chair ended.
    pub ended: Vec<Timestamp>,
}

/// Who is or was in an occurrence's room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupancy {
    /// Nobody has come yet.
    Never,
    /// Somebody is here, or a dropped seat is kept.
    Occupied,
    /// The last one left then.
    EmptySince(Timestamp),
}

/// Where a conference stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The next occurrence's doors are still closed.
    Upcoming,
    /// Doors are open; the meeting has not begun.
    Open,
    /// Doors are open and its time has come or somebody is here.
    Live,
    /// All occurrences are over.
    Over,
    /// Cancelled.
    Cancelled,
}

/// A conference at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where it stands.
    pub phase: Phase,
    /// The occurrence that is open, else the next one, else the last one.
    pub occurrence: Occurrence,
    /// When the standing can change next by time alone.
    pub changes_at: Option<Timestamp>,
}

impl Standing {
    /// The standing as the protocol names it.
    pub fn state(&self) -> ConferenceState {
        match self.phase {
            Phase::Upcoming | Phase::Open => ConferenceState::Scheduled,
            Phase::Live => ConferenceState::Live,
            Phase::Over => ConferenceState::Ended,
            Phase::Cancelled => ConferenceState::Cancelled,
        }
    }

    /// Whether people may come in.
    pub fn doors_open(&self) -> bool {
        matches!(self.phase, Phase::Open | Phase::Live)
    }
}

/// Another conference that needs the same sites at the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The other conference.
    pub conference: ConferenceId,
    /// Its title.
    pub title: String,
    /// Start of its occurrence that collides.
    pub starts_at: Timestamp,
    /// End of that occurrence.
    pub ends_at: Timestamp,
    /// The shared sites, in the new booking's order.
    pub sites: Vec<SiteKey>,
}

/// All bookings, in memory, with their occurrences expanded.
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: TimeZone,
    terms: CalendarTerms,
    booked: BTreeMap<ConferenceId, Booked>,
}

#[derive(Clone, Debug)]
struct Booked {
    entry: Entry,
    occurrences: Vec<Occurrence>,
}

impl Calendar {
    /// An empty calendar whose recurrences follow the wall clock of `zone`.
    pub fn new(zone: TimeZone, terms: CalendarTerms) -> Self {
        Calendar {
            zone,
            terms,
            booked: BTreeMap::new(),
        }
    }

    /// The time zone recurrences follow.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Takes an entry from the store as it is, unchecked; replaces one of the same id.
    pub fn restore(&mut self, entry: Entry) {
        let occurrences = entry.booking.occurrences(&self.zone);
        self.booked.insert(entry.id, Booked { entry, occurrences });
    }

    /// Books. The caller has checked [`Calendar::conflicts`] or accepts them.
    ///
    /// # Errors
    /// As [`Booking::check`]; `duplicate` when the id is taken.
    pub fn book(
        &mut self,
        id: ConferenceId,
        booking: Booking,
        known: impl Fn(&SiteKey) -> bool,
    ) -> Result<&Entry, BookingError> {
        booking.check(&self.zone, known)?;
        if self.booked.contains_key(&id) {
            return Err(BookingError {
                code: Code::Duplicate,
                field: "id",
                message: "the id is taken",
            });
        }
        self.restore(Entry {
            id,
            booking,
            sequence: 0,
            cancelled: false,
            ended: Vec::new(),
        });
        Ok(&self.booked[&id].entry)
    }

    /// Moves or changes a booking; the sequence goes up when anything changed. Ended
    /// occurrences stay ended as far as they keep their start.
    ///
    /// # Errors
    /// As [`Booking::check`]; `not_found`; `room_ended` for a cancelled conference.
    pub fn amend(
        &mut self,
        id: ConferenceId,
        booking: Booking,
        known: impl Fn(&SiteKey) -> bool,
    ) -> Result<&Entry, BookingError> {
        booking.check(&self.zone, known)?;
        let zone = self.zone.clone();
        let booked = self.entry_mut(id)?;
        if booked.entry.cancelled {
            return Err(BookingError {
                code: Code::RoomEnded,
                field: "id",
                message: "cancelled",
            });
        }
        if booked.entry.booking != booking {
            booked.occurrences = booking.occurrences(&zone);
            booked
                .entry
                .ended
                .retain(|start| booked.occurrences.iter().any(|o| o.starts_at == *start));
            booked.entry.booking = booking;
            booked.entry.sequence += 1;
        }
        Ok(&booked.entry)
    }

    /// Cancels a conference; cancelling twice changes nothing.
    ///
    /// # Errors
    /// `not_found`.
    pub fn cancel(&mut self, id: ConferenceId) -> Result<&Entry, BookingError> {
        let booked = self.entry_mut(id)?;
        if !booked.entry.cancelled {
            booked.entry.cancelled = true;
            booked.entry.sequence += 1;
        }
        Ok(&booked.entry)
    }

    /// The chair ended the occurrence that starts at `starts_at`; its doors close for good.
    ///
    /// # Errors
    /// `not_found` when there is no such conference or occurrence.
    pub fn end(&mut self, id: ConferenceId, starts_at: Timestamp) -> Result<&Entry, BookingError> {
        let booked = self.entry_mut(id)?;
        if !booked.occurrences.iter().any(|o| o.starts_at == starts_at) {
            return Err(BookingError {
                code: Code::NotFound,
                field: "starts_at",
                message: "no such occurrence",
            });
        }
        if !booked.entry.ended.contains(&starts_at) {
            booked.entry.ended.push(starts_at);
        }
        Ok(&booked.entry)
    }

    fn entry_mut(&mut self, id: ConferenceId) -> Result<&mut Booked, BookingError> {
        self.booked.get_mut(&id).ok_or(BookingError {
            code: Code::NotFound,
            field: "id",
            message: "no such conference",
        })
    }

    /// One booking.
    pub fn entry(&self, id: ConferenceId) -> Option<&Entry> {
        self.booked.get(&id).map(|booked| &booked.entry)
    }

    /// All bookings, cancelled ones too, by id.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.booked.values().map(|booked| &booked.entry)
    }

    /// All occurrences of a conference, in order; empty for an unknown one.
    pub fn occurrences(&self, id: ConferenceId) -> &[Occurrence] {
        self.booked
            .get(&id)
            .map_or(&[], |booked| &booked.occurrences)
    }

    /// Occurrences of conferences that are not cancelled and touch `from..to`, by start.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> Vec<(ConferenceId, Occurrence)> {
        let mut found: Vec<_> = self
            .booked
            .values()
            .filter(|booked| !booked.entry.cancelled)
            .flat_map(|booked| {
                let first = booked.occurrences.partition_point(|o| o.ends_at <= from);
                booked.occurrences[first..]
                    .iter()
                    .take_while(move |o| o.starts_at < to)
                    .map(|o| (booked.entry.id, *o))
            })
            .collect();
        found.sort_by_key(|(id, occurrence)| (occurrence.starts_at, *id));
        found
    }

    /// Conferences whose occurrences overlap one of `booking` while sharing a site, chair sites
    /// included; one conflict for each colliding occurrence of the other, by start. Occurrences
    /// that begin more than the horizon after the booking's start are not looked at; occurrences
    /// that the chair has ended do not count. `except` is the conference being moved.
    pub fn conflicts(&self, booking: &Booking, except: Option<ConferenceId>) -> Vec<Conflict> {
        let horizon = booking
            .starts_at
            .checked_add(self.terms.conflict_horizon)
            .unwrap_or(Timestamp::MAX);
        let mut mine = booking.occurrences(&self.zone);
        mine.retain(|o| o.starts_at <= horizon);
        let mut found = Vec::new();
        for booked in self.booked.values() {
            if booked.entry.cancelled || Some(booked.entry.id) == except {
                continue;
            }
            let theirs: std::collections::BTreeSet<_> = booked.entry.booking.all_sites().collect();
            let shared: Vec<SiteKey> = booking
                .all_sites()
                .filter(|site| theirs.contains(site))
                .cloned()
                .collect();
            if shared.is_empty() {
                continue;
            }
            for occurrence in &booked.occurrences {
                let next = mine.partition_point(|o| o.ends_at <= occurrence.starts_at);
                let overlaps = mine
                    .get(next)
                    .is_some_and(|o| o.starts_at < occurrence.ends_at);
                if overlaps && !booked.entry.ended.contains(&occurrence.starts_at) {
                    found.push(Conflict {
                        conference: booked.entry.id,
                        title: booked.entry.booking.title.clone(),
                        starts_at: occurrence.starts_at,
                        ends_at: occurrence.ends_at,
                        sites: shared.clone(),
                    });
                }
            }
        }
        found.sort_by_key(|conflict| (conflict.starts_at, conflict.conference));
        found.truncate(self.terms.conflicts_max);
        found
    }

    /// Where a conference stands at `at`. `occupancy` tells who is in the room of the occurrence
    /// that starts at the given time; it is asked only for occurrences whose doors are open.
    ///
    /// A meeting may start late and run over: doors stay open until the chair ends it, until
    /// the room has been empty for a while after the booked end, or until the latest closing
    /// time. The next occurrence does not wait for the previous one: where their open doors
    /// overlap, the earlier is the one as long as somebody is in it.
    pub fn standing(
        &self,
        id: ConferenceId,
        at: Timestamp,
        occupancy: impl Fn(Timestamp) -> Occupancy,
    ) -> Option<Standing> {
        let booked = self.booked.get(&id)?;
        if booked.entry.cancelled {
            let occurrence = booked.occurrences.first().copied()?;
            return Some(Standing {
                phase: Phase::Cancelled,
                occurrence,
                changes_at: None,
            });
        }
        let mut open: Option<Standing> = None;
        for occurrence in &booked.occurrences {
            if booked.entry.ended.contains(&occurrence.starts_at) {
                continue;
            }
            let doors = earlier(occurrence.starts_at, self.terms.opens_before);
            if at < doors {
                let upcoming = Standing {
                    phase: Phase::Upcoming,
                    occurrence: *occurrence,
                    changes_at: Some(doors),
                };
                return Some(open.unwrap_or(upcoming));
            }
            let Some(standing) = self.open_standing(*occurrence, at, &occupancy) else {
                continue;
            };
            if open.is_none() || occupancy(occurrence.starts_at) == Occupancy::Occupied {
                open = Some(standing);
            }
            if occupancy(standing.occurrence.starts_at) == Occupancy::Occupied {
                break;
            }
        }
        let last = booked.occurrences.last().copied()?;
        Some(open.unwrap_or(Standing {
            phase: Phase::Over,
            occurrence: last,
            changes_at: None,
        }))
    }

    /// The standing of an occurrence whose doors have opened; `None` when it is over.
    fn open_standing(
        &self,
        occurrence: Occurrence,
        at: Timestamp,
        occupancy: &impl Fn(Timestamp) -> Occupancy,
    ) -> Option<Standing> {
        let latest = later(occurrence.ends_at, self.terms.open_after_max);
        let occupancy = occupancy(occurrence.starts_at);
        let closes_at = match occupancy {
            Occupancy::Occupied => latest,
            Occupancy::Never => later(occurrence.ends_at, self.terms.empty_after_end_max),
            Occupancy::EmptySince(since) => later(
                since.max(occurrence.ends_at),
                self.terms.empty_after_end_max,
            ),
        }
        .min(latest);
        if at >= closes_at {
            return None;
        }
        let begun = at >= occurrence.starts_at || occupancy != Occupancy::Never;
        let (phase, changes_at) = if begun {
            (Phase::Live, closes_at)
        } else {
            (Phase::Open, occurrence.starts_at)
        };
        Some(Standing {
            phase,
            occurrence,
            changes_at: Some(changes_at),
        })
    }
}

fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
