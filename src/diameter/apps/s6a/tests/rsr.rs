//! Reset-Request (TS 29.272 §5.2.4.1): "no reachability change. Affected set = subscribers whose HSS is Origin-Host, narrowed
//! by User-Id prefixes and Reset-IDs."

use super::*;
use crate::diameter::apps::{Doubt, ImsiPrefix};

fn doubt(write: impl FnOnce(&mut MessageBuilder<'_>)) -> Doubt {
    let decoded = read(&request(&s6a::RESET, write)).unwrap();
    assert!(decoded.events.is_empty());
    *decoded.doubt.unwrap()
}

#[test]
fn a_reset_is_of_everything_that_the_hss_knows_unless_it_says_less() {
    let all = Doubt {
        server: Node::parse(HSS).unwrap(),
        imsi_prefixes: Vec::new(),
        reset_ids: Vec::new(),
    };
    assert_eq!(doubt(|_| {}), all);
    let some = doubt(|request| {
        request
            .avp_utf8(&tgpp::USER_ID, "00101")
            .avp_octets(&tgpp::RESET_ID, &[0, 1])
            .avp_utf8(&tgpp::USER_ID, IMSI)
            .avp_octets(&tgpp::RESET_ID, b"pool-7");
    });
    let prefix = |digits| ImsiPrefix::parse(digits).unwrap();
    assert_eq!(
        some,
        Doubt {
            imsi_prefixes: vec![prefix("00101"), prefix(IMSI)],
            reset_ids: vec![[0, 1].into(), (*b"pool-7").into()],
            ..all
        }
    );
    assert!(!format!("{some:?}").contains(IMSI));
}

#[test]
fn what_is_no_beginning_of_an_imsi_is_an_invalid_value() {
    for wrong in ["", "00101x", "0010100000000011", "\u{661}"] {
        let octets = request(&s6a::RESET, |request| {
            request.avp_utf8(&tgpp::USER_ID, wrong);
        });
        let defect = read(&octets).unwrap_err();
        assert_eq!(
            (defect.result_code.0, defect.avp()),
            (5004, Some((1444, 10415))),
            "{wrong:?}"
        );
    }
    let octets = request(&s6a::RESET, |request| {
        request.avp_octets(&tgpp::RESET_ID, &[]);
    });
    assert_eq!(read(&octets).unwrap_err().avp(), Some((1670, 10415)));
}

#[test]
fn only_a_reset_casts_doubt() {
    for command in [&s6a::PURGE_UE, &s6a::NOTIFY] {
        assert_eq!(read(&request(command, |_| {})).unwrap().doubt, None);
    }
}
