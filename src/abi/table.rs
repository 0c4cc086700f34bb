//! The table of all functions. From each row come the exported symbol, its place in the function lists, and the row that the tests compare
//! with the standard's table.
//!
//! A row says: name, the session argument if it has one, the kinds of its other arguments with their C names and types, the door it goes
//! through (`app`: needs C_Initialize; `noted`: and remembers refusals; `bare`: needs nothing), and what it asks of the token. Functions
//! whose turn has not come check their arguments and the session like the others. Source: PKCS#11 3.2, pkcs11f.h.
#![allow(non_snake_case, unused_variables, reason = "the standard's names; what is checked is not always used")]

use super::args::{
    Input, Output, Place, buffer, bytes, flag, found, label, maybe, name, number, numbers, output, pin, place, pointer, reserved, unused, utf16,
};
use super::mechanism::{deriving, generating, mechanism, needed};
use super::memory::missing;
use super::message::{aead, last_bytes, last_output, nothing, parameter, process};
use super::template::{questions, template};
use super::vendor::{self, CK_UTF16CHAR_PTR, VendorList, reason};
use super::{door, initialize, interface, structures};
use crate::token::{Answer, Encapsulated, R, Room};
use cryptoki_sys::*;

macro_rules! functions {
    (
        v2_40 { $( $a:ident $a_args:tt $a_door:ident => $a_body:expr; )* }
        v3_0 { $( $b:ident $b_args:tt $b_door:ident => $b_body:expr; )* }
        v3_2 { $( $c:ident $c_args:tt $c_door:ident => $c_body:expr; )* }
        vendor { $( $v:ident $v_args:tt $v_door:ident => $v_body:expr; )* }
    ) => {
        $( functions! { @symbol $a $a_args $a_door => $a_body } )*
        $( functions! { @symbol $b $b_args $b_door => $b_body } )*
        $( functions! { @symbol $c $c_args $c_door => $c_body } )*
        $( functions! { @symbol $v $v_args $v_door => $v_body } )*

        /// PKCS#11 2.40.
        pub(super) static LIST_2_40: CK_FUNCTION_LIST = CK_FUNCTION_LIST { version: CK_VERSION { major: 2, minor: 40 }, $( $a: Some($a), )* };
        /// PKCS#11 3.0.
        pub(super) static LIST_3_0: CK_FUNCTION_LIST_3_0 =
            CK_FUNCTION_LIST_3_0 { version: CK_VERSION { major: 3, minor: 0 }, $( $a: Some($a), )* $( $b: Some($b), )* };
        /// PKCS#11 3.2.
        pub(super) static LIST_3_2: CK_FUNCTION_LIST_3_2 =
            CK_FUNCTION_LIST_3_2 { version: CK_VERSION { major: 3, minor: 2 }, $( $a: Some($a), )* $( $b: Some($b), )* $( $c: Some($c), )* };
        /// The vendor interface.
        pub(super) static LIST_VENDOR: VendorList = VendorList { version: CK_VERSION { major: 1, minor: 0 }, $( $v: Some($v), )* };

        #[cfg(test)]
        const ROWS: &[tests::Row] = &[
            $( functions! { @row "2.40" $a $a_args }, )*
            $( functions! { @row "3.0" $b $b_args }, )*
            $( functions! { @row "3.2" $c $c_args }, )*
        ];
    };

    (@symbol $name:ident ($($session:ident)?; $( $value:ident: $kind:ident($($arg:ident: $type:ty),*) ),*) $door:ident => $body:expr) => {
        // SAFETY: the names are the standard's and the vendor interface's; nothing else of the module has such a name.
        #[unsafe(no_mangle)]
        pub(super) unsafe extern "C" fn $name($($session: CK_SESSION_HANDLE,)? $($($arg: $type,)*)*) -> CK_RV {
            door::$door(stringify!($name), functions!(@session $($session)?), move |$door| {
                $(
                    // SAFETY: PKCS#11's promise, made by the caller: a pointer is NULL or valid for the length beside it during the call.
                    let $value = unsafe { $kind($($arg),*) }?;
                )*
                $body
            })
        }
    };

    (@session) => { CK_INVALID_HANDLE };
    (@session $session:ident) => { $session };

    (@row $since:literal $name:ident ($($session:ident)?; $( $value:ident: $kind:ident($($arg:ident: $type:ty),*) ),*)) => {
        tests::Row {
            name: stringify!($name),
            since: $since,
            args: &[ $( ("CK_SESSION_HANDLE", stringify!($session)), )? $( $( (stringify!($type), stringify!($arg)), )* )* ],
        }
    };
}

functions! {
    v2_40 {
        C_Initialize(; args: pointer(pInitArgs: CK_VOID_PTR)) bare => {
            // SAFETY: the caller's promise about pInitArgs, handed on.
            unsafe { initialize::initialize(args) }
        };
        C_Finalize(; reserved: pointer(pReserved: CK_VOID_PTR)) bare => initialize::finalize(reserved);
        C_GetInfo(; to: place(pInfo: CK_INFO_PTR)) app => to.give(structures::info(&app.info()));
        C_GetFunctionList(; to: place(ppFunctionList: CK_FUNCTION_LIST_PTR_PTR)) bare => interface::function_list(&to);
        C_GetSlotList(; present: flag(tokenPresent: CK_BBOOL), list: numbers(pSlotList: CK_SLOT_ID_PTR, pulCount: CK_ULONG_PTR)) app =>
            list.write(&app.slots(present)?);
        C_GetSlotInfo(; slot: number(slotID: CK_SLOT_ID), to: place(pInfo: CK_SLOT_INFO_PTR)) app => to.give(structures::slot(&app.slot_info(slot)?));
        C_GetTokenInfo(; slot: number(slotID: CK_SLOT_ID), to: place(pInfo: CK_TOKEN_INFO_PTR)) app =>
            to.give(structures::token(&app.token_info(slot)?));
        C_GetMechanismList(; slot: number(slotID: CK_SLOT_ID), list: numbers(pMechanismList: CK_MECHANISM_TYPE_PTR, pulCount: CK_ULONG_PTR)) app =>
            list.write(&app.mechanisms(slot)?);
        C_GetMechanismInfo(; slot: number(slotID: CK_SLOT_ID), id: number(r#type: CK_MECHANISM_TYPE), to: place(pInfo: CK_MECHANISM_INFO_PTR)) app =>
            to.give(structures::mechanism(&app.mechanism_info(slot, id)?));
        C_InitToken(;
            slot: number(slotID: CK_SLOT_ID), pin: pin(pPin: CK_UTF8CHAR_PTR, ulPinLen: CK_ULONG), label: label(pLabel: CK_UTF8CHAR_PTR)
        ) app =>
            app.init_token(slot, pin.as_ref().map(Input::get), &label);
        C_InitPIN(hSession; pin: pin(pPin: CK_UTF8CHAR_PTR, ulPinLen: CK_ULONG)) app => app.init_pin(hSession, pin.as_ref().map(Input::get));
        C_SetPIN(hSession; old: pin(pOldPin: CK_UTF8CHAR_PTR, ulOldLen: CK_ULONG), new: pin(pNewPin: CK_UTF8CHAR_PTR, ulNewLen: CK_ULONG)) app =>
            app.set_pin(hSession, old.as_ref().map(Input::get), new.as_ref().map(Input::get));
        C_OpenSession(;
            slot: number(slotID: CK_SLOT_ID), flags: number(flags: CK_FLAGS), callback: unused(pApplication: CK_VOID_PTR, Notify: CK_NOTIFY),
            to: place(phSession: CK_SESSION_HANDLE_PTR)
        ) app =>
            to.give(app.open_session(slot, flags)?);
        C_CloseSession(hSession;) app => app.close_session(hSession);
        C_CloseAllSessions(; slot: number(slotID: CK_SLOT_ID)) app => app.close_all_sessions(slot);
        C_GetSessionInfo(hSession; to: place(pInfo: CK_SESSION_INFO_PTR)) app => to.give(structures::session(&app.session_info(hSession)?));
        C_GetOperationState(hSession; out: output(pOperationState: CK_BYTE_PTR, pulOperationStateLen: CK_ULONG_PTR)) app =>
            out.write(&app.operation_state(hSession, out.room())?);
        C_SetOperationState(hSession;
            state: bytes(pOperationState: CK_BYTE_PTR, ulOperationStateLen: CK_ULONG), encryption: number(hEncryptionKey: CK_OBJECT_HANDLE),
            authentication: number(hAuthenticationKey: CK_OBJECT_HANDLE)
        ) app =>
            app.set_operation_state(hSession, state.get(), encryption, authentication);
        C_Login(hSession; user: number(userType: CK_USER_TYPE), pin: pin(pPin: CK_UTF8CHAR_PTR, ulPinLen: CK_ULONG)) app =>
            app.login(hSession, user, pin.as_ref().map(Input::get));
        C_Logout(hSession;) app => app.logout(hSession);
        C_CreateObject(hSession; template: template(pTemplate: CK_ATTRIBUTE_PTR, ulCount: CK_ULONG), to: place(phObject: CK_OBJECT_HANDLE_PTR)) app =>
            to.give(app.create_object(hSession, template)?);
        C_CopyObject(hSession;
            object: number(hObject: CK_OBJECT_HANDLE), template: template(pTemplate: CK_ATTRIBUTE_PTR, ulCount: CK_ULONG),
            to: place(phNewObject: CK_OBJECT_HANDLE_PTR)
        ) app =>
            to.give(app.copy_object(hSession, object, template)?);
        C_DestroyObject(hSession; object: number(hObject: CK_OBJECT_HANDLE)) app => app.destroy_object(hSession, object);
        C_GetObjectSize(hSession; object: number(hObject: CK_OBJECT_HANDLE), to: place(pulSize: CK_ULONG_PTR)) app =>
            to.give(app.object_size(hSession, object)?);
        C_GetAttributeValue(hSession;
            object: number(hObject: CK_OBJECT_HANDLE), questions: questions(pTemplate: CK_ATTRIBUTE_PTR, ulCount: CK_ULONG)
        ) app => {
            let (told, whole) = app.get_attributes(hSession, object, questions.asked())?;
            questions.write(&told, whole)
        };
        C_SetAttributeValue(hSession;
            object: number(hObject: CK_OBJECT_HANDLE), template: template(pTemplate: CK_ATTRIBUTE_PTR, ulCount: CK_ULONG)
        ) app =>
            app.set_attributes(hSession, object, template);
        C_FindObjectsInit(hSession; template: template(pTemplate: CK_ATTRIBUTE_PTR, ulCount: CK_ULONG)) app => app.find_init(hSession, template);
        C_FindObjects(hSession; found: found(phObject: CK_OBJECT_HANDLE_PTR, ulMaxObjectCount: CK_ULONG, pulObjectCount: CK_ULONG_PTR)) app =>
            found.write(&app.find(hSession, found.max())?);
        C_FindObjectsFinal(hSession;) app => app.find_final(hSession);
        C_EncryptInit(hSession; mechanism: mechanism(pMechanism: CK_MECHANISM_PTR), key: number(hKey: CK_OBJECT_HANDLE)) app =>
            app.encrypt_init(hSession, mechanism, key);
        C_Encrypt(hSession;
            data: bytes(pData: CK_BYTE_PTR, ulDataLen: CK_ULONG), out: output(pEncryptedData: CK_BYTE_PTR, pulEncryptedDataLen: CK_ULONG_PTR)
        ) app =>
            out.write(&app.encrypt(hSession, data.get(), out.room())?);
        C_EncryptUpdate(hSession;
            part: bytes(pPart: CK_BYTE_PTR, ulPartLen: CK_ULONG), out: output(pEncryptedPart: CK_BYTE_PTR, pulEncryptedPartLen: CK_ULONG_PTR)
        ) app =>
            out.write(&app.encrypt_update(hSession, part.get(), out.room())?);
        C_EncryptFinal(hSession; out: output(pLastEncryptedPart: CK_BYTE_PTR, pulLastEncryptedPartLen: CK_ULONG_PTR)) app =>
            out.write(&app.encrypt_final(hSession, out.room())?);
        C_DecryptInit(hSession; mechanism: mechanism(pMechanism: CK_MECHANISM_PTR), key: number(hKey: CK_OBJECT_HANDLE)) app =>
            app.decrypt_init(hSession, mechanism, key);
        C_Decrypt(hSession;
            data: bytes(pEncryptedData: CK_BYTE_PTR, ulEncryptedDataLen: CK_ULONG), out: output(pData: CK_BYTE_PTR, pulDataLen: CK_ULONG_PTR)
        ) app =>
            out.write(&app.decrypt(hSession, data.get(), out.room())?);
        C_DecryptUpdate(hSession;
            part: bytes(pEncryptedPart: CK_BYTE_PTR, ulEncryptedPartLen: CK_ULONG), out: output(pPart: CK_BYTE_PTR, pulPartLen: CK_ULONG_PTR)
        ) app =>
            out.write(&app.decrypt_update(hSession, part.get(), out.room())?);
        C_DecryptFinal(hSession; out: output(pLastPart: CK_BYTE_PTR, pulLastPartLen: CK_ULONG_PTR)) app =>
            out.write(&app.decrypt_final(hSession, out.room())?);
        C_DigestInit(hSession; mechanism: mechanism(pMechanism: CK_MECHANISM_PTR)) app => app.digest_init(hSession, mechanism);
        C_Digest(hSession; data: bytes(pData: CK_BYTE_PTR, ulDataLen: CK_ULONG), out: output(pDigest: CK_BYTE_PTR, pulDigestLen: CK_ULONG_PTR)) app =>
            out.write(&app.digest(hSession, data.get(), out.room())?);
        C_DigestUpdate(hSession; part: bytes(pPart: CK_BYTE_PTR, ulPartLen: CK_ULONG)) app => app.digest_update(hSession, part.get());
        C_DigestKey(hSession; key: number(hKey: CK_OBJECT_HANDLE)) app => app.digest_key(hSession, key);
        C_DigestFinal(hSession; out: output(pDigest: CK_BYTE_PTR, pulDigestLen: CK_ULONG_PTR)) app =>
            out.write(&app.digest_final(hSession, out.room())?);
        C_SignInit(hSession; mechanism: mechanism(pMechanism: CK_MECHANISM_PTR), key: number(hKey: CK_OBJECT_HANDLE)) app =>
            app.sign_init(hSession, mechanism, key);
        C_Sign(hSession;
            data: bytes(pData: CK_BYTE_PTR, ulDataLen: CK_ULONG), out: output(pSignature: CK_BYTE_PTR, pulSignatureLen: CK_ULONG_PTR)
        ) app =>
            out.write(&app.sign(hSession, data.get(), out.room())?);
        C_SignUpdate(hSession; part: bytes(pPart: CK_BYTE_PTR, ulPartLen: CK_ULONG)) app => app.sign_update(hSession, part.get());
        C_SignFinal(hSession; out: output(pSignature: CK_BYTE_PTR, pulSignatureLen: CK_ULONG_PTR)) app =>
            out.write(&app.sign_final(hSession, out.room())?);
        C_SignRecoverInit(hSession; mechanism: mechanism(pMechanism: CK_MECHANISM_PTR), key: number(hKey: CK_OBJECT_HANDLE)) app =>
            app.sign_recover_init(hSession, mechanism, key);
        C_SignRecover(hSession;
            data: bytes(pData: CK_BYTE_PTR, ulDataLen: CK_ULONG), out: output(pSignature: CK_BYTE_PTR, pulSignatureLen: CK_ULONG_PTR)
        ) app =>
            out.write(&app.sign_recover(hSession, data.get(), out.room())?);
        C_VerifyInit(hSession; mechanism: mechanism(pMechanism: CK_MECHANISM_PTR), key: number(hKey: CK_OBJECT_HANDLE)) app =>
            app.verify_init(hSession, mechanism, key);
        C_Verify(hSession;
            data: bytes(pData: CK_BYTE_PTR, ulDataLen: CK_ULONG), signature: bytes(pSignature: CK_BYTE_PTR, ulSignatureLen: CK_ULONG)
        ) app =>
            app.verify(hSession, data.get(), signature.get());
        C_VerifyUpdate(hSession; part: bytes(pPart: CK_BYTE_PTR, ulPartLen: CK_ULONG)) app => app.verify_update(hSession, part.get());
        C_VerifyFinal(hSession; signature: bytes(pSignature: CK_BYTE_PTR, ulSignatureLen: CK_ULONG)) app =>
            app.verify_final(hSession, signature.get());
        C_VerifyRecoverInit(hSession; mechanism: mechanism(pMechanism: CK_MECHANISM_PTR), key: number(hKey: CK_OBJECT_HANDLE)) app =>
            app.verify_recover_init(hSession, mechanism, key);
        C_VerifyRecover(hSession;
            signature: bytes(pSignature: CK_BYTE_PTR, ulSignatureLen: CK_ULONG), out: output(pData: CK_BYTE_PTR, pulDataLen: CK_ULONG_PTR)
        ) app =>
            out.write(&app.verify_recover(hSession, signature.get(), out.room())?);
        C_DigestEncryptUpdate(hSession;
            part: bytes(pPart: CK_BYTE_PTR, ulPartLen: CK_ULONG), out: output(pEncryptedPart: CK_BYTE_PTR, pulEncryptedPartLen: CK_ULONG_PTR)
        ) app =>
            out.write(&app.digest_encrypt_update(hSession, part.get(), out.room())?);
        C_DecryptDigestUpdate(hSession;
            part: bytes(pEncryptedPart: CK_BYTE_PTR, ulEncryptedPartLen: CK_ULONG), out: output(pPart: CK_BYTE_PTR, pulPartLen: CK_ULONG_PTR)
        ) app =>
            out.write(&app.decrypt_digest_update(hSession, part.get(), out.room())?);
        C_SignEncryptUpdate(hSession;
            part: bytes(pPart: CK_BYTE_PTR, ulPartLen: CK_ULONG), out: output(pEncryptedPart: CK_BYTE_PTR, pulEncryptedPartLen: CK_ULONG_PTR)
        ) app =>
            out.write(&app.sign_encrypt_update(hSession, part.get(), out.room())?);
        C_DecryptVerifyUpdate(hSession;
            part: bytes(pEncryptedPart: CK_BYTE_PTR, ulEncryptedPartLen: CK_ULONG), out: output(pPart: CK_BYTE_PTR, pulPartLen: CK_ULONG_PTR)
        ) app =>
            out.write(&app.decrypt_verify_update(hSession, part.get(), out.room())?);
        C_GenerateKey(hSession;
            mechanism: generating(pMechanism: CK_MECHANISM_PTR), template: template(pTemplate: CK_ATTRIBUTE_PTR, ulCount: CK_ULONG),
            to: place(phKey: CK_OBJECT_HANDLE_PTR)
        ) app =>
            mechanism.write(&app.generate_key(hSession, &mechanism.mechanism, template)?, &to);
        C_GenerateKeyPair(hSession;
            mechanism: needed(pMechanism: CK_MECHANISM_PTR),
            public: template(pPublicKeyTemplate: CK_ATTRIBUTE_PTR, ulPublicKeyAttributeCount: CK_ULONG),
            private: template(pPrivateKeyTemplate: CK_ATTRIBUTE_PTR, ulPrivateKeyAttributeCount: CK_ULONG),
            to_public: place(phPublicKey: CK_OBJECT_HANDLE_PTR), to_private: place(phPrivateKey: CK_OBJECT_HANDLE_PTR)
        ) app => {
            let pair = app.generate_key_pair(hSession, mechanism, public, private)?;
            to_public.put(pair.0);
            to_private.give(pair.1)
        };
        C_WrapKey(hSession;
            mechanism: needed(pMechanism: CK_MECHANISM_PTR), wrapping: number(hWrappingKey: CK_OBJECT_HANDLE), key: number(hKey: CK_OBJECT_HANDLE),
            out: output(pWrappedKey: CK_BYTE_PTR, pulWrappedKeyLen: CK_ULONG_PTR)
        ) app =>
            out.write(&app.wrap_key(hSession, mechanism, wrapping, key, out.room())?);
        C_UnwrapKey(hSession;
            mechanism: needed(pMechanism: CK_MECHANISM_PTR), unwrapping: number(hUnwrappingKey: CK_OBJECT_HANDLE),
            wrapped: bytes(pWrappedKey: CK_BYTE_PTR, ulWrappedKeyLen: CK_ULONG),
            template: template(pTemplate: CK_ATTRIBUTE_PTR, ulAttributeCount: CK_ULONG), to: place(phKey: CK_OBJECT_HANDLE_PTR)
        ) app =>
            to.give(app.unwrap_key(hSession, mechanism, unwrapping, wrapped.get(), template)?);
        C_DeriveKey(hSession;
            mechanism: deriving(pMechanism: CK_MECHANISM_PTR), base: number(hBaseKey: CK_OBJECT_HANDLE),
            template: template(pTemplate: CK_ATTRIBUTE_PTR, ulAttributeCount: CK_ULONG), to: maybe(phKey: CK_OBJECT_HANDLE_PTR)
        ) app =>
            mechanism.derive(to.as_ref(), |mechanism, wanted| {
                wanted.template = template;
                app.derive_key(hSession, mechanism, base, wanted)
            });
        C_SeedRandom(hSession; seed: bytes(pSeed: CK_BYTE_PTR, ulSeedLen: CK_ULONG)) app => app.seed_random(hSession, seed.get());
        C_GenerateRandom(hSession; buffer: buffer(RandomData: CK_BYTE_PTR, ulRandomLen: CK_ULONG)) app =>
            buffer.fill(|out| app.random(hSession, out));
        C_GetFunctionStatus(hSession;) app => door::not_parallel(app, hSession);
        C_CancelFunction(hSession;) app => door::not_parallel(app, hSession);
        C_WaitForSlotEvent(; flags: number(flags: CK_FLAGS), to: place(pSlot: CK_SLOT_ID_PTR), reserved: reserved(pRserved: CK_VOID_PTR)) app =>
            to.give(app.wait_for_slot_event(flags)?);
    }
    v3_0 {
        C_GetInterfaceList(; to: pointer(pInterfacesList: CK_INTERFACE_PTR), count: pointer(pulCount: CK_ULONG_PTR)) bare => {
            // SAFETY: the caller's promise about both pointers, handed on.
            unsafe { interface::list(to, count) }
        };
        C_GetInterface(;
            name: pointer(pInterfaceName: CK_UTF8CHAR_PTR), version: pointer(pVersion: CK_VERSION_PTR),
            to: place(ppInterface: CK_INTERFACE_PTR_PTR), flags: number(flags: CK_FLAGS)
        ) bare => {
            // SAFETY: the caller's promise about both pointers, handed on.
            unsafe { interface::find(name, version, &to, flags) }
        };
        C_LoginUser(hSession;
            user: number(userType: CK_USER_TYPE), pin: pin(pPin: CK_UTF8CHAR_PTR, ulPinLen: CK_ULONG),
            name: bytes(pUsername: CK_UTF8CHAR_PTR, ulUsernameLen: CK_ULONG)
        ) app =>
            app.login_user(hSession, user, pin.as_ref().map(Input::get), name.get());
        C_SessionCancel(hSession; flags: number(flags: CK_FLAGS)) app => app.session_cancel(hSession, flags);
        C_MessageEncryptInit(hSession; mechanism: process(pMechanism: CK_MECHANISM_PTR), key: number(hKey: CK_OBJECT_HANDLE)) app =>
            app.message_encrypt_init(hSession, mechanism, key);
        C_EncryptMessage(hSession;
            parameter: parameter(pParameter: CK_VOID_PTR, ulParameterLen: CK_ULONG),
            aad: bytes(pAssociatedData: CK_BYTE_PTR, ulAssociatedDataLen: CK_ULONG),
            data: bytes(pPlaintext: CK_BYTE_PTR, ulPlaintextLen: CK_ULONG), out: output(pCiphertext: CK_BYTE_PTR, pulCiphertextLen: CK_ULONG_PTR)
        ) app =>
            parameter.write(&app.encrypt_message(hSession, &parameter.params, aad.get(), data.get(), out.room())?, &out);
        C_EncryptMessageBegin(hSession;
            parameter: parameter(pParameter: CK_VOID_PTR, ulParameterLen: CK_ULONG),
            aad: bytes(pAssociatedData: CK_BYTE_PTR, ulAssociatedDataLen: CK_ULONG)
        ) app =>
            {
            parameter.write_iv(app.encrypt_message_begin(hSession, &parameter.params, aad.get())?.as_deref());
            Ok(())
        };
        C_EncryptMessageNext(hSession;
            parameter: parameter(pParameter: CK_VOID_PTR, ulParameterLen: CK_ULONG),
            part: bytes(pPlaintextPart: CK_BYTE_PTR, ulPlaintextPartLen: CK_ULONG),
            out: output(pCiphertextPart: CK_BYTE_PTR, pulCiphertextPartLen: CK_ULONG_PTR), flags: number(flags: CK_FLAGS)
        ) app =>
            parameter.write(&app.encrypt_message_next(hSession, &parameter.params, part.get(), out.room(), flags)?, &out);
        C_MessageEncryptFinal(hSession;) app =>
            app.message_encrypt_final(hSession);
        C_MessageDecryptInit(hSession; mechanism: process(pMechanism: CK_MECHANISM_PTR), key: number(hKey: CK_OBJECT_HANDLE)) app =>
            app.message_decrypt_init(hSession, mechanism, key);
        C_DecryptMessage(hSession;
            parameter: parameter(pParameter: CK_VOID_PTR, ulParameterLen: CK_ULONG),
            aad: bytes(pAssociatedData: CK_BYTE_PTR, ulAssociatedDataLen: CK_ULONG),
            data: bytes(pCiphertext: CK_BYTE_PTR, ulCiphertextLen: CK_ULONG), out: output(pPlaintext: CK_BYTE_PTR, pulPlaintextLen: CK_ULONG_PTR)
        ) app =>
            out.write(&app.decrypt_message(hSession, &parameter.params, aad.get(), data.get(), out.room())?);
        C_DecryptMessageBegin(hSession;
            parameter: parameter(pParameter: CK_VOID_PTR, ulParameterLen: CK_ULONG),
            aad: bytes(pAssociatedData: CK_BYTE_PTR, ulAssociatedDataLen: CK_ULONG)
        ) app =>
            app.decrypt_message_begin(hSession, &parameter.params, aad.get());
        C_DecryptMessageNext(hSession;
            parameter: parameter(pParameter: CK_VOID_PTR, ulParameterLen: CK_ULONG),
            part: bytes(pCiphertextPart: CK_BYTE_PTR, ulCiphertextPartLen: CK_ULONG),
            out: output(pPlaintextPart: CK_BYTE_PTR, pulPlaintextPartLen: CK_ULONG_PTR), flags: number(flags: CK_FLAGS)
        ) app =>
            out.write(&app.decrypt_message_next(hSession, &parameter.params, part.get(), out.room(), flags)?);
        C_MessageDecryptFinal(hSession;) app =>
            app.message_decrypt_final(hSession);
        C_MessageSignInit(hSession; mechanism: mechanism(pMechanism: CK_MECHANISM_PTR), key: number(hKey: CK_OBJECT_HANDLE)) app =>
            app.message_sign_init(hSession, mechanism, key);
        C_SignMessage(hSession;
            parameter: nothing(pParameter: CK_VOID_PTR, ulParameterLen: CK_ULONG), data: bytes(pData: CK_BYTE_PTR, ulDataLen: CK_ULONG),
            out: output(pSignature: CK_BYTE_PTR, pulSignatureLen: CK_ULONG_PTR)
        ) app =>
            out.write(&app.sign_message(hSession, &parameter, data.get(), out.room())?);
        C_SignMessageBegin(hSession; parameter: nothing(pParameter: CK_VOID_PTR, ulParameterLen: CK_ULONG)) app =>
            app.sign_message_begin(hSession, &parameter);
        C_SignMessageNext(hSession;
            parameter: nothing(pParameter: CK_VOID_PTR, ulParameterLen: CK_ULONG), part: bytes(pData: CK_BYTE_PTR, ulDataLen: CK_ULONG),
            out: last_output(pSignature: CK_BYTE_PTR, pulSignatureLen: CK_ULONG_PTR)
        ) app =>
            signed(app.sign_message_next(hSession, &parameter, part.get(), out.as_ref().map(Output::room))?, out.as_ref());
        C_MessageSignFinal(hSession;) app =>
            app.message_sign_final(hSession);
        C_MessageVerifyInit(hSession; mechanism: mechanism(pMechanism: CK_MECHANISM_PTR), key: number(hKey: CK_OBJECT_HANDLE)) app =>
            app.message_verify_init(hSession, mechanism, key);
        C_VerifyMessage(hSession;
            parameter: nothing(pParameter: CK_VOID_PTR, ulParameterLen: CK_ULONG), data: bytes(pData: CK_BYTE_PTR, ulDataLen: CK_ULONG),
            signature: bytes(pSignature: CK_BYTE_PTR, ulSignatureLen: CK_ULONG)
        ) app =>
            app.verify_message(hSession, &parameter, data.get(), signature.get());
        C_VerifyMessageBegin(hSession; parameter: nothing(pParameter: CK_VOID_PTR, ulParameterLen: CK_ULONG)) app =>
            app.verify_message_begin(hSession, &parameter);
        C_VerifyMessageNext(hSession;
            parameter: nothing(pParameter: CK_VOID_PTR, ulParameterLen: CK_ULONG), part: bytes(pData: CK_BYTE_PTR, ulDataLen: CK_ULONG),
            signature: last_bytes(pSignature: CK_BYTE_PTR, ulSignatureLen: CK_ULONG)
        ) app =>
            app.verify_message_next(hSession, &parameter, part.get(), signature.as_ref().map(Input::get));
        C_MessageVerifyFinal(hSession;) app =>
            app.message_verify_final(hSession);
    }
    v3_2 {
        C_EncapsulateKey(hSession;
            mechanism: needed(pMechanism: CK_MECHANISM_PTR), public: number(hPublicKey: CK_OBJECT_HANDLE),
            template: template(pTemplate: CK_ATTRIBUTE_PTR, ulAttributeCount: CK_ULONG),
            out: output(pCiphertext: CK_BYTE_PTR, pulCiphertextLen: CK_ULONG_PTR), to: maybe(phKey: CK_OBJECT_HANDLE_PTR)
        ) app =>
            encapsulated(app.encapsulate_key(hSession, mechanism, public, template, wanted(&out, to.as_ref())?)?, &out, to.as_ref());
        C_DecapsulateKey(hSession;
            mechanism: needed(pMechanism: CK_MECHANISM_PTR), private: number(hPrivateKey: CK_OBJECT_HANDLE),
            template: template(pTemplate: CK_ATTRIBUTE_PTR, ulAttributeCount: CK_ULONG),
            ciphertext: bytes(pCiphertext: CK_BYTE_PTR, ulCiphertextLen: CK_ULONG), to: place(phKey: CK_OBJECT_HANDLE_PTR)
        ) app =>
            to.give(app.decapsulate_key(hSession, mechanism, private, template, ciphertext.get())?);
        C_VerifySignatureInit(hSession;
            mechanism: mechanism(pMechanism: CK_MECHANISM_PTR), key: number(hKey: CK_OBJECT_HANDLE),
            signature: bytes(pSignature: CK_BYTE_PTR, ulSignatureLen: CK_ULONG)
        ) app =>
            app.verify_signature_init(hSession, mechanism, key, signature.get());
        C_VerifySignature(hSession; data: bytes(pData: CK_BYTE_PTR, ulDataLen: CK_ULONG)) app => app.verify_signature(hSession, data.get());
        C_VerifySignatureUpdate(hSession; part: bytes(pPart: CK_BYTE_PTR, ulPartLen: CK_ULONG)) app =>
            app.verify_signature_update(hSession, part.get());
        C_VerifySignatureFinal(hSession;) app => app.verify_signature_final(hSession);
        C_GetSessionValidationFlags(hSession; kind: number(r#type: CK_SESSION_VALIDATION_FLAGS_TYPE), to: place(pFlags: CK_FLAGS_PTR)) app =>
            to.give(app.session_validation_flags(hSession, kind)?);
        C_AsyncComplete(hSession; name: name(pFunctionName: CK_UTF8CHAR_PTR), to: place(pResult: CK_ASYNC_DATA_PTR)) app =>
            door::not_supported(app, hSession);
        C_AsyncGetID(hSession; name: name(pFunctionName: CK_UTF8CHAR_PTR), to: place(pulID: CK_ULONG_PTR)) app => door::not_supported(app, hSession);
        C_AsyncJoin(hSession;
            name: name(pFunctionName: CK_UTF8CHAR_PTR), id: number(ulID: CK_ULONG), buffer: buffer(pData: CK_BYTE_PTR, ulData: CK_ULONG)
        ) app =>
            door::not_supported(app, hSession);
        C_WrapKeyAuthenticated(hSession;
            mechanism: aead(pMechanism: CK_MECHANISM_PTR), wrapping: number(hWrappingKey: CK_OBJECT_HANDLE), key: number(hKey: CK_OBJECT_HANDLE),
            aad: bytes(pAssociatedData: CK_BYTE_PTR, ulAssociatedDataLen: CK_ULONG),
            out: output(pWrappedKey: CK_BYTE_PTR, pulWrappedKeyLen: CK_ULONG_PTR)
        ) app =>
            mechanism.1.write(&app.wrap_key_authenticated(hSession, &mechanism.0, wrapping, key, aad.get(), out.room())?, &out);
        C_UnwrapKeyAuthenticated(hSession;
            mechanism: aead(pMechanism: CK_MECHANISM_PTR), unwrapping: number(hUnwrappingKey: CK_OBJECT_HANDLE),
            wrapped: bytes(pWrappedKey: CK_BYTE_PTR, ulWrappedKeyLen: CK_ULONG),
            template: template(pTemplate: CK_ATTRIBUTE_PTR, ulAttributeCount: CK_ULONG),
            aad: bytes(pAssociatedData: CK_BYTE_PTR, ulAssociatedDataLen: CK_ULONG), to: place(phKey: CK_OBJECT_HANDLE_PTR)
        ) app =>
            to.give(app.unwrap_key_authenticated(hSession, &mechanism.0, unwrapping, wrapped.get(), template, aad.get())?);
    }
    vendor {
        C_ImportBCryptBlob(hSession;
            alg_id: pointer(pszAlgId: CK_UTF16CHAR_PTR), import_key: number(hImportKey: CK_OBJECT_HANDLE),
            blob_type: pointer(pszBlobType: CK_UTF16CHAR_PTR), input: pointer(pbInput: CK_BYTE_PTR), input_len: number(cbInput: CK_ULONG),
            flags: number(dwFlags: CK_ULONG), template: pointer(pTemplate: CK_ATTRIBUTE_PTR), count: number(ulCount: CK_ULONG),
            public: maybe(phPublicKey: CK_OBJECT_HANDLE_PTR), private: maybe(phPrivateKey: CK_OBJECT_HANDLE_PTR)
        ) noted => {
            let given = vendor::Given { alg_id, import_key, blob_type, input, input_len, flags, template, count };
            // SAFETY: the caller's promise about all pointers, handed on.
            unsafe { vendor::import(noted, hSession, &given, &(public, private)) }
        };
        C_ExportBCryptBlob(hSession;
            key: number(hKey: CK_OBJECT_HANDLE), blob_type: utf16(pszBlobType: CK_UTF16CHAR_PTR), flags: number(dwFlags: CK_ULONG),
            out: output(pbOutput: CK_BYTE_PTR, pcbOutput: CK_ULONG_PTR)
        ) noted =>
            out.write(&noted.export_blob(hSession, key, blob_type.as_deref(), flags, out.room())?);
        C_GetBCryptStatus(hSession;
            status: place(pNtStatus: CK_ULONG_PTR), reason: reason(pReason: CK_UTF8CHAR_PTR, pulReasonLen: CK_ULONG_PTR)
        ) app =>
            vendor::status(app, hSession, &status, reason.as_ref());
    }
}

/// The room for a ciphertext, once it is sure that the new key's handle has a place too.
fn wanted(out: &Output, key: Option<&Place<CK_OBJECT_HANDLE>>) -> R<Room> {
    if key.is_none() && out.room() != Room::Ask { Err(missing("phKey")) } else { Ok(out.room()) }
}

/// Writes a message's signature, where this part was the last.
fn signed(answer: Option<Answer>, out: Option<&Output>) -> R<()> {
    match (answer, out) {
        (Some(answer), Some(out)) => out.write(&answer),
        _ => Ok(()),
    }
}

/// Writes what C_EncapsulateKey has made.
fn encapsulated(made: Encapsulated, out: &Output, key: Option<&Place<CK_OBJECT_HANDLE>>) -> R<()> {
    match made {
        Encapsulated::Needs(need) => out.needs(need),
        Encapsulated::Done { ciphertext, key: handle } => {
            if let Some(key) = key {
                key.put(handle);
            }
            out.give(&ciphertext)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ROWS;
    use serde_json::Value;
    use std::path::Path;

    pub(super) struct Row {
        pub(super) name: &'static str,
        pub(super) since: &'static str,
        pub(super) args: &'static [(&'static str, &'static str)],
    }

    #[test]
    fn all_104_functions_are_here_once() {
        let mut names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!((ROWS.len(), names.len()), (104, 104));
    }

    #[test]
    fn order_version_and_arguments_are_the_standards() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/spec/functions.json");
        let Ok(text) = std::fs::read_to_string(&path) else {
            eprintln!("{} is absent: the table is not compared", path.display());
            return;
        };
        let spec: Value = serde_json::from_str(&text).unwrap();
        let functions = spec["functions"].as_array().unwrap();
        assert_eq!(functions.len(), ROWS.len());
        for (row, function) in ROWS.iter().zip(functions) {
            assert_eq!(row.name, function["name"]);
            assert_eq!(row.since, function["since"], "{}", row.name);
            let theirs: Vec<_> =
                function["args"].as_array().unwrap().iter().map(|a| (a["type"].as_str().unwrap(), a["name"].as_str().unwrap())).collect();
            let ours: Vec<_> = row.args.iter().map(|(kind, name)| (*kind, name.trim_start_matches("r#"))).collect();
            assert_eq!(ours, theirs, "{}", row.name);
        }
    }
}
