//! Why a device gets the profile that it gets, and what all profiles know by name: for the bench on which profiles are made.

use super::{IdentitySource, ProfileSet, Reader, SYSTEM, constant};
use crate::read::text;
use crate::recording::Recording;
use crate::{Oid, Value};

/// A profile that would take a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub profile: String,
    /// The longest object identifier of its that sysObjectID begins with; `None`: it goes by the description alone.
    pub object_id: Option<Oid>,
    /// The object that it asks for and the device has.
    pub object: Option<Oid>,
    /// Whether its pattern agreed with sysDescr.
    pub descr: bool,
}

impl ProfileSet {
    /// All profiles that fit a recorded device, the one that is taken first.
    #[must_use]
    pub fn candidates(&self, recording: &Recording) -> Vec<Candidate> {
        let (object_id, descr, present) = self.marks(recording);
        let mut all: Vec<_> = self
            .profiles
            .iter()
            .filter(|p| !p.fallback)
            .filter_map(|p| {
                let (score, matcher) = p
                    .matchers
                    .iter()
                    .filter_map(|m| Some((m.score(&object_id, &descr, &present)?, m)))
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
                        object: matcher.has.clone(),
                        descr: score.2,
                    },
                ))
            })
            .collect();
        // Of equals the later one is taken, as `recognise` does.
        all.reverse();
        all.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        all.into_iter().map(|(_, candidate)| candidate).collect()
    }

    /// By what a recorded device is recognised: sysObjectID, sysDescr, and which of the probes it has.
    pub(crate) fn marks(&self, recording: &Recording) -> (Oid, String, Vec<Oid>) {
        let value = |oid: &str| recording.objects.get(&constant(oid));
        let object_id = match value(SYSTEM[1]) {
            Some(Value::Oid(oid)) => oid.clone(),
            _ => Oid::default(),
        };
        let descr = value(SYSTEM[0]).map(text).unwrap_or_default();
        let present = self
            .probes()
            .iter()
            .filter(|oid| recording.objects.contains_key(oid))
            .cloned()
            .collect();
        (object_id, descr, present)
    }

    /// Where a recorded device keeps serial numbers, by the profile that fits it.
    #[must_use]
    pub fn serials(&self, recording: &Recording) -> Vec<Oid> {
        let (object_id, descr, present) = self.marks(recording);
        let (profile, _) = self.recognise(&object_id, &descr, &present);
        let scalars = profile
            .tables
            .iter()
            .find(|t| matches!(t.reader, Reader::Identity));
        profile
            .identity
            .serial
            .iter()
            .filter_map(|source| match source {
                IdentitySource::Scalar(n, ..) => scalars?.oids.get(*n).cloned(),
                _ => None,
            })
            .collect()
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

    /// Profiles that another one may extend, each with the columns of its own tables.
    pub(crate) fn extendable(&self) -> impl Iterator<Item = (&str, Vec<Vec<Oid>>)> {
        self.profiles.iter().filter(|p| !p.extends).map(|p| {
            let own = p
                .tables
                .iter()
                .filter(|t| matches!(t.reader, Reader::Family(_)))
                .map(|t| t.oids.clone())
                .collect();
            (&*p.name, own)
        })
    }
}
