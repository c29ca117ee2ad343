//! What the log does to the database.

use std::sync::atomic::Ordering;

use super::propose::Proposed;
use super::{Install, Lane, overtaken, unknown};
use crate::engine::spool::Taken;
use crate::model::command::{Applied, PagesPart};
use crate::model::error::Fault;
use crate::model::id::{LogIndex, Position};
use crate::platform::clock;
use crate::platform::mutant::mutant;
use crate::sqlite::Writer;

impl Lane {
    /// Applies one entry. What it decides depends on the log alone: every node decides alike.
    pub(super) fn apply(&mut self, index: LogIndex, part: PagesPart) -> Result<Applied, Fault> {
        let stale = part.base != self.position || part.txid != part.base.txid.next();
        if stale && !mutant("base-not-checked") {
            return self.skip(&part);
        }
        let taken = self.spool.take(index, &part)?;
        self.note_spool();
        match taken {
            Taken::Skipped => return self.skip(&part),
            Taken::Kept => return Ok(Applied::Done),
            Taken::Complete => {}
        }
        let position = Position { txid: part.txid, chain: part.chain };
        let own = |proposed: &Proposed| {
            part.origin.node == self.node && part.origin.proposal == proposed.proposal
        };
        if let Some(first) = self.in_flight.pop_front_if(|first| first.held && own(first)) {
            // Known before it can be read.
            self.shared.enter(position);
            self.writer().finish()?;
            self.advance_to(position)?;
            self.note_pending();
            self.hub.deliver(self.database, &part.notifications);
            self.gather.landed(clock::now().since(first.since), first.waiters.units());
            first.waiters.answer(Some(index));
            return Ok(Applied::Done);
        }
        let own = self.in_flight.iter().position(own);
        self.let_go(&overtaken())?;
        self.shared.privates.lose_all(&overtaken());
        self.write_foreign(&part)?;
        self.advance_to(position)?;
        self.hub.deliver(self.database, &part.notifications);
        if let Some(mine) = own.and_then(|number| self.in_flight.remove(number)) {
            mine.waiters.answer(Some(index));
        }
        // What builds on a past position can't be committed any more.
        while let Some(dead) = self.in_flight.pop_front_if(|next| next.base.txid < position.txid) {
            dead.waiters.answer_error(&overtaken());
        }
        Ok(Applied::Done)
    }

    /// Applies transactions of others that follow each other, as one where nothing speaks against
    /// it.
    pub(super) fn apply_run(&mut self, parts: Vec<(LogIndex, PagesPart)>) -> Result<(), Fault> {
        let (Some((_, first)), Some((_, last))) = (parts.first(), parts.last()) else {
            return Ok(());
        };
        let after = Position { txid: last.txid, chain: last.chain };
        let there = self.writer.as_ref().map(Writer::txid);
        let as_one = parts.len() > 1
            && first.base == self.position
            && there == Some(first.base.txid)
            && self.in_flight.is_empty()
            && self.spool.from().is_none();
        if !as_one {
            return parts
                .into_iter()
                .try_for_each(|(index, part)| self.apply(index, part).map(drop));
        }
        self.let_go(&overtaken())?;
        self.shared.privates.lose_all(&overtaken());
        // Known before it can be read. Those between are never seen.
        self.shared.enter(after);
        let parts: Vec<PagesPart> = parts.into_iter().map(|(_, part)| part).collect();
        self.writer().apply_run(&parts)?;
        self.advance_to(after)?;
        for part in &parts {
            self.hub.deliver(self.database, &part.notifications);
        }
        Ok(())
    }

    /// An entry that changes nothing on any node. If it is an own proposal, nothing happened, nor
    /// will anything of those that build on it.
    fn skip(&mut self, part: &PagesPart) -> Result<Applied, Fault> {
        if part.origin.node == self.node {
            let own = |proposed: &Proposed| proposed.proposal == part.origin.proposal;
            let number = self.in_flight.iter().position(own);
            self.lose_proposals(number.unwrap_or(usize::MAX), &overtaken())?;
        }
        Ok(Applied::Skipped)
    }

    /// Writes another node's transaction, unless the file has it already.
    fn write_foreign(&mut self, part: &PagesPart) -> Result<(), Fault> {
        let after = Position { txid: part.txid, chain: part.chain };
        self.shared.enter(after);
        let Some(writer) = self.writer.as_mut() else { return Ok(()) };
        let there = writer.txid();
        if part.txid <= there {
            return Ok(());
        }
        if part.base.txid != there {
            return Err(Fault::new(format!(
                "database {}: the file stands at transaction {there}, behind the log's {}: \
                 restore this node from the others",
                part.database, part.base.txid
            )));
        }
        if part.part == 0 {
            let pages = Ok(part.pages.clone());
            let pages = &mut std::iter::once(pages);
            return writer.apply(part.base, after, part.database_pages, pages);
        }
        let mut parts = self.spool.parts()?;
        writer.apply(part.base, after, part.database_pages, &mut parts)
    }

    fn note_spool(&self) {
        let from = self.spool.from().map_or(0, |index| index.0);
        self.shared.spooled_from.store(from, Ordering::Release);
    }

    fn advance_to(&mut self, position: Position) -> Result<(), Fault> {
        self.position = position;
        self.spool.clear()?;
        self.note_spool();
        if let Some(writer) = &self.writer {
            let schema = writer.schema();
            if self.shared.schema.swap(schema.0, Ordering::AcqRel) != schema.0 {
                self.note_privates()?;
            }
        }
        self.shared.written.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Replaces everything by a snapshot.
    pub(super) fn install(&mut self, install: &mut Install) -> Result<(), Fault> {
        self.lose_transaction(&overtaken())?;
        self.shared.privates.lose_all(&overtaken());
        // The snapshot may hold what is in flight, or not.
        self.lose_proposals(0, &unknown())?;
        self.shared.enter(install.position);
        if let Some(writer) = self.writer.as_mut() {
            writer.install(install.database_pages, &mut install.pages)?;
        }
        self.advance_to(install.position)?;
        self.hub.lose(self.database);
        Ok(())
    }
}
