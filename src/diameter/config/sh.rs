//! `[diameter.sh]`: what this node asks HSSs as an AS, and how fast (TS 29.328).

use std::time::Duration;

use serde::Deserialize;

use super::problems::check_identity;
use super::{DiameterConfig, PeerMode};
use crate::diameter::dict::sh::APPLICATION;

/// What can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShTopic {
    /// UEReachabilityForIP.
    Reachability,
    /// IMSUserState.
    ImsState,
}

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShQuery {
    /// UserState of packet access.
    PacketState,
    /// UserState of circuit-switched access.
    CircuitState,
    /// LocationInformation, the MME alone.
    ServingNode,
    /// SMSRegistrationInfo.
    SmsRegistration,
}

/// Asking HSSs how users are, and to be notified of them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShConfig {
    /// Destination-Realm of what is asked: the HSSs' realm. Empty, as by default, nothing is asked.
    pub realm: String,
    /// Destination-Host, if one HSS is to be asked rather than whichever the realm has. Empty: none.
    pub host: String,
    /// What is subscribed to of each user that is to be notified of.
    pub subscribe: Vec<ShTopic>,
    /// What is asked when a user is queried.
    pub query: Vec<ShQuery>,
    /// How long a subscription lasts (Expiry-Time), 1 min to 366 days.
    #[serde(with = "humantime_serde")]
    pub duration: Duration,
    /// How long before its end it is asked for anew.
    #[serde(with = "humantime_serde")]
    pub renew_before: Duration,
    /// Subscriptions asked for in any second, 1 to 100 000.
    pub rate: u32,
    /// Requests that may wait for their answer at a time, 1 to 100 000; queries are counted by themselves.
    pub in_flight: usize,
    /// How long an answer is waited for, a peer that can be asked included; 100 ms to 10 min.
    #[serde(with = "humantime_serde")]
    pub answer_within: Duration,
}

impl Default for ShConfig {
    fn default() -> Self {
        Self {
            realm: String::new(),
            host: String::new(),
            subscribe: vec![ShTopic::Reachability],
            query: vec![ShQuery::PacketState, ShQuery::CircuitState],
            duration: Duration::from_secs(24 * 3600),
            renew_before: Duration::from_secs(2 * 3600),
            rate: 50,
            in_flight: 100,
            answer_within: Duration::from_secs(10),
        }
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl ShConfig {
    /// Whether anything is asked.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.realm.is_empty()
    }

    /// Everything that is wrong, as (key below `sh`, what is wrong and what to do).
    pub(super) fn problems(&self, node: &DiameterConfig) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let mut found = |key, text: String| problems.push((key, text));
        if !self.is_on() {
            if !self.host.is_empty() {
                let text = "there is no realm; name the HSSs' realm, or leave this key out";
                found("host", text.to_owned());
            }
            return problems;
        }
        if let Err(text) = check_identity(&self.realm) {
            let text = format!("{text}; set it to the HSSs' realm, such as \"epc.example.net\"");
            found("realm", text);
        }
        if !self.host.is_empty()
            && let Err(text) = check_identity(&self.host)
        {
            let text = format!("{text}; set it to the Origin-Host of the HSS, or leave it out");
            found("host", text);
        }
        let seconds = Duration::from_secs;
        for (key, value, least, most) in [
            ("duration", self.duration, seconds(60), 366 * DAY),
            ("renew_before", self.renew_before, seconds(1), 366 * DAY),
            (
                "answer_within",
                self.answer_within,
                Duration::from_millis(100),
                seconds(600),
            ),
        ] {
            if value < least || value > most {
                let text = format!("{value:?} is out of range; choose between {least:?} and {most:?}");
                found(key, text);
            }
        }
        if self.renew_before >= self.duration {
            let text = format!(
                "what lasts {:?} cannot be renewed {:?} before its end; choose less",
                self.duration, self.renew_before
            );
            found("renew_before", text);
        }
        for (key, value) in [("rate", self.rate as usize), ("in_flight", self.in_flight)] {
            if !(1..=100_000).contains(&value) {
                found(
                    key,
                    format!("{value} is out of range; choose between 1 and 100000"),
                );
            }
        }
        if self.query.is_empty() {
            let text = "names nothing to ask; leave it out, or name \"packet-state\"";
            found("query", text.to_owned());
        }
        let may_be_asked = node
            .peers
            .iter()
            .any(|peer| peer.mode == PeerMode::Endpoint && peer.application_ids().contains(&APPLICATION));
        if !may_be_asked {
            let text = "no peer can be asked: none has mode \"endpoint\" and the application \"sh\"";
            found("realm", text.to_owned());
        }
        problems
    }
}
