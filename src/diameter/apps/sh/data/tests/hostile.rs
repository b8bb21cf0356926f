//! Documents made to do harm, each with what becomes of it.

use super::*;

#[test]
fn hostile_documents_end_in_the_error_that_is_meant_for_them() {
    let state = "<EPSUserState>4</EPSUserState>";
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    let table: Vec<(&str, String, Result<(), ShDataError>)> = vec![
        (
            "a billion laughs",
            "<!DOCTYPE Sh-Data [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>\
             <!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>]><Sh-Data><EPSUserState>&c;</EPSUserState></Sh-Data>"
                .to_owned(),
            Err(ShDataError::DocumentType),
        ),
        (
            "an external entity",
            "<!DOCTYPE Sh-Data [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><Sh-Data>&x;</Sh-Data>".to_owned(),
            Err(ShDataError::DocumentType),
        ),
        (
            "an external document type",
            "<!DOCTYPE Sh-Data SYSTEM 'http://127.0.0.1/ShData.dtd'><Sh-Data/>".to_owned(),
            Err(ShDataError::DocumentType),
        ),
        (
            "a parameter entity",
            "<!DOCTYPE r [<!ENTITY % p SYSTEM 'file:///dev/zero'> %p;]><Sh-Data/>".to_owned(),
            Err(ShDataError::DocumentType),
        ),
        (
            "a document type within",
            "<Sh-Data><!DOCTYPE Sh-Data></Sh-Data>".to_owned(),
            Err(ShDataError::DocumentType),
        ),
        ("an undefined entity", sh_data("&x;"), Err(ShDataError::Entity)),
        (
            "an undefined entity where nothing is read",
            sh_data("<Unknown>&x;</Unknown>"),
            Err(ShDataError::Entity),
        ),
        ("no character at all", sh_data("&#0;"), Err(ShDataError::Entity)),
        ("half a pair", sh_data("&#xD800;"), Err(ShDataError::Entity)),
        (
            "a character beyond all",
            sh_data("&#x110000;"),
            Err(ShDataError::Entity),
        ),
        (
            "a number without end",
            sh_data(&format!("&#{};", "9".repeat(5000))),
            Err(ShDataError::Entity),
        ),
        ("a bare ampersand", sh_data("a & b"), Err(ShDataError::Malformed)),
        (
            "as deep as may be",
            sh_data(&nested(MAX_DEPTH - 1)),
            Ok(()),
        ),
        (
            "deeper",
            sh_data(&nested(MAX_DEPTH)),
            Err(ShDataError::TooMuch(Bound::Depth)),
        ),
        (
            "extensions without end",
            sh_data(&"<Extension>".repeat(5000)),
            Err(ShDataError::TooMuch(Bound::Depth)),
        ),
        (
            "as many as may be",
            sh_data(&"<a/>".repeat(MAX_ELEMENTS - 1)),
            Ok(()),
        ),
        (
            "more",
            sh_data(&"<a/>".repeat(MAX_ELEMENTS)),
            Err(ShDataError::TooMuch(Bound::Elements)),
        ),
        (
            "a giant value",
            sh_data(&format!(
                "<EPSLocationInformation><MMEName>{}</MMEName></EPSLocationInformation>",
                "m".repeat(MAX_TEXT + 1)
            )),
            Err(ShDataError::TooMuch(Bound::Text)),
        ),
        (
            "a giant value in pieces",
            sh_data(&format!(
                "<EPSUserState>{}</EPSUserState>",
                "<!---->&#52;".repeat(MAX_TEXT + 1)
            )),
            Err(ShDataError::TooMuch(Bound::Text)),
        ),
        (
            "a giant value that is not read",
            sh_data(&format!("<IFCs>{}</IFCs>{state}", "x".repeat(60_000))),
            Ok(()),
        ),
        (
            "a giant document",
            sh_data(&" ".repeat(MAX_OCTETS)),
            Err(ShDataError::TooMuch(Bound::Octets)),
        ),
        (
            "a giant attribute",
            sh_data(&format!("<a b='{}'/>{state}", "x".repeat(60_000))),
            Ok(()),
        ),
        (
            "attributes without end",
            sh_data(&format!("<a{}/>{state}", " b='c'".repeat(10_000))),
            Ok(()),
        ),
        (
            "a giant name",
            sh_data(&format!("<{}/>", "a".repeat(60_000))),
            Ok(()),
        ),
        (
            "a value split by a comment",
            sh_data("<EPSUserState>4<!-- 0 -->0</EPSUserState>"),
            Err(ShDataError::Value("EPSUserState")),
        ),
        (
            "elements in a comment",
            sh_data(&format!("<!-- {state} -->")),
            Ok(()),
        ),
        (
            "elements as character data",
            sh_data(&format!("<![CDATA[{state}]]>")),
            Ok(()),
        ),
        (
            "elements as character data of a value",
            sh_data("<EPSUserState><![CDATA[<b>4</b>]]></EPSUserState>"),
            Err(ShDataError::Value("EPSUserState")),
        ),
        (
            "a comment that never ends",
            format!("<Sh-Data><!-- {state}</Sh-Data>"),
            Err(ShDataError::Malformed),
        ),
        (
            "two hyphens in a comment",
            sh_data("<!-- a -- b -->"),
            Err(ShDataError::Malformed),
        ),
        (
            "character data that never ends",
            format!("<Sh-Data><![CDATA[{state}</Sh-Data>"),
            Err(ShDataError::Malformed),
        ),
        (
            "crossed elements",
            sh_data("<a><b></a></b>"),
            Err(ShDataError::Malformed),
        ),
        (
            "an end without a begin",
            "</Sh-Data>".to_owned(),
            Err(ShDataError::Malformed),
        ),
        (
            "one end too many",
            "<Sh-Data></Sh-Data></Sh-Data>".to_owned(),
            Err(ShDataError::Malformed),
        ),
        (
            "two documents",
            format!("{}<Sh-Data>{state}</Sh-Data>", sh_data("")),
            Err(ShDataError::Malformed),
        ),
        (
            "text before",
            "x<Sh-Data/>".to_owned(),
            Err(ShDataError::Malformed),
        ),
        (
            "text behind",
            "<Sh-Data/>x".to_owned(),
            Err(ShDataError::Malformed),
        ),
        (
            "character data behind",
            "<Sh-Data/><![CDATA[]]>".to_owned(),
            Err(ShDataError::Malformed),
        ),
        (
            "a reference behind",
            "<Sh-Data/>&lt;".to_owned(),
            Err(ShDataError::Malformed),
        ),
        (
            "a declaration that is not the first",
            " <?xml version='1.0'?><Sh-Data/>".to_owned(),
            Err(ShDataError::Malformed),
        ),
        (
            "two declarations",
            "<?xml version='1.0'?><?xml version='1.0'?><Sh-Data/>".to_owned(),
            Err(ShDataError::Malformed),
        ),
        ("nothing", String::new(), Err(ShDataError::Malformed)),
        ("white space", " \n".to_owned(), Err(ShDataError::Malformed)),
        (
            "a declaration alone",
            "<?xml version='1.0'?>".to_owned(),
            Err(ShDataError::Malformed),
        ),
        (
            "no XML",
            "{\"Sh-Data\": {}}".to_owned(),
            Err(ShDataError::Malformed),
        ),
        (
            "another document",
            "<html><Sh-Data/></html>".to_owned(),
            Err(ShDataError::NotShData),
        ),
        (
            "another encoding by its declaration",
            "<?xml version='1.0' encoding='ISO-8859-1'?><Sh-Data/>".to_owned(),
            Err(ShDataError::Encoding),
        ),
        (
            "an encoding that hides",
            "<?xml version='1.0' encoding='UTF-7'?><Sh-Data/>".to_owned(),
            Err(ShDataError::Encoding),
        ),
        (
            "UTF-8 in small letters, with its mark",
            format!("\u{feff}<?xml version='1.0' encoding='utf-8'?><Sh-Data>{state}</Sh-Data>"),
            Ok(()),
        ),
    ];
    for (what, document, expected) in table {
        let result = parse(&document).map(|_| ());
        assert_eq!(result, expected, "{what}");
    }
}

#[test]
fn other_encodings_are_refused_by_their_octets() {
    let text = sh_data("<EPSUserState>4</EPSUserState>");
    let utf_16 = |mark: &[u8], octets: fn(u16) -> [u8; 2]| {
        let mut document = mark.to_vec();
        document.extend(text.encode_utf16().flat_map(octets));
        document
    };
    let mut latin_1 = b"<Sh-Data><a>".to_vec();
    latin_1.extend_from_slice(b"\xe9</a></Sh-Data>");
    for (what, document) in [
        ("UTF-16, big end first", utf_16(&[0xfe, 0xff], u16::to_be_bytes)),
        (
            "UTF-16, little end first",
            utf_16(&[0xff, 0xfe], u16::to_le_bytes),
        ),
        ("ISO 8859-1", latin_1),
        ("an overlong form", b"<Sh-Data>\xc0\xbc</Sh-Data>".to_vec()),
        ("half a pair", b"<Sh-Data>\xed\xa0\x80</Sh-Data>".to_vec()),
    ] {
        assert_eq!(ShData::parse(&document), Err(ShDataError::Encoding), "{what}");
    }
    // Without its mark UTF-16 is UTF-8 full of NUL, and no document.
    for octets in [u16::to_be_bytes, u16::to_le_bytes] {
        assert!(ShData::parse(&utf_16(&[], octets)).is_err());
    }
}

#[test]
fn a_document_cut_off_anywhere_is_no_document() {
    let whole = COMPLETE.trim_end();
    for end in 0..whole.len() {
        assert!(ShData::parse(&whole.as_bytes()[..end]).is_err(), "{end}");
    }
    assert_eq!(parse(whole), Ok(complete()));
}

#[test]
fn one_octet_gone_wrong_is_never_more_than_an_error() {
    let whole = COMPLETE.as_bytes();
    for place in 0..whole.len() {
        for octet in [0, b'<', b'>', b'&', b'"', b'!', b'/', 0x80, 0xff] {
            let mut document = whole.to_vec();
            document[place] = octet;
            let _ = ShData::parse(&document);
        }
    }
}
