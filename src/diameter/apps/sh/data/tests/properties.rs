//! Whatever comes, it ends, and soon.

use proptest::prelude::*;

use super::*;

/// Pieces of which documents are made, sound ones and others.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "<Sh-Data>",
            "</Sh-Data>",
            "<Sh-Data/>",
            "<Extension>",
            "</Extension>",
            "<Sh-IMS-Data>",
            "</Sh-IMS-Data>",
            "<EPSUserState>",
            "</EPSUserState>",
            "<UEReachabilityForIP>",
            "</UEReachabilityForIP>",
            "<UEIPReachabilityMME>",
            "</UEIPReachabilityMME>",
            "0",
            "4",
            "<!--",
            "-->",
            "<![CDATA[",
            "]]>",
            "<?xml version=\"1.0\"?>",
            "<?",
            "?>",
            "<!DOCTYPE x [",
            "]>",
            "&lt;",
            "&x;",
            "&#",
            ";",
            "<a b='",
            "'>",
            "</a>",
            "<",
            ">",
            "&",
            " ",
            "\u{feff}",
            "\0",
        ])
        .prop_map(str::to_owned),
        ".{0,8}",
    ]
}

proptest! {
    #[test]
    fn no_octets_are_more_than_an_error(document in prop::collection::vec(any::<u8>(), 0..2000)) {
        let _ = ShData::parse(&document);
    }

    #[test]
    fn no_pieces_of_documents_are_more_than_an_error(pieces in prop::collection::vec(piece(), 0..60)) {
        let _ = parse(&pieces.concat());
        let _ = read(&pieces.concat());
    }

    #[test]
    fn what_is_told_is_read_however_deep_and_among_whatever_else(
        eps in 0..=6u8, cs in 0..=3u8, depths in (0..20usize, 0..20usize), noise in "[a-z]{1,8}",
        filler in "[ -%'-;=?-~]{0,40}",
    ) {
        prop_assume!(noise != "extension");
        let eps_element = extended(&format!("<EPSUserState>{eps}</EPSUserState>"), depths.0);
        let cs_element = extended(&format!("<{noise}>{filler}</{noise}><CSUserState>{cs}</CSUserState>"), depths.1);
        let expected = ShData {
            eps_state: UserState::read(&eps.to_string()),
            cs_state: CsUserState::read(&cs.to_string()),
            ..ShData::default()
        };
        prop_assert_eq!(read(&format!("{eps_element}{cs_element}")), Ok(expected));
    }
}
