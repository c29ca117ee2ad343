//! Lists that transactions append to and read, and what they must show: that all committed transactions, and the
//! time that they took, are as if they had run one after the other (strict serializability).
//!
//! Elements are unique, so a read of a list tells whose appends came before it and in which order, and each
//! pair of transactions that touch a list has an order. Transactions and the passing of time are a graph; what
//! can't be sorted is a cycle, which is an anomaly: lost updates, write skew, stale reads and others alike.

use std::collections::{HashMap, HashSet};

/// A step, by key.
#[derive(Debug, Clone)]
pub enum Op {
    Append(u64, u64),
    Read(u64, Vec<u64>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Committed,
    /// Certainly not.
    Failed,
    Unknown,
}

/// One transaction; times are of one clock.
#[derive(Debug, Clone)]
pub struct Transaction {
    pub start: u64,
    pub end: u64,
    pub outcome: Outcome,
    pub ops: Vec<Op>,
}

impl Transaction {
    fn appends(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.ops.iter().filter_map(|op| match op {
            Op::Append(key, element) => Some((*key, *element)),
            Op::Read(..) => None,
        })
    }

    /// What each of its reads shows that isn't its own: key, elements. An error if its own aren't last.
    fn outer_reads(&self) -> Result<Vec<(u64, &[u64])>, String> {
        let (mut own, mut reads) = (HashMap::<u64, Vec<u64>>::new(), Vec::new());
        for op in &self.ops {
            match op {
                Op::Append(key, element) => own.entry(*key).or_default().push(*element),
                Op::Read(key, shown) => {
                    let mine = own.get(key).map_or(&[][..], Vec::as_slice);
                    let Some(outer) = shown.strip_suffix(mine) else {
                        return Err(format!("its own appends {mine:?} are missing: {self:?}"));
                    };
                    reads.push((*key, outer));
                }
            }
        }
        Ok(reads)
    }
}

/// All that is known of a history: the order of each list, and who appended what.
struct Known<'a> {
    all: &'a [Transaction],
    orders: HashMap<u64, Vec<u64>>,
    writers: HashMap<u64, usize>,
    /// Those that happened.
    there: Vec<usize>,
}

/// Checks a history whose last reads show every list whole. How many transactions it held that happened.
pub fn check(all: &[Transaction]) -> Result<usize, String> {
    let known = know(all)?;
    let mut edges = dependencies(&known)?;
    let count = all.len() + add_time(&known, &mut edges);
    sort(&known, count, &edges)?;
    Ok(known.there.len())
}

fn know(all: &[Transaction]) -> Result<Known<'_>, String> {
    let mut orders = HashMap::<u64, Vec<u64>>::new();
    for transaction in all.iter().filter(|transaction| transaction.outcome == Outcome::Committed) {
        for op in &transaction.ops {
            let Op::Read(key, shown) = op else { continue };
            let longest = orders.entry(*key).or_default();
            if !(longest.starts_with(shown) || shown.starts_with(longest)) {
                return Err(format!("list {key} was {longest:?} and {shown:?}"));
            }
            if shown.len() > longest.len() {
                longest.clone_from(shown);
            }
        }
    }
    let mut writers = HashMap::new();
    for (at, transaction) in all.iter().enumerate() {
        writers.extend(transaction.appends().map(|(_, element)| (element, at)));
    }
    let mut seen = HashSet::new();
    for (key, order) in &orders {
        for element in order {
            let writer = writers.get(element).map(|at: &usize| &all[*at]);
            match writer {
                None => return Err(format!("list {key} has {element}, which nobody appended")),
                Some(writer) if writer.outcome == Outcome::Failed => {
                    return Err(format!("list {key} has {element} of a failed one: {writer:?}"));
                }
                Some(_) if !seen.insert(*element) => {
                    return Err(format!("{element} is there twice: list {key}, {order:?}"));
                }
                Some(_) => {}
            }
        }
    }
    let mut there = Vec::new();
    for (at, transaction) in all.iter().enumerate() {
        let shown = transaction.appends().filter(|(_, element)| seen.contains(element)).count();
        let committed = transaction.outcome == Outcome::Committed;
        if (committed || shown > 0) && shown < transaction.appends().count() {
            return Err(format!("not all of its appends are there: {transaction:?}"));
        }
        if committed || shown > 0 {
            there.push(at);
        }
    }
    Ok(Known { all, orders, writers, there })
}

type Edges = Vec<(usize, usize)>;

/// Who comes before whom by what they read and appended.
fn dependencies(known: &Known) -> Result<Edges, String> {
    let mut edges = Vec::new();
    for order in known.orders.values() {
        for pair in order.windows(2) {
            edges.push((known.writers[&pair[0]], known.writers[&pair[1]]));
        }
    }
    for &reader in &known.there {
        let transaction = &known.all[reader];
        for (key, shown) in transaction.outer_reads()? {
            let Some(order) = known.orders.get(&key) else { continue };
            if !order.starts_with(shown) {
                return Err(format!("list {key} is {order:?}; {transaction:?}"));
            }
            if let Some(last) = shown.last() {
                let writer = known.writers[last];
                let mut later = known.all[writer].appends().skip_while(|(_, own)| own != last);
                if writer != reader && later.any(|(own, more)| own == key && more != *last) {
                    return Err(format!("a transaction's middle was shown: {transaction:?}"));
                }
                edges.push((writer, reader));
            }
            if let Some(next) = order.get(shown.len()) {
                edges.push((reader, known.writers[next]));
            }
        }
    }
    edges.retain(|(before, after)| before != after);
    Ok(edges)
}

/// Adds the passing of time: who ended before another began comes before it. Each end is a node of the graph,
/// one after the other; their number.
fn add_time(known: &Known, edges: &mut Edges) -> usize {
    let ended = |at: &&usize| known.all[**at].outcome == Outcome::Committed;
    let mut ends: Vec<(u64, usize)> =
        known.there.iter().filter(ended).map(|&at| (known.all[at].end, at)).collect();
    ends.sort_unstable();
    let first = known.all.len();
    for (number, (_, at)) in ends.iter().enumerate() {
        edges.push((*at, first + number));
        if number > 0 {
            edges.push((first + number - 1, first + number));
        }
    }
    for &at in &known.there {
        let before = ends.partition_point(|(end, _)| *end < known.all[at].start);
        if before > 0 {
            edges.push((first + before - 1, at));
        }
    }
    ends.len()
}

/// Sorts the graph; an error with a cycle if that can't be done.
fn sort(known: &Known, count: usize, edges: &Edges) -> Result<(), String> {
    let (mut after, mut before) = (vec![Vec::new(); count], vec![0_usize; count]);
    for (one, other) in edges {
        after[*one].push(*other);
        before[*other] += 1;
    }
    let mut free: Vec<usize> = (0..count).filter(|at| before[*at] == 0).collect();
    let mut sorted = 0;
    while let Some(at) = free.pop() {
        sorted += 1;
        for &other in &after[at] {
            before[other] -= 1;
            if before[other] == 0 {
                free.push(other);
            }
        }
    }
    if sorted == count {
        return Ok(());
    }
    let mut previous = HashMap::new();
    for (one, other) in edges {
        if before[*one] > 0 && before[*other] > 0 {
            previous.insert(*other, *one);
        }
    }
    let mut path = vec![(0..count).find(|at| before[*at] > 0).expect("some are left")];
    while let Some(&at) = previous.get(path.last().expect("it isn't empty")) {
        if let Some(from) = path.iter().position(|known| *known == at) {
            path.drain(..from);
            break;
        }
        path.push(at);
    }
    let told: Vec<String> = path
        .iter()
        .rev()
        .filter_map(|at| known.all.get(*at))
        .map(|transaction| format!("{transaction:?}"))
        .collect();
    Err(format!(
        "each of these comes before the next, and the last before the first:\n{}",
        told.join("\n")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committed(start: u64, end: u64, ops: &[Op]) -> Transaction {
        Transaction { start, end, outcome: Outcome::Committed, ops: ops.to_vec() }
    }

    fn read(key: u64, shown: &[u64]) -> Op {
        Op::Read(key, shown.to_vec())
    }

    #[test]
    fn histories_in_some_order_pass() {
        let mut unknown = committed(1, 2, &[Op::Append(1, 9)]);
        unknown.outcome = Outcome::Unknown;
        let history = [
            committed(0, 10, &[read(1, &[]), Op::Append(1, 1), read(1, &[1])]),
            committed(5, 12, &[Op::Append(2, 2), read(1, &[1, 9])]),
            unknown,
            committed(13, 14, &[read(1, &[1, 9]), read(2, &[2])]),
        ];
        assert_eq!(check(&history), Ok(4));
    }

    #[test]
    fn anomalies_are_found() {
        let lost_update = [
            committed(0, 10, &[read(1, &[]), Op::Append(1, 1)]),
            committed(0, 10, &[read(1, &[]), Op::Append(1, 2)]),
            committed(11, 12, &[read(1, &[1, 2])]),
        ];
        let write_skew = [
            committed(0, 10, &[read(1, &[]), Op::Append(2, 1)]),
            committed(0, 10, &[read(2, &[]), Op::Append(1, 2)]),
            committed(11, 12, &[read(1, &[2]), read(2, &[1])]),
        ];
        let stale_read = [
            committed(0, 1, &[Op::Append(1, 1)]),
            committed(2, 3, &[read(1, &[])]),
            committed(4, 5, &[read(1, &[1])]),
        ];
        let long_fork = [
            committed(0, 9, &[Op::Append(1, 1)]),
            committed(0, 9, &[Op::Append(2, 2)]),
            committed(0, 9, &[read(1, &[1]), read(2, &[])]),
            committed(0, 9, &[read(1, &[]), read(2, &[2])]),
            committed(10, 11, &[read(1, &[1]), read(2, &[2])]),
        ];
        let missing = [committed(0, 1, &[Op::Append(1, 1)]), committed(2, 3, &[read(1, &[])])];
        let mut failed = stale_read[0].clone();
        failed.outcome = Outcome::Failed;
        let aborted_read = [failed, committed(4, 5, &[read(1, &[1])])];
        let middle = [
            committed(0, 9, &[Op::Append(1, 1), Op::Append(1, 2)]),
            committed(0, 9, &[read(1, &[1])]),
            committed(10, 11, &[read(1, &[1, 2])]),
        ];
        let forked = [committed(0, 9, &[read(1, &[1, 2])]), committed(0, 9, &[read(1, &[2, 1])])];
        let twice = [committed(0, 1, &[Op::Append(1, 1)]), committed(2, 3, &[read(1, &[1, 1])])];
        let bad: [&[Transaction]; 9] = [
            &lost_update,
            &write_skew,
            &stale_read,
            &long_fork,
            &missing,
            &aborted_read,
            &middle,
            &forked,
            &twice,
        ];
        for history in bad {
            assert!(check(history).is_err(), "{history:#?}");
        }
    }
}
