//! The calls of a case, made through the C ABI: an element with its arguments becomes one PKCS#11 call, and what comes back an element.
//!
//! Nothing is judged here. What a case leaves out (`pReserved`, `pApplication`, `Notify`) is NULL. An output element without `length` asks
//! for the size, one with it has a buffer of so many elements or bytes.

use crate::case::Element;
use crate::client::{Module, Room, Rv, input, output};
use crate::p11;
use cryptoki_sys::*;
use std::ptr::null_mut;

type Names = &'static [(&'static str, u64)];

const MECHANISMS: Names = &[
    ("SHA512", CKM_SHA512),
    ("RSA_PKCS_KEY_PAIR_GEN", CKM_RSA_PKCS_KEY_PAIR_GEN),
    ("RSA_PKCS", CKM_RSA_PKCS),
    ("SHA256_RSA_PKCS", CKM_SHA256_RSA_PKCS),
];
const CLASSES: Names = &[("PUBLIC_KEY", CKO_PUBLIC_KEY), ("PRIVATE_KEY", CKO_PRIVATE_KEY)];
const USERS: Names = &[("USER", CKU_USER), ("SO", CKU_SO)];
const ATTRIBUTES: &[(&str, u64, Kind)] = &[
    ("TOKEN", CKA_TOKEN, Kind::Bool),
    ("CLASS", CKA_CLASS, Kind::Class),
    ("LABEL", CKA_LABEL, Kind::Text),
    ("VALUE", CKA_VALUE, Kind::Hex),
    ("MODULUS", CKA_MODULUS, Kind::Hex),
    ("PUBLIC_EXPONENT", CKA_PUBLIC_EXPONENT, Kind::Hex),
];
/// The flags of each structure that has some.
const FLAGS: &[(&str, Names)] = &[
    ("C_GetInfo", &[]),
    ("C_GetSlotInfo", &[("TOKEN_PRESENT", CKF_TOKEN_PRESENT), ("REMOVABLE_DEVICE", CKF_REMOVABLE_DEVICE), ("HW_SLOT", CKF_HW_SLOT)]),
    (
        "C_GetTokenInfo",
        &[
            ("RNG", CKF_RNG),
            ("LOGIN_REQUIRED", CKF_LOGIN_REQUIRED),
            ("USER_PIN_INITIALIZED", CKF_USER_PIN_INITIALIZED),
            ("RESTORE_KEY_NOT_NEEDED", CKF_RESTORE_KEY_NOT_NEEDED),
            ("TOKEN_INITIALIZED", CKF_TOKEN_INITIALIZED),
        ],
    ),
    (
        "C_GetMechanismInfo",
        &[
            ("DIGEST", CKF_DIGEST),
            ("ENCRYPT", CKF_ENCRYPT),
            ("DECRYPT", CKF_DECRYPT),
            ("SIGN", CKF_SIGN),
            ("VERIFY", CKF_VERIFY),
            ("WRAP", CKF_WRAP),
            ("UNWRAP", CKF_UNWRAP),
            ("GENERATE_KEY_PAIR", CKF_GENERATE_KEY_PAIR),
        ],
    ),
    ("C_OpenSession", &[("RW_SESSION", CKF_RW_SESSION), ("SERIAL_SESSION", CKF_SERIAL_SESSION)]),
];

/// How an attribute's bytes are written.
#[derive(Clone, Copy)]
enum Kind {
    Bool,
    Class,
    Text,
    Hex,
}

fn named(names: Names, name: &str) -> u64 {
    names.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("the runner does not know {name}")).1
}

fn attribute(name: &str) -> (u64, Kind) {
    let row = ATTRIBUTES.iter().find(|(n, ..)| *n == name).unwrap_or_else(|| panic!("the runner does not know the attribute {name}"));
    (row.1, row.2)
}

/// Flags as a case writes them for a call's structure: names joined by `|` or spaces, or a number.
pub(crate) fn flags(call: &str, text: &str) -> u64 {
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).expect("a number of flags");
    }
    let names = FLAGS.iter().find(|(c, _)| *c == call).unwrap_or_else(|| panic!("{call} has no flags")).1;
    text.split(['|', ' ']).filter(|n| !n.is_empty()).map(|name| named(names, name)).fold(0, |all, flag| all | flag)
}

/// The bytes of a template's value.
fn bytes(kind: Kind, text: &str) -> Vec<u8> {
    match kind {
        Kind::Bool => vec![u8::from(text.eq_ignore_ascii_case("true"))],
        Kind::Class => named(CLASSES, text).to_ne_bytes().to_vec(),
        Kind::Text => text.as_bytes().to_vec(),
        Kind::Hex => hex::decode(text).expect("hexadecimal digits"),
    }
}

fn written(kind: Kind, bytes: &[u8]) -> String {
    match kind {
        Kind::Text => String::from_utf8(bytes.to_vec()).expect("text is UTF-8"),
        Kind::Hex => hex::encode(bytes),
        Kind::Bool | Kind::Class => panic!("no case reads a flag or a class"),
    }
}

fn count(n: CK_ULONG) -> usize {
    usize::try_from(n).expect("a count")
}

fn valued(name: &str, value: impl ToString) -> Element {
    Element::new(name).with("value", value)
}

fn padded(name: &str, text: &[CK_UTF8CHAR]) -> Element {
    valued(name, std::str::from_utf8(text).expect("text is UTF-8"))
}

fn version(name: &str, version: CK_VERSION) -> Element {
    Element::new(name).with("major", version.major).with("minor", version.minor)
}

fn flag_word(flags: CK_FLAGS) -> Element {
    valued("Flags", format!("{flags:#x}"))
}

/// Makes the call, whose variables are replaced, and writes its answer: the return code, and what came back if it was CKR_OK.
pub(crate) fn make(m: &Module, call: &Element) -> Element {
    let (rv, given) = answer(m, call);
    let name = format!("{rv:?}");
    let out = Element::new(&call.name).with("rv", name.strip_prefix("CKR_").unwrap_or(&name));
    if rv == CKR_OK { out.holding(given) } else { out }
}

fn answer(m: &Module, call: &Element) -> (Rv, Vec<Element>) {
    let slot = || call.number("SlotID");
    let session = || call.number("Session");
    let plain = |rv| (rv, Vec::new());
    match call.name.as_str() {
        "C_Initialize" => plain(p11!(m, C_Initialize, null_mut())),
        "C_Finalize" => plain(p11!(m, C_Finalize, null_mut())),
        "C_GetInfo" => info(m),
        "C_GetSlotInfo" => slot_info(m, slot()),
        "C_GetTokenInfo" => token_info(m, slot()),
        "C_GetSlotList" => {
            let present = bytes(Kind::Bool, call.value("TokenPresent"))[0];
            let item = |id: u64| valued("SlotID", id);
            list(call.must("SlotList"), item, |at, n| p11!(m, C_GetSlotList, present, at, n))
        }
        "C_GetMechanismList" => {
            let name = |id: u64| MECHANISMS.iter().find(|(_, m)| *m == id).map_or_else(|| format!("{id:#x}"), |(n, _)| (*n).to_owned());
            list(call.must("MechanismList"), |id| valued("Type", name(id)), |at, n| p11!(m, C_GetMechanismList, slot(), at, n))
        }
        "C_GetMechanismInfo" => {
            let mut info = CK_MECHANISM_INFO::default();
            let rv = p11!(m, C_GetMechanismInfo, slot(), named(MECHANISMS, call.value("Type")), &raw mut info);
            let fields = [valued("MinKeySize", info.ulMinKeySize), valued("MaxKeySize", info.ulMaxKeySize), flag_word(info.flags)];
            (rv, vec![Element::new("MechanismInfo").holding(fields)])
        }
        "C_OpenSession" => {
            let mut handle = CK_INVALID_HANDLE;
            let rv = p11!(m, C_OpenSession, slot(), flags(&call.name, call.value("Flags")), null_mut(), None, &raw mut handle);
            (rv, vec![valued("Session", handle)])
        }
        "C_CloseSession" => plain(p11!(m, C_CloseSession, session())),
        "C_CloseAllSessions" => plain(p11!(m, C_CloseAllSessions, slot())),
        "C_Login" => {
            let (pin, len) = input(call.value("Pin").as_bytes());
            plain(p11!(m, C_Login, session(), named(USERS, call.value("UserType")), pin, len))
        }
        "C_Logout" => plain(p11!(m, C_Logout, session())),
        "C_FindObjectsInit" => {
            let values: Vec<(u64, Vec<u8>)> = call.must("Template").children.iter().map(search_row).collect();
            let row = |(id, value): &(u64, Vec<u8>)| {
                let (at, len) = input(value);
                CK_ATTRIBUTE { type_: *id, pValue: at.cast(), ulValueLen: len }
            };
            let mut rows: Vec<CK_ATTRIBUTE> = values.iter().map(row).collect();
            plain(p11!(m, C_FindObjectsInit, session(), rows.as_mut_ptr(), rows.len() as CK_ULONG))
        }
        "C_FindObjects" => {
            let most = call.must("Object").length().expect("the largest number of handles");
            let (mut handles, mut found) = (vec![CK_INVALID_HANDLE; most], 0);
            let rv = p11!(m, C_FindObjects, session(), handles.as_mut_ptr(), most as CK_ULONG, &raw mut found);
            let found = handles.iter().take(count(found)).map(|h| valued("Object", h));
            (rv, vec![Element::new("Object").holding(found)])
        }
        "C_FindObjectsFinal" => plain(p11!(m, C_FindObjectsFinal, session())),
        "C_GetAttributeValue" => attribute_values(m, call),
        "C_SignInit" => {
            let kind = named(MECHANISMS, call.must("Mechanism").value("Type"));
            let mut mechanism = CK_MECHANISM { mechanism: kind, pParameter: null_mut(), ulParameterLen: 0 };
            plain(p11!(m, C_SignInit, session(), &raw mut mechanism, call.number("Key")))
        }
        "C_Sign" => {
            let data = hex::decode(call.value("Data")).expect("hexadecimal digits");
            let (at, len) = input(&data);
            let room = call.must("Signature").length().map_or(Room::Ask, Room::Bytes);
            let out = output(room, |to, to_len| p11!(m, C_Sign, session(), at, len, to, to_len));
            let signature = Element::new("Signature");
            let signature = if room == Room::Ask { signature.with("length", out.len) } else { signature.with("value", hex::encode(&out.bytes)) };
            (out.rv, vec![signature])
        }
        other => panic!("the runner cannot call {other}"),
    }
}

/// A list of numbers, or how long it is.
fn list(wanted: &Element, item: impl Fn(u64) -> Element, call: impl FnOnce(*mut CK_ULONG, *mut CK_ULONG) -> Rv) -> (Rv, Vec<Element>) {
    let out = Element::new(&wanted.name);
    let Some(room) = wanted.length() else {
        let mut told = 0;
        let rv = call(null_mut(), &raw mut told);
        return (rv, vec![out.with("length", told)]);
    };
    let (mut numbers, mut told) = (vec![0; room], room as CK_ULONG);
    let rv = call(numbers.as_mut_ptr(), &raw mut told);
    (rv, vec![out.holding(numbers.into_iter().take(count(told)).map(item))])
}

fn search_row(row: &Element) -> (u64, Vec<u8>) {
    let (id, kind) = attribute(row.attr("type").expect("an attribute's type"));
    (id, bytes(kind, row.attr("value").expect("an attribute's value")))
}

fn attribute_values(m: &Module, call: &Element) -> (Rv, Vec<Element>) {
    let wanted = &call.must("Template").children;
    let mut buffers: Vec<Option<Vec<u8>>> = wanted.iter().map(|w| w.length().map(|n| vec![0; n])).collect();
    let row = |(wanted, buffer): (&Element, &mut Option<Vec<u8>>)| CK_ATTRIBUTE {
        type_: attribute(wanted.attr("type").expect("an attribute's type")).0,
        pValue: buffer.as_mut().map_or(null_mut(), |b| b.as_mut_ptr().cast()),
        ulValueLen: buffer.as_ref().map_or(0, |b| b.len() as CK_ULONG),
    };
    let mut rows: Vec<CK_ATTRIBUTE> = wanted.iter().zip(&mut buffers).map(row).collect();
    let rv = p11!(m, C_GetAttributeValue, call.number("Session"), call.number("Object"), rows.as_mut_ptr(), rows.len() as CK_ULONG);
    if rv != CKR_OK {
        return (rv, Vec::new());
    }
    let given = wanted.iter().zip(&buffers).zip(&rows).map(|((wanted, buffer), row)| {
        let name = wanted.attr("type").expect("an attribute's type");
        let out = Element::new("Attribute").with("type", name);
        match buffer {
            None => out.with("length", row.ulValueLen),
            Some(buffer) => out.with("value", written(attribute(name).1, &buffer[..count(row.ulValueLen)])),
        }
    });
    (rv, vec![Element::new("Template").holding(given)])
}

fn info(m: &Module) -> (Rv, Vec<Element>) {
    let mut info = CK_INFO::default();
    let rv = p11!(m, C_GetInfo, &raw mut info);
    let fields = [
        version("CryptokiVersion", info.cryptokiVersion),
        padded("ManufacturerID", &info.manufacturerID),
        flag_word(info.flags),
        padded("LibraryDescription", &info.libraryDescription),
        version("LibraryVersion", info.libraryVersion),
    ];
    (rv, vec![Element::new("Info").holding(fields)])
}

fn slot_info(m: &Module, slot: u64) -> (Rv, Vec<Element>) {
    let mut info = CK_SLOT_INFO::default();
    let rv = p11!(m, C_GetSlotInfo, slot, &raw mut info);
    let fields = [
        padded("SlotDescription", &info.slotDescription),
        padded("ManufacturerID", &info.manufacturerID),
        flag_word(info.flags),
        version("HardwareVersion", info.hardwareVersion),
        version("FirmwareVersion", info.firmwareVersion),
    ];
    (rv, vec![Element::new("SlotInfo").holding(fields)])
}

fn token_info(m: &Module, slot: u64) -> (Rv, Vec<Element>) {
    let mut info = CK_TOKEN_INFO::default();
    let rv = p11!(m, C_GetTokenInfo, slot, &raw mut info);
    let fields = [
        padded("label", &info.label),
        padded("ManufacturerID", &info.manufacturerID),
        padded("model", &info.model),
        padded("serialNumber", &info.serialNumber),
        flag_word(info.flags),
        valued("MaxSessionCount", info.ulMaxSessionCount),
        valued("SessionCount", info.ulSessionCount),
        valued("MaxRwSessionCount", info.ulMaxRwSessionCount),
        valued("RwSessionCount", info.ulRwSessionCount),
        valued("MaxPinLen", info.ulMaxPinLen),
        valued("MinPinLen", info.ulMinPinLen),
        valued("TotalPublicMemory", info.ulTotalPublicMemory),
        valued("FreePublicMemory", info.ulFreePublicMemory),
        valued("TotalPrivateMemory", info.ulTotalPrivateMemory),
        valued("FreePrivateMemory", info.ulFreePrivateMemory),
        version("HardwareVersion", info.hardwareVersion),
        version("FirmwareVersion", info.firmwareVersion),
        padded("utcTime", &info.utcTime),
    ];
    (rv, vec![Element::new("TokenInfo").holding(fields)])
}
