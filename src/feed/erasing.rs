//! Erasing subscribers, as the administration service hands it on. Who erases is further out.

use tonic::Status;

use crate::proto::v1;

/// Erases subscribers.
#[tonic::async_trait]
pub trait Erasing: std::fmt::Debug + Send + Sync + 'static {
    /// `EraseSubscriber`.
    async fn erase_subscriber(
        &self,
        request: v1::EraseSubscriberRequest,
    ) -> Result<v1::EraseSubscriberResponse, Status>;
}
