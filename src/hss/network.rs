//! The way to the HSSs: one request, one answer.

use std::sync::Arc;
use std::time::Duration;

use super::metrics;
use super::plan::Ask;
use crate::diameter::apps::sh::{Query, Refusal, Told, Untold, write_subscription};
use crate::diameter::client::{Client, OwnAnswer, OwnRequest, RequestError};
use crate::diameter::codec::MessageBuilder;
use crate::diameter::config::ShConfig;
use crate::diameter::dict::{CommandDef, base, sh};
use crate::domain::{Node, User};

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

/// What came of a request.
#[derive(Debug)]
pub struct Said {
    /// What was told, or why nothing was.
    pub told: Result<Told, Failure>,
    /// The HSS that answered, if it is certain that it was one: in the error form somebody on the way may have.
    pub by: Option<Node>,
    /// Its Origin-State-Id, if it told one.
    pub state: Option<u32>,
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
    pub async fn subscribe(&self, ask: &Ask) -> Said {
        let request = self.request(&sh::SUBSCRIBE_NOTIFICATIONS, |avps| {
            write_subscription(avps, &ask.user, ask.topic, ask.until);
        });
        self.ask(request).await
    }

    /// Asks how a user is.
    pub async fn query(&self, query: Query, user: &User) -> Said {
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

    async fn ask(&self, request: OwnRequest) -> Said {
        let said = match self.client.request(request).await {
            Ok(answer) => read(&answer),
            Err(error) => Said {
                told: Err(error.into()),
                by: None,
                state: None,
            },
        };
        if let Err(failure) = &said.told {
            metrics::failed(failure);
        }
        said
    }
}

fn read(answer: &OwnAnswer) -> Said {
    let by = Node::parse(&answer.origin_host).ok().filter(|_| !answer.is_error);
    // The same octets have been read before.
    let message = answer.message().ok();
    let state = message
        .as_ref()
        .and_then(|message| message.find(&base::ORIGIN_STATE_ID)?.as_u32().ok());
    let told = match message {
        _ if !answer.result.is_success() => Err(Refusal::of(answer.result).into()),
        Some(message) => Told::read(&message).map_err(Failure::from),
        None => Ok(Told::default()),
    };
    Said { told, by, state }
}
