//! What documents say, and what is refused.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod hostile;
mod properties;

use super::*;

/// A document with these members of Sh-Data.
pub(in crate::diameter::apps::sh) fn sh_data(members: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Sh-Data>{members}</Sh-Data>")
}

/// The same members as `release` releases of the standard later would nest them.
pub(in crate::diameter::apps::sh) fn extended(members: &str, release: usize) -> String {
    let mut nested = members.to_owned();
    for _ in 0..release {
        nested = format!("<Extension>{nested}</Extension>");
    }
    nested
}

/// Everything that is read, nested as the standard nests it.
const COMPLETE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Sh-Data xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="ShData.xsd">
  <PublicIdentifiers><IMSPublicIdentity>sip:+99900000001@ims.example;user=phone</IMSPublicIdentity></PublicIdentifiers>
  <Sh-IMS-Data>
    <SCSCFName>sip:scscf.ims.example</SCSCFName>
    <IMSUserState>1</IMSUserState>
    <Extension><PSIActivation>1</PSIActivation><Extension><Extension>
      <ServicePriorityLevel>0</ServicePriorityLevel>
      <UEReachabilityForIP>
        <UEIPReachabilityMME>0</UEIPReachabilityMME>
        <Extension>
          <UEIPReachabilitySGSN>0</UEIPReachabilitySGSN>
          <Extension>
            <UEIPReachabilityAMF3GPP>0</UEIPReachabilityAMF3GPP>
            <UEIPReachabilityAMFnon3GPP>0</UEIPReachabilityAMFnon3GPP>
          </Extension>
        </Extension>
      </UEReachabilityForIP>
      <SMSRegistrationInfo>
        <IP-SM-GW-Number>99970001</IP-SM-GW-Number>
        <Extension><SCAddress>99970002</SCAddress></Extension>
      </SMSRegistrationInfo>
    </Extension></Extension></Extension>
  </Sh-IMS-Data>
  <CSLocationInformation>
    <MSCNumber>99980001</MSCNumber>
    <VLRNumber>99980002</VLRNumber>
    <CurrentLocationRetrieved>true</CurrentLocationRetrieved>
    <AgeOfLocationInformation>0</AgeOfLocationInformation>
  </CSLocationInformation>
  <PSLocationInformation>
    <RoutingAreaId>AAEC</RoutingAreaId>
    <SGSNNumber>99980003</SGSNNumber>
    <AgeOfLocationInformation>32767</AgeOfLocationInformation>
  </PSLocationInformation>
  <CSUserState>2</CSUserState>
  <PSUserState>0</PSUserState>
  <Extension><RegisteredIdentities/><Extension><Extension><Extension>
    <EPSUserState>4</EPSUserState>
    <EPSLocationInformation>
      <E-UTRANCellGlobalId>AAEC</E-UTRANCellGlobalId>
      <MMEName>MME-A.epc.example</MMEName>
      <CurrentLocationRetrieved>0</CurrentLocationRetrieved>
    </EPSLocationInformation>
    <Extension><Extension><Extension>
      <Sh-5GSUserState>6</Sh-5GSUserState>
    </Extension></Extension></Extension>
  </Extension></Extension></Extension></Extension>
</Sh-Data>
"#;

fn node(name: &str) -> Option<Node> {
    Some(Node::parse(name).unwrap())
}

/// What [`COMPLETE`] says.
fn complete() -> ShData {
    ShData {
        eps_state: Some(UserState::ConnectedReachableForPaging),
        ps_state: Some(UserState::Detached),
        five_gs_state: Some(UserState::NetworkDeterminedNotReachable),
        cs_state: Some(CsUserState::AssumedIdle),
        ims_state: Some(ImsUserState::Registered),
        reachable: Reachable {
            mme: true,
            sgsn: true,
            amf_3gpp: true,
            amf_non_3gpp: true,
        },
        ip_sm_gw: node("99970001"),
        eps_location: Location {
            node: node("mme-a.epc.example"),
            age_minutes: None,
            current: Some(false),
        },
        ps_location: Location {
            node: node("99980003"),
            age_minutes: Some(32_767),
            current: None,
        },
        cs_location: Location {
            node: node("99980001"),
            age_minutes: Some(0),
            current: Some(true),
        },
    }
}

fn parse(document: &str) -> Result<ShData, ShDataError> {
    ShData::parse(document.as_bytes())
}

/// What a document with these members says.
fn read(members: &str) -> Result<ShData, ShDataError> {
    parse(&sh_data(members))
}

#[test]
fn everything_that_matters_is_found_where_the_releases_of_the_standard_put_it() {
    assert_eq!(parse(COMPLETE), Ok(complete()));
}

#[test]
fn an_element_is_found_in_any_extension_of_its_group() {
    for release in 0..20 {
        let members = extended("<EPSUserState>3</EPSUserState>", release);
        let read = read(&members).unwrap();
        assert_eq!(read.eps_state, Some(UserState::ConnectedNotReachableForPaging));
    }
}

#[test]
fn a_namespace_of_whatever_prefix_changes_no_name() {
    let document = "<sh:Sh-Data xmlns:sh='urn:example:sh'><sh:Extension><sh:EPSUserState>4</sh:EPSUserState>\
                    </sh:Extension></sh:Sh-Data>";
    assert_eq!(
        parse(document).unwrap().eps_state,
        Some(UserState::ConnectedReachableForPaging)
    );
    let document = "<Sh-Data xmlns='urn:example:sh'><CSUserState>1</CSUserState></Sh-Data>";
    assert_eq!(
        parse(document).unwrap().cs_state,
        Some(CsUserState::NetworkDeterminedNotReachable)
    );
}

#[test]
fn what_is_unknown_is_stepped_over_with_all_that_it_contains() {
    for members in [
        "<RepositoryData><ServiceData><EPSUserState>0</EPSUserState></ServiceData></RepositoryData>",
        "<Future><Extension><EPSUserState>0</EPSUserState></Extension></Future>",
        "<Sh-IMS-Data><EPSUserState>0</EPSUserState></Sh-IMS-Data>",
        "<IMSUserState>0</IMSUserState>",
        "<Sh-IMS-Data><UEReachabilityForIP><UEIPReachabilityHAL>0</UEIPReachabilityHAL></UEReachabilityForIP></Sh-IMS-Data>",
        "<Sh-IMS-Data><UEIPReachabilityMME>0</UEIPReachabilityMME></Sh-IMS-Data>",
        "<epsuserstate>0</epsuserstate>",
        "",
    ] {
        assert_eq!(read(members), Ok(ShData::default()), "{members}");
    }
}

#[test]
fn members_of_reachability_are_known_by_how_they_begin() {
    for name in ["UEIPReachabilityAMF3GPP", "UEIPReachabilityAmf3Gpp"] {
        let member = format!("<{name}>0</{name}>");
        let read = read(&format!(
            "<Sh-IMS-Data><UEReachabilityForIP>{member}</UEReachabilityForIP></Sh-IMS-Data>"
        ));
        assert!(read.unwrap().reachable.amf_3gpp, "{name}");
    }
}

#[test]
fn every_value_of_an_enumeration_is_read_and_no_other() {
    for element in ["EPSUserState", "PSUserState", "Sh-5GSUserState", "CSUserState"] {
        let most = if element == "CSUserState" { 3 } else { 6 };
        for value in 0..=most {
            read(&format!("<{element}>{value}</{element}>")).unwrap();
        }
        for value in [
            (most + 1).to_string().as_str(),
            "",
            " ",
            "-1",
            "+0",
            "00",
            "0x0",
            "0 1",
            "zero",
            "٠",
        ] {
            let read = read(&format!("<{element}>{value}</{element}>"));
            assert_eq!(read, Err(ShDataError::Value(element)), "{value:?}");
        }
    }
    for (value, sound) in [("0", true), ("3", true), ("4", false)] {
        let members = format!("<Sh-IMS-Data><IMSUserState>{value}</IMSUserState></Sh-IMS-Data>");
        assert_eq!(read(&members).is_ok(), sound, "{value}");
    }
}

#[test]
fn reachable_is_the_one_value_of_reachability() {
    for value in ["1", "", "true"] {
        let members = format!(
            "<Sh-IMS-Data><UEReachabilityForIP><UEIPReachabilityMME>{value}</UEIPReachabilityMME>\
             </UEReachabilityForIP></Sh-IMS-Data>"
        );
        assert_eq!(
            read(&members),
            Err(ShDataError::Value("UEReachabilityForIP")),
            "{value:?}"
        );
    }
}

#[test]
fn a_registration_for_sms_without_a_gateway_is_none() {
    for info in [
        "<SMSRegistrationInfo/>",
        "<SMSRegistrationInfo></SMSRegistrationInfo>",
        "<SMSRegistrationInfo><IP-SM-GW-Number/></SMSRegistrationInfo>",
    ] {
        let read = read(&format!("<Sh-IMS-Data>{info}</Sh-IMS-Data>")).unwrap();
        assert_eq!(read.ip_sm_gw, None, "{info}");
    }
    let plus = "<Sh-IMS-Data><SMSRegistrationInfo><IP-SM-GW-Number>+99970001</IP-SM-GW-Number></SMSRegistrationInfo></Sh-IMS-Data>";
    assert_eq!(read(plus).unwrap().ip_sm_gw, node("99970001"));
}

#[test]
fn a_visitor_register_stands_in_for_an_msc_that_is_not_told() {
    let read = read("<CSLocationInformation><VLRNumber>99980002</VLRNumber></CSLocationInformation>");
    assert_eq!(read.unwrap().cs_location.node, node("99980002"));
}

#[test]
fn nodes_and_ages_are_checked() {
    for (group, element, value) in [
        ("EPSLocationInformation", "MMEName", ""),
        ("EPSLocationInformation", "MMEName", "two words"),
        ("PSLocationInformation", "SGSNNumber", "9998000300000000"),
        ("CSLocationInformation", "MSCNumber", "msc1"),
        ("CSLocationInformation", "VLRNumber", "++9998"),
        ("CSLocationInformation", "AgeOfLocationInformation", "32768"),
        ("PSLocationInformation", "AgeOfLocationInformation", "-1"),
        ("EPSLocationInformation", "CurrentLocationRetrieved", "yes"),
    ] {
        let read = read(&format!("<{group}><{element}>{value}</{element}></{group}>"));
        assert_eq!(read, Err(ShDataError::Value(element)), "{value:?}");
    }
}

#[test]
fn what_can_be_told_once_is_not_told_twice() {
    let twice = "<EPSUserState>4</EPSUserState><Extension><EPSUserState>4</EPSUserState></Extension>";
    assert_eq!(read(twice), Err(ShDataError::Repeated("EPSUserState")));
    let twice = "<EPSLocationInformation><MMEName>a</MMEName></EPSLocationInformation>".repeat(2);
    assert_eq!(read(&twice), Err(ShDataError::Repeated("MMEName")));
}

#[test]
fn a_value_may_be_written_in_any_way_that_xml_has() {
    for value in [
        "4",
        " \r\n\t4 ",
        "&#52;",
        "&#x34;",
        "<![CDATA[4]]>",
        "<!-- no --><![CDATA[4]]><?no?>",
        "4<Extension/>",
    ] {
        let read = read(&format!("<EPSUserState a='&undefined;'>{value}</EPSUserState>"));
        assert_eq!(
            read.map(|data| data.eps_state),
            Ok(Some(UserState::ConnectedReachableForPaging)),
            "{value}"
        );
    }
    let name =
        "<EPSLocationInformation><MMEName>m&amp;&lt;&gt;&apos;&quot;e</MMEName></EPSLocationInformation>";
    assert_eq!(read(name).unwrap().eps_location.node, node("m&<>'\"e"));
}

#[test]
fn errors_show_nothing_of_the_document() {
    let secret = "+99987654321";
    for members in [
        format!("<EPSUserState>{secret}</EPSUserState>"),
        format!("<{secret}"),
        format!("&{secret};"),
    ] {
        let error = read(&members).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("87654321"), "{members}");
    }
}
