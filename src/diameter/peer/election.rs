//! Who keeps its connection when two peers have connected to each other at the same time (RFC 6733 §5.6.4).

/// Whether this node wins the election that it holds as responder: its own identity comes after the peer's.
///
/// Identities are compared octet by octet, letters without case; a shorter one counts as padded with zero octets. The
/// winner closes the connection that it initiated itself and answers on the one it accepted. Both sides compute the
/// same outcome, since exactly one of two different identities comes later.
#[must_use]
pub fn wins(local: &str, peer: &str) -> bool {
    let fold = |identity: &str| {
        identity
            .bytes()
            .map(|octet| octet.to_ascii_lowercase())
            .collect::<Vec<_>>()
    };
    fold(local) > fold(peer)
}

#[cfg(test)]
mod tests {
    use super::wins;

    #[test]
    fn the_identity_that_comes_later_wins() {
        assert!(wins("b.example", "a.example"));
        assert!(!wins("a.example", "b.example"));
    }

    #[test]
    fn letters_compare_without_case() {
        assert!(wins("B.example", "a.example"));
        assert!(wins("b.example", "A.EXAMPLE"));
        assert!(!wins("A.example", "a.example"));
    }

    #[test]
    fn a_longer_identity_wins_over_its_own_beginning() {
        assert!(wins("hss1.example", "hss1"));
        assert!(!wins("hss1", "hss1.example"));
    }

    #[test]
    fn exactly_one_of_two_different_identities_wins() {
        for (one, other) in [
            ("a", "b"),
            ("x-1.r", "x1.r"),
            ("dra.mnc001.mcc001.example", "dra.MNC002.mcc001.example"),
        ] {
            assert_ne!(wins(one, other), wins(other, one), "{one} against {other}");
        }
    }
}
