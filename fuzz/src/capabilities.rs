//! Any octets as CER and as CEA. What is accepted has to be what the connection may rely on; what is refused has to
//! make a sound CEA.

use std::net::{IpAddr, Ipv4Addr};

use bytes::BytesMut;
use reachd::diameter::codec::Message;
use reachd::diameter::dict::{base, s6a};
use reachd::diameter::peer::capabilities::{
    CeaError, Local, Remote, origin_host, read_cea, read_cer, write_cea,
};

use super::frames::{assert_answers, each_message, identity};

/// What a peer may have in common with us: nothing, one application, several.
const OURS: [&[u32]; 3] = [&[], &[s6a::APPLICATION], &[s6a::APPLICATION, 3, 16_777_217]];

/// Reads the octets.
pub fn run(octets: &[u8]) {
    each_message(octets, |message| {
        for ours in OURS {
            let cer = read_cer(message, ours);
            if let Ok(remote) = &cer {
                sound(remote, message, ours);
            }
            if message.header().flags.is_request() {
                cea(message, cer.as_ref().map(|_| ()).err());
            }
            match read_cea(message, ours) {
                Ok(remote) => sound(&remote, message, ours),
                Err(CeaError::Refused(code)) => assert!(!code.is_success()),
                Err(error @ CeaError::Unusable(_)) => {
                    let _ = format!("{error} {error:?}");
                }
            }
        }
    });
}

fn sound(remote: &Remote, message: &Message<'_>, ours: &[u32]) {
    let Remote {
        origin_host: host,
        origin_realm: realm,
        origin_state_id: _,
        applications,
        relay: _,
    } = remote;
    for name in [host, realm] {
        assert!((1..=255).contains(&name.len()));
        assert!(
            name.bytes()
                .all(|octet| octet.is_ascii_graphic() && !octet.is_ascii_uppercase()),
            "a name is in lower case: {name:?}"
        );
    }
    assert_eq!(
        origin_host(message).map(str::to_ascii_lowercase).as_deref(),
        Some(&**host)
    );
    assert!(!applications.is_empty());
    assert!(applications.iter().all(|application| ours.contains(application)));
    // Order and number are ours, however often the peer named them.
    assert!(applications.len() <= ours.len());
}

fn cea(cer: &Message<'_>, defect: Option<&reachd::diameter::codec::Defect>) {
    let local = Local {
        identity: identity(),
        origin_state_id: 1,
        applications: [s6a::APPLICATION].into(),
    };
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut out = BytesMut::new();
    write_cea(
        &mut out,
        &local,
        &[address],
        cer.header(),
        defect.map_or(Ok(()), Err),
    );
    assert_answers(&out, cer);
    let answer = Message::decode(&out).expect("checked above");
    let expected = defect.map_or(2001, |defect| defect.result_code.0);
    let result_code = answer.find(&base::RESULT_CODE).map(|avp| avp.as_u32());
    assert_eq!(result_code, Some(Ok(expected)));
}
