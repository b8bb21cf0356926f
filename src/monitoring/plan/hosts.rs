//! The HSSs that answer, and whether one of them has lost what it knew.

use crate::domain::Node;

/// The places of hosts in an octet. HSSs have a few front ends; further ones are not told apart.
const MOST: usize = 250;

/// Each host with the greatest Origin-State-Id that it told.
#[derive(Debug, Default)]
pub(super) struct Hosts(Vec<(Node, u32)>);

impl Hosts {
    /// The number of a host, from 1; 0 for one too many.
    pub(super) fn number(&mut self, host: &Node) -> u8 {
        let place = self.0.iter().position(|(known, _)| known == host);
        let place = place.or_else(|| {
            (self.0.len() < MOST).then(|| {
                self.0.push((host.clone(), 0));
                self.0.len() - 1
            })
        });
        place.map_or(0, |place| u8::try_from(place + 1).unwrap_or(0))
    }

    /// A host told its Origin-State-Id. Whether it is greater than one it told before (RFC 6733 §8.16).
    pub(super) fn told(&mut self, host: &Node, state: u32) -> bool {
        let number = self.number(host);
        let Some((_, known)) = usize::from(number)
            .checked_sub(1)
            .and_then(|place| self.0.get_mut(place))
        else {
            return false;
        };
        let before = std::mem::replace(known, state.max(*known));
        before != 0 && state > before
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
