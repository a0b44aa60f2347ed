//! What goes out, and what has waited too long.

use std::time::Instant;

use super::{Lane, SHELL_GRACE, Session, Surroundings};
use crate::SnmpVersion;
use crate::poller::{FetchError, PollerConfig, Request, RequestId};

impl Session {
    /// Whether a request may go out now.
    pub(in crate::poller) fn wants_to_send(&self, config: &PollerConfig) -> bool {
        let open: usize = self.open_requests();
        [&self.urgent, &self.probe, &self.full]
            .into_iter()
            .flatten()
            .any(|poll| {
                poll.jobs
                    .iter()
                    .any(|j| j.outcome.is_none() && j.request.is_none() && j.not_before.is_none())
                    && (open < config.in_flight_per_device_max
                        || (open == config.in_flight_per_device_max && self.urgent_first()))
            })
    }

    pub(super) fn open_requests(&self) -> usize {
        [&self.urgent, &self.probe, &self.full]
            .into_iter()
            .flatten()
            .flat_map(|p| &p.jobs)
            .filter(|j| j.request.is_some())
            .count()
    }

    /// A hastened look may use one request more than the limit of the device, so that it need not wait for a slow walk.
    pub(super) fn urgent_first(&self) -> bool {
        self.urgent
            .as_ref()
            .is_some_and(|poll| poll.jobs.iter().all(|j| j.request.is_none()))
    }

    /// The next request of this device, if it may send one.
    pub(in crate::poller) fn next_request(
        &mut self,
        id: RequestId,
        around: &mut Surroundings,
        now: Instant,
    ) -> Option<(Lane, usize, Request)> {
        if !self.wants_to_send(&around.config) {
            return None;
        }
        let over_limit = self.open_requests() >= around.config.in_flight_per_device_max;
        let lanes: &[Lane] = if over_limit {
            &[Lane::Urgent]
        } else {
            &[Lane::Urgent, Lane::Probe, Lane::Full]
        };
        for &lane in lanes {
            let (repetitions, device, credentials) = (
                self.repetitions,
                self.spec.id.clone(),
                self.spec.credentials.clone(),
            );
            let Some(poll) = self.lane(lane).as_mut() else {
                continue;
            };
            let Some(n) = poll
                .jobs
                .iter()
                .position(|j| j.outcome.is_none() && j.request.is_none() && j.not_before.is_none())
            else {
                continue;
            };
            let Some(credential) = credentials.get(poll.credential).cloned() else {
                continue;
            };
            let config = &around.config;
            if poll.started_at.is_none() {
                poll.started_at = Some(now);
                poll.deadline = Some(now + config.device_deadline);
            }
            let job = &mut poll.jobs[n];
            let bulk = credential.version != SnmpVersion::V1;
            let (op, oids) = job.walk.question(
                bulk,
                job.rows_max.unwrap_or(repetitions),
                config.request_varbinds_max,
            );
            // Each try waits longer: a slow agent that is asked again at once only gets slower.
            let timeout = config
                .request_timeout
                .mul_f64(1.0 + 0.5 * f64::from(job.attempts));
            let context = job.what.context();
            job.request = Some(id);
            job.overdue_at = Some(now + timeout + SHELL_GRACE);
            poll.statistics.requests += 1;
            around.counters.requests += 1;
            if job.attempts > 0 {
                poll.statistics.retries += 1;
                around.counters.retries += 1;
            }
            return Some((
                lane,
                n,
                Request {
                    id,
                    device,
                    credential,
                    context,
                    op,
                    oids,
                    timeout,
                },
            ));
        }
        None
    }

    /// Ends what has waited too long.
    pub(super) fn expire(&mut self, around: &mut Surroundings, now: Instant) {
        let mut forgotten = Vec::new();
        for lane in [Lane::Urgent, Lane::Probe, Lane::Full] {
            let Some(poll) = self.lane(lane).as_mut() else {
                continue;
            };
            for job in &mut poll.jobs {
                if job.not_before.is_some_and(|at| at <= now) {
                    job.not_before = None;
                }
            }
            if poll.deadline.is_some_and(|at| at <= now) && !poll.over {
                around.counters.polls_late += u64::from(lane != Lane::Probe);
                for job in poll.jobs.iter_mut().filter(|j| j.outcome.is_none()) {
                    forgotten.extend(job.request.take());
                    job.outcome = Some(Err("the device's time was up".into()));
                }
                continue;
            }
            // What is around the device is nice to know; how the device is may not wait for it.
            let half = around.config.device_deadline / 2;
            if poll.started_at.is_some_and(|at| at + half <= now) {
                let late = poll
                    .jobs
                    .iter_mut()
                    .filter(|j| j.outcome.is_none() && j.last_in_line);
                for job in late {
                    forgotten.extend(job.request.take());
                    job.overdue_at = None;
                    job.outcome = Some(Err("half of the device's time was up".into()));
                }
            }
            let overdue: Vec<(usize, RequestId)> = poll
                .jobs
                .iter()
                .enumerate()
                .filter(|(_, j)| j.overdue_at.is_some_and(|at| at <= now))
                .filter_map(|(n, j)| Some((n, j.request?)))
                .collect();
            for (n, request) in overdue {
                self.forgotten.push(request);
                self.reply(lane, n, Err(FetchError::Timeout), 0, around, now);
            }
        }
        self.forgotten.extend(forgotten);
    }
}
