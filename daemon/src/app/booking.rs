//! Bookings, invitations and links: the pure calendar over the store.

use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use nhipcau_conference::{
    Booking, Calendar, CalendarTerms, ConferenceId, Entry, Occurrence, Role, SiteKey, Standing, ics,
};
use tokio::sync::Mutex as AsyncMutex;

use super::random::{random_room, random_token, same_secret};
use super::{App, Caller, Refusal, Settings, Topic, lock};
use crate::http::views::{
    AccountRole, Conference, ConferenceDetail, ConferenceInput, ConferencePatch, Conflict,
    Invitation, RoomPreview,
};
use crate::store::{ConferenceRow, InvitationRow, NewConference, Store};

/// Conferences that may be booked, past ones too: a busy province books some hundred a year.
const CONFERENCES_MAX: usize = 20_000;
/// Occurrences shown of one conference.
const OCCURRENCES_SHOWN: usize = 100;

/// The bookings in memory: every change goes to the store first, under `changing`.
pub(super) struct State {
    calendar: Mutex<Calendar>,
    rooms: Mutex<BTreeMap<ConferenceId, String>>,
    changing: AsyncMutex<()>,
}

impl State {
    pub(super) async fn load(store: &Store, settings: &Settings) -> Result<Self, Refusal> {
        let terms = CalendarTerms {
            opens_before: settings.opens_before,
            ..CalendarTerms::default()
        };
        let mut calendar = Calendar::new(settings.zone.clone(), terms);
        let mut rooms = BTreeMap::new();
        for row in store.conferences().list().await? {
            rooms.insert(row.entry.id, row.room);
            calendar.restore(row.entry);
        }
        Ok(Self {
            calendar: Mutex::new(calendar),
            rooms: Mutex::new(rooms),
            changing: AsyncMutex::default(),
        })
    }
}

/// Bookings and invitations.
pub struct BookingDesk<'a> {
    pub(super) app: &'a App,
}

/// Who may come into which room, by the token of a link.
#[derive(Debug, Clone, PartialEq)]
pub struct Admission {
    /// The conference.
    pub conference: ConferenceId,
    /// Name of its room.
    pub room: String,
    /// Its title.
    pub title: String,
    /// Where it stands, and the occurrence that is open or next.
    pub standing: Standing,
    /// The site of the link.
    pub site: SiteKey,
    /// Its name.
    pub site_name: String,
    /// The role of the link.
    pub role: Role,
}

/// Seconds are what a booking is about; the store keeps milliseconds.
fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn whole_booking(mut booking: Booking) -> Booking {
    booking.starts_at = whole_seconds(booking.starts_at);
    booking.ends_at = whole_seconds(booking.ends_at);
    if let Some(rule) = &mut booking.recurrence {
        rule.until = rule.until.map(whole_seconds);
    }
    booking
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Chair => "chair",
        Role::Secretary => "secretary",
        Role::Technician => "technician",
        Role::Delegate => "delegate",
        Role::Viewer => "viewer",
    }
}

fn role_of(word: &str) -> Role {
    match word {
        "chair" => Role::Chair,
        "secretary" => Role::Secretary,
        "technician" => Role::Technician,
        "delegate" => Role::Delegate,
        // A foreign word gets the least.
        _ => Role::Viewer,
    }
}

/// A link for each invited site, one for the chair, one for the host (who sits beside the chair as secretary).
fn invitations_of(booking: &Booking) -> Result<Vec<InvitationRow>, Refusal> {
    let chair = booking.chair_site.as_str();
    let delegates = booking
        .all_sites()
        .skip(1)
        .map(|site| (site.as_str(), Role::Delegate));
    [(chair, Role::Chair), (chair, Role::Secretary)]
        .into_iter()
        .chain(delegates)
        .map(|(site, role)| {
            Ok(InvitationRow {
                conference: 0,
                site: site.to_owned(),
                role: role_word(role).to_owned(),
                token: random_token()?,
            })
        })
        .collect()
}

impl BookingDesk<'_> {
    fn state(&self) -> &State {
        &self.app.inner.bookings
    }

    /// Names of the sites by id.
    ///
    /// # Errors
    /// What the store says.
    pub async fn site_names(&self) -> Result<BTreeMap<String, String>, Refusal> {
        let sites = self.app.sites().inputs().await?;
        Ok(sites.into_iter().map(|site| (site.id, site.name)).collect())
    }

    /// A booking as the calendar has it.
    pub fn entry(&self, id: ConferenceId) -> Option<Entry> {
        lock(&self.state().calendar).entry(id).cloned()
    }

    /// Name of a conference's room.
    pub fn room_of(&self, id: ConferenceId) -> Option<String> {
        lock(&self.state().rooms).get(&id).cloned()
    }

    /// The conference of a room's name.
    pub fn conference_of(&self, room: &str) -> Option<ConferenceId> {
        let rooms = lock(&self.state().rooms);
        rooms
            .iter()
            .find(|(_, name)| *name == room)
            .map(|(id, _)| *id)
    }

    /// Where a conference stands now.
    pub fn standing(&self, id: ConferenceId) -> Option<Standing> {
        let live = self.app.live();
        lock(&self.state().calendar).standing(id, self.app.now(), |start| live.occupancy(id, start))
    }

    /// All conferences whose doors are open now: the rooms that should exist.
    pub fn open_now(&self) -> Vec<(ConferenceId, Occurrence)> {
        let ids: Vec<ConferenceId> = lock(&self.state().calendar)
            .entries()
            .filter(|entry| !entry.cancelled)
            .map(|entry| entry.id)
            .collect();
        ids.into_iter()
            .filter_map(|id| self.standing(id).map(|standing| (id, standing)))
            .filter(|(_, standing)| standing.doors_open())
            .map(|(id, standing)| (id, standing.occurrence))
            .collect()
    }

    fn view(&self, entry: &Entry, occurrence: Option<Occurrence>) -> Option<Conference> {
        let standing = self.standing(entry.id)?;
        let shown = occurrence.unwrap_or(standing.occurrence);
        let booking = &entry.booking;
        Some(Conference {
            id: entry.id.0,
            title: booking.title.clone(),
            description: booking.description.clone(),
            starts_at: shown.starts_at,
            ends_at: shown.ends_at,
            state: standing.state(),
            chair_site: booking.chair_site.to_string(),
            sites: booking.sites.iter().map(ToString::to_string).collect(),
            room: self.room_of(entry.id)?,
            recurrence: booking.recurrence.clone(),
            joined: self.app.live().joined(entry.id),
            invited: u32::try_from(booking.all_sites().count()).unwrap_or(u32::MAX),
        })
    }

    /// Conferences that touch `from..to`, each once, with the first of its occurrences that does, by time. Without bounds: the last
    /// 30 days and the coming year. Cancelled ones are listed while their first occurrence touches the bounds.
    ///
    /// # Errors
    /// `bad_time` when the bounds are in the wrong order.
    pub fn list(
        &self,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Result<Vec<Conference>, Refusal> {
        let now = self.app.now();
        let by = |hours| SignedDuration::from_hours(hours);
        let from = from.unwrap_or(now.checked_sub(by(30 * 24)).unwrap_or(now));
        let to = to.unwrap_or(now.checked_add(by(366 * 24)).unwrap_or(now));
        if to < from {
            return Err(Refusal::new("bad_time", "to is before from").at("to"));
        }
        let mut first: BTreeMap<ConferenceId, Occurrence> = BTreeMap::new();
        let entries: Vec<Entry> = {
            let calendar = lock(&self.state().calendar);
            for (id, occurrence) in calendar.between(from, to) {
                first.entry(id).or_insert(occurrence);
            }
            for entry in calendar.entries().filter(|entry| entry.cancelled) {
                let booking = &entry.booking;
                if booking.ends_at > from && booking.starts_at < to {
                    let (starts_at, ends_at) = (booking.starts_at, booking.ends_at);
                    first.insert(entry.id, Occurrence { starts_at, ends_at });
                }
            }
            first
                .keys()
                .filter_map(|id| calendar.entry(*id).cloned())
                .collect()
        };
        let mut found: Vec<Conference> = entries
            .iter()
            .filter_map(|entry| self.view(entry, first.get(&entry.id).copied()))
            .collect();
        found.sort_by_key(|conference| (conference.starts_at, conference.id));
        Ok(found)
    }

    /// Conferences that are live, and the next `limit` that are not over, by time.
    pub fn upcoming(&self, limit: usize) -> Vec<Conference> {
        let entries: Vec<Entry> = lock(&self.state().calendar).entries().cloned().collect();
        let mut found: Vec<Conference> = entries
            .iter()
            .filter_map(|entry| self.view(entry, None))
            .collect();
        use crate::http::views::ConferenceState::{Live, Scheduled};
        found.retain(|conference| matches!(conference.state, Live | Scheduled));
        found.sort_by_key(|conference| {
            (
                conference.state != Live,
                conference.starts_at,
                conference.id,
            )
        });
        let live = found
            .iter()
            .filter(|conference| conference.state == Live)
            .count();
        found.truncate(live + limit);
        found
    }

    /// One conference with its invitations; with links (`base` is `https://HOST`) for host and above.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn detail(
        &self,
        caller: &Caller,
        id: i64,
        base: Option<&str>,
    ) -> Result<ConferenceDetail, Refusal> {
        let id = ConferenceId(id);
        let entry = self.known(id)?;
        let conference = self.view(&entry, None).ok_or_else(no_such_conference)?;
        let names = self.site_names().await?;
        let base = base.filter(|_| caller.may(AccountRole::Host));
        let link = |token: &str| base.map(|base| format!("{base}/p/{}#{token}", conference.room));
        let mut host_link = None;
        let mut invitations = Vec::new();
        for row in self.app.store().conferences().invitations(id).await? {
            let role = role_of(&row.role);
            if role == Role::Secretary {
                host_link = link(&row.token);
                continue;
            }
            invitations.push(Invitation {
                site_name: names.get(&row.site).unwrap_or(&row.site).clone(),
                role,
                link: link(&row.token),
                site: row.site,
            });
        }
        let occurrences = lock(&self.state().calendar).occurrences(id).to_vec();
        Ok(ConferenceDetail {
            conference,
            invitations,
            host_link,
            occurrences: occurrences.into_iter().take(OCCURRENCES_SHOWN).collect(),
        })
    }

    fn known(&self, id: ConferenceId) -> Result<Entry, Refusal> {
        self.entry(id).ok_or_else(no_such_conference)
    }

    fn booking_of(input: ConferenceInput) -> Booking {
        whole_booking(Booking {
            title: input.title.trim().to_owned(),
            description: input.description.unwrap_or_default(),
            starts_at: input.starts_at,
            ends_at: input.ends_at,
            chair_site: SiteKey::from(input.chair_site.as_str()),
            sites: input
                .sites
                .iter()
                .map(|site| SiteKey::from(site.as_str()))
                .collect(),
            recurrence: input.recurrence,
        })
    }

    async fn checked(&self, booking: &Booking) -> Result<(), Refusal> {
        let names = self.site_names().await?;
        let zone = lock(&self.state().calendar).zone().clone();
        Ok(booking.check(&zone, |site| names.contains_key(site.as_str()))?)
    }

    fn collisions(&self, booking: &Booking, except: Option<ConferenceId>) -> Vec<Conflict> {
        let found = lock(&self.state().calendar).conflicts(booking, except);
        found
            .into_iter()
            .map(|conflict| Conflict {
                conference: conflict.conference.0,
                title: conflict.title,
                starts_at: conflict.starts_at,
                ends_at: conflict.ends_at,
                sites: conflict.sites.iter().map(ToString::to_string).collect(),
            })
            .collect()
    }

    fn refuse_collisions(
        &self,
        booking: &Booking,
        except: Option<ConferenceId>,
    ) -> Result<(), Refusal> {
        let conflicts = self.collisions(booking, except);
        if conflicts.is_empty() {
            return Ok(());
        }
        let message = format!(
            "{} other conferences need the same sites then",
            conflicts.len()
        );
        Err(Refusal {
            conflicts,
            ..Refusal::new("conflict", message)
        })
    }

    /// What a booking would collide with.
    ///
    /// # Errors
    /// As booking it.
    pub async fn conflicts(&self, input: ConferenceInput) -> Result<Vec<Conflict>, Refusal> {
        let booking = Self::booking_of(input);
        self.checked(&booking).await?;
        Ok(self.collisions(&booking, None))
    }

    /// Books a conference, with its room and its invitations.
    ///
    /// # Errors
    /// `conflict` unless accepted; `bad_request`, `bad_time`, `unknown_site`, `duplicate`.
    pub async fn book(
        &self,
        caller: &Caller,
        input: ConferenceInput,
    ) -> Result<Conference, Refusal> {
        let accepted = input.accept_conflicts;
        let booking = Self::booking_of(input);
        self.checked(&booking).await?;
        let _changing = self.state().changing.lock().await;
        if !accepted {
            self.refuse_collisions(&booking, None)?;
        }
        if lock(&self.state().rooms).len() >= CONFERENCES_MAX {
            return Err(Refusal::new("too_large", "no more conferences"));
        }
        let new = NewConference {
            invitations: invitations_of(&booking)?,
            booking,
            room: random_room()?,
            created_by: caller.account.username.clone(),
        };
        let audited = self
            .app
            .audited(caller, "conference.booked", "", &new.booking.title);
        let ConferenceRow { entry, room, .. } =
            self.app.store().conferences().create(new, audited).await?;
        lock(&self.state().rooms).insert(entry.id, room);
        lock(&self.state().calendar).restore(entry.clone());
        self.app.tell(Topic::Conferences);
        self.view(&entry, None).ok_or_else(no_such_conference)
    }

    /// Changes a booking. Links of sites that stay invited stay good.
    ///
    /// # Errors
    /// `not_found`, `room_ended` for a cancelled one, and as booking it.
    pub async fn amend(
        &self,
        caller: &Caller,
        id: i64,
        patch: ConferencePatch,
    ) -> Result<Conference, Refusal> {
        let id = ConferenceId(id);
        let _changing = self.state().changing.lock().await;
        let mut booking = self.known(id)?.booking;
        let key = |site: &String| SiteKey::from(site.as_str());
        booking.title = patch
            .title
            .map_or(booking.title, |title| title.trim().to_owned());
        booking.description = patch.description.unwrap_or(booking.description);
        booking.starts_at = patch.starts_at.unwrap_or(booking.starts_at);
        booking.ends_at = patch.ends_at.unwrap_or(booking.ends_at);
        booking.chair_site = patch.chair_site.as_ref().map_or(booking.chair_site, key);
        booking.sites = patch
            .sites
            .map_or(booking.sites, |sites| sites.iter().map(key).collect());
        booking.recurrence = patch.recurrence.unwrap_or(booking.recurrence);
        let booking = whole_booking(booking);
        self.checked(&booking).await?;
        if !patch.accept_conflicts {
            self.refuse_collisions(&booking, Some(id))?;
        }
        // Tried on a copy: the calendar changes only after the store has.
        let mut copy = lock(&self.state().calendar).clone();
        let entry = copy.amend(id, booking, |_| true)?.clone();
        drop(copy);
        self.keep(caller, entry.clone(), "conference.changed")
            .await?;
        self.view(&entry, None).ok_or_else(no_such_conference)
    }

    /// Cancels a conference.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn cancel(&self, caller: &Caller, id: i64) -> Result<(), Refusal> {
        let _changing = self.state().changing.lock().await;
        let mut entry = self.known(ConferenceId(id))?;
        if entry.cancelled {
            return Ok(());
        }
        entry.cancelled = true;
        entry.sequence += 1;
        self.keep(caller, entry, "conference.cancelled").await
    }

    /// Stores a changed booking, then shows it. The caller holds `changing`.
    async fn keep(
        &self,
        caller: &Caller,
        entry: Entry,
        action: &'static str,
    ) -> Result<(), Refusal> {
        let id = entry.id;
        let audited = self
            .app
            .audited(caller, action, id.0.to_string(), &entry.booking.title);
        let invitations = invitations_of(&entry.booking)?;
        self.app
            .store()
            .conferences()
            .update(entry.clone(), invitations, audited)
            .await?;
        lock(&self.state().calendar).restore(entry);
        self.app.live().booking_changed(id);
        self.app.tell(Topic::Conferences);
        self.app.tell(Topic::Board(id.0));
        Ok(())
    }

    /// The chair ended the occurrence that starts at `starts_at`: its doors stay closed.
    ///
    /// # Errors
    /// `not_found`; what the store says.
    pub async fn end(&self, id: ConferenceId, starts_at: Timestamp) -> Result<(), Refusal> {
        let _changing = self.state().changing.lock().await;
        lock(&self.state().calendar).end(id, starts_at)?;
        self.app.store().conferences().end(id, starts_at).await?;
        self.app.tell(Topic::Conferences);
        Ok(())
    }

    /// Who comes with this token into this room.
    ///
    /// # Errors
    /// `no_such_room` for a wrong room and a wrong token alike.
    pub async fn admit(&self, room: &str, token: &str) -> Result<Admission, Refusal> {
        let wrong = || Refusal::new("no_such_room", "no such room, or not this link");
        let Some(id) = self.conference_of(room) else {
            // The same work as for a room that exists.
            same_secret(room, token);
            return Err(wrong());
        };
        let invitations = self.app.store().conferences().invitations(id).await?;
        // All are compared: the time does not tell which one was right.
        let mut right = None;
        for invitation in invitations {
            if same_secret(&invitation.token, token) {
                right = Some(invitation);
            }
        }
        let invitation = right.ok_or_else(wrong)?;
        let (entry, standing) = self.entry(id).zip(self.standing(id)).ok_or_else(wrong)?;
        let names = self.site_names().await?;
        Ok(Admission {
            conference: id,
            room: room.to_owned(),
            title: entry.booking.title,
            standing,
            site_name: names
                .get(&invitation.site)
                .unwrap_or(&invitation.site)
                .clone(),
            site: SiteKey::from(invitation.site.as_str()),
            role: role_of(&invitation.role),
        })
    }

    /// What a link shows before joining.
    pub fn preview(&self, admission: &Admission) -> RoomPreview {
        let settings = self.app.settings();
        RoomPreview {
            room: admission.room.clone(),
            title: admission.title.clone(),
            starts_at: admission.standing.occurrence.starts_at,
            ends_at: admission.standing.occurrence.ends_at,
            state: admission.standing.state(),
            site_name: admission.site_name.clone(),
            role: admission.role,
            recording: self.app.live().recording(admission.conference),
            language: settings.language,
            time_zone: settings.time_zone.clone(),
        }
    }

    /// The conference as a calendar file. `base` names this installation; no link is in it: the file is for everyone.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn calendar_file(&self, id: i64, base: &str) -> Result<String, Refusal> {
        let entry = self.known(ConferenceId(id))?;
        let names = self.site_names().await?;
        let chair = entry.booking.chair_site.as_str();
        let domain = base.rsplit('/').next().unwrap_or(base);
        let invitation = ics::Invitation {
            domain: domain.split(':').next().unwrap_or(domain),
            organizer_name: "Nhịp Cầu",
            organizer_email: None,
            link: None,
            location: names.get(chair).map_or(chair, String::as_str),
        };
        let zone = lock(&self.state().calendar).zone().clone();
        Ok(ics::calendar(&entry, &zone, &invitation, self.app.now()))
    }
}

fn no_such_conference() -> Refusal {
    Refusal::new("not_found", "no such conference")
}
