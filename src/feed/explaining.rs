//! Why answers are as they are, as the administration service hands it on. Who answers is further out.

use tonic::Status;

use crate::domain::SubscriberId;
use crate::proto::v1;

/// Explains answers.
#[tonic::async_trait]
pub trait Explaining: std::fmt::Debug + Send + Sync + 'static {
    /// Whom a device names, for the audit log: by an address, whose it is now.
    fn whom(&self, device: &v1::Device) -> Option<SubscriberId>;

    /// `ExplainSubscriber`.
    async fn explain_subscriber(
        &self,
        request: v1::ExplainSubscriberRequest,
    ) -> Result<v1::ExplainSubscriberResponse, Status>;
}
