//! A laboratory for the API: one subscriber in each state, and a daemon that knows them.

use std::net::SocketAddr;

use reachd::proto::v1::{RegistrationChange as Change, Slot};
use reachd::rest::Contract::{self, V1, V06};
use serde_json::Value;

use super::client::{Ask, Reply};
use super::tokens::Issuer;
use crate::support::daemon::{Daemon, Engine, Home};
use crate::support::publisher::{Publisher, event_with_number};
use crate::support::{Subscriber, ago};

/// CAMARA's versions.
pub(super) const BOTH: [Contract; 2] = [V06, V1];

/// What the subscribers of a laboratory are in, by their places.
pub(super) const DATA: usize = 1;
pub(super) const SMS: usize = 2;
pub(super) const DATA_AND_SMS: usize = 3;
pub(super) const NOT_CONNECTED: usize = 4;
pub(super) const NEVER_SEEN: usize = 5;
pub(super) const STALE: usize = 6;
pub(super) const NOBODY: usize = 999;

pub(super) fn number(place: usize) -> String {
    Subscriber::nth(place).number()
}

/// Has one subscriber in each state, through the daemon's front door.
pub(super) async fn populate(daemon: &Daemon) {
    let everyone: Vec<_> = (DATA..=STALE).map(Subscriber::nth).collect();
    daemon.import_rows(&everyone).await;
    let mut publisher = Publisher::open(daemon).await;
    let day = 24 * 3600;
    for (place, slot, change, seconds) in [
        (DATA, Slot::Mme, Change::Registered, 60),
        (SMS, Slot::Msc, Change::Registered, 50),
        (DATA_AND_SMS, Slot::Amf3gpp, Change::Registered, 40),
        (DATA_AND_SMS, Slot::Smsf3gpp, Change::Registered, 39),
        (NOT_CONNECTED, Slot::Mme, Change::Registered, 30),
        (NOT_CONNECTED, Slot::Mme, Change::Deregistered, 20),
        (STALE, Slot::Mme, Change::Registered, 2 * day),
    ] {
        let subscriber = Subscriber::nth(place);
        publisher
            .publish(event_with_number(
                &subscriber,
                slot,
                "node1.home.example",
                change,
                ago(seconds),
            ))
            .await;
    }
}

/// A daemon that trusts an issuer and serves phone numbers of its own subscribers.
pub(super) struct Lab {
    pub(super) home: Home,
    pub(super) daemon: Daemon,
    pub(super) issuer: Issuer,
}

impl Lab {
    pub(super) async fn open() -> Self {
        Self::supporting(&["phoneNumber"]).await
    }

    /// One for identifiers of these kinds.
    pub(super) async fn supporting(kinds: &[&str]) -> Self {
        let mut home = Home::new(Engine::Sqlite).await;
        home.configure(&format!(
            "\n[rest]\nlisten = \"127.0.0.1:0\"\nidentifiers = {kinds:?}\nserved_numbers = [\"+99900\"]\n"
        ));
        let issuer = Issuer::new();
        issuer.trusted_by(&mut home, "clients = [\"gateway\"]");
        let daemon = home.start().await;
        populate(&daemon).await;
        Self { home, daemon, issuer }
    }

    pub(super) fn at(&self) -> SocketAddr {
        self.daemon.rest()
    }

    /// With a two-legged token.
    pub(super) fn ask(&self, contract: Contract, body: &Value) -> Ask {
        Ask::about(contract, body).token(&self.issuer.of_client("gateway"))
    }

    pub(super) async fn send(&self, contract: Contract, body: &Value) -> Reply {
        self.ask(contract, body).send(self.at()).await
    }

    /// With a three-legged token about a device.
    pub(super) async fn send_about(&self, contract: Contract, number: &str, body: &Value) -> Reply {
        Ask::about(contract, body)
            .token(&self.issuer.about(number))
            .send(self.at())
            .await
    }
}
