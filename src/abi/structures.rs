//! The token's descriptions as the structures of the standard: CK_INFO and its four kin, field by field.
//!
//! Texts come padded and without NUL from the token; nothing is decided here. Called by `table.rs`. Source: PKCS#11 3.2, "Data types".

use crate::token::{Info, MechanismInfo, SessionInfo, SlotInfo, TokenInfo};
use cryptoki_sys::{CK_INFO, CK_MECHANISM_INFO, CK_SESSION_INFO, CK_SLOT_INFO, CK_TOKEN_INFO, CK_VERSION};

const fn version((major, minor): (u8, u8)) -> CK_VERSION {
    CK_VERSION { major, minor }
}

pub(super) fn info(info: &Info) -> CK_INFO {
    CK_INFO {
        cryptokiVersion: version(info.version),
        manufacturerID: info.manufacturer,
        flags: info.flags,
        libraryDescription: info.description,
        libraryVersion: version(info.library),
    }
}

pub(super) fn slot(info: &SlotInfo) -> CK_SLOT_INFO {
    CK_SLOT_INFO {
        slotDescription: info.description,
        manufacturerID: info.manufacturer,
        flags: info.flags,
        hardwareVersion: version(info.hardware),
        firmwareVersion: version(info.firmware),
    }
}

pub(super) fn token(info: &TokenInfo) -> CK_TOKEN_INFO {
    CK_TOKEN_INFO {
        label: info.label,
        manufacturerID: info.manufacturer,
        model: info.model,
        serialNumber: info.serial,
        flags: info.flags,
        ulMaxSessionCount: info.max_sessions,
        ulSessionCount: info.sessions,
        ulMaxRwSessionCount: info.max_rw_sessions,
        ulRwSessionCount: info.rw_sessions,
        ulMaxPinLen: info.max_pin_len,
        ulMinPinLen: info.min_pin_len,
        ulTotalPublicMemory: info.total_public_memory,
        ulFreePublicMemory: info.free_public_memory,
        ulTotalPrivateMemory: info.total_private_memory,
        ulFreePrivateMemory: info.free_private_memory,
        hardwareVersion: version(info.hardware),
        firmwareVersion: version(info.firmware),
        utcTime: info.utc_time,
    }
}

pub(super) fn mechanism(info: &MechanismInfo) -> CK_MECHANISM_INFO {
    CK_MECHANISM_INFO { ulMinKeySize: info.min, ulMaxKeySize: info.max, flags: info.flags }
}

pub(super) fn session(info: &SessionInfo) -> CK_SESSION_INFO {
    CK_SESSION_INFO { slotID: info.slot, state: info.state, flags: info.flags, ulDeviceError: info.device_error }
}
