//! `[diameter.s6t]`: what this node asks of HSSs, and how fast (TS 29.336).

use std::time::Duration;

use serde::Deserialize;

use super::problems::check_identity;
use super::{DiameterConfig, PeerMode};
use crate::diameter::dict::s6t::APPLICATION;

/// Asking HSSs to watch subscribers and groups.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct S6tConfig {
    /// Destination-Realm of what is asked: the HSSs' realm. Empty, as by default, nothing is asked.
    pub realm: String,
    /// Destination-Host, if one HSS is to be asked rather than whichever the realm has. Empty: none.
    pub host: String,
    /// How long what is asked for lasts (Monitoring-Duration), 10 s to 366 days.
    #[serde(with = "humantime_serde")]
    pub duration: Duration,
    /// How long before its end it is asked for anew.
    #[serde(with = "humantime_serde")]
    pub renew_before: Duration,
    /// Within what time a loss of connectivity shall be noticed (Maximum-Detection-Time), 1 s to 100 days. The network sets
    /// the device's periodic updates after it.
    #[serde(with = "humantime_serde")]
    pub maximum_detection_time: Duration,
    /// Requests in any second, 1 to 100 000.
    pub rate: u32,
    /// Requests that may wait for their answer at a time, 1 to 100 000.
    pub in_flight: usize,
    /// How long an answer is waited for, a peer that can be asked included; 100 ms to 10 min.
    #[serde(with = "humantime_serde")]
    pub answer_within: Duration,
}

impl Default for S6tConfig {
    fn default() -> Self {
        Self {
            realm: String::new(),
            host: String::new(),
            duration: Duration::from_secs(24 * 3600),
            renew_before: Duration::from_secs(2 * 3600),
            maximum_detection_time: Duration::from_secs(600),
            rate: 50,
            in_flight: 100,
            answer_within: Duration::from_secs(10),
        }
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl S6tConfig {
    /// Whether anything is asked.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.realm.is_empty()
    }

    /// Everything that is wrong, as (key below `s6t`, what is wrong and what to do).
    pub(super) fn problems(&self, node: &DiameterConfig) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let mut found = |key, text| problems.push((key, text));
        if !self.is_on() {
            if !self.host.is_empty() {
                found(
                    "host",
                    "there is no realm; name the HSSs' realm, or leave this key out".to_owned(),
                );
            }
            return problems;
        }
        if let Err(text) = check_identity(&self.realm) {
            found(
                "realm",
                format!("{text}; set it to the HSSs' realm, such as \"epc.example.net\""),
            );
        }
        if !self.host.is_empty()
            && let Err(text) = check_identity(&self.host)
        {
            found(
                "host",
                format!("{text}; set it to the Origin-Host of the HSS, or leave it out"),
            );
        }
        let seconds = Duration::from_secs;
        for (key, value, least, most) in [
            ("duration", self.duration, seconds(10), 366 * DAY),
            ("renew_before", self.renew_before, seconds(1), 366 * DAY),
            (
                "maximum_detection_time",
                self.maximum_detection_time,
                seconds(1),
                100 * DAY,
            ),
            (
                "answer_within",
                self.answer_within,
                Duration::from_millis(100),
                seconds(600),
            ),
        ] {
            if value < least || value > most {
                found(
                    key,
                    format!("{value:?} is out of range; choose between {least:?} and {most:?}"),
                );
            }
        }
        if self.renew_before >= self.duration {
            found(
                "renew_before",
                format!(
                    "what lasts {:?} cannot be renewed {:?} before its end; choose less",
                    self.duration, self.renew_before
                ),
            );
        }
        for (key, value) in [("rate", self.rate as usize), ("in_flight", self.in_flight)] {
            if !(1..=100_000).contains(&value) {
                found(
                    key,
                    format!("{value} is out of range; choose between 1 and 100000"),
                );
            }
        }
        let may_be_asked = node
            .peers
            .iter()
            .any(|peer| peer.mode == PeerMode::Endpoint && peer.application_ids().contains(&APPLICATION));
        if !may_be_asked {
            found(
                "realm",
                "no peer can be asked: none has mode \"endpoint\" and the application \"s6t\"".to_owned(),
            );
        }
        problems
    }
}
