//! Walks one device from end to end by the poller's own rules, kindly: one question at a time, fewer rows when it does not bear
//! them, a deadline and a cap for all of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::poller::{FetchError, Op, Walk, WalkError};
use crate::profile::constant;
use crate::recording::Recording;
use crate::{Oid, Value, Varbind};

/// Where devices keep what they say: SNMPv2-MIB and its kin, the vendor's tree, LLDP, the frameworks of SNMPv3.
const ROOTS: [&str; 4] = ["1.0.8802", "1.3.6.1.2.1", "1.3.6.1.4.1", "1.3.6.1.6.3"];
/// Places of one recording at which an agent may break and be led past; then the rest of the tree is given up.
const TROUBLES_MAX: usize = 32;
/// Columns beside a broken one that are tried before the whole table is left out.
const STEPS_MAX: u32 = 3;
/// How often one question is asked again.
const RETRIES: u32 = 2;

/// Limits of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecorderConfig {
    /// Subtrees to walk, in this order; empty: all that devices use.
    pub roots: Vec<Oid>,
    /// From the first question to the end, whatever happens.
    pub deadline: Duration,
    /// How long to wait for one answer.
    pub request_timeout: Duration,
    /// Variables; what is beyond is not recorded.
    pub objects_max: usize,
    /// Rows asked for by the first question.
    pub max_repetitions: u32,
    /// Whether the agent knows GETBULK (not SNMPv1).
    pub bulk: bool,
}

impl Default for RecorderConfig {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            deadline: Duration::from_secs(600),
            request_timeout: Duration::from_secs(3),
            objects_max: 500_000,
            max_repetitions: 24,
            bulk: true,
        }
    }
}

/// What the shell shall ask next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The operation.
    pub op: Op,
    /// With which names.
    pub oids: Vec<Oid>,
    /// How long to wait.
    pub timeout: Duration,
}

/// A place at which the walk broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The last name before it.
    pub at: Oid,
    /// What went wrong.
    pub what: String,
}

/// The end of a recording.
#[derive(Debug)]
pub struct Outcome {
    /// What the device said.
    pub recording: Recording,
    /// Where it broke; the rest is there.
    pub troubles: Vec<Trouble>,
}

/// The walk of one device.
#[derive(Debug)]
pub struct Recorder {
    config: RecorderConfig,
    /// Subtrees still to walk, the next one last.
    roots: Vec<Oid>,
    walk: Option<(Oid, Walk)>,
    /// Where the walk goes on when this place breaks it.
    last: Oid,
    attempts: u32,
    repetitions: u32,
    objects: BTreeMap<Oid, Value>,
    troubles: Vec<Trouble>,
    /// The subtree that the walk was last led past, how many variables there were then, and steps taken beside it.
    past: Vec<u32>,
    len_at_break: usize,
    steps: u32,
    ends_at: Option<Instant>,
}

impl Recorder {
    /// A recorder that has asked nothing yet.
    #[must_use]
    pub fn new(config: RecorderConfig) -> Self {
        let mut roots = if config.roots.is_empty() {
            ROOTS.iter().map(|o| constant(o)).collect()
        } else {
            config.roots.clone()
        };
        roots.reverse();
        Self {
            repetitions: config.max_repetitions.max(1),
            config,
            roots,
            walk: None,
            last: Oid::default(),
            attempts: 0,
            objects: BTreeMap::new(),
            troubles: Vec::new(),
            past: Vec::new(),
            len_at_break: 0,
            steps: 0,
            ends_at: None,
        }
    }

    /// The next question; `None`: it is over.
    pub fn poll_output(&mut self, now: Instant) -> Option<Question> {
        let ends_at = *self.ends_at.get_or_insert(now + self.config.deadline);
        if now >= ends_at {
            self.give_up("the time for this recording was up");
            return None;
        }
        while self.walk.as_ref().is_none_or(|(_, walk)| walk.is_done()) {
            self.keep();
            let root = self.roots.pop()?;
            self.last = root.clone();
            self.begin(root);
        }
        let (_, walk) = self.walk.as_mut()?;
        let (op, oids) = walk.question(self.config.bulk, self.repetitions, usize::MAX);
        let timeout = self
            .config
            .request_timeout
            .mul_f64(1.0 + 0.5 * f64::from(self.attempts))
            .min(ends_at - now);
        Some(Question { op, oids, timeout })
    }

    /// The answer to the last question.
    pub fn handle_input(&mut self, answer: Result<Vec<Varbind>, FetchError>) {
        let Some((root, walk)) = self.walk.as_mut() else {
            return;
        };
        let left = self.config.objects_max.saturating_sub(self.objects.len());
        match answer {
            Ok(varbinds) => {
                self.attempts = 0;
                match walk.answer(varbinds, left) {
                    Ok(()) => {
                        if let Some((index, _)) = walk.columns()[0].last() {
                            self.last = root.join_oid(index);
                        }
                    }
                    Err(WalkError::Endless) => {
                        self.give_up(&format!("more than {} variables", self.config.objects_max))
                    }
                    Err(error) => self.lead_past(&error.to_string()),
                }
            }
            // SNMPv1 says so at the end of its view.
            Err(FetchError::NoSuchName) => walk.no_such_name(),
            Err(FetchError::TooBig | FetchError::GenErr) if self.repetitions > 1 => {
                self.repetitions = (self.repetitions / 2).max(1);
            }
            // Where it broke just now one try must do.
            Err(FetchError::Timeout) if self.attempts < RETRIES && !self.just_broke() => {
                self.attempts += 1;
                self.repetitions = if self.attempts == RETRIES {
                    1
                } else {
                    (self.repetitions / 2).max(1)
                };
            }
            Err(error) => {
                let what = crate::poller::explain(&error);
                self.lead_past(&what);
            }
        }
    }

    /// Variables so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.objects.len()
            + self
                .walk
                .as_ref()
                .map_or(0, |(_, walk)| walk.columns()[0].len())
    }

    /// Whether nothing has come yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What there is in the end.
    #[must_use]
    pub fn finish(mut self) -> Outcome {
        self.keep();
        Outcome {
            recording: Recording {
                objects: self.objects,
                mistakes: Vec::new(),
            },
            troubles: self.troubles,
        }
    }

    fn begin(&mut self, root: Oid) {
        let roots: Arc<[Oid]> = [root.clone()].into();
        self.walk = Some((root, Walk::new(roots, false, None)));
        self.attempts = 0;
    }

    /// Moves what the walk has brought among the objects.
    fn keep(&mut self) {
        let Some((root, walk)) = self.walk.take() else {
            return;
        };
        for (index, value) in walk.into_columns().into_iter().flatten() {
            self.objects.insert(root.join_oid(&index), value);
        }
    }

    /// Whether nothing has come since the walk was led past a broken place.
    fn just_broke(&self) -> bool {
        !self.past.is_empty() && self.len() == self.len_at_break
    }

    fn give_up(&mut self, what: &str) {
        self.trouble(what);
        self.keep();
        self.roots.clear();
    }

    fn trouble(&mut self, what: &str) {
        self.troubles.push(Trouble {
            at: self.last.clone(),
            what: what.to_owned(),
        });
    }

    /// The agent breaks here: goes on behind the column, then the table, that the last name lies in.
    fn lead_past(&mut self, what: &str) {
        let silent_from_the_start = self.is_empty();
        self.trouble(what);
        if silent_from_the_start || self.troubles.len() >= TROUBLES_MAX {
            self.keep();
            self.roots.clear();
            return;
        }
        let Some(root) = self.walk.as_ref().map(|(root, _)| root.clone()) else {
            return;
        };
        self.keep();
        self.attempts = 0;
        // Behind the column that breaks; when nothing comes there either, behind the next ones, then behind all of the table.
        let fresh = self.len() > self.len_at_break;
        self.len_at_break = self.len();
        if fresh || self.past.is_empty() {
            self.past = self.last.arcs().collect();
            self.past.pop();
            self.steps = 0;
        } else if self.steps < STEPS_MAX {
            self.steps += 1;
            if let Some(arc) = self.past.last_mut() {
                *arc = arc.saturating_add(1);
            }
        } else {
            self.past.pop();
            self.steps = 0;
        }
        if self.past.len() <= root.len() {
            self.past.clear();
            return;
        }
        let Ok(end) = Oid::from_arcs(&self.past).map(|o| o.join(&[u32::MAX])) else {
            return;
        };
        self.last = end.clone();
        self.walk = Some((root.clone(), Walk::resumed(root, end)));
    }
}
