//! One table (or list of scalars) on its way from an agent: which names to ask next, and whether the answer makes sense.

use std::fmt;
use std::sync::Arc;

use super::Op;
use crate::profile::TablePlan;
use crate::{Oid, Value, Varbind};

/// Columns asked for in one request: wide enough for a row of ifXTable, narrow enough for agents with a small varbind list.
const GROUP_MAX: usize = 20;

/// Rows of one column by index, in order.
pub(crate) type Column = Vec<(Oid, Value)>;

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WalkError {
    /// The next name is not greater than the one before (RFC 3416 §4.2.2 forbids it): following it could go round for ever.
    Backwards,
    /// More rows than the limit.
    Endless,
    /// No varbinds, or others than asked for.
    Nonsense,
}

impl fmt::Display for WalkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Backwards => "the walk went backwards",
            Self::Endless => "the walk never ends",
            Self::Nonsense => "the answer does not fit the question",
        })
    }
}

/// A walk over the columns of a table side by side, or a GET of scalars.
#[derive(Debug)]
pub(crate) struct Walk {
    roots: Arc<[Oid]>,
    scalar: bool,
    /// Last name seen per column; the root before the first answer.
    last: Vec<Oid>,
    done: Vec<bool>,
    columns: Vec<Column>,
    asked: Vec<usize>,
    group: usize,
    varbinds: usize,
    rows_asked: u32,
    /// Rows that the table had last time, to ask for as many and no more.
    rows_expected: Option<usize>,
    /// Rows of a column after which it is not followed further.
    rows_max: usize,
    cut: bool,
}

impl Walk {
    /// A walk of that table.
    pub(super) fn of(plan: &TablePlan, rows_expected: Option<usize>) -> Self {
        let mut walk = Self::new(plan.oids.as_slice().into(), plan.scalar, rows_expected);
        walk.rows_max = plan.rows_max.unwrap_or(usize::MAX);
        walk
    }

    /// A walk of these columns, or a GET of these instances.
    pub(crate) fn new(roots: Arc<[Oid]>, scalar: bool, rows_expected: Option<usize>) -> Self {
        let n = roots.len();
        let columns = match rows_expected {
            Some(rows) => (0..n)
                .map(|_| Vec::with_capacity(rows.min(4_096)))
                .collect(),
            None => vec![Vec::new(); n],
        };
        Self {
            last: roots.to_vec(),
            roots,
            scalar,
            done: vec![false; n],
            columns,
            asked: Vec::new(),
            group: GROUP_MAX,
            varbinds: 0,
            rows_asked: 1,
            rows_expected,
            rows_max: usize::MAX,
            cut: false,
        }
    }

    /// A walk of one subtree that goes on behind `after`.
    pub(crate) fn resumed(root: Oid, after: Oid) -> Self {
        let mut walk = Self::new([root].into(), false, None);
        walk.last = vec![after];
        walk
    }

    /// Whether there is nothing more to ask.
    pub(crate) fn is_done(&self) -> bool {
        self.done.iter().all(|d| *d)
    }

    /// Whether rows were left unread at the table's limit.
    pub(super) fn was_cut(&self) -> bool {
        self.cut
    }

    /// The rows, column by column in the order of the plan.
    pub(crate) fn into_columns(self) -> Vec<Column> {
        self.columns
    }

    /// The columns that it walks.
    pub(super) fn roots(&self) -> Arc<[Oid]> {
        self.roots.clone()
    }

    /// The rows so far.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Whether the question now open has more than one row.
    pub(super) fn asks_rows(&self) -> bool {
        !self.scalar
    }

    /// Rows that the open question asks for.
    pub(super) fn rows_asked(&self) -> u32 {
        self.rows_asked
    }

    /// The next question; `repetitions_max` is what this agent has shown to bear, `varbinds_max` what one answer may hold.
    pub(crate) fn question(
        &mut self,
        bulk: bool,
        repetitions_max: u32,
        varbinds_max: usize,
    ) -> (Op, Vec<Oid>) {
        self.asked.clear();
        self.asked
            .extend((0..self.roots.len()).filter(|&c| !self.done[c]));
        if !self.scalar {
            // Those that an answer cut short left behind come first.
            let columns = &self.columns;
            self.asked.sort_by_key(|&c| columns[c].len());
        }
        self.asked.truncate(self.group);
        let oids = self.asked.iter().map(|&c| self.last[c].clone()).collect();
        let op = if self.scalar {
            Op::Get
        } else if !bulk {
            Op::GetNext
        } else {
            let fit =
                (varbinds_max / self.asked.len().max(1)).clamp(1, repetitions_max.max(1) as usize);
            self.rows_asked = self.spread(fit) as u32;
            Op::GetBulk {
                max_repetitions: self.rows_asked,
            }
        };
        (op, oids)
    }

    /// Rows to ask for when `fit` would fit: with a known length the rows are spread evenly, and one more finds the end.
    fn spread(&self, fit: usize) -> usize {
        let have = self.asked.first().map_or(0, |&c| self.columns[c].len());
        match self.rows_expected {
            Some(rows) if rows >= have => {
                let missing = rows - have + 1;
                missing.div_ceil(missing.div_ceil(fit)).max(1)
            }
            _ => fit,
        }
    }

    /// Takes the answer to the question asked last.
    pub(crate) fn answer(
        &mut self,
        varbinds: Vec<Varbind>,
        varbinds_max: usize,
    ) -> Result<(), WalkError> {
        let width = self.asked.len();
        if varbinds.is_empty() || width == 0 {
            return Err(WalkError::Nonsense);
        }
        self.varbinds += varbinds.len();
        if self.varbinds > varbinds_max {
            return Err(WalkError::Endless);
        }
        if self.scalar {
            return self.answer_scalars(varbinds);
        }
        if varbinds.len() < width {
            self.group = varbinds.len();
        }
        let mut at = 0;
        for Varbind { oid, value } in varbinds {
            let column = self.asked[at];
            at = if at + 1 == width { 0 } else { at + 1 };
            if self.done[column] {
                continue;
            }
            let index = match oid.strip_prefix(&self.roots[column]) {
                Some(index) if !value.is_absent() || matches!(value, Value::Null) => index,
                _ => {
                    self.done[column] = true;
                    continue;
                }
            };
            if oid <= self.last[column] {
                return Err(WalkError::Backwards);
            }
            self.last[column] = oid;
            self.columns[column].push((index, value));
            if self.columns[column].len() >= self.rows_max {
                self.done[column] = true;
                self.cut = true;
            }
        }
        Ok(())
    }

    fn answer_scalars(&mut self, varbinds: Vec<Varbind>) -> Result<(), WalkError> {
        for Varbind { oid, value } in varbinds {
            // A GET is answered with the names that were asked for; what else comes is dropped.
            let Some(&column) = self.asked.iter().find(|&&c| self.roots[c] == oid) else {
                continue;
            };
            if !self.done[column] {
                self.done[column] = true;
                if !value.is_absent() {
                    self.columns[column].push((Oid::default(), value));
                }
            }
        }
        if self.asked.iter().any(|&c| self.done[c]) {
            Ok(())
        } else {
            Err(WalkError::Nonsense)
        }
    }

    /// noSuchName: an SNMPv1 agent refuses the whole list for one bad name. Asks for fewer; alone, the name is at its end.
    pub(crate) fn no_such_name(&mut self) {
        match self.asked.as_slice() {
            [] => {}
            [column] => self.done[*column] = true,
            several => self.group = (several.len() / 2).max(1),
        }
    }

    /// Asks for fewer columns at once. `false` when it is one already.
    pub(super) fn narrow(&mut self) -> bool {
        let narrower = self.asked.len() / 2;
        if narrower == 0 {
            return false;
        }
        self.group = narrower;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oid(text: &str) -> Oid {
        text.parse().unwrap()
    }

    fn binding(name: &str, value: i32) -> Varbind {
        Varbind {
            oid: oid(name),
            value: Value::Integer(value),
        }
    }

    fn walk(rows: Option<usize>) -> Walk {
        Walk::new([oid("1.3.1"), oid("1.3.2")].into(), false, rows)
    }

    #[test]
    fn columns_advance_side_by_side_and_end_outside_their_root() {
        let mut w = walk(None);
        let (op, oids) = w.question(true, 10, 100);
        assert_eq!(
            (op, oids.len()),
            (
                Op::GetBulk {
                    max_repetitions: 10
                },
                2
            )
        );
        w.answer(
            vec![
                binding("1.3.1.1", 1),
                binding("1.3.2.1", 5),
                binding("1.3.1.7", 2),
                binding("1.3.3.1", 0),
            ],
            1_000,
        )
        .unwrap();
        let (_, oids) = w.question(true, 10, 100);
        assert_eq!(oids, [oid("1.3.1.7")]);
        w.answer(
            vec![Varbind {
                oid: oid("1.3.1.7"),
                value: Value::EndOfMibView,
            }],
            1_000,
        )
        .unwrap();
        assert!(w.is_done());
        let columns = w.into_columns();
        assert_eq!((columns[0].len(), columns[1].len()), (2, 1));
        assert_eq!(columns[0][1].0, oid("7"));
    }

    #[test]
    fn backwards_endless_and_empty_are_named() {
        let mut w = walk(None);
        w.question(true, 10, 100);
        let back = vec![
            binding("1.3.1.5", 1),
            binding("1.3.2.5", 1),
            binding("1.3.1.5", 1),
            binding("1.3.2.6", 1),
        ];
        assert_eq!(w.answer(back, 1_000), Err(WalkError::Backwards));
        let mut w = walk(None);
        w.question(true, 10, 100);
        assert_eq!(w.answer(vec![], 1_000), Err(WalkError::Nonsense));
        let mut w = walk(None);
        for n in 0.. {
            w.question(true, 10, 100);
            let more = vec![
                binding(&format!("1.3.1.{}", n + 1), 1),
                binding(&format!("1.3.2.{}", n + 1), 1),
            ];
            if let Err(error) = w.answer(more, 50) {
                assert_eq!(error, WalkError::Endless);
                assert!(n < 30);
                break;
            }
        }
    }

    #[test]
    fn a_known_length_is_asked_for_evenly_with_one_row_to_find_the_end() {
        let mut w = walk(Some(48));
        let (op, _) = w.question(true, 24, 1_000);
        assert_eq!(
            op,
            Op::GetBulk {
                max_repetitions: 17
            }
        );
    }

    #[test]
    fn snmpv1_is_asked_for_less_until_the_bad_name_is_alone() {
        let mut w = Walk::new(
            [oid("1.3.1.0"), oid("1.3.2.0"), oid("1.3.3.0")].into(),
            true,
            None,
        );
        w.question(false, 1, 100);
        w.no_such_name();
        assert_eq!(w.question(false, 1, 100).1, [oid("1.3.1.0")]);
        w.no_such_name();
        assert_eq!(w.question(false, 1, 100).1, [oid("1.3.2.0")]);
        w.answer(vec![binding("1.3.2.0", 4)], 100).unwrap();
        w.question(false, 1, 100);
        w.answer(vec![binding("1.3.3.0", 4)], 100).unwrap();
        assert!(w.is_done());
    }

    #[test]
    fn an_answer_cut_short_narrows_the_next_question_and_loses_nothing() {
        let mut w = Walk::new(
            [oid("1.3.1"), oid("1.3.2"), oid("1.3.3")].into(),
            false,
            None,
        );
        w.question(true, 1, 100);
        w.answer(vec![binding("1.3.1.1", 1), binding("1.3.2.1", 1)], 100)
            .unwrap();
        let (_, oids) = w.question(true, 1, 100);
        assert_eq!(
            oids,
            [oid("1.3.3"), oid("1.3.1.1")],
            "the column that was cut off comes first"
        );
    }
}
