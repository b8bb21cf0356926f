//! A Diameter peer made by hand, octet by octet, that shares no code with the daemon's own stack.
//!
//! It is deliberately simple: whole messages are built as byte strings (RFC 6733 §3 and §4), answers are taken apart
//! into plain (code, vendor, data) lists, and nothing is checked that a test does not ask for. It can also send what
//! no sound stack would.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(crate) const S6A: u32 = 16_777_251;
pub(crate) const S6T: u32 = 16_777_345;
pub(crate) const T6A: u32 = 16_777_346;
pub(crate) const VENDOR_3GPP: u32 = 10_415;

/// Command codes (RFC 6733 §3.1, 3GPP TS 29.272 §7.2.2).
pub(crate) mod command {
    pub(crate) const CAPABILITIES_EXCHANGE: u32 = 257;
    pub(crate) const DEVICE_WATCHDOG: u32 = 280;
    pub(crate) const DISCONNECT_PEER: u32 = 282;
    pub(crate) const SUBSCRIBE_NOTIFICATIONS: u32 = 308;
    pub(crate) const UPDATE_LOCATION: u32 = 316;
    pub(crate) const CANCEL_LOCATION: u32 = 317;
    pub(crate) const INSERT_SUBSCRIBER_DATA: u32 = 319;
    pub(crate) const PURGE_UE: u32 = 321;
    pub(crate) const NOTIFY: u32 = 323;
    /// 3GPP TS 29.336 §8.2.
    pub(crate) const CONFIGURATION_INFORMATION: u32 = 8_388_718;
    pub(crate) const REPORTING_INFORMATION: u32 = 8_388_719;
}

/// AVP codes (RFC 6733 §4.5, 3GPP TS 29.272 §7.3.1).
pub(crate) mod code {
    pub(crate) const USER_NAME: u32 = 1;
    pub(crate) const HOST_IP_ADDRESS: u32 = 257;
    pub(crate) const AUTH_APPLICATION_ID: u32 = 258;
    pub(crate) const VENDOR_SPECIFIC_APPLICATION_ID: u32 = 260;
    pub(crate) const SESSION_ID: u32 = 263;
    pub(crate) const ORIGIN_HOST: u32 = 264;
    pub(crate) const SUPPORTED_VENDOR_ID: u32 = 265;
    pub(crate) const VENDOR_ID: u32 = 266;
    pub(crate) const RESULT_CODE: u32 = 268;
    pub(crate) const PRODUCT_NAME: u32 = 269;
    pub(crate) const DISCONNECT_CAUSE: u32 = 273;
    pub(crate) const AUTH_SESSION_STATE: u32 = 277;
    pub(crate) const FAILED_AVP: u32 = 279;
    pub(crate) const PROXY_HOST: u32 = 280;
    pub(crate) const ROUTE_RECORD: u32 = 282;
    pub(crate) const DESTINATION_REALM: u32 = 283;
    pub(crate) const PROXY_INFO: u32 = 284;
    pub(crate) const PROXY_STATE: u32 = 33;
    pub(crate) const DESTINATION_HOST: u32 = 293;
    pub(crate) const ORIGIN_REALM: u32 = 296;
    pub(crate) const EXPERIMENTAL_RESULT: u32 = 297;
    pub(crate) const EXPERIMENTAL_RESULT_CODE: u32 = 298;
    pub(crate) const MSISDN: u32 = 701;
    pub(crate) const RAT_TYPE: u32 = 1032;
    pub(crate) const SUBSCRIPTION_DATA: u32 = 1400;
    pub(crate) const ULR_FLAGS: u32 = 1405;
    pub(crate) const VISITED_PLMN_ID: u32 = 1407;
    pub(crate) const CANCELLATION_TYPE: u32 = 1420;
    pub(crate) const NOR_FLAGS: u32 = 1443;
    pub(crate) const IDR_FLAGS: u32 = 1490;
    /// 3GPP TS 29.336 §8.4.
    pub(crate) const USER_IDENTIFIER: u32 = 3102;
    pub(crate) const EXTERNAL_IDENTIFIER: u32 = 3111;
    pub(crate) const MONITORING_EVENT_CONFIGURATION: u32 = 3122;
    pub(crate) const MONITORING_EVENT_REPORT: u32 = 3123;
    pub(crate) const SCEF_REFERENCE_ID: u32 = 3124;
    pub(crate) const SCEF_ID: u32 = 3125;
    pub(crate) const SCEF_REFERENCE_ID_FOR_DELETION: u32 = 3126;
    pub(crate) const MONITORING_TYPE: u32 = 3127;
    pub(crate) const MAXIMUM_NUMBER_OF_REPORTS: u32 = 3128;
    pub(crate) const UE_REACHABILITY_CONFIGURATION: u32 = 3129;
    pub(crate) const MONITORING_DURATION: u32 = 3130;
    pub(crate) const MAXIMUM_DETECTION_TIME: u32 = 3131;
    pub(crate) const REACHABILITY_TYPE: u32 = 3132;
    pub(crate) const REACHABILITY_INFORMATION: u32 = 3140;
    pub(crate) const MONITORING_EVENT_CONFIG_STATUS: u32 = 3142;
    pub(crate) const SERVICE_RESULT: u32 = 3146;
    pub(crate) const SERVICE_RESULT_CODE: u32 = 3147;
    pub(crate) const EVENT_HANDLING: u32 = 3149;
    pub(crate) const SERVICE_REPORT: u32 = 3152;
    pub(crate) const LOSS_OF_CONNECTIVITY_REASON: u32 = 3162;
    pub(crate) const GROUP_REPORT: u32 = 3165;
    pub(crate) const GROUP_REPORT_ITEM: u32 = 3166;
    pub(crate) const TYPE_OF_EXTERNAL_IDENTIFIER: u32 = 3168;
    pub(crate) const MONITORING_EVENT_REPORT_STATUS: u32 = 3171;
    pub(crate) const REPORTING_TIME_STAMP: u32 = 3175;
    pub(crate) const MAXIMUM_UE_AVAILABILITY_TIME: u32 = 3329;
}

pub(crate) const SUCCESS: u32 = 2001;
pub(crate) const TOO_BUSY: u32 = 3004;

const FLAG_REQUEST: u8 = 0x80;
const FLAG_PROXIABLE: u8 = 0x40;
const FLAG_ERROR: u8 = 0x20;

/// No answer takes this long; a test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

// === AVPs ===

/// One AVP of RFC 6733 §4.1 without padding.
pub(crate) fn avp(code: u32, data: &[u8]) -> Vec<u8> {
    encode_avp(code, 0x40, None, data)
}

/// One AVP of 3GPP, mandatory.
pub(crate) fn avp_3gpp(code: u32, data: &[u8]) -> Vec<u8> {
    encode_avp(code, 0xc0, Some(VENDOR_3GPP), data)
}

/// Any AVP, padded to four octets.
pub(crate) fn encode_avp(code: u32, flags: u8, vendor: Option<u32>, data: &[u8]) -> Vec<u8> {
    let header = if vendor.is_some() { 12 } else { 8 };
    let length = (header + data.len()) as u32;
    let mut out = Vec::with_capacity(length as usize + 3);
    out.extend_from_slice(&code.to_be_bytes());
    out.push(flags);
    out.extend_from_slice(&length.to_be_bytes()[1..]);
    if let Some(vendor) = vendor {
        out.extend_from_slice(&vendor.to_be_bytes());
    }
    out.extend_from_slice(data);
    while !out.len().is_multiple_of(4) {
        out.push(0);
    }
    out
}

/// Digits of an international number, two to an octet, low nibble first, filled with 0xF (3GPP TS 29.002, TBCD).
pub(crate) fn tbcd(digits: &str) -> Vec<u8> {
    let nibbles: Vec<u8> = digits.bytes().map(|digit| digit - b'0').collect();
    nibbles
        .chunks(2)
        .map(|pair| pair[0] | pair.get(1).copied().unwrap_or(0xf) << 4)
        .collect()
}

// === Messages ===

/// A request under construction.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) command: u32,
    pub(crate) application: u32,
    pub(crate) flags: u8,
    pub(crate) avps: Vec<Vec<u8>>,
}

impl Request {
    /// A request between direct peers.
    pub(crate) fn base(command: u32) -> Self {
        Self {
            command,
            application: 0,
            flags: FLAG_REQUEST,
            avps: Vec::new(),
        }
    }

    /// An S6a request as `origin` would send it, up to the members that belong to the command.
    pub(crate) fn s6a(command: u32, origin: &str) -> Self {
        static SESSION: AtomicU32 = AtomicU32::new(1);
        let session = format!("{origin};7;{}", SESSION.fetch_add(1, Ordering::Relaxed));
        Self {
            command,
            application: S6A,
            flags: FLAG_REQUEST | FLAG_PROXIABLE,
            avps: vec![
                avp(code::SESSION_ID, session.as_bytes()),
                avp(code::AUTH_SESSION_STATE, &1u32.to_be_bytes()),
                avp(code::ORIGIN_HOST, origin.as_bytes()),
                avp(code::ORIGIN_REALM, b"visited.example"),
                avp(code::DESTINATION_REALM, b"home.example"),
            ],
        }
    }

    /// Reporting-Information to the daemon of the tests: by an HSS on S6t, by an MME or SGSN on T6a/T6b.
    pub(crate) fn reporting(application: u32, origin: &str) -> Self {
        let mut request = Self::s6a(command::REPORTING_INFORMATION, origin);
        request.application = application;
        request.with(avp(code::DESTINATION_HOST, b"reachd.home.example"))
    }

    /// Update-Location by an MME: ULR-Flags bit 1 says S6a, RAT-Type EUTRAN, Visited-PLMN-Id 999-01.
    pub(crate) fn update_location(imsi: &str, mme: &str) -> Self {
        Self::update_location_flags(imsi, mme, 0b10)
    }

    pub(crate) fn update_location_flags(imsi: &str, node: &str, flags: u32) -> Self {
        Self::s6a(command::UPDATE_LOCATION, node)
            .with(avp(code::USER_NAME, imsi.as_bytes()))
            .with(avp_3gpp(code::RAT_TYPE, &1004u32.to_be_bytes()))
            .with(avp_3gpp(code::ULR_FLAGS, &flags.to_be_bytes()))
            .with(avp_3gpp(code::VISITED_PLMN_ID, &[0x99, 0xf9, 0x10]))
    }

    pub(crate) fn purge(imsi: &str, node: &str) -> Self {
        Self::s6a(command::PURGE_UE, node).with(avp(code::USER_NAME, imsi.as_bytes()))
    }

    pub(crate) fn notify(imsi: &str, node: &str, nor_flags: u32) -> Self {
        Self::s6a(command::NOTIFY, node)
            .with(avp(code::USER_NAME, imsi.as_bytes()))
            .with(avp_3gpp(code::NOR_FLAGS, &nor_flags.to_be_bytes()))
    }

    /// Cancel-Location by the HSS towards `node`.
    pub(crate) fn cancel(imsi: &str, node: &str, cancellation_type: u32) -> Self {
        Self::s6a(command::CANCEL_LOCATION, "hss.home.example")
            .with(avp(code::DESTINATION_HOST, node.as_bytes()))
            .with(avp(code::USER_NAME, imsi.as_bytes()))
            .with(avp_3gpp(
                code::CANCELLATION_TYPE,
                &cancellation_type.to_be_bytes(),
            ))
    }

    /// Insert-Subscriber-Data by the HSS towards `node`, with the subscriber's number.
    pub(crate) fn insert_subscriber_data(imsi: &str, node: &str, msisdn: &str) -> Self {
        Self::s6a(command::INSERT_SUBSCRIBER_DATA, "hss.home.example")
            .with(avp(code::DESTINATION_HOST, node.as_bytes()))
            .with(avp(code::USER_NAME, imsi.as_bytes()))
            .with(avp_3gpp(
                code::SUBSCRIPTION_DATA,
                &avp_3gpp(code::MSISDN, &tbcd(msisdn)),
            ))
            .with(encode_avp(
                code::IDR_FLAGS,
                0xc0,
                Some(VENDOR_3GPP),
                &0u32.to_be_bytes(),
            ))
    }

    #[must_use]
    pub(crate) fn with(mut self, avp: Vec<u8>) -> Self {
        self.avps.push(avp);
        self
    }

    /// Drops every AVP with this code, whatever its vendor.
    #[must_use]
    pub(crate) fn without(mut self, code: u32) -> Self {
        self.avps.retain(|avp| avp[..4] != code.to_be_bytes());
        self
    }

    /// The Session-Id of an application's request, which is its first AVP.
    pub(crate) fn session_id(&self) -> Vec<u8> {
        take_apart(&self.avps[0])[0].data.clone()
    }

    /// The octets of RFC 6733 §3.
    pub(crate) fn encode(&self, hop_by_hop: u32) -> Vec<u8> {
        encode_message(
            self.flags,
            self.command,
            self.application,
            hop_by_hop,
            &self.avps.concat(),
        )
    }
}

fn encode_message(flags: u8, command: u32, application: u32, hop_by_hop: u32, body: &[u8]) -> Vec<u8> {
    let length = (20 + body.len()) as u32;
    let mut out = vec![1];
    out.extend_from_slice(&length.to_be_bytes()[1..]);
    out.push(flags);
    out.extend_from_slice(&command.to_be_bytes()[1..]);
    out.extend_from_slice(&application.to_be_bytes());
    out.extend_from_slice(&hop_by_hop.to_be_bytes());
    // The End-to-End Identifier is a function of the other one, so that answers can be checked for both.
    out.extend_from_slice(&(hop_by_hop ^ END_TO_END_MASK).to_be_bytes());
    out.extend_from_slice(body);
    out
}

const END_TO_END_MASK: u32 = 0x5a5a_0000;

/// An AVP taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Avp {
    pub(crate) code: u32,
    pub(crate) flags: u8,
    pub(crate) vendor: u32,
    pub(crate) data: Vec<u8>,
}

impl Avp {
    pub(crate) fn u32(&self) -> u32 {
        u32::from_be_bytes(self.data.as_slice().try_into().expect("four octets"))
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.data).expect("UTF-8")
    }

    pub(crate) fn members(&self) -> Vec<Self> {
        take_apart(&self.data)
    }
}

/// Splits AVPs; whatever is not sound fails the test.
pub(crate) fn take_apart(mut bytes: &[u8]) -> Vec<Avp> {
    let mut avps = Vec::new();
    while !bytes.is_empty() {
        assert!(bytes.len() >= 8, "AVP header cut short: {bytes:02x?}");
        let code = u32::from_be_bytes(bytes[..4].try_into().unwrap());
        let flags = bytes[4];
        let length = u32::from_be_bytes([0, bytes[5], bytes[6], bytes[7]]) as usize;
        let header = if flags & 0x80 == 0 { 8 } else { 12 };
        assert!(
            length >= header && length <= bytes.len(),
            "AVP {code} says {length} of {}",
            bytes.len()
        );
        let vendor = if header == 12 {
            u32::from_be_bytes(bytes[8..12].try_into().unwrap())
        } else {
            0
        };
        avps.push(Avp {
            code,
            flags,
            vendor,
            data: bytes[header..length].to_vec(),
        });
        let padded = length.next_multiple_of(4);
        assert!(padded <= bytes.len(), "AVP {code} lacks its padding");
        assert!(
            bytes[length..padded].iter().all(|octet| *octet == 0),
            "AVP {code} has padding other than zero"
        );
        bytes = &bytes[padded..];
    }
    avps
}

/// A received message taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) flags: u8,
    pub(crate) command: u32,
    pub(crate) application: u32,
    pub(crate) hop_by_hop: u32,
    pub(crate) end_to_end: u32,
    pub(crate) avps: Vec<Avp>,
}

impl Message {
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        Self {
            flags: bytes[4],
            command: word(4) & 0x00ff_ffff,
            application: word(8),
            hop_by_hop: word(12),
            end_to_end: word(16),
            avps: take_apart(&bytes[20..]),
        }
    }

    pub(crate) fn is_request(&self) -> bool {
        self.flags & FLAG_REQUEST != 0
    }

    /// The E bit.
    pub(crate) fn is_error(&self) -> bool {
        self.flags & FLAG_ERROR != 0
    }

    pub(crate) fn find(&self, code: u32) -> Option<&Avp> {
        self.avps.iter().find(|avp| avp.code == code)
    }

    /// Result-Code, if there is one.
    pub(crate) fn result_code(&self) -> Option<u32> {
        self.find(code::RESULT_CODE).map(Avp::u32)
    }

    /// Vendor and code of Experimental-Result, if there is one.
    pub(crate) fn experimental_result(&self) -> Option<(u32, u32)> {
        let members = self.find(code::EXPERIMENTAL_RESULT)?.members();
        let member = |code| {
            members
                .iter()
                .find(|avp| avp.code == code)
                .map(Avp::u32)
                .unwrap_or_default()
        };
        Some((member(code::VENDOR_ID), member(code::EXPERIMENTAL_RESULT_CODE)))
    }

    /// The one AVP inside Failed-AVP, split no further.
    pub(crate) fn failed_avp(&self) -> Avp {
        let failed = self.find(code::FAILED_AVP).expect("Failed-AVP");
        failed
            .members()
            .into_iter()
            .next()
            .expect("Failed-AVP is not empty")
    }

    #[track_caller]
    pub(crate) fn assert_result(&self, expected: u32) {
        assert_eq!(self.result_code(), Some(expected), "{self:#?}");
    }
}

/// Adds Origin-Host and Origin-Realm of a direct peer.
pub(crate) fn originating(request: Request, identity: &str) -> Request {
    request
        .with(avp(code::ORIGIN_HOST, identity.as_bytes()))
        .with(avp(code::ORIGIN_REALM, b"home.example"))
}

// === Connection ===

/// Which way octets went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToDaemon,
    FromDaemon,
}

/// Whatever carries a connection.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Debug {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + Debug> Stream for S {}

/// One Diameter connection to the daemon.
#[derive(Debug)]
pub(crate) struct Peer {
    stream: Box<dyn Stream>,
    identity: String,
    next_hop_by_hop: u32,
    received: Vec<u8>,
    /// Whole messages in the order they went over the wire.
    pub(crate) recorded: Vec<(Direction, Vec<u8>)>,
    recording: bool,
    /// The applications that it serves.
    applications: Vec<u32>,
    /// Requests of the daemon that came while something else was waited for.
    aside: VecDeque<Message>,
}

/// The identity that [`super::daemon`] configures as a peer.
pub(crate) const DRA: &str = "dra1.home.example";
/// A second one.
pub(crate) const OTHER_DRA: &str = "dra2.home.example";

/// Where a connection begins to count. Each has a range of its own, since an originator's End-to-End Identifiers, which
/// follow from these, must differ on all its connections (RFC 6733 §3).
fn first_hop_by_hop() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0x1000);
    NEXT.fetch_add(1 << 20, Ordering::Relaxed)
}

impl Peer {
    /// A TCP connection on which nothing was said yet.
    pub(crate) async fn dial(address: SocketAddr, identity: &str) -> Self {
        let stream = TcpStream::connect(address)
            .await
            .expect("the Diameter listener accepts");
        stream.set_nodelay(true).unwrap();
        Self::on(stream, identity)
    }

    /// A connection on which nothing of Diameter was said yet.
    pub(crate) fn on(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + Debug + 'static,
        identity: &str,
    ) -> Self {
        Self {
            stream: Box::new(stream),
            identity: identity.to_owned(),
            next_hop_by_hop: first_hop_by_hop(),
            received: Vec::new(),
            recorded: Vec::new(),
            recording: false,
            applications: vec![S6A],
            aside: VecDeque::new(),
        }
    }

    /// The same connection, of which everything is recorded from here on.
    pub(crate) fn recorded(mut self) -> Self {
        self.recording = true;
        self
    }

    /// A connection past a successful capabilities exchange.
    pub(crate) async fn connect(address: SocketAddr, identity: &str) -> Self {
        let mut peer = Self::dial(address, identity).await;
        peer.exchange_capabilities().await;
        peer
    }

    /// A node of these applications; all of it is recorded.
    pub(crate) async fn connect_for(address: SocketAddr, identity: &str, applications: &[u32]) -> Self {
        let mut peer = Self::dial(address, identity).await;
        peer.recording = true;
        peer.applications = applications.to_vec();
        peer.exchange_capabilities().await;
        peer
    }

    pub(crate) async fn connect_recorded(address: SocketAddr, identity: &str) -> Self {
        let mut peer = Self::dial(address, identity).await;
        peer.recording = true;
        peer.exchange_capabilities().await;
        peer
    }

    /// A connection that the daemon opened: waits for its CER and accepts it. All of it is recorded.
    pub(crate) async fn accepted(stream: TcpStream, identity: &str) -> Self {
        let mut peer = Self::on(stream, identity);
        peer.recording = true;
        let request = peer.receive().await.expect("a CER");
        assert_eq!(request.command, command::CAPABILITIES_EXCHANGE);
        assert!(request.is_request());
        let mut avps = peer.capabilities_exchange().avps;
        avps.insert(0, avp(code::RESULT_CODE, &SUCCESS.to_be_bytes()));
        peer.reply(&request, &avps.concat()).await;
        peer
    }

    /// CER, and a CEA of success.
    pub(crate) async fn exchange_capabilities(&mut self) {
        let answer = self.ask(&self.capabilities_exchange()).await;
        assert_eq!(answer.command, command::CAPABILITIES_EXCHANGE);
        answer.assert_result(SUCCESS);
    }

    /// CER of a node that serves its applications, S6a unless told otherwise (RFC 6733 §5.3.1).
    pub(crate) fn capabilities_exchange(&self) -> Request {
        Self::capabilities_exchange_for(&self.identity, &self.applications)
    }

    /// The same of any identity, for S6a.
    pub(crate) fn capabilities_exchange_of(identity: &str) -> Request {
        Self::capabilities_exchange_for(identity, &[S6A])
    }

    fn capabilities_exchange_for(identity: &str, applications: &[u32]) -> Request {
        let request = originating(Request::base(command::CAPABILITIES_EXCHANGE), identity)
            .with(avp(code::HOST_IP_ADDRESS, &[0, 1, 127, 0, 0, 1]))
            .with(avp(code::VENDOR_ID, &0u32.to_be_bytes()))
            .with(encode_avp(code::PRODUCT_NAME, 0, None, b"hand-made"))
            .with(avp(code::SUPPORTED_VENDOR_ID, &VENDOR_3GPP.to_be_bytes()));
        applications.iter().fold(request, |request, application| {
            request.with(avp(
                code::VENDOR_SPECIFIC_APPLICATION_ID,
                &[
                    avp(code::VENDOR_ID, &VENDOR_3GPP.to_be_bytes()),
                    avp(code::AUTH_APPLICATION_ID, &application.to_be_bytes()),
                ]
                .concat(),
            ))
        })
    }

    /// Adds Origin-Host and Origin-Realm of this peer.
    pub(crate) fn origin(&self, request: Request) -> Request {
        originating(request, &self.identity)
    }

    /// Sends a request and says under which Hop-by-Hop Identifier.
    pub(crate) async fn send(&mut self, request: &Request) -> u32 {
        let hop_by_hop = self.next_hop_by_hop;
        self.next_hop_by_hop += 1;
        self.send_bytes(&request.encode(hop_by_hop)).await;
        hop_by_hop
    }

    /// Encodes a request without sending it.
    pub(crate) fn prepare(&mut self, request: &Request) -> (u32, Vec<u8>) {
        let hop_by_hop = self.next_hop_by_hop;
        self.next_hop_by_hop += 1;
        (hop_by_hop, request.encode(hop_by_hop))
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        if self.recording {
            self.recorded.push((Direction::ToDaemon, bytes.to_vec()));
        }
        self.try_send_bytes(bytes)
            .await
            .expect("the daemon takes what is sent");
    }

    /// As [`Self::send_bytes`], for a connection that may be gone already.
    pub(crate) async fn try_send_bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// The next message of any kind; `None` once the daemon has closed the connection.
    pub(crate) async fn receive(&mut self) -> Option<Message> {
        timeout(PATIENCE, self.next_message())
            .await
            .expect("the daemon says something in time")
    }

    async fn next_message(&mut self) -> Option<Message> {
        loop {
            if self.received.len() >= 4 {
                let length = u32::from_be_bytes([0, self.received[1], self.received[2], self.received[3]]);
                let length = length as usize;
                assert!(self.received[0] == 1 && length >= 20 && length.is_multiple_of(4));
                if self.received.len() >= length {
                    let rest = self.received.split_off(length);
                    let bytes = std::mem::replace(&mut self.received, rest);
                    let message = Message::decode(&bytes);
                    if self.recording {
                        self.recorded.push((Direction::FromDaemon, bytes));
                    }
                    return Some(message);
                }
            }
            match self.stream.read_buf(&mut self.received).await {
                Ok(0) | Err(_) => {
                    return None;
                }
                Ok(_) => {}
            }
        }
    }

    /// The next answer. Watchdog requests on the way are answered.
    pub(crate) async fn receive_answer(&mut self) -> Option<Message> {
        loop {
            let message = self.receive().await?;
            if !message.is_request() {
                return Some(message);
            }
            if [
                command::CONFIGURATION_INFORMATION,
                command::SUBSCRIBE_NOTIFICATIONS,
            ]
            .contains(&message.command)
            {
                self.aside.push_back(message);
                continue;
            }
            assert_eq!(
                message.command,
                command::DEVICE_WATCHDOG,
                "an unexpected request: {message:?}"
            );
            self.answer(&message).await;
        }
    }

    /// The next request of the daemon's own. Watchdog requests on the way are answered.
    pub(crate) async fn receive_request(&mut self) -> Message {
        if let Some(message) = self.aside.pop_front() {
            return message;
        }
        loop {
            let message = self.receive().await.expect("the daemon asks");
            assert!(message.is_request(), "an unexpected answer: {message:?}");
            if message.command != command::DEVICE_WATCHDOG {
                return message;
            }
            self.answer(&message).await;
        }
    }

    /// Whether the daemon asks nothing of its own before this peer's own watchdog request is answered.
    pub(crate) async fn is_left_alone(&mut self) -> bool {
        let watchdog = self.origin(Request::base(command::DEVICE_WATCHDOG));
        self.ask(&watchdog).await;
        self.aside.is_empty()
    }

    /// Answers a request of the daemon's own with a result and whatever else.
    pub(crate) async fn answer_with(&mut self, request: &Message, result: Vec<u8>, more: &[Vec<u8>]) {
        let session = request.find(code::SESSION_ID).expect("a session");
        let mut avps = vec![
            avp(code::SESSION_ID, &session.data),
            result,
            avp(code::AUTH_SESSION_STATE, &1u32.to_be_bytes()),
            avp(code::ORIGIN_HOST, self.identity.as_bytes()),
            avp(code::ORIGIN_REALM, b"home.example"),
        ];
        avps.extend_from_slice(more);
        self.answer_in_full(request, &avps).await;
    }

    /// Answers a request of the daemon between direct peers (DWR, DPR) with success.
    pub(crate) async fn answer(&mut self, request: &Message) {
        let body = [
            avp(code::RESULT_CODE, &SUCCESS.to_be_bytes()),
            avp(code::ORIGIN_HOST, self.identity.as_bytes()),
            avp(code::ORIGIN_REALM, b"home.example"),
        ]
        .concat();
        self.reply(request, &body).await;
    }

    /// Answers a request of an application in its own terms: what is given, and nothing beside it.
    pub(crate) async fn answer_in_full(&mut self, request: &Message, avps: &[Vec<u8>]) {
        let flags = request.flags & FLAG_PROXIABLE;
        let bytes = encode_message(
            flags,
            request.command,
            request.application,
            request.hop_by_hop,
            &avps.concat(),
        );
        self.write_answer(request, bytes).await;
    }

    async fn reply(&mut self, request: &Message, body: &[u8]) {
        let bytes = encode_message(0, request.command, 0, request.hop_by_hop, body);
        self.write_answer(request, bytes).await;
    }

    async fn write_answer(&mut self, request: &Message, mut bytes: Vec<u8>) {
        bytes[16..20].copy_from_slice(&request.end_to_end.to_be_bytes());
        if self.recording {
            self.recorded.push((Direction::ToDaemon, bytes.clone()));
        }
        // The daemon may have gone already; whoever cares reads the end of the stream next.
        let _ = self.try_send_bytes(&bytes).await;
    }

    /// Sends a request and waits for its answer, which must repeat both identifiers, the command and the application.
    pub(crate) async fn ask(&mut self, request: &Request) -> Message {
        let hop_by_hop = self.send(request).await;
        let answer = self
            .receive_answer()
            .await
            .expect("an answer before the connection ends");
        assert_eq!(answer.hop_by_hop, hop_by_hop);
        assert_eq!(answer.end_to_end, hop_by_hop ^ END_TO_END_MASK);
        assert_eq!(answer.command, request.command);
        assert_eq!(answer.application, request.application);
        assert_eq!(
            answer.flags & FLAG_PROXIABLE,
            request.flags & FLAG_PROXIABLE,
            "the P bit is a copy"
        );
        answer
    }

    /// Waits for the daemon to close the connection. What it says before is passed over.
    pub(crate) async fn closed(&mut self) {
        while self.receive().await.is_some() {}
    }
}
