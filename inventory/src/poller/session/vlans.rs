//! Bridge tables by VLAN: agents that keep one table a VLAN show each in a context of its own.

use super::{Job, Lane, Session, What};
use crate::poller::walk::Walk;
use crate::profile::{Profile, Reader, Surrounding, vlan_plan};
use crate::read;

/// VLANs asked for in one poll; the others follow in the next ones.
const VLANS_A_POLL: usize = 16;
/// Polls that pass before an agent that does not know contexts is asked for them again.
const REST_POLLS: u64 = 200;

impl Session {
    /// A table about the surroundings is complete; the bridge table and the list of VLANs together may call for more.
    pub(super) fn surrounding_read(
        &mut self,
        lane: Lane,
        n: usize,
        profile: &Profile,
        table: usize,
    ) {
        let Some(poll) = self.lane(lane).as_mut() else {
            return;
        };
        let is = |what: What, wanted: Surrounding| match what {
            What::Table(t) => matches!(
                profile.tables.get(t).map(|plan| &plan.reader),
                Some(Reader::Surrounding(found)) if *found == wanted
            ),
            _ => false,
        };
        if is(What::Table(table), Surrounding::Vlans) {
            let vlans = read::vlans(poll.jobs[n].walk.columns());
            self.vlans = vlans;
        }
        let Some(poll) = self.lane(lane).as_ref() else {
            return;
        };
        let bridge = poll.jobs.iter().find(|j| is(j.what, Surrounding::Bridge));
        let is_flat = bridge.is_some_and(|job| {
            matches!(job.outcome, Some(Ok(_))) && !read::tells_vlans(job.walk.columns())
        });
        let asked = poll.jobs.iter().any(|j| matches!(j.what, What::Vlan(_)));
        if !is_flat || asked || self.vlans.is_empty() || self.polls < self.vlans_rest {
            return;
        }
        let next = self.vlans.partition_point(|vlan| *vlan <= self.vlan_asked);
        let chosen: Vec<u16> = self.vlans[next..]
            .iter()
            .chain(&self.vlans[..next])
            .take(VLANS_A_POLL)
            .copied()
            .collect();
        self.vlan_asked = chosen.last().copied().unwrap_or(0);
        let plan = vlan_plan();
        if let Some(poll) = self.lane(lane).as_mut() {
            let jobs = chosen
                .into_iter()
                .map(|vlan| Job::new(What::Vlan(vlan), Walk::of(&plan, None)));
            poll.jobs.extend(jobs);
        }
    }

    /// An agent that is silent about one VLAN does not know contexts, or may not show them to us: that is no reason to doubt the device,
    /// but one not to go on asking. What was read of other VLANs stays.
    pub(super) fn vlan_failed(&mut self, lane: Lane) {
        self.vlans_rest = self.polls + REST_POLLS;
        let mut forgotten = Vec::new();
        if let Some(poll) = self.lane(lane).as_mut() {
            let open = poll
                .jobs
                .iter_mut()
                .filter(|j| matches!(j.what, What::Vlan(_)) && j.outcome.is_none());
            for job in open {
                forgotten.extend(job.request.take());
                job.overdue_at = None;
                job.outcome = Some(Err("the agent does not answer for VLANs".into()));
            }
        }
        self.forgotten.extend(forgotten);
    }
}
