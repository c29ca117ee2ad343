//! One delivery.

use std::io::Write as _;

use crate::cdc::plan::{Plan, Target};
use crate::client::{self, Request};
use crate::platform::task;

/// Delivers a document.
///
/// # Errors
/// A text for the operator: the document may or may not have been taken.
pub(super) async fn send(plan: &Plan, body: &str) -> Result<(), String> {
    match &plan.target {
        Target::Nothing => Ok(()),
        Target::StandardOutput => {
            let line = format!("{body}\n");
            let written = task::blocking(move || {
                let mut out = std::io::stdout().lock();
                out.write_all(line.as_bytes()).and_then(|()| out.flush())
            });
            written.await.map_err(|error| format!("standard output: {error}"))
        }
        Target::Endpoint { endpoint, path, .. } => {
            let request = Request::post(path.clone(), body);
            let answer = client::send(endpoint, request, plan.timeout).await;
            let answer = answer.map_err(|error| error.to_string())?;
            if answer.is_success() { Ok(()) } else { Err(format!("status {}", answer.status)) }
        }
    }
}
