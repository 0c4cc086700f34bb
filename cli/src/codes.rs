//! What return values mean and what to do about them: the text behind `explain`. One row per code, in words for the person who met it in a
//! program's message. Numbers are the standard's by name (cryptoki-sys); the NTSTATUS are those that C_GetBCryptStatus can tell.

use cryptoki_sys as ck;

/// One code.
pub(crate) struct Code {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its number.
    pub(crate) value: u64,
    /// What it means, and what to try.
    pub(crate) text: &'static str,
}

macro_rules! codes {
    ($($name:ident: $text:literal;)*) => { &[$(Code { name: stringify!($name), value: ck::$name, text: $text },)*] };
}

/// `CKR_*`, by rising number.
pub(crate) static RETURN_VALUES: &[Code] = codes! {
    CKR_OK: "It worked.";
    CKR_CANCEL: "The call was cancelled by the application.";
    CKR_HOST_MEMORY: "The machine has no memory left for this.";
    CKR_SLOT_ID_INVALID: "There is no such slot. `cngtoken info` shows the configured ones; another program may see another configuration (CNGTOKEN_STORE, CNGTOKEN_CONF).";
    CKR_GENERAL_ERROR: "Something failed that no other code describes. CNGTOKEN_LOG=debug with CNGTOKEN_LOG_FILE=PATH tells what.";
    CKR_FUNCTION_FAILED: "The function could not be carried out: often a busy or unreadable store. CNGTOKEN_LOG=debug tells which step failed.";
    CKR_ARGUMENTS_BAD: "The program passed a NULL pointer, an impossible length or a wrong flag. It is a fault of the program or of its settings.";
    CKR_NO_EVENT: "No slot event is waiting. The answer is normal.";
    CKR_NEED_TO_CREATE_THREADS: "The module would need threads that the program forbids.";
    CKR_CANT_LOCK: "The program insists on locks of its own without allowing the system's. It should pass CKF_OS_LOCKING_OK.";
    CKR_ATTRIBUTE_READ_ONLY: "This attribute cannot be set, or not any more after the object was made.";
    CKR_ATTRIBUTE_SENSITIVE: "The value may not leave the token: the key is sensitive or not extractable. Import with --extractable if it should be able to.";
    CKR_ATTRIBUTE_TYPE_INVALID: "The object has no such attribute.";
    CKR_ATTRIBUTE_VALUE_INVALID: "A value is malformed. With a key blob: `cngtoken inspect FILE` shows the byte that is wrong.";
    CKR_ACTION_PROHIBITED: "The object forbids it: CKA_COPYABLE, CKA_MODIFIABLE or CKA_DESTROYABLE is false.";
    CKR_DATA_INVALID: "The data does not suit the mechanism, for example a number not below the modulus.";
    CKR_DATA_LEN_RANGE: "The data is too long or too short for the mechanism, for example not whole blocks without padding.";
    CKR_DEVICE_ERROR: "The store could not be read or written. `cngtoken doctor` looks at the file, its folder and its rights.";
    CKR_DEVICE_MEMORY: "The store has no room: a full disk or a quota.";
    CKR_DEVICE_REMOVED: "The token is gone.";
    CKR_ENCRYPTED_DATA_INVALID: "The ciphertext does not decrypt: wrong key, wrong parameter or damaged data.";
    CKR_ENCRYPTED_DATA_LEN_RANGE: "The ciphertext has a length that no plaintext gives.";
    CKR_AEAD_DECRYPT_FAILED: "The tag does not fit: wrong key, nonce or additional data, or the message was changed.";
    CKR_FUNCTION_CANCELED: "The function was cancelled.";
    CKR_FUNCTION_NOT_PARALLEL: "No function runs in parallel. The answer is normal for this legacy call.";
    CKR_FUNCTION_NOT_SUPPORTED: "The module does not offer this function; docs/functions.md says which and why.";
    CKR_KEY_HANDLE_INVALID: "There is no such key in this session: destroyed, private and not logged in, or a handle kept from before a fork or C_Finalize.";
    CKR_KEY_SIZE_RANGE: "The key is too small or too large for the mechanism; `cngtoken mechanisms` shows the range.";
    CKR_KEY_TYPE_INCONSISTENT: "The key's type does not fit the mechanism, the template or the blob type, for example RSA with an EC key.";
    CKR_KEY_NOT_NEEDED: "A key was given for a saved state that has none.";
    CKR_KEY_CHANGED: "The key is not the one that the saved state was made with.";
    CKR_KEY_NEEDED: "The saved state needs its key.";
    CKR_KEY_INDIGESTIBLE: "The key's value may not be digested.";
    CKR_KEY_FUNCTION_NOT_PERMITTED: "The key may not be used so: CKA_SIGN, CKA_DECRYPT … or CKA_ALLOWED_MECHANISMS say no. `cngtoken ls --json` shows them.";
    CKR_KEY_NOT_WRAPPABLE: "The key cannot be wrapped by this mechanism, or only by a trusted key (CKA_WRAP_WITH_TRUSTED).";
    CKR_KEY_UNEXTRACTABLE: "The key is not extractable. Import it again with --extractable if it should be able to leave.";
    CKR_MECHANISM_INVALID: "The token has no such mechanism, or not for this use; `cngtoken mechanisms` lists them.";
    CKR_MECHANISM_PARAM_INVALID: "The mechanism's parameter is missing, has the wrong size or an impossible value. CNGTOKEN_LOG=debug says which.";
    CKR_OBJECT_HANDLE_INVALID: "There is no such object in this session: destroyed, or private and not logged in.";
    CKR_OPERATION_ACTIVE: "An operation of this kind already runs in the session; it must be finished or cancelled first.";
    CKR_OPERATION_NOT_INITIALIZED: "No operation of this kind was begun in the session, or a failed call ended it.";
    CKR_PIN_INCORRECT: "The PIN is wrong. After several wrong ones the token makes the caller wait.";
    CKR_PIN_INVALID: "The new PIN holds characters that are not allowed.";
    CKR_PIN_LEN_RANGE: "The PIN is too short or too long; `cngtoken info` shows the limits.";
    CKR_PIN_EXPIRED: "The PIN has expired and must be changed.";
    CKR_PIN_LOCKED: "Too many wrong PINs: wait, or let the SO set a new one with `cngtoken pin reset`.";
    CKR_SESSION_CLOSED: "The session was closed while the function ran.";
    CKR_SESSION_COUNT: "Too many sessions are open.";
    CKR_SESSION_HANDLE_INVALID: "There is no such session: closed, or opened before a fork. After a fork C_Initialize must be called again.";
    CKR_SESSION_PARALLEL_NOT_SUPPORTED: "C_OpenSession was called without CKF_SERIAL_SESSION.";
    CKR_SESSION_READ_ONLY: "The session is read-only; changing token objects needs CKF_RW_SESSION (pkcs11-tool: --session-rw).";
    CKR_SESSION_EXISTS: "A session with the token is open; all must be closed first. Other programs count, too.";
    CKR_SESSION_READ_ONLY_EXISTS: "A read-only session is open, so the SO cannot log in.";
    CKR_SESSION_READ_WRITE_SO_EXISTS: "The SO is logged in, so no read-only session can be opened.";
    CKR_SIGNATURE_INVALID: "The signature is not that of this data and key.";
    CKR_SIGNATURE_LEN_RANGE: "The signature has another length than this key and mechanism give. ECDSA: r and s side by side, not DER.";
    CKR_TEMPLATE_INCOMPLETE: "An attribute is missing that the object needs. A GENERIC ECC blob needs its curve, a DH1 blob its group.";
    CKR_TEMPLATE_INCONSISTENT: "Attributes contradict each other or the key.";
    CKR_TOKEN_NOT_PRESENT: "No token is in the slot.";
    CKR_TOKEN_NOT_RECOGNIZED: "The slot's token is not initialised (`cngtoken init --label NAME`), or its file is not a store of this program.";
    CKR_TOKEN_WRITE_PROTECTED: "The store cannot be written: rights of the file or its folder, or a read-only file system. `cngtoken doctor` says which.";
    CKR_UNWRAPPING_KEY_HANDLE_INVALID: "There is no such unwrapping key.";
    CKR_UNWRAPPING_KEY_SIZE_RANGE: "The unwrapping key's size does not suit the mechanism.";
    CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT: "The unwrapping key's type does not suit the mechanism.";
    CKR_USER_ALREADY_LOGGED_IN: "The user is logged in already, in this application. Usually harmless.";
    CKR_USER_NOT_LOGGED_IN: "The PIN is needed first: log in (pkcs11-tool: --login; OpenSSL: ?pin-source=file:PATH in the URI).";
    CKR_USER_PIN_NOT_INITIALIZED: "The user's PIN was never set: `cngtoken pin reset` sets it as SO.";
    CKR_USER_TYPE_INVALID: "There is no such kind of user, or a context-specific login has no operation to belong to.";
    CKR_USER_ANOTHER_ALREADY_LOGGED_IN: "Another kind of user is logged in; log out first.";
    CKR_USER_TOO_MANY_TYPES: "Too many kinds of users are logged in.";
    CKR_WRAPPED_KEY_INVALID: "The wrapped key does not open: wrong unwrapping key, wrong mechanism or damaged bytes.";
    CKR_WRAPPED_KEY_LEN_RANGE: "The wrapped key has a length that no key gives.";
    CKR_WRAPPING_KEY_HANDLE_INVALID: "There is no such wrapping key.";
    CKR_WRAPPING_KEY_SIZE_RANGE: "The wrapping key's size does not suit the mechanism.";
    CKR_WRAPPING_KEY_TYPE_INCONSISTENT: "The wrapping key's type does not suit the mechanism.";
    CKR_RANDOM_SEED_NOT_SUPPORTED: "The token takes no seed.";
    CKR_RANDOM_NO_RNG: "The token has no generator.";
    CKR_DOMAIN_PARAMS_INVALID: "The domain parameters are invalid or of an unknown curve or group.";
    CKR_CURVE_NOT_SUPPORTED: "The curve is known by name but cannot be computed with; README.md lists those that can.";
    CKR_BUFFER_TOO_SMALL: "The program's buffer is too small; the needed length was written back. The program should call again.";
    CKR_SAVED_STATE_INVALID: "The saved operation state was changed, or belongs to another token or process.";
    CKR_INFORMATION_SENSITIVE: "The information is sensitive.";
    CKR_STATE_UNSAVEABLE: "The running operation's state cannot be saved.";
    CKR_CRYPTOKI_NOT_INITIALIZED: "C_Initialize was not called in this process. A forked child must call it again.";
    CKR_CRYPTOKI_ALREADY_INITIALIZED: "C_Initialize was called before in this process. Usually harmless.";
    CKR_MUTEX_BAD: "A lock of the application is broken.";
    CKR_MUTEX_NOT_LOCKED: "A lock of the application was not held.";
    CKR_NEW_PIN_MODE: "A new PIN must be set before going on.";
    CKR_NEXT_OTP: "The next one-time password is needed.";
    CKR_EXCEEDED_MAX_ITERATIONS: "A search (for primes or parameters) did not end within its bound.";
    CKR_FIPS_SELF_TEST_FAILED: "A self-test failed.";
    CKR_LIBRARY_LOAD_FAILED: "A library that the module needs could not be loaded.";
    CKR_PIN_TOO_WEAK: "The new PIN is too easy to guess.";
    CKR_PUBLIC_KEY_INVALID: "The other side's public key is no valid point or number.";
    CKR_FUNCTION_REJECTED: "The user refused the request.";
    CKR_TOKEN_RESOURCE_EXCEEDED: "The token has used up what it may use for this.";
    CKR_OPERATION_CANCEL_FAILED: "The operation cannot be cancelled.";
    CKR_KEY_EXHAUSTED: "The key has signed as often as it may.";
    CKR_PENDING: "The asynchronous call goes on.";
    CKR_SESSION_ASYNC_NOT_SUPPORTED: "The token has no asynchronous sessions.";
    CKR_OPERATION_NOT_VALIDATED: "The operation is not validated.";
    CKR_TOKEN_NOT_INITIALIZED: "The token is not initialised.";
    CKR_PARAMETER_SET_NOT_SUPPORTED: "The parameter set is not supported.";
    CKR_VENDOR_DEFINED: "From here on codes belong to a module's maker; this module returns none.";
};

/// NTSTATUS that the vendor functions tell through C_GetBCryptStatus, and those that CNG itself gives for a blob.
pub(crate) static STATUSES: &[Code] = &[
    Code { name: "STATUS_SUCCESS", value: 0, text: "It worked." },
    Code { name: "STATUS_UNSUCCESSFUL", value: 0xC000_0001, text: "The function failed; the reason beside it says why." },
    Code { name: "STATUS_INVALID_HANDLE", value: 0xC000_0008, text: "There is no such session, key or slot." },
    Code {
        name: "STATUS_INVALID_PARAMETER",
        value: 0xC000_000D,
        text: "The blob's header, type and algorithm do not agree, or its numbers are inconsistent. `cngtoken inspect FILE` shows the byte that is wrong.",
    },
    Code { name: "STATUS_ACCESS_DENIED", value: 0xC000_0022, text: "Not logged in, or the key or session does not allow it." },
    Code { name: "STATUS_BUFFER_TOO_SMALL", value: 0xC000_0023, text: "The caller's buffer is too small; the needed length was written back." },
    Code { name: "STATUS_DISK_FULL", value: 0xC000_007F, text: "The store has no room." },
    Code {
        name: "STATUS_NOT_SUPPORTED",
        value: 0xC000_00BB,
        text: "This blob type, key size or curve is not supported, or the key may not be exported.",
    },
    Code {
        name: "STATUS_INVALID_BUFFER_SIZE",
        value: 0xC000_0206,
        text: "The blob's length does not fit the lengths that its header states: cut off, or with bytes too many.",
    },
    Code {
        name: "STATUS_NOT_FOUND",
        value: 0xC000_0225,
        text: "There is no such thing; Windows says so for a key name or an algorithm that it does not have.",
    },
    Code { name: "NTE_BAD_DATA", value: 0x8009_0005, text: "CryptoAPI and NCrypt on Windows: the blob is malformed, or the password is wrong." },
    Code { name: "NTE_BAD_KEY_STATE", value: 0x8009_000B, text: "Windows: the key is not exportable. docs/windows.md says what can be done." },
    Code { name: "NTE_BAD_TYPE", value: 0x8009_000A, text: "Windows: the blob type is wrong for this key or provider." },
    Code {
        name: "NTE_NOT_SUPPORTED",
        value: 0x8009_0029,
        text: "Windows: not supported; for NCryptExportKey usually a key whose export policy forbids this form.",
    },
    Code { name: "NTE_INVALID_PARAMETER", value: 0x8009_0027, text: "Windows: a parameter is wrong; for a blob its header or lengths." },
    Code { name: "NTE_PERM", value: 0x8009_0010, text: "Windows: access denied; the process may not use this key container." },
];

#[cfg(test)]
mod tests {
    use super::*;
    use cngtoken::token::REASONS;

    #[test]
    fn every_code_that_the_token_can_answer_is_explained() {
        for row in REASONS {
            for value in [row.rv, row.rv_create] {
                assert!(RETURN_VALUES.iter().any(|c| c.value == value), "0x{value:x}");
            }
            assert!(STATUSES.iter().any(|c| c.value == u64::from(row.nt_status)), "0x{:x}", row.nt_status);
        }
    }

    #[test]
    fn the_rows_rise_so_that_none_stands_twice() {
        assert!(RETURN_VALUES.windows(2).all(|w| w[0].value < w[1].value));
    }
}
