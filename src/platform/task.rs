//! Tasks and threads, by name.

use std::thread;

/// Runs `future` on its own task. The task ends with its future; nobody waits for it.
pub fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    #[cfg(test)]
    if tokio::runtime::Handle::try_current().is_err() && in_simulation() {
        use openraft_rt::AsyncRuntime;
        drop(super::runtime::Runtime::spawn(future));
        return;
    }
    #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns tasks")]
    drop(tokio::spawn(future));
}

/// Runs `work` on a thread of its own, called `name` (15 bytes at the most are shown by Linux).
///
/// # Errors
/// When the system refuses another thread.
pub fn thread(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> std::io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).stack_size(8 << 20).spawn(work)
}

/// Whether this thread may wait for another one. In a simulation everything runs on one thread.
pub fn may_block() -> bool {
    #[cfg(test)]
    if in_simulation() {
        return false;
    }
    true
}

/// Whether the task that runs here may take long, because [`let_others_run`] works.
pub fn may_take_long() -> bool {
    use tokio::runtime::{Handle, RuntimeFlavor};
    Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
}

/// For a task that turns out to take long: another thread goes on with the tasks that would wait
/// for this one. Only where [`may_take_long`].
#[expect(clippy::disallowed_methods, reason = "this is the one place that lets a task block")]
pub fn let_others_run() {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    tokio::task::block_in_place(|| {
        // Once this task runs, others do.
        spawn(async move {
            // Nobody waits any more when it took too long.
            let _ = sender.send(());
        });
        // A runtime that is shutting down runs nothing any more.
        let _ = receiver.recv_timeout(std::time::Duration::from_millis(10));
    });
}

/// Runs `work`, which may block on the disk, off the async threads. In a simulation it runs at
/// once, on the one thread there is.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    #[cfg(test)]
    if tokio::runtime::Handle::try_current().is_err() && in_simulation() {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(reason) => std::panic::resume_unwind(reason),
            // The runtime is shutting down, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
thread_local! {
    static SIMULATED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Marks this thread as running a simulation, for the rest of its life.
#[cfg(test)]
pub fn enter_simulation() {
    SIMULATED.with(|flag| flag.set(true));
}

#[cfg(test)]
pub(crate) fn in_simulation() -> bool {
    SIMULATED.with(std::cell::Cell::get)
}

#[cfg(test)]
pub(crate) fn simulated_now() -> std::time::Duration {
    use openraft_rt::Instant as _;
    openraft_rt_sim::SimInstant::now().elapsed_since_start()
}
