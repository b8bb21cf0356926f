//! A network of a million devices in an index, and feeds as a daemon has them that has run for a while.

use std::sync::Arc;
use std::time::SystemTime;

use reachd::domain::{
    Coverage, Facts, FeedHealth, FeedId, Feeds, Gap, Identifier, Imsi, Msisdn, Node, Slot, Source,
    SubscriberId, Tells, Timestamp,
};
use reachd::index::Index;

pub(crate) const DEVICES: u64 = 1_000_000;
/// Of so many devices one is registered nowhere: what is said of it needs every feed.
const ONE_GONE_OF: u64 = 10;
const FEEDS: i16 = 16;
/// Each feed was away that often, all before anything was told that is known.
const GAPS: i64 = 8;

/// When the first device was attached, in microseconds; each next one a microsecond later.
const FIRST: i64 = 1_790_000_000_000_000;

pub(crate) fn number(device: u64) -> String {
    format!("+999{device:09}")
}

pub(crate) fn imsi(device: u64) -> Imsi {
    Imsi::parse(&format!("99901{device:010}")).unwrap()
}

pub(crate) fn node() -> Node {
    Node::parse("mme01.epc.mnc001.mcc999.3gppnetwork.org").unwrap()
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_system_time(SystemTime::now()).unwrap()
}

/// Every device known by its number and told of by one of the feeds; nine of ten attached, the tenth purged.
pub(crate) fn filled() -> Arc<Index> {
    let index = Index::new();
    let node = node();
    for device in 0..DEVICES {
        let subscriber = SubscriberId::from(imsi(device));
        let at = Timestamp::from_micros(FIRST + device as i64).unwrap();
        let feed = FeedId::from_number(1 + (device % FEEDS as u64) as i16).unwrap();
        let mut facts = Facts {
            registered_at: Some(at),
            source: Source::new(feed, at, at),
            ..Facts::default()
        };
        if device % ONE_GONE_OF == 0 {
            facts.deregistered_at = Some(at);
        }
        index.load_registration(subscriber, Slot::Mme, Some(&node), &facts);
        let msisdn = Msisdn::parse(&number(device)).unwrap();
        index.load_binding(&Identifier::Msisdn(msisdn), subscriber, at);
    }
    index.set_feeds(Arc::new(feeds()));
    index.finish_loading();
    Arc::new(index)
}

/// They live, would tell of everything, and were each away for a second now and then.
fn feeds() -> Feeds {
    let mut feeds = Feeds::default();
    for number in 1..=FEEDS {
        let gap = |turn: i64| Gap {
            begin: Timestamp::from_micros(FIRST - turn * 3_600_000_000).unwrap(),
            end: Timestamp::from_micros(FIRST - turn * 3_600_000_000 + 1_000_000),
            only: None,
        };
        let gaps = (1..=GAPS).map(gap).collect();
        let mut health = FeedHealth::restored(&format!("dra{number}"), Some(now()), None, gaps);
        health.coverage = Coverage::everywhere(Tells::ALL);
        health.counts = true;
        feeds.put(FeedId::from_number(number).unwrap(), health);
    }
    feeds
}
