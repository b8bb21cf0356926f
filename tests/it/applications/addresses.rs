//! Addresses of sessions: what accounting tells, and who is found by an address then.

use std::slice::from_ref;

use reachd::proto::v1::{Device, DeviceIpv4Address, ReachabilityStatus as Status};
use tonic::Code;

use super::accounting::{INTERIM, START, STOP, record, seconds_ago, subscription_id};
use super::{GATEWAY, connect, with_peers};
use crate::support::daemon::{Daemon, Home, Lookups};
use crate::support::wire::{Peer, Request, SUCCESS, avp};
use crate::support::{Answer, Subscriber, eventually, on_each_engine};

const SERVICE_INFORMATION: u32 = 873;
const FRAMED_IP_ADDRESS: u32 = 8;
const FRAMED_IPV6_PREFIX: u32 = 97;
const DELEGATED_IPV6_PREFIX: u32 = 123;

/// A record of a session that has these addresses and no other.
pub(super) fn told(
    kind: u32,
    session: &str,
    subscriber: &Subscriber,
    seconds: u64,
    addresses: &[Vec<u8>],
) -> Request {
    let bare = record(kind, session, subscriber, &seconds_ago(seconds)).without(SERVICE_INFORMATION);
    addresses.iter().cloned().fold(bare, Request::with)
}

pub(super) fn v4(last: u8) -> Vec<u8> {
    avp(FRAMED_IP_ADDRESS, &[100, 64, 0, last])
}

/// 2001:db8:0:N::/64.
fn v6(n: u8) -> Vec<u8> {
    avp(FRAMED_IPV6_PREFIX, &[0, 64, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, n])
}

/// 2001:db8:N:0::/56.
fn delegated(n: u8) -> Vec<u8> {
    avp(DELEGATED_IPV6_PREFIX, &[0, 56, 0x20, 1, 0x0d, 0xb8, 0, n, 0])
}

pub(super) fn by_v4(last: u8) -> Device {
    let address = format!("100.64.0.{last}");
    Device {
        ipv4_address: Some(DeviceIpv4Address {
            public_address: address.clone(),
            private_address: address,
            public_port: 0,
        }),
        ..Device::default()
    }
}

fn by_v6(address: &str) -> Device {
    Device {
        ipv6_address: address.into(),
        ..Device::default()
    }
}

/// The answer about a device that must be known, which names that device as it was asked for and nothing else.
async fn known(lookups: &mut Lookups, device: Device) -> Answer {
    let response = lookups
        .try_device(Some(device.clone()))
        .await
        .expect("somebody has it");
    assert_eq!(response.device, Some(device));
    Answer::of(response.reachability.unwrap())
}

/// Whether the device is found, and then by the very answer that the number gives.
pub(super) async fn leads_to(lookups: &mut Lookups, device: Device, subscriber: &Subscriber) -> bool {
    let found = known(lookups, device).await;
    found == lookups.phone(&subscriber.number()).await
}

#[track_caller]
pub(super) fn assert_nobody(found: Result<reachd::proto::v1::GetReachabilityResponse, tonic::Status>) {
    let refused = found.expect_err("nobody has it");
    assert_eq!(refused.code(), Code::NotFound, "{refused:?}");
    assert!(!format!("{refused:?}").contains("100.64"), "{refused:?}");
}

/// A daemon that knows some numbers, and a gateway that tells it of sessions.
async fn with_gateway(home: &mut Home, subscribers: &[Subscriber]) -> (Daemon, Peer, Lookups) {
    with_peers(home);
    let daemon = home.start().await;
    daemon.import_rows(subscribers).await;
    let (gateway, _) = connect(&daemon, GATEWAY).await;
    let lookups = daemon.lookups();
    (daemon, gateway, lookups)
}

on_each_engine! {
    async fn a_device_is_found_by_any_address_of_its_session_for_as_long_as_that_lasts(engine) {
        let mut home = Home::new(engine).await;
        let one = Subscriber::nth(1);
        let (daemon, mut gateway, mut lookups) = with_gateway(&mut home, from_ref(&one)).await;
        let all = [v4(1), v6(1), delegated(9)];
        gateway.ask(&told(START, "1", &one, 300, &all)).await.assert_result(SUCCESS);

        let inside = ["2001:db8:0:1::", "2001:db8:0:1::7", "2001:db8:0:1:ffff:ffff:ffff:ffff",
                      "2001:db8:9::", "2001:db8:9:ff:ffff:ffff:ffff:ffff"];
        let outside = ["2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:2::", "2001:db8:8:ffff:ffff:ffff:ffff:ffff", "2001:db8:9:100::"];
        let check = async |lookups: &mut Lookups| {
            assert!(leads_to(lookups, by_v4(1), &one).await);
            known(lookups, by_v4(1)).await.assert_is(Status::ConnectedData, &[reachd::proto::v1::Connectivity::Data]);
            for address in inside {
                assert!(leads_to(lookups, by_v6(address), &one).await, "{address}");
            }
            assert_nobody(lookups.try_device(Some(by_v4(2))).await);
            for address in outside {
                assert_nobody(lookups.try_device(Some(by_v6(address))).await);
            }
        };
        check(&mut lookups).await;
        // The same after a restart, out of the store.
        daemon.stop().await;
        let daemon = home.start().await;
        let (mut gateway, _) = connect(&daemon, GATEWAY).await;
        let mut lookups = daemon.lookups();
        check(&mut lookups).await;

        // A session goes on without repeating what it has; its end is the end of all of it.
        gateway.ask(&told(INTERIM, "1", &one, 200, &[])).await.assert_result(SUCCESS);
        check(&mut lookups).await;
        gateway.ask(&told(STOP, "1", &one, 100, &[])).await.assert_result(SUCCESS);
        let nobody = async |lookups: &mut Lookups| {
            assert_nobody(lookups.try_device(Some(by_v4(1))).await);
            for address in inside {
                assert_nobody(lookups.try_device(Some(by_v6(address))).await);
            }
        };
        nobody(&mut lookups).await;
        daemon.stop().await;
        let daemon = home.start().await;
        nobody(&mut daemon.lookups()).await;
    }

    async fn an_address_leads_to_whose_session_was_told_last_however_late_the_others_come(engine) {
        let mut home = Home::new(engine).await;
        let subscribers = [Subscriber::nth(1), Subscriber::nth(2)];
        let [one, two] = &subscribers;
        let (daemon, mut gateway, mut lookups) = with_gateway(&mut home, &subscribers).await;
        // The first one's end never comes, and its start comes last.
        gateway.ask(&told(START, "2", two, 100, &[v4(1), v6(1)])).await.assert_result(SUCCESS);
        assert!(leads_to(&mut lookups, by_v4(1), two).await);
        gateway.ask(&told(START, "1", one, 300, &[v4(1), v6(1)])).await.assert_result(SUCCESS);
        // Both are connected; only when their sessions began tells them apart.
        for device in [by_v4(1), by_v6("2001:db8:0:1::1")] {
            let found = known(&mut lookups, device).await;
            assert_eq!(found.last_status_time, Some(seconds_ago_of(&mut lookups, two).await));
        }
        // The second lets it go: it is nobody's then, and not the first one's again.
        gateway.ask(&told(STOP, "2", two, 50, &[])).await.assert_result(SUCCESS);
        for device in [by_v4(1), by_v6("2001:db8:0:1::1")] {
            assert_nobody(lookups.try_device(Some(device.clone())).await);
        }
        daemon.stop().await;
        let daemon = home.start().await;
        let mut lookups = daemon.lookups();
        for device in [by_v4(1), by_v6("2001:db8:0:1::1")] {
            assert_nobody(lookups.try_device(Some(device.clone())).await);
        }
        lookups.phone(&one.number()).await.assert_is(Status::ConnectedData, &[reachd::proto::v1::Connectivity::Data]);
    }

    async fn a_session_of_which_nothing_more_is_heard_expires_with_its_addresses(engine) {
        let mut home = Home::new(engine).await;
        home.configure("\n[sessions]\nexpire_after = \"20s\"\n");
        let subscribers = [Subscriber::nth(1), Subscriber::nth(2)];
        let [one, two] = &subscribers;
        let (_daemon, mut gateway, mut lookups) = with_gateway(&mut home, &subscribers).await;
        let began = seconds_ago(18);
        gateway.ask(&told(START, "1", one, 18, &[v4(1)])).await.assert_result(SUCCESS);
        gateway.ask(&told(START, "2", two, 18, &[v4(2)])).await.assert_result(SUCCESS);
        gateway.ask(&told(INTERIM, "2", two, 1, &[])).await.assert_result(SUCCESS);
        eventually("the first one's session expires", async || {
            lookups.try_device(Some(by_v4(1))).await.is_err().then_some(())
        }).await;
        assert!(leads_to(&mut lookups, by_v4(2), two).await, "the second one's was renewed");
        let gone = lookups.phone(&one.number()).await;
        gone.assert_is(Status::NotConnected, &[]);
        let since = gone.last_status_time.unwrap().seconds - began.seconds;
        assert!((19..=21).contains(&since), "{since}");
        // Whatever comes now brings it back, if it is news.
        gateway.ask(&told(INTERIM, "1", one, 0, &[])).await.assert_result(SUCCESS);
        assert!(leads_to(&mut lookups, by_v4(1), one).await);
    }

    async fn a_number_leads_to_the_sim_that_was_told_with_it_last_and_addresses_to_their_own(engine) {
        let mut home = Home::new(engine).await;
        let (one, two) = (Subscriber::nth(1), Subscriber::nth(2));
        with_peers(&mut home);
        let daemon = home.start().await;
        let (mut gateway, _) = connect(&daemon, GATEWAY).await;
        let mut lookups = daemon.lookups();
        // Both with the number of the first.
        let with_number = |kind, session: &str, sim: &Subscriber, seconds, addresses: &[Vec<u8>]| {
            told(kind, session, sim, seconds, addresses).with(subscription_id(0, &one.digits))
        };
        gateway.ask(&with_number(START, "1", &one, 300, &[v4(1)])).await.assert_result(SUCCESS);
        let first = lookups.phone(&one.number()).await;
        first.assert_is(Status::ConnectedData, &[reachd::proto::v1::Connectivity::Data]);
        // The SIM is swapped, or the number given to somebody else, whose session is over by now.
        gateway.ask(&with_number(START, "2", &two, 200, &[v4(2)])).await.assert_result(SUCCESS);
        gateway.ask(&with_number(STOP, "2", &two, 100, &[])).await.assert_result(SUCCESS);
        // What comes late of the former SIM does not win the number back.
        gateway.ask(&with_number(INTERIM, "1", &one, 250, &[])).await.assert_result(SUCCESS);
        let check = async |lookups: &mut Lookups| {
            lookups.phone(&one.number()).await.assert_is(Status::NotConnected, &[]);
            // The former SIM's session stands; its address does not lead to the number's new holder.
            known(lookups, by_v4(1)).await.assert_is(Status::ConnectedData, &[reachd::proto::v1::Connectivity::Data]);
            assert_nobody(lookups.try_device(Some(by_v4(2))).await);
        };
        check(&mut lookups).await;
        daemon.stop().await;
        let daemon = home.start().await;
        check(&mut daemon.lookups()).await;
    }

    async fn an_address_follows_the_number_and_the_imsi_that_its_session_was_told_under(engine) {
        let mut home = Home::new(engine).await;
        let one = Subscriber::nth(1);
        with_peers(&mut home);
        let daemon = home.start().await;
        let (mut gateway, _) = connect(&daemon, GATEWAY).await;
        let mut lookups = daemon.lookups();
        // First known by its number alone.
        let by_number = told(START, "1", &one, 300, &[v4(1)])
            .without(SUBSCRIPTION_ID)
            .with(subscription_id(0, &one.digits));
        gateway.ask(&by_number).await.assert_result(SUCCESS);
        assert!(leads_to(&mut lookups, by_v4(1), &one).await);
        // Then to be an IMSI's, which loses nothing.
        daemon.import_rows(from_ref(&one)).await;
        assert!(leads_to(&mut lookups, by_v4(1), &one).await);
        lookups.phone(&one.number()).await.assert_is(Status::ConnectedData, &[reachd::proto::v1::Connectivity::Data]);
        daemon.stop().await;
        let daemon = home.start().await;
        assert!(leads_to(&mut daemon.lookups(), by_v4(1), &one).await);
        // Its end, told under the IMSI, is the end of that session.
        let (mut gateway, _) = connect(&daemon, GATEWAY).await;
        gateway.ask(&told(STOP, "1", &one, 100, &[])).await.assert_result(SUCCESS);
        assert_nobody(daemon.lookups().try_device(Some(by_v4(1))).await);
    }
}

const SUBSCRIPTION_ID: u32 = 443;

async fn seconds_ago_of(lookups: &mut Lookups, subscriber: &Subscriber) -> prost_types::Timestamp {
    lookups
        .phone(&subscriber.number())
        .await
        .last_status_time
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_device_behind_nat_the_public_address_tells_the_routing_domain() {
    let mut home = Home::new(crate::support::daemon::Engine::Sqlite).await;
    home.configure("\n[[lookup.routing_domains]]\nname = \"north\"\npublic = [\"192.0.2.0/25\"]\n");
    let one = Subscriber::nth(1);
    let (_daemon, mut gateway, mut lookups) = with_gateway(&mut home, from_ref(&one)).await;
    gateway
        .ask(&told(START, "1", &one, 300, &[v4(1)]))
        .await
        .assert_result(SUCCESS);
    let behind = |public: &str| Device {
        ipv4_address: Some(DeviceIpv4Address {
            public_address: public.into(),
            private_address: "100.64.0.1".into(),
            public_port: 0,
        }),
        ..Device::default()
    };
    // Accounting tells no domain, so the session is in the default one.
    assert!(leads_to(&mut lookups, behind("192.0.2.128"), &one).await);
    assert_nobody(lookups.try_device(Some(behind("192.0.2.127"))).await);
}
