//! `eider restore -from`: a database as it was, from a history in a directory or an object store.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::backup::{HistoryPlace, Progress, Rebuilt};
use crate::command::Problem;
use crate::command::arguments::{Arguments, valued};
use crate::command::terminal::{Closed, print};
use crate::config::{Flag, Form, Group, parse_duration};
use crate::platform::clock::{self, Instant};

pub(crate) const FLAGS: Group = (
    "A state of the past",
    &[
        valued(
            "from",
            "PLAN",
            "Where the history is: the file of -auto-backup, or of -auto-restore. If it is about\n\
             several databases, -db says which.",
        ),
        valued(
            "to",
            "POINT",
            "Which state: a time such as 2026-01-31T23:59:59Z or 2026-01-31T23:59:59.5+02:00, the\nnumber \
             of a transaction, or 'latest'.",
        ),
        valued("output", "FILE", "What to write. A file that is there is not overwritten."),
        Flag {
            name: "list",
            form: Form::Switch,
            default: "",
            help: "Say what can be restored, and change nothing.",
        },
    ],
);

/// A line of progress where nobody sees a bar, at most for every so many per cent.
const STEP_PERCENT: u64 = 10;
const BAR_WIDTH: u64 = 30;
/// A bar is drawn this often at the most, in milliseconds.
const DRAW_MILLIS: u128 = 100;

/// What is to be done with a history.
pub(crate) struct Wanted {
    plan: PathBuf,
    /// Of which database, if the plan is about several.
    database: Option<String>,
    /// The point and the file; `None`: say what there is.
    make: Option<(String, PathBuf)>,
}

impl Wanted {
    /// `None` if the command line is about a file.
    pub(crate) fn read(arguments: &Arguments) -> Result<Option<Self>, Problem> {
        let wrong = |text: &str| Err(Problem::Text(text.to_owned()));
        let (to, output) = (arguments.get("to"), arguments.get("output"));
        let list = arguments.is_on("list");
        let Some(plan) = arguments.get("from") else {
            if to.is_some() || output.is_some() || list {
                return wrong(
                    "-to, -output and -list are about a history: say with -from PLAN where it is",
                );
            }
            return Ok(None);
        };
        if !arguments.operands().is_empty() {
            return wrong(
                "with -from no FILE is put in a database's place: write to one with -output FILE",
            );
        }
        let make = match (list, to, output) {
            (true, None, None) => None,
            (true, _, _) => return wrong("-list goes without -to and -output"),
            (false, Some(to), Some(output)) => Some((to.to_owned(), PathBuf::from(output))),
            (false, _, _) => {
                return wrong(
                    "say which state (-to POINT) and where to write it (-output FILE), or -list",
                );
            }
        };
        let database = arguments.get("db").map(str::to_owned);
        Ok(Some(Self { plan: plan.into(), database, make }))
    }

    pub(crate) fn run(self) -> Result<ExitCode, Problem> {
        let plan = self.plan.display();
        let wrong = |why: String| Problem::Text(format!("-from {plan}: {why}"));
        let text = std::fs::read_to_string(&self.plan);
        let text = text.map_err(|error| wrong(error.to_string()))?;
        let environment = std::env::vars().collect();
        let database = self.database.as_deref();
        let place = HistoryPlace::parse(&text, &environment, parse_duration, database);
        let place = place.map_err(wrong)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Problem::Text(format!("start the async runtime: {error}")))?;
        let Some((point, file)) = self.make else {
            print(&runtime.block_on(place.describe())?)?;
            return Ok(ExitCode::SUCCESS);
        };
        if file.exists() {
            return Err(format!("{} is there already: take another name", file.display()).into());
        }
        let mut meter = Meter::new();
        let mut note = |progress| meter.note(progress);
        let restored = runtime.block_on(place.restore(&point, &file, &mut note));
        meter.end()?;
        let Rebuilt { database, transaction, proposed } = restored?;
        let mut text = format!(
            "{} is the database '{database}' after transaction {transaction}",
            file.display()
        );
        if let Some(proposed) = proposed {
            // Writing to a string cannot fail.
            let _ = write!(text, ", of {proposed}");
        }
        let file = file.display();
        print(&format!("{text}.\nTo put it in a database's place: eider restore {file}\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Shows how far it is: a bar at a terminal, and lines elsewhere.
struct Meter {
    bar: bool,
    drawn: Option<Instant>,
    /// Of the last line.
    percent: u64,
    closed: Result<(), Closed>,
}

impl Meter {
    fn new() -> Self {
        let bar = std::io::stdout().is_terminal();
        Self { bar, drawn: None, percent: 0, closed: Ok(()) }
    }

    fn note(&mut self, progress: Progress) {
        let Progress { read, expected, transaction } = progress;
        let percent = (read * 100).checked_div(expected).unwrap_or(100).min(100);
        let text = format!(
            "{percent:3} %  {} of {} MiB, at transaction {transaction}",
            read >> 20,
            expected >> 20
        );
        let now = clock::now();
        if self.bar {
            let soon = |drawn: Instant| now.since(drawn).as_millis() < DRAW_MILLIS;
            if self.drawn.is_some_and(soon) && percent < 100 {
                return;
            }
            self.drawn = Some(now);
            let full = "#".repeat((percent * BAR_WIDTH / 100) as usize);
            let width = BAR_WIDTH as usize;
            self.show(&format!("\r[{full:<width$}] {text}\x1b[K"));
        } else if percent / STEP_PERCENT > self.percent / STEP_PERCENT {
            self.percent = percent;
            self.show(&format!("{}\n", text.trim_start()));
        }
    }

    fn show(&mut self, text: &str) {
        if self.closed.is_ok() {
            self.closed = print(text);
        }
    }

    /// Nothing more comes.
    fn end(&mut self) -> Result<(), Closed> {
        if self.bar && self.drawn.is_some() {
            self.show("\n");
        }
        self.closed
    }
}
