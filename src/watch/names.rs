//! What was last told of each name that is watched, whose facts it rests on, and when time alone may change it.
//!
//! A name is an identifier, known here by its own id: eight bytes, and for a phone number the number itself. The texts of
//! external identifiers are kept beside.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::parts::Parts;
use crate::domain::{ExternalIdentifier, Identifier, Reachability, Status, SubscriberId, Timestamp};
use crate::index::Index;

/// What makes two answers differ for whoever watches; times and freshness do not.
type Told = Option<(Status, bool, bool)>;

#[derive(Debug)]
struct Name {
    /// The subscriber it leads to; its own id while it leads nowhere.
    on: SubscriberId,
    due: Option<Timestamp>,
    told: Told,
}

#[derive(Debug)]
struct External {
    text: ExternalIdentifier,
    /// The number through which it leads to its subscriber.
    via: Option<SubscriberId>,
}

/// How a name stands when looked at.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) identifier: Identifier,
    pub(super) answer: Option<Reachability>,
    /// Whether that is news.
    pub(super) differs: bool,
}

/// The names that are watched.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: Parts<Name>,
    externals: HashMap<SubscriberId, External>,
    /// Names by whom they lead to, or through.
    leading: HashMap<SubscriberId, SmallVec<[SubscriberId; 1]>>,
    due: BTreeSet<(Timestamp, SubscriberId)>,
}

impl Names {
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    pub(super) fn contains(&self, name: SubscriberId) -> bool {
        self.known.get(name).is_some()
    }

    /// The names of one part of the index.
    pub(super) fn in_part(&self, part: usize) -> impl Iterator<Item = SubscriberId> {
        self.known.names_in(part)
    }

    /// Whether what was last told of a name is that it names somebody.
    pub(super) fn is_found(&self, name: SubscriberId) -> bool {
        self.known.get(name).is_some_and(|known| known.told.is_some())
    }

    /// Whose answers may differ when facts under this id do.
    pub(super) fn resting_on(&self, id: SubscriberId) -> SmallVec<[SubscriberId; 4]> {
        let mut names: SmallVec<_> = self.leading.get(&id).into_iter().flatten().copied().collect();
        if self.contains(id) {
            names.push(id);
        }
        names
    }

    /// Begins to watch a name, of which nothing was told yet.
    pub(super) fn insert(&mut self, identifier: &Identifier) {
        let name = identifier.subscriber();
        if let Identifier::External(text) = identifier {
            let external = External {
                text: text.clone(),
                via: None,
            };
            self.externals.insert(name, external);
        }
        let nothing = Name {
            on: name,
            due: None,
            told: None,
        };
        self.known.insert(name, nothing);
    }

    /// The identifier that a watched name is.
    pub(super) fn identifier(&self, name: SubscriberId) -> Option<Identifier> {
        match self.externals.get(&name) {
            Some(external) => Some(Identifier::External(external.text.clone())),
            None => name.as_msisdn().map(Identifier::Msisdn),
        }
    }

    /// Looks at a name that is watched, and takes note of what is told of it now.
    pub(super) fn look(&mut self, name: SubscriberId, index: &Index, now: Timestamp) -> Option<Looked> {
        let identifier = self.identifier(name)?;
        let outlook = index.outlook(&identifier, now);
        let told: Told = outlook.map(|outlook| {
            let Reachability {
                status, data, sms, ..
            } = outlook.reachability;
            (status, data, sms)
        });
        let known = self.known.get_mut(name)?;
        let differs = std::mem::replace(&mut known.told, told) != told;
        self.lead(
            name,
            outlook.map_or(name, |outlook| outlook.subscriber),
            outlook.and_then(|outlook| outlook.via),
        );
        self.set_due(name, outlook.and_then(|outlook| outlook.next_change));
        Some(Looked {
            identifier,
            answer: outlook.map(|outlook| outlook.reachability),
            differs,
        })
    }

    /// Watches a name no longer.
    pub(super) fn forget(&mut self, name: SubscriberId) {
        self.lead(name, name, None);
        self.set_due(name, None);
        self.known.remove(name);
        self.externals.remove(&name);
    }

    /// Watches no others than these any longer.
    pub(super) fn keep_only(&mut self, kept: impl Iterator<Item = SubscriberId>) {
        let mut fewer = Self::default();
        for name in kept {
            if let Some(known) = self.known.remove(name) {
                let Name { on, due, told } = known;
                let mut via = None;
                if let Some(mut external) = self.externals.remove(&name) {
                    via = external.via.take();
                    fewer.externals.insert(name, external);
                }
                let nowhere = Name {
                    on: name,
                    due: None,
                    told,
                };
                fewer.known.insert(name, nowhere);
                fewer.lead(name, on, via);
                fewer.set_due(name, due);
            }
        }
        *self = fewer;
    }

    /// The names whose answers may differ by now though no event came, at most so many.
    pub(super) fn due_by(&self, now: Timestamp, most: usize) -> Vec<SubscriberId> {
        let due = self.due.iter().take_while(|(at, _)| *at <= now);
        due.take(most).map(|(_, name)| *name).collect()
    }

    /// When the next of them will.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    fn lead(&mut self, name: SubscriberId, on: SubscriberId, via: Option<SubscriberId>) {
        let Some(known) = self.known.get_mut(name) else {
            return;
        };
        let former_on = std::mem::replace(&mut known.on, on);
        let former_via = self
            .externals
            .get_mut(&name)
            .and_then(|external| std::mem::replace(&mut external.via, via));
        if (former_on, former_via) == (on, via) {
            return;
        }
        for former in [Some(former_on), former_via].into_iter().flatten() {
            if let Some(names) = self.leading.get_mut(&former) {
                names.retain(|other| *other != name);
                if names.is_empty() {
                    self.leading.remove(&former);
                }
            }
        }
        // What leads nowhere is found under its own id.
        for now in [Some(on).filter(|on| *on != name), via].into_iter().flatten() {
            self.leading.entry(now).or_default().push(name);
        }
    }

    fn set_due(&mut self, name: SubscriberId, due: Option<Timestamp>) {
        let Some(known) = self.known.get_mut(name) else {
            return;
        };
        let former = std::mem::replace(&mut known.due, due);
        if former != due {
            if let Some(former) = former {
                self.due.remove(&(former, name));
            }
            if let Some(due) = due {
                self.due.insert((due, name));
            }
        }
    }
}
