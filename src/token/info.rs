//! What the token says of itself: C_GetInfo, C_GetSlotList, C_GetSlotInfo, C_GetTokenInfo, C_GetMechanismList, C_GetMechanismInfo,
//! C_GetSessionInfo. Flags are exact: a client refuses to log in, or asks for a PIN, because of one bit.
//!
//! Source: PKCS#11 3.2, "Slot and token management functions", "Session management functions", "Session states".

use crate::token::application::Application;
use crate::token::error::{R, Reason};
use crate::token::login::PIN_LEN;
use crate::token::mechanism;
use crate::token::slot::Role;
use cryptoki_sys as ck;

const MANUFACTURER: &str = "cngtoken";
const LIBRARY_VERSION: (u8, u8) = (0, 1);

/// CK_INFO.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "fields of CK_INFO")]
pub struct Info {
    pub version: (u8, u8),
    pub manufacturer: [u8; 32],
    pub flags: u64,
    pub description: [u8; 32],
    pub library: (u8, u8),
}

/// CK_SLOT_INFO.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "fields of CK_SLOT_INFO")]
pub struct SlotInfo {
    pub description: [u8; 64],
    pub manufacturer: [u8; 32],
    pub flags: u64,
    pub hardware: (u8, u8),
    pub firmware: (u8, u8),
}

/// CK_TOKEN_INFO.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "fields of CK_TOKEN_INFO")]
pub struct TokenInfo {
    pub label: [u8; 32],
    pub manufacturer: [u8; 32],
    pub model: [u8; 16],
    pub serial: [u8; 16],
    pub flags: u64,
    pub max_sessions: u64,
    pub sessions: u64,
    pub max_rw_sessions: u64,
    pub rw_sessions: u64,
    pub max_pin_len: u64,
    pub min_pin_len: u64,
    pub total_public_memory: u64,
    pub free_public_memory: u64,
    pub total_private_memory: u64,
    pub free_private_memory: u64,
    pub hardware: (u8, u8),
    pub firmware: (u8, u8),
    pub utc_time: [u8; 16],
}

/// CK_MECHANISM_INFO.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "fields of CK_MECHANISM_INFO")]
pub struct MechanismInfo {
    pub min: u64,
    pub max: u64,
    pub flags: u64,
}

/// CK_SESSION_INFO.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "fields of CK_SESSION_INFO")]
pub struct SessionInfo {
    pub slot: u64,
    pub state: u64,
    pub flags: u64,
    pub device_error: u64,
}

fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut out = [b' '; N];
    for (to, from) in out.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    out
}

impl Application {
    /// C_GetInfo.
    #[must_use]
    pub fn info(&self) -> Info {
        Info {
            version: (3, 2),
            manufacturer: padded(MANUFACTURER),
            flags: 0,
            description: padded("CNG keys as PKCS#11 objects"),
            library: LIBRARY_VERSION,
        }
    }

    /// C_GetSlotList. A token is present in every slot, initialised or not.
    ///
    /// # Errors
    /// None.
    pub fn slots(&self, _token_present: bool) -> R<Vec<u64>> {
        Ok(self.slots.iter().map(|s| s.id).collect())
    }

    /// C_GetSlotInfo.
    ///
    /// # Errors
    /// SlotIdInvalid.
    pub fn slot_info(&self, slot: u64) -> R<SlotInfo> {
        let slot = self.slot(slot)?;
        Ok(SlotInfo {
            description: padded(&format!("cngtoken slot {}", slot.id)),
            manufacturer: padded(MANUFACTURER),
            flags: ck::CKF_TOKEN_PRESENT,
            hardware: (0, 0),
            firmware: LIBRARY_VERSION,
        })
    }

    /// C_GetTokenInfo. Never fails because another process writes.
    ///
    /// # Errors
    /// SlotIdInvalid; TokenNotRecognized or DeviceError if the store cannot be read.
    pub fn token_info(&self, slot: u64) -> R<TokenInfo> {
        let slot = self.slot(slot)?;
        let header = slot.header()?;
        let (sessions, rw_sessions) = slot.session_counts();
        let mut flags = ck::CKF_RNG | ck::CKF_LOGIN_REQUIRED | ck::CKF_DUAL_CRYPTO_OPERATIONS;
        let (mut label, mut serial, mut model) = (padded(""), padded("0000000000000000"), padded("cngtoken"));
        if let Some(header) = &header {
            flags |= ck::CKF_TOKEN_INITIALIZED;
            label = header.label;
            serial = padded(&header.store_id.iter().take(8).map(|b| format!("{b:02x}")).collect::<String>());
            if header.test_kdf {
                model = padded("cngtoken TEST");
            }
            let mut set = |on: bool, flag: u64| {
                if on {
                    flags |= flag;
                }
            };
            set(header.user_pin_set, ck::CKF_USER_PIN_INITIALIZED);
            set(!header.writable, ck::CKF_WRITE_PROTECTED);
            set(header.user.count_low(), ck::CKF_USER_PIN_COUNT_LOW);
            set(header.user.final_try(), ck::CKF_USER_PIN_FINAL_TRY);
            set(header.user.locked(), ck::CKF_USER_PIN_LOCKED);
            set(header.so.count_low(), ck::CKF_SO_PIN_COUNT_LOW);
            set(header.so.final_try(), ck::CKF_SO_PIN_FINAL_TRY);
            set(header.so.locked(), ck::CKF_SO_PIN_LOCKED);
        }
        Ok(TokenInfo {
            label,
            manufacturer: padded(MANUFACTURER),
            model,
            serial,
            flags,
            max_sessions: ck::CK_EFFECTIVELY_INFINITE,
            sessions,
            max_rw_sessions: ck::CK_EFFECTIVELY_INFINITE,
            rw_sessions,
            max_pin_len: PIN_LEN.end().to_owned() as u64,
            min_pin_len: PIN_LEN.start().to_owned() as u64,
            total_public_memory: ck::CK_UNAVAILABLE_INFORMATION,
            free_public_memory: ck::CK_UNAVAILABLE_INFORMATION,
            total_private_memory: ck::CK_UNAVAILABLE_INFORMATION,
            free_private_memory: ck::CK_UNAVAILABLE_INFORMATION,
            hardware: (0, 0),
            firmware: LIBRARY_VERSION,
            utc_time: padded(""),
        })
    }

    /// C_GetMechanismList.
    ///
    /// # Errors
    /// SlotIdInvalid.
    pub fn mechanisms(&self, slot: u64) -> R<Vec<u64>> {
        self.slot(slot)?;
        Ok(mechanism::listed())
    }

    /// C_GetMechanismInfo.
    ///
    /// # Errors
    /// SlotIdInvalid, MechanismInvalid.
    pub fn mechanism_info(&self, slot: u64, id: u64) -> R<MechanismInfo> {
        self.slot(slot)?;
        let row = mechanism::row(id).ok_or_else(|| Reason::MechanismInvalid.because(format!("mechanism 0x{id:x} is not known")))?;
        let (min, max) = row.sizes.bounds();
        Ok(MechanismInfo { min, max, flags: row.uses | row.flags })
    }

    /// C_GetSessionInfo.
    ///
    /// # Errors
    /// SessionHandleInvalid.
    pub fn session_info(&self, session: u64) -> R<SessionInfo> {
        let session = self.session(session)?;
        let state = match (session.slot.role(), session.read_write) {
            (Role::Nobody, false) => ck::CKS_RO_PUBLIC_SESSION,
            (Role::Nobody, true) => ck::CKS_RW_PUBLIC_SESSION,
            (Role::User, false) => ck::CKS_RO_USER_FUNCTIONS,
            (Role::User, true) => ck::CKS_RW_USER_FUNCTIONS,
            (Role::So, _) => ck::CKS_RW_SO_FUNCTIONS,
        };
        let flags = ck::CKF_SERIAL_SESSION | if session.read_write { ck::CKF_RW_SESSION } else { 0 };
        Ok(SessionInfo { slot: session.slot.id, state, flags, device_error: 0 })
    }
}
