//! Cancel-Location-Request (TS 29.272 §5.2.1.2). The node is the Destination-Host.

use super::*;

fn cancel(cause: i32, flags: Option<u32>) -> Vec<Change> {
    changes(&s6a::CANCEL_LOCATION, |request| {
        request.avp_i32(&tgpp::CANCELLATION_TYPE, cause);
        if let Some(flags) = flags {
            request.avp_u32(&tgpp::CLR_FLAGS, flags);
        }
    })
}

/// "0 MME_UPDATE", "1 SGSN_UPDATE", "3 UPDATE_PROCEDURE_IWF": "for types 0, 1, 3 the UE has moved; do not emit
/// unreachable".
#[test]
fn a_move_changes_nothing_until_the_new_node_registers() {
    for cause in [0, 1, 3] {
        for flags in [None, Some(0), Some(1), Some(3)] {
            assert_eq!(cancel(cause, flags), [], "{cause} {flags:?}");
        }
    }
}

/// "2 SUBSCRIPTION_WITHDRAWAL: both halves of a combined node: deregistered, data and SMS". SMS hangs on its carrier.
#[test]
fn a_withdrawn_subscription_is_deregistered_at_the_node() {
    let both = [deregistered(Slot::Mme), deregistered(Slot::Sgsn)];
    assert_eq!(cancel(2, None), both);
    // "With CLR-Flags bit 1 (reattach) a new ULR should follow": until then it is gone.
    assert_eq!(cancel(2, Some(2)), both);
}

/// "4 INITIAL_ATTACH: CLR-Flags bit 0 set = MME half, clear = SGSN half; without the AVP the slot in which
/// Destination-Host is stored: unreachable there; an MME also stops being registered for SMS".
#[test]
fn an_initial_attach_elsewhere_makes_the_half_unreachable() {
    let mme = [unreachable(Slot::Mme), deregistered(Slot::MmeSms)];
    let sgsn = [unreachable(Slot::Sgsn)];
    assert_eq!(cancel(4, Some(1)), mme);
    assert_eq!(cancel(4, Some(0)), sgsn);
    assert_eq!(cancel(4, Some(2)), sgsn);
    assert_eq!(cancel(4, None), [&mme[..], &sgsn].concat());
}

/// "The node being cancelled is Destination-Host, not Origin-Host (that is the HSS)", "(case-insensitive)"
#[test]
fn the_node_is_the_one_that_the_hss_addressed() {
    let octets = request(&s6a::CANCEL_LOCATION, |request| {
        request.avp_i32(&tgpp::CANCELLATION_TYPE, 2);
    });
    let mut shouting = octets.clone();
    let at = shouting
        .windows(MME.len())
        .position(|part| part == MME.as_bytes())
        .unwrap();
    shouting[at..at + 3].copy_from_slice(b"MME");
    for octets in [octets, shouting] {
        let event = read(&octets).unwrap().events.pop().unwrap();
        assert_eq!(
            event.changes.into_vec(),
            [deregistered(Slot::Mme), deregistered(Slot::Sgsn)]
        );
    }
}

#[test]
fn a_cause_that_is_none_is_an_invalid_value() {
    for cause in [-1, 5] {
        let octets = request(&s6a::CANCEL_LOCATION, |request| {
            request.avp_i32(&tgpp::CANCELLATION_TYPE, cause);
        });
        let defect = read(&octets).unwrap_err();
        assert_eq!((defect.result_code.0, defect.avp()), (5004, Some((1420, 10415))));
    }
}
