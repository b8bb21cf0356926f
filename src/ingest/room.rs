//! How the room of one lane is shared among feeds, so that a greedy one does not starve the others.
//!
//! A feed may have as many events under way in a lane as there is room left in it. One greedy feed so gets half of the
//! room at most, two get a third each, and something is always left for the next one that comes. Nobody's share has to be
//! configured, and a feed that is alone wastes little: half a queue is thousands of events.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::metrics::Feed;

/// The room of one lane.
#[derive(Debug)]
pub(super) struct Room {
    /// Which lane it is.
    lane: usize,
    /// Events that may be under way, queued or being committed.
    size: usize,
    under_way: AtomicUsize,
    freed: Notify,
}

impl Room {
    pub(super) fn new(lane: usize, size: usize) -> Self {
        Self {
            lane,
            size,
            under_way: AtomicUsize::new(0),
            freed: Notify::new(),
        }
    }

    /// Events under way.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Takes a place for an event of that feed, unless the feed has its share already. Two that come at once may both get
    /// the last place: the lane's queue has a bound of its own.
    pub(super) fn enter(&self, feed: &Feed) -> bool {
        let of_feed = feed.under_way(self.lane);
        let left = self.size.saturating_sub(self.under_way());
        if of_feed.load(Ordering::Relaxed) >= left {
            return false;
        }
        // Counted before the event is handed over, so that the lane never takes away what was not added yet.
        of_feed.fetch_add(1, Ordering::Relaxed);
        self.under_way.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// As [`Self::enter`], waiting for a place.
    pub(super) async fn wait<'r>(&'r self, feed: &'r Feed) -> Place<'r> {
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            // Before the look, so that what is freed behind it is not missed.
            freed.as_mut().enable();
            if self.enter(feed) {
                return Place { room: self, feed };
            }
            freed.await;
        }
    }

    /// Gives the place of one event back.
    pub(super) fn leave(&self, feed: &Feed) {
        feed.under_way(self.lane).fetch_sub(1, Ordering::Relaxed);
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    /// Wakes whoever waits for a place. Called once for many places given back.
    pub(super) fn announce(&self) {
        self.freed.notify_waiters();
    }
}

/// A place that is given back unless it is kept: whoever waits for more may give up while doing so.
#[derive(Debug)]
pub(super) struct Place<'r> {
    room: &'r Room,
    feed: &'r Feed,
}

impl Place<'_> {
    /// The place is the event's now; the lane gives it back.
    pub(super) fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.room.leave(self.feed);
        self.room.announce();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(room: &Room, feed: &Feed) -> usize {
        let mut count = 0;
        while room.enter(feed) {
            count += 1;
            assert!(count <= 10_000, "it never ends");
        }
        count
    }

    #[test]
    fn a_greedy_feed_gets_half_and_leaves_room_for_whoever_comes_next() {
        let room = Room::new(0, 1000);
        let [greedy, second, third] = ["greedy", "second", "third"].map(Feed::register);
        assert_eq!(fill(&room, &greedy), 500);
        assert_eq!(fill(&room, &second), 250);
        assert_eq!(fill(&room, &third), 125);
        // As places come free, whoever has less gets them.
        for _ in 0..100 {
            room.leave(&greedy);
        }
        assert!(!room.enter(&greedy), "it has more than what is left");
        assert!(room.enter(&third));
        assert_eq!(room.under_way(), 500 + 250 + 125 - 100 + 1);
    }

    #[test]
    fn a_feed_has_its_share_in_each_lane() {
        let feed = Feed::register("one");
        let (first, second) = (Room::new(0, 10), Room::new(1, 10));
        assert_eq!(fill(&first, &feed), 5);
        assert_eq!(fill(&second, &feed), 5);
    }

    #[tokio::test]
    async fn whoever_waits_is_woken_when_a_place_comes_free() {
        let room = std::sync::Arc::new(Room::new(0, 2));
        let feed = Feed::register("one");
        assert!(room.enter(&feed));
        assert!(!room.enter(&feed));
        let waiting = tokio::spawn({
            let (room, feed) = (std::sync::Arc::clone(&room), feed.clone());
            async move { room.wait(&feed).await.keep() }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        room.leave(&feed);
        room.announce();
        assert!(waiting.await.is_ok());
        assert_eq!(room.under_way(), 1);
    }
}
