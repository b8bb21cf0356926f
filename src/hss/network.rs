//! The way to the HSSs: one request, one answer.

use std::sync::Arc;
use std::time::Duration;

use super::metrics;
use super::plan::Ask;
use crate::diameter::apps::sh::{Query, Refusal, Told, Untold, write_subscription};
use crate::diameter::client::{Client, OwnAnswer, OwnRequest, RequestError};
use crate::diameter::codec::MessageBuilder;
use crate::diameter::config::ShConfig;
use crate::diameter::dict::{CommandDef, sh};
use crate::domain::User;

/// Why an HSS told nothing. No text names the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Its answer cannot be read.
    #[error(transparent)]
    Untold(#[from] Untold),
    /// There was no answer.
    #[error("no HSS answered: {0}")]
    Unanswered(#[from] RequestError),
}

/// Asks HSSs. All clones are one.
#[derive(Clone, Debug)]
pub struct Network {
    client: Client,
    realm: Arc<str>,
    host: Option<Arc<str>>,
    within: Duration,
}

impl Network {
    /// Asks whom the configuration names.
    pub fn new(client: Client, config: &ShConfig) -> Self {
        Self {
            client,
            realm: config.realm.as_str().into(),
            host: (!config.host.is_empty()).then(|| config.host.as_str().into()),
            within: config.answer_within,
        }
    }

    /// Subscribes, or ends a subscription.
    ///
    /// # Errors
    /// Nothing was subscribed to, or it cannot be told.
    pub async fn subscribe(&self, ask: &Ask) -> Result<Told, Failure> {
        let request = self.request(&sh::SUBSCRIBE_NOTIFICATIONS, |avps| {
            write_subscription(avps, &ask.user, ask.topic, ask.until);
        });
        self.ask(request).await
    }

    /// Asks how a user is.
    ///
    /// # Errors
    /// Nothing was told.
    pub async fn query(&self, query: Query, user: &User) -> Result<Told, Failure> {
        let request = self.request(&sh::USER_DATA_PULL, |avps| query.write(avps, user));
        self.ask(request).await
    }

    fn request(
        &self,
        command: &'static CommandDef,
        avps: impl FnOnce(&mut MessageBuilder<'_>),
    ) -> OwnRequest {
        let request = OwnRequest::new(command, &self.realm, self.within, avps);
        match &self.host {
            Some(host) => request.to_host(host),
            None => request,
        }
    }

    async fn ask(&self, request: OwnRequest) -> Result<Told, Failure> {
        let told = self.client.request(request).await.map_err(Failure::from);
        let told = told.and_then(|answer| read(&answer));
        if let Err(failure) = &told {
            metrics::failed(failure);
        }
        told
    }
}

fn read(answer: &OwnAnswer) -> Result<Told, Failure> {
    if !answer.result.is_success() {
        return Err(Refusal::of(answer.result).into());
    }
    match answer.message() {
        Ok(message) => Ok(Told::read(&message)?),
        // The same octets have been read before.
        Err(_) => Ok(Told::default()),
    }
}
