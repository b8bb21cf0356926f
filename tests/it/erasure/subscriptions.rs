//! What HSSs notify of over Sh, of whoever is erased.

use sqlx::Connection;

use super::*;
use crate::sh::{self, Hss, REACHABLE_BY_MME, SUBS_REQ_TYPE, asked_about, command, find};
use crate::support::daemon::Engine;
use crate::support::eventually;
use crate::support::wire::command::SUBSCRIBE_NOTIFICATIONS;
use crate::support::wire::{VENDOR_3GPP, tbcd};

on_each_engine! {
    async fn an_hss_is_asked_to_notify_of_an_erased_subscriber_no_longer(engine) {
        let home = sh::home_waiting(engine, "2s").await;
        let daemon = home.start().await;
        let mut hss = Hss::connect(&daemon).await;
        sh::loaded(&daemon).await;
        let subscriber = Subscriber::nth(1);
        bind(&daemon, &subscriber.imsi, &subscriber.number(), "").await;
        let (code, _, err) = command(&daemon, &["subscriptions", "add", &subscriber.number()]).await;
        assert_eq!(code, 0, "{err}");
        let request = hss.asked(SUBSCRIBE_NOTIFICATIONS).await;
        hss.succeed(&request, Vec::new()).await;
        hss.push(&subscriber.digits, REACHABLE_BY_MME).await.assert_result(SUCCESS);
        // What it told of once is asked for anew.
        let request = hss.asked(SUBSCRIBE_NOTIFICATIONS).await;
        hss.succeed(&request, Vec::new()).await;
        assert_eq!(daemon.lookups().phone(&subscriber.number()).await.status, Status::ConnectedData);
        let events = count(&daemon, "reachd_events_total", "").await;
        assert!(events > 0);

        let told = erase(&daemon, by_imsi(&subscriber.imsi)).await.unwrap();
        assert_eq!(told.network_requests, 1, "{told:?}");
        let end = hss.asked(SUBSCRIBE_NOTIFICATIONS).await;
        assert_eq!(asked_about(&end), tbcd(&subscriber.digits));
        assert_eq!(find(&end, SUBS_REQ_TYPE).u32(), 1, "unsubscribe");
        // The HSS notifies before it has answered, and again behind its answer.
        for answered in [false, true] {
            if answered {
                hss.succeed(&end, Vec::new()).await;
            }
            let late = hss.push(&subscriber.digits, REACHABLE_BY_MME).await;
            assert_eq!(late.experimental_result(), Some((VENDOR_3GPP, 5107)));
        }
        assert!(is_unknown(&daemon, &subscriber.number()).await);
        assert_eq!(count(&daemon, "reachd_events_total", "").await, events, "no event was made of it");
        eventually("the subscription is forgotten", async || {
            let (code, _, err) = command(&daemon, &["subscriptions", "status", &subscriber.number()]).await;
            (code == 1 && err.contains("NOT_SUBSCRIBED")).then_some(())
        })
        .await;
        daemon.stop().await;
        // A restart does not ask again.
        let daemon = home.start().await;
        let mut hss = Hss::connect(&daemon).await;
        sh::loaded(&daemon).await;
        let late = hss.push(&subscriber.digits, REACHABLE_BY_MME).await;
        assert_eq!(late.experimental_result(), Some((VENDOR_3GPP, 5107)));
        daemon.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_it_is_known_what_is_subscribed_to_nobody_is_said_to_be_unknown() {
    let home = sh::home_waiting(Engine::Postgres, "2s").await;
    let daemon = home.start().await;
    sh::loaded(&daemon).await;
    // Nothing but a subscription is known of it.
    let number = Subscriber::nth(1).number();
    let (code, _, err) = command(&daemon, &["subscriptions", "add", &number]).await;
    assert_eq!(code, 0, "{err}");
    daemon.stop().await;

    let mut operator = sqlx::PgConnection::connect(home.store_url()).await.unwrap();
    let mut holding = operator.begin().await.unwrap();
    sqlx::query("LOCK TABLE sh_subscription IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *holding)
        .await
        .unwrap();
    let daemon = home.start().await;
    let refused = erase(&daemon, by_number(&number)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    let details = refused.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "NOT_READY");
    holding.rollback().await.unwrap();
    let told = eventually("the subscriber is erased", async || {
        erase(&daemon, by_number(&number)).await.ok()
    })
    .await;
    assert_eq!(told.network_requests, 1, "{told:?}");
    daemon.stop().await;
}
