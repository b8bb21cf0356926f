//! The snapshot of all that a stream begins with: taken part by part, and then brought up to the last change.

use hashbrown::HashSet;

use super::{Look, State};
use crate::domain::{Identifier, Reachability};
use crate::index::Index;
use crate::watch::history::Change;
use crate::watch::watcher::{Kind, Slow};

impl State {
    /// How the names of one part stand. Parts are taken in their order.
    pub(in crate::watch) fn snapshot_part(
        &mut self,
        id: u64,
        part: usize,
        look: Look<'_>,
    ) -> Vec<(Identifier, Reachability)> {
        let mut standing = Vec::new();
        let mut seen = HashSet::new();
        for identifier in look.index.names_in(part) {
            seen.insert(identifier.subscriber());
            if let Some(answer) = self.ensure(&identifier, look) {
                standing.push((identifier, answer));
            }
        }
        // Names that the index has lost, which nobody was told yet, and those that only a list brought along. After this
        // whoever takes the part was told of it what was told last, no less and no more.
        let others = self.names.in_part(part).filter(|name| !seen.contains(name));
        for name in others.collect::<Vec<_>>() {
            let identifier = self.names.identifier(name);
            standing.extend(identifier.zip(self.look_again(name, look)));
        }
        let head = self.history.head();
        if let Some(all) = &mut self.all
            && let Some(complete) = all.complete.get_mut(part)
        {
            *complete = true;
            if all.since.is_none() && all.complete.iter().all(|complete| *complete) {
                all.since = Some(head);
            }
        }
        if let Some(Kind::All { taken: Some(taken) }) = self.watchers.get_mut(&id).map(|w| &mut w.kind)
            && let Some(taken) = taken.get_mut(part)
        {
            *taken = head;
        }
        self.signal();
        standing
    }

    /// What has changed in a part after it was taken, at most so many changes. `None`: there is nothing more, and the
    /// snapshot is complete.
    pub(in crate::watch) fn catch_up(&mut self, id: u64, most: usize) -> Result<Option<Vec<Change>>, Slow> {
        let watcher = self.watchers.get_mut(&id).ok_or(Slow)?;
        let Kind::All { taken } = &mut watcher.kind else {
            return Ok(None);
        };
        let passed: Vec<_> = match (&taken, self.history.after(watcher.position)) {
            (None, _) => return Ok(None),
            (Some(_), None) => return Err(Slow),
            (Some(_), Some(changes)) => changes.take(most).collect(),
        };
        let Some(last) = passed.last() else {
            *taken = None;
            return Ok(None);
        };
        watcher.position = last.sequence;
        let is_new = |change: &&Change| {
            let at = taken
                .as_ref()
                .and_then(|taken| taken.get(Index::part_of(change.name)));
            at.is_none_or(|at| change.sequence > *at)
        };
        Ok(Some(passed.into_iter().filter(is_new).cloned().collect()))
    }
}
