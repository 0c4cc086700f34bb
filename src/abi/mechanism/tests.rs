//! Parameters as clients lay them out, decoded.

use super::*;
use std::ptr::{from_mut, null_mut};

fn decode<T>(id: u64, parameter: &mut T) -> Params {
    let len = crate::abi::args::ulong(size_of::<T>());
    decode_len(id, from_mut(parameter).cast(), len)
}

fn decode_len(id: u64, at: *mut c_void, len: CK_ULONG) -> Params {
    let mut m = CK_MECHANISM { mechanism: id, pParameter: at, ulParameterLen: len };
    // SAFETY: a local with a parameter of the test's.
    unsafe { needed(&raw mut m) }.unwrap().params
}

#[test]
fn no_parameter_is_none_and_null_with_a_length_is_malformed() {
    assert_eq!(decode_len(ck::CKM_AES_GCM, null_mut(), 0), Params::None);
    assert!(matches!(decode_len(ck::CKM_AES_GCM, null_mut(), 48), Params::Malformed(_)));
}

#[test]
fn gcm_parameters_are_taken_with_and_without_iv_bits() {
    let (mut iv, mut aad) = ([7u8; 12], [8u8; 3]);
    let expected = Params::Gcm { iv: iv.to_vec(), aad: aad.to_vec(), tag_bits: 128 };

    let mut long = ck::CK_GCM_PARAMS { pIv: iv.as_mut_ptr(), ulIvLen: 12, ulIvBits: 96, pAAD: aad.as_mut_ptr(), ulAADLen: 3, ulTagBits: 128 };
    assert_eq!(decode(ck::CKM_AES_GCM, &mut long), expected);

    let mut short = ShortGcmParams { iv: iv.as_mut_ptr(), iv_len: 12, aad: aad.as_mut_ptr(), aad_len: 3, tag_bits: 128 };
    assert_eq!(decode(ck::CKM_AES_GCM, &mut short), expected);
}

#[test]
fn a_structure_of_another_size_is_malformed() {
    assert!(matches!(decode(ck::CKM_RSA_PKCS_PSS, &mut [0u8; 23]), Params::Malformed(_)));
}

#[test]
fn an_inner_pointer_that_is_null_needs_the_length_zero() {
    let mut oaep =
        ck::CK_RSA_PKCS_OAEP_PARAMS { hashAlg: ck::CKM_SHA_1, mgf: ck::CKG_MGF1_SHA1, source: 0, pSourceData: null_mut(), ulSourceDataLen: 0 };
    let expected = Params::Oaep { hash: ck::CKM_SHA_1, mgf: ck::CKG_MGF1_SHA1, source: 0, label: Vec::new() };
    assert_eq!(decode(ck::CKM_RSA_PKCS_OAEP, &mut oaep), expected);

    oaep.ulSourceDataLen = 4;
    assert!(matches!(decode(ck::CKM_RSA_PKCS_OAEP, &mut oaep), Params::Malformed(_)));
    oaep.ulSourceDataLen = 1 << 63;
    assert!(matches!(decode(ck::CKM_RSA_PKCS_OAEP, &mut oaep), Params::Malformed(_)));
}

#[test]
fn an_initialisation_vector_is_bytes() {
    assert_eq!(decode(ck::CKM_AES_CBC, &mut [5u8; 16]), Params::Bytes(vec![5; 16]));
}

#[test]
fn an_unknown_mechanism_keeps_its_number_for_the_token_to_refuse() {
    let mut m = CK_MECHANISM { mechanism: 0xFFFF_FFF0, pParameter: null_mut(), ulParameterLen: 0 };
    // SAFETY: a local.
    assert_eq!(unsafe { needed(&raw mut m) }.unwrap().id, 0xFFFF_FFF0);
}
