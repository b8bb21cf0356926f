//! The `diameter` crate, which shares no code with this one, has to write and read the same octets wherever both can
//! express them: its applications and commands are a closed list, so the AVPs are those of 3GPP but the command is not.

use std::io::Cursor;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::BytesMut;
use diameter::avp::address::Value as AddressValue;
use diameter::avp::{self, AvpType as OracleType, AvpValue};
use diameter::dictionary::{AvpDefinition, Dictionary};
use diameter::{ApplicationId, CommandCode, DiameterMessage};
use proptest::prelude::*;

use crate::diameter::codec::*;
use crate::diameter::dict::{AvpDef, base, tgpp};

#[derive(Clone, Debug)]
enum Value {
    U32(AvpDef, u32),
    I32(AvpDef, i32),
    U64(AvpDef, u64),
    Utf8(AvpDef, String),
    Octets(AvpDef, Vec<u8>),
    Address(AvpDef, IpAddr),
    Time(AvpDef, i64),
    Group(AvpDef, Vec<Self>),
}

impl Value {
    fn write(&self, message: &mut MessageBuilder<'_>) {
        match self {
            Self::U32(def, value) => message.avp_u32(def, *value),
            Self::I32(def, value) => message.avp_i32(def, *value),
            Self::U64(def, value) => message.avp_u64(def, *value),
            Self::Utf8(def, value) => message.avp_utf8(def, value),
            Self::Octets(def, value) => message.avp_octets(def, value),
            Self::Address(def, value) => message.avp_address(def, *value),
            Self::Time(def, value) => message.avp_time(def, *value),
            Self::Group(def, members) => message.group(def, |group| {
                for member in members {
                    member.write(group);
                }
            }),
        };
    }

    /// The oracle's AVP. It has no way to make a Time from seconds without its own clock library; its Unsigned32 has
    /// the same octets.
    fn oracle(&self, dict: &Arc<Dictionary>) -> avp::Avp {
        let (def, value) = match self {
            Self::U32(def, value) => (def, avp::Unsigned32::new(*value).into()),
            Self::I32(def, value) => (def, avp::Enumerated::new(*value).into()),
            Self::U64(def, value) => (def, avp::Unsigned64::new(*value).into()),
            Self::Utf8(def, value) => (def, avp::UTF8String::new(value).into()),
            Self::Octets(def, value) => (def, avp::OctetString::new(value.clone()).into()),
            Self::Address(def, value) => (def, AvpValue::Address(avp::Address::new(oracle_address(*value)))),
            Self::Time(def, unix) => {
                let ntp = u32::try_from(unix + 2_208_988_800).unwrap();
                (def, avp::Unsigned32::new(ntp).into())
            }
            Self::Group(def, members) => {
                let members = members.iter().map(|member| member.oracle(dict)).collect();
                (def, avp::Grouped::new(members, Arc::clone(dict)).into())
            }
        };
        let vendor = (def.vendor != 0).then_some(def.vendor);
        avp::Avp::new(def.code, vendor, def.flags().0, value, Arc::clone(dict))
    }

    /// Whether the oracle has read this value.
    fn agrees(&self, read: &avp::Avp) -> bool {
        match self {
            Self::U32(_, value) => read.get_unsigned32() == Some(*value),
            Self::I32(_, value) => read.get_enumerated().map(|e| e.value()) == Some(*value),
            Self::U64(_, value) => read.get_unsigned64() == Some(*value),
            Self::Utf8(_, value) => read.get_utf8string().map(|s| s.value()) == Some(value.as_str()),
            Self::Octets(_, value) => read.get_octetstring().map(|o| o.value()) == Some(value.as_slice()),
            Self::Address(..) => read.get_address().is_some(),
            Self::Time(_, unix) => read.get_time().map(|time| time.value().timestamp()) == Some(*unix),
            Self::Group(_, members) => {
                let read = read.get_grouped().unwrap().avps();
                read.len() == members.len()
                    && members.iter().zip(read).all(|(member, read)| member.agrees(read))
            }
        }
    }

    /// Whether the codec has read this value.
    fn agrees_here(&self, read: &Avp<'_>) -> bool {
        match self {
            Self::U32(def, value) => read.is(def) && read.as_u32() == Ok(*value),
            Self::I32(def, value) => read.is(def) && read.as_i32() == Ok(*value),
            Self::U64(def, value) => read.is(def) && read.as_u64() == Ok(*value),
            Self::Utf8(def, value) => read.is(def) && read.as_utf8() == Ok(value),
            Self::Octets(def, value) => read.is(def) && read.as_octets() == value,
            Self::Address(def, value) => read.is(def) && read.as_address() == Ok(*value),
            Self::Time(def, value) => read.is(def) && read.as_time() == Ok(*value),
            Self::Group(def, members) => {
                let group = read.grouped().unwrap();
                read.is(def)
                    && group.avps().count() == members.len()
                    && members
                        .iter()
                        .zip(group.avps())
                        .all(|(member, read)| member.agrees_here(&read))
            }
        }
    }
}

fn oracle_address(address: IpAddr) -> AddressValue {
    match address {
        IpAddr::V4(v4) => AddressValue::IPv4(v4),
        IpAddr::V6(v6) => AddressValue::IPv6(v6),
    }
}

/// The oracle's dictionary, filled by hand: types are not taken over from ours.
fn oracle_dictionary() -> Arc<Dictionary> {
    let mut dict = Dictionary::new(&[]);
    for (def, avp_type) in [
        (base::RESULT_CODE, OracleType::Unsigned32),
        (tgpp::ULR_FLAGS, OracleType::Unsigned32),
        (base::DISCONNECT_CAUSE, OracleType::Enumerated),
        (tgpp::CANCELLATION_TYPE, OracleType::Enumerated),
        (base::ACCOUNTING_SUB_SESSION_ID, OracleType::Unsigned64),
        (base::USER_NAME, OracleType::UTF8String),
        (tgpp::EXTERNAL_IDENTIFIER, OracleType::UTF8String),
        (base::PROXY_STATE, OracleType::OctetString),
        (tgpp::VISITED_PLMN_ID, OracleType::OctetString),
        (base::HOST_IP_ADDRESS, OracleType::Address),
        (base::EVENT_TIMESTAMP, OracleType::Time),
        (tgpp::MAXIMUM_UE_AVAILABILITY_TIME, OracleType::Time),
        (base::PROXY_INFO, OracleType::Grouped),
        (tgpp::SUBSCRIPTION_DATA, OracleType::Grouped),
    ] {
        dict.add_avp(AvpDefinition {
            code: def.code,
            vendor_id: (def.vendor != 0).then_some(def.vendor),
            name: def.name.to_owned(),
            avp_type,
            m_flag: def.mandatory,
        });
    }
    Arc::new(dict)
}

fn any_value() -> impl Strategy<Value = Value> {
    let either = |a: AvpDef, b: AvpDef| prop_oneof![Just(a), Just(b)];
    let octets = || prop::collection::vec(any::<u8>(), 0..20);
    let leaf = prop_oneof![
        (either(base::RESULT_CODE, tgpp::ULR_FLAGS), any::<u32>()).prop_map(|(d, v)| Value::U32(d, v)),
        (
            either(base::DISCONNECT_CAUSE, tgpp::CANCELLATION_TYPE),
            any::<i32>()
        )
            .prop_map(|(d, v)| Value::I32(d, v)),
        any::<u64>().prop_map(|v| Value::U64(base::ACCOUNTING_SUB_SESSION_ID, v)),
        (either(base::USER_NAME, tgpp::EXTERNAL_IDENTIFIER), "\\PC{0,20}")
            .prop_map(|(d, v)| Value::Utf8(d, v)),
        (either(base::PROXY_STATE, tgpp::VISITED_PLMN_ID), octets()).prop_map(|(d, v)| Value::Octets(d, v)),
        any::<IpAddr>().prop_map(|v| Value::Address(base::HOST_IP_ADDRESS, v)),
        // The oracle knows NTP's first era only.
        (
            either(base::EVENT_TIMESTAMP, tgpp::MAXIMUM_UE_AVAILABILITY_TIME),
            0..2_085_978_496i64
        )
            .prop_map(|(d, v)| Value::Time(d, v)),
    ];
    leaf.prop_recursive(3, 20, 5, move |inner| {
        (
            either(base::PROXY_INFO, tgpp::SUBSCRIPTION_DATA),
            prop::collection::vec(inner, 0..5),
        )
            .prop_map(|(d, v)| Value::Group(d, v))
    })
}

proptest! {
    #[test]
    fn both_write_and_read_the_same_octets(
        values in prop::collection::vec(any_value(), 0..10),
        hop_by_hop: u32,
        end_to_end: u32,
    ) {
        let mut ours = BytesMut::new();
        let mut message =
            MessageBuilder::request(&mut ours, CommandFlags::PROXIABLE, 275, 16_777_238, hop_by_hop, end_to_end);
        for value in &values {
            value.write(&mut message);
        }
        message.finish();

        let dict = oracle_dictionary();
        let mut theirs = DiameterMessage::new(
            CommandCode::SessionTerminate,
            ApplicationId::Gx,
            0xc0,
            hop_by_hop,
            end_to_end,
            Arc::clone(&dict),
        );
        for value in &values {
            theirs.add(value.oracle(&dict));
        }
        let mut octets = Vec::new();
        theirs.encode_to(&mut octets).unwrap();
        prop_assert_eq!(&ours[..], &octets[..]);

        let read = DiameterMessage::decode_from(&mut Cursor::new(&ours[..]), dict).unwrap();
        prop_assert_eq!(read.get_avps().len(), values.len());
        for (value, read) in values.iter().zip(read.get_avps()) {
            prop_assert!(value.agrees(read), "{value:?}");
        }
        let read = Message::decode(&octets).unwrap();
        prop_assert_eq!(read.avps().count(), values.len());
        for (value, read) in values.iter().zip(read.avps()) {
            prop_assert!(value.agrees_here(&read), "{value:?}");
        }
    }
}
