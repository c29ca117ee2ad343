//! A copy that a new cluster begins with: fetched from a directory or an object store by the node that
//! leads first, and loaded like any other file.
//!
//! **Invariant:** it is loaded into a database in which nothing has been committed yet.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::backup::history::{self, Point};
use crate::backup::plan::{self, Target};
use crate::backup::source::{Source, Unpacking};
use crate::engine::{Engine, Limits, Staged};
use crate::model::error::Error;
use crate::platform::{clock, watch};

/// How long nobody looks whether this node leads now.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Which copy a new cluster begins with.
#[derive(Debug)]
pub struct Restore {
    database: String,
    timeout: Duration,
    /// Whether the cluster begins empty if the copy can't be had.
    go_on: bool,
    pub(super) from: Target,
    /// Which state it begins with, if there is a history to take it from.
    to: Option<Point>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    timeout: Option<String>,
    #[serde(default)]
    continue_on_failure: bool,
    database: Option<String>,
    /// A state of a history (`history`), rather than a copy.
    to: Option<String>,
    sub: Value,
}

impl Restore {
    /// Reads the text of the file of `-auto-restore`. `duration` reads the time limit.
    ///
    /// # Errors
    /// A text for the operator.
    pub fn parse(
        text: &str,
        environment: &HashMap<String, String>,
        duration: fn(&str) -> Option<Duration>,
    ) -> Result<Self, String> {
        let written = plan::read(text, environment, |written: &Written| written.version)?;
        let timeout = written.timeout.unwrap_or_else(|| "30s".to_owned());
        let timeout = duration(&timeout).filter(|timeout| !timeout.is_zero());
        let database = written.database.unwrap_or_else(|| "postgres".to_owned());
        Ok(Self {
            timeout: timeout.ok_or("timeout: it is not a duration, such as 30s or 5m")?,
            go_on: written.continue_on_failure,
            from: plan::target(&written.kind, written.sub)?.of(&database),
            database,
            to: written.to.as_deref().map(Point::parse).transpose()?,
        })
    }
}

/// Sees to it that the cluster begins with the copy, until `stop` is set; `holding` is true as long as
/// nobody should use this node because of it. For a node that has no data.
///
/// # Errors
/// A text for the operator: the copy can't be had, and the node must not go on without it.
pub async fn at_start(
    engine: &Engine,
    plan: &Restore,
    holding: &watch::Sender<bool>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), String> {
    let work = async {
        loop {
            let status = engine.status();
            let database = status.databases.iter().find(|one| one.name == plan.database);
            if database.is_some_and(|database| database.position.txid.0 > 0) {
                return Ok(());
            }
            if let Some(database) = database.filter(|_| engine.is_leader()) {
                let loaded = load(engine, plan, database.id).await;
                let Err(why) = loaded else {
                    engine.activity().downloads_made.one();
                    return Ok(());
                };
                if !engine.is_leader() {
                    continue;
                }
                engine.activity().downloads_failed.one();
                let text = format!("the copy at {} could not be restored: {why}", plan.from);
                if !plan.go_on {
                    return Err(text);
                }
                tracing::error!("{text}");
                return Ok(());
            }
            // Whoever leads sees to it, and is asked for what it has.
            holding.send_replace(engine.leader().is_none());
            clock::sleep(LOOK_INTERVAL).await;
        }
    };
    let done = tokio::select! {
        done = work => done,
        _ = stop.wait_for(|stop| *stop) => return Ok(()),
    };
    holding.send_replace(false);
    done
}

async fn load(
    engine: &Engine,
    plan: &Restore,
    database: crate::model::id::DatabaseId,
) -> Result<(), String> {
    let late = |_| format!("it was not there within {:?}", plan.timeout);
    let fetched = clock::timeout(plan.timeout, fetch(engine, plan)).await;
    let file = fetched.map_err(late)??;
    let told = |error: Error| error.message().to_owned();
    engine.load(database, &file, &Limits::default()).await.map_err(told)?;
    tracing::info!("the copy at {} was restored ({} bytes)", plan.from, file.length());
    Ok(())
}

/// Brings the copy to this node's disk, unpacked.
async fn fetch(engine: &Engine, plan: &Restore) -> Result<Staged, String> {
    let told = |error: Error| error.message().to_owned();
    let mut file = engine.stage().await.map_err(told)?;
    if let Some(point) = &plan.to {
        let rebuild = |out| async move {
            history::rebuild(&plan.from, point, out, &mut |_| {}).await.map(drop)
        };
        file.fill(rebuild).await?;
        return Ok(file);
    }
    let mut unpacking = Unpacking::default();
    let mut source = match &plan.from {
        Target::S3(store) => Source::Store(store.get().await?),
        Target::Directory { directory, name } => Source::File(directory.join(name), 0),
    };
    while let Some(part) = source.next().await? {
        let bytes = unpacking.push(&part)?;
        if !bytes.is_empty() {
            file.append(bytes.into()).await.map_err(told)?;
        }
    }
    let rest = unpacking.finish()?;
    if !rest.is_empty() {
        file.append(rest.into()).await.map_err(told)?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named() {
        let parse = |text: &str| {
            let seconds =
                |text: &str| text.strip_suffix('s')?.parse().ok().map(Duration::from_secs);
            Restore::parse(text, &HashMap::new(), seconds)
        };
        let fine = parse(
            r#"{"version":1,"type":"file","timeout":"5s","continue_on_failure":true,
                "sub":{"dir":"/b","name":"c.gz"}}"#,
        )
        .unwrap();
        assert_eq!((fine.timeout.as_secs(), fine.go_on, &*fine.database), (5, true, "postgres"));
        assert_eq!(fine.from.to_string(), "/b/c.gz");
        for (text, part) in [
            (r#"{"version":3,"type":"file","sub":{}}"#, "version 3"),
            (r#"{"version":1,"type":"file","timeout":"soon","sub":{}}"#, "timeout"),
            (r#"{"version":1,"type":"gcs","sub":{}}"#, "storage.googleapis.com"),
            (r#"{"version":1,"type":"file","sub":{"dir":"$NO","name":"x"}}"#, "'NO'"),
            (r#"{"version":1,"type":"file","interval":"1s","sub":{}}"#, "interval"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
