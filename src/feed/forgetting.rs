//! Forgetting feeds, as the administration service hands it on. Who forgets is further out.

use tonic::Status;

/// Forgets what feeds promised.
#[tonic::async_trait]
pub trait Forgetting: std::fmt::Debug + Send + Sync + 'static {
    /// Forgets the promise of the feed of that name. Whether there was one.
    async fn forget(&self, name: &str) -> Result<bool, Status>;
}
