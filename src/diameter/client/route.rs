//! Which peers a request may go to (RFC 6733 §6.1.2, §6.1.6).

use std::sync::Arc;

use smallvec::SmallVec;

use super::MOST_PEERS;
use crate::diameter::service::ConnectedPeer;

/// Where a request may go. Requests of one route wait in one queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Route {
    pub(super) application: u32,
    /// Destination-Realm, in lower case.
    pub(super) realm: Arc<str>,
    /// Destination-Host, in lower case.
    pub(super) host: Option<Arc<str>>,
    /// The host itself was asked and did not answer: nobody else can be (RFC 6733 §5.5.4).
    pub(super) bound: bool,
    /// Peers that refused it.
    pub(super) refused_by: SmallVec<[Arc<str>; MOST_PEERS]>,
}

impl Route {
    /// Whether Destination-Host names that host.
    pub(super) fn is_to(&self, host: &str) -> bool {
        self.host
            .as_ref()
            .is_some_and(|own| own.eq_ignore_ascii_case(host))
    }

    /// How good a peer is for this route, 0 being best; `None` if it is no good at all.
    pub(super) fn rank(&self, peer: &ConnectedPeer) -> Option<u8> {
        if !peer.applications.contains(&self.application) || self.refused_by.contains(&peer.origin_host) {
            return None;
        }
        let in_realm = self.realm == peer.origin_realm;
        match &self.host {
            Some(host) if *host == peer.origin_host => Some(0),
            Some(_) if self.bound => None,
            // Another host of the realm is a proxy, if it can be asked at all. One that relays surely can.
            Some(_) if in_realm && peer.relay => Some(1),
            Some(_) if in_realm => Some(2),
            None if in_realm => Some(1),
            _ if peer.relay => Some(3),
            _ => None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;
    use crate::diameter::service::Doubt;

    const APPLICATION: u32 = 16_777_345;

    fn peer(host: &str, realm: &str, relay: bool) -> ConnectedPeer {
        ConnectedPeer {
            origin_host: host.into(),
            origin_realm: realm.into(),
            remote: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
            applications: [APPLICATION].into(),
            relay,
            doubt: Doubt::default(),
            copies: false,
        }
    }

    fn route(host: Option<&str>) -> Route {
        Route {
            application: APPLICATION,
            realm: "home.example".into(),
            host: host.map(Arc::from),
            bound: false,
            refused_by: SmallVec::new(),
        }
    }

    #[test]
    fn the_host_itself_comes_first_then_its_realm_then_agents() {
        let host = peer("hss1.home.example", "home.example", false);
        let other = peer("hss2.home.example", "home.example", false);
        let agent = peer("dra1.home.example", "home.example", true);
        let far_agent = peer("dra1.ipx.example", "ipx.example", true);
        let stranger = peer("hss1.far.example", "far.example", false);
        let ranks =
            |route: &Route| [&host, &other, &agent, &far_agent, &stranger].map(|peer| route.rank(peer));
        assert_eq!(
            ranks(&route(Some("hss1.home.example"))),
            [Some(0), Some(2), Some(1), Some(3), None]
        );
        assert_eq!(ranks(&route(None)), [Some(1), Some(1), Some(1), Some(3), None]);
    }

    #[test]
    fn a_peer_without_the_application_or_that_refused_does_not_count() {
        let host = peer("hss1.home.example", "home.example", false);
        let mut route = route(None);
        route.application = 1;
        assert_eq!(route.rank(&host), None);
        route.application = APPLICATION;
        route.refused_by.push("hss1.home.example".into());
        assert_eq!(route.rank(&host), None);
    }

    #[test]
    fn a_request_that_only_the_host_can_answer_goes_nowhere_else() {
        let mut route = route(Some("hss1.home.example"));
        route.bound = true;
        assert_eq!(
            route.rank(&peer("hss1.home.example", "home.example", false)),
            Some(0)
        );
        assert_eq!(route.rank(&peer("dra1.home.example", "home.example", true)), None);
    }
}
