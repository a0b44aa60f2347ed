//! Passes: what a host gives a device that joins by WHIP or WHEP. The token is shown once; only its hash is kept.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use nhipcau_conference::{ConferenceId, display_name};

use super::login_limit::LoginLimit;
use super::random::{random_token, sha256};
use super::{App, Caller, DAEMON, Refusal, Topic, lock};
use crate::http::views::{Pass, PassDirection, PassInput, PassMade};
use crate::store::{NewAudit, NewPass, PassRow};

/// Passes of one conference: as many devices as no conference has. A further one is refused.
const PASSES_MAX: u32 = 300;
/// A pass holds at most this long, or to its usual end if that is later; a room with a camera of its own gets a new one a year.
const HOLDS_AT_MOST: SignedDuration = SignedDuration::from_hours(400 * 24);
/// Without another wish a pass ends this long after the occurrence that is on or next: meetings run late.
const HOLDS_AFTER_END: SignedDuration = SignedDuration::from_hours(24);
/// The last use is written down this often at most: an encoder that starts anew every second costs no commit each time.
const USED_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// Requests with one pass within [`PACE`]; further ones are refused until it is over. An encoder that is restarted every second needs half.
const REQUESTS_MAX: u32 = 40;
const PACE: Duration = Duration::from_secs(10);
/// Passes that are counted at once. Beyond it those whose time is over go; only passes that exist are counted.
const COUNTED_MAX: usize = 10_000;

/// Who guesses tokens, and who asks too often with a right one (RFC 9725 section 5).
#[derive(Default)]
pub(super) struct State {
    wrong: Mutex<LoginLimit>,
    requests: Mutex<Requests>,
}

/// Requests by pass: since when, and how many.
#[derive(Default)]
struct Requests(HashMap<i64, (Instant, u32)>);

impl Requests {
    /// Counts a request; whether it may be made.
    fn count(&mut self, pass: i64, now: Instant) -> bool {
        let is_over = |since: Instant| now.saturating_duration_since(since) >= PACE;
        if self.0.len() >= COUNTED_MAX {
            self.0.retain(|_, (since, _)| !is_over(*since));
        }
        let (since, count) = self.0.entry(pass).or_insert((now, 0));
        if is_over(*since) {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= REQUESTS_MAX
    }
}

/// The passes of conferences.
pub struct PassDesk<'a> {
    pub(super) app: &'a App,
}

fn direction_of(row: &PassRow) -> PassDirection {
    if row.sends {
        PassDirection::Send
    } else {
        PassDirection::Receive
    }
}

impl PassDesk<'_> {
    fn view(row: PassRow, site_name: String) -> Pass {
        Pass {
            direction: direction_of(&row),
            id: row.id,
            site: row.site,
            site_name,
            name: row.name,
            created_at: row.created_at,
            created_by: row.created_by,
            expires_at: row.expires_at,
            used_at: row.used_at,
        }
    }

    /// The passes of a conference.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn list(&self, conference: i64) -> Result<Vec<Pass>, Refusal> {
        let id = self.known(conference)?;
        let names = self.app.bookings().site_names().await?;
        let rows = self.app.store().passes().list(id).await?;
        let named = |row: PassRow| {
            let name = names.get(&row.site).unwrap_or(&row.site).clone();
            Self::view(row, name)
        };
        Ok(rows.into_iter().map(named).collect())
    }

    /// Makes a pass. `base` is `https://HOST`: the answer holds the address and, this once, the token.
    ///
    /// # Errors
    /// `not_found`; `bad_request` for a name without letters; `unknown_site` for one that is not invited; `bad_time`;
    /// `too_many_passes`.
    pub async fn make(
        &self,
        caller: &Caller,
        conference: i64,
        input: PassInput,
        base: &str,
    ) -> Result<PassMade, Refusal> {
        let id = self.known(conference)?;
        let bookings = self.app.bookings();
        let missing = || Refusal::new("not_found", "no such conference");
        let entry = bookings.entry(id).ok_or_else(missing)?;
        let room = bookings.room_of(id).ok_or_else(missing)?;
        if !entry
            .booking
            .all_sites()
            .any(|site| site.as_str() == input.site)
        {
            return Err(Refusal::new("unknown_site", "the site is not invited").at("site"));
        }
        let name = display_name(&input.name)
            .ok_or_else(|| Refusal::new("bad_request", "the device needs a name").at("name"))?;
        let expires_at = self.end(id, input.expires_at)?;
        let token = random_token()?;
        let sends = input.direction == PassDirection::Send;
        let new = NewPass {
            conference: id,
            site: input.site,
            sends,
            name,
            hash: sha256(token.as_bytes()),
            expires_at,
        };
        let detail = format!("{} {}", new.site, new.name);
        let audited = self
            .app
            .audited(caller, "pass.made", id.0.to_string(), detail);
        let hash = new.hash;
        self.app
            .store()
            .passes()
            .create(new, PASSES_MAX, audited)
            .await?;
        let row = self.app.store().passes().find(hash).await?;
        let row = row.ok_or_else(missing)?;
        let names = bookings.site_names().await?;
        let site_name = names.get(&row.site).unwrap_or(&row.site).clone();
        let way = if sends { "whip" } else { "whep" };
        Ok(PassMade {
            pass: Self::view(row, site_name),
            url: format!("{base}/{way}/{room}"),
            token,
        })
    }

    fn end(&self, id: ConferenceId, wished: Option<Timestamp>) -> Result<Timestamp, Refusal> {
        let now = self.app.now();
        let ends_at = self
            .app
            .bookings()
            .standing(id)
            .map_or(now, |standing| standing.occurrence.ends_at)
            .max(now);
        let usual = ends_at.checked_add(HOLDS_AFTER_END).unwrap_or(ends_at);
        let Some(wished) = wished else {
            return Ok(usual);
        };
        let latest = now.checked_add(HOLDS_AT_MOST).unwrap_or(now).max(usual);
        if wished <= now || wished > latest {
            let message = "a pass ends within 400 days, or a day after the meeting";
            return Err(Refusal::new("bad_time", message).at("expires_at"));
        }
        Ok(wished)
    }

    /// Revokes a pass; whoever is in the room with it is removed.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn revoke(&self, caller: &Caller, conference: i64, pass: i64) -> Result<(), Refusal> {
        let id = ConferenceId(conference);
        let audited = self
            .app
            .audited(caller, "pass.revoked", id.0.to_string(), pass.to_string());
        self.app.store().passes().delete(id, pass, audited).await?;
        if let Some(machines) = self.app.machines() {
            let by = caller.account.display_name.clone();
            machines.rooms.revoked(conference, pass, by).await;
        }
        Ok(())
    }

    /// The host removed the device from the room: its pass goes too, because an encoder that is cut off comes back by itself.
    pub(crate) async fn removed(&self, conference: i64, pass: i64) {
        let entry = NewAudit {
            at: self.app.now(),
            actor: DAEMON.to_owned(),
            address: String::new(),
            action: "pass.revoked",
            subject: conference.to_string(),
            detail: pass.to_string(),
        };
        let passes = self.app.store().passes();
        match passes.delete(ConferenceId(conference), pass, entry).await {
            // Revoked on the page, which is why the device was removed.
            Ok(()) | Err(crate::store::StoreError::NotFound(_)) => {
                self.app.tell(Topic::Board(conference));
            }
            Err(error) => tracing::error!(%error, conference, pass, "a pass was not revoked"),
        }
    }

    /// The pass of a token that opens this room, in this direction, now.
    ///
    /// # Errors
    /// `wrong_token` for a wrong room and a wrong token alike, `token_expired`, `wrong_direction`, `too_many_attempts`, `too_fast`.
    pub(crate) async fn admit(
        &self,
        room: &str,
        token: &str,
        sends: bool,
        from: IpAddr,
    ) -> Result<PassRow, Refusal> {
        let wrong = &self.app.inner.passes.wrong;
        if lock(wrong).is_shut(from, Instant::now()) {
            return Err(Refusal::new("too_many_attempts", "too many wrong tokens"));
        }
        let hash = sha256(token.as_bytes());
        let conference = self.app.bookings().conference_of(room);
        let found = self.app.store().passes().find(hash).await?;
        let Some(pass) = found.filter(|pass| Some(pass.conference) == conference) else {
            lock(wrong).wrong(from, hash, Instant::now());
            return Err(Refusal::new("wrong_token", "the token opens nothing here"));
        };
        if !lock(&self.app.inner.passes.requests).count(pass.id, Instant::now()) {
            return Err(Refusal::new(
                "too_fast",
                "too many requests with this token",
            ));
        }
        if pass.expires_at <= self.app.now() {
            return Err(Refusal::new("token_expired", "the token has expired"));
        }
        if pass.sends != sends {
            let message = "the token is for the other direction";
            return Err(Refusal::new("wrong_direction", message));
        }
        Ok(pass)
    }

    /// Notes that a pass opened a room.
    pub(crate) async fn used(&self, pass: &PassRow) {
        let now = self.app.now();
        if pass
            .used_at
            .is_some_and(|at| now.duration_since(at) < USED_EVERY)
        {
            return;
        }
        if let Err(error) = self.app.store().passes().used(pass.id, now).await {
            tracing::warn!(%error, pass = pass.id, "the use of a pass was not stored");
        }
    }

    fn known(&self, conference: i64) -> Result<ConferenceId, Refusal> {
        let entry = self.app.bookings().entry(ConferenceId(conference));
        Ok(entry
            .ok_or_else(|| Refusal::new("not_found", "no such conference"))?
            .id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_is_asked_with_so_often_and_no_more_within_ten_seconds() {
        let (mut requests, start) = (Requests::default(), Instant::now());
        for _ in 0..REQUESTS_MAX {
            assert!(requests.count(1, start));
        }
        assert!(!requests.count(1, start + PACE / 2));
        assert!(requests.count(2, start), "each pass by itself");
        assert!(requests.count(1, start + PACE));
        for pass in 3..COUNTED_MAX as i64 + 3 {
            requests.count(pass, start + PACE * 2);
        }
        assert!(
            requests.0.len() <= COUNTED_MAX,
            "the old ones are forgotten"
        );
    }
}
