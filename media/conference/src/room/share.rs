//! Who shares a screen or a document camera, and how much picture each seat takes.

use super::seat::{Link, Media, Seat};
use super::{Output, Room};
use crate::view::{Mode, ShareRule};
use crate::{Code, Now, SeatId, SiteKey};

impl Room {
    /// A page asks for what it wants to share from now on.
    ///
    /// One screen and one document camera at a time, unless the host allows several. Chair and secretary take over from others; the
    /// others do so only from somebody who is not connected.
    pub(super) fn share(&mut self, id: SeatId, slides: bool, document: bool) -> Result<(), Code> {
        let seat = self.seats.get(&id).ok_or(Code::NotJoined)?;
        let (screen_begins, paper_begins) = (slides && !seat.slides, document && !seat.document);
        let commands = seat.role.commands();
        let mut displaced = Vec::new();
        if screen_begins || paper_begins {
            if !self.may_share(seat) {
                return Err(Code::ShareNotAllowed);
            }
            let rivals = self.seats.values().filter(|other| {
                other.id != id && (screen_begins && other.slides || paper_begins && other.document)
            });
            for rival in rivals.filter(|_| self.sharing != ShareRule::Several) {
                if !commands && rival.media == Media::Up && matches!(rival.link, Link::Up(_)) {
                    return Err(Code::ShareTaken);
                }
                displaced.push(rival.id);
            }
        }
        let by = seat.name.clone();
        for other in displaced {
            let (keeps_screen, keeps_paper) = self
                .seats
                .get(&other)
                .map_or((false, false), |other| (other.slides, other.document));
            self.set_shares(
                other,
                keeps_screen && !screen_begins,
                keeps_paper && !paper_begins,
                Some(&by),
            );
        }
        self.set_shares(id, slides, document, None);
        Ok(())
    }

    fn may_share(&self, seat: &Seat) -> bool {
        self.mode(seat).0 != Mode::SoundOnly
            && seat.role.takes_part()
            && (self.sharing != ShareRule::Hosts || seat.role.commands())
    }

    /// Changes what a seat shares; `by` names who else ended it.
    pub(super) fn set_shares(
        &mut self,
        id: SeatId,
        slides: bool,
        document: bool,
        by: Option<&str>,
    ) {
        let Some(seat) = self.seats.get_mut(&id) else {
            return;
        };
        if (seat.slides, seat.document) == (slides, document) {
            return;
        }
        (seat.slides, seat.document) = (slides, document);
        self.outbox.push_back(Output::Shares {
            seat: id,
            slides,
            document,
            by: by.map(str::to_owned),
        });
        self.changed();
    }

    /// The host says who may share; who may no longer ends.
    pub(super) fn set_sharing(&mut self, rule: ShareRule, by: &str) {
        self.sharing = rule;
        if rule == ShareRule::Hosts {
            let others: Vec<SeatId> = self
                .seats
                .values()
                .filter(|seat| !seat.role.commands())
                .map(|seat| seat.id)
                .collect();
            for seat in others {
                self.set_shares(seat, false, false, Some(by));
            }
        }
    }

    /// The site chooses how much picture it takes.
    pub(super) fn choose_mode(&mut self, id: SeatId, mode: Mode) -> Result<(), Code> {
        let seat = self.seats.get_mut(&id).ok_or(Code::NotJoined)?;
        seat.chosen = mode;
        self.apply_mode(id);
        Ok(())
    }

    /// The host imposes a mode on a site, or lifts it.
    pub(super) fn impose_mode(
        &mut self,
        site: &SiteKey,
        mode: Option<Mode>,
        by: &str,
    ) -> Result<(), Code> {
        let row = self.rows.get_mut(site).ok_or(Code::UnknownSite)?;
        row.imposed = mode.map(|mode| (mode, by.to_owned()));
        let seats: Vec<SeatId> = self
            .seats
            .values()
            .filter(|seat| seat.site == *site)
            .map(|seat| seat.id)
            .collect();
        for seat in seats {
            self.apply_mode(seat);
        }
        Ok(())
    }

    /// How much picture a seat takes, the least of what it chose and what the host imposed; and who imposed it, if that is why.
    pub(super) fn mode(&self, seat: &Seat) -> (Mode, Option<&str>) {
        match self
            .rows
            .get(&seat.site)
            .and_then(|row| row.imposed.as_ref())
        {
            Some((imposed, by)) if *imposed > seat.chosen => (*imposed, Some(by)),
            _ => (seat.chosen, None),
        }
    }

    /// Tells what follows from the modes of a seat.
    pub(super) fn apply_mode(&mut self, id: SeatId) {
        let Some(seat) = self.seats.get(&id) else {
            return;
        };
        let (mode, by) = self.mode(seat);
        let by = by.map(str::to_owned);
        self.outbox.push_back(Output::Mode {
            seat: id,
            mode,
            by: by.clone(),
        });
        if mode == Mode::SoundOnly {
            self.set_shares(id, false, false, by.as_deref());
        }
        self.changed();
    }

    /// The line of a seat does not carry any picture towards it, or does again.
    pub(super) fn line_falls(&mut self, id: SeatId, on: bool, now: Now) -> Result<(), Code> {
        let seat = self.seats.get_mut(&id).ok_or(Code::NotJoined)?;
        if seat.fallen_since.is_some() != on {
            seat.fallen_since = on.then_some(now.at);
            self.changed();
        }
        Ok(())
    }
}
