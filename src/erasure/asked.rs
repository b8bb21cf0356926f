//! What the network is asked about a subscriber, and how it ceases.

use super::EraseError;
use crate::domain::{Identifier, Target, Topic, User};
use crate::hss::{self, Hss};
use crate::monitoring::{self, Monitoring};
use crate::store::{AnyStore, MonitoringBatch, MonitoringStore, SubscriptionBatch, SubscriptionStore};

/// What is asked over S6t and Sh.
#[derive(Clone, Debug)]
pub struct Asked {
    monitoring: Monitoring,
    hss: Hss,
}

impl Asked {
    /// Both ways of asking.
    pub fn new(monitoring: Monitoring, hss: Hss) -> Self {
        Self { monitoring, hss }
    }

    /// Whether anything is asked about an identifier.
    ///
    /// # Errors
    /// [`EraseError::NotReady`] while that is not known yet, or no longer.
    pub(super) fn knows(&self, identifier: &Identifier) -> Result<bool, EraseError> {
        if let Some(target) = target(identifier) {
            match self.monitoring.status(&target) {
                Ok(Some(_)) => return Ok(true),
                Ok(None) | Err(monitoring::NotNow::Off) => {}
                Err(monitoring::NotNow::Loading | monitoring::NotNow::Stopping) => {
                    return Err(EraseError::NotReady);
                }
            }
        }
        match user(identifier).map(|user| self.hss.status(&user)) {
            Some(Ok(topics)) => Ok(!topics.is_empty()),
            None | Some(Err(hss::NotNow::Off)) => Ok(false),
            Some(Err(hss::NotNow::Loading | hss::NotNow::Stopping)) => Err(EraseError::NotReady),
        }
    }

    /// Ceases to ask about these identifiers, as if an operator had removed them: the network is asked to end what it
    /// holds, and the row goes when it has. Returns how many there were.
    pub(super) async fn cease(
        &self,
        store: &AnyStore,
        identifiers: &[Identifier],
    ) -> Result<u64, EraseError> {
        let targets: Vec<_> = identifiers.iter().filter_map(target).collect();
        let users: Vec<_> = identifiers.iter().filter_map(user).collect();
        let mut ceased = 0;
        for target in &targets {
            self.monitoring.forget_once(target);
        }
        if !targets.is_empty() {
            match self.monitoring.change(Vec::new(), targets.clone()).await {
                Ok(changed) => ceased += changed.removed,
                // Nobody is asked here; what is left of asking earlier goes.
                Err(monitoring::NotNow::Off) => {
                    store
                        .save_monitoring(&MonitoringBatch {
                            removed: targets,
                            ..MonitoringBatch::default()
                        })
                        .await?;
                }
                Err(_) => return Err(EraseError::Watched),
            }
        }
        if !users.is_empty() {
            match self.hss.change(&[], &users).await {
                Ok(changed) => ceased += changed.removed,
                Err(hss::NotNow::Off) => {
                    let topics = |user: &User| Topic::ALL.map(|topic| (user.clone(), topic));
                    store
                        .save_subscriptions(&SubscriptionBatch {
                            removed: users.iter().flat_map(topics).collect(),
                            ..SubscriptionBatch::default()
                        })
                        .await?;
                }
                Err(_) => return Err(EraseError::Watched),
            }
        }
        Ok(ceased)
    }
}

fn target(identifier: &Identifier) -> Option<Target> {
    match identifier {
        Identifier::Imsi(_) => None,
        Identifier::Msisdn(msisdn) => Some(Target::Msisdn(*msisdn)),
        Identifier::External(external) => Some(Target::External(external.clone())),
    }
}

fn user(identifier: &Identifier) -> Option<User> {
    match identifier {
        Identifier::Imsi(_) => None,
        Identifier::Msisdn(msisdn) => Some(User::Msisdn(*msisdn)),
        Identifier::External(external) => Some(User::External(external.clone())),
    }
}
