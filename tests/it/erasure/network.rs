//! What the network was asked to watch of whoever is erased.

use reachd::proto::v1::{
    ListMonitoringRequest, MonitorSubscribersRequest, MonitoringState, MonitoringTarget,
};

use super::*;
use crate::support::daemon::Engine;

/// A daemon that asks an HSS, which is not there.
const ASKING: &str = "
[[diameter.peers]]
identity = \"hss1.home.example\"
mode = \"endpoint\"
applications = [\"s6t\"]

[diameter.s6t]
realm = \"home.example\"
";

async fn home(engine: Engine) -> Home {
    let mut home = Home::new(engine).await;
    home.configure(ASKING);
    home
}

on_each_engine! {
    async fn the_network_is_asked_to_watch_an_erased_subscriber_no_longer(engine) {
        let home = home(engine).await;
        let daemon = home.start().await;
        let mut admin = AdminServiceClient::new(daemon.channel());
        let subscriber = Subscriber::nth(1);
        let target = MonitoringTarget { msisdn: subscriber.number(), ..MonitoringTarget::default() };
        let other = MonitoringTarget { msisdn: Subscriber::nth(2).number(), ..MonitoringTarget::default() };
        let add = vec![target.clone(), other.clone()];
        let request = MonitorSubscribersRequest { add, remove: vec![] };
        admin.monitor_subscribers(tokio_stream::once(request)).await.unwrap();
        bind(&daemon, &subscriber.imsi, &subscriber.number(), "").await;

        let told = erase(&daemon, by_imsi(&subscriber.imsi)).await.unwrap();
        assert_eq!(told.network_requests, 1, "{told:?}");
        let status = |target| ListMonitoringRequest { target: Some(target) };
        // What no HSS holds is gone at once, and what one may hold is being ended.
        let listed = admin.list_monitoring(status(target)).await;
        if let Ok(listed) = listed {
            for part in listed.into_inner().status {
                assert_eq!(part.state(), MonitoringState::Ending);
            }
        }
        assert_eq!(admin.list_monitoring(status(other)).await.unwrap().into_inner().status.len(), 3);
        daemon.stop().await;
    }

    async fn what_was_asked_while_that_was_on_goes_also_when_it_is_off(engine) {
        let home = home(engine).await;
        let daemon = home.start().await;
        let number = Subscriber::nth(1).number();
        let target = MonitoringTarget { msisdn: number.clone(), ..MonitoringTarget::default() };
        let request = MonitorSubscribersRequest { add: vec![target.clone()], remove: vec![] };
        AdminServiceClient::new(daemon.channel())
            .monitor_subscribers(tokio_stream::once(request))
            .await
            .unwrap();
        daemon.stop().await;

        let off = {
            let mut off = Home::on_store(home.store_url());
            off.rename("reachd.home.example");
            off
        };
        let daemon = off.start().await;
        let request = EraseSubscriberRequest { even_unknown: true, ..by_number(&number) };
        erase(&daemon, request).await.unwrap();
        daemon.stop().await;

        let daemon = home.start().await;
        let status = AdminServiceClient::new(daemon.channel())
            .list_monitoring(ListMonitoringRequest { target: Some(target) })
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
        daemon.stop().await;
    }
}
