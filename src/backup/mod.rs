//! Copies of a database that are made by themselves: the leader writes one to a directory or to an
//! object store of S3's kind, at an interval, if anything has changed. And the way back, for a cluster that
//! is to begin with such a copy (`restore`). With `point_in_time` every state between two copies is kept
//! as well (`history`).
//!
//! Each copy carries the position of its database as an id, so that a new leader, or a node that was
//! started again, sees whether the last copy is of the state that it has.
//!
//! **Invariant:** a copy takes the place of the one before as a whole: by renaming a file, or by a
//! request that the store takes whole or not at all.

mod copy;
mod directory;
mod history;
mod objects;
mod plan;
mod restore;
mod s3;
mod sign;
mod source;

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

use crate::backup::copy::Made;
use crate::backup::plan::Plan;
use crate::engine::Engine;
use crate::platform::{clock, watch};

pub use history::{HistoryPlace, Progress, Rebuilt};
pub use plan::Plans;
pub use restore::{Restore, at_start};

/// The id that a copy carries: what it is a copy of.
fn id(view: &crate::engine::View) -> String {
    let position = view.position();
    format!("{}-{:032x}", position.txid.0, position.chain.0)
}

/// How often somebody looks whether there are other databases.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Makes copies as `plans` say, of each database by itself, until `stop` is set.
pub async fn run(engine: Engine, plans: Plans, mut stop: watch::Receiver<bool>) {
    let mut running: FuturesUnordered<BoxFuture<'_, String>> = FuturesUnordered::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    let names = || match &plans.named {
        Some(names) => names.clone(),
        None => engine.databases().into_iter().map(|(_, name)| name).collect(),
    };
    while !*stop.borrow() {
        for name in names() {
            if known.insert(name.clone()) {
                let (engine, stop) = (engine.clone(), stop.clone());
                let plan = plans.of(&name);
                let ends_with_it = plans.named.is_none();
                running.push(Box::pin(async move {
                    let gone = dropped(engine.clone(), name.clone(), ends_with_it);
                    tokio::select! {
                        () = copy_one(engine, plan, stop) => {}
                        () = gone => {}
                    }
                    name
                }));
            }
        }
        tokio::select! {
            Some(name) = running.next() => drop(known.remove(&name)),
            () = clock::sleep(LOOK_INTERVAL) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
    while running.next().await.is_some() {}
}

/// Returns once there is no such database any more, if that is to be noticed.
async fn dropped(engine: Engine, name: String, is_noticed: bool) {
    while !is_noticed || engine.database(&name).is_some() {
        clock::sleep(LOOK_INTERVAL).await;
    }
}

/// Makes copies of one database.
async fn copy_one(engine: Engine, plan: Plan, mut stop: watch::Receiver<bool>) {
    if let Some(keeping) = plan.keeping.clone() {
        return history::run(engine, plan, keeping, stop).await;
    }
    // Not known before the first look; then the copy that is there.
    let mut last: Option<String> = None;
    loop {
        tokio::select! {
            () = clock::sleep(plan.interval) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        if !engine.is_leader() {
            // Another one makes copies now.
            last = None;
            continue;
        }
        let made = tokio::select! {
            made = copy::make(&engine, &plan, &mut last) => made,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let activity = engine.activity();
        if made.is_ok() {
            activity.last_upload.now();
        }
        match made {
            Ok(Made::Copied(bytes)) => {
                activity.uploads_made.one();
                activity.upload_bytes.add(bytes);
                activity.last_upload_bytes.set(bytes);
                tracing::info!("the database was backed up to {}", plan.target);
            }
            Ok(Made::Unchanged) => activity.uploads_unchanged.one(),
            Ok(Made::There) => activity.uploads_there.one(),
            Err(why) => {
                activity.uploads_failed.one();
                tracing::error!("the database could not be backed up to {}: {why}", plan.target);
            }
        }
    }
}
