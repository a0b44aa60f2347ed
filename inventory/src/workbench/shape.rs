//! Finds tables in a heap of variables by their shape alone: an entry (`….1`) whose columns share their indexes.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Oid, Value};

/// Rows of a column that the longest column has too, at least, in percent.
const SHARED_PERCENT_MIN: usize = 50;
/// Tables do not begin above `1.3.6.1.2.1.N`.
const DEPTH_MIN: usize = 8;

/// Variables of one subtree that look like a table.
#[derive(Debug)]
pub(super) struct Shape<'a> {
    /// The entry: columns stand directly below it.
    pub(super) entry: Oid,
    /// Columns by number, each with its rows by index.
    pub(super) columns: BTreeMap<u32, Vec<(Oid, &'a Value)>>,
    /// Rows altogether.
    pub(super) rows: usize,
}

/// What a heap of variables consists of.
#[derive(Debug, Default)]
pub(super) struct Shapes<'a> {
    pub(super) tables: Vec<Shape<'a>>,
    /// Single variables (`….0`) and what has no shape.
    pub(super) singles: Vec<(&'a Oid, &'a Value)>,
}

type Item<'a> = (&'a Oid, &'a Value, Vec<u32>);

/// Sorts variables (in the order of a walk) into tables and singles.
pub(super) fn shapes<'a>(objects: impl Iterator<Item = (&'a Oid, &'a Value)>) -> Shapes<'a> {
    let items: Vec<Item<'a>> = objects
        .map(|(oid, value)| (oid, value, oid.arcs().collect()))
        .collect();
    let mut shapes = Shapes::default();
    divide(&items, 0, &mut shapes);
    shapes
}

/// Runs of items that agree on the arc at `depth`.
fn runs<'i, 'a>(
    items: &'i [Item<'a>],
    depth: usize,
) -> impl Iterator<Item = (u32, &'i [Item<'a>])> {
    items
        .chunk_by(move |a, b| a.2.get(depth) == b.2.get(depth))
        .filter_map(move |run| Some((*run[0].2.get(depth)?, run)))
}

fn divide<'a>(items: &[Item<'a>], depth: usize, shapes: &mut Shapes<'a>) {
    let Some(first) = items.first() else { return };
    if first.2.len() == depth || items.len() == 1 {
        shapes.singles.push((first.0, first.1));
        divide(&items[1..], depth, shapes);
        return;
    }
    if depth >= DEPTH_MIN
        && first.2[depth - 1] == 1
        && let Some(table) = table(items, depth)
    {
        shapes.tables.push(table);
        return;
    }
    for (_, run) in runs(items, depth) {
        divide(run, depth + 1, shapes);
    }
}

/// The items as a table whose columns differ at `depth`, when they look like one.
fn table<'a>(items: &[Item<'a>], depth: usize) -> Option<Shape<'a>> {
    let mut rows: BTreeSet<&[u32]> = BTreeSet::new();
    let mut columns: BTreeMap<u32, Vec<(Oid, &'a Value)>> = BTreeMap::new();
    for (column, run) in runs(items, depth) {
        let mut cells = Vec::with_capacity(run.len());
        for (_, value, arcs) in run {
            let index = arcs.get(depth + 1..).filter(|index| !index.is_empty())?;
            // A scalar's index is 0; a branch with one has no rows.
            if index.last() == Some(&0) && index.len() > 1 && run.len() == 1 {
                return None;
            }
            rows.insert(index);
            cells.push((Oid::from_arcs(index).ok()?, *value));
        }
        columns.insert(column, cells);
    }
    // Branches of single objects have columns too, but no index in common; one column alone could be any level of a longer name.
    let largest: BTreeSet<&Oid> = columns
        .values()
        .max_by_key(|cells| cells.len())?
        .iter()
        .map(|(index, _)| index)
        .collect();
    let shared = columns.values().all(|cells| {
        let known = cells.iter().filter(|(index, _)| largest.contains(index));
        known.count() * 100 >= cells.len() * SHARED_PERCENT_MIN
    });
    let only_scalars = rows.len() == 1 && rows.first().is_some_and(|index| **index == [0]);
    (columns.len() > 1 && shared && !only_scalars).then(|| Shape {
        entry: Oid::from_arcs(&items[0].2[..depth]).unwrap_or_default(),
        rows: rows.len(),
        columns,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Recording;

    #[test]
    fn tables_are_found_by_their_indexes_and_scalars_are_not_tables() {
        let text = "1.3.6.1.4.1.99.1.1.0|2|5\n1.3.6.1.4.1.99.1.2.0|2|6\n\
            1.3.6.1.4.1.99.2.1.1.1|2|1\n1.3.6.1.4.1.99.2.1.1.2|2|2\n\
            1.3.6.1.4.1.99.2.1.2.1|4|a\n1.3.6.1.4.1.99.2.1.2.2|4|b\n\
            1.3.6.1.4.1.99.3.1.2.1.7|2|1\n1.3.6.1.4.1.99.3.1.3.1.7|2|1\n1.3.6.1.4.1.99.3.1.2.2.9|2|1\n";
        let recording = Recording::parse(text);
        let shapes = shapes(recording.objects.iter());
        let entries: Vec<(String, usize, usize)> = shapes
            .tables
            .iter()
            .map(|t| (t.entry.to_string(), t.columns.len(), t.rows))
            .collect();
        assert_eq!(
            entries,
            [
                ("1.3.6.1.4.1.99.2.1".to_owned(), 2, 2),
                ("1.3.6.1.4.1.99.3.1".to_owned(), 2, 2)
            ]
        );
        assert_eq!(shapes.singles.len(), 2);
    }
}
