//! Whether what is known already confirms more when it is told again.
//!
//! A fact that is told again is the same fact, and need not be stored again. It is news all the same if something came
//! between: its feed was away or in doubt since, or others whose silence it rests on were. Then the later receipt is worth
//! keeping, and only then, so that feeds that repeat themselves cost nothing while nothing happens to them.

use super::confirmation::present;
use super::{
    Change, Event, Facts, FeedHealth, FeedId, Feeds, Gap, Registrations, Slot, SubscriberId, Tells,
    Timestamp, Why,
};

/// A fact that is told again.
struct Again<'a> {
    slot: Slot,
    known: &'a Facts,
    told: &'a Facts,
    at: Timestamp,
    teller: FeedId,
    subscriber: SubscriberId,
}

/// What keeping the later receipt would do to how long something is confirmed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Worth {
    Less,
    Same,
    More,
}

impl Registrations {
    /// Whether something that is confirmed ends earlier than it would if this known event were kept with its later receipt.
    /// Keeping it never makes anything end earlier.
    pub fn renewed_by(&self, event: &Event, feeds: &Feeds) -> bool {
        let worth = |change| self.worth_hearing_again(change, event, feeds);
        let mut more = false;
        for change in &event.changes {
            match worth(change) {
                Worth::Less => return false,
                Worth::Same => {}
                Worth::More => more = true,
            }
        }
        more
    }

    fn worth_hearing_again(&self, change: &Change, event: &Event, feeds: &Feeds) -> Worth {
        let (slot, node, told) = event.facts(change);
        let Some(known) = node.and_then(|node| self.facts_of(slot, node)) else {
            return Worth::Same;
        };
        // The source is that of the newest fact, and of its latest receipt.
        if known.newest() != told.newest() || told.source <= known.source {
            return Worth::Same;
        }
        let again = Again {
            slot,
            known,
            told: &told,
            at: event.event_time,
            teller: event.feed,
            subscriber: event.subscriber.subscriber(),
        };
        match change {
            Change::Registered { .. } | Change::Reachable { .. } => again.of_presence(feeds),
            Change::Deregistered { .. } => again.of_absence(Tells::Registrations, feeds),
            // It may end, and be a presence then.
            Change::Unreachable { .. } if again.of_presence(feeds) == Worth::Less => Worth::Less,
            Change::Unreachable { .. } => again.of_absence(Tells::Returns, feeds),
            Change::Cleared { .. } => Worth::Same,
        }
    }
}

impl Again<'_> {
    /// As long as whoever told it lives and would have told of the loss, his silence is as good as a repetition.
    fn of_presence(&self, feeds: &Feeds) -> Worth {
        let confirmed = |facts| present(self.slot, facts, feeds, self.subscriber);
        let renewed = Facts {
            source: self.told.source,
            ..*self.known
        };
        let (Some(before), Some(after)) = (confirmed(self.known), confirmed(&renewed)) else {
            return Worth::Same;
        };
        match before.why {
            _ if after.until < before.until => Worth::Less,
            Why::Silence(_) => Worth::Same,
            // He is back, though nobody has looked yet.
            Why::Gap(feed, gap) if feed == self.teller && gap.end.is_none() => Worth::More,
            _ if after.until > before.until => Worth::More,
            _ => Worth::Same,
        }
    }

    /// That somebody is still absent is worth hearing from whoever would tell of the return.
    fn of_absence(&self, news: Tells, feeds: &Feeds) -> Worth {
        let teller = feeds.get(self.teller);
        if !teller.is_some_and(|teller| teller.coverage.has(self.slot, news)) {
            return Worth::Same;
        }
        let (before, now) = (
            self.known.source.received(self.at),
            self.told.source.received(self.at),
        );
        let told_again = |feed: &FeedHealth, gap: &Gap| gap.end <= feed.resynchronised_at;
        let mut feeds = feeds.iter();
        let ends_a_doubt = feeds.any(|(id, feed)| {
            let matters = feed.counts
                && (feed.coverage.has(self.slot, news) || feed.coverage.has_anywhere(Tells::Registrations));
            let between = |gap: &&Gap| match gap.end {
                None => id == self.teller,
                Some(end) => before < end && end <= now && !told_again(feed, gap),
            };
            matters && feed.gaps().iter().any(|gap| between(&gap))
        });
        if ends_a_doubt { Worth::More } else { Worth::Same }
    }
}

#[cfg(test)]
mod tests;
