//! Why answers are as they are, as the administration service hands it on. Who answers is further out.

use tonic::Status;

use crate::proto::v1;

/// Explains answers.
#[tonic::async_trait]
pub trait Explaining: std::fmt::Debug + Send + Sync + 'static {
    /// `ExplainSubscriber`.
    async fn explain_subscriber(
        &self,
        request: v1::ExplainSubscriberRequest,
    ) -> Result<v1::ExplainSubscriberResponse, Status>;
}
