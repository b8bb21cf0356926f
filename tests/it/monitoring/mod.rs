//! S6t as SCEF and T6a/T6b through the real binary: what is asked of an HSS made by hand, what it and an MME report, and
//! what is answered to whoever asks about the device.

mod asked;
mod command_line;
mod dissected;
mod lives_on;
mod reports;

use std::time::{SystemTime, UNIX_EPOCH};

use reachd::proto::v1::admin_service_client::AdminServiceClient;
use reachd::proto::v1::{
    ListMonitoringRequest, MonitorSubscribersRequest, MonitorSubscribersResponse, MonitoringState,
    MonitoringTarget,
};

use crate::support::daemon::{Daemon, Engine, Home, UNANSWERED_GOODBYES};
use crate::support::eventually;
use crate::support::wire::{
    Avp, Message, Peer, Request, S6T, SUCCESS, T6A, VENDOR_3GPP, avp, avp_3gpp, code, command, encode_avp,
    tbcd,
};

pub(crate) const HSS: &str = "hss1.home.example";
pub(crate) const MME: &str = "mme1.visited.example";
const OTHER_MME: &str = "mme2.visited.example";
pub(crate) const SCEF: &str = "reachd.home.example";

/// A daemon that asks an HSS and is reported to by two MMEs. `more` are further keys of `[diameter.s6t]`.
pub(crate) async fn home(engine: Engine, more: &str) -> Home {
    let mut home = Home::new(engine).await;
    home.diameter(UNANSWERED_GOODBYES);
    home.configure(&format!("\n[diameter.s6t]\nrealm = \"home.example\"\n{more}\n"));
    for (identity, application) in [(HSS, "s6t"), (MME, "t6a"), (OTHER_MME, "t6a")] {
        home.configure(&format!(
            "[[diameter.peers]]\nidentity = \"{identity}\"\nmode = \"endpoint\"\napplications = [\"{application}\"]\n"
        ));
    }
    home
}

pub(crate) async fn hss(daemon: &Daemon) -> Peer {
    Peer::connect_for(daemon.diameter(), HSS, &[S6T]).await
}

pub(crate) async fn mme(daemon: &Daemon, identity: &str) -> Peer {
    Peer::connect_for(daemon.diameter(), identity, &[T6A]).await
}

fn number(digits: &str) -> MonitoringTarget {
    MonitoringTarget {
        line: 1,
        msisdn: digits.to_owned(),
        ..MonitoringTarget::default()
    }
}

async fn change(
    daemon: &Daemon,
    add: Vec<MonitoringTarget>,
    remove: Vec<MonitoringTarget>,
) -> MonitorSubscribersResponse {
    AdminServiceClient::new(daemon.channel())
        .monitor_subscribers(tokio_stream::once(MonitorSubscribersRequest { add, remove }))
        .await
        .expect("targets are taken")
        .into_inner()
}

/// The states of the aspects of a target, and their references.
async fn status(daemon: &Daemon, target: &MonitoringTarget) -> Option<Vec<(MonitoringState, u32)>> {
    let request = ListMonitoringRequest {
        target: Some(target.clone()),
    };
    let listed = AdminServiceClient::new(daemon.channel())
        .list_monitoring(request)
        .await
        .ok()?
        .into_inner();
    let status = listed.status.iter();
    Some(status.map(|part| (part.state(), part.reference)).collect())
}

async fn all_are(daemon: &Daemon, target: &MonitoringTarget, state: MonitoringState) {
    eventually("all aspects are in that state", async || {
        let status = status(daemon, target).await?;
        status.iter().all(|(is, _)| *is == state).then_some(())
    })
    .await;
}

/// A configuration in a CIR, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Configuration {
    pub(crate) reference: Option<u32>,
    pub(crate) scef: String,
    pub(crate) kind: u32,
    pub(crate) replaces: Vec<u32>,
    pub(crate) reports: Option<u32>,
    pub(crate) until: Option<u32>,
    pub(crate) detection: Option<u32>,
    pub(crate) reachability: Option<u32>,
}

fn of_3gpp(members: &[Avp], code: u32) -> Vec<&Avp> {
    members
        .iter()
        .filter(|avp| (avp.code, avp.vendor) == (code, VENDOR_3GPP))
        .collect()
}

pub(crate) fn configurations(request: &Message) -> Vec<Configuration> {
    assert_eq!(request.command, command::CONFIGURATION_INFORMATION);
    assert_eq!(request.application, S6T);
    of_3gpp(&request.avps, code::MONITORING_EVENT_CONFIGURATION)
        .into_iter()
        .map(|group| {
            let members = group.members();
            let one = |code| of_3gpp(&members, code).first().map(|avp| avp.u32());
            let reachability = of_3gpp(&members, code::UE_REACHABILITY_CONFIGURATION);
            Configuration {
                reference: one(code::SCEF_REFERENCE_ID),
                scef: of_3gpp(&members, code::SCEF_ID)[0].text().to_owned(),
                kind: one(code::MONITORING_TYPE).expect("Monitoring-Type"),
                replaces: of_3gpp(&members, code::SCEF_REFERENCE_ID_FOR_DELETION)
                    .into_iter()
                    .map(Avp::u32)
                    .collect(),
                reports: one(code::MAXIMUM_NUMBER_OF_REPORTS),
                until: one(code::MONITORING_DURATION),
                detection: one(code::MAXIMUM_DETECTION_TIME),
                reachability: reachability
                    .first()
                    .map(|group| of_3gpp(&group.members(), code::REACHABILITY_TYPE)[0].u32()),
            }
        })
        .collect()
}

pub(crate) fn references(request: &Message) -> Vec<u32> {
    let configurations = configurations(request).into_iter();
    configurations.filter_map(|one| one.reference).collect()
}

pub(crate) fn result_code(code: u32) -> Vec<u8> {
    avp(code::RESULT_CODE, &code.to_be_bytes())
}

pub(crate) fn experimental_result(code: u32) -> Vec<u8> {
    avp(
        code::EXPERIMENTAL_RESULT,
        &[
            avp(code::VENDOR_ID, &VENDOR_3GPP.to_be_bytes()),
            avp(code::EXPERIMENTAL_RESULT_CODE, &code.to_be_bytes()),
        ]
        .concat(),
    )
}

/// A target that is watched: the references of loss, data and SMS.
async fn watched(daemon: &Daemon, hss: &mut Peer, target: &MonitoringTarget) -> [u32; 3] {
    assert_eq!(change(daemon, vec![target.clone()], Vec::new()).await.added, 1);
    let request = hss.receive_request().await;
    hss.answer_with(&request, result_code(SUCCESS), &[]).await;
    all_are(daemon, target, MonitoringState::Active).await;
    references(&request).try_into().expect("three references")
}

pub(crate) fn word(code: u32, value: u32) -> Vec<u8> {
    avp_3gpp(code, &value.to_be_bytes())
}

/// A Monitoring-Event-Report.
pub(crate) fn report(reference: u32, members: &[Vec<u8>]) -> Vec<u8> {
    let mut body = word(code::SCEF_REFERENCE_ID, reference);
    body.extend(avp_3gpp(code::SCEF_ID, SCEF.as_bytes()));
    body.extend(members.concat());
    avp_3gpp(code::MONITORING_EVENT_REPORT, &body)
}

pub(crate) fn lost(reference: u32, reason: u32) -> Vec<u8> {
    let reason = encode_avp(
        code::LOSS_OF_CONNECTIVITY_REASON,
        0x80,
        Some(VENDOR_3GPP),
        &reason.to_be_bytes(),
    );
    report(reference, &[word(code::MONITORING_TYPE, 0), reason])
}

pub(crate) fn reachable(reference: u32, for_data: bool) -> Vec<u8> {
    report(
        reference,
        &[
            word(code::MONITORING_TYPE, 1),
            word(code::REACHABILITY_INFORMATION, u32::from(for_data)),
        ],
    )
}

fn user(digits: &str) -> Vec<u8> {
    avp_3gpp(code::USER_IDENTIFIER, &avp_3gpp(code::MSISDN, &tbcd(digits)))
}

pub(crate) fn ntp(time: SystemTime) -> u32 {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap().as_secs() + 2_208_988_800;
    (seconds & 0xffff_ffff) as u32
}
