//! The network over Diameter: Configuration-Information-Requests to the HSSs of a realm.

use std::sync::Arc;
use std::time::Duration;

use super::network::{Network, Reply};
use super::{Monitoring, Settings};
use crate::diameter::apps::s6t::cia::Answer;
use crate::diameter::apps::s6t::cir::Question;
use crate::diameter::client::{Client, OwnAnswer, OwnRequest, RequestError};
use crate::diameter::config::S6tConfig;
use crate::diameter::dict::s6t::CONFIGURATION_INFORMATION;
use crate::domain::{Node, Timestamp};
use crate::ingest::ReceiptClock;

/// How much to ask, and when; `None` if nothing is asked.
pub fn settings(config: &S6tConfig) -> Option<Settings> {
    let seconds = |duration: Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
    config.is_on().then(|| Settings {
        duration: seconds(config.duration),
        renew_before: seconds(config.renew_before),
        rate: config.rate,
        in_flight: config.in_flight,
    })
}

/// Asks over Diameter.
#[derive(Debug)]
pub struct Hss {
    client: Client,
    realm: Box<str>,
    host: Option<Box<str>>,
    within: Duration,
    /// In seconds.
    maximum_detection_time: u32,
    monitoring: Monitoring,
    clock: Arc<ReceiptClock>,
}

impl Hss {
    /// Asks whoever the configuration names. Reports in answers are read by what `monitoring` knows.
    pub fn new(config: &S6tConfig, client: Client, monitoring: Monitoring, clock: Arc<ReceiptClock>) -> Self {
        let detection = config.maximum_detection_time.as_secs();
        Self {
            client,
            realm: config.realm.as_str().into(),
            host: (!config.host.is_empty()).then(|| config.host.as_str().into()),
            within: config.answer_within,
            maximum_detection_time: u32::try_from(detection).unwrap_or(u32::MAX),
            monitoring,
            clock,
        }
    }

    fn request(&self, question: &Question) -> OwnRequest {
        let request = OwnRequest::new(&CONFIGURATION_INFORMATION, &self.realm, self.within, |avps| {
            question.write(avps, &self.monitoring.0.identity, self.maximum_detection_time);
        });
        match &self.host {
            Some(host) => request.to_host(host),
            None => request,
        }
    }
}

impl Network for Hss {
    async fn ask(&self, question: &Question) -> Reply {
        let asked_at = self.clock.now();
        match self.client.request(self.request(question)).await {
            Ok(answer) => self.read(&answer, asked_at),
            Err(RequestError::NoPeer | RequestError::Congested | RequestError::Stopped) => Reply::NoPeer,
            Err(error @ (RequestError::Unanswered | RequestError::Unusable(_) | RequestError::TooLong)) => {
                tracing::debug!(%error, "the HSS gave no usable answer to what it was asked");
                Reply::Unanswered
            }
        }
    }
}

impl Hss {
    fn read(&self, answer: &OwnAnswer, asked_at: Timestamp) -> Reply {
        let Ok(message) = answer.message() else {
            return Reply::Unanswered;
        };
        match Answer::read(&message, asked_at, self.clock.now(), &self.monitoring) {
            Ok(read) => Reply::Answered {
                // In the error form somebody on the way may have answered.
                host: Node::parse(&answer.origin_host).ok().filter(|_| !answer.is_error),
                answer: Box::new(read),
            },
            Err(defect) => {
                tracing::debug!(%defect, "the HSS's answer cannot be read");
                Reply::Unanswered
            }
        }
    }
}
