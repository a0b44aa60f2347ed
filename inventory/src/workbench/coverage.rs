//! What a profile reads of a recording, and what it leaves over.

use super::names::Names;
use super::shape::shapes;
use crate::profile::Profile;
use crate::recording::Recording;
use crate::{Oid, ProfileSet};

/// Groups of one report.
const GROUPS_MAX: usize = 500;

/// Variables that no rule reads, as one table or branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOver {
    /// The entry of a table, or the branch.
    pub oid: Oid,
    /// What it is called, where that is known.
    pub name: Option<String>,
    /// Rows; 0 for a branch of single variables.
    pub rows: usize,
    /// Numbers of the columns that nothing reads; empty for a branch.
    pub columns: Vec<u32>,
    /// Variables.
    pub objects: usize,
}

/// What of a recording is read.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// Variables of the recording.
    pub objects: usize,
    /// Of these, read by the profile.
    pub read: usize,
    /// The rest, in the order of a walk.
    pub left_over: Vec<LeftOver>,
}

/// Compares a recording with what a profile reads; `None`: there is no such profile.
#[must_use]
pub fn coverage(recording: &Recording, profiles: &ProfileSet, profile: &str) -> Option<Coverage> {
    let profile = profiles.named(profile)?;
    let roots = roots(profile);
    let names = Names::new(profiles);
    let is_read = |oid: &Oid| {
        let at = roots.partition_point(|root| root <= oid);
        roots[..at].last().is_some_and(|root| oid.starts_with(root))
    };
    let rest = recording.objects.iter().filter(|(oid, _)| !is_read(oid));
    let shapes = shapes(rest);
    let mut left_over: Vec<LeftOver> = shapes
        .tables
        .iter()
        .map(|table| LeftOver {
            oid: table.entry.clone(),
            name: names.of(&table.entry).map(str::to_owned),
            rows: table.rows,
            columns: table.columns.keys().copied().collect(),
            objects: table.columns.values().map(Vec::len).sum(),
        })
        .collect();
    for (oid, _) in &shapes.singles {
        let branch = branch(oid);
        match left_over
            .iter_mut()
            .find(|l| l.oid == branch && l.rows == 0)
        {
            Some(group) => group.objects += 1,
            None => left_over.push(LeftOver {
                name: names.of(&branch).map(str::to_owned),
                oid: branch,
                rows: 0,
                columns: Vec::new(),
                objects: 1,
            }),
        }
    }
    left_over.sort_by(|a, b| a.oid.cmp(&b.oid));
    let unread: usize = left_over.iter().map(|l| l.objects).sum();
    left_over.truncate(GROUPS_MAX);
    Some(Coverage {
        objects: recording.objects.len(),
        read: recording.objects.len() - unread,
        left_over,
    })
}

/// What the profile asks for, sorted, without what lies inside another.
fn roots(profile: &Profile) -> Vec<Oid> {
    let system = crate::profile::constant("1.3.6.1.2.1.1");
    let extras = crate::profile::SYSTEM_EXTRAS
        .iter()
        .map(|o| crate::profile::constant(o));
    let mut all: Vec<Oid> = profile
        .tables
        .iter()
        .flat_map(|t| t.oids.iter().cloned())
        .chain([system])
        .chain(extras)
        .collect();
    all.sort();
    let mut roots: Vec<Oid> = Vec::with_capacity(all.len());
    for oid in all {
        if roots.last().is_none_or(|last| !oid.starts_with(last)) {
            roots.push(oid);
        }
    }
    roots
}

/// The branch that a single variable is shown under: scalars by the object they belong to, one above their own.
fn branch(oid: &Oid) -> Oid {
    let arcs: Vec<u32> = oid.arcs().collect();
    let keep = if arcs.last() == Some(&0) {
        arcs.len().saturating_sub(2)
    } else {
        arcs.len().saturating_sub(1)
    };
    Oid::from_arcs(&arcs[..keep]).unwrap_or_default()
}
