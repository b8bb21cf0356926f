//! Two daemons on one Postgres: what one erases, the other forgets.

use super::*;
use crate::support::daemon::Engine;
use crate::support::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_replica_erases_the_other_forgets_and_keeps_out() {
    let home = Home::new(Engine::Postgres).await;
    let subscriber = Subscriber::nth(1);
    let one = home.start().await;
    bind(&one, &subscriber.imsi, &subscriber.number(), "").await;
    let other_home = Home::on_store(home.store_url());
    let other = other_home.start().await;
    assert!(!is_unknown(&other, &subscriber.number()).await, "it was loaded");
    // Only the other one knows of this, in memory.
    let late = event(&subscriber, ago(10), Slot::Mme, MME, Change::Registered);
    let mut publisher = Publisher::open(&other).await;
    publisher.publish(late.clone()).await;

    erase(&one, by_number(&subscriber.number())).await.unwrap();
    assert!(is_unknown(&one, &subscriber.number()).await);
    eventually("the other replica has followed", async || {
        is_unknown(&other, &subscriber.number()).await.then_some(())
    })
    .await;
    publisher.publish(late).await;
    assert!(is_unknown(&other, &subscriber.number()).await);
    one.stop().await;
    other.stop().await;
    let daemon = home.start().await;
    assert!(is_unknown(&daemon, &subscriber.number()).await);
    daemon.stop().await;
}
