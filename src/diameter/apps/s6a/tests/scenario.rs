//! Requests in the order they come, and what is known of the subscriber after them: what is no race.

use super::watch::Watch;
use super::*;
use crate::domain::{Outcome, Status};

const LTE: u32 = 1 << 1 | 1 << 8;

/// "same node as stored | refresh (after HSS reset, SMS registration change, profile refresh). No CLR follows"
#[test]
fn the_same_node_once_more_is_a_refresh() {
    let mut watch = Watch::new();
    watch.attach(MME, LTE);
    let before = watch.known().last_status_time;
    let refresh = watch.take(MME, &s6a::UPDATE_LOCATION, ulr(LTE));
    assert_eq!(refresh, Some(Outcome::Applied));
    assert_eq!(watch.status(), Status::ConnectedData);
    assert!(watch.known().last_status_time > before);
}

/// "ULA success | … earlier "purged" or "unreachable" of that slot cleared"; "Keep the node identity with a purged mark …
/// and only a new ULR clears it"
#[test]
fn an_attach_clears_an_earlier_purge_and_an_earlier_loss() {
    let mut watch = Watch::new();
    watch.attach(MME, LTE);
    watch.purge(MME, None);
    watch.notify(MME, 1 << 3);
    assert_eq!(
        watch.status(),
        Status::NotConnected,
        "a report does not undo a purge"
    );
    watch.attach(MME, LTE);
    assert_eq!(watch.status(), Status::ConnectedData);
    watch.cancel(MME, 4, Some(1));
    assert_eq!(watch.status(), Status::NotConnected);
    watch.attach(MME, LTE);
    assert_eq!(watch.status(), Status::ConnectedData);
}

/// "2 SUBSCRIPTION_WITHDRAWAL … With CLR-Flags bit 1 (reattach) a new ULR should follow"
#[test]
fn a_withdrawal_lasts_until_the_device_attaches_again() {
    let mut watch = Watch::new();
    watch.attach(MME, LTE);
    watch.notify(MME, 1 << 6);
    watch.cancel(MME, 2, Some(2));
    assert_eq!((watch.known().data, watch.known().sms), (false, false));
    watch.attach(MME, LTE);
    assert_eq!(watch.status(), Status::ConnectedData);
}

/// "ULA-Flags bit 1 clear | … a previous MME SMS registration of another node is gone with the move"
#[test]
fn sms_at_the_old_mme_is_gone_with_the_move() {
    let mut watch = Watch::new();
    watch.attach(MME, LTE);
    watch.notify(MME, 1 << 6);
    assert!(watch.is_up(Slot::MmeSms));
    watch.attach("mme-b.epc.example", LTE);
    assert!(!watch.is_up(Slot::MmeSms));
}
