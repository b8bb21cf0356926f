//! What operators have HSSs asked, as the administration service hands it on. Who asks is further out.

use tonic::{Status, Streaming};

use crate::proto::v1;

/// Asks HSSs over Sh.
#[tonic::async_trait]
pub trait AskingHss: std::fmt::Debug + Send + Sync + 'static {
    /// `QuerySubscriber`.
    async fn query_subscriber(
        &self,
        request: v1::QuerySubscriberRequest,
    ) -> Result<v1::QuerySubscriberResponse, Status>;

    /// `ChangeSubscriptions`.
    async fn change_subscriptions(
        &self,
        requests: Streaming<v1::ChangeSubscriptionsRequest>,
    ) -> Result<v1::ChangeSubscriptionsResponse, Status>;

    /// `ListSubscriptions`.
    async fn list_subscriptions(
        &self,
        request: v1::ListSubscriptionsRequest,
    ) -> Result<v1::ListSubscriptionsResponse, Status>;
}
