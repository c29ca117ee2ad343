//! The run over all scripts: plays them, four at a time, compares, and holds the differences against the
//! list of known ones.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::answer::difference;
use crate::known::{Area, Known, keys};
use crate::play::Server;
use crate::script::Statement;
use crate::{Options, eider, oracle, recorded, script};

/// How many scripts are played at a time.
const AT_A_TIME: usize = 4;

type Scripts = BTreeMap<String, Vec<Statement>>;

/// How one area came out.
#[derive(Debug, Default)]
struct Outcome {
    statements: usize,
    /// All that differ now.
    differs: Area,
    /// What failed the run.
    complaints: Vec<String>,
    known: usize,
}

fn read_scripts() -> Result<Scripts, String> {
    let folder = recorded::folder().join("scripts");
    let entries = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut scripts = Scripts::new();
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        let Some(area) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        scripts.insert(area.to_owned(), script::parse(&text));
    }
    Ok(scripts)
}

/// `Ok(false)` if something isn't as it should be; it has been printed.
///
/// # Errors
/// If the run couldn't be made.
pub fn run(options: &Options) -> Result<bool, String> {
    let all = read_scripts()?;
    let chosen = |area: &str| {
        options.areas.is_empty() || options.areas.iter().any(|part| area.contains(part.as_str()))
    };
    let areas: Vec<&String> = all.keys().filter(|area| chosen(area)).collect();
    if options.has("--list") {
        for area in areas {
            println!("{area}: {} statements", all[area].len());
        }
        return Ok(true);
    }
    if areas.is_empty() {
        return Ok(true);
    }
    if options.has("--record") {
        let server = oracle()?;
        let record = |area: &str| {
            let answers = server.play(area, &all[area], None).map_err(|e| e.to_string())?;
            recorded::write(area, &all[area], &answers).map_err(|error| error.to_string())
        };
        return for_each(&areas, record).map(|_| true);
    }
    let mut known = Known::read();
    let (server, _running) = eider();
    let outcomes = for_each(&areas, |area| compare(options, &server, area, &all[area], &known))?;
    report(&outcomes);
    if options.has("--rewrite") {
        return rewrite(options, &mut known, outcomes, &all);
    }
    Ok(outcomes.values().all(|outcome| outcome.complaints.is_empty()))
}

/// Does something for each area, a few at a time.
fn for_each<T: Send>(
    areas: &[&String],
    work: impl Fn(&str) -> Result<T, String> + Sync,
) -> Result<BTreeMap<String, T>, String> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(area) = areas.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = work(area).map_err(|error| format!("{area}: {error}"));
                    done.lock().unwrap().insert((*area).clone(), result);
                }
            });
        }
    });
    let done = done.into_inner().unwrap();
    done.into_iter().map(|(area, result)| Ok((area, result?))).collect()
}

fn compare(
    options: &Options,
    server: &Server,
    area: &str,
    statements: &[Statement],
    known: &Known,
) -> Result<Outcome, String> {
    let expected = if options.has("--live") {
        oracle()?.play(area, statements, None).map_err(|error| error.to_string())?
    } else {
        recorded::read(area, statements)?
    };
    let got = server.play(area, statements, Some(&expected)).map_err(|error| error.to_string())?;
    let mut outcome = Outcome { statements: statements.len(), ..Outcome::default() };
    let known = known.area(area);
    for ((key, statement), (expected, got)) in
        keys(statements).into_iter().zip(statements).zip(expected.iter().zip(&got))
    {
        let is_known = known.is_some_and(|known| known.contains_key(&key));
        let place = format!("scripts/{area}.sql:{} {key}", statement.line);
        if expected == got {
            if is_known {
                outcome.complaints.push(format!(
                    "{place}: is answered as PostgreSQL answers it now; take it off known.txt (--rewrite)"
                ));
            }
            continue;
        }
        let what = difference(expected, got);
        let sql = &statement.sql;
        let (expected, got) = without_ends(expected, got);
        let whole = format!("{place}: {what}\n{sql}\n--- PostgreSQL\n{expected}--- Eider\n{got}");
        if is_known {
            outcome.known += 1;
            if options.has("--show") {
                println!("{whole}");
            }
        } else {
            outcome.complaints.push(whole);
        }
        outcome.differs.insert(key, what);
    }
    Ok(outcome)
}

/// Two answers without the lines at the beginning and at the end in which they agree, but for a few.
fn without_ends(expected: &str, got: &str) -> (String, String) {
    const KEPT: usize = 4;
    let (one, other): (Vec<_>, Vec<_>) = (expected.lines().collect(), got.lines().collect());
    let same = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let rest = one[same..].iter().rev().zip(other[same..].iter().rev());
    let tail = rest.take_while(|(a, b)| a == b).count();
    let cut = |lines: &[&str]| {
        let (from, to) = (same.saturating_sub(KEPT), lines.len() - tail.saturating_sub(KEPT));
        let mut text = if from > 0 { format!("... {from} lines\n") } else { String::new() };
        text.extend(lines[from..to].iter().map(|line| format!("{line}\n")));
        text
    };
    (cut(&one), cut(&other))
}

fn report(outcomes: &BTreeMap<String, Outcome>) {
    for complaint in outcomes.values().flat_map(|outcome| &outcome.complaints) {
        println!("{complaint}\n");
    }
    println!("{:32} statements   equal   known  complaints", "area");
    let print = |area: &str, outcomes: &[&Outcome]| {
        let sum =
            |count: fn(&Outcome) -> usize| outcomes.iter().map(|one| count(one)).sum::<usize>();
        let (statements, differ) = (sum(|one| one.statements), sum(|one| one.differs.len()));
        let (known, complaints) = (sum(|one| one.known), sum(|one| one.complaints.len()));
        println!("{area:32} {statements:10} {:7} {known:7} {complaints:11}", statements - differ);
    };
    for (area, outcome) in outcomes {
        print(area, &[outcome]);
    }
    print("all", &outcomes.values().collect::<Vec<_>>());
}

fn rewrite(
    options: &Options,
    known: &mut Known,
    outcomes: BTreeMap<String, Outcome>,
    all: &Scripts,
) -> Result<bool, String> {
    let mut grown = 0;
    for (area, outcome) in outcomes {
        grown += known.replace(&area, outcome.differs).len();
    }
    if grown > 0 && !options.has("--grow") {
        return Err(format!("known.txt would grow by {grown}, and is left as it was; see --grow"));
    }
    known.retain(&all.keys().cloned().collect::<Vec<_>>());
    known.write(all).map_err(|error| error.to_string())?;
    println!("known.txt is rewritten");
    Ok(true)
}
