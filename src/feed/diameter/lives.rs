//! The lives of gateways that tell of sessions by accounting: a gateway that restarted has lost them ([`GatewayLife`]).

use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;

use crate::domain::session::gateway_of;
use crate::domain::{Change, Event, Gateway, GatewayLife, GatewayRestarted, LifeTold, Node, Slot, Timestamp};

/// More gateways than any network has that charge here. Of one beyond that nothing is inferred.
const MOST: usize = 4096;

/// What every connection knows of them together: records of a gateway may come on several.
#[derive(Debug, Default)]
pub(super) struct Lives(Mutex<HashMap<Gateway, GatewayLife>>);

/// What a gateway told of its life. To be noted once what follows from it was accepted: else it has to be told again.
#[derive(Debug)]
pub(super) struct Sign {
    gateway: Gateway,
    id: u32,
    /// The time of the record that told it, if one did.
    at: Option<Timestamp>,
    /// What was told up to then is lost.
    lost_up_to: Option<Timestamp>,
}

impl Sign {
    /// What follows from it for the sessions that were told before.
    pub(super) fn restart(&self, received_at: Timestamp) -> Option<GatewayRestarted> {
        let lost_up_to = self.lost_up_to?;
        Some(GatewayRestarted::new(
            self.gateway.clone(),
            lost_up_to,
            received_at,
        ))
    }
}

impl Lives {
    /// What a record with that Origin-State-Id tells of the gateway of its session. A session that stood in an earlier
    /// life is over: that is added to the event.
    pub(super) fn of_record(&self, id: u32, event: &mut Event) -> Option<Sign> {
        let (session, stands) = event.changes.iter().find_map(session)?;
        let gateway = Gateway::parse(gateway_of(session)?).ok()?;
        let lost = stands.then(|| session.clone());
        let at = Some(event.event_time);
        let told = self.judge(&gateway, id, at);
        if told == LifeTold::Earlier {
            let slot = Slot::Session;
            event
                .changes
                .extend(lost.map(|node| Change::Deregistered { slot, node }));
        }
        Some(Sign::new(gateway, id, at, told))
    }

    /// What a gateway tells by its own Origin-State-Id, if it is one that has told of sessions.
    pub(super) fn of_peer(&self, peer: &str, id: u32) -> Option<Sign> {
        let gateway = Gateway::parse(peer).ok()?;
        self.lives().get(&gateway)?;
        let told = self.judge(&gateway, id, None);
        Some(Sign::new(gateway, id, None, told))
    }

    fn judge(&self, gateway: &Gateway, id: u32, at: Option<Timestamp>) -> LifeTold {
        let lives = self.lives();
        let known = lives.get(gateway);
        known.map_or(LifeTold::Nothing, |life| life.judge(id, at))
    }

    /// Takes note of a sign.
    pub(super) fn note(&self, sign: Sign) {
        let Sign { gateway, id, at, .. } = sign;
        let mut lives = self.lives();
        if let Some(life) = lives.get_mut(&gateway) {
            life.note(id, at);
        } else if id > 0 && lives.len() < MOST {
            lives.insert(gateway, GatewayLife::first(id, at));
        }
    }

    fn lives(&self) -> MutexGuard<'_, HashMap<Gateway, GatewayLife>> {
        // Whoever panicked noted a whole life or none.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sign {
    fn new(gateway: Gateway, id: u32, at: Option<Timestamp>, told: LifeTold) -> Self {
        let lost_up_to = match told {
            LifeTold::New { lost_up_to } => lost_up_to,
            LifeTold::Nothing | LifeTold::Earlier => None,
        };
        Self {
            gateway,
            id,
            at,
            lost_up_to,
        }
    }
}

/// The session that a change is about, and whether it stands.
fn session(change: &Change) -> Option<(&Node, bool)> {
    match change {
        Change::Registered { slot, node, .. } if *slot == Slot::Session => Some((node, true)),
        Change::Deregistered { slot, node } if *slot == Slot::Session => Some((node, false)),
        _ => None,
    }
}
