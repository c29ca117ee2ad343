//! A transaction at another node: a task that owns the stream to it, and takes the same requests
//! as a lane does.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::platform::watch;
use tokio::sync::mpsc;

use crate::engine::cancel::Token;
use crate::engine::forward::{connection_lost, connection_lost_in_commit, unexpected};
use crate::engine::inbox::Inbox;
use crate::engine::lane::{CatalogState, Request};
use crate::engine::peers::Outgoing;
use crate::engine::rows::{End, RowSender};
use crate::engine::wire::{self, Deadline, FromLeader, ToLeader};
use crate::model::error::Error;
use crate::model::id::SchemaVersion;
use crate::platform::task;

/// The way to the task. Dropping it drops the stream, which rolls the transaction back.
#[derive(Debug)]
pub(super) struct Remote {
    requests: mpsc::Sender<Request>,
    lost: watch::Receiver<Option<Error>>,
    catalog: Arc<CatalogState>,
}

impl Remote {
    pub(super) async fn send(&self, request: Request) -> Result<(), Error> {
        self.requests.send(request).await.map_err(|_| {
            let lost = self.lost.borrow().clone();
            lost.unwrap_or_else(connection_lost)
        })
    }

    pub(super) fn catalog(&self) -> Arc<CatalogState> {
        self.catalog.clone()
    }

    pub(super) fn lost(&self) -> watch::Receiver<Option<Error>> {
        self.lost.clone()
    }
}

/// Takes over a stream on which the leader has opened a transaction.
pub(super) fn start(
    outgoing: Box<dyn Outgoing>,
    inbox: Inbox<FromLeader>,
    schema: SchemaVersion,
) -> Remote {
    let catalog = CatalogState::new(schema);
    let (requests, receiver) = mpsc::channel(1);
    let (lost, loss) = watch::channel(None);
    let waiting = VecDeque::new();
    let mut pump = Pump { outgoing, inbox, requests: receiver, waiting, catalog: catalog.clone() };
    task::spawn(async move {
        match pump.run().await {
            Ok(()) => {
                // The connection can be used again.
                let _ = pump.outgoing.finish().await;
            }
            Err(Ended::Dropped) => {}
            Err(Ended::Lost(error)) => {
                lost.send_replace(Some(error));
            }
        }
    });
    Remote { requests, lost: loss, catalog }
}

/// Why there is nothing more to do.
enum Ended {
    /// Nobody holds the transaction any more.
    Dropped,
    Lost(Error),
}

struct Pump {
    outgoing: Box<dyn Outgoing>,
    inbox: Inbox<FromLeader>,
    requests: mpsc::Receiver<Request>,
    /// A request that came while rows of the one before were on their way. At the most one.
    waiting: VecDeque<Request>,
    catalog: Arc<CatalogState>,
}

impl Pump {
    /// Serves requests until the transaction ends.
    async fn run(&mut self) -> Result<(), Ended> {
        loop {
            let request = match self.waiting.pop_front() {
                Some(request) => request,
                None => tokio::select! {
                    biased;
                    message = self.inbox.next() => return Err(self.unasked(message)),
                    request = self.requests.recv() => request.ok_or(Ended::Dropped)?,
                },
            };
            if self.serve(request).await? {
                return Ok(());
            }
        }
    }

    fn unasked(&self, message: Option<FromLeader>) -> Ended {
        Ended::Lost(match message {
            Some(FromLeader::Lost(error)) => error,
            Some(_) => unexpected(),
            None => connection_lost(),
        })
    }

    async fn send(&mut self, message: &ToLeader) -> Result<(), Ended> {
        let sent = self.outgoing.send(wire::encode(message)).await;
        sent.map_err(|_| Ended::Lost(connection_lost()))
    }

    /// The next message, while a request is under way. Passes on a cancellation once.
    async fn next(
        &mut self,
        token: Option<&Token>,
        cancelled: &mut bool,
    ) -> Result<FromLeader, Ended> {
        loop {
            let cancel = async {
                match token {
                    Some(token) if !*cancelled => token.cancelled().await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                message = self.inbox.next() => return match message {
                    Some(FromLeader::CatalogChanged) => {
                        self.catalog.change();
                        continue;
                    }
                    Some(FromLeader::Lost(error)) => Err(Ended::Lost(error)),
                    Some(message) => Ok(message),
                    None => Err(Ended::Lost(connection_lost())),
                },
                request = self.requests.recv(), if self.waiting.is_empty() => match request {
                    Some(request) => self.waiting.push_back(request),
                    None => return Err(Ended::Dropped),
                },
                () = cancel => {
                    *cancelled = true;
                    self.send(&ToLeader::Cancel).await?;
                }
            }
        }
    }

    /// Serves one request; whether the transaction has ended by it.
    async fn serve(&mut self, request: Request) -> Result<bool, Ended> {
        match request {
            Request::Run { statement, rows, lock_timeout } => {
                let deadline = rows.control.deadline.map(Deadline);
                self.send(&ToLeader::Run { statement, deadline, lock_timeout }).await?;
                self.relay(rows).await?;
            }
            Request::Exclusive { deadline, lock_timeout, token, reply } => {
                let deadline = deadline.map(Deadline);
                self.send(&ToLeader::Exclusive { deadline, lock_timeout }).await?;
                let answer = match self.next(Some(&token), &mut false).await? {
                    FromLeader::Done => Ok(()),
                    FromLeader::Failed(error) => Err(error),
                    _ => return Err(Ended::Lost(unexpected())),
                };
                // Dropped answers: see `Request`.
                let _ = reply.send(answer);
            }
            // Private transactions and loads are at the leader, and so is what they ask of its lane.
            Request::Replay { reply, .. } | Request::Load { reply, .. } => {
                let _ = reply.send(Err(unexpected()));
            }
            Request::RunEach { sql, rows, token, deadline, reply } => {
                let deadline = deadline.map(Deadline);
                self.send(&ToLeader::RunEach { sql, rows, deadline }).await?;
                let answer = match self.next(Some(&token), &mut false).await? {
                    FromLeader::Completed(completion) => Ok(completion),
                    FromLeader::Failed(error) => Err(error),
                    _ => return Err(Ended::Lost(unexpected())),
                };
                // Dropped answers: see `Request`.
                let _ = reply.send(answer);
            }
            Request::Mark { mark, depth, reply } => {
                self.send(&ToLeader::Mark { mark, depth }).await?;
                let answer = match self.next(None, &mut false).await? {
                    FromLeader::Done => Ok(()),
                    FromLeader::Failed(error) => Err(error),
                    _ => return Err(Ended::Lost(unexpected())),
                };
                let _ = reply.send(answer);
            }
            Request::Catalog { reply } => {
                self.send(&ToLeader::Catalog).await?;
                let answer = match self.next(None, &mut false).await? {
                    FromLeader::Catalog(catalog) => Ok(catalog),
                    FromLeader::Failed(error) => Err(error),
                    _ => return Err(Ended::Lost(unexpected())),
                };
                let _ = reply.send(answer);
            }
            Request::Commit { reply } => {
                let answer = self.commit().await;
                let _ = reply.send(answer);
                return Ok(true);
            }
            Request::Rollback { reply } => {
                self.send(&ToLeader::Rollback).await?;
                self.next(None, &mut false).await?;
                if let Some(reply) = reply {
                    let _ = reply.send(());
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn commit(&mut self) -> Result<Option<crate::model::id::LogIndex>, Error> {
        // Whether it was sent whole can't be known when sending fails.
        if self.send(&ToLeader::Commit).await.is_err() {
            return Err(connection_lost_in_commit());
        }
        // The holder waits for the answer alone: nothing else is looked at here.
        let mut answer = self.inbox.next().await;
        if answer == Some(FromLeader::CatalogChanged) {
            answer = self.inbox.next().await;
        }
        match answer {
            Some(FromLeader::Committed(index)) => Ok(index),
            Some(FromLeader::Failed(error) | FromLeader::Lost(error)) => Err(error),
            Some(_) | None => Err(connection_lost_in_commit()),
        }
    }

    async fn relay(&mut self, mut rows: RowSender) -> Result<(), Ended> {
        let token = rows.token.clone();
        let (mut cancelled, mut enough) = (false, false);
        loop {
            let message = match self.next(Some(&token), &mut cancelled).await {
                Ok(message) => message,
                Err(ended) => {
                    if let Ended::Lost(error) = &ended {
                        rows.finish(End::Failed(error.clone()));
                    }
                    return Err(ended);
                }
            };
            match message {
                FromLeader::Columns(columns) => rows.start(columns),
                FromLeader::Rows(batch) => {
                    let refused = !enough && self.put(&mut rows, batch).await?.is_err();
                    if refused {
                        enough = true;
                        self.send(&ToLeader::Enough).await?;
                    }
                }
                FromLeader::Completed(completion) => {
                    rows.finish(End::Done(completion));
                    return Ok(());
                }
                FromLeader::Failed(error) => {
                    rows.finish(End::Failed(error));
                    return Ok(());
                }
                FromLeader::SchemaChanged => {
                    rows.finish(End::SchemaChanged);
                    return Ok(());
                }
                _ => return Err(Ended::Lost(unexpected())),
            }
        }
    }

    /// Waits until the session takes a batch, or wants to go on with something else.
    async fn put(
        &mut self,
        rows: &mut RowSender,
        batch: crate::model::value::RowBatch,
    ) -> Result<Result<(), Error>, Ended> {
        let put = rows.send(batch);
        let mut put = std::pin::pin!(put);
        loop {
            tokio::select! {
                biased;
                result = &mut put => return Ok(result),
                request = self.requests.recv(), if self.waiting.is_empty() => match request {
                    Some(request) => self.waiting.push_back(request),
                    None => return Err(Ended::Dropped),
                },
            }
        }
    }
}
