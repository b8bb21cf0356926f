//! How a device is now: an HSS is asked once, and what it tells becomes durable and visible before it is told.
//!
//! Of each device two things are asked, with one report each: whether it is reachable for data, and for SMS. A device that is
//! reachable is reported so in the answer. One that is not is reported later, if it comes back soon enough; until then
//! nothing follows from it. That no node serves the device, the HSS says by itself.

use std::time::Duration;

use tokio::time::timeout;

use super::driver::submit;
use super::network::{Network, Reply};
use super::plan::{NotYet, Outcome};
use super::{Monitoring, STOPPED, metrics};
use crate::diameter::apps::Asked;
use crate::diameter::apps::s6t::absent;
use crate::diameter::apps::s6t::cir::Question;
use crate::domain::{Event, Target, Timestamp, User};
use crate::ingest::Ingest;

/// How long it may take to set numbers aside; while the store is away, nothing is asked.
const SET_ASIDE_WITHIN: Duration = Duration::from_secs(5);

/// Asks an HSS how devices are.
#[derive(Debug)]
pub struct Once<N> {
    monitoring: Monitoring,
    network: N,
    ingest: Ingest,
}

impl<N: Network> Once<N> {
    /// Asks through `network`. What is told goes to `ingest`.
    pub fn new(monitoring: Monitoring, network: N, ingest: Ingest) -> Self {
        Self {
            monitoring,
            network,
            ingest,
        }
    }

    /// Asks how a user is. Whether anything was told: when it returns, that is visible.
    pub async fn ask(&self, user: &User) -> bool {
        let target = match user {
            User::Msisdn(msisdn) => Target::Msisdn(*msisdn),
            User::External(external) => Target::External(external.clone()),
        };
        let question = timeout(SET_ASIDE_WITHIN, self.monitoring.ask_once(&target));
        let Ok(Some(question)) = question.await else {
            return false;
        };
        let asked_at = self.monitoring.0.clock.now();
        let reply = self.network.ask(&question).await;
        metrics::asked(&reply);
        let (outcome, events, notices) = match reply {
            Reply::Unanswered => (Outcome::Unanswered, Vec::new(), Vec::new()),
            Reply::NoPeer => (Outcome::NoPeer, Vec::new(), Vec::new()),
            Reply::Answered { host, answer } => {
                let mut events = answer.events.into_vec();
                if answer.is_absent {
                    events.push(self.absent(user, asked_at));
                }
                let outcome = Outcome::Answered {
                    host,
                    result: answer.result,
                    refused: answer.refused,
                };
                (outcome, events, answer.notices)
            }
        };
        let tells = !events.is_empty();
        let kept = submit(&self.ingest, &self.monitoring.0.feed, events).await;
        let now = self.monitoring.0.clock.now();
        self.monitoring
            .plan()
            .answered_once(&question, &outcome, &notices, now);
        tells && kept
    }

    fn absent(&self, user: &User, at: Timestamp) -> Event {
        let subscriber = user.subscriber();
        let known = self.monitoring.registrations(&subscriber);
        Event::new(subscriber, at, self.monitoring.0.clock.now(), absent(&known, at))
    }
}

impl Monitoring {
    /// What to ask about a target once; `None` if nothing can be asked.
    async fn ask_once(&self, target: &Target) -> Option<Question> {
        let mut saved = self.0.saved.subscribe();
        loop {
            let now = self.0.clock.now();
            let (question, revision) = {
                let mut plan = self.plan();
                (plan.ask_once(target, now), plan.revision())
            };
            if *saved.borrow() < revision {
                self.0.changed.notify_one();
            }
            match question {
                Ok(question) => return Some(question),
                Err(NotYet::After(revision)) => {
                    let durable = *saved.wait_for(|saved| *saved >= revision).await.ok()?;
                    if durable == STOPPED {
                        return None;
                    }
                }
                Err(NotYet::Full | NotYet::Closed) => return None,
            }
        }
    }

    /// Whatever was asked once about this target: what comes of it late is nobody's.
    pub fn forget_once(&self, target: &Target) {
        self.plan().forget_once(target);
    }
}
