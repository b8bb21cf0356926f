//! What comes back from an HSS.

use super::*;
use crate::diameter::apps::Answered;
use crate::diameter::apps::sh::data::{CsUserState, ShDataError, UserState};
use crate::diameter::apps::sh::{Refusal, Told, Untold};
use crate::diameter::codec::{ExperimentalResult, ResultCode};

fn told(write: impl FnOnce(&mut MessageBuilder<'_>)) -> Result<Told, Untold> {
    let mut out = BytesMut::new();
    let mut answer = MessageBuilder::request(&mut out, CommandFlags::PROXIABLE, 306, sh::APPLICATION, 1, 1);
    write(&mut answer);
    answer.finish();
    Told::read(&Message::decode(&out).unwrap())
}

#[test]
fn an_answer_may_bring_data_and_an_end_or_neither() {
    let told_all = told(|answer| {
        answer
            .avp_utf8(&tgpp::USER_DATA, &sh_data("<CSUserState>0</CSUserState>"))
            .avp_time(&tgpp::EXPIRY_TIME, 1_769_864_400);
    })
    .unwrap();
    assert_eq!(told_all.data.cs_state, Some(CsUserState::CamelBusy));
    assert_eq!(
        told_all.expires.map(Timestamp::as_micros),
        Some(1_769_864_400_000_000)
    );
    assert_eq!(told(|_| {}), Ok(Told::default()));
}

#[test]
fn an_answer_that_cannot_be_read_tells_nothing() {
    let broken = told(|answer| {
        answer.avp_utf8(&tgpp::USER_DATA, "<Sh-Data>");
    });
    assert_eq!(broken, Err(Untold::Data(ShDataError::Malformed)));
    let broken = told(|answer| {
        answer.avp_octets(&tgpp::EXPIRY_TIME, &[0; 3]);
    });
    assert!(matches!(broken, Err(Untold::Defect(_))));
}

#[test]
fn answers_of_one_query_add_up_and_the_first_to_tell_counts() {
    let of = |members: &str| {
        told(|answer| {
            answer.avp_utf8(&tgpp::USER_DATA, &sh_data(members));
        })
        .unwrap()
        .data
    };
    let both =
        of("<PSUserState>4</PSUserState>").or(of("<PSUserState>0</PSUserState><CSUserState>1</CSUserState>"));
    assert_eq!(both.ps_state, Some(UserState::ConnectedReachableForPaging));
    assert_eq!(both.cs_state, Some(CsUserState::NetworkDeterminedNotReachable));
}

#[test]
fn a_refusal_is_told_in_words_that_name_its_number() {
    let sh = |code| {
        Answered::Experimental(ExperimentalResult {
            vendor: tgpp::VENDOR_ID,
            code,
        })
    };
    let elsewhere = Answered::Experimental(ExperimentalResult {
        vendor: 13019,
        code: 5001,
    });
    for (answered, name, words) in [
        (sh(5001), "user_unknown", "the HSS does not know this user (5001)"),
        (sh(5002), "user_unknown", "the HSS does not know this user (5002)"),
        (
            sh(5101),
            "not_allowed",
            "the HSS does not allow this node to ask for that (5101)",
        ),
        (
            sh(5102),
            "not_allowed",
            "the HSS does not allow this node to ask for that (5102)",
        ),
        (
            sh(5104),
            "not_allowed",
            "the HSS does not allow this node to ask for that (5104)",
        ),
        (
            Answered::Base(ResultCode::AUTHORIZATION_REJECTED),
            "not_allowed",
            "the HSS does not allow this node to ask for that (5003)",
        ),
        (
            sh(5100),
            "not_supported",
            "the HSS does not have such data (5100)",
        ),
        (
            sh(5011),
            "not_supported",
            "the HSS does not have such data (5011)",
        ),
        (sh(4100), "not_now", "the HSS cannot tell it now (4100)"),
        (sh(5106), "not_now", "the HSS cannot tell it now (5106)"),
        // The same numbers elsewhere mean other things.
        (
            Answered::Base(ResultCode::AVP_UNSUPPORTED),
            "refused",
            "the request was refused: DIAMETER_AVP_UNSUPPORTED (5001)",
        ),
        (
            elsewhere,
            "refused",
            "the request was refused: experimental result 5001 of vendor 13019",
        ),
    ] {
        let refusal = Refusal::of(answered);
        assert_eq!((refusal.name(), refusal.to_string().as_str()), (name, words));
        assert_eq!(refusal.answered(), answered);
    }
}
