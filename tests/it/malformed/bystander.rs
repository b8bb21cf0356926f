//! The second peer: it asks all the time, and must never notice what the first one does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::support::Subscriber;
use crate::support::wire::{OTHER_DRA, Peer, Request, SUCCESS};

/// How long an answer may take on a machine that builds something else meanwhile.
const IN_TIME: Duration = Duration::from_secs(5);

/// How often it asks: often enough to be in the way of everything, and not the load of the test itself.
const PACE: Duration = Duration::from_millis(3);

pub(super) struct Bystander {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    asking: JoinHandle<()>,
}

impl Bystander {
    pub(super) fn start(address: SocketAddr) -> Self {
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let asking = tokio::spawn({
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            async move {
                let mut peer = Peer::connect(address, OTHER_DRA).await;
                let mut pace = tokio::time::interval(PACE);
                while !stop.load(Ordering::SeqCst) {
                    let subscriber = Subscriber::nth(1000 + answered.load(Ordering::SeqCst) % 50);
                    let request = Request::update_location(&subscriber.imsi, "mme2.visited.example");
                    pace.tick().await;
                    let begun = Instant::now();
                    peer.ask(&request).await.assert_result(SUCCESS);
                    let took = begun.elapsed();
                    assert!(took < IN_TIME, "the bystander waited {took:?}");
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        Self {
            stop,
            answered,
            asking,
        }
    }

    /// How many requests were answered so far.
    pub(super) fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }

    /// Ends; every single request has to have been answered correctly and in time.
    pub(super) async fn stop(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        self.asking.await.expect("the bystander was served throughout");
        self.answered.load(Ordering::SeqCst)
    }
}
