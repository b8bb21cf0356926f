//! Any octets, read in every way there is: framing, header, AVPs down to the last group, each as each type, the
//! grammar of each known command, admission, and what the applications make of it. Whatever is found wrong has to make a
//! sound answer.

use bytes::BytesMut;
use reachd::diameter::apps::s6t::cia;
use reachd::diameter::apps::{self, Apns, Asked, Monitored, NothingAsked, PendingAnswer, Terms};
use reachd::diameter::codec::avp::{MAX_AVPS, MAX_DEPTH};
use reachd::diameter::codec::{Avps, Defect, Message, ResultCode, answer_error};
use reachd::diameter::dict::check::check_answer;
use reachd::diameter::dict::{CommandDef, accounting, base, check_request, s6a as s6a_dict, s6c, s6t, t6a};
use reachd::diameter::peer::admission::{Addressing, admit};
use reachd::diameter::peer::capabilities::Local;
use reachd::diameter::peer::messages;
use reachd::domain::{Aspect, Imsi, SubscriberIdentifiers, Timestamp};

use super::frames::{assert_answers, each_message, identity};

/// Reads the octets.
pub fn run(octets: &[u8]) {
    each_message(octets, |message| {
        walk(message.avps(), 0);
        // For the log: must not panic, whatever is in there.
        let _ = format!("{message:?} {:?}", message.session_id().map(<[u8]>::len));
        for defect in message.defects() {
            answered(message, defect);
        }
        for command in commands() {
            if let Err(defect) = check_request(message, command) {
                answered(message, &defect);
            }
        }
        admission(message);
        base_messages(message);
        check_answer_whatever_it_is(message);
        for copies in [true, false] {
            application(message, &NothingAsked, copies);
            application(message, &EverythingAsked, copies);
        }
        configuration_answer(message);
    });
}

/// Every command whose grammar is known.
fn commands() -> impl Iterator<Item = &'static CommandDef> {
    let base = [
        &base::CAPABILITIES_EXCHANGE,
        &base::DEVICE_WATCHDOG,
        &base::DISCONNECT_PEER,
    ];
    base.into_iter()
        .chain((0..400).filter_map(s6a_dict::command_of))
        .chain((8_388_640..8_388_660).filter_map(s6c::command_of))
        .chain((0..400).filter_map(accounting::command_of))
        .chain([&s6t::REPORTING_INFORMATION, &t6a::REPORTING_INFORMATION])
}

/// Reads every AVP as every type, down to the last group.
fn walk(avps: Avps<'_>, depth: u8) {
    assert!(depth <= MAX_DEPTH, "levels are bounded");
    let mut count = 0;
    for avp in avps {
        count += 1;
        assert!(avp.bytes().len() >= 8 && avp.bytes().ends_with(avp.data));
        let defects = [
            avp.as_u32().err(),
            avp.as_i32().err(),
            avp.as_u64().err(),
            avp.as_time().err(),
            avp.as_utf8().err(),
            avp.as_identity().err(),
            avp.as_address().err(),
            avp.as_tbcd().err(),
        ];
        for defect in defects.into_iter().flatten() {
            assert_eq!(defect.avp(), Some((avp.code, avp.vendor)), "the AVP is blamed");
            assert!(defect.failed_avp.is_some_and(|failed| failed.len() <= 300));
        }
        if let Ok(digits) = avp.as_tbcd() {
            assert!(digits.as_str().bytes().all(|digit| digit.is_ascii_digit()));
            let _ = format!("{digits:?}");
        }
        match avp.grouped() {
            Ok(group) => walk(group.avps(), depth + 1),
            Err(defect) => {
                let expected = [ResultCode::INVALID_AVP_LENGTH, ResultCode::UNABLE_TO_COMPLY];
                assert!(expected.contains(&defect.result_code));
            }
        }
    }
    assert!(count <= MAX_AVPS, "AVPs are bounded");
}

/// The error answer to a request with this defect is sound.
fn answered(message: &Message<'_>, defect: &Defect) {
    let _ = format!("{defect} {defect:?}");
    if !message.header().flags.is_request() {
        return;
    }
    let mut out = BytesMut::new();
    answer_error(&mut out, message, &identity(), defect, None);
    assert_answers(&out, message);
    let answer = Message::decode(&out).expect("checked above");
    assert_eq!(
        answer.header().flags.is_error(),
        defect.result_code.is_protocol_error()
    );
    let result_code = answer.find(&base::RESULT_CODE).map(|avp| avp.as_u32());
    assert_eq!(result_code, Some(Ok(defect.result_code.0)));
}

fn local() -> Local {
    Local {
        identity: identity(),
        origin_state_id: 1,
        applications: [s6a_dict::APPLICATION].into(),
    }
}

fn admission(message: &Message<'_>) {
    for addressing in [Addressing::Checked, Addressing::Ignored] {
        let admitted = admit(message, &local(), &[s6a_dict::APPLICATION], addressing);
        if let Err(result_code) = admitted {
            answered(message, &Defect::new(result_code));
        }
    }
}

fn base_messages(message: &Message<'_>) {
    let verdicts = [
        messages::check_dwr(message, "mme.example"),
        messages::check_dpr(message, "mme.example").map(|_| ()),
    ];
    if message.header().flags.is_request() {
        for verdict in verdicts {
            let mut out = BytesMut::new();
            let verdict = verdict.as_ref().copied();
            messages::write_answer(&mut out, &local(), message.header(), verdict);
            assert_answers(&out, message);
        }
    }
}

fn check_answer_whatever_it_is(message: &Message<'_>) {
    if let Err(defect) = check_answer(message) {
        let _ = format!("{defect} {defect:?}");
    }
}

/// Every way to be asked: what a report is about depends on its reference.
struct EverythingAsked;

impl Asked for EverythingAsked {
    fn monitored(&self, reference: u64) -> Monitored {
        match reference % 5 {
            0 if reference % 2 == 1 => Monitored::Once(somebody(), aspect(reference)),
            0 => Monitored::Subscriber(somebody(), aspect(reference)),
            1 => Monitored::Group(aspect(reference)),
            2 => Monitored::Ended,
            3 => Monitored::Unknown,
            _ => Monitored::Unavailable,
        }
    }

    fn subscribed(&self, _: &SubscriberIdentifiers) -> Option<bool> {
        Some(true)
    }
}

fn aspect(reference: u64) -> Aspect {
    Aspect::ALL[(reference / 5 % 3) as usize]
}

fn somebody() -> SubscriberIdentifiers {
    Imsi::parse("001010000000001").expect("an IMSI").into()
}

/// A CIA that may have come to anything that was asked.
fn configuration_answer(message: &Message<'_>) {
    let now = Timestamp::from_micros(1).expect("a time");
    let _ = cia::Answer::read(message, now, now, &EverythingAsked);
}

fn application(message: &Message<'_>, asked: &dyn Asked, copies: bool) {
    let now = Timestamp::from_micros(1).expect("a time");
    let terms = Terms {
        copies,
        apns: Apns::ALL,
    };
    match apps::decode(message, now, asked, &terms) {
        Ok(decoded) if message.header().flags.is_request() => {
            let answer = PendingAnswer::new(message, decoded.reply);
            let _ = format!("{answer:?}");
            let mut out = BytesMut::new();
            answer.write(&mut out, answer.verdict(None), &identity());
            assert_answers(&out, message);
            out.clear();
            answer.write(&mut out, answer.refusal(ResultCode::TOO_BUSY), &identity());
            assert_answers(&out, message);
        }
        Ok(_) => {}
        Err(defect) => answered(message, &defect),
    }
}
