//! The servers that answer, such as HSSs, and whether one of them has lost what it knew.

use std::time::Duration;

use crate::domain::{Node, Timestamp};

/// The places of hosts in an octet. HSSs have a few front ends; further ones are not told apart.
const MOST: usize = 250;

/// An HSS tells every serving node that it was reset, and all of them may be copied here: within that time they are one
/// reset.
const ONE_RESET: Duration = Duration::from_secs(900);

/// One host.
#[derive(Debug)]
struct Host {
    name: Node,
    /// The greatest Origin-State-Id that it told; 0 for none.
    state: u32,
    /// When it was last said to be reset.
    reset_at: Option<Timestamp>,
}

/// The hosts that were heard of.
#[derive(Debug, Default)]
pub struct Hosts(Vec<Host>);

impl Hosts {
    /// The number of a host, from 1; 0 for one too many.
    pub fn number(&mut self, host: &Node) -> u8 {
        let place = self.0.iter().position(|known| known.name == *host);
        let place = place.or_else(|| {
            (self.0.len() < MOST).then(|| {
                self.0.push(Host {
                    name: host.clone(),
                    state: 0,
                    reset_at: None,
                });
                self.0.len() - 1
            })
        });
        place.map_or(0, |place| u8::try_from(place + 1).unwrap_or(0))
    }

    /// A host told its Origin-State-Id. Whether it is greater than one it told before (RFC 6733 §8.16).
    pub fn told(&mut self, host: &Node, state: u32) -> bool {
        let Some(known) = self.host(host) else {
            return false;
        };
        let before = known.state;
        known.state = state.max(before);
        before != 0 && state > before
    }

    /// A host has certainly lost its state, and tells this Origin-State-Id since. Whether that is news of one that was
    /// heard of; others take no place.
    pub fn restarted(&mut self, host: &Node, state: u32) -> bool {
        let Some(known) = self.0.iter_mut().find(|known| known.name == *host) else {
            return false;
        };
        let is_news = state > known.state;
        known.state = state.max(known.state);
        is_news
    }

    /// A host is said to be reset. Whether that is news.
    pub fn reset(&mut self, host: &Node, at: Timestamp) -> bool {
        let Some(known) = self.host(host) else {
            return false;
        };
        let is_news = known.reset_at.is_none_or(|before| at.since(before) >= ONE_RESET);
        if is_news {
            known.reset_at = Some(at);
        }
        is_news
    }

    fn host(&mut self, host: &Node) -> Option<&mut Host> {
        let place = usize::from(self.number(host)).checked_sub(1)?;
        self.0.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_state_that_grows_is_noticed_once_and_of_its_host() {
        let mut hosts = Hosts::default();
        let [one, other] = ["hss1", "hss2"].map(|name| Node::parse(name).unwrap());
        assert!(!hosts.told(&one, 5), "the first tells nothing");
        assert!(!hosts.told(&one, 5));
        assert!(!hosts.told(&other, 9));
        assert!(hosts.told(&one, 6));
        assert!(!hosts.told(&one, 6));
        assert!(!hosts.told(&one, 5), "a late message of before");
        assert_eq!((hosts.number(&one), hosts.number(&other)), (1, 2));
    }

    #[test]
    fn a_restart_of_a_host_that_was_heard_of_is_news_once() {
        let mut hosts = Hosts::default();
        let [host, stranger] = ["hss1", "mme1"].map(|name| Node::parse(name).unwrap());
        assert!(!hosts.restarted(&host, 5), "never heard of");
        assert_eq!(hosts.number(&host), 1);
        assert!(hosts.restarted(&host, 6), "even if it told no state before");
        assert!(!hosts.told(&host, 6), "known already");
        assert!(!hosts.restarted(&host, 6));
        assert!(hosts.told(&host, 7));
        assert!(!hosts.restarted(&host, 7), "known already");
        assert!(!hosts.restarted(&stranger, 1));
        assert_eq!(hosts.0.len(), 1);
    }

    #[test]
    fn a_reset_that_is_told_to_many_is_one() {
        let mut hosts = Hosts::default();
        let host = Node::parse("hss1").unwrap();
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000).unwrap();
        let told = [1000, 1001, 1899, 1900, 2000, 2800].map(|seconds| hosts.reset(&host, at(seconds)));
        assert_eq!(told, [true, false, false, true, false, true]);
    }

    #[test]
    fn more_hosts_than_can_be_told_apart_do_no_harm() {
        let mut hosts = Hosts::default();
        for n in 0..400 {
            let host = Node::parse(&format!("hss{n}")).unwrap();
            let number = hosts.number(&host);
            assert_eq!(number == 0, n >= MOST, "{n}");
            hosts.told(&host, 1);
            assert_eq!(hosts.told(&host, 2), n < MOST);
        }
    }
}
