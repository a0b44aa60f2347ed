//! Why a device gets the profile that it gets, and what all profiles know by name: for the bench on which profiles are made.

use super::{ProfileSet, Reader};
use crate::Oid;

/// A profile that would take a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub profile: String,
    /// The longest object identifier of its that sysObjectID begins with; `None`: it goes by the description alone.
    pub object_id: Option<Oid>,
    /// Whether its pattern agreed with sysDescr.
    pub descr: bool,
}

impl ProfileSet {
    /// All profiles that fit, the one that is taken first.
    #[must_use]
    pub fn candidates(&self, object_id: &Oid, descr: &str) -> Vec<Candidate> {
        let mut all: Vec<_> = self
            .profiles
            .iter()
            .filter(|p| !p.fallback)
            .filter_map(|p| {
                let (score, matcher) = p
                    .matchers
                    .iter()
                    .filter_map(|m| Some((m.score(object_id, descr, &[])?, m)))
                    .max_by_key(|(score, _)| *score)?;
                let longest = matcher
                    .object_ids
                    .iter()
                    .filter(|o| object_id.starts_with(o))
                    .max_by_key(|o| o.len());
                Some((
                    score,
                    Candidate {
                        profile: p.name.to_string(),
                        object_id: longest.cloned(),
                        descr: score.1,
                    },
                ))
            })
            .collect();
        // Of equals the later one is taken, as `recognise` does.
        all.reverse();
        all.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        all.into_iter().map(|(_, candidate)| candidate).collect()
    }

    /// Every column that a profile's own tables read, with a name for people.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (Oid, String)> + '_ {
        self.profiles.iter().flat_map(|p| {
            p.tables
                .iter()
                .filter(|t| matches!(t.reader, Reader::Family(_)))
                .flat_map(move |t| {
                    let name = format!("profile {}: {}", p.name, t.name);
                    t.oids.iter().map(move |oid| (oid.clone(), name.clone()))
                })
        })
    }
}
