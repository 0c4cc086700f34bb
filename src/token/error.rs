//! Why a call failed: the reason first, with the value at fault, and one table that maps each reason to its `CKR_*` and NTSTATUS.
//!
//! Every return value of the module comes out of [`REASONS`]. Sources: PKCS#11 3.2, "Function return values";
//! `vendor-ext/README.md`, "Results", for the NTSTATUS and the codes that differ through C_CreateObject.

use cryptoki_sys as ck;
use std::fmt;

/// What went wrong, as a closed list. The number belongs to the row in [`REASONS`], not to the place that found the fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[allow(missing_docs, reason = "the names are the standard's, or said by the row's text")]
pub enum Reason {
    ActionProhibited,
    AeadDecryptFailed,
    ArgumentsBad,
    AttributeReadOnly,
    AttributeSensitive,
    AttributeTypeInvalid,
    AttributeValueInvalid,
    BlobHeader,
    BlobIncomplete,
    BlobKeySize,
    BlobNotSupported,
    BlobNumbers,
    BlobSize,
    BufferTooSmall,
    CantLock,
    CryptokiAlreadyInitialized,
    CryptokiNotInitialized,
    CurveMissing,
    CurveNotSupported,
    DataInvalid,
    DataLenRange,
    DeviceError,
    DeviceMemory,
    DomainParamsInvalid,
    EncryptedDataInvalid,
    EncryptedDataLenRange,
    ExportDenied,
    ExportTypeMismatch,
    FunctionFailed,
    FunctionNotParallel,
    FunctionNotSupported,
    GeneralError,
    HostMemory,
    KeyChanged,
    KeyFunctionNotPermitted,
    KeyHandleInvalid,
    KeyIndigestible,
    KeyNeeded,
    KeyNotNeeded,
    KeyNotWrappable,
    KeySizeRange,
    KeyTypeInconsistent,
    KeyUnextractable,
    MechanismInvalid,
    MechanismParamInvalid,
    NeedToCreateThreads,
    NoEvent,
    ObjectHandleInvalid,
    OperationActive,
    OperationNotInitialized,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PublicKeyInvalid,
    RandomSeedNotSupported,
    SavedStateInvalid,
    SessionExists,
    SessionHandleInvalid,
    SessionParallelNotSupported,
    SessionReadOnly,
    SessionReadOnlyExists,
    SessionReadWriteSoExists,
    SignatureInvalid,
    SignatureLenRange,
    SlotIdInvalid,
    StateUnsaveable,
    StoreFull,
    TemplateIncomplete,
    TemplateInconsistent,
    TokenNotRecognized,
    TokenWriteProtected,
    UnwrappingKeyHandleInvalid,
    UnwrappingKeySizeRange,
    UnwrappingKeyTypeInconsistent,
    UserAlreadyLoggedIn,
    UserAnotherAlreadyLoggedIn,
    UserNotLoggedIn,
    UserPinNotInitialized,
    UserTypeInvalid,
    WrappedKeyInvalid,
    WrappedKeyLenRange,
    WrappingKeyHandleInvalid,
    WrappingKeySizeRange,
    WrappingKeyTypeInconsistent,
}

/// One row: the reason, its numbers, and what it says when nobody said it better.
#[derive(Debug)]
pub struct ReasonRow {
    /// The reason.
    pub reason: Reason,
    /// `CKR_*` through the function's own door.
    pub rv: u64,
    /// `CKR_*` through C_CreateObject, whose list of codes is shorter.
    pub rv_create: u64,
    /// NTSTATUS that C_GetBCryptStatus tells.
    pub nt_status: u32,
    /// Default text.
    pub text: &'static str,
}

const STATUS_INVALID_PARAMETER: u32 = 0xC000_000D;
const STATUS_INVALID_HANDLE: u32 = 0xC000_0008;
const STATUS_NOT_SUPPORTED: u32 = 0xC000_00BB;
const STATUS_INVALID_BUFFER_SIZE: u32 = 0xC000_0206;
const STATUS_BUFFER_TOO_SMALL: u32 = 0xC000_0023;
const STATUS_ACCESS_DENIED: u32 = 0xC000_0022;
const STATUS_DISK_FULL: u32 = 0xC000_007F;
const STATUS_UNSUCCESSFUL: u32 = 0xC000_0001;

const fn row(reason: Reason, rv: u64, nt_status: u32, text: &'static str) -> ReasonRow {
    ReasonRow { reason, rv, rv_create: rv, nt_status, text }
}

const fn blob(reason: Reason, rv: u64, nt_status: u32, text: &'static str) -> ReasonRow {
    ReasonRow { reason, rv, rv_create: ck::CKR_ATTRIBUTE_VALUE_INVALID, nt_status, text }
}

/// The one mapping of reasons to numbers.
pub static REASONS: &[ReasonRow] = &[
    row(Reason::ActionProhibited, ck::CKR_ACTION_PROHIBITED, STATUS_ACCESS_DENIED, "the object does not allow this"),
    row(Reason::AeadDecryptFailed, ck::CKR_AEAD_DECRYPT_FAILED, STATUS_INVALID_PARAMETER, "the tag does not fit the message"),
    row(Reason::ArgumentsBad, ck::CKR_ARGUMENTS_BAD, STATUS_INVALID_PARAMETER, "an argument is missing or out of range"),
    row(Reason::AttributeReadOnly, ck::CKR_ATTRIBUTE_READ_ONLY, STATUS_INVALID_PARAMETER, "the attribute may not be set"),
    row(Reason::AttributeSensitive, ck::CKR_ATTRIBUTE_SENSITIVE, STATUS_NOT_SUPPORTED, "the attribute is sensitive"),
    row(Reason::AttributeTypeInvalid, ck::CKR_ATTRIBUTE_TYPE_INVALID, STATUS_INVALID_PARAMETER, "the object has no such attribute"),
    row(Reason::AttributeValueInvalid, ck::CKR_ATTRIBUTE_VALUE_INVALID, STATUS_INVALID_PARAMETER, "the attribute's value is not valid"),
    blob(Reason::BlobHeader, ck::CKR_DATA_INVALID, STATUS_INVALID_PARAMETER, "the blob's header does not fit its type"),
    row(Reason::BlobIncomplete, ck::CKR_TEMPLATE_INCOMPLETE, STATUS_INVALID_PARAMETER, "the blob needs numbers that it does not carry"),
    blob(Reason::BlobKeySize, ck::CKR_KEY_SIZE_RANGE, STATUS_NOT_SUPPORTED, "the key's size is not supported"),
    row(Reason::BlobNotSupported, ck::CKR_ATTRIBUTE_VALUE_INVALID, STATUS_NOT_SUPPORTED, "the blob type is not supported"),
    row(Reason::BlobNumbers, ck::CKR_ATTRIBUTE_VALUE_INVALID, STATUS_INVALID_PARAMETER, "the key's numbers are inconsistent"),
    blob(Reason::BlobSize, ck::CKR_DATA_LEN_RANGE, STATUS_INVALID_BUFFER_SIZE, "the blob's lengths do not add up"),
    row(Reason::BufferTooSmall, ck::CKR_BUFFER_TOO_SMALL, STATUS_BUFFER_TOO_SMALL, "the buffer is too small"),
    row(Reason::CantLock, ck::CKR_CANT_LOCK, STATUS_UNSUCCESSFUL, "the module locks with the system's own locks only"),
    row(Reason::CryptokiAlreadyInitialized, ck::CKR_CRYPTOKI_ALREADY_INITIALIZED, STATUS_UNSUCCESSFUL, "C_Initialize was already called"),
    row(Reason::CryptokiNotInitialized, ck::CKR_CRYPTOKI_NOT_INITIALIZED, STATUS_UNSUCCESSFUL, "C_Initialize was not called in this process"),
    row(Reason::CurveMissing, ck::CKR_TEMPLATE_INCOMPLETE, STATUS_INVALID_PARAMETER, "the blob does not name its curve"),
    row(Reason::CurveNotSupported, ck::CKR_CURVE_NOT_SUPPORTED, STATUS_NOT_SUPPORTED, "the curve is not supported"),
    row(Reason::DataInvalid, ck::CKR_DATA_INVALID, STATUS_INVALID_PARAMETER, "the data is not valid for the mechanism"),
    row(Reason::DataLenRange, ck::CKR_DATA_LEN_RANGE, STATUS_INVALID_BUFFER_SIZE, "the data's length is out of range"),
    row(Reason::DeviceError, ck::CKR_DEVICE_ERROR, STATUS_UNSUCCESSFUL, "the store failed"),
    row(Reason::DeviceMemory, ck::CKR_DEVICE_MEMORY, STATUS_DISK_FULL, "the store has no room"),
    row(Reason::DomainParamsInvalid, ck::CKR_DOMAIN_PARAMS_INVALID, STATUS_INVALID_PARAMETER, "the domain parameters are not valid"),
    row(Reason::EncryptedDataInvalid, ck::CKR_ENCRYPTED_DATA_INVALID, STATUS_INVALID_PARAMETER, "the encrypted data is not valid"),
    row(Reason::EncryptedDataLenRange, ck::CKR_ENCRYPTED_DATA_LEN_RANGE, STATUS_INVALID_BUFFER_SIZE, "the encrypted data's length is out of range"),
    row(Reason::ExportDenied, ck::CKR_KEY_UNEXTRACTABLE, STATUS_NOT_SUPPORTED, "the key may not leave the token"),
    row(Reason::ExportTypeMismatch, ck::CKR_KEY_TYPE_INCONSISTENT, STATUS_NOT_SUPPORTED, "the blob type does not fit the key"),
    row(Reason::FunctionFailed, ck::CKR_FUNCTION_FAILED, STATUS_UNSUCCESSFUL, "the function failed"),
    row(Reason::FunctionNotParallel, ck::CKR_FUNCTION_NOT_PARALLEL, STATUS_NOT_SUPPORTED, "no function runs in parallel"),
    row(Reason::FunctionNotSupported, ck::CKR_FUNCTION_NOT_SUPPORTED, STATUS_NOT_SUPPORTED, "the function is not supported"),
    row(Reason::GeneralError, ck::CKR_GENERAL_ERROR, STATUS_UNSUCCESSFUL, "an internal error"),
    row(Reason::HostMemory, ck::CKR_HOST_MEMORY, STATUS_UNSUCCESSFUL, "not enough memory"),
    row(Reason::KeyChanged, ck::CKR_KEY_CHANGED, STATUS_INVALID_PARAMETER, "the key is not the one that the operation began with"),
    row(Reason::KeyFunctionNotPermitted, ck::CKR_KEY_FUNCTION_NOT_PERMITTED, STATUS_ACCESS_DENIED, "the key may not be used for this"),
    row(Reason::KeyHandleInvalid, ck::CKR_KEY_HANDLE_INVALID, STATUS_INVALID_HANDLE, "there is no such key"),
    row(Reason::KeyIndigestible, ck::CKR_KEY_INDIGESTIBLE, STATUS_NOT_SUPPORTED, "the key's value cannot be digested"),
    row(Reason::KeyNeeded, ck::CKR_KEY_NEEDED, STATUS_INVALID_PARAMETER, "the operation needs its key"),
    row(Reason::KeyNotNeeded, ck::CKR_KEY_NOT_NEEDED, STATUS_INVALID_PARAMETER, "no operation needs this key"),
    row(Reason::KeyNotWrappable, ck::CKR_KEY_NOT_WRAPPABLE, STATUS_NOT_SUPPORTED, "the key cannot be wrapped this way"),
    row(Reason::KeySizeRange, ck::CKR_KEY_SIZE_RANGE, STATUS_NOT_SUPPORTED, "the key's size is out of range"),
    row(Reason::KeyTypeInconsistent, ck::CKR_KEY_TYPE_INCONSISTENT, STATUS_NOT_SUPPORTED, "the key's type does not fit the mechanism"),
    row(Reason::KeyUnextractable, ck::CKR_KEY_UNEXTRACTABLE, STATUS_NOT_SUPPORTED, "the key is not extractable"),
    row(Reason::MechanismInvalid, ck::CKR_MECHANISM_INVALID, STATUS_NOT_SUPPORTED, "the mechanism does not serve this function"),
    row(Reason::MechanismParamInvalid, ck::CKR_MECHANISM_PARAM_INVALID, STATUS_INVALID_PARAMETER, "the mechanism's parameter is not valid"),
    row(Reason::NeedToCreateThreads, ck::CKR_NEED_TO_CREATE_THREADS, STATUS_UNSUCCESSFUL, "threads would be needed"),
    row(Reason::NoEvent, ck::CKR_NO_EVENT, STATUS_UNSUCCESSFUL, "no slot event"),
    row(Reason::ObjectHandleInvalid, ck::CKR_OBJECT_HANDLE_INVALID, STATUS_INVALID_HANDLE, "there is no such object"),
    row(Reason::OperationActive, ck::CKR_OPERATION_ACTIVE, STATUS_UNSUCCESSFUL, "another operation of this kind is active"),
    row(Reason::OperationNotInitialized, ck::CKR_OPERATION_NOT_INITIALIZED, STATUS_UNSUCCESSFUL, "no operation of this kind is active"),
    row(Reason::PinIncorrect, ck::CKR_PIN_INCORRECT, STATUS_ACCESS_DENIED, "the PIN is not right"),
    row(Reason::PinInvalid, ck::CKR_PIN_INVALID, STATUS_ACCESS_DENIED, "the PIN holds characters that are not allowed"),
    row(Reason::PinLenRange, ck::CKR_PIN_LEN_RANGE, STATUS_ACCESS_DENIED, "the PIN is too short or too long"),
    row(Reason::PinLocked, ck::CKR_PIN_LOCKED, STATUS_ACCESS_DENIED, "too many wrong PINs; wait, or let the SO set a new one"),
    row(Reason::PublicKeyInvalid, ck::CKR_PUBLIC_KEY_INVALID, STATUS_INVALID_PARAMETER, "the other side's public key is not valid"),
    row(Reason::RandomSeedNotSupported, ck::CKR_RANDOM_SEED_NOT_SUPPORTED, STATUS_NOT_SUPPORTED, "the generator takes no seed"),
    row(Reason::SavedStateInvalid, ck::CKR_SAVED_STATE_INVALID, STATUS_INVALID_PARAMETER, "the saved state is not valid"),
    row(Reason::SessionExists, ck::CKR_SESSION_EXISTS, STATUS_UNSUCCESSFUL, "a session is open"),
    row(Reason::SessionHandleInvalid, ck::CKR_SESSION_HANDLE_INVALID, STATUS_INVALID_HANDLE, "there is no such session"),
    row(Reason::SessionParallelNotSupported, ck::CKR_SESSION_PARALLEL_NOT_SUPPORTED, STATUS_NOT_SUPPORTED, "CKF_SERIAL_SESSION is missing"),
    row(Reason::SessionReadOnly, ck::CKR_SESSION_READ_ONLY, STATUS_ACCESS_DENIED, "the session is read-only"),
    row(Reason::SessionReadOnlyExists, ck::CKR_SESSION_READ_ONLY_EXISTS, STATUS_ACCESS_DENIED, "a read-only session is open"),
    row(Reason::SessionReadWriteSoExists, ck::CKR_SESSION_READ_WRITE_SO_EXISTS, STATUS_ACCESS_DENIED, "the SO is logged in"),
    row(Reason::SignatureInvalid, ck::CKR_SIGNATURE_INVALID, STATUS_INVALID_PARAMETER, "the signature is not right"),
    row(Reason::SignatureLenRange, ck::CKR_SIGNATURE_LEN_RANGE, STATUS_INVALID_BUFFER_SIZE, "the signature's length is not right"),
    row(Reason::SlotIdInvalid, ck::CKR_SLOT_ID_INVALID, STATUS_INVALID_HANDLE, "there is no such slot"),
    row(Reason::StateUnsaveable, ck::CKR_STATE_UNSAVEABLE, STATUS_NOT_SUPPORTED, "this operation's state cannot be saved"),
    row(Reason::StoreFull, ck::CKR_DEVICE_MEMORY, STATUS_DISK_FULL, "the store has no room"),
    row(Reason::TemplateIncomplete, ck::CKR_TEMPLATE_INCOMPLETE, STATUS_INVALID_PARAMETER, "the template lacks an attribute"),
    row(Reason::TemplateInconsistent, ck::CKR_TEMPLATE_INCONSISTENT, STATUS_INVALID_PARAMETER, "the template contradicts itself or the key"),
    row(Reason::TokenNotRecognized, ck::CKR_TOKEN_NOT_RECOGNIZED, STATUS_UNSUCCESSFUL, "the token is not initialised, or its store cannot be read"),
    row(Reason::TokenWriteProtected, ck::CKR_TOKEN_WRITE_PROTECTED, STATUS_ACCESS_DENIED, "the token is write-protected"),
    row(Reason::UnwrappingKeyHandleInvalid, ck::CKR_UNWRAPPING_KEY_HANDLE_INVALID, STATUS_INVALID_HANDLE, "there is no such unwrapping key"),
    row(Reason::UnwrappingKeySizeRange, ck::CKR_UNWRAPPING_KEY_SIZE_RANGE, STATUS_NOT_SUPPORTED, "the unwrapping key's size is out of range"),
    row(
        Reason::UnwrappingKeyTypeInconsistent,
        ck::CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT,
        STATUS_NOT_SUPPORTED,
        "the unwrapping key's type does not fit the mechanism",
    ),
    row(Reason::UserAlreadyLoggedIn, ck::CKR_USER_ALREADY_LOGGED_IN, STATUS_UNSUCCESSFUL, "this user is logged in already"),
    row(Reason::UserAnotherAlreadyLoggedIn, ck::CKR_USER_ANOTHER_ALREADY_LOGGED_IN, STATUS_UNSUCCESSFUL, "another user is logged in"),
    row(Reason::UserNotLoggedIn, ck::CKR_USER_NOT_LOGGED_IN, STATUS_ACCESS_DENIED, "the user is not logged in"),
    row(Reason::UserPinNotInitialized, ck::CKR_USER_PIN_NOT_INITIALIZED, STATUS_ACCESS_DENIED, "the user's PIN was never set"),
    row(Reason::UserTypeInvalid, ck::CKR_USER_TYPE_INVALID, STATUS_INVALID_PARAMETER, "there is no such kind of user"),
    row(Reason::WrappedKeyInvalid, ck::CKR_WRAPPED_KEY_INVALID, STATUS_INVALID_PARAMETER, "the wrapped key is not valid"),
    row(Reason::WrappedKeyLenRange, ck::CKR_WRAPPED_KEY_LEN_RANGE, STATUS_INVALID_BUFFER_SIZE, "the wrapped key's length is out of range"),
    row(Reason::WrappingKeyHandleInvalid, ck::CKR_WRAPPING_KEY_HANDLE_INVALID, STATUS_INVALID_HANDLE, "there is no such wrapping key"),
    row(Reason::WrappingKeySizeRange, ck::CKR_WRAPPING_KEY_SIZE_RANGE, STATUS_NOT_SUPPORTED, "the wrapping key's size is out of range"),
    row(
        Reason::WrappingKeyTypeInconsistent,
        ck::CKR_WRAPPING_KEY_TYPE_INCONSISTENT,
        STATUS_NOT_SUPPORTED,
        "the wrapping key's type does not fit the mechanism",
    ),
];

impl Reason {
    fn row(self) -> Option<&'static ReasonRow> {
        REASONS.iter().find(|r| r.reason == self)
    }

    /// The reason with a text of its own.
    #[must_use]
    pub fn because(self, detail: impl Into<String>) -> TokenError {
        TokenError { reason: self, detail: Some(detail.into().into_boxed_str()), through_create: false }
    }
}

/// A failed call. Holds no secret: names, offsets, lengths and public values only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenError {
    /// What went wrong.
    pub reason: Reason,
    detail: Option<Box<str>>,
    through_create: bool,
}

/// What every function of the token answers.
pub type R<T> = Result<T, TokenError>;

impl TokenError {
    /// The `CKR_*` number.
    #[must_use]
    pub fn ck_rv(&self) -> u64 {
        self.reason.row().map_or(ck::CKR_GENERAL_ERROR, |r| if self.through_create { r.rv_create } else { r.rv })
    }

    /// The NTSTATUS that C_GetBCryptStatus tells.
    #[must_use]
    pub fn nt_status(&self) -> u32 {
        self.reason.row().map_or(STATUS_UNSUCCESSFUL, |r| r.nt_status)
    }

    /// One line that a person can read.
    #[must_use]
    pub fn reason(&self) -> String {
        self.to_string()
    }

    /// The same failure, answered by C_CreateObject.
    #[must_use]
    pub fn through_create(mut self) -> Self {
        self.through_create = true;
        self
    }
}

impl From<Reason> for TokenError {
    fn from(reason: Reason) -> Self {
        Self { reason, detail: None, through_create: false }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.detail, self.reason.row()) {
            (Some(detail), _) => f.write_str(detail),
            (None, Some(row)) => f.write_str(row.text),
            (None, None) => f.write_str("an internal error"),
        }
    }
}

impl std::error::Error for TokenError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_reason_has_exactly_one_row() {
        let seen: HashSet<_> = REASONS.iter().map(|r| r.reason).collect();
        assert_eq!(seen.len(), REASONS.len());
    }

    #[test]
    fn rows_stand_in_the_order_of_the_enum_so_that_none_is_forgotten() {
        for (i, row) in REASONS.iter().enumerate() {
            assert_eq!(row.reason as usize, i, "{:?}", row.reason);
        }
        assert_eq!(REASONS.last().map(|r| r.reason), Some(Reason::WrappingKeyTypeInconsistent));
    }

    #[test]
    fn blob_faults_answer_the_shorter_list_through_create_object() {
        let e = Reason::BlobSize.because("12 bytes, 24 expected");
        assert_eq!(e.ck_rv(), ck::CKR_DATA_LEN_RANGE);
        assert_eq!(e.through_create().ck_rv(), ck::CKR_ATTRIBUTE_VALUE_INVALID);
    }
}
